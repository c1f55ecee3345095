/* P7 to P9: scanners that tell of themselves, well, badly and in nonsense; the live test and its traces; settings; full scans. */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/file.h"
#include "platform/on_access.h"
#include "platform/probe.h"
#include "tests/unit/check_help.h"

static char root[64];

static const char *in_root(const char *path)
{
	static char full[2][512];
	static int i;

	i = !i;
	snprintf(full[i], sizeof(full[i]), "%s%s", root, path);
	return full[i];
}

static void put_mode(const char *path, const char *text, mode_t mode)
{
	char full[512];

	snprintf(full, sizeof(full), "%s%s", root, path);
	char *slash = strrchr(full, '/');
	*slash = '\0';
	cr_assert_eq(sk_mkdir_p(full, 0700), 0);
	*slash = '/';
	cr_assert_eq(sk_file_write(full, text, strlen(text), mode, NULL), 0);
	cr_assert_eq(chmod(full, mode), 0);
}

static void start(void)
{
	snprintf(root, sizeof(root), "/tmp/sk-scanner-XXXXXX");
	cr_assert_not_null(mkdtemp(root));
	cr_assert_eq(sk_mkdir_p(in_root("/var/lib/sekimori"), 0700), 0);
}

static void stop(void)
{
	char command[128];

	snprintf(command, sizeof(command), "rm -rf %s", root);
	cr_assert_eq(system(command), 0);
}

TestSuite(scanner, .init = start, .fini = stop);

#define HEALTH(healthy, rtp, passive, minutes) \
	"{\"healthy\":" healthy \
	",\"healthIssues\":[\"no \\u001b[2J license\"],\"licensed\":true,\"appVersion\":\"101.24\"," \
	"\"definitionsVersion\":\"1.405\",\"definitionsStatus\":{\"$type\":\"upToDate\"}," \
	"\"definitionsUpdatedMinutesAgo\":" minutes ",\"realTimeProtectionEnabled\":" rtp \
	",\"passiveModeEnabled\":" passive "}"

static enum sk_state defender(const char *said)
{
	json_t *f = sk_mdatp_facts(said, strlen(said), NOW);
	char *text = json_dumps(f, 0);
	enum sk_state s = judge("antivirus", text);

	free(text);
	json_decref(f);
	return s;
}

Test(scanner, defender_by_its_own_word)
{
	cr_expect_eq(defender(HEALTH("true", "{\"value\":true}", "{\"value\":false}", "60")), SK_STATE_COMPLIANT);
	cr_expect_eq(defender(HEALTH("true", "true", "false", "60")), SK_STATE_COMPLIANT);
	cr_expect_eq(defender(HEALTH("false", "true", "false", "60")), SK_STATE_NON_COMPLIANT,
	             "there, and not healthy");
	cr_expect_eq(defender(HEALTH("true", "{\"value\":false}", "false", "60")), SK_STATE_NON_COMPLIANT);
	cr_expect_eq(defender(HEALTH("true", "true", "true", "60")), SK_STATE_NON_COMPLIANT);
	cr_expect_eq(defender(HEALTH("true", "true", "false", "20000")), SK_STATE_NON_COMPLIANT, "two weeks old");
	cr_expect_eq(defender(HEALTH("true", "true", "false", "-1")), SK_STATE_UNKNOWN);
	cr_expect_eq(defender(HEALTH("true", "true", "false", "99999999999999999")), SK_STATE_UNKNOWN);
	cr_expect_eq(defender("Error: cannot connect"), SK_STATE_UNKNOWN);
	cr_expect_eq(defender("[]"), SK_STATE_UNKNOWN);
	cr_expect_eq(defender(""), SK_STATE_UNKNOWN);
	cr_expect_eq(defender("{\"healthy\":true,\"healthy\":false}"), SK_STATE_UNKNOWN);
}

static const char *text(const json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));

	return s ? s : "";
}

Test(scanner, a_program_that_fails_hangs_or_talks_too_much)
{
	const char *program = in_root("/mdatp");
	json_t *f = sk_probe_mdatp(program, 2000, NOW);

	cr_expect(json_is_false(json_object_get(f, "resident")), "not installed");
	json_decref(f);
	put_mode(
	    "/mdatp",
	    "#!/bin/sh\n[ \"$1 $2 $3\" = 'health --output json' ] && echo '" HEALTH("true", "true", "false", "5") "'\n",
	    0755);
	f = sk_probe_mdatp(in_root("/mdatp"), 5000, NOW);
	cr_expect_str_eq(text(f, "version"), "101.24");
	cr_expect_eq(json_integer_value(json_object_get(f, "signatures_ms")), NOW - 300000);
	cr_expect_str_eq(json_string_value(json_array_get(json_object_get(f, "issues"), 0)), "no \\x1b[2J license");
	json_decref(f);
	put_mode("/mdatp", "#!/bin/sh\nexit 1\n", 0755);
	f = sk_probe_mdatp(in_root("/mdatp"), 5000, NOW);
	cr_expect(json_is_false(json_object_get(f, "resident")));
	json_decref(f);
	put_mode("/mdatp", "#!/bin/sh\nexec sleep 100\n", 0755);
	f = sk_probe_mdatp(in_root("/mdatp"), 200, NOW);
	cr_expect(json_is_null(json_object_get(f, "resident")), "not known");
	json_decref(f);
	put_mode("/mdatp", "#!/bin/sh\nhead -c 1000000 /dev/zero\n", 0755);
	f = sk_probe_mdatp(in_root("/mdatp"), 5000, NOW);
	cr_expect(json_is_null(json_object_get(f, "resident")));
	json_decref(f);
	put_mode("/mdatp", "#!/bin/sh\n", 0777);
	f = sk_probe_mdatp(in_root("/mdatp"), 5000, NOW);
	cr_expect(json_is_null(json_object_get(f, "resident")), "root does not run what others may write");
	json_decref(f);
}

Test(scanner, any_other_as_the_policy_describes_it)
{
	struct sk_scanner_options o = {.name = "X",
	                               .folder = root,
	                               .command = "avctl",
	                               .running = "*Protection: ON*",
	                               .signatures = strdup(in_root("/defs")),
	                               .timeout_ms = 3000};
	static const char *const bad[] = {"/bin/true", "../bin/true", "avctl now", "", "none"};

	put_mode("/defs", "x", 0600);
	put_mode("/avctl", "#!/bin/sh\necho \"asked $#\"\necho '  real-time protection: on (all)'\n", 0755);
	json_t *f = sk_probe_scanner(&o);
	cr_expect(json_is_true(json_object_get(f, "resident")));
	cr_expect_gt(json_integer_value(json_object_get(f, "signatures_ms")), 0);
	json_decref(f);
	o.running = "*something else*";
	f = sk_probe_scanner(&o);
	cr_expect(json_is_false(json_object_get(f, "resident")));
	json_decref(f);
	o.running = "";
	f = sk_probe_scanner(&o);
	cr_expect(json_is_null(json_object_get(f, "resident")), "no line is no yes");
	json_decref(f);
	o.running = "*";
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		o.command = bad[i];
		f = sk_probe_scanner(&o);
		cr_expect(!json_is_true(json_object_get(f, "resident")), "%s", bad[i]);
		json_decref(f);
	}
	put_mode("/avctl", "#!/bin/sh\necho well\n", 0775);
	o.command = "avctl";
	f = sk_probe_scanner(&o);
	cr_expect(json_is_null(json_object_get(f, "resident")), "others may write it");
	json_decref(f);
	free((char *)(uintptr_t)o.signatures);
}

static int entries(const char *path)
{
	char command[300], out[32] = "";

	snprintf(command, sizeof(command), "ls -A %s | wc -l", path);
	FILE *f = popen(command, "r");
	cr_assert_not_null(fgets(out, sizeof(out), f));
	pclose(f);
	return (int)strtol(out, NULL, 10);
}

Test(scanner, the_live_test_leaves_nothing)
{
	char test[96];

	cr_expect_eq(sk_eicar(test, sizeof(test)), 68);
	cr_assert_eq(mkdir(in_root("/t"), 0700), 0);
	put_mode("/t/.eicar-test-OLD", "left by one that was killed", 0600);
	put_mode("/t/other", "x", 0600);
	cr_expect_str_eq(sk_on_access_test(in_root("/t"), 0), "missed", "no scanner stands in the way here");
	cr_expect_eq(entries(in_root("/t")), 1, "only what was not ours is left");
	cr_assert_eq(chmod(in_root("/t"), 0755), 0);
	cr_expect_str_eq(sk_on_access_test(in_root("/t"), 0), "unsafe");
	cr_assert_eq(symlink(in_root("/t"), in_root("/link")), 0);
	cr_expect_str_eq(sk_on_access_test(in_root("/link"), 0), "failed");
	cr_expect_str_eq(sk_on_access_test(in_root("/none"), 0), "failed");
	cr_expect_eq(entries(in_root("/t")), 1);
}

Test(scanner, the_live_test_is_not_made_at_every_run)
{
	struct sk_av_options o = {
	    .root = root,
	    .product = "command",
	    .socket = "/none",
	    .mdatp = "/none",
	    .scanner = {.name = "X", .folder = root, .command = "avctl", .running = "well", .timeout_ms = 3000},
	    .timeout_ms = 100,
	    .test_every_ms = 1000,
	    .now_ms = 5000};

	put_mode("/avctl", "#!/bin/sh\necho well\n", 0755);
	json_t *f = sk_probe_av(&o);
	cr_expect_null(json_object_get(f, "live_test"), "only where the policy asks");
	json_decref(f);
	o.test_folder = in_root("/var/lib/sekimori");
	f = sk_probe_av(&o);
	cr_expect_str_eq(text(f, "live_test"), "missed");
	json_decref(f);
	put_mode("/var/lib/sekimori/on-access", "blocked 4500\n", 0600);
	f = sk_probe_av(&o);
	cr_expect_str_eq(text(f, "live_test"), "blocked", "still fresh");
	json_decref(f);
	o.now_ms = 9000;
	o.test_folder = in_root("/var/lib/sekimori");
	f = sk_probe_av(&o);
	cr_expect_str_eq(text(f, "live_test"), "missed");
	json_decref(f);
	o.product = "odd";
	f = sk_probe_av(&o);
	cr_expect_str_neq(text(f, "error"), "");
	json_decref(f);
	o.product = "auto";
	f = sk_probe_av(&o);
	cr_expect_str_eq(text(f, "product"), "ClamAV");
	json_decref(f);
}

#define CLAM(live) \
	"{\"resident\":true,\"version\":\"ClamAV 1\",\"signatures_ms\":1799990000000,\"self_test\":\"found\"" live "}"
#define ASKED "[check antivirus]\non_access = yes\n"

Test(scanner, verdicts_of_the_live_test)
{
	cr_expect_eq(judge("antivirus", CLAM("")), SK_STATE_COMPLIANT);
	cr_expect_eq(judge_with(ASKED, "antivirus", CLAM("")), SK_STATE_UNKNOWN);
	cr_expect_eq(judge_with(ASKED, "antivirus", CLAM(",\"live_test\":\"blocked\"")), SK_STATE_COMPLIANT);
	cr_expect_eq(judge_with(ASKED, "antivirus", CLAM(",\"live_test\":\"removed\"")), SK_STATE_COMPLIANT);
	cr_expect_eq(judge_with(ASKED, "antivirus", CLAM(",\"live_test\":\"missed\"")), SK_STATE_NON_COMPLIANT);
	cr_expect_eq(judge_with(ASKED, "antivirus", CLAM(",\"live_test\":\"unsafe\"")), SK_STATE_UNKNOWN);
}

static enum sk_state settings(void)
{
	json_t *f = sk_probe_settings(root, "/etc/av.conf /etc/none.conf relative");
	char *t = json_dumps(f, 0);
	enum sk_state s = judge("antivirus-settings", t);

	free(t);
	json_decref(f);
	return s;
}

Test(scanner, settings_are_those_that_were_accepted)
{
	char command[400];

	put_mode("/etc/av.conf", "OnAccess yes\n", 0644);
	cr_expect_eq(settings(), SK_STATE_UNKNOWN, "nobody accepted any");
	snprintf(command, sizeof(command),
	         "cd %s/var/lib/sekimori && mv antivirus-settings.next antivirus-settings.baseline", root);
	cr_assert_eq(system(command), 0);
	cr_expect_eq(settings(), SK_STATE_COMPLIANT);
	put_mode("/etc/av.conf", "OnAccess no\n", 0644);
	cr_expect_eq(settings(), SK_STATE_NON_COMPLIANT);
	put_mode("/etc/av.conf", "OnAccess yes\n", 0666);
	cr_expect_eq(settings(), SK_STATE_NON_COMPLIANT, "who may write it counts");
	put_mode("/etc/av.conf", "OnAccess yes\n", 0644);
	put_mode("/etc/none.conf", "x", 0644);
	cr_expect_eq(settings(), SK_STATE_NON_COMPLIANT, "a file that came");
	cr_assert_eq(unlink(in_root("/etc/none.conf")), 0);
	cr_assert_eq(unlink(in_root("/etc/av.conf")), 0);
	cr_expect_eq(settings(), SK_STATE_NON_COMPLIANT, "and one that went");
	cr_assert_eq(mkfifo(in_root("/etc/av.conf"), 0644), 0);
	cr_expect_eq(settings(), SK_STATE_UNKNOWN);
}

static enum sk_state scanned(void)
{
	json_t *f = sk_probe_full_scan(in_root("/stamp"));
	char *t = json_dumps(f, 0);
	enum sk_state s = judge("full-scan", t);

	free(t);
	json_decref(f);
	return s;
}

Test(scanner, full_scans)
{
	cr_expect_eq(scanned(), SK_STATE_UNKNOWN, "none is known of");
	put_mode("/stamp", "clean 1799900000\n", 0600);
	cr_expect_eq(scanned(), SK_STATE_COMPLIANT);
	put_mode("/stamp", "infected 1799900000\n", 0600);
	cr_expect_eq(scanned(), SK_STATE_COMPLIANT);
	put_mode("/stamp", "failed 1799900000\n", 0600);
	cr_expect_eq(scanned(), SK_STATE_NON_COMPLIANT);
	put_mode("/stamp", "clean 1700000000\n", 0600);
	cr_expect_eq(scanned(), SK_STATE_NON_COMPLIANT);
	put_mode("/stamp", "clean 1900000000\n", 0600);
	cr_expect_eq(scanned(), SK_STATE_UNKNOWN, "from the future");
	cr_assert_eq(unlink(in_root("/stamp")), 0);
	cr_assert_eq(mkdir(in_root("/stamp"), 0700), 0);
	cr_expect_eq(scanned(), SK_STATE_UNKNOWN);
}
