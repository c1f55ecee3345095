/* What is wanted and what the kernel was given; one nft at a time. */
#include "agent/netguard.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/file.h"
#include "common/log.h"
#include "platform/child.h"
#include "platform/network_rules.h"

#define TIMEOUT_MS 20000

struct sk_netguard {
	sd_event *loop;
	struct sk_netguard_hooks hooks;
	char path[320];
	json_t *wanted, *sent, *held; /* held NULL: what the kernel has is not known */
	bool again; /* asked while one was under way */
	struct sk_child *child;
};

static void apply(struct sk_netguard *g);

static bool is(const json_t *a, const json_t *b)
{
	return a != NULL && b != NULL && json_equal(a, b);
}

static void on_nft(void *arg, int status, const char *output, size_t len)
{
	struct sk_netguard *g = arg;
	bool news = !is(g->sent, g->held) && (json_array_size(g->sent) > 0 || json_array_size(g->held) > 0);

	(void)output;
	(void)len;
	g->child = NULL;
	if (status != 0) {
		sk_log(SK_LOG_ERR, "networks: nft refused the rules (status %d); nothing is closed", status);
		json_decref(g->held);
		g->held = NULL;
	} else {
		if (json_array_size(g->sent) == 0) /* there is nothing to take away at the next start */
			(void)unlink(g->path);
		json_decref(g->held);
		g->held = json_incref(g->sent);
		if (news)
			g->hooks.record(g->hooks.ctx, "networks.closed", json_pack("{s:O}", "interfaces", g->sent));
	}
	if (g->again)
		apply(g);
}

static void apply(struct sk_netguard *g)
{
	const char *argv[] = {g->hooks.nft, "-f", g->path, NULL};
	struct sk_buf text;
	int r, skipped = 0;

	g->again = false;
	json_decref(g->sent);
	g->sent = json_incref(g->wanted);
	sk_buf_init(&text, 16384);
	r = sk_network_rules(g->sent, g->hooks.uplink(g->hooks.ctx), &text, &skipped);
	if (r == 0)
		r = sk_file_write(g->path, text.data, text.len, 0600, NULL);
	sk_buf_deinit(&text);
	if (skipped > 0)
		sk_log(SK_LOG_ERR,
		       "networks: %d interfaces have names that cannot be given to nftables; they stay open", skipped);
	if (r == 0)
		r = sk_child_start(g->loop, argv, TIMEOUT_MS, on_nft, g, &g->child);
	if (r < 0)
		sk_log(SK_LOG_ERR, "networks: nothing is closed: %s", strerror(-r));
}

void sk_netguard_set(struct sk_netguard *g, json_t *names)
{
	if (!g || !names) {
		json_decref(names);
		return;
	}
	json_decref(g->wanted);
	g->wanted = names;
	if (json_array_size(names) == 0 && is(names, g->held) && !g->child)
		return;
	if (g->child)
		g->again = true;
	else
		apply(g);
}

int sk_netguard_new(sd_event *loop, const struct sk_netguard_hooks *hooks, struct sk_netguard **out)
{
	struct sk_netguard *g = calloc(1, sizeof *g);

	if (!g)
		return -ENOMEM;
	g->loop = loop;
	g->hooks = *hooks;
	snprintf(g->path, sizeof g->path, "%.300s/networks.nft", hooks->dir);
	/* Without a file of an earlier run there is no table either. */
	g->held = access(g->path, F_OK) < 0 ? json_array() : NULL;
	*out = g;
	return 0;
}

struct sk_netguard *sk_netguard_free(struct sk_netguard *g)
{
	if (!g)
		return NULL;
	sk_child_cancel(g->child);
	json_decref(g->wanted);
	json_decref(g->sent);
	json_decref(g->held);
	free(g);
	return NULL;
}
