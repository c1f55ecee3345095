/* Requests for media: checked at the edge, recorded, answered. */
#include "agent/requests.h"

#include <errno.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>

#include "agent/daemon.h"
#include "agent/journal_requests.h"
#include "agent/tell.h"
#include "common/json.h"
#include "common/text.h"
#include "policy/takeout.h"

#define DAY_MS 86400000LL

int sk_login_name(uid_t uid, char *out, size_t size)
{
	struct passwd pw, *found = NULL;
	char buf[4096];

	if (getpwuid_r(uid, &pw, buf, sizeof buf, &found) != 0 || !found || strlen(found->pw_name) >= size)
		return -ENOENT;
	sk_text_copy(out, size, found->pw_name);
	return 0;
}

struct ask {
	const char *device, *purpose, *access, *cls, *destination;
	long long hours;
	const json_t *files; /* what is to be taken along; NULL = not listed */
};

static bool is_one_of(const char *s, const char *const *list)
{
	for (; *list; list++)
		if (!strcmp(s, *list))
			return true;
	return false;
}

static bool is_plain(const char *s)
{
	char safe[2048];

	sk_text_printable(safe, sizeof safe, s, strlen(s));
	return !strcmp(safe, s);
}

static int read_ask(const json_t *q, struct ask *a, struct sk_err *err)
{
	static const char *const accesses[] = {"ro", "rw", NULL}, *const classes[] = {"1", "2", "3", "4", "none", NULL};
	int r = sk_json_str(q, "device", 1, 64, &a->device, err);

	a->access = "ro";
	a->cls = "none";
	a->destination = "";
	a->hours = 8;
	if (r == 0)
		r = sk_json_str(q, "purpose", 1, 255, &a->purpose, err);
	if (r == 0)
		r = sk_json_str_opt(q, "access", 2, &a->access, err);
	if (r == 0)
		r = sk_json_str_opt(q, "class", 4, &a->cls, err);
	if (r == 0)
		r = sk_json_str_opt(q, "destination", 255, &a->destination, err);
	if (r == 0)
		r = sk_json_int_opt(q, "hours", 1, SK_REQUEST_HOURS, &a->hours, err);
	if (r < 0)
		return r;
	a->files = json_object_get(q, "files");
	if (a->files != NULL) {
		r = sk_takeout_list_check(a->files, err);
		if (r < 0)
			return r;
	}
	if (!is_one_of(a->access, accesses))
		return sk_err_set(err, -EINVAL, "field access: ro (read) or rw (read and write)");
	if (!is_one_of(a->cls, classes))
		return sk_err_set(err, -EINVAL, "field class: 1, 2, 3, 4 or none");
	if (!is_plain(a->purpose) || !is_plain(a->destination))
		return sk_err_set(err, -EINVAL, "field purpose or destination: control characters");
	return 0;
}

/* --- the device --- */

static bool has_kind(const json_t *device, const char *kind)
{
	size_t i;
	json_t *k;

	json_array_foreach(json_object_get(device, "kinds"), i,
	                   k) if (sk_text_eq(json_string_value(k), kind)) return true;
	return false;
}

static int is_device(void *name, const json_t *d)
{
	return sk_text_eq(json_string_value(json_object_get(d, "device")), name) ||
	       sk_text_eq(json_string_value(json_object_get(d, "device_key")), name);
}

static json_t *attached(struct sk_daemon *d, const char *name)
{
	json_t *list = sk_daemon_devices(d), *v, *found = NULL;
	size_t i;

	json_array_foreach(list, i, v) if (is_device((void *)name, v))
	{
		found = json_incref(v);
		break;
	}
	json_decref(list);
	return found;
}

/* What the request says of the device: facts as the gate or the record has them, nothing from the caller. */
int sk_request_device(struct sk_daemon *d, const char *name, json_t **out, struct sk_err *err)
{
	static const char *const facts[] = {"vendor_id", "product_id", "vendor", "product",
	                                    "serial",    "device_key", "grade"};
	json_t *device = attached(d, name), *o;

	if (!device)
		device = sk_journal_find(d->journal, "device.decided", 2000, is_device, (void *)name);
	if (!device)
		return sk_err_set(err, -ENOENT,
		                  "device %s is not attached and was not seen lately; see \"sekimori devices\"", name);
	if (!has_kind(device, "storage") && (has_kind(device, "hub") || has_kind(device, "input"))) {
		json_decref(device);
		return sk_err_set(err, -EINVAL, "device %s is no medium", name);
	}
	o = json_object();
	for (size_t i = 0; i < sizeof facts / sizeof *facts; i++) {
		json_t *v = json_object_get(device, facts[i]);

		json_object_set_new(o, facts[i], json_is_string(v) ? json_incref(v) : json_string(""));
	}
	json_object_set(o, "port", json_object_get(device, "device"));
	json_decref(device);
	*out = o;
	return o ? 0 : -ENOMEM;
}

/* --- making one --- */

static int check_rate(struct sk_daemon *d, uid_t uid, sk_ms now, struct sk_err *err)
{
	int n = sk_journal_request_count(d->journal, uid, now - DAY_MS);

	if (n < 0)
		return sk_err_set(err, n, "the journal cannot take requests now; try again later");
	if (n >= SK_REQUESTS_PER_DAY)
		return sk_err_set(err, -EBUSY, "%d requests in one day; call the helpdesk", n);
	return 0;
}

static int record(struct sk_daemon *d, uid_t uid, const char *id, const char *person, const json_t *body,
                  struct sk_err *err)
{
	const char *port = json_string_value(json_object_get(json_object_get(body, "device"), "port"));
	char *text;
	int r = sk_journal_retry(d->journal, sk_daemon_now(d));

	/* A refusal may wait in memory; a request may not: told to try again, the clerk would make two of it. */
	if (r < 0)
		return sk_err_set(err, r, "the record cannot be written now; try again later or call the helpdesk");
	text = sk_json_text(body);
	if (!text)
		return sk_err_set(err, -ENOMEM, "no memory");
	r = sk_daemon_record(d, "request.created", body);
	if (r == 0 && sk_journal_request_put(d->journal, id, sk_daemon_now(d), uid, person, port ? port : "", text) < 0)
		r = 0; /* it is on its way; only `request list` does not show it before the answer */
	free(text);
	return r < 0 ? sk_err_set(err, r, "the request could not be recorded; try again later") : 0;
}

int sk_request_create(struct sk_daemon *d, uid_t uid, const json_t *request, char id[SK_UUID_LEN], struct sk_err *err)
{
	json_t *device = NULL, *body;
	char person[64];
	struct ask a;
	int r = read_ask(request, &a, err);

	if (r == 0 && sk_login_name(uid, person, sizeof person) < 0)
		r = sk_err_set(err, -EPERM, "uid %u has no login name", uid);
	if (r == 0)
		r = check_rate(d, uid, sk_daemon_now(d), err);
	if (r == 0)
		r = sk_request_device(d, a.device, &device, err);
	if (r == 0)
		r = sk_uuid(id);
	if (r < 0)
		return r;
	body = json_pack("{s:s, s:s, s:s, s:o, s:s, s:s, s:I, s:s, s:s}", "id", id, "kind", "media", "person", person,
	                 "device", device, "purpose", a.purpose, "access", a.access, "hours", (json_int_t)a.hours,
	                 "class", a.cls, "destination", a.destination);
	if (body && a.files != NULL)
		json_object_set(body, "files", (json_t *)a.files);
	r = body ? record(d, uid, id, person, body, err) : sk_err_set(err, -ENOMEM, "no memory");
	json_decref(body);
	return r;
}

/* --- answers and listing --- */

static sk_ms grant_until(struct sk_daemon *d, int64_t number)
{
	const struct sk_grants *g = sk_holder_grants(d->holder, sk_daemon_now(d));
	sk_ms until = 0;

	for (size_t i = 0; number > 0 && g && i < g->n; i++)
		if (g->items[i].request == number && g->items[i].until > until)
			until = g->items[i].until;
	return until;
}

json_t *sk_request_list(struct sk_daemon *d, int64_t uid)
{
	json_t *list = sk_journal_request_list(d->journal, uid, 200), *o;
	size_t i;

	json_array_foreach(list, i, o)
	{
		sk_ms until = grant_until(d, json_integer_value(json_object_get(o, "number")));

		json_object_set_new(o, "until", until ? json_integer(until) : json_null());
		json_object_del(o, "uid");
	}
	return list;
}

static void answered(struct sk_daemon *d, const char *id, const char *state, int64_t number, const char *label,
                     const char *reason)
{
	json_t *body = json_pack("{s:s, s:s, s:I, s:s*, s:s}", "id", id, "state", state, "number", (json_int_t)number,
	                         "label", *label ? label : NULL, "reason", reason);

	char person[64] = "";

	if (!body)
		return;
	(void)sk_journal_request_person(d->journal, id, person, sizeof person);
	sk_tell(d, person, "request.answered", body);
	sk_daemon_record_new(d, "request.answered", body);
}

void sk_request_answers(struct sk_daemon *d, const json_t *body)
{
	json_t *list = json_object_get(body, "requests"), *o;
	size_t i;

	json_array_foreach(list, i, o)
	{
		const char *id, *state, *reason = "", *label = "";
		long long number = 0;

		if (sk_json_str(o, "id", 36, 36, &id, NULL) < 0 || !sk_text_is_id(id) ||
		    sk_json_str(o, "state", 1, 31, &state, NULL) < 0 || !sk_text_is_name(state, 31) ||
		    sk_json_str_opt(o, "reason", 1024, &reason, NULL) < 0 ||
		    sk_json_str_opt(o, "label", 31, &label, NULL) < 0 || (*label && !sk_text_is_name(label, 31)) ||
		    sk_json_int_opt(o, "number", 0, INT64_MAX, &number, NULL) < 0)
			continue;
		if (sk_journal_request_answer(d->journal, id, state, number, label, reason, sk_daemon_now(d)) > 0)
			answered(d, id, state, number, label, reason);
	}
}
