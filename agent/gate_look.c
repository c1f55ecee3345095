/*
 * The second stage of identity: a medium whose device is in the ledger is opened for root alone, read-only and unmounted; what is on it is
 * read by a helper; then the device is decided again, with its media key. Registration takes the same way. What was read holds until
 * the medium is shut or another one lies in the drive.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "agent/gate_impl.h"
#include "common/i18n.h"
#include "common/text.h"
#include "policy/media_key.h"

#define LOOK_US     (60ULL * 1000000)
#define PREPARE_US  (300ULL * 1000000)
#define REGISTER_US (90ULL * 1000000) /* drivers to load, a slow stick to wake up */

static unsigned encryption_of(const struct sk_volumes *v)
{
	unsigned found = 0;

	for (size_t i = 0; i < v->n; i++) {
		unsigned one = strcmp(v->of[i].type, "crypto_LUKS") == 0 ? SK_ENC_LUKS
		               : strcmp(v->of[i].type, "BitLocker") == 0 ? SK_ENC_BITLOCKER
		                                                         : SK_ENC_NONE;

		/* Two kinds, or one volume beside that is plain: it is not encrypted. */
		found = found == 0 || found == one ? one : SK_ENC_NONE;
	}
	return found != 0 ? found : SK_ENC_NONE;
}

/* facts NULL: it could not be read. */
static void take_facts(struct sk_attached *a, const json_t *facts)
{
	struct sk_volumes v = {.n = 0};

	a->facts.looked = SK_LOOKED_FAILED;
	a->facts.media_key[0] = '\0';
	(void)memset(&a->media, 0, sizeof(a->media));
	/* A device with more than one medium in it is none of those that are registered, and nothing is known of it as a whole. */
	if (facts == NULL || sk_medium_disks(a->medium) != 1 || sk_volumes_parse(facts, &v, NULL) < 0)
		return;
	a->media.size = v.bytes;
	a->media.encryption = encryption_of(&v);
	if (sk_media_key(&v, a->facts.media_key) == 0)
		a->facts.looked = SK_LOOKED_DONE;
}

static void forget_prepare(struct sk_attached *a)
{
	if (a->prepare == NULL)
		return;
	explicit_bzero(a->prepare, sizeof(*a->prepare));
	(void)munlock(a->prepare, sizeof(*a->prepare));
	free(a->prepare);
	a->prepare = NULL;
}

static void end_register(struct sk_attached *a, int result, const json_t *facts)
{
	sk_gate_look_fn fn = a->look_fn;

	a->registering = false;
	forget_prepare(a);
	a->look_fn = NULL;
	a->look_timer = sd_event_source_disable_unref(a->look_timer);
	if (fn != NULL)
		fn(a->look_arg, result, a->facts.media_key, facts);
}

/* It can be read, so it is there; now it is made what it shall be. False: it cannot. */
static bool start_prepare(struct sk_attached *a)
{
	int r = sk_medium_prepare(a->medium, a->prepare->key, sizeof(a->prepare->key), a->prepare->label);

	if (r < 0)
		return false;
	forget_prepare(a);
	if (a->look_timer != NULL)
		(void)sd_event_source_set_time_relative(a->look_timer, PREPARE_US);
	return true;
}

void sk_attached_prepared(struct sk_attached *a, int result, const char *why)
{
	if (result == 0)
		return; /* the look follows */
	sk_attached_note(a, "enforcement.failed", N_("it could not be made a container"), why);
	sk_attached_end_look(a, -EIO);
	sk_attached_consider(a);
}

void sk_attached_looked(struct sk_attached *a, const json_t *facts)
{
	struct sk_identity id;
	json_t *ident;

	if (a->prepare != NULL && facts != NULL && start_prepare(a))
		return; /* and looked at again */
	if (a->prepare != NULL)
		facts = NULL;
	take_facts(a, facts);
	if (a->registering)
		end_register(a, a->facts.looked == SK_LOOKED_DONE ? 0 : facts == NULL ? -EIO : -ENODATA, facts);
	sk_attached_identity(a, &id);
	ident = sk_attached_ident(a);
	if (ident != NULL)
		sk_medium_rename(a->medium, ident);
	json_decref(ident);
	if (id.stage == SK_ID_MISMATCH && !a->erased)
		sk_attached_note(a, "medium.key-mismatch", N_("what is on the medium is not what was registered"),
		                 NULL);
	sk_attached_consider(a);
}

static bool opens_storage(const struct sk_outcome *o)
{
	for (size_t i = 0; o->allow && i < o->n; i++)
		if (o->ifaces[i].allow && o->ifaces[i].kind == SK_USB_STORAGE)
			return true;
	return false;
}

/* A second medium in a device that was identified by its first. */
bool sk_attached_grew(struct sk_attached *a, const char *devpath)
{
	const struct sk_blocks *blocks = &a->gate->sys.blocks;
	struct sk_identity id;
	struct sk_block b;

	if (a->facts.looked == SK_LOOKED_NOT || blocks->ops->read(blocks->ctx, devpath, &b) < 0 ||
	    !sk_medium_is_new_disk(a->medium, &b))
		return false;
	sk_attached_identity(a, &id);
	if (id.stage == SK_ID_UNKNOWN) {
		take_facts(a, NULL);
		sk_attached_consider(a);
		return !opens_storage(&a->outcome);
	}
	sk_attached_refuse(a, "enforcement.failed", N_("another medium appeared in it after it was identified"), NULL,
	                   true);
	return true;
}

/* Shut, it may be exchanged (a card in its reader): it is looked at anew before it is opened again. While what was read says that it stays
 * shut it is left alone, so that not every change of anything opens it to find the same. */
bool sk_attached_forget_look(struct sk_attached *a, const struct sk_outcome *next)
{
	if (a->facts.looked == SK_LOOKED_NOT || a->registering || !a->decided || a->closing ||
	    a->outcome.reason == SK_REASON_MEDIA_KEY || opens_storage(&a->outcome) || !opens_storage(next))
		return false;
	a->facts.looked = SK_LOOKED_NOT;
	a->facts.media_key[0] = '\0';
	return true;
}

/* Another medium lies in the drive. */
void sk_attached_exchanged(struct sk_attached *a)
{
	sk_medium_look_again(a->medium);
	if (a->facts.looked == SK_LOOKED_NOT || a->registering)
		return;
	a->facts.looked = SK_LOOKED_NOT;
	a->facts.media_key[0] = '\0';
	sk_attached_consider(a);
}

void sk_attached_end_look(struct sk_attached *a, int result)
{
	if (a->registering)
		end_register(a, result, NULL);
}

static bool looking(const struct sk_attached *a)
{
	for (size_t i = 0; a->decided && a->outcome.allow && i < a->outcome.n; i++)
		if (a->outcome.ifaces[i].allow && a->outcome.ifaces[i].pending)
			return true;
	return false;
}

/* An empty drive waits for its medium, which nobody gets before it was looked at; all else that is not read by now will not be. */
void sk_attached_look_late(struct sk_attached *a)
{
	bool empty = a->medium != NULL && sk_medium_disks(a->medium) == 0 && sk_medium_present(a->medium, -1);
	struct sk_identity id;

	a->look_timer = sd_event_source_disable_unref(a->look_timer);
	if (a->registering)
		end_register(a, -ETIMEDOUT, NULL);
	else if (looking(a) && !empty)
		take_facts(a, NULL);
	else
		return;
	sk_attached_identity(a, &id);
	sk_attached_note(a, "enforcement.failed",
	                 id.stage != SK_ID_UNKNOWN
	                     ? N_("it did not come up in time to be looked at; it is shut again")
	                     : N_("it did not come up in time to be looked at; what it did not tell counts against it"),
	                 NULL);
	sk_attached_consider(a);
}

static int on_look_time(sd_event_source *s, uint64_t usec, void *arg)
{
	(void)s;
	(void)usec;
	sk_attached_look_late(arg);
	return 0;
}

void sk_attached_bound_look(struct sk_attached *a)
{
	if (a->registering)
		return; /* has its own, since it was asked */
	if (!looking(a)) {
		a->look_timer = sd_event_source_disable_unref(a->look_timer);
	} else if (a->look_timer == NULL && sd_event_add_time_relative(a->gate->loop, &a->look_timer, CLOCK_BOOTTIME,
	                                                               LOOK_US, 1000000, on_look_time, a) < 0) {
		sk_attached_refuse(a, "enforcement.failed", N_("the kernel did not give a timer for looking at it"),
		                   NULL, false);
	}
}

static int may_look(const struct sk_attached *a, const char *device, struct sk_err *err)
{
	if (a == NULL || a->dev->root_hub)
		return sk_err_set(err, -ENOENT, "%s is not attached; `sekimori devices` lists what is", device);
	if (!a->facts.desc_ok || !(sk_usb_desc_kinds(&a->facts.desc) & SK_USB_STORAGE) || a->outcome.internal)
		return sk_err_set(err, -EINVAL, "%s is no medium that can be registered", device);
	if (a->barred)
		return sk_err_set(err, -EBUSY, "%s was shut after a failure; unplug it first", device);
	if (a->registering || a->closing)
		return sk_err_set(err, -EBUSY, "%s is in use", device);
	return 0;
}

static int begin(struct sk_attached *a, sk_gate_look_fn fn, void *arg, json_t **ident, struct sk_err *err)
{
	int r;

	*ident = sk_attached_ident(a);
	if (*ident == NULL)
		return sk_err_set(err, -ENOMEM, "out of memory");
	a->look_timer = sd_event_source_disable_unref(a->look_timer);
	r = sd_event_add_time_relative(a->gate->loop, &a->look_timer, CLOCK_BOOTTIME, REGISTER_US, 1000000,
	                               on_look_time, a);
	if (r < 0) {
		json_decref(*ident);
		return sk_err_set(err, r, "no timer");
	}
	a->look_fn = fn;
	a->look_arg = arg;
	a->registering = true;
	a->facts.looked = SK_LOOKED_NOT;
	if (a->medium != NULL)
		sk_medium_look_again(a->medium);
	sk_attached_consider(a);
	return 0;
}

int sk_gate_look(struct sk_gate *g, const char *device, sk_gate_look_fn fn, void *arg, json_t **ident,
                 struct sk_err *err)
{
	struct sk_attached *a = sk_gate_find(g, device);
	int r = may_look(a, device, err);

	if (r < 0)
		return r;
	if (a->medium != NULL && sk_medium_mounted(a->medium))
		return sk_err_set(err, -EBUSY, "%s is in use", device);
	return begin(a, fn, arg, ident, err);
}

/* By a grant or rule, now, and not for a look alone. */
static bool may_write(const struct sk_attached *a)
{
	for (size_t i = 0; a->decided && a->outcome.allow && i < a->outcome.n; i++) {
		const struct sk_gate_iface *f = &a->outcome.ifaces[i];

		if (f->allow && !f->pending && f->kind == SK_USB_STORAGE && sk_access_writes(f->access))
			return true;
	}
	return false;
}

int sk_gate_prepare(struct sk_gate *g, const char *device, const struct sk_gate_prepare *with, sk_gate_look_fn fn,
                    void *arg, json_t **ident, struct sk_err *err)
{
	struct sk_attached *a = sk_gate_find(g, device);
	int r = may_look(a, device, err);

	if (r < 0)
		return r;
	if (!may_write(a))
		return sk_err_set(err, -EACCES,
		                  "%s is not open for writing now; it needs a permit to write before it is prepared",
		                  device);
	a->prepare = malloc(sizeof(*a->prepare));
	if (a->prepare == NULL)
		return sk_err_set(err, -ENOMEM, "out of memory");
	(void)mlock(a->prepare, sizeof(*a->prepare));
	*a->prepare = *with;
	r = begin(a, fn, arg, ident, err);
	if (r < 0)
		forget_prepare(a);
	return r;
}

int sk_attached_container_key(const struct sk_attached *a, uint8_t out[SK_SEAL_KEY])
{
	const struct sk_gate_hooks *h = &a->gate->hooks;
	const struct sk_grants *g = h->grants(h->ctx);
	struct sk_identity id;

	sk_attached_identity(a, &id);
	if (g == NULL || h->unseal == NULL || id.stage != SK_ID_PROVED)
		return -ENOKEY;
	for (size_t i = 0; i < a->outcome.n; i++) {
		const struct sk_gate_iface *f = &a->outcome.ifaces[i];

		for (size_t k = 0; a->outcome.allow && f->allow && f->sealed && k < g->n; k++)
			if (strcmp(g->items[k].id, f->grant) == 0)
				return h->unseal(h->ctx, id.entry->ledger, g->items[k].container_key, out);
	}
	return -ENOKEY;
}
