/* See limiter.h. Linear search: 512 entries are looked at in a microsecond, and only for enrolments. */
#include "server/limiter.h"

#include <stdlib.h>
#include <string.h>

#include "common/text.h"

#define ENTRIES 512

struct entry {
	char address[64];
	int count;
	sk_ms since;
};

struct sk_limiter {
	int limit;
	sk_ms window;
	struct entry entries[ENTRIES];
};

struct sk_limiter *sk_limiter_new(int limit, sk_ms window)
{
	struct sk_limiter *l = calloc(1, sizeof(*l));

	if (l != NULL) {
		l->limit = limit;
		l->window = window;
	}
	return l;
}

struct sk_limiter *sk_limiter_free(struct sk_limiter *l)
{
	free(l);
	return NULL;
}

static struct entry *find(struct sk_limiter *l, const char *address)
{
	for (size_t i = 0; i < ENTRIES; i++) {
		if (l->entries[i].count > 0 &&
		    strncmp(l->entries[i].address, address, sizeof(l->entries[i].address) - 1) == 0)
			return &l->entries[i];
	}
	return NULL;
}

static struct entry *oldest(struct sk_limiter *l)
{
	struct entry *e = &l->entries[0];

	for (size_t i = 0; i < ENTRIES; i++) {
		if (l->entries[i].count == 0)
			return &l->entries[i];
		if (l->entries[i].since < e->since)
			e = &l->entries[i];
	}
	return e;
}

bool sk_limiter_attempt(struct sk_limiter *l, const char *address, sk_ms now)
{
	struct entry *e = l == NULL ? NULL : find(l, address);

	if (l == NULL)
		return true;
	if (e == NULL || now - e->since >= l->window) {
		if (e == NULL)
			e = oldest(l);
		sk_text_copy(e->address, sizeof(e->address), address);
		e->count = 1;
		e->since = now;
		return true;
	}
	if (e->count >= l->limit)
		return false;
	e->count++;
	return true;
}

void sk_limiter_success(struct sk_limiter *l, const char *address)
{
	struct entry *e = l == NULL ? NULL : find(l, address);

	if (e != NULL)
		e->count--;
}
