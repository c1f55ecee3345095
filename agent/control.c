/* The control socket's operations as a table. */
#include "agent/control.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/accepted.h"
#include "agent/incident_report.h"
#include "agent/journal_verify.h"
#include "agent/office.h"
#include "agent/phone_ops.h"
#include "agent/medium.h"
#include "agent/media_erase.h"
#include "agent/media_register.h"
#include "agent/media_release.h"
#include "agent/pace.h"
#include "agent/report.h"
#include "agent/requests.h"
#include "agent/tell.h"
#include "common/json.h"
#include "common/text.h"

#define EVENTS_BYTES (512 * 1024)
#define REQUEST_MAX  (64 * 1024)

struct call {
	struct sk_daemon *d;
	const struct sk_peer *peer;
	uint64_t client;
	const json_t *q;
	bool root;
	bool later; /* the answer comes through the socket */
	struct sk_err err;
};

static json_t *fail(int r, const struct sk_err *err)
{
	const char *code = r == -EPERM || r == -EACCES    ? "denied"
	                   : r == -ENOENT                 ? "not-found"
	                   : r == -EBUSY                  ? "busy"
	                   : r == -EINVAL || r == -ERANGE ? "invalid"
	                                                  : "failed";

	return sk_answer_error(code, "%s", err->text[0] ? err->text : strerror(-r));
}

/* {"ok":true} with what is in body (stolen). */
static json_t *ok_with(json_t *body)
{
	json_t *a = sk_answer_ok();

	if (!body || !a || json_object_update(a, body) < 0) {
		json_decref(a);
		a = NULL;
	}
	json_decref(body);
	return a;
}

static json_t *op_status(struct call *c)
{
	return ok_with(sk_status(c->d));
}

static json_t *op_devices(struct call *c)
{
	return json_pack("{s:b, s:o}", "ok", 1, "devices", sk_daemon_devices(c->d));
}

static json_t *op_explain(struct call *c)
{
	const char *device;
	json_t *out = NULL;
	int r = sk_json_str(c->q, "device", 1, 64, &device, &c->err);

	if (r == 0)
		r = c->d->gate ? sk_gate_explain(c->d->gate, device, &out, &c->err) : -ENOENT;
	return r < 0 ? fail(r, &c->err) : ok_with(out);
}

/* On the keyboard that is there types whoever sits at the terminal: no other session, and no service, may answer in their place. */
static json_t *op_confirm(struct call *c)
{
	char person[64] = "";
	const char *device;
	bool refuse = false;
	int r = sk_json_str(c->q, "device", 1, 64, &device, &c->err);

	if (r == 0)
		r = sk_json_bool_opt(c->q, "refuse", &refuse, &c->err);
	if (sk_login_name(c->peer->uid, person, sizeof person) < 0)
		person[0] = '\0';
	if (r == 0 && !c->d->gate)
		r = -ENOENT;
	if (r == 0 && !c->root && (!person[0] || strcmp(person, sk_gate_active_person(c->d->gate)) != 0))
		r = sk_err_set(&c->err, -EPERM, "only the person at the terminal may confirm a keyboard");
	if (r == 0)
		r = sk_gate_confirm(c->d->gate, device, person, !refuse, &c->err);
	return r < 0 ? fail(r, &c->err) : sk_answer_ok();
}

static json_t *op_check(struct call *c)
{
	const char *id = NULL;
	bool refresh = false;
	int r = sk_json_str_opt(c->q, "id", 40, &id, &c->err);

	if (r == 0)
		r = sk_json_bool_opt(c->q, "refresh", &refresh, &c->err);
	if (r == 0 && !c->d->posture)
		r = sk_err_set(&c->err, -EIO, "checks do not run");
	if (r < 0)
		return fail(r, &c->err);
	if (refresh && c->root)
		sk_posture_stale(c->d->posture, id); /* root need not wait until what is known is old */
	/* Without refresh what ran already is answered at once, and what never ran runs now. */
	r = sk_posture_run(c->d->posture, id, refresh, c->client);
	if (r < 0)
		return fail(r, r == -ENOENT ? (sk_err_set(&c->err, r, "no such check"), &c->err) : &c->err);
	c->later = true;
	return NULL;
}

/* --- events --- */

struct viewer {
	bool root;
	char person[64];
};

static int may_see(void *ctx, const char *kind, const char *body, size_t len)
{
	struct viewer *v = ctx;
	json_t *o = NULL;
	int own;

	if (v->root || !strncmp(kind, "device.", 7) || !strncmp(kind, "medium.", 7) || !strncmp(kind, "grant.", 6))
		return 1;
	if ((strcmp(kind, "request.created") != 0 && strcmp(kind, "file.written") != 0) || !v->person[0])
		return 0;
	if (sk_json_parse(body, len, SK_EVENT_BODY_MAX, &o, NULL) < 0)
		return 0;
	own = sk_text_eq(json_string_value(json_object_get(o, "person")), v->person);
	json_decref(o);
	return own;
}

static json_t *op_events(struct call *c)
{
	struct viewer v = {.root = c->root};
	long long after = -1, limit = 50;
	json_t *list;
	int r = sk_json_int_opt(c->q, "after", 0, INT64_MAX, &after, &c->err);

	if (r == 0)
		r = sk_json_int_opt(c->q, "limit", 1, 1000, &limit, &c->err);
	if (r < 0)
		return fail(r, &c->err);
	if (!v.root && sk_login_name(c->peer->uid, v.person, sizeof v.person) < 0)
		v.person[0] = '\0';
	list = sk_journal_list(c->d->journal, after, (int)limit, EVENTS_BYTES, may_see, &v);
	if (!list)
		return sk_answer_error("failed", "the journal cannot be read now");
	return json_pack("{s:b, s:o}", "ok", 1, "events", list);
}

/* --- encrypted media --- */

static void on_medium_open(void *ctx, uint64_t client, int code, const char *why)
{
	struct sk_daemon *d = ctx;
	json_t *a = code == 0
	                ? sk_answer_ok()
	                : sk_answer_error(code == -EKEYREJECTED ? "denied" : "failed", "%s", why != NULL ? why : "");

	sk_socket_answer(d->control, client, a);
}

/* The passphrase stands in the request and in what the helper is given, nowhere else; here it is wiped from the request. */
static json_t *op_medium_open(struct call *c)
{
	struct sk_unlock u = {.done = on_medium_open, .ctx = c->d, .client = c->client};
	const char *device, *node = "", *pass = NULL;
	char person[64] = "";
	int r = sk_json_str(c->q, "device", 1, 64, &device, &c->err);

	if (r == 0)
		r = sk_json_str_opt(c->q, "node", 32, &node, &c->err);
	if (r == 0)
		r = sk_json_str(c->q, "passphrase", 1, 500, &pass, &c->err);
	if (r == 0 && !c->root && (sk_login_name(c->peer->uid, person, sizeof person) < 0 || !person[0]))
		r = sk_err_set(&c->err, -EACCES, "who asks is not known on this terminal");
	if (r == 0 && !c->d->gate)
		r = -ENOENT;
	if (r == 0) {
		u.person = person;
		u.key = pass;
		u.len = strlen(pass);
		r = sk_gate_open_medium(c->d->gate, device, node, &u, &c->err);
	}
	if (pass)
		explicit_bzero((char *)(uintptr_t)pass, strlen(pass));
	if (r < 0)
		return fail(r, &c->err);
	c->later = true;
	return NULL;
}

/* --- requests --- */

static json_t *op_request_create(struct call *c)
{
	char id[SK_UUID_LEN];
	int r = sk_request_create(c->d, c->peer->uid, c->q, id, &c->err);

	return r < 0 ? fail(r, &c->err) : json_pack("{s:b, s:s}", "ok", 1, "id", id);
}

static json_t *op_request_list(struct call *c)
{
	json_t *list = sk_request_list(c->d, c->root ? -1 : (int64_t)c->peer->uid);

	return list ? json_pack("{s:b, s:o}", "ok", 1, "requests", list)
	            : sk_answer_error("failed", "the journal cannot be read now");
}

static json_t *op_watch(struct call *c)
{
	return sk_tell_watch(c->d, c->peer, c->client, c->q, &c->later);
}

static json_t *op_phone_start(struct call *c)
{
	return sk_phone_op_start(c->d, c->peer, c->q);
}

static json_t *op_phone_answer(struct call *c)
{
	return sk_phone_op_answer(c->d, c->peer, c->q);
}

/* --- notices of the office --- */

static json_t *op_notices(struct call *c)
{
	char person[64] = "";

	if (sk_login_name(c->peer->uid, person, sizeof person) < 0)
		person[0] = '\0';
	return json_pack("{s:b, s:o}", "ok", 1, "notices", sk_office_notice_list(c->d, person));
}

static json_t *op_notice_ack(struct call *c)
{
	char person[64];
	const char *id;
	int r = sk_json_str(c->q, "id", 36, 36, &id, &c->err);

	if (r == 0 && sk_login_name(c->peer->uid, person, sizeof person) < 0)
		r = sk_err_set(&c->err, -EPERM, "uid %u has no login name", c->peer->uid);
	if (r == 0)
		r = sk_office_notice_ack(c->d, person, id, &c->err);
	return r < 0 ? fail(r, &c->err) : sk_answer_ok();
}

static json_t *op_incident_report(struct call *c)
{
	char id[SK_UUID_LEN];
	int r = sk_incident_report(c->d, c->peer->uid, c->q, id, &c->err);

	return r < 0 ? fail(r, &c->err) : json_pack("{s:b, s:s}", "ok", 1, "id", id);
}

/* --- policy --- */

static json_t *op_policy(struct call *c)
{
	const struct sk_policy *p = sk_holder_policy(c->d->holder);
	struct sk_holder_info h;
	struct sk_buf warnings;
	json_t *a;

	sk_holder_info(c->d->holder, &h);
	sk_buf_init(&warnings, 65536);
	sk_policy_warnings(p, &warnings);
	a = json_pack("{s:b, s:s?, s:s, s:I, s:s, s:s, s:s, s:s?}", "ok", 1, "text", p->text, "name", p->name,
	              "version", (json_int_t)p->version, "source", sk_policy_source_name(h.source), "file", p->file,
	              "warnings", warnings.data, "problem", h.problem[0] ? h.problem : NULL);
	sk_buf_deinit(&warnings);
	return a;
}

static json_t *op_policy_reload(struct call *c)
{
	int r = sk_daemon_reload(c->d, &c->err);

	return r < 0 ? sk_answer_error("invalid", "%s", c->err.text) : sk_answer_ok();
}

static json_t *op_trust_set(struct call *c)
{
	const char *server, *device, *pem;
	int r = sk_json_str(c->q, "server", 1, 255, &server, &c->err);

	if (r == 0)
		r = sk_json_str(c->q, "device_id", 1, SK_UUID_LEN - 1, &device, &c->err);
	if (r == 0)
		r = sk_json_str(c->q, "verify_key_pem", 1, 4096, &pem, &c->err);
	if (r == 0)
		r = sk_daemon_enrol(c->d, server, device, pem, &c->err);
	return r < 0 ? fail(r, &c->err) : sk_answer_ok();
}

static json_t *op_verdict(struct call *c)
{
	const char *devpath;
	json_t *out = NULL;
	int r = sk_json_str(c->q, "devpath", 1, 1023, &devpath, &c->err);

	if (r == 0)
		r = c->d->gate ? sk_gate_block_verdict(c->d->gate, devpath, &out, &c->err) : -ENOENT;
	return r < 0 ? fail(r, &c->err) : ok_with(out);
}

static json_t *op_media_prepare(struct call *c)
{
	int r = sk_media_prepare(c->d, c->client, c->q, &c->err);

	c->later = r == 0;
	return r < 0 ? fail(r, &c->err) : NULL;
}

static json_t *op_media_erase(struct call *c)
{
	char person[64] = "";

	if (!c->root && (sk_login_name(c->peer->uid, person, sizeof person) < 0 || !person[0]))
		return fail(sk_err_set(&c->err, -EACCES, "who asks is not known on this terminal"), &c->err);
	return sk_media_erase(c->d, person, c->q);
}

static json_t *op_media_release(struct call *c)
{
	char person[64] = "";
	int r = 0;

	if (!c->root && (sk_login_name(c->peer->uid, person, sizeof person) < 0 || !person[0]))
		return fail(sk_err_set(&c->err, -EACCES, "who asks is not known on this terminal"), &c->err);
	r = sk_media_release(c->d, c->client, person, c->q, &c->err);
	c->later = r == 0;
	return r < 0 ? fail(r, &c->err) : NULL;
}

static json_t *op_media_register(struct call *c)
{
	int r = sk_media_register(c->d, c->client, c->q, &c->err);

	c->later = r == 0;
	return r < 0 ? fail(r, &c->err) : NULL;
}

static json_t *op_accept(struct call *c)
{
	char person[64] = "";

	if (sk_login_name(c->peer->uid, person, sizeof person) < 0)
		person[0] = '\0';
	int r = sk_accept(c->d, person, c->q, &c->err);
	return r < 0 ? fail(r, &c->err) : sk_answer_ok();
}

/* --- verify: a piece at a time, while the loop goes on --- */

struct sk_verify_jobs {
	struct sk_verify_jobs *next;
	struct sk_daemon *d;
	uint64_t client;
	sd_event_source *source;
	struct sk_journal_verify v;
};

static json_t *verify_answer(const struct sk_journal_verify *v)
{
	return json_pack("{s:b, s:I, s:I, s:I, s:I, s:s?}", "ok", 1, "records", (json_int_t)v->records, "broken",
	                 (json_int_t)v->broken, "first", (json_int_t)v->first, "last", (json_int_t)v->last, "problem",
	                 v->problem[0] ? v->problem : NULL);
}

static void free_verify(struct sk_verify_jobs *job)
{
	sk_journal_verify_end(job->d->journal, &job->v);
	sd_event_source_disable_unref(job->source);
	free(job);
}

static void end_verify(struct sk_verify_jobs *job)
{
	struct sk_verify_jobs **p = &job->d->verify;

	while (*p != job)
		p = &(*p)->next;
	*p = job->next;
	free_verify(job);
}

static int on_verify(sd_event_source *s, void *arg)
{
	struct sk_verify_jobs *job = arg;
	struct sk_socket *socket = job->d->control;
	uint64_t client = job->client;
	int r = sk_journal_verify_step(job->d->journal, &job->v, 256);
	json_t *a;

	(void)s;
	if (r > 0)
		return 0;
	a = r == 0 ? verify_answer(&job->v) : sk_answer_error("failed", "the journal cannot be read: %s", strerror(-r));
	end_verify(job);
	sk_socket_answer(socket, client, a);
	return 0;
}

static json_t *op_verify(struct call *c)
{
	struct sk_verify_jobs *job;
	int n = 0, r;

	for (job = c->d->verify; job; job = job->next)
		n++;
	job = n < 4 ? calloc(1, sizeof *job) : NULL;
	if (!job)
		return sk_answer_error("busy", "%s", "verification is under way already");
	job->d = c->d;
	job->client = c->client;
	r = sd_event_add_defer(c->d->loop, &job->source, on_verify, job);
	if (r >= 0)
		r = sd_event_source_set_enabled(job->source, SD_EVENT_ON);
	if (r >= 0)
		r = sd_event_source_set_priority(job->source, SD_EVENT_PRIORITY_IDLE);
	if (r < 0) {
		sd_event_source_disable_unref(job->source);
		free(job);
		return sk_answer_error("failed", "%s", strerror(-r));
	}
	job->next = c->d->verify;
	c->d->verify = job;
	sk_journal_verify_begin(c->d->journal, &job->v);
	c->later = true;
	return NULL;
}

void sk_control_stop(struct sk_daemon *d)
{
	struct sk_verify_jobs *job;

	while ((job = d->verify) != NULL) {
		d->verify = job->next;
		free_verify(job);
	}
	d->pace = sk_pace_free(d->pace);
}

/* --- the table --- */

static const struct {
	const char *name;
	bool root_only;
	json_t *(*run)(struct call *c);
} ops[] = {
    {"status", false, op_status},
    {"devices", false, op_devices},
    {"explain", false, op_explain},
    {"confirm", false, op_confirm},
    {"check", false, op_check},
    {"events", false, op_events},
    {"medium.open", false, op_medium_open},
    {"request.create", false, op_request_create},
    {"request.list", false, op_request_list},
    {"watch", false, op_watch},
    {"phone.start", false, op_phone_start},
    {"phone.answer", false, op_phone_answer},
    {"notices", false, op_notices},
    {"notice.ack", false, op_notice_ack},
    {"incident.report", false, op_incident_report},
    {"policy", false, op_policy},
    {"policy.reload", true, op_policy_reload},
    {"verify", false, op_verify},
    {"trust.set", true, op_trust_set},
    {"verdict", true, op_verdict},
    {"media.register", true, op_media_register},
    {"media.prepare", true, op_media_prepare},
    {"accept", true, op_accept},
    {"media.erase", false, op_media_erase},
    {"media.release", false, op_media_release},
};

json_t *sk_control_answer(struct sk_daemon *d, const struct sk_peer *peer, uint64_t client, const json_t *request)
{
	struct call c = {
	    .d = d, .peer = peer, .client = client, .q = request, .root = peer->uid == 0 || peer->uid == geteuid()};
	const char *op;
	json_t *a;

	if (sk_json_str(request, "op", 1, 32, &op, &c.err) < 0)
		return sk_answer_error("invalid", "%s", c.err.text);
	for (size_t i = 0; i < sizeof ops / sizeof *ops; i++) {
		if (strcmp(ops[i].name, op) != 0)
			continue;
		if (ops[i].root_only && !c.root)
			return sk_answer_error("denied", "only root may do this");
		a = ops[i].run(&c);
		return a || c.later ? a : sk_answer_error("failed", "no memory");
	}
	return sk_answer_error("not-found", "no such operation");
}

static void on_request(void *ctx, uint64_t client, const struct sk_peer *peer, const json_t *request)
{
	struct sk_daemon *d = ctx;
	json_t *a;

	if (sk_pace_refuses(d->pace, d->control, client, peer))
		return;
	a = sk_control_answer(d, peer, client, request);
	if (a)
		sk_socket_answer(d->control, client, a);
}

static bool admit(void *ctx, const struct sk_peer *peer)
{
	return sk_pace_admits(((struct sk_daemon *)ctx)->pace, peer);
}

int sk_control_listen(struct sk_daemon *d, const char *path, struct sk_err *err)
{
	const struct sk_socket_options o = {.path = path,
	                                    .mode = 0666,
	                                    .gid = (gid_t)-1,
	                                    .max_clients = 64,
	                                    .max_per_uid = 16,
	                                    .max_frame = REQUEST_MAX,
	                                    .ctx = d,
	                                    .admit = admit,
	                                    .request = on_request};
	int r = d->pace ? 0 : sk_pace_new(d->loop, &d->pace);

	return r < 0 ? sk_err_set(err, r, "no memory") : sk_socket_open(d->loop, &o, &d->control, err);
}
