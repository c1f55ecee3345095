#include "agent/media_erase.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "agent/daemon.h"
#include "agent/tell.h"
#include "common/buf.h"
#include "common/i18n.h"
#include "common/json.h"

#define UNDER_WAY "erasing" /* meta of the journal: {id: body of medium.erasing} */

struct job {
	struct sk_daemon *d;
	json_t *body; /* of the events */
	char id[SK_UUID_LEN];
};

/* ---- what is under way, as it is kept ---- */

static json_t *under_way(struct sk_daemon *d)
{
	json_t *all = NULL;
	struct sk_buf b;

	sk_buf_init(&b, SK_EVENT_BODY_MAX);
	if (sk_journal_meta_get(d->journal, UNDER_WAY, &b) == 0)
		(void)sk_json_parse(b.data, b.len, SK_EVENT_BODY_MAX, &all, NULL);
	sk_buf_deinit(&b);
	return json_is_object(all) ? all : json_object();
}

static int keep(struct sk_daemon *d, const char *id, json_t *body)
{
	json_t *all = under_way(d);
	char *text;
	int r;

	if (body != NULL)
		(void)json_object_set(all, id, body);
	else
		(void)json_object_del(all, id);
	text = json_dumps(all, JSON_COMPACT);
	r = text != NULL ? sk_journal_meta_set(d->journal, UNDER_WAY, text) : -ENOMEM;
	free(text);
	json_decref(all);
	return r;
}

/* ---- its end ---- */

static uint64_t number(const json_t *o, const char *name)
{
	json_int_t n = json_integer_value(json_object_get(o, name));

	return n > 0 ? (uint64_t)n : 0;
}

/* The helper has written to a hostile medium: only members that it has, of their kind. */
static bool take_result(json_t *body, const json_t *answer)
{
	static const char *const COUNTS[] = {"bytes", "written", "verified"};
	struct sk_erase_result r = {.bytes = number(answer, "bytes"),
	                            .written = number(answer, "written"),
	                            .verified = number(answer, "verified")};
	const char *method = json_string_value(json_object_get(answer, "method"));

	for (size_t i = 0; i < sizeof(COUNTS) / sizeof(COUNTS[0]); i++)
		(void)json_object_set_new(body, COUNTS[i], json_integer((json_int_t)number(answer, COUNTS[i])));
	if (method == NULL || sk_erase_method_parse(method, &r.method) < 0 || json_object_get(answer, "error") != NULL)
		return false;
	(void)json_object_set_new(body, "method", json_string(method));
	return sk_erase_complete(&r) && r.bytes == number(body, "size");
}

static void set_time(struct sk_daemon *d, json_t *body, const char *name)
{
	char text[SK_RFC3339_LEN];

	sk_clock_format_utc(sk_daemon_now(d), text);
	(void)json_object_set_new(body, name, json_string(text));
}

static void end_record(struct sk_daemon *d, const char *id, json_t *body, bool erased)
{
	const char *kind = erased ? "medium.erased" : "medium.not-erased";

	/* Noted until it is recorded: recorded twice is better than not at all. */
	if (sk_daemon_record(d, kind, body) >= 0)
		(void)keep(d, id, NULL);
	sk_tell(d, NULL, kind, body);
}

static void on_over(void *arg, const json_t *answer, const char *why)
{
	struct job *j = arg;
	const char *error = json_string_value(json_object_get(answer, "error"));
	const json_t *labelled = json_object_get(answer, "labelled"), *detail = json_object_get(answer, "detail");
	bool erased = answer != NULL && take_result(j->body, answer);

	set_time(j->d, j->body, "ended");
	if (!erased) {
		(void)json_object_set_new(j->body, "why",
		                          json_string(why != NULL     ? why
		                                      : error != NULL ? error
		                                                      : N_("the helper ended without an answer")));
		if (json_is_string(detail))
			(void)json_object_set(j->body, "detail", (json_t *)(uintptr_t)detail);
	}
	if (json_is_boolean(labelled) && erased)
		(void)json_object_set(j->body, "labelled", (json_t *)(uintptr_t)labelled);
	end_record(j->d, j->id, j->body, erased);
	json_decref(j->body);
	free(j);
}

void sk_media_erase_recover(struct sk_daemon *d)
{
	json_t *all = under_way(d), *body;
	const char *id;
	void *next;

	json_object_foreach_safe(all, next, id, body)
	{
		(void)json_object_set_new(body, "why", json_string(N_("the agent ended while it was being erased")));
		set_time(d, body, "ended");
		end_record(d, id, body, false);
	}
	json_decref(all);
}

/* ---- its beginning ---- */

static json_t *refused(int r, const struct sk_gate_erase *e, const struct sk_err *err)
{
	if (r == -EACCES && e->typed[0] == '\0')
		return json_pack("{s:b,s:s}", "ok", 1, "confirm", err->text);
	if (r == -EACCES)
		return sk_answer_error("denied", "%s", sk_erase_why(SK_ERASE_UNCONFIRMED));
	return sk_answer_error(r == -EPERM    ? "denied"
	                       : r == -ENOENT ? "not-found"
	                       : r == -EBUSY  ? "busy"
	                       : r == -EINVAL ? "invalid"
	                                      : "failed",
	                       "%s", err->text[0] != '\0' ? err->text : strerror(-r));
}

static int read_request(const json_t *q, struct sk_gate_erase *e, struct sk_err *err)
{
	const char *method = "overwrite";
	int r = sk_json_str(q, "device", 1, 63, &e->device, err);

	e->typed = e->label = "";
	if (r == 0)
		r = sk_json_str_opt(q, "method", 16, &method, err);
	if (r == 0)
		r = sk_json_str_opt(q, "confirm", SK_DEV_TEXT - 1, &e->typed, err);
	if (r == 0)
		r = sk_json_str_opt(q, "label", 32, &e->label, err);
	if (r == 0 && sk_erase_method_parse(method, &e->method) < 0)
		r = sk_err_set(err, -EINVAL, "field method: must be overwrite or discard");
	return r;
}

static int begin(struct job *j, const struct sk_gate_erase *e, struct sk_err *err)
{
	int r;

	(void)json_object_set_new(j->body, "method", json_string(sk_erase_method_name(e->method)));
	if (e->label[0] != '\0')
		(void)json_object_set_new(j->body, "label", json_string(e->label));
	set_time(j->d, j->body, "started");
	r = sk_uuid(j->id);
	if (r == 0)
		r = keep(j->d, j->id, j->body);
	if (r == 0)
		r = sk_daemon_record(j->d, "medium.erasing", j->body);
	if (r < 0) {
		(void)keep(j->d, j->id, NULL);
		return sk_err_set(err, r, "it could not be recorded, so it is not erased");
	}
	return 0;
}

json_t *sk_media_erase(struct sk_daemon *d, const char *person, const json_t *request)
{
	struct job *j = calloc(1, sizeof(*j));
	struct sk_gate_erase e = {.person = person, .fn = on_over, .arg = j};
	struct sk_err err = SK_ERR_INIT;
	json_t *answer;
	int r = j == NULL ? -ENOMEM : read_request(request, &e, &err);

	if (r == 0)
		r = d->gate != NULL ? sk_gate_erase(d->gate, &e, &j->body, &err) : -ENOENT;
	if (r < 0) {
		free(j);
		return refused(r, &e, &err);
	}
	j->d = d;
	r = begin(j, &e, &err);
	if (r < 0) {
		sk_gate_erase_drop(d->gate, e.device);
		json_decref(j->body);
		free(j);
		return refused(r, &e, &err);
	}
	answer = json_pack("{s:b,s:O}", "ok", 1, "record", j->body);
	sk_gate_erase_begin(d->gate, e.device);
	return answer;
}
