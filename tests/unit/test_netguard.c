/* Interfaces that are closed, with an nft that is a script: what is given to it, what is recorded, and what a failure leaves. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/netguard.h"
#include "common/clock.h"
#include "common/file.h"
#include "platform/network_rules.h"

static char dir[64], nft[96], file[96], calls[96], records[512];
static sd_event *loop;
static struct sk_netguard *g;

static uid_t uplink(void *c)
{
	(void)c;
	return 123;
}

static void record(void *c, const char *kind, json_t *body)
{
	char *text = json_dumps(json_object_get(body, "interfaces"), JSON_COMPACT);

	(void)c;
	cr_expect_str_eq(kind, "networks.closed");
	strcat(strcat(records, text), " ");
	free(text);
	json_decref(body);
}

static void write_nft(const char *extra)
{
	char text[300];

	snprintf(text, sizeof text, "#!/bin/sh\nprintf x >>%s\n%s\n", calls, extra);
	cr_assert_eq(sk_file_write(nft, text, strlen(text), 0700, NULL), 0);
}

static void open_it(void)
{
	const struct sk_netguard_hooks hooks = {.uplink = uplink, .record = record, .nft = nft, .dir = dir};

	cr_assert_eq(sk_netguard_new(loop, &hooks, &g), 0);
}

static void setup(void)
{
	snprintf(dir, sizeof dir, "/tmp/sk-netguard-XXXXXX");
	cr_assert_not_null(mkdtemp(dir));
	snprintf(nft, sizeof nft, "%s/nft", dir);
	snprintf(calls, sizeof calls, "%s/calls", dir);
	snprintf(file, sizeof file, "%s/networks.nft", dir);
	cr_assert_geq(sd_event_new(&loop), 0);
	records[0] = '\0';
	write_nft("");
	open_it();
}

static void teardown(void)
{
	char command[100];

	sk_netguard_free(g);
	sd_event_unref(loop);
	snprintf(command, sizeof command, "rm -rf %s", dir);
	cr_assert_eq(system(command), 0);
}

TestSuite(netguard, .init = setup, .fini = teardown);

static size_t called(void)
{
	struct sk_buf b;
	size_t n;

	sk_buf_init(&b, 1000);
	(void)sk_file_read(calls, &b, NULL);
	n = b.len;
	sk_buf_deinit(&b);
	return n;
}

/* Until nft was called so often and the loop has heard of it. */
static void run(size_t want)
{
	sk_ms end = sk_clock_boot() + 5000;

	while (sk_clock_boot() < end && called() < want)
		cr_assert_geq(sd_event_run(loop, 10000), 0);
	for (int i = 0; i < 30; i++)
		cr_assert_geq(sd_event_run(loop, 5000), 0);
}

Test(netguard, closed_and_opened_again_each_on_record_once)
{
	sk_netguard_set(g, json_array());
	run(0);
	cr_expect_eq(called(), 0, "nothing was closed, nothing is done");
	sk_netguard_set(g, json_pack("[s, s]", "eth1", "wlan0"));
	run(1);
	cr_expect_str_eq(records, "[\"eth1\",\"wlan0\"] ");
	sk_netguard_set(g, json_pack("[s, s]", "eth1", "wlan0"));
	run(2);
	cr_expect_eq(called(), 2, "given again: somebody may have taken it away");
	cr_expect_str_eq(records, "[\"eth1\",\"wlan0\"] ", "and no news");
	sk_netguard_set(g, NULL);
	run(0);
	cr_expect_eq(called(), 2, "nothing is known: it stays");
	sk_netguard_set(g, json_array());
	run(3);
	cr_expect_str_eq(records, "[\"eth1\",\"wlan0\"] [] ");
	cr_expect_neq(access(file, F_OK), 0);
}

Test(netguard, a_start_after_an_end_takes_away_what_is_left)
{
	sk_netguard_set(g, json_pack("[s]", "eth1"));
	run(1);
	sk_netguard_free(g);
	open_it();
	sk_netguard_set(g, json_array());
	run(2);
	cr_expect_eq(called(), 2);
	cr_expect_neq(access(file, F_OK), 0);
}

Test(netguard, the_newest_counts_when_one_is_under_way)
{
	write_nft("sleep 0.2");
	sk_netguard_set(g, json_pack("[s]", "eth1"));
	sk_netguard_set(g, json_pack("[s]", "eth2"));
	sk_netguard_set(g, json_array());
	run(2);
	for (int i = 0; i < 60; i++)
		cr_assert_geq(sd_event_run(loop, 10000), 0);
	cr_expect_eq(called(), 2);
	cr_expect_str_eq(records, "[\"eth1\"] [] ");
}

Test(netguard, a_failure_is_no_success_and_is_tried_again)
{
	write_nft("exit 1");
	sk_netguard_set(g, json_pack("[s]", "eth1"));
	run(1);
	cr_expect_str_eq(records, "");
	write_nft("");
	sk_netguard_set(g, json_pack("[s]", "eth1"));
	run(2);
	cr_expect_str_eq(records, "[\"eth1\"] ");
}

static char *rules(json_t *names, int *skipped)
{
	struct sk_buf b;

	sk_buf_init(&b, 16384);
	cr_assert_eq(sk_network_rules(names, 123, &b, skipped), 0);
	json_decref(names);
	return sk_buf_steal(&b);
}

Test(netguard, the_rules_keep_the_uplinks_way_and_take_no_odd_name)
{
	int skipped;
	char *text = rules(
	    json_pack("[s, s, s, s, s]", "eth1", "a*", "x\" }; flush ruleset; {", "", "sixteen-letters-x"), &skipped);

	cr_expect_eq(skipped, 4);
	cr_expect(strstr(text, "elements = { \"eth1\" }") && !strstr(text, "flush"), "%s", text);
	cr_expect(strstr(text, "meta skuid 123 meta l4proto tcp ct mark set"), "%s", text);
	free(text);
	text = rules(json_array(), &skipped);
	cr_expect(strstr(text, "delete table") && !strstr(text, "chain"), "%s", text);
	free(text);
	text = rules(json_pack("[s]", "*"), &skipped);
	cr_expect(skipped == 1 && !strstr(text, "chain"), "%s", text);
	free(text);
}
