/*
 * Models that do not say by their class what they are. The numbers are public (the kernel's driver tables, the makers' listings); a
 * device that borrows one gains nothing that a rule for that kind would not give to any device of the kind, and what can carry data away is
 * only ever judged more strictly by it.
 */
#include <libusb.h>
#include <string.h>
#include <strings.h>

#include "policy/descriptor.h"

#define ANY 0x10000

struct model {
	uint16_t vid;
	uint32_t pid; /* ANY = every model of the maker */
	uint32_t kinds;
};

/* Interfaces of class ff. */
static const struct model vendor_models[] = {
    /* Ethernet: the tables of ax88179_178a, asix, r8152, smsc95xx, lan78xx, mcs7830. */
    {0x0b95, ANY, SK_USB_NETWORK},
    {0x04b4, 0x3610, SK_USB_NETWORK},
    {0x0df6, 0x0072, SK_USB_NETWORK},
    {0x04e8, 0xa100, SK_USB_NETWORK},
    {0x04e8, 0xa101, SK_USB_NETWORK},
    {0x050d, 0x0128, SK_USB_NETWORK},
    {0x2001, 0x4a00, SK_USB_NETWORK},
    {0x2001, 0x3c05, SK_USB_NETWORK},
    {0x0411, 0x003d, SK_USB_NETWORK},
    {0x0411, 0x006e, SK_USB_NETWORK},
    {0x05ac, 0x1402, SK_USB_NETWORK},
    {0x0bda, 0x8050, SK_USB_NETWORK},
    {0x0bda, 0x8152, SK_USB_NETWORK},
    {0x0bda, 0x8153, SK_USB_NETWORK},
    {0x0bda, 0x8155, SK_USB_NETWORK},
    {0x0bda, 0x8156, SK_USB_NETWORK},
    {0x045e, 0x07ab, SK_USB_NETWORK},
    {0x045e, 0x07c6, SK_USB_NETWORK},
    {0x045e, 0x0927, SK_USB_NETWORK},
    {0x17ef, 0x304b, SK_USB_NETWORK},
    {0x17ef, 0x304f, SK_USB_NETWORK},
    {0x17ef, 0x3054, SK_USB_NETWORK},
    {0x17ef, 0x3062, SK_USB_NETWORK},
    {0x17ef, 0x3069, SK_USB_NETWORK},
    {0x17ef, 0x7205, SK_USB_NETWORK},
    {0x17ef, 0x720c, SK_USB_NETWORK},
    {0x13b1, 0x0041, SK_USB_NETWORK},
    {0x2357, 0x0601, SK_USB_NETWORK},
    {0x0424, 0x9500, SK_USB_NETWORK},
    {0x0424, 0xec00, SK_USB_NETWORK},
    {0x0424, 0x7500, SK_USB_NETWORK},
    {0x0424, 0x7800, SK_USB_NETWORK},
    {0x9710, 0x7830, SK_USB_NETWORK},
    /* Wi-Fi: rtl8xxxu, mt76, rt2800usb. */
    {0x0bda, 0x8179, SK_USB_NETWORK | SK_USB_WIRELESS},
    {0x0bda, 0x8176, SK_USB_NETWORK | SK_USB_WIRELESS},
    {0x0bda, 0xb812, SK_USB_NETWORK | SK_USB_WIRELESS},
    {0x0bda, 0xc811, SK_USB_NETWORK | SK_USB_WIRELESS},
    {0x0e8d, 0x7612, SK_USB_NETWORK | SK_USB_WIRELESS},
    {0x148f, 0x5370, SK_USB_NETWORK | SK_USB_WIRELESS},
    {0x148f, 0x3070, SK_USB_NETWORK | SK_USB_WIRELESS},
    /* Serial: ftdi_sio, pl2303, cp210x, ch341. */
    {0x0403, 0x6001, SK_USB_SERIAL},
    {0x0403, 0x6010, SK_USB_SERIAL},
    {0x0403, 0x6011, SK_USB_SERIAL},
    {0x0403, 0x6014, SK_USB_SERIAL},
    {0x0403, 0x6015, SK_USB_SERIAL},
    {0x067b, 0x2303, SK_USB_SERIAL},
    {0x067b, 0x2304, SK_USB_SERIAL},
    {0x067b, 0x23a3, SK_USB_SERIAL},
    {0x067b, 0x23c3, SK_USB_SERIAL},
    {0x04bb, 0x0a03, SK_USB_SERIAL},
    {0x04bb, 0x0a0e, SK_USB_SERIAL},
    {0x056e, 0x5003, SK_USB_SERIAL},
    {0x056e, 0x5004, SK_USB_SERIAL},
    {0x0557, 0x2008, SK_USB_SERIAL},
    {0x10c4, 0xea60, SK_USB_SERIAL},
    {0x10c4, 0xea70, SK_USB_SERIAL},
    {0x10c4, 0xea71, SK_USB_SERIAL},
    {0x1a86, 0x7523, SK_USB_SERIAL},
    {0x1a86, 0x7522, SK_USB_SERIAL},
    {0x1a86, 0x5523, SK_USB_SERIAL},
    /* IC card readers with a protocol of their own: Sony PaSoRi. */
    {0x054c, 0x01bb, SK_USB_SMARTCARD},
    {0x054c, 0x02e1, SK_USB_SMARTCARD},
    {0x054c, 0x06c1, SK_USB_SMARTCARD},
    {0x054c, 0x06c3, SK_USB_SMARTCARD},
    {0x054c, 0x0dc8, SK_USB_SMARTCARD},
    {0x054c, 0x0dc9, SK_USB_SMARTCARD},
    /* Fingerprint readers, displays. */
    {0x27c6, ANY, SK_USB_FINGERPRINT},
    {0x06cb, ANY, SK_USB_FINGERPRINT},
    {0x138a, ANY, SK_USB_FINGERPRINT},
    {0x147e, ANY, SK_USB_FINGERPRINT},
    {0x1c7a, ANY, SK_USB_FINGERPRINT},
    {0x08ff, ANY, SK_USB_FINGERPRINT},
    {0x17e9, ANY, SK_USB_DISPLAY},
    /* Card readers that the kernel drives with rtsx_usb: they store, whatever class they name. */
    {0x0bda, 0x0129, SK_USB_STORAGE | SK_USB_CARD_READER},
    {0x0bda, 0x0139, SK_USB_STORAGE | SK_USB_CARD_READER},
    {0x0bda, 0x0140, SK_USB_STORAGE | SK_USB_CARD_READER},
};

/* Interfaces ff/ff/00 that are MTP on these phones and players, whose other vendor interfaces (adb: ff/42/01) are not. */
static const struct model mtp_models[] = {
    {0x18d1, 0x4ee1, 0}, {0x18d1, 0x4ee2, 0}, {0x04e8, 0x6860, 0}, {0x04e8, 0x685c, 0}, {0x0fce, ANY, 0},
    {0x22b8, 0x2e76, 0}, {0x22b8, 0x2e82, 0}, {0x2717, 0xff40, 0}, {0x2717, 0xff48, 0}, {0x04dd, ANY, 0},
    {0x12d1, 0x1051, 0}, {0x12d1, 0x107e, 0}, {0x0bb4, 0x0f25, 0}, {0x1004, 0x631c, 0}, {0x2a70, 0xf003, 0},
};

static const struct model storage_models[] = {
    /* class 08 */
    {0x05e3, 0x0723, SK_USB_CARD_READER}, {0x05e3, 0x0736, SK_USB_CARD_READER}, {0x05e3, 0x0749, SK_USB_CARD_READER},
    {0x05e3, 0x0751, SK_USB_CARD_READER}, {0x05e3, 0x0761, SK_USB_CARD_READER}, {0x058f, 0x6335, SK_USB_CARD_READER},
    {0x058f, 0x6362, SK_USB_CARD_READER}, {0x058f, 0x6366, SK_USB_CARD_READER}, {0x0bda, 0x0151, SK_USB_CARD_READER},
    {0x0bda, 0x0177, SK_USB_CARD_READER}, {0x0bda, 0x0184, SK_USB_CARD_READER}, {0x0bda, 0x0307, SK_USB_CARD_READER},
    {0x0bda, 0x0309, SK_USB_CARD_READER}, {0x0bda, 0x0328, SK_USB_CARD_READER}, {0x0424, 0x2228, SK_USB_CARD_READER},
    {0x0424, 0x4050, SK_USB_CARD_READER}, {0x14cd, 0x125c, SK_USB_CARD_READER}, {0x14cd, 0x1212, SK_USB_CARD_READER},
    {0x0781, 0xa7a8, SK_USB_CARD_READER}, {0x8564, 0x4000, SK_USB_CARD_READER}, {0x152e, ANY, SK_USB_OPTICAL},
    {0x0e8d, 0x1887, SK_USB_OPTICAL},     {0x0e8d, 0x1956, SK_USB_OPTICAL},     {0x1c6b, 0xa222, SK_USB_OPTICAL},
    {0x1c6b, 0xa223, SK_USB_OPTICAL},     {0x13fd, 0x0840, SK_USB_OPTICAL},     {0x13fd, 0x3940, SK_USB_OPTICAL},
};

static const struct model input_models[] = {
    /* class 03 without boot protocol */
    {0x1050, ANY, SK_USB_SECURITY_KEY},    {0x096e, ANY, SK_USB_SECURITY_KEY},    {0x20a0, 0x4287, SK_USB_SECURITY_KEY},
    {0x20a0, 0x42b1, SK_USB_SECURITY_KEY}, {0x20a0, 0x42b2, SK_USB_SECURITY_KEY}, {0x1209, 0xbeee, SK_USB_SECURITY_KEY},
    {0x1209, 0x5070, SK_USB_SECURITY_KEY}, {0x18d1, 0x5026, SK_USB_SECURITY_KEY}, {0x0483, 0xa2ca, SK_USB_SECURITY_KEY},
    {0x2ccf, 0x0880, SK_USB_SECURITY_KEY}, {0x1ea8, 0xfc25, SK_USB_SECURITY_KEY}, {0x311f, 0x4a1a, SK_USB_SECURITY_KEY},
    {0x32a3, 0x3201, SK_USB_SECURITY_KEY}, {0x2581, 0xf1d0, SK_USB_SECURITY_KEY}, {0x24dc, 0x0101, SK_USB_SECURITY_KEY},
};

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static const struct model *find(const struct model *list, size_t n, uint16_t vid, uint16_t pid)
{
	for (size_t i = 0; i < n; i++) {
		if (list[i].vid == vid && (list[i].pid == ANY || list[i].pid == pid))
			return &list[i];
	}
	return NULL;
}

uint32_t sk_usb_model_kinds(uint16_t vid, uint16_t pid, uint8_t cls, uint8_t sub, uint8_t proto)
{
	const struct model *m = NULL;

	if (cls == LIBUSB_CLASS_VENDOR_SPEC) {
		if (sub == 0xff && proto == 0 && find(mtp_models, COUNT(mtp_models), vid, pid))
			return SK_USB_IMAGE | SK_USB_MTP;
		if (vid == 0x05ac && sub == 0xfd && proto == 1) /* ipheth */
			return SK_USB_NETWORK | SK_USB_TETHER;
		m = find(vendor_models, COUNT(vendor_models), vid, pid);
	} else if (cls == LIBUSB_CLASS_MASS_STORAGE) {
		m = find(storage_models, COUNT(storage_models), vid, pid);
	} else if (cls == LIBUSB_CLASS_HID && sub == 0) {
		m = find(input_models, COUNT(input_models), vid, pid);
	} else if (cls == LIBUSB_CLASS_IMAGE) {
		return find(mtp_models, COUNT(mtp_models), vid, pid) ? SK_USB_MTP : 0;
	}
	return m ? m->kinds : 0;
}

bool sk_usb_alt_called(struct sk_usb_alt *a, const char *text)
{
	unsigned was = sk_usb_alt_kinds(a);

	if (!strcasestr(text, "MTP"))
		return false;
	if (a->cls == LIBUSB_CLASS_VENDOR_SPEC && (a->transfers & 1u << LIBUSB_TRANSFER_TYPE_BULK))
		a->named |= SK_USB_IMAGE | SK_USB_MTP;
	else if (a->cls == LIBUSB_CLASS_IMAGE)
		a->named |= SK_USB_MTP;
	return sk_usb_alt_kinds(a) != was;
}
