/*
 * Facts of one attached device, as plain values: what platform/ read, escaped and bounded. Everything a device says of itself is
 * self-asserted; the grade says what was proved (DESIGN 3).
 */
#ifndef SK_POLICY_DEVICE_H
#define SK_POLICY_DEVICE_H

#include "policy/descriptor.h"

#define SK_DEV_TEXT 192 /* escaped text of a device string, bytes incl. NUL */

/* The buses a device can hang on; one bit each in a rule's `bus`. */
enum sk_dev_bus {
	SK_DEV_BUS_USB = 1 << 0,
	SK_DEV_BUS_MMC = 1 << 1,
	SK_DEV_BUS_SCSI = 1 << 2,
	SK_DEV_BUS_ATA = 1 << 3,
	SK_DEV_BUS_PCI = 1 << 4,
	SK_DEV_BUS_NVME = 1 << 5,
	SK_DEV_BUS_THUNDERBOLT = 1 << 6,
	SK_DEV_BUS_FIREWIRE = 1 << 7,
};
#define SK_DEV_BUSES 8
const char *sk_dev_bus_name(unsigned one_bus); /* "usb" "mmc" ...; "" if none */
unsigned sk_dev_bus_parse(const char *name);   /* 0 = no bus of this name */

enum sk_grade { SK_GRADE_C = 0, SK_GRADE_B = 1, SK_GRADE_A = 2 };
const char *sk_grade_name(enum sk_grade g); /* "C" "B" "A" */

/* Was what is on the medium read, as far as its media key needs it? */
enum sk_looked { SK_LOOKED_NOT = 0, SK_LOOKED_DONE, SK_LOOKED_FAILED };

struct sk_device {
	char name[64];             /* kernel name and port path: "1-2.3"; root hubs "usb1" */
	char bus[16];              /* a name of enum sk_dev_bus */
	char vendor[SK_DEV_TEXT];  /* escaped strings; "" if none */
	char product[SK_DEV_TEXT];
	char serial[SK_DEV_TEXT];
	bool has_serial;
	bool is_root_hub;
	char connect[16];          /* "hotplug" "fixed" "unknown": for display only, asserted by firmware */
	struct sk_usb_desc desc;
	bool desc_ok;              /* false: malformed or unreadable; desc_problem says why */
	char desc_problem[160];
	enum sk_grade grade;       /* as last proved (sk_ledger_identify); for display: the decision proves it anew */
	enum sk_looked looked;
	char media_key[SK_SHA256_HEX]; /* policy/media_key.h; when looked is DONE */
};

/* How a medium says it is encrypted. What a header says proves nothing of what is written beside it: access = encrypted is held to by
 * the block layer, these words only choose a rule. */
enum sk_encryption {
	SK_ENC_NONE = 1 << 0,      /* looked at, and nothing found */
	SK_ENC_LUKS = 1 << 1,
	SK_ENC_BITLOCKER = 1 << 2,
	SK_ENC_HARDWARE = 1 << 3,  /* the device itself encrypts */
	SK_ENC_OTHER = 1 << 4,
};
#define SK_ENCRYPTIONS 5
const char *sk_encryption_name(unsigned one); /* "none" "luks" "bitlocker" "hardware" "other"; "unknown" for 0 */

/* Facts of one medium in a device: known only after its block node came and was probed. A card reader has one set per slot. */
struct sk_media_facts {
	unsigned encryption;       /* one of enum sk_encryption; 0 = could not be told */
	uint64_t size;             /* bytes; 0 = could not be told */
	char ledger[64];           /* its number in the media ledger, proved by the registration; "" = none */
	enum sk_grade grade;       /* proved for this very medium; the better one of this and the device's counts */
};

#endif
