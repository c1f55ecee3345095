/*
 * The medium behind an admitted device: its block nodes, made read-only before anything can mount them, mounted for the person, unmounted
 * before it is closed. What may happen to the nodes of an interface is its leave, set by the gate; the medium only carries it out and
 * proves it (`ro` in sysfs, the kernel's mount table). Mounting is done by sekimori-mount in a process of its own.
 */
#ifndef SK_AGENT_MEDIUM_H
#define SK_AGENT_MEDIUM_H

#include <jansson.h>
#include "agent/gate_system.h"
#include "common/clock.h"
#include "policy/decide.h"
#include "policy/erase.h"

struct sk_leave {
	enum sk_access access;
	bool look; /* for looking alone: read-only, root's, not mounted; looked() follows */
	bool erase; /* to be erased: nothing is mounted; erased() follows */
	enum sk_erase_method method;
	char label[SK_ERASE_LABEL_LEN]; /* of the file system that is made afterwards; "" = none */
	char person[64]; /* for whom it is mounted; "" = nobody yet */
	char grant[SK_UUID_LEN]; /* "" = by a rule */
	sk_ms until; /* 0 = no end */
	unsigned encryption; /* SK_MEDIA_*: what counts, where access is for encrypted media only */
	bool sealed; /* it is the organisation's container, and its key came with the grant */
	const char *cause; /* static: why it is closed, when access is none */
	struct sk_scan_params scan; /* what is asked before it is mounted */
};

struct sk_medium;

struct sk_medium_env { /* borrowed functions; owner is NULL once the device is gone */
	sd_event *loop;
	const struct sk_system *sys;
	void *gate;
	int (*record)(void *gate, const char *kind, const json_t *body);
	void (*notify)(void *gate, const char *kind, const json_t *body);
	/* The medium was looked at: {"bytes","volumes"} as policy/media_key.h, or NULL: it could not be read. May be NULL. */
	void (*looked)(void *gate, void *owner, struct sk_medium *m, const json_t *facts);
	/* The key of the organisation's container under its leave, for the caller to wipe. 0 or -errno. May be NULL. */
	int (*key)(void *gate, void *owner, uint8_t out[SK_SEAL_KEY]);
	/* sk_medium_prepare ended. why: msgid when it failed, else NULL. May be NULL. */
	void (*prepared)(void *gate, void *owner, struct sk_medium *m, int result, const char *why);
	/* Its erasing ended: as agent/erase_job.h, with "labelled" where a label was asked for; NULL: the helper told nothing. May be NULL. */
	void (*erased)(void *gate, void *owner, struct sk_medium *m, const json_t *answer);
	/* What is in force now; borrowed during the call. NULL, or answers NULL: none. */
	const struct sk_policy *(*policy)(void *gate);
	void (*settled)(void *gate, void *owner, struct sk_medium *m); /* an operation ended */
	void (*failed)(void *gate, void *owner, struct sk_medium *m, const char *why,
	               const char *detail); /* read-only cannot be had: close it */
	void (*shut)(void *gate, void *owner, struct sk_medium *m, const char *why); /* malicious: close it for good */
};

/* ident: object that names the device in every event; copied. */
int sk_medium_new(const struct sk_medium_env *env, void *owner, const json_t *ident, struct sk_medium **out);
void sk_medium_rename(struct sk_medium *m, const json_t *ident); /* what is known of it now; copied */
struct sk_medium *sk_medium_free(struct sk_medium *m); /* ends helpers, leaves mounts as they are */

/* A node appeared below interface `iface`. Known ones are looked at again. */
int sk_medium_add(struct sk_medium *m, const char *devpath, int iface);
void sk_medium_changed(struct sk_medium *m, const char *devpath); /* another medium in the drive */
void sk_medium_gone(struct sk_medium *m, const char *devpath);
void sk_medium_orphan(struct sk_medium *m); /* the device is gone: unmount what is left; settled() follows each step */
void sk_medium_leave(struct sk_medium *m, int iface, const struct sk_leave *leave);

#define SK_UNLOCK_TRIES 5

struct sk_unlock {
	const char *person; /* who asks; "" = root. Borrowed during the call, as is key */
	const void *key;
	size_t len;
	/* 0: open, being mounted. -EKEYREJECTED: wrong passphrase. Other: why (msgid) it is not open. */
	void (*done)(void *ctx, uint64_t client, int code, const char *why);
	void *ctx;
	uint64_t client;
};
/* Opens the encrypted container on a node ("" = the first closed one). 0: done() follows. -ENOENT, -EACCES (no leave, another person, too
 * many wrong passphrases), -EBUSY. */
int sk_medium_open(struct sk_medium *m, const char *node, const struct sk_unlock *u, struct sk_err *err);
/* Where only encrypted writing is allowed: may the block device `over` (on devpath; NULL: devpath itself) be writable all the same? */
bool sk_medium_lets_write(const struct sk_medium *m, const char *devpath, const struct sk_block *over);

/* Makes a container of the whole medium, which is open for looking alone: everything on it is lost. key: borrowed during the call. 0: prepared()
 * follows. -ENODEV: not exactly one medium in it, -EBUSY, other -errno. */
int sk_medium_prepare(struct sk_medium *m, const void *key, size_t len, const char *label);
/* Adds a passphrase to the organisation's container that is open with its grant's key. keys: that key and the passphrase, borrowed during the call. 0:
 * fn is called exactly once, later: result 0; -EIO with why (msgid); -ECANCELED. -ENODEV: not exactly one such container is open for writing,
 * -EBUSY, other -errno. */
typedef void (*sk_medium_release_fn)(void *arg, int result, const char *why);
int sk_medium_release(struct sk_medium *m, const void *keys, size_t len, sk_medium_release_fn fn, void *arg);
bool sk_medium_preparing(const struct sk_medium *m); /* it is being written to by the helper */

bool sk_medium_busy(const struct sk_medium *m, int iface); /* mounted, or a helper runs; iface -1 = any */
bool sk_medium_mounted(const struct sk_medium *m); /* by us, or something lies on it (an opened container) */
bool sk_medium_present(const struct sk_medium *m,
                       int iface); /* a block node of it exists in sysfs now; iface -1 = any */
bool sk_medium_is_new_disk(const struct sk_medium *m,
                           const struct sk_block *b); /* a whole medium beside the one there is */
size_t sk_medium_disks(const struct sk_medium *m); /* whole media in it, drives without one not counted; NULL = 0 */
uint64_t sk_medium_bytes(const struct sk_medium *m); /* of those together */
void sk_medium_look_again(struct sk_medium *m); /* with the next leave that is for looking */
void sk_medium_erase_again(struct sk_medium *m); /* with the next leave that is for erasing */
void sk_medium_sync(struct sk_medium *m); /* starts writing back what is mounted writable */
/* Would `next` leave something of the old use alive: an open superblock, also in a mount namespace where nobody sees it? Then the
 * interface is closed and opened anew instead of reusing the block device. The cause, or NULL: it may go on. */
const char *sk_medium_must_close(const struct sk_medium *m, int iface, const struct sk_leave *next);
void sk_medium_prune(struct sk_medium *m); /* forgets nodes that are not there any more; their events come later */
json_t *sk_medium_json(const struct sk_medium *m); /* array, as "media" in agent/gate.h */

#endif
