/* PDFs: hostile cells, more than a page, no font, nothing at all. */
#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#include "server/pdf.h"

static const char *const facts[] = {"年度", "2026年度", "所属", "全庁", NULL};
static const char *const boxes[] = {"責任者", "担当", NULL};
static const char *const heads[] = {"番号", "内容"};
static const double widths[] = {1, 6};

static size_t made(int rows, const char *cell)
{
	const char *cells[] = {"1", cell};
	struct sk_err err = SK_ERR_INIT;
	struct sk_pdf *p;
	struct sk_buf out;
	size_t n;

	cr_assert_eq(sk_pdf_new(NULL, &p, &err), 0, "%s", err.text);
	sk_buf_init(&out, (size_t)64 * 1024 * 1024);
	sk_pdf_head(p, "様式", facts, boxes);
	sk_pdf_columns(p, heads, widths, 2);
	for (int i = 0; i < rows; i++)
		sk_pdf_row(p, cells, 2);
	sk_pdf_note(p, "以上");
	cr_assert_eq(sk_pdf_finish(p, &out, &err), 0, "%s", err.text);
	cr_expect_eq(memcmp(out.data, "%PDF-", 5), 0);
	cr_expect_not_null(memmem(out.data, out.len, "%%EOF", 5));
	n = out.len;
	sk_buf_deinit(&out);
	cr_assert_null(sk_pdf_free(p));
	return n;
}

Test(pdf, rows)
{
	static char large[40000];

	cr_expect_gt(made(0, ""), 1000);
	cr_expect_gt(made(200, "会議資料の受け取り"), made(1, "会議資料の受け取り"));
	for (size_t i = 0; i + 3 < sizeof(large); i += 3)
		memcpy(large + i, "\xe7\xa8\x8e", 3);
	made(3, large);
	made(3, "\n\n\n");
	memset(large, '\n', sizeof(large) - 1);
	made(3, large);
}

Test(pdf, hostile_cells)
{
	made(2, "\xff\xfe\x80 \xe7\xa8 (\\) \x1b[31m \xe2\x80\xae %PDF");
	made(2, "\xf0\x9f\x98\x80\xf0\x9f\x98\x80 \xef\xbf\xbf");
	made(2, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	        "iiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiii"
	        "iiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiii");
}

Test(pdf, no_font)
{
	struct sk_err err = SK_ERR_INIT;
	struct sk_pdf *p = NULL;

	cr_expect_eq(sk_pdf_new("/nowhere.ttf", &p, &err), -ENOENT);
	cr_expect_not_null(strstr(err.text, "fonts-ipaexfont-gothic"));
	cr_expect_eq(sk_pdf_new("/etc/passwd", &p, &err), -EIO);
	cr_expect_null(p);
	cr_expect_null(sk_pdf_free(NULL));
}
