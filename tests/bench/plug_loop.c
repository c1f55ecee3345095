/*
 * plug_loop FOLDER COUNT POLICY: sticks refused by sekimorid's own parts, from the uevent to the last notice, on a folder that looks like sysfs: for callgrind,
 * which counts what `one_plug` executes. Each stick is another one and is recorded, durably, in FOLDER/state.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/daemon.h"
#include "agent/gate_impl.h"
#include "common/file.h"
#include "common/i18n.h"
#include "common/log.h"
#include "common/text.h"
#include "platform/memory.h"

#define DEVICE "/devices/pci0/usb1/1-2"

static const char *root;

static const char STICK[] = "\x12\x01\x00\x02\x00\x00\x00\x40\xf4\x46\x01\x00\x00\x00\x01\x02\x03\x01"
                            "\x09\x02\x20\x00\x01\x01\x00\x80\x32\x09\x04\x00\x00\x02\x08\x06\x50\x00"
                            "\x07\x05\x81\x02\x00\x02\x00\x07\x05\x02\x02\x00\x02\x00";

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static void put(const char *name, const void *bytes, size_t len)
{
	char path[512];
	FILE *out;

	(void)snprintf(path, sizeof(path), "%s/sys" DEVICE "/%s", root, name);
	out = fopen(path, "w");
	if (out == NULL || fwrite(bytes, 1, len, out) != len || fclose(out) != 0)
		die(path);
}

static void plug(int number)
{
	char path[512], serial[32];
	int n = snprintf(serial, sizeof(serial), "BENCH%04d\n", number);

	(void)snprintf(path, sizeof(path), "%s/sys" DEVICE, root);
	if (sk_mkdir_p(path, 0755) < 0)
		die(path);
	put("descriptors", STICK, sizeof(STICK) - 1);
	put("manufacturer", "Sekimori\n", 9);
	put("product", "Bench Stick\n", 12);
	put("serial", serial, (size_t)n);
	put("removable", "unknown\n", 8);
	put("authorized", "0\n", 2);
	put("uevent", "", 0);
}

/* The folder that is held open dies, as sysfs's does. */
static void pull(void)
{
	static const char *const names[] = {"descriptors", "manufacturer", "product", "serial",
	                                    "removable",   "authorized",   "uevent"};
	char path[512];

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		(void)snprintf(path, sizeof(path), "%s/sys" DEVICE "/%s", root, names[i]);
		(void)unlink(path);
	}
	(void)snprintf(path, sizeof(path), "%s/sys" DEVICE, root);
	if (rmdir(path) < 0)
		die(path);
}

__attribute__((noinline)) void one_plug(struct sk_gate *g, const struct sk_uevent *e);
void one_plug(struct sk_gate *g, const struct sk_uevent *e)
{
	sk_gate_uevent(g, e);
}

static void start(struct sk_daemon *d, const char *policy)
{
	struct sk_err err = SK_ERR_INIT;
	char path[512];
	int r;

	(void)snprintf(path, sizeof(path), "%s/sys/bus/usb/devices", root);
	(void)sk_mkdir_p(path, 0755);
	sk_memory_small();
	sk_log_init("plug_loop", SK_LOG_WARNING);
	sk_agent_config_default(&d->config);
	sk_text_copy(d->config.sysfs, sizeof(d->config.sysfs), root);
	(void)snprintf(d->config.state, sizeof(d->config.state), "%.200s/state", root);
	sk_text_copy(d->config.policy, sizeof(d->config.policy), policy);
	(void)snprintf(d->config.run, sizeof(d->config.run), "%.200s/run", root);
	sk_journal_small_sqlite();
	(void)sk_i18n_init(NULL);
	r = sd_event_default(&d->loop);
	if (r >= 0)
		r = sk_daemon_start(d, &err);
	if (r >= 0)
		r = sk_daemon_sockets(d, &err);
	if (r < 0) {
		(void)fprintf(stderr, "plug_loop: %s\n", err.text);
		exit(1);
	}
}

int main(int argc, char **argv)
{
	static struct sk_daemon d;
	struct sk_uevent e = {
	    .action = "add", .devpath = DEVICE, .subsystem = "usb", .devtype = "usb_device", .name = "1-2"};

	if (argc != 4)
		return 64;
	root = argv[1];
	start(&d, argv[3]);
	for (int i = 0; i < atoi(argv[2]); i++) {
		plug(i);
		e.action = "add";
		one_plug(d.gate, &e);
		while (sd_event_run(d.loop, 0) > 0)
			continue;
		pull();
		e.action = "remove";
		sk_gate_uevent(d.gate, &e);
	}
	sk_daemon_stop(&d);
	sd_event_unref(d.loop);
	return 0;
}
