/* Same order as the gate: default deny, look, authorise, interfaces, probe. Whatever is unsure is left shut. */
#include "agent/early.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/file.h"
#include "common/text.h"
#include "platform/sysfs.h"
#include "policy/descriptor.h"

#define NAME       64
#define PASSES     8 /* USB allows seven tiers */
#define DEVICES    256
#define ROOT_WAITS 100 /* 10 ms each */
#define CLASS_HUB  9

static bool is_name(const char *s)
{
	size_t n = strlen(s);

	return n > 0 && n < NAME && strspn(s, "usb0123456789-.") == n && s[0] != '.' && s[0] != '-';
}

static int open_device(const struct sk_early *e, const char *name)
{
	char path[SK_DEVPATH_MAX];

	if (!is_name(name))
		return -EINVAL;
	(void)snprintf(path, sizeof(path), "%s/sys/bus/usb/devices/%s", e->root, name);
	return sk_sysfs_open(path);
}

static int open_iface(const struct sk_early *e, int fd, const char *name, const struct sk_usb_alt *a)
{
	char iface[NAME + 16], path[NAME + 32], bus[SK_DEVPATH_MAX];
	int probe, r;

	(void)snprintf(iface, sizeof(iface), "%s:%u.%u", name, a->config, a->number);
	(void)snprintf(path, sizeof(path), "%s/authorized", iface);
	r = sk_sysfs_write(fd, path, "1");
	if (r < 0)
		return r;
	(void)snprintf(bus, sizeof(bus), "%s/sys/bus/usb", e->root);
	probe = sk_sysfs_open(bus);
	if (probe < 0)
		return probe;
	(void)sk_sysfs_write(probe, "drivers_probe", iface); /* no driver yet is no failure */
	(void)close(probe);
	return 0;
}

/* The root hub's own interface may come after the default deny was set; then it must be opened, else nothing behind it is ever seen. */
static int open_root(const struct sk_early *e, int fd, const char *name)
{
	static const struct timespec STEP = {0, 10000000};
	struct sk_usb_alt a = {.config = 1};
	char base[NAME], path[NAME + 32];
	long authorized;
	int i;

	(void)snprintf(base, sizeof(base), "%.8s-0", name + 3);
	(void)snprintf(path, sizeof(path), "%s:1.0/authorized", base);
	for (i = 0; i < ROOT_WAITS && !sk_sysfs_exists(fd, path); i++)
		(void)nanosleep(&STEP, NULL);
	if (sk_sysfs_read_number(fd, path, &authorized) < 0 || authorized != 0)
		return SK_EARLY_LEFT;
	return open_iface(e, fd, base, &a) < 0 ? -EIO : SK_EARLY_LEFT;
}

static int set_default_deny(const struct sk_early *e, int fd, const char *name)
{
	int r = sk_sysfs_write(fd, "interface_authorized_default", "0");
	int s = sk_sysfs_write(fd, "authorized_default", "0");

	return r < 0 ? r : s < 0 ? s : open_root(e, fd, name);
}

static void read_serial(int fd, char out[SK_INTERNAL_SERIAL])
{
	char raw[1024];
	ssize_t len = sk_sysfs_read(fd, "serial", raw, sizeof(raw));

	(void)sk_text_escape(out, SK_INTERNAL_SERIAL, raw, len > 0 ? (size_t)len : 0);
}

static bool in_initramfs(const struct sk_early *e)
{
	char path[SK_DEVPATH_MAX];

	(void)snprintf(path, sizeof(path), "%s/etc/sekimori/initramfs", e->root);
	return access(path, F_OK) == 0;
}

/* Is one that can pass for this disk let in already? */
static bool twin_is_in(const struct sk_early *e, const char *name, const struct sk_internal *me)
{
	char path[SK_DEVPATH_MAX];
	struct sk_internal other;
	struct dirent *entry;
	bool found = false;
	long in;
	DIR *d;

	(void)snprintf(path, sizeof(path), "%s/sys/bus/usb/devices", e->root);
	d = opendir(path);
	while (!found && d != NULL && (entry = readdir(d)) != NULL) {
		int fd = strcmp(entry->d_name, name) != 0 ? open_device(e, entry->d_name) : -1;

		if (fd < 0)
			continue;
		(void)memset(&other, 0, sizeof(other));
		sk_text_copy(other.port, sizeof(other.port), entry->d_name);
		read_serial(fd, other.serial);
		found = sk_sysfs_read_number(fd, "authorized", &in) == 0 && in == 1 &&
		        sk_sysfs_read_hex4(fd, "idVendor", &other.vid) == 0 &&
		        sk_sysfs_read_hex4(fd, "idProduct", &other.pid) == 0 &&
		        sk_internal_count(&other, 1, me->port, me->vid, me->pid, me->serial) > 0;
		(void)close(fd);
	}
	if (d != NULL)
		(void)closedir(d);
	return found;
}

/* At boot nobody knows yet which of two with one serial number the system lies on: both come in, and sekimorid shuts the other. Later, the one
 * that is in is it. */
static bool is_learned(const struct sk_early *e, int fd, const char *name, const struct sk_usb_desc *d)
{
	struct sk_internal list[SK_INTERNAL_MAX], me = {.vid = d->vid, .pid = d->pid};
	int n = sk_internal_load(e->internal_conf, list, SK_INTERNAL_MAX);

	if (n <= 0)
		return false;
	sk_text_copy(me.port, sizeof(me.port), name);
	read_serial(fd, me.serial);
	return sk_internal_count(list, n, me.port, me.vid, me.pid, me.serial) > 0 &&
	       (in_initramfs(e) || !twin_is_in(e, name, &me));
}

/* ---- which interfaces ---- */

enum { HUBS = 1, INPUTS = 2, DISKS = 4 }; /* what of the device may come in; 0 = it is not for us */

static unsigned judge(const struct sk_early *e, int fd, const char *name, struct sk_usb_desc *d)
{
	static uint8_t bytes[SK_USB_DESCRIPTORS_MAX];
	struct sk_err err = SK_ERR_INIT;
	ssize_t n = sk_sysfs_read_bytes(fd, "descriptors", bytes, sizeof(bytes));
	unsigned kinds, what = 0;

	if (n < 0 || sk_usb_desc_scan(bytes, (size_t)n, d, &err) < 0)
		return 0;
	if (sk_usb_is_pure_hub(d))
		return HUBS;
	kinds = sk_usb_desc_kinds(d);
	/* A keyboard with a card reader types too; its reader waits for the agent. (What calls itself a hub is no keyboard.) */
	if (d->cls != CLASS_HUB && (kinds & SK_USB_INPUT))
		what |= INPUTS;
	if ((kinds & SK_USB_STORAGE) && is_learned(e, fd, name, d))
		what |= DISKS;
	return what;
}

/* By every alternate setting of its number, in whatever configuration: one that stores makes it no keyboard. */
static bool wanted(const struct sk_usb_desc *d, uint8_t number, unsigned what)
{
	unsigned kinds = 0;
	size_t i;

	for (i = 0; i < d->n_alts; i++)
		if (d->alts[i].number == number)
			kinds |= sk_usb_alt_kind(&d->alts[i]);
	return (kinds == SK_USB_HUB && (what & HUBS)) || (kinds == SK_USB_INPUT && (what & INPUTS)) ||
	       (kinds == SK_USB_STORAGE && (what & DISKS));
}

static bool wants_any(const struct sk_usb_desc *d, unsigned what)
{
	size_t i;

	for (i = 0; i < d->n_alts; i++)
		if (d->alts[i].first_config && wanted(d, d->alts[i].number, what))
			return true;
	return false;
}

static int first_config(const struct sk_usb_desc *d)
{
	return d->n_alts > 0 ? d->alts[0].config : -1;
}

/* The default does this already; a controller that nobody has shut yet would let it in. */
static void shut_iface(int fd, const char *name, const struct sk_usb_alt *a)
{
	char path[NAME + 48];

	(void)snprintf(path, sizeof(path), "%s:%u.%u/authorized", name, a->config, a->number);
	(void)sk_sysfs_write(fd, path, "0");
}

static int admit(const struct sk_early *e, int fd, const char *name, const struct sk_usb_desc *d, unsigned what)
{
	static const char *const LOAD[] = {"/sbin/modprobe", "-q", "-a", "usb-storage", "uas", NULL};
	long config = 0;
	size_t i;
	int r = sk_sysfs_write(fd, "authorized", "1");

	/* Another configuration than the first would bring interfaces nobody looked at as such: leave it unbound. */
	if (r == 0 && (sk_sysfs_read_number(fd, "bConfigurationValue", &config) < 0 || config != first_config(d)))
		return -EIO;
	if (r == 0 && (what & DISKS))
		(void)e->modprobe(LOAD);
	for (i = 0; r == 0 && i < d->n_alts; i++) {
		const struct sk_usb_alt *a = &d->alts[i];

		if (!a->first_config || a->alt != 0)
			continue;
		if (wanted(d, a->number, what))
			r = open_iface(e, fd, name, a);
		else
			shut_iface(fd, name, a);
	}
	return r < 0 ? r : SK_EARLY_ADMITTED;
}

/* The documented way out for who is locked out: usbcore.authorized_default=1 on the kernel's command line. It holds in the initramfs; in
 * the running system sekimorid sets the default deny all the same, and so does the fail-safe. */
static bool way_out(const struct sk_early *e)
{
	char path[SK_DEVPATH_MAX], line[4096], *word, *save = NULL;

	if (!in_initramfs(e))
		return false;
	(void)snprintf(path, sizeof(path), "%s/proc/cmdline", e->root);
	if (sk_file_attr(path, line, sizeof(line)) <= 0)
		return false;
	for (word = strtok_r(line, " \t\n", &save); word != NULL; word = strtok_r(NULL, " \t\n", &save))
		if (strcmp(word, "usbcore.authorized_default=1") == 0)
			return true;
	return false;
}

int sk_early_device(const struct sk_early *e, const char *name)
{
	static struct sk_usb_desc d;
	unsigned what;
	int fd = open_device(e, name), r;

	if (fd < 0)
		return fd;
	if (way_out(e)) {
		r = SK_EARLY_LEFT;
	} else if (name[0] == 'u') {
		r = set_default_deny(e, fd, name);
	} else {
		what = judge(e, fd, name, &d);
		r = wants_any(&d, what) ? admit(e, fd, name, &d, what) : SK_EARLY_LEFT;
	}
	(void)close(fd);
	return r;
}

/* ---- everything that is there ---- */

struct names {
	char name[DEVICES][NAME];
	size_t n;
};

static bool has(const struct names *list, const char *name)
{
	size_t i;

	for (i = 0; i < list->n; i++)
		if (strcmp(list->name[i], name) == 0)
			return true;
	return false;
}

static int list_devices(const struct sk_early *e, struct names *out)
{
	char path[SK_DEVPATH_MAX];
	struct dirent *entry;
	DIR *d;

	(void)snprintf(path, sizeof(path), "%s/sys/bus/usb/devices", e->root);
	d = opendir(path);
	if (d == NULL)
		return errno == ENOENT ? 0 : -errno;
	out->n = 0;
	while (out->n < DEVICES && (entry = readdir(d)) != NULL)
		if (entry->d_name[0] != '.' && strchr(entry->d_name, ':') == NULL && is_name(entry->d_name))
			sk_text_copy(out->name[out->n++], NAME, entry->d_name);
	(void)closedir(d);
	return 0;
}

static int one_pass(const struct sk_early *e, const struct names *now, struct names *seen, bool roots, int *admitted)
{
	int fresh = 0;
	size_t i;

	for (i = 0; i < now->n; i++) {
		if ((now->name[i][0] == 'u') != roots || has(seen, now->name[i]) || seen->n == DEVICES)
			continue;
		sk_text_copy(seen->name[seen->n++], NAME, now->name[i]);
		fresh++;
		if (sk_early_device(e, now->name[i]) == SK_EARLY_ADMITTED)
			(*admitted)++;
	}
	return fresh;
}

int sk_early_all(const struct sk_early *e)
{
	static struct names now, seen;
	int pass, r, admitted = 0;

	seen.n = 0;
	for (pass = 0; pass < PASSES; pass++) {
		r = list_devices(e, &now);
		if (r < 0)
			return r;
		if (one_pass(e, &now, &seen, true, &admitted) + one_pass(e, &now, &seen, false, &admitted) == 0)
			break;
	}
	return admitted;
}
