/*
 * The parser of the kernel's `descriptors` file. It accepts exactly what the kernel and we are sure to read alike.
 *
 * What the kernel does (usb_get_configuration, usb_parse_configuration, the sysfs attribute): bNumConfigurations in the device
 * descriptor is its own count of the configurations it kept; each of them is shown up to the first descriptor whose length is
 * impossible, but with the wTotalLength the device sent last. Inside, it walks by bLength and only logs what is odd: too short
 * interface descriptors, duplicates, device and configuration descriptors in the middle are skipped over.
 *
 * We walk by the same bLength chain from the same start, so that every real configuration begins on our chain too. Hence, with the
 * number of configuration descriptors on the chain equal to bNumConfigurations and none of them inside another's total length,
 * no interface can stand in another configuration for us than for the kernel. Everything that the kernel skips with a log line
 * is refused here. Gaps in interface numbers and a wrong bNumInterfaces are let pass: the kernel does not go by them either,
 * and honest devices have them.
 */
#include <errno.h>
#include <libusb.h>
#include <string.h>

#include "policy/descriptor.h"

#define USB_INTERFACES_MAX 32 /* per configuration; the kernel drops what is above */
#define DESC_HEADER_SIZE   2

struct walk {
	const uint8_t *bytes;
	size_t len;
	size_t at; /* of the descriptor at hand */
	struct sk_usb_desc *out;
	struct sk_err *err;
	uint8_t config; /* bConfigurationValue at hand */
	size_t config_alts; /* index of its first alt */
	unsigned interfaces; /* distinct numbers in it */
	struct sk_usb_alt *alt; /* endpoints belong to it; NULL before the first */
};

static uint16_t le16(const uint8_t *p)
{
	return (uint16_t)(p[0] | p[1] << 8);
}

static int bad(const struct walk *w, const char *what)
{
	return sk_err_set(w->err, -EINVAL, "descriptors, byte %zu: %s", w->at, what);
}

static int device_descriptor(struct walk *w)
{
	const uint8_t *b = w->bytes;
	struct sk_usb_desc *d = w->out;

	if (w->len < LIBUSB_DT_DEVICE_SIZE)
		return bad(w, "truncated device descriptor");
	if (w->len > SK_USB_DESCRIPTORS_MAX)
		return bad(w, "more bytes than a device can have");
	d->bcd_usb = le16(b + 2);
	d->cls = b[4];
	d->sub = b[5];
	d->proto = b[6];
	d->vid = le16(b + 8);
	d->pid = le16(b + 10);
	d->bcd_device = le16(b + 12);
	d->configs_declared = b[17];
	if (b[0] != LIBUSB_DT_DEVICE_SIZE || b[1] != LIBUSB_DT_DEVICE)
		return bad(w, "no device descriptor at the start");
	if (d->configs_declared == 0)
		return bad(w, "no configuration declared");
	return 0;
}

/* Is the interface number new in this configuration; is interface + alternate setting a duplicate. */
static int interface_known(const struct walk *w, uint8_t number, uint8_t alt, bool *is_new)
{
	*is_new = true;
	for (size_t i = w->config_alts; i < w->out->n_alts; i++) {
		const struct sk_usb_alt *a = &w->out->alts[i];

		if (a->number != number)
			continue;
		*is_new = false;
		if (a->alt == alt)
			return bad(w, "the same interface and alternate setting twice");
	}
	return 0;
}

static int interface_descriptor(struct walk *w)
{
	const uint8_t *b = w->bytes + w->at;
	bool is_new;
	int r;

	if (b[0] < LIBUSB_DT_INTERFACE_SIZE)
		return bad(w, "interface descriptor too short");
	r = interface_known(w, b[2], b[3], &is_new);
	if (r < 0)
		return r;
	if (is_new && ++w->interfaces > USB_INTERFACES_MAX)
		return bad(w, "too many interfaces");
	if (w->out->n_alts == SK_USB_ALTS_MAX)
		return bad(w, "too many alternate settings");
	w->alt = &w->out->alts[w->out->n_alts++];
	*w->alt = (struct sk_usb_alt){
	    .config = w->config,
	    .number = b[2],
	    .alt = b[3],
	    .endpoints = b[4],
	    .cls = b[5],
	    .sub = b[6],
	    .proto = b[7],
	    .first_config = w->out->configs_seen == 1,
	    .named = sk_usb_model_kinds(w->out->vid, w->out->pid, b[5], b[6], b[7]),
	};
	return 0;
}

static int endpoint_descriptor(struct walk *w)
{
	const uint8_t *b = w->bytes + w->at;

	if (b[0] < LIBUSB_DT_ENDPOINT_SIZE)
		return bad(w, "endpoint descriptor too short");
	if (!w->alt)
		return bad(w, "endpoint before any interface");
	w->alt->transfers |= (uint8_t)(1u << (b[3] & LIBUSB_TRANSFER_TYPE_MASK));
	return 0;
}

/* One descriptor inside a configuration that ends at end; steps over it. */
static int inner_descriptor(struct walk *w, size_t end)
{
	const uint8_t *b = w->bytes + w->at;
	int r = 0;

	if (end - w->at < DESC_HEADER_SIZE)
		return bad(w, "a descriptor is cut short");
	if (b[0] < DESC_HEADER_SIZE)
		return bad(w, "descriptor length below 2");
	if (b[0] > end - w->at)
		return bad(w, "a descriptor reaches past its configuration");
	switch (b[1]) {
	case LIBUSB_DT_DEVICE:
	case LIBUSB_DT_CONFIG:
		return bad(w, "total length lies: a device or configuration descriptor inside a configuration");
	case LIBUSB_DT_INTERFACE:
		r = interface_descriptor(w);
		break;
	case LIBUSB_DT_ENDPOINT:
		r = endpoint_descriptor(w);
		break;
	default: /* class-specific, association, companion, unknown: no driver is chosen by them */
		break;
	}
	w->at += b[0];
	return r;
}

static int config_value(struct walk *w, uint8_t value, uint64_t seen[4])
{
	if (value == 0)
		return bad(w, "configuration value 0 means \"not configured\"");
	if (seen[value / 64] >> (value % 64) & 1)
		return bad(w, "two configurations with the same value");
	seen[value / 64] |= 1ull << (value % 64);
	w->config = value;
	return 0;
}

static int configuration(struct walk *w, uint64_t seen[4])
{
	const uint8_t *b = w->bytes + w->at;
	size_t left = w->len - w->at, total;
	int r;

	if (left < LIBUSB_DT_CONFIG_SIZE)
		return bad(w, "truncated configuration descriptor");
	if (b[1] != LIBUSB_DT_CONFIG)
		return bad(w, "an interface or other descriptor before a configuration");
	if (b[0] < LIBUSB_DT_CONFIG_SIZE)
		return bad(w, "configuration descriptor too short");
	if (w->out->configs_seen == w->out->configs_declared)
		return bad(w, "more configurations than declared");
	w->out->configs_seen++;
	total = le16(b + 2);
	if (total < b[0] || total > left)
		return bad(w, "total length lies: not what the configuration holds");
	r = config_value(w, b[5], seen);
	if (r < 0)
		return r;
	w->config_alts = w->out->n_alts;
	w->interfaces = 0;
	w->alt = NULL;
	total += w->at;
	w->at += b[0];
	while (r == 0 && w->at < total)
		r = inner_descriptor(w, total);
	return r;
}

int sk_usb_desc_scan(const uint8_t *bytes, size_t len, struct sk_usb_desc *out, struct sk_err *err)
{
	struct walk w = {.bytes = bytes, .len = len, .out = out, .err = err};
	uint64_t seen[4] = {0};
	int r;

	/* Of the alternate settings only those that are found are written: 4 KB that nobody looks at. */
	memset(out, 0, offsetof(struct sk_usb_desc, alts));
	out->n_alts = 0;
	memset(out->device_key, 0, sizeof(out->device_key));
	r = device_descriptor(&w);
	if (r < 0)
		return r;
	w.at = LIBUSB_DT_DEVICE_SIZE;
	while (r == 0 && w.at < len)
		r = configuration(&w, seen);
	if (r < 0)
		return r;
	if (out->configs_seen < out->configs_declared)
		return bad(&w, "fewer configurations than declared");
	return 0;
}
