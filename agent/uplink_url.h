/* Where a server is: https://HOST[:PORT], nothing more. HOST is a name, an IPv4 address, or an IPv6 address in brackets. */
#ifndef SK_AGENT_UPLINK_URL_H
#define SK_AGENT_UPLINK_URL_H

#include "common/err.h"

struct sk_url {
	char host[240]; /* without brackets: what the certificate must name */
	char port[6]; /* "1".."65535"; 443 when the text has none */
	char text[256]; /* as it is stored and shown: https://HOST:PORT */
	char authority[248]; /* HOST:PORT, for the Host header */
};

/* 0, or -EINVAL with err. *out untouched on failure. */
int sk_url_parse(const char *text, struct sk_url *out, struct sk_err *err);

#endif
