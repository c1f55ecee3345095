/* The chain of events: every field counts, and gaps, forks and forgeries are told apart. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/chain.h"

static const char device[] = "01234567-89ab-4cde-8f01-23456789abcd";

static struct sk_event make(int64_t seq, const char *prev, const char *body)
{
	struct sk_event e = {.seq = seq, .time = 1775032200123, .kind = "media-decision"};

	e.body = strdup(body);
	e.body_len = strlen(body);
	memcpy(e.prev, prev, sizeof(e.prev));
	sk_chain_hash(device, &e, e.hash);
	return e;
}

/* The definition written out byte by byte, as another program would have to do it. */
Test(chain, known_value)
{
	struct sk_event e = make(1, SK_CHAIN_ZERO, "{}");
	char text[512], want[SK_SHA256_HEX];
	const char *const parts[] = {"sekimori-event-1", device, "1",          "1775032200123",
	                             "media-decision",   "{}",   SK_CHAIN_ZERO};
	size_t n = 0;

	for (size_t i = 0; i < 7; i++) {
		memset(text + n, 0, 8);
		text[n + 7] = (char)strlen(parts[i]);
		memcpy(text + n + 8, parts[i], strlen(parts[i]));
		n += 8 + strlen(parts[i]);
	}
	sk_sha256_hex(text, n, want);
	cr_expect_str_eq(e.hash, want);
	cr_expect_str_eq(e.hash, "1fee65faa39485db37f937061267f6eb4f0203dcba23988a701f0ff80a42895f");
	cr_expect_eq(strlen(SK_CHAIN_ZERO), 64);
	sk_event_clear(&e);
	cr_expect_null(e.body);
	sk_event_clear(&e);
}

Test(chain, follows)
{
	char last[SK_SHA256_HEX];

	memcpy(last, SK_CHAIN_ZERO, sizeof(last));
	for (int64_t seq = 1; seq <= 50; seq++) {
		struct sk_event e = make(seq, last, "{\"a\":1}");

		cr_assert_eq(sk_chain_follows(device, seq - 1, last, &e), SK_CHAIN_OK);
		memcpy(last, e.hash, sizeof(last));
		sk_event_clear(&e);
	}
}

Test(chain, gap)
{
	struct sk_event e = make(3, SK_CHAIN_ZERO, "{}");

	cr_expect_eq(sk_chain_follows(device, 1, SK_CHAIN_ZERO, &e), SK_CHAIN_GAP);
	cr_expect_eq(sk_chain_follows(device, 3, SK_CHAIN_ZERO, &e), SK_CHAIN_GAP, "sent twice");
	cr_expect_eq(sk_chain_follows(device, 2, SK_CHAIN_ZERO, &e), SK_CHAIN_OK);
	sk_event_clear(&e);
	e = make(0, SK_CHAIN_ZERO, "{}");
	cr_expect_eq(sk_chain_follows(device, -1, SK_CHAIN_ZERO, &e), SK_CHAIN_GAP);
	sk_event_clear(&e);
	e = make(INT64_MIN, SK_CHAIN_ZERO, "{}");
	cr_expect_eq(sk_chain_follows(device, INT64_MAX, SK_CHAIN_ZERO, &e), SK_CHAIN_GAP);
	sk_event_clear(&e);
}

Test(chain, fork)
{
	struct sk_event first = make(1, SK_CHAIN_ZERO, "{\"a\":1}"), other = make(1, SK_CHAIN_ZERO, "{\"a\":2}"),
	                second = make(2, other.hash, "{}");

	cr_expect_eq(sk_chain_follows(device, 1, first.hash, &second), SK_CHAIN_FORK);
	cr_expect_eq(sk_chain_follows(device, 1, other.hash, &second), SK_CHAIN_OK);
	cr_expect_eq(sk_chain_follows(device, 1, "", &second), SK_CHAIN_FORK);
	sk_event_clear(&first);
	sk_event_clear(&other);
	sk_event_clear(&second);
}

static void expect_forged(struct sk_event *e, const char *dev)
{
	cr_expect_eq(sk_chain_follows(dev, 0, SK_CHAIN_ZERO, e), SK_CHAIN_FORGED);
	sk_event_clear(e);
}

Test(chain, forged_in_every_field)
{
	struct sk_event e = make(1, SK_CHAIN_ZERO, "{\"a\":1}");

	cr_expect_eq(sk_chain_follows(device, 0, SK_CHAIN_ZERO, &e), SK_CHAIN_OK);
	e.time++;
	expect_forged(&e, device);
	e = make(1, SK_CHAIN_ZERO, "{\"a\":1}");
	e.body[5] = '2';
	expect_forged(&e, device);
	e = make(1, SK_CHAIN_ZERO, "{\"a\":1}");
	e.body_len--;
	expect_forged(&e, device);
	e = make(1, SK_CHAIN_ZERO, "{\"a\":1}");
	e.kind[0] = 'n';
	expect_forged(&e, device);
	e = make(1, SK_CHAIN_ZERO, "{\"a\":1}");
	e.hash[0] = e.hash[0] == '0' ? '1' : '0';
	expect_forged(&e, device);
	e = make(1, SK_CHAIN_ZERO, "{\"a\":1}");
	e.hash[0] = '\0';
	expect_forged(&e, device);
	e = make(1, SK_CHAIN_ZERO, "{\"a\":1}");
	expect_forged(&e, "local");
}

/* What moves from one field to its neighbour changes the hash. */
Test(chain, fields_do_not_run_together)
{
	struct sk_event a = make(1, SK_CHAIN_ZERO, "{}"), b = make(1, SK_CHAIN_ZERO, "{}");

	(void)snprintf(a.kind, sizeof(a.kind), "x{");
	free(a.body);
	a.body = strdup("}");
	a.body_len = 1;
	(void)snprintf(b.kind, sizeof(b.kind), "x");
	sk_chain_hash(device, &a, a.hash);
	sk_chain_hash(device, &b, b.hash);
	cr_expect_str_neq(a.hash, b.hash);
	sk_event_clear(&a);
	sk_event_clear(&b);
}

Test(chain, unterminated_fields_are_bounded)
{
	struct sk_event e = make(1, SK_CHAIN_ZERO, "{}");

	memset(e.kind, 'k', sizeof(e.kind));
	memset(e.prev, '0', sizeof(e.prev));
	memset(e.hash, 'a', sizeof(e.hash));
	cr_expect_neq(sk_chain_follows(device, 0, SK_CHAIN_ZERO, &e), SK_CHAIN_OK);
	free(e.body);
	e.body = NULL;
	sk_chain_hash(device, &e, e.hash);
	cr_expect_eq(strlen(e.hash), 64);
}

Test(chain, names)
{
	cr_expect_str_eq(sk_chain_result_name(SK_CHAIN_OK), "ok");
	cr_expect_str_eq(sk_chain_result_name(SK_CHAIN_GAP), "gap");
	cr_expect_str_eq(sk_chain_result_name(SK_CHAIN_FORK), "fork");
	cr_expect_str_eq(sk_chain_result_name(SK_CHAIN_FORGED), "forged");
	cr_expect_str_eq(sk_chain_result_name((enum sk_chain_result)9), "unknown");
}
