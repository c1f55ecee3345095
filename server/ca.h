/*
 * The installation's keys: its certificate authority (P-256), the server's TLS key and certificate, and the bundle signing key
 * (Ed25519, apart from every TLS key). Files in the state folder (0700), each 0600:
 *   ca.key ca.pem server.key server.pem sign.key sign.pub
 */
#ifndef SK_SERVER_CA_H
#define SK_SERVER_CA_H

#include "common/buf.h"
#include "common/bundle.h"
#include "common/clock.h"
#include "common/err.h"
#include "common/x509.h"
#include "server/config.h"

struct sk_ca;

/* Makes what is missing in the state folder; never replaces a key. made: appends one line per file made ("path\n"); may be NULL. */
int sk_ca_init(const struct sk_server_config *config, sk_ms now, struct sk_buf *made, struct sk_err *err);
/* Loads all of it; refuses files others may read (-EPERM), keys that do not belong to their certificates, an expired CA. */
int sk_ca_load(const char *state_dir, struct sk_ca **out, struct sk_err *err);
struct sk_ca *sk_ca_free(struct sk_ca *ca); /* wipes the keys */
/* When the server's certificate and the authority's end. 0 or negative. */
int sk_ca_ends(const struct sk_ca *ca, sk_ms *server, sk_ms *authority);
/* A new server certificate when less than a third of its life is left or the names changed; 1 = renewed, 0 = not needed. */
int sk_ca_renew_server(const struct sk_server_config *config, struct sk_ca *ca, sk_ms now, struct sk_err *err);

const char *sk_ca_cert(const struct sk_ca *ca); /* PEM; these live as long as ca */
const char *
sk_ca_fingerprint(const struct sk_ca *ca); /* SHA-256 of the CA certificate's DER, hex: what enrolment tokens carry */
const char *sk_ca_server_chain(const struct sk_ca *ca); /* PEM: server certificate, CA certificate */
const char *sk_ca_server_key(const struct sk_ca *ca);
const char *sk_ca_verify_key(const struct sk_ca *ca); /* PEM of the public signing key */
const struct sk_sign_key *sk_ca_sign_key(const struct sk_ca *ca);

/* Certificate for the key in csr (checked here), named device_id, valid from now - 5 min for days. info may be NULL. -EINVAL: the CSR. */
int sk_ca_issue(const struct sk_ca *ca, const char *csr, size_t len, const char *device_id, sk_ms now, long long days,
                struct sk_buf *out_pem, struct sk_x509_info *info, struct sk_err *err);

#endif
