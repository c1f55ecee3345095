/*
 * What a certificate says: fingerprint, key, device, validity. The device comes from its URI name alone; a certificate that
 * names two has none.
 */
#include "common/x509.h"

#include <errno.h>
#include <openssl/bn.h>
#include <openssl/err.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <stdbool.h>
#include <string.h>
#include <time.h>

#include "common/pem.h"
#include "common/text.h"

/* The device behind one name, "" when it is another kind of name. */
static void device_of_name(const GENERAL_NAME *name, char out[SK_UUID_LEN])
{
	const size_t head = sizeof(SK_X509_URN_DEVICE) - 1;
	char id[SK_UUID_LEN] = "";
	const unsigned char *data;

	out[0] = '\0';
	if (name->type != GEN_URI || ASN1_STRING_length(name->d.ia5) != (int)(head + SK_UUID_LEN - 1))
		return;
	data = ASN1_STRING_get0_data(name->d.ia5);
	if (memcmp(data, SK_X509_URN_DEVICE, head) != 0)
		return;
	memcpy(id, data + head, SK_UUID_LEN - 1);
	if (sk_text_is_id(id))
		memcpy(out, id, SK_UUID_LEN);
}

static void find_device(const X509 *cert, char out[SK_UUID_LEN])
{
	GENERAL_NAMES *sans = X509_get_ext_d2i(cert, NID_subject_alt_name, NULL, NULL);

	out[0] = '\0';
	for (int i = 0; i < sk_GENERAL_NAME_num(sans); i++) {
		char one[SK_UUID_LEN];

		device_of_name(sk_GENERAL_NAME_value(sans, i), one);
		if (one[0] != '\0' && out[0] != '\0' && strcmp(one, out) != 0) {
			out[0] = '\0';
			break;
		}
		if (one[0] != '\0')
			memcpy(out, one, SK_UUID_LEN);
	}
	sk_GENERAL_NAME_pop_free(sans, GENERAL_NAME_free);
	ERR_clear_error();
}

static bool hash_der(unsigned char *der, int len, char out[SK_SHA256_HEX])
{
	if (len > 0)
		sk_sha256_hex(der, (size_t)len, out);
	OPENSSL_free(der);
	return len > 0;
}

static bool read_time(const ASN1_TIME *t, sk_ms *out)
{
	struct tm tm = {0};

	if (ASN1_TIME_to_tm(t, &tm) != 1)
		return false;
	*out = (sk_ms)timegm(&tm) * 1000;
	return true;
}

static bool read_serial(const X509 *cert, char *out, size_t size)
{
	BIGNUM *n = ASN1_INTEGER_to_BN(X509_get0_serialNumber(cert), NULL);
	char *hex = n != NULL ? BN_bn2hex(n) : NULL;
	bool good = hex != NULL && strlen(hex) < size;

	if (good)
		sk_text_copy(out, size, hex);
	for (size_t i = 0; good && out[i] != '\0'; i++)
		out[i] = (char)(out[i] >= 'A' && out[i] <= 'F' ? out[i] - 'A' + 'a' : out[i]);
	OPENSSL_free(hex);
	BN_free(n);
	return good;
}

int sk_x509_info_of(const struct x509_st *cert, struct sk_x509_info *out)
{
	struct sk_x509_info info = {0};
	unsigned char *der = NULL, *spki = NULL;
	int len = i2d_X509(cert, &der), spki_len = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(cert), &spki);
	bool hashed = hash_der(der, len, info.fingerprint);

	hashed = hash_der(spki, spki_len, info.spki_sha256) && hashed;
	find_device(cert, info.device);
	if (!hashed || !read_serial(cert, info.serial, sizeof(info.serial)) ||
	    !read_time(X509_get0_notBefore(cert), &info.from) || !read_time(X509_get0_notAfter(cert), &info.until)) {
		ERR_clear_error();
		return -EINVAL;
	}
	*out = info;
	return 0;
}

int sk_x509_info(const char *cert_pem, size_t len, struct sk_x509_info *out, struct sk_err *err)
{
	X509 *cert = sk_pem_read_cert(cert_pem, len);
	int r = cert != NULL ? sk_x509_info_of(cert, out) : -EINVAL;

	X509_free(cert);
	return r < 0 ? sk_err_set(err, r, "certificate: cannot be read") : 0;
}

bool sk_x509_has_names(const char *cert_pem, size_t len, const char *const *names)
{
	STACK_OF(X509) *certs = sk_pem_read_certs(cert_pem, len);
	X509 *cert = certs != NULL ? sk_X509_value(certs, 0) : NULL;
	bool all = cert != NULL;

	for (; all && *names != NULL; names++)
		all = X509_check_ip_asc(cert, *names, 0) == 1 ||
		      X509_check_host(cert, *names, 0, X509_CHECK_FLAG_NEVER_CHECK_SUBJECT, NULL) == 1;
	sk_X509_pop_free(certs, X509_free);
	ERR_clear_error(); /* a host name is no address, and the check leaves that as an error */
	return all;
}
