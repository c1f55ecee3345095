/*
 * Buses other than USB on which media hang: cards, hot-plug SATA and SCSI, NVMe in slots and behind Thunderbolt, FireWire. To the gate a
 * device of theirs has the shape of a USB device with one interface (platform/usb.h), so that decision, record, enforcement and medium are the
 * same: it is open when its driver is bound (Thunderbolt: when it is authorised). What differs is a small table per bus.
 *
 * Its name is "BUS:KERNELNAME" ("mmc:mmc0:aaaa", "scsi:2:0:0:0"); its identity is one line of text (a card's CID, a disk's wwid, a dock's
 * unique id), its device key the hash of bus and identity. All of it is what the device says of itself.
 *
 * Kernel facts relied on: `drivers_autoprobe` 0 of a bus: no driver binds by itself, neither when a device comes nor when a driver is loaded;
 * a name written to drivers_probe binds that one, at once; a name written to the driver's unbind takes it away with its block device.
 */
#ifndef SK_PLATFORM_BUS_H
#define SK_PLATFORM_BUS_H

#include "platform/sysfs.h"

#define SK_BUSES      5
#define SK_BUS_WORD   16 /* "thunderbolt" with NUL */
#define SK_BUS_TEXT   192 /* as SK_DEV_TEXT */
#define SK_BUS_DRIVER 32

struct sk_bus_ident { /* escaped, one line each; "" where the device says nothing */
	char bus[SK_BUS_WORD]; /* for people and rules: "mmc" "scsi" "ata" "nvme" "thunderbolt" "firewire" */
	char ident[SK_BUS_TEXT];
	char vendor[SK_BUS_TEXT], product[SK_BUS_TEXT], serial[SK_BUS_TEXT];
	bool stores; /* false: it lets others in (a Thunderbolt dock), or is a network */
	bool disk; /* a disk of the machine can be such a one; not a disc, a tape or a card in a slot */
};

/* dir: the device's folder, held open. None blocks; 0 or -errno unless said otherwise. C library only, for sekimori-early. */
struct sk_bus_ops {
	const char *name; /* the prefix of its devices' names, and their uevents' subsystem */
	bool autoprobe; /* drivers_autoprobe is its default deny */
	/* -ENOENT: nothing for the gate (a host, a target, what hangs on a USB device). */
	int (*identify)(int dir, const char *devpath, struct sk_bus_ident *out);
	int (*admit)(const char *root, int dir, const char *kernel_name); /* NULL = drivers_probe */
	int (*expel)(const char *root, int dir, const char *kernel_name); /* NULL = unbind */
	int (*opened)(int dir, bool *open, char driver[SK_BUS_DRIVER]); /* NULL = a driver is bound */
	/* At the agent's first start: is it one that people plug, by what the kernel says (Thunderbolt, an outward slot)? NULL = no way to tell */
	bool (*outward)(const char *root, const char *devpath);
	const char *const *(*modules)(
	    const struct sk_bus_ident *id); /* loaded by name before it is opened; NULL-terminated */
};

extern const struct sk_bus_ops SK_BUS_MMC_OPS, SK_BUS_SCSI_OPS, SK_BUS_PCI_OPS, SK_BUS_THUNDERBOLT_OPS,
    SK_BUS_FIREWIRE_OPS;
/* The bus of a device name ("mmc:mmc0:aaaa") or of a subsystem ("mmc"); NULL = none of them. */
const struct sk_bus_ops *sk_bus_of(const char *name);
const struct sk_bus_ops *sk_bus_at(size_t i); /* 0 .. SK_BUSES-1 */
/* fn for each device of the bus, by the kernel's name; a negative answer ends it and is returned. 0 also when there is no such bus. */
int sk_bus_each(const char *root, const struct sk_bus_ops *bus, int (*fn)(void *arg, const char *kernel_name),
                void *arg);
/* Its folder: fd >= 0, and its path; -EINVAL: not a name of a device. */
int sk_bus_open(const char *root, const struct sk_bus_ops *bus, const char *kernel_name, char devpath[SK_DEVPATH_MAX]);
/* Has the kernel look for a driver for this one device (drivers_probe). */
int sk_bus_probe(const char *root, const char *bus, const char *kernel_name);
/* Default deny of the bus, read back; on false the kernel's own default. 0 also when there is no such bus. */
int sk_bus_shut(const char *root, const struct sk_bus_ops *bus, bool shut);
bool sk_bus_driver(int dir, char out[SK_BUS_DRIVER]); /* false: none is bound */

/* Text of an attribute without the blanks around it, escaped; "" when it is not there. */
void sk_bus_text(int dir, const char *attribute, char *out, size_t size);

#endif
