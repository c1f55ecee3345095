/* The checks of updates, support, services, the packet filter and logs: each with a pass, a fail and an unknown, and the known traps. */
#include <stdlib.h>

#include "platform/probe.h"
#include "tests/unit/check_help.h"

#define NOW_GRACE "[check updates]\ngrace = 0s\n"
#define UPDATES(index, security, held, dpkg, reboot) \
	"{\"index_ms\":" index ",\"pending\":{\"security\":" security \
	",\"other\":3,\"packages\":[\"openssl\"]},\"held\":[" held "],\"dpkg\":[" dpkg "],\"reboot\":" reboot "}"

Test(check_system, updates)
{
	cr_expect_eq(judge("updates", UPDATES("1799990000000", "0", "", "", "false")), SK_STATE_COMPLIANT);
	cr_expect_eq(judge("updates", UPDATES("1799990000000", "2", "", "", "false")), SK_STATE_IN_GRACE,
	             "two weeks where the policy names nothing");
	cr_expect_eq(judge_with(NOW_GRACE, "updates", UPDATES("1799990000000", "2", "", "", "false")),
	             SK_STATE_NON_COMPLIANT);
	cr_expect_eq(judge("updates", UPDATES("1799000000000", "0", "", "", "false")), SK_STATE_UNKNOWN,
	             "an old list proves nothing");
	cr_expect_eq(judge("updates", UPDATES("null", "0", "", "", "false")), SK_STATE_UNKNOWN);
	cr_expect_eq(judge_with(NOW_GRACE, "updates", UPDATES("1799000000000", "2", "", "", "false")),
	             SK_STATE_NON_COMPLIANT, "what is known to be missing is missing");
	cr_expect_eq(judge_with(NOW_GRACE, "updates", UPDATES("1799990000000", "0", "\"linux-image\"", "", "false")),
	             SK_STATE_NON_COMPLIANT);
	cr_expect_eq(judge_with("[check updates]\nheld_allowed = linux*\n", "updates",
	                        UPDATES("1799990000000", "0", "\"linux-image\"", "", "false")),
	             SK_STATE_COMPLIANT);
	cr_expect_eq(judge_with(NOW_GRACE, "updates", UPDATES("1799990000000", "0", "", "\"half\"", "false")),
	             SK_STATE_NON_COMPLIANT);
	cr_expect_eq(judge_with(NOW_GRACE, "updates", UPDATES("1799990000000", "0", "", "", "true")),
	             SK_STATE_NON_COMPLIANT, "installed and not running");
	cr_expect_eq(judge("updates", "{\"index_ms\":1799990000000,\"pending\":null,\"reboot\":false}"),
	             SK_STATE_UNKNOWN);
}

Test(check_system, what_apt_would_do)
{
	char text[] = "Inst libssl3 [3.0.11-1] (3.0.15-1 Debian-Security:12/stable-security [amd64])\n"
	              "Inst tzdata [2024a] (2024b Debian:12.9/stable [all])\n"
	              "Conf libssl3 (3.0.15-1 Debian-Security:12/stable-security [amd64])\n"
	              "Inst apt (2 Ubuntu:22.04/jammy-security [amd64])\nInst broken\nRemv x\n";
	json_t *r = sk_updates_parse(text);

	cr_expect_eq(json_integer_value(json_object_get(r, "security")), 2);
	cr_expect_eq(json_integer_value(json_object_get(r, "other")), 2);
	cr_expect_str_eq(json_string_value(json_array_get(json_object_get(r, "packages"), 0)), "libssl3");
	json_decref(r);
}

#define OS(id, version) "{\"id\":\"" id "\",\"version\":\"" version "\",\"name\":\"X\"}"

Test(check_system, support) /* NOW is 15 January 2027 */
{
	cr_expect_eq(judge("support", OS("debian", "12")), SK_STATE_COMPLIANT);
	cr_expect_eq(judge("support", OS("debian", "11")), SK_STATE_NON_COMPLIANT);
	cr_expect_eq(judge("support", OS("rocky", "9.4")), SK_STATE_COMPLIANT);
	cr_expect_eq(judge("support", OS("ubuntu", "22.10")), SK_STATE_UNKNOWN, "not 22.04");
	cr_expect_eq(judge("support", OS("debian", "1")), SK_STATE_UNKNOWN);
	cr_expect_eq(judge("support", OS("plan9", "4")), SK_STATE_UNKNOWN);
	cr_expect_eq(judge_with("[check support]\nplanned_until = 2030-03-31\n", "support", OS("debian", "12")),
	             SK_STATE_NON_COMPLIANT, "it looks forward");
	cr_expect_eq(judge_with("[check support]\ndates = debian:11=2028-06-30\n", "support", OS("debian", "11")),
	             SK_STATE_COMPLIANT, "a longer contract");
	cr_expect_eq(judge("support", "{\"id\":null,\"version\":null}"), SK_STATE_UNKNOWN);
}

Test(check_system, services)
{
	const char *ssh = "{\"listening\":[{\"port\":\"tcp/22\",\"program\":\"sshd\"}],\"units\":[]}";

	cr_expect_eq(judge("services", "{\"listening\":[{\"port\":\"udp/68\",\"program\":\"dhclient\"}],\"units\":[]}"),
	             SK_STATE_COMPLIANT);
	cr_expect_eq(judge("services", ssh), SK_STATE_NON_COMPLIANT);
	cr_expect_eq(judge_with("[check services]\nallowed = tcp/22\n", "services", ssh), SK_STATE_COMPLIANT);
	cr_expect_eq(judge("services", "{\"listening\":[],\"units\":[\"telnet.socket\"]}"), SK_STATE_NON_COMPLIANT);
	cr_expect_eq(judge("services", "{\"listening\":null}"), SK_STATE_UNKNOWN);
}

#define FILTER(ip, ip6, six, legacy) \
	"{\"ip\":\"" ip "\",\"ip6\":\"" ip6 "\",\"has_ip6\":" six ",\"legacy\":" legacy \
	",\"chains\":{\"ip\":\"inet f in\"}}"

Test(check_system, firewall)
{
	cr_expect_eq(judge("firewall", FILTER("refused", "refused", "true", "false")), SK_STATE_COMPLIANT);
	cr_expect_eq(judge("firewall", FILTER("refused", "open", "true", "false")), SK_STATE_NON_COMPLIANT,
	             "half a wall");
	cr_expect_eq(judge("firewall", FILTER("refused", "open", "false", "false")), SK_STATE_COMPLIANT,
	             "no IPv6 here");
	cr_expect_eq(judge("firewall", FILTER("open", "open", "true", "false")), SK_STATE_NON_COMPLIANT);
	cr_expect_eq(judge("firewall", FILTER("open", "open", "true", "true")), SK_STATE_UNKNOWN,
	             "the old iptables may");
	cr_expect_eq(judge("firewall", FILTER("unsure", "open", "true", "false")), SK_STATE_UNKNOWN);
	cr_expect_eq(judge("firewall", FILTER("refused", "unsure", "true", "false")), SK_STATE_UNKNOWN);
	cr_expect_eq(judge("firewall", "{\"ip\":null}"), SK_STATE_UNKNOWN);
}

#define LOGS(storage, folder, keep, syslog) \
	"{\"storage\":\"" storage "\",\"journal_folder\":" folder ",\"max_retention\":\"" keep "\",\"syslog\":" syslog \
	",\"auditd\":false}"
#define YEAR "[check logs]\nkeep = 365d\n"

Test(check_system, logs)
{
	cr_expect_eq(judge_with(YEAR, "logs", LOGS("", "true", "", "false")), SK_STATE_COMPLIANT);
	cr_expect_eq(judge_with(YEAR, "logs", LOGS("", "false", "", "false")), SK_STATE_NON_COMPLIANT,
	             "auto without a folder is memory");
	cr_expect_eq(judge_with(YEAR, "logs", LOGS("volatile", "true", "", "false")), SK_STATE_NON_COMPLIANT);
	cr_expect_eq(judge_with(YEAR, "logs", LOGS("none", "false", "", "true")), SK_STATE_COMPLIANT,
	             "syslog keeps it");
	cr_expect_eq(judge_with(YEAR, "logs", LOGS("persistent", "true", "1month", "false")), SK_STATE_NON_COMPLIANT);
	cr_expect_eq(judge_with(YEAR, "logs", LOGS("persistent", "true", "2 years", "false")), SK_STATE_COMPLIANT);
	cr_expect_eq(judge_with(YEAR, "logs", LOGS("persistent", "true", "soon", "false")), SK_STATE_UNKNOWN);
	cr_expect_eq(judge("logs", LOGS("persistent", "true", "", "false")), SK_STATE_UNKNOWN,
	             "the office has not said how long");
	cr_expect_eq(
	    judge_with("[check logs]\nkeep = 365d\nauditd = yes\n", "logs", LOGS("persistent", "true", "", "false")),
	    SK_STATE_NON_COMPLIANT);
}
