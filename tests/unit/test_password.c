/* Argon2id: right and wrong, and a pool that never blocks the loop and never calls back what was cancelled. */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "server/password.h"

static struct event_base *base;
static int answers[64], n_answers;

static void done(int ok, void *arg)
{
	answers[n_answers++] = ok;
	if (arg != NULL && --*(int *)arg == 0)
		event_base_loopbreak(base);
}

Test(password, right_and_wrong)
{
	char a[SK_PASSWORD_HASH], b[SK_PASSWORD_HASH];

	cr_assert_eq(sk_password_hash("秘密の言葉", a), 0);
	cr_assert_eq(sk_password_hash("秘密の言葉", b), 0);
	cr_assert_str_neq(a, b, "salted");
	cr_assert_eq(strncmp(a, "$argon2id$v=19$m=65536,t=3,p=1$", 31), 0);
	cr_assert_eq(sk_password_verify(a, "秘密の言葉"), 1);
	cr_assert_eq(sk_password_verify(a, "秘密の言葉 "), 0);
	cr_assert_eq(sk_password_verify(a, ""), 0);
}

Test(password, odd_ones)
{
	char out[SK_PASSWORD_HASH], longest[SK_PASSWORD_MAX + 2];

	cr_assert_eq(sk_password_hash("", out), -EINVAL);
	memset(longest, 'x', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	cr_assert_eq(sk_password_hash(longest, out), -EINVAL);
	longest[SK_PASSWORD_MAX] = '\0';
	cr_assert_eq(sk_password_hash(longest, out), 0);
	cr_assert_eq(sk_password_verify("", "x"), 0);
	cr_assert_eq(sk_password_verify("x", "x"), 0);
	cr_assert_eq(sk_password_verify("$argon2id$v=19$m=65536,t=3,p=1$", "x"), 0);
	/* a stored hash that asks for 4 GiB or for hours is not computed */
	cr_assert_eq(
	    sk_password_verify(
	        "$argon2id$v=19$m=4194304,t=3,p=1$c2FsdHNhbHRzYWx0$aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "x"),
	    0);
	cr_assert_eq(
	    sk_password_verify(
	        "$argon2id$v=19$m=8,t=1,p=1$c2FsdHNhbHRzYWx0$aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "x"),
	    0);
}

Test(password, generated)
{
	char a[24], b[24];

	cr_assert_eq(sk_password_generate(a), 0);
	cr_assert_eq(sk_password_generate(b), 0);
	cr_assert_eq(strlen(a), 23);
	cr_assert_eq(strspn(a, "0123456789ABCDEFGHJKMNPQRSTVWXYZ-"), 23);
	cr_assert_str_neq(a, b);
}

/* Processor time, not time: a busy machine makes nothing of this fail. */
static long long ms(clockid_t whose)
{
	struct timespec t;

	clock_gettime(whose, &t);
	return t.tv_sec * 1000LL + t.tv_nsec / 1000000;
}

Test(password, asynchronous)
{
	char hash[SK_PASSWORD_HASH];
	int left = 4;
	long long before;

	base = event_base_new();
	cr_assert_eq(sk_password_hash("correct horse", hash), 0);
	before = ms(CLOCK_THREAD_CPUTIME_ID);
	cr_assert_not_null(sk_password_verify_async(base, hash, "correct horse", done, &left));
	cr_assert_lt(ms(CLOCK_THREAD_CPUTIME_ID) - before, 50, "the call itself does not hash");
	cr_assert_not_null(sk_password_verify_async(base, hash, "wrong horse", done, &left));
	cr_assert_not_null(sk_password_verify_async(base, NULL, "correct horse", done, &left));
	cr_assert_not_null(sk_password_verify_async(base, hash, "", done, &left));
	cr_assert_eq(n_answers, 0);
	event_base_dispatch(base);
	cr_assert_eq(n_answers, 4);
	cr_assert_eq(answers[0] + answers[1] + answers[2] + answers[3], 1, "one of them was right");
	sk_password_pool_stop();
	event_base_free(base);
}

Test(password, an_unknown_user_takes_as_long)
{
	char hash[SK_PASSWORD_HASH];
	long long known, unknown;
	int left = 1;

	base = event_base_new();
	cr_assert_eq(sk_password_hash("correct horse", hash), 0);
	known = ms(CLOCK_PROCESS_CPUTIME_ID);
	cr_assert_not_null(sk_password_verify_async(base, hash, "wrong", done, &left));
	event_base_dispatch(base);
	known = ms(CLOCK_PROCESS_CPUTIME_ID) - known;
	left = 1;
	unknown = ms(CLOCK_PROCESS_CPUTIME_ID);
	cr_assert_not_null(sk_password_verify_async(base, NULL, "wrong", done, &left));
	event_base_dispatch(base);
	unknown = ms(CLOCK_PROCESS_CPUTIME_ID) - unknown;
	cr_assert_gt(unknown * 3, known, "%lld ms against %lld ms", unknown, known);
	cr_assert_eq(answers[1], 0);
	sk_password_pool_stop();
	event_base_free(base);
}

Test(password, cancelled_ones_are_not_called)
{
	char hash[SK_PASSWORD_HASH];
	struct sk_password_job *j;
	int left = 1;

	base = event_base_new();
	cr_assert_eq(sk_password_hash("correct horse", hash), 0);
	j = sk_password_verify_async(base, hash, "correct horse", done, NULL);
	cr_assert_not_null(j);
	sk_password_cancel(j);
	sk_password_cancel(NULL);
	cr_assert_not_null(sk_password_verify_async(base, hash, "wrong", done, &left));
	event_base_dispatch(base);
	cr_assert_eq(n_answers, 1);
	cr_assert_eq(answers[0], 0);
	sk_password_pool_stop();
	event_base_free(base);
}

Test(password, the_queue_is_bounded_and_stop_ends_it)
{
	char hash[SK_PASSWORD_HASH];
	int taken = 0;

	base = event_base_new();
	cr_assert_eq(sk_password_hash("correct horse", hash), 0);
	while (taken < 100 && sk_password_verify_async(base, hash, "x", done, NULL) != NULL)
		taken++;
	cr_assert_eq(taken, 32);
	sk_password_pool_stop(); /* two under way at most, the rest is dropped */
	cr_assert_eq(n_answers, 0);
	sk_password_pool_stop();
	event_base_free(base);
}

Test(password, a_cancelled_one_gives_its_place_back)
{
	struct sk_password_job *jobs[40];
	size_t n = 0;

	base = event_base_new();
	while (n < 40 && (jobs[n] = sk_password_verify_async(base, NULL, "x", done, NULL)) != NULL)
		n++;
	cr_assert_lt(n, 40);
	cr_assert_not(sk_password_room("192.0.2.9"), "full");
	for (size_t i = 0; i < n; i++)
		sk_password_cancel(jobs[i]);
	cr_assert(sk_password_room("192.0.2.9"), "only what runs is still there");
	sk_password_pool_stop();
	event_base_free(base);
}

static int ask(const void *how, const char *name, const char *pw)
{
	const char *const *known = how;

	if (strcmp(name, "gone") == 0)
		return -EHOSTUNREACH;
	return strcmp(name, known[0]) == 0 && strcmp(pw, known[1]) == 0;
}

Test(password, asked_elsewhere)
{
	static const char *const known[] = {"kacho", "correct horse"};
	const struct sk_password_asker kacho = {ask, known, "kacho"}, gone = {ask, known, "gone"};
	char longest[SK_PASSWORD_MAX + 2];
	int left = 1;

	base = event_base_new();
	memset(longest, 'x', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	const struct {
		const struct sk_password_asker *who;
		const char *pw;
		int answer;
	} rows[] = {{&kacho, "correct horse", 1},
	            {&kacho, "wrong", 0},
	            {&kacho, "", 0},
	            {&kacho, longest, 0},
	            {&gone, "x", -EHOSTUNREACH}};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		left = 1;
		cr_assert_not_null(sk_password_ask_async(base, rows[i].who, rows[i].pw, done, &left));
		event_base_dispatch(base);
		cr_assert_eq(answers[i], rows[i].answer, "row %zu", i);
	}
	sk_password_pool_stop();
	event_base_free(base);
}

static int wait_on(const void *how, const char *name, const char *pw)
{
	(void)name;
	(void)pw;
	while (!__atomic_load_n((const bool *)how, __ATOMIC_ACQUIRE))
		nanosleep(&(struct timespec){0, 1000000}, NULL);
	return 1;
}

/* What is asked elsewhere and does not answer leaves the threads of the passwords here free. */
Test(password, one_that_does_not_answer_holds_up_nobody_here)
{
	static bool go;
	const struct sk_password_asker who = {wait_on, &go, "kacho"};
	int left = 1;

	base = event_base_new();
	for (int i = 0; i < 4; i++)
		cr_assert_not_null(sk_password_ask_async(base, &who, "x", done, NULL));
	cr_assert_not_null(sk_password_verify_async(base, NULL, "x", done, &left));
	event_base_dispatch(base);
	cr_assert_eq(n_answers, 1);
	__atomic_store_n(&go, true, __ATOMIC_RELEASE);
	sk_password_pool_stop();
	event_base_free(base);
}

Test(password, two_of_one_address)
{
	base = event_base_new();
	for (int i = 0; i < 2; i++) {
		cr_assert(sk_password_room("192.0.2.1"));
		sk_password_from(sk_password_verify_async(base, NULL, "x", done, NULL), "192.0.2.1");
	}
	cr_assert_not(sk_password_room("192.0.2.1"));
	cr_assert(sk_password_room("192.0.2.2"), "another one is not held up");
	sk_password_pool_stop();
	event_base_free(base);
}
