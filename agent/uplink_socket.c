/* The uplink's operations as a table. One `wait` is kept; a second one ends the first. */
#include "agent/uplink_socket.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/journal_spool.h"
#include "agent/report.h"
#include "common/frame.h"
#include "common/json.h"
#include "common/text.h"

#define UPLINK_USER "sekimori-uplink"
#define WAITS_MAX   4
#define TIMEOUT_MAX (30 * 60 * 1000)

struct wait {
	uint64_t client; /* 0 = free */
	sd_event_source *timer;
	struct sk_uplink_face *f;
};

struct sk_uplink_face {
	struct sk_daemon *d;
	struct sk_socket *socket;
	sd_event_source *kick;
	struct wait waits[WAITS_MAX];
	bool report_due;
	struct sk_uplink_line line;
	uid_t uid; /* of sekimori-uplink; (uid_t)-1 = not known yet */
};

static bool events_due(const struct sk_uplink_face *f)
{
	struct sk_journal_info i;

	sk_journal_info(f->d->journal, &i);
	return i.last_seq > i.acked_seq;
}

static json_t *wait_answer(const struct sk_uplink_face *f)
{
	return json_pack("{s:b, s:b, s:b}", "ok", 1, "events", events_due(f), "report", f->report_due);
}

static void end_wait(struct wait *w)
{
	uint64_t client = w->client;

	w->timer = sd_event_source_disable_unref(w->timer);
	w->client = 0;
	sk_socket_answer(w->f->socket, client, wait_answer(w->f));
}

static int on_timeout(sd_event_source *s, uint64_t usec, void *arg)
{
	(void)s;
	(void)usec;
	end_wait(arg);
	return 0;
}

/* From the loop, so that a burst of events is one answer. */
static int on_kick(sd_event_source *s, void *arg)
{
	struct sk_uplink_face *f = arg;

	(void)s;
	if (f->report_due || events_due(f))
		for (size_t i = 0; i < WAITS_MAX; i++)
			if (f->waits[i].client)
				end_wait(&f->waits[i]);
	return 0;
}

void sk_uplink_face_wake(struct sk_uplink_face *f, bool report)
{
	bool waits = false;

	if (!f)
		return;
	f->report_due |= report;
	for (size_t i = 0; i < WAITS_MAX; i++)
		waits |= f->waits[i].client != 0;
	if (waits) /* else the next `wait` sees it by itself */
		sd_event_source_set_enabled(f->kick, SD_EVENT_ONESHOT);
}

void sk_uplink_face_line(const struct sk_uplink_face *f, struct sk_uplink_line *out)
{
	if (f)
		*out = f->line;
	else
		memset(out, 0, sizeof *out);
}

/* --- operations --- */

static json_t *op_hello(struct sk_uplink_face *f, uint64_t client, const json_t *q)
{
	struct sk_journal_info i;
	struct sk_holder_info h;

	(void)client;
	(void)q;
	sk_journal_info(f->d->journal, &i);
	sk_holder_info(f->d->holder, &h);
	return json_pack("{s:b, s:s, s:{s:I, s:I}, s:I, s:I}", "ok", 1, "device_id",
	                 f->d->trust.enrolled ? f->d->trust.device : "", "versions", "policy",
	                 (json_int_t)h.policy_known, "grants", (json_int_t)h.grants_known, "last_seq",
	                 (json_int_t)i.last_seq, "acked_seq", (json_int_t)i.acked_seq);
}

static json_t *op_wait(struct sk_uplink_face *f, uint64_t client, const json_t *q)
{
	struct sk_err err = SK_ERR_INIT;
	struct wait *w = NULL;
	long long ms;

	if (sk_json_int(q, "timeout_ms", 0, TIMEOUT_MAX, &ms, &err) < 0)
		return sk_answer_error("invalid", "%s", err.text);
	if (ms == 0 || f->report_due || events_due(f))
		return wait_answer(f);
	for (size_t i = 0; i < WAITS_MAX && !w; i++)
		if (!f->waits[i].client)
			w = &f->waits[i];
	if (!w) { /* connections that ended waiting are found here: their answer goes nowhere */
		w = &f->waits[0];
		end_wait(w);
	}
	w->f = f;
	if (sd_event_add_time_relative(f->d->loop, &w->timer, CLOCK_BOOTTIME, (uint64_t)ms * 1000, 500000, on_timeout,
	                               w) < 0)
		return sk_answer_error("failed", "no timer");
	w->client = client;
	return NULL;
}

static json_t *op_spool_read(struct sk_uplink_face *f, uint64_t client, const json_t *q)
{
	struct sk_err err = SK_ERR_INIT;
	long long after, max = 512 * 1024;
	json_t *list = NULL;

	(void)client;
	if (sk_json_int(q, "after", 0, INT64_MAX, &after, &err) < 0 ||
	    sk_json_int_opt(q, "max_bytes", 1, SK_FRAME_MAX - 65536, &max, &err) < 0)
		return sk_answer_error("invalid", "%s", err.text);
	/* Bodies travel as strings inside JSON: quotes in them take two bytes. */
	if (sk_spool_read(f->d->journal, after, (size_t)max / 2, &list, &err) < 0)
		return sk_answer_error("failed", "%s", err.text);
	return json_pack("{s:b, s:o}", "ok", 1, "events", list);
}

static json_t *op_spool_ack(struct sk_uplink_face *f, uint64_t client, const json_t *q)
{
	struct sk_err err = SK_ERR_INIT;
	long long seq;

	(void)client;
	if (sk_json_int(q, "seq", 0, INT64_MAX, &seq, &err) < 0)
		return sk_answer_error("invalid", "%s", err.text);
	if (sk_spool_ack(f->d->journal, seq, sk_daemon_now(f->d), &err) < 0)
		return sk_answer_error("invalid", "%s", err.text);
	return sk_answer_ok();
}

static json_t *op_report(struct sk_uplink_face *f, uint64_t client, const json_t *q)
{
	json_t *r = sk_report(f->d);

	(void)client;
	(void)q;
	if (!r)
		return NULL;
	f->report_due = false;
	return json_pack("{s:b, s:o}", "ok", 1, "report", r);
}

static json_t *op_bundle_put(struct sk_uplink_face *f, uint64_t client, const json_t *q)
{
	struct sk_err err = SK_ERR_INIT;
	struct sk_daemon *d = f->d;
	const char *envelope;
	int r;

	(void)client;
	r = sk_json_str(q, "envelope", 1, SK_BUNDLE_MAX, &envelope, &err);
	if (r < 0)
		return sk_answer_error("invalid", "%s", err.text);
	r = sk_holder_put(d->holder, envelope, strlen(envelope), sk_daemon_now(d), &err);
	if (r < 0) {
		sk_text_copy(d->last_bundle, sizeof d->last_bundle, err.text);
		return sk_answer_error("invalid", "%s", err.text);
	}
	if (r == SK_PUT_APPLIED) {
		d->last_bundle[0] = '\0';
		sk_daemon_in_force(d);
	}
	return json_pack("{s:b, s:s}", "ok", 1, "result", r == SK_PUT_SAME ? "same" : "applied");
}

static json_t *op_contact(struct sk_uplink_face *f, uint64_t client, const json_t *q)
{
	static const char *const states[] = {"online", "offline", "refused"};
	struct sk_err err = SK_ERR_INIT;
	const char *state, *error = "";

	(void)client;
	if (sk_json_str(q, "state", 1, 15, &state, &err) < 0 || sk_json_str_opt(q, "error", 1024, &error, &err) < 0)
		return sk_answer_error("invalid", "%s", err.text);
	for (size_t i = 0; i < sizeof states / sizeof *states; i++)
		if (!strcmp(state, states[i])) {
			sk_text_copy(f->line.state, sizeof f->line.state, state);
			sk_text_printable(f->line.error, sizeof f->line.error, error, strlen(error));
			if (i == 0)
				f->line.last_contact = sk_daemon_now(f->d);
			return sk_answer_ok();
		}
	return sk_answer_error("invalid", "field state: online, offline or refused");
}

static const struct {
	const char *name;
	json_t *(*run)(struct sk_uplink_face *f, uint64_t client, const json_t *q);
} ops[] = {
    {"hello", op_hello},           {"wait", op_wait},     {"spool.read", op_spool_read}, {"spool.ack", op_spool_ack},
    {"bundle.put", op_bundle_put}, {"report", op_report}, {"contact", op_contact},
};

json_t *sk_uplink_face_answer(struct sk_uplink_face *f, uint64_t client, const json_t *request)
{
	struct sk_err err = SK_ERR_INIT;
	const char *op;

	if (sk_json_str(request, "op", 1, 32, &op, &err) < 0)
		return sk_answer_error("invalid", "%s", err.text);
	for (size_t i = 0; i < sizeof ops / sizeof *ops; i++)
		if (!strcmp(ops[i].name, op)) {
			json_t *a = ops[i].run(f, client, request);

			return a || !strcmp(op, "wait") ? a : sk_answer_error("failed", "no memory");
		}
	return sk_answer_error("not-found", "no such operation");
}

static void on_request(void *ctx, uint64_t client, const struct sk_peer *peer, const json_t *request)
{
	struct sk_uplink_face *f = ctx;
	json_t *a = sk_uplink_face_answer(f, client, request);

	(void)peer;
	if (a)
		sk_socket_answer(f->socket, client, a);
}

/* Looked up when first needed: the package may make the user after the daemon runs. */
static bool admit(void *ctx, const struct sk_peer *p)
{
	struct sk_uplink_face *f = ctx;
	struct passwd pw, *found = NULL;
	char buf[2048];

	if (p->uid == 0 || p->uid == geteuid())
		return true;
	if (f->uid == (uid_t)-1 && getpwnam_r(UPLINK_USER, &pw, buf, sizeof buf, &found) == 0 && found)
		f->uid = pw.pw_uid;
	return f->uid != (uid_t)-1 && p->uid == f->uid;
}

int sk_uplink_face_new(struct sk_daemon *d, struct sk_uplink_face **out)
{
	struct sk_uplink_face *f = calloc(1, sizeof *f);
	int r;

	if (!f)
		return -ENOMEM;
	f->d = d;
	f->uid = (uid_t)-1;
	f->report_due = true;
	r = sd_event_add_defer(d->loop, &f->kick, on_kick, f);
	if (r >= 0)
		r = sd_event_source_set_enabled(f->kick, SD_EVENT_OFF);
	if (r < 0) {
		sk_uplink_face_free(f);
		return r;
	}
	*out = f;
	return 0;
}

int sk_uplink_face_listen(struct sk_uplink_face *f, const char *path, struct sk_err *err)
{
	struct group gr, *found = NULL;
	char buf[2048];
	struct sk_socket_options o = {.path = path,
	                              .mode = 0660,
	                              .gid = (gid_t)-1,
	                              .max_clients = 8,
	                              .max_frame = SK_FRAME_MAX,
	                              .ctx = f,
	                              .admit = admit,
	                              .request = on_request};

	if (getgrnam_r(UPLINK_USER, &gr, buf, sizeof buf, &found) == 0 && found && geteuid() == 0)
		o.gid = gr.gr_gid;
	return sk_socket_open(f->d->loop, &o, &f->socket, err);
}

struct sk_uplink_face *sk_uplink_face_free(struct sk_uplink_face *f)
{
	if (!f)
		return NULL;
	for (size_t i = 0; i < WAITS_MAX; i++)
		sd_event_source_disable_unref(f->waits[i].timer);
	sk_socket_close(f->socket);
	sd_event_source_disable_unref(f->kick);
	free(f);
	return NULL;
}
