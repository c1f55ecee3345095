/*
 * Strict INI in two passes. The first walks the text line by line, refuses whatever inih would read differently from a person,
 * and notes section, key, value and line of every entry. The second lets inih parse the same text and compares entry by entry:
 * whatever the two do not agree on is refused, so no trap in the parser, known or not, gives a key nobody wrote.
 */
#include "common/ini.h"

#include <errno.h>
#include <ini.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/file.h"
#include "common/text.h"

#define LINE_BYTES 180
#define NAME_BYTES 49 /* inih cuts longer section names */

/* What sk_ini really is: the public part first, then the text that the pointers point into. */
struct ini_own {
	struct sk_ini ini;
	char *text;
};

int sk_ini_fail(const struct sk_ini *ini, int line, struct sk_err *err, const char *fmt, ...)
{
	char what[512];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(what, sizeof(what), sk_tr(ini->lang, fmt), ap);
	va_end(ap);
	return sk_err_set(err, -EINVAL, "%s:%d: %s", ini->file, line, n < 0 ? "refused" : what);
}

struct sk_ini *sk_ini_free(struct sk_ini *ini)
{
	if (ini != NULL) {
		free(((struct ini_own *)ini)->text);
		free(ini->file);
		free(ini->entries);
		free(ini->sections);
		free(ini);
	}
	return NULL;
}

static const char *line_fault(const char *s, size_t len)
{
	if (len > LINE_BYTES)
		return N_("line longer than 180 bytes; split the entry");
	if (len > 0 && s[len - 1] == '\r')
		return N_("Windows line end; save with Unix line ends");
	if (len > 0 && (s[0] == ' ' || s[0] == '\t'))
		return N_("line begins with a blank; remove it");
	for (size_t i = 0, n; i < len; i += n) {
		uint32_t cp = 0;

		n = sk_text_utf8_next(s + i, len - i, &cp);
		if (n == 0)
			return N_("not valid UTF-8; save the file as UTF-8");
		if (cp == 0xfeff)
			return N_("byte order mark; save without it");
		if (cp < 0x20 || (cp >= 0x7f && cp < 0xa0))
			return N_("control character (a tab counts as one); remove it");
	}
	return NULL;
}

static bool has_tail_comment(const char *s)
{
	return strstr(s, " ;") != NULL || strstr(s, " #") != NULL;
}

static const char *take_section(struct sk_ini *ini, char *s, int line)
{
	size_t len = strlen(s);
	char *name = s + 1;

	if (has_tail_comment(s))
		return N_("comment after a section; put it on a line of its own");
	if (len < 2 || s[len - 1] != ']')
		return N_("a section ends in ']' and nothing follows it");
	s[len - 1] = '\0';
	len -= 2;
	if (len == 0 || name[0] == ' ' || name[len - 1] == ' ' || strpbrk(name, "[]") != NULL)
		return N_("section name is empty, or has brackets or blanks at its ends");
	if (len > NAME_BYTES)
		return N_("section name longer than 49 bytes");
	ini->sections[ini->n_sections++] = (struct sk_ini_section){name, line};
	return NULL;
}

static bool is_key(const char *s)
{
	size_t n = strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-");

	return n > 0 && n <= NAME_BYTES && s[n] == '\0';
}

static const char *take_entry(struct sk_ini *ini, char *s, int line)
{
	char *value = strchr(s, '=');

	if (ini->n_sections == 0)
		return N_("key before the first [section]");
	if (value == NULL)
		return N_("neither [section] nor 'key = value' nor a comment");
	*value++ = '\0';
	sk_text_trim(s);
	sk_text_trim(value);
	if (!is_key(s))
		return N_("a key is 1 to 49 of letters, digits, '_', '-', '.', in front of '='");
	if (*value == ';' || *value == '#' || has_tail_comment(value))
		return N_("comment after a value; put it on a line of its own");
	ini->entries[ini->n_entries++] = (struct sk_ini_entry){ini->sections[ini->n_sections - 1].name, s, value, line};
	return NULL;
}

/* Cuts the text into lines in place. */
static int first_pass(struct sk_ini *ini, char *text, size_t len, struct sk_err *err)
{
	int line = 1;

	for (size_t at = 0; at < len; line++) {
		char *s = text + at, *end = memchr(s, '\n', len - at);
		size_t n = end != NULL ? (size_t)(end - s) : len - at;
		const char *fault = line_fault(s, n);

		s[n] = '\0';
		if (fault == NULL && n > 0 && s[0] != '#' && s[0] != ';')
			fault = s[0] == '[' ? take_section(ini, s, line) : take_entry(ini, s, line);
		if (fault != NULL)
			return sk_ini_fail(ini, line, err, "%s", sk_tr(ini->lang, fault));
		at += n + 1;
	}
	return 0;
}

static int by_name(const void *a, const void *b)
{
	const struct sk_ini_entry *x = a, *y = b;
	int r = strcmp(x->section, y->section);

	if (r == 0)
		r = strcmp(x->key, y->key);
	return r != 0 ? r : (x->line > y->line) - (x->line < y->line);
}

/* Sorts a copy, so that a file of many keys costs n log n. Sections go in as entries with an empty key. */
static int refuse_duplicates(const struct sk_ini *ini, struct sk_err *err)
{
	size_t n = 0;
	struct sk_ini_entry *all = calloc(ini->n_entries + ini->n_sections + 1, sizeof(*all)), *worst = NULL;
	int r = 0;

	if (all == NULL)
		return sk_err_set(err, -ENOMEM, "%s: no memory", ini->file);
	for (size_t i = 0; i < ini->n_sections; i++)
		all[n++] = (struct sk_ini_entry){ini->sections[i].name, "", NULL, ini->sections[i].line};
	for (size_t i = 0; i < ini->n_entries; i++)
		all[n++] = ini->entries[i];
	qsort(all, n, sizeof(*all), by_name);
	for (size_t i = 1; i < n; i++)
		if (strcmp(all[i].section, all[i - 1].section) == 0 && strcmp(all[i].key, all[i - 1].key) == 0 &&
		    (worst == NULL || all[i].line < worst->line))
			worst = &all[i];
	if (worst != NULL && worst->key[0] == '\0')
		r = sk_ini_fail(ini, worst->line, err, N_("section [%s] stands here twice; join them"), worst->section);
	else if (worst != NULL)
		r = sk_ini_fail(ini, worst->line, err, N_("key '%s' stands in [%s] twice; remove one"), worst->key,
		                worst->section);
	free(all);
	return r;
}

struct second_pass {
	const struct sk_ini *ini;
	size_t next;
};

static int compare_entry(void *user, const char *section, const char *key, const char *value)
{
	struct second_pass *p = user;
	const struct sk_ini_entry *e;

	if (p->next >= p->ini->n_entries)
		return 0;
	e = &p->ini->entries[p->next++];
	return strcmp(e->section, section) == 0 && strcmp(e->key, key) == 0 && strcmp(e->value, value) == 0;
}

static int parse(struct ini_own *own, const char *text, size_t len, struct sk_err *err)
{
	struct second_pass second = {&own->ini, 0};
	char *copy;
	int r;

	r = first_pass(&own->ini, own->text, len, err);
	if (r == 0)
		r = refuse_duplicates(&own->ini, err);
	if (r < 0)
		return r;
	copy = strndup(text, len); /* inih wants a NUL at the end */
	if (copy == NULL)
		return sk_err_set(err, -ENOMEM, "%s: no memory", own->ini.file);
	r = ini_parse_string(copy, compare_entry, &second);
	free(copy);
	if (r == 0 && second.next == own->ini.n_entries)
		return 0;
	return sk_ini_fail(&own->ini, r > 0 ? r : 1, err, N_("cannot be read in one way only; write it more simply"));
}

int sk_ini_parse_in(enum sk_lang lang, const char *file, const char *text, size_t len, struct sk_ini **out,
                    struct sk_err *err)
{
	struct ini_own *own;
	size_t lines = 1;
	int r;

	if (len > SK_INI_MAX_BYTES)
		return sk_err_set(err, -E2BIG, "%s:1: larger than %d bytes", file, SK_INI_MAX_BYTES);
	for (size_t i = 0; i < len; i++)
		lines += text[i] == '\n';
	own = calloc(1, sizeof(*own));
	if (own == NULL)
		return sk_err_set(err, -ENOMEM, "%s: no memory", file);
	own->ini.lang = lang;
	own->text = malloc(len + 1);
	own->ini.file = strdup(file);
	own->ini.entries = calloc(lines, sizeof(*own->ini.entries));
	own->ini.sections = calloc(lines, sizeof(*own->ini.sections));
	if (own->text == NULL || own->ini.file == NULL || own->ini.entries == NULL || own->ini.sections == NULL) {
		r = sk_err_set(err, -ENOMEM, "%s: no memory", file);
	} else {
		if (len > 0)
			memcpy(own->text, text, len);
		own->text[len] = '\0';
		r = parse(own, text, len, err);
	}
	if (r < 0)
		sk_ini_free(&own->ini);
	else
		*out = &own->ini;
	return r;
}

int sk_ini_parse(const char *file, const char *text, size_t len, struct sk_ini **out, struct sk_err *err)
{
	return sk_ini_parse_in(SK_LANG_EN, file, text, len, out, err);
}

int sk_ini_load(const char *path, struct sk_ini **out, struct sk_err *err)
{
	struct sk_buf b;
	int r;

	sk_buf_init(&b, SK_INI_MAX_BYTES);
	r = sk_file_read(path, &b, err);
	if (r == 0)
		r = sk_ini_parse(path, b.data, b.len, out, err);
	sk_buf_deinit(&b);
	return r;
}

const struct sk_ini_entry *sk_ini_get(const struct sk_ini *ini, const char *section, const char *key)
{
	for (size_t i = 0; i < ini->n_entries; i++)
		if (strcmp(ini->entries[i].section, section) == 0 && strcmp(ini->entries[i].key, key) == 0)
			return &ini->entries[i];
	return NULL;
}

/* "rule *" stands for "rule x", not for "rule" or "rule ". */
static bool section_matches(const char *pattern, const char *name)
{
	size_t n = strlen(pattern);

	if (n >= 2 && strcmp(pattern + n - 2, " *") == 0)
		return strncmp(pattern, name, n - 1) == 0 && name[n - 1] != '\0';
	return strcmp(pattern, name) == 0;
}

int sk_ini_check(const struct sk_ini *ini, const struct sk_ini_key *schema, size_t n, struct sk_err *err)
{
	for (size_t s = 0; s < ini->n_sections; s++) {
		bool known = false;

		for (size_t i = 0; i < n && !known; i++)
			known = section_matches(schema[i].section, ini->sections[s].name);
		if (!known)
			return sk_ini_fail(ini, ini->sections[s].line, err,
			                   N_("unknown section [%s]; check its spelling or remove it"),
			                   ini->sections[s].name);
	}
	for (size_t e = 0; e < ini->n_entries; e++) {
		const struct sk_ini_entry *entry = &ini->entries[e];
		bool known = false;

		for (size_t i = 0; i < n && !known; i++)
			known = section_matches(schema[i].section, entry->section) &&
			        strcmp(schema[i].key, entry->key) == 0;
		if (!known)
			return sk_ini_fail(ini, entry->line, err,
			                   N_("unknown key '%s' in [%s]; check its spelling or remove it"), entry->key,
			                   entry->section);
	}
	return 0;
}
