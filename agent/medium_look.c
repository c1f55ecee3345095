/* Looking at a medium: one helper reads what identifies it; nobody gets it before. */
#include <stdio.h>
#include <string.h>

#include "agent/medium_impl.h"
#include "common/json.h"

#define MOUNT_PROGRAM SK_LIBEXEC "/sekimori-mount"
#define LOOK_MS       20000

static bool is_disk(const struct sk_node *n)
{
	return n->used && !n->gone && !n->b.partition && n->b.bytes > 0;
}

bool sk_medium_is_new_disk(const struct sk_medium *m, const struct sk_block *b)
{
	bool other = false;

	for (size_t i = 0; m != NULL && i < SK_MEDIUM_NODES; i++) {
		if (!is_disk(&m->nodes[i]))
			continue;
		if (strcmp(m->nodes[i].b.devpath, b->devpath) == 0)
			return false;
		other = true;
	}
	return other && !b->partition && b->bytes > 0;
}

size_t sk_medium_disks(const struct sk_medium *m)
{
	size_t n = 0;

	for (size_t i = 0; m != NULL && i < SK_MEDIUM_NODES; i++)
		n += is_disk(&m->nodes[i]);
	return n;
}

uint64_t sk_medium_bytes(const struct sk_medium *m)
{
	uint64_t bytes = 0;

	for (size_t i = 0; m != NULL && i < SK_MEDIUM_NODES; i++)
		if (is_disk(&m->nodes[i]))
			bytes += m->nodes[i].b.bytes;
	return bytes;
}

static void on_looked(void *arg, int status, const char *output, size_t len)
{
	struct sk_node *n = arg;
	struct sk_medium *m = n->m;
	json_t *answer = NULL;

	n->child = NULL;
	n->looking = false;
	if (status != 0 || sk_json_parse(output, len, SK_CHILD_OUTPUT_MAX, &answer, NULL) < 0)
		answer = NULL;
	if (m->env.looked != NULL && m->owner != NULL && !n->gone)
		m->env.looked(m->env.gate, m->owner, m, answer);
	json_decref(answer);
	sk_node_drive(n);
	m->env.settled(m->env.gate, m->owner, m);
}

void sk_node_look(struct sk_node *n)
{
	const struct sk_system *sys = n->m->env.sys;
	char node[SK_BLOCK_NAME + 8], dev[32];
	const char *argv[] = {MOUNT_PROGRAM, "look", node, dev, NULL};

	if (!is_disk(n) || n->looked)
		return;
	n->looked = true;
	(void)snprintf(node, sizeof(node), "/dev/%s", n->b.name);
	(void)snprintf(dev, sizeof(dev), "%u:%u", n->b.major, n->b.minor);
	n->looking = true;
	if (sys->start(n->m->env.loop, argv, LOOK_MS, on_looked, n, &n->child) < 0) {
		n->looking = false;
		n->child = NULL;
		n->looked =
		    false; /* no process to be had: tried again when it is driven next; it stays shut until then */
	}
}

/* It only reads: nothing is lost, and nothing waits for it. */
void sk_node_look_cancel(struct sk_node *n)
{
	if (!n->looking)
		return;
	n->m->env.sys->cancel(n->child);
	n->child = NULL;
	n->looking = n->looked = false;
}

void sk_medium_look_again(struct sk_medium *m)
{
	for (size_t i = 0; i < SK_MEDIUM_NODES; i++)
		m->nodes[i].looked = false;
}
