/*
 * sekimori-crypt: encrypted containers on media, for sekimorid. Keys come on stdin, never in an argument, and are gone with the process.
 *   sekimori-crypt open NODE MAJ:MIN NAME ro|rw    key -> {"node","dev","dm_uuid","cipher","read_only"}
 *   sekimori-crypt close NAME
 *   sekimori-crypt look NAME                       as open, of what is there already
 *   sekimori-crypt format NODE MAJ:MIN LABEL       key -> {"uuid"}; everything on NODE is lost
 *   sekimori-crypt prepare NODE MAJ:MIN NAME LABEL key -> {"uuid"}; format, and an empty file system inside; closed again
 *   sekimori-crypt add NODE MAJ:MIN                key (32 bytes) and passphrase (the rest) -> {}
 *   sekimori-crypt erase NODE MAJ:MIN              every key slot destroyed -> {}; what is on NODE opens no more
 * Exit status 0 = done; else {"error":msgid,"code":errno's name or number}. One JSON object to stdout in any case.
 */
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <linux/capability.h>
#include <linux/fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/i18n.h"
#include "platform/crypt.h"
#include "platform/mkfs.h"

#define ORG_KEY 32

static struct {
	uint8_t bytes[SK_CRYPT_KEY_MAX + ORG_KEY];
	size_t len;
} key;

static int answer(json_t *a, int status)
{
	char *text = a != NULL ? json_dumps(a, JSON_COMPACT) : NULL;

	explicit_bzero(&key, sizeof(key));
	(void)puts(text != NULL ? text : "{}");
	free(text);
	json_decref(a);
	return fflush(stdout) == 0 && text != NULL ? status : 1;
}

static const char *words(int r)
{
	switch (r) {
	case -EKEYREJECTED:
		return N_("the key does not open it");
	case -EMEDIUMTYPE:
		return N_("there is no encrypted container on it");
	case -EUCLEAN:
		return N_("its container encrypts nothing");
	case -ENOSPC:
		return N_("the medium is too small for a container");
	case -ENODEV:
		return N_("the medium is not there any more");
	case -EINVAL:
		return N_("the request is malformed");
	default:
		return N_("the container cannot be opened");
	}
}

static int fail(int r)
{
	return answer(json_pack("{s:s, s:s, s:i}", "error", words(r), "detail", strerror(-r), "code", -r), 1);
}

/* One capability stays: device-mapper asks for it. A hostile header may ask for memory and time without end. */
static int drop_rights(void)
{
	struct __user_cap_header_struct h = {_LINUX_CAPABILITY_VERSION_3, 0};
	struct __user_cap_data_struct d[2] = {{0}, {0}};
	struct rlimit none = {0, 0}, memory = {2UL << 30, 2UL << 30}, cpu = {120, 120};

	d[0].effective = d[0].permitted = 1U << CAP_SYS_ADMIN;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0 ||
	    setrlimit(RLIMIT_CORE, &none) < 0 || setrlimit(RLIMIT_AS, &memory) < 0 || setrlimit(RLIMIT_CPU, &cpu) < 0)
		return -errno;
	return syscall(SYS_capset, &h, d) < 0 ? -errno : 0;
}

static int read_key(void)
{
	ssize_t n;

	(void)mlock(&key, sizeof(key));
	while (key.len < sizeof(key.bytes) &&
	       ((n = read(0, key.bytes + key.len, sizeof(key.bytes) - key.len)) > 0 || (n < 0 && errno == EINTR)))
		key.len += n > 0 ? (size_t)n : 0;
	return key.len > 0 && key.len <= sizeof(key.bytes) ? 0 : -EINVAL;
}

static int parse_node(char **argv, struct sk_crypt_node *at)
{
	int end = 0;

	at->path = argv[0];
	return sscanf(argv[1], "%4u:%7u%n", &at->major, &at->minor, &end) == 2 && argv[1][end] == '\0' ? 0 : -EINVAL;
}

static int say_mapping(const struct sk_crypt_mapping *m)
{
	return answer(json_pack("{s:s, s:o, s:s, s:s, s:b}", "node", m->node, "dev",
	                        json_sprintf("%u:%u", m->major, m->minor), "dm_uuid", m->dm_uuid, "cipher", m->cipher,
	                        "read_only", (int)m->ro),
	              0);
}

static int do_open(char **argv)
{
	bool ro = strcmp(argv[3], "ro") == 0;
	struct sk_crypt_mapping m = {0};
	struct sk_crypt_node at;
	int r = ro || strcmp(argv[3], "rw") == 0 ? parse_node(argv, &at) : -EINVAL;

	if (r == 0)
		r = read_key();
	if (r == 0)
		r = sk_crypt_open(&at, argv[2], ro, key.bytes, key.len, &m);
	return r < 0 ? fail(r) : say_mapping(&m);
}

static int do_close(const char *name)
{
	int r = sk_crypt_close(name);

	return r < 0 ? fail(r) : answer(json_object(), 0);
}

static int do_look(const char *name)
{
	struct sk_crypt_mapping m = {0};
	int r = sk_crypt_look(name, NULL, &m);

	return r < 0 ? fail(r) : say_mapping(&m);
}

static int do_format(char **argv)
{
	struct sk_crypt_node at;
	char uuid[37] = "";
	int r = parse_node(argv, &at);

	if (r == 0)
		r = read_key();
	if (r == 0)
		r = sk_crypt_format(&at, argv[2], key.bytes, key.len, uuid);
	return r < 0 ? fail(r) : answer(json_pack("{s:s}", "uuid", uuid), 0);
}

/* The kernel's list of partitions goes with what was on it before. It may be held for a moment by who looks at it: udev asks again. */
static void forget_partitions(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return;
	(void)ioctl(fd, BLKRRPART);
	(void)close(fd);
}

static int do_prepare(char **argv)
{
	struct sk_crypt_mapping m = {0};
	struct sk_crypt_node at;
	char uuid[37] = "";
	int r = parse_node(argv, &at), closed;

	if (r == 0 && !sk_crypt_is_name(argv[2]))
		r = -EINVAL;
	if (r == 0)
		r = read_key();
	if (r == 0)
		(void)sk_crypt_close(argv[2]); /* of one that was killed in the middle */
	if (r == 0)
		r = sk_crypt_format(&at, argv[3], key.bytes, key.len, uuid);
	if (r == 0)
		r = sk_crypt_open(&at, argv[2], false, key.bytes, key.len, &m);
	explicit_bzero(&key, sizeof(key));
	if (r < 0)
		return fail(r);
	r = sk_mkfs(m.node, argv[3]);
	closed = sk_crypt_close(argv[2]);
	forget_partitions(at.path);
	if (r == -ENOENT)
		return answer(json_pack("{s:s, s:i}", "error",
		                        N_("neither mkfs.exfat nor mkfs.vfat is installed (exfatprogs, dosfstools)"),
		                        "code", ENOENT),
		              1);
	if (r < 0 || closed < 0)
		return fail(r < 0 ? r : closed);
	return answer(json_pack("{s:s}", "uuid", uuid), 0);
}

static int do_add(char **argv)
{
	struct sk_crypt_node at;
	int r = parse_node(argv, &at);

	if (r == 0)
		r = read_key();
	if (r == 0 && key.len <= ORG_KEY)
		r = -EINVAL;
	if (r == 0)
		r = sk_crypt_add(&at, key.bytes, ORG_KEY, (const char *)key.bytes + ORG_KEY, key.len - ORG_KEY);
	return r < 0 ? fail(r) : answer(json_object(), 0);
}

static int do_erase(char **argv)
{
	struct sk_crypt_node at;
	int r = parse_node(argv, &at);

	if (r == 0)
		r = sk_crypt_erase(&at);
	return r < 0 ? fail(r) : answer(json_object(), 0);
}

int main(int argc, char **argv)
{
	const char *op = argc > 1 ? argv[1] : "";
	int r;

	(void)umask(077);
	r = drop_rights();
	if (r < 0)
		return fail(r);
	if (argc == 6 && strcmp(op, "open") == 0)
		return do_open(argv + 2);
	if (argc == 3 && strcmp(op, "close") == 0)
		return do_close(argv[2]);
	if (argc == 3 && strcmp(op, "look") == 0)
		return do_look(argv[2]);
	if (argc == 5 && strcmp(op, "format") == 0)
		return do_format(argv + 2);
	if (argc == 6 && strcmp(op, "prepare") == 0)
		return do_prepare(argv + 2);
	if (argc == 4 && strcmp(op, "add") == 0)
		return do_add(argv + 2);
	if (argc == 4 && strcmp(op, "erase") == 0)
		return do_erase(argv + 2);
	(void)fprintf(
	    stderr,
	    "usage: sekimori-crypt open NODE MAJ:MIN NAME ro|rw | close NAME | look NAME | "
	    "format NODE MAJ:MIN LABEL | prepare NODE MAJ:MIN NAME LABEL | add NODE MAJ:MIN | erase NODE MAJ:MIN\n");
	return 64;
}
