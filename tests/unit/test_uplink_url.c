/* Server addresses: what is taken and how it is written again, and what is refused. */
#include <criterion/criterion.h>
#include <string.h>

#include "agent/uplink_url.h"

static const struct {
	const char *text, *host, *port, *again;
} GOOD[] = {
    {"https://sekimori.example.jp:8443", "sekimori.example.jp", "8443", "https://sekimori.example.jp:8443"},
    {"https://sekimori.example.jp", "sekimori.example.jp", "443", "https://sekimori.example.jp:443"},
    {"https://10.0.2.100:8443/", "10.0.2.100", "8443", "https://10.0.2.100:8443"},
    {"https://[::1]:8443", "::1", "8443", "https://[::1]:8443"},
    {"https://[fd00::2]", "fd00::2", "443", "https://[fd00::2]:443"},
};

static const char *const BAD[] = {
    "",
    "https://",
    "http://a:1",
    "HTTPS://a:1",
    "https://a:0",
    "https://a:65536",
    "https://a:1x",
    "https://a:",
    "https://a:008",
    "https://a/path",
    "https://a:1/path",
    "https://a?x",
    "https://u@a",
    "https://a b",
    "https://[::1",
    "https://[::1]x",
    "https://[a]:1",
    "https://[]:1",
    "https://:1",
    "https://a:1:2",
    "https://::1",
    "https://-a",
    "https://a\r\nX: y",
    "https://a//",
    "https://\xe9",
};

Test(uplink_url, good)
{
	for (size_t i = 0; i < sizeof(GOOD) / sizeof(GOOD[0]); i++) {
		struct sk_url u;

		cr_assert_eq(sk_url_parse(GOOD[i].text, &u, NULL), 0, "%s", GOOD[i].text);
		cr_assert_str_eq(u.host, GOOD[i].host);
		cr_assert_str_eq(u.port, GOOD[i].port);
		cr_assert_str_eq(u.text, GOOD[i].again);
		cr_assert_str_eq(u.authority, GOOD[i].again + 8);
	}
}

Test(uplink_url, bad_leaves_out_untouched)
{
	struct sk_url before, u;

	memset(&before, 0x5a, sizeof(before));
	for (size_t i = 0; i < sizeof(BAD) / sizeof(BAD[0]); i++) {
		struct sk_err err = SK_ERR_INIT;

		u = before;
		cr_assert_lt(sk_url_parse(BAD[i], &u, &err), 0, "%s", BAD[i]);
		cr_assert_neq(err.text[0], '\0');
		cr_assert_eq(memcmp(&u, &before, sizeof(u)), 0, "%s", BAD[i]);
	}
}

Test(uplink_url, length_is_bounded)
{
	char text[600];
	struct sk_url u;

	for (size_t n = 1; n < sizeof(text) - 9; n++) {
		memcpy(text, "https://", 8);
		memset(text + 8, 'a', n);
		text[8 + n] = '\0';
		cr_assert_eq(sk_url_parse(text, &u, NULL) == 0, n < sizeof(u.host), "%zu", n);
	}
}
