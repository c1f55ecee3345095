/* Grants made here by a code: kept in one small value of the journal's file, so that a restart ends none of them and forgets none that ended. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "agent/phone_impl.h"
#include "common/json.h"

#define NAME     "phone.grants"
#define LIST_MAX (64 * 1024)

/* What has ended goes. */
static void prune(struct sk_phone *p, sk_ms now)
{
	size_t kept = 0;

	for (size_t i = 0; i < p->n; i++)
		if (p->grants[i].until > now)
			p->grants[kept++] = p->grants[i];
	p->stale |= kept != p->n;
	p->n = kept;
}

static int store(struct sk_phone *p)
{
	json_t *list = json_array(), *body = json_pack("{s:o}", "grants", list);
	char *text;
	int r;

	for (size_t i = 0; body && i < p->n; i++)
		json_array_append_new(list, sk_grant_json(&p->grants[i]));
	text = body ? sk_json_text(body) : NULL;
	r = text ? p->hooks.set(p->hooks.ctx, NAME, text) : -ENOMEM;
	free(text);
	json_decref(body);
	return r;
}

void sk_phone_grants_load(struct sk_phone *p)
{
	struct sk_grants *g = NULL;
	json_t *body = NULL;
	struct sk_buf text;

	sk_buf_init(&text, LIST_MAX);
	if (p->hooks.get(p->hooks.ctx, NAME, &text) == 0 &&
	    sk_json_parse(text.data, text.len, LIST_MAX, &body, NULL) == 0 && sk_grants_parse(body, &g, NULL) == 0) {
		p->n = g->n < SK_PHONE_GRANTS ? g->n : SK_PHONE_GRANTS;
		for (size_t i = 0; i < p->n; i++)
			p->grants[i] = g->items[i];
		p->stale = true;
	}
	sk_grants_free(g);
	json_decref(body);
	sk_buf_deinit(&text);
}

int sk_phone_grants_add(struct sk_phone *p, const struct sk_grant *g, const struct sk_grant **given)
{
	int r;

	prune(p, p->hooks.now(p->hooks.ctx));
	if (p->n == SK_PHONE_GRANTS)
		return -EBUSY;
	p->grants[p->n++] = *g;
	r = store(p);
	if (r < 0) {
		p->n--;
		return r;
	}
	p->stale = true;
	*given = &p->grants[p->n - 1];
	return 0;
}

static int by_key(const void *a, const void *b)
{
	const struct sk_grant *x = a, *y = b;
	int c = strcmp(x->device_key, y->device_key);

	return c ? c : strcmp(x->id, y->id);
}

const struct sk_grants *sk_phone_grants(struct sk_phone *p, const struct sk_grants *server, int64_t version, sk_ms now)
{
	struct sk_grant *items;
	size_t n = server ? server->n : 0;

	if (!p || !p->n)
		return server;
	prune(p, now);
	if (!p->n)
		return server;
	if (!p->stale && p->from == server && p->from_version == version && p->merged.items)
		return &p->merged;
	items = calloc(n + p->n, sizeof *items);
	if (!items)
		return server;
	if (n)
		memcpy(items, server->items, n * sizeof *items);
	memcpy(items + n, p->grants, p->n * sizeof *items);
	qsort(items, n + p->n, sizeof *items, by_key);
	free(p->merged.items);
	p->merged = (struct sk_grants){.items = items, .n = n + p->n};
	p->from = server;
	p->from_version = version;
	p->stale = false;
	return &p->merged;
}
