/* See proxy_header.h. */
#include "server/proxy_header.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#define FIXED 16

static const uint8_t signature[12] = {0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d, 0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a};

int sk_proxy_header_wants(const uint8_t *data, size_t have)
{
	size_t known = have < sizeof(signature) ? have : sizeof(signature), rest;

	if (known > 0 && memcmp(data, signature, known) != 0)
		return -EINVAL;
	if (have > 12 && data[12] != 0x20 && data[12] != 0x21)
		return -EINVAL;
	if (have < FIXED)
		return FIXED;
	rest = (size_t)data[14] << 8 | data[15];
	return FIXED + rest > SK_PROXY_HEADER_MAX ? -EINVAL : (int)(FIXED + rest);
}

int sk_proxy_header_read(const uint8_t *data, size_t len, struct sockaddr_storage *from)
{
	struct sockaddr_in v4 = {.sin_family = AF_INET};
	struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
	int whole = sk_proxy_header_wants(data, len);

	if (whole < 0 || (size_t)whole != len)
		return -EINVAL;
	memset(from, 0, sizeof(*from));
	if (data[12] == 0x20 || data[13] == 0x00)
		return 0;
	if (data[13] == 0x11 && len >= FIXED + 12) {
		memcpy(&v4.sin_addr, data + FIXED, 4);
		memcpy(&v4.sin_port, data + FIXED + 8, 2);
		memcpy(from, &v4, sizeof(v4));
	} else if (data[13] == 0x21 && len >= FIXED + 36) {
		memcpy(&v6.sin6_addr, data + FIXED, 16);
		memcpy(&v6.sin6_port, data + FIXED + 32, 2);
		memcpy(from, &v6, sizeof(v6));
	} else {
		return -EINVAL;
	}
	return 0;
}

static void mapped(const void *v4, uint8_t out[16])
{
	memset(out, 0, 10);
	out[10] = out[11] = 0xff;
	memcpy(out + 12, v4, 4);
}

int sk_proxies_parse(const char *text, struct sk_proxies *out)
{
	struct sk_proxies p = {.n = 0};

	for (text += strspn(text, " "); *text != '\0'; text += strspn(text, " ")) {
		size_t n = strcspn(text, " ");
		char word[INET6_ADDRSTRLEN];
		struct in_addr v4;

		if (p.n == SK_PROXIES)
			return -E2BIG;
		if (n >= sizeof(word))
			return -EINVAL;
		memcpy(word, text, n);
		word[n] = '\0';
		if (inet_pton(AF_INET, word, &v4) == 1)
			mapped(&v4, p.at[p.n]);
		else if (inet_pton(AF_INET6, word, p.at[p.n]) != 1)
			return -EINVAL;
		p.n++;
		text += n;
	}
	*out = p;
	return 0;
}

int sk_proxies_have(const struct sk_proxies *p, const struct sockaddr_storage *from)
{
	uint8_t key[16] = {0};

	if (from->ss_family == AF_INET)
		mapped(&((const struct sockaddr_in *)from)->sin_addr, key);
	else if (from->ss_family == AF_INET6)
		memcpy(key, &((const struct sockaddr_in6 *)from)->sin6_addr, 16);
	else
		return 0;
	for (size_t i = 0; i < p->n; i++) {
		if (memcmp(p->at[i], key, sizeof(key)) == 0)
			return 1;
	}
	return 0;
}
