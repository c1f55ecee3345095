/* The descriptor parser: every dump in tests/data/descriptors, the device key, and bytes cut or changed anywhere. */
#include <dirent.h>
#include <errno.h>
#include <libusb.h>

#include "tests/unit/policy_help.h"

#define DUMPS "tests/data/descriptors"

static int is_dump(const struct dirent *e)
{
	size_t n = strlen(e->d_name);

	return n > 4 && strcmp(e->d_name + n - 4, ".hex") == 0;
}

static void kind_text(unsigned mask, char *out, size_t size)
{
	size_t n = 0;

	out[0] = '\0';
	for (unsigned i = 0; i < SK_USB_KINDS; i++) {
		if (mask & 1u << i)
			n += (size_t)snprintf(out + n, size - n, "%s%s", n ? " " : "", sk_usb_kind_name(1u << i));
	}
}

static void verdict_text(const struct sk_verdict *v, char *out, size_t size)
{
	size_t n = 0;

	out[0] = '\0';
	for (size_t i = 0; i < v->n_ifaces; i++)
		n += (size_t)snprintf(out + n, size - n, "%s%u=%s", n ? " " : "", v->ifaces[i].number,
		                      v->ifaces[i].allow ? "allow" : sk_reason_name(v->ifaces[i].reason));
}

static void check_sound(const char *name, const char *text, const struct sk_device *d)
{
	static struct sk_policy *internet;
	struct sk_err err = SK_ERR_INIT;
	struct sk_context c = help_context();
	struct sk_verdict v;
	char want[256], got[256];

	cr_assert(d->desc_ok, "%s: %s", name, d->desc_problem);
	help_header(text, "device", want, sizeof(want));
	snprintf(got, sizeof(got), "%04x:%04x", d->desc.vid, d->desc.pid);
	cr_assert_str_eq(got, want, "%s", name);
	help_header(text, "kinds", want, sizeof(want));
	kind_text(sk_usb_desc_kinds(&d->desc), got, sizeof(got));
	cr_assert_str_eq(got, want, "%s: kinds \"%s\"", name, got);
	help_header(text, "pure", want, sizeof(want));
	cr_assert_str_eq(sk_usb_is_pure_hub(&d->desc)     ? "hub"
	                 : sk_usb_is_pure_input(&d->desc) ? "input"
	                                                  : "no",
	                 want, "%s", name);
	if (!internet)
		cr_assert_eq(sk_policy_load("policy/profiles/internet.ini", &internet, &err), 0, "%s", err.text);
	sk_decide(internet, NULL, d, &c, &v);
	help_header(text, "internet", want, sizeof(want));
	verdict_text(&v, got, sizeof(got));
	cr_assert_str_eq(got, want, "%s: verdict \"%s\"", name, got);
	help_header(text, "hidden", want, sizeof(want));
	kind_text(v.hidden_kinds, got, sizeof(got));
	cr_assert_str_eq(got, want, "%s: hidden \"%s\"", name, got);
}

Test(descriptor, every_dump)
{
	struct dirent **list;
	int n = scandir(DUMPS, &list, is_dump, alphasort), sound = 0, bad = 0;

	cr_assert_geq(n, 44, "%d dumps in %s", n, DUMPS);
	for (int i = 0; i < n; i++) {
		char name[128], error[128], other[128];
		struct sk_device d, same;
		char path[300], *text;

		snprintf(path, sizeof(path), "%s/%s", DUMPS, list[i]->d_name);
		snprintf(name, sizeof(name), "%.*s", (int)strlen(list[i]->d_name) - 4, list[i]->d_name);
		text = help_read(path);
		help_device(name, "S1", &d);
		help_header(text, "error", error, sizeof(error));
		if (error[0]) {
			bad++;
			cr_assert(!d.desc_ok, "%s was taken", name);
			cr_assert(strstr(d.desc_problem, error), "%s: \"%s\"", name, d.desc_problem);
			cr_assert(strncmp(d.desc_problem, "descriptors, byte ", 18) == 0);
			cr_assert_str_empty(d.desc.device_key);
		} else {
			sound++;
			check_sound(name, text, &d);
		}
		help_header(text, "same-key", other, sizeof(other));
		if (other[0]) {
			help_device(other, "S1", &same);
			cr_assert_str_eq(d.desc.device_key, same.desc.device_key, "%s and %s", name, other);
		}
		free(text);
		free(list[i]);
	}
	free(list);
	cr_assert_geq(sound, 40);
	cr_assert_geq(bad, 20);
}

Test(descriptor, key_is_of_the_device)
{
	struct sk_device a, b;

	help_device("stick-sandisk-ultra-hs", "4C53001", &a);
	cr_assert_eq(strlen(a.desc.device_key), 64);
	help_device("stick-sandisk-ultra-hs", "4C53001", &b);
	cr_assert_str_eq(a.desc.device_key, b.desc.device_key);
	help_device("stick-sandisk-ultra-ss", "4C53001", &b);
	cr_assert_str_eq(a.desc.device_key, b.desc.device_key, "another speed");
	help_device("stick-sandisk-ultra-hs", "4C53002", &b);
	cr_assert_str_neq(a.desc.device_key, b.desc.device_key, "another serial");
	help_device("stick-sandisk-ultra-hs", NULL, &b);
	cr_assert_str_neq(a.desc.device_key, b.desc.device_key, "no serial");
	help_device("stick-kingston-dt100", "4C53001", &b);
	cr_assert_str_neq(a.desc.device_key, b.desc.device_key, "another model");
}

static void key_of(const struct help_bytes *b, char out[SK_SHA256_HEX])
{
	struct sk_usb_desc d;
	struct sk_err err = SK_ERR_INIT;

	cr_assert_eq(sk_usb_desc_parse(b->data, b->len, "S", 1, &d, &err), 0, "%s", err.text);
	memcpy(out, d.device_key, SK_SHA256_HEX);
}

/* Which bytes of a stick's descriptors are in its key: by changing each. */
Test(descriptor, key_leaves_out_speed_and_port)
{
	static struct help_bytes b;
	char first[SK_SHA256_HEX], now[SK_SHA256_HEX];
	const struct {
		size_t at;
		bool in_key;
		const char *what;
	} t[] = {
	    {2, false, "USB version"},
	    {7, false, "packet size"},
	    {8, true, "vendor"},
	    {10, true, "product"},
	    {12, true, "release"},
	    {14, false, "string index"},
	    {4, true, "device class"},
	    {18 + 7, false, "attributes"},
	    {18 + 8, false, "power"},
	    {18 + 5, true, "value"},
	    {27 + 5, true, "class"},
	    {27 + 7, true, "protocol"},
	    {36 + 2, true, "endpoint"},
	    {36 + 4, false, "packet size"},
	    {36 + 6, false, "interval"},
	    {27 + 8, false, "string"},
	    {27 + 4, true, "endpoint count"},
	    {18 + 6, false, "configuration string"},
	    {27 + 3, true, "alternate"},
	    {27 + 2, true, "number"},
	};
	char *text = help_read(DUMPS "/stick-sandisk-ultra-hs.hex");

	help_hex(text, &b);
	key_of(&b, first);
	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		b.data[t[i].at] ^= 0x11;
		key_of(&b, now);
		b.data[t[i].at] ^= 0x11;
		cr_assert_eq(strcmp(first, now) != 0, t[i].in_key, "%s (byte %zu)", t[i].what, t[i].at);
	}
	free(text);
}

/* What a keyboard says by its HID descriptor is part of it; what a camera says of its bandwidths is not. */
Test(descriptor, key_takes_class_descriptors)
{
	static const struct {
		const char *path;
		size_t at;
		bool in_key;
	} t[] = {{DUMPS "/keyboard-dell-kb216.hex", 18 + 9 + 9 + 7, true},
	         {DUMPS "/webcam-logitech-c270.hex", 18 + 9 + 8 + 9 + 7, false}};
	static struct help_bytes b;
	char first[SK_SHA256_HEX], now[SK_SHA256_HEX];

	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		char *text = help_read(t[i].path);

		help_hex(text, &b);
		key_of(&b, first);
		b.data[t[i].at] ^= 1;
		key_of(&b, now);
		cr_assert_eq(strcmp(first, now) != 0, t[i].in_key, "%s", t[i].path);
		free(text);
	}
}

/* A serial that looks like the end of the descriptors must not make another device's key. */
Test(descriptor, key_has_no_seam)
{
	struct sk_device a, b;

	help_device("stick-kingston-dt100", "AB", &a);
	help_device("stick-kingston-dt100", "A", &b);
	cr_assert_str_neq(a.desc.device_key, b.desc.device_key);
}

Test(descriptor, empty_and_null)
{
	struct sk_usb_desc d;
	struct sk_err err = SK_ERR_INIT;
	static const uint8_t none[1];

	cr_assert_eq(sk_usb_desc_parse(none, 0, NULL, 0, &d, &err), -EINVAL);
	cr_assert(strstr(err.text, "truncated device"));
	cr_assert_eq(sk_usb_desc_parse(none, 0, NULL, 0, &d, NULL), -EINVAL);
}

Test(descriptor, more_than_a_device_can_have)
{
	static uint8_t big[SK_USB_DESCRIPTORS_MAX + 1] = {LIBUSB_DT_DEVICE_SIZE, LIBUSB_DT_DEVICE};
	struct sk_usb_desc d;
	struct sk_err err = SK_ERR_INIT;

	cr_assert_eq(sk_usb_desc_parse(big, sizeof(big), NULL, 0, &d, &err), -EINVAL);
	cr_assert(strstr(err.text, "more bytes"));
}

/* Cut anywhere: never sound, never read past (the copy is exactly as long). */
Test(descriptor, cut_anywhere)
{
	static struct help_bytes b;
	char *text = help_read(DUMPS "/phone-iphone.hex");
	struct sk_usb_desc d;

	help_hex(text, &b);
	for (size_t n = 0; n < b.len; n++) {
		uint8_t *copy = malloc(n + 1);

		cr_assert(copy);
		memcpy(copy, b.data, n);
		cr_assert_eq(sk_usb_desc_parse(copy, n, NULL, 0, &d, NULL), -EINVAL, "%zu bytes", n);
		free(copy);
	}
	free(text);
}

/* What was read up to the fault is kept for the record. */
Test(descriptor, partial_facts_on_failure)
{
	struct sk_device d;

	help_device("bad-duplicate-interface", "S", &d);
	cr_assert_not(d.desc_ok);
	cr_assert_eq(d.desc.vid, 0x1209);
	cr_assert_eq(d.desc.n_alts, 1);
	cr_assert_eq(d.desc.alts[0].cls, LIBUSB_CLASS_HID);
}

/* Any byte set to anything: sound or refused, and what is sound is within bounds and repeatable. */
Test(descriptor, every_byte_every_value)
{
	static const char *const dumps[] = {"hostile-keyboard-storage", "stick-sandisk-ultra-ss",
	                                    "hostile-keyboard-config-storage"};
	static struct help_bytes b;
	static struct sk_usb_desc one, two;

	for (size_t k = 0; k < sizeof(dumps) / sizeof(dumps[0]); k++) {
		char path[128], *text;

		snprintf(path, sizeof(path), DUMPS "/%s.hex", dumps[k]);
		text = help_read(path);
		help_hex(text, &b);
		free(text);
		for (size_t i = 0; i < b.len * 256; i++) {
			uint8_t was = b.data[i / 256];
			int r;

			b.data[i / 256] = (uint8_t)i;
			r = sk_usb_desc_parse(b.data, b.len, "S", 1, &one, NULL);
			cr_assert_leq(one.n_alts, SK_USB_ALTS_MAX);
			cr_assert_eq(r == 0, strlen(one.device_key) == 64);
			cr_assert(r != 0 || one.configs_seen == one.configs_declared);
			cr_assert_eq(sk_usb_desc_parse(b.data, b.len, "S", 1, &two, NULL), r);
			cr_assert_arr_eq(&one, &two, sizeof(one));
			b.data[i / 256] = was;
		}
	}
}

Test(descriptor, kinds_by_class)
{
	const struct {
		uint8_t cls, sub, proto;
		unsigned kind;
	} t[] = {
	    {0x09, 0, 0, SK_USB_HUB},        {0x03, 0, 0, SK_USB_INPUT},      {0x08, 6, 0x50, SK_USB_STORAGE},
	    {0x08, 6, 0x62, SK_USB_STORAGE}, {0x06, 1, 1, SK_USB_IMAGE},      {0x07, 1, 2, SK_USB_PRINTER},
	    {0x01, 3, 0, SK_USB_AUDIO},      {0x0e, 2, 0, SK_USB_VIDEO},      {0x0b, 0, 0, SK_USB_SMARTCARD},
	    {0x02, 2, 1, SK_USB_SERIAL},     {0x02, 2, 0xff, SK_USB_NETWORK}, {0x02, 6, 0, SK_USB_NETWORK},
	    {0x02, 0x0c, 7, SK_USB_NETWORK}, {0x02, 0x0d, 0, SK_USB_NETWORK}, {0x02, 0x0e, 0, SK_USB_NETWORK},
	    {0x02, 8, 0, SK_USB_OTHER},      {0x0a, 0, 0, SK_USB_NETWORK},    {0xe0, 1, 1, SK_USB_WIRELESS},
	    {0xe0, 1, 3, SK_USB_NETWORK},    {0xef, 4, 1, SK_USB_NETWORK},    {0xef, 2, 1, SK_USB_OTHER},
	    {0xff, 0xff, 0, SK_USB_VENDOR},  {0xfe, 1, 1, SK_USB_OTHER},      {0x00, 0, 0, SK_USB_OTHER},
	    {0x0d, 0, 0, SK_USB_OTHER},      {0x77, 0, 0, SK_USB_OTHER},
	};

	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		struct sk_usb_alt a = {.cls = t[i].cls, .sub = t[i].sub, .proto = t[i].proto};

		cr_assert_eq(sk_usb_alt_kind(&a), t[i].kind, "%02x/%02x/%02x", a.cls, a.sub, a.proto);
	}
}

/* Storage drivers that bind by vendor and product need bulk pipes: with them, nothing is an input device or a hub. */
Test(descriptor, bulk_pipes_make_storage)
{
	struct sk_usb_alt a = {.cls = LIBUSB_CLASS_HID, .transfers = 1u << LIBUSB_TRANSFER_TYPE_INTERRUPT};

	cr_assert_eq(sk_usb_alt_kind(&a), SK_USB_INPUT);
	a.transfers |= 1u << LIBUSB_TRANSFER_TYPE_BULK;
	cr_assert_eq(sk_usb_alt_kind(&a), SK_USB_STORAGE);
	a.cls = LIBUSB_CLASS_HUB;
	cr_assert_eq(sk_usb_alt_kind(&a), SK_USB_STORAGE);
	a.transfers = 1u << LIBUSB_TRANSFER_TYPE_ISOCHRONOUS;
	cr_assert_eq(sk_usb_alt_kind(&a), SK_USB_STORAGE);
	a.cls = LIBUSB_CLASS_AUDIO;
	cr_assert_eq(sk_usb_alt_kind(&a), SK_USB_AUDIO);
}

Test(descriptor, kind_names)
{
	unsigned kind = 0;

	for (unsigned i = 0; i < SK_USB_KINDS; i++) {
		cr_assert_eq(sk_usb_kind_parse(sk_usb_kind_name(1u << i), &kind), 0);
		cr_assert_eq(kind, 1u << i);
		cr_assert_eq(sk_usb_kind_index(1u << i), i);
		cr_assert_str_not_empty(sk_usb_kind_word(1u << i));
	}
	cr_assert_eq(sk_usb_kind_parse("Storage", &kind), -EINVAL);
	cr_assert_eq(sk_usb_kind_parse("", &kind), -EINVAL);
	cr_assert_str_eq(sk_usb_kind_name(0), "other");
}

/* A hub is one by its device class and all of its interfaces. */
Test(descriptor, pure_hub)
{
	struct sk_device d;

	help_device("hub-genesys-gl850", "", &d);
	cr_assert(sk_usb_is_pure_hub(&d.desc) && !sk_usb_is_pure_input(&d.desc));
	d.desc.cls = LIBUSB_CLASS_PER_INTERFACE;
	cr_assert_not(sk_usb_is_pure_hub(&d.desc));
	d.desc.cls = LIBUSB_CLASS_HUB;
	d.desc.n_alts = 0;
	cr_assert_not(sk_usb_is_pure_hub(&d.desc));
	d.desc.cls = LIBUSB_CLASS_PER_INTERFACE;
	cr_assert_not(sk_usb_is_pure_input(&d.desc), "nothing is not input");
}

Test(descriptor, input_roles)
{
	struct sk_device d;
	bool keyboard, mouse;

	help_device("keyboard-dell-kb216", "", &d);
	sk_usb_input_roles(&d.desc, &keyboard, &mouse);
	cr_assert(keyboard && !mouse);
	help_device("mouse-logitech-b100", "", &d);
	sk_usb_input_roles(&d.desc, &keyboard, &mouse);
	cr_assert(!keyboard && mouse);
	help_device("receiver-logitech-unifying", "", &d);
	sk_usb_input_roles(&d.desc, &keyboard, &mouse);
	cr_assert(keyboard && mouse);
	help_device("tablet-wacom-intuos", "", &d);
	sk_usb_input_roles(&d.desc, &keyboard, &mouse);
	cr_assert(keyboard && mouse, "no boot protocol: either");
	help_device("stick-kingston-dt100", "", &d);
	sk_usb_input_roles(&d.desc, &keyboard, &mouse);
	cr_assert(!keyboard && !mouse);
}
