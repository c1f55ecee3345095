/* Checks that run because what they read has changed: gathered, and not more often than the pause allows. */
#include "agent/posture_events.h"
#include "tests/unit/agent_help.h"

static sd_event *loop;
static struct sk_posture *p;
static struct sk_posture_events *e;
static struct sk_check_params params;
static char ran[4096];

static const struct sk_check_params *get_params(void *ctx)
{
	(void)ctx;
	return &params;
}

static sk_ms get_now(void *ctx)
{
	(void)ctx;
	return 1000000;
}

static void on_result(void *ctx, const struct sk_check *check, const json_t *result)
{
	(void)ctx;
	(void)result;
	snprintf(ran + strlen(ran), sizeof ran - strlen(ran), "%s ", check->id);
}

static void on_answer(void *ctx, uint64_t client, json_t *checks)
{
	(void)ctx;
	(void)client;
	json_decref(checks);
}

static void put(const char *path, const char *text)
{
	char full[300], folder[300];

	snprintf(full, sizeof full, "%s/%s", dir, path);
	snprintf(folder, sizeof folder, "%s", full);
	*strrchr(folder, '/') = '\0';
	cr_assert_eq(sk_mkdir_p(folder, 0755), 0);
	cr_assert_eq(sk_file_write(full, text, strlen(text), 0755, NULL), 0);
}

static void setup(void)
{
	static const struct sk_posture_hooks hooks = {
	    .params = get_params, .now = get_now, .result = on_result, .answer = on_answer};
	static char probe[300];
	const struct sk_posture_options o = {.probe = probe, .every_s = 3600, .first_s = 600};

	make_dir();
	snprintf(probe, sizeof probe, "%s/probe", dir);
	put("probe", "#!/bin/sh\necho '{}'\n");
	put("etc/passwd", "old");
	put("etc/pam.d/login", "old");
	sk_check_params_default(&params);
	cr_assert_geq(sd_event_new(&loop), 0);
	cr_assert_eq(sk_posture_new(loop, &o, &hooks, &p), 0);
	const struct sk_posture_events_options eo = {.root = dir, .gather_ms = 30, .pause_ms = 700};
	cr_assert_eq(sk_posture_events_new(loop, p, &eo, &e), 0);
}

static void teardown(void)
{
	e = sk_posture_events_free(e);
	p = sk_posture_free(p);
	while (sd_event_run(loop, 50000) > 0)
		;
	sd_event_unref(loop);
	sk_check_params_clear(&params);
	remove_dir();
}

TestSuite(posture_events, .init = setup, .fini = teardown, .timeout = 30);

static unsigned count(const char *id)
{
	unsigned n = 0;

	for (const char *s = ran; (s = strstr(s, id)); s += strlen(id))
		n++;
	return n;
}

static void until(const char *id, unsigned n)
{
	for (sk_ms end = sk_clock_boot() + 10000; sk_clock_boot() < end && count(id) < n;)
		sd_event_run(loop, 20000);
	cr_assert_eq(count(id), n, "%s: %s", id, ran);
}

Test(posture_events, what_changed_is_checked_and_nothing_else)
{
	put("etc/passwd", "new");
	until("accounts", 1);
	until("passwords", 1);
	cr_expect_eq(count("login-factors"), 0);
	put("etc/other", "x");
	put("etc/pam.d/login.dpkg-new", "x");
	for (int i = 0; i < 20; i++)
		sd_event_run(loop, 10000);
	cr_expect_eq(count(" "), 2, "%s", ran);
	put("etc/pam.d/login", "new");
	until("login-factors", 1);
}

Test(posture_events, a_file_that_changes_without_end_is_checked_now_and_then)
{
	for (int i = 0; i < 20; i++) {
		put("etc/passwd", i % 2 ? "a" : "b");
		sd_event_run(loop, 10000);
	}
	until("accounts", 1);
	for (int i = 0; i < 10; i++) {
		put("etc/passwd", i % 2 ? "a" : "b");
		sd_event_run(loop, 10000);
	}
	cr_expect_eq(count("accounts"), 1, "not within the pause");
	until("accounts", 2);
}

Test(posture_events, a_folder_that_comes_later_is_watched_from_the_next_event_on)
{
	put("etc/sudoers.d/one", "x");
	put("etc/passwd", "new");
	until("passwords", 1);
	ran[0] = '\0';
	put("etc/sudoers.d/two", "x");
	until("accounts", 1);
}
