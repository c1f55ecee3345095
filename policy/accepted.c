/* See accepted.h. */
#include "policy/accepted.h"

#include <stdio.h>
#include <string.h>

#include "common/i18n.h"
#include "policy/check_list.h"

#define NAMED_MAX 20

static size_t say_each(const json_t *list, const char *msgid, json_t *detail)
{
	for (size_t i = 0; i < json_array_size(list) && i < NAMED_MAX; i++) {
		const char *line = json_string_value(json_array_get(list, i));
		sk_check_say(detail, msgid, line ? line : "?", NULL);
	}
	return json_array_size(list);
}

static enum sk_state judge_drift(const json_t *facts, const char *hash, json_t *detail)
{
	const json_t *added = json_object_get(facts, "added"), *removed = json_object_get(facts, "removed");
	size_t n;

	if (!json_is_array(added) || !json_is_array(removed)) {
		sk_check_say(detail, N_("The comparison with what was accepted could not be read."), NULL, NULL);
		return SK_STATE_UNKNOWN;
	}
	n = say_each(added, N_("New since it was accepted: %1."), detail);
	n += say_each(removed, N_("Gone since it was accepted: %1."), detail);
	if (n == 0 && !json_is_true(json_object_get(facts, "more"))) {
		sk_check_say(detail, N_("It is as it was accepted."), NULL, NULL);
		return SK_STATE_COMPLIANT;
	}
	sk_check_say(detail, N_("As it is now it has the hash %1."), hash, NULL);
	return SK_STATE_NON_COMPLIANT;
}

enum sk_state sk_judge_accepted(const struct sk_param_value *accepted, const json_t *facts, json_t *detail)
{
	const char *hash = json_string_value(json_object_get(facts, "hash")),
	           *why = json_string_value(json_object_get(facts, "why"));
	const char *baseline = json_string_value(json_object_get(facts, "baseline"));
	const json_t *unread = json_object_get(facts, "unread");

	if (!hash || strlen(hash) != 64) {
		sk_check_say(detail, N_("What is there now could not be read."), NULL, NULL);
		return SK_STATE_UNKNOWN;
	}
	if (json_array_size(unread) > 0) {
		say_each(unread, N_("This part could not be read: %1."), detail);
		return SK_STATE_UNKNOWN;
	}
	if (sk_param_has(accepted, hash)) {
		sk_check_say(detail, N_("It is as the policy accepts it."), NULL, NULL);
		return SK_STATE_COMPLIANT;
	}
	if (!baseline) {
		sk_check_say(detail,
		             why ? N_("The accepted list could not be read (%1).") : N_("No list was accepted yet."),
		             why, NULL);
		return SK_STATE_UNKNOWN;
	}
	return judge_drift(facts, hash, detail);
}
