/* Who may act, over an uneven tree: 総務局 > 情報部 > 情報課 > 係; 総務局 > 庶務課 (no 部); 情報課 > 分室 with a manager of its own. */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "server/org.h"

#define NOW 1000

static struct sk_org_place places[] = {
    {"kyoku", "", "bureau", 0, 0},         {"bu", "kyoku", "department", 0, 0}, {"ka", "bu", "section", 0, 0},
    {"kakari", "ka", "subsection", 0, 0},  {"shomu", "kyoku", "section", 0, 0}, {"bunshitsu", "ka", "facility", 0, 0},
    {"moved", "shomu", "section", 0, 500}, {"moved", "ka", "section", 500, 0},
};
static struct sk_org_post posts[] = {
    {"kacho", "ka", SK_ROLE_SEC, false, "情報課長", 0, 0},
    {"bunshitsucho", "bunshitsu", SK_ROLE_SEC, false, "", 0, 0},
    {"kyokucho", "kyoku", SK_ROLE_BUR, false, "総務局長", 0, 0},
    {"kyokucho", "", SK_ROLE_EXEC, false, "総務局長", 0, 0},
    {"bucho", "bu", SK_ROLE_BUR, true, "情報部長", 0, 0},
    {"shicho", "", SK_ROLE_CISO, false, "副市長", 0, 0},
    {"dciso", "", SK_ROLE_CISO, true, "", 0, 0},
    {"later", "shomu", SK_ROLE_SEC, false, "", 2000, 0},
    {"former", "shomu", SK_ROLE_SEC, false, "", 0, 1000},
    {"lost", "", SK_ROLE_SEC, false, "", 0, 0},
};
static struct sk_org_absence absences[3];
static struct sk_org_delegation delegations[2];

static struct sk_org office(void)
{
	memset(absences, 0, sizeof(absences));
	memset(delegations, 0, sizeof(delegations));
	return (struct sk_org){.places = places,
	                       .posts = posts,
	                       .absences = absences,
	                       .delegations = delegations,
	                       .n_places = sizeof(places) / sizeof(places[0]),
	                       .n_posts = sizeof(posts) / sizeof(posts[0])};
}

static int may(const struct sk_org *o, const char *user, enum sk_role role, const char *unit)
{
	struct sk_capacity c;
	int e = sk_org_may(o, user, role, unit, NOW, &c);

	return e < 0 ? e : (int)c.how;
}

static void absent(struct sk_org *o, const char *user)
{
	struct sk_org_absence *a = &absences[o->n_absences++];

	snprintf(a->user, sizeof(a->user), "%s", user);
	a->until = 0;
}

Test(org, tree)
{
	struct sk_org o = office();

	cr_expect(sk_org_within(&o, "kyoku", "kakari", NOW));
	cr_expect(sk_org_within(&o, "ka", "ka", NOW));
	cr_expect(sk_org_within(&o, "", "anything", NOW));
	cr_expect_not(sk_org_within(&o, "ka", "bu", NOW));
	cr_expect_not(sk_org_within(&o, "ka", "", NOW));
	cr_expect_not(sk_org_within(&o, "ka", "unknown", NOW));
	cr_expect(sk_org_within(&o, "shomu", "moved", 499), "where it stood then");
	cr_expect_not(sk_org_within(&o, "shomu", "moved", 500));
	cr_expect(sk_org_within(&o, "ka", "moved", 500));
}

Test(org, a_ring_ends)
{
	struct sk_org_place ring[] = {{"a", "b", "section", 0, 0}, {"b", "a", "section", 0, 0}};
	struct sk_org o = {.places = ring, .n_places = 2};
	const char *unit;

	cr_expect_not(sk_org_within(&o, "c", "a", NOW));
	cr_expect(sk_org_ring(&o, NOW, &unit));
	o = office();
	cr_expect_not(sk_org_ring(&o, NOW, &unit));
}

Test(org, the_nearest_manager_decides)
{
	struct sk_org o = office();

	cr_expect_eq(may(&o, "kacho", SK_ROLE_SEC, "ka"), SK_HOW_POST);
	cr_expect_eq(may(&o, "kacho", SK_ROLE_SEC, "kakari"), SK_HOW_POST);
	cr_expect_eq(may(&o, "kacho", SK_ROLE_SEC, "moved"), SK_HOW_POST);
	cr_expect_eq(may(&o, "kacho", SK_ROLE_SEC, "bunshitsu"), -EPERM, "it has one of its own");
	cr_expect_eq(may(&o, "bunshitsucho", SK_ROLE_SEC, "bunshitsu"), SK_HOW_POST);
	cr_expect_eq(may(&o, "kacho", SK_ROLE_SEC, "shomu"), -EPERM);
	cr_expect_eq(may(&o, "kacho", SK_ROLE_SEC, ""), -EPERM);
	cr_expect_eq(may(&o, "kacho", SK_ROLE_DESK, "ka"), -EPERM);
	cr_expect_eq(may(&o, "lost", SK_ROLE_SEC, "ka"), -EPERM, "no section is not every section");
	cr_expect_eq(may(&o, "lost", SK_ROLE_SEC, ""), -EPERM);
	cr_expect_eq(may(&o, "nobody", SK_ROLE_STAFF, "ka"), SK_HOW_POST);
}

Test(org, posts_have_terms)
{
	struct sk_org o = office();
	struct sk_capacity c;

	cr_expect_eq(may(&o, "later", SK_ROLE_SEC, "shomu"), -EPERM);
	cr_expect_eq(may(&o, "former", SK_ROLE_SEC, "shomu"), -EPERM, "the end is exclusive");
	cr_expect_eq(sk_org_may(&o, "former", SK_ROLE_SEC, "shomu", 999, &c), 0);
	cr_expect_eq(sk_org_may(&o, "later", SK_ROLE_SEC, "shomu", 2000, &c), 0);
}

Test(org, deputies_act_in_absence_alone)
{
	struct sk_org o = office();

	cr_expect_eq(may(&o, "bucho", SK_ROLE_BUR, "ka"), -EPERM);
	absent(&o, "kyokucho");
	cr_expect_eq(may(&o, "bucho", SK_ROLE_BUR, "ka"), SK_HOW_DEPUTY);
	cr_expect_eq(may(&o, "bucho", SK_ROLE_BUR, "shomu"), -EPERM, "not for another department");
	cr_expect_eq(may(&o, "kyokucho", SK_ROLE_BUR, "ka"), SK_HOW_POST, "who is there after all acts");
}

Test(org, the_executive_acts_as_ciso_when_both_are_away)
{
	struct sk_org o = office();

	cr_expect_eq(may(&o, "kyokucho", SK_ROLE_CISO, ""), -EPERM);
	absent(&o, "shicho");
	cr_expect_eq(may(&o, "dciso", SK_ROLE_CISO, ""), SK_HOW_DEPUTY);
	cr_expect_eq(may(&o, "kyokucho", SK_ROLE_CISO, ""), -EPERM);
	absent(&o, "dciso");
	cr_expect_eq(may(&o, "kyokucho", SK_ROLE_CISO, ""), SK_HOW_DEPUTY);
}

static void delegate(struct sk_org *o, const char *giver, const char *taker, enum sk_role role, const char *unit)
{
	struct sk_org_delegation *d = &delegations[o->n_delegations++];

	snprintf(d->giver, sizeof(d->giver), "%s", giver);
	snprintf(d->taker, sizeof(d->taker), "%s", taker);
	snprintf(d->unit, sizeof(d->unit), "%s", unit);
	d->role = role;
	d->until = NOW + 1;
}

Test(org, delegation)
{
	struct sk_org o = office();
	struct sk_capacity c;

	delegate(&o, "kacho", "hosa", SK_ROLE_SEC, "kakari");
	cr_assert_eq(sk_org_may(&o, "hosa", SK_ROLE_SEC, "kakari", NOW, &c), 0);
	cr_expect_eq(c.how, SK_HOW_DELEGATED);
	cr_expect_str_eq(c.principal, "kacho");
	cr_expect_eq(may(&o, "hosa", SK_ROLE_SEC, "ka"), -EPERM, "no more than was lent");
	cr_expect_eq(sk_org_may(&o, "hosa", SK_ROLE_SEC, "kakari", NOW + 1, &c), -EPERM, "it ends");
	delegate(&o, "hosa", "other", SK_ROLE_SEC, "");
	cr_expect_eq(may(&o, "other", SK_ROLE_SEC, "kakari"), -EPERM, "what was lent is not lent on");
	o = office();
	delegate(&o, "former", "hosa", SK_ROLE_SEC, "");
	cr_expect_eq(may(&o, "hosa", SK_ROLE_SEC, "shomu"), -EPERM, "its giver left the post");
}

Test(org, what_is_offered)
{
	struct sk_org o = office();
	struct sk_capacity list[SK_CAPACITY_MAX];
	char key[80], name[128];

	cr_assert_eq(sk_org_capacities(&o, "kyokucho", NOW, list), 2);
	sk_capacity_key(&list[0], key);
	cr_expect_str_eq(key, "bur:kyoku");
	sk_capacity_key(&list[1], key);
	cr_expect_str_eq(key, "exec");
	cr_expect_eq(sk_capacity_find(list, 2, "exec"), 1);
	cr_expect_eq(sk_capacity_find(list, 2, "bur"), 0, "the first of that role");
	cr_expect_eq(sk_capacity_find(list, 2, "bur:ka"), -ENOENT);
	cr_expect_eq(sk_capacity_find(list, 2, "bu"), -ENOENT);
	cr_expect_eq(sk_capacity_find(list, 2, ""), -ENOENT);
	absent(&o, "shicho");
	absent(&o, "dciso");
	cr_assert_eq(sk_org_capacities(&o, "kyokucho", NOW, list), 3);
	cr_expect_eq(list[2].role, SK_ROLE_CISO);
	cr_expect_eq(list[2].how, SK_HOW_DEPUTY);
	sk_capacity_name(&list[2], "山田太郎", name, sizeof(name));
	cr_expect_str_eq(name, "総務局長 山田太郎（代行）");
	cr_expect_eq(sk_org_capacities(&o, "lost", NOW, list), 0);
}
