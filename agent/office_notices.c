/* Notices of the executive officer (I7): who has read which is kept beside the record; each reading is an event of its own. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "agent/office_impl.h"
#include "agent/tell.h"
#include "common/json.h"
#include "common/log.h"

#define NAME        "notices.read"
#define READ_BYTES  (64 * 1024)
#define PERSONS_MAX 200 /* of one notice on one terminal */

void sk_office_load_read(struct sk_office *o)
{
	struct sk_buf text;

	sk_buf_init(&text, READ_BYTES);
	if (sk_journal_meta_get(o->d->journal, NAME, &text) == 0)
		(void)sk_json_parse(text.data, text.len, READ_BYTES, &o->read, NULL);
	sk_buf_deinit(&text);
	if (!json_is_object(o->read)) {
		json_decref(o->read);
		o->read = json_object();
	}
}

static bool has_read(const struct sk_office *o, const char *id, const char *person)
{
	const json_t *list = json_object_get(o->read, id), *one;
	size_t i;

	json_array_foreach(list, i, one)
	{
		const char *s = json_string_value(one);

		if (s && strcmp(s, person) == 0)
			return true;
	}
	return false;
}

static int store_read(struct sk_office *o)
{
	char *text = sk_json_text(o->read);
	int r = text ? sk_journal_meta_set(o->d->journal, NAME, text) : -ENOMEM;

	free(text);
	return r;
}

static json_t *body_of(const struct sk_office_notice *n)
{
	return json_pack("{s:s, s:I, s:s, s:s, s:s}", "id", n->id, "number", (json_int_t)n->number, "from", n->from,
	                 "title", n->title, "text", n->text);
}

static void tell(struct sk_office *o, const char *person, const struct sk_office_notice *n)
{
	json_t *body = body_of(n);

	if (body)
		sk_tell(o->d, person, "notice.received", body);
	json_decref(body);
}

static const struct sk_office_notice *find(const struct sk_office *o, const char *id)
{
	for (size_t i = 0; i < o->notices.n; i++)
		if (strcmp(o->notices.items[i].id, id) == 0)
			return &o->notices.items[i];
	return NULL;
}

/* What stands no more is forgotten. */
static void forget(struct sk_office *o)
{
	const char *id;
	json_t *list;
	void *tmp;

	json_object_foreach_safe(o->read, tmp, id, list)
	{
		if (!find(o, id))
			json_object_del(o->read, id);
	}
}

/* A new one: on record, and shown to whoever sits there. */
static void announce(struct sk_office *o, const struct sk_office_notice *n)
{
	sk_daemon_record_new(o->d, "notice.received",
	                     json_pack("{s:s, s:I, s:s, s:s}", "id", n->id, "number", (json_int_t)n->number, "from",
	                               n->from, "title", n->title));
	tell(o, NULL, n);
}

void sk_office_take_notices(struct sk_office *o, const json_t *body)
{
	struct sk_err err = SK_ERR_INIT;
	bool changed = false;

	if (sk_office_notices_parse(body, &o->notices, &err) < 0) {
		sk_log(SK_LOG_ERR, "notices are not taken: %s", err.text);
		return;
	}
	for (size_t i = o->notices.n; i-- > 0;) { /* oldest first */
		const struct sk_office_notice *n = &o->notices.items[i];

		if (json_object_get(o->read, n->id))
			continue;
		json_object_set_new(o->read, n->id, json_array());
		changed = true;
		announce(o, n);
	}
	forget(o);
	if (changed)
		(void)store_read(o);
}

static bool stands(const struct sk_office *o, const struct sk_office_notice *n)
{
	return n->until > sk_daemon_now(o->d);
}

void sk_office_arrived(struct sk_daemon *d, const char *person)
{
	struct sk_office *o = d->office;

	for (size_t i = o ? o->notices.n : 0; i-- > 0;)
		if (stands(o, &o->notices.items[i]) && !has_read(o, o->notices.items[i].id, person))
			tell(o, person, &o->notices.items[i]);
}

json_t *sk_office_notice_list(struct sk_daemon *d, const char *person)
{
	const struct sk_office *o = d->office;
	json_t *list = json_array();

	for (size_t i = 0; o && list && i < o->notices.n; i++) {
		const struct sk_office_notice *n = &o->notices.items[i];
		json_t *one = stands(o, n) ? body_of(n) : NULL;

		if (!one)
			continue;
		json_object_set_new(one, "created", json_integer((json_int_t)n->created));
		json_object_set_new(one, "until", json_integer((json_int_t)n->until));
		json_object_set_new(one, "read", json_boolean(has_read(o, n->id, person)));
		json_array_append_new(list, one);
	}
	return list;
}

int sk_office_notice_ack(struct sk_daemon *d, const char *person, const char *id, struct sk_err *err)
{
	struct sk_office *o = d->office;
	const struct sk_office_notice *n = o ? find(o, id) : NULL;
	json_t *body, *list;
	int r;

	if (!n)
		return sk_err_set(err, -ENOENT, "there is no such notice");
	list = json_object_get(o->read, id);
	if (has_read(o, id, person) || json_array_size(list) >= PERSONS_MAX)
		return 0;
	body = json_pack("{s:s, s:I, s:s}", "id", n->id, "number", (json_int_t)n->number, "person", person);
	r = body ? sk_daemon_record(d, "notice.acknowledged", body) : -ENOMEM;
	json_decref(body);
	if (r < 0)
		return sk_err_set(err, -EIO, "the record cannot be written now; try again later");
	json_array_append_new(list, json_string(person));
	return store_read(o) < 0 ? sk_err_set(err, -EIO, "the record cannot be written now") : 0;
}
