/* Reader of server addresses: strict, because what is read here is what the line trusts to be there. */
#include "agent/uplink_url.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdbool.h>
#include <string.h>

#include "common/text.h"

static const char SCHEME[] = "https://";

/* Splits HOST[:PORT] or [V6][:PORT]; false when it is neither. */
static bool split(const char *s, struct sk_url *u, bool *v6)
{
	const char *end, *port;
	size_t n;

	*v6 = s[0] == '[';
	end = *v6 ? strchr(s, ']') : s + strcspn(s, ":");
	if (!end)
		return false;
	s += *v6 ? 1 : 0;
	n = (size_t)(end - s);
	port = *v6 ? end + 1 : end;
	if (n == 0 || n >= sizeof(u->host))
		return false;
	memcpy(u->host, s, n);
	u->host[n] = '\0';
	sk_text_copy(u->port, sizeof(u->port), "443");
	if (*port == '\0')
		return true;
	if (*port != ':' || port[1] == '0' || strlen(port + 1) >= sizeof(u->port))
		return false;
	sk_text_copy(u->port, sizeof(u->port), port + 1);
	return true;
}

int sk_url_parse(const char *text, struct sk_url *out, struct sk_err *err)
{
	struct sk_url u = {.host = ""};
	struct in6_addr addr;
	unsigned long long port = 0;
	char rest[sizeof(u.authority)] = "", shown[300];
	size_t n = strlen(text);
	bool v6 = false, good = strncmp(text, SCHEME, strlen(SCHEME)) == 0 && n - strlen(SCHEME) < sizeof(rest);

	if (good) {
		sk_text_copy(rest, sizeof(rest), text + strlen(SCHEME));
		n = strlen(rest);
		if (n > 0 && rest[n - 1] == '/')
			rest[n - 1] = '\0';
		good = split(rest, &u, &v6) && sk_text_u64(u.port, 1, 65535, &port) == 0;
	}
	if (good)
		good = v6 ? inet_pton(AF_INET6, u.host, &addr) == 1 : sk_text_is_host(u.host);
	if (!good) {
		sk_text_escape(shown, sizeof(shown), text, strlen(text));
		return sk_err_set(err, -EINVAL, "%s: not a server's address; write https://HOST:PORT", shown);
	}
	(void)snprintf(u.authority, sizeof(u.authority), v6 ? "[%s]:%s" : "%s:%s", u.host, u.port);
	(void)snprintf(u.text, sizeof(u.text), "%s%s", SCHEME, u.authority);
	*out = u;
	return 0;
}
