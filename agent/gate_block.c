/*
 * Block devices: which attached device each hangs on, and the answer to udev. A block device on a hot-plug bus that no admitted device
 * stands for is refused and made read-only, whatever brought it there.
 */
#include <errno.h>
#include <string.h>

#include "agent/gate_impl.h"
#include "common/i18n.h"
#include "platform/internal.h"

#define MAX_STACK 8 /* dm on dm on ... */

struct owner_search {
	const struct sk_gate *gate;
	struct sk_attached *found;
	int number;
	bool own; /* one of its ways is the machine's own */
};

static struct sk_attached *owner_of_path(const struct sk_gate *g, const char *devpath, int *number)
{
	struct sk_attached *a;
	int n;

	for (a = g->first; a != NULL; a = a->next) {
		if (a->dev->root_hub)
			continue;
		n = a->via->ops->iface_of(a->dev, devpath);
		if (n >= 0) {
			*number = n;
			return a;
		}
	}
	return NULL;
}

static int owner_of_controller(void *arg, const char *devpath)
{
	struct owner_search *s = arg;
	int number;
	struct sk_attached *a = owner_of_path(s->gate, devpath, &number);

	s->own = s->own || a == NULL || a->outcome.internal;
	if (a != NULL && !a->outcome.internal && s->found == NULL) {
		s->found = a;
		s->number = number;
	}
	return 0;
}

/* A multipath disk is that of its controllers. One that says it belongs to the machine's own disk gets nothing by that: its controller is
 * judged by itself; but the own disk must not be shut for it. */
struct sk_attached *sk_gate_owner(const struct sk_gate *g, const char *devpath, int *number)
{
	struct owner_search s = {.gate = g};

	if (!sk_block_is_multipath(devpath))
		return owner_of_path(g, devpath, number);
	if (g->sys.blocks.ops->slaves(g->sys.blocks.ctx, devpath, owner_of_controller, &s) < 0 || s.own)
		return NULL;
	*number = s.number;
	return s.found;
}

/* Modules load after the synchronous look: what a driver makes of an interface is looked at when it has bound. */
void sk_gate_driver_came(struct sk_gate *g, const char *devpath)
{
	int number;
	struct sk_attached *a = sk_gate_owner(g, devpath, &number);

	if (a != NULL && a->decided && !a->outcome.internal)
		(void)sk_attached_lied(a);
}

static uint32_t bit_of(const struct sk_attached *a, int number)
{
	for (size_t i = 0; i < a->outcome.n; i++)
		if (a->outcome.ifaces[i].number == number)
			return 1U << i;
	return 0;
}

void sk_gate_iface_bound(struct sk_gate *g, const char *devpath)
{
	int number;
	struct sk_attached *a = sk_gate_owner(g, devpath, &number);
	uint32_t bit = a == NULL ? 0 : bit_of(a, number) & a->echoes;

	if (bit == 0)
		sk_gate_driver_came(g, devpath);
	else
		a->echoes &= ~bit;
}

void sk_gate_block_added(struct sk_gate *g, const char *devpath)
{
	struct sk_medium_env env = sk_gate_medium_env(g);
	struct sk_attached *a;
	json_t *ident;
	int number, r = 0;

	a = sk_gate_owner(g, devpath, &number);
	if (a == NULL || a->outcome.internal)
		return;
	if (a->medium == NULL) {
		ident = sk_attached_ident(a);
		r = ident == NULL ? -ENOMEM : sk_medium_new(&env, a, ident, &a->medium);
		json_decref(ident);
		if (r < 0)
			return;
	}
	/* During the first scan nothing is decided yet: what is mounted is taken note of and keeps its state until then. */
	if (a->decided)
		sk_attached_leaves(a);
	if (a->decided && sk_attached_grew(a, devpath))
		return;
	(void)sk_medium_add(a->medium, devpath, number);
	if (a->decided && sk_attached_access(a, number) == SK_ACCESS_NONE && !sk_medium_busy(a->medium, number)) {
		sk_attached_refuse(a, "enforcement.failed",
		                   N_("a block device appeared behind what is not allowed to store"), NULL, true);
	}
	sk_gate_arm(g);
}

void sk_gate_block_removed(struct sk_gate *g, const char *devpath)
{
	int number;
	struct sk_attached *a = sk_gate_owner(g, devpath, &number);

	if (a != NULL && a->medium != NULL)
		sk_medium_gone(a->medium, devpath);
	/* Its controller went first: whose it was is not to be read any more. */
	for (a = g->first; a != NULL && sk_block_is_multipath(devpath); a = a->next)
		if (a->medium != NULL)
			sk_medium_gone(a->medium, devpath);
}

void sk_gate_block_changed(struct sk_gate *g, const char *devpath)
{
	int number;
	struct sk_attached *a = sk_gate_owner(g, devpath, &number);
	bool other = false;
	struct sk_block b;

	if (a == NULL || a->medium == NULL)
		return;
	/* The kernel says that another medium lies in it, or none: what was read is not there any more. */
	other = g->sys.blocks.ops->read(g->sys.blocks.ctx, devpath, &b) == 0 && !b.partition;
	sk_medium_changed(a->medium, devpath);
	if (other)
		sk_attached_exchanged(a);
}

static int scan_block(void *arg, const char *devpath)
{
	sk_gate_block_added(arg, devpath);
	return 0;
}

int sk_gate_block_scan(struct sk_gate *g)
{
	return g->sys.blocks.ops->list(g->sys.blocks.ctx, scan_block, g);
}

static int look_again(void *arg, const char *devpath)
{
	const struct sk_gate *g = arg;
	enum sk_block_bus bus = sk_block_bus(devpath);
	int number;
	const struct sk_attached *a = sk_gate_owner(g, devpath, &number);

	if ((bus != SK_BUS_INTERNAL && bus != SK_BUS_VIRTUAL) || (a != NULL && !a->outcome.internal))
		g->sys.blocks.ops->look_again(g->sys.blocks.ctx, devpath);
	return 0;
}

void sk_gate_look_again(struct sk_gate *g)
{
	(void)g->sys.blocks.ops->list(g->sys.blocks.ctx, look_again, g);
}

/* ---- udev's question ---- */

struct question {
	struct sk_gate *g;
	int depth;
	bool scanned_only; /* the policy lets nobody at what was not scanned */
	bool writable; /* not to be set read-only although it is nobody's to write to */
	enum sk_access access; /* the strictest found */
	const struct sk_block *over; /* the virtual device that is asked about; NULL = it is none */
	bool pending; /* open for looking alone: root's, and nobody's to mount */
	bool
	    in_use; /* taken over after our restart: what is mounted goes on while it is looked at again; or being made a container */
	bool hotplug; /* anything of it hangs on a bus people plug things into */
};

static void note_access(struct question *q, enum sk_access access)
{
	if (!q->hotplug || access < q->access)
		q->access = access;
	q->hotplug = true;
}

/* A small machine may run from its own card or flash: that one is not something plugged in. */
static bool carries_system(const struct sk_gate *g, const char *devpath)
{
	return sk_internal_carries_system(&g->sys.blocks, g->sys.mounts_of, devpath);
}

/* Where only what is encrypted may be written to, or what was scanned may be used: plain nodes are nobody's, and of mappings only the one that
 * we made and looked at is left writable. */
static enum sk_access access_of(struct question *q, const struct sk_attached *a, int number, const char *devpath)
{
	enum sk_access access = sk_attached_access(a, number);

	if (!sk_access_encrypted(access) && !(q->depth > 0 && q->scanned_only))
		return access;
	q->writable = access != SK_ACCESS_NONE && a->medium != NULL && q->depth <= 1 &&
	              sk_medium_lets_write(a->medium, devpath, q->depth == 1 ? q->over : NULL);
	return SK_ACCESS_NONE;
}

/* A controller of a multipath disk that has no single owner: it is the machine's own, or it is not a PCI device (fabrics). Only one that no
 * longer has any is refused, by the -ENODEV of slaves(). */
static int own_way(void *arg, const char *devpath)
{
	(void)arg;
	(void)devpath;
	return 0;
}

static int ask(void *arg, const char *devpath)
{
	struct question *q = arg;
	const struct sk_gate_iface *f;
	struct sk_attached *a;
	int number, r = 0;

	a = sk_gate_owner(q->g, devpath, &number);
	if (a != NULL) {
		f = sk_outcome_iface(&a->outcome, number);
		q->pending = q->pending || (f != NULL && f->pending);
		q->in_use = q->in_use ||
		            (a->medium != NULL && (sk_medium_mounted(a->medium) || sk_medium_preparing(a->medium)));
		if (!a->outcome.internal)
			note_access(q, access_of(q, a, number, devpath));
		return 0;
	}
	switch (sk_block_bus(devpath)) {
	case SK_BUS_INTERNAL:
		return 0;
	case SK_BUS_VIRTUAL:
		if (sk_block_is_multipath(devpath)) /* the disk itself, not something that lies on it */
			return q->g->sys.blocks.ops->slaves(q->g->sys.blocks.ctx, devpath, own_way, q);
		if (++q->depth > MAX_STACK)
			return -ELOOP;
		r = q->g->sys.blocks.ops->slaves(q->g->sys.blocks.ctx, devpath, ask, q);
		q->depth--;
		return r;
	case SK_BUS_USB:
		note_access(q, SK_ACCESS_NONE);
		return 0;
	default:
		if (!carries_system(q->g, devpath))
			note_access(q, SK_ACCESS_NONE);
		return 0;
	}
}

static const char *answer_of(const struct question *q)
{
	if (!q->hotplug)
		return "internal";
	if (q->pending)
		return "deny";
	return q->access == SK_ACCESS_RW ? "rw" : q->access == SK_ACCESS_RO ? "ro" : "deny";
}

int sk_gate_block_verdict(struct sk_gate *g, const char *devpath, json_t **out, struct sk_err *err)
{
	/* What the desktop would open on a medium (an encrypted container) is looked at by no scan. */
	struct question q = {
	    .g = g, .access = SK_ACCESS_NONE, .scanned_only = g->hooks.policy(g->hooks.ctx)->scan.before_use};
	const struct sk_blocks *blocks = &g->sys.blocks;
	struct sk_block b;
	int r;

	if (!sk_sysfs_is_devpath(devpath))
		return sk_err_set(err, -EINVAL, "devpath: not a path below /sys");
	if (sk_block_bus(devpath) == SK_BUS_VIRTUAL && blocks->ops->read(blocks->ctx, devpath, &b) == 0)
		q.over = &b;
	r = ask(&q, devpath);
	if (r < 0 && !q.hotplug)
		note_access(&q, SK_ACCESS_NONE);
	if (q.hotplug && q.access != SK_ACCESS_RW && !q.writable && !(q.pending && q.in_use)) {
		r = blocks->ops->read(blocks->ctx, devpath, &b);
		if (r == 0)
			r = blocks->ops->set_ro(blocks->ctx, &b, true);
		if (r < 0 && r != -ENODEV)
			q.access = SK_ACCESS_NONE; /* cannot be held to reading: nobody gets it */
	}
	*out = json_pack("{s:s}", "verdict", answer_of(&q));
	return *out != NULL ? 0 : sk_err_set(err, -ENOMEM, "out of memory");
}
