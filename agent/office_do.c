/* What each order does. Every one of them may be begun twice without harm. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "agent/gate_system.h"
#include "agent/office_impl.h"
#include "agent/screen.h"
#include "common/log.h"

#define CUT_US   2000000ULL /* so that what was recorded goes up before a full cut */
#define OFF_US   20000000ULL /* the same before the power goes */
#define SCAN_MS  (24 * 3600 * 1000ULL)
#define ERASE_MS 60000
#define SCANNER  SK_LIBEXEC "/sekimori-full-scan"
#define CRYPT    SK_LIBEXEC "/sekimori-crypt"

static void over(struct sk_office *o, bool done, const char *detail)
{
	sk_order_finished(o->queue, done, detail);
}

static void on_done(void *arg, bool ok, const char *why)
{
	over(arg, ok, why);
}

static void failed(struct sk_office *o, int r)
{
	over(o, false, r == -EPERM ? "an account of the system is not suspended" : strerror(-r));
}

/* --- a full scan --- */

static void on_scan(void *arg, int status, const char *output, size_t len)
{
	struct sk_office *o = arg;
	const char *result = status == 0 ? "clean" : status == 1 ? "infected" : "failed";

	(void)output;
	(void)len;
	o->scan = NULL;
	sk_daemon_record_new(o->d, "scan.full",
	                     json_pack("{s:s, s:s, s:i, s:I}", "state", "ended", "result", result, "status", status,
	                               "seconds", (json_int_t)((sk_daemon_now(o->d) - o->scan_began) / 1000)));
}

static void scan(struct sk_office *o)
{
	static const char *const argv[] = {"/usr/bin/nice", "-n", "19", "/usr/bin/ionice", "-c", "3", SCANNER, NULL};

	if (o->scan) {
		over(o, true, "one is under way");
		return;
	}
	if (sk_child_start(o->d->loop, argv, SCAN_MS, on_scan, o, &o->scan) < 0) {
		over(o, false, "the scanner cannot be started");
		return;
	}
	o->scan_began = sk_daemon_now(o->d);
	sk_daemon_record_new(o->d, "scan.full", json_pack("{s:s}", "state", "begun"));
	over(o, true, "begun");
}

/* --- the network --- */

static void isolate(struct sk_office *o, enum sk_isolation_mode m)
{
	int r = sk_isolation_set(o->isolation, m, "order", on_done, o);

	if (r < 0)
		failed(o, r);
}

static int on_cut(sd_event_source *s, uint64_t usec, void *arg)
{
	struct sk_office *o = arg;

	(void)s;
	(void)usec;
	o->timer = sd_event_source_disable_unref(o->timer);
	isolate(o, SK_ISOLATION_FULL);
	return 0;
}

static void cut_off(struct sk_office *o, bool management)
{
	if (management)
		isolate(o, SK_ISOLATION_MANAGEMENT);
	else if (sd_event_add_time_relative(o->d->loop, &o->timer, CLOCK_MONOTONIC, CUT_US, 100000, on_cut, o) < 0)
		isolate(o, SK_ISOLATION_FULL);
}

/* --- a person --- */

static void on_suspended(void *arg, bool ok, const char *why)
{
	struct sk_office *o = arg;

	over(o, ok, why);
	sk_screen_changed(o->d->screen);
}

static void suspend(struct sk_office *o, const char *person, bool on)
{
	int r = sk_suspend_set(o->suspend, person, on, on_suspended, o);

	if (r < 0)
		failed(o, r);
	sk_screen_changed(o->d->screen); /* the sessions do not wait for the account */
}

/* --- the disks' keys --- */

static void erase_next(struct sk_office *o);

static void on_switched_off(void *arg, int status, const char *output, size_t len)
{
	(void)arg;
	(void)output;
	(void)len;
	if (status != 0)
		sk_log(SK_LOG_ERR, "the terminal cannot be switched off: status %d", status);
}

static int on_off(sd_event_source *s, uint64_t usec, void *arg)
{
	static const char *const argv[] = {"/usr/bin/systemctl", "poweroff", NULL};
	struct sk_office *o = arg;
	struct sk_child *child;

	(void)s;
	(void)usec;
	if (sk_child_start(o->d->loop, argv, ERASE_MS, on_switched_off, NULL, &child) < 0)
		sk_log(SK_LOG_ERR, "the terminal cannot be switched off");
	return 0;
}

static void erased_all(struct sk_office *o)
{
	char detail[96];

	snprintf(detail, sizeof detail, "keys of %d of %d disks destroyed", o->erased, o->n_disks);
	over(o, o->erased == o->n_disks && o->n_disks > 0, o->n_disks > 0 ? detail : "no encrypted disk is open here");
	if (o->poweroff && o->erased > 0)
		(void)sd_event_add_time_relative(o->d->loop, &o->off, CLOCK_MONOTONIC, OFF_US, 1000000, on_off, o);
}

static void on_erased(void *arg, int status, const char *output, size_t len)
{
	struct sk_office *o = arg;
	const struct sk_luks_disk *disk = &o->disks[o->at_disk];

	o->eraser = NULL;
	if (status == 0)
		o->erased++;
	else
		sk_log(SK_LOG_ERR, "keys of %s are not destroyed: %.*s", disk->node, (int)len, output);
	sk_daemon_record_new(o->d, "disk.erased",
	                     json_pack("{s:s, s:s, s:s, s:b}", "node", disk->node, "dev", disk->dev, "mapping",
	                               disk->mapping, "done", status == 0));
	o->at_disk++;
	erase_next(o);
}

static void erase_next(struct sk_office *o)
{
	while (o->at_disk < o->n_disks) {
		const struct sk_luks_disk *disk = &o->disks[o->at_disk];
		const char *argv[] = {CRYPT, "erase", disk->node, disk->dev, NULL};

		if (sk_child_start(o->d->loop, argv, ERASE_MS, on_erased, o, &o->eraser) == 0)
			return;
		o->at_disk++;
	}
	erased_all(o);
}

static void erase(struct sk_office *o, bool poweroff)
{
	int n = sk_luks_open_disks(o->d->config.sysfs, o->disks, SK_ERASE_MAX);

	o->n_disks = n < 0 ? 0 : n;
	o->at_disk = o->erased = 0;
	o->poweroff = poweroff;
	erase_next(o);
}

/* --- which --- */

void sk_office_carry_out(void *ctx, const struct sk_order *order)
{
	struct sk_office *o = ctx;
	char detail[64];

	switch (order->kind) {
	case SK_ORDER_CHECK:
		over(o, o->d->posture && sk_posture_run(o->d->posture, NULL, true, 0) == 0, "");
		break;
	case SK_ORDER_LOCK:
		snprintf(detail, sizeof detail, "%d sessions", sk_screen_lock_all(o->d->screen, "order"));
		over(o, true, detail);
		break;
	case SK_ORDER_SCAN:
		scan(o);
		break;
	case SK_ORDER_ISOLATE:
		cut_off(o, order->management);
		break;
	case SK_ORDER_RELEASE:
		isolate(o, SK_ISOLATION_NONE);
		break;
	case SK_ORDER_SUSPEND:
	case SK_ORDER_RESUME:
		suspend(o, order->person, order->kind == SK_ORDER_SUSPEND);
		break;
	case SK_ORDER_ERASE:
		erase(o, order->poweroff);
		break;
	default:
		over(o, false, "unknown");
	}
}
