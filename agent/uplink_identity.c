/* The identity folder; see the header for the two slots. libcrypto only: no SSL_ call here. */
#include "agent/uplink_identity.h"

#include <errno.h>
#include <jansson.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/file.h"
#include "common/json.h"
#include "common/pem.h"
#include "common/text.h"
#include "common/x509.h"

enum part { PART_KEY, PART_CERT, PART_CA, PART_COUNT };

static const char *const NAMES[SK_IDENTITY_SLOTS][PART_COUNT] = {
    {"key.pem", "cert.pem", "ca.pem"},
    {"key-2.pem", "cert-2.pem", "ca-2.pem"},
};

struct place {
	char text[512];
};

static struct place at(const char *dir, const char *name)
{
	struct place p;

	(void)snprintf(p.text, sizeof(p.text), "%s/%s", dir, name);
	return p;
}

static int read_part(const char *dir, int slot, enum part part, char **out, struct sk_err *err)
{
	struct sk_buf b;
	int r;

	sk_buf_init(&b, SK_PEM_MAX);
	r = sk_file_read(at(dir, NAMES[slot - 1][part]).text, &b, err);
	if (r == 0) {
		*out = sk_buf_steal(&b);
		r = *out ? 0 : -ENOMEM;
	}
	sk_buf_deinit(&b);
	return r == -ENOENT ? -EIO : r; /* "not enrolled" is said of uplink.json only */
}

/* uplink.json: {"server":URL,"device_id":UUID,"slot":1|2} and nothing else. */
static int read_index(const char *dir, struct sk_identity *id, struct sk_err *err)
{
	const char *server = NULL, *device = NULL;
	struct place path = at(dir, "uplink.json");
	long long slot = 0;
	json_t *j = NULL;
	struct sk_buf b;
	int r;

	sk_buf_init(&b, 4096);
	r = sk_file_read(path.text, &b, err);
	if (r == 0)
		r = sk_json_parse(b.data, b.len, 4096, &j, err);
	if (r == 0 && !json_is_object(j))
		r = sk_err_set(err, -EINVAL, "not an object");
	if (r == 0)
		r = sk_json_str(j, "server", 1, 300, &server, err);
	if (r == 0)
		r = sk_json_str(j, "device_id", 36, 36, &device, err);
	if (r == 0)
		r = sk_json_int(j, "slot", 1, SK_IDENTITY_SLOTS, &slot, err);
	if (r == 0)
		r = sk_url_parse(server, &id->server, err);
	if (r == 0 && !sk_text_is_id(device))
		r = sk_err_set(err, -EINVAL, "device_id is no device's id");
	if (r == 0) {
		sk_text_copy(id->device, sizeof(id->device), device);
		id->slot = (int)slot;
	}
	json_decref(j);
	sk_buf_deinit(&b);
	return r == 0 || r == -ENOENT ? r : sk_err_prefix(err, r, "%s", path.text);
}

int sk_identity_load(const char *dir, struct sk_identity *out, struct sk_err *err)
{
	struct sk_identity id = {.slot = 0};
	int r = read_index(dir, &id, err);

	if (r == 0)
		r = read_part(dir, id.slot, PART_KEY, &id.key, err);
	if (r == 0)
		r = read_part(dir, id.slot, PART_CERT, &id.cert, err);
	if (r == 0)
		r = read_part(dir, id.slot, PART_CA, &id.ca, err);
	/* Whether it has run out is the server's word, and the line says so. */
	if (r == 0)
		r = sk_identity_check(id.key, id.cert, id.ca, id.device, 0, &id.from, &id.until, err);
	if (r < 0) {
		sk_identity_clear(&id);
		return r;
	}
	*out = id;
	return 0;
}

int sk_identity_free_slot(const char *dir)
{
	struct sk_identity id = {.slot = 0};

	return read_index(dir, &id, NULL) == 0 ? SK_IDENTITY_SLOTS + 1 - id.slot : 1;
}

void sk_identity_wipe(const char *dir, int slot)
{
	for (int part = 0; part < PART_COUNT; part++)
		(void)unlink(at(dir, NAMES[slot - 1][part]).text);
}

static int write_part(const char *dir, int slot, enum part part, const char *pem, struct sk_err *err)
{
	mode_t mode = part == PART_KEY ? 0600 : 0644;

	return sk_file_write(at(dir, NAMES[slot - 1][part]).text, pem, strlen(pem), mode, err);
}

int sk_identity_store_key(const char *dir, int slot, const char *key, struct sk_err *err)
{
	return write_part(dir, slot, PART_KEY, key, err);
}

int sk_identity_store(const char *dir, const struct sk_identity *id, struct sk_err *err)
{
	json_t *j = json_pack("{s:s,s:s,s:i}", "server", id->server.text, "device_id", id->device, "slot", id->slot);
	char *text = j ? sk_json_text(j) : NULL;
	int r = text ? 0 : sk_err_set(err, -ENOMEM, "out of memory");

	json_decref(j);
	if (r == 0)
		r = write_part(dir, id->slot, PART_KEY, id->key, err);
	if (r == 0)
		r = write_part(dir, id->slot, PART_CERT, id->cert, err);
	if (r == 0)
		r = write_part(dir, id->slot, PART_CA, id->ca, err);
	if (r == 0)
		r = sk_file_write(at(dir, "uplink.json").text, text, strlen(text), 0644, err);
	free(text);
	if (r == 0)
		sk_identity_wipe(dir, SK_IDENTITY_SLOTS + 1 - id->slot);
	else if (sk_identity_free_slot(dir) == id->slot) /* not in force: nothing is left of it */
		sk_identity_wipe(dir, id->slot);
	return r;
}

static int verify_chain(X509 *cert, X509 *ca, sk_ms now, struct sk_err *err)
{
	X509_STORE *store = X509_STORE_new();
	X509_STORE_CTX *ctx = X509_STORE_CTX_new();
	int r = -ENOMEM;

	if (store && ctx && X509_STORE_add_cert(store, ca) == 1 && X509_STORE_CTX_init(ctx, store, cert, NULL) == 1) {
		X509_VERIFY_PARAM *param = X509_STORE_CTX_get0_param(ctx);

		if (now > 0)
			X509_VERIFY_PARAM_set_time(param, (time_t)(now / 1000));
		else
			(void)X509_VERIFY_PARAM_set_flags(param, X509_V_FLAG_NO_CHECK_TIME);
		(void)X509_VERIFY_PARAM_set_purpose(param, X509_PURPOSE_SSL_CLIENT);
		r = X509_verify_cert(ctx) == 1
		        ? 0
		        : sk_err_set(err, -EINVAL, "the certificate does not hold against its CA: %s",
		                     X509_verify_cert_error_string(X509_STORE_CTX_get_error(ctx)));
	} else {
		(void)sk_err_set(err, r, "out of memory");
	}
	X509_STORE_CTX_free(ctx);
	X509_STORE_free(store);
	return r;
}

int sk_identity_check(const char *key, const char *cert, const char *ca, const char *device, sk_ms now, sk_ms *from,
                      sk_ms *until, struct sk_err *err)
{
	EVP_PKEY *k = sk_pem_read_key(key, strlen(key));
	X509 *c = sk_pem_read_cert(cert, strlen(cert)), *root = sk_pem_read_cert(ca, strlen(ca));
	struct sk_x509_info info;
	int r = 0;

	if (!k || !c || !root)
		r = sk_err_set(err, -EINVAL, "the %s cannot be read",
		               !k   ? "private key"
		               : !c ? "certificate"
		                    : "CA certificate");
	if (r == 0 && sk_x509_info_of(c, &info) < 0)
		r = sk_err_set(err, -EINVAL, "the certificate is not one of a terminal");
	if (r == 0 && X509_check_private_key(c, k) != 1)
		r = sk_err_set(err, -EINVAL, "the certificate is for another key");
	if (r == 0 && strcmp(info.device, device) != 0)
		r = sk_err_set(err, -EINVAL, "the certificate names another device, not %s", device);
	if (r == 0)
		r = verify_chain(c, root, now, err);
	if (r == 0) {
		*from = info.from;
		*until = info.until;
	}
	ERR_clear_error();
	EVP_PKEY_free(k);
	X509_free(c);
	X509_free(root);
	return r;
}

void sk_identity_clear(struct sk_identity *id)
{
	if (id->key)
		OPENSSL_cleanse(id->key, strlen(id->key));
	free(id->key);
	free(id->cert);
	free(id->ca);
	*id = (struct sk_identity){.slot = 0};
}
