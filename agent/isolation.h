/*
 * Cutting this terminal off the network, and back (6.4(3)キ). What holds is a file in the state folder: it is there before the rules are, so that
 * nothing but an order or a telephone code ends it: not a crash, not a reboot (sekimori-isolation.service loads it before the network comes). The
 * kernel tells when its tables change; ours is put back when somebody took it away.
 */
#ifndef SK_AGENT_ISOLATION_H
#define SK_AGENT_ISOLATION_H

#include <jansson.h>
#include <stdbool.h>
#include <systemd/sd-event.h>
#include "platform/isolation.h"

struct sk_isolation;

struct sk_isolation_hooks {
	void *ctx;
	uid_t (*uplink)(void *ctx); /* (uid_t)-1 = unknown */
	void (*record)(void *ctx, const char *kind,
	               json_t *body /* stolen */); /* isolation.on, isolation.off, settings.put-back */
	const char *nft; /* path of the program */
};

/* dir: the state folder. Loads what holds and begins to apply it. 0 or -ENOMEM. */
int sk_isolation_new(sd_event *loop, const char *dir, const struct sk_isolation_hooks *hooks,
                     struct sk_isolation **out);
struct sk_isolation *sk_isolation_free(struct sk_isolation *i); /* NULL ok; changes nothing */
enum sk_isolation_mode sk_isolation_mode(const struct sk_isolation *i); /* what holds, also while it is being applied */

/* done(arg, ok, why) when the kernel has it, or not. One at a time: -EBUSY. cause: "order", "phone". */
typedef void sk_isolation_done(void *arg, bool ok, const char *why);
int sk_isolation_set(struct sk_isolation *i, enum sk_isolation_mode m, const char *cause, sk_isolation_done *done,
                     void *arg);
void sk_isolation_look(struct sk_isolation *i); /* is the table still there? */

#endif
