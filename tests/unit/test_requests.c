/* Asking for a medium: what is taken, what is refused, what becomes of it. */
#include <signal.h>
#include <sys/resource.h>

#include "agent/journal_requests.h"
#include "agent/requests.h"
#include "tests/unit/agent_help.h"

static struct sk_daemon *d;
static struct sk_err err;
static char id[SK_UUID_LEN];

/* A stick and a keyboard were seen; nothing is attached now. */
static void setup(void)
{
	json_t *stick, *keyboard;

	d = start_daemon();
	err.text[0] = '\0';
	stick = json_pack("{s:s, s:s, s:s, s:s, s:s, s:n, s:s, s:s, s:[s]}", "device", "1-2", "vendor_id", "46f4",
	                  "product_id", "0001", "vendor", "Maker", "product", "Stick", "serial", "device_key",
	                  "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "grade", "C", "kinds",
	                  "storage");
	keyboard = json_pack("{s:s, s:s, s:[s]}", "device", "1-1", "product", "Keys", "kinds", "input");
	cr_assert_eq(sk_daemon_record(d, "device.decided", keyboard), 0);
	cr_assert_eq(sk_daemon_record(d, "device.decided", stick), 0);
	json_decref(stick);
	json_decref(keyboard);
}

static json_t *good(void)
{
	return json_pack("{s:s, s:s, s:s, s:i, s:s, s:s}", "device", "1-2", "purpose", "決算資料", "access", "ro",
	                 "hours", 3, "class", "2", "destination", "税務課");
}

static int create(json_t *q)
{
	int r;

	err.text[0] = '\0';
	r = sk_request_create(d, 0, q, id, &err);
	json_decref(q);
	return r;
}

static json_t *last_event(const char *kind)
{
	json_t *l = sk_journal_list(d->journal, -1, 200, 1 << 20, NULL, NULL), *found = NULL, *e;
	size_t i;

	json_array_foreach(l, i, e) if (!strcmp(json_string_value(json_object_get(e, "kind")), kind))
	{
		json_decref(found);
		found = json_incref(json_object_get(e, "body"));
	}
	json_decref(l);
	return found;
}

static const char *str(const json_t *o, const char *name)
{
	const char *s = json_string_value(json_object_get(o, name));

	return s ? s : "(none)";
}

Test(requests, a_good_one_is_an_event_with_the_facts_of_the_device, .init = setup, .fini = stop_daemon)
{
	json_t *e, *dev;

	cr_assert_eq(create(good()), 0, "%s", err.text);
	e = last_event("request.created");
	cr_assert_str_eq(str(e, "id"), id);
	cr_assert_str_eq(str(e, "kind"), "media");
	cr_assert_str_eq(str(e, "person"), "root");
	cr_assert_str_eq(str(e, "purpose"), "決算資料");
	cr_assert_str_eq(str(e, "class"), "2");
	cr_assert_eq(json_integer_value(json_object_get(e, "hours")), 3);
	dev = json_object_get(e, "device");
	cr_assert_str_eq(str(dev, "vendor_id"), "46f4");
	cr_assert_str_eq(str(dev, "port"), "1-2");
	cr_assert_str_eq(str(dev, "serial"), "", "none is an empty one");
	cr_assert_eq(strlen(str(dev, "device_key")), 64);
	json_decref(e);
}

Test(requests, the_device_may_be_named_by_its_key, .init = setup, .fini = stop_daemon)
{
	json_t *q = good();

	json_object_set_new(q, "device",
	                    json_string("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"));
	cr_assert_eq(create(q), 0, "%s", err.text);
}

Test(requests, files_that_are_listed_are_in_the_event, .init = setup, .fini = stop_daemon)
{
	json_t *q = good(), *e;

	json_object_set_new(q, "files", json_pack("[s,s]", "a.xlsx", "氏名.txt"));
	cr_assert_eq(create(q), 0, "%s", err.text);
	e = last_event("request.created");
	cr_assert_eq(json_array_size(json_object_get(e, "files")), 2);
	json_decref(e);
}

Test(requests, only_the_least_is_needed, .init = setup, .fini = stop_daemon)
{
	json_t *e;

	cr_assert_eq(create(json_pack("{s:s, s:s}", "device", "1-2", "purpose", "x")), 0, "%s", err.text);
	e = last_event("request.created");
	cr_assert_str_eq(str(e, "access"), "ro");
	cr_assert_str_eq(str(e, "class"), "none");
	json_decref(e);
}

static void refused(const char *name, json_t *value, int code)
{
	json_t *q = good();
	int r;

	if (value)
		json_object_set_new(q, name, value);
	else
		json_object_del(q, name);
	r = create(q);
	cr_assert_eq(r, code, "%s: %d %s", name, r, err.text);
	cr_assert_gt(strlen(err.text), 0);
}

Test(requests, bad_ones, .init = setup, .fini = stop_daemon)
{
	char text[400];

	memset(text, 'x', sizeof text);
	text[399] = '\0';
	refused("device", NULL, -EINVAL);
	refused("device", json_string("1-9"), -ENOENT);
	refused("device", json_string("1-1"), -EINVAL);
	refused("device", json_string(""), -EINVAL);
	refused("files", json_array(), -EINVAL);
	refused("files", json_string("a"), -EINVAL);
	refused("files", json_pack("[s,s]", "a", "a"), -EINVAL);
	refused("files", json_pack("[s]", "a\033"), -EINVAL);
	refused("purpose", NULL, -EINVAL);
	refused("purpose", json_string(""), -EINVAL);
	refused("purpose", json_string(text), -EINVAL);
	refused("purpose", json_string("line\nbreak"), -EINVAL);
	refused("purpose", json_string("\xe2\x80\xae right to left"), -EINVAL);
	refused("access", json_string("wo"), -EINVAL);
	refused("access", json_integer(1), -EINVAL);
	refused("hours", json_integer(0), -EINVAL);
	refused("hours", json_integer(1 << 30), -EINVAL);
	refused("hours", json_string("3"), -EINVAL);
	refused("class", json_string("5"), -EINVAL);
	refused("destination", json_string(text), -EINVAL);
	cr_assert_null(last_event("request.created"));
}

Test(requests, who_has_no_name_cannot_ask, .init = setup, .fini = stop_daemon)
{
	json_t *q = good();

	cr_assert_eq(sk_request_create(d, 3999999999u, q, id, &err), -EPERM);
	json_decref(q);
}

Test(requests, not_without_end, .init = setup, .fini = stop_daemon, .timeout = 60)
{
	for (int i = 0; i < SK_REQUESTS_PER_DAY; i++)
		cr_assert_eq(create(good()), 0, "%s", err.text);
	cr_assert_eq(create(good()), -EBUSY);
}

static void answer(const char *request, const char *state, int n, const char *reason)
{
	json_t *b = json_pack("{s:[{s:s, s:s, s:i, s:s}]}", "requests", "id", request, "state", state, "number", n,
	                      "reason", reason);

	sk_request_answers(d, b);
	json_decref(b);
}

Test(requests, the_number_people_read_is_kept, .init = setup, .fini = stop_daemon)
{
	static const char *const labels[] = {"2026-0001", "\x1b[2J", "2026-0001-and-much-more-than-a-label-has"};
	json_t *b, *l, *e;

	cr_assert_eq(create(good()), 0);
	for (size_t i = 0; i < 3; i++) { /* the hostile ones change nothing */
		b = json_pack("{s:[{s:s,s:s,s:i,s:s,s:s}]}", "requests", "id", id, "state",
		              i == 0 ? "permitted" : "refused", "number", 17, "label", labels[i], "reason", "");
		sk_request_answers(d, b);
		json_decref(b);
	}
	l = sk_request_list(d, 0);
	e = json_array_get(l, 0);
	cr_assert_str_eq(str(e, "state"), "permitted");
	cr_assert_str_eq(str(json_object_get(e, "body"), "label"), "2026-0001");
	cr_assert_eq(json_integer_value(json_object_get(e, "number")), 17);
	json_decref(l);
	e = last_event("request.answered");
	cr_assert_str_eq(str(e, "label"), "2026-0001");
	json_decref(e);
}

Test(requests, answers_change_the_state_once_and_tell_the_person, .init = setup, .fini = stop_daemon)
{
	json_t *l, *e;
	int64_t before;
	struct sk_journal_info i;

	cr_assert_eq(create(good()), 0);
	answer(id, "refused", 17, "not today");
	l = sk_request_list(d, 0);
	cr_assert_eq(json_array_size(l), 1);
	e = json_array_get(l, 0);
	cr_assert_str_eq(str(e, "state"), "refused");
	cr_assert_str_eq(str(e, "reason"), "not today");
	cr_assert_eq(json_integer_value(json_object_get(e, "number")), 17);
	json_decref(l);
	e = last_event("request.answered");
	cr_assert_str_eq(str(e, "state"), "refused");
	json_decref(e);
	cr_assert_eq(json_array_size(d->notices.ring), 1);
	cr_assert_neq(strstr(str(json_array_get(d->notices.ring, 0), "text_en"), "not today"), NULL);
	sk_journal_info(d->journal, &i);
	before = i.last_seq;
	answer(id, "refused", 17, "not today");
	sk_journal_info(d->journal, &i);
	cr_assert_eq(i.last_seq, before, "the same answer again is nothing new");
	answer(id, "approved", 17, "");
	sk_journal_info(d->journal, &i);
	cr_assert_eq(i.last_seq, before + 1);
}

Test(requests, malformed_answers_are_skipped, .init = setup, .fini = stop_daemon)
{
	json_t *b, *l;

	cr_assert_eq(create(good()), 0);
	b = json_pack("{s:[i, {}, {s:s}, {s:s, s:s}, {s:s, s:s, s:s}, {s:s, s:s}]}", "requests", 5, "id", "x", "id",
	              "not-a-uuid", "state", "approved", "id", id, "state", "approved", "number", "x", "id", DEVICE,
	              "state", "approved");
	cr_assert_not_null(b);
	sk_request_answers(d, b);
	json_decref(b);
	b = json_pack("{s:s}", "requests", "x");
	sk_request_answers(d, b);
	json_decref(b);
	l = sk_request_list(d, 0);
	cr_assert_str_eq(str(json_array_get(l, 0), "state"), "submitted");
	json_decref(l);
}

Test(requests, not_while_the_record_cannot_be_written, .init = setup, .fini = stop_daemon)
{
	struct rlimit none = {1, RLIM_INFINITY}, whole = {RLIM_INFINITY, RLIM_INFINITY};
	struct sk_journal_info i;

	signal(SIGXFSZ, SIG_IGN);
	cr_assert_eq(setrlimit(RLIMIT_FSIZE, &none), 0);
	json_t *b = json_object();
	cr_assert_lt(sk_daemon_record(d, "device.decided", b), 0);
	json_decref(b);
	cr_assert_lt(create(good()), 0);
	sk_journal_info(d->journal, &i);
	cr_assert_eq(i.queued, 1, "the refusal waits in memory, the request does not");
	cr_assert_eq(setrlimit(RLIMIT_FSIZE, &whole), 0);
	cr_assert_eq(create(good()), 0, "%s", err.text);
	sk_journal_info(d->journal, &i);
	cr_assert_eq(i.queued, 0);
	cr_assert_str_eq(i.problem, "");
}

Test(requests, own_and_everyones, .init = setup, .fini = stop_daemon)
{
	json_t *l;

	cr_assert_eq(create(good()), 0);
	cr_assert_eq(sk_journal_request_put(d->journal, OTHER, 5, 1234, "somebody", "1-2", "{}"), 0);
	l = sk_request_list(d, 1234);
	cr_assert_eq(json_array_size(l), 1);
	json_decref(l);
	l = sk_request_list(d, 4321);
	cr_assert_eq(json_array_size(l), 0);
	json_decref(l);
	l = sk_request_list(d, -1);
	cr_assert_eq(json_array_size(l), 2);
	json_decref(l);
}
