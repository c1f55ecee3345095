/*
 * Inside agent/gate*.c only: what is attached and how it stands. A decision's values are copied out of policy and grants at once, because
 * both may be swapped at any time; nothing here points into them.
 */
#ifndef SK_AGENT_GATE_IMPL_H
#define SK_AGENT_GATE_IMPL_H

#include "agent/gate.h"
#include "agent/gate_system.h"
#include "agent/medium.h"
#include "platform/internal.h"
#include "platform/keyboards.h"
#include "platform/lock.h"
#include "platform/login.h"
#include "platform/uevent.h"

struct sk_gate_iface {
	uint8_t number, cls, sub, proto;
	unsigned kind;
	bool allow;
	int uses; /* of the grant that opens it; 0 = not counted */
	bool may_image; /* its rule names what such media are: it may turn out to be MTP */
	bool pending; /* open for looking alone; what can come of it is decided when it was looked at */
	bool sealed; /* the organisation's container, opened with the key of the grant */
	bool may_net; /* it may become a network interface: it is one by class, or its rule names that kind */
	enum sk_access access;
	enum sk_reason reason;
	char rule[64], grant[SK_UUID_LEN],
	    person[SK_PERSON_MAX]; /* grant and person: of the grant that opens it, else "" */
	sk_ms until;
};

struct sk_outcome {
	bool allow;
	bool internal; /* a system disk learned at install */
	uint8_t config;
	enum sk_reason reason;
	char rule[64];
	size_t n;
	struct sk_gate_iface ifaces[SK_IFACES_MAX];
};

struct sk_attached { /* outcome and facts, which are large, at the end: sk_attached_new clears what is before them */
	struct sk_gate *gate;
	struct sk_attached *next;
	const struct sk_usb *via; /* the bus it hangs on; in gate->sys */
	struct sk_usb_dev *dev;
	struct sk_usb_print print;
	struct sk_media_facts media; /* when facts.looked is DONE */
	bool taken_over; /* open when we started, and not looked at since: its use goes on */
	bool registering; /* opened for looking, for the ledger */
	struct sk_gate_prepare
	    *prepare; /* to be made a container when it was looked at; owned, wiped; NULL = no, or not any more */
	sk_gate_look_fn look_fn;
	void *look_arg;
	sd_event_source *look_timer;
	bool erasing; /* gate_erase.c */
	bool erased; /* since it was plugged in: that it is not what was registered any more is no alarm */
	enum sk_erase_method erase_method;
	char erase_label[SK_ERASE_LABEL_LEN];
	sk_gate_erase_fn erase_fn;
	void *erase_arg;
	sk_ms since;
	bool decided;
	bool held; /* not decided before the kernel is done with it (gate_arrive.c) */
	bool barred; /* changed under our hands, or would not take its state: shut until unplugged */
	const char *reopening; /* closed to be opened anew for another use; the cause. NULL = not so */
	bool closing; /* waits for unmounting before something is deauthorised */
	enum { SK_CONFIRM_NONE, SK_CONFIRM_PENDING, SK_CONFIRM_OVER } confirm; /* gate_keyboard.c */
	sk_ms asked; /* since when it waits */
	bool taken; /* something was shut, and udev has not been told yet */
	bool came_shut; /* seen unauthorised when it came: nothing of it was open before we were there */
	uint32_t echoes; /* bit i: interface i of the outcome has usbhid by our own probe; the kernel's "bind" of it is still to come */
	bool untouched; /* seen unauthorised when it came, and never authorised by us: nothing to take away */
	bool unsaid; /* its refusal was only counted; its going is not told either */
	bool alias_tried;
	int failures;
	char grant[SK_UUID_LEN]; /* under which it is open now */
	bool warned;
	struct sk_child *loading; /* modprobe */
	struct sk_medium *medium; /* NULL until a block node appears */
	struct sk_device facts;
	struct sk_outcome outcome; /* what is decided and carried out, or being carried out */
};

/* What was refused lately: a plug with a loose contact, or one that does it on purpose, must not fill the record. */
#define SK_RECENT 16
struct sk_refusal {
	char port[SK_USB_NAME], key[SK_SHA256_HEX], rule[64];
	enum sk_reason reason;
	sk_ms at; /* recorded; 0 = free */
	int64_t unsaid; /* since then */
};

struct sk_gate {
	sd_event *loop;
	struct sk_gate_hooks hooks;
	struct sk_system sys;
	struct sk_uevents *uevents;
	struct sk_login *login;
	struct sk_lock *lock;
	bool locked;
	bool antivirus_ok; /* false until the check has said so */
	sk_ms antivirus_until; /* until then what is open stays, after it has ceased to be; 0 = nothing is waited for */
	sd_event_source *timer;
	sd_event_source *lun_timer; /* a SCSI device that did not take its driver is asked again */
	int lun_tries;
	sd_event_source *hold_timer; /* the kernel's "bind" does not come */
	char person[SK_PERSON_MAX];
	struct sk_groups groups; /* of that person; read when somebody else comes */
	struct sk_attached *first;
	struct sk_medium *orphans[8];
	struct sk_internal internal[SK_INTERNAL_MAX]; /* system disks; read once, at the first storage device */
	int n_internal; /* -1 = not read yet */
	struct sk_keyboards *keyboards; /* vouched for */
	bool keyboards_learned;
	int built_in; /* keyboards that are not USB */
	sd_event_source *confirm_timer;
	struct sk_disks *own; /* the machine's own disks on other buses */
	bool own_known; /* they were learned at install */
	struct sk_refusal recent[SK_RECENT];
	bool started;
};

/* gate.c */
int sk_gate_new_on(sd_event *loop, const struct sk_gate_hooks *hooks, const struct sk_system *sys,
                   struct sk_gate **out);
int sk_gate_record(struct sk_gate *g, const char *kind, json_t *body); /* takes body; NULL = -ENOMEM */
void sk_gate_notify(struct sk_gate *g, const char *kind, const json_t *body);
void sk_gate_uevent(struct sk_gate *g, const struct sk_uevent *e);
void sk_gate_person(struct sk_gate *g, const char *person); /* who is active now */
int sk_gate_scan(struct sk_gate *g, bool first);
void sk_gate_check_drivers(struct sk_gate *g); /* sk_attached_lied for all */
struct sk_attached *sk_gate_find(const struct sk_gate *g, const char *name);
struct sk_medium_env sk_gate_medium_env(struct sk_gate *g);

void sk_gate_device_added(struct sk_gate *g, const char *name, const char *devpath /* NULL = looked up */);
void sk_gate_device_removed(struct sk_gate *g, const char *name);
void sk_gate_device_bound(struct sk_gate *g, const char *name); /* a driver came that we may not have asked for */

/* gate_keyboard.c */
void sk_gate_keyboard_context(const struct sk_attached *a, struct sk_context *c);
void sk_gate_keyboards_learn(struct sk_gate *g); /* once the policy asks: who is there is vouched for, the first time */
void sk_gate_keyboard_decided(struct sk_attached *a); /* begins or ends its waiting */
void sk_gate_keyboards_time(struct sk_gate *g); /* ends what waited for too long */

/* gate_arrive.c */
bool sk_attached_hold(
    struct sk_attached *a); /* true: authorised, and opened when the kernel is done with it, or soon */
void sk_gate_kernel_done(struct sk_gate *g, const char *name); /* its driver has looked at it */
void sk_gate_iface_came(struct sk_gate *g, const char *iface); /* "1-2:1.0": let in, but new and shut? opened again */

/* gate_bus.c */
struct sk_gate_walk {
	struct sk_gate *gate;
	const struct sk_bus_ops *bus;
};
const struct sk_usb *sk_gate_via(const struct sk_gate *g, const char *name); /* by a device's name */
bool sk_gate_is_own(const struct sk_attached *a); /* a disk of the machine, never touched */
void sk_gate_bus_start(struct sk_gate *g); /* own disks, then default deny */
void sk_gate_bus_scan(struct sk_gate *g, int (*fn)(void *arg, const char *name));
void sk_gate_bus_scanned(struct sk_gate *g); /* everything is decided */
bool sk_gate_bus_uevent(struct sk_gate *g, const struct sk_uevent *e); /* false: not theirs */

/* gate_decide.c */
int sk_gate_utc_offset(sk_ms now); /* seconds that local time is ahead of UTC */
void sk_attached_context(const struct sk_attached *a, struct sk_context *c);
void sk_attached_identity(const struct sk_attached *a, struct sk_identity *out);
bool sk_attached_media(const struct sk_attached *a, struct sk_media_facts *m); /* false: not looked at yet */
void sk_attached_decide(const struct sk_attached *a, struct sk_verdict *v, struct sk_outcome *out);
void sk_outcome_copy(struct sk_outcome *to, const struct sk_outcome *from); /* no more than the interfaces it has */
bool sk_outcome_same(const struct sk_outcome *a, const struct sk_outcome *b);
const struct sk_gate_iface *sk_outcome_iface(const struct sk_outcome *o, int number); /* NULL = not one of it */
json_t *sk_attached_ident(const struct sk_attached *a); /* new reference: what names the device in events */
void sk_attached_sentences(const struct sk_attached *a, const struct sk_verdict *v, json_t *body);
/* Records and notifies. why: a msgid; detail: the system's own words, or NULL. */
void sk_attached_note(struct sk_attached *a, const char *kind, const char *why, const char *detail);

/* gate_look.c */
int sk_attached_container_key(const struct sk_attached *a, uint8_t out[SK_SEAL_KEY]); /* under the grant it has */
void sk_attached_looked(struct sk_attached *a, const json_t *facts); /* NULL: could not be read */
bool sk_attached_grew(struct sk_attached *a, const char *devpath); /* a node appeared; true: refused */
void sk_attached_exchanged(struct sk_attached *a);
/* It is shut, and `next` would open it: was what is known of it forgotten? Then decide again. */
bool sk_attached_forget_look(struct sk_attached *a, const struct sk_outcome *next);
void sk_attached_bound_look(struct sk_attached *a); /* whatever is open for looking is shut when it takes too long */
void sk_attached_look_late(struct sk_attached *a); /* the time for looking is over */
void sk_attached_prepared(struct sk_attached *a, int result, const char *why);
void sk_attached_erased(struct sk_attached *a, const json_t *answer); /* NULL: the helper told nothing */
void sk_attached_end_erase(struct sk_attached *a, const char *why); /* one under way is over; why: a msgid */
void sk_attached_erase_leave(const struct sk_attached *a, struct sk_leave *l);
void sk_attached_end_look(struct sk_attached *a, int result); /* of a registration under way */

/* gate_device.c */
/* Facts read, nothing decided. devpath: the kernel's word for where it is; NULL = looked up. */
int sk_attached_new(struct sk_gate *g, const char *name, const char *devpath, struct sk_attached **out);
struct sk_attached *sk_attached_free(struct sk_attached *a);
bool sk_attached_harmless(const struct sk_attached *a); /* a hub or pure input */
void sk_attached_consider(struct sk_attached *a); /* decides and carries out what differs */

/* gate_enforce.c */
void sk_attached_shut(struct sk_attached *a); /* takes away what the outcome does not allow */
void sk_attached_open(struct sk_attached *a); /* gives what it allows */
bool sk_attached_authorise(struct sk_attached *a); /* opens no interface; looks again. False: refused, or gone */
void sk_attached_settle(struct sk_attached *a); /* an unmounting ended: goes on with what waited for it */
void sk_gate_iface_leave(const struct sk_gate *g, const struct sk_gate_iface *f,
                         struct sk_leave *l); /* what it gives */
void sk_attached_leaves(struct sk_attached *a); /* tells the medium */
void sk_attached_refuse(struct sk_attached *a, const char *kind, const char *why, const char *detail, bool for_good);
enum sk_access sk_attached_access(const struct sk_attached *a,
                                  int number); /* for the block devices of this interface */
bool sk_attached_lied(struct sk_attached *a); /* a storage driver took what was let in as something else; refuses it */
bool sk_attached_would_open(const struct sk_attached *a,
                            const struct sk_outcome *o); /* admits something not open now */

/* gate_block.c */
/* The attached device whose own interface the path lies behind, and the interface's number; NULL = none. */
struct sk_attached *sk_gate_owner(const struct sk_gate *g, const char *devpath, int *number);
void sk_gate_block_added(struct sk_gate *g, const char *devpath);
void sk_gate_driver_came(struct sk_gate *g, const char *devpath); /* sk_attached_lied for whom the path lies behind */
void sk_gate_iface_bound(struct sk_gate *g, const char *devpath); /* the same for "bind", unless it is the echo of our own probe */
void sk_gate_block_removed(struct sk_gate *g, const char *devpath);
void sk_gate_block_changed(struct sk_gate *g, const char *devpath);
int sk_gate_block_scan(struct sk_gate *g);

/* gate_state.c */
int sk_attached_use(const struct sk_attached *a); /* counts the opening that follows; negative = it must not follow */
void sk_attached_uses(const struct sk_attached *a, struct sk_grant_uses *u);
void sk_gate_locked(struct sk_gate *g, bool locked);
bool sk_attached_antivirus_stale(const struct sk_attached *a);

/* gate_grant.c */
void sk_gate_arm(
    struct sk_gate *g); /* the next moment at which a grant of what is attached begins, ends or nears its end */

#endif
