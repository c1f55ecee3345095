/* PEM in memory: a read-only BIO over the text on the way in, a memory BIO emptied into a buffer on the way out. */
#include "common/pem.h"

#include <errno.h>
#include <limits.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <string.h>

/* OpenSSL's own callback would ask on the terminal. */
static int no_password(char *buf, int size, int writing, void *user)
{
	(void)buf;
	(void)size;
	(void)writing;
	(void)user;
	return -1;
}

static BIO *open_text(const char *pem, size_t len)
{
	return pem == NULL || len == 0 || len > SK_PEM_MAX ? NULL : BIO_new_mem_buf(pem, (int)len);
}

EVP_PKEY *sk_pem_read_key(const char *pem, size_t len)
{
	BIO *bio = open_text(pem, len);
	EVP_PKEY *key = bio != NULL ? PEM_read_bio_PrivateKey(bio, NULL, no_password, NULL) : NULL;

	BIO_free(bio);
	ERR_clear_error();
	return key;
}

X509 *sk_pem_read_cert(const char *pem, size_t len)
{
	BIO *bio = open_text(pem, len);
	X509 *cert = bio != NULL ? PEM_read_bio_X509(bio, NULL, no_password, NULL) : NULL;

	BIO_free(bio);
	ERR_clear_error();
	return cert;
}

X509_REQ *sk_pem_read_csr(const char *pem, size_t len)
{
	BIO *bio = open_text(pem, len);
	X509_REQ *req = bio != NULL ? PEM_read_bio_X509_REQ(bio, NULL, no_password, NULL) : NULL;

	BIO_free(bio);
	ERR_clear_error();
	return req;
}

STACK_OF(X509) * sk_pem_read_certs(const char *pem, size_t len)
{
	BIO *bio = open_text(pem, len);
	STACK_OF(X509) *certs = bio != NULL ? sk_X509_new_null() : NULL;
	bool good = certs != NULL;
	X509 *cert;

	ERR_clear_error();
	while (good && (cert = PEM_read_bio_X509(bio, NULL, no_password, NULL)) != NULL) {
		good = sk_X509_push(certs, cert) > 0;
		if (!good)
			X509_free(cert);
	}
	/* The end of the text is the one error that is none. */
	if (!good || sk_X509_num(certs) == 0 || ERR_GET_REASON(ERR_peek_last_error()) != PEM_R_NO_START_LINE) {
		sk_X509_pop_free(certs, X509_free);
		certs = NULL;
	}
	BIO_free(bio);
	ERR_clear_error();
	return certs;
}

/* Empties and frees the BIO; wrote: what the writer returned. */
static int finish(struct sk_buf *out, BIO *bio, int wrote)
{
	char *text = NULL;
	long len = bio != NULL ? BIO_get_mem_data(bio, &text) : 0;
	int r = bio == NULL ? -ENOMEM : wrote != 1 || len <= 0 ? -EINVAL : sk_buf_add(out, text, (size_t)len);

	if (text != NULL && len > 0)
		OPENSSL_cleanse(text, (size_t)len); /* it may be a private key */
	BIO_free(bio);
	ERR_clear_error();
	return r;
}

int sk_pem_write_key(struct sk_buf *out, const EVP_PKEY *key)
{
	BIO *bio = BIO_new(BIO_s_mem());

	return finish(out, bio, bio != NULL ? PEM_write_bio_PKCS8PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL) : 0);
}

int sk_pem_write_public(struct sk_buf *out, const EVP_PKEY *key)
{
	BIO *bio = BIO_new(BIO_s_mem());

	return finish(out, bio, bio != NULL ? PEM_write_bio_PUBKEY(bio, key) : 0);
}

int sk_pem_write_cert(struct sk_buf *out, const X509 *cert)
{
	BIO *bio = BIO_new(BIO_s_mem());

	return finish(out, bio, bio != NULL ? PEM_write_bio_X509(bio, cert) : 0);
}

int sk_pem_write_csr(struct sk_buf *out, const X509_REQ *req)
{
	BIO *bio = BIO_new(BIO_s_mem());

	return finish(out, bio, bio != NULL ? PEM_write_bio_X509_REQ(bio, req) : 0);
}
