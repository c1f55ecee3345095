/*
 * Devices of the other buses (platform/bus.h): which are the machine's own, their default deny, their events. Everything else about them is done as for
 * USB. Order at the start: own disks known -> default deny of the bus -> what is there is judged. Where they are not known, SCSI and NVMe stay as
 * they are, because a machine must boot; that is recorded.
 *
 * A SCSI device behind a USB or FireWire device belongs to that one: under the default deny of the bus it gets its driver when its owner may store.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/gate_impl.h"
#include "common/i18n.h"
#include "common/text.h"

const struct sk_usb *sk_gate_via(const struct sk_gate *g, const char *name)
{
	const struct sk_bus_ops *bus = strchr(name, ':') != NULL ? sk_bus_of(name) : NULL; /* USB's names have none */
	size_t i;

	for (i = 0; bus != NULL && i < g->sys.n_buses; i++)
		if (bus == sk_bus_at(i))
			return &g->sys.buses[i];
	return &g->sys.usb;
}

/* Cards have nothing that must boot: flash that is soldered is learned or in use. */
static bool needs_own(const struct sk_bus_ops *bus)
{
	return bus == &SK_BUS_SCSI_OPS || bus == &SK_BUS_PCI_OPS || bus == &SK_BUS_THUNDERBOLT_OPS;
}

/* ---- the machine's own ---- */

struct use {
	const struct sk_gate *g;
	const char *devpath;
	size_t len;
};

static int below(void *arg, const char *devpath)
{
	const struct use *u = arg;

	return strncmp(devpath, u->devpath, u->len) == 0 && devpath[u->len] == '/' ? -EEXIST : 0;
}

static int claimed(void *arg, const char *devpath)
{
	struct use *u = arg;
	const struct sk_blocks *blocks = &u->g->sys.blocks;
	struct sk_block b;
	int r =
	    sk_block_is_multipath(devpath) ? blocks->ops->slaves(blocks->ctx, devpath, below, u) : below(u, devpath);

	if (r != -EEXIST || blocks->ops->read(blocks->ctx, devpath, &b) < 0)
		return 0;
	return blocks->ops->claimed(blocks->ctx, &b) ? -EBUSY : 0;
}

static bool in_use(const struct sk_gate *g, const char *devpath)
{
	struct use u = {g, devpath, strlen(devpath)};

	return g->sys.blocks.ops->list(g->sys.blocks.ctx, claimed, &u) == -EBUSY;
}

/* At the first start in a boot: a disk that somebody uses (mounted, member of an array, swap), and an NVMe disk that is in no outward port. */
static int note_own(void *arg, const char *kernel_name)
{
	struct sk_gate_walk *w = arg;
	struct sk_gate *g = w->gate;
	char devpath[SK_DEVPATH_MAX];
	struct sk_bus_ident id;
	int fd = sk_bus_open(g->sys.root, w->bus, kernel_name, devpath);

	if (fd < 0)
		return 0;
	if (w->bus->identify(fd, devpath, &id) == 0 && id.stores &&
	    ((w->bus->outward != NULL && !w->bus->outward(g->sys.root, devpath)) ||
	     ((id.disk || w->bus == &SK_BUS_MMC_OPS) && in_use(g, devpath))))
		(void)sk_disks_add(g->own, &id);
	(void)close(fd);
	return 0;
}

static void learn_boot(struct sk_gate *g)
{
	size_t i;

	if (sk_disks_load(g->sys.disks_run, g->own) == 0)
		return; /* a later start: what is in use now may be what was admitted since */
	for (i = 0; i < g->sys.n_buses; i++) {
		struct sk_gate_walk w = {g, sk_bus_at(i)};

		(void)sk_bus_each(g->sys.root, w.bus, note_own, &w);
	}
	(void)sk_disks_save(g->sys.disks_run, g->own);
}

/* An NVMe disk known by model and place alone: another one of the model can be put into its place. The machine's own is there when we start, and
 * was never held by us; what comes later is somebody else's until the machine starts anew. */
static bool was_there(const struct sk_attached *a)
{
	struct sk_usb_state s;

	if (a->outcome.internal)
		return true;
	return !a->gate->started && a->via->ops->state(a->via->ctx, a->dev, &s) == 0 && s.authorized;
}

static bool is_own_disk(const struct sk_attached *a)
{
	const struct sk_gate *g = a->gate;
	const struct sk_bus_ops *bus = sk_bus_of(a->dev->name);
	char devpath[SK_DEVPATH_MAX];
	struct sk_bus_ident id;
	bool own;
	int fd;

	if (bus == NULL)
		return false;
	if (needs_own(bus) && !g->own_known)
		return true;
	fd = sk_bus_open(g->sys.root, bus, strchr(a->dev->name, ':') + 1, devpath);
	if (fd < 0)
		return false;
	own = bus->identify(fd, devpath, &id) == 0 && sk_disks_has(g->own, id.bus, id.ident);
	(void)close(fd);
	return own && (id.serial[0] != '\0' || bus != &SK_BUS_PCI_OPS || was_there(a));
}

/* ---- the machine's own on USB ---- */

static int entries_of(const struct sk_attached *a)
{
	const struct sk_device *d = &a->facts;
	struct sk_gate *g = a->gate;

	if (a->via != &g->sys.usb || a->dev->root_hub || !d->desc_ok || !(sk_usb_desc_kinds(&d->desc) & SK_USB_STORAGE))
		return 0;
	if (g->n_internal < 0) {
		g->n_internal = sk_internal_load(g->sys.internal_conf, g->internal, SK_INTERNAL_MAX);
		if (g->n_internal < 0)
			g->n_internal =
			    0; /* a wrong file admits nothing; `sekimori doctor` and the early admission say so */
	}
	return sk_internal_count(g->internal, g->n_internal, d->name, d->desc.vid, d->desc.pid, d->serial);
}

/* Would a be taken for b? */
static bool passes_for(const struct sk_attached *a, const struct sk_attached *b)
{
	struct sk_internal e = {.vid = b->facts.desc.vid, .pid = b->facts.desc.pid};

	sk_text_copy(e.port, sizeof(e.port), b->facts.name);
	sk_text_copy(e.serial, sizeof(e.serial), b->facts.serial);
	return sk_internal_count(&e, 1, a->facts.name, a->facts.desc.vid, a->facts.desc.pid, a->facts.serial) > 0;
}

/* A learned disk is known by its model and serial number, which another one can claim too. Whichever the system uses when we start is it, and
 * what is it stays it; who comes while all the learned ones with that number are there is somebody else. In doubt it is let in: the
 * machine must not lose the disk it runs from. */
static bool is_system_disk(const struct sk_attached *a)
{
	const struct sk_gate *g = a->gate;
	const struct sk_attached *b;
	int entries = entries_of(a);

	if (entries == 0)
		return false;
	if (a->outcome.internal || (!g->started && in_use(g, a->dev->devpath)))
		return true;
	for (b = g->first; b != NULL; b = b->next)
		if (b != a && entries_of(b) > 0 && passes_for(a, b) &&
		    (b->outcome.internal || (!g->started && in_use(g, b->dev->devpath))))
			entries--;
	return entries > 0;
}

bool sk_gate_is_own(const struct sk_attached *a)
{
	return a->via == &a->gate->sys.usb ? is_system_disk(a) : is_own_disk(a);
}

/* ---- default deny ---- */

static void shut_bus(struct sk_gate *g, const struct sk_bus_ops *bus)
{
	int r = needs_own(bus) && !g->own_known ? 0 : sk_bus_shut(g->sys.root, bus, true);
	json_t *body;

	if (r == 0)
		return;
	body = json_pack("{s:s,s:s,s:s}", "bus", bus->name, "why", N_("the bus does not take the default deny"),
	                 "detail", strerror(-r));
	(void)sk_gate_record(g, "enforcement.failed", body);
}

void sk_gate_bus_start(struct sk_gate *g)
{
	size_t i;
	int r;

	if (g->sys.n_buses == 0)
		return;
	r = sk_disks_load(g->sys.disks_conf, g->own);
	g->own_known = r == 0;
	if (r < 0)
		(void)sk_gate_record(
		    g, "enforcement.failed",
		    json_pack("{s:s,s:s}", "why",
		              N_("the machine's own disks are not known, so SATA, SCSI and NVMe are not judged; "
		                 "run: sekimori-early --learn-disks >/etc/sekimori/disks.conf"),
		              "detail", strerror(-r)));
	learn_boot(g);
	for (i = 0; i < g->sys.n_buses; i++)
		shut_bus(g, sk_bus_at(i));
}

/* ---- SCSI devices of others ---- */

#define LUN_AGAIN_US (50 * 1000)
#define LUN_TRIES    60

static void probe_luns(struct sk_gate *g);

static int on_lun_timer(sd_event_source *s, uint64_t usec, void *arg)
{
	struct sk_gate *g = arg;

	(void)s;
	(void)usec;
	g->lun_timer = sd_event_source_disable_unref(g->lun_timer);
	probe_luns(g);
	return 0;
}

/* The kernel tells of a device before it is ready to be given a driver: who is quick gets EINVAL. */
static void probe_later(struct sk_gate *g)
{
	if (g->lun_timer != NULL)
		return;
	if (g->lun_tries++ < LUN_TRIES)
		(void)sd_event_add_time_relative(g->loop, &g->lun_timer, CLOCK_BOOTTIME, LUN_AGAIN_US, 1000,
		                                 on_lun_timer, g);
	else if (g->lun_tries == LUN_TRIES + 1)
		(void)sk_gate_record(
		    g, "enforcement.failed",
		    json_pack("{s:s}", "why", N_("the disk of an admitted medium does not take its driver")));
}

static int probe_lun(void *arg, const char *kernel_name)
{
	struct sk_gate_walk *w = arg;
	struct sk_gate *g = w->gate;
	char devpath[SK_DEVPATH_MAX], driver[SK_BUS_DRIVER];
	struct sk_bus_ident id;
	struct sk_attached *a;
	int number, fd = sk_bus_open(g->sys.root, w->bus, kernel_name, devpath);
	bool may = false;
	long type;

	if (fd < 0)
		return 0;
	if (!sk_bus_driver(fd, driver) && sk_sysfs_read_number(fd, "type", &type) == 0 &&
	    w->bus->identify(fd, devpath, &id) == -ENOENT) {
		a = sk_gate_owner(g, devpath, &number);
		/* No owner: an enclosure or a processor of the machine, which store nothing. */
		may = a != NULL ? a->outcome.internal || sk_attached_access(a, number) != SK_ACCESS_NONE
		                : sk_block_bus(devpath) == SK_BUS_INTERNAL;
	}
	(void)close(fd);
	if (may && sk_bus_probe(g->sys.root, w->bus->name, kernel_name) < 0)
		probe_later(g);
	return 0;
}

static void probe_luns(struct sk_gate *g)
{
	struct sk_gate_walk w = {g, &SK_BUS_SCSI_OPS};

	if (g->sys.n_buses > 0)
		(void)sk_bus_each(g->sys.root, w.bus, probe_lun, &w);
}

/* What is let in and lost its driver with the module gets it back with the next one. */
static void reopen(struct sk_gate *g)
{
	struct sk_attached *a;

	for (a = g->first; a != NULL; a = a->next)
		if (sk_bus_of(a->dev->name) == &SK_BUS_SCSI_OPS && a->decided && a->outcome.allow &&
		    a->loading == NULL && sk_attached_would_open(a, &a->outcome))
			sk_attached_open(a);
}

/* ---- events and scan ---- */

void sk_gate_bus_scan(struct sk_gate *g, int (*fn)(void *arg, const char *name))
{
	size_t i;

	for (i = 0; i < g->sys.n_buses; i++) {
		shut_bus(g, sk_bus_at(i));
		(void)g->sys.buses[i].ops->list(g->sys.buses[i].ctx, fn, g);
	}
}

void sk_gate_bus_scanned(struct sk_gate *g)
{
	probe_luns(g);
}

bool sk_gate_bus_uevent(struct sk_gate *g, const struct sk_uevent *e)
{
	const struct sk_bus_ops *bus = g->sys.n_buses == 0 ? NULL : sk_bus_of(e->subsystem);
	char name[SK_USB_NAME];
	struct sk_gate_walk w = {g, bus};

	/* A driver came: under the default deny it takes nothing by itself. */
	if (strcmp(e->subsystem, "drivers") == 0) {
		if (strcmp(e->action, "add") == 0 && strncmp(e->devpath, "/bus/scsi/drivers/", 18) == 0) {
			probe_luns(g);
			reopen(g);
		}
		return true;
	}
	if (bus == NULL || strlen(e->subsystem) != strlen(bus->name))
		return false;
	if (strcmp(e->action, "add") == 0)
		shut_bus(g, bus); /* the bus may be newer than our start */
	if (snprintf(name, sizeof(name), "%s:%s", bus->name, e->name) >= (int)sizeof(name))
		return true;
	if (strcmp(e->action, "add") == 0) {
		g->lun_tries = 0;
		sk_gate_device_added(g, name, NULL);
		if (bus == &SK_BUS_SCSI_OPS && sk_gate_find(g, name) == NULL)
			(void)probe_lun(&w, e->name);
	} else if (strcmp(e->action, "remove") == 0) {
		sk_gate_device_removed(g, name);
	} else if (bus == &SK_BUS_PCI_OPS && strcmp(e->action, "bind") == 0) {
		sk_gate_device_bound(g, name);
	}
	return true;
}
