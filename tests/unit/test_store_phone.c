/* The helpdesk's answers: who may give them, what is kept, and what of a terminal's record does not fit. */
#include <sys/stat.h>
#include "server/phone_master.h"
#include "server/store_phone.h"
#include "tests/unit/store_help.h"

static struct sk_store *s;
static struct chain pc;
static struct sk_actor desk;
static struct sk_err err;
static const uint8_t master[32] = {7};
static char answer[SK_PHONE_TEXT];

static void setup(void)
{
	s = help_store();
	sk_store_set_phone(s, master);
	pc = help_terminal(s, 1, "zeimu");
	desk = help_actor("madoguchi", "窓口担当", "", SK_ROLE_DESK);
}

static void teardown(void)
{
	help_close(s);
}

static const char *challenge(unsigned epoch, unsigned counter, uint32_t nonce)
{
	static char text[SK_PHONE_TEXT];
	struct sk_phone_challenge c = {sk_phone_short(pc.id), epoch, counter, nonce, 0xa1b2c3d4e5};

	sk_phone_challenge_write(&c, text);
	return text;
}

static struct sk_phone_issue wish(const char *text)
{
	return (struct sk_phone_issue){.terminal = pc.id,
	                               .challenge = text,
	                               .person = "clerk",
	                               .profile = 1,
	                               .permitted_by = "zkacho",
	                               .reason = "窓口の書類",
	                               .callback = "内線1234"};
}

static int issue(struct sk_phone_issue i)
{
	err = (struct sk_err)SK_ERR_INIT;
	answer[0] = '\0';
	return sk_store_phone_issue(s, &desk, &i, T0, answer, &err);
}

static long long scalar(const char *what)
{
	json_t *list = sk_store_audit_list(s, 0, 200), *row;
	long long n = 0;
	size_t i;

	json_array_foreach(list, i, row) n +=
	    !strcmp(help_text(row, "action"), what) || !strcmp(help_text(json_object_get(row, "detail"), "kind"), what);
	json_decref(list);
	return n;
}

static long long epoch_in_bundle(void)
{
	int64_t version;
	json_t *body = sk_store_grants_body(s, pc.id, T0, &version);
	long long e = help_number(json_object_get(body, "phone"), "epoch");

	cr_assert_eq(strlen(help_text(json_object_get(body, "phone"), "key")), 64);
	json_decref(body);
	return e;
}

static void used(unsigned epoch, unsigned counter, uint32_t nonce, const char *person)
{
	char body[400];

	snprintf(body, sizeof body,
	         "{\"id\":\"x\",\"purpose\":\"medium\",\"person\":\"%s\",\"epoch\":%u,\"counter\":%u,\"nonce\":%lu,"
	         "\"media\":%llu,\"profile\":1}",
	         person, epoch, counter, (unsigned long)nonce, 0xa1b2c3d4e5ULL);
	help_send(s, &pc, "grant.phone", body);
}

Test(store_phone, an_answer_that_the_terminal_would_take, .init = setup, .fini = teardown)
{
	struct sk_phone_permit m = {SK_PHONE_MEDIUM, pc.id, "clerk", 1, 0, 77, 0xa1b2c3d4e5, 1, 3600};
	char want[SK_PHONE_TEXT];
	uint8_t key[32];
	json_t *list;

	sk_phone_key(master, pc.id, 1, key);
	sk_phone_answer_write(1, sk_phone_code(key, &m), want);
	cr_assert_eq(issue(wish(challenge(1, 0, 77))), 0, "%s", err.text);
	cr_assert_str_eq(answer, want);
	cr_assert_eq(scalar("phone.issue"), 1);
	list = sk_store_phone_list(s, 10);
	cr_assert_str_eq(help_text(json_array_get(list, 0), "state"), "issued");
	cr_assert_str_eq(help_text(json_array_get(list, 0), "permitted_by"), "zkacho");
	json_decref(list);
	cr_assert_eq(issue(wish(challenge(1, 0, 77))), -EEXIST, "shown once");
	cr_assert_str_eq(answer, "");
}

Test(store_phone, what_is_not_answered, .init = setup, .fini = teardown)
{
	struct sk_phone_issue i;

	i = wish("1234");
	cr_assert_eq(issue(i), SK_PHONE_TYPO);
	i = wish("x");
	cr_assert_eq(issue(i), -EINVAL);
#define REFUSED(field, value, code) \
	do { \
		i = wish(challenge(1, 0, 5)); \
		i.field = (value); \
		cr_assert_eq(issue(i), (code), #field " %s", err.text); \
		cr_assert_gt(strlen(err.text), 0); \
	} while (0)
	REFUSED(terminal, "00000000-0000-4000-8000-000000000099", -ENOENT);
	REFUSED(person, "", -EINVAL);
	REFUSED(person, "a\nb", -EINVAL);
	REFUSED(person, "madoguchi", -EPERM);
	REFUSED(reason, "", -EINVAL);
	REFUSED(callback, "", -EINVAL);
	REFUSED(profile, 9, -EINVAL);
	REFUSED(permitted_by, "skacho", -EPERM); /* of another section */
	REFUSED(permitted_by, "kansa", -EPERM); /* no manager */
	REFUSED(permitted_by, "nobody", -EPERM);
	REFUSED(person, "ZKACHO", -EPERM); /* the manager for themselves */
	REFUSED(challenge, challenge(2, 0, 5), -EINVAL); /* an epoch that never was */
	pc = help_terminal(s, 2, "zeimu");
	i = wish(challenge(1, 0, 5));
	i.terminal = "00000000-0000-4000-8000-000000000001";
	cr_assert_eq(issue(i), -EXDEV, "of another terminal");
	desk = help_actor("zkacho", "税務課長", "zeimu", SK_ROLE_SEC);
	cr_assert_eq(issue(wish(challenge(1, 0, 5))), -EPERM, "not in the manager's role");
	desk = help_actor("both", "課長兼窓口", "", SK_ROLE_DESK);
	i = wish(challenge(1, 0, 5));
	i.permitted_by = "both";
	cr_assert_eq(issue(i), -EPERM, "nobody is both");
	cr_assert_eq(scalar("phone.issue"), 0);
}

Test(store_phone, an_urgent_exception_is_marked, .init = setup, .fini = teardown)
{
	struct sk_phone_issue i = wish(challenge(1, 0, 5));

	i.permitted_by = "";
	cr_assert_eq(issue(i), 0, "%s", err.text);
	cr_assert_eq(scalar("phone.issue-urgent"), 1);
}

Test(store_phone, a_use_is_matched_and_the_key_changes, .init = setup, .fini = teardown)
{
	json_t *list;

	cr_assert_eq(epoch_in_bundle(), 1);
	cr_assert_eq(issue(wish(challenge(1, 0, 77))), 0);
	used(1, 0, 77, "clerk");
	cr_assert_eq(epoch_in_bundle(), 2);
	list = sk_store_phone_list(s, 10);
	cr_assert_str_eq(help_text(json_array_get(list, 0), "state"), "redeemed");
	json_decref(list);
	cr_assert_eq(scalar("phone-never-issued"), 0);
	/* Offline for long: a second use of the old key, issued while the server knew nothing of the first. */
	cr_assert_eq(issue(wish(challenge(1, 1, 78))), 0, "%s", err.text);
	used(1, 1, 78, "clerk");
	cr_assert_eq(scalar("phone-never-issued"), 0);
	cr_assert_eq(epoch_in_bundle(), 2, "raised once");
}

Test(store_phone, a_use_that_was_never_issued_is_an_incident, .init = setup, .fini = teardown)
{
	used(1, 0, 77, "clerk");
	cr_assert_eq(scalar("phone-never-issued"), 1);
	cr_assert_eq(issue(wish(challenge(2, 0, 5))), 0, "%s", err.text);
	used(2, 0, 5, "somebody");
	cr_assert_eq(scalar("phone-never-issued"), 2, "for another person");
	used(3, 0, 5, "clerk");
	cr_assert_eq(scalar("phone-never-issued"), 3);
	help_send(s, &pc, "grant.phone", "{\"epoch\":\"x\"}");
	cr_assert_eq(scalar("phone-malformed"), 1);
	cr_assert_eq(issue(wish(challenge(4, 0, 9))), 0);
	used(4, 0, 9, "clerk");
	used(4, 0, 9, "clerk");
	cr_assert_eq(scalar("phone-never-issued"), 4, "one answer, two uses");
}

Test(store_phone, an_answer_nobody_used_is_noticed, .init = setup, .fini = teardown)
{
	cr_assert_eq(issue(wish(challenge(1, 0, 77))), 0);
	cr_assert_geq(sk_store_tend(s, T0 + 6 * 24 * HOUR), 0);
	cr_assert_eq(scalar("phone-not-used"), 0);
	cr_assert_geq(sk_store_tend(s, T0 + 8 * 24 * HOUR), 0);
	cr_assert_geq(sk_store_tend(s, T0 + 9 * 24 * HOUR), 0);
	cr_assert_eq(scalar("phone-not-used"), 1);
}

Test(store_phone, the_master_key_is_a_file_of_its_own)
{
	char dir[] = "/tmp/sekimori-master-XXXXXX", path[80];
	uint8_t a[32], b[32];
	struct sk_buf made;
	FILE *f;

	cr_assert_not_null(mkdtemp(dir));
	sk_buf_init(&made, 1000);
	snprintf(path, sizeof path, "%s/phone.key", dir);
	cr_assert_eq(sk_phone_master(dir, a, &made, &err), 0, "%s", err.text);
	cr_assert_not_null(strstr(made.data, "phone.key"));
	cr_assert_eq(sk_phone_master(dir, b, NULL, &err), 0);
	cr_assert_eq(memcmp(a, b, 32), 0);
	cr_assert_eq(chmod(path, 0644), 0);
	cr_assert_eq(sk_phone_master(dir, b, NULL, &err), -EPERM);
	cr_assert_eq(chmod(path, 0600), 0);
	f = fopen(path, "w");
	fputs("short\n", f);
	fclose(f);
	cr_assert_lt(sk_phone_master(dir, b, NULL, &err), 0);
	unlink(path);
	rmdir(dir);
	sk_buf_deinit(&made);
}
