/* A load balancer's header: what it wants grows with what is there, never past its bound, and a whole one is read or refused. */
// sources: server/proxy_header.c
#include <netinet/in.h>
#include <stdint.h>
#include <stdlib.h>

#include "server/proxy_header.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sockaddr_storage from;
	int before = 16;

	for (size_t have = 0; have <= size && have <= SK_PROXY_HEADER_MAX; have++) {
		int want = sk_proxy_header_wants(data, have);

		if (want < 0)
			break;
		if (want > SK_PROXY_HEADER_MAX || want < before)
			abort();
		before = want;
		if ((size_t)want == have) {
			if (sk_proxy_header_read(data, have, &from) == 0 && from.ss_family != AF_INET &&
			    from.ss_family != AF_INET6 && from.ss_family != AF_UNSPEC)
				abort();
			break;
		}
		if (sk_proxy_header_read(data, have, &from) == 0)
			abort();
	}
	return 0;
}
