/*
 * order, setting, notice: what the office says to terminals, at the server's own command line. Every command names the account that acts (--as): who
 * may what is the store's to say, and two officers are two accounts.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/file.h"
#include "common/text.h"
#include "server/admin.h"
#include "server/org.h"
#include "server/store_notice.h"
#include "server/store_order.h"
#include "server/store_org.h"
#include "server/store_setting.h"

static int number_of(struct sk_admin *a, const char *word, int64_t *out)
{
	unsigned long long n;

	if (sk_text_u64(word, 1, INT64_MAX, &n) < 0)
		return sk_admin_usage(a, sk_tr(a->lang, N_("a number is needed")));
	*out = (int64_t)n;
	return 0;
}

/* "8h", "30m", "7d" from now; NULL = 0. */
static int until_of(struct sk_admin *a, const char *valid, sk_ms now, sk_ms *out)
{
	long long seconds;

	*out = 0;
	if (valid == NULL)
		return 0;
	if (sk_text_duration(valid, 60, 366LL * 86400, &seconds) < 0)
		return sk_admin_usage(a, sk_tr(a->lang, N_("--valid: 30m, 8h or 7d")));
	*out = now + seconds * 1000;
	return 0;
}

/* The role that the account acts in: the first of those that may, for this section (NULL: for any). Posts, deputies and delegations count as on the
 * console. Who decides goes before who carries out, where somebody is both. */
static int act(struct sk_admin *a, const char *user, unsigned may, const char *unit, struct sk_actor *by,
               struct sk_err *err)
{
	static const enum sk_role order[] = {SK_ROLE_CISO, SK_ROLE_EXEC, SK_ROLE_SYS, SK_ROLE_DESK, SK_ROLE_SEC};
	struct sk_capacity list[SK_CAPACITY_MAX], as;
	const struct sk_org *org;
	sk_ms now = sk_clock_wall();
	struct sk_user u;
	size_t n = 0;
	int r = sk_admin_act_as(a, user, &u, by, err);

	if (r < 0 || (r = sk_store_org(a->store, &org)) < 0)
		return r;
	n = sk_org_capacities(org, u.user, now, list);
	for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++) {
		if (!(may & order[i]))
			continue;
		bool holds = unit != NULL && sk_org_may(org, u.user, order[i], unit, now, &as) == 0;

		for (size_t k = 0; unit == NULL && !holds && k < n; k++) {
			holds = list[k].role == order[i];
			as = holds ? list[k] : as;
		}
		if (!holds)
			continue;
		by->role = order[i];
		sk_capacity_name(&as, u.name, by->name, sizeof(by->name));
		if (as.unit[0] != '\0')
			sk_text_copy(by->unit, sizeof(by->unit), as.unit);
		return 0;
	}
	return sk_err_set(err, -EPERM, "user \"%s\" has no role that may do this", user);
}

static int told(struct sk_admin *a, int r, const struct sk_err *err, const char *action, const char *as, int64_t number)
{
	char object[48];

	if (r < 0)
		return sk_admin_fail(a, err);
	snprintf(object, sizeof(object), "%lld", (long long)number);
	sk_store_audit(a->store, &a->by, action, object, json_pack("{s:s}", "as", as), sk_clock_wall());
	printf("%lld\n", (long long)number);
	return 0;
}

int sk_admin_order_add(struct sk_admin *a)
{
	const char *as = NULL, *terminal = NULL, *mode = NULL, *person = NULL, *reason = NULL, *valid = NULL,
	           *kind = NULL;
	bool off = false;
	const struct sk_option options[] = {{"--as", &as, NULL, true},          {"--terminal", &terminal, NULL, true},
	                                    {"--reason", &reason, NULL, true},  {"--mode", &mode, NULL, false},
	                                    {"--person", &person, NULL, false}, {"--valid", &valid, NULL, false},
	                                    {"--power-off", NULL, &off, false}, {NULL, NULL, NULL, false}};
	sk_ms now = sk_clock_wall();
	struct sk_err err = SK_ERR_INIT;
	struct sk_order_wish w = {0};
	char id[SK_UUID_LEN];
	struct sk_terminal t;
	struct sk_actor by = {0};
	int64_t number = 0;
	int status, r;

	status = sk_admin_options(a, options, &kind, 1, 1);
	if (status == 0)
		status = until_of(a, valid, now, &w.until);
	if (status != 0)
		return status;
	if (sk_order_parse_kind(kind, &w.kind) < 0)
		return sk_admin_usage(
		    a, sk_tr(a->lang, N_("orders: check lock scan isolate release suspend resume erase")));
	if (mode != NULL && strcmp(mode, "full") != 0 && strcmp(mode, "management") != 0)
		return sk_admin_usage(a, sk_tr(a->lang, N_("--mode: full or management")));
	w.management = mode != NULL && strcmp(mode, "management") == 0;
	w.poweroff = off;
	w.person = person != NULL ? person : "";
	w.reason = reason;
	w.terminal = id;
	r = sk_admin_terminal(a, terminal, id, &err);
	if (r == 0)
		r = sk_store_terminal_get(a->store, id, &t);
	if (r == 0)
		r = act(a, as, sk_order_roles(w.kind), t.unit, &by, &err);
	if (r == 0)
		r = sk_store_order_add(a->store, &by, &w, now, &number, &err);
	status = told(a, r, &err, "order.cli", as, number);
	if (status == 0 && sk_order_waits(w.kind, by.role))
		fprintf(
		    stderr, "%s\n",
		    sk_tr(a->lang,
		          sk_order_needs_two(w.kind)
		              ? N_("It waits for a second officer: sekimori-server order approve NUMBER --as USER")
		              : N_("It waits for the decision of the CISO or the executive officer: sekimori-server "
		                   "order approve NUMBER --as USER")));
	return status;
}

typedef int step_fn(struct sk_store *s, const struct sk_actor *by, int64_t number, sk_ms now, struct sk_err *err);

/* may: the roles, in any section; 0: those of the order with that number, in its terminal's section. */
static int decide(struct sk_admin *a, const char *action, unsigned may, step_fn *step)
{
	const unsigned all = SK_ROLE_SYS | SK_ROLE_DESK | SK_ROLE_SEC | SK_ROLE_CISO | SK_ROLE_EXEC;
	const char *as = NULL, *word = NULL;
	const struct sk_option options[] = {{"--as", &as, NULL, true}, {NULL, NULL, NULL, false}};
	struct sk_err err = SK_ERR_INIT;
	char id[SK_UUID_LEN];
	struct sk_terminal t;
	struct sk_actor by;
	int64_t number = 0;
	int status = sk_admin_options(a, options, &word, 1, 1), r;

	if (status == 0)
		status = number_of(a, word, &number);
	if (status != 0)
		return status;
	if (may == 0 &&
	    (sk_store_order_terminal(a->store, number, id) < 0 || sk_store_terminal_get(a->store, id, &t) < 0)) {
		sk_err_set(&err, -ENOENT, "there is no order %lld", (long long)number);
		return sk_admin_fail(a, &err);
	}
	r = act(a, as, may != 0 ? may : all, may != 0 ? NULL : t.unit, &by, &err);
	if (r == 0)
		r = step(a->store, &by, number, sk_clock_wall(), &err);
	return told(a, r, &err, action, as, number);
}

int sk_admin_order_approve(struct sk_admin *a)
{
	return decide(a, "order.cli", 0, sk_store_order_approve);
}

int sk_admin_order_cancel(struct sk_admin *a)
{
	return decide(a, "order.cli", 0, sk_store_order_cancel);
}

int sk_admin_setting_end(struct sk_admin *a)
{
	return decide(a, "setting.cli", SK_ROLE_SYS | SK_ROLE_DESK | SK_ROLE_SEC, sk_store_setting_end);
}

static void print_orders(const json_t *list)
{
	const json_t *o;
	char at[32];
	size_t i;

	json_array_foreach(list, i, o)
	{
		sk_clock_format_local(json_integer_value(json_object_get(o, "issued")), at, sizeof(at));
		printf("%lld\t%s\t%s\t%s\t%s\t%s\t%s\n", (long long)json_integer_value(json_object_get(o, "number")),
		       at, json_string_value(json_object_get(o, "host")), json_string_value(json_object_get(o, "kind")),
		       json_string_value(json_object_get(o, "state")),
		       json_string_value(json_object_get(o, "asked_name")),
		       json_string_value(json_object_get(o, "detail")));
	}
}

static void print_notices(const json_t *list)
{
	const json_t *n;
	size_t i;

	json_array_foreach(list, i, n)
	{
		printf("%lld\t%s\t%s\t%lld/%lld\n", (long long)json_integer_value(json_object_get(n, "number")),
		       json_string_value(json_object_get(n, "unit")), json_string_value(json_object_get(n, "title")),
		       (long long)json_integer_value(json_object_get(n, "acknowledged")),
		       (long long)json_integer_value(json_object_get(n, "terminals")));
	}
}

static int show(json_t *list, bool json, void (*print)(const json_t *list))
{
	if (list == NULL)
		return 1;
	if (json) {
		json_dumpf(list, stdout, JSON_INDENT(1) | JSON_SORT_KEYS);
		putchar('\n');
	} else {
		print(list);
	}
	json_decref(list);
	return 0;
}

int sk_admin_order_list(struct sk_admin *a)
{
	const char *terminal = NULL;
	bool json = false;
	const struct sk_option options[] = {
	    {"--terminal", &terminal, NULL, false}, {"--json", NULL, &json, false}, {NULL, NULL, NULL, false}};
	struct sk_err err = SK_ERR_INIT;
	char id[SK_UUID_LEN];
	int status = sk_admin_options(a, options, NULL, 0, 0);

	if (status != 0)
		return status;
	if (terminal != NULL && sk_admin_terminal(a, terminal, id, &err) < 0)
		return sk_admin_fail(a, &err);
	return show(sk_store_order_list(a->store, terminal != NULL ? id : NULL, NULL, 200), json, print_orders);
}

int sk_admin_setting_permit(struct sk_admin *a)
{
	const char *as = NULL, *terminal = NULL, *person = NULL, *reason = NULL, *valid = NULL, *setting = NULL;
	const struct sk_option options[] = {{"--as", &as, NULL, true},         {"--terminal", &terminal, NULL, true},
	                                    {"--person", &person, NULL, true}, {"--reason", &reason, NULL, true},
	                                    {"--valid", &valid, NULL, true},   {NULL, NULL, NULL, false}};
	sk_ms now = sk_clock_wall();
	struct sk_err err = SK_ERR_INIT;
	struct sk_setting_wish w = {0};
	char id[SK_UUID_LEN];
	struct sk_actor by;
	int64_t number = 0;
	int status = sk_admin_options(a, options, &setting, 1, 1), r;

	if (status == 0)
		status = until_of(a, valid, now, &w.until);
	if (status != 0)
		return status;
	w.terminal = id;
	w.setting = setting;
	w.person = person;
	w.reason = reason;
	r = act(a, as, SK_ROLE_SEC, NULL, &by, &err);
	if (r == 0)
		r = sk_admin_terminal(a, terminal, id, &err);
	if (r == 0)
		r = sk_store_setting_permit(a->store, &by, &w, now, &number, &err);
	return told(a, r, &err, "setting.cli", as, number);
}

int sk_admin_notice_add(struct sk_admin *a)
{
	const char *as = NULL, *unit = NULL, *title = NULL, *officer = NULL, *valid = NULL, *file = NULL;
	const struct sk_option options[] = {{"--as", &as, NULL, true},        {"--officer", &officer, NULL, true},
	                                    {"--title", &title, NULL, true},  {"--unit", &unit, NULL, false},
	                                    {"--valid", &valid, NULL, false}, {NULL, NULL, NULL, false}};
	sk_ms now = sk_clock_wall();
	struct sk_err err = SK_ERR_INIT;
	struct sk_notice_wish w = {0};
	struct sk_actor by;
	struct sk_buf text;
	int64_t number = 0;
	int status = sk_admin_options(a, options, &file, 1, 1), r;

	if (status == 0)
		status = until_of(a, valid, now, &w.until);
	if (status != 0)
		return status;
	sk_buf_init(&text, 65536);
	r = sk_file_read(file, &text, &err);
	if (r == 0)
		r = act(a, as, SK_ROLE_SYS | SK_ROLE_DESK, NULL, &by, &err);
	if (r == 0) {
		while (text.len > 0 && text.data[text.len - 1] == '\n')
			text.data[--text.len] = '\0';
		w.unit = unit != NULL ? unit : "";
		w.title = title;
		w.officer = officer;
		w.text = text.data;
		r = sk_store_notice_add(a->store, &by, &w, now, &number, &err);
	}
	sk_buf_deinit(&text);
	return told(a, r, &err, "notice.cli", as, number);
}

int sk_admin_notice_list(struct sk_admin *a)
{
	bool json = false;
	const struct sk_option options[] = {{"--json", NULL, &json, false}, {NULL, NULL, NULL, false}};
	int status = sk_admin_options(a, options, NULL, 0, 0);

	return status != 0 ? status : show(sk_store_notices(a->store, 200), json, print_notices);
}
