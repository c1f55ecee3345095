/*
 * Parameters of posture checks: each check declares what it takes as a table in its own file, and one reader serves them all. A value is a
 * number (spans in seconds, dates in ms UTC, yes = 1) or a text; lists are words, separated by blanks, kept as one text of words with
 * single blanks; a list too long for one line goes on as NAME.2, NAME.3 ... A text of an odd value is refused with file:line before anything is replaced.
 */
#ifndef SK_POLICY_PARAM_H
#define SK_POLICY_PARAM_H

#include <stdbool.h>
#include <stddef.h>
#include "common/err.h"
#include "common/ini.h"

enum sk_param_type {
	SK_PARAM_SPAN, /* 90s 10m 8h 7d; min and max in seconds */
	SK_PARAM_YES, /* yes | no */
	SK_PARAM_NUMBER, /* min..max */
	SK_PARAM_PATH, /* absolute */
	SK_PARAM_LIST, /* words; max = most of them */
	SK_PARAM_TEXT, /* one line; max = bytes */
	SK_PARAM_DATE, /* 2027-03-31, the day's end in UTC; 0 = not set */
};

struct sk_param {
	const char *name;
	enum sk_param_type type;
	long long min, max, def;
	const char *def_text; /* NULL = "" */
	bool probe; /* the probe needs it too: given to it as NAME=VALUE */
};

struct sk_param_value {
	long long n;
	char *text; /* owned; never NULL for PATH, LIST and TEXT once set */
};

/* The defaults. 0 or -ENOMEM (what was set is freed). values: n entries, zeroed. */
int sk_params_default(const struct sk_param *params, size_t n, struct sk_param_value *values);
void sk_params_clear(struct sk_param_value *values, size_t n);
/* One entry of the INI. -EINVAL with file:line; the value is untouched then. -ENOENT: no such parameter. */
int sk_params_set(const struct sk_param *params, size_t n, const struct sk_ini *ini, const struct sk_ini_entry *e,
                  struct sk_param_value *values, struct sk_err *err);
/* "NAME=VALUE" as the probe reads it, spans in seconds. Bytes as snprintf. */
int sk_param_print(const struct sk_param *p, const struct sk_param_value *v, char *out, size_t size);
/* "2027-03-31" -> the last ms of that day, UTC. 0 or -EINVAL. */
int sk_param_date(const char *s, long long *out);
/* Is word one of the list? Exact; a word of the list may end in "*". */
bool sk_param_has(const struct sk_param_value *list, const char *word);

#endif
