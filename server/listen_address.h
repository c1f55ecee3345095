/* "127.0.0.1:8443", "[::1]:0": where a listener listens. Numbers only, so that no name server has a say in it; "localhost" is taken too. */
#ifndef SK_SERVER_LISTEN_ADDRESS_H
#define SK_SERVER_LISTEN_ADDRESS_H

#include <netdb.h>
#include "common/err.h"

/* *out is the caller's (freeaddrinfo). 0 or -EINVAL. */
int sk_listen_address(const char *address, struct addrinfo **out, struct sk_err *err);

#endif
