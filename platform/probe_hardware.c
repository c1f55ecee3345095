/*
 * M7: what this machine is made of: the board and its numbers (DMI), processors, memory modules, built-in disks, PCI functions and what sits fixed on
 * USB. What can be plugged in is not asked here (policy/decide.h judges that), nor firmware versions: updates are no change of hardware. Held against
 * the list that was accepted (hardware.baseline in the state folder), and each change goes into the record (platform/inventory.h).
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/file.h"
#include "common/text.h"
#include "platform/etc.h"
#include "platform/inventory.h"
#include "platform/memory_module.h"
#include "platform/probe.h"

#define ENTRIES_MAX 1024
#define TOLD_BYTES  4000

struct hardware {
	const char *root;
	struct sk_inventory now, pci;
};

static bool attr(const struct hardware *h, const char *folder, const char *name, char *out, size_t size)
{
	char path[PATH_MAX];

	if (snprintf(path, sizeof(path), "%s%s/%s", h->root, folder, name) >= (int)sizeof(path) ||
	    sk_file_attr(path, out, size) < 0)
		out[0] = '\0';
	sk_text_trim(out);
	return out[0] != '\0';
}

static void each(const struct hardware *h, const char *folder, void (*fn)(struct hardware *h, const char *folder))
{
	char path[PATH_MAX];
	int n = 0;

	snprintf(path, sizeof(path), "%s%s", h->root, folder);
	DIR *d = opendir(path);
	for (struct dirent *e; d && n < ENTRIES_MAX && (e = readdir(d));) {
		if (e->d_name[0] == '.' ||
		    snprintf(path, sizeof(path), "%s/%s", folder, e->d_name) >= (int)sizeof(path))
			continue;
		fn((struct hardware *)(uintptr_t)h, path);
		n++;
	}
	if (d)
		closedir(d);
}

static bool read_dmi(struct hardware *h)
{
	static const char *const names[] = {"sys_vendor",   "product_name", "product_serial", "product_uuid",
	                                    "board_vendor", "board_name",   "board_serial"};
	char value[160], line[256];
	bool any = false;

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		if (!attr(h, "/sys/class/dmi/id", names[i], value, sizeof(value)))
			continue;
		snprintf(line, sizeof(line), "%s %s", names[i], value);
		sk_inventory_add(&h->now, "board", line);
		any = true;
	}
	return any;
}

/* Model, sockets and cores: what does not change with what is switched on now. */
static bool read_cpu(struct hardware *h)
{
	char path[PATH_MAX], model[160] = "", line[256], *save = NULL;
	unsigned sockets = 0, cores = 0, value, processors = 0;
	struct sk_buf b;

	sk_buf_init(&b, 4 * 1024 * 1024);
	snprintf(path, sizeof(path), "%s/proc/cpuinfo", h->root);
	bool read = sk_file_read(path, &b, NULL) == 0;
	for (char *l = read ? strtok_r(b.data, "\n", &save) : NULL; l; l = strtok_r(NULL, "\n", &save)) {
		const char *colon = strchr(l, ':');
		if (!colon)
			continue;
		if (strncmp(l, "model name", 10) == 0 && !model[0])
			sk_text_copy(model, sizeof(model), colon + 1 + strspn(colon + 1, " "));
		else if (strncmp(l, "physical id", 11) == 0 && sscanf(colon + 1, "%u", &value) == 1 && value < 1024)
			sockets = value + 1 > sockets ? value + 1 : sockets;
		else if (strncmp(l, "cpu cores", 9) == 0 && sscanf(colon + 1, "%u", &value) == 1)
			cores = value;
		else if (strncmp(l, "processor", 9) == 0)
			processors++;
	}
	sk_buf_deinit(&b);
	if (!model[0] && processors == 0)
		return false;
	if (sockets > 0)
		snprintf(line, sizeof(line), "%s, sockets %u, cores %u", model, sockets, cores);
	else
		snprintf(line, sizeof(line), "%s, processors %u", model, processors);
	sk_inventory_add(&h->now, "cpu", line);
	return true;
}

static void take_module(struct hardware *h, const char *folder)
{
	const char *base = strrchr(folder, '/') + 1;
	char path[PATH_MAX], line[SK_MEMORY_MODULE_TEXT];
	unsigned char raw[4096];

	if (strncmp(base, "17-", 3) != 0)
		return;
	snprintf(path, sizeof(path), "%s%s/raw", h->root, folder);
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	ssize_t n = fd < 0 ? -1 : read(fd, raw, sizeof(raw));
	if (fd >= 0)
		close(fd);
	if (n > 0 && sk_memory_module(raw, (size_t)n, line))
		sk_inventory_add(&h->now, "memory", line);
}

/* Without the modules: the size, in halves of a gigabyte, as the kernel keeps some for itself. */
static bool read_memory(struct hardware *h)
{
	unsigned long long kb = 0;
	size_t before = h->now.n;
	char text[128];
	int why;

	each(h, "/sys/firmware/dmi/entries", take_module);
	if (h->now.n > before)
		return true;
	char *info = sk_etc_read(h->root, "/proc/meminfo", &why);
	bool found = info && sscanf(info, "MemTotal: %llu kB", &kb) == 1;
	free(info);
	if (found) {
		snprintf(text, sizeof(text), "about %llu MB", (kb / 1024 + 511) / 512 * 512);
		sk_inventory_add(&h->now, "memory", text);
	}
	return found;
}

/* Serial number of a SCSI disk: page 80 of its vital product data. */
static void scsi_serial(const struct hardware *h, const char *folder, char *out, size_t size)
{
	unsigned char page[256];
	char path[PATH_MAX];

	out[0] = '\0';
	snprintf(path, sizeof(path), "%s%s/device/vpd_pg80", h->root, folder);
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	ssize_t n = fd < 0 ? -1 : read(fd, page, sizeof(page));
	if (fd >= 0)
		close(fd);
	if (n > 4) {
		size_t len = page[3] < (size_t)n - 4 ? page[3] : (size_t)n - 4;
		snprintf(out, size, "%.*s", (int)strnlen((const char *)page + 4, len), (const char *)page + 4);
		sk_text_trim(out);
	}
}

static void take_disk(struct hardware *h, const char *folder)
{
	char path[PATH_MAX], target[PATH_MAX], model[128], serial[300], size[32], type[16], line[600];
	struct stat st;

	snprintf(path, sizeof(path), "%s%s/device", h->root, folder);
	if (stat(path, &st) < 0) /* made by the kernel: dm, loop, md, zram */
		return;
	snprintf(path, sizeof(path), "%s%s", h->root, folder);
	if (!realpath(path, target) || strstr(target, "/usb") || strstr(target, "/fw"))
		return;
	if (attr(h, folder, "device/type", type, sizeof(type)) && strcmp(type, "SD") == 0)
		return; /* a card */
	if (attr(h, folder, "device/type", type, sizeof(type)) && strcmp(type, "5") == 0)
		return; /* an optical drive is told by its disc otherwise */
	(void)attr(h, folder, "size", size, sizeof(size));
	if (!attr(h, folder, "device/model", model, sizeof(model)) &&
	    !attr(h, folder, "device/name", model, sizeof(model)))
		sk_text_copy(model, sizeof(model), "disk");
	if (!attr(h, folder, "device/serial", serial, sizeof(serial)) &&
	    !attr(h, folder, "serial", serial, sizeof(serial)))
		scsi_serial(h, folder, serial, sizeof(serial));
	snprintf(line, sizeof(line), "%s, serial %s, %s sectors", model, serial[0] ? serial : "-",
	         size[0] ? size : "?");
	sk_inventory_add(&h->now, "disk", line);
}

static void take_pci(struct hardware *h, const char *folder)
{
	char class[16], vendor[16], device[16], sub_vendor[16], sub_device[16], removable[16], line[128];

	if (attr(h, folder, "removable", removable, sizeof(removable)) && strcmp(removable, "removable") == 0)
		return;
	if (!attr(h, folder, "vendor", vendor, sizeof(vendor)) || !attr(h, folder, "device", device, sizeof(device)))
		return;
	(void)attr(h, folder, "class", class, sizeof(class));
	(void)attr(h, folder, "subsystem_vendor", sub_vendor, sizeof(sub_vendor));
	(void)attr(h, folder, "subsystem_device", sub_device, sizeof(sub_device));
	snprintf(line, sizeof(line), "%s %s:%s %s:%s", class, vendor, device, sub_vendor, sub_device);
	sk_inventory_add(&h->pci, "pci", line);
}

/* Equal ones are counted: where they sit may change by a firmware's whim. */
static void count_pci(struct hardware *h)
{
	char line[SK_INVENTORY_LINE];

	for (size_t i = 0; i < h->pci.n;) { /* equal ones lie beside each other once sorted by hand below */
		size_t n = 1;
		while (i + n < h->pci.n && strcmp(h->pci.line[i], h->pci.line[i + n]) == 0)
			n++;
		snprintf(line, sizeof(line), "%.200s x%zu", h->pci.line[i] + strlen("pci:"), n);
		sk_inventory_add(&h->now, "pci", line);
		i += n;
	}
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static bool read_pci(struct hardware *h)
{
	each(h, "/sys/bus/pci/devices", take_pci);
	if (h->pci.n > 0)
		qsort(h->pci.line, h->pci.n, sizeof(*h->pci.line), by_text);
	count_pci(h);
	return true; /* a machine may have none */
}

static void take_usb(struct hardware *h, const char *folder)
{
	char vendor[16], product[16], name[128], serial[128], removable[16], line[400];

	if (!attr(h, folder, "removable", removable, sizeof(removable)) || strcmp(removable, "fixed") != 0 ||
	    !attr(h, folder, "idVendor", vendor, sizeof(vendor)))
		return;
	(void)attr(h, folder, "idProduct", product, sizeof(product));
	(void)attr(h, folder, "product", name, sizeof(name));
	(void)attr(h, folder, "serial", serial, sizeof(serial));
	if (strncmp(vendor, "1d6b", 4) == 0) /* the kernel's own root hubs */
		return;
	snprintf(line, sizeof(line), "%s:%s %s %s", vendor, product, name, serial);
	sk_inventory_add(&h->now, "usb", line);
}

static void read_tpm(struct hardware *h)
{
	char version[16];

	if (attr(h, "/sys/class/tpm/tpm0", "tpm_version_major", version, sizeof(version)))
		sk_inventory_add(&h->now, "tpm", version);
}

json_t *sk_probe_hardware(const char *root)
{
	struct hardware h = {.root = root};
	json_t *unread = json_array(), *facts;

	if (!read_dmi(&h))
		json_array_append_new(unread, json_string("DMI"));
	if (!read_cpu(&h))
		json_array_append_new(unread, json_string("cpuinfo"));
	if (!read_memory(&h))
		json_array_append_new(unread, json_string("memory"));
	each(&h, "/sys/block", take_disk);
	(void)read_pci(&h);
	each(&h, "/sys/bus/usb/devices", take_usb);
	read_tpm(&h);
	facts = sk_inventory_facts(root, "hardware", &h.now, unread, TOLD_BYTES);
	sk_inventory_clear(&h.now);
	sk_inventory_clear(&h.pci);
	return facts;
}
