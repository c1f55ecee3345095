/*
 * The organisation, as it was or is at a moment: an uneven tree of units (annex 1 of the basic policy: levels may be skipped), who holds which post from
 * when to when, who is absent, and what was delegated. Pure: who may act in which role for which unit at a time is decided here, on values alone.
 *
 * A post covers its unit and everything below. A section security manager covers what lies below only as far as no unit nearer has a manager of its own.
 * Deputies exist for CISO, EXEC and BUR alone and act while every holder of that post for the unit is marked absent; EXEC acts as CISO when also
 * every deputy is (basic policy 1(2)). A delegation (1(1)) lends one's own post, has an end, and counts only while its giver holds the post.
 */
#ifndef SK_SERVER_ORG_H
#define SK_SERVER_ORG_H

#include <stdbool.h>
#include <stddef.h>
#include "common/clock.h"
#include "common/err.h"
#include "server/store.h"

#define SK_ORG_DEPTH_MAX 16
#define SK_CAPACITY_MAX  32 /* capacities of one person that are offered */

/* Everything has a time from which and, exclusive, until which it holds; until 0 = open. */
struct sk_org_place { /* where a unit stands in the tree */
	char unit[64], parent[64]; /* parent "" = at the top */
	char kind[16]; /* "bureau" 局 "department" 部 "section" 課 "subsection" 係 "facility" 施設 "office" 全庁 */
	sk_ms from, until;
};

struct sk_org_post {
	char user[64], unit[64]; /* unit "" = the whole office */
	enum sk_role role; /* what it lets do; SK_ROLE_STAFF: belongs there */
	bool deputy; /* 副: CISO, EXEC, BUR only */
	char title[128]; /* 職名 as printed; "" = none */
	sk_ms from, until;
};

struct sk_org_absence {
	char user[64];
	sk_ms from, until;
};

struct sk_org_delegation {
	char giver[64], taker[64], unit[64]; /* unit "" = all the giver's post covers */
	enum sk_role role;
	sk_ms from, until;
};

struct sk_org {
	struct sk_org_place *places;
	struct sk_org_post *posts;
	struct sk_org_absence *absences;
	struct sk_org_delegation *delegations;
	size_t n_places, n_posts, n_absences, n_delegations;
	int64_t version; /* of the store it was read from */
};
struct sk_org *sk_org_free(struct sk_org *o); /* NULL ok; returns NULL */

enum sk_how { SK_HOW_POST, SK_HOW_DEPUTY, SK_HOW_DELEGATED };

/* In what somebody acts. */
struct sk_capacity {
	enum sk_role role;
	char unit[64]; /* "" = the whole office */
	enum sk_how how;
	char title[128]; /* of the post; "" = none */
	char principal[64]; /* for whom, when not in an own post: a delegation's giver; "" otherwise */
};

/* The unit above at that time: 0; -ENOENT when it is at the top or unknown. */
int sk_org_parent(const struct sk_org *o, const char *unit, sk_ms at, const char **parent);
/* Is unit the same as above, or below it? above "" = the whole office. A unit never placed stands at the top. */
bool sk_org_within(const struct sk_org *o, const char *above, const char *unit, sk_ms at);
/* May user act in role for unit at that time, and as what? unit "" = for the office as a whole. 0 and *out, or -EPERM. An own post goes before acting
 * for others. STAFF: always. */
int sk_org_may(const struct sk_org *o, const char *user, enum sk_role role, const char *unit, sk_ms at,
               struct sk_capacity *out);
/* All that user may act as at that time, own posts first; STAFF not among them. Returns how many (at most SK_CAPACITY_MAX). */
size_t sk_org_capacities(const struct sk_org *o, const char *user, sk_ms at, struct sk_capacity *out);
/* As printed on what they decide: name, with 副 and （代行） where it belongs. */
void sk_capacity_name(const struct sk_capacity *c, const char *name, char *out, size_t size);
/* "sec", or "sec:zeimu": what forms and cookies carry. */
void sk_capacity_key(const struct sk_capacity *c, char out[80]);
int sk_capacity_find(const struct sk_capacity *list, size_t n, const char *key); /* index, or -ENOENT */

/* Posts by name: "ciso" "dciso" "exec" "dexec" "bur" "dbur" "sec" "sys" "desk" "aud" "staff". */
int sk_org_post_parse(const char *name, enum sk_role *role, bool *deputy); /* 0 or -EINVAL */
const char *sk_org_post_name(enum sk_role role, bool deputy);
bool sk_org_kind_known(const char *kind);
/* Would the tree have a ring, or be deeper than SK_ORG_DEPTH_MAX, at the time? The unit it is seen from in *unit. */
bool sk_org_ring(const struct sk_org *o, sk_ms at, const char **unit);

#endif
