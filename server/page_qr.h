/* A QR code (ISO/IEC 18004) in a page: inline SVG in one path, black on white whatever the page's colours, with the quiet zone of four modules. */
#ifndef SK_SERVER_PAGE_QR_H
#define SK_SERVER_PAGE_QR_H

#include "server/page.h"

#define SK_QR_TEXT_MAX 512 /* bytes */

/* title: msgid of what it is, read out by screen readers. Error correction M. 0; -E2BIG: longer than SK_QR_TEXT_MAX; -EINVAL: empty; -ENOMEM. */
int sk_page_qr(struct sk_page *p, const char *text, const char *title);

#endif
