/*
 * A passphrase of a recipient's own is added to a container that is open with its grant's key. The helper writes to the container's header beside the
 * mapping, so the read-only mark of the medium is off while it works, as while a mapping is made; the nodes are root's all the while.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "agent/medium_impl.h"
#include "common/i18n.h"
#include "common/json.h"
#include "common/text.h"

#define CRYPT_PROGRAM SK_LIBEXEC "/sekimori-crypt"
#define ADD_MS        120000 /* two derivations, and a slow stick */

static void tell(struct sk_node *n, int result, const char *why)
{
	sk_medium_release_fn fn = n->release_fn;
	void *arg = n->release_arg;

	n->release_fn = NULL;
	if (fn != NULL)
		fn(arg, result, why);
}

void sk_node_release_cancelled(struct sk_node *n)
{
	tell(n, -ECANCELED, N_("the permit ended, or the medium was shut"));
}

static void on_added(void *arg, int status, const char *output, size_t len)
{
	struct sk_node *n = arg;
	struct sk_medium *m = n->m;
	json_t *answer = NULL;
	const char *said;
	char why[128];

	n->child = NULL;
	n->lifted = false;
	sk_node_lower(n);
	if (len > 0 && sk_json_parse(output, len, SK_CHILD_OUTPUT_MAX, &answer, NULL) < 0)
		answer = NULL;
	said = json_string_value(json_object_get(answer, "error"));
	(void)sk_text_escape(why, sizeof(why), said != NULL ? said : "", said != NULL ? strlen(said) : 0);
	if (status != 0 && said == NULL)
		sk_text_copy(why, sizeof(why), N_("the helper ended without an answer"));
	tell(n, status == 0 ? 0 : -EIO, status == 0 ? NULL : why);
	json_decref(answer);
	sk_node_drive(n);
	m->env.settled(m->env.gate, m->owner, m);
}

static struct sk_node *open_container(struct sk_medium *m)
{
	struct sk_node *found = NULL;

	for (size_t i = 0; i < SK_MEDIUM_NODES; i++) {
		struct sk_node *n = &m->nodes[i];

		if (!n->used || n->gone || !n->box.open || n->box.ro)
			continue;
		if (found != NULL)
			return NULL;
		found = n;
	}
	return found;
}

int sk_medium_release(struct sk_medium *m, const void *keys, size_t len, sk_medium_release_fn fn, void *arg)
{
	struct sk_node *n = open_container(m);
	char node[SK_BLOCK_NAME + 8], dev[32];
	const char *argv[] = {CRYPT_PROGRAM, "add", node, dev, NULL};
	int r;

	if (n == NULL || !sk_medium_leave_of(m, n->iface)->sealed)
		return -ENODEV;
	if (n->child != NULL || n->closing)
		return -EBUSY;
	(void)snprintf(node, sizeof(node), "/dev/%s", n->b.name);
	(void)snprintf(dev, sizeof(dev), "%u:%u", n->b.major, n->b.minor);
	n->lifted = true;
	r = sk_node_lift(n);
	if (r == 0)
		r = m->env.sys->start_input(m->env.loop, argv, keys, len, ADD_MS, on_added, n, &n->child);
	if (r < 0) {
		n->lifted = false;
		sk_node_lower(n);
		return r;
	}
	n->release_fn = fn;
	n->release_arg = arg;
	return 0;
}
