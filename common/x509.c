/*
 * Keys, requests and certificates. Everything that goes into a certificate is decided here and by the caller's arguments; from a
 * request nothing is taken but its public key, after its signature and curve were checked.
 */
#include "common/x509.h"

#include <arpa/inet.h>
#include <errno.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <stdbool.h>
#include <string.h>
#include <time.h>

#include "common/pem.h"
#include "common/text.h"

#define CSR_MAX   8192
#define NAMES_MAX 64

int sk_x509_key_generate(struct sk_buf *out_pem)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	int r = key != NULL ? sk_pem_write_key(out_pem, key) : -EIO;

	EVP_PKEY_free(key);
	ERR_clear_error();
	return r;
}

/* The named curve and no spelled-out parameters, which have been used to make look-alike curves. */
static bool is_p256(const EVP_PKEY *key)
{
	char group[32] = "";
	int explicit_params = 0;

	if (key == NULL || !EVP_PKEY_is_a(key, "EC"))
		return false;
	if (EVP_PKEY_get_int_param(key, OSSL_PKEY_PARAM_EC_DECODED_FROM_EXPLICIT_PARAMS, &explicit_params) == 1 &&
	    explicit_params != 0)
		return false;
	return EVP_PKEY_get_group_name(key, group, sizeof(group), NULL) == 1 && strcmp(group, "prime256v1") == 0;
}

static EVP_PKEY *read_p256(const char *pem)
{
	EVP_PKEY *key = pem != NULL ? sk_pem_read_key(pem, strlen(pem)) : NULL;

	if (key != NULL && !is_p256(key)) {
		EVP_PKEY_free(key);
		key = NULL;
	}
	return key;
}

static bool set_name(X509_NAME *name, const char *cn)
{
	return X509_NAME_add_entry_by_NID(name, NID_commonName, MBSTRING_UTF8, (const unsigned char *)cn, -1, -1, 0) ==
	       1;
}

int sk_x509_csr(const char *key_pem, const char *device_id, struct sk_buf *out_pem, struct sk_err *err)
{
	EVP_PKEY *key = read_p256(key_pem);
	X509_REQ *req = X509_REQ_new();
	int r;

	if (key == NULL || req == NULL || !sk_text_is_id(device_id))
		r = sk_err_set(err, -EINVAL, "request: needs a P-256 key and a device id");
	else if (X509_REQ_set_version(req, X509_REQ_VERSION_1) != 1 ||
	         !set_name(X509_REQ_get_subject_name(req), device_id) || X509_REQ_set_pubkey(req, key) != 1 ||
	         X509_REQ_sign(req, key, EVP_sha256()) <= 0)
		r = sk_err_set(err, -EIO, "request: cannot be signed");
	else
		r = sk_pem_write_csr(out_pem, req);
	X509_REQ_free(req);
	EVP_PKEY_free(key);
	ERR_clear_error();
	return r;
}

/* The request's key, or NULL with the reason in err. The key belongs to *req. */
static EVP_PKEY *check_csr(const char *pem, size_t len, X509_REQ **req, struct sk_err *err)
{
	EVP_PKEY *key;

	*req = len <= CSR_MAX ? sk_pem_read_csr(pem, len) : NULL;
	if (*req == NULL) {
		(void)sk_err_set(err, -EINVAL, "request: not a PEM certificate request of at most %d bytes", CSR_MAX);
		return NULL;
	}
	key = X509_REQ_get0_pubkey(*req);
	if (!is_p256(key)) {
		(void)sk_err_set(err, -EINVAL, "request: its key is not P-256");
		return NULL;
	}
	if (X509_REQ_verify(*req, key) != 1) {
		ERR_clear_error();
		(void)sk_err_set(err, -EINVAL, "request: its signature is wrong");
		return NULL;
	}
	return key;
}

int sk_x509_csr_check(const char *csr_pem, size_t len, struct sk_err *err)
{
	X509_REQ *req = NULL;
	int r = check_csr(csr_pem, len, &req, err) != NULL ? 0 : -EINVAL;

	X509_REQ_free(req);
	return r;
}

/* Positive, 128 bits from the kernel. */
static bool set_serial(X509 *cert)
{
	unsigned char bytes[16];
	BIGNUM *n = sk_random(bytes, sizeof(bytes)) == 0 ? BN_bin2bn(bytes, sizeof(bytes), NULL) : NULL;
	bool good = n != NULL && !BN_is_zero(n) && BN_to_ASN1_INTEGER(n, X509_get_serialNumber(cert)) != NULL;

	BN_free(n);
	return good;
}

static bool set_time(ASN1_TIME *t, sk_ms ms)
{
	return ASN1_TIME_set(t, (time_t)(ms / 1000)) != NULL;
}

static bool add_ext(X509 *cert, X509 *issuer, int nid, const char *value)
{
	X509_EXTENSION *ext;
	X509V3_CTX ctx;
	bool good;

	X509V3_set_ctx(&ctx, issuer, cert, NULL, NULL, 0);
	ext = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
	good = ext != NULL && X509_add_ext(cert, ext, -1) == 1;
	X509_EXTENSION_free(ext);
	return good;
}

/* What every certificate of ours begins with. NULL when memory or the arguments fail. */
static X509 *begin_cert(EVP_PKEY *key, const char *cn, X509 *issuer, sk_ms from, sk_ms until)
{
	X509 *cert = X509_new();

	if (cert != NULL && from < until && X509_set_version(cert, X509_VERSION_3) == 1 && set_serial(cert) &&
	    set_time(X509_getm_notBefore(cert), from) && set_time(X509_getm_notAfter(cert), until) &&
	    set_name(X509_get_subject_name(cert), cn) &&
	    X509_set_issuer_name(cert, X509_get_subject_name(issuer != NULL ? issuer : cert)) == 1 &&
	    X509_set_pubkey(cert, key) == 1 &&
	    add_ext(cert, issuer != NULL ? issuer : cert, NID_subject_key_identifier, "hash"))
		return cert;
	X509_free(cert);
	return NULL;
}

static int finish_cert(X509 *cert, EVP_PKEY *signer, struct sk_buf *out_pem, struct sk_err *err)
{
	if (X509_sign(cert, signer, EVP_sha256()) <= 0)
		return sk_err_set(err, -EIO, "certificate: cannot be signed");
	return sk_pem_write_cert(out_pem, cert);
}

int sk_x509_ca(const char *key_pem, const char *name, sk_ms from, sk_ms until, struct sk_buf *out_pem,
               struct sk_err *err)
{
	EVP_PKEY *key = read_p256(key_pem);
	X509 *cert = key != NULL ? begin_cert(key, name, NULL, from, until) : NULL;
	int r;

	if (key == NULL)
		r = sk_err_set(err, -EINVAL, "CA: needs an unencrypted P-256 key in PEM");
	else if (cert == NULL || !add_ext(cert, cert, NID_basic_constraints, "critical,CA:TRUE,pathlen:0") ||
	         !add_ext(cert, cert, NID_key_usage, "critical,keyCertSign,cRLSign"))
		r = sk_err_set(err, -EINVAL, "CA: name must be 1 to 64 characters and its end after its beginning");
	else
		r = finish_cert(cert, key, out_pem, err);
	X509_free(cert);
	EVP_PKEY_free(key);
	ERR_clear_error();
	return r;
}

struct ca {
	X509 *cert;
	EVP_PKEY *key;
};

static void ca_close(struct ca *ca)
{
	X509_free(ca->cert);
	EVP_PKEY_free(ca->key);
	ERR_clear_error();
}

static int ca_open(struct ca *ca, const char *cert_pem, const char *key_pem, struct sk_err *err)
{
	*ca = (struct ca){.cert = sk_pem_read_cert(cert_pem, strlen(cert_pem)), .key = read_p256(key_pem)};
	if (ca->cert == NULL || ca->key == NULL)
		return sk_err_set(err, -EINVAL, "CA: certificate or P-256 key cannot be read");
	if (X509_check_ca(ca->cert) != 1 || X509_check_private_key(ca->cert, ca->key) != 1)
		return sk_err_set(err, -EINVAL, "CA: not a CA certificate, or the key is not its own");
	return 0;
}

/* GENERAL_NAMEs are built one by one: a configuration string would let a name carry a second one behind a comma. */
static bool push_name(GENERAL_NAMES *sans, int type, ASN1_STRING *value)
{
	GENERAL_NAME *name = value != NULL ? GENERAL_NAME_new() : NULL;

	if (name == NULL) {
		ASN1_STRING_free(value);
		return false;
	}
	GENERAL_NAME_set0_value(name, type, value);
	if (sk_GENERAL_NAME_push(sans, name) > 0)
		return true;
	GENERAL_NAME_free(name);
	return false;
}

static ASN1_STRING *string_of(int type, const void *data, size_t len)
{
	ASN1_STRING *s = ASN1_STRING_type_new(type);

	if (s != NULL && ASN1_STRING_set(s, data, (int)len) != 1) {
		ASN1_STRING_free(s);
		s = NULL;
	}
	return s;
}

static bool push_host(GENERAL_NAMES *sans, const char *name)
{
	unsigned char address[16];

	if (inet_pton(AF_INET, name, address) == 1)
		return push_name(sans, GEN_IPADD, string_of(V_ASN1_OCTET_STRING, address, 4));
	if (inet_pton(AF_INET6, name, address) == 1)
		return push_name(sans, GEN_IPADD, string_of(V_ASN1_OCTET_STRING, address, 16));
	return sk_text_is_host(name) && push_name(sans, GEN_DNS, string_of(V_ASN1_IA5STRING, name, strlen(name)));
}

static bool add_sans(X509 *cert, GENERAL_NAMES *sans)
{
	return X509_add1_ext_i2d(cert, NID_subject_alt_name, sans, 0, X509V3_ADD_DEFAULT) == 1;
}

static int issue(struct ca *ca, EVP_PKEY *key, const char *cn, const char *usage, GENERAL_NAMES *sans, sk_ms from,
                 sk_ms until, struct sk_buf *out_pem, struct sk_err *err)
{
	X509 *cert = begin_cert(key, cn, ca->cert, from, until);
	int r;

	if (cert == NULL || !add_ext(cert, ca->cert, NID_authority_key_identifier, "keyid:always") ||
	    !add_ext(cert, ca->cert, NID_basic_constraints, "critical,CA:FALSE") ||
	    !add_ext(cert, ca->cert, NID_key_usage, "critical,digitalSignature") ||
	    !add_ext(cert, ca->cert, NID_ext_key_usage, usage) || !add_sans(cert, sans))
		r = sk_err_set(err, -EINVAL, "certificate: cannot be made; its end must come after its beginning");
	else
		r = finish_cert(cert, ca->key, out_pem, err);
	X509_free(cert);
	return r;
}

int sk_x509_issue_device(const char *ca_cert_pem, const char *ca_key_pem, const char *csr_pem, const char *device_id,
                         sk_ms from, sk_ms until, struct sk_buf *out_pem, struct sk_err *err)
{
	char urn[sizeof(SK_X509_URN_DEVICE) + SK_UUID_LEN] = SK_X509_URN_DEVICE;
	GENERAL_NAMES *sans = sk_GENERAL_NAME_new_null();
	X509_REQ *req = NULL;
	EVP_PKEY *key;
	struct ca ca;
	int r = ca_open(&ca, ca_cert_pem, ca_key_pem, err);

	if (r == 0 && !sk_text_is_id(device_id))
		r = sk_err_set(err, -EINVAL, "certificate: not a device id");
	key = r == 0 ? check_csr(csr_pem, strlen(csr_pem), &req, err) : NULL;
	if (r == 0 && key == NULL)
		r = -EINVAL;
	if (r == 0) {
		sk_text_copy(urn + sizeof(SK_X509_URN_DEVICE) - 1, SK_UUID_LEN, device_id);
		if (sans != NULL && push_name(sans, GEN_URI, string_of(V_ASN1_IA5STRING, urn, strlen(urn))))
			r = issue(&ca, key, device_id, "clientAuth", sans, from, until, out_pem, err);
		else
			r = sk_err_set(err, -ENOMEM, "certificate: no memory");
	}
	sk_GENERAL_NAME_pop_free(sans, GENERAL_NAME_free);
	X509_REQ_free(req);
	ca_close(&ca);
	return r;
}

static int push_hosts(GENERAL_NAMES *sans, const char *const *names, struct sk_err *err)
{
	size_t n = 0;

	for (; names[n] != NULL; n++)
		if (n >= NAMES_MAX || !push_host(sans, names[n]))
			return sk_err_set(err, -EINVAL, "certificate: '%s' is neither a host name nor an address",
			                  names[n]);
	return n > 0 ? 0 : sk_err_set(err, -EINVAL, "certificate: a server needs a name");
}

int sk_x509_issue_server(const char *ca_cert_pem, const char *ca_key_pem, const char *key_pem, const char *const *names,
                         sk_ms from, sk_ms until, struct sk_buf *out_pem, struct sk_err *err)
{
	GENERAL_NAMES *sans = sk_GENERAL_NAME_new_null();
	EVP_PKEY *key = read_p256(key_pem);
	struct ca ca;
	int r = ca_open(&ca, ca_cert_pem, ca_key_pem, err);

	if (r == 0 && (key == NULL || sans == NULL))
		r = sk_err_set(err, -EINVAL, "certificate: needs an unencrypted P-256 key in PEM");
	if (r == 0)
		r = push_hosts(sans, names, err);
	if (r == 0)
		r = issue(&ca, key, "sekimori-server", "serverAuth", sans, from, until, out_pem, err);
	sk_GENERAL_NAME_pop_free(sans, GENERAL_NAME_free);
	EVP_PKEY_free(key);
	ca_close(&ca);
	return r;
}
