/* The list of nodes and their leaves; what one node does is in medium_node.c. */
#include "agent/medium.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "agent/medium_impl.h"
#include "common/text.h"

static const struct sk_leave NO_LEAVE = {.access = SK_ACCESS_NONE, .cause = "closed"};

const struct sk_leave *sk_medium_leave_of(const struct sk_medium *m, int iface)
{
	size_t i;

	for (i = 0; i < m->n_leaves; i++)
		if (m->leaves[i].iface == iface)
			return &m->leaves[i].leave;
	return &NO_LEAVE;
}

int sk_medium_new(const struct sk_medium_env *env, void *owner, const json_t *ident, struct sk_medium **out)
{
	struct sk_medium *m = calloc(1, sizeof(*m));

	if (m == NULL)
		return -ENOMEM;
	m->env = *env;
	m->owner = owner;
	m->ident = json_deep_copy(ident);
	if (m->ident == NULL) {
		free(m);
		return -ENOMEM;
	}
	*out = m;
	return 0;
}

void sk_medium_rename(struct sk_medium *m, const json_t *ident)
{
	json_t *copy = json_deep_copy(ident);

	if (copy == NULL)
		return; /* the name it had is true still */
	json_decref(m->ident);
	m->ident = copy;
}

struct sk_medium *sk_medium_free(struct sk_medium *m)
{
	size_t i;

	if (m == NULL)
		return NULL;
	for (i = 0; i < SK_MEDIUM_NODES; i++) {
		if (m->nodes[i].child != NULL)
			m->env.sys->cancel(m->nodes[i].child);
		json_decref(m->nodes[i].erase_answer);
		sk_node_scan_reset(&m->nodes[i]);
		sk_node_unlock_cancelled(&m->nodes[i]);
		sk_node_release_cancelled(&m->nodes[i]);
		if (m->nodes[i].used)
			sk_node_record_free(&m->nodes[i]);
	}
	json_decref(m->ident);
	free(m);
	return NULL;
}

static struct sk_node *find_node(struct sk_medium *m, const char *devpath)
{
	size_t i;

	for (i = 0; i < SK_MEDIUM_NODES; i++)
		if (m->nodes[i].used && !m->nodes[i].gone && strcmp(m->nodes[i].b.devpath, devpath) == 0)
			return &m->nodes[i];
	return NULL;
}

static struct sk_node *free_slot(struct sk_medium *m)
{
	size_t i;

	for (i = 0; i < SK_MEDIUM_NODES; i++)
		if (!m->nodes[i].used)
			return &m->nodes[i];
	return NULL;
}

int sk_medium_add(struct sk_medium *m, const char *devpath, int iface)
{
	struct sk_node *n = find_node(m, devpath);
	struct sk_block b;
	int r = m->env.sys->blocks.ops->read(m->env.sys->blocks.ctx, devpath, &b);

	if (r < 0)
		return r;
	if (n != NULL) {
		n->b = b;
		sk_node_drive(n);
		return 0;
	}
	n = free_slot(m);
	if (n ==
	    NULL) /* too many to mount; the disk they are on is read-only as a whole or was granted rw as a whole */
		return -ENOSPC;
	(void)memset(n, 0, sizeof(*n));
	n->used = true;
	n->m = m;
	n->b = b;
	n->iface = iface;
	sk_node_adopt(n);
	sk_node_drive(n);
	return 0;
}

void sk_medium_changed(struct sk_medium *m, const char *devpath)
{
	struct sk_node *n = find_node(m, devpath);

	if (n == NULL || m->env.sys->blocks.ops->read(m->env.sys->blocks.ctx, devpath, &n->b) < 0)
		return;
	n->failed = false;
	if (!n->mounted && n->child == NULL)
		sk_node_scan_reset(n);
	sk_node_drive(n);
}

void sk_medium_gone(struct sk_medium *m, const char *devpath)
{
	struct sk_node *n = find_node(m, devpath);

	if (n == NULL)
		return;
	n->gone = true;
	sk_node_drive(n);
}

void sk_medium_orphan(struct sk_medium *m)
{
	size_t i;

	m->owner = NULL;
	for (i = 0; i < SK_MEDIUM_NODES; i++) {
		if (!m->nodes[i].used)
			continue;
		m->nodes[i].gone = true;
		sk_node_drive(&m->nodes[i]);
	}
}

static bool same_leave(const struct sk_leave *a, const struct sk_leave *b)
{
	return a->access == b->access && a->look == b->look && a->erase == b->erase &&
	       strcmp(a->person, b->person) == 0 && a->scan.before_use == b->scan.before_use && a->sealed == b->sealed;
}

void sk_medium_leave(struct sk_medium *m, int iface, const struct sk_leave *leave)
{
	bool changed = m->n_leaves == 0 || !same_leave(sk_medium_leave_of(m, iface), leave);
	bool was_look = sk_medium_leave_of(m, iface)->look;
	size_t i;

	for (i = 0; i < m->n_leaves && m->leaves[i].iface != iface; i++)
		;
	if (i == SK_MEDIUM_IFACES)
		return; /* no room: no leave, which is the strictest */
	if (i == m->n_leaves)
		m->n_leaves++;
	m->leaves[i].iface = iface;
	m->leaves[i].leave = *leave;
	for (i = 0; changed && i < SK_MEDIUM_NODES; i++) {
		if (!m->nodes[i].used || m->nodes[i].iface != iface)
			continue;
		m->nodes[i].failed = false;
		m->nodes[i].looked = m->nodes[i].looked && was_look == leave->look;
		/* udev's rules made it nobody's while it was looked at. */
		if (was_look && !leave->look && leave->access != SK_ACCESS_NONE)
			m->env.sys->blocks.ops->look_again(m->env.sys->blocks.ctx, m->nodes[i].b.devpath);
		sk_node_drive(&m->nodes[i]);
	}
}

bool sk_medium_busy(const struct sk_medium *m, int iface)
{
	size_t i;

	for (i = 0; i < SK_MEDIUM_NODES; i++) {
		const struct sk_node *n = &m->nodes[i];

		if (n->used && (n->mounted || n->box.open || n->child != NULL || sk_node_record_closing(n)) &&
		    (iface < 0 || n->iface == iface))
			return true;
	}
	return false;
}

bool sk_medium_mounted(const struct sk_medium *m)
{
	size_t i;

	for (i = 0; i < SK_MEDIUM_NODES; i++)
		if (m->nodes[i].used && (m->nodes[i].mounted || m->nodes[i].box.open || sk_node_held(&m->nodes[i])))
			return true;
	return false;
}

void sk_medium_sync(struct sk_medium *m)
{
	size_t i;

	for (i = 0; i < SK_MEDIUM_NODES; i++)
		if (m->nodes[i].used)
			sk_node_sync(&m->nodes[i]);
}

const char *sk_medium_must_close(const struct sk_medium *m, int iface, const struct sk_leave *next)
{
	const struct sk_leave *now = sk_medium_leave_of(m, iface);
	size_t i;

	for (i = 0; i < SK_MEDIUM_NODES; i++) {
		const struct sk_node *n = &m->nodes[i];

		if (!n->used || n->gone || n->iface != iface || !n->opened)
			continue;
		if (now->sealed && !next->sealed && n->box.open)
			return "access-changed";
		if (now->access != next->access && (sk_access_writes(now->access) || n->box.open))
			return "access-changed";
		if (n->mounted ? strcmp(n->person, next->person) != 0
		               : strcmp(now->person, next->person) != 0 && sk_node_held(n))
			return "person-changed";
	}
	return NULL;
}

void sk_medium_prune(struct sk_medium *m)
{
	const struct sk_blocks *blocks = &m->env.sys->blocks;
	struct sk_block b;
	size_t i;

	for (i = 0; i < SK_MEDIUM_NODES; i++) {
		struct sk_node *n = &m->nodes[i];

		if (!n->used || n->gone || blocks->ops->read(blocks->ctx, n->b.devpath, &b) == 0)
			continue;
		n->gone = true;
		sk_node_drive(n);
	}
}

bool sk_medium_present(const struct sk_medium *m, int iface)
{
	const struct sk_blocks *blocks = &m->env.sys->blocks;
	struct sk_block b;
	size_t i;

	for (i = 0; i < SK_MEDIUM_NODES; i++)
		if (m->nodes[i].used && (iface < 0 || m->nodes[i].iface == iface) &&
		    blocks->ops->read(blocks->ctx, m->nodes[i].b.devpath, &b) == 0)
			return true;
	return false;
}

void sk_medium_report(struct sk_medium *m, const char *kind, json_t *body, bool tell)
{
	if (body == NULL)
		return;
	(void)m->env.record(m->env.gate, kind, body);
	if (tell && m->env.notify != NULL)
		m->env.notify(m->env.gate, kind, body);
	json_decref(body);
}

json_t *sk_node_event(const struct sk_node *n)
{
	json_t *body = json_deep_copy(n->m->ident);

	if (body == NULL)
		return NULL;
	(void)json_object_set_new(body, "node", json_string(n->b.name));
	(void)json_object_set_new(body, "size", json_integer((json_int_t)n->b.bytes));
	if (n->path[0] != '\0')
		(void)json_object_set_new(body, "mount", json_string(n->path));
	if (n->person[0] != '\0')
		(void)json_object_set_new(body, "person", json_string(n->person));
	if (n->fstype[0] != '\0')
		(void)json_object_set_new(body, "fstype", json_string(n->fstype));
	if (n->uuid[0] != '\0')
		(void)json_object_set_new(body, "uuid", json_string(n->uuid));
	return body;
}

json_t *sk_medium_json(const struct sk_medium *m)
{
	json_t *list = json_array(), *o;
	size_t i;

	for (i = 0; m != NULL && i < SK_MEDIUM_NODES; i++) {
		const struct sk_node *n = &m->nodes[i];
		const struct sk_leave *l;

		if (!n->used || n->gone)
			continue;
		l = sk_medium_leave_of(m, n->iface);
		o = json_pack("{s:s,s:I,s:b,s:[]}", "node", n->b.name, "size", (json_int_t)n->b.bytes, "read_only",
		              (int)!sk_access_writes(l->access), "mounts");
		if (o == NULL)
			continue;
		if (n->mounted)
			(void)json_array_append_new(json_object_get(o, "mounts"), json_string(n->path));
		if (l->until != 0)
			(void)json_object_set_new(o, "grant_until", json_integer((json_int_t)l->until));
		if (n->container)
			(void)json_object_set_new(o, "container", json_string(n->box.open ? "open" : "closed"));
		if (n->fstype[0] != '\0')
			(void)json_object_set_new(o, "fstype", json_string(n->fstype));
		sk_node_scan_json(n, o);
		sk_node_erase_json(n, o);
		if (n->label[0] != '\0')
			(void)json_object_set_new(o, "label", json_string(n->label));
		(void)json_array_append_new(list, o);
	}
	return list;
}
