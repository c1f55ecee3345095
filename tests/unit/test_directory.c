/* What is asked of a directory: names are escaped into the filter, and nothing is asked for an empty password. */
#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#include "server/directory.h"

static struct sk_directory set_up(void)
{
	struct sk_directory d;

	sk_directory_default(&d);
	strcpy(d.url, "ldaps://127.0.0.1:1");
	strcpy(d.base, "dc=example,dc=jp");
	return d;
}

Test(directory, filter)
{
	static const struct {
		const char *name, *filter;
	} rows[] = {
	    {"kacho", "(&(objectClass=person)(uid=kacho))"},
	    {"k*", "(&(objectClass=person)(uid=k\\2A))"},
	    {"a)(uid=*", "(&(objectClass=person)(uid=a\\29\\28uid=\\2A))"},
	    {"back\\slash", "(&(objectClass=person)(uid=back\\5Cslash))"},
	};
	struct sk_directory d = set_up();
	char out[1024];

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		cr_assert_eq(sk_directory_filter(&d, rows[i].name, out, sizeof(out)), 0);
		cr_assert_str_eq(out, rows[i].filter);
	}
	cr_assert_eq(sk_directory_filter(&d, "kacho", out, 20), -E2BIG);
}

Test(directory, active_directory)
{
	struct sk_directory d = set_up();
	char out[1024];

	strcpy(d.people, "(&(objectCategory=person)(!(userAccountControl:1.2.840.113556.1.4.803:=2)))");
	strcpy(d.user, "sAMAccountName");
	cr_assert_eq(sk_directory_filter(&d, "t.tanaka", out, sizeof(out)), 0);
	cr_assert_str_eq(
	    out,
	    "(&(&(objectCategory=person)(!(userAccountControl:1.2.840.113556.1.4.803:=2)))(sAMAccountName=t.tanaka))");
}

Test(directory, nothing_is_asked_without_a_password)
{
	struct sk_directory d = set_up(); /* nobody listens there */
	struct sk_err err = SK_ERR_INIT;

	cr_assert_eq(sk_directory_check(&d, "kacho", "", &err), 0);
	cr_assert_eq(sk_directory_check(&d, "", "x", &err), 0);
	cr_assert_eq(sk_directory_check(&d, "kacho", "x", &err), -EHOSTUNREACH);
	cr_assert(strstr(err.text, "ldaps://127.0.0.1:1") != NULL, "%s", err.text);
}

Test(directory, a_secret_that_is_not_there)
{
	struct sk_directory d = set_up();
	struct sk_err err = SK_ERR_INIT;
	struct sk_buf out;

	strcpy(d.bind_dn, "cn=asker");
	strcpy(d.secret, "/nonexistent/secret");
	sk_buf_init(&out, 4096);
	cr_assert_lt(sk_directory_people(&d, &out, &err), 0);
	cr_assert(strstr(err.text, "/nonexistent/secret") != NULL, "%s", err.text);
	sk_buf_deinit(&out);
}
