#include "server/page_qr.h"

#include <errno.h>
#include <qrencode.h>
#include <stdio.h>
#include <string.h>

#define QUIET 4 /* modules */

/* One rectangle for each run of dark modules of a row. */
static void rows(struct sk_page *p, const QRcode *code)
{
	char run[64];

	for (int y = 0; y < code->width; y++) {
		for (int x = 0; x < code->width; x++) {
			int n = 0;

			while (x + n < code->width && (code->data[y * code->width + x + n] & 1) != 0)
				n++;
			if (n == 0)
				continue;
			snprintf(run, sizeof(run), "M%d %dh%dv1h-%dz", x + QUIET, y + QUIET, n, n);
			sk_page_text(p, run);
			x += n;
		}
	}
}

int sk_page_qr(struct sk_page *p, const char *text, const char *title)
{
	size_t len = strlen(text);
	QRcode *code;
	char box[64];

	if (len == 0 || len > SK_QR_TEXT_MAX)
		return len == 0 ? -EINVAL : -E2BIG;
	code = QRcode_encodeData((int)len, (const unsigned char *)text, 0, QR_ECLEVEL_M);
	if (code == NULL)
		return errno == ENOMEM ? -ENOMEM : -EINVAL;
	snprintf(box, sizeof(box), "0 0 %d %d", code->width + 2 * QUIET, code->width + 2 * QUIET);
	sk_page_lit(p, "<svg class=\"qr\" role=\"img\" shape-rendering=\"crispEdges\"");
	sk_page_attr(p, "viewBox", box);
	sk_page_lit(p, "><title>");
	sk_page_tr(p, title);
	sk_page_lit(p, "</title><path fill=\"#fff\" d=\"M0 0h999v999h-999z\"/><path fill=\"#000\" d=\"");
	rows(p, code);
	sk_page_lit(p, "\"/></svg>");
	QRcode_free(code);
	return 0;
}
