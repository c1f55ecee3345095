/*
 * sekimorid's state, and how its parts meet: the journal records what the gate, the holder and the checks do; the holder's changes make
 * the gate decide again; the two sockets ask all of them. The parts know nothing of each other.
 */
#ifndef SK_AGENT_DAEMON_H
#define SK_AGENT_DAEMON_H

#include <systemd/sd-event.h>
#include "agent/config.h"
#include "agent/gate.h"
#include "agent/holder.h"
#include "agent/journal.h"
#include "agent/notify.h"
#include "agent/owned.h"
#include "agent/posture_events.h"
#include "agent/posture_runner.h"
#include "agent/socket.h"
#include "agent/trust.h"
#include "common/clock.h"

struct sk_uplink_face; /* agent/uplink_socket.c */
struct sk_tty; /* platform/tty.h */
struct sk_verify_jobs; /* agent/control.c */
struct sk_watch; /* agent/watch.h */
struct sk_pace; /* agent/pace.h */
struct sk_phone; /* agent/phone.h */
struct sk_screen; /* agent/screen.h */
struct sk_office; /* agent/office.h */
struct sk_tamper; /* agent/tamper.h */

enum { SK_SOURCE_OF_TEND, SK_SOURCE_OF_RETRY, SK_SOURCE_OF_CLOCK, SK_DAEMON_SOURCES }; /* in sk_daemon.sources */

struct sk_netwatch;

struct sk_daemon {
	sd_event *loop;
	struct sk_agent_config config;
	struct sk_trusted_clock clock;
	sk_ms turned_back_ms; /* how far the wall clock is behind now */
	bool turned_back; /* noticed and recorded; until it is right again */
	sk_ms started;
	struct sk_journal *journal;
	enum sk_journal_state journal_state; /* as last told to the administrator */
	struct sk_trust trust;
	struct sk_holder *holder;
	struct sk_gate *gate;
	struct sk_posture *posture;
	struct sk_posture_events *posture_events;
	struct sk_owned *owned;
	struct sk_netwatch *netwatch;
	struct sk_notices notices;
	struct sk_tty *tty;
	struct sk_phone *phone; /* permits by telephone */
	struct sk_tamper *tamper; /* hands on the agent itself */
	struct sk_office *office; /* orders and notices */
	struct sk_screen *screen; /* sessions, and the lock that must hold */
	struct sk_watch *watch; /* desktops that listen */
	bool told; /* a text console took what was told last (agent/tell.c) */
	bool quiet; /* no text console is told of what is being told now (agent/tell.c) */
	struct sk_socket *control;
	struct sk_uplink_face *uplink;
	struct sk_verify_jobs *verify;
	struct sk_pace *pace; /* of those who ask at control */
	sd_event_source *sources[SK_DAEMON_SOURCES]; /* timers, clock */
	sd_event_source *expiry; /* the grants bundle's end */
	char last_bundle[160]; /* what was last refused of the uplink, for status; "" = nothing */
	sk_ms incident_at[10]; /* of the last reports (agent/incident_report.h); 0 = none */
};

/* Starts everything but the sockets; after it, default deny is in force and what is attached has been decided. */
int sk_daemon_start(struct sk_daemon *d, struct sk_err *err);
int sk_daemon_sockets(struct sk_daemon *d, struct sk_err *err);
void sk_daemon_stop(struct sk_daemon *d); /* records that it stops; frees everything; admits and closes nothing */

sk_ms sk_daemon_now(struct sk_daemon *d); /* trusted clock; notices a clock turned back */
/* Makes an event durable, wakes the uplink, raises the alarm when the journal cannot. 0 or negative as sk_journal_append. */
int sk_daemon_record(struct sk_daemon *d, const char *kind, const json_t *body);
void sk_daemon_record_new(struct sk_daemon *d, const char *kind, json_t *body /* stolen */);
void sk_daemon_in_force(struct sk_daemon *d); /* policy or grants changed: the gate decides again */
int sk_daemon_reload(struct sk_daemon *d, struct sk_err *err); /* local policy again */
/* Enrolled: trust stored, the old enrolment's bundles gone, the journal on the new chain. */
int sk_daemon_enrol(struct sk_daemon *d, const char *server, const char *device, const char *key_pem,
                    struct sk_err *err);

void sk_daemon_arm_retry(struct sk_daemon *d); /* events wait in memory: tried again soon */
void sk_daemon_arm_expiry(struct sk_daemon *d); /* after a change of grants or clock */

/* For programs without a gate (tests): NULL gate = nothing attached. */
json_t *sk_daemon_devices(struct sk_daemon *d);

#endif
