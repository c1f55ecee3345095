/*
 * Keys, requests and certificates (libcrypto's X509 part, no TLS). P-256 with SHA-256 throughout. A terminal's identity is the
 * URI SAN urn:sekimori:device:UUID; its key is made on the terminal and never leaves it.
 */
#ifndef SK_COMMON_X509_H
#define SK_COMMON_X509_H

#include <stdbool.h>
#include <stddef.h>
#include "common/buf.h"
#include "common/clock.h"
#include "common/err.h"
#include "common/hash.h"

#define SK_X509_URN_DEVICE "urn:sekimori:device:"

int sk_x509_key_generate(struct sk_buf *out_pem);                                    /* PKCS#8 PEM, P-256 */
int sk_x509_csr(const char *key_pem, const char *device_id, struct sk_buf *out_pem, struct sk_err *err);
/* Checks size, self-signature, P-256, and that nothing but the public key is used from it. 0 or -EINVAL. */
int sk_x509_csr_check(const char *csr_pem, size_t len, struct sk_err *err);

/* Self-signed CA certificate, pathlen 0. */
int sk_x509_ca(const char *key_pem, const char *name, sk_ms from, sk_ms until, struct sk_buf *out_pem, struct sk_err *err);
/* Terminal certificate for the key in csr_pem: clientAuth, URI SAN. serial is random, 128 bit. */
int sk_x509_issue_device(const char *ca_cert_pem, const char *ca_key_pem, const char *csr_pem, const char *device_id,
                         sk_ms from, sk_ms until, struct sk_buf *out_pem, struct sk_err *err);
/* Server certificate: serverAuth, DNS/IP SANs (names: NULL-terminated list; addresses recognised). */
int sk_x509_issue_server(const char *ca_cert_pem, const char *ca_key_pem, const char *key_pem, const char *const *names,
                         sk_ms from, sk_ms until, struct sk_buf *out_pem, struct sk_err *err);

struct sk_x509_info {
	char fingerprint[SK_SHA256_HEX]; /* SHA-256 of DER */
	char spki_sha256[SK_SHA256_HEX];
	char device[SK_UUID_LEN];        /* "" if no such SAN */
	char serial[65];                 /* hex, lower case */
	sk_ms from, until;
};
/* Two different device names in one certificate count as none. */
int sk_x509_info(const char *cert_pem, size_t len, struct sk_x509_info *out, struct sk_err *err);
struct x509_st; /* OpenSSL's X509, for common/tls.c */
int sk_x509_info_of(const struct x509_st *cert, struct sk_x509_info *out); /* 0 or -EINVAL */

/* Does the (first) certificate name every host or address of the NULL-terminated list? */
bool sk_x509_has_names(const char *cert_pem, size_t len, const char *const *names);

#endif
