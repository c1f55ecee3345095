/*
 * The keys on disk and in memory. A file is made under a temporary name and renamed, key before certificate, so that an init that was
 * stopped half-way goes on where it was. Nothing here ever replaces a key.
 */
#include "server/ca.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "common/file.h"
#include "common/text.h"

#define DAY_MS    ((sk_ms)86400 * 1000)
#define CA_LIFE   (3650 * DAY_MS)
#define BACKDATE  ((sk_ms)5 * 60 * 1000) /* clocks of terminals differ */
#define PEM_MAX   16384
#define NAMES_MAX 20

struct sk_ca {
	struct sk_buf ca_cert, ca_key, server_chain, server_key, server_cert, verify_key;
	struct sk_sign_key *sign;
	char fingerprint[SK_SHA256_HEX];
	char dir[256];
};

static void path_of(char *out, size_t size, const char *dir, const char *name)
{
	snprintf(out, size, "%s/%s", dir, name);
}

static bool missing(const char *dir, const char *name)
{
	char path[320];
	struct stat st;

	path_of(path, sizeof(path), dir, name);
	return lstat(path, &st) != 0 && errno == ENOENT;
}

static int save(const char *dir, const char *name, const struct sk_buf *b, struct sk_buf *made, struct sk_err *err)
{
	char path[320];
	int r;

	path_of(path, sizeof(path), dir, name);
	r = sk_file_write(path, b->data, b->len, 0600, err);
	if (r == 0 && made != NULL)
		r = sk_buf_addf(made, "%s\n", path);
	return r;
}

static int load(const char *dir, const char *name, struct sk_buf *out, struct sk_err *err)
{
	char path[320];
	struct stat st;

	path_of(path, sizeof(path), dir, name);
	if (lstat(path, &st) == 0 && (st.st_mode & 077) != 0)
		return sk_err_set(err, -EPERM,
		                  "%s: others may read it (mode %03o); run chmod 600 on it and ask why it was so", path,
		                  (unsigned)st.st_mode & 0777);
	return sk_file_read(path, out, err);
}

/* The names of the server's certificate: the configured ones and the loopback's. list points into text. */
static void names_of(const struct sk_server_config *c, char *text, size_t size, const char *list[NAMES_MAX + 1])
{
	char *save_ptr = NULL;
	size_t n = 0;

	snprintf(text, size, "%s %s localhost 127.0.0.1 ::1", c->name, c->more_names);
	for (char *w = strtok_r(text, " ", &save_ptr); w != NULL && n < NAMES_MAX; w = strtok_r(NULL, " ", &save_ptr)) {
		bool twice = false;

		for (size_t i = 0; i < n; i++)
			twice |= strcmp(list[i], w) == 0;
		if (!twice)
			list[n++] = w;
	}
	list[n] = NULL;
}

static int issue_server(const struct sk_server_config *c, const char *ca_cert, const char *ca_key, const char *key,
                        sk_ms now, struct sk_buf *out, struct sk_err *err)
{
	const char *list[NAMES_MAX + 1];
	char text[1024];

	names_of(c, text, sizeof(text), list);
	return sk_x509_issue_server(ca_cert, ca_key, key, list, now - BACKDATE, now + c->server_cert_s * 1000, out,
	                            err);
}

/* A key that is missing is made; one that is there is read. */
static int key_pair(const char *dir, const char *name, struct sk_buf *pem, struct sk_buf *made, struct sk_err *err)
{
	int r;

	if (!missing(dir, name))
		return load(dir, name, pem, err);
	r = sk_x509_key_generate(pem);
	if (r < 0)
		return sk_err_set(err, r, "%s/%s: key not made", dir, name);
	return save(dir, name, pem, made, err);
}

static int make_ca(const struct sk_server_config *c, sk_ms now, struct sk_buf *key, struct sk_buf *cert,
                   struct sk_buf *made, struct sk_err *err)
{
	char name[400];
	int r;

	if (missing(c->state_dir, "ca.key") && !missing(c->state_dir, "ca.pem"))
		return sk_err_set(err, -ENOENT,
		                  "%s/ca.key is gone but ca.pem is there; restore a backup, for a new CA would shut "
		                  "out every terminal",
		                  c->state_dir);
	r = key_pair(c->state_dir, "ca.key", key, made, err);
	if (r < 0)
		return r;
	if (!missing(c->state_dir, "ca.pem"))
		return load(c->state_dir, "ca.pem", cert, err);
	snprintf(name, sizeof(name), "Sekimori CA %s", c->name);
	name[64] = '\0'; /* a common name holds 64 characters */
	r = sk_x509_ca(key->data, name, now - BACKDATE, now + CA_LIFE, cert, err);
	return r < 0 ? r : save(c->state_dir, "ca.pem", cert, made, err);
}

static int make_server(const struct sk_server_config *c, sk_ms now, const struct sk_buf *ca_key,
                       const struct sk_buf *ca_cert, struct sk_buf *made, struct sk_err *err)
{
	struct sk_buf key, cert;
	int r;

	sk_buf_init(&key, PEM_MAX);
	sk_buf_init(&cert, PEM_MAX);
	r = key_pair(c->state_dir, "server.key", &key, made, err);
	if (r == 0 && missing(c->state_dir, "server.pem")) {
		r = issue_server(c, ca_cert->data, ca_key->data, key.data, now, &cert, err);
		if (r == 0)
			r = save(c->state_dir, "server.pem", &cert, made, err);
	}
	explicit_bzero(key.data, key.len);
	sk_buf_deinit(&key);
	sk_buf_deinit(&cert);
	return r;
}

static int make_sign(const char *dir, struct sk_buf *made, struct sk_err *err)
{
	struct sk_sign_key *k = NULL;
	struct sk_buf pem, pub;
	int r = 0;

	sk_buf_init(&pem, PEM_MAX);
	sk_buf_init(&pub, PEM_MAX);
	if (missing(dir, "sign.key")) {
		r = sk_sign_key_generate(&k);
		if (r == 0)
			r = sk_sign_key_pem(k, &pem);
		r = r < 0 ? sk_err_set(err, r, "%s/sign.key: key not made", dir)
		          : save(dir, "sign.key", &pem, made, err);
	} else {
		r = load(dir, "sign.key", &pem, err);
		if (r == 0)
			r = sk_sign_key_load(pem.data, pem.len, &k, err);
	}
	if (r == 0 && missing(dir, "sign.pub")) {
		r = sk_sign_key_public_pem(k, &pub);
		if (r == 0)
			r = save(dir, "sign.pub", &pub, made, err);
	}
	sk_sign_key_free(k);
	explicit_bzero(pem.data, pem.len);
	sk_buf_deinit(&pem);
	sk_buf_deinit(&pub);
	return r;
}

int sk_ca_init(const struct sk_server_config *config, sk_ms now, struct sk_buf *made, struct sk_err *err)
{
	struct sk_buf key, cert;
	struct stat st;
	int r = sk_mkdir_p(config->state_dir, 0700);

	if (r < 0)
		return sk_err_set(err, r, "%s: cannot be made: %s", config->state_dir, strerror(-r));
	if (stat(config->state_dir, &st) != 0 || (st.st_mode & 077) != 0)
		return sk_err_set(err, -EPERM, "%s: others may look into it; run chmod 700 on it", config->state_dir);
	sk_buf_init(&key, PEM_MAX);
	sk_buf_init(&cert, PEM_MAX);
	r = make_ca(config, now, &key, &cert, made, err);
	if (r == 0)
		r = make_server(config, now, &key, &cert, made, err);
	if (r == 0)
		r = make_sign(config->state_dir, made, err);
	explicit_bzero(key.data, key.len);
	sk_buf_deinit(&key);
	sk_buf_deinit(&cert);
	return r;
}

static int spki_of(const struct sk_buf *cert, struct sk_x509_info *info, const char *what, struct sk_err *err)
{
	int r = sk_x509_info(cert->data, cert->len, info, err);

	return r < 0 ? sk_err_prefix(err, r, "%s", what) : 0;
}

static int check(struct sk_ca *ca, struct sk_err *err)
{
	struct sk_x509_info info;
	struct sk_buf pub;
	int r = spki_of(&ca->ca_cert, &info, "ca.pem", err);

	if (r < 0)
		return r;
	if (info.until <= sk_clock_wall())
		return sk_err_set(err, -EKEYEXPIRED, "%s/ca.pem has ended; terminals must be enrolled under a new CA",
		                  ca->dir);
	memcpy(ca->fingerprint, info.fingerprint, sizeof(ca->fingerprint));
	r = spki_of(&ca->server_cert, &info, "server.pem", err);
	if (r < 0)
		return r;
	sk_buf_init(&pub, PEM_MAX);
	r = sk_sign_key_public_pem(ca->sign, &pub);
	if (r == 0 && strcmp(pub.data, ca->verify_key.data) != 0)
		r = sk_err_set(err, -EINVAL,
		               "%s: sign.pub is not the public half of sign.key; restore both from one backup",
		               ca->dir);
	sk_buf_deinit(&pub);
	return r;
}

int sk_ca_load(const char *state_dir, struct sk_ca **out, struct sk_err *err)
{
	struct sk_ca *ca = calloc(1, sizeof(*ca));
	struct sk_buf sign;
	int r;

	if (ca == NULL)
		return sk_err_set(err, -ENOMEM, "out of memory");
	sk_text_copy(ca->dir, sizeof(ca->dir), state_dir);
	sk_buf_init(&ca->ca_cert, PEM_MAX);
	sk_buf_init(&ca->ca_key, PEM_MAX);
	sk_buf_init(&ca->server_chain, 2 * PEM_MAX);
	sk_buf_init(&ca->server_key, PEM_MAX);
	sk_buf_init(&ca->server_cert, PEM_MAX);
	sk_buf_init(&ca->verify_key, PEM_MAX);
	sk_buf_init(&sign, PEM_MAX);
	if ((r = load(state_dir, "ca.pem", &ca->ca_cert, err)) == 0 &&
	    (r = load(state_dir, "ca.key", &ca->ca_key, err)) == 0 &&
	    (r = load(state_dir, "server.pem", &ca->server_cert, err)) == 0 &&
	    (r = load(state_dir, "server.key", &ca->server_key, err)) == 0 &&
	    (r = load(state_dir, "sign.key", &sign, err)) == 0 &&
	    (r = load(state_dir, "sign.pub", &ca->verify_key, err)) == 0 &&
	    (r = sk_sign_key_load(sign.data, sign.len, &ca->sign, err)) == 0)
		r = check(ca, err);
	explicit_bzero(sign.data, sign.len);
	sk_buf_deinit(&sign);
	if (r == 0)
		r = sk_buf_addf(&ca->server_chain, "%s%s", ca->server_cert.data, ca->ca_cert.data);
	if (r < 0) {
		sk_ca_free(ca);
		return r;
	}
	*out = ca;
	return 0;
}

struct sk_ca *sk_ca_free(struct sk_ca *ca)
{
	if (ca == NULL)
		return NULL;
	if (ca->ca_key.data != NULL)
		explicit_bzero(ca->ca_key.data, ca->ca_key.len);
	if (ca->server_key.data != NULL)
		explicit_bzero(ca->server_key.data, ca->server_key.len);
	sk_buf_deinit(&ca->ca_cert);
	sk_buf_deinit(&ca->ca_key);
	sk_buf_deinit(&ca->server_chain);
	sk_buf_deinit(&ca->server_key);
	sk_buf_deinit(&ca->server_cert);
	sk_buf_deinit(&ca->verify_key);
	sk_sign_key_free(ca->sign);
	free(ca);
	return NULL;
}

int sk_ca_renew_server(const struct sk_server_config *config, struct sk_ca *ca, sk_ms now, struct sk_err *err)
{
	const char *list[NAMES_MAX + 1];
	struct sk_x509_info info;
	struct sk_buf cert;
	char text[1024];
	int r = spki_of(&ca->server_cert, &info, "server.pem", err);

	names_of(config, text, sizeof(text), list);
	if (r < 0)
		return r;
	if (info.until - now > config->server_cert_s * 1000 / 3 &&
	    sk_x509_has_names(ca->server_cert.data, ca->server_cert.len, list))
		return 0;
	sk_buf_init(&cert, PEM_MAX);
	r = issue_server(config, ca->ca_cert.data, ca->ca_key.data, ca->server_key.data, now, &cert, err);
	if (r == 0)
		r = save(ca->dir, "server.pem", &cert, NULL, err);
	if (r == 0) {
		sk_buf_reset(&ca->server_cert);
		sk_buf_reset(&ca->server_chain);
		r = sk_buf_add(&ca->server_cert, cert.data, cert.len);
		if (r == 0)
			r = sk_buf_addf(&ca->server_chain, "%s%s", cert.data, ca->ca_cert.data);
	}
	sk_buf_deinit(&cert);
	return r < 0 ? r : 1;
}

int sk_ca_ends(const struct sk_ca *ca, sk_ms *server, sk_ms *authority)
{
	struct sk_x509_info own, top;

	if (sk_x509_info(ca->server_cert.data, ca->server_cert.len, &own, NULL) < 0 ||
	    sk_x509_info(ca->ca_cert.data, ca->ca_cert.len, &top, NULL) < 0)
		return -EINVAL;
	*server = own.until;
	*authority = top.until;
	return 0;
}

const char *sk_ca_cert(const struct sk_ca *ca)
{
	return ca->ca_cert.data;
}

const char *sk_ca_fingerprint(const struct sk_ca *ca)
{
	return ca->fingerprint;
}

const char *sk_ca_server_chain(const struct sk_ca *ca)
{
	return ca->server_chain.data;
}

const char *sk_ca_server_key(const struct sk_ca *ca)
{
	return ca->server_key.data;
}

const char *sk_ca_verify_key(const struct sk_ca *ca)
{
	return ca->verify_key.data;
}

const struct sk_sign_key *sk_ca_sign_key(const struct sk_ca *ca)
{
	return ca->sign;
}

int sk_ca_issue(const struct sk_ca *ca, const char *csr, size_t len, const char *device_id, sk_ms now, long long days,
                struct sk_buf *out_pem, struct sk_x509_info *info, struct sk_err *err)
{
	int r = sk_x509_csr_check(csr, len, err);

	if (r == 0)
		r = sk_x509_issue_device(ca->ca_cert.data, ca->ca_key.data, csr, device_id, now - BACKDATE,
		                         now + days * DAY_MS, out_pem, err);
	if (r == 0 && info != NULL)
		r = sk_x509_info(out_pem->data, out_pem->len, info, err);
	return r;
}
