/* Second factors lie sealed in the ledger: to this server, each for its account. */
#include "server/store_login.h"
#include "server/store_media.h"
#include "tests/unit/store_help.h"

#define SECRET "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"

static const uint8_t key[32] = {1, 2, 3}, other[32] = {4};

static void set_up(struct sk_store *s, const char *user)
{
	struct sk_actor by = help_actor(user, "", "", SK_ROLE_SEC);
	struct sk_err err = SK_ERR_INIT;

	cr_assert_eq(sk_store_factor_begin(s, user, SECRET, T0), 0);
	cr_assert_eq(sk_store_factor_confirm(s, &by, "another", 1, T0, &err), -ESTALE);
	cr_assert_eq(sk_store_factor_confirm(s, &by, SECRET, 1, T0, &err), 0, "%s", err.text);
	cr_assert_eq(sk_store_factor_confirm(s, &by, SECRET, 1, T0, &err), -ESTALE, "once");
}

static void holds(struct sk_store *s, const char *user, const char *secret)
{
	struct sk_second_factor f;

	cr_assert_eq(sk_store_factor_get(s, user, &f), 0);
	cr_assert_str_eq(f.secret, secret);
	cr_assert_str_empty(f.pending);
	cr_assert_eq(f.used, 1);
}

Test(store_login, sealed)
{
	struct sk_store *s = help_store();
	struct sk_second_factor f = {.used = 77};

	sk_store_set_container(s, key);
	set_up(s, "zkacho");
	set_up(s, "skacho");
	holds(s, "zkacho", SECRET);
	sk_store_set_container(s, other);
	cr_assert_eq(sk_store_factor_get(s, "zkacho", &f), -EBADMSG);
	cr_assert_eq(f.used, 77, "untouched");
	sk_store_set_container(s, key);
	behind(help_path,
	       "UPDATE users SET totp = (SELECT totp FROM users WHERE \"user\" = 'zkacho') WHERE \"user\" = 'skacho';");
	cr_assert_eq(sk_store_factor_get(s, "skacho", &f), -EBADMSG, "for its account only");
	holds(s, "zkacho", SECRET);
	help_close(s);
}

Test(store_login, what_was_unsealed_is_sealed)
{
	struct sk_store *s = help_store();

	set_up(s, "zkacho");
	cr_assert_eq(sk_store_factors_seal(s), -ENOKEY);
	holds(s, "zkacho", SECRET);
	sk_store_set_container(s, key);
	holds(s, "zkacho", SECRET);
	cr_assert_eq(sk_store_factors_seal(s), 1);
	cr_assert_eq(sk_store_factors_seal(s), 0);
	holds(s, "zkacho", SECRET);
	sk_store_set_container(s, other);
	cr_assert_eq(sk_store_factors_seal(s), 0, "what is sealed stays");
	help_close(s);
}

Test(store_login, what_is_no_seal)
{
	static const char *const bad[] = {"sealed:", "sealed:zz", "sealed:00", SECRET SECRET};
	struct sk_store *s = help_store();
	struct sk_second_factor f;
	char sql[256];

	sk_store_set_container(s, key);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		snprintf(sql, sizeof(sql), "UPDATE users SET totp = '%s' WHERE \"user\" = 'zkacho';", bad[i]);
		behind(help_path, sql);
		cr_expect_eq(sk_store_factor_get(s, "zkacho", &f), -EBADMSG, "%s", bad[i]);
		cr_expect_eq(sk_store_factors_seal(s), 0, "%s", bad[i]);
	}
	help_close(s);
}
