/* Events of a terminal, newest first: when, what, the few members that matter in one line, and the rest behind "details". */
#include "server/console.h"

#include <string.h>

static enum sk_tone tone_of(const json_t *e, const char **word)
{
	const json_t *body = sk_page_get(e, "body");
	const char *kind = sk_page_str(e, "kind");
	enum sk_tone tone;
	enum sk_state state;

	*word = sk_word_event(kind, &tone);
	if (strcmp(kind, "device.decided") == 0) {
		bool allow = strcmp(sk_page_str(body, "verdict"), "allow") == 0;

		*word = allow ? N_("Device allowed") : N_("Device refused");
		tone = allow ? SK_TONE_OK : SK_TONE_BAD;
		if (sk_part_is_mixed(body)) {
			*word = N_("Device partly allowed");
			tone = SK_TONE_GRACE;
		}
	} else if (strcmp(kind, "check.changed") == 0 && sk_state_parse(sk_page_str(body, "to"), &state) == 0) {
		tone = sk_page_state_tone(state);
	}
	return tone;
}

static void part(struct sk_page *p, bool *first, const char *text, bool translate)
{
	if (*text == '\0')
		return;
	if (!*first)
		sk_page_lit(p, " \xc2\xb7 ");
	*first = false;
	if (translate)
		sk_page_tr(p, text);
	else
		sk_page_text(p, text);
}

static void summary(struct sk_page *p, const json_t *body)
{
	/* request.created carries the device as an object; elsewhere its members lie beside the others. */
	const json_t *nested = sk_page_get(body, "device");
	const json_t *device = json_is_object(nested) ? nested : body;
	const struct sk_check *check = sk_check_find(sk_page_str(body, "id"));
	const char *state = sk_page_str(body, "to"), *reason = sk_page_str(body, "reason");
	bool first = true;
	enum sk_state s;

	part(p, &first, sk_page_str(device, "vendor"), false);
	part(p, &first, sk_page_str(device, "product"), false);
	part(p, &first, sk_page_str(device, "serial"), false);
	if (check != NULL)
		part(p, &first, check->title, true);
	if (sk_state_parse(state, &s) == 0)
		part(p, &first, sk_state_word(s), true);
	part(p, &first, sk_page_str(body, "person"), false);
	part(p, &first, sk_page_str(body, "purpose"), false);
	part(p, &first, sk_word_reason(reason), true);
	part(p, &first, sk_page_str(body, "rule"), false);
	part(p, &first, sk_page_str(body, "node"), false);
	part(p, &first, sk_page_str(body, "mount"), false);
	part(p, &first, sk_page_str(body, "name"), false);
}

/* Names of files may be names of residents (class 1): only their ending is shown, as in the record of what was written. */
static void mask(json_t *o, const char *member)
{
	const char *name = json_string_value(json_object_get(o, member)), *dot;

	if (name == NULL)
		return;
	dot = strrchr(name, '.');
	if (dot == NULL || strlen(dot) > 6 || strchr(dot, '/') != NULL)
		dot = "";
	(void)json_object_set_new(o, member, json_sprintf("\xe2\x97\x8f\xe2\x97\x8f\xe2\x97\x8f%s", dot));
}

static json_t *masked(const json_t *body)
{
	static const char *const LISTS[] = {"found", "unscanned"};
	json_t *copy = json_deep_copy(body), *one;
	size_t i;

	if (copy == NULL)
		return NULL;
	mask(copy, "file");
	for (size_t k = 0; k < sizeof(LISTS) / sizeof(LISTS[0]); k++)
		json_array_foreach(json_object_get(copy, LISTS[k]), i, one) mask(one, "file");
	return copy;
}

static void details(struct sk_page *p, const json_t *body)
{
	json_t *shown = masked(body);

	sk_page_lit(p, "<details><summary>");
	sk_page_tr(p, N_("Details"));
	sk_page_lit(p, "</summary>");
	sk_page_evidence(p, shown, sk_word_evidence);
	sk_page_lit(p, "</details>");
	json_decref(shown);
}

static void row(struct sk_page *p, const json_t *e)
{
	const json_t *body = sk_page_get(e, "body");
	const char *word;
	enum sk_tone tone = tone_of(e, &word);

	sk_page_lit(p, "<tr><td class=\"when\">");
	sk_page_time(p, sk_page_int(e, "time"));
	sk_page_lit(p, "</td><td class=\"num\">");
	(void)sk_buf_addf(&p->out, "%lld", sk_page_int(e, "seq"));
	sk_page_lit(p, "</td><td>");
	sk_page_badge(p, tone, word);
	sk_page_lit(p, "</td><td class=\"free\">");
	summary(p, body);
	if (strcmp(sk_page_str(e, "kind"), "file.written") == 0) {
		/* Names of files may be names of residents: class 1, masked. */
		sk_page_lit(p, " \xc2\xb7 ");
		sk_page_num(p, (long long)json_array_size(sk_page_get(body, "files")));
		sk_page_lit(p, " ");
		sk_page_tr(p, N_("files (names masked)"));
	} else if (json_object_size(body) > 0) {
		details(p, body);
	}
	sk_page_lit(p, "</td></tr>\n");
}

void sk_part_events(struct sk_page *p, const json_t *events)
{
	static const char *const head[] = {N_("Time"), N_("No."), N_("What happened"), N_("On what, why"), NULL};
	const json_t *e;
	size_t i;

	if (json_array_size(events) == 0) {
		sk_part_empty(p, N_("No events have been received."));
		return;
	}
	sk_page_table(p, "events", N_("Events, newest first"), head);
	json_array_foreach(events, i, e) row(p, e);
	sk_page_table_end(p);
}
