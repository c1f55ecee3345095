/*
 * M9 IC card, 5.4(1)ア(イ). Facts (platform/probe_card.c): {"readers":[{"name","card":bool,"mute":bool}],"pcscd":"ok|absent|silent","usb_readers":N,
 * "login":["gdm-smartcard"],"in_use":true|false|null}. A card that stays in the reader while nobody is at work here was left behind. That drawing it
 * locks the screen is the work of the agent itself (the screen-lock check).
 */
#include <stdio.h>

#include "common/i18n.h"
#include "policy/check_list.h"

enum { REQUIRED, SERVICES, SOCKET };
static const struct sk_param params[] = {
    [REQUIRED] = {.name = "required", .type = SK_PARAM_YES},
    [SERVICES] = {.name = "services",
                  .type = SK_PARAM_LIST,
                  .max = 32,
                  .def_text = "login gdm-password gdm-smartcard lightdm sddm xdm",
                  .probe = true},
    [SOCKET] =
        {.name = "socket", .type = SK_PARAM_PATH, .max = 107, .def_text = "/run/pcscd/pcscd.comm", .probe = true},
};

static const char *card_in(const json_t *readers)
{
	for (size_t i = 0; i < json_array_size(readers); i++) {
		const json_t *r = json_array_get(readers, i);
		const char *name = json_string_value(json_object_get(r, "name"));
		if (json_is_true(json_object_get(r, "card")))
			return name ? name : "?";
	}
	return NULL;
}

static enum sk_state judge_card(const json_t *facts, json_t *detail)
{
	const json_t *used = json_object_get(facts, "in_use");
	const char *reader = card_in(json_object_get(facts, "readers"));

	if (!reader) {
		sk_check_say(detail, N_("No card is in a reader."), NULL, NULL);
		return SK_STATE_COMPLIANT;
	}
	if (json_is_true(used)) {
		sk_check_say(detail, N_("A card is in reader %1, and somebody is at work here."), reader, NULL);
		return SK_STATE_COMPLIANT;
	}
	if (json_is_false(used)) {
		sk_check_say(detail, N_("A card was left in reader %1 while nobody works here."), reader, NULL);
		return SK_STATE_NON_COMPLIANT;
	}
	sk_check_say(detail, N_("A card is in reader %1; whether somebody works here could not be told."), reader,
	             NULL);
	return SK_STATE_UNKNOWN;
}

static enum sk_state judge(const struct sk_check_set *p, const json_t *facts, long long now_ms, json_t *detail)
{
	const json_t *readers = json_object_get(facts, "readers"), *login = json_object_get(facts, "login");
	const char *pcscd = json_string_value(json_object_get(facts, "pcscd"));
	bool any = json_array_size(readers) > 0 || json_integer_value(json_object_get(facts, "usb_readers")) > 0;
	enum sk_state state = SK_STATE_COMPLIANT, card;

	(void)now_ms;
	if (!json_is_array(readers) || !json_is_array(login) || !pcscd) {
		sk_check_say(detail, N_("The card readers could not be read."), NULL, NULL);
		return SK_STATE_UNKNOWN;
	}
	if (!any && !p->v[REQUIRED].n && json_array_size(login) == 0) {
		sk_check_say(detail, N_("This terminal has no card reader, and none is asked for."), NULL, NULL);
		return SK_STATE_NOT_APPLICABLE;
	}
	if (!any && p->v[REQUIRED].n) {
		sk_check_say(detail, N_("No card reader is attached."), NULL, NULL);
		state = SK_STATE_NON_COMPLIANT;
	}
	if (p->v[REQUIRED].n && json_array_size(login) == 0) {
		sk_check_say(detail, N_("No login service asks for the card."), NULL, NULL);
		state = SK_STATE_NON_COMPLIANT;
	}
	if (json_array_size(readers) == 0 && any) {
		sk_check_say(
		    detail,
		    N_("There is a reader, but the card service (pcscd: %1) does not say whether a card is in it."),
		    pcscd, NULL);
		card = SK_STATE_UNKNOWN;
	} else {
		card = judge_card(facts, detail);
	}
	return card > state ? card : state;
}

const struct sk_check sk_check_ic_card = {
    .id = "ic-card",
    .row = "M9",
    .clause = "5.4(1)ア(イ)",
    .duty = SK_DUTY_MUST,
    .title = N_("IC card"),
    .explanation = N_("The IC card is in the reader only while its holder works at this terminal."),
    .remediation = N_("Take the card out of the reader and give it back to its holder; a card whose holder is not "
                      "known goes to the manager."),
    .params = params,
    .n_params = SK_N(params),
    .judge = judge,
};
