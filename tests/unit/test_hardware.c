/* M7: what the machine is made of, from made-up trees and hostile firmware; drift; accepting it, recorded before it counts. */
#include <errno.h>
#include <fcntl.h>

#include "agent/control.h"
#include "agent/accepted.h"
#include "agent/inventory_record.h"
#include "platform/inventory.h"
#include "platform/memory_module.h"
#include "platform/probe.h"
#include "tests/unit/agent_help.h"
#include "tests/unit/check_help.h"

static char root[64];

static void put_bytes(const char *path, const void *data, size_t len)
{
	char full[512];

	snprintf(full, sizeof(full), "%s%s", root, path);
	char *slash = strrchr(full, '/');
	*slash = '\0';
	cr_assert_eq(sk_mkdir_p(full, 0755), 0);
	*slash = '/';
	cr_assert_eq(sk_file_write(full, data, len, 0600, NULL), 0);
}

static void put(const char *path, const char *text)
{
	put_bytes(path, text, strlen(text));
}

static size_t module(unsigned char *raw, const char *strings, size_t n)
{
	memset(raw, 0, 0x28);
	raw[0] = 17;
	raw[1] = 0x28;
	raw[0x0d] = 0x20; /* 8192 MB */
	raw[0x10] = 1;
	raw[0x17] = 2;
	raw[0x18] = 3;
	raw[0x1a] = 4;
	memcpy(raw + 0x28, strings, n);
	return 0x28 + n;
}

#define STRINGS "DIMM 0\0Maker\0S\"1\0P-1\0"

static void a_machine(void)
{
	unsigned char raw[128];

	snprintf(root, sizeof(root), "/tmp/sk-hardware-XXXXXX");
	cr_assert_not_null(mkdtemp(root));
	put("/var/lib/sekimori/x", "");
	put("/sys/class/dmi/id/product_name", "PC-9000\n");
	put("/sys/class/dmi/id/product_serial", "A\x1b[2J\n");
	put("/proc/cpuinfo", "processor\t: 0\nmodel name\t: CPU Z\nphysical id\t: 0\ncpu cores\t: 4\n\nprocessor\t: "
	                     "1\nphysical id\t: 0\n");
	put_bytes("/sys/firmware/dmi/entries/17-0/raw", raw, module(raw, STRINGS, sizeof(STRINGS)));
	put("/sys/block/sda/device/model", "DISK\n");
	put("/sys/block/sda/size", "1000\n");
	put_bytes("/sys/block/sda/device/vpd_pg80", "\0\x80\0\5SER-1junk", 13);
	put("/sys/block/loop0/size", "5\n");
	put("/sys/bus/pci/devices/0000:00:01.0/vendor", "0x8086\n");
	put("/sys/bus/pci/devices/0000:00:01.0/device", "0x1\n");
	put("/sys/bus/pci/devices/0000:00:02.0/vendor", "0x8086\n");
	put("/sys/bus/pci/devices/0000:00:02.0/device", "0x1\n");
	put("/sys/bus/pci/devices/0000:05:00.0/vendor", "0x1\n");
	put("/sys/bus/pci/devices/0000:05:00.0/device", "0x1\n");
	put("/sys/bus/pci/devices/0000:05:00.0/removable", "removable\n");
	put("/sys/bus/usb/devices/1-1/idVendor", "0bda\n");
	put("/sys/bus/usb/devices/1-1/idProduct", "1234\n");
	put("/sys/bus/usb/devices/1-1/removable", "fixed\n");
	put("/sys/bus/usb/devices/1-2/idVendor", "0951\n");
	put("/sys/bus/usb/devices/1-2/removable", "removable\n");
}

static void stop(void)
{
	char command[128];

	snprintf(command, sizeof(command), "rm -rf %s", root);
	cr_assert_eq(system(command), 0);
}

static bool has(const json_t *list, const char *text)
{
	for (size_t i = 0; i < json_array_size(list); i++)
		if (strcmp(json_string_value(json_array_get(list, i)), text) == 0)
			return true;
	return false;
}

static json_t *added_of(json_t *facts)
{
	return json_object_get(json_object_get(facts, "change"), "added");
}

Test(hardware, what_it_is_made_of, .init = a_machine, .fini = stop)
{
	json_t *f = sk_probe_hardware(root), *l = added_of(f);
	char *text = json_dumps(l, 0);

	cr_expect_eq(json_array_size(l), 7, "%s", text);
	cr_expect(has(l, "board:product_name PC-9000"));
	cr_expect(has(l, "board:product_serial A\\x1b[2J"));
	cr_expect(has(l, "cpu:CPU Z, sockets 1, cores 4"));
	cr_expect(has(l, "memory:DIMM 0, 8192 MB, Maker, P-1, serial S\"1"), "%s", text);
	cr_expect(has(l, "disk:DISK, serial SER-1, 1000 sectors"), "%s", text);
	cr_expect(has(l, "pci:0x8086:0x1 : x2"), "%s", text);
	cr_expect(has(l, "usb:0bda:1234"), "%s", text);
	free(text);
	json_decref(f);
}

Test(hardware, what_cannot_be_read_is_no_removal, .init = a_machine, .fini = stop)
{
	char command[500];

	json_decref(sk_probe_hardware(root));
	snprintf(command, sizeof(command),
	         "mv %s/var/lib/sekimori/hardware.next %s/var/lib/sekimori/hardware.baseline && rm -r %s/sys/class/dmi",
	         root, root, root);
	cr_assert_eq(system(command), 0);
	json_t *f = sk_probe_hardware(root);
	char *text = json_dumps(f, 0);
	cr_expect_eq(judge("hardware", text), SK_STATE_UNKNOWN, "%s", text);
	cr_expect_null(json_object_get(f, "change"), "half a list is not recorded");
	free(text);
	json_decref(f);
}

Test(hardware, drift, .init = a_machine, .fini = stop)
{
	char command[500];

	json_decref(sk_probe_hardware(root));
	snprintf(command, sizeof(command),
	         "cd %s/var/lib/sekimori && cp hardware.next hardware.baseline && mv hardware.next hardware.list",
	         root);
	cr_assert_eq(system(command), 0);
	json_t *f = sk_probe_hardware(root);
	char *text = json_dumps(f, 0);
	cr_expect_eq(judge("hardware", text), SK_STATE_COMPLIANT, "%s", text);
	free(text);
	json_decref(f);
	put("/sys/block/sda/device/model", "OTHER\n");
	f = sk_probe_hardware(root);
	cr_expect(has(json_object_get(f, "added"), "disk:OTHER, serial SER-1, 1000 sectors"));
	cr_expect(has(json_object_get(f, "removed"), "disk:DISK, serial SER-1, 1000 sectors"));
	cr_expect_not_null(added_of(f), "and it is recorded");
	text = json_dumps(f, 0);
	cr_expect_eq(judge("hardware", text), SK_STATE_NON_COMPLIANT);
	char ini[200];
	snprintf(ini, sizeof(ini), "[check hardware]\naccepted = %s\n", json_string_value(json_object_get(f, "hash")));
	cr_expect_eq(judge_with(ini, "hardware", text), SK_STATE_COMPLIANT, "the signed policy accepts it");
	free(text);
	json_decref(f);
	put("/var/lib/sekimori/hardware.baseline", "no list\n");
	f = sk_probe_hardware(root);
	text = json_dumps(f, 0);
	cr_expect_eq(judge("hardware", text), SK_STATE_UNKNOWN, "%s", text);
	free(text);
	json_decref(f);
}

Test(hardware, memory_modules_of_hostile_firmware)
{
	unsigned char raw[200], *exact;
	char out[SK_MEMORY_MODULE_TEXT];
	size_t n = module(raw, STRINGS, sizeof(STRINGS));

	for (size_t cut = 0; cut <= n; cut++) {
		exact = malloc(cut + 1);
		memcpy(exact, raw, cut);
		(void)sk_memory_module(exact, cut, out);
		free(exact);
	}
	module(raw, "no end", 6);
	raw[0x10] = raw[0x18] = 255;
	exact = malloc(0x28 + 6);
	memcpy(exact, raw, 0x28 + 6);
	cr_expect(sk_memory_module(exact, 0x28 + 6, out));
	cr_expect_str_eq(out, "-, 8192 MB, -, -, serial -");
	free(exact);
	raw[0x0c] = raw[0x0d] = 0;
	cr_expect(!sk_memory_module(raw, n, out), "an empty slot");
	raw[0x0c] = 0xff;
	raw[0x0d] = 0x7f;
	raw[0x1d] = 0x80;
	cr_expect(sk_memory_module(raw, n, out));
	cr_expect(strstr(out, "32768 MB"), "%s", out);
	raw[1] = 255;
	cr_expect(!sk_memory_module(raw, n, out), "longer than it is");
}

Test(hardware, verdicts)
{
#define HASH "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
	cr_expect_eq(judge("hardware", "{\"hash\":\"" HASH "\",\"baseline\":null}"), SK_STATE_UNKNOWN);
	cr_expect_eq(judge("hardware", "{\"hash\":\"" HASH "\",\"baseline\":\"x\"}"), SK_STATE_UNKNOWN);
	cr_expect_eq(
	    judge("hardware", "{\"hash\":\"" HASH "\",\"baseline\":\"x\",\"added\":[],\"removed\":[],\"more\":true}"),
	    SK_STATE_NON_COMPLIANT);
	cr_expect_eq(judge("hardware", "{\"hash\":5}"), SK_STATE_UNKNOWN);
	cr_expect_eq(judge("hardware", NULL), SK_STATE_UNKNOWN);
}

/* --- accepting --- */

static struct sk_daemon *d;

static void setup(void)
{
	d = start_daemon();
}

static void list_of(const char *name, int n)
{
	struct sk_inventory v = {0};
	char text[40];

	for (int i = 0; i < n; i++) {
		snprintf(text, sizeof text, "part %d", i);
		sk_inventory_add(&v, "pci", text);
	}
	sk_inventory_sort(&v);
	cr_assert_eq(sk_inventory_write_at(dir, name, &v), 0);
	sk_inventory_clear(&v);
}

static void hash_of(const char *name, char hash[SK_SHA256_HEX])
{
	struct sk_inventory v;

	hash[0] = '\0';
	if (sk_inventory_read_at(dir, name, &v) == 0)
		sk_inventory_hash(&v, hash);
	sk_inventory_clear(&v);
}

static int any(void *ctx, const json_t *body)
{
	(void)ctx;
	(void)body;
	return 1;
}

static json_t *last(const char *kind)
{
	return sk_journal_find(d->journal, kind, 50, any, NULL);
}

static void changed(const char *id, bool more)
{
	char hash[SK_SHA256_HEX];

	hash_of("hardware.next", hash);
	json_t *c = json_pack("{s:s, s:s, s:[], s:[], s:b}", "from", "a", "to", hash, "added", "removed", "more", more);

	cr_assert_eq(sk_inventory_record(d, sk_check_find(id), c), 0);
	json_decref(c);
}

Test(hardware, the_first_list_is_accepted_once, .init = setup, .fini = stop_daemon)
{
	char before[SK_SHA256_HEX], after[SK_SHA256_HEX];

	list_of("hardware.next", 3);
	changed("hardware", true);
	hash_of("hardware.baseline", after);
	cr_expect_str_eq(after, "", "not before it is whole");
	json_t *other = json_pack("{s:s, s:s, s:[], s:[]}", "from", "a", "to", "another list", "added", "removed");
	list_of("hardware.next", 9);
	cr_expect_eq(sk_inventory_record(d, sk_check_find("hardware"), other), -ESTALE,
	             "what was not told is not taken as told");
	json_decref(other);
	list_of("hardware.next", 4);
	changed("hardware", false);
	hash_of("hardware.baseline", before);
	cr_expect_str_neq(before, "");
	json_t *e = last("inventory.accepted");
	cr_expect_str_eq(json_string_value(json_object_get(e, "cause")), "first");
	cr_expect_str_eq(json_string_value(json_object_get(e, "hash")), before);
	json_decref(e);
	list_of("hardware.next", 5);
	changed("hardware", false);
	hash_of("hardware.baseline", after);
	cr_expect_str_eq(after, before, "a change is not accepted by itself");
	cr_assert_eq(unlink(in_dir("hardware.baseline")), 0);
	list_of("hardware.next", 6);
	changed("hardware", false);
	cr_expect_eq(access(in_dir("hardware.baseline"), F_OK), -1, "nor does deleting the list make it so");
}

Test(hardware, accepted_at_the_terminal, .init = setup, .fini = stop_daemon)
{
	static const struct sk_peer su = {.uid = 0, .pid = 1}, clerk = {.uid = 65534, .pid = 2};
	char hash[SK_SHA256_HEX], now[SK_SHA256_HEX];

	list_of("hardware.list", 2);
	hash_of("hardware.list", hash);
	json_t *q = json_pack("{s:s, s:s, s:s}", "op", "accept", "hash", hash, "reason", "disk 交換 permit 12");
	json_t *a = sk_control_answer(d, &clerk, 1, q);
	cr_expect(json_is_false(json_object_get(a, "ok")), "root alone");
	json_decref(a);
	list_of("hardware.list", 3);
	a = sk_control_answer(d, &su, 1, q);
	cr_expect_str_eq(json_string_value(json_object_get(a, "code")), "not-found",
	                 "another machine than the one looked at");
	json_decref(a);
	list_of("hardware.list", 2);
	a = sk_control_answer(d, &su, 1, q);
	cr_expect(json_is_true(json_object_get(a, "ok")));
	json_decref(a);
	json_decref(q);
	hash_of("hardware.baseline", now);
	cr_expect_str_eq(now, hash);
	json_t *e = last("inventory.accepted");
	cr_expect_str_eq(json_string_value(json_object_get(e, "reason")), "disk 交換 permit 12");
	cr_expect_str_eq(json_string_value(json_object_get(e, "person")), "root");
	json_decref(e);
	q = json_pack("{s:s, s:s, s:s}", "op", "accept", "hash", hash, "reason", "");
	a = sk_control_answer(d, &su, 1, q);
	cr_expect_str_eq(json_string_value(json_object_get(a, "code")), "invalid");
	json_decref(a);
	json_decref(q);
}
