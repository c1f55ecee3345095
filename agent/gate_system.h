/* What the gate needs of the system, as one table, so that tests put fakes in every place. */
#ifndef SK_AGENT_GATE_SYSTEM_H
#define SK_AGENT_GATE_SYSTEM_H

#include "platform/block.h"
#include "platform/bus_face.h"
#include "platform/child.h"
#include "platform/disks.h"
#include "platform/mount.h"
#include "platform/usb.h"

#define SK_LIBEXEC       "/usr/lib/sekimori"
#define SK_INTERNAL_CONF "/etc/sekimori/internal.conf"
#define SK_RECORD_ROOT   "/run/sekimori/record" /* 0700; a folder per device number, as agent/record_out.h */

struct sk_system {
	struct sk_usb usb;
	struct sk_blocks blocks;
	int (*mounts_of)(unsigned major, unsigned minor, struct sk_mount *out, size_t max); /* as sk_mount_of */
	int (*start)(sd_event *loop, const char *const argv[], uint64_t timeout_ms, sk_child_fn fn, void *arg,
	             struct sk_child **out); /* as sk_child_start */
	void (*cancel)(struct sk_child *c);
	int (*start_input)(sd_event *loop, const char *const argv[], const void *input, size_t len, uint64_t timeout_ms,
	                   sk_child_fn fn, void *arg, struct sk_child **out); /* as sk_child_start_input */
	const char *internal_conf; /* file of learned system disks */
	const char *record_root; /* where recorders write; NULL = nothing is recorded (tests) */
	struct sk_usb buses[SK_BUSES]; /* the other buses, in the order of sk_bus_at */
	size_t n_buses; /* 0 = none of them is looked at */
	const char *keyboards; /* file of platform/keyboards.h; NULL = they are not kept */
	const char *root; /* as in sk_usb_sysfs */
	char disks_conf[SK_DEVPATH_MAX], disks_run[SK_DEVPATH_MAX]; /* platform/disks.h; under root */
};

struct sk_system sk_system_real(const char *sysfs_root); /* "" = the machine */

#endif
