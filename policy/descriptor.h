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

/* One kind. An input or hub interface with a bulk or isochronous pipe is STORAGE: see kind.c. */
unsigned sk_usb_alt_kind(const struct sk_usb_alt *a);
unsigned sk_usb_desc_kinds(const struct sk_usb_desc *d);       /* the union over all alts */
const char *sk_usb_kind_name(unsigned one_kind);               /* "storage": the word used in policy, CLI, API, console */
const char *sk_usb_kind_word(unsigned one_kind);               /* msgid for people */
size_t sk_usb_kind_index(unsigned one_kind);                   /* 0 .. SK_USB_KINDS-1 */
int sk_usb_kind_parse(const char *name, unsigned *out);
/* Hub with nothing else, or only human interface devices in every configuration and alternate setting: what the safe path may admit. */
bool sk_usb_is_pure_hub(const struct sk_usb_desc *d);
bool sk_usb_is_pure_input(const struct sk_usb_desc *d);
/* Whether it may be a keyboard, a mouse: by the boot protocol where one is named, else both. For the counts in struct sk_context. */
void sk_usb_input_roles(const struct sk_usb_desc *d, bool *keyboard, bool *mouse);
/* Does a kernel driver of this name make a disk, a card slot or a tape out of an interface? Some bind by vendor and product whatever
 * the class is: where an interface was allowed as anything but storage and such a driver bound, the device lied. */
bool sk_usb_driver_stores(const char *driver);

#endif
