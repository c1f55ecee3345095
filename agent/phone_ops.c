/* phone.start and phone.answer for whoever sits at the terminal. */
#include "agent/phone_ops.h"

#include <errno.h>
#include <string.h>

#include "agent/office.h"
#include "agent/phone.h"
#include "agent/requests.h"
#include "agent/tell.h"
#include "common/json.h"
#include "common/log.h"
#include "common/phone.h"
#include "common/text.h"

static sk_ms hook_now(void *ctx)
{
	return sk_daemon_now(ctx);
}

static sk_ms hook_boot(void *ctx)
{
	(void)ctx;
	return sk_clock_boot();
}

static int hook_get(void *ctx, const char *name, struct sk_buf *out)
{
	return sk_journal_meta_get(((struct sk_daemon *)ctx)->journal, name, out);
}

static int hook_set(void *ctx, const char *name, const char *value)
{
	return sk_journal_meta_set(((struct sk_daemon *)ctx)->journal, name, value);
}

/* Durable now, or it does not count: an event that only waits in memory is as good as lost when the plug is pulled. */
static int hook_record(void *ctx, const char *kind, const json_t *body)
{
	struct sk_daemon *d = ctx;
	int r = sk_journal_retry(d->journal, sk_daemon_now(d));

	return r < 0 ? r : sk_daemon_record(d, kind, body);
}

int sk_phone_attach(struct sk_daemon *d)
{
	const struct sk_phone_hooks hooks = {
	    .ctx = d, .now = hook_now, .boot = hook_boot, .get = hook_get, .set = hook_set, .record = hook_record};

	return sk_phone_new(&hooks, &d->phone);
}

const struct sk_grants *sk_phone_in_force(struct sk_daemon *d)
{
	sk_ms now = sk_daemon_now(d);
	struct sk_holder_info info;

	sk_holder_info(d->holder, &info);
	return sk_phone_grants(d->phone, sk_holder_grants(d->holder, now), info.grants_version, now);
}

void sk_phone_bundle(struct sk_daemon *d, const json_t *body)
{
	if (d->phone)
		sk_phone_take_key(d->phone, d->trust.device, json_object_get(body, "phone"));
}

static json_t *refuse(int r, const struct sk_err *err)
{
	const char *code = r == -EBUSY || r == -ENOKEY ? "busy"
	                   : r == -ENOENT              ? "not-found"
	                   : r == -EINVAL              ? "invalid"
	                                               : "failed";

	return sk_answer_error(r == -EPERM ? "denied" : code, "%s", err->text[0] ? err->text : strerror(-r));
}

json_t *sk_phone_op_start(struct sk_daemon *d, const struct sk_peer *peer, const json_t *q)
{
	char person[64], challenge[SK_PHONE_TEXT];
	struct sk_err err = SK_ERR_INIT;
	json_t *device = NULL, *a;
	const char *name = NULL;
	bool isolation = false;
	int r = sk_json_bool_opt(q, "isolation", &isolation, &err);

	if (r == 0 && isolation && sk_office_isolation(d) == SK_ISOLATION_NONE)
		r = sk_err_set(&err, -EINVAL, "this terminal is not cut off from the network");
	if (r == 0 && !isolation)
		r = sk_json_str(q, "device", 1, 64, &name, &err);
	if (r == 0 && !d->phone)
		r = -ENOKEY;
	if (r == 0 && sk_login_name(peer->uid, person, sizeof person) < 0)
		r = sk_err_set(&err, -EPERM, "uid %u has no login name", peer->uid);
	if (r == 0 && isolation)
		r = sk_phone_start_isolation(d->phone, peer->uid, person, challenge, &err);
	else if (r == 0)
		r = sk_request_device(d, name, &device, &err);
	if (r == 0 && !isolation)
		r = sk_phone_start(d->phone, peer->uid, person, device, challenge, &err);
	a = r < 0 ? refuse(r, &err)
	          : json_pack("{s:b, s:s, s:i, s:s, s:s, s:O?}", "ok", 1, "challenge", challenge, "minutes",
	                      SK_PHONE_MINUTES, "person", person, "host_id", d->trust.device, "product",
	                      json_object_get(device, "product"));
	json_decref(device);
	return a;
}

json_t *sk_phone_op_answer(struct sk_daemon *d, const struct sk_peer *peer, const json_t *q)
{
	const struct sk_grant *g = NULL;
	struct sk_err err = SK_ERR_INIT;
	const char *text;
	json_t *a;
	int r = sk_json_str(q, "answer", 1, 255, &text, &err);

	if (r == 0)
		r = d->phone ? sk_phone_answer(d->phone, peer->uid, text, &g, &err) : SK_PHONE_DEAD;
	if (r < 0)
		return refuse(r, &err);
	a = json_pack("{s:b, s:s}", "ok", 1, "result", sk_phone_result_name(r));
	if (r == SK_PHONE_OK && sk_phone_asked(d->phone) == SK_PHONE_ISOLATION && sk_office_lift(d) < 0) {
		json_decref(a);
		return sk_answer_error("failed",
		                       "the code is right, but the cut-off cannot be ended now; call the helpdesk");
	}
	if (a && g) {
		json_object_set_new(a, "until", json_integer(g->until));
		json_object_set_new(a, "access", json_string(sk_access_name(g->access)));
		sk_log(SK_LOG_NOTICE, "a medium was permitted by telephone for %s", g->person);
		sk_daemon_in_force(d);
	}
	return a;
}
