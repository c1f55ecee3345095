/*
 * Strict INI, the only place that calls inih. inih as Debian ships it (55-1) cuts long lines and parses the tail as a new
 * line, joins indented lines and goes on after errors; here the whole text is checked first, line by line, and refused with
 * file:line when it has: a line over 180 bytes, leading blanks, invalid UTF-8, a NUL or control character, a ';' or '#' after
 * a value, a key before the first section, an empty or duplicate section, an empty or duplicate key. Unknown sections
 * and keys are refused by the caller's schema, again with file:line.
 */
#ifndef SK_COMMON_INI_H
#define SK_COMMON_INI_H

#include <stddef.h>
#include "common/err.h"
#include "common/i18n.h"

struct sk_ini_entry {
	const char *section; /* e.g. "rule block-storage" */
	const char *key;
	const char *value;
	int line;
};

struct sk_ini_section { const char *name; int line; };

struct sk_ini {
	char *file;                       /* name used in messages */
	struct sk_ini_entry *entries;     /* in file order */
	size_t n_entries;
	struct sk_ini_section *sections;  /* in file order, also the empty ones */
	size_t n_sections;
	enum sk_lang lang;                /* of the messages; English unless it was asked for */
};

#define SK_INI_MAX_BYTES (256 * 1024)

/* text: len bytes. On success *out is new (free with sk_ini_free). On failure *out is untouched and err says
 * "file:line: what; what to do". Returns 0, -EINVAL, -E2BIG, -ENOMEM. */
int sk_ini_parse(const char *file, const char *text, size_t len, struct sk_ini **out, struct sk_err *err);
/* The same; what is wrong is told in the reader's language. */
int sk_ini_parse_in(enum sk_lang lang, const char *file, const char *text, size_t len, struct sk_ini **out, struct sk_err *err);
int sk_ini_load(const char *path, struct sk_ini **out, struct sk_err *err); /* reads the file, then parses */
struct sk_ini *sk_ini_free(struct sk_ini *ini); /* NULL ok; returns NULL */

/* NULL when absent. */
const struct sk_ini_entry *sk_ini_get(const struct sk_ini *ini, const char *section, const char *key);

/* A schema lists what may stand in a file: section "rule *" stands for every section that begins with "rule ". */
struct sk_ini_key { const char *section; const char *key; };
int sk_ini_check(const struct sk_ini *ini, const struct sk_ini_key *schema, size_t n, struct sk_err *err);

/* "file:line: " + message, for values the caller refuses; fmt is a msgid, told in ini->lang. Returns -EINVAL. */
int sk_ini_fail(const struct sk_ini *ini, int line, struct sk_err *err, const char *fmt, ...) __attribute__((format(printf, 4, 5)));

#endif
