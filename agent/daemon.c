/*
 * What the parts of sekimorid have in common: the time, the record, and what happens when policy, grants or enrolment change.
 */
#include "agent/daemon.h"

#include <errno.h>
#include <string.h>

#include "agent/office.h"
#include "agent/screen.h"
#include "agent/seal_key.h"
#include "agent/uplink_socket.h"
#include "common/log.h"
#include "common/text.h"

#define RETRY_S        20 /* while events wait in memory */
#define TURNED_BACK_MS 5000 /* less is a clock being set right */

/* --- time --- */

static void note_turned_back(struct sk_daemon *d, sk_ms now)
{
	bool back = d->turned_back_ms >= TURNED_BACK_MS;

	if (back == d->turned_back)
		return;
	d->turned_back = back; /* before the record: it asks for the time again */
	if (!back)
		return;
	sk_log(SK_LOG_WARNING, "the clock was turned back by %lld ms; grants end when they would have ended",
	       (long long)d->turned_back_ms);
	sk_daemon_record_new(d, "clock.turned-back",
	                     json_pack("{s:I, s:I}", "behind_ms", (json_int_t)d->turned_back_ms, "wall",
	                               (json_int_t)(now - d->turned_back_ms)));
}

/* The loop reads both clocks whenever it wakes; what is done in one go has one time. Outside of the loop they are read here. */
static sk_ms clock_of(struct sk_daemon *d, clockid_t id)
{
	uint64_t usec;

	if (d->loop && sd_event_now(d->loop, id, &usec) == 0)
		return (sk_ms)(usec / 1000);
	return id == CLOCK_REALTIME ? sk_clock_wall() : sk_clock_boot();
}

sk_ms sk_daemon_now(struct sk_daemon *d)
{
	sk_ms now =
	    sk_clock_trusted(&d->clock, clock_of(d, CLOCK_REALTIME), clock_of(d, CLOCK_BOOTTIME), &d->turned_back_ms);

	note_turned_back(d, now);
	return now;
}

/* --- the record --- */

static void tell_journal_state(struct sk_daemon *d)
{
	struct sk_journal_info i;

	sk_journal_info(d->journal, &i);
	if (i.state == d->journal_state)
		return;
	d->journal_state = i.state;
	sk_uplink_face_wake(d->uplink, true);
	if (i.state == SK_JOURNAL_OK)
		sk_log(SK_LOG_NOTICE, "journal: everything is recorded again");
	else if (i.state == SK_JOURNAL_SPOOL)
		sk_log(SK_LOG_ERR,
		       "journal: %lld bytes wait for the server; informational events are left out and counted",
		       (long long)i.unacked_bytes);
	else
		sk_log(SK_LOG_ERR, "journal: cannot be written (%s); events wait in memory; make room in %s", i.problem,
		       d->config.state);
}

static int on_retry(sd_event_source *s, uint64_t usec, void *arg);

void sk_daemon_arm_retry(struct sk_daemon *d)
{
	sd_event_source **t = &d->sources[SK_SOURCE_OF_RETRY];

	if (*t)
		sd_event_source_set_time_relative(*t, RETRY_S * 1000000ULL);
	else
		sd_event_add_time_relative(d->loop, t, CLOCK_BOOTTIME, RETRY_S * 1000000ULL, 1000000, on_retry, d);
	if (*t)
		sd_event_source_set_enabled(*t, SD_EVENT_ONESHOT);
}

static int on_retry(sd_event_source *s, uint64_t usec, void *arg)
{
	struct sk_daemon *d = arg;

	(void)s;
	(void)usec;
	if (sk_journal_retry(d->journal, sk_daemon_now(d)) < 0)
		sk_daemon_arm_retry(d);
	else if (d->gate) /* what was not admitted because it could not be recorded */
		sk_gate_reconsider(d->gate);
	tell_journal_state(d);
	sk_office_tend(d);
	sk_uplink_face_wake(d->uplink, false);
	return 0;
}

int sk_daemon_record(struct sk_daemon *d, const char *kind, const json_t *body)
{
	int r = sk_journal_append(d->journal, kind, body, sk_daemon_now(d));

	if (r < 0)
		sk_daemon_arm_retry(d);
	tell_journal_state(d);
	/* What is attached is part of the report. */
	sk_uplink_face_wake(d->uplink, !strncmp(kind, "device.", 7) || !strncmp(kind, "medium.", 7));
	return r;
}

void sk_daemon_record_new(struct sk_daemon *d, const char *kind, json_t *body)
{
	if (!body)
		return;
	if (sk_daemon_record(d, kind, body) == -EINVAL)
		sk_log(SK_LOG_ERR, "event %s could not be recorded: its contents are unusable", kind);
	json_decref(body);
}

/* --- what is attached --- */

json_t *sk_daemon_devices(struct sk_daemon *d)
{
	return d->gate ? sk_gate_devices(d->gate) : json_array();
}

/* --- policy and grants --- */

static int on_expiry(sd_event_source *s, uint64_t usec, void *arg)
{
	(void)s;
	(void)usec;
	sk_daemon_in_force(arg);
	return 0;
}

/* The gate watches single grants; the end of the whole bundle is watched here. */
void sk_daemon_arm_expiry(struct sk_daemon *d)
{
	sk_ms now = sk_daemon_now(d), at = sk_holder_expiry(d->holder, now);

	d->expiry = sd_event_source_disable_unref(d->expiry);
	if (at)
		sd_event_add_time_relative(d->loop, &d->expiry, CLOCK_BOOTTIME, (uint64_t)(at - now) * 1000, 1000000,
		                           on_expiry, d);
}

void sk_daemon_in_force(struct sk_daemon *d)
{
	if (d->gate)
		sk_gate_reconsider(d->gate);
	sk_holder_settle(d->holder);
	if (d->posture)
		sk_posture_policy_changed(d->posture);
	sk_screen_changed(d->screen);
	sk_daemon_arm_expiry(d);
	sk_uplink_face_wake(d->uplink, true);
}

int sk_daemon_reload(struct sk_daemon *d, struct sk_err *err)
{
	struct sk_err own = SK_ERR_INIT;
	int r;

	if (!err)
		err = &own;
	r = sk_holder_load(d->holder, &d->trust, sk_daemon_now(d), err);
	if (r < 0)
		sk_log(SK_LOG_ERR, "policy not taken, the one before holds: %s", err->text);
	sk_daemon_in_force(d);
	return r;
}

int sk_daemon_enrol(struct sk_daemon *d, const char *server, const char *device, const char *key_pem,
                    struct sk_err *err)
{
	char device_before[SK_UUID_LEN], key_before[SK_SHA256_HEX] = "";
	int r;

	memcpy(device_before, d->trust.device, sizeof device_before);
	if (d->trust.enrolled)
		sk_text_copy(key_before, sizeof key_before, sk_verify_key_id(d->trust.key));
	r = sk_trust_set(d->config.state, &d->trust, server, device, key_pem, err);
	if (r < 0)
		return r;
	/* Another terminal's name or another server's key: what was signed before says nothing any more, its versions neither. */
	if (strcmp(device_before, device) != 0 || strcmp(key_before, sk_verify_key_id(d->trust.key)) != 0)
		sk_holder_forget(d->holder);
	/* Not on the disk yet is no failure: the journal takes the new chain as soon as it can be written. */
	if (sk_journal_rechain(d->journal, device, sk_daemon_now(d)) < 0)
		sk_daemon_arm_retry(d);
	tell_journal_state(d);
	sk_seal_key_publish(d);
	(void)sk_daemon_reload(d, NULL);
	sk_log(SK_LOG_NOTICE, "enrolled as %s with %s", device, server);
	return 0;
}
