/*
 * The run of an enrolment: key first (a full disk must show before the token is spent), then one request to the pinned server, then
 * the files, whose last rename is the switch. Whatever fails, the new slot is wiped and what was in force stays.
 */
#include <errno.h>
#include <event2/event.h>
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

#include "agent/enrol.h"
#include "agent/uplink_line.h"
#include "common/json.h"
#include "common/x509.h"

/* The server chooses the device id; of the request it takes the key alone. */
#define NO_DEVICE "00000000-0000-0000-0000-000000000000"

struct run {
	const struct sk_enrol_options *o;
	struct sk_token token;
	struct sk_url url;
	struct sk_buf key;
	int slot;
	char *body;
	struct event_base *base;
	struct sk_enrolment got;
	enum sk_enrol_result result;
	struct sk_err *err;
};

static void on_answer(void *arg, const struct sk_http_answer *a)
{
	struct run *r = arg;

	r->result = sk_enrol_read(a, &r->token, r->key.data, sk_clock_wall(), &r->got, r->err);
	(void)event_base_loopbreak(r->base);
}

static enum sk_enrol_result prepare(struct run *r)
{
	struct sk_identity old = {.slot = 0};
	struct sk_err ignored;
	int e;

	if (sk_token_parse(r->o->token, &r->token) < 0)
		return sk_err_set(r->err, SK_ENROL_TOKEN_MALFORMED, "the token is not of the form SK1-...-...");
	if (sk_url_parse(r->o->server, &r->url, r->err) < 0)
		return SK_ENROL_SERVER_MALFORMED;
	e = sk_identity_load(r->o->state, &old, &ignored);
	sk_identity_clear(&old);
	if (e == 0 && !r->o->again)
		return sk_err_set(r->err, SK_ENROL_ALREADY, "%s holds an identity", r->o->state);
	r->slot = sk_identity_free_slot(r->o->state);
	return SK_ENROL_OK;
}

static enum sk_enrol_result make_request(struct run *r)
{
	struct sk_buf csr;
	json_t *doc = NULL;

	sk_buf_init(&csr, 16 * 1024);
	if (sk_x509_key_generate(&r->key) == 0 && sk_x509_csr(r->key.data, NO_DEVICE, &csr, r->err) == 0)
		doc = json_pack("{s:s,s:s,s:s,s:s}", "token", r->token.text, "host", r->o->host, "asset",
		                r->o->asset ? r->o->asset : "", "csr", csr.data);
	r->body = doc ? sk_json_text(doc) : NULL;
	json_decref(doc);
	sk_buf_deinit(&csr);
	if (!r->body)
		return sk_err_prefix(r->err, SK_ENROL_INTERNAL, "the key or the request could not be made");
	if (sk_identity_store_key(r->o->state, r->slot, r->key.data, r->err) < 0)
		return SK_ENROL_STATE;
	return SK_ENROL_OK;
}

static enum sk_enrol_result ask(struct run *r)
{
	struct sk_uplink_request q = {"POST", "/v1/enroll", r->body, strlen(r->body), r->o->deadline};
	struct sk_tls *tls = NULL;
	struct sk_line *line = NULL;

	r->result = SK_ENROL_INTERNAL;
	r->base = event_base_new();
	if (r->base && sk_tls_client_pinned(r->token.root, &tls, r->err) == 0 &&
	    sk_line_new(r->base, &r->url, tls, 0, on_answer, r, &line) == 0 && sk_line_request(line, &q, r->err) == 0)
		(void)event_base_dispatch(r->base);
	sk_line_free(line);
	sk_tls_free(tls);
	if (r->base)
		event_base_free(r->base);
	return r->result;
}

static enum sk_enrol_result keep(struct run *r, json_t **out)
{
	struct sk_identity *id = &r->got.id;
	json_t *j = json_pack("{s:s,s:s,s:s,s:s}", "device_id", id->device, "verify_key", r->got.verify_key, "server",
	                      id->server.text, "ca", id->ca);

	id->slot = r->slot;
	id->key = sk_buf_steal(&r->key);
	if (!j || !id->key) {
		json_decref(j);
		return sk_err_set(r->err, SK_ENROL_INTERNAL, "out of memory");
	}
	if (sk_identity_store(r->o->state, id, r->err) < 0) {
		json_decref(j);
		return SK_ENROL_STATE;
	}
	*out = j;
	return SK_ENROL_OK;
}

enum sk_enrol_result sk_enrol_run(const struct sk_enrol_options *o, json_t **out, struct sk_err *err)
{
	struct run r = {.o = o, .err = err};
	enum sk_enrol_result result;

	sk_buf_init(&r.key, 16 * 1024);
	result = prepare(&r);
	if (result == SK_ENROL_OK) {
		result = make_request(&r);
		if (result == SK_ENROL_OK)
			result = ask(&r);
		if (result == SK_ENROL_OK)
			result = keep(&r, out);
		if (result != SK_ENROL_OK)
			sk_identity_wipe(o->state, r.slot);
	}
	if (r.key.data)
		OPENSSL_cleanse(r.key.data, r.key.len);
	sk_buf_deinit(&r.key);
	if (r.body) { /* it holds the token */
		OPENSSL_cleanse(r.body, strlen(r.body));
		free(r.body);
	}
	sk_enrolment_clear(&r.got);
	return result;
}
