/*
 * A machine made of tables for the gate's tests: USB devices, block nodes, mounts, helpers, journal. Everything the gate does is written
 * down in order ("authorise 1-1", "record device.decided 1-1", ...), so that tests can ask what came before what.
 */
#ifndef TESTS_GATE_FAKE_H
#define TESTS_GATE_FAKE_H

#include <criterion/criterion.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/gate_impl.h"
#include "common/text.h"

#define FAKE_DEVICES 8
#define FAKE_BLOCKS  8
#define FAKE_MOUNTS  8
#define FAKE_JOBS    8

/* Each test program uses only some of it. */
#pragma GCC diagnostic ignored "-Wunused-function"

struct fake_device {
	bool there;
	int serial_number; /* counts up per plug: a handle of an earlier one is dead */
	char name[SK_USB_NAME], devpath[SK_DEVPATH_MAX], serial[64], product[64];
	uint8_t bytes[512];
	size_t len;
	bool authorized, iface_auth[256];
	char driver[256][32];
	int config, kernel_config; /* what the kernel chooses by itself */
	bool refuses_config, refuses_authorise, changes, stuck;
	const char *calls; /* its interfaces' name */
	bool nets; /* whatever binds makes a network interface */
	const char *binds; /* driver that takes any probed interface */
	bool was_open; /* root hub: defaults were open */
	bool announced; /* its first event is out, the kernel's own driver has not looked at it yet */
};

struct fake_block {
	bool there, ro, stuck_rw;
	struct sk_block b;
};

struct fake_job {
	sk_child_fn fn;
	void *arg;
	char line[256];
};

struct fake {
	struct fake_device devices[FAKE_DEVICES];
	struct fake_block blocks[FAKE_BLOCKS];
	struct sk_mount mounts[FAKE_MOUNTS];
	size_t n_mounts;
	struct fake_job jobs[FAKE_JOBS];
	char log[200][160];
	size_t n_log;
	bool journal_broken, modules_loaded, no_process;
	struct sk_policy *policy;
	struct sk_grants *grants;
	sk_ms now;
	json_t *last[64];
	size_t n_last;
	const char *slave; /* what dm-0 lies on */
	sd_event *loop;
	struct sk_gate *gate;
	int plugs;
	int used; /* openings of grants with a number of uses */
	bool use_fails;
	int uses; /* of the next grant() */
	char input[128]; /* of the last helper that got one */
	size_t input_len;
	int unseal; /* what comes of opening a sealed key */
	char unsealed[256]; /* the last one, as LEDGER:KEY */
	uint64_t last_ms; /* time limit of the last helper */
};

static struct fake F;

static void __attribute__((format(printf, 1, 2))) note(const char *fmt, ...)
{
	va_list ap;

	if (F.n_log == 200)
		return;
	va_start(ap, fmt);
	(void)vsnprintf(F.log[F.n_log++], sizeof(F.log[0]), fmt, ap);
	va_end(ap);
}

/* Index of the first line that begins so, from `from` on; -1 = none. */
static int find_from(int from, const char *prefix)
{
	for (size_t i = (size_t)from; i < F.n_log; i++)
		if (strncmp(F.log[i], prefix, strlen(prefix)) == 0)
			return (int)i;
	return -1;
}

static int find(const char *prefix)
{
	return find_from(0, prefix);
}

static bool before(const char *a, const char *b)
{
	int x = find(a), y = find(b);

	return x >= 0 && y >= 0 && x < y;
}

static void forget_log(void)
{
	F.n_log = 0;
}

static const json_t *last_body(const char *kind)
{
	for (size_t i = F.n_last; i > 0; i--)
		if (strcmp(json_string_value(json_object_get(F.last[i - 1], "kind")), kind) == 0)
			return json_object_get(F.last[i - 1], "body");
	return NULL;
}

static const char *last_text(const char *kind, const char *name)
{
	const char *s = json_string_value(json_object_get(last_body(kind), name));

	return s != NULL ? s : "";
}

/* ---- USB ---- */

struct handle {
	struct sk_usb_dev dev;
	struct fake_device *of;
	int serial_number;
};

static struct fake_device *of(const struct sk_usb_dev *dev)
{
	const struct handle *h = (const struct handle *)dev;

	return h->of->there && h->of->serial_number == h->serial_number ? h->of : NULL;
}

static struct fake_device *fake_find(const char *name)
{
	for (size_t i = 0; i < FAKE_DEVICES; i++)
		if (F.devices[i].there && strcmp(F.devices[i].name, name) == 0)
			return &F.devices[i];
	return NULL;
}

static bool on_bus(const char *bus, const char *name)
{
	return bus == NULL ? strchr(name, ':') == NULL
	                   : strncmp(name, bus, strlen(bus)) == 0 && name[strlen(bus)] == ':';
}

static int f_list(void *ctx, int (*fn)(void *, const char *), void *arg)
{
	/* ctx: NULL is USB, else the bus that names begin with. */
	for (int roots = 1; roots >= 0; roots--)
		for (size_t i = 0; i < FAKE_DEVICES; i++)
			if (F.devices[i].there && on_bus(ctx, F.devices[i].name) &&
			    (F.devices[i].name[0] == 'u') == (roots == 1))
				(void)fn(arg, F.devices[i].name);
	return 0;
}

static int f_open(void *ctx, const char *name, const char *devpath, struct sk_usb_dev **out)
{
	struct fake_device *d = fake_find(name);
	struct handle *h;

	(void)ctx;
	if (d == NULL)
		return -ENOENT;
	cr_assert(devpath == NULL || strcmp(devpath, d->devpath) == 0);
	h = calloc(1, sizeof(*h));
	cr_assert_not_null(h);
	sk_text_copy(h->dev.name, sizeof(h->dev.name), name);
	sk_text_copy(h->dev.devpath, sizeof(h->dev.devpath), d->devpath);
	sk_text_copy(h->dev.iface_base, sizeof(h->dev.iface_base), name);
	h->dev.root_hub = name[0] == 'u';
	h->dev.fd = -1;
	h->of = d;
	h->serial_number = d->serial_number;
	*out = &h->dev;
	return 0;
}

static void f_close(void *ctx, struct sk_usb_dev *dev)
{
	(void)ctx;
	free(dev);
}

static bool f_alive(void *ctx, const struct sk_usb_dev *dev)
{
	(void)ctx;
	return of(dev) != NULL;
}

static int f_read(void *ctx, const struct sk_usb_dev *dev, struct sk_device *facts, struct sk_usb_print *print)
{
	struct fake_device *d = of(dev);
	struct sk_err err = SK_ERR_INIT;

	if (d == NULL)
		return -ENODEV;
	note("read %s", d->name);
	memset(facts, 0, sizeof(*facts));
	sk_text_copy(facts->name, sizeof(facts->name), d->name);
	sk_text_copy(facts->bus, sizeof(facts->bus), ctx == NULL ? "usb" : ctx);
	sk_text_copy(facts->serial, sizeof(facts->serial), d->serial);
	sk_text_copy(facts->product, sizeof(facts->product), d->product);
	facts->has_serial = d->serial[0] != '\0';
	facts->is_root_hub = dev->root_hub;
	if (d->changes && d->authorized)
		d->bytes[d->len - 1] ^= 1;
	facts->desc_ok = sk_usb_desc_parse(d->bytes, d->len, d->serial, strlen(d->serial), &facts->desc, &err) == 0;
	sk_text_copy(facts->desc_problem, sizeof(facts->desc_problem), err.text);
	sk_sha256(d->bytes, d->len, print->sha256);
	return 0;
}

static int f_state(void *ctx, const struct sk_usb_dev *dev, struct sk_usb_state *out)
{
	struct fake_device *d = of(dev);

	(void)ctx;
	if (d == NULL)
		return -ENODEV;
	out->authorized = d->authorized;
	out->config = d->authorized ? d->config : 0;
	return 0;
}

static int f_authorise(void *ctx, const struct sk_usb_dev *dev, bool on)
{
	struct fake_device *d = of(dev);

	(void)ctx;
	if (d == NULL)
		return -ENODEV;
	note("%s %s", on ? "authorise" : "deauthorise", d->name);
	if (d->refuses_authorise && on)
		return -EPROTO;
	if (!on && d->stuck)
		return 0;
	d->authorized = on;
	d->config = on ? d->kernel_config : 0;
	memset(d->iface_auth, 0, sizeof(d->iface_auth));
	memset(d->driver, 0, sizeof(d->driver));
	for (size_t i = 0; !on && i < FAKE_BLOCKS; i++)
		if (strncmp(F.blocks[i].b.devpath, d->devpath, strlen(d->devpath)) == 0)
			F.blocks[i].there = false;
	return 0;
}

static int f_set_config(void *ctx, const struct sk_usb_dev *dev, int config)
{
	struct fake_device *d = of(dev);

	(void)ctx;
	if (d == NULL)
		return -ENODEV;
	note("config %s %d", d->name, config);
	if (!d->refuses_config)
		d->config = config;
	return 0;
}

static int f_iface_state(void *ctx, const struct sk_usb_dev *dev, int config, int number,
                         struct sk_usb_iface_state *out)
{
	struct fake_device *d = of(dev);

	(void)ctx;
	if (d == NULL)
		return -ENODEV;
	memset(out, 0, sizeof(*out));
	out->present = d->authorized && d->config == config;
	out->authorized = out->present && d->iface_auth[number];
	if (out->present)
		sk_text_copy(out->driver, sizeof(out->driver), d->driver[number]);
	out->net = d->nets && out->driver[0] != '\0';
	return 0;
}

static int f_iface_authorise(void *ctx, const struct sk_usb_dev *dev, int config, int number, bool on)
{
	struct fake_device *d = of(dev);

	(void)ctx;
	if (d == NULL)
		return -ENODEV;
	note("iface %s:%d.%d %d", d->name, config, number, on);
	d->iface_auth[number] = on;
	if (!on)
		d->driver[number][0] = '\0';
	return 0;
}

static int f_iface_probe(void *ctx, const struct sk_usb_dev *dev, int config, int number)
{
	struct fake_device *d = of(dev);

	(void)ctx;
	note("probe %s:%d.%d", dev->name, config, number);
	if (d != NULL && d->iface_auth[number] && d->binds != NULL)
		sk_text_copy(d->driver[number], sizeof(d->driver[0]), d->binds);
	return 0;
}

static int f_iface_alias(void *ctx, const struct sk_usb_dev *dev, int config, int number, char *out, size_t size)
{
	(void)ctx;
	(void)dev;
	(void)config;
	(void)number;
	sk_text_copy(out, size, "usb:v0951p1666");
	return 0;
}

static int f_shut_controller(void *ctx, const struct sk_usb_dev *dev, bool *was_open)
{
	struct fake_device *d = of(dev);

	(void)ctx;
	note("default-deny %s", dev->name);
	*was_open = d->was_open;
	d->was_open = false;
	return 0;
}

static bool f_module_loaded(void *ctx, const char *module)
{
	(void)ctx;
	(void)module;
	return F.modules_loaded;
}

static void f_look_again(void *ctx, const struct sk_usb_dev *dev, bool whole)
{
	(void)ctx;
	note("look-again %s%s", dev->name, whole ? " whole" : "");
}

static const char *const *f_modules(void *ctx, const struct sk_usb_dev *dev)
{
	static const char *const LIST[] = {"usb-storage", "uas", NULL}, *const CARD[] = {"mmc_block", NULL};

	(void)dev;
	return ctx == NULL ? LIST : CARD;
}

static int f_iface_of(const struct sk_usb_dev *dev, const char *devpath)
{
	return sk_usb_iface_of(dev, devpath, NULL);
}

static int f_iface_text(void *ctx, const struct sk_usb_dev *dev, int config, int number, char out[SK_DEV_TEXT])
{
	struct fake_device *d = of(dev);

	(void)ctx;
	(void)config;
	(void)number;
	if (d == NULL || d->calls == NULL)
		return -ENOENT;
	sk_text_copy(out, SK_DEV_TEXT, d->calls);
	return 0;
}

static bool f_bound(void *ctx, const struct sk_usb_dev *dev)
{
	struct fake_device *d = of(dev);

	(void)ctx;
	return d == NULL || !d->announced;
}

static int f_same(void *ctx, const struct sk_usb_dev *dev, const struct sk_usb_print *print)
{
	struct fake_device *d = of(dev);
	struct sk_usb_print now;

	(void)ctx;
	if (d == NULL)
		return -ENODEV;
	note("read %s", d->name);
	if (d->changes && d->authorized)
		d->bytes[d->len - 1] ^= 1;
	sk_sha256(d->bytes, d->len, now.sha256);
	return memcmp(&now, print, sizeof(now)) == 0;
}

static const struct sk_usb_ops FAKE_USB = {
    f_list,       f_open,        f_close,           f_alive,       f_read,        f_state,           f_authorise,
    f_set_config, f_iface_state, f_iface_authorise, f_iface_probe, f_iface_alias, f_shut_controller, f_module_loaded,
    f_look_again, f_modules,     f_iface_of,        f_iface_text,  f_bound,           f_same};

/* ---- block ---- */

static struct fake_block *fake_block(const char *devpath)
{
	for (size_t i = 0; i < FAKE_BLOCKS; i++)
		if (F.blocks[i].there && strcmp(F.blocks[i].b.devpath, devpath) == 0)
			return &F.blocks[i];
	return NULL;
}

static int f_blocks(void *ctx, int (*fn)(void *, const char *), void *arg)
{
	int r = 0;

	(void)ctx;
	for (size_t i = 0; r >= 0 && i < FAKE_BLOCKS; i++)
		if (F.blocks[i].there)
			r = fn(arg, F.blocks[i].b.devpath);
	return r;
}

static int f_block_read(void *ctx, const char *devpath, struct sk_block *out)
{
	struct fake_block *b = fake_block(devpath);

	(void)ctx;
	if (b == NULL)
		return -ENODEV;
	*out = b->b;
	out->ro = b->ro;
	return 0;
}

static int f_set_ro(void *ctx, const struct sk_block *b, bool ro)
{
	struct fake_block *f = fake_block(b->devpath);

	(void)ctx;
	if (f == NULL)
		return -ENODEV;
	note("%s %s", ro ? "ro" : "rw", b->name);
	if (f->stuck_rw && ro)
		return -EIO;
	f->ro = ro;
	return 0;
}

static int f_slaves(void *ctx, const char *devpath, int (*fn)(void *, const char *), void *arg)
{
	(void)ctx;
	(void)devpath;
	return F.slave != NULL ? fn(arg, F.slave) : 0;
}

static void f_block_look_again(void *ctx, const char *devpath)
{
	(void)ctx;
	note("look-again %s", strrchr(devpath, '/') + 1);
}

static int f_mounts_of(unsigned major, unsigned minor, struct sk_mount *out, size_t max)
{
	size_t n = 0;

	for (size_t i = 0; i < F.n_mounts; i++) {
		if (F.mounts[i].major != major || F.mounts[i].minor != minor)
			continue;
		if (n < max)
			out[n] = F.mounts[i];
		n++;
	}
	return (int)n;
}

static bool f_claimed(void *ctx, const struct sk_block *b)
{
	(void)ctx;
	return f_mounts_of(b->major, b->minor, NULL, 0) > 0;
}

static const struct sk_block_ops FAKE_BLOCK = {f_blocks, f_block_read,       f_set_ro,
                                               f_slaves, f_block_look_again, f_claimed};

static struct sk_mount *fake_mount(unsigned major, unsigned minor, const char *path, bool ro)
{
	struct sk_mount *m = &F.mounts[F.n_mounts++];

	*m = (struct sk_mount){
	    .major = major, .minor = minor, .ro = ro, .super_ro = ro, .nodev = true, .nosuid = true, .noexec = true};
	sk_text_copy(m->path, sizeof(m->path), path);
	sk_text_copy(m->fstype, sizeof(m->fstype), "vfat");
	return m;
}

/* ---- helpers that are started ---- */

static int f_start(sd_event *loop, const char *const argv[], uint64_t ms, sk_child_fn fn, void *arg,
                   struct sk_child **out)
{
	struct fake_job *j = NULL;
	size_t len = 0;

	(void)loop;
	F.last_ms = ms;
	if (F.no_process)
		return -EAGAIN;
	for (size_t i = 0; j == NULL && i < FAKE_JOBS; i++)
		if (F.jobs[i].fn == NULL)
			j = &F.jobs[i];
	cr_assert_not_null(j);
	j->fn = fn;
	j->arg = arg;
	for (size_t i = 0; argv[i] != NULL; i++)
		len += (size_t)snprintf(j->line + len, sizeof(j->line) - len, "%s%s", i == 0 ? "" : " ", argv[i]);
	note("start %s", j->line);
	*out = (struct sk_child *)(void *)j;
	return 0;
}

static int f_start_input(sd_event *loop, const char *const argv[], const void *input, size_t len, uint64_t ms,
                         sk_child_fn fn, void *arg, struct sk_child **out)
{
	(void)snprintf(F.input, sizeof(F.input), "%.*s", (int)len, (const char *)input);
	F.input_len = len;
	return f_start(loop, argv, ms, fn, arg, out);
}

static void f_cancel(struct sk_child *c)
{
	struct fake_job *j = (struct fake_job *)(void *)c;

	note("cancel %s", j->line);
	j->fn = NULL;
}

/* Ends the helper whose command line has the word in it. */
static void end_job(const char *word, int status, const char *output)
{
	for (size_t i = 0; i < FAKE_JOBS; i++) {
		sk_child_fn fn = F.jobs[i].fn;

		if (fn == NULL || strstr(F.jobs[i].line, word) == NULL)
			continue;
		F.jobs[i].fn = NULL;
		fn(F.jobs[i].arg, status, output, strlen(output));
		return;
	}
	cr_assert_fail("no helper runs: %s", word);
}

static bool runs(const char *word)
{
	for (size_t i = 0; i < FAKE_JOBS; i++)
		if (F.jobs[i].fn != NULL && strstr(F.jobs[i].line, word) != NULL)
			return true;
	return false;
}

/* ---- hooks ---- */

static const struct sk_policy *h_policy(void *ctx)
{
	(void)ctx;
	return F.policy;
}

static const struct sk_grants *h_grants(void *ctx)
{
	(void)ctx;
	return F.grants;
}

static sk_ms h_now(void *ctx)
{
	(void)ctx;
	return F.now;
}

static int h_record(void *ctx, const char *kind, const json_t *body)
{
	const char *device = json_string_value(json_object_get(body, "device"));

	(void)ctx;
	note("record %s %s", kind, device != NULL ? device : "");
	if (F.n_last < 64)
		F.last[F.n_last++] = json_pack("{s:s,s:o}", "kind", kind, "body", json_deep_copy(body));
	return F.journal_broken ? -ENOSPC : 0;
}

static int h_used(void *ctx, const char *id)
{
	(void)ctx;
	(void)id;
	return F.used;
}

static int h_use(void *ctx, const char *id)
{
	(void)ctx;
	(void)id;
	note("use");
	if (F.use_fails)
		return -EIO;
	F.used++;
	return 0;
}

/* Its key is 32 times 'K'. */
static int h_unseal(void *ctx, const char *ledger, const char *sealed, uint8_t out[SK_SEAL_KEY])
{
	(void)ctx;
	note("unseal");
	(void)snprintf(F.unsealed, sizeof(F.unsealed), "%s:%s", ledger, sealed);
	if (F.unseal == 0)
		(void)memset(out, 'K', SK_SEAL_KEY);
	return F.unseal;
}

static void h_notify(void *ctx, const char *kind, const json_t *body)
{
	(void)ctx;
	(void)body;
	note("notify %s", kind);
}

/* ---- the whole ---- */

static const char POLICY[] = "[policy]\nname = test\nversion = 1\nzone = internet\nmode = enforce\ndefault = deny\n"
                             "[rule hubs]\nkind = hub\naction = allow\n"
                             "[rule input]\nkind = input\naction = allow\n"
                             "[rule media]\nkind = storage\naction = grant\n"
                             "[rule vendor]\nkind = vendor\naction = allow\n"
                             "[grants]\nwarn = 5m\ngrade_c = rw\n[media]\nwrite = plain\n";

static void set_policy(const char *text)
{
	struct sk_err err = SK_ERR_INIT;

	F.policy = sk_policy_free(F.policy);
	cr_assert_eq(sk_policy_parse("test.ini", text, strlen(text), &F.policy, &err), 0, "%s", err.text);
}

static void fake_up(void)
{
	struct sk_gate_hooks hooks = {NULL, h_policy, h_grants, h_now, h_record, h_notify, h_used, h_use, h_unseal};
	struct sk_system sys = {.usb = {&FAKE_USB, NULL},
	                        .blocks = {&FAKE_BLOCK, NULL},
	                        .mounts_of = f_mounts_of,
	                        .start = f_start,
	                        .cancel = f_cancel,
	                        .start_input = f_start_input,
	                        .internal_conf = "/nonexistent"};

	memset(&F, 0, sizeof(F));
	F.now = 1775000000000;
	set_policy(POLICY);
	cr_assert_geq(sd_event_new(&F.loop), 0);
	cr_assert_eq(sk_gate_new_on(F.loop, &hooks, &sys, &F.gate), 0);
}

static void fake_down(void)
{
	F.gate = sk_gate_free(F.gate);
	F.loop = sd_event_unref(F.loop);
	F.policy = sk_policy_free(F.policy);
	F.grants = sk_grants_free(F.grants);
	for (size_t i = 0; i < F.n_last; i++)
		json_decref(F.last[i]);
}

/* ---- descriptors ---- */

struct wire {
	uint8_t bytes[512];
	size_t len, config;
};

static void put(struct wire *w, const uint8_t *bytes, size_t n)
{
	memcpy(w->bytes + w->len, bytes, n);
	w->len += n;
}

static void wire_device(struct wire *w, uint16_t vid, uint16_t pid, uint8_t configs, uint8_t cls)
{
	uint8_t d[18] = {
	    18, 1, 0, 2, cls, 0,      0, 64, (uint8_t)vid, (uint8_t)(vid >> 8), (uint8_t)pid, (uint8_t)(pid >> 8),
	    0,  1, 1, 2, 3,   configs};

	memset(w, 0, sizeof(*w));
	put(w, d, sizeof(d));
}

static void wire_config(struct wire *w, uint8_t value, uint8_t interfaces)
{
	uint8_t d[9] = {9, 2, 9, 0, interfaces, value, 0, 0x80, 50};

	w->config = w->len;
	put(w, d, sizeof(d));
}

static void wire_iface(struct wire *w, uint8_t number, uint8_t alt, uint8_t cls, uint8_t sub, uint8_t proto)
{
	uint8_t d[9] = {9, 4, number, alt, 1, cls, sub, proto, 0};
	uint8_t ep[7] = {7, 5, (uint8_t)(0x81 + number), cls == 8 ? 2 : 3, 64, 0, 10};
	size_t total;

	put(w, d, sizeof(d));
	put(w, ep, sizeof(ep));
	total = w->len - w->config;
	w->bytes[w->config + 2] = (uint8_t)total;
	w->bytes[w->config + 3] = (uint8_t)(total >> 8);
}

static struct fake_device *plug_wire(const char *name, const struct wire *w, const char *serial)
{
	for (size_t i = 0; i < FAKE_DEVICES; i++) {
		struct fake_device *d = &F.devices[i];

		if (d->there)
			continue;
		memset(d, 0, sizeof(*d));
		d->there = true;
		d->serial_number = ++F.plugs;
		sk_text_copy(d->name, sizeof(d->name), name);
		(void)snprintf(d->devpath, sizeof(d->devpath),
		               name[0] == 'u' ? "/devices/pci0000:00/%s" : "/devices/pci0000:00/usb1/%s", name);
		sk_text_copy(d->serial, sizeof(d->serial), serial);
		memcpy(d->bytes, w->bytes, w->len);
		d->len = w->len;
		d->kernel_config = 1;
		return d;
	}
	cr_assert_fail("too many devices");
	return NULL;
}

static struct fake_device *plug_one(const char *name, uint8_t cls, uint8_t sub, uint8_t proto, const char *serial)
{
	struct wire w;

	wire_device(&w, 0x0951, 0x1666, 1, 0);
	wire_config(&w, 1, 1);
	wire_iface(&w, 0, 0, cls, sub, proto);
	return plug_wire(name, &w, serial);
}

#define KEYBOARD 3, 1, 1
#define STICK    8, 6, 0x50

static struct fake_device *plug_root(void)
{
	struct wire w;

	wire_device(&w, 0x1d6b, 2, 1, 9);
	wire_config(&w, 1, 1);
	wire_iface(&w, 0, 0, 9, 0, 0);
	struct fake_device *d = plug_wire("usb1", &w, "");

	d->authorized = d->iface_auth[0] = true;
	d->config = 1;
	sk_text_copy(d->driver[0], sizeof(d->driver[0]), "hub");
	return d;
}

static void uevent(const char *action, const char *subsystem, const char *devtype, const char *devpath)
{
	struct sk_uevent e = {action, subsystem, devtype, devpath, strrchr(devpath, '/') + 1, false};

	sk_gate_uevent(F.gate, &e);
}

static void add(struct fake_device *d)
{
	uevent("add", "usb", "usb_device", d->devpath);
}

static void unplug(struct fake_device *d)
{
	d->there = false;
	for (size_t i = 0; i < FAKE_BLOCKS; i++)
		if (F.blocks[i].there && strncmp(F.blocks[i].b.devpath, d->devpath, strlen(d->devpath)) == 0) {
			F.blocks[i].there = false;
			uevent("remove", "block", "disk", F.blocks[i].b.devpath);
		}
	uevent("remove", "usb", "usb_device", d->devpath);
}

/* A disk, or with part a partition of it, behind interface `iface` of the device. */
static struct fake_block *plug_block(struct fake_device *d, int iface, const char *part)
{
	for (size_t i = 0; i < FAKE_BLOCKS; i++) {
		struct fake_block *f = &F.blocks[i];

		if (f->there)
			continue;
		memset(f, 0, sizeof(*f));
		f->there = true;
		f->b.major = 8;
		f->b.minor = (unsigned)i;
		f->b.bytes = 1 << 24;
		f->b.partition = part != NULL;
		(void)snprintf(f->b.devpath, sizeof(f->b.devpath), "%.200s/%s:1.%d/host2/block/sda%s%s", d->devpath,
		               d->name, iface, part != NULL ? "/" : "", part != NULL ? part : "");
		sk_text_copy(f->b.name, sizeof(f->b.name), strrchr(f->b.devpath, '/') + 1);
		return f;
	}
	cr_assert_fail("too many block devices");
	return NULL;
}

static void block_add(struct fake_block *f)
{
	uevent("add", "block", f->b.partition ? "partition" : "disk", f->b.devpath);
}

/* One grant for the device as it is plugged. */
static void grant(const struct fake_device *d, const char *person, const char *access, sk_ms until)
{
	struct sk_usb_desc desc;
	struct sk_err err = SK_ERR_INIT;
	struct sk_grant g;
	json_t *body;

	memset(&g, 0, sizeof(g));
	cr_assert_eq(sk_usb_desc_parse(d->bytes, d->len, d->serial, strlen(d->serial), &desc, &err), 0, "%s", err.text);
	sk_text_copy(g.id, sizeof(g.id), "6b1f9a5e-1111-4222-8333-123456789abc");
	sk_text_copy(g.device_key, sizeof(g.device_key), desc.device_key);
	sk_text_copy(g.serial, sizeof(g.serial), d->serial);
	sk_text_copy(g.person, sizeof(g.person), person);
	cr_assert_eq(sk_access_parse(access, &g.access), 0);
	g.request = 7;
	g.uses = F.uses;
	sk_text_copy(g.info_class, sizeof(g.info_class), "none");
	sk_text_copy(g.purpose, sizeof(g.purpose), "test");
	sk_text_copy(g.permitted_by, sizeof(g.permitted_by), "section manager");
	sk_text_copy(g.approved_by, sizeof(g.approved_by), "helpdesk");
	g.from = F.now - 1000;
	g.until = until;
	body = json_pack("{s:[o]}", "grants", sk_grant_json(&g));
	F.grants = sk_grants_free(F.grants);
	cr_assert_eq(sk_grants_parse(body, &F.grants, &err), 0, "%s", err.text);
	json_decref(body);
}

#endif
