/* Keys, requests, certificates: what they contain, judged with OpenSSL's own verifier, and what is refused. */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>

#include "common/pem.h"
#include "common/x509.h"

static const char device[] = "01234567-89ab-4cde-8f01-23456789abcd";
static const sk_ms from = 1775032200000, until = 1875032200000;
static struct sk_buf ca_key, ca, key, csr;
static struct sk_err err;

static void setup(void)
{
	struct sk_buf *all[] = {&ca_key, &ca, &key, &csr};

	for (size_t i = 0; i < 4; i++)
		sk_buf_init(all[i], 20000);
	cr_assert_eq(sk_x509_key_generate(&ca_key), 0);
	cr_assert_eq(sk_x509_key_generate(&key), 0);
	cr_assert_eq(sk_x509_ca(ca_key.data, "関守 CA", from, until, &ca, &err), 0, "%s", err.text);
	cr_assert_eq(sk_x509_csr(key.data, device, &csr, &err), 0, "%s", err.text);
}

static void teardown(void)
{
	sk_buf_deinit(&ca_key);
	sk_buf_deinit(&ca);
	sk_buf_deinit(&key);
	sk_buf_deinit(&csr);
}

TestSuite(x509, .init = setup, .fini = teardown, .timeout = 30);

static X509 *cert_of(const struct sk_buf *pem)
{
	X509 *c = sk_pem_read_cert(pem->data, pem->len);

	cr_assert_not_null(c);
	return c;
}

/* OpenSSL's verdict on cert under ca, strict, at a time within. */
static int verdict(const struct sk_buf *pem, int purpose, const char *host)
{
	X509_STORE *store = X509_STORE_new();
	X509_STORE_CTX *ctx = X509_STORE_CTX_new();
	X509 *root = cert_of(&ca), *cert = cert_of(pem);
	X509_VERIFY_PARAM *param;
	int r;

	X509_STORE_add_cert(store, root);
	X509_STORE_CTX_init(ctx, store, cert, NULL);
	param = X509_STORE_CTX_get0_param(ctx);
	X509_VERIFY_PARAM_set_time(param, (time_t)(from / 1000 + 1000));
	X509_VERIFY_PARAM_set_flags(param, X509_V_FLAG_X509_STRICT);
	X509_VERIFY_PARAM_set_purpose(param, purpose);
	if (host != NULL && X509_VERIFY_PARAM_set1_ip_asc(param, host) != 1)
		X509_VERIFY_PARAM_set1_host(param, host, 0);
	r = X509_verify_cert(ctx) == 1 ? X509_V_OK : X509_STORE_CTX_get_error(ctx);
	X509_STORE_CTX_free(ctx);
	X509_STORE_free(store);
	X509_free(root);
	X509_free(cert);
	return r;
}

Test(x509, ca)
{
	struct sk_x509_info info;
	X509 *c = cert_of(&ca);

	cr_expect_eq(X509_check_ca(c), 1);
	cr_expect_eq(X509_get_pathlen(c), 0);
	cr_expect_eq(X509_get_key_usage(c), (uint32_t)(KU_KEY_CERT_SIGN | KU_CRL_SIGN));
	cr_expect_eq(verdict(&ca, X509_PURPOSE_ANY, NULL), X509_V_OK);
	cr_assert_eq(sk_x509_info(ca.data, ca.len, &info, &err), 0);
	cr_expect_str_eq(info.device, "");
	cr_expect_eq(info.from, from);
	cr_expect_eq(info.until, until);
	X509_free(c);
}

Test(x509, device_certificate)
{
	struct sk_x509_info info, again;
	struct sk_buf pem;

	sk_buf_init(&pem, 20000);
	cr_assert_eq(sk_x509_issue_device(ca.data, ca_key.data, csr.data, device, from, until, &pem, &err), 0, "%s",
	             err.text);
	cr_expect_eq(verdict(&pem, X509_PURPOSE_SSL_CLIENT, NULL), X509_V_OK);
	cr_expect_neq(verdict(&pem, X509_PURPOSE_SSL_SERVER, NULL), X509_V_OK, "a terminal is no server");
	cr_assert_eq(sk_x509_info(pem.data, pem.len, &info, &err), 0);
	cr_expect_str_eq(info.device, device);
	cr_expect_eq(info.from, from);
	cr_expect_eq(info.until, until);
	cr_expect_leq(strlen(info.serial), 32);
	cr_expect_gt(strlen(info.serial), 20);
	cr_expect_eq(strspn(info.serial, "0123456789abcdef"), strlen(info.serial));
	sk_buf_reset(&pem);
	cr_assert_eq(sk_x509_issue_device(ca.data, ca_key.data, csr.data, device, from, until, &pem, &err), 0);
	cr_assert_eq(sk_x509_info(pem.data, pem.len, &again, &err), 0);
	cr_expect_str_neq(info.serial, again.serial);
	cr_expect_str_neq(info.fingerprint, again.fingerprint);
	cr_expect_str_eq(info.spki_sha256, again.spki_sha256);
	sk_buf_deinit(&pem);
}

Test(x509, the_device_is_the_issuers_word_not_the_requests)
{
	static const char other[] = "ffffffff-89ab-4cde-8f01-23456789abcd";
	struct sk_x509_info info;
	struct sk_buf pem;

	sk_buf_init(&pem, 20000);
	cr_assert_eq(sk_x509_issue_device(ca.data, ca_key.data, csr.data, other, from, until, &pem, &err), 0);
	cr_assert_eq(sk_x509_info(pem.data, pem.len, &info, &err), 0);
	cr_expect_str_eq(info.device, other);
	X509 *c = cert_of(&pem);
	char *subject = X509_NAME_oneline(X509_get_subject_name(c), NULL, 0);

	cr_expect_null(strstr(subject, device));
	OPENSSL_free(subject);
	X509_free(c);
	sk_buf_deinit(&pem);
}

Test(x509, server_certificate)
{
	const char *const names[] = {"sekimori.example.jp", "192.0.2.7", "2001:db8::1", NULL};
	struct sk_buf pem;

	sk_buf_init(&pem, 20000);
	cr_assert_eq(sk_x509_issue_server(ca.data, ca_key.data, key.data, names, from, until, &pem, &err), 0, "%s",
	             err.text);
	cr_expect_eq(verdict(&pem, X509_PURPOSE_SSL_SERVER, "sekimori.example.jp"), X509_V_OK);
	cr_expect_eq(verdict(&pem, X509_PURPOSE_SSL_SERVER, "192.0.2.7"), X509_V_OK);
	cr_expect_eq(verdict(&pem, X509_PURPOSE_SSL_SERVER, "2001:db8::1"), X509_V_OK);
	cr_expect_eq(verdict(&pem, X509_PURPOSE_SSL_SERVER, "192.0.2.8"), X509_V_ERR_IP_ADDRESS_MISMATCH);
	cr_expect_eq(verdict(&pem, X509_PURPOSE_SSL_SERVER, "x.example.jp"), X509_V_ERR_HOSTNAME_MISMATCH);
	cr_expect_eq(verdict(&pem, X509_PURPOSE_SSL_SERVER, "sekimori-server"), X509_V_ERR_HOSTNAME_MISMATCH);
	cr_expect_neq(verdict(&pem, X509_PURPOSE_SSL_CLIENT, NULL), X509_V_OK, "a server is no terminal");
	sk_buf_deinit(&pem);
}

Test(x509, has_names)
{
	const char *const names[] = {"sekimori.example.jp", "192.0.2.7", "2001:db8::1", NULL};
	const char *const some[] = {"192.0.2.7", NULL}, *const none[] = {NULL},
	                  *const address[] = {"192.0.2.7", "192.0.2.8", NULL},
	                  *const host[] = {"other.example.jp", NULL}, *const subject[] = {"sekimori-server", NULL};
	struct sk_buf pem;

	sk_buf_init(&pem, 20000);
	cr_assert_eq(sk_x509_issue_server(ca.data, ca_key.data, key.data, names, from, until, &pem, &err), 0);
	cr_expect(sk_x509_has_names(pem.data, pem.len, names));
	cr_expect(sk_x509_has_names(pem.data, pem.len, some));
	cr_expect(sk_x509_has_names(pem.data, pem.len, none));
	cr_expect_not(sk_x509_has_names(pem.data, pem.len, address));
	cr_expect_not(sk_x509_has_names(pem.data, pem.len, host));
	cr_expect_not(sk_x509_has_names(pem.data, pem.len, subject));
	cr_expect_not(sk_x509_has_names("", 0, none));
	cr_expect_eq(ERR_peek_error(), 0UL);
	sk_buf_deinit(&pem);
}

Test(x509, server_names_are_checked)
{
	static const char *const bad[] = {"", "a b", "a,DNS:evil", "*.example.jp", "a\n", "-a", "日本"};
	struct sk_buf pem;

	sk_buf_init(&pem, 20000);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		const char *const names[] = {"good.example.jp", bad[i], NULL};

		cr_expect_eq(sk_x509_issue_server(ca.data, ca_key.data, key.data, names, from, until, &pem, &err),
		             -EINVAL, "%s", bad[i]);
	}
	const char *const none[] = {NULL};

	cr_expect_eq(sk_x509_issue_server(ca.data, ca_key.data, key.data, none, from, until, &pem, &err), -EINVAL);
	cr_expect_eq(pem.len, 0);
	sk_buf_deinit(&pem);
}

Test(x509, csr_check)
{
	cr_expect_eq(sk_x509_csr_check(csr.data, csr.len, &err), 0, "%s", err.text);
	cr_expect_eq(sk_x509_csr_check("", 0, &err), -EINVAL);
	cr_expect_eq(sk_x509_csr_check(csr.data, csr.len / 2, &err), -EINVAL);
	cr_expect_eq(sk_x509_csr_check(ca.data, ca.len, &err), -EINVAL);
	char *big = malloc(9000);

	cr_assert_not_null(big);
	memset(big, '\n', 9000);
	memcpy(big, csr.data, csr.len);
	cr_expect_eq(sk_x509_csr_check(big, 9000, &err), -EINVAL);
	cr_expect_eq(sk_x509_csr_check(big, 8192, &err), 0);
	free(big);
}

static void expect_csr_refused(EVP_PKEY *k, EVP_PKEY *signer)
{
	X509_REQ *req = X509_REQ_new();
	struct sk_buf pem, out;

	sk_buf_init(&pem, 20000);
	sk_buf_init(&out, 20000);
	cr_assert_eq(X509_REQ_set_pubkey(req, k), 1);
	cr_assert_gt(X509_REQ_sign(req, signer, EVP_sha256()), 0);
	cr_assert_eq(sk_pem_write_csr(&pem, req), 0);
	cr_expect_eq(sk_x509_csr_check(pem.data, pem.len, &err), -EINVAL);
	cr_expect_eq(sk_x509_issue_device(ca.data, ca_key.data, pem.data, device, from, until, &out, &err), -EINVAL);
	cr_expect_eq(out.len, 0);
	X509_REQ_free(req);
	sk_buf_deinit(&pem);
	sk_buf_deinit(&out);
}

Test(x509, csr_of_other_keys)
{
	EVP_PKEY *p256 = EVP_EC_gen("P-256"), *p384 = EVP_EC_gen("P-384"), *rsa = EVP_RSA_gen(2048),
	         *p256b = EVP_EC_gen("P-256"), *spelled = NULL;

	expect_csr_refused(p384, p384);
	expect_csr_refused(rsa, rsa);
	expect_csr_refused(p256, p256b); /* not signed by its own key: no proof that the sender has it */
	/* The same curve, spelled out in the key. */
	spelled = EVP_PKEY_dup(p256);
	cr_assert_eq(EVP_PKEY_set_utf8_string_param(spelled, "encoding", "explicit"), 1);
	expect_csr_refused(spelled, spelled);
	EVP_PKEY_free(p256);
	EVP_PKEY_free(p256b);
	EVP_PKEY_free(p384);
	EVP_PKEY_free(rsa);
	EVP_PKEY_free(spelled);
}

Test(x509, arguments_are_checked)
{
	struct sk_buf pem, other;
	char longname[80];

	sk_buf_init(&pem, 20000);
	sk_buf_init(&other, 20000);
	cr_assert_eq(sk_x509_key_generate(&other), 0);
	cr_expect_eq(sk_x509_csr(key.data, "x", &pem, &err), -EINVAL);
	cr_expect_eq(sk_x509_csr("nonsense", device, &pem, &err), -EINVAL);
	cr_expect_eq(sk_x509_issue_device(ca.data, ca_key.data, csr.data, "local", from, until, &pem, &err), -EINVAL);
	cr_expect_eq(sk_x509_issue_device(ca.data, ca_key.data, csr.data, device, until, from, &pem, &err), -EINVAL);
	cr_expect_eq(sk_x509_issue_device(ca.data, other.data, csr.data, device, from, until, &pem, &err), -EINVAL,
	             "the key of another CA");
	cr_expect_eq(sk_x509_issue_device("", ca_key.data, csr.data, device, from, until, &pem, &err), -EINVAL);
	cr_expect_eq(sk_x509_issue_device(ca.data, ca_key.data, "", device, from, until, &pem, &err), -EINVAL);
	memset(longname, 'n', sizeof(longname) - 1);
	longname[sizeof(longname) - 1] = '\0';
	cr_expect_eq(sk_x509_ca(ca_key.data, longname, from, until, &pem, &err), -EINVAL);
	cr_expect_eq(sk_x509_ca(ca_key.data, "", from, until, &pem, &err), -EINVAL);
	cr_expect_eq(sk_x509_ca(ca_key.data, "\xff", from, until, &pem, &err), -EINVAL);
	cr_expect_eq(sk_x509_ca(ca_key.data, "x", until, from, &pem, &err), -EINVAL);
	cr_expect_eq(pem.len, 0);
	sk_buf_deinit(&other);
	sk_buf_deinit(&pem);
}

Test(x509, a_terminal_cannot_issue)
{
	struct sk_buf leaf, out;

	sk_buf_init(&leaf, 20000);
	sk_buf_init(&out, 20000);
	cr_assert_eq(sk_x509_issue_device(ca.data, ca_key.data, csr.data, device, from, until, &leaf, &err), 0);
	cr_expect_eq(sk_x509_issue_device(leaf.data, key.data, csr.data, device, from, until, &out, &err), -EINVAL);
	sk_buf_deinit(&leaf);
	sk_buf_deinit(&out);
}

static void with_sans(const char *sans, char out[SK_UUID_LEN])
{
	EVP_PKEY *k = sk_pem_read_key(ca_key.data, ca_key.len);
	X509 *c = X509_new();
	X509_EXTENSION *ext = X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, sans);
	struct sk_x509_info info;

	cr_assert_not_null(ext);
	X509_gmtime_adj(X509_getm_notBefore(c), 0);
	X509_gmtime_adj(X509_getm_notAfter(c), 1000);
	X509_set_pubkey(c, k);
	X509_add_ext(c, ext, -1);
	cr_assert_gt(X509_sign(c, k, EVP_sha256()), 0);
	cr_assert_eq(sk_x509_info_of(c, &info), 0);
	memcpy(out, info.device, SK_UUID_LEN);
	X509_EXTENSION_free(ext);
	X509_free(c);
	EVP_PKEY_free(k);
}

Test(x509, device_names_in_foreign_certificates)
{
	char out[SK_UUID_LEN];

	with_sans("URI:urn:sekimori:device:01234567-89ab-4cde-8f01-23456789abcd", out);
	cr_expect_str_eq(out, device);
	with_sans("DNS:x,URI:http://x/,URI:urn:sekimori:device:01234567-89ab-4cde-8f01-23456789abcd", out);
	cr_expect_str_eq(out, device);
	with_sans("DNS:urn:sekimori:device:01234567-89ab-4cde-8f01-23456789abcd", out);
	cr_expect_str_eq(out, "");
	with_sans("URI:urn:sekimori:device:01234567-89AB-4cde-8f01-23456789abcd", out);
	cr_expect_str_eq(out, "");
	with_sans("URI:urn:sekimori:device:01234567-89ab-4cde-8f01-23456789abcd0", out);
	cr_expect_str_eq(out, "");
	with_sans("URI:urn:sekimori:server:01234567-89ab-4cde-8f01-23456789abcd", out);
	cr_expect_str_eq(out, "");
	with_sans("URI:urn:sekimori:device:01234567-89ab-4cde-8f01-23456789abcd,"
	          "URI:urn:sekimori:device:ffffffff-89ab-4cde-8f01-23456789abcd",
	          out);
	cr_expect_str_eq(out, "", "two names are none");
}
