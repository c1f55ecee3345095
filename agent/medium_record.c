#include "agent/medium_record.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/medium_impl.h"
#include "agent/record_out.h"
#include "common/file.h"
#include "common/i18n.h"
#include "common/json.h"
#include "common/text.h"

#define RECORDER   SK_LIBEXEC "/sekimori-recorder"
#define FOREVER_MS (400ull * 24 * 3600 * 1000)
#define CLOSE_US   90000000
#define FILE_MAX   (16 * 1024)

/* ---- what it tells ---- */

/* What is recorded: the node, or what is inside it. */
static void number_of(const struct sk_node *n, char *out, size_t size)
{
	(void)snprintf(out, size, "%u:%u", n->box.open ? n->box.major : n->b.major,
	               n->box.open ? n->box.minor : n->b.minor);
}

static void folder_of(struct sk_node *n)
{
	char dev[32];

	number_of(n, dev, sizeof(dev));
	(void)snprintf(n->record.folder, sizeof(n->record.folder), "%s/%s", n->m->env.sys->record_root, dev);
}

static void gap(struct sk_node *n, const char *reason, json_int_t count)
{
	json_t *body = sk_node_event(n);

	if (body != NULL) {
		(void)json_object_set_new(body, "reason", json_string(reason));
		(void)json_object_set_new(body, "count", json_integer(count));
		if (n->record.grant[0] != '\0')
			(void)json_object_set_new(body, "grant", json_string(n->record.grant));
	}
	sk_medium_report(n->m, "medium.record-gap", body, true);
}

static void written(struct sk_node *n, json_t *o, const char *kind)
{
	json_t *body = json_deep_copy(n->m->ident);

	if (body == NULL)
		return;
	(void)json_object_set_new(body, "node", json_string(n->b.name));
	(void)json_object_set_new(body, "person", json_string(n->record.person));
	if (n->record.grant[0] != '\0')
		(void)json_object_set_new(body, "grant", json_string(n->record.grant));
	if (json_object_get(o, "end") != NULL)
		sk_node_zone(n, body);
	(void)json_object_del(o, "end");
	(void)json_object_update(body, o);
	sk_medium_report(n->m, kind, body, false);
}

/* What the recorder does not know: the class that the policy gives to a file of this name. */
static void classify(const struct sk_node *n, json_t *files)
{
	const struct sk_policy *p = sk_medium_policy(n->m);
	json_t *e;
	size_t i;

	json_array_foreach(files, i, e)
	{
		const char *path = json_string_value(json_object_get(e, "path"));
		char word[2] = {(char)('0' + (path != NULL ? sk_class_of(p != NULL ? &p->classes : NULL, path) : 0)),
		                '\0'};

		(void)json_object_del(e, "class");
		if (word[0] != '0')
			(void)json_object_set_new(e, "class", json_string(word));
	}
}

static void take(struct sk_node *n, json_t *o)
{
	const char *lost = json_string_value(json_object_get(o, "gap"));

	if (json_is_array(json_object_get(o, "files"))) {
		classify(n, json_object_get(o, "files"));
		written(n, o, "file.written");
	} else if (lost != NULL && sk_text_is_name(lost, 31)) {
		gap(n, lost, json_integer_value(json_object_get(o, "count")));
	} else if (json_is_true(json_object_get(o, "end"))) {
		n->record.ended = true;
		written(n, o, "medium.recorded");
	} else {
		gap(n, "malformed", 1);
	}
}

/* Every batch that is there, in order. */
static void take_all(struct sk_node *n)
{
	char path[200];
	struct sk_buf b;
	json_t *o;
	int r;

	sk_buf_init(&b, FILE_MAX);
	for (;;) {
		(void)snprintf(path, sizeof(path), "%s/%08u.json", n->record.folder, n->record.next);
		sk_buf_reset(&b);
		r = sk_file_read(path, &b, NULL);
		if (r == -ENOENT)
			break;
		o = NULL;
		if (r == 0 && sk_json_parse(b.data, b.len, FILE_MAX, &o, NULL) == 0)
			take(n, o);
		else
			gap(n, "malformed", 1);
		json_decref(o);
		(void)unlink(path);
		n->record.next++;
	}
	sk_buf_deinit(&b);
}

/* ---- its end ---- */

static void remove_folder(const char *path)
{
	DIR *d = opendir(path);
	struct dirent *e;

	while (d != NULL && (e = readdir(d)) != NULL)
		if (e->d_name[0] != '.')
			(void)unlinkat(dirfd(d), e->d_name, 0);
	if (d != NULL)
		(void)closedir(d);
	(void)rmdir(path);
}

void sk_node_record_free(struct sk_node *n)
{
	if (n->record.child != NULL)
		n->m->env.sys->cancel(n->record.child);
	n->record.watch = sd_event_source_disable_unref(n->record.watch);
	n->record.limit = sd_event_source_disable_unref(n->record.limit);
	(void)memset(&n->record, 0, sizeof(n->record));
}

static void over(struct sk_node *n, enum sk_record_step step, const char *why)
{
	take_all(n);
	if (!n->record.ended && why != NULL)
		gap(n, why, 1);
	remove_folder(n->record.folder);
	sk_node_record_free(n);
	n->record.step = step;
}

static void go_on(struct sk_node *n)
{
	struct sk_medium *m = n->m;

	if (n->record.step == SK_RECORD_OFF && n->box.open && !n->mounted && n->child == NULL &&
	    sk_node_close_container(n))
		return; /* the recorder was the last to hold it */
	sk_node_drive(n);
	m->env.settled(m->env.gate, m->owner, m);
}

static void on_end(void *arg, int status, const char *output, size_t len)
{
	struct sk_node *n = arg;
	bool starts = n->record.step == SK_RECORD_STARTS;

	(void)output;
	(void)len;
	n->record.child = NULL;
	/* Status 2: it takes no writing anyway. */
	over(n, starts ? SK_RECORD_FAILED : SK_RECORD_OFF,
	     starts && status == 2 ? NULL
	     : starts              ? "not-started"
	                           : "died");
	go_on(n);
}

static int on_limit(sd_event_source *s, uint64_t usec, void *arg)
{
	struct sk_node *n = arg;

	(void)s;
	(void)usec;
	over(n, SK_RECORD_OFF, "time-limit");
	go_on(n);
	return 0;
}

static int on_file(sd_event_source *s, const struct inotify_event *e, void *arg)
{
	struct sk_node *n = arg;

	(void)s;
	if (e->len > 0 && strcmp(e->name, "ready") == 0 && n->record.step == SK_RECORD_STARTS) {
		n->record.step = SK_RECORD_RUNS;
		go_on(n);
	} else {
		take_all(n);
	}
	return 0;
}

void sk_node_record_unmounted(struct sk_node *n)
{
	if (n->record.step == SK_RECORD_FAILED)
		n->record.step = SK_RECORD_OFF; /* another use, another try */
	if (n->record.step == SK_RECORD_STARTS)
		over(n, SK_RECORD_OFF, NULL);
	if (n->record.step != SK_RECORD_RUNS)
		return;
	n->record.step = SK_RECORD_CLOSES;
	if (sd_event_add_time_relative(n->m->env.loop, &n->record.limit, CLOCK_BOOTTIME, CLOSE_US, 0, on_limit, n) < 0)
		over(n, SK_RECORD_OFF, "time-limit");
}

bool sk_node_record_closing(const struct sk_node *n)
{
	return n->record.step == SK_RECORD_CLOSES;
}

bool sk_node_record_holds_ro(const struct sk_node *n)
{
	return n->record.step == SK_RECORD_FAILED;
}

/* ---- its beginning ---- */

static int make_folder(struct sk_node *n)
{
	int r = sk_mkdir_p(n->m->env.sys->record_root, 0700);

	folder_of(n);
	if (r < 0)
		return r;
	remove_folder(n->record.folder);
	return mkdir(n->record.folder, 0700) < 0 ? -errno : 0;
}

static int start(struct sk_node *n, const char *person, const char *grant)
{
	const struct sk_system *sys = n->m->env.sys;
	char node[64], dev[32];
	const char *argv[] = {RECORDER, node, dev, n->record.person, n->record.folder, NULL};
	int r;

	sk_text_copy(n->record.person, sizeof(n->record.person), person);
	sk_text_copy(n->record.grant, sizeof(n->record.grant), grant);
	if (n->box.open)
		sk_text_copy(node, sizeof(node), n->box.node);
	else
		(void)snprintf(node, sizeof(node), "/dev/%s", n->b.name);
	number_of(n, dev, sizeof(dev));
	r = make_folder(n);
	if (r == 0)
		r = sd_event_add_inotify(n->m->env.loop, &n->record.watch, n->record.folder, IN_MOVED_TO, on_file, n);
	if (r >= 0)
		r = sys->start(n->m->env.loop, argv, FOREVER_MS, on_end, n, &n->record.child);
	if (r < 0) {
		over(n, SK_RECORD_FAILED, "not-started");
		return r;
	}
	n->record.step = SK_RECORD_STARTS;
	return 0;
}

bool sk_node_record_ready(struct sk_node *n, const struct sk_leave *l)
{
	if (n->m->env.sys->record_root == NULL)
		return true;
	if (n->record.step == SK_RECORD_STARTS && strcmp(n->record.person, l->person) != 0)
		over(n, SK_RECORD_OFF, NULL); /* it mounts by the person's uid */
	if (n->record.step == SK_RECORD_OFF)
		return start(n, l->person, l->grant) < 0;
	return n->record.step == SK_RECORD_RUNS || n->record.step == SK_RECORD_FAILED;
}

/* The lowest number in the folder. */
static unsigned first_left(const char *folder)
{
	DIR *d = opendir(folder);
	unsigned lowest = 0, number;
	bool any = false;
	struct dirent *e;

	while (d != NULL && (e = readdir(d)) != NULL)
		if (sscanf(e->d_name, "%8u.json", &number) == 1 && (!any || number < lowest)) {
			lowest = number;
			any = true;
		}
	if (d != NULL)
		(void)closedir(d);
	return lowest;
}

/* What was told before our end is still there; what was written meanwhile is not known. */
void sk_node_record_adopt(struct sk_node *n)
{
	if (n->m->env.sys->record_root == NULL || n->ro || !n->mounted)
		return;
	folder_of(n);
	sk_text_copy(n->record.person, sizeof(n->record.person), n->person);
	n->record.next = first_left(n->record.folder);
	take_all(n);
	gap(n, "agent-restarted", 1);
	sk_node_record_free(n);
	if (start(n, n->person, "") == 0)
		n->record.step = SK_RECORD_RUNS;
}
