/*
 * The gate: what sekimorid does to devices. Kernel default deny is set first; then each device that is present or arrives goes
 * facts -> decision -> record -> enforcement -> read back. The gate owns what is attached, mounted and admitted; policy, grants, time and
 * the record are given to it through hooks, so that tests drive it with fakes.
 */
#ifndef SK_AGENT_GATE_H
#define SK_AGENT_GATE_H

#include <jansson.h>
#include <systemd/sd-event.h>
#include "common/clock.h"
#include "common/err.h"
#include "policy/decide.h"
#include "policy/erase.h"

struct sk_gate;
struct sk_unlock; /* agent/medium.h */

struct sk_gate_hooks {
	void *ctx;
	const struct sk_policy *(*policy)(
	    void *ctx); /* never NULL (the fail-safe policy at least); valid until the next reconsider */
	const struct sk_grants *(*grants)(void *ctx); /* may be NULL */
	sk_ms (*now)(void *ctx); /* trusted clock */
	/* Makes the event durable. 0, or negative when it could not be made durable now (it is queued and an alarm raised by the
	 * hook): the gate denies all the same, and does not ADMIT anything new that could not be recorded. */
	int (*record)(void *ctx, const char *kind, const json_t *body);
	/* Tells the person at the terminal (desktop notification / console message); never blocks. May be NULL. */
	void (*notify)(void *ctx, const char *kind, const json_t *body);
	/* Grants with a number of uses: openings so far (negative: cannot be told), and one more, durable when it returns 0. NULL: such a
	 * grant opens nothing. */
	int (*used)(void *ctx, const char *grant);
	int (*use)(void *ctx, const char *grant);
	/* Opens the sealed key of a registered container. 0 or -errno; out is the caller's to wipe. NULL: no such container opens. */
	int (*unseal)(void *ctx, const char *ledger, const char *sealed, uint8_t out[SK_SEAL_KEY]);
};

int sk_gate_new(sd_event *loop, const struct sk_gate_hooks *hooks, struct sk_gate **out, struct sk_err *err);
struct sk_gate *sk_gate_free(struct sk_gate *g); /* leaves the kernel's default deny as it is */

/* Sets default deny on every host controller, listens, then scans what is present: already admitted input devices are judged
 * without being cut off in between. */
int sk_gate_start(struct sk_gate *g, struct sk_err *err);

/* Policy, grants, time or the active person changed: everything attached is decided again and only differences applied. A medium
 * whose grant ended is warned, synced, unmounted and closed. */
int sk_gate_reconsider(struct sk_gate *g);

/* Login name of who sits at the terminal; "" = nobody. Valid until the next event. */
const char *sk_gate_active(const struct sk_gate *g);

/* Opens an attached medium for looking alone, to read what identifies it, and shuts it again. fn is called exactly once, later: result 0 with its
 * media key and facts ({"bytes","volumes"}, borrowed), -ENODATA nothing on it has an identity, -EIO, -ETIMEDOUT, -ENODEV unplugged. 0 and *ident
 * (the caller's reference, as in events), or negative with err: fn is not called. */
typedef void (*sk_gate_look_fn)(void *arg, int result, const char *media_key, const json_t *facts);
int sk_gate_look(struct sk_gate *g, const char *device, sk_gate_look_fn fn, void *arg, json_t **ident,
                 struct sk_err *err);
/* Makes one container of an attached medium, with this key and label, and looks at it then as sk_gate_look does. Everything on it is lost. Only
 * where a grant or rule opens it for writing at this moment: else -EACCES. fn also: -EIO, it could not be made. */
struct sk_gate_prepare {
	uint8_t key[SK_SEAL_KEY];
	char label[SK_LEDGER_LEN];
};
int sk_gate_prepare(struct sk_gate *g, const char *device, const struct sk_gate_prepare *with, sk_gate_look_fn fn,
                    void *arg, json_t **ident, struct sk_err *err);
/* Erases an attached medium (policy/erase.h) that is open under a grant which says so. fn is called exactly once, later: answer as
 * agent/erase_job.h, borrowed, or NULL with why (msgid) it ended before. 0 and *ident (the caller's reference, as in events, with "person", "grant",
 * "request"), or negative with err: fn is not called. -EPERM: it may not be (err says why); -EACCES: `typed` does not name it, and err what does. */
typedef void (*sk_gate_erase_fn)(void *arg, const json_t *answer, const char *why);
struct sk_gate_erase {
	const char *device, *person, *typed, *label; /* person "" = root */
	enum sk_erase_method method;
	sk_gate_erase_fn fn;
	void *arg;
};
int sk_gate_erase(struct sk_gate *g, const struct sk_gate_erase *e, json_t **ident, struct sk_err *err);
void sk_gate_erase_begin(struct sk_gate *g, const char *device); /* it is recorded: the work begins */
void sk_gate_erase_drop(struct sk_gate *g, const char *device); /* it could not be: nothing happens, fn is not called */
/* Gives a recipient a passphrase of a container of the organisation that is open under a grant which says so (policy/release.h). First: may it be? 0 and
 * *ident (the caller's reference, as in events, with "person", "grant", "request", "recipient"), or -ENOENT, -EPERM (err says why), -EBUSY. Then, in
 * the same turn of the loop: it is done. fn as sk_medium_release; negative with err: fn is not called. */
struct sk_gate_release {
	const char *device, *person, *recipient;
	bool (*before)(void *arg, const char *grant); /* was it done under this grant already? */
	void *arg;
};
int sk_gate_may_release(struct sk_gate *g, const struct sk_gate_release *e, json_t **ident, struct sk_err *err);
int sk_gate_release(struct sk_gate *g, const char *device, const char *passphrase,
                    void (*fn)(void *arg, int result, const char *why), void *arg, struct sk_err *err);
/* [{"device":"1-2","vendor_id":"46f4","product_id":"0001","vendor":..,"product":..,"serial":..,"device_key":..,"grade":..,"kinds":[..],
 *   "verdict":"allow"|"deny","reason":..,"rule":..,"since":ms,"interfaces":[{"number","class":"08/06/50","kind","verdict","access","reason",
 *   "rule","grant"}],"media":[{"node":"sda","size":bytes,"read_only":true,"mounts":["/run/media/clerk/LABEL"],"grant_until":ms}]}] */
json_t *sk_gate_devices(const struct sk_gate *g);
/* {"device":{..as above..},"explanation":{..sk_explain..},"sentence_ja":..,"sentence_en":..}; -ENOENT when not attached. */
int sk_gate_explain(struct sk_gate *g, const char *device, json_t **out, struct sk_err *err);
/* How the check "antivirus" stands (6.4(2)エ). Where the policy asks for it media are refused while it is not ok; what is mounted is warned of,
 * written back, and taken away a minute later. */
void sk_gate_antivirus(struct sk_gate *g, bool ok);
/* Opens the encrypted container of an attached medium (agent/medium.h). node "" = the first closed one. -ENOENT: no such device or medium. */
int sk_gate_open_medium(struct sk_gate *g, const char *device, const char *node, const struct sk_unlock *u,
                        struct sk_err *err);
/* {"state":"starting"|"enforcing","controllers":N,"barred":N}: host controllers under default deny; devices that would not take their
 * state or changed under our hands and stay shut until unplugged. */
json_t *sk_gate_enforcement(const struct sk_gate *g);
/* The sockets answer: block devices on buses people plug things into, which udev judged without us, are asked about again. */
void sk_gate_look_again(struct sk_gate *g);
/* Somebody at the terminal answers for a keyboard that waits ([policy] new_keyboard = confirm). person: login name, for the record. -ENOENT, -EINVAL:
 * it does not wait; -ERANGE: too late. The caller has checked that it is the active session's person or root. */
int sk_gate_confirm(struct sk_gate *g, const char *device, const char *person, bool accept, struct sk_err *err);
const char *sk_gate_active_person(const struct sk_gate *g); /* login name of the active session; "" = nobody */
/* A udev rule asks, while the node is being made: what about this block device (sysfs path, "/devices/...")? Sets read-only in
 * the kernel before it answers. {"verdict":"internal"|"deny"|"ro"|"rw"}. */
int sk_gate_block_verdict(struct sk_gate *g, const char *devpath, json_t **out, struct sk_err *err);

#endif
