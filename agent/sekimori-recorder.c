/*
 * sekimori-recorder: what really is written to one medium (T9); run by sekimorid while the medium is mounted writable.
 *   sekimori-recorder NODE MAJOR:MINOR PERSON FOLDER      writes what it sees into FOLDER, as agent/record_out.h
 * It holds a mount of its own that is in no tree, so it is there before the person can write and still there when their mount is gone: what
 * it hashes then nobody changes any more. fanotify names the files that are closed after writing and who did it; a sweep over the whole tree at
 * the end finds the rest. Hashing waits until nothing was written for a second, so that copying does not wait for it.
 * Exit status 0 = recorded to the end; 2 = the medium takes no writing; else it could not be watched.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fanotify.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "agent/record_files.h"
#include "agent/record_out.h"
#include "common/hash.h"
#include "common/text.h"
#include "platform/mount.h"
#include "platform/tree.h"
#include "platform/volume.h"

#define NOBODY     65534
#define QUIET_MS   1000
#define SETTLED_MS 3000 /* a file's time is counted in two seconds on vfat: until then a later write may not show */
#define BATCH_MS   5000
#define FINISH_MS  60000
#define FIRST_MS   60000 /* until it is mounted for the person */
#define SLICE      (256 * 1024)
#define SLICES     32 /* of a file between two looks at the queue */

struct recorder {
	int root, fan, mounts;
	const char *node;
	unsigned ma, mi;
	struct sk_record_files *files;
	struct sk_record_out out;
	sk_ms event, begun, told; /* the last event, ours, the oldest entry of the batch */
	sk_ms end; /* of the time to finish in; 0 = it goes on */
	long long overflows;
	bool mounted, watched;
	size_t cursor; /* in the table, of what is hashed next */
	struct { /* names of the people seen */
		uint32_t uid;
		char name[64];
	} people[16];
	size_t n_people;
};

/* ---- people and processes ---- */

static const char *person_of(struct recorder *r, uint32_t uid)
{
	struct passwd *pw;
	size_t i;

	if (uid == UINT32_MAX)
		return NULL;
	for (i = 0; i < r->n_people; i++)
		if (r->people[i].uid == uid)
			return r->people[i].name[0] != '\0' ? r->people[i].name : NULL;
	if (r->n_people == sizeof(r->people) / sizeof(r->people[0]))
		return NULL;
	pw = getpwuid(uid);
	r->people[i].uid = uid;
	if (pw != NULL)
		sk_text_copy(r->people[i].name, sizeof(r->people[i].name), pw->pw_name);
	r->n_people++;
	return pw != NULL ? r->people[i].name : NULL;
}

/* A short-lived program may be gone already: then only the medium's person is known. */
static void process_of(int pid, uint32_t *uid, char *name, size_t size)
{
	char path[64], line[128];
	unsigned real;
	FILE *f;

	*uid = UINT32_MAX;
	name[0] = '\0';
	(void)snprintf(path, sizeof(path), "/proc/%d/status", pid);
	f = pid > 0 ? fopen(path, "re") : NULL;
	if (f == NULL)
		return;
	while (fgets(line, sizeof(line), f) != NULL) {
		line[strcspn(line, "\n")] = '\0';
		if (strncmp(line, "Name:\t", 6) == 0)
			(void)sk_text_escape(name, size, line + 6, strlen(line + 6));
		else if (sscanf(line, "Uid:\t%u", &real) == 1)
			*uid = real;
	}
	(void)fclose(f);
}

/* ---- events ---- */

static void lost(struct recorder *r, const char *reason)
{
	sk_record_out_gap(&r->out, reason, 1);
}

/* The path below the root of folder handle + name. */
static int path_of(struct recorder *r, const struct fanotify_event_info_fid *info, char *out, size_t size)
{
	struct file_handle *h = (struct file_handle *)(uintptr_t)info->handle;
	const char *name = (const char *)h->f_handle + h->handle_bytes;
	char link[64], folder[SK_TREE_PATH];
	int fd = open_by_handle_at(r->root, h, O_PATH | O_CLOEXEC), n;
	ssize_t len;

	if (fd < 0)
		return -errno;
	(void)snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	len = readlink(link, folder, sizeof(folder) - 1);
	(void)close(fd);
	if (len <= 0 || len == (ssize_t)sizeof(folder) - 1 || folder[0] != '/')
		return -EIO;
	folder[len] = '\0';
	n = snprintf(out, size, "%s%s%s", folder + 1, len > 1 ? "/" : "", name);
	return n < 0 || (size_t)n >= size ? -ENAMETOOLONG : 0;
}

static void take_event(struct recorder *r, const struct fanotify_event_metadata *m)
{
	const struct fanotify_event_info_fid *info = (const void *)(m + 1);
	char path[SK_TREE_PATH], process[32];
	uint32_t uid;

	if (m->mask & FAN_Q_OVERFLOW) {
		r->overflows++;
		return;
	}
	if (m->event_len < sizeof(*m) + sizeof(*info) || info->hdr.info_type != FAN_EVENT_INFO_TYPE_DFID_NAME)
		return;
	process_of(m->pid, &uid, process, sizeof(process));
	if (path_of(r, info, path, sizeof(path)) < 0)
		return; /* its folder is gone or moved; the sweep finds it where it is now */
	if (sk_record_files_written(r->files, path, uid, process, sk_clock_wall()) < 0)
		lost(r, "too-many");
	r->event = sk_clock_boot();
}

static bool take_events(struct recorder *r)
{
	char buf[65536] __attribute__((aligned(8)));
	const struct fanotify_event_metadata *m = (const void *)buf;
	ssize_t n = r->watched ? read(r->fan, buf, sizeof(buf)) : -1, rest = n;

	for (; rest > 0 && FAN_EVENT_OK(m, rest); m = FAN_EVENT_NEXT(m, rest)) {
		if (m->vers == FANOTIFY_METADATA_VERSION)
			take_event(r, m);
		if (m->fd >= 0)
			(void)close(m->fd);
	}
	return n > 0;
}

/* ---- hashing ---- */

static int64_t mtime_of(const struct stat *st)
{
	return (int64_t)st->st_mtim.tv_sec * 1000000000 + st->st_mtim.tv_nsec;
}

/* Folder by folder, so that no symlink is followed anywhere on the way. */
static int open_below(const struct recorder *r, const char *path)
{
	char part[SK_TREE_PATH];
	int dir = r->root, fd;
	size_t n;

	for (;;) {
		n = strcspn(path, "/");
		if (n == 0 || n >= sizeof(part))
			fd = -1;
		else {
			(void)memcpy(part, path, n);
			part[n] = '\0';
			fd = openat(dir, part,
			            path[n] == '/' ? O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC
			                           : O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
		}
		if (dir != r->root) {
			int e = errno;

			(void)close(dir);
			errno = e;
		}
		if (fd < 0 || path[n] == '\0')
			return fd;
		dir = fd;
		path += n + 1;
	}
}

static bool out_of_time(const struct recorder *r)
{
	return r->end != 0 && sk_clock_boot() >= r->end;
}

/* NULL, or a word why not. While it goes on the queue is looked at, so that processes are still there to be named. */
static const char *hash_file(struct recorder *r, int fd, char hex[SK_SHA256_HEX])
{
	static unsigned char data[SLICE];
	struct sk_digest *d = sk_digest_new();
	const char *why = NULL;
	unsigned slices = 0;
	ssize_t n;

	do {
		n = read(fd, data, sizeof(data));
		if (n > 0)
			sk_digest_add(d, data, (size_t)n);
		if (++slices % SLICES == 0 && r->end == 0)
			(void)take_events(r);
		if (out_of_time(r))
			why = "time-limit";
	} while (why == NULL && (n > 0 || (n < 0 && errno == EINTR)));
	sk_digest_end(d, hex);
	return why != NULL ? why : n < 0 ? "unreadable" : NULL;
}

static void tell(struct recorder *r, struct sk_record_file *f, const char *op, int64_t size, const char *sha256,
                 const char *why)
{
	sk_record_out_file(&r->out, f, op, size, sha256, why, person_of(r, f->uid));
	if (r->told == 0)
		r->told = sk_clock_boot();
}

static void tell_file(struct recorder *r, const char *path, const struct stat *st, const char *sha256, const char *why)
{
	struct sk_record_file *f =
	    sk_record_files_find(r->files, path); /* the table may have moved while it was hashed */

	if (f == NULL)
		return;
	tell(r, f, f->found ? "found" : "written", st->st_size, sha256, why);
	sk_record_files_told(r->files, f, st->st_size, mtime_of(st));
}

/* True: done with it (told, or gone). False: not yet. */
static bool hash_one(struct recorder *r, struct sk_record_file *f)
{
	char hex[SK_SHA256_HEX], path[SK_TREE_PATH];
	struct stat before, after;
	const char *why;
	int fd;

	sk_text_copy(path, sizeof(path), f->path);
	fd = open_below(r, path);
	if (fd < 0 && errno == ENOENT && r->end == 0) { /* written and taken away again */
		tell(r, f, "removed", 0, NULL, "gone");
		sk_record_files_told(r->files, f, -1, -1);
		f->told = false;
		return true;
	}
	if (fd < 0 || fstat(fd, &before) < 0 || !S_ISREG(before.st_mode)) {
		if (fd >= 0)
			(void)close(fd);
		return false; /* gone or moved: the end tells */
	}
	if (r->end == 0 && sk_clock_wall() - mtime_of(&before) / 1000000 < SETTLED_MS &&
	    sk_clock_wall() >= mtime_of(&before) / 1000000) {
		(void)close(fd);
		return false;
	}
	why = hash_file(r, fd, hex);
	if (fstat(fd, &after) < 0)
		after = before;
	(void)close(fd);
	if (why == NULL && (after.st_size != before.st_size || mtime_of(&after) != mtime_of(&before))) {
		if (r->end == 0)
			return false; /* written to meanwhile: again later */
		why = "changing";
	}
	tell_file(r, path, &after, why == NULL ? hex : NULL, why);
	return true;
}

/* One that is ready to be hashed; true = there was one. */
static bool hash_some(struct recorder *r)
{
	struct sk_record_file *f;

	while ((f = sk_record_files_dirty(r->files, &r->cursor)) != NULL)
		if (hash_one(r, f))
			return true;
	r->cursor = 0;
	return false;
}

/* ---- the tree ---- */

static int note_known(void *arg, const struct sk_tree_entry *e)
{
	struct recorder *r = arg;

	return S_ISREG(e->st.st_mode) ? sk_record_files_known(r->files, e->path, e->st.st_size, mtime_of(&e->st)) : 0;
}

static int note_swept(void *arg, const struct sk_tree_entry *e)
{
	struct recorder *r = arg;

	return S_ISREG(e->st.st_mode) ? sk_record_files_swept(r->files, e->path, e->st.st_size, mtime_of(&e->st)) : 0;
}

static void finish(struct recorder *r)
{
	struct sk_record_file *f;
	size_t at = 0;
	int rc;

	r->end = sk_clock_boot() + FINISH_MS;
	while (take_events(r))
		;
	if (r->overflows > 0)
		sk_record_out_gap(&r->out, "overflow", r->overflows);
	/* Pulled out, some file systems show empty folders instead of an error: nothing was removed then. */
	rc = access(r->node, F_OK) < 0 ? -EIO : sk_tree_walk(r->root, note_swept, r);
	if (rc < 0)
		lost(r, rc == -E2BIG ? "too-many" : "unreadable");
	while ((f = sk_record_files_dirty(r->files, &at)) != NULL)
		if (rc == 0 && f->seen && !hash_one(r, f))
			f->seen = false;
	for (at = 0; (f = sk_record_files_gone(r->files, &at)) != NULL;)
		if (rc == 0 || f->dirty)
			tell(r, f, rc == 0 ? "removed" : "written", f->size < 0 ? 0 : f->size, NULL,
			     rc == 0 ? "gone" : "unreadable");
	sk_record_out_end(&r->out);
}

/* ---- the course of it ---- */

static int count(void *arg, const struct sk_mount *m)
{
	struct recorder *r = arg;

	return m->major == r->ma && m->minor == r->mi ? 1 : 0;
}

/* Is the person's mount there? */
static bool still_mounted(struct recorder *r)
{
	bool there = sk_mount_each("/proc/self/mountinfo", count, r) == 1;

	r->mounted = r->mounted || there;
	return there || (!r->mounted && sk_clock_boot() < r->begun + FIRST_MS);
}

static int wait_ms(const struct recorder *r)
{
	if (sk_record_files_dirty_count(r->files) > 0 || r->told != 0)
		return 500;
	return r->mounted ? -1 : 1000;
}

static void record(struct recorder *r)
{
	struct pollfd p[2] = {{.fd = r->mounts, .events = POLLPRI}, {.fd = r->watched ? r->fan : -1, .events = POLLIN}};
	sk_ms now;

	sk_record_out_ready(&r->out);
	while (!r->out.failed && still_mounted(r)) {
		(void)poll(p, 2, wait_ms(r));
		(void)take_events(r);
		now = sk_clock_boot();
		if (now - r->event >= QUIET_MS)
			while (hash_some(r) && poll(p, 2, 0) == 0)
				;
		if (r->told != 0 && now - r->told >= BATCH_MS) {
			sk_record_out_flush(&r->out);
			r->told = 0;
		}
	}
	finish(r);
}

/* ---- setting up, while there are rights ---- */

static int drop_rights(const char *folder)
{
	struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct caps[2];
	struct rlimit none = {0, 0};

	(void)memset(caps, 0, sizeof(caps));
	caps[0].effective = caps[0].permitted =
	    1u << CAP_DAC_READ_SEARCH; /* to read what it hashes, and folders by handle */
	if (chown(folder, NOBODY, NOBODY) < 0 || setgroups(0, NULL) < 0 || prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) < 0 ||
	    setresgid(NOBODY, NOBODY, NOBODY) < 0 || setresuid(NOBODY, NOBODY, NOBODY) < 0 ||
	    syscall(SYS_capset, &head, caps) < 0 || setrlimit(RLIMIT_CORE, &none) < 0 ||
	    setrlimit(RLIMIT_NPROC, &none) < 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
	    prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0)
		return -errno;
	return 0;
}

static int open_medium(const char *node, dev_t dev, const struct passwd *pw)
{
	struct sk_volume_plan plan = {0};
	struct sk_volume v;
	struct stat st;
	int fd, r;

	if (strncmp(node, "/dev/", 5) != 0 || strstr(node, "..") != NULL)
		return -EINVAL;
	fd = open(node, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd < 0)
		return -errno;
	(void)memset(&v, 0, sizeof(v));
	r = fstat(fd, &st) < 0 || !S_ISBLK(st.st_mode) || st.st_rdev != dev ? -ENODEV : sk_volume_probe(fd, &v);
	(void)close(fd);
	if (r == 0)
		r = sk_volume_plan(v.type, pw->pw_uid, pw->pw_gid, false, &plan);
	if (r < 0)
		return r;
	return plan.ro ? -EROFS : sk_volume_open_hidden(node, dev, &plan);
}

/* A file system without file handles cannot be watched: the sweep alone finds what was written, and nobody is named. */
static bool watch(struct recorder *r)
{
	char path[64];

	r->fan =
	    fanotify_init(FAN_CLASS_NOTIF | FAN_CLOEXEC | FAN_NONBLOCK | FAN_REPORT_DFID_NAME, O_RDONLY | O_CLOEXEC);
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", r->root);
	return r->fan >= 0 && fanotify_mark(r->fan, FAN_MARK_ADD | FAN_MARK_FILESYSTEM, FAN_CLOSE_WRITE | FAN_MOVED_TO,
	                                    AT_FDCWD, path) == 0;
}

static int set_up(struct recorder *r, char **argv)
{
	const struct passwd *pw = getpwnam(argv[3]);
	int folder = open(argv[4], O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW), rc;

	if (pw == NULL || folder < 0)
		return -ENOENT;
	r->root = open_medium(argv[1], makedev(r->ma, r->mi), pw);
	if (r->root < 0)
		return r->root;
	r->watched = watch(r);
	r->mounts = open("/proc/self/mountinfo", O_RDONLY | O_CLOEXEC);
	r->files = sk_record_files_new();
	if (r->mounts < 0 || r->files == NULL)
		return -ENOMEM;
	rc = sk_record_out_init(&r->out, folder);
	if (rc == 0)
		rc = drop_rights(argv[4]);
	if (rc < 0)
		return rc;
	if (!r->watched)
		lost(r, "not-watched");
	rc = sk_tree_walk(r->root, note_known, r);
	if (rc < 0)
		lost(r, rc == -E2BIG ? "too-many" : "unreadable"); /* what was there counts as written */
	return 0;
}

int main(int argc, char **argv)
{
	struct recorder r = {.fan = -1, .begun = sk_clock_boot()};
	int end = 0, rc;

	(void)umask(077);
	if (argc != 5 || sscanf(argv[2], "%4u:%7u%n", &r.ma, &r.mi, &end) != 2 || argv[2][end] != '\0') {
		(void)fprintf(stderr, "usage: sekimori-recorder NODE MAJOR:MINOR PERSON FOLDER\n");
		return 64;
	}
	r.node = argv[1];
	rc = set_up(&r, argv);
	if (rc < 0) {
		(void)printf("{\"error\":\"%s\"}\n", strerror(-rc));
		return rc == -EROFS || rc == -EACCES ? 2 : 1;
	}
	record(&r);
	rc = r.out.failed ? 1 : 0;
	sk_record_out_deinit(&r.out);
	sk_record_files_free(r.files);
	return rc;
}
