/* Orders, setting permits and notices in the store: who may, what goes into the bundle, what a terminal's reports change. */
#include <string.h>

#include "policy/setting_permit.h"
#include "server/store_notice.h"
#include "server/store_order.h"
#include "server/store_org.h"
#include "server/store_setting.h"
#include "tests/unit/store_help.h"

static struct sk_store *s;
static struct chain pc, other;
static struct sk_actor desk, sys, zsec, ssec;
static struct sk_err err;

static void setup(void)
{
	struct sk_actor by = help_admin();

	s = help_store();
	cr_assert_eq(sk_store_user_put(s, &by, "kanri", "情報システム管理者", "", SK_ROLE_SYS, HASH, &err), 0);
	pc = help_terminal(s, 1, "zeimu");
	other = help_terminal(s, 2, "shimin");
	desk = help_actor("madoguchi", "窓口担当", "", SK_ROLE_DESK);
	sys = help_actor("kanri", "情報システム管理者", "", SK_ROLE_SYS);
	zsec = help_actor("zkacho", "税務課長", "zeimu", SK_ROLE_SEC);
	ssec = help_actor("skacho", "市民課長", "shimin", SK_ROLE_SEC);
}

static void teardown(void)
{
	help_close(s);
}

TestSuite(store_order, .init = setup, .fini = teardown);

static struct sk_order_wish wish(enum sk_order_kind kind)
{
	return (struct sk_order_wish){.terminal = pc.id, .kind = kind, .person = "", .reason = "感染の疑い"};
}

static int64_t give(const struct sk_actor *by, struct sk_order_wish w)
{
	int64_t number = 0;
	int r;

	err = (struct sk_err)SK_ERR_INIT;
	r = sk_store_order_add(s, by, &w, T0, &number, &err);
	cr_assert(r == 0 || err.text[0] != '\0');
	return r < 0 ? r : number;
}

static json_t *in_bundle(const char *terminal, const char *what, sk_ms now, int64_t *version)
{
	int64_t v;
	json_t *body = sk_store_grants_body(s, terminal, now, version ? version : &v), *list;

	list = json_incref(json_object_get(body, what));
	json_decref(body);
	return list;
}

static size_t orders_sent(const char *terminal, sk_ms now)
{
	json_t *body = json_pack("{s:o*}", "orders", in_bundle(terminal, "orders", now, NULL));
	struct sk_orders_list list = {.n = 99};

	cr_assert_eq(sk_orders_parse(body, &list, &err), 0, "a terminal takes what is sent: %s", err.text);
	json_decref(body);
	return list.n;
}

static const char *state_of(int64_t number)
{
	static char state[16];
	json_t *list = sk_store_order_list(s, NULL, NULL, 200), *o;
	size_t i;

	state[0] = '\0';
	json_array_foreach(list, i, o) if (help_number(o, "number") == number)
	    sk_text_copy(state, sizeof(state), help_text(o, "state"));
	json_decref(list);
	return state;
}

static void report(struct chain *c, const char *kind, const char *id, const char *result)
{
	char body[300];

	snprintf(body, sizeof(body),
	         "{\"id\":\"%s\",\"number\":1,\"kind\":\"lock\",\"result\":\"%s\",\"detail\":\"x\"}", id, result);
	help_send(s, c, kind, body);
}

static const char *id_of(int64_t number)
{
	static char id[SK_UUID_LEN];
	json_t *list = sk_store_order_list(s, pc.id, NULL, 200), *o;
	size_t i;

	json_array_foreach(list, i, o) if (help_number(o, "number") == number)
	    sk_text_copy(id, sizeof(id), help_text(o, "id"));
	json_decref(list);
	return id;
}

static int incidents(const char *kind)
{
	json_t *list = sk_store_audit_list(s, 0, 200), *row;
	int n = 0;
	size_t i;

	json_array_foreach(list, i, row) n += !strcmp(help_text(json_object_get(row, "detail"), "kind"), kind);
	json_decref(list);
	return n;
}

Test(store_order, is_sent_until_it_is_done_and_raises_the_version)
{
	int64_t before, after, number;
	char id[SK_UUID_LEN];

	json_decref(in_bundle(pc.id, "orders", T0, &before));
	number = give(&desk, wish(SK_ORDER_LOCK));
	cr_assert_gt(number, 0, "%s", err.text);
	json_decref(in_bundle(pc.id, "orders", T0, &after));
	cr_expect_eq(after, before + 1);
	cr_expect_eq(orders_sent(pc.id, T0), 1);
	cr_expect_eq(orders_sent(other.id, T0), 0);
	cr_expect_eq(orders_sent(pc.id, T0 + HOUR), 0, "past its end it is not sent");
	sk_text_copy(id, sizeof(id), id_of(number));
	report(&pc, "order.taken", id, "");
	cr_expect_eq(sk_store_order_cancel(s, &desk, number, T0, &err), -EALREADY, "it was taken");
	report(&pc, "order.done", id, "done");
	cr_expect_str_eq(state_of(number), "done");
	cr_expect_eq(orders_sent(pc.id, T0), 0);
	report(&pc, "order.done", id, "failed");
	cr_expect_str_eq(state_of(number), "done", "the first word holds");
}

Test(store_order, another_terminal_or_a_made_up_one_is_an_incident)
{
	int64_t number = give(&desk, wish(SK_ORDER_LOCK));
	char id[SK_UUID_LEN];

	sk_text_copy(id, sizeof(id), id_of(number));
	report(&other, "order.done", id, "done");
	cr_expect_str_eq(state_of(number), "open");
	report(&pc, "order.done", "99999999-2222-4333-8444-555555555555", "done");
	report(&pc, "order.done", id, "perhaps");
	help_send(s, &pc, "order.done", "{}");
	cr_expect_str_eq(state_of(number), "open");
	cr_expect_eq(incidents("order-never-given"), 4);
}

Test(store_order, who_may)
{
	struct sk_actor staff = help_actor("kansa", "監査担当", "", SK_ROLE_AUD),
	                nobody = help_actor("x", "x", "", SK_ROLE_SYS);
	struct sk_order_wish w = wish(SK_ORDER_SUSPEND);

	cr_expect_gt(give(&zsec, wish(SK_ORDER_LOCK)), 0, "a manager, for the own section");
	cr_expect_eq(give(&ssec, wish(SK_ORDER_LOCK)), -EPERM, "and no other");
	cr_expect_eq(give(&zsec, wish(SK_ORDER_ISOLATE)), -EPERM);
	cr_expect_gt(give(&desk, wish(SK_ORDER_ISOLATE)), 0);
	cr_expect_eq(give(&staff, wish(SK_ORDER_CHECK)), -EPERM);
	cr_expect_eq(give(&nobody, wish(SK_ORDER_CHECK)), -EPERM);
	w.person = "yamada";
	cr_expect_gt(give(&sys, w), 0, "%s", err.text);
	cr_expect_eq(give(&desk, w), -EPERM);
	w.person = "root; reboot";
	cr_expect_eq(give(&sys, w), -EINVAL);
	w = wish(SK_ORDER_CHECK);
	w.reason = "";
	cr_expect_eq(give(&sys, w), -EINVAL);
	w = wish(SK_ORDER_CHECK);
	w.terminal = "99999999-2222-4333-8444-555555555555";
	cr_expect_eq(give(&sys, w), -ENOENT);
}

Test(store_order, destroying_keys_needs_two_officers)
{
	struct sk_actor by = help_admin(), twin;
	int64_t number = give(&desk, wish(SK_ORDER_ERASE));

	cr_assert_gt(number, 0, "%s", err.text);
	cr_expect_str_eq(state_of(number), "waiting");
	cr_expect_eq(orders_sent(pc.id, T0), 0, "not before the second one");
	cr_expect_eq(sk_store_order_approve(s, &desk, number, T0, &err), -EPERM, "not by the one who asked");
	/* The same person under another account. */
	cr_assert_eq(sk_store_user_put(s, &by, "mado2", "窓口担当", "", SK_ROLE_DESK, HASH, &err), 0);
	cr_assert_eq(sk_store_user_login(s, &by, "mado2", "madoguchi", &err), 0);
	twin = help_actor("mado2", "窓口担当", "", SK_ROLE_DESK);
	cr_expect_eq(sk_store_order_approve(s, &twin, number, T0, &err), -EPERM);
	cr_expect_eq(sk_store_order_approve(s, &zsec, number, T0, &err), -EPERM);
	cr_expect_eq(sk_store_order_approve(s, &sys, number + 7, T0, &err), -ENOENT);
	cr_assert_eq(sk_store_order_approve(s, &sys, number, T0, &err), 0, "%s", err.text);
	cr_expect_eq(sk_store_order_approve(s, &sys, number, T0, &err), -EALREADY);
	cr_expect_eq(orders_sent(pc.id, T0), 1);
	cr_expect_eq(sk_store_order_cancel(s, &sys, number, T0, &err), 0);
	cr_expect_eq(orders_sent(pc.id, T0), 0);
}

static struct sk_actor officer(const char *user, const char *name, enum sk_role role)
{
	struct sk_actor by = help_admin();

	cr_assert_eq(sk_store_user_put(s, &by, user, name, "", role, HASH, &err), 0, "%s", err.text);
	return help_actor(user, name, "", role);
}

static const char *decided_by(int64_t number)
{
	static char name[128];
	json_t *list = sk_store_order_list(s, NULL, NULL, 200), *o;
	size_t i;

	name[0] = '\0';
	json_array_foreach(list, i, o) if (help_number(o, "number") == number)
	    sk_text_copy(name, sizeof(name), help_text(o, "decided_by"));
	json_decref(list);
	return name;
}

Test(store_order, a_suspension_is_the_cisos_or_the_executive_officers)
{
	struct sk_actor ciso = officer("fukushicho", "副市長", SK_ROLE_CISO),
	                exec = officer("kyokucho", "総務局長", SK_ROLE_EXEC);
	struct sk_order_wish w = wish(SK_ORDER_SUSPEND);
	int64_t number;

	w.person = "yamada";
	number = give(&sys, w);
	cr_assert_gt(number, 0, "%s", err.text);
	cr_expect_str_eq(state_of(number), "waiting");
	cr_expect_eq(orders_sent(pc.id, T0), 0);
	cr_expect_eq(sk_store_order_approve(s, &sys, number, T0, &err), -EPERM, "the hand does not decide");
	cr_expect_eq(sk_store_order_approve(s, &desk, number, T0, &err), -EPERM);
	cr_assert_eq(sk_store_order_approve(s, &exec, number, T0, &err), 0, "%s", err.text);
	cr_expect_str_eq(state_of(number), "open");
	cr_expect_str_eq(decided_by(number), "総務局長");
	cr_expect_eq(orders_sent(pc.id, T0), 1);
	w.kind = SK_ORDER_RESUME;
	number = give(&ciso, w);
	cr_expect_str_eq(state_of(number), "open", "whose decision it is waits for nobody");
	cr_expect_str_eq(decided_by(number), "副市長");
	w = wish(SK_ORDER_ERASE);
	number = give(&ciso, w);
	cr_expect_str_eq(state_of(number), "waiting", "keys take two, whoever it is");
	cr_expect_eq(sk_store_order_approve(s, &ciso, number, T0, &err), -EPERM);
	cr_expect_eq(sk_store_order_approve(s, &desk, number, T0, &err), -EPERM, "the second one is an officer");
	cr_expect_eq(sk_store_order_approve(s, &exec, number, T0, &err), 0, "%s", err.text);
	cr_expect_eq(give(&exec, wish(SK_ORDER_LOCK)), -EPERM);
	cr_expect_str_eq(state_of(give(&exec, wish(SK_ORDER_ISOLATE))), "open", "cutting off waits for nobody");
}

static void import_people(const char *text)
{
	struct sk_actor by = help_admin();
	struct sk_org_names names = {.units = sk_store_org_units(s, T0), .users = sk_store_users(s)};
	struct sk_org_plan *plan = NULL;
	const struct sk_org *org;

	cr_assert_eq(sk_store_org(s, &org), 0);
	cr_assert_eq(sk_org_plan(org, &names, "t", text, strlen(text), T0, &plan, &err), 0, "%s", err.text);
	cr_assert_eq(sk_store_org_apply(s, &by, plan, "t", T0, &err), 0, "%s", err.text);
	sk_org_plan_free(plan);
	json_decref((json_t *)names.units);
	json_decref((json_t *)names.users);
}

Test(store_order, deputies_and_delegations_count_and_are_no_way_round)
{
	struct sk_actor by = help_admin(), ciso = officer("fukushicho", "副市長", SK_ROLE_CISO | SK_ROLE_SYS),
	                exec = officer("kyokucho", "総務局長", SK_ROLE_EXEC),
	                clerk = officer("buka", "部下", SK_ROLE_STAFF);
	struct sk_order_wish w = wish(SK_ORDER_SUSPEND);
	struct sk_actor deputy;
	int64_t number;

	w.person = "yamada";
	clerk.role = SK_ROLE_CISO;
	exec.role = SK_ROLE_CISO;
	number = give(&sys, w);
	cr_expect_eq(sk_store_order_approve(s, &clerk, number, T0, &err), -EPERM, "a role that is not held");
	cr_expect_eq(sk_store_order_approve(s, &exec, number, T0, &err), -EPERM, "the CISO is there");
	import_people("user,role,name\nkeieikikan,dciso,副統括\n");
	deputy = help_actor("keieikikan", "副統括", "", SK_ROLE_CISO);
	cr_expect_eq(sk_store_order_approve(s, &deputy, number, T0, &err), -EPERM, "the CISO is there");
	cr_assert_eq(sk_store_absence_put(s, &by, "fukushicho", T0, T0 + HOUR, "", T0, &err), 0, "%s", err.text);
	cr_expect_eq(sk_store_order_approve(s, &exec, number, T0, &err), -EPERM, "the deputy is there");
	cr_assert_eq(sk_store_order_approve(s, &deputy, number, T0, &err), 0, "%s", err.text);
	cr_expect(strstr(decided_by(number), "（代行）") != NULL, "%s", decided_by(number));
	/* What the CISO asked as system manager is not decided by the hand of somebody they delegated to. */
	ciso.role = SK_ROLE_CISO;
	cr_assert_eq(sk_store_delegation_put(s, &ciso, "buka", SK_ROLE_CISO, "", T0, T0 + HOUR, "x", T0, &err), 0, "%s",
	             err.text);
	ciso.role = SK_ROLE_SYS;
	number = give(&ciso, w);
	cr_expect_str_eq(state_of(number), "waiting", "in the other role it waits");
	cr_expect_eq(sk_store_order_approve(s, &clerk, number, T0, &err), -EPERM, "%s", err.text);
	number = give(&sys, w);
	cr_expect_eq(sk_store_order_approve(s, &clerk, number, T0, &err), 0, "%s", err.text);
	cr_expect(strstr(decided_by(number), "（委任）") != NULL, "%s", decided_by(number));
}

Test(store_order, many_open_ones_are_bounded_and_old_ones_expire)
{
	int64_t last = 0;

	for (int i = 0; i < SK_ORDERS_MAX; i++)
		cr_assert_gt(last = give(&desk, wish(SK_ORDER_LOCK)), 0, "%s", err.text);
	cr_expect_eq(give(&desk, wish(SK_ORDER_LOCK)), -ENOSPC);
	cr_expect_gt(orders_sent(pc.id, T0), 0);
	cr_assert_geq(sk_store_tend(s, T0 + 2 * HOUR), 0);
	cr_expect_str_eq(state_of(last), "expired");
	cr_expect_gt(give(&desk, wish(SK_ORDER_LOCK)), 0);
}

Test(store_order, a_setting_permit_is_the_managers)
{
	struct sk_setting_wish w = {.terminal = pc.id,
	                            .setting = "screen-lock",
	                            .person = "yamada",
	                            .reason = "住民説明会",
	                            .until = T0 + 2 * HOUR};
	struct sk_setting_permits read;
	int64_t number = 0;
	json_t *body;

	cr_expect_eq(sk_store_setting_permit(s, &ssec, &w, T0, &number, &err), -EPERM);
	cr_expect_eq(sk_store_setting_permit(s, &desk, &w, T0, &number, &err), -EPERM);
	cr_assert_eq(sk_store_setting_permit(s, &zsec, &w, T0, &number, &err), 0, "%s", err.text);
	body = json_pack("{s:o}", "settings", in_bundle(pc.id, "settings", T0, NULL));
	cr_assert_eq(sk_setting_permits_parse(body, &read, &err), 0, "%s", err.text);
	cr_expect_not_null(sk_setting_permit_find(&read, "screen-lock", "yamada", T0 + HOUR));
	json_decref(body);
	cr_expect_null(in_bundle(pc.id, "settings", T0 + 2 * HOUR, NULL));
	w.person = "zkacho";
	cr_expect_eq(sk_store_setting_permit(s, &zsec, &w, T0, &number, &err), -EPERM, "nobody for themselves");
	w.person = "yamada";
	w.until = T0 + 40 * 24 * HOUR;
	cr_expect_eq(sk_store_setting_permit(s, &zsec, &w, T0, &number, &err), -EINVAL);
	w.setting = "antivirus";
	cr_expect_eq(sk_store_setting_permit(s, &zsec, &w, T0, &number, &err), -EINVAL);
	cr_expect_eq(sk_store_setting_end(s, &ssec, number, T0, &err), -EPERM);
	cr_assert_eq(sk_store_setting_end(s, &zsec, number, T0, &err), 0, "%s", err.text);
	cr_expect_eq(sk_store_setting_end(s, &zsec, number, T0, &err), -ENOENT);
	cr_expect_null(in_bundle(pc.id, "settings", T0, NULL));
}

Test(store_order, a_notice_reaches_its_section_and_counts_who_read_it)
{
	struct sk_notice_wish w = {.unit = "zeimu",
	                           .title = "不審なメールに注意",
	                           .text = "添付ファイルを開かないでください。\n窓口へ連絡してください。",
	                           .officer = "執行責任者 総務局長"};
	struct sk_office_notices *read = calloc(1, sizeof(*read));
	int64_t number = 0;
	char ack[200];
	json_t *body, *list;

	cr_expect_eq(sk_store_notice_add(s, &zsec, &w, T0, &number, &err), -EPERM);
	cr_assert_eq(sk_store_notice_add(s, &desk, &w, T0, &number, &err), 0, "%s", err.text);
	cr_expect_null(in_bundle(other.id, "notices", T0, NULL), "another section");
	body = json_pack("{s:o}", "notices", in_bundle(pc.id, "notices", T0, NULL));
	cr_assert_eq(sk_office_notices_parse(body, read, &err), 0, "%s", err.text);
	cr_assert_eq(read->n, 1);
	cr_expect_str_eq(read->items[0].text, w.text);
	snprintf(ack, sizeof(ack), "{\"id\":\"%s\",\"number\":1,\"person\":\"yamada\"}", read->items[0].id);
	help_send(s, &pc, "notice.acknowledged", ack);
	help_send(s, &pc, "notice.acknowledged", ack);
	help_send(s, &pc, "notice.acknowledged", "{\"id\":\"99999999-2222-4333-8444-555555555555\",\"person\":\"x\"}");
	help_send(s, &pc, "notice.acknowledged", "{}");
	list = sk_store_notices(s, 10);
	cr_expect_eq(help_number(json_array_get(list, 0), "terminals"), 1);
	cr_expect_eq(help_number(json_array_get(list, 0), "acknowledged"), 1);
	cr_expect_eq(help_number(json_array_get(list, 0), "persons"), 1);
	json_decref(list);
	json_decref(body);
	w.text = "\x1b[2J";
	cr_expect_eq(sk_store_notice_add(s, &desk, &w, T0, &number, &err), -EINVAL);
	w.text = "";
	cr_expect_eq(sk_store_notice_add(s, &desk, &w, T0, &number, &err), -EINVAL);
	w.text = "x";
	w.unit = "nowhere";
	cr_expect_eq(sk_store_notice_add(s, &desk, &w, T0, &number, &err), -ENOENT);
	free(read);
}
