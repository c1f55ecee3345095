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
