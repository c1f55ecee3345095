/* The record's form of a device, both ways. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/json.h"
#include "common/text.h"
#include "policy/seen.h"

#define COUNT_MAX 1000000

static char *put_decimal(char *out, unsigned v)
{
	if (v >= 100)
		*out++ = (char)('0' + v / 100);
	if (v >= 10)
		*out++ = (char)('0' + v / 10 % 10);
	*out++ = (char)('0' + v % 10);
	return out;
}

static char *put_hex(char *out, unsigned v)
{
	*out++ = "0123456789abcdef"[v >> 4 & 15];
	*out++ = "0123456789abcdef"[v & 15];
	return out;
}

/* " 1.0.0:08/06/50:4", without the blank for the first. */
static size_t put_alt(char out[32], const struct sk_usb_alt *a, bool first)
{
	char *p = out;

	if (!first)
		*p++ = ' ';
	p = put_decimal(p, a->config);
	*p++ = '.';
	p = put_decimal(p, a->number);
	*p++ = '.';
	p = put_decimal(p, a->alt);
	*p++ = ':';
	p = put_hex(p, a->cls);
	*p++ = '/';
	p = put_hex(p, a->sub);
	*p++ = '/';
	p = put_hex(p, a->proto);
	*p++ = ':';
	if (a->transfers > 15)
		*p++ = "0123456789abcdef"[a->transfers >> 4];
	*p++ = "0123456789abcdef"[a->transfers & 15];
	return (size_t)(p - out);
}

json_t *sk_seen_alts(const struct sk_usb_desc *d)
{
	struct sk_buf b;
	json_t *j = NULL;
	char text[32];

	sk_buf_init(&b, SK_SEEN_ALTS_TEXT);
	for (size_t i = 0; i < d->n_alts; i++)
		(void)sk_buf_add(&b, text, put_alt(text, &d->alts[i], i == 0));
	if (!sk_buf_error(&b))
		j = json_string(b.len ? b.data : "");
	sk_buf_deinit(&b);
	return j;
}

const char *sk_seen_state(const json_t *iface)
{
	static const char *const storing[] = {"storage", "image"};
	const char *verdict = json_string_value(json_object_get(iface, "verdict"));
	const char *kind = json_string_value(json_object_get(iface, "kind"));
	enum sk_access access = SK_ACCESS_NONE;

	if (!sk_text_eq(verdict, "allow"))
		return "deny";
	for (size_t i = 0; i < 2; i++) {
		const char *name = json_string_value(json_object_get(iface, "access"));

		if (sk_text_eq(kind, storing[i]) && name && sk_access_parse(name, &access) == 0)
			return sk_access_name(access);
	}
	return "allow";
}

static void copy(const json_t *body, const char *name, char *dst, size_t size)
{
	sk_text_copy(dst, size, json_string_value(json_object_get(body, name)));
}

/* Exactly four hexadecimal digits. */
static int read_id(const json_t *body, const char *name, uint16_t *out)
{
	const char *s = json_string_value(json_object_get(body, name));

	if (!s || strlen(s) != 4 || strspn(s, "0123456789abcdef") != 4)
		return -EINVAL;
	*out = (uint16_t)strtoul(s, NULL, 16);
	return 0;
}

static int add_alt(struct sk_usb_desc *d, const unsigned v[7])
{
	static const unsigned most[7] = {255, 255, 255, 255, 255, 255, 15};

	for (size_t i = 0; i < 7; i++) {
		if (v[i] > most[i])
			return -EINVAL;
	}
	if (d->n_alts == SK_USB_ALTS_MAX)
		return -EINVAL;
	d->alts[d->n_alts] = (struct sk_usb_alt){
	    .config = (uint8_t)v[0],
	    .number = (uint8_t)v[1],
	    .alt = (uint8_t)v[2],
	    .cls = (uint8_t)v[3],
	    .sub = (uint8_t)v[4],
	    .proto = (uint8_t)v[5],
	    .transfers = (uint8_t)v[6],
	    .first_config = d->n_alts == 0 || d->alts[0].config == v[0],
	    .named = sk_usb_model_kinds(d->vid, d->pid, (uint8_t)v[3], (uint8_t)v[4], (uint8_t)v[5]),
	};
	d->n_alts++;
	return 0;
}

static int read_alts(const char *at, struct sk_usb_desc *d)
{
	while (*at) {
		unsigned v[7];
		int n = 0;

		if (sscanf(at, "%3u.%3u.%3u:%2x/%2x/%2x:%1x%n", &v[0], &v[1], &v[2], &v[3], &v[4], &v[5], &v[6], &n) !=
		        7 ||
		    (at[n] && at[n] != ' ') || add_alt(d, v) < 0)
			return -EINVAL;
		at += n + (at[n] == ' ');
	}
	return 0;
}

/* Records from before "alts": the interfaces as they were decided on. A kind that the class alone does not give came of its pipes. */
static int alts_of_interfaces(const json_t *list, struct sk_usb_desc *d)
{
	json_t *it;
	size_t i;

	json_array_foreach((json_t *)list, i, it)
	{
		const char *cls = json_string_value(json_object_get(it, "class"));
		unsigned v[7] = {1, (unsigned)json_integer_value(json_object_get(it, "number"))};

		if (!cls || sscanf(cls, "%2x/%2x/%2x", &v[3], &v[4], &v[5]) != 3)
			return -EINVAL;
		if ((v[3] == 3 || v[3] == 9) && sk_text_eq(json_string_value(json_object_get(it, "kind")), "storage"))
			v[6] = 4;
		if (add_alt(d, v) < 0)
			return -EINVAL;
	}
	return 0;
}

static void read_grants(struct sk_seen *s)
{
	json_t *it;
	size_t i;

	json_array_foreach(s->interfaces, i, it)
	{
		enum sk_access access;
		const char *name = json_string_value(json_object_get(it, "access"));

		if (json_is_string(json_object_get(it, "grant")) && name && sk_access_parse(name, &access) == 0 &&
		    access > s->granted)
			s->granted = access;
	}
}

int sk_seen_read(const json_t *body, struct sk_seen *s, struct sk_err *err)
{
	const char *alts = json_string_value(json_object_get(body, "alts"));
	const char *problem = json_string_value(json_object_get(body, "problem"));
	struct sk_device *d = &s->device;
	json_int_t count = json_integer_value(json_object_get(body, "count"));
	unsigned cls = 0;

	memset(s, 0, sizeof(*s));
	copy(body, "device", d->name, sizeof(d->name));
	copy(body, "bus", d->bus, sizeof(d->bus));
	copy(body, "vendor", d->vendor, sizeof(d->vendor));
	copy(body, "product", d->product, sizeof(d->product));
	copy(body, "serial", d->serial, sizeof(d->serial));
	copy(body, "connect", d->connect, sizeof(d->connect));
	copy(body, "device_key", d->desc.device_key, sizeof(d->desc.device_key));
	copy(body, "person", s->person, sizeof(s->person));
	d->has_serial = d->serial[0] != '\0';
	d->is_root_hub = strncmp(d->name, "usb", 3) == 0;
	d->desc_ok = problem && !problem[0];
	for (int g = SK_GRADE_B; g <= SK_GRADE_A; g++) {
		if (sk_text_eq(json_string_value(json_object_get(body, "grade")), sk_grade_name(g)))
			d->grade = g;
	}
	s->interfaces = json_object_get(body, "interfaces");
	if (!d->name[0] || read_id(body, "vendor_id", &d->desc.vid) < 0 ||
	    read_id(body, "product_id", &d->desc.pid) < 0 || !json_is_array(s->interfaces) ||
	    json_array_size(s->interfaces) > SK_IFACES_MAX)
		return sk_err_set(err, -EINVAL, "no record of a device");
	if (json_is_string(json_object_get(body, "device_class")) &&
	    sscanf(json_string_value(json_object_get(body, "device_class")), "%2x", &cls) == 1)
		d->desc.cls = (uint8_t)cls;
	s->count = count > 0 && count < COUNT_MAX ? count : 1;
	s->by_safe_path =
	    sk_text_eq(json_string_value(json_object_get(body, "reason")), sk_reason_name(SK_REASON_SAFE_PATH));
	s->system_disk = json_is_true(json_object_get(body, "internal"));
	s->whole = alts != NULL;
	read_grants(s);
	if ((alts ? read_alts(alts, &d->desc) : alts_of_interfaces(s->interfaces, &d->desc)) < 0)
		return sk_err_set(err, -EINVAL, "its interfaces do not read");
	return 0;
}
