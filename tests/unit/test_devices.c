/*
 * Real devices, from parse to verdict: each block of tests/data/devices/devices.txt is made into descriptor bytes as the device would
 * send them, parsed, named, and decided under the three zones' profiles.
 */
#include <libusb.h>

#include "tests/unit/policy_help.h"

#define TABLE "tests/data/devices/devices.txt"
#define ZONES 3

static const char *const profiles[ZONES] = {"policy/profiles/internet.ini", "policy/profiles/lgwan.ini",
                                            "policy/profiles/my-number.ini"};

struct expected { /* of one line of an interface */
	int config, number, alt;
	char kinds[64], verdicts[ZONES][32];
};

struct entry {
	char name[64], serial[64], vendor[64], product[64];
	unsigned vid, pid, cls, sub, proto, release;
	struct help_bytes bytes;
	size_t config_at; /* offset of the configuration at hand; 0 = none */
	int config;
	struct expected lines[64];
	size_t n;
};

static void put(struct help_bytes *b, const uint8_t *bytes, size_t n)
{
	memcpy(b->data + b->len, bytes, n);
	b->len += n;
}

static void begin(struct entry *e, const char *line)
{
	char names[160] = "", *serial;

	memset(e, 0, sizeof(*e));
	cr_assert_geq(sscanf(line, "%63s %4x:%4x %2x/%2x/%2x %4x", e->name, &e->vid, &e->pid, &e->cls, &e->sub,
	                     &e->proto, &e->release),
	              7, "%s", line);
	cr_assert(strchr(line, '|'), "%s", line);
	snprintf(names, sizeof(names), "%s", strchr(line, '|') + 1);
	cr_assert_eq(sscanf(names, " %63[^|]| %63[^\n]", e->vendor, e->product), 2, "%s", line);
	sk_text_trim(e->vendor);
	serial = strstr(line, " serial=");
	if (serial)
		cr_assert_eq(sscanf(serial, " serial=%63s", e->serial), 1);
	const uint8_t device[LIBUSB_DT_DEVICE_SIZE] = {18,
	                                               1,
	                                               0,
	                                               2,
	                                               (uint8_t)e->cls,
	                                               (uint8_t)e->sub,
	                                               (uint8_t)e->proto,
	                                               64,
	                                               (uint8_t)e->vid,
	                                               (uint8_t)(e->vid >> 8),
	                                               (uint8_t)e->pid,
	                                               (uint8_t)(e->pid >> 8),
	                                               (uint8_t)e->release,
	                                               (uint8_t)(e->release >> 8),
	                                               1,
	                                               2,
	                                               serial ? 3 : 0,
	                                               0};
	put(&e->bytes, device, sizeof(device));
}

static void end_config(struct entry *e)
{
	size_t total = e->bytes.len - e->config_at;

	if (!e->config_at)
		return;
	e->bytes.data[e->config_at + 2] = (uint8_t)total;
	e->bytes.data[e->config_at + 3] = (uint8_t)(total >> 8);
}

static void begin_config(struct entry *e, int value)
{
	const uint8_t config[LIBUSB_DT_CONFIG_SIZE] = {9, 2, 0, 0, 1, (uint8_t)value, 0, 0xa0, 50};

	end_config(e);
	e->config_at = e->bytes.len;
	e->config = value;
	e->bytes.data[17]++; /* configurations declared */
	put(&e->bytes, config, sizeof(config));
}

static void endpoints(struct entry *e, const char *text)
{
	static const char letters[] = "SsBbIi";
	static const uint8_t types[] = {1, 1, 2, 2, 3, 3};
	uint8_t number = 1;

	for (; *text && *text != '-'; text++, number++) {
		const char *at = strchr(letters, *text);

		cr_assert(at, "%s: endpoint %c", e->name, *text);
		const uint8_t ep[LIBUSB_DT_ENDPOINT_SIZE] = {
		    7, 5, (uint8_t)(number | ((at - letters) % 2 ? 0 : 0x80)), types[at - letters], 64, 0, 1};
		put(&e->bytes, ep, sizeof(ep));
	}
}

static void interface(struct entry *e, const char *line)
{
	struct expected *x = &e->lines[e->n++];
	unsigned cls, sub, proto;
	char pipes[16];

	cr_assert_lt(e->n, 64);
	if (!e->config_at)
		begin_config(e, 1);
	cr_assert_geq(sscanf(line, " %d.%d %2x/%2x/%2x %15s = %63[^:\n]: %31s %31s %31s", &x->number, &x->alt, &cls,
	                     &sub, &proto, pipes, x->kinds, x->verdicts[0], x->verdicts[1], x->verdicts[2]),
	              7, "%s: %s", e->name, line);
	sk_text_trim(x->kinds);
	x->config = e->config;
	const uint8_t iface[LIBUSB_DT_INTERFACE_SIZE] = {9,
	                                                 4,
	                                                 (uint8_t)x->number,
	                                                 (uint8_t)x->alt,
	                                                 (uint8_t)(*pipes == '-' ? 0 : strlen(pipes)),
	                                                 (uint8_t)cls,
	                                                 (uint8_t)sub,
	                                                 (uint8_t)proto,
	                                                 0};
	put(&e->bytes, iface, sizeof(iface));
	endpoints(e, pipes);
}

/* The next block from *at on; false when there is none. */
static bool next_entry(const char **at, struct entry *e)
{
	bool any = false;

	while (**at) {
		size_t n = strcspn(*at, "\n");
		char line[512];

		snprintf(line, sizeof(line), "%.*s", (int)n, *at);
		if (any && *line && *line != ' ' && *line != '#')
			break;
		if (*line == ' ' && line[2] == 'c')
			begin_config(e, atoi(line + 3));
		else if (*line == ' ')
			interface(e, line);
		else if (*line && *line != '#')
			begin(e, line);
		any = any || (*line && *line != '#');
		*at += n + ((*at)[n] != '\0');
	}
	if (any)
		end_config(e);
	return any;
}

static const struct sk_usb_alt *alt_of(const struct sk_device *d, const struct expected *x)
{
	for (size_t i = 0; i < d->desc.n_alts; i++) {
		const struct sk_usb_alt *a = &d->desc.alts[i];

		if (a->config == x->config && a->number == x->number && a->alt == x->alt)
			return a;
	}
	return NULL;
}

static unsigned kinds_of(const char *words)
{
	char text[64], *word, *rest = text;
	unsigned mask = 0, one;

	sk_text_copy(text, sizeof(text), words);
	while ((word = strsep(&rest, " ")) != NULL) {
		cr_assert_eq(sk_usb_kind_parse(word, &one), 0, "kind \"%s\"", word);
		mask |= one;
	}
	return mask;
}

static void check_verdicts(const struct entry *e, const struct sk_device *d, struct sk_policy *const policies[ZONES])
{
	struct sk_context c = help_context();
	struct sk_verdict v;

	for (size_t z = 0; z < ZONES; z++) {
		sk_decide(policies[z], NULL, d, &c, &v);
		for (size_t i = 0; i < e->n; i++) {
			const struct expected *x = &e->lines[i];
			const struct sk_iface_verdict *f = NULL;

			if (!*x->verdicts[z])
				continue;
			for (size_t k = 0; k < v.n_ifaces; k++)
				f = v.ifaces[k].number == x->number ? &v.ifaces[k] : f;
			cr_assert_not_null(f, "%s %d", e->name, x->number);
			cr_expect_str_eq(f->allow ? "a" : sk_reason_name(f->reason), x->verdicts[z],
			                 "%s, interface %d, %s: %s", e->name, x->number, profiles[z],
			                 f->allow ? "a" : sk_reason_name(f->reason));
		}
	}
}

Test(devices, all_of_them)
{
	static struct entry e;
	static struct sk_device d;
	struct sk_policy *policies[ZONES];
	char *text = help_read(TABLE);
	const char *at = text;
	size_t n = 0;

	for (size_t z = 0; z < ZONES; z++) {
		struct sk_err err = SK_ERR_INIT;

		cr_assert_eq(sk_policy_load(profiles[z], &policies[z], &err), 0, "%s", err.text);
	}
	for (; next_entry(&at, &e); n++) {
		help_device_bytes(&e.bytes, e.serial, &d);
		cr_assert(d.desc_ok, "%s: %s", e.name, d.desc_problem);
		sk_text_copy(d.vendor, sizeof(d.vendor), e.vendor);
		sk_text_copy(d.product, sizeof(d.product), e.product);
		cr_assert(d.desc.vid == e.vid && d.desc.pid == e.pid);
		cr_assert_eq(d.desc.n_alts, e.n, "%s", e.name);
		for (size_t i = 0; i < e.n; i++) {
			const struct sk_usb_alt *a = alt_of(&d, &e.lines[i]);

			cr_assert_not_null(a, "%s", e.name);
			cr_expect_eq(sk_usb_alt_kinds(a), kinds_of(e.lines[i].kinds), "%s %d.%d: not \"%s\" but %#x",
			             e.name, e.lines[i].number, e.lines[i].alt, e.lines[i].kinds, sk_usb_alt_kinds(a));
		}
		check_verdicts(&e, &d, policies);
	}
	cr_assert_geq(n, 60, "only %zu devices", n);
	for (size_t z = 0; z < ZONES; z++)
		sk_policy_free(policies[z]);
	free(text);
}

/* What a device calls an interface is known late; it can only make the judgement stricter. */
Test(devices, called_mtp)
{
	struct sk_usb_alt a = {.cls = 0xff, .sub = 0xff, .transfers = 1u << LIBUSB_TRANSFER_TYPE_BULK};

	cr_assert(!sk_usb_alt_called(&a, "Android Debug"));
	cr_assert_eq(sk_usb_alt_kinds(&a), (unsigned)SK_USB_VENDOR);
	cr_assert(sk_usb_alt_called(&a, "Sony mtp\\x1b"));
	cr_assert_eq(sk_usb_alt_kinds(&a), (unsigned)(SK_USB_IMAGE | SK_USB_MTP));
	cr_assert(!sk_usb_alt_called(&a, "MTP"), "already known");
	a = (struct sk_usb_alt){.cls = 6, .sub = 1, .proto = 1};
	cr_assert_eq(sk_usb_alt_kinds(&a), (unsigned)(SK_USB_IMAGE | SK_USB_PTP));
	cr_assert(sk_usb_alt_called(&a, "MTP"));
	cr_assert_eq(sk_usb_alt_kinds(&a), (unsigned)(SK_USB_IMAGE | SK_USB_MTP));
	a = (struct sk_usb_alt){.cls = 3};
	cr_assert(!sk_usb_alt_called(&a, "MTP") && sk_usb_alt_kinds(&a) == SK_USB_INPUT);
}

/* A finer word never opens what stores to a rule that does not name storage. */
Test(devices, what_stores_is_nothing_else)
{
	uint64_t s = 0x60061e;

	for (int i = 0; i < 200000; i++) {
		struct sk_usb_alt a = {.cls = (uint8_t)help_random(&s, 256),
		                       .sub = (uint8_t)help_random(&s, 256),
		                       .proto = (uint8_t)help_random(&s, 256),
		                       .transfers = (uint8_t)help_random(&s, 16),
		                       .named = help_random(&s, 1u << 22)};
		unsigned kinds = sk_usb_alt_kinds(&a), kind = sk_usb_alt_kind(&a);

		cr_assert(kinds & kind);
		cr_assert_eq(__builtin_popcount(kind), 1);
		if (kind & SK_USB_STORING)
			cr_assert_eq(kinds & ~(unsigned)SK_USB_NAMES_STORING, 0u);
		else
			cr_assert_eq(kinds & SK_USB_NAMES_STORING, 0u);
	}
}
