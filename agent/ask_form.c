/* zenity --forms prints the fields in their order, between separators, and a line end. */
#include "agent/ask_form.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "agent/words.h"
#include "common/buf.h"
#include "common/text.h"

#define SEPARATOR "\x1f" /* no keyboard types it */
#define HOURS_MAX 8784
#define FIELDS    5

enum { PURPOSE, CLASS, HOURS, ACCESS, DESTINATION };

static const struct {
	const char *word, *label;
} classes[] =
    {
        {"none", N_("None of the classes")},
        {"1", N_("Class 1")},
        {"2", N_("Class 2")},
        {"3", N_("Class 3")},
        {"4", N_("Class 4")},
},
  accesses[] = {
      {"ro", N_("Read only")},
      {"rw", N_("Read and write")},
};

struct writer {
	struct sk_ask_form *f;
	struct sk_buf b;
	size_t n, starts[SK_ASK_ARGS];
};

static void begin(struct writer *w)
{
	if (w->n)
		sk_buf_addc(&w->b, '\0');
	if (w->n < SK_ASK_ARGS)
		w->starts[w->n++] = w->b.len;
}

static void option(struct writer *w, const char *name, const char *value)
{
	begin(w);
	sk_buf_adds(&w->b, name);
	sk_buf_adds(&w->b, value);
}

/* The dialog's text is Pango markup. */
static void text_option(struct writer *w, enum sk_lang lang, const char *device, const char *product,
                        const char *problem)
{
	const char *const args[2] = {product && *product ? product : "-", device};
	char plain[600];
	struct sk_buf line;

	sk_buf_init(&line, 1024);
	sk_words_fill(&line, sk_tr(lang, N_("Medium: %1 (port %2). Empty fields: class none, 8 hours, read only.")),
	              args, 2);
	sk_text_printable(plain, sizeof plain, line.data, line.len);
	option(w, "--text=", "");
	if (problem) {
		sk_text_html(&w->b, problem);
		sk_buf_addc(&w->b, '\n');
	}
	sk_text_html(&w->b, plain);
	sk_buf_deinit(&line);
}

void sk_ask_form_make(struct sk_ask_form *f, const char *program, enum sk_lang lang, const char *device,
                      const char *product, const char *problem)
{
	struct writer w = {.f = f};

	sk_buf_init(&w.b, sizeof f->text - 1);
	option(&w, "", program);
	option(&w, "--forms", "");
	option(&w, "--title=", sk_tr(lang, N_("Ask for approval of a medium")));
	text_option(&w, lang, device, product, problem);
	option(&w, "--separator=", SEPARATOR);
	option(&w, "--add-entry=", sk_tr(lang, N_("Purpose (needed)")));
	option(&w, "--add-combo=", sk_tr(lang, N_("Class of the information")));
	option(&w, "--combo-values=", "");
	for (size_t i = 0; i < sizeof classes / sizeof *classes; i++)
		sk_buf_addf(&w.b, "%s%s", i ? "|" : "", sk_tr(lang, classes[i].label));
	option(&w, "--add-entry=", sk_tr(lang, N_("Hours")));
	option(&w, "--add-combo=", sk_tr(lang, N_("Read or write")));
	option(&w, "--combo-values=", "");
	for (size_t i = 0; i < sizeof accesses / sizeof *accesses; i++)
		sk_buf_addf(&w.b, "%s%s", i ? "|" : "", sk_tr(lang, accesses[i].label));
	option(&w, "--add-entry=", sk_tr(lang, N_("Where it goes, or comes from")));
	memcpy(f->text, w.b.data, w.b.len + 1);
	for (size_t i = 0; i < w.n; i++)
		f->argv[i] = f->text + w.starts[i];
	f->argv[w.n] = NULL;
	sk_buf_deinit(&w.b);
}

/* A full-width digit typed in an input method is the digit. */
static void plain_digits(char *s)
{
	char *to = s;

	while (*s) {
		if (!strncmp(s, "\xef\xbc", 2) && (unsigned char)s[2] >= 0x90 && (unsigned char)s[2] <= 0x99) {
			*to++ = (char)('0' + ((unsigned char)s[2] - 0x90));
			s += 3;
		} else {
			*to++ = *s++;
		}
	}
	*to = '\0';
}

static int split(char *text, char *fields[FIELDS])
{
	for (int i = 0; i < FIELDS; i++) {
		char *end = strstr(text, SEPARATOR);

		fields[i] = text;
		if ((end == NULL) != (i == FIELDS - 1))
			return -EINVAL;
		if (end) {
			*end = '\0';
			text = end + strlen(SEPARATOR);
		}
		sk_text_trim(fields[i]);
	}
	return 0;
}

#define CHOICE(list, lang, field) choice((list), sizeof(list) / sizeof *(list), (lang), (field))
static const char *choice(const void *list, size_t n, enum sk_lang lang, const char *field)
{
	const struct {
		const char *word, *label;
	} *c = list;

	for (size_t i = 0; i < n; i++)
		if (!strcmp(sk_tr(lang, c[i].label), field))
			return c[i].word;
	return c[0].word;
}

int sk_ask_form_read(const char *output, size_t len, enum sk_lang lang, const char *device, json_t **out,
                     struct sk_err *err)
{
	char text[SK_ASK_BYTES], *f[FIELDS];
	long long hours = 8;
	json_t *q;

	if (len >= sizeof text || memchr(output, '\0', len) || !sk_text_is_utf8(output, len))
		return sk_err_set(err, -EINVAL, "%s", sk_tr(lang, N_("That is too long.")));
	memcpy(text, output, len);
	text[len] = '\0';
	text[strcspn(text, "\r\n")] = '\0';
	if (split(text, f) < 0)
		return sk_err_set(err, -EINVAL, "%s", sk_tr(lang, N_("The form could not be read. Fill it in again.")));
	if (!*f[PURPOSE])
		return sk_err_set(err, -EINVAL, "%s", sk_tr(lang, N_("Say what it is for.")));
	plain_digits(f[HOURS]);
	if (*f[HOURS] && sk_text_i64(f[HOURS], 1, HOURS_MAX, &hours) < 0)
		return sk_err_set(err, -EINVAL, "%s", sk_tr(lang, N_("hours: a number from 1 to 8784")));
	if (strlen(f[PURPOSE]) > 255 || strlen(f[DESTINATION]) > 255)
		return sk_err_set(err, -EINVAL, "%s", sk_tr(lang, N_("That is too long.")));
	q = json_pack("{s:s, s:s, s:s, s:s, s:I, s:s, s:s}", "op", "request.create", "device", device, "purpose",
	              f[PURPOSE], "access", CHOICE(accesses, lang, f[ACCESS]), "hours", (json_int_t)hours, "class",
	              CHOICE(classes, lang, f[CLASS]), "destination", f[DESTINATION]);
	if (!q)
		return sk_err_set(err, -ENOMEM, "no memory");
	*out = q;
	return 0;
}
