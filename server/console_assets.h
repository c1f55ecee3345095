/* Files of server/assets/, compiled in: server/assets/embed.py makes the table in the build folder. */
#ifndef SK_SERVER_CONSOLE_ASSETS_H
#define SK_SERVER_CONSOLE_ASSETS_H

#include <stddef.h>

struct sk_asset {
	const char *name, *type;
	const char *etag; /* quoted SHA-256 of the bytes */
	const unsigned char *data;
	size_t len;
};
extern const struct sk_asset sk_assets[]; /* ends with name NULL */

#endif
