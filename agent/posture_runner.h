/*
 * Runs the posture checks: one sekimori-probe at a time, at low priority, its facts judged by policy/check.h, the results kept.
 * They run soon after the start, then every few hours (with jitter, so that an office's PCs do not do it at once), and when asked.
 * Probes read strange configurations and talk to other daemons: that is done by a child, never here.
 */
#ifndef SK_AGENT_POSTURE_RUNNER_H
#define SK_AGENT_POSTURE_RUNNER_H

#include <jansson.h>
#include <systemd/sd-event.h>
#include "common/clock.h"
#include "common/err.h"
#include "policy/check.h"
#include "policy/setting_permit.h"

struct sk_posture;

struct sk_posture_hooks {
	void *ctx;
	const struct sk_check_params *(*params)(void *ctx);
	sk_ms (*now)(void *ctx);
	/* When a check was first found non-compliant (ms, 0 = it is not), kept over restarts. May be NULL. */
	long long (*since)(void *ctx, const struct sk_check *check);
	/* What changed in an inventory that the probe keeps: the member "change" of its facts, which does not become evidence; borrowed. 0: recorded;
	 * where it says "more", the probe is run again for the next piece. May be NULL. */
	int (*changed)(void *ctx, const struct sk_check *check, const json_t *change);
	/* A result is there; borrowed. */
	void (*result)(void *ctx, const struct sk_check *check, const json_t *result);
	/* What this client asked for is done: results stolen. */
	void (*answer)(void *ctx, uint64_t client, json_t *checks);
	/* `sekimori-probe --enforce ID` failed (once per change of outcome) or works again (error NULL). */
	void (*enforced)(void *ctx, const char *id, const char *error);
	/* Enforcement wrote these files (names): for the first time, for another limit, or because somebody changed them. May be NULL. */
	void (*wrote)(void *ctx, const char *id, const json_t *files);
	/* The setting permit in force for a check, NULL = none: it is exempt, its settings are not enforced. May be NULL. */
	const struct sk_setting_permit *(*permit)(void *ctx, const char *id);
};

struct sk_posture_options {
	const char *probe; /* path of sekimori-probe; kept */
	long long every_s;
	unsigned first_s; /* until the first run, plus up to half of it; 0 = at once */
	unsigned timeout_ms; /* per probe; 0 = 30 s */
};

int sk_posture_new(sd_event *loop, const struct sk_posture_options *o, const struct sk_posture_hooks *hooks,
                   struct sk_posture **out);
struct sk_posture *sk_posture_free(struct sk_posture *p); /* kills what runs */

/* Runs id (NULL = all) now. client 0: nobody waits. Results younger than 10 s are good enough. 0: hooks.answer comes, at once or later;
 * -ENOENT: no such check; -EBUSY: too many wait. */
int sk_posture_run(struct sk_posture *p, const char *id, bool fresh, uint64_t client);
int sk_posture_run_now(struct sk_posture *p, const char *id); /* however young its result is; nobody waits */
/* What is known of these checks (bits in the order of sk_checks; id NULL = all) is not believed any more: what they read has changed. One that
 * runs now runs again after. Nothing is started. */
void sk_posture_stale(struct sk_posture *p, const char *id);
/* What enforcement wrote may have been changed: put back now, where the policy enforces. */
void sk_posture_enforce_now(struct sk_posture *p);
void sk_posture_policy_changed(struct sk_posture *p); /* parameters, enforcement */
json_t *sk_posture_results(const struct sk_posture *p, const char *id); /* new reference; what is known now */

#endif
