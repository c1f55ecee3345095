/*
 * Erasing, the medium's part: everything on it is unmounted and closed, the whole medium becomes writable, and one helper overwrites it and reads it
 * back. Nobody gets it meanwhile. Afterwards it may get an empty file system that is named by its ledger number.
 */
#include <stdio.h>
#include <string.h>

#include "agent/erase_job.h"
#include "agent/medium_impl.h"
#include "common/file.h"
#include "common/i18n.h"
#include "common/json.h"

#define ERASE_PROGRAM SK_LIBEXEC "/sekimori-erase"
#define MKFS_PROGRAM  "/usr/sbin/mkfs.fat"
#define ERASE_MS      (48ULL * 3600 * 1000) /* a large disk behind USB 2 */
#define MKFS_MS       120000

static void finish(struct sk_node *n, json_t *answer)
{
	struct sk_medium *m = n->m;

	n->erasing = false;
	/* Read-only again before anything is decided of it anew. */
	(void)m->env.sys->blocks.ops->set_ro(m->env.sys->blocks.ctx, &n->b, true);
	n->b.ro = true;
	if (m->env.erased != NULL && m->owner != NULL && !n->gone)
		m->env.erased(m->env.gate, m->owner, m, answer);
	json_decref(answer);
	sk_node_drive(n);
	m->env.settled(m->env.gate, m->owner, m);
}

static void on_labelled(void *arg, int status, const char *output, size_t len)
{
	struct sk_node *n = arg;

	(void)output;
	(void)len;
	n->child = NULL;
	if (n->erase_answer != NULL)
		(void)json_object_set_new(n->erase_answer, "labelled", json_boolean(status == 0));
	finish(n, n->erase_answer);
	n->erase_answer = NULL;
}

/* An erased medium without a label is erased all the same. */
static bool start_label(struct sk_node *n, const char *label, json_t *answer)
{
	const struct sk_system *sys = n->m->env.sys;
	char node[SK_BLOCK_NAME + 8];
	const char *argv[] = {MKFS_PROGRAM, "-I", "-n", label, node, NULL};

	(void)snprintf(node, sizeof(node), "/dev/%s", n->b.name);
	if (sys->start(n->m->env.loop, argv, MKFS_MS, on_labelled, n, &n->child) < 0) {
		(void)json_object_set_new(answer, "labelled", json_false());
		return false;
	}
	n->erase_answer = answer;
	return true;
}

static void on_erased(void *arg, int status, const char *output, size_t len)
{
	struct sk_node *n = arg;
	const struct sk_leave *l = sk_medium_leave_of(n->m, n->iface);
	json_t *answer = NULL;

	n->child = NULL;
	if (status != 0 || sk_json_parse(output, len, SK_CHILD_OUTPUT_MAX, &answer, NULL) < 0)
		answer = NULL;
	if (answer != NULL && l->erase && l->label[0] != '\0' && json_object_get(answer, "error") == NULL && !n->gone &&
	    start_label(n, l->label, answer))
		return;
	finish(n, answer);
}

/* Nothing of it may be in use; what still runs on one of its nodes drives us again when it ends. */
static bool is_free(const struct sk_medium *m)
{
	for (size_t i = 0; i < SK_MEDIUM_NODES; i++) {
		const struct sk_node *n = &m->nodes[i];

		if (n->used && (n->mounted || n->box.open || n->child != NULL || sk_node_held(n)))
			return false;
	}
	return true;
}

void sk_node_erase(struct sk_node *n)
{
	const struct sk_leave *l = sk_medium_leave_of(n->m, n->iface);
	const struct sk_system *sys = n->m->env.sys;
	char node[SK_BLOCK_NAME + 8], dev[32];
	const char *argv[] = {ERASE_PROGRAM, node, dev, sk_erase_method_name(l->method), NULL};

	if (n->b.partition || n->b.bytes == 0 || n->erased || !is_free(n->m))
		return;
	n->erased = true;
	(void)snprintf(node, sizeof(node), "/dev/%s", n->b.name);
	(void)snprintf(dev, sizeof(dev), "%u:%u", n->b.major, n->b.minor);
	n->erasing = true; /* udev may ask from now on, and leaves it writable */
	if (sys->blocks.ops->set_ro(sys->blocks.ctx, &n->b, false) < 0 ||
	    sys->start(n->m->env.loop, argv, ERASE_MS, on_erased, n, &n->child) < 0) {
		n->child = NULL;
		finish(n, sk_erase_undone(N_("the helper could not be started"), 0));
		return;
	}
	n->b.ro = false;
}

void sk_node_erase_cancel(struct sk_node *n)
{
	if (!n->erasing)
		return;
	n->m->env.sys->cancel(n->child);
	n->child = NULL;
	n->erasing = false;
	json_decref(n->erase_answer);
	n->erase_answer = NULL;
	(void)n->m->env.sys->blocks.ops->set_ro(n->m->env.sys->blocks.ctx, &n->b, true);
	n->b.ro = true;
}

void sk_node_erase_json(const struct sk_node *n, json_t *o)
{
	unsigned long long done = 0, total = 0;
	char path[128], text[64];
	json_t *e;

	if (!n->erasing)
		return;
	(void)snprintf(path, sizeof(path), SK_ERASE_PROGRESS "/%u:%u", n->b.major, n->b.minor);
	if (sk_file_attr(path, text, sizeof(text)) <= 0 || sscanf(text, "%20llu %20llu", &done, &total) != 2 ||
	    done > total)
		done = total = 0;
	e = json_pack("{s:I,s:I}", "done", (json_int_t)done, "total", (json_int_t)total);
	if (e != NULL)
		(void)json_object_set_new(o, "erase", e);
}

void sk_medium_erase_again(struct sk_medium *m)
{
	for (size_t i = 0; i < SK_MEDIUM_NODES; i++)
		m->nodes[i].erased = false;
}
