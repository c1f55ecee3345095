/* Files of server/assets/ and docs/guide/, compiled in: server/assets/embed.py makes the table in the build folder. */
#ifndef SK_SERVER_CONSOLE_ASSETS_H
#define SK_SERVER_CONSOLE_ASSETS_H

#include <stddef.h>

struct sk_asset {
	const char *name, *type; /* type "": a guide, the body of a page (/help/NAME) and no file of its own */
	const char *etag; /* quoted SHA-256 of the bytes */
	const unsigned char *data; /* followed by a NUL */
	size_t len; /* without it */
};
extern const struct sk_asset sk_assets[]; /* ends with name NULL */
const struct sk_asset *sk_asset_find(const char *name); /* NULL: there is none */

#endif
