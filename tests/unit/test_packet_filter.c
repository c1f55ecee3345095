/* Rule sets as nft lists them, and the traps: a policy that a rule undoes, a family the packet is not of, jumps, the old format. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "policy/packet_filter.h"

#define CHAIN(family, name, policy) \
	"{\"chain\":{\"family\":\"" family "\",\"table\":\"t\",\"name\":\"" name \
	"\",\"type\":\"filter\",\"hook\":\"input\",\"prio\":0,\"policy\":\"" policy "\"}}"
#define PLAIN(family, name) "{\"chain\":{\"family\":\"" family "\",\"table\":\"t\",\"name\":\"" name "\"}}"
#define RULE(family, chain, expr) \
	",{\"rule\":{\"family\":\"" family "\",\"table\":\"t\",\"chain\":\"" chain "\",\"expr\":[" expr "]}}"
#define ACCEPT                 "{\"accept\":null}"
#define DROP                   "{\"drop\":null}"
#define TO(verb, chain)        "{\"" verb "\":{\"target\":\"" chain "\"}}"
#define MATCH(op, left, right) "{\"match\":{\"op\":\"" op "\",\"left\":" left ",\"right\":" right "}}"
#define STATE                  "{\"ct\":{\"key\":\"state\"}}"
#define IIF                    "{\"meta\":{\"key\":\"iifname\"}}"
#define PORT                   MATCH("==", "{\"payload\":{\"protocol\":\"tcp\",\"field\":\"dport\"}}", "22")

static enum sk_filter_fate fate(const char *items, const char *family)
{
	char text[4096], where[200];

	snprintf(text, sizeof(text), "{\"nftables\":[{\"metainfo\":{\"version\":\"1.0.6\"}},%s]}", items);
	json_t *rules = json_loads(text, 0, NULL);
	cr_assert_not_null(rules, "%s", text);
	enum sk_filter_fate f = sk_packet_filter(rules, family, where, sizeof(where));
	cr_expect_eq(f == SK_FILTER_REFUSED, where[0] != '\0');
	json_decref(rules);
	return f;
}

Test(packet_filter, a_policy_and_what_undoes_it)
{
	cr_expect_eq(fate(CHAIN("inet", "in", "drop"), "ip"), SK_FILTER_REFUSED);
	cr_expect_eq(fate(CHAIN("inet", "in", "drop"), "ip6"), SK_FILTER_REFUSED);
	cr_expect_eq(fate(CHAIN("inet", "in", "accept"), "ip"), SK_FILTER_OPEN);
	cr_expect_eq(fate(CHAIN("inet", "in", "drop") RULE("inet", "in", PORT "," ACCEPT), "ip"), SK_FILTER_REFUSED);
	cr_expect_eq(fate(CHAIN("inet", "in", "drop") RULE("inet", "in", "{\"counter\":{}}," ACCEPT), "ip"),
	             SK_FILTER_OPEN, "a drop that nothing comes to");
	cr_expect_eq(
	    fate(CHAIN("inet", "in", "accept") RULE("inet", "in", PORT "," ACCEPT) RULE("inet", "in", DROP), "ip"),
	    SK_FILTER_REFUSED, "a last rule refuses");
	cr_expect_eq(fate(CHAIN("inet", "in", "accept") RULE("inet", "in", "{\"log\":null},{\"reject\":{}}"), "ip"),
	             SK_FILTER_REFUSED);
	cr_expect_eq(fate(CHAIN("inet", "in", "drop") RULE("inet", "in", "{\"limit\":{\"rate\":5}}," ACCEPT), "ip"),
	             SK_FILTER_REFUSED);
}

Test(packet_filter, a_family_the_packet_is_not_of)
{
	cr_expect_eq(fate(CHAIN("ip", "in", "drop"), "ip"), SK_FILTER_REFUSED);
	cr_expect_eq(fate(CHAIN("ip", "in", "drop"), "ip6"), SK_FILTER_OPEN);
	cr_expect_eq(fate(CHAIN("arp", "in", "drop"), "ip"), SK_FILTER_OPEN);
	cr_expect_eq(fate(CHAIN("bridge", "in", "drop"), "ip"), SK_FILTER_OPEN);
	const char *four = CHAIN("inet", "in", "drop")
	    RULE("inet", "in", MATCH("==", "{\"meta\":{\"key\":\"nfproto\"}}", "\"ipv6\"") "," ACCEPT);
	cr_expect_eq(fate(four, "ip"), SK_FILTER_REFUSED);
	cr_expect_eq(fate(four, "ip6"), SK_FILTER_OPEN);
}

Test(packet_filter, the_loopback_and_connections)
{
	cr_expect_eq(fate(CHAIN("inet", "in", "drop") RULE("inet", "in", MATCH("==", IIF, "\"lo\"") "," ACCEPT)
	                      RULE("inet", "in", MATCH("in", STATE, "[\"established\",\"related\"]") "," ACCEPT),
	                  "ip"),
	             SK_FILTER_REFUSED);
	cr_expect_eq(fate(CHAIN("inet", "in", "drop") RULE("inet", "in", MATCH("!=", IIF, "\"lo\"") "," ACCEPT), "ip"),
	             SK_FILTER_OPEN);
	cr_expect_eq(fate(CHAIN("inet", "in", "drop")
	                      RULE("inet", "in", MATCH("in", STATE, "[\"established\",\"new\"]") "," ACCEPT),
	                  "ip"),
	             SK_FILTER_OPEN, "what is new is everything");
	cr_expect_eq(
	    fate(CHAIN("inet", "in", "accept") RULE("inet", "in", MATCH("in", STATE, "[\"invalid\"]") "," DROP), "ip"),
	    SK_FILTER_OPEN);
	cr_expect_eq(fate(CHAIN("inet", "in", "accept")
	                      RULE("inet", "in", MATCH("==", STATE, "{\"set\":[\"new\",\"invalid\"]}") "," DROP),
	                  "ip"),
	             SK_FILTER_REFUSED);
}

Test(packet_filter, jumps)
{
	cr_expect_eq(fate(CHAIN("inet", "in", "drop") "," PLAIN("inet", "x") RULE("inet", "in", TO("jump", "x"))
	                      RULE("inet", "x", ACCEPT),
	                  "ip"),
	             SK_FILTER_OPEN);
	cr_expect_eq(fate(CHAIN("inet", "in", "accept") "," PLAIN("inet", "x") RULE("inet", "in", TO("jump", "x"))
	                      RULE("inet", "x", PORT "," ACCEPT) RULE("inet", "x", "{\"return\":null}")
	                          RULE("inet", "x", ACCEPT) RULE("inet", "in", DROP),
	                  "ip"),
	             SK_FILTER_REFUSED, "it returns and goes on");
	cr_expect_eq(fate(CHAIN("inet", "in", "accept") "," PLAIN("inet", "x") RULE("inet", "in", TO("goto", "x"))
	                      RULE("inet", "in", DROP),
	                  "ip"),
	             SK_FILTER_OPEN, "goto does not come back");
	cr_expect_eq(fate(CHAIN("inet", "in", "accept") "," PLAIN("inet", "x") RULE("inet", "in", TO("jump", "x"))
	                      RULE("inet", "x", TO("jump", "x")),
	                  "ip"),
	             SK_FILTER_UNSURE, "a circle ends");
}

#define TABLE(flags) "{\"table\":{\"family\":\"inet\",\"name\":\"t\",\"handle\":1" flags "}},"

Test(packet_filter, a_table_that_sleeps)
{
	cr_expect_eq(fate(TABLE("") CHAIN("inet", "in", "drop"), "ip"), SK_FILTER_REFUSED);
	cr_expect_eq(fate(TABLE(",\"flags\":\"dormant\"") CHAIN("inet", "in", "drop"), "ip"), SK_FILTER_OPEN);
	cr_expect_eq(fate(TABLE(",\"flags\":[\"owner\",\"dormant\"]") CHAIN("inet", "in", "drop"), "ip"),
	             SK_FILTER_OPEN);
	cr_expect_eq(fate(TABLE(",\"flags\":[\"owner\"]") CHAIN("inet", "in", "drop"), "ip"), SK_FILTER_REFUSED);
	cr_expect_eq(fate(TABLE(",\"flags\":\"owner\"") CHAIN("inet", "in", "drop"), "ip"), SK_FILTER_REFUSED);
	cr_expect_eq(fate(TABLE(",\"flags\":\"t\"") CHAIN("inet", "in", "drop"), "ip"), SK_FILTER_UNSURE, "nft 1.0.6");
}

Test(packet_filter, what_nft_cannot_show)
{
	cr_expect_eq(fate(CHAIN("ip", "in", "accept") RULE("ip", "in", "{\"xt\":null}"), "ip"), SK_FILTER_UNSURE);
	cr_expect_eq(fate(CHAIN("ip", "in", "drop") RULE("ip", "in", "{\"xt\":null}," ACCEPT), "ip"),
	             SK_FILTER_REFUSED);
	cr_expect_eq(sk_packet_filter(NULL, "ip", (char[8]){0}, 8), SK_FILTER_OPEN);
	cr_expect_eq(fate("{\"chain\":null},{\"rule\":{\"expr\":{}}},7,\"x\",{\"chain\":{\"hook\":\"input\",\"type\":"
	                  "\"filter\"}}",
	                  "ip"),
	             SK_FILTER_OPEN);
}
