/*
 * TLS. A context is made once, with its rules, and gives out bufferevents. Verification is a property of the context's kind, not a
 * setting. Sessions are resumed between the same two ends: the server keeps them (one stateful ticket each), the client keeps
 * the last one per context and server name. A resumed session was verified when it was made; whether the terminal is still
 * welcome is asked by the server on every request, from its own table.
 */
#include "common/tls.h"

#include <arpa/inet.h>
#include <errno.h>
#include <event2/bufferevent.h>
#include <event2/bufferevent_ssl.h>
#include <event2/event.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/pem.h"
#include "common/text.h"
#include "common/x509.h"

#define SESSION_SECONDS 7200
#define CHAIN_DEPTH     4

struct sk_tls {
	SSL_CTX *ctx;
	bool server;
	bool pinned;
	uint8_t pin[SK_SHA256_LEN];
	SSL_SESSION *session; /* client: for the next connection to session_name */
	char session_name[256];
};

static int openssl_fault(struct sk_err *err, const char *what)
{
	const char *why = ERR_reason_error_string(ERR_peek_last_error());

	(void)sk_err_set(err, -EINVAL, "TLS: %s: %s", what, why != NULL ? why : "refused");
	ERR_clear_error();
	return -EINVAL;
}

struct sk_tls *sk_tls_free(struct sk_tls *t)
{
	if (t != NULL) {
		if (t->ctx != NULL) { /* connections may outlive us and must not call back into freed memory */
			SSL_CTX_sess_set_new_cb(t->ctx, NULL);
			SSL_CTX_set_app_data(t->ctx, NULL);
		}
		SSL_SESSION_free(t->session);
		SSL_CTX_free(t->ctx);
		free(t);
	}
	return NULL;
}

/* What holds for every context. NULL when OpenSSL fails. */
static struct sk_tls *new_context(bool server)
{
	struct sk_tls *t = calloc(1, sizeof(*t));

	if (t == NULL)
		return NULL;
	t->server = server;
	t->ctx = SSL_CTX_new(server ? TLS_server_method() : TLS_client_method());
	if (t->ctx == NULL || SSL_CTX_set_min_proto_version(t->ctx, TLS1_3_VERSION) != 1 ||
	    SSL_CTX_set_max_proto_version(t->ctx, TLS1_3_VERSION) != 1 ||
	    SSL_CTX_set1_groups_list(t->ctx, "X25519:P-256") != 1 || SSL_CTX_set_app_data(t->ctx, t) != 1)
		return sk_tls_free(t);
	(void)SSL_CTX_set_mode(t->ctx, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_NO_AUTO_CHAIN);
	(void)SSL_CTX_set_timeout(t->ctx, SESSION_SECONDS);
	SSL_CTX_set_verify_depth(t->ctx, CHAIN_DEPTH);
	return t;
}

/* Sessions of the console must not open the terminals' line: each kind has a context of its own. */
static bool set_server_sessions(struct sk_tls *t, const char *kind)
{
	(void)SSL_CTX_set_options(t->ctx, SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION);
	(void)SSL_CTX_set_session_cache_mode(t->ctx, SSL_SESS_CACHE_SERVER);
	return SSL_CTX_set_num_tickets(t->ctx, 1) == 1 &&
	       SSL_CTX_set_session_id_context(t->ctx, (const unsigned char *)kind, (unsigned int)strlen(kind)) == 1;
}

static int use_identity(struct sk_tls *t, const char *chain_pem, const char *key_pem, struct sk_err *err)
{
	STACK_OF(X509) *chain = sk_pem_read_certs(chain_pem, strlen(chain_pem));
	EVP_PKEY *key = sk_pem_read_key(key_pem, strlen(key_pem));
	int r = 0;

	if (chain == NULL || key == NULL)
		r = sk_err_set(err, -EINVAL, "TLS: own %s cannot be read", chain == NULL ? "certificate" : "key");
	else if (SSL_CTX_use_certificate(t->ctx, sk_X509_value(chain, 0)) != 1 ||
	         SSL_CTX_use_PrivateKey(t->ctx, key) != 1 || SSL_CTX_check_private_key(t->ctx) != 1)
		r = openssl_fault(err, "own certificate and key");
	for (int i = 1; r == 0 && i < sk_X509_num(chain); i++)
		if (SSL_CTX_add1_chain_cert(t->ctx, sk_X509_value(chain, i)) != 1)
			r = openssl_fault(err, "own certificate chain");
	sk_X509_pop_free(chain, X509_free);
	EVP_PKEY_free(key);
	return r;
}

static int trust_only(struct sk_tls *t, const char *ca_pem, struct sk_err *err)
{
	STACK_OF(X509) *cas = sk_pem_read_certs(ca_pem, strlen(ca_pem));
	X509_STORE *store = SSL_CTX_get_cert_store(t->ctx);
	int r = 0;

	if (cas == NULL)
		r = sk_err_set(err, -EINVAL, "TLS: CA certificate cannot be read");
	for (int i = 0; r == 0 && i < sk_X509_num(cas); i++)
		if (X509_check_ca(sk_X509_value(cas, i)) != 1)
			r = sk_err_set(err, -EINVAL, "TLS: certificate %d among the CAs is none", i + 1);
		else if (X509_STORE_add_cert(store, sk_X509_value(cas, i)) != 1)
			r = openssl_fault(err, "CA certificate");
	sk_X509_pop_free(cas, X509_free);
	return r;
}

static int set_purpose(struct sk_tls *t, int purpose, struct sk_err *err)
{
	return SSL_CTX_set_purpose(t->ctx, purpose) == 1 ? 0 : openssl_fault(err, "purpose");
}

/* Hands t over when r is 0, else frees it. */
static int finish(struct sk_tls *t, int r, struct sk_tls **out)
{
	if (r < 0)
		sk_tls_free(t);
	else
		*out = t;
	return r;
}

int sk_tls_server_mutual(const char *cert_chain_pem, const char *key_pem, const char *ca_pem, struct sk_tls **out,
                         struct sk_err *err)
{
	struct sk_tls *t = new_context(true);
	int r;

	if (t == NULL || !set_server_sessions(t, "sekimori-terminals"))
		return finish(t, openssl_fault(err, "no context"), out);
	SSL_CTX_set_verify(t->ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
	r = use_identity(t, cert_chain_pem, key_pem, err);
	if (r == 0)
		r = trust_only(t, ca_pem, err);
	if (r == 0)
		r = set_purpose(t, X509_PURPOSE_SSL_CLIENT, err);
	return finish(t, r, out);
}

int sk_tls_server_public(const char *cert_chain_pem, const char *key_pem, struct sk_tls **out, struct sk_err *err)
{
	struct sk_tls *t = new_context(true);

	if (t == NULL || !set_server_sessions(t, "sekimori-public"))
		return finish(t, openssl_fault(err, "no context"), out);
	return finish(t, use_identity(t, cert_chain_pem, key_pem, err), out);
}

/* The result stays with the connection; sk_tls_peer goes by it. */
static int note_result(int ok, X509_STORE_CTX *store)
{
	(void)ok;
	(void)store;
	return 1;
}

int sk_tls_server_cards(struct sk_tls *t, const char *ca_pem, struct sk_err *err)
{
	STACK_OF(X509) *cas = sk_pem_read_certs(ca_pem, strlen(ca_pem));
	int r = trust_only(t, ca_pem, err);

	if (r == 0)
		r = set_purpose(t, X509_PURPOSE_SSL_CLIENT, err);
	for (int i = 0; r == 0 && i < sk_X509_num(cas); i++) { /* so that browsers offer fitting cards only */
		if (SSL_CTX_add_client_CA(t->ctx, sk_X509_value(cas, i)) != 1)
			r = openssl_fault(err, "CA of cards");
	}
	if (r == 0)
		SSL_CTX_set_verify(t->ctx, SSL_VERIFY_PEER, note_result);
	sk_X509_pop_free(cas, X509_free);
	return r;
}

int sk_tls_server_renewed(struct sk_tls *t, const char *cert_chain_pem, const char *key_pem, struct sk_err *err)
{
	struct sk_tls *trial = t->server ? new_context(true) : NULL;
	int r;

	if (trial == NULL)
		return openssl_fault(err, "no context");
	r = use_identity(trial, cert_chain_pem, key_pem, err); /* whether it is whole shows beside the one in use */
	sk_tls_free(trial);
	if (r == 0 && SSL_CTX_clear_chain_certs(t->ctx) != 1)
		r = openssl_fault(err, "own certificate chain");
	return r < 0 ? r : use_identity(t, cert_chain_pem, key_pem, err);
}

/* The name this connection must prove, as OpenSSL holds it. */
static bool name_of(SSL *ssl, char *out, size_t size)
{
	X509_VERIFY_PARAM *param = SSL_get0_param(ssl);
	char *address;
	const char *name;
	bool good;

	/* Asking for an address that is not there leaves an error, which would end the SSL_read we are called from. */
	(void)ERR_set_mark();
	address = X509_VERIFY_PARAM_get1_ip_asc(param);
	name = address != NULL ? address : X509_VERIFY_PARAM_get0_host(param, 0);
	(void)ERR_pop_to_mark();
	good = name != NULL && strlen(name) < size;
	if (good)
		sk_text_copy(out, size, name);
	OPENSSL_free(address);
	return good;
}

static int keep_session(SSL *ssl, SSL_SESSION *session)
{
	struct sk_tls *t = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));
	char name[sizeof(t->session_name)];

	if (t == NULL || !name_of(ssl, name, sizeof(name)))
		return 0;
	SSL_SESSION_free(t->session);
	t->session = session;
	memcpy(t->session_name, name, sizeof(name));
	return 1; /* the reference is ours now */
}

/* A resumed session skips the check of the name, so it is offered to the name that proved itself and to no other. Once only. */
static void offer_session(struct sk_tls *t, SSL *ssl)
{
	char name[sizeof(t->session_name)];

	if (t->session == NULL || !name_of(ssl, name, sizeof(name)) || strcmp(name, t->session_name) != 0)
		return;
	(void)SSL_set_session(ssl, t->session);
	SSL_SESSION_free(t->session);
	t->session = NULL;
}

int sk_tls_client_mutual(const char *ca_pem, const char *cert_pem, const char *key_pem, struct sk_tls **out,
                         struct sk_err *err)
{
	struct sk_tls *t = new_context(false);
	int r;

	if (t == NULL)
		return openssl_fault(err, "no context");
	SSL_CTX_set_verify(t->ctx, SSL_VERIFY_PEER, NULL);
	(void)SSL_CTX_set_session_cache_mode(t->ctx, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
	SSL_CTX_sess_set_new_cb(t->ctx, keep_session);
	r = use_identity(t, cert_pem, key_pem, err);
	if (r == 0)
		r = trust_only(t, ca_pem, err);
	if (r == 0)
		r = set_purpose(t, X509_PURPOSE_SSL_SERVER, err);
	return finish(t, r, out);
}

static bool has_pin(const struct sk_tls *t, const X509 *cert)
{
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned int len = 0;

	return t != NULL && t->pinned && cert != NULL && X509_digest(cert, EVP_sha256(), digest, &len) == 1 &&
	       len == SK_SHA256_LEN && sk_equal_ct(digest, t->pin, SK_SHA256_LEN);
}

/*
 * The store of a pinned client is empty, so a good chain fails in one way only: it ends in a self-signed root nobody vouched for.
 * The pin vouches. Every other fault (signatures, dates, name, purpose) stays a fault; OpenSSL goes on to check them.
 */
static int check_pin(int ok, X509_STORE_CTX *store)
{
	SSL *ssl = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx());
	const struct sk_tls *t = ssl != NULL ? SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl)) : NULL;
	int fault = X509_STORE_CTX_get_error(store), depth = X509_STORE_CTX_get_error_depth(store);
	const STACK_OF(X509) *chain = X509_STORE_CTX_get0_chain(store);

	if (ok)
		return 1;
	if (fault != X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN && fault != X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT)
		return 0;
	if (depth != sk_X509_num(chain) - 1 || !has_pin(t, sk_X509_value(chain, depth)))
		return 0;
	X509_STORE_CTX_set_error(store, X509_V_OK);
	return 1;
}

int sk_tls_client_pinned(const char *root_sha256_hex, struct sk_tls **out, struct sk_err *err)
{
	struct sk_tls *t;
	uint8_t pin[SK_SHA256_LEN];

	if (sk_unhex(root_sha256_hex, pin, sizeof(pin)) < 0)
		return sk_err_set(err, -EINVAL, "TLS: the fingerprint must be 64 lower-case hexadecimal digits");
	t = new_context(false);
	if (t == NULL)
		return openssl_fault(err, "no context");
	t->pinned = true;
	memcpy(t->pin, pin, sizeof(pin));
	SSL_CTX_set_verify(t->ctx, SSL_VERIFY_PEER, check_pin);
	(void)SSL_CTX_set_session_cache_mode(t->ctx, SSL_SESS_CACHE_OFF);
	return finish(t, set_purpose(t, X509_PURPOSE_SSL_SERVER, err), out);
}

/* What happens when a connection is freed; hangs on its SSL. */
struct ending {
	void (*cb)(void *arg, bool shaken); /* may be NULL */
	void *arg;
};

static int ending_index = -1;
static pthread_once_t ending_once = PTHREAD_ONCE_INIT;

/*
 * Runs inside SSL_free, before OpenSSL looks whether the connection was closed with a farewell. libevent frees it without one, and
 * OpenSSL would then forget its session, a rule that TLS gave up with version 1.1: no terminal would ever resume.
 */
static void end_connection(void *ssl, void *item, CRYPTO_EX_DATA *ad, int index, long argl, void *argp)
{
	struct ending *end = item;
	uint8_t finished[1];

	(void)ad;
	(void)index;
	(void)argl;
	(void)argp;
	if (end == NULL) /* not one of ours */
		return;
	SSL_set_shutdown(ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
	if (end->cb != NULL)
		/* Not SSL_is_init_finished: a peer that hung up without a farewell puts that back to "not". */
		end->cb(end->arg, SSL_get_peer_finished(ssl, finished, sizeof(finished)) > 0);
	free(end);
}

static void make_ending_index(void)
{
	ending_index = SSL_get_ex_new_index(0, NULL, NULL, NULL, end_connection);
}

static bool add_ending(SSL *ssl)
{
	struct ending *end;

	if (pthread_once(&ending_once, make_ending_index) != 0 || ending_index < 0)
		return false;
	end = calloc(1, sizeof(*end));
	if (end != NULL && SSL_set_ex_data(ssl, ending_index, end) == 1)
		return true;
	free(end);
	return false;
}

int sk_tls_on_free(struct bufferevent *bev, void (*cb)(void *arg, bool shaken), void *arg)
{
	SSL *ssl = bev != NULL ? bufferevent_openssl_get_ssl(bev) : NULL;
	struct ending *end = ssl != NULL && ending_index >= 0 ? SSL_get_ex_data(ssl, ending_index) : NULL;

	if (end == NULL || end->cb != NULL)
		return -EINVAL;
	*end = (struct ending){cb, arg};
	return 0;
}

/* Takes ssl over. libevent's versions differ in whether they free it when they fail: the spare reference makes a double free a leak. */
static struct bufferevent *wrap(struct event_base *base, int fd, SSL *ssl, enum bufferevent_ssl_state state)
{
	struct bufferevent *bev;

	if (!add_ending(ssl) || SSL_up_ref(ssl) != 1) {
		SSL_free(ssl);
		return NULL;
	}
	bev = bufferevent_openssl_socket_new(base, fd, ssl, state, BEV_OPT_CLOSE_ON_FREE);
	SSL_free(ssl);
	/* HTTP knows its lengths; peers that close without a farewell are many. */
	if (bev != NULL)
		bufferevent_openssl_set_allow_dirty_shutdown(bev, 1);
	return bev;
}

struct bufferevent *sk_tls_accept(struct sk_tls *t, struct event_base *base, int fd)
{
	SSL *ssl = t->server ? SSL_new(t->ctx) : NULL;

	return ssl != NULL ? wrap(base, fd, ssl, BUFFEREVENT_SSL_ACCEPTING) : NULL;
}

static bool expect_name(SSL *ssl, const char *name)
{
	X509_VERIFY_PARAM *param = SSL_get0_param(ssl);
	unsigned char address[16];

	if (inet_pton(AF_INET, name, address) == 1 || inet_pton(AF_INET6, name, address) == 1)
		return X509_VERIFY_PARAM_set1_ip_asc(param, name) == 1;
	/* An empty name would switch the check off. */
	if (!sk_text_is_host(name))
		return false;
	X509_VERIFY_PARAM_set_hostflags(param,
	                                X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS | X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
	return X509_VERIFY_PARAM_set1_host(param, name, 0) == 1 && SSL_set_tlsext_host_name(ssl, name) == 1;
}

struct bufferevent *sk_tls_connect(struct sk_tls *t, struct event_base *base, const char *server_name)
{
	SSL *ssl = t->server || server_name == NULL ? NULL : SSL_new(t->ctx);

	if (ssl == NULL)
		return NULL;
	if (!expect_name(ssl, server_name)) {
		SSL_free(ssl);
		ERR_clear_error();
		return NULL;
	}
	offer_session(t, ssl);
	return wrap(base, -1, ssl, BUFFEREVENT_SSL_CONNECTING);
}

/* --- what comes before the handshake: a filter under the connection's reading side, that keeps it back --- */

struct prefix {
	int (*take)(void *arg, const uint8_t *data, size_t have);
	void *arg;
	bool over;
	size_t have;
	uint8_t data[SK_TLS_PREFIX_MAX];
};

static BIO_METHOD *prefix_method;
static pthread_once_t prefix_once = PTHREAD_ONCE_INIT;

/* 1 = TLS begins, else what the read gave. */
static int prefix_fill(BIO *b, struct prefix *p)
{
	while (!p->over) {
		int want = p->take(p->arg, p->data, p->have), n;

		if (want == 0) {
			p->over = true;
			break;
		}
		if (want < 0 || (size_t)want > sizeof(p->data) || (size_t)want <= p->have)
			return -1;
		n = BIO_read(BIO_next(b), p->data + p->have, (int)((size_t)want - p->have));
		if (n <= 0) {
			BIO_copy_next_retry(b);
			return n;
		}
		p->have += (size_t)n;
	}
	return 1;
}

static int prefix_read(BIO *b, char *out, int size)
{
	struct prefix *p = BIO_get_data(b);
	int n;

	BIO_clear_retry_flags(b);
	if (p != NULL) {
		n = prefix_fill(b, p);
		if (n <= 0)
			return n;
		free(p);
		BIO_set_data(b, NULL);
	}
	n = BIO_read(BIO_next(b), out, size);
	BIO_copy_next_retry(b);
	return n;
}

static long prefix_ctrl(BIO *b, int cmd, long number, void *arg)
{
	return BIO_next(b) == NULL || cmd == BIO_CTRL_DUP ? 0 : BIO_ctrl(BIO_next(b), cmd, number, arg);
}

static int prefix_free(BIO *b)
{
	free(BIO_get_data(b));
	return 1;
}

static void make_prefix_method(void)
{
	BIO_METHOD *m = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_FILTER, "prefix");

	if (m != NULL && BIO_meth_set_read(m, prefix_read) == 1 && BIO_meth_set_ctrl(m, prefix_ctrl) == 1 &&
	    BIO_meth_set_destroy(m, prefix_free) == 1)
		prefix_method = m;
	else
		BIO_meth_free(m);
}

int sk_tls_prefix(struct bufferevent *bev, int (*take)(void *arg, const uint8_t *data, size_t have), void *arg)
{
	SSL *ssl = bev != NULL ? bufferevent_openssl_get_ssl(bev) : NULL;
	BIO *raw = ssl != NULL ? SSL_get_rbio(ssl) : NULL, *filter;
	struct prefix *p;

	if (raw == NULL)
		return -ENOTCONN;
	if (pthread_once(&prefix_once, make_prefix_method) != 0 || prefix_method == NULL)
		return -ENOMEM;
	p = calloc(1, sizeof(*p));
	filter = p == NULL ? NULL : BIO_new(prefix_method);
	if (filter == NULL || BIO_up_ref(raw) != 1) {
		BIO_free(filter);
		free(p);
		return -ENOMEM;
	}
	p->take = take;
	p->arg = arg;
	BIO_set_data(filter, p);
	BIO_set_init(filter, 1);
	SSL_set0_rbio(ssl, BIO_push(filter, raw));
	return 0;
}

static SSL *open_ssl(struct bufferevent *bev)
{
	SSL *ssl = bev != NULL ? bufferevent_openssl_get_ssl(bev) : NULL;

	return ssl != NULL && SSL_is_init_finished(ssl) ? ssl : NULL;
}

int sk_tls_peer(struct bufferevent *bev, struct sk_tls_peer *out)
{
	struct sk_tls_peer peer = {0};
	struct sk_x509_info info;
	SSL *ssl = open_ssl(bev);
	X509 *cert = ssl != NULL ? SSL_get0_peer_certificate(ssl) : NULL;

	if (ssl == NULL)
		return -ENOTCONN;
	if (cert != NULL) {
		/* A connection or a resumed session can outlive the certificate it began with. */
		if (SSL_get_verify_result(ssl) != X509_V_OK || sk_x509_info_of(cert, &info) < 0 ||
		    info.until < sk_clock_wall())
			return -ENOTCONN;
		peer.present = true;
		memcpy(peer.fingerprint, info.fingerprint, sizeof(peer.fingerprint));
		memcpy(peer.device, info.device, sizeof(peer.device));
	}
	*out = peer;
	return 0;
}

int sk_tls_peer_root(struct bufferevent *bev, struct sk_buf *out_pem)
{
	SSL *ssl = open_ssl(bev);
	const STACK_OF(X509) *chain = ssl != NULL ? SSL_get0_verified_chain(ssl) : NULL;
	int n = chain != NULL ? sk_X509_num(chain) : 0;

	if (n <= 0 || !has_pin(SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl)), sk_X509_value(chain, n - 1)))
		return -ENOTCONN;
	return sk_pem_write_cert(out_pem, sk_X509_value(chain, n - 1));
}

void sk_tls_error(struct bufferevent *bev, struct sk_err *err)
{
	SSL *ssl = bev != NULL ? bufferevent_openssl_get_ssl(bev) : NULL;
	long verdict = ssl != NULL ? SSL_get_verify_result(ssl) : X509_V_OK;
	const char *why = NULL;
	unsigned long code;

	while (bev != NULL && (code = bufferevent_get_openssl_error(bev)) != 0)
		if (why == NULL)
			why = ERR_reason_error_string(code);
	if (verdict != X509_V_OK)
		(void)sk_err_set(err, 0, "certificate refused: %s", X509_verify_cert_error_string(verdict));
	else if (why != NULL)
		(void)sk_err_set(err, 0, "TLS: %s", why);
	else if (errno != 0 && errno != EAGAIN && errno != EINPROGRESS)
		(void)sk_err_set(err, 0, "connection: %s", strerror(errno));
	else
		(void)sk_err_set(err, 0, "connection closed");
}
