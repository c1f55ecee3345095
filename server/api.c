/*
 * Terminals' listener. A request's certificate was verified by TLS; here its fingerprint is looked up again on every request, because
 * connections and resumed sessions outlive a revocation. A terminal writes under the id the store has for that fingerprint and no other.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "common/text.h"
#include "server/batch.h"
#include "server/ca.h"
#include "server/http.h"
#include "server/limiter.h"
#include "server/message.h"
#include "server/metrics.h"
#include "server/orders.h"
#include "server/overload.h"
#include "server/rates.h"

#define WAIT_MAX 55

static void put_off(struct sk_request *r, int code, const char *error, int seconds, const char *text)
{
	char value[16];

	snprintf(value, sizeof(value), "%d", seconds);
	sk_reply_header(r, "Retry-After", value);
	sk_reply_error(r, code, error, text);
}

/* Not more of one terminal than its share, and of all together no more than the server can do. Answered and false when it has to wait. */
static bool in_time(struct sk_request *r, enum sk_work what)
{
	const struct sk_server *s = r->server;
	sk_ms wait =
	    sk_rates_take(s->terminal_rates, r->peer.fingerprint, sizeof(r->peer.fingerprint) - 1, sk_clock_boot());
	uint32_t random = 0;
	int seconds;

	if (wait > 0) {
		s->stats->limited++;
		put_off(r, 429, "too-many", (int)((wait + 999) / 1000), "too many requests of this terminal");
		return false;
	}
	if (s->overload == NULL || sk_random(&random, sizeof(random)) < 0 ||
	    (seconds = sk_overload_wait(s->overload, what, random)) == 0)
		return true;
	put_off(r, 503, "busy", seconds, "the server is busy; try again later");
	return false;
}

/* The terminal that asks; answered and false when it may not. What exactly was wrong is for the log, not for the asker. */
static bool admit(struct sk_request *r, struct sk_terminal *t)
{
	int rc = sk_store_terminal_by_cert(r->server->store, r->peer.fingerprint, t);

	if (rc == 0 && strcmp(t->id, r->peer.device) != 0)
		rc = -EACCES;
	if (rc == 0) {
		sk_store_contact(r->server->store, t->id, sk_clock_wall());
		return true;
	}
	if (rc != -ENOENT && rc != -EACCES) {
		sk_reply_error(r, 503, "busy", "the store cannot be read; try again later");
		return false;
	}
	sk_log(SK_LOG_WARNING, "refused: certificate %.16s.. of device \"%s\" from %s: %s", r->peer.fingerprint,
	       r->peer.device, r->remote, rc == -ENOENT ? "not in force" : "revoked or of another device");
	sk_reply_error(r, 403, "refused", "this terminal is not admitted");
	return false;
}

static void reply_invalid(struct sk_request *r, int rc, const struct sk_err *err)
{
	if (rc == -ENOMEM)
		sk_reply_error(r, 503, "busy", "out of memory; try again later");
	else
		sk_reply_error(r, 400, "invalid", err->text);
}

static void store_events(struct sk_request *r, const struct sk_terminal *t, const struct sk_event *events, size_t n)
{
	static const char *const codes[] = {"", "chain-gap", "chain-fork", "chain-forged"};
	struct sk_err err = SK_ERR_INIT;
	enum sk_chain_result chain = SK_CHAIN_OK;
	struct sk_batch *b = r->server->batch;
	int64_t acked = 0;
	int rc = sk_batch_join(b);

	if (rc == 0)
		rc = sk_store_events_put(r->server->store, t->id, events, n, sk_clock_wall(), &acked, &chain, &err);
	if (rc < 0) {
		sk_log(SK_LOG_ERR, "events of %s not stored: %s", t->id,
		       err.text[0] != '\0' ? err.text : strerror(-rc));
		sk_reply_error(r, 503, "busy", "the store cannot be written; try again later");
		return;
	}
	r->server->stats->events += n;
	for (size_t i = 0; i < n; i++)
		if (strcmp(events[i].kind, "grant.phone") == 0) /* its key is used up: the next one goes out now */
			sk_orders_wake(r->server->orders, t->id);
	if (chain == SK_CHAIN_OK) {
		sk_batch_reply(b, r, 200, json_pack("{s:I}", "acked", (json_int_t)acked));
		return;
	}
	sk_log(SK_LOG_WARNING, "events of %s (%s): %s after record %lld", t->host, t->id, codes[chain],
	       (long long)acked);
	sk_batch_reply(b, r, 409,
	               json_pack("{s:s,s:s,s:I}", "error", codes[chain], "text",
	                         "the records do not continue what is stored", "acked", (json_int_t)acked));
}

static void post_events(struct sk_request *r)
{
	struct sk_err err = SK_ERR_INIT;
	struct sk_event *events = NULL;
	struct sk_terminal t;
	size_t n = 0;
	int rc;

	if (!in_time(r, SK_WORK_EVENTS) || !admit(r, &t))
		return;
	rc = sk_msg_events(r->body, r->body_len, &events, &n, &err);
	if (rc < 0) {
		reply_invalid(r, rc, &err);
		return;
	}
	store_events(r, &t, events, n);
	sk_msg_events_free(events, n);
}

static void post_report(struct sk_request *r)
{
	struct sk_err err = SK_ERR_INIT;
	sk_ms now = sk_clock_wall();
	json_t *report = NULL;
	struct sk_terminal t;
	int rc;

	if (!in_time(r, SK_WORK_REPORT) || !admit(r, &t))
		return;
	rc = sk_msg_report(r->body, r->body_len, &report, &err);
	if (rc < 0) {
		reply_invalid(r, rc, &err);
		return;
	}
	rc = sk_batch_join(r->server->batch);
	if (rc == 0)
		rc = sk_store_report_put(r->server->store, t.id, report, now, &err);
	json_decref(report);
	if (rc < 0) {
		sk_log(SK_LOG_ERR, "report of %s not stored: %s", t.id, err.text[0] != '\0' ? err.text : strerror(-rc));
		sk_reply_error(r, 503, "busy", "the store cannot be written; try again later");
		return;
	}
	r->server->stats->reports++;
	sk_batch_reply(r->server->batch, r, 200, json_pack("{s:I}", "server_time", (json_int_t)now));
}

static bool query_number(const struct sk_request *r, const char *name, long long max, long long *out)
{
	const char *text = sk_request_query(r, name);

	*out = 0;
	return text == NULL || sk_text_i64(text, 0, max, out) == 0;
}

static void get_orders(struct sk_request *r)
{
	long long policy, grants, wait;
	struct sk_terminal t;

	if (!in_time(r, SK_WORK_ORDERS) || !admit(r, &t))
		return;
	if (!query_number(r, "policy", SK_VERSION_MAX, &policy) ||
	    !query_number(r, "grants", SK_VERSION_MAX, &grants) || !query_number(r, "wait", WAIT_MAX, &wait)) {
		sk_reply_error(r, 400, "invalid",
		               "policy, grants and wait must be numbers: versions below 2^53, wait at most 55");
		return;
	}
	sk_orders_wait(r->server->orders, r, t.id, policy, grants, (int)wait);
}

static void post_renew(struct sk_request *r)
{
	struct sk_err err = SK_ERR_INIT;
	struct sk_x509_info info;
	sk_ms now = sk_clock_wall();
	struct sk_terminal t;
	json_t *doc = NULL;
	const char *csr;
	struct sk_buf pem;
	int rc;

	if (!in_time(r, SK_WORK_ORDERS) || !admit(r, &t))
		return;
	if (!sk_limiter_attempt(r->server->renew_limiter, t.id, sk_clock_boot())) {
		sk_reply_header(r, "Retry-After", "3600");
		sk_reply_error(r, 429, "too-many", "too many renewals of this terminal; wait an hour");
		return;
	}
	rc = sk_msg_renew(r->body, r->body_len, &doc, &csr, &err);
	sk_buf_init(&pem, 16384);
	if (rc == 0)
		rc = sk_ca_issue(r->server->ca, csr, strlen(csr), t.id, now, r->server->config->cert_days, &pem, &info,
		                 &err);
	json_decref(doc);
	if (rc < 0) {
		reply_invalid(r, rc, &err);
	} else if ((rc = sk_store_terminal_renewed(r->server->store, t.id, t.fingerprint, info.fingerprint, info.until,
	                                           now)) < 0) {
		sk_log(SK_LOG_ERR, "renewal of %s not stored: %s", t.id, strerror(-rc));
		sk_reply_error(r, 503, "busy", "the store cannot be written; try again later");
	} else {
		sk_reply_json(r, 200, json_pack("{s:s}", "certificate", pem.data));
	}
	sk_buf_deinit(&pem);
}

const struct sk_route sk_api_batched_routes[] = {
    {EVHTTP_REQ_POST, "/v1/events", SK_MSG_EVENTS_BODY, post_events},
    {EVHTTP_REQ_POST, "/v1/report", SK_MSG_REPORT_BODY, post_report},
    {0, NULL, 0, NULL},
};

const struct sk_route sk_api_routes[] = {
    {EVHTTP_REQ_GET, "/v1/orders", 0, get_orders},
    {EVHTTP_REQ_POST, "/v1/renew", SK_MSG_ENROL_BODY, post_renew},
    {0, NULL, 0, NULL},
};
