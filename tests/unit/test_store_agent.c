/* What the server makes of the agent's own traces: another program, an older one, a boot without a start, and what the terminal itself noticed. */
#include "tests/unit/store_help.h"

static struct sk_store *s;
static struct chain a, b;

#define P1 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define P2 "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"

static void setup(void)
{
	s = help_store();
	a = help_terminal(s, 1, "zeimu");
	b = help_terminal(s, 2, "zeimu");
}

static void teardown(void)
{
	help_close(s);
}

TestSuite(store_agent, .init = setup, .fini = teardown);

static void report(const struct chain *c, const char *version, const char *program, const char *boot, long long last)
{
	struct sk_err err = SK_ERR_INIT;
	static int n;
	json_t *r = json_pack("{s:s, s:s, s:s, s:s, s:{s:I}, s:{}, s:[], s:[], s:i}", "version", version, "program",
	                      program, "boot_id", boot, "os", "Debian", "journal", "last_seq", (json_int_t)last,
	                      "policy", "posture", "devices", "n", ++n);

	cr_assert_eq(sk_store_report_put(s, c->id, r, T0, &err), 0, "%s", err.text);
	json_decref(r);
}

static int incidents(const char *kind)
{
	json_t *list = sk_store_audit_list(s, 0, 200), *row;
	int n = 0;
	size_t i;

	json_array_foreach(list, i, row) n += !strcmp(help_text(json_object_get(row, "detail"), "kind"), kind);
	json_decref(list);
	return n;
}

static void start(struct chain *c, const char *version, const char *boot)
{
	char body[200];

	snprintf(body, sizeof body, "{\"version\":\"%s\",\"boot_id\":\"%s\"}", version, boot);
	help_send(s, c, "daemon.started", body);
}

Test(store_agent, another_program_of_the_same_version)
{
	report(&a, "0.4.0", P1, "boot1", 0);
	report(&b, "0.4.0", P1, "boot2", 0);
	cr_expect_eq(incidents("agent-program"), 0);
	report(&b, "0.4.0", P2, "boot2", 0);
	report(&b, "0.4.0", P2, "boot2", 0);
	cr_expect_eq(incidents("agent-program"), 1, "once");
	report(&b, "0.5.0", P2, "boot2", 0);
	report(&b, "0.5.0", "", "boot2", 0);
	report(&b, "0.5.0", "short", "boot2", 0);
	cr_expect_eq(incidents("agent-program"), 1);
}

Test(store_agent, a_boot_that_the_record_does_not_know)
{
	start(&a, "0.4.0", "boot1");
	report(&a, "0.4.0", P1, "boot1", a.seq);
	cr_expect_eq(incidents("agent-boot"), 0);
	report(&a, "0.4.0", P1, "boot2", a.seq + 1);
	cr_expect_eq(incidents("agent-boot"), 0, "its record is still on the way");
	start(&a, "0.4.0", "boot2");
	report(&a, "0.4.0", P1, "boot2", a.seq);
	cr_expect_eq(incidents("agent-boot"), 0);
	report(&a, "0.4.0", P1, "boot3", a.seq);
	report(&a, "0.4.0", P1, "boot3", a.seq);
	cr_expect_eq(incidents("agent-boot"), 1);
}

Test(store_agent, an_older_agent)
{
	start(&a, "0.10.0", "boot1");
	report(&a, "0.10.0", P1, "boot1", a.seq);
	report(&a, "0.9.0", P2, "boot1", a.seq);
	cr_expect_eq(incidents("agent-older"), 1);
}

Test(store_agent, what_the_terminal_noticed_itself)
{
	help_send(s, &a, "agent.replaced", "{}");
	help_send(s, &a, "agent.downgraded", "{}");
	help_send(s, &a, "agent.traced", "{\"pid\":7}");
	help_send(s, &a, "agent.files-changed", "{\"files\":[]}");
	help_send(s, &a, "daemon.started", "{\"version\":7,\"boot_id\":[]}");
	cr_expect_eq(incidents("agent-program"), 1);
	cr_expect_eq(incidents("agent-older"), 1);
	cr_expect_eq(incidents("agent-traced"), 1);
	cr_expect_eq(incidents("agent-files"), 1);
}
