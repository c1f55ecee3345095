/*
 * sekimori-mount: mounts one medium for one person, or takes its mounts away; run by sekimorid, which keeps away from media itself.
 *   sekimori-mount mount /dev/sda1 8:1 PERSON ro|rw|encrypted   {"mount","fstype","label","uuid","options","read_only"} or {"error","fstype"}
 *   sekimori-mount look /dev/sda 8:0                  {"bytes","volumes":[..policy/media_key.h..]} or {"error"}: what identifies it
 *   sekimori-mount unmount 8:1                        {"mounts":N,"detached":bool,"busy":[{"pid","program"}]} or {"error"}
 * "encrypted": nothing is mounted; the answer is the error that says whether an encrypted container is on it.
 * Exit status 0 = done. One JSON object to stdout in any case.
 */
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "common/i18n.h"
#include "common/text.h"
#include "platform/mountpoint.h"
#include "platform/unmount.h"
#include "platform/volume.h"

#define PATIENCE_MS 3000

static int answer(json_t *a, int status)
{
	char *text = a != NULL ? json_dumps(a, JSON_COMPACT) : NULL;

	(void)puts(text != NULL ? text : "{}");
	free(text);
	json_decref(a);
	return fflush(stdout) == 0 && text != NULL ? status : 1;
}

/* why: one of the msgids below, translated by whoever shows it. detail may be NULL. */
static int fail(const char *why, const char *fstype, int error)
{
	return answer(json_pack("{s:s,s:s?,s:s?}", "error", why, "fstype", fstype, "detail",
	                        error != 0 ? strerror(-error) : NULL),
	              1);
}

static int parse_dev(const char *s, unsigned *ma, unsigned *mi)
{
	int end = 0;

	return sscanf(s, "%4u:%7u%n", ma, mi, &end) == 2 && s[end] == '\0' ? 0 : -EINVAL;
}

static int open_medium(const char *node, unsigned ma, unsigned mi)
{
	struct stat st;
	int fd;

	if (strncmp(node, "/dev/", 5) != 0 || strstr(node, "..") != NULL)
		return -EINVAL;
	fd = open(node, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) < 0 || !S_ISBLK(st.st_mode) || st.st_rdev != makedev(ma, mi)) {
		(void)close(fd);
		return -ENODEV; /* another device has come to this name */
	}
	return fd;
}

static int report(const char *path, const struct sk_volume *v, const struct sk_volume_plan *plan)
{
	char label[1024], uuid[256], options[256];

	(void)sk_text_escape(label, sizeof(label), v->label, strlen(v->label));
	(void)sk_text_escape(uuid, sizeof(uuid), v->uuid, strlen(v->uuid));
	(void)snprintf(options, sizeof(options), "%s,nodev,nosuid,noexec,%s", plan->ro ? "ro" : "rw", plan->data);
	return answer(json_pack("{s:s,s:s,s:s,s:s,s:s,s:b}", "mount", path, "fstype", plan->fstype, "label", label,
	                        "uuid", uuid, "options", options, "read_only", (int)plan->ro),
	              0);
}

static bool is_container(const char *type)
{
	return strcmp(type, "crypto_LUKS") == 0 || strcmp(type, "BitLocker") == 0;
}

static int mount_volume(const char *node, const char *person, const struct passwd *pw, bool ro,
                        const struct sk_volume *v)
{
	struct sk_volume_plan plan;
	char path[512];
	int r;

	if (v->type[0] == '\0')
		return fail(N_("there is no file system on it"), NULL, 0);
	if (is_container(v->type))
		return fail(N_("it is encrypted and must be unlocked first"), v->type, 0);
	if (sk_volume_plan(v->type, pw->pw_uid, pw->pw_gid, ro, &plan) < 0)
		return fail(N_("its file system is none of those that are opened here"), v->type, 0);
	r = sk_mountpoint_make(SK_MEDIA_ROOT, person, pw->pw_uid, v->label[0] != '\0' ? v->label : v->uuid, path,
	                       sizeof(path));
	if (r < 0)
		return fail(N_("no folder could be made for it"), v->type, r);
	r = sk_volume_mount(node, path, &plan);
	if (r == 0)
		return report(path, v, &plan);
	sk_mountpoint_remove(path);
	return fail(N_("its file system is damaged or cannot be opened"), v->type, r);
}

static int do_mount(char **argv)
{
	bool ro = strcmp(argv[4], "ro") == 0, encrypted = strcmp(argv[4], "encrypted") == 0;
	struct sk_volume v;
	struct passwd *pw;
	unsigned ma, mi;
	int fd, r;

	if ((!ro && !encrypted && strcmp(argv[4], "rw") != 0) || parse_dev(argv[2], &ma, &mi) < 0 ||
	    !sk_mountpoint_is_person(argv[3]))
		return fail(N_("the request is malformed"), NULL, 0);
	pw = getpwnam(argv[3]);
	if (pw == NULL)
		return fail(N_("the person is not known on this terminal"), NULL, 0);
	fd = open_medium(argv[1], ma, mi);
	if (fd < 0)
		return fail(N_("the medium is not there any more"), NULL, fd);
	(void)memset(&v, 0, sizeof(v));
	r = sk_volume_probe(fd, &v);
	(void)close(fd);
	if (r == -EUCLEAN)
		return fail(N_("more than one file system claims to be on it"), NULL, 0);
	if (r < 0)
		return fail(N_("it could not be read"), NULL, r);
	if (encrypted && v.type[0] != '\0' && !is_container(v.type))
		return fail(N_("it is not encrypted, and only encrypted media are opened here"), v.type, 0);
	return mount_volume(argv[1], argv[3], pw, ro || encrypted, &v);
}

/* Text of the medium goes on as printable text only. */
static void make_printable(char *text, size_t size)
{
	char safe[256];

	(void)sk_text_escape(safe, size < sizeof(safe) ? size : sizeof(safe), text, strlen(text));
	sk_text_copy(text, size, safe);
}

static int do_look(char **argv)
{
	struct sk_volumes v;
	unsigned ma, mi;
	int fd, r;

	if (parse_dev(argv[2], &ma, &mi) < 0)
		return fail(N_("the request is malformed"), NULL, 0);
	fd = open_medium(argv[1], ma, mi);
	if (fd < 0)
		return fail(N_("the medium is not there any more"), NULL, fd);
	r = sk_volumes_probe(fd, &v);
	(void)close(fd);
	if (r == -EUCLEAN)
		return fail(N_("more than one file system claims to be on it"), NULL, 0);
	if (r < 0)
		return fail(N_("it could not be read"), NULL, r);
	for (size_t i = 0; i < v.n; i++) {
		make_printable(v.of[i].type, sizeof(v.of[i].type));
		make_printable(v.of[i].uuid, sizeof(v.of[i].uuid));
	}
	return answer(sk_volumes_json(&v), 0);
}

static int do_unmount(char **argv)
{
	struct sk_unmounted u;
	unsigned ma, mi;
	json_t *busy = json_array();
	size_t i;
	int r = parse_dev(argv[1], &ma, &mi);

	if (r == 0)
		r = sk_unmount(ma, mi, PATIENCE_MS, &u);
	if (r < 0) {
		json_decref(busy);
		return fail(N_("it could not be unmounted"), NULL, r);
	}
	for (i = 0; i < u.n_busy; i++)
		(void)json_array_append_new(busy,
		                            json_pack("{s:i,s:s}", "pid", u.busy[i].pid, "program", u.busy[i].program));
	return answer(json_pack("{s:i,s:b,s:o}", "mounts", (int)u.mounts, "detached", (int)u.detached, "busy", busy),
	              u.failed ? 1 : 0);
}

static int do_sync(char **argv)
{
	unsigned ma, mi;
	int r = parse_dev(argv[1], &ma, &mi);

	if (r == 0)
		r = sk_write_back(ma, mi);
	return r < 0 ? fail(N_("it could not be written back"), NULL, r) : answer(json_object(), 0);
}

int main(int argc, char **argv)
{
	(void)umask(077);
	if (argc == 6 && strcmp(argv[1], "mount") == 0)
		return do_mount(argv + 1);
	if (argc == 4 && strcmp(argv[1], "look") == 0)
		return do_look(argv + 1);
	if (argc == 3 && strcmp(argv[1], "unmount") == 0)
		return do_unmount(argv + 1);
	if (argc == 3 && strcmp(argv[1], "sync") == 0)
		return do_sync(argv + 1);
	(void)fprintf(stderr,
	              "usage: sekimori-mount mount NODE MAJOR:MINOR PERSON ro|rw|encrypted | look NODE MAJOR:MINOR | "
	              "unmount|sync MAJOR:MINOR\n");
	return 64;
}
