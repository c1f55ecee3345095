/* The organisation in the store: plans carried out whole or not at all, terms, who decides then, what managers above see. */
#include "tests/unit/store_help.h"

#include "server/store_org.h"

#define DAY (24 * HOUR)

static int import_at(struct sk_store *s, const char *text, sk_ms today)
{
	struct sk_org_names names = {sk_store_units(s), sk_store_users(s)};
	struct sk_actor by = help_admin();
	struct sk_err err = SK_ERR_INIT;
	struct sk_org_plan *plan = NULL;
	const struct sk_org *org;
	char says[512];
	int r;

	cr_assert_eq(sk_store_org(s, &org), 0);
	cr_assert_eq(sk_org_plan(org, &names, "t", text, strlen(text), today, &plan, &err), 0, "%s", err.text);
	for (size_t i = 0; i < plan->n; i++) {
		sk_org_line_text(&plan->lines[i], SK_LANG_EN, says, sizeof(says));
		cr_log_info("%d %s", plan->lines[i].line, says);
	}
	r = sk_store_org_apply(s, &by, plan, "t", today, &err);
	sk_org_plan_free(plan);
	json_decref((json_t *)names.units);
	json_decref((json_t *)names.users);
	return r;
}

static int how(struct sk_store *s, const char *user, enum sk_role role, const char *unit, sk_ms at)
{
	const struct sk_org *org;
	struct sk_capacity c;
	int r;

	cr_assert_eq(sk_store_org(s, &org), 0);
	r = sk_org_may(org, user, role, unit, at, &c);
	return r < 0 ? r : (int)c.how;
}

Test(store_org, accounts_of_before_keep_their_roles)
{
	struct sk_store *s = help_store();

	cr_expect_eq(how(s, "zkacho", SK_ROLE_SEC, "zeimu", T0), SK_HOW_POST);
	cr_expect_eq(how(s, "zkacho", SK_ROLE_SEC, "shimin", T0), -EPERM);
	cr_expect_eq(how(s, "madoguchi", SK_ROLE_DESK, "shimin", T0), SK_HOW_POST);
	cr_expect_eq(how(s, "kansa", SK_ROLE_AUD, "", T0), SK_HOW_POST);
	help_close(s);
}

Test(store_org, a_tree_and_a_manager_above)
{
	struct sk_store *s = help_store();
	struct chain c;
	json_t *list;

	cr_assert_eq(
	    import_at(
	        s, "unit,parent,kind,name_ja\nkyoku,,bureau,財政局\nzeimu,kyoku,section,税務課\nkakari,zeimu,係,係\n",
	        T0),
	    0);
	cr_assert_eq(import_at(s, "user,unit,role,name,title\nkyokucho,kyoku,bur,局長名,財政局長\n", T0), 0);
	c = help_terminal(s, 1, "kakari");
	(void)c;
	list = sk_store_terminals(s, "zeimu", NULL, NULL, T0, DAY, 10, 0);
	cr_expect_eq(json_array_size(list), 1, "what is below is one's own");
	json_decref(list);
	list = sk_store_terminals(s, "kyoku", NULL, NULL, T0, DAY, 10, 0);
	cr_expect_eq(json_array_size(list), 1);
	json_decref(list);
	list = sk_store_terminals(s, "shimin", NULL, NULL, T0, DAY, 10, 0);
	cr_expect_eq(json_array_size(list), 0);
	json_decref(list);
	cr_expect_eq(how(s, "kyokucho", SK_ROLE_BUR, "kakari", T0), SK_HOW_POST);
	cr_expect_eq(how(s, "zkacho", SK_ROLE_SEC, "kakari", T0), SK_HOW_POST);
	help_close(s);
}

static void policy_is(struct sk_store *s, const char *device, const char *expected)
{
	char *text = NULL;
	int64_t version;

	cr_assert_eq(sk_store_policy(s, device, &text, &version), 0);
	cr_expect_str_eq(text, expected);
	free(text);
}

Test(store_org, the_nearest_policy_above_counts)
{
	struct sk_store *s = help_store();
	struct sk_actor by = help_admin();
	struct sk_err err = SK_ERR_INIT;
	struct chain below, beside;

	cr_assert_eq(
	    import_at(s, "unit,parent,name_ja\nkyoku,,財政局\nzeimu,kyoku,税務課\nkakari,zeimu,係\nhoka,kyoku,他の課\n",
	              T0),
	    0);
	below = help_terminal(s, 1, "kakari");
	beside = help_terminal(s, 2, "hoka");
	cr_assert_eq(sk_store_policy_set(s, &by, "", "office", &err), 0);
	policy_is(s, below.id, "office");
	cr_assert_eq(sk_store_policy_set(s, &by, "kyoku", "bureau", &err), 0);
	policy_is(s, below.id, "bureau");
	policy_is(s, beside.id, "bureau");
	cr_assert_eq(sk_store_policy_set(s, &by, "zeimu", "section", &err), 0);
	cr_assert_eq(sk_store_policy_set(s, &by, "kyoku", "bureau again", &err), 0);
	policy_is(s, below.id, "section");
	policy_is(s, beside.id, "bureau again");
	help_close(s);
}

Test(store_org, a_move_comes_into_effect_on_its_day)
{
	struct sk_store *s = help_store();
	sk_ms later = sk_clock_wall();
	json_t *list;

	cr_assert_eq(import_at(s, "unit,parent,name_ja\na,,A局\nb,,B局\nmoving,a,動く課\n", T0), 0);
	help_terminal(s, 1, "moving");
	cr_assert_eq(import_at(s, "unit,parent,from\nmoving,b,2025-12-01\n", T0), 0);
	cr_assert_geq(sk_store_tend(s, T0 + HOUR), 0);
	list = sk_store_terminals(s, "a", NULL, NULL, T0, DAY, 10, 0);
	cr_expect_eq(json_array_size(list), 1);
	json_decref(list);
	cr_assert_geq(sk_store_tend(s, later), 0);
	list = sk_store_terminals(s, "a", NULL, NULL, later, DAY, 10, 0);
	cr_expect_eq(json_array_size(list), 0);
	json_decref(list);
	list = sk_store_terminals(s, "b", NULL, NULL, later, DAY, 10, 0);
	cr_expect_eq(json_array_size(list), 1);
	json_decref(list);
	list = sk_store_org_units(s, T0);
	cr_expect_str_eq(json_string_value(json_object_get(json_array_get(list, 2), "parent")), "a");
	json_decref(list);
	help_close(s);
}

Test(store_org, titles_change_and_the_old_post_stays_on_record)
{
	struct sk_store *s = help_store();
	json_t *list;

	cr_assert_eq(import_at(s, "user,unit,role,name,title\nk,zeimu,sec,名,課長\n", T0), 0);
	cr_assert_eq(import_at(s, "user,unit,role,title,from\nk,zeimu,sec,参事,2026-04-01\n", T0), 0);
	list = sk_store_org_posts(s, NULL, "k", T0 + 1);
	cr_assert_eq(json_array_size(list), 2);
	cr_expect_str_eq(json_string_value(json_object_get(json_array_get(list, 0), "title")), "課長");
	cr_expect_eq(json_integer_value(json_object_get(json_array_get(list, 0), "until")),
	             json_integer_value(json_object_get(json_array_get(list, 1), "from")));
	json_decref(list);
	cr_assert_eq(import_at(s, "user,unit,role,title,until\nk,zeimu,sec,参事,2027-03-31\n", T0 + 300 * DAY), 0);
	cr_expect_eq(how(s, "k", SK_ROLE_SEC, "zeimu", T0 + 900 * DAY), -EPERM);
	help_close(s);
}

Test(store_org, an_account_without_password_cannot_log_in)
{
	struct sk_store *s = help_store();
	struct sk_user u;

	cr_assert_eq(import_at(s, "user,unit,name,login\nclerk,zeimu,名,CITY\\clerk\n", T0), 0);
	cr_assert_eq(sk_store_user_get(s, "clerk", &u), 0);
	cr_expect_str_eq(u.login, "CITY\\clerk");
	cr_expect_str_eq(u.unit, "zeimu");
	cr_expect_eq(u.roles, SK_ROLE_STAFF);
	cr_expect_eq(strncmp(u.password_hash, "$argon2id$none", 14), 0);
	help_close(s);
}

Test(store_org, all_or_nothing)
{
	struct sk_store *s = help_store();
	struct sk_org_names names = {sk_store_units(s), sk_store_users(s)};
	struct sk_actor by = help_admin(), desk = help_actor("madoguchi", "窓口", "", SK_ROLE_DESK);
	struct sk_err err = SK_ERR_INIT;
	struct sk_org_plan *plan = NULL;
	const struct sk_org *org;
	const char *text = "unit,name_ja\nnew,新課\n";
	json_t *list;

	cr_assert_eq(sk_store_org(s, &org), 0);
	cr_assert_eq(sk_org_plan(org, &names, "t", text, strlen(text), T0, &plan, &err), 0);
	cr_expect_eq(sk_store_org_apply(s, &desk, plan, "t", T0, &err), -EPERM);
	cr_assert_eq(import_at(s, "unit,name_ja\nother,他課\n", T0), 0);
	cr_expect_eq(sk_store_org_apply(s, &by, plan, "t", T0, &err), -ESTALE, "changed since");
	sk_org_plan_free(plan);
	plan = NULL;
	text = "unit,name_ja\nnew,新課\nNO,x\n";
	cr_assert_eq(sk_store_org(s, &org), 0);
	cr_assert_eq(sk_org_plan(org, &names, "t", text, strlen(text), T0, &plan, &err), 0);
	cr_expect_eq(sk_store_org_apply(s, &by, plan, "t", T0, &err), -EINVAL);
	sk_org_plan_free(plan);
	list = sk_store_units(s);
	cr_expect_eq(json_array_size(list), 3);
	json_decref(list);
	json_decref((json_t *)names.units);
	json_decref((json_t *)names.users);
	help_close(s);
}

Test(store_org, hostile_cells_stay_cells)
{
	struct sk_store *s = help_store();
	json_t *list;

	cr_assert_eq(import_at(s, "unit,name_ja,name_en\nx,\"');DROP TABLE units;--\",<script>alert(1)</script>\n", T0),
	             0);
	list = sk_store_units(s);
	cr_assert_eq(json_array_size(list), 3);
	cr_expect_str_eq(json_string_value(json_object_get(json_array_get(list, 1), "name_ja")),
	                 "');DROP TABLE units;--");
	json_decref(list);
	help_close(s);
}

Test(store_org, absences)
{
	struct sk_store *s = help_store();
	struct sk_actor me = help_actor("kyokucho", "局長", "", SK_ROLE_BUR),
	                sys = help_actor("zkacho", "x", "", SK_ROLE_SYS);
	struct sk_err err = SK_ERR_INIT;
	json_t *list;

	cr_assert_eq(import_at(s, "user,role,name\nshicho,ciso,市長\nfuku,dciso,副\n", T0), 0);
	cr_expect_eq(how(s, "fuku", SK_ROLE_CISO, "", T0), -EPERM);
	cr_expect_eq(sk_store_absence_put(s, &me, "shicho", T0, 0, "", T0, &err), -EPERM, "somebody else's");
	cr_expect_eq(sk_store_absence_put(s, &sys, "shicho", T0, 0, "", T0, &err), -EPERM, "the role is not theirs");
	sk_text_copy(me.user, sizeof(me.user), "shicho");
	cr_expect_eq(sk_store_absence_put(s, &me, "shicho", T0, T0, "", T0, &err), -EINVAL);
	cr_expect_eq(sk_store_absence_put(s, &me, "nobody", T0, 0, "", T0, &err), -ENOENT);
	cr_assert_eq(sk_store_absence_put(s, &me, "shicho", T0, 0, "出張", T0, &err), 0, "%s", err.text);
	cr_expect_eq(how(s, "fuku", SK_ROLE_CISO, "", T0), SK_HOW_DEPUTY);
	list = sk_store_absences(s, NULL, T0);
	cr_assert_eq(json_array_size(list), 1);
	cr_expect_eq(sk_store_absence_end(s, &me, 99, T0 + 1, &err), -ENOENT);
	cr_expect_eq(sk_store_absence_end(s, &me, json_integer_value(json_object_get(json_array_get(list, 0), "id")),
	                                  T0 + 1, &err),
	             0);
	cr_expect_eq(sk_store_absence_end(s, &me, json_integer_value(json_object_get(json_array_get(list, 0), "id")),
	                                  T0 + 2, &err),
	             -ESTALE);
	json_decref(list);
	cr_expect_eq(how(s, "fuku", SK_ROLE_CISO, "", T0 + 1), -EPERM);
	help_close(s);
}

Test(store_org, delegations)
{
	struct sk_store *s = help_store();
	struct sk_actor me = help_actor("zkacho", "課長", "zeimu", SK_ROLE_SEC),
	                aud = help_actor("kansa", "監査", "", SK_ROLE_AUD);
	struct sk_err err = SK_ERR_INIT;

	cr_expect_eq(sk_store_delegation_put(s, &me, "zkacho", SK_ROLE_SEC, "", T0, T0 + DAY, "", T0, &err), -EINVAL);
	cr_expect_eq(sk_store_delegation_put(s, &me, "nobody", SK_ROLE_SEC, "", T0, T0 + DAY, "", T0, &err), -ENOENT);
	cr_expect_eq(sk_store_delegation_put(s, &me, "skacho", SK_ROLE_SEC, "shimin", T0, T0 + DAY, "", T0, &err),
	             -EPERM);
	cr_expect_eq(sk_store_delegation_put(s, &me, "skacho", SK_ROLE_SYS, "", T0, T0 + DAY, "", T0, &err), -EPERM);
	cr_expect_eq(sk_store_delegation_put(s, &aud, "skacho", SK_ROLE_AUD, "", T0, T0 + DAY, "", T0, &err), -EPERM);
	cr_expect_eq(sk_store_delegation_put(s, &me, "skacho", SK_ROLE_SEC, "", T0, T0 + 400 * DAY, "", T0, &err),
	             -EINVAL);
	cr_expect_eq(sk_store_delegation_put(s, &me, "skacho", SK_ROLE_SEC, "zeimu", T0, T0 + DAY, "\x1b", T0, &err),
	             -EINVAL);
	cr_assert_eq(sk_store_delegation_put(s, &me, "skacho", SK_ROLE_SEC, "zeimu", T0, T0 + DAY, "出張", T0, &err), 0,
	             "%s", err.text);
	cr_expect_eq(how(s, "skacho", SK_ROLE_SEC, "zeimu", T0), SK_HOW_DELEGATED);
	cr_assert_eq(sk_store_user_disable(s, &me, "zkacho", true, &err), 0);
	cr_expect_eq(how(s, "skacho", SK_ROLE_SEC, "zeimu", T0), -EPERM, "its giver is gone");
	help_close(s);
}
