/* The store: opening, sections, people, enrolment, certificates, the audit trail. The contract of server/store.h, whatever stands behind it. */
#include <sys/stat.h>

#include "tests/unit/store_help.h"

Test(store, opens_only_what_is_there)
{
	struct sk_err err = SK_ERR_INIT;
	struct sk_store *s = NULL;

	cr_assert_eq(sk_store_open("/nonexistent/x.db", false, &s, &err), -ENOENT);
	cr_assert_null(s);
	cr_assert(strstr(err.text, "sekimori-server init") != NULL);
}

Test(store, file_is_nobody_elses)
{
	struct sk_store *s = help_store();
	struct stat st;

	if (!behind_url()) {
		cr_assert_eq(stat(help_path, &st), 0);
		cr_assert_eq(st.st_mode & 0777, 0600);
	}
	cr_assert_eq(sk_store_ready(s), 0);
	help_close(s);
}

/* Word of a change comes over a socket with PostgreSQL: soon, not at once. */
static bool hears(struct sk_store *s)
{
	for (int i = 0; i < 2000; i++) {
		if (sk_store_changed(s))
			return true;
		usleep(1000);
	}
	return false;
}

Test(store, two_connections_see_each_other)
{
	struct sk_store *s = help_store(), *cli = NULL;
	struct sk_actor by = help_admin();
	struct sk_err err = SK_ERR_INIT;

	sk_store_changed(s);
	cr_assert_not(sk_store_changed(s));
	cr_assert_eq(sk_store_open(help_path, false, &cli, &err), 0, "%s", err.text);
	cr_assert_eq(sk_store_unit_put(cli, &by, "new", "新課", "New", &err), 0);
	cr_assert(hears(s));
	cr_assert_not(sk_store_changed(s));
	cr_assert_eq(sk_store_unit_put(s, &by, "own", "自課", "Own", &err), 0);
	cr_assert_not(sk_store_changed(s), "its own writes are no news");
	sk_store_close(cli);
	help_close(s);
}

Test(store, roles_have_names)
{
	enum sk_role r;

	cr_assert_eq(sk_role_parse("sec", &r), 0);
	cr_assert_eq(r, SK_ROLE_SEC);
	cr_assert_str_eq(sk_role_name(SK_ROLE_AUD), "aud");
	cr_assert_eq(sk_role_parse("none", &r), -EINVAL);
	cr_assert_eq(sk_role_parse("", &r), -EINVAL);
}

Test(store, units)
{
	struct sk_store *s = help_store();
	struct sk_actor by = help_admin();
	struct sk_err err = SK_ERR_INIT;
	json_t *list;

	cr_assert_eq(sk_store_unit_put(s, &by, "Bad Key", "x", "x", &err), -EINVAL);
	cr_assert_eq(sk_store_unit_put(s, &by, "a.b", "x", "x", &err), -EINVAL);
	cr_assert_eq(sk_store_unit_put(s, &by, "", "x", "x", &err), -EINVAL);
	cr_assert_eq(sk_store_unit_put(s, &by, "k", "", "x", &err), -EINVAL);
	cr_assert_eq(sk_store_unit_put(s, &by, "zeimu", "税務課（新）", "Tax (new)", &err), 0);
	help_terminal(s, 1, "zeimu");
	list = sk_store_units(s);
	cr_assert_eq(json_array_size(list), 2);
	cr_assert_str_eq(help_text(json_array_get(list, 1), "name_ja"), "税務課（新）");
	cr_assert_eq(help_number(json_array_get(list, 1), "terminals"), 1);
	cr_assert_eq(help_number(json_array_get(list, 0), "terminals"), 0);
	json_decref(list);
	help_close(s);
}

Test(store, users_are_checked)
{
	struct sk_store *s = help_store();
	struct sk_actor by = help_admin();
	struct sk_err err = SK_ERR_INIT;

	cr_assert_eq(sk_store_user_put(s, &by, "A B", "n", "", SK_ROLE_DESK, HASH, &err), -EINVAL);
	cr_assert_eq(sk_store_user_put(s, &by, "system", "n", "", SK_ROLE_DESK, HASH, &err), -EINVAL);
	cr_assert_eq(sk_store_user_put(s, &by, "x", "", "", SK_ROLE_DESK, HASH, &err), -EINVAL);
	cr_assert_eq(sk_store_user_put(s, &by, "x", "n", "", 0, HASH, &err), -EINVAL);
	cr_assert_eq(sk_store_user_put(s, &by, "x", "n", "", 256, HASH, &err), -EINVAL);
	cr_assert_eq(sk_store_user_put(s, &by, "x", "n", "", SK_ROLE_SEC, HASH, &err), -EINVAL, "a manager of nothing");
	cr_assert_eq(sk_store_user_put(s, &by, "x", "n", "nowhere", SK_ROLE_SEC, HASH, &err), -ENOENT);
	cr_assert_eq(sk_store_user_put(s, &by, "x", "n", "", SK_ROLE_DESK, "plain text", &err), -EINVAL);
	cr_assert_eq(sk_store_user_password(s, &by, "nobody", HASH, &err), -ENOENT);
	cr_assert_eq(sk_store_user_password(s, &by, "zkacho", "plain", &err), -EINVAL);
	cr_assert_eq(sk_store_user_disable(s, &by, "nobody", true, &err), -ENOENT);
	help_close(s);
}

Test(store, user_round_trip)
{
	struct sk_store *s = help_store();
	struct sk_actor by = help_admin();
	struct sk_err err = SK_ERR_INIT;
	struct sk_user u;
	json_t *list;

	cr_assert_eq(sk_store_user_get(s, "nobody", &u), -ENOENT);
	cr_assert_eq(sk_store_user_get(s, "both", &u), 0);
	cr_assert_str_eq(u.name, "課長兼窓口");
	cr_assert_str_eq(u.unit, "zeimu");
	cr_assert_eq(u.roles, SK_ROLE_SEC | SK_ROLE_DESK);
	cr_assert_str_eq(u.password_hash, HASH);
	cr_assert_not(u.disabled);
	cr_assert_eq(sk_store_user_disable(s, &by, "both", true, &err), 0);
	cr_assert_eq(sk_store_user_get(s, "both", &u), 0);
	cr_assert(u.disabled);
	list = sk_store_users(s);
	cr_assert_eq(json_array_size(list), 5);
	cr_assert_eq(json_array_size(json_object_get(json_array_get(list, 0), "roles")), 2);
	cr_assert(json_is_true(json_object_get(json_array_get(list, 0), "disabled")));
	cr_assert_null(json_object_get(json_array_get(list, 0), "password_hash"));
	json_decref(list);
	help_close(s);
}

static int enrol(struct sk_store *s, const char *sha, const char *host, const char *asset, int n, sk_ms now)
{
	char id[SK_UUID_LEN], fp[SK_SHA256_HEX];
	struct sk_err err = SK_ERR_INIT;

	snprintf(id, sizeof(id), "00000000-0000-4000-8000-%012d", n);
	snprintf(fp, sizeof(fp), "%064d", n);
	return sk_store_enrol(s, sha, host, asset, id, fp, now + 90 * 24 * HOUR, now, &err);
}

Test(store, enrolled_again_the_old_identity_ends)
{
	struct sk_store *s = help_store();
	sk_ms now = sk_clock_wall();
	struct sk_terminal t;
	char fp[SK_SHA256_HEX];
	json_t *page, *list;

	help_token(s, "one", "pc-1", "A-1", "zeimu");
	help_token(s, "two", "pc-1", "A-1", "zeimu");
	help_token(s, "three", "pc-9", "A-1", "zeimu");
	help_token(s, "four", "pc-2", "", "zeimu");
	cr_assert_eq(enrol(s, "one", "pc-1", "A-1", 1, now), SK_TOKEN_OK);
	cr_assert_eq(enrol(s, "four", "pc-2", "", 4, now), SK_TOKEN_OK);
	snprintf(fp, sizeof(fp), "%064d", 1);
	cr_assert_eq(sk_store_terminal_by_cert(s, fp, &t), 0);
	cr_assert_eq(enrol(s, "one", "pc-1", "A-1", 2, now), SK_TOKEN_USED);
	cr_assert_eq(sk_store_terminal_by_cert(s, fp, &t), 0, "a refused one changes nothing");
	cr_assert_eq(enrol(s, "two", "PC-1", "A-1", 2, now), SK_TOKEN_OK);
	cr_assert_eq(sk_store_terminal_by_cert(s, fp, &t), -EACCES);
	cr_assert_eq(enrol(s, "three", "pc-9", "A-1", 3, now), SK_TOKEN_OK, "renamed, the same asset");
	snprintf(fp, sizeof(fp), "%064d", 2);
	cr_assert_eq(sk_store_terminal_by_cert(s, fp, &t), -EACCES);
	snprintf(fp, sizeof(fp), "%064d", 4);
	cr_assert_eq(sk_store_terminal_by_cert(s, fp, &t), 0, "another host is not touched");
	page = sk_store_terminal_page(s, "00000000-0000-4000-8000-000000000003", now, HOUR);
	list = json_object_get(page, "identities");
	cr_assert_eq(json_array_size(list), 2);
	cr_assert_str_eq(help_text(json_array_get(list, 0), "id"), "00000000-0000-4000-8000-000000000002");
	cr_assert_str_eq(help_text(json_array_get(list, 1), "id"), "00000000-0000-4000-8000-000000000001");
	json_decref(page);
	list = sk_store_audit_list(s, 0, 1000);
	cr_assert_str_eq(help_text(json_array_get(list, 0), "action"), "enrol");
	cr_assert_str_eq(help_text(json_array_get(list, 1), "action"), "terminal.replaced");
	cr_assert_str_eq(help_text(json_array_get(list, 1), "object"), "00000000-0000-4000-8000-000000000002");
	json_decref(list);
	help_close(s);
}

Test(store, token_refusals)
{
	struct sk_store *s = help_store();
	struct sk_actor by = help_admin();
	struct sk_err err = SK_ERR_INIT;
	sk_ms now = sk_clock_wall();
	json_t *list;

	cr_assert_eq(sk_store_token_put(s, &by, "a", "bad host", "", "zeimu", now + HOUR, &err), -EINVAL);
	cr_assert_eq(sk_store_token_put(s, &by, "a", "pc", "", "nowhere", now + HOUR, &err), -ENOENT);
	cr_assert_eq(sk_store_token_put(s, &by, "a", "pc", "", "zeimu", now - 1, &err), -EINVAL);
	help_token(s, "one", "pc-1", "A-1", "zeimu");
	cr_assert_eq(enrol(s, "none", "pc-1", "A-1", 1, now), SK_TOKEN_UNKNOWN);
	cr_assert_eq(enrol(s, "one", "pc-2", "A-1", 1, now), SK_TOKEN_OTHER_HOST);
	cr_assert_eq(enrol(s, "one", "pc-1", "A-2", 1, now), SK_TOKEN_OTHER_HOST);
	cr_assert_eq(enrol(s, "one", "pc-1", "", 1, now), SK_TOKEN_OTHER_HOST);
	cr_assert_eq(enrol(s, "one", "pc-1", "A-1", 1, now + 2 * HOUR), SK_TOKEN_EXPIRED);
	cr_assert_eq(enrol(s, "one", "PC-1", "A-1", 1, now), SK_TOKEN_OK);
	cr_assert_eq(enrol(s, "one", "pc-1", "A-1", 2, now), SK_TOKEN_USED);
	help_token(s, "two", "pc-3", "", "zeimu");
	cr_assert_eq(sk_store_token_revoke(s, &by, 2, &err), 0);
	cr_assert_eq(sk_store_token_revoke(s, &by, 2, &err), -ESTALE);
	cr_assert_eq(sk_store_token_revoke(s, &by, 1, &err), -ESTALE);
	cr_assert_eq(sk_store_token_revoke(s, &by, 9, &err), -ENOENT);
	cr_assert_eq(enrol(s, "two", "pc-3", "", 3, now), SK_TOKEN_UNKNOWN);
	list = sk_store_tokens(s, now);
	cr_assert_eq(json_array_size(list), 2);
	cr_assert_str_eq(help_text(json_array_get(list, 0), "state"), "revoked");
	cr_assert_str_eq(help_text(json_array_get(list, 1), "state"), "used");
	json_decref(list);
	list = sk_store_audit_list(s, 0, 1000);
	int refused = 0;
	json_t *line;
	size_t i;
	json_array_foreach(list, i, line)
	{
		refused += strcmp(help_text(line, "action"), "enrol.refused") == 0;
	}
	cr_assert_eq(refused, 7, "every refusal is on record");
	json_decref(list);
	help_close(s);
}

Test(store, terminals_by_certificate)
{
	struct sk_store *s = help_store();
	struct chain a = help_terminal(s, 1, "zeimu"), b = help_terminal(s, 2, "shimin");
	struct sk_actor by = help_admin();
	struct sk_err err = SK_ERR_INIT;
	struct sk_terminal t;

	cr_assert_eq(sk_store_terminal_by_cert(s, a.fingerprint, &t), 0);
	cr_assert_str_eq(t.id, a.id);
	cr_assert_str_eq(t.unit, "zeimu");
	cr_assert_str_eq(t.last_hash, SK_CHAIN_ZERO);
	cr_assert_eq(sk_store_terminal_by_cert(s, "", &t), -ENOENT);
	cr_assert_eq(sk_store_terminal_by_cert(s, "f", &t), -ENOENT);
	cr_assert_eq(sk_store_terminal_revoke(s, &by, a.id, "lost", &err), 0);
	cr_assert_eq(sk_store_terminal_revoke(s, &by, a.id, "lost", &err), -ESTALE);
	cr_assert_eq(sk_store_terminal_revoke(s, &by, "x", "lost", &err), -ENOENT);
	cr_assert_eq(sk_store_terminal_by_cert(s, a.fingerprint, &t), -EACCES);
	cr_assert_eq(sk_store_terminal_by_cert(s, b.fingerprint, &t), 0);
	help_close(s);
}

Test(store, renewal)
{
	struct sk_store *s = help_store();
	struct chain a = help_terminal(s, 1, "zeimu"), b = help_terminal(s, 2, "zeimu");
	struct sk_terminal t;

	cr_assert_eq(sk_store_terminal_renewed(s, a.id, "wrong", "new", T0, T0), -ESTALE);
	cr_assert_eq(sk_store_terminal_renewed(s, a.id, b.fingerprint, "new", T0, T0), -ESTALE,
	             "another's certificate renews nothing");
	cr_assert_eq(sk_store_terminal_renewed(s, a.id, a.fingerprint, "lost", T0, T0), 0);
	cr_assert_eq(sk_store_terminal_by_cert(s, a.fingerprint, &t), 0, "the answer may have got lost");
	cr_assert_eq(sk_store_terminal_renewed(s, a.id, a.fingerprint, "new", T0 + 5, T0), 0);
	cr_assert_eq(sk_store_terminal_by_cert(s, "lost", &t), -ENOENT);
	cr_assert_eq(sk_store_terminal_by_cert(s, "new", &t), 0);
	cr_assert_str_eq(t.id, a.id);
	cr_assert_str_eq(t.fingerprint, "new");
	cr_assert_eq(sk_store_terminal_by_cert(s, a.fingerprint, &t), -ENOENT);
	help_close(s);
}

Test(store, revoked_terminal_renews_nothing)
{
	struct sk_store *s = help_store();
	struct chain a = help_terminal(s, 1, "zeimu");
	struct sk_actor by = help_admin();
	struct sk_err err = SK_ERR_INIT;
	struct sk_terminal t;

	cr_assert_eq(sk_store_terminal_renewed(s, a.id, a.fingerprint, "new", T0, T0), 0);
	cr_assert_eq(sk_store_terminal_revoke(s, &by, a.id, "lost", &err), 0);
	cr_assert_eq(sk_store_terminal_by_cert(s, "new", &t), -EACCES,
	             "nor does what it had renewed before open anything");
	cr_assert_eq(sk_store_terminal_renewed(s, a.id, a.fingerprint, "newer", T0, T0), -ESTALE);
	help_close(s);
}

Test(store, audit_is_a_chain_and_pages)
{
	struct sk_store *s = help_store();
	struct sk_actor by = help_actor("kansa", "監査担当", "", SK_ROLE_AUD);
	struct sk_err err = SK_ERR_INIT;
	json_t *detail = json_pack("{s:s}", "page", "terminal"), *list, *findings = NULL;
	long long newest;

	cr_assert_eq(sk_store_audit(s, &by, "view", "terminal:x", detail, T0), 0);
	cr_assert_eq(sk_store_audit(s, &by, "view", "terminal:y", NULL, T0 + 1), 0);
	json_decref(detail);
	list = sk_store_audit_list(s, 0, 2);
	cr_assert_eq(json_array_size(list), 2);
	cr_assert_str_eq(help_text(json_array_get(list, 0), "object"), "terminal:y");
	cr_assert(json_is_null(json_object_get(json_array_get(list, 0), "detail")));
	cr_assert_str_eq(help_text(json_object_get(json_array_get(list, 1), "detail"), "page"), "terminal");
	cr_assert_str_eq(help_text(json_array_get(list, 1), "name"), "監査担当");
	cr_assert_str_eq(help_text(json_array_get(list, 1), "role"), "aud");
	newest = help_number(json_array_get(list, 0), "id");
	json_decref(list);
	list = sk_store_audit_list(s, newest - 1, 100);
	cr_assert_eq((long long)json_array_size(list), newest - 2);
	json_decref(list);
	cr_assert_eq(sk_store_verify(s, &findings, &err), 0);
	cr_assert_eq(help_number(json_array_get(findings, 0), "records"), newest);
	json_decref(findings);
	help_close(s);
}

Test(store, batch_is_one_commit)
{
	struct sk_store *s = help_store(), *other = NULL;
	struct chain a = help_terminal(s, 1, "zeimu");
	struct sk_err err = SK_ERR_INIT;
	struct sk_terminal t;

	cr_assert_eq(sk_store_open(help_path, false, &other, &err), 0);
	cr_assert_eq(sk_store_batch_end(s), -EINVAL);
	cr_assert_eq(sk_store_batch_begin(s), 0);
	cr_assert_eq(sk_store_batch_begin(s), -EALREADY);
	help_send(s, &a, "chain-start", "{}");
	help_send(s, &a, "daemon.started", "{}");
	cr_assert_eq(sk_store_terminal_get(other, a.id, &t), 0);
	cr_assert_eq(t.last_seq, 0, "nobody sees it before the commit");
	cr_assert_eq(sk_store_batch_end(s), 0);
	cr_assert_eq(sk_store_terminal_get(other, a.id, &t), 0);
	cr_assert_eq(t.last_seq, 2);
	sk_store_close(other);
	help_close(s);
}

Test(store, what_fails_inside_a_batch_takes_nothing_with_it)
{
	struct sk_store *s = help_store();
	struct chain a = help_terminal(s, 1, "zeimu");
	struct sk_actor by = help_admin();
	struct sk_err err = SK_ERR_INIT;
	struct sk_terminal t;

	cr_assert_eq(sk_store_batch_begin(s), 0);
	help_send(s, &a, "chain-start", "{}");
	cr_assert_eq(sk_store_token_revoke(s, &by, 99, &err), -ENOENT);
	help_send(s, &a, "daemon.started", "{}");
	cr_assert_eq(sk_store_batch_end(s), 0);
	cr_assert_eq(sk_store_terminal_get(s, a.id, &t), 0);
	cr_assert_eq(t.last_seq, 2);
	help_close(s);
}

Test(store, contacts_are_kept_and_written)
{
	struct sk_store *s = help_store();
	struct chain a = help_terminal(s, 1, "zeimu");
	struct sk_err err = SK_ERR_INIT;
	struct sk_terminal t;

	sk_store_contact(s, a.id, T0 + 7);
	cr_assert_eq(sk_store_terminal_get(s, a.id, &t), 0);
	cr_assert_eq(t.last_contact, T0 + 7);
	s = sk_store_close(s);
	cr_assert_eq(sk_store_open(help_path, false, &s, &err), 0);
	cr_assert_eq(sk_store_terminal_get(s, a.id, &t), 0);
	cr_assert_eq(t.last_contact, T0 + 7);
	sk_store_contact(s, a.id, T0 + 9);
	cr_assert_geq(sk_store_tend(s, T0), 0);
	cr_assert_eq(sk_store_terminal_get(s, a.id, &t), 0);
	cr_assert_eq(t.last_contact, T0 + 9);
	help_close(s);
}

Test(store, the_trail_names_roles)
{
	struct sk_store *s = help_store();
	json_t *list = sk_store_audit_list(s, 0, 2), *roles;

	cr_assert_str_eq(help_text(json_array_get(list, 1), "object"), "both");
	roles = json_object_get(json_object_get(json_array_get(list, 1), "detail"), "roles");
	cr_assert_str_eq(json_string_value(json_array_get(roles, 0)), "sec");
	cr_assert_str_eq(json_string_value(json_array_get(roles, 1)), "desk");
	json_decref(list);
	help_close(s);
}
