/* The style sheet, the icon and the guides' pictures: the only files a page loads. */
#include "server/console_assets.h"

#include <errno.h>
#include <string.h>

#include "server/console.h"

const struct sk_asset *sk_asset_find(const char *name)
{
	for (const struct sk_asset *a = sk_assets; name != NULL && a->name != NULL; a++) {
		if (strcmp(a->name, name) == 0)
			return a;
	}
	return NULL;
}

int sk_page_asset(struct sk_console *c)
{
	const char *have = sk_request_header(c->r, "If-None-Match");
	const struct sk_asset *a = sk_asset_find(sk_request_tail(c->r));
	struct sk_request *r = c->r;

	if (a == NULL || *a->type == '\0')
		return -ENOENT;
	sk_reply_header(r, "ETag", a->etag);
	sk_reply_header(r, "Cache-Control", "no-cache"); /* asked for again each time, answered by 304 */
	sk_console_free(c);
	if (have != NULL && strcmp(have, a->etag) == 0)
		sk_reply_bytes(r, 304, a->type, "", 0);
	else
		sk_reply_bytes(r, 200, a->type, a->data, a->len);
	return 0;
}
