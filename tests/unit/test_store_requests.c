/* Requests and decisions: two steps, two roles, four eyes; and what is born from a terminal's event. */
#include "tests/unit/store_help.h"

static const struct decision {
	const char *user, *name, *unit;
	enum sk_role role;
} MANAGER = {"zkacho", "税務課長", "zeimu", SK_ROLE_SEC}, OTHER = {"skacho", "市民課長", "shimin", SK_ROLE_SEC},
  DESK = {"madoguchi", "窓口担当", "", SK_ROLE_DESK};

static int decide(struct sk_store *s, struct decision by, int64_t number, int what, const char *reason,
                  const char *access, sk_ms until)
{
	struct sk_actor a = help_actor(by.user, by.name, by.unit, by.role);
	struct sk_decision d = {.request = number, .what = what, .reason = reason, .access = access, .until = until};
	struct sk_err err = SK_ERR_INIT;
	int r = sk_store_decide(s, &a, &d, T0, &err);

	cr_assert(r == 0 || err.text[0] != '\0', "a refusal says why");
	return r;
}

static int permit(struct sk_store *s, struct decision by, int64_t n)
{
	return decide(s, by, n, SK_DO_PERMIT, NULL, NULL, 0);
}

static int approve(struct sk_store *s, struct decision by, int64_t n)
{
	return decide(s, by, n, SK_DO_APPROVE, NULL, "ro", T0 + HOUR);
}

Test(store_requests, the_two_steps)
{
	struct sk_store *s = help_store();
	struct chain a = help_terminal(s, 1, "zeimu");
	int64_t n = help_request(s, &a, "shokuin1", "rw", 8), version;
	json_t *q, *h, *body;

	cr_assert_eq(permit(s, MANAGER, n), 0);
	help_state(s, n, "permitted");
	cr_assert_eq(approve(s, DESK, n), 0);
	q = sk_store_request(s, n, NULL);
	cr_assert_str_eq(help_text(q, "state"), "approved");
	cr_assert_str_eq(help_text(q, "permitted_by"), "税務課長");
	cr_assert_str_eq(help_text(q, "approved_by"), "窓口担当");
	cr_assert_str_eq(help_text(q, "granted_access"), "ro");
	cr_assert_eq(help_number(q, "until"), T0 + HOUR);
	h = json_object_get(q, "history");
	cr_assert_eq(json_array_size(h), 3);
	cr_assert_str_eq(help_text(json_array_get(h, 0), "action"), "created");
	cr_assert_str_eq(help_text(json_array_get(h, 0), "name"), "shokuin1");
	cr_assert_str_eq(help_text(json_array_get(h, 1), "role"), "sec");
	cr_assert_str_eq(help_text(json_array_get(h, 2), "role"), "desk");
	json_decref(q);
	body = sk_store_grants_body(s, a.id, T0, &version);
	cr_assert_eq(json_array_size(json_object_get(body, "grants")), 1);
	cr_assert_str_eq(help_text(json_array_get(json_object_get(body, "grants"), 0), "person"), "shokuin1");
	json_decref(body);
	help_close(s);
}

Test(store_requests, who_asks_does_not_decide)
{
	struct sk_store *s = help_store();
	struct chain a = help_terminal(s, 1, "zeimu");
	int64_t own = help_request(s, &a, "zkacho", "ro", 8), desks = help_request(s, &a, "madoguchi", "ro", 8);
	int64_t upper = help_request(s, &a, "ZKACHO", "ro", 8);

	cr_assert_eq(permit(s, MANAGER, own), -EPERM);
	cr_assert_eq(permit(s, MANAGER, upper), -EPERM, "nor under another spelling");
	cr_assert_eq(decide(s, MANAGER, own, SK_DO_REFUSE, "x", NULL, 0), -EPERM);
	help_state(s, own, "submitted");
	cr_assert_eq(permit(s, MANAGER, desks), 0);
	cr_assert_eq(approve(s, DESK, desks), -EPERM);
	cr_assert_eq(decide(s, DESK, desks, SK_DO_CANCEL, "x", NULL, 0), -EPERM);
	help_state(s, desks, "permitted");
	help_close(s);
}

Test(store_requests, one_person_takes_one_step)
{
	struct sk_store *s = help_store();
	struct chain a = help_terminal(s, 1, "zeimu");
	int64_t n = help_request(s, &a, "shokuin1", "ro", 8), second;
	const struct decision sec = {"both", "課長兼窓口", "zeimu", SK_ROLE_SEC},
	                      desk = {"both", "課長兼窓口", "", SK_ROLE_DESK};
	struct sk_actor by = help_admin();
	struct sk_err err = SK_ERR_INIT;

	cr_assert_eq(permit(s, sec, n), 0);
	cr_assert_eq(approve(s, desk, n), -EPERM, "who permitted does not approve");
	help_state(s, n, "permitted");
	cr_assert_eq(approve(s, DESK, n), 0);
	second = help_request(s, &a, "shokuin1", "ro", 8);
	cr_assert_eq(permit(s, MANAGER, second), 0);
	cr_assert_eq(sk_store_user_login(s, &by, "zkacho", "Person.One", &err), 0, "%s", err.text);
	cr_assert_eq(sk_store_user_login(s, &by, "madoguchi", "OFFICE\\person.one", &err), 0, "%s", err.text);
	cr_assert_eq(approve(s, DESK, second), -EPERM, "nor under another account");
	cr_assert_eq(sk_store_user_login(s, &by, "madoguchi", "", &err), 0);
	cr_assert_eq(approve(s, DESK, second), 0);
	help_close(s);
}

Test(store_requests, the_login_on_terminals_counts)
{
	static const char *const logins[] = {"t.kacho", "T.Kacho", "OFFICE\\\\t.kacho", "t.kacho@office.example"};
	struct sk_store *s = help_store();
	struct chain a = help_terminal(s, 1, "zeimu");
	struct sk_actor by = help_admin();
	struct sk_err err = SK_ERR_INIT;
	struct sk_user u;
	json_t *trail;

	cr_assert_eq(sk_store_user_get(s, "zkacho", &u), 0);
	cr_assert_str_eq(u.login, "zkacho", "its own name until told otherwise");
	cr_assert_eq(sk_store_user_login(s, &by, "zkacho", "office\\T.KACHO", &err), 0, "%s", err.text);
	cr_assert_eq(sk_store_user_get(s, "zkacho", &u), 0);
	cr_assert_str_eq(u.login, "office\\T.KACHO");
	trail = sk_store_audit_list(s, 0, 1);
	cr_assert_str_eq(help_text(json_array_get(trail, 0), "action"), "user.login");
	json_decref(trail);
	for (size_t i = 0; i < sizeof(logins) / sizeof(logins[0]); i++) {
		cr_assert_eq(permit(s, MANAGER, help_request(s, &a, logins[i], "ro", 8)), -EPERM, "%s", logins[i]);
	}
	cr_assert_eq(permit(s, MANAGER, help_request(s, &a, "t.kacho2", "ro", 8)), 0);
	cr_assert_eq(permit(s, MANAGER, help_request(s, &a, "OFFICE\\\\zkacho", "ro", 8)), -EPERM);
	cr_assert_eq(sk_store_user_login(s, &by, "zkacho", "two words", &err), -EINVAL);
	cr_assert_eq(sk_store_user_login(s, &by, "nobody", "x", &err), -ENOENT);
	help_close(s);
}

Test(store_requests, only_the_manager_of_that_section_permits)
{
	struct sk_store *s = help_store();
	struct chain a = help_terminal(s, 1, "zeimu");
	int64_t n = help_request(s, &a, "shokuin1", "ro", 8);
	struct decision lied = OTHER, whole = MANAGER, dressed = DESK, stranger = MANAGER;

	cr_assert_eq(permit(s, OTHER, n), -EPERM);
	lied.unit = "zeimu"; /* says it acts for the section, the store knows better */
	cr_assert_eq(permit(s, lied, n), -EPERM);
	whole.unit = "";
	cr_assert_eq(permit(s, whole, n), -EPERM);
	cr_assert_eq(permit(s, DESK, n), -EPERM);
	dressed.role = SK_ROLE_SEC;
	dressed.unit = "zeimu";
	cr_assert_eq(permit(s, dressed, n), -EPERM, "a role one does not have");
	stranger.user = "nobody";
	cr_assert_eq(permit(s, stranger, n), -EPERM);
	cr_assert_eq(permit(s, (struct decision){"kansa", "監査", "", SK_ROLE_AUD}, n), -EPERM);
	cr_assert_eq(permit(s, (struct decision){"cli:root", "root", "", SK_ROLE_SYS}, n), -EPERM);
	help_state(s, n, "submitted");
	cr_assert_eq(permit(s, MANAGER, n), 0);
	help_close(s);
}

Test(store_requests, only_the_desk_approves_and_only_what_is_permitted)
{
	struct sk_store *s = help_store();
	struct chain a = help_terminal(s, 1, "zeimu");
	int64_t n = help_request(s, &a, "shokuin1", "ro", 8);

	cr_assert_eq(approve(s, DESK, n), -ESTALE);
	cr_assert_eq(permit(s, MANAGER, n), 0);
	cr_assert_eq(permit(s, MANAGER, n), -ESTALE);
	cr_assert_eq(approve(s, MANAGER, n), -EPERM);
	cr_assert_eq(approve(s, (struct decision){"both", "課長兼窓口", "zeimu", SK_ROLE_SEC}, n), -EPERM,
	             "in the other role");
	cr_assert_eq(approve(s, (struct decision){"both", "課長兼窓口", "zeimu", SK_ROLE_DESK}, n), 0);
	cr_assert_eq(approve(s, DESK, n), -ESTALE);
	cr_assert_eq(approve(s, DESK, 999), -ENOENT);
	help_close(s);
}

Test(store_requests, disabled_in_between)
{
	struct sk_store *s = help_store();
	struct chain a = help_terminal(s, 1, "zeimu");
	int64_t n = help_request(s, &a, "shokuin1", "ro", 8);
	struct sk_actor by = help_admin();
	struct sk_err err = SK_ERR_INIT;

	cr_assert_eq(sk_store_user_disable(s, &by, "zkacho", true, &err), 0);
	cr_assert_eq(permit(s, MANAGER, n), -EPERM);
	cr_assert_eq(sk_store_user_put(s, &by, "zkacho", "係長", "shimin", SK_ROLE_SEC, HASH, &err), 0);
	cr_assert_eq(sk_store_user_disable(s, &by, "zkacho", false, &err), 0);
	cr_assert_eq(permit(s, MANAGER, n), -EPERM, "moved to another section");
	help_close(s);
}

Test(store_requests, refused_returned_cancelled)
{
	struct sk_store *s = help_store();
	struct chain a = help_terminal(s, 1, "zeimu");
	int64_t n[5], version;
	json_t *body;

	for (int i = 0; i < 5; i++)
		n[i] = help_request(s, &a, "shokuin1", "ro", 8);
	cr_assert_eq(decide(s, MANAGER, n[0], SK_DO_REFUSE, NULL, NULL, 0), -EINVAL, "not without a reason");
	cr_assert_eq(decide(s, MANAGER, n[0], SK_DO_REFUSE, "", NULL, 0), -EINVAL);
	cr_assert_eq(decide(s, DESK, n[0], SK_DO_REFUSE, "x", NULL, 0), -EPERM, "it is the manager's turn");
	cr_assert_eq(decide(s, MANAGER, n[0], SK_DO_REFUSE, "不要", NULL, 0), 0);
	help_state(s, n[0], "refused");
	cr_assert_eq(permit(s, MANAGER, n[0]), -ESTALE, "what is refused stays so");
	cr_assert_eq(decide(s, MANAGER, n[1], SK_DO_RETURN, "目的を詳しく", NULL, 0), 0);
	help_state(s, n[1], "returned");
	cr_assert_eq(permit(s, MANAGER, n[2]), 0);
	cr_assert_eq(decide(s, MANAGER, n[2], SK_DO_REFUSE, "x", NULL, 0), -EPERM, "now it is the desk's turn");
	cr_assert_eq(decide(s, DESK, n[2], SK_DO_REFUSE, "暗号化なし", NULL, 0), 0);
	help_state(s, n[2], "refused");
	cr_assert_eq(decide(s, MANAGER, n[3], SK_DO_CANCEL, "x", NULL, 0), -ESTALE);
	cr_assert_eq(permit(s, MANAGER, n[3]), 0);
	cr_assert_eq(approve(s, DESK, n[3]), 0);
	cr_assert_eq(decide(s, OTHER, n[3], SK_DO_CANCEL, "x", NULL, 0), -EPERM);
	cr_assert_eq(decide(s, MANAGER, n[3], SK_DO_CANCEL, NULL, NULL, 0), -EINVAL);
	cr_assert_eq(decide(s, MANAGER, n[3], SK_DO_CANCEL, "紛失", NULL, 0), 0);
	help_state(s, n[3], "cancelled");
	body = sk_store_grants_body(s, a.id, T0, &version);
	cr_assert_eq(json_array_size(json_object_get(body, "grants")), 0);
	cr_assert_eq(json_array_size(json_object_get(body, "requests")), 5);
	json_decref(body);
	help_close(s);
}

Test(store_requests, limits_of_what_is_granted)
{
	struct sk_store *s = help_store();
	struct chain a = help_terminal(s, 1, "zeimu");
	int64_t n = help_request(s, &a, "shokuin1", "ro", 48), m = help_request(s, &a, "shokuin1", "rw", 48);
	char reason[1200];

	memset(reason, 'x', sizeof(reason) - 1);
	reason[sizeof(reason) - 1] = '\0';
	cr_assert_eq(decide(s, MANAGER, n, SK_DO_PERMIT, NULL, NULL, T0), -EINVAL, "an end that is past");
	cr_assert_eq(decide(s, MANAGER, n, SK_DO_PERMIT, NULL, NULL, T0 + 49 * HOUR), -EINVAL, "longer than asked");
	cr_assert_eq(decide(s, MANAGER, n, SK_DO_PERMIT, reason, NULL, T0 + HOUR), -EINVAL);
	cr_assert_eq(decide(s, MANAGER, n, SK_DO_PERMIT, NULL, NULL, T0 + 2 * HOUR), 0);
	cr_assert_eq(decide(s, DESK, n, SK_DO_APPROVE, NULL, "rw", T0 + HOUR), -EINVAL, "more than asked");
	cr_assert_eq(decide(s, DESK, n, SK_DO_APPROVE, NULL, "all", T0 + HOUR), -EINVAL);
	cr_assert_eq(decide(s, DESK, n, SK_DO_APPROVE, NULL, NULL, T0 + HOUR), -EINVAL);
	cr_assert_eq(decide(s, DESK, n, SK_DO_APPROVE, NULL, "ro", 0), -EINVAL, "every grant ends");
	cr_assert_eq(decide(s, DESK, n, SK_DO_APPROVE, NULL, "ro", T0 - 1), -EINVAL);
	cr_assert_eq(decide(s, DESK, n, SK_DO_APPROVE, NULL, "ro", T0 + 3 * HOUR), -EINVAL,
	             "after what the manager permitted");
	cr_assert_eq(decide(s, DESK, n, SK_DO_APPROVE, NULL, "ro", T0 + 2 * HOUR), 0);
	sk_store_set_grant_max(s, 4 * HOUR);
	cr_assert_eq(permit(s, MANAGER, m), 0);
	cr_assert_eq(decide(s, DESK, m, SK_DO_APPROVE, NULL, "rw", T0 + 5 * HOUR), -EINVAL, "the office's longest");
	cr_assert_eq(decide(s, DESK, m, SK_DO_APPROVE, NULL, "rw", T0 + 4 * HOUR), 0);
	help_close(s);
}

static json_t *grants(struct sk_store *s, const char *device, sk_ms now, int64_t *version)
{
	json_t *body = sk_store_grants_body(s, device, now, version), *g = json_incref(json_object_get(body, "grants"));

	json_decref(body);
	return g;
}

Test(store_requests, grants_end)
{
	struct sk_store *s = help_store();
	struct chain a = help_terminal(s, 1, "zeimu");
	int64_t n = help_request(s, &a, "shokuin1", "ro", 8), v1, v2;
	json_t *g;

	cr_assert_eq(permit(s, MANAGER, n), 0);
	cr_assert_eq(approve(s, DESK, n), 0);
	g = grants(s, a.id, T0 + HOUR - 1, &v1);
	cr_assert_eq(json_array_size(g), 1);
	json_decref(g);
	g = grants(s, a.id, T0 + HOUR, &v2);
	cr_assert_eq(json_array_size(g), 0);
	json_decref(g);
	cr_assert_eq(v2, v1 + 1);
	help_state(s, n, "expired");
	help_close(s);
}

Test(store_requests, undecided_and_unused_permits_end)
{
	struct sk_store *s = help_store();
	struct chain a = help_terminal(s, 1, "zeimu");
	int64_t old = help_request(s, &a, "shokuin1", "ro", 8), unused = help_request(s, &a, "shokuin1", "ro", 8);

	cr_assert_eq(decide(s, MANAGER, unused, SK_DO_PERMIT, NULL, NULL, T0 + 2 * HOUR), 0);
	cr_assert_eq(sk_store_tend(s, T0 + 2 * HOUR - 1), 0);
	cr_assert_eq(sk_store_tend(s, T0 + 2 * HOUR), 1);
	help_state(s, unused, "expired");
	help_state(s, old, "submitted");
	cr_assert_eq(sk_store_tend(s, T0 + 32 * 24 * HOUR), 1);
	help_state(s, old, "expired");
	cr_assert_eq(sk_store_tend(s, T0 + 33 * 24 * HOUR), 0);
	help_close(s);
}

Test(store_requests, born_once_per_id_and_terminal)
{
	struct sk_store *s = help_store();
	struct chain a = help_terminal(s, 1, "zeimu"), b = help_terminal(s, 2, "zeimu");
	static const char body[] = "{\"id\":\"10000000-0000-4000-8000-999999999999\",\"kind\":\"media\",\"person\":"
	                           "\"shokuin1\",\"device\":{\"device_key\":"
	                           "\"0000000000000000000000000000000000000000000000000000000000000007\",\"serial\":"
	                           "null},\"purpose\":\"x\",\"access\":\"ro\","
	                           "\"hours\":8,\"class\":\"1\"}";
	json_t *list;

	help_send(s, &a, "request.created", body);
	help_send(s, &a, "request.created", body);
	help_send(s, &b, "request.created", body); /* another terminal's id is its own affair */
	list = sk_store_requests(s, NULL, NULL, NULL, 10, 0);
	cr_assert_eq(json_array_size(list), 2);
	cr_assert_str_eq(help_text(json_object_get(json_array_get(list, 0), "device"), "serial"), "");
	cr_assert_str_eq(help_text(json_array_get(list, 0), "destination"), "");
	json_decref(list);
	help_close(s);
}

Test(store_requests, one_terminal_cannot_flood)
{
	struct sk_store *s = help_store();
	struct chain a = help_terminal(s, 1, "zeimu");
	json_t *list;

	for (int i = 0; i < 100; i++)
		help_request(s, &a, "shokuin1", "ro", 8);
	help_send(s, &a, "request.created",
	          "{\"id\":\"20000000-0000-4000-8000-000000000001\",\"kind\":\"media\",\"person\":\"shokuin1\","
	          "\"device\":{\"device_key\":"
	          "\"0000000000000000000000000000000000000000000000000000000000000007\"},\"purpose\":\"x\",\"access\":"
	          "\"ro\",\"hours\":8,"
	          "\"class\":\"none\"}");
	list = sk_store_requests(s, NULL, NULL, NULL, 1000, 0);
	cr_assert_eq(json_array_size(list), 100);
	json_decref(list);
	help_close(s);
}

Test(store_requests, malformed_ones_are_incidents)
{
	struct sk_store *s = help_store();
	struct chain a = help_terminal(s, 1, "zeimu");
	static const char *const bodies[] = {
	    "{}",
	    "{\"id\":\"10000000-0000-4000-8000-000000000000\"}",
	    "{\"id\":\"x\",\"kind\":\"media\",\"person\":\"t\",\"device\":{},\"purpose\":\"x\",\"access\":\"ro\","
	    "\"hours\":8,\"class\":\"1\"}",
	    "{\"id\":\"10000000-0000-4000-8000-000000000000\",\"kind\":\"media\",\"person\":\"t\\n\",\"device\":{"
	    "\"device_key\":"
	    "\"0000000000000000000000000000000000000000000000000000000000000007\"},\"purpose\":\"x\",\"access\":\"ro\","
	    "\"hours\":8,\"class\":\"1\"}",
	    "{\"id\":\"10000000-0000-4000-8000-000000000000\",\"kind\":\"media\",\"person\":\"t\",\"device\":[],"
	    "\"purpose\":\"x\",\"access\":\"ro\","
	    "\"hours\":8,\"class\":\"1\"}",
	};
	json_t *list, *o;

	for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++)
		help_send(s, &a, "request.created", bodies[i]);
	list = sk_store_requests(s, NULL, NULL, "all", 10, 0);
	cr_assert_eq(json_array_size(list), 0);
	json_decref(list);
	o = sk_store_overview(s, NULL, T0, HOUR);
	cr_assert_eq(help_number(o, "incidents"), (long long)(sizeof(bodies) / sizeof(bodies[0])));
	json_decref(o);
	help_close(s);
}

static size_t listed(struct sk_store *s, const char *unit, const char *person, const char *state)
{
	json_t *list = sk_store_requests(s, unit, person, state, 100, 0);
	size_t n = json_array_size(list);

	json_decref(list);
	return n;
}

Test(store_requests, listing_and_earlier)
{
	struct sk_store *s = help_store();
	struct chain a = help_terminal(s, 1, "zeimu"), b = help_terminal(s, 2, "shimin");
	int64_t first = help_request(s, &a, "shokuin1", "ro", 8), second = help_request(s, &b, "shokuin2", "ro", 8);
	json_t *q;

	cr_assert_eq(permit(s, MANAGER, first), 0);
	cr_assert_eq(listed(s, NULL, NULL, NULL), 2);
	cr_assert_eq(listed(s, "zeimu", NULL, NULL), 1);
	cr_assert_eq(listed(s, NULL, "shokuin2", NULL), 1);
	cr_assert_eq(listed(s, NULL, NULL, "permitted"), 1);
	cr_assert_eq(decide(s, OTHER, second, SK_DO_REFUSE, "x", NULL, 0), 0);
	cr_assert_eq(listed(s, NULL, NULL, NULL), 1);
	cr_assert_eq(listed(s, NULL, NULL, "all"), 2);
	cr_assert_eq(listed(s, "zeimu", "shokuin2", "all"), 0);
	q = sk_store_request(s, first, "zeimu");
	cr_assert_eq(json_array_size(json_object_get(q, "earlier")), 0, "another section's is not shown to this one");
	json_decref(q);
	q = sk_store_request(s, first, NULL);
	cr_assert_eq(json_array_size(json_object_get(q, "earlier")), 1, "the same medium");
	cr_assert_eq(help_number(json_array_get(json_object_get(q, "earlier"), 0), "number"), second);
	json_decref(q);
	cr_assert_null(sk_store_request(s, 999, NULL));
	help_close(s);
}

Test(store_requests, every_decision_is_in_the_trail)
{
	struct sk_store *s = help_store();
	struct chain a = help_terminal(s, 1, "zeimu");
	int64_t n = help_request(s, &a, "shokuin1", "ro", 8);
	json_t *list;

	cr_assert_eq(permit(s, OTHER, n), -EPERM);
	cr_assert_eq(permit(s, MANAGER, n), 0);
	cr_assert_eq(approve(s, DESK, n), 0);
	list = sk_store_audit_list(s, 0, 2);
	cr_assert_str_eq(help_text(json_array_get(list, 0), "action"), "approve");
	cr_assert_str_eq(help_text(json_array_get(list, 0), "user"), "madoguchi");
	cr_assert_str_eq(help_text(json_array_get(list, 1), "action"), "permit");
	json_decref(list);
	help_close(s);
}
