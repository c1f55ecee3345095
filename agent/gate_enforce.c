/*
 * Enforcement of one device's outcome. It re-decides nothing; every write is read back, and what did not take is recorded and closed.
 *
 * Opening:  authorise device -> read again, compare -> configuration -> modules of storage -> authorise interfaces -> probe -> read back
 * Shutting: unmount what is mounted -> interface (or device) unauthorised -> read back -> block nodes gone
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/gate_impl.h"
#include "common/i18n.h"
#include "common/text.h"

#define MODPROBE     "/sbin/modprobe"
#define MODPROBE_MS  15000
#define MAX_FAILURES 3

static const struct sk_usb *usb_of(const struct sk_attached *a)
{
	return a->via;
}

static bool allowed(const struct sk_attached *a, const struct sk_gate_iface *f)
{
	return a->outcome.allow && f->allow;
}

/* ---- the medium's leave ---- */

enum sk_access sk_attached_access(const struct sk_attached *a, int number)
{
	const struct sk_gate_iface *f = sk_outcome_iface(&a->outcome, number);

	/* Only what was decided on as storage may store. */
	return f == NULL || a->barred || !allowed(a, f) || f->kind != SK_USB_STORAGE ? SK_ACCESS_NONE : f->access;
}

void sk_gate_iface_leave(const struct sk_gate *g, const struct sk_gate_iface *f, struct sk_leave *l)
{
	l->access = f->access;
	l->look = f->pending;
	l->until = f->until;
	l->sealed = f->sealed;
	l->scan = g->hooks.policy(g->hooks.ctx)->scan;
	l->encryption = g->hooks.policy(g->hooks.ctx)->media.encryption;
	sk_text_copy(l->grant, sizeof(l->grant), f->grant);
	sk_text_copy(l->person, sizeof(l->person), f->person[0] != '\0' ? f->person : g->person);
}

void sk_attached_leaves(struct sk_attached *a)
{
	bool erases = false;
	size_t i;

	for (i = 0; a->medium != NULL && !a->outcome.internal && i < a->outcome.n; i++) {
		const struct sk_gate_iface *f = &a->outcome.ifaces[i];
		struct sk_leave l = {.access = SK_ACCESS_NONE, .cause = sk_reason_name(f->reason)};

		if (a->barred)
			l.cause = "enforcement-failed";
		else if (a->reopening != NULL)
			l.cause = a->reopening;
		if (sk_attached_access(a, f->number) != SK_ACCESS_NONE)
			sk_gate_iface_leave(a->gate, f, &l);
		sk_attached_erase_leave(a, &l);
		erases = erases || l.erase;
		sk_medium_leave(a->medium, f->number, &l);
	}
	if (a->erasing && !erases)
		sk_attached_end_erase(a, N_("the permit ended, or the medium was shut"));
}

/* ---- shutting ---- */

static bool shut_iface(struct sk_attached *a, int number)
{
	const struct sk_usb *usb = usb_of(a);
	struct sk_usb_iface_state s;
	int config = a->outcome.config;
	int r = usb->ops->iface_state(usb->ctx, a->dev, config, number, &s);

	if (r < 0 || !s.present || !s.authorized)
		return r == 0 || r == -ENODEV;
	r = usb->ops->iface_authorise(usb->ctx, a->dev, config, number, false);
	a->taken = true;
	if (r == 0)
		r = usb->ops->iface_state(usb->ctx, a->dev, config, number, &s);
	return r == -ENODEV || (r == 0 && !(s.present && s.authorized));
}

static bool shut_device(struct sk_attached *a)
{
	const struct sk_usb *usb = usb_of(a);
	struct sk_usb_state s;
	int r;

	if (a->untouched)
		return true;
	r = usb->ops->state(usb->ctx, a->dev, &s);
	if (r == 0 && !s.authorized)
		return true;
	if (r == 0)
		r = usb->ops->authorise(usb->ctx, a->dev, false);
	a->taken = true;
	if (r == 0)
		r = usb->ops->state(usb->ctx, a->dev, &s);
	return r == -ENODEV || (r == 0 && !s.authorized);
}

/* The grant under which it was open is over, or another one took its place. */
static void end_grant(struct sk_attached *a)
{
	const struct sk_gate_iface *now = NULL;
	json_t *body;
	size_t i;

	for (i = 0; i < a->outcome.n; i++)
		if (allowed(a, &a->outcome.ifaces[i]) && a->outcome.ifaces[i].grant[0] != '\0')
			now = &a->outcome.ifaces[i];
	if (a->grant[0] == '\0' || (now != NULL && strcmp(now->grant, a->grant) == 0))
		return;
	body = sk_attached_ident(a);
	if (body != NULL) {
		(void)json_object_set_new(body, "grant", json_string(a->grant));
		(void)json_object_set_new(body, "cause",
		                          json_string(now != NULL ? "replaced" : sk_reason_name(a->outcome.reason)));
		json_incref(body);
		(void)sk_gate_record(a->gate, "grant.ended", body);
		sk_gate_notify(a->gate, "grant.ended", body);
		json_decref(body);
	}
	a->grant[0] = '\0';
	a->warned = false;
}

static void shut_rest(struct sk_attached *a)
{
	bool ok = true;
	size_t i;

	a->closing = false;
	if (!a->outcome.allow) {
		ok = shut_device(a);
		if (ok && a->medium != NULL && sk_medium_present(a->medium, -1))
			ok = false;
	}
	for (i = 0; i < a->outcome.n && a->outcome.allow; i++) {
		const struct sk_gate_iface *f = &a->outcome.ifaces[i];

		if (f->allow)
			continue;
		ok = shut_iface(a, f->number) && ok;
		if (a->medium != NULL && sk_medium_present(a->medium, f->number))
			ok = false;
	}
	if (a->reopening == NULL)
		end_grant(a);
	if (ok)
		return;
	/* Not even that worked: the whole device goes, whatever else it does. */
	sk_attached_note(a, "enforcement.failed", N_("what is not allowed stays open; the whole device is cut off"),
	                 NULL);
	a->barred = true;
	a->outcome.allow = false;
	(void)shut_device(a);
}

/* Who may open its node hangs on what is authorised. What was shut before is root's already: udev has nothing to look at again. */
static void tell_udev_taken(struct sk_attached *a)
{
	if (a->taken)
		usb_of(a)->ops->look_again(usb_of(a)->ctx, a->dev, false);
	a->taken = false;
}

static bool waits_for_medium(const struct sk_attached *a)
{
	size_t i;

	for (i = 0; a->medium != NULL && i < a->outcome.n; i++)
		if (!allowed(a, &a->outcome.ifaces[i]) && sk_medium_busy(a->medium, a->outcome.ifaces[i].number))
			return true;
	return false;
}

void sk_attached_shut(struct sk_attached *a)
{
	size_t i;

	sk_attached_leaves(a); /* starts the unmounting */
	a->closing = waits_for_medium(a);
	/* What has no mount in the way is shut at once. */
	for (i = 0; a->closing && i < a->outcome.n; i++)
		if (!allowed(a, &a->outcome.ifaces[i]) && !sk_medium_busy(a->medium, a->outcome.ifaces[i].number))
			(void)shut_iface(a, a->outcome.ifaces[i].number);
	if (!a->closing)
		shut_rest(a);
	tell_udev_taken(a);
}

void sk_attached_settle(struct sk_attached *a)
{
	if (!a->closing || waits_for_medium(a))
		return;
	shut_rest(a);
	tell_udev_taken(a);
	if (a->reopening != NULL)
		sk_attached_consider(a);
}

void sk_attached_refuse(struct sk_attached *a, const char *kind, const char *why, const char *detail, bool for_good)
{
	size_t i;

	if (a->barred)
		return;
	a->barred = for_good || ++a->failures >= MAX_FAILURES;
	a->outcome.allow = false;
	if (strcmp(kind, "device.refused-change") == 0)
		a->outcome.reason = SK_REASON_CHANGED;
	else if (strcmp(kind, "device.refused-infected") == 0)
		a->outcome.reason = SK_REASON_INFECTED;
	for (i = 0; i < a->outcome.n; i++) {
		a->outcome.ifaces[i].allow = false;
		a->outcome.ifaces[i].access = SK_ACCESS_NONE;
	}
	sk_attached_shut(a);
	sk_attached_note(a, kind, why, detail);
}

/* ---- opening ---- */

bool sk_attached_would_open(const struct sk_attached *a, const struct sk_outcome *o)
{
	const struct sk_usb *usb = usb_of(a);
	struct sk_usb_iface_state f;
	struct sk_usb_state s;
	size_t i;

	if (!o->allow)
		return false;
	if (usb->ops->state(usb->ctx, a->dev, &s) < 0 || !s.authorized)
		return true;
	for (i = 0; i < o->n; i++)
		if (o->ifaces[i].allow &&
		    (usb->ops->iface_state(usb->ctx, a->dev, o->config, o->ifaces[i].number, &f) < 0 || !f.authorized))
			return true;
	return false;
}

static void failed(struct sk_attached *a, const char *why, int r)
{
	if (r != -ENODEV) /* else it was pulled out meanwhile; its remove event follows */
		sk_attached_refuse(a, "enforcement.failed", why, strerror(-r), false);
}

/* Is it still what was decided on? 1, 0 or -errno. */
static int still_same(const struct sk_attached *a)
{
	const struct sk_usb *usb = usb_of(a);
	struct sk_usb_print print;
	struct sk_device *again;
	int r;

	if (usb->ops->same != NULL)
		return usb->ops->same(usb->ctx, a->dev, &a->print);
	again = malloc(sizeof(*again));
	if (again == NULL)
		return -ENOMEM;
	r = usb->ops->read(usb->ctx, a->dev, again, &print);
	if (r == 0)
		r = memcmp(&print, &a->print, sizeof(print)) == 0 && again->desc_ok;
	free(again);
	return r;
}

bool sk_attached_authorise(struct sk_attached *a)
{
	const struct sk_usb *usb = usb_of(a);
	int r;

	a->untouched = false;
	r = usb->ops->authorise(usb->ctx, a->dev, true);
	if (r == 0)
		r = still_same(a);
	if (r < 0)
		failed(a, N_("the device cannot be authorised"), r);
	else if (r == 0 || !a->facts.desc_ok)
		sk_attached_refuse(a, "device.refused-change", N_("its descriptors differ from those decided on"), NULL,
		                   true);
	else
		return true;
	return false;
}

/* s: its state. */
static bool configure(struct sk_attached *a, struct sk_usb_state s)
{
	const struct sk_usb *usb = usb_of(a);
	int r = 0;

	if (s.config != a->outcome.config) {
		r = usb->ops->set_config(usb->ctx, a->dev, a->outcome.config);
		if (r == 0)
			r = usb->ops->state(usb->ctx, a->dev, &s);
	}
	if (r == 0 && (!s.authorized || s.config != a->outcome.config))
		r = -EIO;
	if (r < 0)
		failed(a, N_("the device does not take the configuration decided on"), r);
	return r == 0;
}

/* *s: how it stands afterwards. *probed: whether we had drivers look at it. */
static int open_iface(struct sk_attached *a, const struct sk_gate_iface *f, struct sk_usb_iface_state *s, bool *probed)
{
	const struct sk_usb *usb = usb_of(a);
	int config = a->outcome.config, r;

	*probed = false;
	r = usb->ops->iface_state(usb->ctx, a->dev, config, f->number, s);
	if (r == 0 && !s->present)
		r = -ENXIO;
	if (r < 0 || (s->authorized && s->driver[0] != '\0'))
		return r;
	if (!s->authorized)
		r = usb->ops->iface_authorise(usb->ctx, a->dev, config, f->number, true);
	/* -ENODEV and the like: no driver wanted it yet; a driver that is loaded later finds it by itself. */
	*probed = r == 0 && usb->ops->iface_probe(usb->ctx, a->dev, config, f->number) == 0;
	if (r == 0)
		r = usb->ops->iface_state(usb->ctx, a->dev, config, f->number, s);
	return r < 0 ? r : s->authorized ? 0 : -EIO;
}

static void admitted(struct sk_attached *a)
{
	json_t *body;
	size_t i;

	a->failures = 0;
	end_grant(a);
	for (i = 0; i < a->outcome.n; i++) {
		const struct sk_gate_iface *f = &a->outcome.ifaces[i];

		if (!f->allow || f->pending || f->grant[0] == '\0' || strcmp(f->grant, a->grant) == 0)
			continue;
		sk_text_copy(a->grant, sizeof(a->grant), f->grant);
		a->warned = false;
		body = sk_attached_ident(a);
		if (body == NULL)
			return;
		(void)json_object_set_new(body, "grant", json_string(f->grant));
		(void)json_object_set_new(body, "access", json_string(sk_access_name(f->access)));
		(void)json_object_set_new(body, "person", json_string(f->person));
		(void)json_object_set_new(body, "until", json_integer((json_int_t)f->until));
		json_incref(body);
		(void)sk_gate_record(a->gate, "grant.admitted", body);
		sk_gate_notify(a->gate, "grant.admitted", body);
		json_decref(body);
		return;
	}
}

/* Some drivers bind by vendor and product whatever the class says: an interface let in as something else than storage has one that makes
 * disks, or one let in as something else than a network adapter has one that makes a way out. True: it lied, and is out. */
static const char *lie_of(const struct sk_gate_iface *f, const struct sk_usb_iface_state *s)
{
	if (f->kind != SK_USB_STORAGE && sk_usb_driver_stores(s->driver))
		return N_("a storage driver bound to what was not let in as storage");
	return s->net && !f->may_net ? N_("a network driver bound to what was not let in as a network adapter") : NULL;
}

/* known: how its one interface stands, where it has but one and that was just read; else NULL. */
static bool lied(struct sk_attached *a, const struct sk_usb_iface_state *known)
{
	const struct sk_usb *usb = usb_of(a);
	struct sk_usb_iface_state s;
	const char *why = NULL;
	size_t i;

	for (i = 0; why == NULL && i < a->outcome.n; i++) {
		const struct sk_gate_iface *f = &a->outcome.ifaces[i];

		if (!allowed(a, f))
			continue;
		if (known != NULL)
			why = lie_of(f, known);
		else if (usb->ops->iface_state(usb->ctx, a->dev, a->outcome.config, f->number, &s) == 0)
			why = lie_of(f, &s);
	}
	if (why != NULL)
		sk_attached_refuse(a, "enforcement.failed", why, NULL, true);
	return why != NULL;
}

bool sk_attached_lied(struct sk_attached *a)
{
	return lied(a, NULL);
}

/* Names of interfaces can be read only now that the device is configured, and nothing of it is open yet: a phone that offers its
 * files by a vendor-specific interface calls it MTP. True: it was not let in as that, and is out. */
static bool called_mtp(struct sk_attached *a)
{
	const struct sk_usb *usb = usb_of(a);
	char text[SK_DEV_TEXT];
	size_t i, k;

	for (i = 0; usb->ops->iface_text != NULL && i < a->outcome.n; i++) {
		const struct sk_gate_iface *f = &a->outcome.ifaces[i];

		if (!f->allow || f->kind != SK_USB_VENDOR || f->may_image ||
		    usb->ops->iface_text(usb->ctx, a->dev, a->outcome.config, f->number, text) < 0)
			continue;
		for (k = 0; k < a->facts.desc.n_alts; k++) {
			struct sk_usb_alt alt = a->facts.desc.alts[k];

			if (alt.config != a->outcome.config || alt.number != f->number ||
			    !sk_usb_alt_called(&alt, text))
				continue;
			sk_attached_refuse(a, "enforcement.failed",
			                   N_("an interface calls itself MTP and was not let in as media"), text, true);
			return true;
		}
	}
	return false;
}

static bool start_alias(struct sk_attached *a);

static void open_ifaces(struct sk_attached *a)
{
	struct sk_usb_iface_state s = {.present = false};
	bool probed, whole = a->outcome.n < SK_IFACES_MAX; /* then these are all that it has */
	size_t i;
	int r;

	if (called_mtp(a))
		return;
	a->echoes = 0;
	for (i = 0; i < a->outcome.n; i++) {
		const struct sk_gate_iface *f = &a->outcome.ifaces[i];

		whole = whole && f->allow;
		probed = false;
		r = f->allow ? open_iface(a, f, &s, &probed) : shut_iface(a, f->number) ? 0 : -EIO;
		if (r < 0) {
			failed(a, f->allow ? N_("an interface cannot be opened") : N_("an interface cannot be shut"),
			       r);
			return;
		}
		if (probed && strcmp(s.driver, "usbhid") == 0) /* it makes neither disks nor networks */
			a->echoes |= 1U << i;
	}
	if (lied(a, a->outcome.n == 1 ? &s : NULL))
		return;
	a->taken = false;
	usb_of(a)->ops->look_again(usb_of(a)->ctx, a->dev, whole);
	admitted(a);
	sk_attached_leaves(a);
	(void)start_alias(a);
}

/* ---- modules ---- */

static bool opens_storage(const struct sk_attached *a)
{
	size_t i;

	for (i = 0; i < a->outcome.n; i++)
		if (a->outcome.ifaces[i].allow && a->outcome.ifaces[i].kind == SK_USB_STORAGE)
			return true;
	return false;
}

static void on_loaded(void *arg, int status, const char *output, size_t len)
{
	struct sk_attached *a = arg;

	(void)output;
	(void)len;
	a->loading = NULL;
	if (status != 0) {
		sk_attached_refuse(a, "enforcement.failed", N_("the kernel modules of its storage cannot be loaded"),
		                   NULL, false);
		return;
	}
	open_ifaces(a);
	/* A module that is loaded now looks at every interface that is free and authorised, not only at the one it was loaded for. */
	sk_gate_check_drivers(a->gate);
	sk_gate_arm(a->gate);
}

#define MODULES_MAX 4

/* What is not loaded yet, as a command; how many. */
static size_t missing_modules(const struct sk_attached *a, const char *argv[])
{
	const struct sk_usb *usb = usb_of(a);
	const char *const *list = opens_storage(a) ? usb->ops->modules(usb->ctx, a->dev) : NULL;
	size_t i, n = 0, missing = 0;

	argv[n++] = MODPROBE;
	argv[n++] = "-q";
	argv[n++] = "-a";
	for (i = 0; list != NULL && list[i] != NULL && i < MODULES_MAX; i++) {
		argv[n++] = list[i];
		missing += !usb->ops->module_loaded(usb->ctx, list[i]);
	}
	argv[n] = NULL;
	return missing;
}

/* True: something runs, on_loaded goes on. */
static bool load_modules(struct sk_attached *a)
{
	const char *argv[MODULES_MAX + 4];
	int r;

	if (missing_modules(a, argv) == 0)
		return false;
	r = a->gate->sys.start(a->gate->loop, argv, MODPROBE_MS, on_loaded, a, &a->loading);
	if (r < 0)
		failed(a, N_("modprobe cannot be started"), r);
	return true;
}

static void on_alias_loaded(void *arg, int status, const char *output, size_t len)
{
	struct sk_attached *a = arg;
	struct sk_usb_iface_state s;
	bool probed;
	size_t i;

	(void)status;
	(void)output;
	(void)len;
	a->loading = NULL;
	for (i = 0; i < a->outcome.n; i++)
		if (allowed(a, &a->outcome.ifaces[i]) && a->outcome.ifaces[i].kind == SK_USB_STORAGE)
			(void)open_iface(a, &a->outcome.ifaces[i], &s, &probed);
	sk_gate_check_drivers(a->gate);
}

/* Storage that neither usb-storage nor uas wanted: its own driver (ums-*) is blacklisted like them, and only its alias names it. The
 * blacklist is left aside for this one call. */
static bool start_alias(struct sk_attached *a)
{
	const struct sk_usb *usb = usb_of(a);
	struct sk_usb_iface_state s;
	char alias[128];
	size_t i;

	for (i = 0; i < a->outcome.n && !a->alias_tried; i++) {
		const struct sk_gate_iface *f = &a->outcome.ifaces[i];
		const char *argv[] = {MODPROBE, "-q", "-C", "/dev/null", alias, NULL};

		if (!f->allow || f->kind != SK_USB_STORAGE)
			continue;
		if (usb->ops->iface_state(usb->ctx, a->dev, a->outcome.config, f->number, &s) < 0 ||
		    s.driver[0] != '\0' ||
		    usb->ops->iface_alias(usb->ctx, a->dev, a->outcome.config, f->number, alias, sizeof(alias)) < 0)
			continue;
		a->alias_tried = true;
		return a->gate->sys.start(a->gate->loop, argv, MODPROBE_MS, on_alias_loaded, a, &a->loading) == 0;
	}
	return false;
}

void sk_attached_open(struct sk_attached *a)
{
	const struct sk_usb *usb = usb_of(a);
	struct sk_usb_state s;
	int r = usb->ops->state(usb->ctx, a->dev, &s);

	if (r < 0) {
		failed(a, N_("its state cannot be read"), r);
		return;
	}
	if (!s.authorized) {
		if (!sk_attached_authorise(a))
			return;
		r = usb->ops->state(usb->ctx, a->dev, &s);
		if (r < 0) {
			failed(a, N_("its state cannot be read"), r);
			return;
		}
	}
	if (configure(a, s) && !load_modules(a))
		open_ifaces(a);
}
