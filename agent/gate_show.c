/* What the gate tells others: the list of devices, the explanation of one, and how enforcement stands. */
#include <errno.h>
#include <string.h>

#include "agent/gate_impl.h"

static json_t *kinds_json(unsigned mask)
{
	json_t *list = json_array();
	unsigned i;

	for (i = 0; i < SK_USB_KINDS; i++)
		if (mask & (1u << i))
			(void)json_array_append_new(list, json_string(sk_usb_kind_name(1u << i)));
	return list;
}

static json_t *iface_json(const struct sk_gate_iface *f, bool device)
{
	bool allow = device && f->allow;

	return json_pack("{s:i,s:o,s:s,s:s,s:s,s:s,s:s?,s:s?}", "number", (int)f->number, "class",
	                 json_sprintf("%02x/%02x/%02x", f->cls, f->sub, f->proto), "kind", sk_usb_kind_name(f->kind),
	                 "verdict", allow ? "allow" : "deny", "access",
	                 sk_access_name(allow ? f->access : SK_ACCESS_NONE), "reason", sk_reason_name(f->reason),
	                 "rule", f->rule[0] != '\0' ? f->rule : NULL, "grant", f->grant[0] != '\0' ? f->grant : NULL);
}

static json_t *device_json(const struct sk_attached *a)
{
	const struct sk_outcome *o = &a->outcome;
	json_t *body = sk_attached_ident(a), *list = json_array();
	size_t i;

	for (i = 0; i < o->n; i++)
		(void)json_array_append_new(list, iface_json(&o->ifaces[i], o->allow));
	if (body == NULL || list == NULL) {
		json_decref(list);
		json_decref(body);
		return NULL;
	}
	(void)json_object_set_new(body, "kinds", kinds_json(sk_usb_desc_kinds(&a->facts.desc)));
	(void)json_object_set_new(body, "verdict", json_string(o->allow ? "allow" : "deny"));
	(void)json_object_set_new(body, "reason", json_string(sk_reason_name(o->reason)));
	(void)json_object_set_new(body, "rule", o->rule[0] != '\0' ? json_string(o->rule) : json_null());
	(void)json_object_set_new(body, "since", json_integer((json_int_t)a->since));
	(void)json_object_set_new(body, "interfaces", list);
	(void)json_object_set_new(body, "media", a->medium != NULL ? sk_medium_json(a->medium) : json_array());
	if (a->facts.desc_problem[0] != '\0')
		(void)json_object_set_new(body, "problem", json_string(a->facts.desc_problem));
	if (o->internal)
		(void)json_object_set_new(body, "internal", json_true());
	return body;
}

json_t *sk_gate_devices(const struct sk_gate *g)
{
	json_t *list = json_array();
	const struct sk_attached *a;

	for (a = g->first; a != NULL; a = a->next)
		if (!a->dev->root_hub)
			(void)json_array_append_new(list, device_json(a));
	return list;
}

int sk_gate_explain(struct sk_gate *g, const char *device, json_t **out, struct sk_err *err)
{
	struct sk_attached *a = sk_gate_find(g, device);
	struct sk_outcome outcome;
	struct sk_media_facts m;
	struct sk_context c;
	struct sk_verdict v;
	json_t *answer, *explanation;

	if (a == NULL || a->dev->root_hub)
		return sk_err_set(err, -ENOENT, "%s is not attached; `sekimori devices` lists what is", device);
	sk_attached_context(a, &c);
	sk_attached_decide(a, &v, &outcome);
	explanation = sk_explain(g->hooks.policy(g->hooks.ctx), g->hooks.grants(g->hooks.ctx), &a->facts,
	                         sk_attached_media(a, &m) ? &m : NULL, &c);
	answer = json_pack("{s:o,s:o}", "device", device_json(a), "explanation", explanation);
	if (answer == NULL)
		return sk_err_set(err, -ENOMEM, "out of memory");
	sk_attached_sentences(a, &v, answer);
	*out = answer;
	return 0;
}

int sk_gate_open_medium(struct sk_gate *g, const char *device, const char *node, const struct sk_unlock *u,
                        struct sk_err *err)
{
	struct sk_attached *a = sk_gate_find(g, device);

	if (a == NULL || a->dev->root_hub)
		return sk_err_set(err, -ENOENT, "%s is not attached; `sekimori devices` lists what is", device);
	if (a->medium == NULL || a->closing)
		return sk_err_set(err, -ENOENT, "no medium of %s is open", device);
	return sk_medium_open(a->medium, node, u, err);
}

json_t *sk_gate_enforcement(const struct sk_gate *g)
{
	const struct sk_usb *usb = &g->sys.usb;
	const struct sk_attached *a;
	int controllers = 0, barred = 0;

	for (a = g->first; a != NULL; a = a->next) {
		controllers += a->dev->root_hub && usb->ops->alive(usb->ctx, a->dev);
		barred += a->barred;
	}
	return json_pack("{s:s,s:i,s:i}", "state", g->started ? "enforcing" : "starting", "controllers", controllers,
	                 "barred", barred);
}
