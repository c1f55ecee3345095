/*
 * USB descriptors, parsed once. Input is the kernel's binary `descriptors` file: the device descriptor, then every configuration
 * with its interfaces and alternate settings, exactly as the device sent them: hostile bytes. Whatever does not parse is not
 * guessed at: the result says what is wrong, and a device with a malformed descriptor is never authorised.
 */
#ifndef SK_POLICY_DESCRIPTOR_H
#define SK_POLICY_DESCRIPTOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "common/err.h"
#include "common/hash.h"

#define SK_USB_DESCRIPTORS_MAX (18 + 65535) /* what the kernel shows at most */
#define SK_USB_ALTS_MAX        256          /* interface descriptors over all configurations; more = malformed */

struct sk_usb_alt {
	uint8_t config;   /* bConfigurationValue */
	uint8_t number;   /* bInterfaceNumber */
	uint8_t alt;      /* bAlternateSetting */
	uint8_t cls, sub, proto;
	uint8_t endpoints;
	uint8_t transfers; /* 1 << LIBUSB_TRANSFER_TYPE_* of every endpoint that really follows */
	bool first_config; /* belongs to the first configuration of the file */
	uint32_t named;    /* kinds known by the model or by what the interface is called, see sk_usb_alt_kinds; 0 = by class alone */
};

struct sk_usb_desc {
	uint16_t vid, pid, bcd_device, bcd_usb;
	uint8_t cls, sub, proto;          /* bDeviceClass ... */
	uint8_t configs_declared, configs_seen;
	struct sk_usb_alt alts[SK_USB_ALTS_MAX]; /* in file order */
	size_t n_alts;
	char device_key[SK_SHA256_HEX];   /* hash of all descriptors without what changes by port or bus speed, plus serial */
};

/* serial: raw bytes of the serial string (may be NULL/0). 0, or -EINVAL with err saying offset and what is wrong (truncated, length
 * below minimum, total length lies, interface before configuration, more configurations than declared or fewer, duplicate
 * interface+alt, too many). On failure *out holds what was read up to there (for the record), never to be decided on. */
int sk_usb_desc_parse(const uint8_t *bytes, size_t len, const char *serial, size_t serial_len, struct sk_usb_desc *out,
                      struct sk_err *err);

/* The same without the device key (it stays ""): needs no cryptography, for sekimori-early. */
int sk_usb_desc_scan(const uint8_t *bytes, size_t len, struct sk_usb_desc *out, struct sk_err *err);

enum sk_usb_kind { /* what a whole device is, by every interface of every configuration and alternate setting */
	SK_USB_HUB = 1 << 0,       /* 09 */
	SK_USB_INPUT = 1 << 1,     /* 03 */
	SK_USB_STORAGE = 1 << 2,   /* 08 */
	SK_USB_NETWORK = 1 << 3,   /* 0A 02/06 02/07 02/0A 02/0C-0E 02/02/FF E0/01/03 EF/04 */
	SK_USB_IMAGE = 1 << 4,     /* 06: PTP, and MTP where it uses this class (else it is VENDOR) */
	SK_USB_PRINTER = 1 << 5,   /* 07 */
	SK_USB_AUDIO = 1 << 6,     /* 01 */
	SK_USB_VIDEO = 1 << 7,     /* 0E */
	SK_USB_SMARTCARD = 1 << 8, /* 0B */
	SK_USB_SERIAL = 1 << 9,    /* 02/02; its data interface (0A) is NETWORK: name both, or name them by class */
	SK_USB_WIRELESS = 1 << 10, /* E0 */
	SK_USB_VENDOR = 1 << 11,   /* FF */
	SK_USB_OTHER = 1 << 12,
};
#define SK_USB_KINDS   13
#define SK_USB_STORING (SK_USB_STORAGE | SK_USB_IMAGE) /* what data can be carried away on */

/*
 * Finer words, each within a kind: an interface keeps its one kind and may be one of these besides, so that "kind = storage" goes on
 * meaning all storage. Only what is known before a device is let in can be told: most USB DVD drives call themselves plain storage, MTP and
 * PTP share class 06, and no class says security key. Where the class is silent the model decides (policy/model.c), which is as
 * self-asserted as the class.
 */
enum sk_usb_sort {
	SK_USB_OPTICAL = 1 << 13,      /* storage: 08/02, and drives known by model */
	SK_USB_CARD_READER = 1 << 14,  /* storage: by model, also those with a class of their maker's own */
	SK_USB_PTP = 1 << 15,          /* image: 06/01/01 that is not known as MTP */
	SK_USB_MTP = 1 << 16,          /* image: by the interface's name "MTP" or by model */
	SK_USB_TETHER = 1 << 17,       /* network: RNDIS, and Apple's own */
	SK_USB_MODEM = 1 << 18,        /* serial 02/02/01-06, network 02/0E */
	SK_USB_SECURITY_KEY = 1 << 19, /* input without boot protocol, by model */
	SK_USB_FINGERPRINT = 1 << 20,  /* vendor, by model */
	SK_USB_DISPLAY = 1 << 21,      /* vendor, by model: DisplayLink */
};
#define SK_USB_SORTS         9
#define SK_USB_NAMES_STORING (SK_USB_STORING | SK_USB_OPTICAL | SK_USB_CARD_READER | SK_USB_PTP | SK_USB_MTP)

/* Its kind, its finer words, and the kinds that a vendor-specific interface is known to serve by its model (serial, network, smartcard):
 * a rule that names any of them means it. What stores is never anything but what stores. */
unsigned sk_usb_alt_kinds(const struct sk_usb_alt *a);
unsigned sk_usb_desc_sorts(const struct sk_usb_desc *d); /* the union of sk_usb_alt_kinds */
unsigned sk_usb_kinds_whole(unsigned kinds);             /* with the kind that each finer word lies within */

/* policy/model.c: what is known of a model beyond its classes; 0 = nothing. For an interface of this class. */
uint32_t sk_usb_model_kinds(uint16_t vid, uint16_t pid, uint8_t cls, uint8_t sub, uint8_t proto);
/* What an interface calls itself (its string, readable once the device is configured): "MTP" makes a vendor-specific interface with
 * bulk pipes, or one of class 06, MTP. True if that changes what it is. */
bool sk_usb_alt_called(struct sk_usb_alt *a, const char *text);

/* One kind. An input or hub interface with a bulk or isochronous pipe is STORAGE: see kind.c. */
unsigned sk_usb_alt_kind(const struct sk_usb_alt *a);
unsigned sk_usb_desc_kinds(const struct sk_usb_desc *d);       /* the union over all alts */
const char *sk_usb_kind_name(unsigned one_kind);               /* "storage": the word used in policy, CLI, API, console */
const char *sk_usb_kind_word(unsigned one_kind);               /* msgid for people */
size_t sk_usb_kind_index(unsigned one_kind);                   /* 0 .. SK_USB_KINDS-1 */
int sk_usb_kind_parse(const char *name, unsigned *out);        /* also the finer words */
/* Hub with nothing else, or only human interface devices in every configuration and alternate setting: what the safe path may admit. */
bool sk_usb_is_pure_hub(const struct sk_usb_desc *d);
bool sk_usb_is_pure_input(const struct sk_usb_desc *d);
/* Whether it may be a keyboard, a mouse: by the boot protocol where one is named, else both. For the counts in struct sk_context. */
void sk_usb_input_roles(const struct sk_usb_desc *d, bool *keyboard, bool *mouse);
/* Does a kernel driver of this name make a disk, a card slot or a tape out of an interface? Some bind by vendor and product whatever
 * the class is: where an interface was allowed as anything but storage and such a driver bound, the device lied. */
bool sk_usb_driver_stores(const char *driver);

#endif
