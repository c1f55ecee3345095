/* QR codes in a page: whole and bounded. That they can be read is tests/integration/test_qr.py. */
#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#include "server/page_qr.h"

Test(page_qr, in_one_path)
{
	struct sk_page page;

	sk_page_init(&page, SK_LANG_EN, 1775000000000);
	cr_assert_eq(sk_page_qr(&page, "M-2026-0001", "A label"), 0);
	cr_expect(strstr(page.out.data, "<title>A label</title>") != NULL);
	cr_expect(strstr(page.out.data, "viewBox=\"0 0 29 29\"") != NULL, "21 modules and the quiet zone: %s",
	          page.out.data);
	cr_expect(strstr(page.out.data, "style=") == NULL);
	cr_expect_str_eq(page.out.data + page.out.len - 6, "</svg>");
	sk_page_deinit(&page);
}

Test(page_qr, bounds)
{
	struct sk_page page;
	char text[SK_QR_TEXT_MAX + 2];

	memset(text, 'x', sizeof(text));
	text[SK_QR_TEXT_MAX + 1] = '\0';
	sk_page_init(&page, SK_LANG_EN, 1775000000000);
	cr_expect_eq(sk_page_qr(&page, text, "x"), -E2BIG);
	cr_expect_eq(sk_page_qr(&page, "", "x"), -EINVAL);
	cr_expect_eq(page.out.len, 0, "nothing of it is written");
	text[SK_QR_TEXT_MAX] = '\0';
	cr_expect_eq(sk_page_qr(&page, text, "x"), 0);
	cr_expect_eq(sk_page_qr(&page, "税務課 <&>", "x"), 0);
	sk_page_deinit(&page);
}
