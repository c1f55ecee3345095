/* A verdict's names, and its form in records. */
#include "common/i18n.h"
#include "common/text.h"
#include "policy/decide.h"
#include "policy/seen.h"

static const struct {
	const char *name;
	const char *word;
} reasons[] = {
    [SK_REASON_RULE_ALLOW] = {"rule", N_("allowed by a rule")},
    [SK_REASON_RULE_DENY] = {"rule-deny", N_("refused by a rule")},
    [SK_REASON_DEFAULT] = {"default-deny", N_("no rule allows it")},
    [SK_REASON_GRANT] = {"grant", N_("permitted")},
    [SK_REASON_NO_GRANT] = {"no-grant", N_("no permit")},
    [SK_REASON_GRANT_EXPIRED] = {"grant-expired", N_("permit has ended")},
    [SK_REASON_GRANT_NOT_YET] = {"grant-not-yet", N_("permit has not begun")},
    [SK_REASON_GRANT_PERSON] = {"grant-other-person", N_("permit is for another person")},
    [SK_REASON_GRADE] = {"grade", N_("medium is not registered")},
    [SK_REASON_MALFORMED] = {"malformed-descriptors", N_("device describes itself wrongly")},
    [SK_REASON_HIDDEN_STORAGE] = {"hidden-storage", N_("storage hidden behind another function")},
    [SK_REASON_SAFE_PATH] = {"safe-path", N_("admitted so that the terminal stays usable")},
    [SK_REASON_AUDIT] = {"audit", N_("would be refused; recorded only")},
    [SK_REASON_INFECTED] = {"infected", N_("something malicious was found on it")},
    [SK_REASON_CHANGED] = {"changed", N_("device changed while it was being checked")},
    [SK_REASON_NOT_ENCRYPTED] = {"not-encrypted", N_("not encrypted")},
    [SK_REASON_GRANT_USED_UP] = {"grant-used-up", N_("permit is used up")},
    [SK_REASON_ANTIVIRUS] = {"antivirus", N_("antivirus is not current")},
    [SK_REASON_LOCKED] = {"session-locked", N_("screen is locked")},
    [SK_REASON_CONFIRM] = {"confirm", N_("waits to be confirmed on the keyboard that is there")},
    [SK_REASON_LOOKING] = {"looking", N_("being looked at for the ledger")},
    [SK_REASON_MEDIA_KEY] = {"media-key", N_("reformatted or exchanged since it was registered")},
    [SK_REASON_LOST] = {"medium-lost", N_("reported lost")},
    [SK_REASON_ERASED] = {"medium-erased", N_("erased according to the ledger")},
    [SK_REASON_DISPOSED] = {"medium-disposed", N_("disposed of according to the ledger")},
    [SK_REASON_NO_READ_ONLY] = {"no-read-only", N_("cannot be opened for reading only")},
    [SK_REASON_NOT_SANITISED] = {"not-sanitised", N_("not sanitised since it was written in another zone")},
};

#define N_REASONS (sizeof(reasons) / sizeof(reasons[0]))

const char *sk_reason_name(enum sk_reason r)
{
	return (unsigned)r < N_REASONS ? reasons[r].name : "";
}

const char *sk_reason_word(enum sk_reason r)
{
	return (unsigned)r < N_REASONS ? reasons[r].word : "";
}

static json_t *kind_list(unsigned mask)
{
	json_t *list = json_array();

	for (unsigned i = 0; i < SK_USB_KINDS; i++) {
		if (mask & 1u << i)
			json_array_append_new(list, json_string(sk_usb_kind_name(1u << i)));
	}
	return list;
}

json_t *sk_iface_verdict_json(const struct sk_iface_verdict *i)
{
	json_t *j = json_pack("{s:i, s:o, s:s, s:s, s:s, s:s, s:s?, s:s?}", "number", i->number, "class",
	                      json_sprintf("%02x/%02x/%02x", i->cls, i->sub, i->proto), "kind",
	                      sk_usb_kind_name(i->kind), "verdict", i->allow ? "allow" : "deny", "access",
	                      sk_access_name(i->access), "reason", sk_reason_name(i->reason), "rule",
	                      i->rule ? i->rule->name : NULL, "grant", i->grant ? i->grant->id : NULL);

	if (i->pending)
		json_object_set_new(j, "pending", json_true());
	return j;
}

static json_t *interface_list(const struct sk_verdict *v)
{
	json_t *list = json_array();

	for (size_t i = 0; i < v->n_ifaces; i++)
		json_array_append_new(list, sk_iface_verdict_json(&v->ifaces[i]));
	return list;
}

static json_t *facts_json(const struct sk_device *d)
{
	const struct sk_usb_desc *u = &d->desc;

	return json_pack("{s:s, s:s, s:o, s:o, s:o, s:s, s:s, s:s?, s:s, s:s, s:s, s:o, s:s}", "device", d->name, "bus",
	                 d->bus, "vendor_id", json_sprintf("%04x", u->vid), "product_id", json_sprintf("%04x", u->pid),
	                 "release", json_sprintf("%04x", u->bcd_device), "vendor", d->vendor, "product", d->product,
	                 "serial", d->has_serial ? d->serial : NULL, "device_key", u->device_key, "grade",
	                 sk_grade_name(d->grade), "connect", d->connect, "kinds", kind_list(sk_usb_desc_kinds(u)),
	                 "problem", d->desc_problem);
}

json_t *sk_verdict_json(const struct sk_device *d, const struct sk_verdict *v)
{
	const struct sk_iface_verdict *main = sk_verdict_main(v);
	json_t *body = facts_json(d);
	json_t *verdict =
	    json_pack("{s:s, s:s, s:s?, s:i, s:o, s:o}", "verdict", v->allow ? "allow" : "deny", "reason",
	              sk_reason_name(v->reason), "rule", main && main->rule ? main->rule->name : NULL, "config",
	              v->config, "hidden", kind_list(v->hidden_kinds), "interfaces", interface_list(v));

	/* What a later policy would need to judge it again; left out where it would be too long. */
	if (body) {
		json_object_set_new(body, "device_class",
		                    json_sprintf("%02x/%02x/%02x", d->desc.cls, d->desc.sub, d->desc.proto));
		json_object_set_new(body, "alts", sk_seen_alts(&d->desc));
	}
	if (!body || !verdict || json_object_update(body, verdict) < 0) {
		json_decref(body);
		body = NULL;
	}
	json_decref(verdict);
	return body;
}
