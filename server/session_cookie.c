/* Reading one cookie out of the header: pure, and strict where two of a name would let somebody else's win. */
#include "server/session.h"

#include <errno.h>
#include <string.h>

int sk_cookie_get(const char *header, const char *name, char *out, size_t size)
{
	size_t n = strlen(name), found = 0;

	for (const char *s = header; s != NULL && *s != '\0';) {
		size_t len;

		s += strspn(s, "; \t");
		len = strcspn(s, ";");
		if (len > n && strncmp(s, name, n) == 0 && s[n] == '=') {
			if (found++ > 0 || len - n - 1 >= size)
				return -ENOENT;
			memcpy(out, s + n + 1, len - n - 1);
			out[len - n - 1] = '\0';
		}
		s += len;
	}
	return found == 1 ? 0 : -ENOENT;
}
