/* M9: pcscd that answers, lies, hangs and speaks another version; firmware variables; LUKS facts; the verdicts. */
#include <errno.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/file.h"
#include "platform/pcsc.h"
#include "platform/probe.h"
#include "tests/unit/check_help.h"

static char root[64], sock[100];

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

static void start(void)
{
	snprintf(root, sizeof(root), "/tmp/sk-card-XXXXXX");
	cr_assert_not_null(mkdtemp(root));
	snprintf(sock, sizeof(sock), "%s/pcscd.comm", root);
}

static void stop(void)
{
	char command[128];

	snprintf(command, sizeof(command), "rm -rf %s", root);
	cr_assert_eq(system(command), 0);
}

TestSuite(card, .init = start, .fini = stop);

/* --- a pcscd of our own --- */

enum { TABLE = 16 * 184 };
static struct daemon {
	int fd, minor, wrong_version, short_table, silent;
	unsigned char table[TABLE];
	pthread_t thread;
} pcscd;

static void row(int i, const char *name, uint32_t state)
{
	memset(pcscd.table + i * 184, 0, 184);
	memcpy(pcscd.table + i * 184, name, strlen(name));
	memcpy(pcscd.table + i * 184 + 132, &state, sizeof(state));
}

static void serve(int fd)
{
	uint32_t head[2];
	int32_t v[3];

	while (recv(fd, head, sizeof(head), MSG_WAITALL) == sizeof(head)) {
		if (pcscd.silent) {
			char c;
			(void)!recv(fd, &c, 1, 0);
			(void)!recv(fd, v, sizeof(v), MSG_WAITALL);
			return;
		}
		if (head[1] == 0x11 && head[0] == sizeof(v) && recv(fd, v, sizeof(v), MSG_WAITALL) == sizeof(v)) {
			v[2] = v[1] != pcscd.minor;
			v[0] = pcscd.wrong_version ? 9 : 4;
			v[1] = pcscd.minor;
			(void)!send(fd, v, sizeof(v), MSG_NOSIGNAL);
		} else if (head[1] == 0x12) {
			(void)!send(fd, pcscd.table, pcscd.short_table ? 100 : TABLE, MSG_NOSIGNAL);
			if (pcscd.short_table)
				return;
		} else {
			return;
		}
	}
}

static void *run(void *arg)
{
	(void)arg;
	for (int fd; (fd = accept(pcscd.fd, NULL, NULL)) >= 0;) {
		serve(fd);
		close(fd);
	}
	return NULL;
}

static void daemon_start(void)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};

	snprintf(a.sun_path, sizeof(a.sun_path), "%s", sock);
	unlink(sock);
	pcscd.fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	cr_assert_eq(bind(pcscd.fd, (struct sockaddr *)&a, sizeof(a)), 0);
	cr_assert_eq(listen(pcscd.fd, 4), 0);
	cr_assert_eq(pthread_create(&pcscd.thread, NULL, run, NULL), 0);
}

static void daemon_stop(void)
{
	shutdown(pcscd.fd, SHUT_RDWR);
	pthread_join(pcscd.thread, NULL);
	close(pcscd.fd);
}

Test(card, readers_by_pcscd, .timeout = 30)
{
	struct sk_pcsc_reader r[SK_PCSC_READERS];

	cr_expect_eq(sk_pcsc_read(sock, 1000, r), -ENOENT);
	pcscd = (struct daemon){.minor = 4};
	row(0, "Reader \x1b[2J 00", 0x34);
	row(1, "Empty 01", 0x02);
	row(2, "Mute 02", 0x04);
	daemon_start();
	cr_expect_eq(sk_pcsc_read(sock, 3000, r), 3);
	cr_expect_str_eq(r[0].name, "Reader \\x1b[2J 00");
	cr_expect(r[0].card && !r[0].mute && !r[1].card && r[2].card && r[2].mute);
	daemon_stop();
	cr_expect_eq(sk_pcsc_read(sock, 1000, r), -ECONNREFUSED);
	pcscd.minor = 5;
	daemon_start();
	cr_expect_eq(sk_pcsc_read(sock, 3000, r), 3, "asked once more in its own version");
	daemon_stop();
	pcscd.wrong_version = 1;
	daemon_start();
	cr_expect_eq(sk_pcsc_read(sock, 3000, r), -EPROTO);
	daemon_stop();
	pcscd.wrong_version = 0;
	pcscd.short_table = 1;
	daemon_start();
	cr_expect_eq(sk_pcsc_read(sock, 3000, r), -EPROTO);
	daemon_stop();
	pcscd.short_table = 0;
	pcscd.silent = 1;
	daemon_start();
	cr_expect_eq(sk_pcsc_read(sock, 300, r), -ETIMEDOUT);
	json_t *f = sk_card_facts(root, "/nonexistent/x", "login", json_null());
	cr_expect_str_eq(json_string_value(json_object_get(f, "pcscd")), "absent");
	json_decref(f);
	daemon_stop();
}

Test(card, tables_that_lie)
{
	struct sk_pcsc_reader r[SK_PCSC_READERS];

	pcscd = (struct daemon){.minor = 4};
	cr_expect_eq(sk_pcsc_table(pcscd.table, TABLE, r), 0);
	cr_expect_eq(sk_pcsc_table(pcscd.table, TABLE - 1, r), -EPROTO);
	row(0, "A", 0xdeadbeef);
	cr_expect_eq(sk_pcsc_table(pcscd.table, TABLE, r), -EPROTO);
	memset(pcscd.table, 'x', TABLE);
	cr_expect_eq(sk_pcsc_table(pcscd.table, TABLE, r), -EPROTO, "a name without end");
}

Test(card, who_asks_for_it)
{
	put("/etc/pam.d/login", "auth required pam_unix.so\n");
	put("/etc/pam.d/gdm-smartcard", "auth [success=ok default=die] /lib/security/pam_pkcs11.so debug\n");
	put("/etc/pam.d/lightdm", "auth sufficient pam_sss.so try_cert_auth\n");
	put("/sys/bus/usb/devices/1-1:1.0/bInterfaceClass", "0b\n");
	put("/sys/bus/usb/devices/1-2:1.0/bInterfaceClass", "08\n");
	json_t *f = sk_card_facts(root, sock, "login gdm-smartcard lightdm ../etc/x none", json_false()),
	       *l = json_object_get(f, "login");
	cr_expect_eq(json_array_size(l), 2);
	cr_expect_eq(json_integer_value(json_object_get(f, "usb_readers")), 1);
	json_decref(f);
}

#define CARD(readers, pcscd, login, use) \
	"{\"readers\":[" readers "],\"pcscd\":\"" pcscd "\",\"usb_readers\":0,\"login\":[" login "],\"in_use\":" use "}"
#define FULL  "{\"name\":\"R\",\"card\":true}"
#define EMPTY "{\"name\":\"R\",\"card\":false}"
#define MUST  "[check ic-card]\nrequired = yes\n"

Test(card, verdicts)
{
	cr_expect_eq(judge("ic-card", CARD("", "absent", "", "true")), SK_STATE_NOT_APPLICABLE);
	cr_expect_eq(judge("ic-card", CARD(EMPTY, "ok", "", "false")), SK_STATE_COMPLIANT);
	cr_expect_eq(judge("ic-card", CARD(FULL, "ok", "", "true")), SK_STATE_COMPLIANT);
	cr_expect_eq(judge("ic-card", CARD(EMPTY "," FULL, "ok", "", "false")), SK_STATE_NON_COMPLIANT, "left behind");
	cr_expect_eq(judge("ic-card", CARD(FULL, "ok", "", "null")), SK_STATE_UNKNOWN);
	cr_expect_eq(judge_with(MUST, "ic-card", CARD("", "ok", "\"login\"", "true")), SK_STATE_NON_COMPLIANT);
	cr_expect_eq(judge_with(MUST, "ic-card", CARD(EMPTY, "ok", "", "true")), SK_STATE_NON_COMPLIANT);
	cr_expect_eq(judge_with(MUST, "ic-card", CARD(EMPTY, "ok", "\"login\"", "true")), SK_STATE_COMPLIANT);
	cr_expect_eq(
	    judge("ic-card", "{\"readers\":[],\"pcscd\":\"silent\",\"usb_readers\":1,\"login\":[],\"in_use\":true}"),
	    SK_STATE_UNKNOWN);
	cr_expect_eq(judge("ic-card", "{\"readers\":5}"), SK_STATE_UNKNOWN);
}

/* --- how it starts --- */

#define VAR(name) "/sys/firmware/efi/efivars/" name "-8be4df61-93ca-11d2-aa0d-00e098032b8c"
#define BOOT      "[check secure-boot]\nrequired = yes\n"

static enum sk_state boot_of(const char *ini)
{
	json_t *f = sk_probe_boot(root);
	char *text = json_dumps(f, 0);
	enum sk_state s = judge_with(ini, "secure-boot", text);

	free(text);
	json_decref(f);
	return s;
}

Test(card, secure_boot)
{
	cr_expect_eq(boot_of(BOOT), SK_STATE_UNKNOWN, "BIOS");
	cr_expect_eq(boot_of(NULL), SK_STATE_NOT_APPLICABLE);
	put_bytes(VAR("SecureBoot"), "\6\0\0\0\1", 5);
	put_bytes(VAR("SetupMode"), "\6\0\0\0\0", 5);
	cr_expect_eq(boot_of(BOOT), SK_STATE_COMPLIANT);
	cr_expect_eq(boot_of(BOOT "tpm = yes\n"), SK_STATE_NON_COMPLIANT);
	put("/sys/class/tpm/tpm0/tpm_version_major", "2\n");
	cr_expect_eq(boot_of(BOOT "tpm = yes\n"), SK_STATE_COMPLIANT);
	put_bytes(VAR("SetupMode"), "\6\0\0\0\1", 5);
	cr_expect_eq(boot_of(BOOT), SK_STATE_NON_COMPLIANT);
	put_bytes(VAR("SecureBoot"), "\6\0\0\0\0", 5);
	cr_expect_eq(boot_of(BOOT), SK_STATE_NON_COMPLIANT);
	put_bytes(VAR("SecureBoot"), "\6\0\0\0\7", 5);
	cr_expect_eq(boot_of(BOOT), SK_STATE_UNKNOWN);
	put_bytes(VAR("SecureBoot"), "\6\0\0\0\1junk and more than that", 20);
	cr_expect_eq(boot_of(BOOT), SK_STATE_UNKNOWN);
	cr_expect_eq(judge_with(BOOT, "secure-boot", "{}"), SK_STATE_UNKNOWN);
}

/* --- what the headers say --- */

static int asked;

static json_t *luks(const char *name)
{
	asked++;
	return strcmp(name, "cryptroot") == 0
	           ? json_loads("{\"type\":\"LUKS2\",\"slots\":[\"argon2id\"],\"tokens\":[\"systemd-tpm2\"]}", 0, NULL)
	           : NULL;
}

Test(card, luks_headers_of_the_volumes_in_use)
{
	json_t *f = json_loads("{\"volumes\":[{\"chain\":[\"dm-1\",\"dm-0\",\"sda\"]},{\"chain\":[\"dm-2\",\"dm-0\"]},{"
	                       "\"chain\":[\"dm-/../x\",5]}]}",
	                       0, NULL);

	put("/sys/class/block/dm-0/dm/uuid", "CRYPT-LUKS2-x\n");
	put("/sys/class/block/dm-0/dm/name", "cryptroot\n");
	put("/sys/class/block/dm-1/dm/uuid", "LVM-x\n");
	put("/sys/class/block/dm-2/dm/uuid", "CRYPT-LUKS2-y\n");
	put("/sys/class/block/dm-2/dm/name", "other\n");
	sk_probe_luks(root, f, luks);
	json_t *l = json_object_get(f, "luks");
	cr_expect_eq(asked, 2);
	cr_expect_eq(json_array_size(l), 2);
	cr_expect(json_is_null(json_object_get(json_array_get(l, 1), "type")), "not read is told as such");
	json_decref(f);
}

#define DISK(tpm, luks) \
	"{\"volumes\":[{\"use\":\"/" \
	"\",\"kind\":\"mount\",\"node\":\"dm-0\",\"encrypted\":true,\"cipher\":\"aes-xts-plain64\"}],\"tpm\":" tpm \
	",\"luks\":[" luks "]}"
#define BOUND   "{\"node\":\"dm-0\",\"type\":\"LUKS2\",\"slots\":[\"argon2id\",\"pbkdf2\"],\"tokens\":[\"systemd-tpm2\"]}"
#define UNBOUND "{\"node\":\"dm-0\",\"type\":\"LUKS2\",\"slots\":[\"argon2id\"],\"tokens\":[]}"
#define UNREAD  "{\"node\":\"dm-0\",\"type\":null}"

Test(card, the_chip_is_used_where_there_is_one)
{
	cr_expect_eq(judge("disk-encryption", DISK("false", UNBOUND)), SK_STATE_COMPLIANT);
	cr_expect_eq(judge("disk-encryption", DISK("true", BOUND)), SK_STATE_COMPLIANT);
	cr_expect_eq(judge("disk-encryption", DISK("true", UNBOUND)), SK_STATE_NON_COMPLIANT);
	cr_expect_eq(judge("disk-encryption", DISK("true", UNREAD)), SK_STATE_UNKNOWN);
	cr_expect_eq(judge("disk-encryption", DISK("true", "")), SK_STATE_COMPLIANT, "no header is no slot to bind");
	cr_expect_eq(judge_with("[check disk-encryption]\ntpm = no\n", "disk-encryption", DISK("true", UNBOUND)),
	             SK_STATE_COMPLIANT);
	cr_expect_eq(judge("disk-encryption", DISK("true", BOUND "," UNBOUND)), SK_STATE_NON_COMPLIANT, "each of them");
}
