/*
 * The device key is a hash over a reduced form of the descriptors and the serial number. Left out is whatever a device sends
 * differently on another port or at another speed: USB version, packet sizes, intervals, power and its attributes, total lengths,
 * the companions of super-speed endpoints, string indexes, and what audio and video functions say of their bandwidths. Kept is:
 * vendor, product, release, classes, configurations, every interface with its alternate settings, the address and type of
 * endpoints, and class-specific descriptors (a keyboard's HID descriptor, the pipes of UAS).
 * All of it is self-asserted; a key finds a device again and never proves it (see enum sk_grade).
 */
#include <errno.h>
#include <libusb.h>

#include "common/buf.h"
#include "policy/descriptor.h"
#include "policy/device_key.h"

static const char DOMAIN[] = "sekimori-device-key-1";

#define DT_SSP_ISOC_ENDPOINT_COMPANION 0x31

static void put(struct sk_buf *b, uint8_t tag, const uint8_t *bytes, size_t len)
{
	uint8_t head[2] = {tag, (uint8_t)len};

	sk_buf_add(b, head, sizeof(head));
	sk_buf_add(b, bytes, len);
}

static void put_device(struct sk_buf *b, const uint8_t *d)
{
	put(b, LIBUSB_DT_DEVICE, d + 4, 3); /* class, subclass, protocol */
	put(b, LIBUSB_DT_DEVICE, d + 8, 6); /* vendor, product, release */
	put(b, LIBUSB_DT_DEVICE, d + 17, 1); /* configurations */
}

/* cls: class of the interface at hand, -1 before the first. Returns the new one. */
static int put_descriptor(struct sk_buf *b, const uint8_t *d, int cls)
{
	uint8_t ep[2];

	switch (d[1]) {
	case LIBUSB_DT_CONFIG:
		put(b, d[1], d + 5, 1); /* value */
		return -1;
	case LIBUSB_DT_INTERFACE:
		put(b, d[1], d + 2, 6); /* number, alternate, endpoints, class, subclass, protocol */
		return d[5];
	case LIBUSB_DT_ENDPOINT:
		ep[0] = d[2];
		ep[1] = d[3] & LIBUSB_TRANSFER_TYPE_MASK;
		put(b, d[1], ep, sizeof(ep));
		return cls;
	case LIBUSB_DT_SS_ENDPOINT_COMPANION:
	case DT_SSP_ISOC_ENDPOINT_COMPANION:
		return cls;
	default:
		if (cls >= 0 && cls != LIBUSB_CLASS_AUDIO && cls != LIBUSB_CLASS_VIDEO)
			put(b, d[1], d + 2, d[0] - 2u);
		return cls;
	}
}

int sk_usb_device_key(const uint8_t *bytes, size_t len, const char *serial, size_t serial_len, char out[SK_SHA256_HEX])
{
	struct sk_buf b;
	uint8_t digest[SK_SHA256_LEN];
	int cls = -1;

	sk_buf_init(&b, 2 * len + 64); /* a part has two bytes of head for the two that every descriptor has */
	put_device(&b, bytes);
	for (size_t at = LIBUSB_DT_DEVICE_SIZE; at < len; at += bytes[at])
		cls = put_descriptor(&b, bytes + at, cls);
	if (sk_buf_error(&b)) {
		sk_buf_deinit(&b);
		return -ENOMEM;
	}
	const struct sk_part parts[] = {
	    {DOMAIN, sizeof(DOMAIN) - 1},
	    {b.data, b.len},
	    {serial ? serial : "", serial ? serial_len : 0},
	};
	sk_sha256_parts(parts, sizeof(parts) / sizeof(parts[0]), digest);
	sk_hex(digest, sizeof(digest), out);
	sk_buf_deinit(&b);
	return 0;
}

int sk_usb_desc_parse(const uint8_t *bytes, size_t len, const char *serial, size_t serial_len, struct sk_usb_desc *out,
                      struct sk_err *err)
{
	int r = sk_usb_desc_scan(bytes, len, out, err);

	return r < 0 ? r : sk_usb_device_key(bytes, len, serial, serial_len, out->device_key);
}
