/* Which events people are told of, in which words. */
#include "agent/notify.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "agent/words.h"
#include "common/json.h"
#include "common/text.h"

#define TEXT_MAX 1024

int sk_notices_init(struct sk_notices *n, enum sk_lang lang)
{
	n->ring = json_array();
	n->lang = lang;
	return n->ring ? 0 : -ENOMEM;
}

void sk_notices_deinit(struct sk_notices *n)
{
	json_decref(n->ring);
	n->ring = NULL;
}

/* %1 = the medium, %2 = a time or name that belongs to the kind, %3 = the reason. */
static const struct {
	const char *kind, *text;
} words[] = {
    {"grant.warned", N_("The permit for %1 ends at %2. Save your work; the medium will be closed then.")},
    {"grant.ended", N_("The permit for %1 has ended. The medium was closed.")},
    {"grant.admitted", N_("%1 is open under a permit until %2.")},
    {"medium.mounted", N_("%1 can be used at %2.")},
    {"medium.scanning", N_("%1 is being scanned for viruses (%2). It opens by itself when nothing is found.")},
    {"medium.not-scanned",
     N_("%1 was not opened, because it was not scanned: %2. Plug it in again, or call the helpdesk.")},
    {"medium.infected", N_("Something malicious was found on %1: %2. It was closed. Unplug the network cable of this "
                           "terminal first, leave the "
                           "terminal switched on, and tell your section manager and the helpdesk at once.")},
    {"medium.mount-failed", N_("%1 is permitted, but could not be opened. Call the helpdesk.")},
    {"medium.open-failed", N_("%1 is permitted, but could not be opened. Call the helpdesk.")},
    {"medium.erased", N_("%1 is erased; all of it was read back.")},
    {"medium.not-erased", N_("%1 is not erased completely: %2. Do it again, and do not give it away before.")},
    {"enforcement.failed", N_("%1 was shut because it would not take its settings. Call the helpdesk.")},
    {"isolation.on",
     N_("This terminal was cut off from the network. Unplug its network cable as well, leave it switched on, and "
        "call the helpdesk.")},
    {"isolation.off", N_("This terminal may use the network again.")},
    {"networks.closed", N_("What this terminal may reach has changed: a network that is not permitted for it is "
                           "closed, or open again. sekimori check networks says which.")},
    {"device.confirmed", N_("%1 was confirmed and can be used.")},
    {"device.not-confirmed", N_("%1 was not confirmed and stays shut.")},
    {"device.refused-change", N_("%1 was shut because it changed while it was being checked.")},
};

static const struct {
	const char *state, *text;
} answers[] = {
    {"approved", N_("Your request %1 was permitted. The medium can be used now.")},
    {"refused", N_("Your request %1 was not permitted. Reason: %3")},
    {"returned", N_("Your request %1 was sent back to you. Reason: %3")},
    {"permitted", N_("Your request %1 was permitted by the section's manager and is with the helpdesk.")},
    {"cancelled", N_("The permit of your request %1 was withdrawn. Reason: %3")},
    {"expired", N_("Your request %1 has run out.")},
};

static const char *member(const json_t *body, const char *name)
{
	const char *s = json_string_value(json_object_get(body, name));

	return s ? s : "";
}

static void medium_name(const json_t *body, enum sk_lang lang, char *out, size_t size)
{
	const char *vendor = member(body, "vendor"), *product = member(body, "product"),
	           *device = member(body, "device");
	const char *const args[3] = {device, "", ""};
	struct sk_buf b;

	sk_buf_init(&b, size - 1);
	if (*product)
		sk_buf_addf(&b, "%s%s%s (%s)", vendor, *vendor ? " " : "", product, device);
	else if (*device)
		sk_words_fill(&b, sk_tr(lang, N_("The device at port %1")), args, 3);
	else
		sk_buf_adds(&b, sk_tr(lang, N_("The medium")));
	sk_text_copy(out, size, b.data);
	sk_buf_deinit(&b);
}

/* How far a scan is: "12 files, 34 of 56 MB". The end is not known before it is reached; the size of the medium bounds it. */
static void scan_arg(const json_t *body, enum sk_lang lang, char *out, size_t size)
{
	char numbers[2][24];
	const char *const args[3] = {numbers[0], numbers[1], ""};
	struct sk_buf b;

	(void)snprintf(numbers[0], sizeof numbers[0], "%lld",
	               (long long)json_integer_value(json_object_get(body, "files")));
	(void)snprintf(numbers[1], sizeof numbers[1], "%lld",
	               (long long)json_integer_value(json_object_get(body, "bytes")) / 1000000);
	sk_buf_init(&b, size - 1);
	sk_words_fill(&b, sk_tr(lang, N_("%1 files, %2 MB so far")), args, 3);
	sk_text_copy(out, size, b.data);
	sk_buf_deinit(&b);
}

static void second_arg(const json_t *body, enum sk_lang lang, char *out, size_t size)
{
	json_int_t until = json_integer_value(json_object_get(body, "until"));

	if (json_is_integer(json_object_get(body, "total")))
		scan_arg(body, lang, out, size);
	else if (*member(body, "signature"))
		sk_text_copy(out, size, member(body, "signature"));
	else if (*member(body, "why"))
		sk_text_copy(out, size, sk_tr(lang, member(body, "why")));
	else if (*member(body, "mount"))
		sk_text_copy(out, size, member(body, "mount"));
	else if (until > 0)
		sk_clock_format_local(until, out, size);
	else
		sk_text_copy(out, size, "-");
}

static int request_text(const json_t *body, enum sk_lang lang, struct sk_buf *out)
{
	char number[24] = "-";
	json_int_t n = json_integer_value(json_object_get(body, "number"));
	const char *const args[3] = {number, "", member(body, "reason")};
	struct sk_buf b;

	if (n > 0) {
		sk_buf_init(&b, sizeof number - 1);
		sk_buf_addf(&b, "%lld", (long long)n);
		sk_text_copy(number, sizeof number, b.data);
		sk_buf_deinit(&b);
	}
	for (size_t i = 0; i < sizeof answers / sizeof *answers; i++)
		if (!strcmp(answers[i].state, member(body, "state"))) {
			sk_words_fill(out, sk_tr(lang, answers[i].text), args, 3);
			return 0;
		}
	return -ENOENT;
}

/* What is wholly allowed is nothing to read about: a keyboard simply works. */
static bool anything_refused(const json_t *body)
{
	const json_t *list = json_object_get(body, "interfaces"), *f;
	size_t i;

	if (strcmp(member(body, "verdict"), "allow") != 0)
		return true;
	json_array_foreach((json_t *)list, i, f) if (!strcmp(member(f, "verdict"), "deny")) return true;
	return false;
}

/* As much of a notice as fits on a screen; `sekimori notices` has the whole of it. */
static int office_text(const json_t *body, enum sk_lang lang, struct sk_buf *out)
{
	char text[500];
	const char *const args[3] = {member(body, "from"), member(body, "title"), text};

	sk_text_printable(text, sizeof text, member(body, "text"), strlen(member(body, "text")));
	sk_words_fill(out, sk_tr(lang, N_("Notice from %1: %2. %3 (All of it: sekimori notices)")), args, 3);
	return sk_buf_error(out);
}

int sk_notice_text(const char *kind, const json_t *body, enum sk_lang lang, struct sk_buf *out)
{
	const char *sentence = member(body, lang == SK_LANG_JA ? "sentence_ja" : "sentence_en");
	char medium[512], second[300];
	const char *const args[3] = {medium, second, member(body, "reason")};

	if (!strcmp(kind, "device.decided") && *sentence && anything_refused(body))
		return sk_buf_adds(out, sentence);
	if (!strcmp(kind, "request.answered"))
		return request_text(body, lang, out);
	if (!strcmp(kind, "notice.received"))
		return office_text(body, lang, out);
	for (size_t i = 0; i < sizeof words / sizeof *words; i++)
		if (!strcmp(words[i].kind, kind)) {
			medium_name(body, lang, medium, sizeof medium);
			second_arg(body, lang, second, sizeof second);
			sk_words_fill(out, sk_tr(lang, words[i].text), args, 3);
			return 0;
		}
	return -ENOENT;
}

/* A medium was refused, and a permit would open it. */
static bool may_ask(const char *kind, const json_t *body)
{
	static const char *const reasons[] = {"no-grant", "grant-expired", "grant-other-person"};
	const json_t *f;
	size_t i;

	if (strcmp(kind, "device.decided") != 0)
		return false;
	json_array_foreach((json_t *)json_object_get(body, "interfaces"), i, f)
	{
		bool deny = !strcmp(member(f, "verdict"), "deny");

		for (size_t k = 0; deny && k < sizeof reasons / sizeof *reasons; k++)
			if (!strcmp(member(f, "reason"), reasons[k]))
				return true;
	}
	return false;
}

static void copy_facts(json_t *o, const json_t *body)
{
	static const char *const texts[] = {"device", "device_key", "vendor", "product", "serial", "reason",
	                                    "rule",   "id",         "state",  "mount",   "file",   "signature"};
	static const char *const numbers[] = {"until", "left_s", "count", "number", "done", "total"};
	char safe[TEXT_MAX];

	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
		const char *s = member(body, texts[i]);

		if (!*s)
			continue;
		sk_text_printable(safe, sizeof safe, s, strlen(s));
		if (!strcmp(safe, s)) /* as it nearly always is: the value is shared */
			json_object_set_nocheck(o, texts[i], json_object_get(body, texts[i]));
		else
			sk_json_put(o, texts[i], safe);
	}
	for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
		if (json_is_integer(json_object_get(body, numbers[i])))
			json_object_set(o, numbers[i], json_object_get(body, numbers[i]));
}

/* text: printable, so UTF-8. It is the event's own sentence where there is one: then the value is shared. */
static void put_text(json_t *o, const char *name, const char *text, json_t *own)
{
	if (own && json_is_string(own) && !strcmp(json_string_value(own), text))
		json_object_set_nocheck(o, name, own);
	else
		json_object_set_new_nocheck(o, name, json_string_nocheck(text));
}

json_t *sk_notice(const char *kind, const json_t *body)
{
	char safe_ja[TEXT_MAX], safe_en[TEXT_MAX];
	struct sk_buf ja, en;
	json_t *o = NULL;

	sk_buf_init(&ja, TEXT_MAX - 1);
	sk_buf_init(&en, TEXT_MAX - 1);
	if (sk_notice_text(kind, body, SK_LANG_JA, &ja) == 0 && sk_notice_text(kind, body, SK_LANG_EN, &en) == 0) {
		sk_text_printable(safe_ja, sizeof safe_ja, ja.data, ja.len);
		sk_text_printable(safe_en, sizeof safe_en, en.data, en.len);
		o = json_object();
		json_object_set_new(o, "ask", json_boolean(may_ask(kind, body)));
		sk_json_put(o, "kind", kind);
		put_text(o, "text_en", safe_en, json_object_get(body, "sentence_en"));
		put_text(o, "text_ja", safe_ja, json_object_get(body, "sentence_ja"));
	}
	if (o)
		copy_facts(o, body);
	sk_buf_deinit(&ja);
	sk_buf_deinit(&en);
	return o;
}

/* "\r\nSekimori: TEXT\r\n": on a line of its own whatever the console showed. text: printable, so without a control character. */
static void console_line(const char *name, const char *text, char *out, size_t size)
{
	struct sk_buf b;

	sk_buf_init(&b, size - 1);
	(void)sk_buf_adds(&b, "\r\n");
	(void)sk_buf_adds(&b, name);
	(void)sk_buf_adds(&b, ": ");
	(void)sk_buf_adds(&b, text);
	(void)sk_buf_adds(&b, "\r\n");
	sk_text_copy(out, size, b.failed ? "" : b.data);
	sk_buf_deinit(&b);
}

static void keep(struct sk_notices *n, const json_t *notice, sk_ms now)
{
	static const char *const same[] = {"kind", "text_en", "text_ja"};
	json_t *o = json_object();

	for (size_t i = 0; i < sizeof same / sizeof *same; i++)
		json_object_set(o, same[i], json_object_get(notice, same[i]));
	json_object_set_new(o, "time", json_integer((json_int_t)now));
	if (json_array_size(n->ring) >= SK_NOTICES)
		json_array_remove(n->ring, 0);
	json_array_append_new(n->ring, o);
}

void sk_notify(struct sk_notices *n, const json_t *notice, sk_ms now)
{
	char plain[TEXT_MAX + 32], full[TEXT_MAX + 32];
	bool ja = n->lang == SK_LANG_JA;

	if (!notice)
		return;
	keep(n, notice, now);
	if (!n->tell)
		return;
	console_line("Sekimori", member(notice, "text_en"), plain, sizeof plain);
	if (ja)
		console_line("関守", member(notice, "text_ja"), full, sizeof full);
	n->tell(n->ctx, plain, ja ? full : plain);
}
