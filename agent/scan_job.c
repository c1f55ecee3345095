#include "agent/scan_job.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/text.h"
#include "platform/clamd.h"
#include "platform/probe.h"
#include "platform/tree.h"

#define SILENCE_MS     60000 /* a large archive takes long, and clamd says nothing meanwhile */
#define NAME_MAX_SHOWN 256 /* 32 of them fit into one event */
#define STOP           1

struct run {
	const struct sk_scan_job *job;
	sk_ms started, deadline, told;
	int64_t files, bytes, special, found_total, unscanned_total;
	json_t *found, *unscanned;
	const char *reason; /* why it was broken off; NULL = it was not */
};

json_t *sk_scan_undone(const char *reason, const char *detail)
{
	return json_pack("{s:s,s:s,s:s?}", "result", sk_scan_result_name(SK_SCAN_IS_UNDONE), "reason", reason, "detail",
	                 detail);
}

static void tell(struct run *r, bool now)
{
	char text[64];
	sk_ms t = sk_clock_boot();
	int n;

	if (r->job->progress < 0 || (!now && t < r->told + 500))
		return;
	r->told = t;
	n = snprintf(text, sizeof(text), "%020lld %020lld\n", (long long)r->files, (long long)r->bytes);
	if (pwrite(r->job->progress, text, (size_t)n, 0) < 0)
		r->told = t + 60000; /* nobody can be told; the scan goes on */
}

static void on_sent(void *arg, size_t n)
{
	struct run *r = arg;

	r->bytes += (int64_t)n;
	tell(r, false);
}

static void list(json_t *to, const char *path, const char *name, const char *value)
{
	char shown[NAME_MAX_SHOWN];

	if (json_array_size(to) >= SK_SCAN_LISTED)
		return;
	(void)sk_text_escape(shown, sizeof(shown), path, strlen(path));
	(void)json_array_append_new(to, json_pack("{s:s,s:s}", "file", shown, name, value));
}

static int unscanned(struct run *r, const char *path, const char *reason)
{
	r->unscanned_total++;
	list(r->unscanned, path, "reason", reason);
	return 0;
}

static int broken_off(struct run *r, const char *reason)
{
	r->reason = reason;
	return STOP;
}

static int judge(struct run *r, const char *path, const char *answer, size_t len)
{
	char signature[256];

	switch (sk_scan_answer(answer, len, signature, sizeof(signature))) {
	case SK_SCAN_CLEAN:
		return 0;
	case SK_SCAN_FOUND:
		r->found_total++;
		list(r->found, path, "signature", signature);
		return 0;
	case SK_SCAN_BEYOND:
		return unscanned(r, path, "scanner-limit");
	case SK_SCAN_ENCRYPTED:
		return unscanned(r, path, "encrypted");
	case SK_SCAN_ERROR:
		return broken_off(r, "scanner-error");
	default:
		return broken_off(r, "garbage");
	}
}

static int scan_file(struct run *r, const struct sk_tree_entry *e, int fd)
{
	char answer[SK_CLAMD_ANSWER_MAX];
	struct sk_clamd_file f = {.socket = r->job->socket,
	                          .fd = fd,
	                          .limit = r->job->file_limit,
	                          .deadline = r->deadline,
	                          .silence = SILENCE_MS,
	                          .sent = on_sent,
	                          .arg = r};
	size_t len = 0;

	switch (sk_clamd_scan(&f, answer, &len)) {
	case SK_CLAMD_ANSWERED:
		return judge(r, e->path, answer, len);
	case SK_CLAMD_ABSENT:
		return broken_off(r, r->files > 1 ? "died" : "absent");
	case SK_CLAMD_SILENT:
		return broken_off(r, "silent");
	case SK_CLAMD_DIED:
		return broken_off(r, "died");
	case SK_CLAMD_LATE:
		return broken_off(r, "time-limit");
	case SK_CLAMD_UNREADABLE:
		return broken_off(r, "unreadable");
	default:
		return unscanned(r, e->path, "file-limit");
	}
}

static int visit(void *arg, const struct sk_tree_entry *e)
{
	struct run *r = arg;
	int fd, rc;

	if (!S_ISREG(e->st.st_mode)) {
		r->special++; /* symlinks, pipes, devices: nobody can use them on a medium mounted nodev */
		return 0;
	}
	r->files++;
	tell(r, false);
	if (sk_clock_boot() >= r->deadline)
		return broken_off(r, "time-limit");
	if (e->st.st_size > r->job->file_limit)
		return unscanned(r, e->path, "file-limit");
	if (r->bytes + (int64_t)e->st.st_size > r->job->total_limit)
		return broken_off(r, "total-limit");
	fd = sk_tree_open(e);
	if (fd < 0)
		return broken_off(r, "unreadable");
	rc = scan_file(r, e, fd);
	(void)close(fd);
	return rc;
}

/* Does it find anything at all? A scanner without signatures calls everything clean. */
static const char *self_test(const struct sk_scan_job *job, json_t *facts)
{
	int limit = job->time_limit_ms > SILENCE_MS ? SILENCE_MS : (int)job->time_limit_ms;
	json_t *probed = sk_probe_antivirus(job->socket, limit);
	const json_t *resident = json_object_get(probed, "resident");
	const char *test = json_string_value(json_object_get(probed, "self_test"));
	const char *why = json_is_true(resident) ? NULL : json_is_false(resident) ? "absent" : "silent";

	if (why == NULL && (test == NULL || strcmp(test, "found") != 0))
		why = test != NULL && strcmp(test, "missed") == 0 ? "blind" : "silent";
	(void)json_object_set(facts, "engine", json_object_get(probed, "version"));
	(void)json_object_set(facts, "signatures", json_object_get(probed, "signatures_version"));
	json_decref(probed);
	return why;
}

static enum sk_scan_result result_of(const struct run *r)
{
	if (r->found_total > 0)
		return SK_SCAN_IS_INFECTED;
	if (r->reason != NULL)
		return SK_SCAN_IS_UNDONE;
	return r->unscanned_total > 0 ? SK_SCAN_IS_PARTLY : SK_SCAN_IS_CLEAN;
}

static json_t *report(const struct run *r, json_t *facts)
{
	enum sk_scan_result result = result_of(r);
	const char *reason = r->reason;
	json_t *a;

	if (reason == NULL && result == SK_SCAN_IS_PARTLY)
		reason = json_string_value(json_object_get(json_array_get(r->unscanned, 0), "reason"));
	a = json_pack("{s:s,s:s?,s:I,s:I,s:I,s:O,s:I,s:O,s:I,s:I}", "result", sk_scan_result_name(result), "reason",
	              reason, "files", (json_int_t)r->files, "bytes", (json_int_t)r->bytes, "special",
	              (json_int_t)r->special, "found", r->found, "found_total", (json_int_t)r->found_total, "unscanned",
	              r->unscanned, "unscanned_total", (json_int_t)r->unscanned_total, "seconds",
	              (json_int_t)((sk_clock_boot() - r->started + 500) / 1000));
	if (a != NULL)
		(void)json_object_update(a, facts);
	return a;
}

json_t *sk_scan_run(const struct sk_scan_job *job)
{
	struct run r = {.job = job, .found = json_array(), .unscanned = json_array()};
	json_t *facts = json_object(), *a = NULL;
	int rc;

	r.started = sk_clock_boot();
	r.deadline = r.started + job->time_limit_ms;
	if (r.found != NULL && r.unscanned != NULL && facts != NULL) {
		tell(&r, true);
		r.reason = self_test(job, facts);
		rc = r.reason == NULL ? sk_tree_walk(job->root, visit, &r) : 0;
		if (rc < 0)
			r.reason = rc == -E2BIG ? "too-many" : "unreadable";
		tell(&r, true);
		a = report(&r, facts);
	}
	json_decref(r.found);
	json_decref(r.unscanned);
	json_decref(facts);
	return a;
}
