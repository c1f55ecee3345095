/* What needs neither a certificate nor a login: enrolment by token, and whether the server lives. */
#include <errno.h>
#include <string.h>

#include "common/hash.h"
#include "common/log.h"
#include "server/ca.h"
#include "server/http.h"
#include "server/limiter.h"
#include "server/message.h"
#include "server/metrics.h"

static void reply_enrolled(struct sk_request *r, const char *device, const char *certificate, sk_ms now)
{
	const struct sk_server *s = r->server;

	sk_reply_json(r, 200,
	              json_pack("{s:s,s:s,s:s,s:s,s:s,s:I}", "device_id", device, "certificate", certificate, "ca",
	                        sk_ca_cert(s->ca), "verify_key", sk_ca_verify_key(s->ca), "agents_url", s->agents_url,
	                        "server_time", (json_int_t)now));
}

static const char *const codes[] = {"", "token-unknown", "token-used", "token-expired", "token-other-host"};
static const char *const texts[] = {"", "this token is not known; check it, or ask for a new one",
                                    "this token was used before; ask for a new one and report it if it was not you",
                                    "this token has ended; ask for a new one",
                                    "this token was made for another terminal"};

/* Certificate first, then the token: when the store says yes, all that is left is the answer. */
static void enrol(struct sk_request *r, const struct sk_msg_enrol *m)
{
	struct sk_server *s = r->server;
	char device[SK_UUID_LEN], token[SK_SHA256_HEX];
	struct sk_err err = SK_ERR_INIT;
	struct sk_x509_info info;
	sk_ms now = sk_clock_wall();
	struct sk_buf pem;
	int rc;

	sk_buf_init(&pem, 16384);
	sk_sha256_hex(m->token, strlen(m->token), token);
	rc = sk_uuid(device);
	if (rc == 0)
		rc = sk_ca_issue(s->ca, m->csr, strlen(m->csr), device, now, s->config->cert_days, &pem, &info, &err);
	if (rc == -EINVAL) {
		sk_reply_error(r, 400, "invalid", err.text);
	} else {
		if (rc == 0)
			rc = sk_store_enrol(s->store, token, m->host, m->asset, device, info.fingerprint, info.until,
			                    now, &err);
		if (rc == SK_TOKEN_OK) {
			sk_log(SK_LOG_NOTICE, "enrolled %s as %s from %s", m->host, device, r->remote);
			sk_limiter_success(s->enrol_limiter, r->remote);
			s->stats->enrolled++;
			reply_enrolled(r, device, pem.data, now);
		} else if (rc > 0) {
			sk_log(SK_LOG_WARNING, "enrolment of %s from %s refused: %s", m->host, r->remote, codes[rc]);
			sk_reply_error(r, 403, codes[rc], texts[rc]);
		} else {
			sk_log(SK_LOG_ERR, "enrolment of %s not stored: %s", m->host,
			       err.text[0] != '\0' ? err.text : strerror(-rc));
			sk_limiter_success(s->enrol_limiter, r->remote);
			sk_reply_error(r, 503, "busy", "the enrolment cannot be stored; try again later");
		}
	}
	sk_buf_deinit(&pem);
}

static void post_enroll(struct sk_request *r)
{
	struct sk_msg_enrol m;
	struct sk_err err = SK_ERR_INIT;

	if (!sk_limiter_attempt(r->server->enrol_limiter, r->remote, sk_clock_boot())) {
		sk_reply_header(r, "Retry-After", "600");
		sk_reply_error(r, 429, "too-many", "too many attempts from this address; wait ten minutes");
		return;
	}
	if (sk_msg_enrol(r->body, r->body_len, &m, &err) < 0) {
		sk_reply_error(r, 400, "invalid", err.text);
		return;
	}
	enrol(r, &m);
	sk_msg_enrol_clear(&m);
}

static void get_health(struct sk_request *r)
{
	sk_reply_bytes(r, 200, "text/plain", "ok\n", 3);
}

static void get_ready(struct sk_request *r)
{
	int rc = sk_store_ready(r->server->store);

	if (r->server->draining) {
		sk_reply_bytes(r, 503, "text/plain", "draining\n", 9);
		return;
	}
	if (rc < 0)
		sk_log(SK_LOG_ERR, "not ready: store: %s", strerror(-rc));
	if (rc < 0)
		sk_reply_bytes(r, 503, "text/plain", "store\n", 6);
	else
		sk_reply_bytes(r, 200, "text/plain", "ok\n", 3);
}

static void get_metrics(struct sk_request *r)
{
	struct sk_buf text;

	/* How many terminals there are and how they stand is not for everybody who reaches the port. */
	if (strncmp(r->remote, "127.", 4) != 0 && strcmp(r->remote, "::1") != 0 &&
	    strncmp(r->remote, "::ffff:127.", 11) != 0) {
		sk_reply_error(r, 404, "not-found", "there is nothing at this address");
		return;
	}
	sk_buf_init(&text, 256 * 1024);
	if (sk_metrics_text(r->server, sk_clock_wall(), &text) < 0)
		sk_reply_error(r, 503, "busy", "the store cannot be read");
	else
		sk_reply_bytes(r, 200, "text/plain; version=0.0.4", text.data, text.len);
	sk_buf_deinit(&text);
}

const struct sk_route sk_public_routes[] = {
    {EVHTTP_REQ_POST, "/v1/enroll", SK_MSG_ENROL_BODY, post_enroll},
    {EVHTTP_REQ_GET, "/healthz", 0, get_health},
    {EVHTTP_REQ_GET, "/readyz", 0, get_ready},
    {EVHTTP_REQ_GET, "/metrics", 0, get_metrics},
    {EVHTTP_REQ_GET, "/v1/lists/*", 0, sk_api_lists},
    {0, NULL, 0, NULL},
};
