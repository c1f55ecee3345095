/* PEM in memory: damaged, encrypted and oversized text is refused, and nobody is asked for a password. */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>

#include "common/pem.h"
#include "common/x509.h"

static struct sk_buf key, cert;

static void setup(void)
{
	sk_buf_init(&key, 4000);
	sk_buf_init(&cert, 40000);
	cr_assert_eq(sk_x509_key_generate(&key), 0);
	cr_assert_eq(sk_x509_ca(key.data, "test", 1775032200000, 1875032200000, &cert, NULL), 0);
}

static void teardown(void)
{
	sk_buf_deinit(&key);
	sk_buf_deinit(&cert);
}

TestSuite(pem, .init = setup, .fini = teardown, .timeout = 20);

Test(pem, keys)
{
	EVP_PKEY *k = sk_pem_read_key(key.data, key.len);
	struct sk_buf out;

	cr_assert_not_null(k);
	sk_buf_init(&out, 4000);
	cr_expect_eq(sk_pem_write_key(&out, k), 0);
	cr_expect_str_eq(out.data, key.data);
	sk_buf_deinit(&out);
	sk_buf_init(&out, 10);
	cr_expect_eq(sk_pem_write_key(&out, k), -E2BIG);
	sk_buf_deinit(&out);
	EVP_PKEY_free(k);
	cr_expect_null(sk_pem_read_key(NULL, 5));
	cr_expect_null(sk_pem_read_key("", 0));
	cr_expect_null(sk_pem_read_key(key.data, key.len / 2));
	cr_expect_null(sk_pem_read_key(cert.data, cert.len));
	cr_expect_eq(ERR_peek_error(), 0UL, "the error queue stays empty");
}

Test(pem, encrypted_key_asks_nobody)
{
	EVP_PKEY *k = sk_pem_read_key(key.data, key.len);
	BIO *bio = BIO_new(BIO_s_mem());
	char *text;
	long len;

	cr_assert_eq(PEM_write_bio_PKCS8PrivateKey(bio, k, EVP_aes_256_cbc(), "pw", 2, NULL, NULL), 1);
	len = BIO_get_mem_data(bio, &text);
	cr_expect_null(sk_pem_read_key(text, (size_t)len));
	BIO_free(bio);
	EVP_PKEY_free(k);
}

Test(pem, chains)
{
	STACK_OF(X509) * certs;
	char *middle;

	cr_assert_eq(sk_buf_add(&cert, "\n", 1), 0);
	char *copy = strdup(cert.data);

	cr_assert_eq(sk_buf_adds(&cert, copy), 0);
	certs = sk_pem_read_certs(cert.data, cert.len);
	cr_expect_eq(sk_X509_num(certs), 2);
	sk_X509_pop_free(certs, X509_free);
	middle = strstr(cert.data + 100, "-----BEGIN") + 40;
	*middle = '!';
	cr_expect_null(sk_pem_read_certs(cert.data, cert.len), "a damaged second one spoils all");
	cr_expect_null(sk_pem_read_certs("", 0));
	cr_expect_null(sk_pem_read_certs("words", 5));
	cr_expect_null(sk_pem_read_certs(copy, strlen(copy) - 20));
	cr_expect_eq(ERR_peek_error(), 0UL);
	free(copy);
}

Test(pem, too_large)
{
	char *big = malloc(SK_PEM_MAX + 1);

	cr_assert_not_null(big);
	memset(big, '\n', SK_PEM_MAX + 1);
	memcpy(big, cert.data, cert.len);
	X509 *c = sk_pem_read_cert(big, SK_PEM_MAX);

	cr_expect_not_null(c);
	X509_free(c);
	cr_expect_null(sk_pem_read_cert(big, SK_PEM_MAX + 1));
	free(big);
}
