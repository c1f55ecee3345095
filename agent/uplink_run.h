/* The uplink as it runs: the state machine (uplink.h) with real sockets, clock, files and signals. */
#ifndef SK_AGENT_UPLINK_RUN_H
#define SK_AGENT_UPLINK_RUN_H

#include "common/clock.h"
#include "common/err.h"

struct sk_uplink_options {
	const char *state; /* folder of the identity */
	const char *socket; /* sekimorid's uplink socket */
	sk_ms deadline; /* of one request; 0 = the default */
};

/* Runs until SIGTERM or SIGINT (0). SIGHUP reads the identity anew and tries everything at once. -ENOENT = not enrolled; other negative =
 * cannot run; err says why. */
int sk_uplink_run(const struct sk_uplink_options *o, struct sk_err *err);

#endif
