#include "policy/erase.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/i18n.h"
#include "common/text.h"

static const char *const METHODS[] = {[SK_ERASE_OVERWRITE] = "overwrite", [SK_ERASE_DISCARD] = "discard"};

const char *sk_erase_method_name(enum sk_erase_method m)
{
	return METHODS[m];
}

int sk_erase_method_parse(const char *name, enum sk_erase_method *out)
{
	for (size_t i = 0; i < sizeof(METHODS) / sizeof(METHODS[0]); i++) {
		if (strcmp(METHODS[i], name) != 0)
			continue;
		*out = (enum sk_erase_method)i;
		return 0;
	}
	return -EINVAL;
}

bool sk_erase_is_label(const char *s)
{
	size_t n = strlen(s);

	return n > 0 && n < SK_ERASE_LABEL_LEN && s[0] != '-' &&
	       strspn(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_") == n;
}

static bool proved(const struct sk_erase_ask *ask)
{
	return ask->identity != NULL && ask->identity->stage == SK_ID_PROVED && ask->identity->entry != NULL;
}

const char *sk_erase_names(const struct sk_erase_ask *ask, char out[SK_DEV_TEXT])
{
	if (proved(ask))
		sk_text_copy(out, SK_DEV_TEXT, ask->identity->entry->ledger);
	else if (ask->serial[0] != '\0')
		sk_text_copy(out, SK_DEV_TEXT, ask->serial);
	else
		(void)snprintf(out, SK_DEV_TEXT, "%.8s", ask->device_key);
	return out;
}

/* Root acts for whom it is open; a person for themselves, and where it is open for anyone, only who sits there. */
static bool may_ask(const struct sk_erase_ask *ask)
{
	if (ask->person[0] == '\0')
		return true;
	if (ask->grant->person[0] != '\0')
		return strcmp(ask->grant->person, ask->person) == 0;
	return strcmp(ask->active, ask->person) == 0;
}

enum sk_erase_answer sk_erase_may(const struct sk_erase_ask *ask)
{
	char name[SK_DEV_TEXT];

	if (ask->grant == NULL)
		return SK_ERASE_NO_GRANT;
	if (!ask->grant->erase)
		return SK_ERASE_NOT_SAID;
	if (proved(ask) && ask->identity->entry->state == SK_MEDIUM_LONG_TERM)
		return SK_ERASE_LONG_TERM;
	if (!sk_access_writes(ask->access) || !sk_access_writes(ask->grant->access))
		return SK_ERASE_READ_ONLY;
	if (!may_ask(ask))
		return SK_ERASE_PERSON;
	if (strcmp(sk_erase_names(ask, name), ask->typed) != 0)
		return SK_ERASE_UNCONFIRMED;
	return ask->label[0] == '\0' || sk_erase_is_label(ask->label) ? SK_ERASE_MAY : SK_ERASE_LABEL;
}

const char *sk_erase_why(enum sk_erase_answer a)
{
	static const char *const WHY[] = {
	    [SK_ERASE_NO_GRANT] = N_("no grant opens it; erasing is done under one"),
	    [SK_ERASE_NOT_SAID] = N_("the grant does not say that the medium may be erased"),
	    [SK_ERASE_READ_ONLY] = N_("it may only be read"),
	    [SK_ERASE_LONG_TERM] = N_("it is in long-term storage"),
	    [SK_ERASE_PERSON] = N_("it is open for another person"),
	    [SK_ERASE_UNCONFIRMED] = N_("what was typed does not name this medium"),
	    [SK_ERASE_LABEL] = N_("the label must be at most 11 of A-Z, 0-9, - and _"),
	};

	return WHY[a];
}

bool sk_erase_complete(const struct sk_erase_result *r)
{
	return r->bytes > 0 && r->written == r->bytes && r->verified == r->bytes;
}
