#include "policy/release.h"

#include <string.h>

#include "common/i18n.h"
#include "common/text.h"

static bool is_container(const struct sk_release_ask *ask)
{
	const struct sk_identity *id = ask->identity;

	return id != NULL && id->stage == SK_ID_PROVED && id->entry != NULL && id->entry->container &&
	       ask->grant->container_key[0] != '\0';
}

static bool is_recipient(const char *s)
{
	char shown[4 * SK_RELEASE_RECIPIENT + 1];
	size_t n = strlen(s);

	if (n == 0 || n > SK_RELEASE_RECIPIENT)
		return false;
	(void)sk_text_printable(shown, sizeof(shown), s, n);
	return strcmp(shown, s) == 0 && strspn(s, " ") != n;
}

static bool is_holder(const struct sk_release_ask *ask)
{
	return ask->person[0] != '\0' && strcmp(ask->active, ask->person) == 0 &&
	       (ask->grant->person[0] == '\0' || strcmp(ask->grant->person, ask->person) == 0);
}

enum sk_release_answer sk_release_may(const struct sk_release_ask *ask)
{
	if (ask->grant == NULL)
		return SK_RELEASE_NO_GRANT;
	if (!ask->grant->release)
		return SK_RELEASE_NOT_SAID;
	if (!is_container(ask))
		return SK_RELEASE_NO_CONTAINER;
	if (ask->identity->entry->state == SK_MEDIUM_LONG_TERM)
		return SK_RELEASE_LONG_TERM;
	if (!sk_access_writes(ask->access) || !sk_access_writes(ask->grant->access))
		return SK_RELEASE_READ_ONLY;
	if (!is_holder(ask))
		return SK_RELEASE_PERSON;
	if (ask->before)
		return SK_RELEASE_BEFORE;
	return is_recipient(ask->recipient) ? SK_RELEASE_MAY : SK_RELEASE_RECIPIENT_NAME;
}

const char *sk_release_why(enum sk_release_answer a)
{
	static const char *const WHY[] = {
	    [SK_RELEASE_NO_GRANT] = N_("no grant opens it; a passphrase is given under one"),
	    [SK_RELEASE_NOT_SAID] = N_("the grant does not say that a recipient gets a passphrase; ask for it anew"),
	    [SK_RELEASE_NO_CONTAINER] = N_("it is no container of the organisation that is open"),
	    [SK_RELEASE_LONG_TERM] = N_("it is in long-term storage"),
	    [SK_RELEASE_READ_ONLY] = N_("it may only be read"),
	    [SK_RELEASE_PERSON] = N_("only the person it is open for gives the passphrase, at the terminal"),
	    [SK_RELEASE_BEFORE] = N_("a passphrase was given under this grant already; ask for it anew"),
	    [SK_RELEASE_RECIPIENT_NAME] = N_("say who gets it, in at most 120 bytes"),
	};

	return WHY[a];
}

void sk_release_passphrase(const uint8_t random[SK_RELEASE_RANDOM], char out[SK_RELEASE_LEN])
{
	static const char DIGITS[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
	unsigned bits = 0, have = 0;
	size_t at = 0, n = 0;

	for (size_t i = 0; i < SK_RELEASE_RANDOM; i++) {
		bits = bits << 8 | random[i];
		for (have += 8; have >= 5; have -= 5) {
			if (n > 0 && n % 4 == 0)
				out[at++] = '-';
			out[at++] = DIGITS[bits >> (have - 5) & 31];
			n++;
		}
		bits &= 31;
	}
	out[at] = '\0';
}
