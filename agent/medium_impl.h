/* Inside agent/medium*.c only. */
#ifndef SK_AGENT_MEDIUM_IMPL_H
#define SK_AGENT_MEDIUM_IMPL_H

#include "agent/medium.h"
#include "agent/medium_record.h"
#include "agent/medium_scan.h"

#define SK_MEDIUM_NODES \
	64 /* disks and partitions of one device that are mounted; all others stay read-only and root's */
#define SK_MEDIUM_IFACES 8

struct sk_node {
	bool used, gone, failed, mounted, closing; /* closing: what runs is the unmounting */
	struct sk_block b;
	int iface;
	bool adopted; /* its mount is from before our restart and not recorded again yet */
	bool looking; /* what runs is the look */
	bool looked; /* looked at, or the helper runs, under the leave it has */
	bool erasing; /* the erase helper, or what names it afterwards, runs */
	bool erased; /* done, or being done, under the leave it has */
	json_t *erase_answer; /* while it gets its label */
	bool opened; /* was made accessible: look for mounts before it is closed */
	char path[512]; /* where it is mounted */
	char fstype[32], label[128], uuid[64];
	char person[64]; /* for whom */
	bool ro; /* mounted so */
	const char *cause;
	bool container; /* what is on it is opened with a passphrase */
	bool preparing; /* what runs makes a container of it */
	bool lifted; /* writable in the kernel for the moment in which its mapping is made */
	struct { /* the mapping over it, made by us */
		bool open, ro;
		unsigned major, minor, kind; /* kind: SK_MEDIA_* */
		char name[64], node[32], cipher[64];
	} box;
	sk_medium_release_fn release_fn; /* while its add helper runs */
	void *release_arg;
	struct sk_unlocking *unlocking; /* while its open helper runs */
	struct sk_child *child;
	struct sk_node_scan scan;
	struct sk_node_record record;
	struct sk_medium *m;
};

struct sk_medium {
	struct sk_medium_env env;
	void *owner;
	json_t *ident;
	struct sk_node nodes[SK_MEDIUM_NODES];
	struct {
		int iface;
		struct sk_leave leave;
	} leaves[SK_MEDIUM_IFACES];
	int tries; /* wrong passphrases since it was plugged in */
	size_t n_leaves; /* 0 = nothing is decided yet: nodes are only taken note of */
};

const struct sk_leave *sk_medium_leave_of(const struct sk_medium *m, int iface); /* never NULL */
void sk_node_drive(struct sk_node *n); /* one step toward its leave; may free the slot */
void sk_node_look_cancel(struct sk_node *n);
void sk_node_look(struct sk_node *n); /* starts looking, once; medium_look.c */
void sk_node_erase(struct sk_node *n); /* starts erasing, once nothing of the medium is in use; medium_erase.c */
void sk_node_erase_cancel(struct sk_node *n);
void sk_node_erase_json(const struct sk_node *n, json_t *o);
bool sk_node_held(const struct sk_node *n); /* something lies on it (an opened container) */
void sk_node_sync(struct sk_node *n); /* writes back, beside the loop */
void sk_node_adopt(struct sk_node *n); /* is it mounted already (after our restart)? */
void sk_node_adopt_mount(struct sk_node *n, unsigned major, unsigned minor); /* what is mounted of this device */

/* medium_container.c */
bool sk_node_is_container(const char *fstype);
void sk_node_open_sealed(struct sk_node *n, const struct sk_leave *l); /* with the key of the grant */
bool sk_node_close_container(struct sk_node *n); /* true: a helper runs */
void sk_node_adopt_container(struct sk_node *n); /* a mapping of ours over it, from before our restart */
void sk_node_unlock_cancelled(struct sk_node *n);
int sk_node_lift(struct sk_node *n); /* writable in the kernel, with its disk; n->lifted is the caller's */
void sk_node_lower(struct sk_node *n); /* read-only again; cannot be: the medium is closed */
void sk_node_release_cancelled(struct sk_node *n); /* medium_release.c */

const struct sk_policy *sk_medium_policy(const struct sk_medium *m); /* in force; NULL = none */
void sk_node_zone(const struct sk_node *n, json_t *body); /* "zone": in which the terminal is, by the policy in force */
json_t *sk_node_event(const struct sk_node *n); /* new reference: ident + node */
void sk_medium_report(struct sk_medium *m, const char *kind, json_t *body, bool tell); /* takes body */

#endif
