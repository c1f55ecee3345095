/*
 * The only file that calls SSL_*. TLS 1.3 only, P-256 certificates, X25519, verification always on: there is no parameter
 * that turns it off. The contexts serve libevent's bufferevent_openssl on both ends.
 */
#ifndef SK_COMMON_TLS_H
#define SK_COMMON_TLS_H

#include <stdbool.h>
#include <stddef.h>
#include "common/err.h"
#include "common/hash.h"

struct sk_tls; /* an SSL_CTX with its rules */
struct bufferevent;
struct event_base;

/* Terminals' line: the peer must show a certificate of ca_pem (client purpose), or the handshake fails. */
int sk_tls_server_mutual(const char *cert_chain_pem, const char *key_pem, const char *ca_pem, struct sk_tls **out,
                         struct sk_err *err);
/* Console and enrolment: server certificate only. cert_chain_pem includes the CA certificate, so that a client can pin it. */
int sk_tls_server_public(const char *cert_chain_pem, const char *key_pem, struct sk_tls **out, struct sk_err *err);
/* A public context also asks for a certificate of ca_pem (client purpose), for logins by card: none is fine, and one that is not verified is as good
 * as none (sk_tls_peer: -ENOTCONN), so that nobody with an old card is shut out of the password's form. Before the first connection. */
int sk_tls_server_cards(struct sk_tls *t, const char *ca_pem, struct sk_err *err);
/* Agent: trusts ca_pem only, checks the server's name (DNS or IP), shows its own certificate. */
int sk_tls_client_mutual(const char *ca_pem, const char *cert_pem, const char *key_pem, struct sk_tls **out,
                         struct sk_err *err);
/* Enrolment: trusts only a chain whose root certificate has this SHA-256 (DER, hex), and checks the name. */
int sk_tls_client_pinned(const char *root_sha256_hex, struct sk_tls **out, struct sk_err *err);
/* Server contexts: connections accepted from now on show this certificate; open ones go on under theirs. On failure nothing changes. */
int sk_tls_server_renewed(struct sk_tls *t, const char *cert_chain_pem, const char *key_pem, struct sk_err *err);
struct sk_tls *sk_tls_free(struct sk_tls *t);

/* fd < 0 for a client that connects later through the bufferevent. NULL on failure. */
struct bufferevent *sk_tls_accept(struct sk_tls *t, struct event_base *base, int fd);
struct bufferevent *sk_tls_connect(struct sk_tls *t, struct event_base *base, const char *server_name);

/*
 * Bytes that come before the handshake (what a load balancer says of its client): take(arg, data, have) is given those that are there and returns
 * how many there must be in all, at most SK_TLS_PREFIX_MAX, 0 once they are whole (it is not called again), or negative: the connection fails. Exactly
 * these are taken from the socket. To be called before anything was read, with the socket set. 0, -ENOTCONN without a socket, -ENOMEM.
 */
#define SK_TLS_PREFIX_MAX 1024
int sk_tls_prefix(struct bufferevent *bev, int (*take)(void *arg, const uint8_t *data, size_t have), void *arg);

/* After the handshake: what the verified peer is. Every member comes from its certificate. */
struct sk_tls_peer {
	bool present;
	char fingerprint[SK_SHA256_HEX]; /* SHA-256 of the DER certificate */
	char device[SK_UUID_LEN]; /* from URI SAN urn:sekimori:device:UUID; "" if none */
};
int sk_tls_peer(struct bufferevent *bev, struct sk_tls_peer *out); /* 0 or -ENOTCONN */
/* cb(arg, shaken) is called once, when the connection is freed, whoever frees it: evhttp does not tell. libevent does that in the turn of
 * its loop after bufferevent_free. shaken: its handshake had been completed. One per connection. 0 or -EINVAL. */
int sk_tls_on_free(struct bufferevent *bev, void (*cb)(void *arg, bool shaken), void *arg);
/* A line for the log when a handshake or read failed on this bufferevent. */
void sk_tls_error(struct bufferevent *bev, struct sk_err *err);
/* The root certificate the pinned client verified, PEM; for enrolment to store. */
int sk_tls_peer_root(struct bufferevent *bev, struct sk_buf *out_pem);

#endif
