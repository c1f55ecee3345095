/* Deciding again what was decided. A change is kept under its own words: the same device, interface, before and after are one line. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/text.h"
#include "policy/replay.h"

#define HOSTS_MAX 20

struct sk_replay {
	const struct sk_policy *policy;
	json_t *changes; /* object: words of the change -> the change */
	int64_t events, decisions, unreadable, left_out;
	struct sk_seen seen; /* scratch */
	struct sk_verdict strict, open;
};

struct sk_replay *sk_replay_new(const struct sk_policy *p)
{
	struct sk_replay *r = calloc(1, sizeof(*r));

	if (!r)
		return NULL;
	r->policy = p;
	r->changes = json_object();
	return r->changes ? r : sk_replay_free(r);
}

struct sk_replay *sk_replay_free(struct sk_replay *r)
{
	if (r)
		json_decref(r->changes);
	free(r);
	return NULL;
}

static const char *state_of(const struct sk_iface_verdict *v)
{
	if (!v->allow)
		return "deny";
	return v->kind & SK_USB_STORING ? sk_access_name(v->access) : "allow";
}

static const struct sk_iface_verdict *iface_of(const struct sk_verdict *v, json_int_t number)
{
	for (size_t i = 0; i < v->n_ifaces; i++) {
		if (v->ifaces[i].number == number)
			return &v->ifaces[i];
	}
	return NULL;
}

static void decide(struct sk_replay *r, sk_ms time, const struct sk_replay_place *where)
{
	const struct sk_seen *s = &r->seen;
	struct sk_grant grant = {.access = s->granted, .from = 0, .until = INT64_MAX};
	struct sk_grants grants = {.items = &grant, .n = s->granted != SK_ACCESS_NONE};
	struct sk_context c = {.now = time,
	                       .person = s->person,
	                       .other_keyboards = !s->by_safe_path,
	                       .other_mice = !s->by_safe_path,
	                       .host = where->host,
	                       .section = where->section,
	                       .utc_offset_s = where->utc_offset_s,
	                       .holds_encrypted = true};

	sk_text_copy(grant.device_key, sizeof(grant.device_key), s->device.desc.device_key);
	sk_decide(r->policy, &grants, &s->device, &c, &r->strict);
	c.media_follow = true;
	sk_decide(r->policy, &grants, &s->device, &c, &r->open);
}

static json_t *change_new(const struct sk_seen *s, const json_t *iface, const struct sk_iface_verdict *now,
                          bool depends, sk_ms time)
{
	const struct sk_device *d = &s->device;

	return json_pack(
	    "{s:s, s:o, s:o, s:s, s:s, s:s?, s:s, s:i, s:s, s:s, s:s, s:s, s:s, s:s?, s:b, s:I, s:I, s:I, s:[]}",
	    "device", d->name, "vendor_id", json_sprintf("%04x", d->desc.vid), "product_id",
	    json_sprintf("%04x", d->desc.pid), "vendor", d->vendor, "product", d->product, "serial",
	    d->has_serial ? d->serial : NULL, "device_key", d->desc.device_key, "interface", now->number, "kind",
	    sk_usb_kind_name(now->kind), "was", sk_seen_state(iface), "was_reason",
	    json_is_string(json_object_get(iface, "reason")) ? json_string_value(json_object_get(iface, "reason")) : "",
	    "now", state_of(now), "reason", sk_reason_name(now->reason), "rule", now->rule ? now->rule->name : NULL,
	    "depends", (int)depends, "count", (json_int_t)0, "first", (json_int_t)time, "last", (json_int_t)time,
	    "hosts");
}

static void count_in(json_t *change, int64_t n, sk_ms time, const char *host)
{
	json_t *hosts = json_object_get(change, "hosts"), *it;
	size_t i;

	json_object_set_new(change, "count",
	                    json_integer(json_integer_value(json_object_get(change, "count")) + (json_int_t)n));
	if (time < json_integer_value(json_object_get(change, "first")))
		json_object_set_new(change, "first", json_integer((json_int_t)time));
	if (time > json_integer_value(json_object_get(change, "last")))
		json_object_set_new(change, "last", json_integer((json_int_t)time));
	if (!host || !host[0] || json_array_size(hosts) >= HOSTS_MAX)
		return;
	json_array_foreach(hosts, i, it)
	{
		if (sk_text_eq(json_string_value(it), host))
			return;
	}
	json_array_append_new(hosts, json_string(host));
}

static void note(struct sk_replay *r, const json_t *iface, const struct sk_iface_verdict *now, bool depends, sk_ms time,
                 const char *host)
{
	char key[SK_SHA256_HEX + 192];
	json_t *change;
	struct sk_buf b;

	sk_buf_init(&b, sizeof(key) - 1);
	sk_buf_addf(&b, "%s %u %s %s %s %s", r->seen.device.desc.device_key, now->number, sk_seen_state(iface),
	            state_of(now), sk_reason_name(now->reason), now->rule ? now->rule->name : "");
	sk_text_copy(key, sizeof(key), b.data);
	sk_buf_deinit(&b);
	change = json_object_get(r->changes, key);
	if (!change && json_object_size(r->changes) >= SK_REPLAY_CHANGES_MAX) {
		r->left_out++;
		return;
	}
	if (!change) {
		change = change_new(&r->seen, iface, now, depends, time);
		if (!change || json_object_set_new(r->changes, key, change) < 0) {
			r->left_out++;
			return;
		}
	}
	count_in(change, r->seen.count, time, host);
}

int sk_replay_event(struct sk_replay *r, const json_t *body, sk_ms time, const struct sk_replay_place *where)
{
	json_t *iface;
	size_t i;

	r->events++;
	if (sk_seen_read(body, &r->seen, NULL) < 0) {
		r->unreadable++;
		return -EINVAL;
	}
	r->decisions += r->seen.count;
	decide(r, time, where);
	json_array_foreach(r->seen.interfaces, i, iface)
	{
		json_int_t number = json_integer_value(json_object_get(iface, "number"));
		const struct sk_iface_verdict *strict = iface_of(&r->strict, number);
		const struct sk_iface_verdict *open = iface_of(&r->open, number);

		if (!strict || !open || (r->seen.system_disk && strict->kind == SK_USB_STORAGE))
			continue; /* the machine's own disk is let in whatever the policy says */
		if (strcmp(sk_seen_state(iface), state_of(open)) != 0)
			note(r, iface, open, strcmp(state_of(open), state_of(strict)) != 0, time, where->host);
	}
	return 0;
}

size_t sk_replay_changes(const struct sk_replay *r)
{
	return json_object_size(r->changes);
}

json_t *sk_replay_result(const struct sk_replay *r)
{
	json_t *list = json_array(), *change;
	const char *key;

	json_object_foreach(r->changes, key, change) json_array_append(list, change);
	return json_pack("{s:I, s:I, s:I, s:I, s:o}", "events", (json_int_t)r->events, "decisions",
	                 (json_int_t)r->decisions, "unreadable", (json_int_t)r->unreadable, "left_out",
	                 (json_int_t)r->left_out, "changes", list);
}
