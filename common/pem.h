/*
 * PEM in memory, for the files that speak to libcrypto. Nothing here ever asks for a password on a terminal, and nothing leaves
 * entries in OpenSSL's error queue, where the next SSL call would find them.
 */
#ifndef SK_COMMON_PEM_H
#define SK_COMMON_PEM_H

#include <openssl/evp.h>
#include <openssl/x509.h>
#include <stddef.h>
#include "common/buf.h"

#define SK_PEM_MAX (64 * 1024)

/* Each: NULL when it is not there, damaged, encrypted or larger than SK_PEM_MAX. The caller frees. */
EVP_PKEY *sk_pem_read_key(const char *pem, size_t len);
X509 *sk_pem_read_cert(const char *pem, size_t len); /* the first one */
X509_REQ *sk_pem_read_csr(const char *pem, size_t len);
/* Every certificate, in order; one damaged block spoils all. */
STACK_OF(X509) *sk_pem_read_certs(const char *pem, size_t len);

/* Appends what a PEM_write_bio_* function wrote. 0, -ENOMEM, -E2BIG, -EINVAL. */
int sk_pem_write_key(struct sk_buf *out, const EVP_PKEY *key);
int sk_pem_write_public(struct sk_buf *out, const EVP_PKEY *key);
int sk_pem_write_cert(struct sk_buf *out, const X509 *cert);
int sk_pem_write_csr(struct sk_buf *out, const X509_REQ *req);

#endif
