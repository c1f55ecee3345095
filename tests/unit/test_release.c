/* Giving a recipient a passphrase: who may, and what it looks like. */
#include <criterion/criterion.h>
#include <string.h>

#include "policy/release.h"

static struct sk_grant grant;
static struct sk_ledger_entry entry;
static struct sk_identity id;
static struct sk_release_ask ask;

static void up(void)
{
	grant = (struct sk_grant){.release = true, .access = SK_ACCESS_RW, .person = "clerk", .container_key = "aa"};
	entry = (struct sk_ledger_entry){.container = true, .state = SK_MEDIUM_LENT};
	id = (struct sk_identity){.stage = SK_ID_PROVED, .entry = &entry};
	ask = (struct sk_release_ask){.grant = &grant,
	                              .identity = &id,
	                              .access = SK_ACCESS_ENCRYPTED,
	                              .person = "clerk",
	                              .active = "clerk",
	                              .recipient = "県 税務課"};
}
TestSuite(release, .init = up);

Test(release, under_a_grant_that_says_so_by_its_holder)
{
	cr_expect_eq(sk_release_may(&ask), SK_RELEASE_MAY);
	grant.person[0] = '\0';
	cr_expect_eq(sk_release_may(&ask), SK_RELEASE_MAY, "a grant for anyone: who sits there");
	ask.active = "other";
	cr_expect_eq(sk_release_may(&ask), SK_RELEASE_PERSON);
}

Test(release, everything_that_stands_against_it)
{
	char longer[SK_RELEASE_RECIPIENT + 2];

	memset(longer, 'x', sizeof(longer) - 1);
	longer[sizeof(longer) - 1] = '\0';
	ask.recipient = longer;
	cr_expect_eq(sk_release_may(&ask), SK_RELEASE_RECIPIENT_NAME);
	ask.recipient = "a\nb";
	cr_expect_eq(sk_release_may(&ask), SK_RELEASE_RECIPIENT_NAME);
	ask.recipient = "  ";
	cr_expect_eq(sk_release_may(&ask), SK_RELEASE_RECIPIENT_NAME);
	ask.recipient = "";
	cr_expect_eq(sk_release_may(&ask), SK_RELEASE_RECIPIENT_NAME);
	ask.before = true;
	cr_expect_eq(sk_release_may(&ask), SK_RELEASE_BEFORE);
	ask.person = "";
	cr_expect_eq(sk_release_may(&ask), SK_RELEASE_PERSON, "root would hold it for nobody");
	ask.person = "other";
	cr_expect_eq(sk_release_may(&ask), SK_RELEASE_PERSON);
	ask.access = SK_ACCESS_ENCRYPTED_RO;
	cr_expect_eq(sk_release_may(&ask), SK_RELEASE_READ_ONLY);
	ask.access = SK_ACCESS_ENCRYPTED;
	grant.access = SK_ACCESS_RO;
	cr_expect_eq(sk_release_may(&ask), SK_RELEASE_READ_ONLY);
	entry.state = SK_MEDIUM_LONG_TERM;
	cr_expect_eq(sk_release_may(&ask), SK_RELEASE_LONG_TERM);
	id.stage = SK_ID_CANDIDATE;
	cr_expect_eq(sk_release_may(&ask), SK_RELEASE_NO_CONTAINER);
	id.stage = SK_ID_PROVED;
	entry.container = false;
	cr_expect_eq(sk_release_may(&ask), SK_RELEASE_NO_CONTAINER);
	entry.container = true;
	grant.container_key[0] = '\0';
	cr_expect_eq(sk_release_may(&ask), SK_RELEASE_NO_CONTAINER);
	grant.release = false;
	cr_expect_eq(sk_release_may(&ask), SK_RELEASE_NOT_SAID);
	ask.grant = NULL;
	cr_expect_eq(sk_release_may(&ask), SK_RELEASE_NO_GRANT);
	for (int a = SK_RELEASE_NO_GRANT; a <= SK_RELEASE_RECIPIENT_NAME; a++)
		cr_expect_not_null(sk_release_why((enum sk_release_answer)a));
	cr_expect_null(sk_release_why(SK_RELEASE_MAY));
}

Test(release, every_bit_is_in_the_passphrase)
{
	uint8_t random[SK_RELEASE_RANDOM] = {0};
	char one[SK_RELEASE_LEN], zero[SK_RELEASE_LEN];

	sk_release_passphrase(random, zero);
	cr_expect_str_eq(zero, "0000-0000-0000-0000-0000-0000");
	for (size_t bit = 0; bit < 8 * sizeof(random); bit++) {
		random[bit / 8] = (uint8_t)(1u << bit % 8);
		sk_release_passphrase(random, one);
		cr_expect_str_neq(one, zero, "bit %zu", bit);
		cr_expect_eq(strlen(one), SK_RELEASE_LEN - 1);
		random[bit / 8] = 0;
	}
	memset(random, 0xff, sizeof(random));
	sk_release_passphrase(random, one);
	cr_expect_str_eq(one, "ZZZZ-ZZZZ-ZZZZ-ZZZZ-ZZZZ-ZZZZ");
}
