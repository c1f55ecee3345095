/* What the probes of the system read, from made-up trees. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/file.h"
#include "platform/probe.h"

static char root[64];

static void put(const char *path, const char *text)
{
	char full[512];

	snprintf(full, sizeof(full), "%s/%s", root, path);
	char *slash = strrchr(full, '/');
	*slash = '\0';
	cr_assert_eq(sk_mkdir_p(full, 0755), 0);
	*slash = '/';
	cr_assert_eq(sk_file_write(full, text, strlen(text), 0644, NULL), 0);
}

static void start(void)
{
	snprintf(root, sizeof(root), "/tmp/sk-system-XXXXXX");
	cr_assert_not_null(mkdtemp(root));
}

static void stop(void)
{
	char command[128];

	snprintf(command, sizeof(command), "rm -rf %s", root);
	cr_assert_eq(system(command), 0);
}

TestSuite(probe_system, .init = start, .fini = stop);

static const char *text(const json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));

	return s ? s : "";
}

#define TCP \
	"  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n" \
	"   0: 00000000:0016 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 111 1 0 100 0 0 " \
	"10 0\n" \
	"   1: 0100007F:0277 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 222 1 0 100 0 0 " \
	"10 0\n" \
	"   2: 0F02000A:0050 0F02000A:0051 01 00000000:00000000 00:00000000 00000000     0        0 333 1 0 100 0 0 " \
	"10 0\n" \
	"nonsense\n"
#define TCP6 \
	"  sl  local_address\n" \
	"   0: 00000000000000000000000000000000:0016 00000000000000000000000000000000:0000 0A 00000000:00000000 " \
	"00:00000000 " \
	"00000000 0 0 444 1 0 100\n" \
	"   1: 00000000000000000000000001000000:0277 00000000000000000000000000000000:0000 0A 00000000:00000000 " \
	"00:00000000 " \
	"00000000 0 0 555 1 0 100\n" \
	"   2: 0000000000000000FFFF00000100007F:1F90 00000000000000000000000000000000:0000 0A 00000000:00000000 " \
	"00:00000000 " \
	"00000000 0 0 556 1 0 100\n"
#define UDP \
	"  sl  local_address\n" \
	"  1: 00000000:0044 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 666 2 0 0\n"

Test(probe_system, what_listens)
{
	char path[200];

	put("proc/net/tcp", TCP);
	put("proc/net/tcp6", TCP6);
	put("proc/net/udp", UDP);
	put("proc/77/comm", "sshd\n");
	snprintf(path, sizeof(path), "%s/proc/77/fd", root);
	cr_assert_eq(sk_mkdir_p(path, 0755), 0);
	snprintf(path, sizeof(path), "%s/proc/77/fd/3", root);
	cr_assert_eq(symlink("socket:[111]", path), 0);
	put("etc/systemd/system/sockets.target.wants/telnet.socket", "");
	json_t *facts = sk_probe_services(root, "telnet.socket ssh.service ../x"),
	       *l = json_object_get(facts, "listening");
	cr_assert_eq(json_array_size(l), 2, "the loopback is nobody else, one port is one");
	cr_expect_str_eq(text(json_array_get(l, 0), "port"), "tcp/22");
	cr_expect_str_eq(text(json_array_get(l, 0), "program"), "sshd");
	cr_expect_str_eq(text(json_array_get(l, 1), "port"), "udp/68");
	cr_assert_eq(json_array_size(json_object_get(facts, "units")), 1);
	json_decref(facts);
}

Test(probe_system, a_long_table_is_read_to_its_end)
{
	size_t size = 4 * 1024 * 1024, n = 0;
	char *table = malloc(size), path[200];

	while (n < size - 300)
		n += (size_t)sprintf(
		    table + n,
		    "   2: 0F02000A:0050 0F02000A:0051 01 00000000:00000000 00:00000000 00000000 0 0 333 1\n");
	snprintf(table + n, size - n,
	         "   3: 00000000:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000 0 0 444 1\n");
	put("proc/net/tcp", table);
	free(table);
	put("proc/net/udp", UDP);
	json_t *facts = sk_probe_services(root, "");
	cr_expect_str_eq(text(json_array_get(json_object_get(facts, "listening"), 0), "port"), "tcp/8080");
	json_decref(facts);
	snprintf(path, sizeof(path), "%s/proc/net/udp", root);
	cr_assert_eq(unlink(path), 0);
	facts = sk_probe_services(root, "");
	cr_expect_neq(text(facts, "error")[0], '\0', "half a list is none");
	json_decref(facts);
}

Test(probe_system, units_that_run_and_units_that_are_masked)
{
	char path[200];

	put("etc/systemd/system/sockets.target.wants/telnet.socket", "");
	snprintf(path, sizeof(path), "%s/etc/systemd/system/telnet.socket", root);
	cr_assert_eq(symlink("/dev/null", path), 0);
	put("run/systemd/units/x", "");
	snprintf(path, sizeof(path), "%s/run/systemd/units/invocation:vsftpd.service", root);
	cr_assert_eq(symlink("0123", path), 0);
	put("usr/lib/systemd/system/multi-user.target.wants/xinetd.service", "");
	json_t *units = sk_probe_units(root, "telnet.socket vsftpd.service xinetd.service nis.service");
	cr_assert_eq(json_array_size(units), 2);
	cr_expect_str_eq(json_string_value(json_array_get(units, 0)), "vsftpd.service");
	cr_expect_str_eq(json_string_value(json_array_get(units, 1)), "xinetd.service");
	json_decref(units);
}

static void journal(const char *path, unsigned long long first, unsigned long long at_us)
{
	char full[300], head[256] = "LPKSHHRH";

	memcpy(head + 168, &first, 8); /* these tests run on little endian machines */
	memcpy(head + 184, &at_us, 8);
	memcpy(head + 192, &at_us, 8);
	put(path, "");
	snprintf(full, sizeof(full), "%s/%s", root, path);
	cr_assert_eq(sk_file_write(full, head, sizeof(head), 0644, NULL), 0);
}

Test(probe_system, what_the_journal_itself_shows)
{
	put("etc/machine-id", "0123456789abcdef0123456789abcdef\n");
	journal("var/log/journal/0123456789abcdef0123456789abcdef/system.journal", 900, 1799000000000000ULL);
	journal("var/log/journal/0123456789abcdef0123456789abcdef/system@1.journal", 500, 1798000000000000ULL);
	put("var/log/journal/0123456789abcdef0123456789abcdef/bad.journal", "LPKSHHRH");
	json_t *facts = sk_probe_logs(root), *disk = json_object_get(facts, "disk");
	cr_expect_eq(json_integer_value(json_object_get(disk, "files")), 2);
	cr_expect_eq(json_integer_value(json_object_get(disk, "oldest_ms")), 1798000000000LL);
	cr_expect(json_is_true(json_object_get(disk, "trimmed")));
	cr_expect(json_is_false(json_object_get(facts, "in_memory")));
	json_decref(facts);
	journal("run/log/journal/0123456789abcdef0123456789abcdef/system.journal", 1, 1798500000000000ULL);
	facts = sk_probe_logs(root);
	cr_expect(json_is_false(json_object_get(facts, "in_memory")), "left over from an earlier time");
	json_decref(facts);
	journal("run/log/journal/0123456789abcdef0123456789abcdef/system.journal", 1, 1799500000000000ULL);
	facts = sk_probe_logs(root);
	cr_expect(json_is_true(json_object_get(facts, "in_memory")));
	json_decref(facts);
}

Test(probe_system, dpkgs_own_list)
{
	put("var/lib/dpkg/status",
	    "Package: good\nStatus: install ok installed\nDescription: x\n Package: not a field\n\n"
	    "Package: kept\nStatus: hold ok installed\n\nPackage: half\nStatus: install ok half-configured\n\n"
	    "Package: torn\nStatus: install reinstreq installed\n\nPackage: gone\nStatus: deinstall ok "
	    "config-files\n");
	json_t *facts = sk_probe_updates(root), *broken = json_object_get(facts, "dpkg");
	cr_expect_eq(json_array_size(json_object_get(facts, "held")), 1);
	cr_assert_eq(json_array_size(broken), 2);
	cr_expect_str_eq(json_string_value(json_array_get(broken, 0)), "half");
	json_decref(facts);
	put("var/lib/dpkg/updates/0001", "x");
	facts = sk_probe_updates(root);
	cr_expect_eq(json_array_size(json_object_get(facts, "dpkg")), 3, "it was cut off in the middle");
	json_decref(facts);
}

Test(probe_system, without_dpkgs_list_nothing_is_whole)
{
	json_t *facts = sk_probe_updates(root);
	cr_expect(json_is_null(json_object_get(facts, "dpkg")));
	cr_expect(json_is_null(json_object_get(facts, "held")));
	json_decref(facts);
}

Test(probe_system, dropins_apply_in_the_order_of_their_names)
{
	put("etc/systemd/journald.conf.d/10.conf", "[Journal]\nStorage=persistent\n");
	put("usr/lib/systemd/journald.conf.d/90.conf", "[Journal]\nStorage=volatile\n");
	json_t *facts = sk_probe_logs(root);
	cr_expect_str_eq(text(facts, "storage"), "volatile");
	json_decref(facts);
}

Test(probe_system, the_last_setting_of_the_log_counts)
{
	put("etc/systemd/journald.conf", "[Journal]\n#Storage=none\nStorage=volatile\nMaxRetentionSec=1week\n");
	put("usr/lib/systemd/journald.conf.d/10.conf", "[Journal]\nStorage=none\n");
	put("etc/systemd/journald.conf.d/10.conf", "[Journal]\nStorage = persistent\n");
	put("var/log/journal/x", "");
	json_t *facts = sk_probe_logs(root);
	cr_expect_str_eq(text(facts, "storage"), "persistent");
	cr_expect_str_eq(text(facts, "max_retention"), "1week");
	cr_expect(json_is_true(json_object_get(facts, "journal_folder")));
	json_decref(facts);
}

Test(probe_system, what_system_it_is)
{
	put("usr/lib/os-release", "PRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\nID=debian\nVERSION_ID=\"12\"\n");
	json_t *facts = sk_probe_support(root);
	cr_expect_str_eq(text(facts, "id"), "debian");
	cr_expect_str_eq(text(facts, "version"), "12");
	json_decref(facts);
}

Test(probe_system, an_index_that_is_not_there)
{
	json_t *facts = sk_probe_updates(root);
	cr_expect(json_is_null(json_object_get(facts, "index_ms")));
	json_decref(facts);
	put("var/lib/apt/periodic/update-success-stamp", "");
	put("var/lib/apt/lists/deb.debian.org_InRelease", "x");
	facts = sk_probe_updates(root);
	cr_expect_gt(json_integer_value(json_object_get(facts, "index_ms")), 1700000000000LL);
	json_decref(facts);
}
