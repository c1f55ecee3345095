/*
 * Probing: the medium's bytes are hostile and libblkid is large, so it runs in a forked child as nobody, with limits and a system call
 * filter, and hands back one fixed structure that is checked here. Mounting: kernel file systems, a short list of them.
 */
#include "platform/volume.h"

#include <blkid/blkid.h>
#include <errno.h>
#include <grp.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/text.h"

#define NOBODY   65534
#define PROBE_MS 10000
#define PROBE_AS (256UL << 20)

#if defined(__SANITIZE_ADDRESS__)
#define UNDER_ASAN 1
#elif defined(__has_feature)
#define UNDER_ASAN __has_feature(address_sanitizer)
#else
#define UNDER_ASAN 0
#endif

/* ---- probing ---- */

/* What reading a superblock takes, and nothing that opens, creates, connects or starts. Everything else fails with EPERM. */
static int filter_calls(void)
{
#define ALLOW(nr) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (nr), 0, 1), BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)
	struct sock_filter code[] = {
	    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
	    ALLOW(SYS_read),
	    ALLOW(SYS_pread64),
	    ALLOW(SYS_write),
	    ALLOW(SYS_lseek),
	    ALLOW(SYS_close),
	    ALLOW(SYS_fstat),
	    ALLOW(SYS_newfstatat),
	    ALLOW(SYS_ioctl),
	    ALLOW(SYS_fadvise64),
	    ALLOW(SYS_mmap),
	    ALLOW(SYS_munmap),
	    ALLOW(SYS_mremap),
	    ALLOW(SYS_madvise),
	    ALLOW(SYS_brk),
	    ALLOW(SYS_futex),
	    ALLOW(SYS_clock_gettime),
	    ALLOW(SYS_gettimeofday),
	    ALLOW(SYS_getpid),
	    ALLOW(SYS_gettid),
	    ALLOW(SYS_getrandom),
	    ALLOW(SYS_rt_sigreturn),
	    ALLOW(SYS_rt_sigprocmask),
	    ALLOW(SYS_sigaltstack),
	    ALLOW(SYS_sched_yield),
	    ALLOW(SYS_exit),
	    ALLOW(SYS_exit_group),
	    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (EPERM & SECCOMP_RET_DATA)),
	};
#undef ALLOW
	struct sock_fprog prog = {sizeof(code) / sizeof(code[0]), code};

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return -errno;
	return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog) < 0 ? -errno : 0;
}

static int drop_rights(void)
{
	struct rlimit none = {0, 0}, cpu = {5, 5}, memory = {PROBE_AS, PROBE_AS};

	if (geteuid() == 0 &&
	    (setgroups(0, NULL) < 0 || setresgid(NOBODY, NOBODY, NOBODY) < 0 || setresuid(NOBODY, NOBODY, NOBODY) < 0))
		return -errno;
	if (setrlimit(RLIMIT_FSIZE, &none) < 0 || setrlimit(RLIMIT_CORE, &none) < 0 ||
	    setrlimit(RLIMIT_NPROC, &none) < 0 || setrlimit(RLIMIT_CPU, &cpu) < 0)
		return -errno;
#if !UNDER_ASAN /* its shadow takes more address space than any limit */
	if (setrlimit(RLIMIT_AS, &memory) < 0)
		return -errno;
#else
	(void)memory;
#endif
	return prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0 ? -errno : 0;
}

static void value(blkid_probe p, const char *name, char *out, size_t size)
{
	const char *data = NULL;
	size_t len = 0;

	if (blkid_probe_lookup_value(p, name, &data, &len) == 0 && data != NULL)
		sk_text_copy(out, size, data);
}

static blkid_probe superblocks(int fd, uint64_t start, uint64_t bytes)
{
	blkid_probe p = blkid_new_probe();

	if (p == NULL || blkid_probe_set_device(p, fd, (blkid_loff_t)start, (blkid_loff_t)bytes) != 0) {
		blkid_free_probe(p);
		return NULL;
	}
	(void)blkid_probe_enable_superblocks(p, 1);
	(void)blkid_probe_set_superblocks_flags(p, BLKID_SUBLKS_TYPE | BLKID_SUBLKS_LABEL | BLKID_SUBLKS_UUID);
	(void)blkid_probe_enable_partitions(p, 0);
	return p;
}

static int read_superblock(int fd, void *answer)
{
	blkid_probe p = superblocks(fd, 0, 0);
	struct sk_volume *v = answer;
	int r;

	if (p == NULL)
		return -EIO;
	r = drop_rights();
	if (r == 0)
		r = filter_calls();
	if (r < 0)
		return r;
	r = blkid_do_safeprobe(p);
	if (r == 0) {
		value(p, "TYPE", v->type, sizeof(v->type));
		value(p, "LABEL", v->label, sizeof(v->label));
		value(p, "UUID", v->uuid, sizeof(v->uuid));
	}
	return r == -2 ? -EUCLEAN : r < 0 ? -EIO : 0;
}

/* ---- all volumes of a medium ---- */

static int add_volume(int fd, uint64_t start, uint64_t bytes, bool table, struct sk_volumes *v)
{
	struct sk_volume_fact *f = &v->of[v->n];
	blkid_probe p;
	int r;

	if (v->n == SK_VOLUMES_MAX)
		return -E2BIG;
	p = superblocks(fd, start, bytes);
	r = p == NULL ? -1 : blkid_do_safeprobe(p);
	(void)memset(f, 0, sizeof(*f));
	f->start = start;
	f->bytes = bytes;
	if (r == 0) {
		value(p, "TYPE", f->type, sizeof(f->type));
		value(p, "UUID", f->uuid, sizeof(f->uuid));
	}
	blkid_free_probe(p);
	v->n += table || r == 0;
	return r == -2 ? -EUCLEAN : r < 0 ? -EIO : 0;
}

static int add_partitions(blkid_probe p, int fd, struct sk_volumes *v)
{
	blkid_partlist list = blkid_probe_get_partitions(p);
	int n = list != NULL ? blkid_partlist_numof_partitions(list) : 0, r = 0;

	for (int i = 0; r == 0 && i < n; i++) {
		blkid_partition one = blkid_partlist_get_partition(list, i);

		/* An extended partition is where others lie; its size says all that counts. */
		if (one == NULL || blkid_partition_is_extended(one) || blkid_partition_get_size(one) <= 0)
			continue;
		r = add_volume(fd, (uint64_t)blkid_partition_get_start(one) * 512,
		               (uint64_t)blkid_partition_get_size(one) * 512, true, v);
	}
	return r;
}

static int read_volumes(int fd, void *answer)
{
	blkid_probe p = blkid_new_probe();
	struct sk_volumes *v = answer;
	int r;

	if (p == NULL || blkid_probe_set_device(p, fd, 0, 0) != 0)
		return -EIO;
	(void)blkid_probe_enable_superblocks(p, 0);
	(void)blkid_probe_enable_partitions(p, 1);
	v->bytes = (uint64_t)blkid_probe_get_size(p);
	r = drop_rights();
	if (r == 0)
		r = filter_calls();
	if (r == 0)
		r = add_volume(fd, 0, v->bytes, false, v);
	return r < 0 ? r : add_partitions(p, fd, v);
}

/* ---- the child ---- */

union probe_facts {
	struct sk_volume volume;
	struct sk_volumes volumes;
};

struct probe_answer {
	int result;
	union probe_facts facts;
};

/* One write, which a pipe takes whole. */
_Static_assert(sizeof(struct probe_answer) <= 4096, "longer than PIPE_BUF");

static void probe_child(int fd, int out, int (*read_facts)(int fd, void *answer))
{
	struct probe_answer a;
	ssize_t n;

	(void)memset(&a, 0, sizeof(a));
	a.result = read_facts(fd, &a.facts);
	n = write(out, &a, sizeof(a));
	_exit(n == (ssize_t)sizeof(a) ? 0 : 1);
}

static int take_answer(int in, struct probe_answer *a)
{
	struct pollfd p = {.fd = in, .events = POLLIN};
	int r;

	do
		r = poll(&p, 1, PROBE_MS);
	while (r < 0 && errno == EINTR);
	if (r == 0)
		return -ETIMEDOUT;
	if (r < 0 || read(in, a, sizeof(*a)) != (ssize_t)sizeof(*a))
		return -EIO;
	return a->result;
}

static int probe(int fd, int (*read_facts)(int fd, void *answer), union probe_facts *out)
{
	struct probe_answer a;
	int p[2], r, status;
	pid_t pid;

	if (pipe(p) < 0)
		return -errno;
	pid = fork();
	if (pid == 0) {
		(void)close(p[0]);
		probe_child(fd, p[1], read_facts);
	}
	(void)close(p[1]);
	r = pid < 0 ? -EAGAIN : take_answer(p[0], &a);
	(void)close(p[0]);
	if (pid > 0) {
		(void)kill(pid, SIGKILL);
		while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
			;
	}
	if (r == 0)
		*out = a.facts;
	return r;
}

int sk_volume_probe(int fd, struct sk_volume *out)
{
	union probe_facts a;
	int r = probe(fd, read_superblock, &a);

	if (r < 0)
		return r;
	a.volume.type[sizeof(a.volume.type) - 1] = '\0';
	a.volume.label[sizeof(a.volume.label) - 1] = '\0';
	a.volume.uuid[sizeof(a.volume.uuid) - 1] = '\0';
	*out = a.volume;
	return 0;
}

int sk_volumes_probe(int fd, struct sk_volumes *out)
{
	union probe_facts a;
	int r;

	(void)memset(&a, 0, sizeof(a));
	r = probe(fd, read_volumes, &a);
	if (r < 0)
		return r;
	if (a.volumes.n > SK_VOLUMES_MAX)
		return -EIO;
	for (size_t i = 0; i < a.volumes.n; i++) {
		a.volumes.of[i].type[sizeof(a.volumes.of[0].type) - 1] = '\0';
		a.volumes.of[i].uuid[sizeof(a.volumes.of[0].uuid) - 1] = '\0';
	}
	*out = a.volumes;
	return 0;
}

/* ---- mounting ---- */

/* Owner options where the file system has no owners of its own: the person's, nobody else's. ext4 keeps its own; its superblock may ask
 * for a panic on errors, so that is set here. noload: a journal replay would write. */
int sk_volume_plan(const char *type, uid_t uid, gid_t gid, bool ro, struct sk_volume_plan *out)
{
	struct sk_volume_plan p = {.flags = MS_NODEV | MS_NOSUID | MS_NOEXEC, .ro = ro};
	unsigned u = uid, g = gid;

	if (strcmp(type, "vfat") == 0) {
		p.fstype = "vfat";
		(void)snprintf(p.data, sizeof(p.data), "uid=%u,gid=%u,fmask=0177,dmask=0077,shortname=mixed,utf8=1%s",
		               u, g, ro ? "" : ",flush");
	} else if (strcmp(type, "exfat") == 0) {
		p.fstype = "exfat";
		(void)snprintf(p.data, sizeof(p.data), "uid=%u,gid=%u,fmask=0177,dmask=0077,iocharset=utf8", u, g);
	} else if (strcmp(type, "ntfs") == 0) {
		p.fstype = "ntfs3";
		(void)snprintf(p.data, sizeof(p.data), "uid=%u,gid=%u,fmask=0177,dmask=0077,iocharset=utf8", u, g);
	} else if (strcmp(type, "ext4") == 0) {
		p.fstype = "ext4";
		(void)snprintf(p.data, sizeof(p.data), "errors=remount-ro%s", ro ? ",noload" : "");
	} else if (strcmp(type, "iso9660") == 0) {
		p.fstype = "iso9660";
		p.ro = true;
		(void)snprintf(p.data, sizeof(p.data), "uid=%u,gid=%u,mode=0400,dmode=0500,iocharset=utf8", u, g);
	} else if (strcmp(type, "udf") == 0) {
		p.fstype = "udf";
		p.ro = true;
		(void)snprintf(p.data, sizeof(p.data), "uid=%u,gid=%u,umask=0077,iocharset=utf8", u, g);
	} else {
		return -EPERM;
	}
	if (p.ro)
		p.flags |= MS_RDONLY;
	*out = p;
	return 0;
}

int sk_volume_mount(const char *node, const char *path, struct sk_volume_plan *plan)
{
	int e;

	if (mount(node, path, plan->fstype, plan->flags, plan->data) == 0)
		return 0;
	e = errno;
	/* A switch on the card says no, or Windows left the volume dirty. */
	if (plan->ro || !(e == EROFS || e == EACCES || (e == EINVAL && strcmp(plan->fstype, "ntfs3") == 0)))
		return -e;
	plan->ro = true;
	plan->flags |= MS_RDONLY;
	return mount(node, path, plan->fstype, plan->flags, plan->data) == 0 ? 0 : -errno;
}
