/*
 * The office's forms (様式): registers and reports that the standard asks to be kept, each a table with its head (fiscal year, number, unit, day, who made it, clause) and boxes for
 * signatures. A form is the words of its columns and a function that gives the rows of a portion as texts, in the columns' order: pages, CSV and whatever prints them
 * show the same. What the ledger does not hold yet is an empty cell, to be filled in by hand.
 */
#ifndef SK_SERVER_FORM_H
#define SK_SERVER_FORM_H

#include "server/console_application.h"
#include "server/store_forms.h"

#define SK_FORM_COLUMNS 24
#define SK_FORM_PORTION 50 /* rows; a portion of the longest texts has room in a page */

struct sk_form_read { /* a form being read */
	struct sk_console *c;
	struct sk_store *store;
	const struct sk_kinds *kinds;
	struct sk_form_range range;
	int64_t only; /* one number of it; 0 = all */
	int part; /* of forms that join two lists */
	int offset;
};

struct sk_form_sheet {
	const char *key; /* in addresses */
	const char *title, *clause; /* msgid; as sk_part_clause takes it */
	const char *heads[SK_FORM_COLUMNS + 1]; /* msgids, ends with NULL */
	bool upright; /* each row is a sheet of its own, heads at the side */
	bool by_year; /* rows of a fiscal year; else as it stands now */
	/* Appends arrays of texts to out. 1 = there may be more, 0 = that was the last, or -errno. */
	int (*rows)(struct sk_form_read *x, json_t *out);
};

/* What is asked for: whose, of which fiscal year, which number. */
struct sk_form_wish {
	const char *unit; /* NULL = the office */
	unsigned long long year, number;
	bool blank, sjis;
};
int sk_form_wish_read(struct sk_console *c,
                      struct sk_form_wish *w); /* console_form_list.c: of the address; 0, -EINVAL, -EACCES, -ENOENT */

extern const struct sk_form_sheet sk_form_sheets[]; /* ends with key NULL */
const struct sk_form_sheet *sk_form_find(const char *key);

#endif
