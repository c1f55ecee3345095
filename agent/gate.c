/*
 * The list of what is attached, and the four things that set the gate in motion: a kernel event, a change of policy, grants or person, the
 * clock, and a scan (at the start and after lost events). How one device is decided and enforced is in gate_decide.c and gate_enforce.c.
 */
#include "agent/gate.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "agent/gate_impl.h"
#include "common/i18n.h"
#include "common/text.h"

/* ---- the record ---- */

int sk_gate_record(struct sk_gate *g, const char *kind, json_t *body)
{
	int r;

	if (body == NULL)
		return -ENOMEM;
	r = g->hooks.record(g->hooks.ctx, kind, body);
	json_decref(body);
	return r;
}

void sk_gate_notify(struct sk_gate *g, const char *kind, const json_t *body)
{
	if (g->hooks.notify != NULL && body != NULL)
		g->hooks.notify(g->hooks.ctx, kind, body);
}

/* ---- what the medium tells ---- */

static int medium_record(void *gate, const char *kind, const json_t *body)
{
	struct sk_gate *g = gate;

	return g->hooks.record(g->hooks.ctx, kind, body);
}

static void medium_notify(void *gate, const char *kind, const json_t *body)
{
	sk_gate_notify(gate, kind, body);
}

static void medium_erased(void *gate, void *owner, struct sk_medium *m, const json_t *answer)
{
	(void)gate;
	(void)m;
	sk_attached_erased(owner, answer);
}

static void medium_looked(void *gate, void *owner, struct sk_medium *m, const json_t *facts)
{
	(void)gate;
	(void)m;
	if (owner != NULL)
		sk_attached_looked(owner, facts);
}

static int medium_key(void *gate, void *owner, uint8_t out[SK_SEAL_KEY])
{
	(void)gate;
	return sk_attached_container_key(owner, out);
}

static void medium_prepared(void *gate, void *owner, struct sk_medium *m, int result, const char *why)
{
	(void)gate;
	(void)m;
	sk_attached_prepared(owner, result, why);
}

static const struct sk_policy *medium_policy(void *gate)
{
	const struct sk_gate *g = gate;

	return g->hooks.policy(g->hooks.ctx);
}

static void medium_settled(void *gate, void *owner, struct sk_medium *m)
{
	struct sk_gate *g = gate;
	size_t i;

	if (owner != NULL) {
		sk_attached_settle(owner);
		sk_gate_arm(g);
		return;
	}
	for (i = 0; i < sizeof(g->orphans) / sizeof(g->orphans[0]); i++)
		if (g->orphans[i] == m && !sk_medium_busy(m, -1))
			g->orphans[i] = sk_medium_free(m);
}

static void medium_failed(void *gate, void *owner, struct sk_medium *m, const char *why, const char *detail)
{
	(void)gate;
	(void)m;
	if (owner != NULL)
		sk_attached_refuse(owner, "enforcement.failed", why, detail, true);
}

static void medium_shut(void *gate, void *owner, struct sk_medium *m, const char *why)
{
	(void)gate;
	(void)m;
	if (owner != NULL)
		sk_attached_refuse(owner, "device.refused-infected", why, NULL, true);
}

struct sk_medium_env sk_gate_medium_env(struct sk_gate *g)
{
	return (struct sk_medium_env){.loop = g->loop,
	                              .sys = &g->sys,
	                              .gate = g,
	                              .record = medium_record,
	                              .notify = medium_notify,
	                              .looked = medium_looked,
	                              .key = medium_key,
	                              .prepared = medium_prepared,
	                              .erased = medium_erased,
	                              .policy = medium_policy,
	                              .settled = medium_settled,
	                              .failed = medium_failed,
	                              .shut = medium_shut};
}

/* ---- the list ---- */

struct sk_attached *sk_gate_find(const struct sk_gate *g, const char *name)
{
	struct sk_attached *a = g->first;

	while (a != NULL && strcmp(a->dev->name, name) != 0)
		a = a->next;
	return a;
}

static void append(struct sk_gate *g, struct sk_attached *a)
{
	struct sk_attached **p = &g->first;

	while (*p != NULL)
		p = &(*p)->next;
	*p = a;
}

static void unlink_attached(struct sk_gate *g, struct sk_attached *a)
{
	struct sk_attached **p = &g->first;

	while (*p != a)
		p = &(*p)->next;
	*p = a->next;
}

/* Mounts of a device that was pulled out must still be undone. */
static void keep_orphan(struct sk_gate *g, struct sk_medium *m)
{
	size_t i;

	sk_medium_orphan(m);
	for (i = 0; i < sizeof(g->orphans) / sizeof(g->orphans[0]) && sk_medium_busy(m, -1); i++) {
		if (g->orphans[i] == NULL) {
			g->orphans[i] = m;
			return;
		}
	}
	(void)sk_medium_free(m);
}

static void consider_refused_inputs(struct sk_gate *g)
{
	struct sk_attached *a;

	for (a = g->first; a != NULL; a = a->next)
		if ((!a->outcome.allow || a->confirm != SK_CONFIRM_NONE) &&
		    (sk_usb_desc_kinds(&a->facts.desc) & (SK_USB_INPUT | SK_USB_HUB)))
			sk_attached_consider(a);
}

static void forget(struct sk_gate *g, struct sk_attached *a)
{
	bool input = a->outcome.allow && (sk_usb_desc_kinds(&a->facts.desc) & SK_USB_INPUT);
	struct sk_medium *m = a->medium;

	unlink_attached(g, a);
	if (!a->dev->root_hub && !a->unsaid)
		(void)sk_gate_record(g, "device.removed", sk_attached_ident(a));
	a->medium = NULL;
	(void)sk_attached_free(a);
	if (m != NULL)
		keep_orphan(g, m);
	if (input) /* the last keyboard may have gone: one that waits may now come in by the safe path */
		consider_refused_inputs(g);
}

/* ---- devices come and go ---- */

static void shut_controller(struct sk_attached *a, bool told_open)
{
	const struct sk_usb *usb = &a->gate->sys.usb;
	bool was_open = false;
	int r = usb->ops->shut_controller(usb->ctx, a->dev, &was_open);

	if (r < 0 && r != -ENODEV)
		sk_attached_note(a, "enforcement.failed", N_("the controller does not take the default deny"),
		                 strerror(-r));
	else if (was_open && told_open)
		sk_attached_note(a, "controller.opened",
		                 N_("the controller's default deny had been lifted; it is set again"), NULL);
}

/* A root hub whose own interface came after the default deny was set must be opened like any other hub, else nothing behind it is ever
 * seen. Root hubs have one configuration and one interface. */
static void open_root_hub(struct sk_attached *a)
{
	const struct sk_usb *usb = &a->gate->sys.usb;
	struct sk_usb_iface_state s;

	if (usb->ops->iface_state(usb->ctx, a->dev, 1, 0, &s) < 0 || !s.present ||
	    (s.authorized && s.driver[0] != '\0'))
		return;
	if (s.authorized || usb->ops->iface_authorise(usb->ctx, a->dev, 1, 0, true) == 0)
		(void)usb->ops->iface_probe(usb->ctx, a->dev, 1, 0);
}

/* A device that is authorised the moment it appears: somebody lifted the default of its controller (or the fail-safe let it in). */
static void check_controllers(struct sk_gate *g)
{
	struct sk_attached *a;

	for (a = g->first; a != NULL; a = a->next)
		if (a->dev->root_hub)
			shut_controller(a, true);
}

/* Attaches what is not yet; NULL when it is known, gone again or unreadable. */
static struct sk_attached *attach(struct sk_gate *g, const char *name, const char *devpath)
{
	const struct sk_usb *usb = sk_gate_via(g, name);
	struct sk_attached *a = sk_gate_find(g, name);

	if (a != NULL && usb->ops->alive(usb->ctx, a->dev))
		return NULL;
	if (a != NULL)
		forget(g, a);
	if (sk_attached_new(g, name, devpath, &a) < 0)
		return NULL;
	append(g, a);
	if (a->dev->root_hub) {
		shut_controller(a, g->started);
		open_root_hub(a);
	}
	return a;
}

void sk_gate_device_added(struct sk_gate *g, const char *name, const char *devpath)
{
	const struct sk_usb *usb = sk_gate_via(g, name);
	struct sk_usb_state state;
	struct sk_attached *a;

	a = attach(g, name, devpath);
	if (a == NULL || a->dev->root_hub)
		return;
	if (usb->ops->state(usb->ctx, a->dev, &state) == 0) {
		a->untouched = a->came_shut = !state.authorized;
		if (state.authorized && usb == &g->sys.usb)
			check_controllers(g);
	}
	if (sk_attached_hold(a))
		return;
	sk_attached_consider(a);
	sk_gate_arm(g);
}

static void interface_added(struct sk_gate *g, const char *name)
{
	char root[SK_USB_NAME];
	struct sk_attached *a = NULL;

	if (sk_usb_root_of_iface(name, root, sizeof(root)) != 0) {
		sk_gate_iface_came(g, name);
		return;
	}
	a = sk_gate_find(g, root);
	if (a != NULL)
		open_root_hub(a);
}

void sk_gate_device_bound(struct sk_gate *g, const char *name)
{
	struct sk_attached *a = sk_gate_find(g, name);

	if (a != NULL && a->decided && !a->outcome.allow)
		sk_attached_shut(a);
}

void sk_gate_device_removed(struct sk_gate *g, const char *name)
{
	const struct sk_usb *usb = sk_gate_via(g, name);
	struct sk_attached *a = sk_gate_find(g, name);

	/* Alive: the event is about an earlier device on this port. */
	if (a == NULL || usb->ops->alive(usb->ctx, a->dev))
		return;
	forget(g, a);
	sk_gate_arm(g);
}

void sk_gate_uevent(struct sk_gate *g, const struct sk_uevent *e)
{
	bool add = strcmp(e->action, "add") == 0, remove = strcmp(e->action, "remove") == 0;

	/* "change" of a USB device is mostly the echo of our own writes; nothing is decided on it. */
	if (strcmp(e->subsystem, "usb") == 0 && strcmp(e->devtype, "usb_device") == 0) {
		if (add && sk_usb_is_device_name(e->name))
			sk_gate_device_added(g, e->name, e->devpath);
		else if (remove)
			sk_gate_device_removed(g, e->name);
		else if (strcmp(e->action, "bind") == 0)
			sk_gate_kernel_done(g, e->name);
	} else if (strcmp(e->subsystem, "usb") == 0 && strcmp(e->devtype, "usb_interface") == 0) {
		if (add)
			interface_added(g, e->name);
		else if (strcmp(e->action, "bind") == 0)
			sk_gate_iface_bound(g, e->devpath);
	} else if (strcmp(e->subsystem, "net") == 0) {
		if (add)
			sk_gate_driver_came(g, e->devpath);
	} else if (strcmp(e->subsystem, "block") == 0) {
		if (add)
			sk_gate_block_added(g, e->devpath);
		else if (remove)
			sk_gate_block_removed(g, e->devpath);
		else if (e->media_change)
			sk_gate_block_changed(g, e->devpath);
	} else {
		(void)sk_gate_bus_uevent(g, e);
	}
}

/* ---- scan ---- */

static int scan_one(void *arg, const char *name)
{
	(void)attach(arg, name, NULL);
	return 0;
}

static void drop_dead(struct sk_gate *g)
{
	struct sk_attached *a, *next;

	for (a = g->first; a != NULL; a = next) {
		next = a->next;
		if (!a->via->ops->alive(a->via->ctx, a->dev))
			forget(g, a);
	}
}

/* Controllers come first in the list, so the default deny stands before any device is looked at. */
int sk_gate_scan(struct sk_gate *g, bool first)
{
	const struct sk_usb *usb = &g->sys.usb;
	struct sk_attached *a;
	int r, b;

	(void)first;
	drop_dead(g);
	r = usb->ops->list(usb->ctx, scan_one, g);
	sk_gate_bus_scan(g, scan_one);
	b = sk_gate_block_scan(g);
	for (a = g->first; a != NULL; a = a->next)
		if (!a->decided)
			sk_attached_consider(a);
	sk_gate_bus_scanned(g);
	sk_gate_arm(g);
	return r < 0 ? r : b;
}

static void on_uevent(void *ctx, const struct sk_uevent *e)
{
	sk_gate_uevent(ctx, e);
}

static void on_lost(void *ctx)
{
	struct sk_gate *g = ctx;

	(void)sk_gate_record(g, "uevents.lost", json_object());
	(void)sk_gate_scan(g, false);
}

/* ---- the person ---- */

void sk_gate_person(struct sk_gate *g, const char *person)
{
	if (strcmp(g->person, person) == 0)
		return;
	sk_text_copy(g->person, sizeof(g->person), person);
	sk_login_groups(g->person, &g->groups);
	(void)sk_gate_reconsider(g);
}

const char *sk_gate_active(const struct sk_gate *g)
{
	return g->person;
}

static void on_login(void *ctx)
{
	struct sk_gate *g = ctx;

	sk_gate_person(g, sk_login_person(g->login));
	sk_lock_look(g->lock);
}

static void on_lock(void *ctx, bool locked)
{
	sk_gate_locked(ctx, locked);
}

/* ---- life ---- */

struct sk_system sk_system_real(const char *sysfs_root)
{
	struct sk_system sys = {.usb = sk_usb_sysfs(sysfs_root),
	                        .blocks = sk_blocks_sysfs(sysfs_root),
	                        .mounts_of = sk_mount_of,
	                        .start = sk_child_start,
	                        .cancel = sk_child_cancel,
	                        .start_input = sk_child_start_input,
	                        .internal_conf = SK_INTERNAL_CONF,
	                        .record_root = SK_RECORD_ROOT,
	                        .n_buses = SK_BUSES,
	                        .root = sysfs_root,
	                        .keyboards = sysfs_root[0] == '\0' ? SK_KEYBOARDS_PATH : NULL};

	(void)snprintf(sys.disks_conf, sizeof(sys.disks_conf), "%s%s", sysfs_root, SK_DISKS_CONF);
	(void)snprintf(sys.disks_run, sizeof(sys.disks_run), "%s%s", sysfs_root, SK_DISKS_RUN);
	sk_bus_faces(sysfs_root, sys.buses);
	return sys;
}

int sk_gate_new_on(sd_event *loop, const struct sk_gate_hooks *hooks, const struct sk_system *sys, struct sk_gate **out)
{
	struct sk_gate *g = calloc(1, sizeof(*g));

	if (g != NULL) {
		g->own = calloc(1, sizeof(*g->own));
		g->keyboards = calloc(1, sizeof(*g->keyboards));
	}
	if (g == NULL || g->own == NULL || g->keyboards == NULL) {
		if (g != NULL) {
			free(g->own);
			free(g->keyboards);
		}
		free(g);
		return -ENOMEM;
	}
	g->loop = sd_event_ref(loop);
	g->hooks = *hooks;
	g->sys = *sys;
	g->n_internal = -1;
	*out = g;
	return 0;
}

int sk_gate_new(sd_event *loop, const struct sk_gate_hooks *hooks, struct sk_gate **out, struct sk_err *err)
{
	struct sk_system sys = sk_system_real("");
	int r = sk_gate_new_on(loop, hooks, &sys, out);

	return r < 0 ? sk_err_set(err, r, "gate: out of memory") : 0;
}

struct sk_gate *sk_gate_free(struct sk_gate *g)
{
	struct sk_attached *a;
	size_t i;

	if (g == NULL)
		return NULL;
	g->uevents = sk_uevents_free(g->uevents);
	g->login = sk_login_free(g->login);
	g->lock = sk_lock_free(g->lock);
	g->timer = sd_event_source_disable_unref(g->timer);
	g->lun_timer = sd_event_source_disable_unref(g->lun_timer);
	g->hold_timer = sd_event_source_disable_unref(g->hold_timer);
	while ((a = g->first) != NULL) {
		g->first = a->next;
		(void)sk_attached_free(a);
	}
	for (i = 0; i < sizeof(g->orphans) / sizeof(g->orphans[0]); i++)
		(void)sk_medium_free(g->orphans[i]);
	sk_groups_clear(&g->groups);
	(void)sd_event_unref(g->loop);
	g->confirm_timer = sd_event_source_disable_unref(g->confirm_timer);
	free(g->own);
	free(g->keyboards);
	free(g);
	return NULL;
}

static int set_defaults(void *arg, const char *name)
{
	if (name[0] == 'u')
		(void)attach(arg, name, NULL);
	return 0;
}

int sk_gate_start(struct sk_gate *g, struct sk_err *err)
{
	struct sk_uevent_handler handler = {.ctx = g, .event = on_uevent, .lost = on_lost};
	int l, r = sk_uevents_new(g->loop, &handler, &g->uevents, err);

	/* Listening comes first, so that nothing falls between; but also when it cannot be had, the default deny is set. */
	l = g->sys.usb.ops->list(g->sys.usb.ctx, set_defaults, g);
	if (r < 0)
		return r;
	sk_gate_bus_start(g);
	if (l < 0)
		return sk_err_set(err, l, "USB devices cannot be listed: %s", strerror(-l));
	r = sk_login_new(g->loop, on_login, g, &g->login);
	if (r < 0)
		return sk_err_set(err, r, "login sessions cannot be watched: %s", strerror(-r));
	sk_text_copy(g->person, sizeof(g->person), sk_login_person(g->login));
	sk_login_groups(g->person, &g->groups);
	r = sk_lock_new(g->loop, on_lock, g, &g->lock);
	if (r < 0)
		return sk_err_set(err, r, "the lock of sessions cannot be watched: %s", strerror(-r));
	g->built_in = sk_keyboards_built_in(g->sys.root);
	if (g->sys.keyboards != NULL) /* a list that is there counts from the first decision on */
		(void)sk_keyboards_load(g->sys.keyboards, g->keyboards);
	r = sk_gate_scan(g, true);
	if (r < 0)
		return sk_err_set(err, r, "attached devices cannot be read: %s", strerror(-r));
	g->started = true;
	sk_gate_keyboards_learn(g);
	return 0;
}

void sk_gate_check_drivers(struct sk_gate *g)
{
	struct sk_attached *a;

	for (a = g->first; a != NULL; a = a->next)
		if (!a->dev->root_hub && a->loading == NULL)
			(void)sk_attached_lied(a);
}

const char *sk_gate_active_person(const struct sk_gate *g)
{
	return g->person;
}

int sk_gate_reconsider(struct sk_gate *g)
{
	struct sk_attached *a;

	if (g->started)
		sk_gate_keyboards_learn(g);
	for (a = g->first; a != NULL; a = a->next)
		sk_attached_consider(a);
	sk_gate_arm(g);
	return 0;
}
