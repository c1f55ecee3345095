/* See listen_address.h. */
#include "server/listen_address.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "common/text.h"

int sk_listen_address(const char *address, struct addrinfo **out, struct sk_err *err)
{
	const struct addrinfo hints = {.ai_flags = AI_PASSIVE | AI_NUMERICHOST | AI_NUMERICSERV,
	                               .ai_socktype = SOCK_STREAM};
	const char *colon = strrchr(address, ':');
	char host[128];
	size_t n = colon == NULL ? 0 : (size_t)(colon - address);
	unsigned long long port;
	int rc;

	if (n == 0 || n >= sizeof(host) || sk_text_u64(colon + 1, 0, 65535, &port) < 0)
		return sk_err_set(err, -EINVAL, "listen address \"%s\": use ADDRESS:PORT", address);
	memcpy(host, address, n);
	host[n] = '\0';
	if (host[0] == '[' && host[n - 1] == ']') {
		memmove(host, host + 1, n - 2);
		host[n - 2] = '\0';
	}
	rc = getaddrinfo(strcmp(host, "localhost") == 0 ? "127.0.0.1" : host, colon + 1, &hints, out);
	if (rc != 0)
		return sk_err_set(err, -EINVAL, "listen address \"%s\": %s; use a numeric address", address,
		                  gai_strerror(rc));
	return 0;
}
