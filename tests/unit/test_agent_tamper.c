/* Hands on the agent: what a start says of the end before, and the place in the boot that is put back. */
#include "agent/tamper.h"
#include "tests/unit/agent_help.h"

static struct sk_daemon *d;

static void setup(void)
{
	d = start_daemon();
}

static void teardown(void)
{
	stop_daemon();
}

TestSuite(agent_tamper, .init = setup, .fini = teardown);

static int count(const char *kind)
{
	json_t *list = sk_journal_list(d->journal, 0, 1000, 1 << 20, NULL, NULL), *e;
	int n = 0;
	size_t i;

	json_array_foreach(list, i, e) n += strcmp(json_string_value(json_object_get(e, "kind")), kind) == 0;
	json_decref(list);
	return n;
}

Test(agent_tamper, an_end_without_a_word_is_on_record)
{
	cr_assert_eq(sk_tamper_start(d), 0);
	cr_expect_eq(count("agent.unclean"), 0, "the first run");
	cr_expect_eq(strlen(sk_tamper_program(d)), 64);
	sk_tamper_stop(d);
	cr_assert_eq(sk_tamper_start(d), 0);
	cr_expect_eq(count("agent.unclean"), 0, "it had ended in order");
	free(d->tamper); /* killed */
	d->tamper = NULL;
	cr_assert_eq(sk_tamper_start(d), 0);
	cr_expect_eq(count("agent.unclean"), 1);
	cr_expect_eq(count("agent.traced"), 0);
}

Test(agent_tamper, another_program_and_an_older_version)
{
	cr_assert_eq(sk_journal_meta_set(d->journal, "agent.run",
	                                 "{\"version\":\"" SK_VERSION
	                                 "\",\"boot\":\"x\",\"program\":\"aa\",\"clean\":true}"),
	             0);
	cr_assert_eq(sk_tamper_start(d), 0);
	cr_expect_eq(count("agent.replaced"), 1);
	sk_tamper_stop(d);
	cr_assert_eq(sk_journal_meta_set(d->journal, "agent.run",
	                                 "{\"version\":\"999.0\",\"boot\":\"x\",\"program\":\"aa\",\"clean\":true}"),
	             0);
	cr_assert_eq(sk_tamper_start(d), 0);
	cr_expect_eq(count("agent.downgraded"), 1);
	sk_tamper_stop(d);
	cr_assert_eq(sk_journal_meta_set(d->journal, "agent.run", "rubbish"), 0);
	cr_assert_eq(sk_tamper_start(d), 0);
}

Test(agent_tamper, its_place_in_the_boot_is_put_back)
{
	char root[64] = "/tmp/sk-tamper-XXXXXX", cmd[400];

	cr_assert_not_null(mkdtemp(root));
	snprintf(d->config.sysfs, sizeof d->config.sysfs, "%s", root);
	cr_assert_eq(sk_tamper_start(d), 0);
	sk_tamper_tend(d);
	cr_expect_eq(count("settings.put-back"), 0, "not installed as a package: nothing to put");
	snprintf(cmd, sizeof cmd,
	         "mkdir -p %1$s/lib/systemd/system %1$s/etc/systemd/system; touch "
	         "%1$s/lib/systemd/system/sekimorid.service; ln "
	         "-s /dev/null %1$s/etc/systemd/system/sekimorid.service",
	         root);
	cr_assert_eq(system(cmd), 0);
	sk_tamper_tend(d);
	cr_expect_eq(count("settings.put-back"), 1);
	sk_tamper_tend(d);
	cr_expect_eq(count("settings.put-back"), 1, "what is right is left alone");
	snprintf(cmd, sizeof cmd,
	         "test -L %1$s/etc/systemd/system/sysinit.target.wants/sekimorid.service && test ! -e "
	         "%1$s/etc/systemd/system/sekimorid.service; r=$?; rm -rf %1$s; exit $r",
	         root);
	cr_expect_eq(system(cmd), 0);
}
