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

static int read_superblock(int fd, struct sk_volume *v)
{
	blkid_probe p = blkid_new_probe();
	int r;

	if (p == NULL || blkid_probe_set_device(p, fd, 0, 0) != 0)
		return -EIO;
	(void)blkid_probe_enable_superblocks(p, 1);
	(void)blkid_probe_set_superblocks_flags(p, BLKID_SUBLKS_TYPE | BLKID_SUBLKS_LABEL | BLKID_SUBLKS_UUID);
	(void)blkid_probe_enable_partitions(p, 0);
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

struct probe_answer {
	int result;
	struct sk_volume volume;
};

static void probe_child(int fd, int out)
{
	struct probe_answer a;
	ssize_t n;

	(void)memset(&a, 0, sizeof(a));
	a.result = read_superblock(fd, &a.volume);
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
	/* Less than a pipe holds at once, so it comes whole or not at all. */
	if (r < 0 || read(in, a, sizeof(*a)) != (ssize_t)sizeof(*a))
		return -EIO;
	a->volume.type[sizeof(a->volume.type) - 1] = '\0';
	a->volume.label[sizeof(a->volume.label) - 1] = '\0';
	a->volume.uuid[sizeof(a->volume.uuid) - 1] = '\0';
	return a->result;
}

int sk_volume_probe(int fd, struct sk_volume *out)
{
	struct probe_answer a;
	int p[2], r, status;
	pid_t pid;

	if (pipe(p) < 0)
		return -errno;
	pid = fork();
	if (pid == 0) {
		(void)close(p[0]);
		probe_child(fd, p[1]);
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
		*out = a.volume;
	return r;
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
