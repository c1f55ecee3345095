/* Folders to checks as a table; pending checks as bits; one timer. */
#include "agent/posture_events.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/log.h"
#include "platform/changes.h"

/* The checks that have events, each with its bit. */
enum { SCREEN, DISK, FACTORS, PASSWORDS, LIMITS, ACCOUNTS, UPDATES, SUPPORT, SERVICES, LOGS, N_IDS };
static const char *const ids[N_IDS] = {"screen-lock", "disk-encryption", "login-factors", "passwords", "login-limits",
                                       "accounts",    "updates",         "support",       "services",  "logs"};
#define B(x) (1u << (x))

static const struct sk_change_path paths[] = {
    {"/etc", "passwd shadow group", B(ACCOUNTS) | B(PASSWORDS)},
    {"/etc", "sudoers", B(ACCOUNTS)},
    {"/etc", "login.defs", B(PASSWORDS)},
    {"/etc", "issue", B(LIMITS)},
    {"/etc", "os-release", B(SUPPORT)},
    {"/etc/sudoers.d", NULL, B(ACCOUNTS)},
    {"/etc/pam.d", NULL, B(FACTORS) | B(PASSWORDS) | B(LIMITS)},
    {"/etc/security", NULL, B(PASSWORDS) | B(LIMITS)},
    {"/etc/gdm3", NULL, B(FACTORS)},
    {"/etc/lightdm", NULL, B(FACTORS)},
    {"/etc/systemd/system", NULL, B(FACTORS) | B(SERVICES)},
    {"/etc/systemd/system/multi-user.target.wants", NULL, B(SERVICES)},
    {"/etc/systemd/system/sockets.target.wants", NULL, B(SERVICES)},
    {"/etc/systemd", "journald.conf", B(LOGS)},
    {"/etc/systemd/journald.conf.d", NULL, B(LOGS)},
    {"/etc/profile.d", NULL, B(SCREEN)},
    {"/etc/dconf/db", NULL, B(SCREEN)},
    {"/etc/dconf/profile", NULL, B(SCREEN)},
    {"/run/systemd/sessions", NULL, B(SCREEN)},
    {"/var/lib/dpkg", "status", B(UPDATES)},
    {"/var/lib/apt/lists", NULL, B(UPDATES)},
    {"/proc/self/mountinfo", NULL, B(DISK)},
    {"/proc/swaps", NULL, B(DISK)},
};

struct sk_posture_events {
	struct sk_posture *p;
	struct sk_changes *changes;
	sd_event *loop;
	sd_event_source *timer;
	uint64_t gather_us, pause_us;
	uint32_t pending;
	sk_ms ran[N_IDS]; /* by sk_clock_boot; 0 = not yet */
};

static void arm(struct sk_posture_events *e, uint64_t us);

static int on_timer(sd_event_source *s, uint64_t usec, void *arg)
{
	struct sk_posture_events *e = arg;
	sk_ms now = sk_clock_boot();
	uint64_t wait = 0;

	(void)s;
	(void)usec;
	e->timer = sd_event_source_disable_unref(e->timer);
	sk_changes_renew(e->changes);
	for (size_t i = 0; i < N_IDS; i++) {
		if (!(e->pending & B(i)))
			continue;
		uint64_t since = (uint64_t)(now - e->ran[i]) * 1000;
		if (e->ran[i] && since < e->pause_us) {
			wait = !wait || e->pause_us - since < wait ? e->pause_us - since : wait;
			continue;
		}
		e->pending &= ~B(i);
		e->ran[i] = now;
		sk_posture_stale(e->p, ids[i]);
		(void)sk_posture_run(e->p, ids[i], true, 0);
	}
	if (e->pending)
		arm(e, wait > e->gather_us ? wait : e->gather_us);
	return 0;
}

static void arm(struct sk_posture_events *e, uint64_t us)
{
	if (e->timer)
		return;
	int r = sd_event_add_time_relative(e->loop, &e->timer, CLOCK_BOOTTIME, us, us / 5, on_timer, e);
	if (r < 0) /* the next change tries again, and the interval runs all checks anyway */
		sk_log(SK_LOG_WARNING, "checks by events: %s", strerror(-r));
}

static void on_change(void *ctx, uint32_t what)
{
	struct sk_posture_events *e = ctx;

	e->pending |= what;
	arm(e, e->gather_us);
}

int sk_posture_events_new(sd_event *loop, struct sk_posture *p, const struct sk_posture_events_options *o,
                          struct sk_posture_events **out)
{
	struct sk_posture_events *e = calloc(1, sizeof(*e));
	int r;

	if (!e)
		return -ENOMEM;
	e->loop = loop;
	e->p = p;
	e->gather_us = (o->gather_ms ? o->gather_ms : 5000) * 1000ULL;
	e->pause_us = (o->pause_ms ? o->pause_ms : 60000) * 1000ULL;
	r = sk_changes_new(loop, o->root, paths, sizeof(paths) / sizeof(*paths), on_change, e, &e->changes);
	if (r < 0) {
		free(e);
		return r;
	}
	*out = e;
	return 0;
}

struct sk_posture_events *sk_posture_events_free(struct sk_posture_events *e)
{
	if (e) {
		sk_changes_free(e->changes);
		sd_event_source_disable_unref(e->timer);
	}
	free(e);
	return NULL;
}
