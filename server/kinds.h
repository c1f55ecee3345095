/*
 * Kinds of applications (申請種別) as data: who asks, what is asked for, which classes of information, who permits in which steps, for how long. The office edits
 * the text; one kind is a section of a strict INI file (server/kinds.ini is the one shipped, with the routes of the standard). Pure.
 *
 *   [kind takeout_info]
 *   word_ja = 情報の持ち出し          word_en = Taking information out
 *   clause = 5.1(1)ウ(イ)             the clause each permit is recorded under
 *   group = takeout                   kinds of one group may be asked for on one form; their routes are the same
 *   asks = any                        or roles: sec sys ..; audit officers only where they are named
 *   fields = purpose! what! count     of SK_FIELD names; ! = needed
 *   classes = 1 2 3 4 none unknown    which may be chosen; absent = no question of class
 *   route = sec > exec & sys          steps by >; all of (&) or any of (|) within one; route = record: nobody permits it, it is recorded (4.1(7))
 *   days = 7   longest = 31           default and longest term; end = fiscal: by default until 31 March
 *   back = yes                        it is brought back, and that is confirmed
 *   grant = medium                    permitted, it yields the use of the registered medium on the terminal it names, which the helpdesk issues;
 *                                     or "setting": a setting permit, at once. The fields "medium terminal access" or "setting terminal" go with it
 *   condition_ja, condition_en        what holds for it, shown on the form and to who decides
 */
#ifndef SK_SERVER_KINDS_H
#define SK_SERVER_KINDS_H

#include <stdbool.h>
#include <stddef.h>
#include "common/err.h"
#include "common/i18n.h"
#include "server/store.h"

#define SK_KIND_OF_TERMINALS "media_use" /* what a terminal asks for */

#define SK_KIND_LEND         "lend" /* a medium it names is lent from its permit until it is back */
#define SK_KINDS_MAX  64
#define SK_STEPS_MAX  4
#define SK_FIELDS_MAX 12

struct sk_step {
	unsigned roles; /* mask of sk_role */
	bool all; /* each of them; else one */
};

struct sk_kind_field {
	const char *name; /* of sk_field_names */
	bool needed;
};

enum sk_kind_grant { SK_KIND_NOTHING, SK_KIND_MEDIUM, SK_KIND_SETTING };

struct sk_kind {
	char key[32], group[32];
	char word_ja[96], word_en[96], clause[64];
	char condition_ja[181], condition_en[181];
	unsigned asks; /* mask; SK_ROLE_STAFF = anybody */
	struct sk_kind_field fields[SK_FIELDS_MAX];
	size_t n_fields;
	unsigned classes; /* bit i = sk_class_names[i] */
	struct sk_step steps[SK_STEPS_MAX];
	size_t n_steps;
	int days, longest;
	bool fiscal, back;
	enum sk_kind_grant grant;
	bool record; /* no steps: it is done when it is told */
};

struct sk_kinds {
	struct sk_kind kinds[SK_KINDS_MAX];
	size_t n;
};

extern const char *const sk_field_names[]; /* NULL-ended */
extern const char *const sk_class_names[]; /* "1" .. "4" "none" "unknown"; NULL-ended */
extern const char sk_kinds_shipped[]; /* the text of server/kinds.ini */

/* On failure *out is untouched and err is "file:line: what; what to do". Free with sk_kinds_free. */
int sk_kinds_parse(const char *file, const char *text, size_t len, struct sk_kinds **out, struct sk_err *err);
/* The same, told in the reader's language. */
int sk_kinds_parse_in(enum sk_lang lang, const char *file, const char *text, size_t len, struct sk_kinds **out,
                      struct sk_err *err);
struct sk_kinds *sk_kinds_free(struct sk_kinds *k); /* NULL ok; returns NULL */
const struct sk_kind *sk_kind_find(const struct sk_kinds *k, const char *key); /* NULL when unknown */

/* "sec > exec & sys": as in the file; "" without steps; out holds 128. */
void sk_route_text(const struct sk_step *steps, size_t n, char out[128]);
/* 0 with steps, or -EINVAL. */
int sk_route_parse(const char *text, struct sk_step steps[SK_STEPS_MAX], size_t *n);
/* The end a term has by default, from now: days ahead, or 31 March; the last ms of that day, local. */
sk_ms sk_kind_default_end(const struct sk_kind *k, sk_ms now);

#endif
