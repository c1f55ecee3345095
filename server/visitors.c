/* See visitors.h. An entry lives as long as a connection does; failures outlive it in a table of fixed size (rates.h). */
#include "server/visitors.h"

#include <stdint.h>
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "server/rates.h"

#define BUCKETS  4096
#define REMEMBER 4096 /* addresses whose failures are known */

struct sk_visitor {
	struct sk_visitor *next, **prev;
	struct in6_addr from;
	size_t open;
};

struct sk_visitors {
	struct sk_rates *failures;
	struct sk_visitor *buckets[BUCKETS];
};

struct sk_visitors *sk_visitors_new(int failures, int per_minute)
{
	struct sk_visitors *v = calloc(1, sizeof(*v));

	if (v == NULL)
		return NULL;
	v->failures = sk_rates_new(REMEMBER, failures, per_minute);
	return v->failures == NULL ? sk_visitors_free(v) : v;
}

struct sk_visitors *sk_visitors_free(struct sk_visitors *v)
{
	if (v == NULL)
		return NULL;
	for (size_t i = 0; i < BUCKETS; i++) {
		while (v->buckets[i] != NULL) {
			struct sk_visitor *next = v->buckets[i]->next;

			free(v->buckets[i]);
			v->buckets[i] = next;
		}
	}
	sk_rates_free(v->failures);
	free(v);
	return NULL;
}

/* IPv4, also written as IPv6, whole; of IPv6 the network. Another family counts as one address. */
static struct in6_addr key_of(const struct sockaddr_storage *from)
{
	struct in6_addr key = {0};

	if (from->ss_family == AF_INET) {
		key.s6_addr[10] = key.s6_addr[11] = 0xff;
		memcpy(&key.s6_addr[12], &((const struct sockaddr_in *)from)->sin_addr, 4);
	} else if (from->ss_family == AF_INET6) {
		key = ((const struct sockaddr_in6 *)from)->sin6_addr;
		if (!IN6_IS_ADDR_V4MAPPED(&key))
			memset(&key.s6_addr[8], 0, 8);
	}
	return key;
}

static struct sk_visitor **bucket_of(struct sk_visitors *v, const struct in6_addr *key)
{
	uint32_t h = 2166136261u;

	for (size_t i = 0; i < sizeof(*key); i++)
		h = (h ^ key->s6_addr[i]) * 16777619u;
	return &v->buckets[(h ^ h >> 16) & (BUCKETS - 1)];
}

struct sk_visitor *sk_visitors_enter(struct sk_visitors *v, const struct sockaddr_storage *from)
{
	struct in6_addr key = key_of(from);
	struct sk_visitor **head = bucket_of(v, &key), *who = *head;

	while (who != NULL && memcmp(&who->from, &key, sizeof(key)) != 0)
		who = who->next;
	if (who == NULL) {
		who = calloc(1, sizeof(*who));
		if (who == NULL)
			return NULL;
		who->from = key;
		who->next = *head;
		who->prev = head;
		if (*head != NULL)
			(*head)->prev = &who->next;
		*head = who;
	}
	who->open++;
	return who;
}

void sk_visitors_leave(struct sk_visitors *v, struct sk_visitor *who)
{
	(void)v;
	if (who == NULL || --who->open > 0)
		return;
	*who->prev = who->next;
	if (who->next != NULL)
		who->next->prev = who->prev;
	free(who);
}

bool sk_visitor_text(const struct sockaddr_storage *from, char *out, size_t size)
{
	const struct in6_addr *v6 = &((const struct sockaddr_in6 *)from)->sin6_addr;

	if (from->ss_family == AF_INET)
		return inet_ntop(AF_INET, &((const struct sockaddr_in *)from)->sin_addr, out, (socklen_t)size) != NULL;
	if (from->ss_family == AF_INET6 && IN6_IS_ADDR_V4MAPPED(v6))
		return inet_ntop(AF_INET, &v6->s6_addr[12], out, (socklen_t)size) != NULL;
	return from->ss_family == AF_INET6 && inet_ntop(AF_INET6, v6, out, (socklen_t)size) != NULL;
}

size_t sk_visitor_open(const struct sk_visitor *who)
{
	return who == NULL ? 0 : who->open;
}

void sk_visitors_failed(struct sk_visitors *v, const struct sk_visitor *who, sk_ms now)
{
	if (who != NULL)
		sk_rates_take(v->failures, &who->from, sizeof(who->from), now);
}

bool sk_visitors_unwelcome(struct sk_visitors *v, const struct sk_visitor *who, sk_ms now)
{
	return who != NULL && sk_rates_look(v->failures, &who->from, sizeof(who->from), now) > 0;
}
