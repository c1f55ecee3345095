#include "agent/medium_scan.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "agent/medium_impl.h"
#include "common/file.h"
#include "common/i18n.h"
#include "common/json.h"
#include "common/text.h"

#define SCAN_PROGRAM SK_LIBEXEC "/sekimori-scan"
#define GRACE_MS     15000 /* mounting, and its own way to the limit */
#define TOLD_MS      30000
#define LOOK_US      5000000

/* Of an open container what is inside is scanned. */
static unsigned scanned_major(const struct sk_node *n)
{
	return n->box.open ? n->box.major : n->b.major;
}

static unsigned scanned_minor(const struct sk_node *n)
{
	return n->box.open ? n->box.minor : n->b.minor;
}

static void progress(const struct sk_node *n, long long *files, long long *bytes)
{
	char path[128], text[64];

	*files = *bytes = 0;
	(void)snprintf(path, sizeof(path), SK_SCAN_PROGRESS "/%u:%u", scanned_major(n), scanned_minor(n));
	if (sk_file_attr(path, text, sizeof(text)) <= 0 || sscanf(text, "%20lld %20lld", files, bytes) != 2 ||
	    *files < 0 || *bytes < 0)
		*files = *bytes = 0;
}

static const char *state_word(const struct sk_node *n)
{
	static const char *const words[] = {"waiting", "running", "clean", "partly", "not-scanned"};

	return strcmp(n->scan.reason, "infected") == 0 ? "infected" : words[n->scan.step];
}

void sk_node_scan_json(const struct sk_node *n, json_t *o)
{
	long long files, bytes;
	json_t *scan;

	if (n->scan.step == SK_SCAN_NOT_YET)
		return;
	scan = json_pack("{s:s}", "state", state_word(n));
	if (scan == NULL)
		return;
	if (n->scan.reason[0] != '\0')
		(void)json_object_set_new(scan, "reason", json_string(n->scan.reason));
	if (n->scan.step == SK_SCAN_RUNS) {
		progress(n, &files, &bytes);
		(void)json_object_set_new(scan, "files", json_integer(files));
		(void)json_object_set_new(scan, "bytes", json_integer(bytes));
		(void)json_object_set_new(scan, "total", json_integer((json_int_t)n->b.bytes));
	}
	(void)json_object_set_new(o, "scan", scan);
}

static void forget_run(struct sk_node *n)
{
	n->scan.timer = sd_event_source_disable_unref(n->scan.timer);
}

void sk_node_scan_reset(struct sk_node *n)
{
	forget_run(n);
	(void)memset(&n->scan, 0, sizeof(n->scan));
}

/* ---- its end ---- */

static void stop(struct sk_node *n, const char *reason)
{
	forget_run(n);
	n->scan.step = SK_SCAN_STOPPED;
	sk_text_copy(n->scan.reason, sizeof(n->scan.reason), reason);
	n->failed = true;
}

static void say_undone(struct sk_node *n, const char *reason, json_t *facts)
{
	json_t *body = sk_node_event(n);

	stop(n, reason);
	if (body != NULL && facts != NULL)
		(void)json_object_update(body, facts);
	if (body != NULL) {
		(void)json_object_del(body, "result");
		(void)json_object_set_new(body, "reason", json_string(reason));
		(void)json_object_set_new(body, "why", json_string(sk_scan_why(reason)));
	}
	sk_medium_report(n->m, "medium.not-scanned", body, true);
}

void sk_node_scan_cancel(struct sk_node *n, const char *reason)
{
	if (n->scan.step != SK_SCAN_RUNS)
		return;
	n->m->env.sys->cancel(n->child);
	n->child = NULL;
	say_undone(n, reason, NULL);
	n->failed = false;
	sk_node_scan_reset(n);
}

static void infected(struct sk_node *n, json_t *facts)
{
	struct sk_medium *m = n->m;
	const json_t *first = json_array_get(json_object_get(facts, "found"), 0);
	json_t *body = sk_node_event(n);

	stop(n, "infected");
	if (body != NULL) {
		(void)json_object_update(body, facts);
		(void)json_object_del(body, "result");
		(void)json_object_set(body, "file", json_object_get(first, "file"));
		(void)json_object_set(body, "signature", json_object_get(first, "signature"));
	}
	sk_medium_report(m, "medium.infected", body, true);
	m->env.shut(m->env.gate, m->owner, m, N_("something malicious was found on the medium"));
}

/* Only members that a scan has, of their kind and size: the helper has read the medium. */
static bool sound(const json_t *a)
{
	static const char *const counts[] = {"files", "bytes", "special", "found_total", "unscanned_total", "seconds"};
	size_t i;

	for (i = 0; i < sizeof(counts) / sizeof(*counts); i++)
		if (!json_is_integer(json_object_get(a, counts[i])) ||
		    json_integer_value(json_object_get(a, counts[i])) < 0)
			return false;
	return json_is_array(json_object_get(a, "found")) && json_is_array(json_object_get(a, "unscanned"));
}

static void passed(struct sk_node *n, enum sk_scan_leave leave, enum sk_scan_result result, json_t *facts)
{
	json_t *body = sk_node_event(n);

	forget_run(n);
	n->scan.step = leave == SK_SCAN_OPEN ? SK_SCAN_PASSED : SK_SCAN_PASSED_RO;
	if (result == SK_SCAN_IS_PARTLY)
		sk_text_copy(n->scan.reason, sizeof(n->scan.reason),
		             json_string_value(json_object_get(facts, "reason")));
	if (body != NULL)
		(void)json_object_update(body, facts);
	sk_medium_report(n->m, "medium.scanned", body, false);
}

static void take_answer(struct sk_node *n, json_t *a)
{
	const struct sk_leave *l = sk_medium_leave_of(n->m, n->iface);
	const char *reason = json_string_value(json_object_get(a, "reason"));
	enum sk_scan_result result;
	enum sk_scan_leave leave;

	if (sk_scan_result_parse(json_string_value(json_object_get(a, "result")), &result) < 0 ||
	    (result != SK_SCAN_IS_UNDONE && !sound(a)) ||
	    (result != SK_SCAN_IS_CLEAN && result != SK_SCAN_IS_INFECTED && sk_scan_why(reason) == NULL)) {
		say_undone(n, "helper", NULL);
		return;
	}
	leave = sk_scan_leave(&l->scan, result);
	if (result == SK_SCAN_IS_INFECTED)
		infected(n, a);
	else if (leave == SK_SCAN_SHUT)
		say_undone(n, reason, a);
	else
		passed(n, leave, result, a);
}

static void on_scanned(void *arg, int status, const char *output, size_t len)
{
	struct sk_node *n = arg;
	struct sk_medium *m = n->m;
	json_t *a = NULL;

	n->child = NULL;
	if (status == 0 && sk_json_parse(output, len, SK_CHILD_OUTPUT_MAX, &a, NULL) == 0)
		take_answer(n, a);
	else
		say_undone(n, status == -ETIMEDOUT ? "time-limit" : "helper", NULL);
	json_decref(a);
	sk_node_drive(n);
	m->env.settled(m->env.gate, m->owner, m);
}

/* ---- its beginning ---- */

static json_t *scanning(const struct sk_node *n)
{
	json_t *body = sk_node_event(n);
	long long files, bytes;

	progress(n, &files, &bytes);
	if (body != NULL) {
		(void)json_object_set_new(body, "files", json_integer(files));
		(void)json_object_set_new(body, "bytes", json_integer(bytes));
		(void)json_object_set_new(body, "total", json_integer((json_int_t)n->b.bytes));
	}
	return body;
}

/* The person is told now and then that it goes on; the record says once that it began. */
static int on_look(sd_event_source *s, uint64_t usec, void *arg)
{
	struct sk_node *n = arg;
	struct sk_medium *m = n->m;
	json_t *body;

	(void)usec;
	(void)sd_event_source_set_time_relative(s, LOOK_US);
	(void)sd_event_source_set_enabled(s, SD_EVENT_ONESHOT);
	if (sk_clock_boot() < n->scan.told + TOLD_MS)
		return 0;
	n->scan.told = sk_clock_boot();
	body = m->env.notify != NULL ? scanning(n) : NULL;
	if (body != NULL)
		m->env.notify(m->env.gate, "medium.scanning", body);
	json_decref(body);
	return 0;
}

static void start(struct sk_node *n, const struct sk_leave *l)
{
	const struct sk_system *sys = n->m->env.sys;
	char node[SK_BLOCK_NAME + 8], dev[32], seconds[24], file[24], total[24];
	const char *argv[] = {SCAN_PROGRAM, node, dev, l->scan.socket, seconds, file, total, NULL};
	int r;

	(void)snprintf(node, sizeof(node), "%s%s", n->box.open ? "" : "/dev/", n->box.open ? n->box.node : n->b.name);
	(void)snprintf(dev, sizeof(dev), "%u:%u", scanned_major(n), scanned_minor(n));
	(void)snprintf(seconds, sizeof(seconds), "%lld", (long long)l->scan.time_limit_s);
	(void)snprintf(file, sizeof(file), "%lld", (long long)l->scan.file_limit);
	(void)snprintf(total, sizeof(total), "%lld", (long long)l->scan.total_limit);
	r = sys->start(n->m->env.loop, argv, (uint64_t)l->scan.time_limit_s * 1000 + GRACE_MS, on_scanned, n,
	               &n->child);
	if (r < 0) {
		say_undone(n, "helper", NULL);
		return;
	}
	n->scan.step = SK_SCAN_RUNS;
	n->scan.told = sk_clock_boot();
	sk_medium_report(n->m, "medium.scanning", scanning(n), true);
	if (sd_event_add_time_relative(n->m->env.loop, &n->scan.timer, CLOCK_BOOTTIME, LOOK_US, LOOK_US / 10, on_look,
	                               n) < 0)
		n->scan.timer = NULL; /* it is not told how far it is */
}

bool sk_node_scan_passed(struct sk_node *n, const struct sk_leave *l)
{
	if (!l->scan.before_use || n->scan.step == SK_SCAN_PASSED || n->scan.step == SK_SCAN_PASSED_RO)
		return true;
	if (n->scan.step == SK_SCAN_NOT_YET || n->scan.step == SK_SCAN_STOPPED)
		start(n, l);
	return false;
}

bool sk_node_scan_holds_ro(const struct sk_node *n, const struct sk_leave *l)
{
	return l->scan.before_use && n->scan.step != SK_SCAN_PASSED;
}
