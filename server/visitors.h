/*
 * The addresses connections come from: how many each holds open, and whether it failed too many handshakes of late. IPv6 counts by
 * its first 64 bits, because one machine owns as many of the others as it likes.
 */
#ifndef SK_SERVER_VISITORS_H
#define SK_SERVER_VISITORS_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>
#include "common/clock.h"

struct sk_visitors;
struct sk_visitor; /* one address with open connections */

/* failures, per_minute: handshakes an address may fail at once and in the long run. NULL: no memory. */
struct sk_visitors *sk_visitors_new(int failures, int per_minute);
struct sk_visitors *sk_visitors_free(struct sk_visitors *v);
/* One more open connection from there. NULL: no memory. Ended by sk_visitors_leave. */
struct sk_visitor *sk_visitors_enter(struct sk_visitors *v, const struct sockaddr_storage *from);
void sk_visitors_leave(struct sk_visitors *v, struct sk_visitor *who);
/* The address for people and logs; IPv4 that came over IPv6 as IPv4. false: it does not fit. */
bool sk_visitor_text(const struct sockaddr_storage *from, char *out, size_t size);
size_t sk_visitor_open(const struct sk_visitor *who);
void sk_visitors_failed(struct sk_visitors *v, const struct sk_visitor *who, sk_ms now);
/* It failed so often that it has to wait. */
bool sk_visitors_unwelcome(struct sk_visitors *v, const struct sk_visitor *who, sk_ms now);

#endif
