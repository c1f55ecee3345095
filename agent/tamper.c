/* This run's note in the journal's file, /proc, dpkg's own list, and links of systemd. */
#include "agent/tamper.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/file.h"
#include "common/hash.h"
#include "common/json.h"
#include "common/log.h"
#include "common/text.h"
#include "platform/child.h"
#include "policy/tamper.h"

#define NAME        "agent.run"
#define PROGRAM     "/proc/self/exe"
#define VERIFY_MS   (24 * 3600 * 1000LL)
#define FILES_MAX   32
#define PROGRAM_MAX (64 << 20)

struct sk_tamper {
	struct sk_run run;
	long tracer; /* last one recorded; 0 = none */
	sk_ms verified; /* CLOCK_BOOTTIME; 0 = not yet */
	struct sk_child *verify;
	char files[SK_SHA256_HEX]; /* what was last told of them */
};

/* The file that was started, also when another one has taken its name since; a link that is followed by intent. */
static void program_hash(char out[SK_SHA256_HEX])
{
	int fd = open(PROGRAM, O_RDONLY | O_CLOEXEC);
	char chunk[65536];
	struct sk_buf file;
	ssize_t n = -1;

	out[0] = '\0';
	sk_buf_init(&file, PROGRAM_MAX);
	while (fd >= 0 && (n = read(fd, chunk, sizeof chunk)) > 0)
		sk_buf_add(&file, chunk, (size_t)n);
	if (n == 0 && sk_buf_error(&file) == 0)
		sk_sha256_hex(file.data, file.len, out);
	sk_buf_deinit(&file);
	if (fd >= 0)
		close(fd);
}

static int note(struct sk_daemon *d, bool clean)
{
	json_t *o;
	char *text;
	int r;

	d->tamper->run.clean = clean;
	o = sk_run_json(&d->tamper->run);
	text = o ? sk_json_text(o) : NULL;
	r = text ? sk_journal_meta_set(d->journal, NAME, text) : -ENOMEM;
	free(text);
	json_decref(o);
	return r;
}

/* --- at the start --- */

static void tell(struct sk_daemon *d, unsigned found, const struct sk_run *before)
{
	static const struct {
		unsigned bit;
		const char *kind;
	} kinds[] = {
	    {SK_TAMPER_UNCLEAN, "agent.unclean"},       {SK_TAMPER_POWER, "agent.unclean"},
	    {SK_TAMPER_DOWNGRADED, "agent.downgraded"}, {SK_TAMPER_UPGRADED, "agent.upgraded"},
	    {SK_TAMPER_REPLACED, "agent.replaced"},
	};

	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
		if (found & kinds[i].bit)
			sk_daemon_record_new(d, kinds[i].kind,
			                     json_pack("{s:s, s:s, s:s, s:s, s:b}", "from", before->version, "to",
			                               d->tamper->run.version, "program_before", before->program,
			                               "program", d->tamper->run.program, "same_boot",
			                               strcmp(before->boot, d->tamper->run.boot) == 0));
}

int sk_tamper_start(struct sk_daemon *d)
{
	struct sk_run before, *now;
	struct sk_buf text;
	bool known;

	d->tamper = calloc(1, sizeof *d->tamper);
	if (!d->tamper)
		return -ENOMEM;
	now = &d->tamper->run;
	sk_text_copy(now->version, sizeof now->version, SK_VERSION);
	if (sk_file_attr("/proc/sys/kernel/random/boot_id", now->boot, sizeof now->boot) < 0)
		now->boot[0] = '\0';
	program_hash(now->program);
	sk_buf_init(&text, 1024);
	known = sk_journal_meta_get(d->journal, NAME, &text) == 0 && sk_run_parse(text.data, text.len, &before) == 0;
	sk_buf_deinit(&text);
	if (known)
		tell(d, sk_tamper_judge(&before, now), &before);
	(void)note(d, false);
	sk_tamper_look(d);
	return 0;
}

void sk_tamper_stop(struct sk_daemon *d)
{
	if (!d->tamper)
		return;
	if (d->journal)
		(void)note(d, true);
	sk_child_cancel(d->tamper->verify);
	free(d->tamper);
	d->tamper = NULL;
}

const char *sk_tamper_program(const struct sk_daemon *d)
{
	return d->tamper ? d->tamper->run.program : "";
}

/* --- while it runs --- */

static long tracer(void)
{
	const char *at;
	struct sk_buf text;
	long pid = 0;

	sk_buf_init(&text, 65536);
	if (sk_file_read("/proc/self/status", &text, NULL) == 0 && (at = strstr(text.data, "\nTracerPid:")) != NULL)
		pid = strtol(at + 11, NULL, 10);
	sk_buf_deinit(&text);
	return pid;
}

void sk_tamper_look(struct sk_daemon *d)
{
	char path[64], name[64] = "";
	long pid;

	if (!d->tamper)
		return;
	pid = tracer();
	if (pid > 0 && pid != d->tamper->tracer) {
		snprintf(path, sizeof path, "/proc/%ld/comm", pid);
		(void)sk_file_attr(path, name, sizeof name);
		sk_log(SK_LOG_ERR, "process %ld (%s) traces the agent", pid, name);
		d->tamper->tracer = pid; /* before the record: it asks again */
		sk_daemon_record_new(d, "agent.traced", json_pack("{s:I, s:s}", "pid", (json_int_t)pid, "name", name));
	}
	d->tamper->tracer = pid;
}

/* Manuals and the like are left out on many installations, and change nothing. */
static bool matters(const char *line, const char *path)
{
	return strncmp(path, "/usr/share/man", 14) != 0 && strncmp(path, "/usr/share/doc", 14) != 0 &&
	       !(path - line >= 2 && path[-2] == 'c' && path[-1] == ' ');
}

/* "??5??????   /usr/lib/sekimori/x": what dpkg finds changed, without the configuration ("c"), which is the administrator's. */
static json_t *changed_files(char *output)
{
	json_t *list = json_array();
	char *save = NULL;

	for (char *line = strtok_r(output, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		char *path = strchr(line, '/'), safe[256];

		if (!path || json_array_size(list) >= FILES_MAX || !matters(line, path))
			continue;
		sk_text_printable(safe, sizeof safe, path, strlen(path));
		json_array_append_new(list, json_string(safe));
	}
	return list;
}

static void on_verified(void *arg, int status, const char *output, size_t len)
{
	struct sk_daemon *d = arg;
	char *copy = strndup(output, len), hash[SK_SHA256_HEX];
	json_t *files;

	(void)status; /* not 0 also when something is changed */
	d->tamper->verify = NULL;
	sk_sha256_hex(output, len, hash);
	files = copy ? changed_files(copy) : NULL;
	if (json_array_size(files) > 0 && strcmp(hash, d->tamper->files) != 0)
		sk_daemon_record_new(d, "agent.files-changed", json_pack("{s:O}", "files", files));
	memcpy(d->tamper->files, hash, sizeof hash);
	json_decref(files);
	free(copy);
}

static void verify_files(struct sk_daemon *d)
{
	static const char *const argv[] = {"/usr/bin/nice",  "-n", "19", "/usr/bin/dpkg", "--verify",
	                                   "sekimori-agent", NULL};
	sk_ms now = sk_clock_boot();

	if (d->config.sysfs[0] || d->tamper->verify || (d->tamper->verified && now - d->tamper->verified < VERIFY_MS))
		return;
	d->tamper->verified = now ? now : 1;
	(void)sk_child_start(d->loop, argv, 120000, on_verified, d, &d->tamper->verify);
}

/* Started with the system, and not masked: a link, put back when it is gone. 1 = it was. */
static int put_link(const char *root, const char *unit)
{
	char link[PATH_MAX], folder[PATH_MAX], mask[PATH_MAX], file[PATH_MAX], to[PATH_MAX];
	int changed = 0;
	ssize_t n;

	snprintf(file, sizeof file, "/lib/systemd/system/%s", unit);
	snprintf(folder, sizeof folder, "%s%s", root, file);
	if (access(folder, F_OK) < 0)
		return 0; /* not installed as a package */
	snprintf(mask, sizeof mask, "%s/etc/systemd/system/%s", root, unit);
	n = readlink(mask, to, sizeof to - 1);
	if (n > 0) {
		to[n] = '\0';
		if (strcmp(to, "/dev/null") == 0 && unlink(mask) == 0)
			changed = 1;
	}
	snprintf(folder, sizeof folder, "%s/etc/systemd/system/sysinit.target.wants", root);
	snprintf(link, sizeof link, "%.2000s/%s", folder, unit);
	if (faccessat(AT_FDCWD, link, F_OK, AT_SYMLINK_NOFOLLOW) < 0 && errno == ENOENT) {
		(void)sk_mkdir_p(folder, 0755);
		if (symlink(file, link) == 0)
			changed = 1;
	}
	return changed;
}

void sk_tamper_put_back(struct sk_daemon *d)
{
	static const char *const units[] = {"sekimorid.service", "sekimori-isolation.service"};
	json_t *files = json_array();

	for (size_t i = 0; i < sizeof units / sizeof *units; i++)
		if (put_link(d->config.sysfs, units[i]) > 0)
			json_array_append_new(files, json_string(units[i]));
	if (json_array_size(files) > 0) {
		sk_log(SK_LOG_WARNING, "the agent's start with the system was taken away; it is put back");
		sk_daemon_record_new(d, "settings.put-back", json_pack("{s:s, s:O}", "check", "agent", "files", files));
	}
	json_decref(files);
}

void sk_tamper_tend(struct sk_daemon *d)
{
	if (!d->tamper)
		return;
	sk_tamper_look(d);
	sk_tamper_put_back(d);
	verify_files(d);
}
