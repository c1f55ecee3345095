/* The runner of checks, with programs that answer, fail, hang and talk too much in place of sekimori-probe. */
#include "agent/posture_runner.h"
#include "tests/unit/agent_help.h"

static sd_event *loop;
static struct sk_posture *p;
static struct sk_check_params params;
static json_t *answers; /* client -> checks */
static int results, enforced_bad, enforced_good;
static sk_ms clock_now = 1000000;

static const struct sk_check_params *get_params(void *ctx)
{
	(void)ctx;
	return &params;
}

static sk_ms get_now(void *ctx)
{
	(void)ctx;
	return clock_now;
}

static void on_result(void *ctx, const struct sk_check *check, const json_t *result)
{
	(void)ctx;
	cr_assert_str_eq(json_string_value(json_object_get(result, "id")), check->id);
	results++;
}

static void on_answer(void *ctx, uint64_t client, json_t *checks)
{
	char key[24];

	(void)ctx;
	snprintf(key, sizeof key, "%llu", (unsigned long long)client);
	json_object_set_new(answers, key, checks);
}

static void on_enforced(void *ctx, const char *id, const char *error)
{
	(void)ctx;
	(void)id;
	*(error ? &enforced_bad : &enforced_good) += 1;
}

static int changes, change_answer;

static int on_changed(void *ctx, const struct sk_check *check, const json_t *change)
{
	(void)ctx;
	cr_assert_str_eq(check->id, "software");
	cr_assert_not_null(json_object_get(change, "added"));
	changes++;
	return change_answer;
}

static void set_param(const char *check, const char *name, long long n)
{
	((struct sk_param_value *)sk_check_param(&params, check, name))->n = n;
}

static void start(const char *script, unsigned timeout_ms)
{
	static const struct sk_posture_hooks hooks = {.params = get_params,
	                                              .now = get_now,
	                                              .changed = on_changed,
	                                              .result = on_result,
	                                              .answer = on_answer,
	                                              .enforced = on_enforced};
	struct sk_posture_options o = {
	    .probe = in_dir("probe"), .every_s = 3600, .first_s = 600, .timeout_ms = timeout_ms};

	make_dir();
	cr_assert_eq(sk_file_write(in_dir("probe"), script, strlen(script), 0755, NULL), 0);
	cr_assert_eq(chmod(in_dir("probe"), 0755), 0);
	o.probe = in_dir("probe");
	sk_check_params_default(&params);
	set_param("screen-lock", "enforce", 0);
	answers = json_object();
	cr_assert_geq(sd_event_new(&loop), 0);
	cr_assert_eq(sk_posture_new(loop, &o, &hooks, &p), 0);
}

static void teardown(void)
{
	p = sk_posture_free(p);
	while (sd_event_run(loop, 50000) > 0) /* a killed child is reaped by the loop */
		;
	sd_event_unref(loop);
	json_decref(answers);
	sk_check_params_clear(&params);
	remove_dir();
}

static json_t *wait_for(const char *client)
{
	for (int i = 0; i < 600 && !json_object_get(answers, client); i++)
		sd_event_run(loop, 50000);
	cr_assert_not_null(json_object_get(answers, client), "no answer");
	return json_object_get(answers, client);
}

static bool mentions(const json_t *checks, const char *what)
{
	char *text = json_dumps(checks, 0);
	bool found = strstr(text, what) != NULL;

	free(text);
	return found;
}

static const char *state_of(const json_t *checks, size_t i)
{
	const char *s = json_string_value(json_object_get(json_array_get(checks, i), "state"));

	return s ? s : "(none)";
}

Test(posture, all_checks_run_one_after_the_other, .fini = teardown)
{
	size_t n;

	start("#!/bin/sh\nmkdir \"$0.lock\" || exit 9\nsleep 0.05\nrmdir \"$0.lock\"\necho '{}'\n", 0);
	cr_assert_eq(sk_posture_run(p, NULL, false, 1), 0);
	cr_assert_eq(json_object_size(answers), 0, "never from inside");
	sd_event_run(loop, 10000);
	cr_assert_eq(sk_posture_run(p, "antivirus", true, 2), 0); /* asked while another runs */
	json_t *a = wait_for("1");
	(void)sk_checks(&n);
	cr_assert_eq(json_array_size(a), n);
	cr_assert_eq(results, (int)n);
	for (size_t i = 0; i < n; i++)
		cr_assert_str_neq(state_of(a, i), "compliant", "no facts are no compliance");
	cr_assert(!mentions(a, "status 9"), "two ran at once");
}

Test(posture, what_is_known_is_answered_and_refreshed_when_asked, .fini = teardown)
{
	start("#!/bin/sh\necho x >>\"$0.count\"\necho '{}'\n", 0);
	sk_posture_run(p, "antivirus", false, 1);
	wait_for("1");
	sk_posture_run(p, "antivirus", false, 2);
	wait_for("2");
	cr_assert_eq(results, 1);
	sk_posture_run(p, "antivirus", true, 3);
	wait_for("3");
	cr_assert_eq(results, 1, "a second ago is fresh enough");
	clock_now += 11000;
	sk_posture_run(p, "antivirus", true, 4);
	wait_for("4");
	cr_assert_eq(results, 2);
	cr_assert_eq(sk_posture_run(p, "no-such", false, 5), -ENOENT);
}

Test(posture, programs_that_fail_are_unknown_with_the_reason, .fini = teardown)
{
	static const char *const scripts[] = {"#!/bin/sh\nexit 3\n",
	                                      "#!/bin/sh\necho nonsense\n",
	                                      "#!/bin/sh\necho '[]'\n",
	                                      "#!/bin/sh\necho '{} {}'\n",
	                                      "#!/bin/sh\nkill -9 $$\n",
	                                      "#!/bin/sh\necho '{\"a\":1,\"a\":2}'\n",
	                                      "#!/bin/sh\nhead -c 300000 /dev/zero | tr '\\0' x\n"};

	for (size_t i = 0; i < sizeof scripts / sizeof *scripts; i++) {
		start(scripts[i], 3000);
		sk_posture_run(p, "disk-encryption", false, 1);
		cr_assert_str_eq(state_of(wait_for("1"), 0), "unknown", "%s", scripts[i]);
		teardown();
	}
	start("#!/bin/sh\necho '{}'\nexit 3\n", 0);
	sk_posture_run(p, "disk-encryption", false, 1);
	cr_assert(mentions(wait_for("1"), "status 3"), "what a program that failed printed is not believed");
	teardown();
	start("#!/bin/sh\necho '{}'\n", 0);
	unlink(in_dir("probe"));
	sk_posture_run(p, "disk-encryption", false, 1);
	cr_assert_str_eq(state_of(wait_for("1"), 0), "unknown", "no program at all");
}

Test(posture, a_change_is_recorded_piece_by_piece_and_is_no_evidence, .fini = teardown)
{
	start("#!/bin/sh\necho x >>\"$0.count\"\n[ $(wc -l <\"$0.count\") -ge 3 ] && more=false || more=true\n"
	      "echo '{\"total\":1,\"change\":{\"added\":[\"x:y\"],\"more\":'$more'}}'\n",
	      0);
	sk_posture_run(p, "software", false, 1);
	cr_assert(!mentions(wait_for("1"), "added"));
	for (int i = 0; i < 200 && changes < 3; i++)
		sd_event_run(loop, 50000);
	for (int i = 0; i < 5; i++)
		sd_event_run(loop, 20000);
	cr_assert_eq(changes, 3);
	teardown();
	changes = 0;
	change_answer = -EIO; /* not recorded: no haste, the next run tells it again */
	start("#!/bin/sh\necho '{\"change\":{\"added\":[],\"more\":true}}'\n", 0);
	sk_posture_run(p, "software", false, 1);
	wait_for("1");
	for (int i = 0; i < 10; i++)
		sd_event_run(loop, 50000);
	cr_assert_eq(changes, 1);
}

Test(posture, what_began_under_another_policy_does_not_count, .fini = teardown)
{
	start("#!/bin/sh\necho x >>\"$0.count\"\nn=$(wc -l <\"$0.count\")\n[ $n = 1 ] && sleep 0.3\necho "
	      "\"{\\\"run\\\":$n}\"\n",
	      0);
	sk_posture_run(p, "antivirus", false, 1);
	while (access(in_dir("probe.count"), F_OK) < 0)
		sd_event_run(loop, 20000);
	sk_posture_policy_changed(p);
	sk_posture_run(p, "antivirus", true, 2);
	cr_assert(mentions(wait_for("1"), "\"run\": 2"));
	cr_assert(mentions(wait_for("2"), "\"run\": 2"));
	cr_assert_eq(results, 1);
}

Test(posture, a_program_that_hangs_is_killed, .fini = teardown, .timeout = 20)
{
	start("#!/bin/sh\nexec sleep 1000\n", 200);
	sk_posture_run(p, "screen-lock", false, 1);
	json_t *a = wait_for("1");
	cr_assert_str_eq(state_of(a, 0), "unknown");
	char *text = json_dumps(a, 0);
	cr_assert_neq(strstr(text, "time limit"), NULL, "%s", text);
	free(text);
}

Test(posture, what_changed_while_it_ran_is_looked_at_again, .fini = teardown, .timeout = 20)
{
	start(
	    "#!/bin/sh\necho x >> \"$0.runs\"\nsleep 0.3\nprintf '{\"error\":\"run %s\"}' \"$(wc -l < \"$0.runs\")\"\n",
	    0);
	sk_posture_run(p, "antivirus", true, 1);
	for (int i = 0; i < 3; i++)
		sd_event_run(loop, 30000);
	sk_posture_stale(p, "antivirus");
	sk_posture_run(p, "antivirus", true, 2);
	cr_expect(mentions(wait_for("2"), "run 2"), "not by what was read before the change");
	cr_expect(mentions(wait_for("1"), "run 2"));
	clock_now -= 3600000; /* the clock is set back */
	sk_posture_run(p, "antivirus", true, 3);
	cr_expect(mentions(wait_for("3"), "run 3"));
	sk_posture_run(p, "antivirus", true, 4);
	cr_expect(mentions(wait_for("4"), "run 3"), "ten seconds are fresh");
	sk_posture_stale(p, NULL);
	sk_posture_run(p, "antivirus", true, 5);
	cr_expect(mentions(wait_for("5"), "run 4"));
}

Test(posture, many_wait_for_one_run, .fini = teardown)
{
	int r = 0;
	uint64_t n = 0;

	start("#!/bin/sh\nsleep 0.1\necho '{}'\n", 0);
	while (r == 0 && n < 1000)
		r = sk_posture_run(p, "antivirus", true, ++n);
	cr_assert_eq(r, -EBUSY);
	wait_for("1");
	cr_assert_eq(json_object_size(answers), n - 1);
	cr_assert_eq(results, 1);
}

Test(posture, enforcement_is_told_when_its_outcome_changes, .fini = teardown)
{
	start(
	    "#!/bin/sh\n[ \"$1\" = --enforce ] || { echo '{}'; exit 0; }\necho \"$*\" >\"$0.args\"\n[ -e \"$0.ok\" ]\n",
	    0);
	set_param("screen-lock", "enforce", 1);
	for (int i = 0; i < 2; i++) {
		int before = results;

		sk_posture_policy_changed(p);
		for (int k = 0; k < 200 && results == before; k++)
			sd_event_run(loop, 50000);
	}
	cr_assert_eq(enforced_bad, 1, "once, not each time");
	put_file("probe.ok", "");
	int before = results;
	sk_posture_policy_changed(p);
	for (int k = 0; k < 200 && results == before; k++)
		sd_event_run(loop, 50000);
	cr_assert_eq(enforced_good, 1);
	struct sk_buf b;
	sk_buf_init(&b, 200);
	cr_assert_eq(sk_file_read(in_dir("probe.args"), &b, NULL), 0);
	cr_assert_str_eq(b.data, "--enforce screen-lock idle_limit=600\n");
	sk_buf_deinit(&b);
}

Test(posture, ends_while_a_program_runs, .fini = teardown)
{
	start("#!/bin/sh\nexec sleep 1000\n", 0);
	sk_posture_run(p, NULL, false, 1);
	for (int i = 0; i < 5; i++)
		sd_event_run(loop, 20000);
	p = sk_posture_free(p);
	cr_assert_eq(json_object_size(answers), 0);
}
