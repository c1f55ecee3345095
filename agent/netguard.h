/*
 * P13 enforced: the interfaces that the check of networks found where they may not be are closed in the kernel (platform/network_rules.h), and opened
 * again when it finds them right. Not kept over a reboot: the first check closes them again. It re-decides nothing.
 */
#ifndef SK_AGENT_NETGUARD_H
#define SK_AGENT_NETGUARD_H

#include <jansson.h>
#include <systemd/sd-event.h>

struct sk_netguard;

struct sk_netguard_hooks {
	void *ctx;
	uid_t (*uplink)(void *ctx); /* (uid_t)-1 = unknown */
	void (*record)(void *ctx, const char *kind,
	               json_t *body /* stolen */); /* networks.closed {"interfaces":[..]} */
	const char *nft; /* path of the program; kept */
	const char *dir; /* the state folder; kept */
};

int sk_netguard_new(sd_event *loop, const struct sk_netguard_hooks *hooks, struct sk_netguard **out);
/* names: sorted, stolen; NULL = nothing is known, it stays as it is. One that is under way is finished first, then the newest counts. What is closed is
 * written again with each call, so that who took the table away has it until the next check. */
void sk_netguard_set(struct sk_netguard *g, json_t *names);
struct sk_netguard *sk_netguard_free(struct sk_netguard *g); /* NULL ok; the kernel keeps what it has */

#endif
