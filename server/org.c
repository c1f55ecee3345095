/* Walks over small arrays; nothing here looks anything up elsewhere. */
#include "server/org.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/text.h"

const char *sk_role_name(enum sk_role r)
{
	switch (r) {
	case SK_ROLE_STAFF:
		return "staff";
	case SK_ROLE_SEC:
		return "sec";
	case SK_ROLE_DESK:
		return "desk";
	case SK_ROLE_SYS:
		return "sys";
	case SK_ROLE_AUD:
		return "aud";
	case SK_ROLE_CISO:
		return "ciso";
	case SK_ROLE_EXEC:
		return "exec";
	case SK_ROLE_BUR:
		return "bur";
	}
	return "none";
}

int sk_role_parse(const char *name, enum sk_role *out)
{
	for (unsigned bit = SK_ROLE_STAFF; bit <= SK_ROLE_LAST; bit <<= 1) {
		if (strcmp(name, sk_role_name((enum sk_role)bit)) == 0) {
			*out = (enum sk_role)bit;
			return 0;
		}
	}
	return -EINVAL;
}

static const struct {
	const char *name;
	enum sk_role role;
	bool deputy;
} post_names[] = {
    {"ciso", SK_ROLE_CISO, false}, {"dciso", SK_ROLE_CISO, true},   {"exec", SK_ROLE_EXEC, false},
    {"dexec", SK_ROLE_EXEC, true}, {"bur", SK_ROLE_BUR, false},     {"dbur", SK_ROLE_BUR, true},
    {"sec", SK_ROLE_SEC, false},   {"sys", SK_ROLE_SYS, false},     {"desk", SK_ROLE_DESK, false},
    {"aud", SK_ROLE_AUD, false},   {"staff", SK_ROLE_STAFF, false},
};
#define N_POSTS (sizeof(post_names) / sizeof(post_names[0]))

int sk_org_post_parse(const char *name, enum sk_role *role, bool *deputy)
{
	for (size_t i = 0; i < N_POSTS; i++) {
		if (strcmp(post_names[i].name, name) == 0) {
			*role = post_names[i].role;
			*deputy = post_names[i].deputy;
			return 0;
		}
	}
	return -EINVAL;
}

const char *sk_org_post_name(enum sk_role role, bool deputy)
{
	for (size_t i = 0; i < N_POSTS; i++) {
		if (post_names[i].role == role && post_names[i].deputy == deputy)
			return post_names[i].name;
	}
	return "";
}

bool sk_org_kind_known(const char *kind)
{
	static const char *const kinds[] = {"office", "bureau", "department", "section", "subsection", "facility"};

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (strcmp(kinds[i], kind) == 0)
			return true;
	}
	return false;
}

struct sk_org *sk_org_free(struct sk_org *o)
{
	if (o != NULL) {
		free(o->places);
		free(o->posts);
		free(o->absences);
		free(o->delegations);
		free(o);
	}
	return NULL;
}

static bool holds(sk_ms from, sk_ms until, sk_ms at)
{
	return from <= at && (until == 0 || at < until);
}

int sk_org_parent(const struct sk_org *o, const char *unit, sk_ms at, const char **parent)
{
	for (size_t i = 0; i < o->n_places; i++) {
		const struct sk_org_place *p = &o->places[i];

		if (strcmp(p->unit, unit) == 0 && holds(p->from, p->until, at) && p->parent[0] != '\0') {
			*parent = p->parent;
			return 0;
		}
	}
	return -ENOENT;
}

bool sk_org_within(const struct sk_org *o, const char *above, const char *unit, sk_ms at)
{
	if (above[0] == '\0')
		return true;
	for (int depth = 0; depth < SK_ORG_DEPTH_MAX; depth++) {
		if (strcmp(above, unit) == 0)
			return true;
		if (unit[0] == '\0' || sk_org_parent(o, unit, at, &unit) < 0)
			return false;
	}
	return false;
}

bool sk_org_ring(const struct sk_org *o, sk_ms at, const char **unit)
{
	for (size_t i = 0; i < o->n_places; i++) {
		const char *up = o->places[i].unit;
		int depth = 0;

		while (depth < SK_ORG_DEPTH_MAX && sk_org_parent(o, up, at, &up) == 0)
			depth++;
		if (depth == SK_ORG_DEPTH_MAX) {
			*unit = o->places[i].unit;
			return true;
		}
	}
	return false;
}

static bool is_absent(const struct sk_org *o, const char *user, sk_ms at)
{
	for (size_t i = 0; i < o->n_absences; i++) {
		const struct sk_org_absence *a = &o->absences[i];

		if (strcmp(a->user, user) == 0 && holds(a->from, a->until, at))
			return true;
	}
	return false;
}

/* How far above unit the nearest section security manager's post hangs; -1 = there is none. */
static int nearest_manager(const struct sk_org *o, const char *unit, sk_ms at)
{
	for (int depth = 0; depth < SK_ORG_DEPTH_MAX && unit[0] != '\0'; depth++) {
		for (size_t i = 0; i < o->n_posts; i++) {
			const struct sk_org_post *p = &o->posts[i];

			if (p->role == SK_ROLE_SEC && holds(p->from, p->until, at) && strcmp(p->unit, unit) == 0)
				return depth;
		}
		if (sk_org_parent(o, unit, at, &unit) < 0)
			break;
	}
	return -1;
}

static int distance(const struct sk_org *o, const char *above, const char *unit, sk_ms at)
{
	for (int depth = 0; depth < SK_ORG_DEPTH_MAX; depth++) {
		if (strcmp(above, unit) == 0)
			return depth;
		if (sk_org_parent(o, unit, at, &unit) < 0)
			break;
	}
	return -1;
}

/* Does this post, as it stands, cover the unit? */
static bool covers(const struct sk_org *o, const struct sk_org_post *p, const char *unit, sk_ms at)
{
	if (!holds(p->from, p->until, at))
		return false;
	if (p->role ==
	    SK_ROLE_SEC) /* "" would come to mean the whole office: a manager without a section covers nothing */
		return p->unit[0] != '\0' && unit[0] != '\0' && sk_org_within(o, p->unit, unit, at) &&
		       distance(o, p->unit, unit, at) == nearest_manager(o, unit, at);
	if (p->role == SK_ROLE_BUR && (p->unit[0] == '\0' || unit[0] == '\0'))
		return false;
	return p->unit[0] == '\0' || (unit[0] != '\0' && sk_org_within(o, p->unit, unit, at));
}

/* Is everybody who holds this post for the unit marked absent? Nobody holding it is not absence. */
static bool all_absent(const struct sk_org *o, enum sk_role role, bool deputy, const char *unit, sk_ms at)
{
	bool any = false;

	for (size_t i = 0; i < o->n_posts; i++) {
		const struct sk_org_post *p = &o->posts[i];

		if (p->role != role || p->deputy != deputy || !covers(o, p, unit, at))
			continue;
		if (!is_absent(o, p->user, at))
			return false;
		any = true;
	}
	return any;
}

static bool acts_as_deputy(const struct sk_org *o, const struct sk_org_post *p, enum sk_role role, const char *unit,
                           sk_ms at)
{
	if (p->deputy)
		return p->role == role && all_absent(o, role, false, unit, at);
	return role == SK_ROLE_CISO && p->role == SK_ROLE_EXEC && all_absent(o, SK_ROLE_CISO, false, unit, at) &&
	       all_absent(o, SK_ROLE_CISO, true, unit, at);
}

static void fill(struct sk_capacity *out, enum sk_role role, const char *unit, enum sk_how how, const char *title,
                 const char *principal)
{
	memset(out, 0, sizeof(*out));
	out->role = role;
	out->how = how;
	sk_text_copy(out->unit, sizeof(out->unit), unit);
	sk_text_copy(out->title, sizeof(out->title), title);
	sk_text_copy(out->principal, sizeof(out->principal), principal);
}

static int in_post(const struct sk_org *o, const char *user, enum sk_role role, const char *unit, sk_ms at,
                   bool deputies, struct sk_capacity *out)
{
	for (size_t i = 0; i < o->n_posts; i++) {
		const struct sk_org_post *p = &o->posts[i];

		if (strcmp(p->user, user) != 0 || !covers(o, p, unit, at))
			continue;
		if (!deputies && !p->deputy && p->role == role) {
			fill(out, role, p->unit, SK_HOW_POST, p->title, "");
			return 0;
		}
		if (deputies && acts_as_deputy(o, p, role, unit, at)) {
			fill(out, role, p->unit, SK_HOW_DEPUTY, p->title, "");
			return 0;
		}
	}
	return -EPERM;
}

static int by_delegation(const struct sk_org *o, const char *user, enum sk_role role, const char *unit, sk_ms at,
                         struct sk_capacity *out)
{
	struct sk_capacity own;

	for (size_t i = 0; i < o->n_delegations; i++) {
		const struct sk_org_delegation *d = &o->delegations[i];

		if (strcmp(d->taker, user) != 0 || d->role != role || !holds(d->from, d->until, at) ||
		    (d->unit[0] != '\0' && !sk_org_within(o, d->unit, unit, at)))
			continue;
		if (in_post(o, d->giver, role, unit, at, false, &own) == 0) {
			fill(out, role, d->unit[0] != '\0' ? d->unit : own.unit, SK_HOW_DELEGATED, own.title, d->giver);
			return 0;
		}
	}
	return -EPERM;
}

int sk_org_may(const struct sk_org *o, const char *user, enum sk_role role, const char *unit, sk_ms at,
               struct sk_capacity *out)
{
	if (role == SK_ROLE_STAFF) {
		fill(out, role, unit, SK_HOW_POST, "", "");
		return 0;
	}
	if (in_post(o, user, role, unit, at, false, out) == 0 || in_post(o, user, role, unit, at, true, out) == 0)
		return 0;
	return by_delegation(o, user, role, unit, at, out);
}

static void offer(struct sk_capacity *list, size_t *n, const struct sk_capacity *c)
{
	for (size_t i = 0; i < *n; i++) {
		if (list[i].role == c->role && strcmp(list[i].unit, c->unit) == 0)
			return;
	}
	if (*n < SK_CAPACITY_MAX)
		list[(*n)++] = *c;
}

size_t sk_org_capacities(const struct sk_org *o, const char *user, sk_ms at, struct sk_capacity *out)
{
	struct sk_capacity c;
	size_t n = 0;

	for (int pass = 0; pass < 2; pass++) {
		for (size_t i = 0; i < o->n_posts; i++) {
			const struct sk_org_post *p = &o->posts[i];

			if (strcmp(p->user, user) != 0 || !holds(p->from, p->until, at) || p->role == SK_ROLE_STAFF)
				continue;
			if (in_post(o, user, p->role, p->unit, at, pass == 1, &c) == 0)
				offer(out, &n, &c);
			if (pass == 1 && in_post(o, user, SK_ROLE_CISO, p->unit, at, true, &c) == 0)
				offer(out, &n, &c);
		}
	}
	for (size_t i = 0; i < o->n_delegations; i++) {
		const struct sk_org_delegation *d = &o->delegations[i];

		if (strcmp(d->taker, user) != 0)
			continue;
		/* One without a unit lends the giver's posts wherever they are. */
		for (size_t j = 0; j < o->n_posts; j++) {
			const char *unit = d->unit[0] != '\0' ? d->unit : o->posts[j].unit;

			if (strcmp(o->posts[j].user, d->giver) == 0 && o->posts[j].role == d->role &&
			    by_delegation(o, user, d->role, unit, at, &c) == 0)
				offer(out, &n, &c);
		}
	}
	return n;
}

void sk_capacity_name(const struct sk_capacity *c, const char *name, char *out, size_t size)
{
	bool titled = c->title[0] != '\0' && strncmp(name, c->title, strlen(c->title)) != 0;
	char text[400];

	snprintf(text, sizeof(text), "%s%s%s%s", titled ? c->title : "", titled ? " " : "", name,
	         c->how == SK_HOW_DEPUTY      ? "（代行）"
	         : c->how == SK_HOW_DELEGATED ? "（委任）"
	                                      : "");
	sk_text_printable(out, size, text, strlen(text));
}

void sk_capacity_key(const struct sk_capacity *c, char out[80])
{
	snprintf(out, 80, "%s%s%s", sk_role_name(c->role), c->unit[0] != '\0' ? ":" : "", c->unit);
}

int sk_capacity_find(const struct sk_capacity *list, size_t n, const char *key)
{
	size_t role = strcspn(key, ":");
	char own[80];

	for (size_t i = 0; i < n; i++) {
		sk_capacity_key(&list[i], own);
		/* Without a unit: the first of that role. */
		if (strcmp(own, key) == 0 ||
		    (key[role] == '\0' && strcspn(own, ":") == role && strncmp(own, key, role) == 0))
			return (int)i;
	}
	return -ENOENT;
}
