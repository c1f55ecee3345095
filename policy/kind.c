/*
 * What an interface is for, from its class codes: the word that policies, records and pages use.
 *
 * The class is what a device says of itself, and some of the kernel's drivers bind by vendor and product whatever the class is
 * (usb-storage's list of unusual devices, most network adapters). All of those need bulk pipes, which the input and hub
 * classes do not have: an "input" or "hub" interface with a bulk or isochronous pipe is therefore judged as storage, the
 * strictest kind, and is never on the safe path.
 */
#include <errno.h>
#include <libusb.h>
#include <string.h>

#include "common/i18n.h"
#include "policy/descriptor.h"

/* Class codes of the USB-IF's list that libusb.h has no names for. */
enum {
	COMM_ACM = 0x02,
	COMM_ETHERNET = 0x06,
	COMM_ATM = 0x07,
	COMM_MOBILE_DIRECT_LINE = 0x0a,
	COMM_ETHERNET_EMULATION = 0x0c,
	COMM_NCM = 0x0d,
	COMM_MBIM = 0x0e,
	AT_COMMANDS_LAST = 0x06,
	STORAGE_MMC = 0x02,
	PROTO_VENDOR = 0xff, /* under ACM: remote NDIS */
	WIRELESS_RADIO = 0x01,
	RADIO_RNDIS = 0x03,
	MISC_RNDIS = 0x04,
	HID_BOOT = 0x01,
	HID_KEYBOARD = 0x01,
	HID_MOUSE = 0x02,
};

static const struct {
	unsigned kind;
	const char *name;
	const char *word;
} kinds[] = {
    {SK_USB_HUB, "hub", N_("hub")},
    {SK_USB_INPUT, "input", N_("keyboard, mouse or other input device")},
    {SK_USB_STORAGE, "storage", N_("storage medium")},
    {SK_USB_NETWORK, "network", N_("network adapter")},
    {SK_USB_IMAGE, "image", N_("camera or phone storage")},
    {SK_USB_PRINTER, "printer", N_("printer")},
    {SK_USB_AUDIO, "audio", N_("audio device")},
    {SK_USB_VIDEO, "video", N_("video camera")},
    {SK_USB_SMARTCARD, "smartcard", N_("IC card reader")},
    {SK_USB_SERIAL, "serial", N_("serial device")},
    {SK_USB_WIRELESS, "wireless", N_("wireless adapter")},
    {SK_USB_VENDOR, "vendor", N_("device of its maker's own kind")},
    {SK_USB_OTHER, "other", N_("device of another kind")},
};

static const struct {
	unsigned sort;
	unsigned within;
	const char *name;
} sorts[SK_USB_SORTS] = {
    {SK_USB_OPTICAL, SK_USB_STORAGE, "optical"},
    {SK_USB_CARD_READER, SK_USB_STORAGE, "card-reader"},
    {SK_USB_PTP, SK_USB_IMAGE, "ptp"},
    {SK_USB_MTP, SK_USB_IMAGE, "mtp"},
    {SK_USB_TETHER, SK_USB_NETWORK, "tether"},
    {SK_USB_MODEM, SK_USB_SERIAL | SK_USB_NETWORK, "modem"},
    {SK_USB_SECURITY_KEY, SK_USB_INPUT, "security-key"},
    {SK_USB_FINGERPRINT, SK_USB_VENDOR, "fingerprint"},
    {SK_USB_DISPLAY, SK_USB_VENDOR, "display"},
};

static unsigned comm_kind(const struct sk_usb_alt *a)
{
	switch (a->sub) {
	case COMM_ACM:
		return a->proto == PROTO_VENDOR ? SK_USB_NETWORK : SK_USB_SERIAL;
	case COMM_ETHERNET:
	case COMM_ATM:
	case COMM_MOBILE_DIRECT_LINE:
	case COMM_ETHERNET_EMULATION:
	case COMM_NCM:
	case COMM_MBIM:
		return SK_USB_NETWORK;
	default:
		return SK_USB_OTHER;
	}
}

static unsigned class_kind(const struct sk_usb_alt *a)
{
	switch (a->cls) {
	case LIBUSB_CLASS_HUB:
		return SK_USB_HUB;
	case LIBUSB_CLASS_HID:
		return SK_USB_INPUT;
	case LIBUSB_CLASS_MASS_STORAGE:
		return SK_USB_STORAGE;
	case LIBUSB_CLASS_COMM:
		return comm_kind(a);
	case LIBUSB_CLASS_DATA:
		return SK_USB_NETWORK;
	case LIBUSB_CLASS_IMAGE:
		return SK_USB_IMAGE;
	case LIBUSB_CLASS_PRINTER:
		return SK_USB_PRINTER;
	case LIBUSB_CLASS_AUDIO:
		return SK_USB_AUDIO;
	case LIBUSB_CLASS_VIDEO:
		return SK_USB_VIDEO;
	case LIBUSB_CLASS_SMART_CARD:
		return SK_USB_SMARTCARD;
	case LIBUSB_CLASS_WIRELESS:
		return a->sub == WIRELESS_RADIO && a->proto == RADIO_RNDIS ? SK_USB_NETWORK : SK_USB_WIRELESS;
	case LIBUSB_CLASS_MISCELLANEOUS:
		return a->sub == MISC_RNDIS ? SK_USB_NETWORK : SK_USB_OTHER;
	case LIBUSB_CLASS_VENDOR_SPEC:
		return a->named & SK_USB_STORAGE ? SK_USB_STORAGE
		       : a->named & SK_USB_IMAGE ? SK_USB_IMAGE
		                                 : SK_USB_VENDOR;
	default:
		return SK_USB_OTHER;
	}
}

unsigned sk_usb_alt_kind(const struct sk_usb_alt *a)
{
	const unsigned quiet = 1u << LIBUSB_TRANSFER_TYPE_CONTROL | 1u << LIBUSB_TRANSFER_TYPE_INTERRUPT;
	unsigned kind = class_kind(a);

	if ((kind & (SK_USB_INPUT | SK_USB_HUB)) && (a->transfers & ~quiet))
		return SK_USB_STORAGE;
	return kind;
}

/* The finer word that the class itself tells. */
static unsigned class_sort(const struct sk_usb_alt *a)
{
	switch (a->cls) {
	case LIBUSB_CLASS_MASS_STORAGE:
		return a->sub == STORAGE_MMC ? SK_USB_OPTICAL : 0;
	case LIBUSB_CLASS_IMAGE:
		return a->sub == 1 && a->proto == 1 && !(a->named & SK_USB_MTP) ? SK_USB_PTP : 0;
	case LIBUSB_CLASS_COMM:
		if (a->sub == COMM_ACM && a->proto == PROTO_VENDOR)
			return SK_USB_TETHER;
		return a->sub == COMM_MBIM || (a->sub == COMM_ACM && a->proto >= 1 && a->proto <= AT_COMMANDS_LAST)
		           ? SK_USB_MODEM
		           : 0;
	case LIBUSB_CLASS_WIRELESS:
	case LIBUSB_CLASS_MISCELLANEOUS:
		return class_kind(a) == SK_USB_NETWORK ? SK_USB_TETHER : 0;
	default:
		return 0;
	}
}

unsigned sk_usb_alt_kinds(const struct sk_usb_alt *a)
{
	unsigned kind = sk_usb_alt_kind(a), more = class_sort(a) | a->named;

	if (kind & SK_USB_STORING)
		more &= SK_USB_NAMES_STORING & ~(unsigned)SK_USB_STORING;
	else
		more &= ~(unsigned)SK_USB_NAMES_STORING;
	return kind | more;
}

unsigned sk_usb_desc_sorts(const struct sk_usb_desc *d)
{
	unsigned mask = 0;

	for (size_t i = 0; i < d->n_alts; i++)
		mask |= sk_usb_alt_kinds(&d->alts[i]);
	return mask;
}

unsigned sk_usb_kinds_whole(unsigned mask)
{
	for (size_t i = 0; i < SK_USB_SORTS; i++) {
		if (mask & sorts[i].sort)
			mask |= sorts[i].within;
	}
	return mask;
}

unsigned sk_usb_desc_kinds(const struct sk_usb_desc *d)
{
	unsigned mask = 0;

	for (size_t i = 0; i < d->n_alts; i++)
		mask |= sk_usb_alt_kind(&d->alts[i]);
	return mask;
}

size_t sk_usb_kind_index(unsigned one_kind)
{
	size_t i = 0;

	while (i < SK_USB_KINDS && !(one_kind & 1u << i))
		i++;
	return i < SK_USB_KINDS ? i : SK_USB_KINDS - 1;
}

const char *sk_usb_kind_name(unsigned one_kind)
{
	return kinds[sk_usb_kind_index(one_kind)].name;
}

const char *sk_usb_kind_word(unsigned one_kind)
{
	return kinds[sk_usb_kind_index(one_kind)].word;
}

int sk_usb_kind_parse(const char *name, unsigned *out)
{
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (strcmp(kinds[i].name, name) == 0) {
			*out = kinds[i].kind;
			return 0;
		}
	}
	for (size_t i = 0; i < SK_USB_SORTS; i++) {
		if (strcmp(sorts[i].name, name) == 0) {
			*out = sorts[i].sort;
			return 0;
		}
	}
	return -EINVAL;
}

bool sk_usb_is_pure_hub(const struct sk_usb_desc *d)
{
	return d->cls == LIBUSB_CLASS_HUB && sk_usb_desc_kinds(d) == SK_USB_HUB;
}

/* The hub driver also binds by the device's class alone, so a device that calls itself a hub is no input device. */
bool sk_usb_is_pure_input(const struct sk_usb_desc *d)
{
	return d->cls != LIBUSB_CLASS_HUB && sk_usb_desc_kinds(d) == SK_USB_INPUT;
}

void sk_usb_input_roles(const struct sk_usb_desc *d, bool *keyboard, bool *mouse)
{
	bool k = false, m = false, any = false;

	for (size_t i = 0; i < d->n_alts; i++) {
		const struct sk_usb_alt *a = &d->alts[i];

		if (sk_usb_alt_kind(a) != SK_USB_INPUT)
			continue;
		any = true;
		k = k || (a->sub == HID_BOOT && a->proto == HID_KEYBOARD);
		m = m || (a->sub == HID_BOOT && a->proto == HID_MOUSE);
	}
	/* Neither boot keyboard nor boot mouse: it may be either. */
	*keyboard = k || (any && !m);
	*mouse = m || (any && !k);
}
