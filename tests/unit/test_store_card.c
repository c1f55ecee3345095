/* IC cards: one certificate is one account's, and a lost one ends its sessions. */
#include "server/store_card.h"
#include "tests/unit/store_help.h"

#define A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define B "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"

Test(card, fingerprints)
{
	char out[SK_SHA256_HEX] = "kept";
	static const char *const bad[] = {"", "abc", A "a", "g" A, "aa aa", A ":b"};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		cr_assert_eq(sk_card_fingerprint(bad[i], out), -EINVAL, "%s", bad[i]);
	cr_assert_str_eq(out, "kept");
	cr_assert_eq(sk_card_fingerprint("AA:AA:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", out), 0);
	cr_assert_str_eq(out, A);
}

Test(card, of_one_account)
{
	struct sk_store *s = help_store();
	struct sk_actor by = help_actor("johokan", "情報システム管理者", "", SK_ROLE_SYS);
	struct sk_err err = SK_ERR_INIT;
	char user[64] = "";
	json_t *list;

	cr_assert_eq(sk_store_card_user(s, A, user), -ENOENT);
	cr_assert_eq(sk_store_card_put(s, &by, "nobody", A, T0, &err), -ENOENT);
	cr_assert_eq(sk_store_card_put(s, &by, "zkacho", "short", T0, &err), -EINVAL);
	cr_assert_eq(sk_store_card_put(s, &by, "zkacho", A, T0, &err), 0, "%s", err.text);
	cr_assert_eq(sk_store_card_put(s, &by, "zkacho", A, T0, &err), -EEXIST);
	cr_assert_eq(sk_store_card_put(s, &by, "skacho", A, T0, &err), -EEXIST);
	cr_assert_eq(sk_store_card_user(s, A, user), 0);
	cr_assert_str_eq(user, "zkacho");
	for (int i = 1; i < SK_CARDS_MAX; i++) {
		char f[SK_SHA256_HEX] = B;

		f[0] = (char)('0' + i);
		cr_assert_eq(sk_store_card_put(s, &by, "zkacho", f, T0 + i, &err), 0, "%s", err.text);
	}
	cr_assert_eq(sk_store_card_put(s, &by, "zkacho", B, T0, &err), -E2BIG);
	list = sk_store_cards(s, "zkacho");
	cr_assert_eq(json_array_size(list), SK_CARDS_MAX);
	json_decref(list);
	list = sk_store_cards(s, "skacho");
	cr_assert_eq(json_array_size(list), 0);
	json_decref(list);
	help_close(s);
}

Test(card, lost)
{
	struct sk_store *s = help_store();
	struct sk_actor by = help_actor("johokan", "情報システム管理者", "", SK_ROLE_SYS);
	struct sk_err err = SK_ERR_INIT;
	char user[64], csrf[65];

	cr_assert_eq(sk_store_card_put(s, &by, "zkacho", A, T0, &err), 0, "%s", err.text);
	cr_assert_eq(sk_store_session_put(s, B, "zkacho", "csrf", T0), 0);
	cr_assert_not(sk_store_session_by_card(s, B));
	cr_assert_eq(sk_store_session_card(s, B, A), 0);
	cr_assert(sk_store_session_by_card(s, B));
	cr_assert_eq(sk_store_card_remove(s, &by, A, "", T0, &err), -EINVAL);
	cr_assert_eq(sk_store_card_remove(s, &by, A, "two\nlines", T0, &err), -EINVAL);
	cr_assert_eq(sk_store_card_remove(s, &by, B, "lost", T0, &err), -ENOENT);
	cr_assert_eq(sk_store_session_get(s, B, T0, HOUR, HOUR, user, csrf), 0, "nothing of that ended it");
	cr_assert_eq(sk_store_card_remove(s, &by, A, "lost", T0, &err), 0, "%s", err.text);
	cr_assert_neq(sk_store_session_get(s, B, T0, HOUR, HOUR, user, csrf), 0);
	cr_assert_eq(sk_store_card_user(s, A, user), -ENOENT);
	cr_assert_eq(sk_store_card_remove(s, &by, A, "lost", T0, &err), -ENOENT);
	help_close(s);
}
