/*
 * Tables as offices exchange them: CSV (RFC 4180) in UTF-8 with or without a byte order mark, or in Shift_JIS (Windows code page 932), as
 * spreadsheets write it. What comes in is hostile: bounded, decoded once, and no cell holds what cannot be shown. What goes out is safe to
 * open in a spreadsheet: a byte order mark, and no cell that one would take for a formula.
 */
#ifndef SK_COMMON_CSV_H
#define SK_COMMON_CSV_H

#include <stddef.h>
#include "common/buf.h"
#include "common/err.h"

#define SK_CSV_BYTES_MAX (4 * 1024 * 1024) /* of a file */
#define SK_CSV_ROWS_MAX  20000
#define SK_CSV_CELLS_MAX 64 /* of a row */
#define SK_CSV_CELL_MAX  1000 /* bytes, UTF-8 */
#define SK_CSV_BOM       "\xef\xbb\xbf"

struct sk_csv_row {
	int line; /* where it begins in the file, from 1 */
	size_t n;
	const char **cells; /* trimmed of blanks; never NULL */
};

struct sk_csv {
	struct sk_csv_row *rows; /* empty lines are left out */
	size_t n;
	char *text; /* what the cells point into */
	const char **cells;
};

/* bytes as UTF-8 without a mark into *out (the caller frees): as it is when it is UTF-8, else read as Shift_JIS. 0; -EILSEQ when it is neither, with
 * "file:line: what"; -E2BIG; -ENOMEM. */
int sk_csv_decode(const char *file, const char *bytes, size_t len, char **out, size_t *out_len, struct sk_err *err);
/* Decodes and reads. On failure *out is untouched. 0, -EINVAL, -EILSEQ, -E2BIG, -ENOMEM; err is "file:line: what; what to do". Free with
 * sk_csv_free. */
int sk_csv_parse(const char *file, const char *bytes, size_t len, struct sk_csv **out, struct sk_err *err);
struct sk_csv *sk_csv_free(struct sk_csv *csv); /* NULL ok; returns NULL */

/* One cell, quoted where it must be. A cell that a spreadsheet would run (=, +, -, @, tab or line end first, also after blanks or full-width) gets an
 * apostrophe in front; plain numbers stay numbers. */
int sk_csv_cell(struct sk_buf *out, const char *text /* NULL = "" */);
/* UTF-8 as Shift_JIS (code page 932) for old programs; what that has no letter for becomes 〓. */
int sk_csv_to_sjis(struct sk_buf *out, const char *text, size_t len);
int sk_csv_end(struct sk_buf *out); /* CR LF */

#endif
