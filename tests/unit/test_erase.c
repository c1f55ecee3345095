/* Who may erase a medium, and what counts as erased. */
#include <criterion/criterion.h>
#include <errno.h>

#include "policy/erase.h"

static const char KEY[] = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";

static struct sk_grant grant;
static struct sk_identity identity;
static struct sk_ledger_entry entry;

static struct sk_erase_ask ask(void)
{
	grant = (struct sk_grant){.erase = true, .access = SK_ACCESS_RW, .person = "clerk"};
	entry = (struct sk_ledger_entry){.ledger = "M-1"};
	identity = (struct sk_identity){.stage = SK_ID_UNKNOWN};
	return (struct sk_erase_ask){.grant = &grant,
	                             .identity = &identity,
	                             .access = SK_ACCESS_RW,
	                             .person = "clerk",
	                             .active = "clerk",
	                             .serial = "S1",
	                             .device_key = KEY,
	                             .typed = "S1",
	                             .label = ""};
}

Test(erase, a_grant_that_says_so_and_the_name_that_was_typed)
{
	struct sk_erase_ask a = ask();

	cr_assert_eq(sk_erase_may(&a), SK_ERASE_MAY);
	cr_assert_null(sk_erase_why(SK_ERASE_MAY));
	grant.erase = false;
	cr_assert_eq(sk_erase_may(&a), SK_ERASE_NOT_SAID);
	a.grant = NULL;
	cr_assert_eq(sk_erase_may(&a), SK_ERASE_NO_GRANT, "a rule that opens it is not enough");
	for (int i = SK_ERASE_NO_GRANT; i <= SK_ERASE_LABEL; i++)
		cr_assert_not_null(sk_erase_why((enum sk_erase_answer)i));
}

Test(erase, reading_is_not_enough_and_writing_inside_encryption_is)
{
	struct sk_erase_ask a = ask();

	a.access = SK_ACCESS_RO;
	cr_assert_eq(sk_erase_may(&a), SK_ERASE_READ_ONLY);
	a.access = SK_ACCESS_ENCRYPTED;
	cr_assert_eq(sk_erase_may(&a), SK_ERASE_MAY);
	grant.access = SK_ACCESS_RO;
	cr_assert_eq(sk_erase_may(&a), SK_ERASE_READ_ONLY);
}

Test(erase, what_is_kept_for_long_is_kept)
{
	struct sk_erase_ask a = ask();

	identity = (struct sk_identity){.stage = SK_ID_PROVED, .entry = &entry};
	entry.state = SK_MEDIUM_LONG_TERM;
	a.typed = "M-1";
	cr_assert_eq(sk_erase_may(&a), SK_ERASE_LONG_TERM);
	entry.state = SK_MEDIUM_LENT;
	cr_assert_eq(sk_erase_may(&a), SK_ERASE_MAY);
}

Test(erase, whose_it_is)
{
	struct sk_erase_ask a = ask();

	a.person = "clerk2";
	cr_assert_eq(sk_erase_may(&a), SK_ERASE_PERSON);
	grant.person[0] = '\0';
	cr_assert_eq(sk_erase_may(&a), SK_ERASE_PERSON, "somebody in another session");
	a.active = "clerk2";
	cr_assert_eq(sk_erase_may(&a), SK_ERASE_MAY);
	a.person = "";
	a.active = "";
	cr_assert_eq(sk_erase_may(&a), SK_ERASE_MAY, "root");
}

Test(erase, the_name_is_the_most_certain_there_is)
{
	struct sk_erase_ask a = ask();
	char name[SK_DEV_TEXT];

	a.typed = "s1";
	cr_assert_eq(sk_erase_may(&a), SK_ERASE_UNCONFIRMED);
	a.typed = "";
	cr_assert_eq(sk_erase_may(&a), SK_ERASE_UNCONFIRMED);
	a.serial = "";
	cr_assert_eq(sk_erase_may(&a), SK_ERASE_UNCONFIRMED, "nothing typed names nothing");
	cr_assert_str_eq(sk_erase_names(&a, name), "00112233");
	a.typed = "00112233";
	cr_assert_eq(sk_erase_may(&a), SK_ERASE_MAY);
	identity = (struct sk_identity){.stage = SK_ID_PROVED, .entry = &entry};
	cr_assert_str_eq(sk_erase_names(&a, name), "M-1");
	cr_assert_eq(sk_erase_may(&a), SK_ERASE_UNCONFIRMED);
	identity.stage = SK_ID_CANDIDATE;
	cr_assert_str_eq(sk_erase_names(&a, name), "00112233", "not proved yet");
}

Test(erase, labels)
{
	struct sk_erase_ask a = ask();

	cr_assert(sk_erase_is_label("M-2026_0001"));
	cr_assert(!sk_erase_is_label("M-2026_00012"));
	cr_assert(!sk_erase_is_label("m-1"));
	cr_assert(!sk_erase_is_label("-M"));
	cr_assert(!sk_erase_is_label("A B"));
	cr_assert(!sk_erase_is_label(""));
	a.label = "a;b";
	cr_assert_eq(sk_erase_may(&a), SK_ERASE_LABEL);
}

Test(erase, methods_and_completeness)
{
	enum sk_erase_method m = SK_ERASE_DISCARD;
	struct sk_erase_result r = {.bytes = 10, .written = 10, .verified = 10};

	cr_assert_eq(sk_erase_method_parse("overwrite", &m), 0);
	cr_assert_eq(m, SK_ERASE_OVERWRITE);
	cr_assert_eq(sk_erase_method_parse("shred", &m), -EINVAL);
	cr_assert_eq(m, SK_ERASE_OVERWRITE);
	cr_assert_str_eq(sk_erase_method_name(SK_ERASE_DISCARD), "discard");
	cr_assert(sk_erase_complete(&r));
	r.verified = 9;
	cr_assert(!sk_erase_complete(&r));
	r = (struct sk_erase_result){0};
	cr_assert(!sk_erase_complete(&r), "nothing erased is nothing");
}
