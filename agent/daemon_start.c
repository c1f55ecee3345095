/*
 * sekimorid's start and end, and what it does now and then. Order at the start: the kernel's default deny, then the files (journal with
 * the last time seen, trust, policy), then the gate, which decides what is attached; the sockets come last. Nothing in a file can keep
 * the deny from being set.
 */
#include "agent/daemon.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "agent/control.h"
#include "agent/daemon_screen.h"
#include "agent/gate_impl.h"
#include "agent/inventory_record.h"
#include "agent/journal_spool.h"
#include "agent/office.h"
#include "agent/media_erase.h"
#include "agent/phone.h"
#include "agent/phone_ops.h"
#include "agent/seal_key.h"
#include "agent/requests.h"
#include "agent/screen.h"
#include "agent/tamper.h"
#include "agent/tell.h"
#include "agent/uplink_socket.h"
#include "common/file.h"
#include "common/log.h"
#include "common/text.h"
#include "platform/netwatch.h"
#include "platform/controllers.h"

#define TEND_S 600 /* stored time, clock, journal */

/* --- the gate's hooks --- */

static const struct sk_policy *gate_policy(void *ctx)
{
	return sk_holder_policy(((struct sk_daemon *)ctx)->holder);
}

static const struct sk_grants *gate_grants(void *ctx)
{
	return sk_phone_in_force(ctx);
}

/* ---- how often a grant has opened something: beside the record, so that it survives whatever the record survives ---- */

static void uses_key(const char *grant, char key[64])
{
	snprintf(key, 64, "grant-uses.%s", grant);
}

static int gate_used(void *ctx, const char *grant)
{
	char key[64];
	long long used = 0;
	struct sk_buf b;
	int r;

	uses_key(grant, key);
	sk_buf_init(&b, 32);
	r = sk_journal_meta_get(((struct sk_daemon *)ctx)->journal, key, &b);
	if (r == 0)
		r = sk_text_i64(b.data, 0, SK_GRANT_USES_MAX, &used);
	sk_buf_deinit(&b);
	return r == -ENOENT ? 0 : r < 0 ? r : (int)used;
}

static int gate_use(void *ctx, const char *grant)
{
	char key[64], value[16];
	int used = gate_used(ctx, grant);

	if (used < 0)
		return used;
	uses_key(grant, key);
	snprintf(value, sizeof value, "%d", used + 1);
	return sk_journal_meta_set(((struct sk_daemon *)ctx)->journal, key, value);
}

static sk_ms gate_now(void *ctx)
{
	return sk_daemon_now(ctx);
}

static int gate_record(void *ctx, const char *kind, const json_t *body)
{
	struct sk_daemon *d = ctx;

	if (strcmp(kind, "device.removed") == 0)
		sk_screen_device_removed(d->screen, body);
	return sk_daemon_record(d, kind, body);
}

static void gate_notify(void *ctx, const char *kind, const json_t *body)
{
	struct sk_daemon *d = ctx;

	sk_tell(d, NULL, kind, body);
}

static int gate_unseal(void *ctx, const char *ledger, const char *sealed, uint8_t out[SK_SEAL_KEY])
{
	struct sk_daemon *d = ctx;

	return sk_seal_key_open(d->config.state, d->trust.device, ledger, sealed, out);
}

/* --- the holder's hooks --- */

static void holder_record(void *ctx, const char *kind, json_t *body)
{
	sk_daemon_record_new(ctx, kind, body);
}

static void holder_answered(void *ctx, const json_t *body)
{
	sk_request_answers(ctx, body);
}

static void holder_grants(void *ctx, const json_t *body)
{
	sk_phone_bundle(ctx, body);
	sk_screen_permits(((struct sk_daemon *)ctx)->screen, body);
	sk_office_bundle(ctx, body);
}

static sk_ms holder_issued(void *ctx, sk_ms issued, bool take)
{
	struct sk_daemon *d = ctx;
	sk_ms before = sk_daemon_now(d);
	sk_ms now = sk_clock_corrected(&d->clock, sk_clock_wall(), sk_clock_boot(), issued, take);

	if (!take || now >= before)
		return now;
	sk_log(SK_LOG_WARNING, "the clock had run %lld s ahead; it is right again by what the server signed",
	       (long long)((before - now) / 1000));
	sk_daemon_record_new(
	    d, "clock.corrected",
	    json_pack("{s:I, s:I}", "ahead_ms", (json_int_t)(before - now), "issued", (json_int_t)issued));
	(void)sk_journal_touch(d->journal, sk_daemon_now(d)); /* or the next start would bring the old floor back */
	return now;
}

/* --- the checks' hooks --- */

static const struct sk_check_params *check_params(void *ctx)
{
	return &sk_holder_policy(((struct sk_daemon *)ctx)->holder)->checks;
}

static long long check_since(void *ctx, const struct sk_check *check)
{
	char key[80];
	struct sk_buf b;
	long long since = 0;

	snprintf(key, sizeof key, "check-since.%s", check->id);
	sk_buf_init(&b, 64);
	if (sk_journal_meta_get(((struct sk_daemon *)ctx)->journal, key, &b) < 0 ||
	    sk_text_i64(b.data, 0, LLONG_MAX, &since) < 0)
		since = 0;
	sk_buf_deinit(&b);
	return since;
}

static void keep_since(struct sk_daemon *d, const struct sk_check *check, const json_t *result)
{
	long long since = (long long)json_integer_value(json_object_get(result, "since"));
	char key[80], text[32];

	if (since == check_since(d, check))
		return;
	snprintf(key, sizeof key, "check-since.%s", check->id);
	snprintf(text, sizeof text, "%lld", since);
	(void)sk_journal_meta_set(d->journal, key, text);
}

/* The state before is kept in the journal's file, so that a restart is no change. */
/* 6.4(2)エ: media with current antivirus only. Where the check does not apply nobody asks for it. */
static bool media_may_be_used(const char *state)
{
	enum sk_state s;

	return state && sk_state_parse(state, &s) == 0 && s <= SK_STATE_EXEMPT;
}

static void check_result(void *ctx, const struct sk_check *check, const json_t *result)
{
	const char *state = json_string_value(json_object_get(result, "state"));
	struct sk_daemon *d = ctx;
	struct sk_buf before;
	char key[64] = "check.";

	keep_since(d, check, result);
	if (d->gate && strcmp(check->id, "antivirus") == 0)
		sk_gate_antivirus(d->gate, media_may_be_used(state));
	if (strcmp(check->id, "networks") == 0)
		sk_office_networks(d, check, json_object_get(result, "evidence"));
	sk_text_copy(key + 6, sizeof key - 6, check->id);
	sk_buf_init(&before, 64);
	(void)sk_journal_meta_get(d->journal, key, &before);
	if (!before.len)
		(void)sk_buf_adds(&before, "unknown"); /* never judged yet */
	if (state && strcmp(state, before.data) != 0) {
		sk_daemon_record_new(d, "check.changed",
		                     json_pack("{s:s, s:s, s:s, s:s, s:O?}", "id", check->id, "clause", check->clause,
		                               "from", before.data, "to", state, "detail",
		                               json_object_get(result, "detail")));
		(void)sk_journal_meta_set(d->journal, key, state);
	}
	sk_buf_deinit(&before);
	sk_uplink_face_wake(d->uplink, true);
}

static int check_changed(void *ctx, const struct sk_check *check, const json_t *change)
{
	return sk_inventory_record(ctx, check, change);
}

static void check_answer(void *ctx, uint64_t client, json_t *checks)
{
	struct sk_daemon *d = ctx;

	sk_socket_answer(d->control, client, json_pack("{s:b, s:o}", "ok", 1, "checks", checks));
}

static void check_enforced(void *ctx, const char *id, const char *error)
{
	if (!error) {
		sk_log(SK_LOG_NOTICE, "%s: its settings are written again", id);
		return;
	}
	sk_log(SK_LOG_ERR, "%s: its settings could not be written: %s", id, error);
	sk_daemon_record_new(ctx, "enforcement.failed", json_pack("{s:s, s:s}", "check", id, "why", error));
}

/* --- now and then --- */

static void prune(struct sk_daemon *d, sk_ms now)
{
	int n;

	if (!d->config.keep_s)
		return;
	n = sk_spool_prune(d->journal, now - d->config.keep_s * 1000, 500);
	if (n < 0)
		sk_log(SK_LOG_WARNING, "journal: old records could not be removed: %s", strerror(-n));
}

static int on_tend(sd_event_source *s, uint64_t usec, void *arg)
{
	struct sk_daemon *d = arg;
	sk_ms now = sk_daemon_now(d);

	(void)usec;
	(void)sk_journal_touch(d->journal, now);
	prune(d, now);
	sk_office_tend(d);
	sk_tamper_tend(d);
	if (sd_event_source_set_time_relative(s, TEND_S * 1000000ULL) >= 0)
		sd_event_source_set_enabled(s, SD_EVENT_ONESHOT);
	return 0;
}

static int arm_clock(int fd)
{
	const struct itimerspec never = {.it_value.tv_sec = (time_t)1 << 40};

	return timerfd_settime(fd, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &never, NULL) < 0 ? -errno : 0;
}

/* Somebody set the clock: noticed at once, without looking at it now and then. */
static int on_clock(sd_event_source *s, int fd, uint32_t revents, void *arg)
{
	struct sk_daemon *d = arg;
	uint64_t n;

	(void)s;
	(void)revents;
	if (read(fd, &n, sizeof n) < 0 && errno != ECANCELED && errno != EAGAIN)
		sk_log(SK_LOG_WARNING, "clock: %s", strerror(errno));
	(void)arm_clock(fd);
	(void)sk_daemon_now(d);
	sk_daemon_arm_expiry(d);
	if (d->gate) /* forward: grants begin and end */
		sk_gate_reconsider(d->gate);
	return 0;
}

static int watch_clock(struct sk_daemon *d)
{
	int fd = timerfd_create(CLOCK_REALTIME, TFD_NONBLOCK | TFD_CLOEXEC), r;

	if (fd < 0)
		return -errno;
	r = arm_clock(fd);
	if (r == 0)
		r = sd_event_add_io(d->loop, &d->sources[SK_SOURCE_OF_CLOCK], fd, EPOLLIN, on_clock, d);
	if (r < 0)
		close(fd);
	else
		sd_event_source_set_io_fd_own(d->sources[SK_SOURCE_OF_CLOCK], 1);
	return r < 0 ? r : 0;
}

/* --- start and stop --- */

static int open_files(struct sk_daemon *d, struct sk_err *err)
{
	const struct sk_holder_hooks hooks = {.ctx = d,
	                                      .record = holder_record,
	                                      .answered = holder_answered,
	                                      .grants = holder_grants,
	                                      .issued = holder_issued};
	struct sk_err e = SK_ERR_INIT;
	struct sk_journal_options jo = {
	    .dir = d->config.state, .device = d->trust.device, .spool_max = d->config.spool_max};
	int r;

	if (sk_mkdir_p(d->config.state, 0700) < 0)
		sk_log(SK_LOG_ERR, "%s cannot be made: %s", d->config.state, strerror(errno));
	r = sk_trust_load(d->config.state, &d->trust, &e);
	if (r < 0 && r != -ENOENT)
		sk_log(SK_LOG_ERR, "%s", e.text);
	r = sk_journal_new(&jo, &d->journal);
	if (r == 0)
		r = sk_holder_new(d->config.state, d->config.policy, &hooks, &d->holder);
	if (r < 0)
		return sk_err_set(err, r, "no memory");
	d->journal_state = SK_JOURNAL_OK;
	r = sk_journal_open(d->journal, sk_clock_wall(), &e);
	if (r < 0)
		sk_daemon_arm_retry(d);
	if (r < 0)
		sk_log(SK_LOG_ERR, "%s; events wait in memory", e.text);
	sk_clock_trusted_init(&d->clock, sk_journal_last_time(d->journal), sk_clock_wall(), sk_clock_boot());
	d->started = sk_daemon_now(d);
	if (sk_tamper_start(d) < 0 || sk_phone_attach(d) < 0 || sk_daemon_screen_start(d) < 0 || sk_office_start(d) < 0)
		return sk_err_set(err, -ENOMEM, "no memory");
	if (sk_holder_load(d->holder, &d->trust, d->started, &e) < 0)
		sk_log(SK_LOG_ERR, "policy: %s; %s policy is in force", e.text,
		       sk_policy_source_name(sk_holder_source(d->holder)));
	return 0;
}

static int start_gate(struct sk_daemon *d, struct sk_err *err)
{
	const struct sk_gate_hooks hooks = {.ctx = d,
	                                    .policy = gate_policy,
	                                    .grants = gate_grants,
	                                    .now = gate_now,
	                                    .record = gate_record,
	                                    .notify = gate_notify,
	                                    .used = gate_used,
	                                    .use = gate_use,
	                                    .unseal = gate_unseal};
	struct sk_system sys = sk_system_real(d->config.sysfs);
	int r = d->config.sysfs[0] ? sk_gate_new_on(d->loop, &hooks, &sys, &d->gate)
	                           : sk_gate_new(d->loop, &hooks, &d->gate, err);

	if (r == 0)
		r = sk_gate_start(d->gate, err);
	sk_holder_settle(d->holder);
	return r;
}

/* Connected to something else: at once, not hours later. */
static void network_changed(void *ctx)
{
	struct sk_daemon *d = ctx;

	(void)sk_posture_run_now(d->posture, "networks");
	(void)sk_posture_run_now(d->posture, "wireless");
}

static void put_screen_back(void *ctx)
{
	sk_posture_enforce_now(((struct sk_daemon *)ctx)->posture);
}

static void put_start_back(void *ctx)
{
	sk_tamper_put_back(ctx);
}

static int start_posture(struct sk_daemon *d)
{
	const struct sk_posture_hooks hooks = {.ctx = d,
	                                       .params = check_params,
	                                       .now = gate_now,
	                                       .since = check_since,
	                                       .changed = check_changed,
	                                       .result = check_result,
	                                       .answer = check_answer,
	                                       .enforced = check_enforced,
	                                       .wrote = sk_daemon_settings_written,
	                                       .permit = sk_daemon_permit};
	const struct sk_posture_options o = {
	    .probe = d->config.probe, .every_s = d->config.check_every_s, .first_s = 20};

	const struct sk_posture_events_options events = {.root = ""};
	const struct sk_owned_options owned = {
	    .root = "", .ctx = d, .screen = put_screen_back, .start = put_start_back};
	int r = sk_posture_new(d->loop, &o, &hooks, &d->posture), watch;

	if (r < 0 ||
	    d->config.sysfs[0]) /* with a sysfs of a test's making this machine's own files are not the terminal's */
		return r;
	watch = sk_netwatch_new(d->loop, network_changed, d, &d->netwatch);
	if (watch < 0)
		sk_log(SK_LOG_WARNING, "changes of the network are not noticed at once: %s", strerror(-watch));
	watch = sk_owned_new(d->loop, &owned, &d->owned);
	if (watch < 0)
		sk_log(SK_LOG_WARNING, "changed settings are put back at intervals only: %s", strerror(-watch));
	return sk_posture_events_new(d->loop, d->posture, &events, &d->posture_events);
}

static void record_start(struct sk_daemon *d)
{
	const struct sk_policy *p = sk_holder_policy(d->holder);
	char boot[64] = "";

	if (sk_file_attr("/proc/sys/kernel/random/boot_id", boot, sizeof boot) < 0)
		boot[0] = '\0';

	sk_daemon_record_new(d, "daemon.started",
	                     json_pack("{s:s, s:s, s:s, s:s, s:I, s:s, s:s?}", "version", SK_VERSION, "boot_id", boot,
	                               "program", sk_tamper_program(d), "policy", p->name, "policy_version",
	                               (json_int_t)p->version, "source",
	                               sk_policy_source_name(sk_holder_source(d->holder)), "config_problem",
	                               d->config.problem[0] ? d->config.problem : NULL));
}

int sk_daemon_start(struct sk_daemon *d, struct sk_err *err)
{
	int r = sk_controllers_shut(d->config.sysfs);

	if (r < 0)
		sk_log(SK_LOG_ERR, "default deny could not be set on every controller: %s", strerror(-r));
	r = sk_notices_init(&d->notices, d->config.language);
	if (r == 0)
		r = sk_tell_start(d);
	if (r == 0)
		r = open_files(d, err);
	if (r < 0)
		return err && err->text[0] ? r : sk_err_set(err, r, "no memory");
	record_start(d);
	sk_seal_key_publish(d);
	sk_media_erase_recover(d);
	r = start_gate(d, err);
	if (r < 0)
		return r;
	r = sd_event_add_time_relative(d->loop, &d->sources[SK_SOURCE_OF_TEND], CLOCK_BOOTTIME, 60 * 1000000ULL,
	                               30 * 1000000ULL, on_tend, d);
	if (r >= 0)
		r = watch_clock(d);
	if (r >= 0)
		r = start_posture(d);
	if (r >= 0)
		sk_daemon_arm_expiry(d);
	if (r >= 0)
		sk_tamper_tend(d);
	return r < 0 ? sk_err_set(err, r, "event loop: %s", strerror(-r)) : 0;
}

int sk_daemon_sockets(struct sk_daemon *d, struct sk_err *err)
{
	char path[SK_PATH_MAX + 32];
	int r = sk_mkdir_p(d->config.run, 0755);

	if (r < 0)
		return sk_err_set(err, r, "%s: %s", d->config.run, strerror(-r));
	/* Made under a strict umask, but everybody must reach control.sock. */
	if (chmod(d->config.run, 0755) < 0)
		return sk_err_set(err, -errno, "%s: %s", d->config.run, strerror(errno));
	snprintf(path, sizeof path, "%s/control.sock", d->config.run);
	r = sk_control_listen(d, path, err);
	if (r < 0)
		return r;
	r = sk_uplink_face_new(d, &d->uplink);
	if (r < 0)
		return sk_err_set(err, r, "no memory");
	snprintf(path, sizeof path, "%s/uplink.sock", d->config.run);
	return sk_uplink_face_listen(d->uplink, path, err);
}

void sk_daemon_stop(struct sk_daemon *d)
{
	if (d->journal && d->holder) {
		sk_daemon_record_new(d, "daemon.stopped", json_pack("{s:s}", "version", SK_VERSION));
		(void)sk_journal_touch(d->journal, sk_daemon_now(d));
	}
	sk_control_stop(d);
	d->control = sk_socket_close(d->control);
	d->uplink = sk_uplink_face_free(d->uplink);
	d->owned = sk_owned_free(d->owned);
	d->posture_events = sk_posture_events_free(d->posture_events);
	d->netwatch = sk_netwatch_free(d->netwatch);
	d->posture = sk_posture_free(d->posture);
	d->gate = sk_gate_free(d->gate);
	d->office = sk_office_free(d->office);
	d->screen = sk_screen_free(d->screen);
	d->expiry = sd_event_source_disable_unref(d->expiry);
	for (size_t i = 0; i < SK_DAEMON_SOURCES; i++)
		d->sources[i] = sd_event_source_disable_unref(d->sources[i]);
	d->holder = sk_holder_free(d->holder);
	d->phone = sk_phone_free(d->phone);
	sk_tamper_stop(d);
	d->journal = sk_journal_free(d->journal);
	sk_trust_clear(&d->trust);
	sk_notices_deinit(&d->notices);
	sk_tell_stop(d);
}
