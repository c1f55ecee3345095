/* A verdict's names, and its form in records. */
#include "common/i18n.h"
#include "common/json.h"
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

static char *hex(char *out, unsigned v, size_t digits)
{
	while (digits-- > 0)
		*out++ = "0123456789abcdef"[v >> 4 * digits & 15];
	*out = '\0';
	return out;
}

static void put_id(json_t *o, const char *name, unsigned v)
{
	char text[5];

	(void)hex(text, v, 4);
	sk_json_put_own(o, name, text);
}

/* "08/06/50" */
static void put_class(json_t *o, const char *name, uint8_t cls, uint8_t sub, uint8_t proto)
{
	char text[9], *p = hex(text, cls, 2);

	*p = '/';
	p = hex(p + 1, sub, 2);
	*p = '/';
	(void)hex(p + 1, proto, 2);
	sk_json_put_own(o, name, text);
}

/* Members in the order of their names, here and below: the text of a record is sorted, and what is sorted already costs nothing. */
json_t *sk_iface_verdict_json(const struct sk_iface_verdict *i)
{
	json_t *j = json_object();

	sk_json_put_own(j, "access", sk_access_name(i->access));
	put_class(j, "class", i->cls, i->sub, i->proto);
	sk_json_put(j, "grant", i->grant ? i->grant->id : NULL);
	sk_json_put_own(j, "kind", sk_usb_kind_name(i->kind));
	json_object_set_new(j, "number", json_integer(i->number));
	if (i->pending)
		json_object_set_new(j, "pending", json_true());
	sk_json_put_own(j, "reason", sk_reason_name(i->reason));
	sk_json_put(j, "rule", i->rule ? i->rule->name : NULL);
	sk_json_put_own(j, "verdict", i->allow ? "allow" : "deny");
	return j;
}

static json_t *interface_list(const struct sk_verdict *v)
{
	json_t *list = json_array();

	for (size_t i = 0; i < v->n_ifaces; i++)
		json_array_append_new(list, sk_iface_verdict_json(&v->ifaces[i]));
	return list;
}

#define MEMBERS 20 /* without "alts": left out where it would be too long */

json_t *sk_verdict_json(const struct sk_device *d, const struct sk_verdict *v)
{
	const struct sk_iface_verdict *main = sk_verdict_main(v);
	const struct sk_usb_desc *u = &d->desc;
	json_t *o = json_object(), *alts = sk_seen_alts(u); /* what a later policy would need to judge it again */

	if (alts != NULL)
		json_object_set_new_nocheck(o, "alts", alts);
	sk_json_put(o, "bus", d->bus);
	json_object_set_new_nocheck(o, "config", json_integer(v->config));
	sk_json_put(o, "connect", d->connect);
	sk_json_put(o, "device", d->name);
	put_class(o, "device_class", u->cls, u->sub, u->proto);
	sk_json_put_own(o, "device_key", u->device_key);
	sk_json_put_own(o, "grade", sk_grade_name(d->grade));
	json_object_set_new_nocheck(o, "hidden", kind_list(v->hidden_kinds));
	json_object_set_new_nocheck(o, "interfaces", interface_list(v));
	json_object_set_new_nocheck(o, "kinds", kind_list(sk_usb_desc_kinds(u)));
	sk_json_put(o, "problem", d->desc_problem);
	sk_json_put(o, "product", d->product);
	put_id(o, "product_id", u->pid);
	sk_json_put_own(o, "reason", sk_reason_name(v->reason));
	put_id(o, "release", u->bcd_device);
	sk_json_put(o, "rule", main && main->rule ? main->rule->name : NULL);
	sk_json_put(o, "serial", d->has_serial ? d->serial : NULL);
	sk_json_put(o, "vendor", d->vendor);
	put_id(o, "vendor_id", u->vid);
	sk_json_put_own(o, "verdict", v->allow ? "allow" : "deny");
	if (json_object_size(o) < MEMBERS + (alts != NULL)) { /* no memory: no record with a hole in it */
		json_decref(o);
		return NULL;
	}
	return o;
}
