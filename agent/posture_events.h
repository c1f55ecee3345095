/*
 * Checks run when what they read changes: files under /etc, dpkg's and apt's lists, mounts and swaps, sessions. Changes are gathered for some
 * seconds, and one check runs by events at most once a minute, so that somebody who changes a file without end costs no more than that.
 */
#ifndef SK_AGENT_POSTURE_EVENTS_H
#define SK_AGENT_POSTURE_EVENTS_H

#include <systemd/sd-event.h>
#include "agent/posture_runner.h"

struct sk_posture_events;

struct sk_posture_events_options {
	const char *root; /* "" or a folder in tests */
	unsigned gather_ms; /* 0 = 5 s */
	unsigned pause_ms; /* 0 = 60 s */
};

/* p is used until sk_posture_events_free. 0 or -errno. */
int sk_posture_events_new(sd_event *loop, struct sk_posture *p, const struct sk_posture_events_options *o,
                          struct sk_posture_events **out);
struct sk_posture_events *sk_posture_events_free(struct sk_posture_events *e);

#endif
