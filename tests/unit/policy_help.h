/* What the tests of policy/ share: descriptor dumps from files, devices and policies made from short texts, a repeatable random source. */
#ifndef SK_TESTS_POLICY_HELP_H
#define SK_TESTS_POLICY_HELP_H

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/text.h"
#include "policy/decide.h"

#define HELP_UNUSED __attribute__((unused))
#define HELP_NOW    1775000000000ll /* an instant in 2026 */

struct help_bytes {
	uint8_t data[SK_USB_DESCRIPTORS_MAX];
	size_t len;
};

/* Hexadecimal bytes in text, blanks between, '#' to the end of the line is a comment. */
HELP_UNUSED static void help_hex(const char *text, struct help_bytes *b)
{
	b->len = 0;
	while (*text) {
		unsigned v;
		char digits[3] = {0};

		if (*text == '#')
			text += strcspn(text, "\n");
		if (!*text || strchr(" \t\n", *text)) {
			text += *text != 0;
			continue;
		}
		digits[0] = text[0];
		digits[1] = text[1];
		cr_assert(digits[1] && sscanf(digits, "%2x", &v) == 1, "bad hex at \"%.10s\"", text);
		cr_assert(b->len < sizeof(b->data));
		b->data[b->len++] = (uint8_t)v;
		text += 2;
	}
}

HELP_UNUSED static char *help_read(const char *path)
{
	FILE *f = fopen(path, "rb");
	char *text = calloc(1, 1 << 20);

	cr_assert(f && text, "cannot read %s (run the tests from the top folder)", path);
	cr_assert(fread(text, 1, (1 << 20) - 1, f) > 0);
	fclose(f);
	return text;
}

/* The value of "# key: value" in a dump's text; "" if it is not there. */
HELP_UNUSED static void help_header(const char *text, const char *key, char *out, size_t size)
{
	char find[64];
	const char *at;

	out[0] = '\0';
	snprintf(find, sizeof(find), "# %s: ", key);
	at = strstr(text, find);
	if (!at)
		return;
	at += strlen(find);
	snprintf(out, size, "%.*s", (int)strcspn(at, "\n"), at);
}

/* A device at port 1-2 with these descriptors. */
HELP_UNUSED static void help_device_bytes(const struct help_bytes *b, const char *serial, struct sk_device *d)
{
	struct sk_err err = SK_ERR_INIT;

	memset(d, 0, sizeof(*d));
	sk_text_copy(d->name, sizeof(d->name), "1-2");
	sk_text_copy(d->bus, sizeof(d->bus), "usb");
	sk_text_copy(d->vendor, sizeof(d->vendor), "Maker");
	sk_text_copy(d->product, sizeof(d->product), "Model");
	sk_text_copy(d->serial, sizeof(d->serial), serial ? serial : "");
	sk_text_copy(d->connect, sizeof(d->connect), "hotplug");
	d->has_serial = serial && serial[0];
	d->desc_ok = sk_usb_desc_parse(b->data, b->len, serial, serial ? strlen(serial) : 0, &d->desc, &err) == 0;
	sk_text_copy(d->desc_problem, sizeof(d->desc_problem), err.text);
}

HELP_UNUSED static void help_device(const char *dump, const char *serial, struct sk_device *d)
{
	char path[256];
	char *text;
	struct help_bytes *b = malloc(sizeof(*b));

	cr_assert(b);
	snprintf(path, sizeof(path), "tests/data/descriptors/%s.hex", dump);
	text = help_read(path);
	help_hex(text, b);
	help_device_bytes(b, serial, d);
	free(text);
	free(b);
}

#define HELP_HEAD                                                                                                              \
	"[policy]\nname = test\nversion = 7\nzone = internet\nmode = enforce\ndefault = deny\n"                                \
	"contact_ja = 窓口\ncontact_en = the desk\n"

/* rules stand after the head; free with sk_policy_free. */
HELP_UNUSED static struct sk_policy *help_policy(const char *rules)
{
	struct sk_policy *p = NULL;
	struct sk_err err = SK_ERR_INIT;
	size_t size = strlen(HELP_HEAD) + strlen(rules) + 1;
	char *text = malloc(size);

	cr_assert(text);
	snprintf(text, size, "%s%s", HELP_HEAD, rules);
	cr_assert_eq(sk_policy_parse("test.ini", text, strlen(text), &p, &err), 0, "%s", err.text);
	free(text);
	return p;
}

/* One valid grant for the device: read or write, anybody, one hour around HELP_NOW. Change it in place. */
HELP_UNUSED static struct sk_grants *help_grant(const struct sk_device *d, enum sk_access access)
{
	struct sk_grants *g = calloc(1, sizeof(*g));

	cr_assert(g);
	g->items = calloc(1, sizeof(*g->items));
	cr_assert(g->items);
	g->n = 1;
	sk_text_copy(g->items[0].id, sizeof(g->items[0].id), "11111111-2222-4333-8444-555555555555");
	sk_text_copy(g->items[0].device_key, sizeof(g->items[0].device_key), d->desc.device_key);
	sk_text_copy(g->items[0].info_class, sizeof(g->items[0].info_class), "none");
	g->items[0].access = access;
	g->items[0].from = HELP_NOW - 1800000;
	g->items[0].until = HELP_NOW + 1800000;
	return g;
}

HELP_UNUSED static struct sk_context help_context(void)
{
	return (struct sk_context){.now = HELP_NOW, .person = "shokuin1", .other_keyboards = 1, .other_mice = 1};
}

/* xorshift64*: the same everywhere. */
HELP_UNUSED static uint32_t help_random(uint64_t *state, uint32_t below)
{
	*state ^= *state >> 12;
	*state ^= *state << 25;
	*state ^= *state >> 27;
	return (uint32_t)((*state * 0x2545f4914f6cdd1dull) >> 33) % below;
}

#endif
