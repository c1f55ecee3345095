/* Login attempts and sessions. */
#include "server/job.h"
#include "tests/unit/store_help.h"

#define LIMIT 3
#define LOCK  ((sk_ms)60000)
#define IDLE  ((sk_ms)900000)
#define MAX   ((sk_ms)28800000)

static int attempt(struct sk_store *s, const char *user, sk_ms now)
{
	sk_ms until = -1;
	int r = sk_store_login_attempt(s, user, now, LIMIT, LOCK, &until);

	cr_assert_eq(r == -EAGAIN, until > now);
	return r;
}

Test(store_sessions, attempts_are_counted_before_the_password)
{
	struct sk_store *s = help_store();

	for (int i = 0; i < LIMIT; i++)
		cr_assert_eq(attempt(s, "zkacho", T0), 0);
	cr_assert_eq(attempt(s, "zkacho", T0), -EAGAIN);
	cr_assert_eq(attempt(s, "zkacho", T0 + LOCK - 1), -EAGAIN);
	cr_assert_eq(attempt(s, "skacho", T0), 0, "others are not touched");
	cr_assert_eq(attempt(s, "zkacho", T0 + LOCK), 0, "after the lock the count begins anew");
	cr_assert_eq(attempt(s, "zkacho", T0 + LOCK), 0);
	help_close(s);
}

Test(store_sessions, a_lock_does_not_tell_who_exists)
{
	struct sk_store *s = help_store();

	for (int i = 0; i < LIMIT; i++)
		cr_assert_eq(attempt(s, "nobody", T0), 0);
	cr_assert_eq(attempt(s, "nobody", T0), -EAGAIN);
	help_close(s);
}

Test(store_sessions, success_clears_the_count)
{
	struct sk_store *s = help_store();
	struct sk_user u;

	for (int i = 0; i < LIMIT; i++)
		cr_assert_eq(attempt(s, "zkacho", T0), 0);
	cr_assert_eq(sk_store_login_ok(s, "zkacho", T0 + 1), 0, "the last attempt may be the right one");
	cr_assert_eq(attempt(s, "zkacho", T0 + 2), 0);
	cr_assert_eq(sk_store_user_get(s, "zkacho", &u), 0);
	cr_assert_eq(u.failures, 1);
	cr_assert_eq(u.last_login, 0, "the session before, and there was none");
	cr_assert_eq(sk_store_login_ok(s, "zkacho", T0 + 50), 0);
	cr_assert_eq(sk_store_user_get(s, "zkacho", &u), 0);
	cr_assert_eq(u.last_login, T0 + 1);
	cr_assert_eq(sk_store_login_ok(s, "nobody", T0), -ENOENT);
	help_close(s);
}

Test(store_sessions, disabled_does_not_log_in)
{
	struct sk_store *s = help_store();
	struct sk_actor by = help_admin();
	struct sk_err err = SK_ERR_INIT;

	cr_assert_eq(sk_store_user_disable(s, &by, "zkacho", true, &err), 0);
	cr_assert_eq(sk_store_login_ok(s, "zkacho", T0), -EACCES);
	cr_assert_eq(sk_store_user_disable(s, &by, "zkacho", false, &err), 0);
	cr_assert_eq(sk_store_login_ok(s, "zkacho", T0), 0);
	help_close(s);
}

static int get(struct sk_store *s, const char *token, sk_ms now)
{
	char user[64] = "", csrf[65] = "";
	int r = sk_store_session_get(s, token, now, IDLE, MAX, user, csrf);

	if (r == 0) {
		cr_assert_str_eq(user, "zkacho");
		cr_assert_str_eq(csrf, "c");
	}
	return r;
}

Test(store_sessions, idle_and_longest)
{
	struct sk_store *s = help_store();
	sk_ms t = T0;

	cr_assert_eq(sk_store_session_put(s, "a", "zkacho", "c", T0), 0);
	cr_assert_eq(get(s, "b", T0), -ENOENT);
	for (; t < T0 + MAX; t += IDLE - 1)
		cr_assert_eq(get(s, "a", t), 0, "use keeps it alive");
	cr_assert_eq(get(s, "a", T0 + MAX), -ENOENT, "but not for ever");
	cr_assert_eq(get(s, "a", T0), -ENOENT, "and what ended has ended");
	cr_assert_eq(sk_store_session_put(s, "a", "zkacho", "c", T0), 0);
	cr_assert_eq(get(s, "a", T0 + IDLE), -ENOENT);
	help_close(s);
}

Test(store_sessions, a_clock_set_back_ends_it)
{
	struct sk_store *s = help_store();

	cr_assert_eq(sk_store_session_put(s, "a", "zkacho", "c", T0), 0);
	cr_assert_eq(get(s, "a", T0 - 1), -ENOENT);
	help_close(s);
}

Test(store_sessions, end_with_the_account)
{
	struct sk_store *s = help_store();
	struct sk_actor by = help_admin();
	struct sk_err err = SK_ERR_INIT;

	cr_assert_eq(sk_store_session_put(s, "a", "zkacho", "c", T0), 0);
	cr_assert_eq(sk_store_session_end(s, "a"), 0);
	cr_assert_eq(sk_store_session_end(s, "a"), 0);
	cr_assert_eq(get(s, "a", T0), -ENOENT);
	cr_assert_eq(sk_store_session_put(s, "b", "zkacho", "c", T0), 0);
	cr_assert_eq(sk_store_user_disable(s, &by, "zkacho", true, &err), 0);
	cr_assert_eq(sk_store_user_disable(s, &by, "zkacho", false, &err), 0);
	cr_assert_eq(get(s, "b", T0), -ENOENT);
	cr_assert_eq(sk_store_session_put(s, "c", "zkacho", "c", T0), 0);
	cr_assert_eq(sk_store_user_password(s, &by, "zkacho", HASH, &err), 0);
	cr_assert_eq(get(s, "c", T0), -ENOENT);
	cr_assert_eq(sk_store_session_put(s, "d", "zkacho", "c", T0), 0);
	cr_assert_eq(sk_store_user_put(s, &by, "zkacho", "係長", "shimin", SK_ROLE_SEC, HASH, &err), 0);
	cr_assert_eq(get(s, "d", T0), -ENOENT);
	cr_assert_lt(sk_store_session_put(s, "e", "nobody", "c", T0), 0);
	help_close(s);
}

Test(store_sessions, old_ones_are_swept)
{
	struct sk_store *s = help_store();
	const struct sk_job job = {.name = "sessions", .every = 1, .turn = sessions_job};
	char user[64], csrf[65];

	cr_assert_eq(sk_store_session_put(s, "a", "zkacho", "c", T0), 0);
	cr_assert_eq(sk_job_turn(s, &job, T0 + HOUR), 0);
	cr_assert_eq(sk_store_session_get(s, "a", T0 + 1, INT64_MAX, INT64_MAX, user, csrf), 0);
	cr_assert_eq(sk_job_turn(s, &job, T0 + 8 * 24 * HOUR), 0);
	cr_assert_eq(sk_store_session_get(s, "a", T0 + 1, INT64_MAX, INT64_MAX, user, csrf), -ENOENT);
	help_close(s);
}

Test(store_sessions, invented_names_do_not_push_out_a_lock, .timeout = 60)
{
	struct sk_store *s = help_store();
	sk_ms until;
	char name[32];

	cr_assert_eq(sk_store_login_attempt(s, "kansa", T0, 1, HOUR, &until), 0);
	cr_assert_eq(sk_store_batch_begin(s), 0);
	for (int i = 0; i < 10020; i++) {
		snprintf(name, sizeof(name), "n%d", i);
		cr_assert_eq(sk_store_login_attempt(s, name, T0 + 1 + i, 5, HOUR, &until), 0);
	}
	cr_assert_eq(sk_store_batch_end(s), 0);
	cr_assert_eq(sk_store_login_attempt(s, "kansa", T0 + 20000, 1, HOUR, &until), -EAGAIN);
	help_close(s);
}
