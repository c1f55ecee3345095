/*
 * One block node, driven toward its leave: read-only mark, mount, unmount. At most one helper runs per node; when it ends the node is
 * driven again, so whatever changed meanwhile is carried out then.
 *
 *      idle --mount helper--> mounted --unmount helper--> idle        failed: not tried again before its leave or medium changes
 *         with a policy that scans first: idle --scan helper--> clean --mount helper--> mounted (medium_scan.c)
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "agent/medium_impl.h"
#include "common/i18n.h"
#include "common/json.h"
#include "common/text.h"
#include "policy/media.h"

#define MOUNT_PROGRAM SK_LIBEXEC "/sekimori-mount"
#define MOUNT_MS      30000
#define UNMOUNT_MS    20000
#define WRITTEN_MS    180000 /* a slow stick with much to write back */
#define MEDIA_ROOT    "/run/media/"

/* why: a msgid (of ours or of sekimori-mount's); detail: the system's own words, or NULL. */
static void fail_node(struct sk_node *n, const char *kind, const char *why, const char *detail)
{
	json_t *body = sk_node_event(n);

	n->failed = true;
	if (body != NULL)
		(void)json_object_set_new(body, "why", json_string(why));
	if (body != NULL && detail != NULL)
		(void)json_object_set_new(body, "detail", json_string(detail));
	sk_medium_report(n->m, kind, body, true);
}

static struct sk_mount *mount_at(struct sk_mount *list, int n, const char *path)
{
	int i;

	for (i = 0; i < n; i++)
		if (strcmp(list[i].path, path) == 0)
			return &list[i];
	return NULL;
}

/* ---- the read-only mark ---- */

static bool mark_read_only(struct sk_node *n, bool ro)
{
	struct sk_medium *m = n->m;
	const struct sk_blocks *blocks = &m->env.sys->blocks;
	struct sk_block now;
	int r;

	if (n->b.ro == ro && n->opened)
		return true;
	r = blocks->ops->set_ro(blocks->ctx, &n->b, ro);
	if (r == 0)
		r = blocks->ops->read(blocks->ctx, n->b.devpath, &now);
	if (r == -ENODEV)
		return false; /* gone meanwhile; its remove event follows */
	if (r == 0) {
		n->b.ro = now.ro;
		if (!ro || now.ro || now.bytes == 0)
			return true;
		r = -EIO;
	}
	n->failed = true;
	m->env.failed(m->env.gate, m->owner, m, N_("the medium cannot be set read-only"), strerror(-r));
	return false;
}

/* ---- unmount ---- */

static bool writable(const struct sk_node *n)
{
	return n->box.open ? !n->box.ro : !n->b.ro;
}

static void report_unmounted(struct sk_node *n, int status, const char *output, size_t len)
{
	json_t *answer = NULL, *body = sk_node_event(n), *busy;
	bool ok = status == 0 && sk_json_parse(output, len, SK_CHILD_OUTPUT_MAX, &answer, NULL) == 0;

	/* What the desktop opened (an encrypted container) is told too, when there was anything. */
	if (body == NULL || (!n->mounted && ok && json_integer_value(json_object_get(answer, "mounts")) == 0)) {
		json_decref(body);
		json_decref(answer);
		return;
	}
	(void)json_object_set_new(body, "cause", json_string(n->cause != NULL ? n->cause : "closed"));
	(void)json_object_set_new(body, "clean",
	                          json_boolean(ok && !json_is_true(json_object_get(answer, "detached"))));
	busy = ok ? json_object_get(answer, "busy") : NULL;
	if (json_is_array(busy) && json_array_size(busy) > 0)
		(void)json_object_set(body, "busy", busy);
	if (!ok)
		(void)json_object_set_new(body, "detail", json_sprintf("sekimori-mount: %d", status));
	sk_medium_report(n->m, "medium.unmounted", body, true);
	json_decref(answer);
}

static void after_step(struct sk_node *n)
{
	struct sk_medium *m = n->m;

	sk_node_drive(n);
	m->env.settled(m->env.gate, m->owner, m);
}

static void on_unmounted(void *arg, int status, const char *output, size_t len)
{
	struct sk_node *n = arg;

	n->child = NULL;
	n->closing = false;
	report_unmounted(n, status, output, len);
	n->mounted = false;
	n->opened = false;
	n->path[0] = n->person[0] = '\0';
	sk_node_scan_reset(n); /* another use, another scan */
	sk_node_record_unmounted(n);
	/* What the recorder still reads is closed when it is done. */
	if (sk_node_record_closing(n) || !sk_node_close_container(n))
		after_step(n);
}

static void start_unmount(struct sk_node *n, const char *cause)
{
	const struct sk_system *sys = n->m->env.sys;
	const char *argv[4] = {MOUNT_PROGRAM, "unmount", NULL, NULL};
	char dev[32];

	(void)snprintf(dev, sizeof(dev), "%u:%u", n->b.major, n->b.minor);
	argv[2] = dev;
	n->cause = cause;
	if (sys->start(n->m->env.loop, argv, writable(n) ? WRITTEN_MS : UNMOUNT_MS, on_unmounted, n, &n->child) < 0) {
		/* No process to be had. The device is closed all the same; say that the mount was torn. */
		report_unmounted(n, 127, "", 0);
		n->mounted = n->opened = false;
		sk_node_record_unmounted(n);
		return;
	}
	n->closing = true;
}

/* ---- write back ---- */

static void on_synced(void *arg, int status, const char *output, size_t len)
{
	struct sk_node *n = arg;

	(void)status; /* what could not be written back now is reported when it is unmounted */
	(void)output;
	(void)len;
	n->child = NULL;
	after_step(n);
}

void sk_node_sync(struct sk_node *n)
{
	const struct sk_system *sys = n->m->env.sys;
	const char *argv[4] = {MOUNT_PROGRAM, "sync", NULL, NULL};
	char dev[32];

	if (n->child != NULL || n->gone || !writable(n) || !(n->mounted || sk_node_held(n)))
		return;
	(void)snprintf(dev, sizeof(dev), "%u:%u", n->b.major, n->b.minor);
	argv[2] = dev;
	if (sys->start(n->m->env.loop, argv, WRITTEN_MS, on_synced, n, &n->child) < 0)
		n->child = NULL; /* it is written back when it is unmounted */
}

/* ---- mount ---- */

static void take_text(const json_t *answer, const char *name, char *out, size_t size)
{
	const char *s = json_string_value(json_object_get(answer, name));

	(void)sk_text_escape(out, size, s != NULL ? s : "", s != NULL ? strlen(s) : 0);
}

/* Believed is the kernel's table, not the helper. NULL = in order. */
static const char *check_mount(const struct sk_node *n, bool ro)
{
	struct sk_mount list[16], *at;
	int k = n->m->env.sys->mounts_of(n->box.open ? n->box.major : n->b.major,
	                                 n->box.open ? n->box.minor : n->b.minor, list, 16);

	at = k < 0 ? NULL : mount_at(list, k < 16 ? k : 16, n->path);
	if (at == NULL)
		return N_("the mount is not in the kernel's table");
	if (ro && !(at->ro && at->super_ro))
		return N_("mounted writable although only reading is allowed");
	if (!at->nodev || !at->nosuid || !at->noexec)
		return N_("mounted without nodev, nosuid, noexec");
	return NULL;
}

const struct sk_policy *sk_medium_policy(const struct sk_medium *m)
{
	return m->env.policy != NULL ? m->env.policy(m->env.gate) : NULL;
}

void sk_node_zone(const struct sk_node *n, json_t *body)
{
	const struct sk_policy *p = sk_medium_policy(n->m);

	if (p != NULL)
		(void)json_object_set_new(body, "zone", json_string(sk_zone_name(p->zone)));
}

/* adopted: it was open already when we started, and whoever looks at the record since then must see that. */
static void report_mounted(struct sk_node *n, bool adopted)
{
	const struct sk_leave *l = sk_medium_leave_of(n->m, n->iface);
	json_t *body = sk_node_event(n);

	if (body == NULL)
		return;
	(void)json_object_set_new(body, "label", json_string(n->label));
	(void)json_object_set_new(body, "read_only", json_boolean(n->ro));
	sk_node_zone(n, body);
	if (n->box.open) {
		(void)json_object_set_new(body, "encryption", json_string(sk_media_encryption_name(n->box.kind)));
		(void)json_object_set_new(body, "cipher", json_string(n->box.cipher));
	}
	if (l->grant[0] != '\0')
		(void)json_object_set_new(body, "grant", json_string(l->grant));
	if (l->until != 0)
		(void)json_object_set_new(body, "until", json_integer((json_int_t)l->until));
	if (adopted)
		(void)json_object_set_new(body, "adopted", json_true());
	sk_medium_report(n->m, "medium.mounted", body, !adopted);
}

static void take_mount(struct sk_node *n, const json_t *answer)
{
	const char *path = json_string_value(json_object_get(answer, "mount"));
	const char *why;

	if (path == NULL || strncmp(path, MEDIA_ROOT, strlen(MEDIA_ROOT)) != 0 || strlen(path) >= sizeof(n->path)) {
		fail_node(n, "medium.mount-failed", N_("the helper named no mount point"), NULL);
		return;
	}
	sk_text_copy(n->path, sizeof(n->path), path);
	take_text(answer, "fstype", n->fstype, sizeof(n->fstype));
	take_text(answer, "label", n->label, sizeof(n->label));
	take_text(answer, "uuid", n->uuid, sizeof(n->uuid));
	n->mounted = true;
	why = check_mount(n, n->ro);
	if (why == NULL) {
		report_mounted(n, false);
		return;
	}
	fail_node(n, "enforcement.failed", why, NULL);
	start_unmount(n, "unsafe-mount");
}

static void report_not_mounted(struct sk_node *n, const json_t *answer, int status)
{
	const char *said = json_string_value(json_object_get(answer, "error"));
	char why[256], detail[128];

	take_text(answer, "error", why, sizeof(why));
	take_text(answer, "detail", detail, sizeof(detail));
	take_text(answer, "fstype", n->fstype, sizeof(n->fstype));
	n->container = n->container || sk_node_is_container(n->fstype);
	if (said == NULL)
		(void)snprintf(detail, sizeof(detail), "sekimori-mount: %d", status);
	fail_node(n, "medium.mount-failed", said != NULL ? why : N_("the helper ended without an answer"),
	          detail[0] != '\0' ? detail : NULL);
}

static void on_mounted(void *arg, int status, const char *output, size_t len)
{
	struct sk_node *n = arg;
	json_t *answer = NULL;

	n->child = NULL;
	if (len > 0 && sk_json_parse(output, len, SK_CHILD_OUTPUT_MAX, &answer, NULL) < 0)
		answer = NULL;
	if (status == 0 && answer != NULL)
		take_mount(n, answer);
	else
		report_not_mounted(n, answer, status);
	if (!n->mounted)
		sk_node_record_unmounted(n);
	json_decref(answer);
	after_step(n);
}

static bool only_reads(const struct sk_node *n, const struct sk_leave *l)
{
	return l->access != SK_ACCESS_RW || sk_node_scan_holds_ro(n, l) || sk_node_record_holds_ro(n);
}

static void start_mount_of(struct sk_node *n, const struct sk_leave *l, const char *node, unsigned major,
                           unsigned minor, const char *how)
{
	const struct sk_system *sys = n->m->env.sys;
	char dev[32];
	const char *argv[] = {MOUNT_PROGRAM, "mount", node, dev, l->person, how, NULL};
	int r;

	(void)snprintf(dev, sizeof(dev), "%u:%u", major, minor);
	n->ro = strcmp(how, "rw") != 0;
	sk_text_copy(n->person, sizeof(n->person), l->person);
	r = sys->start(n->m->env.loop, argv, MOUNT_MS, on_mounted, n, &n->child);
	if (r < 0)
		fail_node(n, "medium.mount-failed", N_("the helper could not be started"), strerror(-r));
}

/* Where only what is encrypted may be used, what lies plainly on the medium is looked at and not mounted. */
static void start_mount(struct sk_node *n, const struct sk_leave *l)
{
	char node[SK_BLOCK_NAME + 8];

	(void)snprintf(node, sizeof(node), "/dev/%s", n->b.name);
	start_mount_of(n, l, node, n->b.major, n->b.minor,
	               sk_access_encrypted(l->access) ? "encrypted"
	               : only_reads(n, l)             ? "ro"
	                                              : "rw");
}

/* Scanned first like what lies plainly on a medium; what does not pass, or cannot be mounted, is not left open. */
static void drive_container(struct sk_node *n, const struct sk_leave *l)
{
	if (!n->failed && l->person[0] != '\0' && sk_node_scan_passed(n, l)) {
		bool ro = n->box.ro || sk_node_scan_holds_ro(n, l);

		if (!ro && !sk_node_record_ready(n, l))
			return;
		start_mount_of(n, l, n->box.node, n->box.major, n->box.minor,
		               ro || sk_node_record_holds_ro(n) ? "ro" : "rw");
	}
	if (n->failed && n->child == NULL)
		(void)sk_node_close_container(n);
}

/* ---- driving ---- */

static bool mountable(const struct sk_node *n)
{
	return n->b.bytes > 0 && !n->b.held && (n->b.partition || n->b.partitions == 0);
}

static const char *why_unmount(const struct sk_node *n, const struct sk_leave *l)
{
	if (n->gone)
		return "removed";
	if (l->access == SK_ACCESS_NONE)
		return l->cause != NULL ? l->cause : "closed";
	if (l->erase)
		return "erase";
	if (l->look && n->b.bytes > 0)
		return NULL; /* taken over after our restart: it goes on while it is looked at again */
	if (strcmp(l->person, n->person) != 0)
		return "person-changed";
	if (n->ro !=
	        (!sk_access_writes(l->access) || n->scan.step == SK_SCAN_PASSED_RO || sk_node_record_holds_ro(n)) ||
	    (sk_access_encrypted(l->access) && !n->box.open))
		return "access-changed";
	return n->b.bytes == 0 ? "removed" : NULL;
}

/* Asked anew each time: a container is opened long after its node came. */
bool sk_node_held(const struct sk_node *n)
{
	const struct sk_blocks *blocks = &n->m->env.sys->blocks;
	struct sk_block now;

	return n->opened && (blocks->ops->read(blocks->ctx, n->b.devpath, &now) == 0 ? now.held : n->b.held);
}

static bool still_used(const struct sk_node *n)
{
	struct sk_mount one;

	return n->opened && (sk_node_held(n) || n->m->env.sys->mounts_of(n->b.major, n->b.minor, &one, 1) > 0);
}

/* Of the medium as a whole: the last of its nodes that lets go of something starts it. */
static void erase_when_free(struct sk_medium *m, int iface)
{
	for (size_t i = 0; i < SK_MEDIUM_NODES; i++)
		if (m->nodes[i].used && !m->nodes[i].gone && m->nodes[i].iface == iface)
			sk_node_erase(&m->nodes[i]);
}

void sk_node_drive(struct sk_node *n)
{
	const struct sk_leave *l = sk_medium_leave_of(n->m, n->iface);
	const char *cause;

	if (n->gone || (n->m->n_leaves > 0 && l->access == SK_ACCESS_NONE))
		sk_node_scan_cancel(n, n->gone ? "removed" : "closed");
	if (n->gone || !l->look)
		sk_node_look_cancel(n);
	if (n->gone || !l->erase)
		sk_node_erase_cancel(n);
	if (!n->used || n->child != NULL || n->m->n_leaves == 0 || (!n->mounted && sk_node_record_closing(n)))
		return;
	cause = n->mounted ? why_unmount(n, l) : NULL;
	if (cause == NULL && !n->mounted && (n->gone || l->access == SK_ACCESS_NONE || l->erase) &&
	    (n->box.open || still_used(n)))
		cause = n->gone ? "removed" : l->erase ? "erase" : l->cause != NULL ? l->cause : "closed";
	if (cause != NULL) {
		start_unmount(n, cause);
		if (n->child != NULL)
			return;
	}
	if (!n->mounted && (n->gone || l->access == SK_ACCESS_NONE))
		sk_node_record_unmounted(n);
	if (sk_node_record_closing(n))
		return;
	if (n->gone) {
		n->used = false;
		return;
	}
	/* The mark of a disk covers its partitions: not while one of them is still being written back. */
	if (l->access == SK_ACCESS_NONE && sk_medium_busy(n->m, n->iface))
		return;
	if (n->mounted && n->adopted) {
		n->adopted = false;
		report_mounted(n, true);
	}
	if (l->erase) {
		n->opened = true;
		erase_when_free(n->m, n->iface);
		return;
	}
	if (l->look && !n->failed) {
		bool in_use = n->mounted || sk_node_held(n) || sk_medium_mounted(n->m);

		n->opened = true;
		if (in_use || mark_read_only(n, true))
			sk_node_look(n);
		return;
	}
	if (n->box.open && !n->mounted && l->access != SK_ACCESS_NONE) {
		drive_container(n, l);
		return;
	}
	if (n->mounted || n->failed ||
	    !mark_read_only(n, mountable(n) ? only_reads(n, l) : l->access != SK_ACCESS_RW) ||
	    l->access == SK_ACCESS_NONE)
		return;
	n->opened = true;
	/* Where only what is encrypted is opened, nothing is mounted of the node itself: what is inside it is scanned. */
	if (!mountable(n) || (!sk_access_encrypted(l->access) && !sk_node_scan_passed(n, l)))
		return;
	if (l->person[0] != '\0' && l->sealed)
		sk_node_open_sealed(n, l);
	else if (l->person[0] != '\0' && (only_reads(n, l) || sk_node_record_ready(n, l)))
		start_mount(n, l);
}

void sk_node_adopt_mount(struct sk_node *n, unsigned major, unsigned minor)
{
	struct sk_mount list[1];
	const char *rest, *slash;

	if (n->m->env.sys->mounts_of(major, minor, list, 1) < 1)
		return;
	n->opened = n->mounted = n->adopted = true;
	sk_text_copy(n->path, sizeof(n->path), list[0].path);
	sk_text_copy(n->fstype, sizeof(n->fstype), list[0].fstype);
	n->ro = list[0].ro && list[0].super_ro;
	rest = list[0].path + strlen(MEDIA_ROOT);
	slash = strncmp(list[0].path, MEDIA_ROOT, strlen(MEDIA_ROOT)) == 0 ? strchr(rest, '/') : NULL;
	if (slash != NULL && (size_t)(slash - rest) < sizeof(n->person)) {
		(void)memcpy(n->person, rest, (size_t)(slash - rest));
		n->person[slash - rest] = '\0';
	}
	sk_node_record_adopt(n);
}

void sk_node_adopt(struct sk_node *n)
{
	sk_node_adopt_mount(n, n->b.major, n->b.minor);
	if (!n->mounted)
		sk_node_adopt_container(n);
}
