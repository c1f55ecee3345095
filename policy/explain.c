/*
 * Why: the decision once more, with every rule that was looked at before the one that decided, and the condition that did not hold.
 * It walks all rules in order and so checks the indexed search of the decision against the plain one.
 */
#include "policy/decide.h"
#include "policy/rule.h"

#define STEPS_MAX 200 /* shown per interface */

/* The alternate setting whose verdict is v. */
static const struct sk_usb_alt *decided_alt(const struct sk_device *d, const struct sk_iface_verdict *v)
{
	for (size_t i = 0; i < d->desc.n_alts; i++) {
		const struct sk_usb_alt *a = &d->desc.alts[i];

		if (a->first_config && a->number == v->number && a->cls == v->cls && a->sub == v->sub &&
		    a->proto == v->proto && sk_usb_alt_kind(a) == v->kind)
			return a;
	}
	return NULL;
}

static json_t *step(const struct sk_rule *r, enum sk_match m)
{
	if (m == SK_MATCH_YES)
		return json_pack("{s:s, s:i, s:b, s:s}", "rule", r->name, "line", r->line, "matched", 1, "action",
		                 sk_action_name(r->action));
	return json_pack("{s:s, s:i, s:b, s:s}", "rule", r->name, "line", r->line, "matched", 0, "because",
	                 sk_match_name(m));
}

static void add_steps(json_t *iface, const struct sk_rule_query *q, const struct sk_rule *decided,
                      const struct sk_usb_alt *a)
{
	const struct sk_policy *p = q->policy;
	json_t *steps = json_array();
	size_t omitted = 0;

	for (size_t i = 0; i < p->n_rules; i++) {
		enum sk_match m = sk_rule_match(&p->rules[i], q, a);

		if (&p->rules[i] == decided) /* also one that may still match: the medium was not known yet */
			m = SK_MATCH_YES;
		if (m == SK_MATCH_YES || i < STEPS_MAX)
			json_array_append_new(steps, step(&p->rules[i], m));
		else
			omitted++;
		if (m == SK_MATCH_YES)
			break;
	}
	json_object_set_new(iface, "steps", steps);
	if (omitted)
		json_object_set_new(iface, "steps_omitted", json_integer((json_int_t)omitted));
}

static json_t *explain_iface(const struct sk_rule_query *q, const struct sk_iface_verdict *v)
{
	const struct sk_device *d = q->device;
	const struct sk_usb_alt *a = decided_alt(d, v);
	json_t *j = sk_iface_verdict_json(v);

	if (q->policy && a && d->desc_ok)
		add_steps(j, q, v->rule, a);
	else
		json_object_set_new(j, "steps", json_array());
	return j;
}

json_t *sk_explain(const struct sk_policy *p, const struct sk_grants *g, const struct sk_device *d,
                   const struct sk_media_facts *m, const struct sk_context *c)
{
	struct sk_verdict v;
	struct sk_rule_query q;
	json_t *list = json_array();

	sk_decide(p, g, d, c, &v);
	if (m)
		sk_decide_media(p, g, d, m, c, &v);
	sk_rule_query_init(&q, p, d, c, m);
	for (size_t i = 0; i < v.n_ifaces; i++)
		json_array_append_new(list, explain_iface(&q, &v.ifaces[i]));
	return json_pack("{s:s, s:I, s:s, s:s, s:s, s:o}", "policy", p ? p->name : "", "version",
	                 (json_int_t)(p ? p->version : 0), "mode", sk_mode_name(p ? p->mode : SK_MODE_ENFORCE),
	                 "verdict", v.allow ? "allow" : "deny", "reason", sk_reason_name(v.reason), "interfaces", list);
}
