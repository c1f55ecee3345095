/* trust.json: read strictly, written whole. */
#include "agent/trust.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/journal.h"
#include "common/file.h"
#include "common/json.h"
#include "common/text.h"

#define TRUST_MAX 8192

static bool is_ipv6(const char *s, size_t len)
{
	return len >= 2 && len <= 45 && strspn(s, "0123456789abcdefABCDEF:.") >= len;
}

bool sk_trust_is_server(const char *url)
{
	static const char scheme[] = "https://";
	const char *host = url + sizeof scheme - 1, *end;
	char name[254];
	unsigned long long port;

	if (strncmp(url, scheme, sizeof scheme - 1) != 0 || strlen(url) > 255)
		return false;
	if (*host == '[') {
		end = strchr(host, ']');
		if (!end || !is_ipv6(host + 1, (size_t)(end - host - 1)))
			return false;
		end++;
	} else {
		end = host + strcspn(host, ":");
		if (end == host || (size_t)(end - host) >= sizeof name)
			return false;
		memcpy(name, host, (size_t)(end - host));
		name[end - host] = '\0';
		if (!sk_text_is_host(name))
			return false;
	}
	return *end == '\0' || (*end == ':' && sk_text_u64(end + 1, 1, 65535, &port) == 0);
}

/* Fills t from three checked strings. */
static int fill(struct sk_trust *t, const char *server, const char *device, const char *pem, struct sk_err *err)
{
	struct sk_trust n = {.enrolled = true};
	int r;

	if (!sk_text_is_id(device))
		return sk_err_set(err, -EINVAL, "device_id: not a lower-case UUID");
	if (!sk_trust_is_server(server))
		return sk_err_set(err, -EINVAL, "server: not of the form https://HOST:PORT");
	r = sk_verify_key_load(pem, strlen(pem), &n.key, err);
	if (r < 0)
		return sk_err_prefix(err, r, "verify_key_pem");
	n.key_pem = strdup(pem);
	if (!n.key_pem) {
		sk_verify_key_free(n.key);
		return sk_err_set(err, -ENOMEM, "no memory");
	}
	sk_text_copy(n.device, sizeof n.device, device);
	sk_text_copy(n.server, sizeof n.server, server);
	sk_trust_clear(t);
	*t = n;
	return 0;
}

static int read_fields(const json_t *o, struct sk_trust *t, struct sk_err *err)
{
	const char *server = "", *device = "", *pem = "";
	int r = sk_json_str(o, "server", 1, 255, &server, err);

	if (r == 0)
		r = sk_json_str(o, "device_id", 1, SK_UUID_LEN - 1, &device, err);
	if (r == 0)
		r = sk_json_str(o, "verify_key_pem", 1, 4096, &pem, err);
	return r < 0 ? r : fill(t, server, device, pem, err);
}

int sk_trust_load(const char *dir, struct sk_trust *t, struct sk_err *err)
{
	struct sk_buf text;
	json_t *o = NULL;
	char path[320];
	int r;

	memset(t, 0, sizeof *t);
	sk_text_copy(t->device, sizeof t->device, SK_CHAIN_LOCAL);
	snprintf(path, sizeof path, "%s/trust.json", dir);
	sk_buf_init(&text, TRUST_MAX);
	r = sk_file_read(path, &text, err);
	if (r == 0)
		r = sk_json_parse(text.data, text.len, TRUST_MAX, &o, err);
	if (r == 0)
		r = read_fields(o, t, err);
	if (r < 0 && r != -ENOENT)
		sk_err_prefix(err, r, "%s: enrol again (sekimori enroll)", path);
	json_decref(o);
	sk_buf_deinit(&text);
	return r;
}

int sk_trust_set(const char *dir, struct sk_trust *t, const char *server, const char *device, const char *key_pem,
                 struct sk_err *err)
{
	struct sk_trust n = {0};
	char *text = NULL, path[320];
	json_t *o;
	int r;

	if (strlen(key_pem) > 4096)
		return sk_err_set(err, -EINVAL, "verify_key_pem: longer than 4096 bytes");
	r = fill(&n, server, device, key_pem, err);
	if (r < 0)
		return r;
	o = json_pack("{s:s, s:s, s:s}", "server", server, "device_id", device, "verify_key_pem", key_pem);
	if (o)
		text = sk_json_text(o);
	json_decref(o);
	snprintf(path, sizeof path, "%s/trust.json", dir);
	r = text ? sk_file_write(path, text, strlen(text), 0600, err) : sk_err_set(err, -ENOMEM, "no memory");
	free(text);
	if (r < 0) {
		sk_trust_clear(&n);
		return r;
	}
	sk_trust_clear(t);
	*t = n;
	return 0;
}

void sk_trust_clear(struct sk_trust *t)
{
	sk_verify_key_free(t->key);
	free(t->key_pem);
	memset(t, 0, sizeof *t);
}
