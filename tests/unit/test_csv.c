/* CSV as offices write it and as somebody hostile would; and cells that a spreadsheet must not run. */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/csv.h"

static struct sk_csv *good(const char *text, size_t len)
{
	struct sk_err err = SK_ERR_INIT;
	struct sk_csv *csv = NULL;

	cr_assert_eq(sk_csv_parse("a.csv", text, len, &csv, &err), 0, "%s", err.text);
	return csv;
}

static void bad(const char *text, size_t len, int code, const char *says)
{
	struct sk_err err = SK_ERR_INIT;
	struct sk_csv *csv = NULL;

	cr_assert_eq(sk_csv_parse("a.csv", text, len, &csv, &err), code, "%.40s: %s", text, err.text);
	cr_assert_null(csv);
	cr_assert(strstr(err.text, says) != NULL, "%s", err.text);
}

Test(csv, rows_cells_and_lines)
{
	const char text[] = SK_CSV_BOM "a,b\r\n\r\n,,\r\n \"x,\"\"1\"\"\" , y \r\n\"x,\"\"1\"\"\", y ,\rlast";
	const char sound[] = "a,b\r\n\r\n,,\r\n\"x,\"\"1\"\"\", y ,\rlast";
	struct sk_csv *csv;
	struct sk_err err = SK_ERR_INIT;

	cr_assert_eq(sk_csv_parse("f", text, strlen(text), &csv, &err), -EINVAL, "a blank before a quotation mark");
	cr_assert_str_eq(err.text, "f:4: a quotation mark inside a cell that does not begin with one");
	csv = good(sound, strlen(sound));
	cr_assert_eq(csv->n, 3);
	cr_assert_eq(csv->rows[0].n, 2);
	cr_assert_eq(csv->rows[1].line, 4);
	cr_assert_eq(csv->rows[1].n, 3);
	cr_assert_str_eq(csv->rows[1].cells[0], "x,\"1\"");
	cr_assert_str_eq(csv->rows[1].cells[1], "y");
	cr_assert_str_eq(csv->rows[1].cells[2], "");
	cr_assert_str_eq(csv->rows[2].cells[0], "last");
	cr_assert_eq(csv->rows[2].line, 5);
	sk_csv_free(csv);
	csv = good("", 0);
	cr_assert_eq(csv->n, 0);
	sk_csv_free(csv);
}

Test(csv, utf8_with_and_without_mark_and_shift_jis)
{
	static const char *const texts[] = {SK_CSV_BOM "税務課", "税務課", "\x90\xc5\x96\xb1\x89\xdb"};

	for (size_t i = 0; i < 3; i++) {
		struct sk_csv *csv = good(texts[i], strlen(texts[i]));

		cr_assert_str_eq(csv->rows[0].cells[0], "税務課");
		sk_csv_free(csv);
	}
	bad("a\n\x90\xff", 4, -EILSEQ, "a.csv:2: neither UTF-8 nor Shift_JIS");
	bad(SK_CSV_BOM "\x90\xc5", 5, -EILSEQ, "says it is UTF-8");
}

Test(csv, what_is_refused)
{
	char *big = calloc(1, SK_CSV_BYTES_MAX + 1), cell[SK_CSV_CELL_MAX + 2];

	bad("\"open\nx", 7, -EINVAL, "a.csv:1: a quotation mark is not closed");
	bad("a\n\"b\"c", 6, -EINVAL, "a.csv:2: text after");
	bad("a\nb\0c", 5, -EINVAL, "zero byte");
	bad("\"a\nb\"", 5, -EINVAL, "line end");
	bad("a\x1b[31m", 6, -EINVAL, "cannot be shown");
	bad("\xe2\x80\xae"
	    "a",
	    4, -EINVAL, "cannot be shown");
	memset(cell, 'a', sizeof(cell));
	bad(cell, SK_CSV_CELL_MAX + 1, -E2BIG, "too long");
	memset(cell, ',', sizeof(cell));
	bad(cell, SK_CSV_CELLS_MAX, -E2BIG, "64 cells");
	cr_assert_not_null(big);
	bad(big, SK_CSV_BYTES_MAX + 1, -E2BIG, "divide");
	for (size_t i = 0; i < SK_CSV_BYTES_MAX; i += 2)
		memcpy(big + i, "a\n", 2);
	bad(big, SK_CSV_BYTES_MAX, -E2BIG, "20000 rows");
	free(big);
}

static void cell_is(const char *text, const char *written)
{
	struct sk_buf b;

	sk_buf_init(&b, 256);
	sk_csv_cell(&b, "first");
	sk_csv_cell(&b, text);
	cr_expect_eq(strncmp(b.data, "first,", 6), 0);
	cr_expect_str_eq(b.data + 6, written);
	sk_buf_deinit(&b);
}

Test(csv, no_cell_is_a_formula)
{
	cell_is("plain", "plain");
	cell_is(NULL, "");
	cell_is("a,b", "\"a,b\"");
	cell_is("say \"x\"", "\"say \"\"x\"\"\"");
	cell_is("-12.5", "-12.5");
	cell_is("=1+1", "\"'=1+1\"");
	cell_is("+81", "\"'+81\"");
	cell_is("-1+cmd|' /C calc'!A0", "\"'-1+cmd|' /C calc'!A0\"");
	cell_is("@SUM(A1)", "\"'@SUM(A1)\"");
	cell_is("  =1", "\"'  =1\"");
	cell_is("\"=1", "\"'\"\"=1\"");
	cell_is("\t=1", "\"'\t=1\"");
	cell_is("＝1", "\"'＝1\"");
}

Test(csv, an_empty_first_cell_keeps_its_column)
{
	struct sk_buf b;
	struct sk_csv *csv;

	sk_buf_init(&b, 256);
	sk_buf_adds(&b, SK_CSV_BOM);
	sk_csv_cell(&b, "");
	sk_csv_cell(&b, "x");
	sk_csv_end(&b);
	sk_csv_cell(&b, "");
	sk_csv_cell(&b, "y");
	sk_csv_end(&b);
	cr_assert_str_eq(b.data, SK_CSV_BOM "\"\",x\r\n\"\",y\r\n");
	csv = good(b.data, b.len);
	cr_assert_eq(csv->n, 2);
	cr_assert_str_eq(csv->rows[1].cells[1], "y");
	sk_csv_free(csv);
	sk_buf_deinit(&b);
}
