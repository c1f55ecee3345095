/*
 * A TLS port under evhttp, with what evhttp lacks: how many connections there are and from where, and deadlines that bytes trickling in do
 * not put off. A connection is in one phase at a time; each phase but waiting has its absolute end:
 *   handshake 10 s -> idle (evhttp's own timeout) -> reading 30 s -> handling (the handler's affair) -> writing 60 s -> idle
 * A connection past its end is shut down at the socket; evhttp then frees it in its own way.
 *
 * A full listener takes a newcomer all the same and gives up another one: a silent one first, of the address that holds most. What is
 * being handled (a terminal that waits for orders) is never given up. An address that keeps failing handshakes is let go before the next one
 * for a while: bad certificates cost the server a signature each, and they shall not use up the time of the good ones.
 */
#ifndef SK_SERVER_LISTENER_H
#define SK_SERVER_LISTENER_H

#include <event2/event.h>
#include <event2/http.h>
#include "common/err.h"
#include "common/tls.h"
#include "server/proxy_header.h"

struct sk_listener;
struct sk_conn;

struct sk_listener_options {
	const char *address; /* "127.0.0.1:8443", "[::1]:0", ":8443" is refused */
	struct sk_tls *tls; /* borrowed, outlives the listener */
	const char *port_file; /* the port in decimal and a newline goes here once listening; NULL = nowhere */
	size_t body_max; /* largest body of any route */
	size_t connections, per_address;
	int handshake_s, request_s, write_s; /* 0 = the values above */
	int failures,
	    forgiven; /* handshakes an address may fail at once, and in a minute in the long run; 0 = 100 and 300 */
	void (*on_request)(struct evhttp_request *ev, struct sk_conn *conn, void *arg);
	void *arg;
	struct sk_proxies proxies; /* load balancers: each of their connections begins by saying for whom it is */
};

int sk_listener_new(struct event_base *base, const struct sk_listener_options *o, struct sk_listener **out,
                    struct sk_err *err);
void sk_listener_stop(struct sk_listener *l); /* no new connections */
/* Another node takes over: connections between requests are closed, the others may end what they do (call it again, for those that came to rest). */
void sk_listener_drain(struct sk_listener *l);
struct sk_listener *sk_listener_free(struct sk_listener *l);
int sk_listener_port(const struct sk_listener *l);
size_t sk_listener_connections(const struct sk_listener *l);

#define SK_LISTENER_OVER 64 /* connections above the limit, for the moment until those that were given up have gone */

struct sk_listener_counts {
	unsigned long long refused; /* all that were cut, for one of these: */
	unsigned long long late, per_address, crowded_out, unwelcome;
	unsigned long long headerless; /* of a load balancer, without a header that can be read */
	unsigned long long handshakes_failed; /* bad or no certificate, silence, gone in the middle */
};
const struct sk_listener_counts *sk_listener_counts(const struct sk_listener *l);

/* The request that conn handed out is answered: the writing phase begins (call before the reply is sent). */
void sk_conn_writing(struct sk_conn *conn, struct evhttp_request *ev);
void sk_conn_cut(struct sk_conn *conn); /* shut down at the socket, as one past its deadline */
struct bufferevent *sk_conn_bev(const struct sk_conn *conn);
/* The client's address as its load balancer told it; NULL: none is between, ask the socket. */
const char *sk_conn_remote(const struct sk_conn *conn);

#endif
