/* The parts of it, and their hooks into sekimorid. */
#include "agent/office.h"

#include <errno.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>

#include "agent/gate_system.h"
#include "agent/office_impl.h"
#include "policy/networks.h"
#include "agent/screen.h"
#include "agent/tell.h"
#include "common/log.h"

#define UPLINK_USER "sekimori-uplink"
#define NFT         "/usr/sbin/nft"
#define USERMOD     "/usr/sbin/usermod"

static sk_ms now(void *ctx)
{
	return sk_daemon_now(((struct sk_office *)ctx)->d);
}

static int get(void *ctx, const char *name, struct sk_buf *out)
{
	return sk_journal_meta_get(((struct sk_office *)ctx)->d->journal, name, out);
}

static int set(void *ctx, const char *name, const char *value)
{
	return sk_journal_meta_set(((struct sk_office *)ctx)->d->journal, name, value);
}

/* Durable now, or it does not count. */
static int record(void *ctx, const char *kind, const json_t *body)
{
	struct sk_daemon *d = ((struct sk_office *)ctx)->d;
	int r = sk_journal_retry(d->journal, sk_daemon_now(d));

	return r < 0 ? r : sk_daemon_record(d, kind, body);
}

static void isolation_record(void *ctx, const char *kind, json_t *body)
{
	struct sk_daemon *d = ((struct sk_office *)ctx)->d;

	if (body)
		sk_tell(d, NULL, kind, body);
	sk_daemon_record_new(d, kind, body);
}

static uid_t uplink(void *ctx)
{
	struct passwd pw, *found = NULL;
	char buf[2048];

	(void)ctx;
	return getpwnam_r(UPLINK_USER, &pw, buf, sizeof buf, &found) == 0 && found ? pw.pw_uid : (uid_t)-1;
}

int sk_office_start(struct sk_daemon *d)
{
	struct sk_office *o = calloc(1, sizeof *o);
	const struct sk_order_hooks orders = {
	    .ctx = o, .now = now, .get = get, .set = set, .record = record, .carry_out = sk_office_carry_out};
	const struct sk_isolation_hooks isolation = {
	    .ctx = o, .uplink = uplink, .record = isolation_record, .nft = NFT};
	const struct sk_netguard_hooks guard = {
	    .ctx = o, .uplink = uplink, .record = isolation_record, .nft = NFT, .dir = d->config.state};
	const struct sk_suspend_hooks suspend = {
	    .ctx = o, .get = get, .set = set, .expiry = sk_suspend_expiry, .usermod = USERMOD};
	int r;

	if (!o)
		return -ENOMEM;
	o->d = d;
	d->office = o;
	r = sk_order_queue_new(d->loop, &orders, &o->queue);
	if (r == 0)
		r = sk_isolation_new(d->loop, d->config.state, &isolation, &o->isolation);
	if (r == 0)
		r = sk_suspend_new(d->loop, &suspend, &o->suspend);
	if (r == 0)
		r = sk_netguard_new(d->loop, &guard, &o->netguard);
	sk_office_load_read(o);
	return r;
}

struct sk_office *sk_office_free(struct sk_office *o)
{
	if (!o)
		return NULL;
	o->queue = sk_order_queue_free(o->queue);
	o->isolation = sk_isolation_free(o->isolation);
	o->suspend = sk_suspend_free(o->suspend);
	o->netguard = sk_netguard_free(o->netguard);
	o->timer = sd_event_source_disable_unref(o->timer);
	o->off = sd_event_source_disable_unref(o->off);
	sk_child_cancel(o->scan);
	sk_child_cancel(o->eraser);
	json_decref(o->read);
	free(o);
	return NULL;
}

void sk_office_bundle(struct sk_daemon *d, const json_t *body)
{
	struct sk_err err = SK_ERR_INIT;

	if (!d->office)
		return;
	if (sk_order_queue_take(d->office->queue, body, &err) < 0) {
		sk_log(SK_LOG_ERR, "orders are not taken: %s", err.text);
		sk_daemon_record_new(d, "orders.refused", json_pack("{s:s}", "error", err.text));
	}
	sk_office_take_notices(d->office, body);
}

void sk_office_tend(struct sk_daemon *d)
{
	if (!d->office)
		return;
	sk_isolation_look(d->office->isolation);
	sk_order_queue_retry(d->office->queue);
}

void sk_office_networks(struct sk_daemon *d, const struct sk_check *check, const json_t *facts)
{
	const struct sk_check_set *set = sk_check_set_of(&sk_holder_policy(d->holder)->checks, check);

	if (d->office)
		sk_netguard_set(d->office->netguard, sk_networks_refused(set, facts));
}

bool sk_office_suspended(const struct sk_daemon *d, const char *person)
{
	return d->office && sk_suspend_is(d->office->suspend, person);
}

enum sk_isolation_mode sk_office_isolation(const struct sk_daemon *d)
{
	return d->office ? sk_isolation_mode(d->office->isolation) : SK_ISOLATION_NONE;
}

int sk_office_lift(struct sk_daemon *d)
{
	return d->office ? sk_isolation_set(d->office->isolation, SK_ISOLATION_NONE, "phone", NULL, NULL) : -ENOENT;
}
