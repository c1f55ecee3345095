/* From facts to an outcome: asks the pure decision, copies what it answers, adds the one thing policy cannot know (system disks). */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "agent/gate_impl.h"
#include "common/buf.h"
#include "common/i18n.h"
#include "common/text.h"

enum { CLASS_HID = 3, HID_BOOT = 1, BOOT_KEYBOARD = 1, BOOT_MOUSE = 2 };

/* Only what is let in and surely is one counts: a refused keyboard, or a volume knob, must not keep the only real keyboard out. */
static bool admits_boot(const struct sk_outcome *o, uint8_t protocol)
{
	size_t i;

	for (i = 0; i < o->n; i++) {
		const struct sk_gate_iface *f = &o->ifaces[i];

		if (f->allow && f->kind == SK_USB_INPUT && f->cls == CLASS_HID && f->sub == HID_BOOT &&
		    f->proto == protocol)
			return true;
	}
	return false;
}

int sk_gate_utc_offset(sk_ms now)
{
	time_t t = (time_t)(now / 1000);
	struct tm tm;

	return localtime_r(&t, &tm) != NULL ? (int)tm.tm_gmtoff : 0;
}

/* The terminal's name, for rules that name terminals; "" if it has none. Read anew: it may be set after our start. */
static const char *host_name(void)
{
	static char name[HOST_NAME_MAX + 1];

	if (gethostname(name, sizeof(name) - 1) < 0)
		name[0] = '\0';
	return name;
}

void sk_attached_identity(const struct sk_attached *a, struct sk_identity *out)
{
	const struct sk_grants *g = a->gate->hooks.grants(a->gate->hooks.ctx);

	sk_ledger_identify(g != NULL ? g->ledger : NULL, &a->facts, out);
}

void sk_attached_context(const struct sk_attached *a, struct sk_context *c)
{
	const struct sk_gate *g = a->gate;
	const struct sk_grants *told = g->hooks.grants(g->hooks.ctx);
	const struct sk_attached *b;
	struct sk_identity id;

	*c = (struct sk_context){.now = g->hooks.now(g->hooks.ctx), .person = g->person, .host = host_name()};
	c->groups = (const char *const *)g->groups.names;
	c->n_groups = g->groups.n;
	c->section = told != NULL && told->section[0] != '\0' ? told->section : NULL;
	c->utc_offset_s = sk_gate_utc_offset(c->now);
	c->holds_encrypted = true;
	sk_attached_uses(a, &c->uses);
	c->locked = g->locked;
	c->antivirus_stale = sk_attached_antivirus_stale(a);
	sk_gate_keyboard_context(a, c);
	sk_attached_identity(a, &id);
	/* What is in no ledger is looked at only where a rule asks for what every medium can tell. */
	c->unregistered = id.stage == SK_ID_UNKNOWN;
	c->media_follow = !c->unregistered || g->hooks.policy(g->hooks.ctx)->asks_media;
	c->registering = a->registering;
	/* Who came in by the safe path stays: a keyboard must not die under the hands because another one was plugged in. */
	if (a->decided && a->outcome.allow && a->outcome.reason == SK_REASON_SAFE_PATH)
		return;
	for (b = g->first; b != NULL; b = b->next) {
		if (b == a || !b->outcome.allow)
			continue;
		c->other_keyboards += admits_boot(&b->outcome, BOOT_KEYBOARD);
		c->other_mice += admits_boot(&b->outcome, BOOT_MOUSE);
	}
}

static void copy_iface(struct sk_gate_iface *to, const struct sk_iface_verdict *v)
{
	(void)memset(to, 0, sizeof(*to));
	to->number = v->number;
	to->cls = v->cls;
	to->sub = v->sub;
	to->proto = v->proto;
	to->kind = v->kind;
	to->allow = v->allow;
	to->access = v->pending ? SK_ACCESS_RO : v->access;
	to->pending = v->pending;
	to->reason = v->reason;
	to->may_image = v->rule != NULL && (v->rule->kinds & (SK_USB_IMAGE | SK_USB_MTP));
	to->may_net = v->kind == SK_USB_NETWORK || v->reason == SK_REASON_AUDIT ||
	              (v->rule != NULL && (sk_usb_kinds_whole(v->rule->kinds) & SK_USB_NETWORK));
	if (v->rule != NULL)
		sk_text_copy(to->rule, sizeof(to->rule), v->rule->name);
	if (v->allow && v->grant != NULL && v->reason == SK_REASON_GRANT) {
		sk_text_copy(to->grant, sizeof(to->grant), v->grant->id);
		sk_text_copy(to->person, sizeof(to->person), v->grant->person);
		to->until = v->grant->until;
		to->uses = v->grant->uses;
		to->sealed = !v->pending && v->grant->container_key[0] != '\0';
	}
}

static void copy_verdict(struct sk_outcome *to, const struct sk_verdict *v)
{
	const struct sk_iface_verdict *main = sk_verdict_main(v);
	size_t i;

	(void)memset(to, 0, offsetof(struct sk_outcome, ifaces));
	to->allow = v->allow;
	to->config = v->config;
	to->reason = v->reason;
	if (main != NULL && main->rule != NULL)
		sk_text_copy(to->rule, sizeof(to->rule), main->rule->name);
	to->n = v->n_ifaces < SK_IFACES_MAX ? v->n_ifaces : SK_IFACES_MAX;
	for (i = 0; i < to->n; i++)
		copy_iface(&to->ifaces[i], &v->ifaces[i]);
}

/* The system runs from it: refusing it would only kill the terminal. Of a USB device its storage alone is let in, all the rest as decided. */
static void admit_system_disk(struct sk_verdict *v, bool whole)
{
	size_t i;

	for (i = 0; i < v->n_ifaces; i++) {
		struct sk_iface_verdict *f = &v->ifaces[i];

		if (f->kind != SK_USB_STORAGE && !whole)
			continue;
		f->allow = v->allow = true;
		f->pending = false;
		f->access = SK_ACCESS_RW;
		f->reason = SK_REASON_RULE_ALLOW;
		f->rule = NULL;
		f->grant = NULL;
	}
	if (v->allow)
		v->reason = SK_REASON_RULE_ALLOW;
}

/* The second stage: what was opened for looking and has been looked at. */
bool sk_attached_media(const struct sk_attached *a, struct sk_media_facts *m)
{
	struct sk_identity id;

	if (a->facts.looked == SK_LOOKED_NOT || a->registering)
		return false;
	*m = a->media;
	sk_attached_identity(a, &id);
	m->grade = id.stage == SK_ID_PROVED ? id.grade : SK_GRADE_C;
	sk_text_copy(m->ledger, sizeof(m->ledger), id.stage == SK_ID_PROVED ? id.entry->ledger : "");
	return true;
}

void sk_attached_decide(const struct sk_attached *a, struct sk_verdict *v, struct sk_outcome *out)
{
	const struct sk_gate_hooks *h = &a->gate->hooks;
	struct sk_media_facts m;
	struct sk_identity id;
	struct sk_context c;
	bool internal;

	sk_attached_context(a, &c);
	sk_decide(h->policy(h->ctx), h->grants(h->ctx), &a->facts, &c, v);
	if (sk_attached_media(a, &m))
		sk_decide_media(h->policy(h->ctx), h->grants(h->ctx), &a->facts, &m, &c, v);
	internal = sk_gate_is_own(a);
	if (internal)
		admit_system_disk(v, a->via != &a->gate->sys.usb);
	copy_verdict(out, v);
	out->internal = internal;
	sk_attached_identity(a, &id);
	for (size_t i = 0; i < out->n; i++)
		out->ifaces[i].sealed = out->ifaces[i].sealed && id.stage == SK_ID_PROVED && id.entry->container;
}

static bool same_iface(const struct sk_gate_iface *a, const struct sk_gate_iface *b)
{
	return a->number == b->number && a->allow == b->allow && a->pending == b->pending && a->sealed == b->sealed &&
	       a->access == b->access && a->reason == b->reason && strcmp(a->rule, b->rule) == 0 &&
	       strcmp(a->grant, b->grant) == 0;
}

void sk_outcome_copy(struct sk_outcome *to, const struct sk_outcome *from)
{
	(void)memcpy(to, from, offsetof(struct sk_outcome, ifaces) + from->n * sizeof(from->ifaces[0]));
}

bool sk_outcome_same(const struct sk_outcome *a, const struct sk_outcome *b)
{
	size_t i;

	if (a->allow != b->allow || a->config != b->config || a->reason != b->reason || a->n != b->n)
		return false;
	for (i = 0; i < a->n; i++)
		if (!same_iface(&a->ifaces[i], &b->ifaces[i]))
			return false;
	return true;
}

const struct sk_gate_iface *sk_outcome_iface(const struct sk_outcome *o, int number)
{
	size_t i;

	for (i = 0; i < o->n; i++)
		if (o->ifaces[i].number == number)
			return &o->ifaces[i];
	return NULL;
}

json_t *sk_attached_ident(const struct sk_attached *a)
{
	const struct sk_device *d = &a->facts;
	struct sk_identity id;
	json_t *o;

	sk_attached_identity(a, &id);
	o = json_pack("{s:s,s:s,s:s,s:o,s:o,s:s,s:s,s:s,s:s,s:s}", "device", d->name, "bus", d->bus, "port", d->name,
	              "vendor_id", json_sprintf("%04x", d->desc.vid), "product_id", json_sprintf("%04x", d->desc.pid),
	              "vendor", d->vendor, "product", d->product, "serial", d->serial, "device_key", d->desc.device_key,
	              "grade", sk_grade_name(id.stage == SK_ID_PROVED ? id.grade : SK_GRADE_C));
	if (o != NULL && id.stage == SK_ID_PROVED)
		(void)json_object_set_new(o, "ledger", json_string(id.entry->ledger));
	if (o != NULL && d->looked == SK_LOOKED_DONE)
		(void)json_object_set_new(o, "media_key", json_string(d->media_key));
	return o;
}

static void add_sentence(const struct sk_attached *a, const struct sk_verdict *v, int lang, const char *name,
                         json_t *body)
{
	const struct sk_gate_hooks *h = &a->gate->hooks;
	char safe[2048];
	struct sk_buf text;

	sk_buf_init(&text, sizeof(safe) - 1);
	sk_verdict_sentence(h->policy(h->ctx), &a->facts, v, lang, &text);
	if (!text.failed) /* printable is UTF-8: need not be checked once more */
		(void)json_object_set_new_nocheck(
		    body, name, json_stringn_nocheck(safe, sk_text_printable(safe, sizeof(safe), text.data, text.len)));
	sk_buf_deinit(&text);
}

void sk_attached_sentences(const struct sk_attached *a, const struct sk_verdict *v, json_t *body)
{
	add_sentence(a, v, SK_LANG_JA, "sentence_ja", body);
	add_sentence(a, v, SK_LANG_EN, "sentence_en", body);
}

void sk_attached_note(struct sk_attached *a, const char *kind, const char *why, const char *detail)
{
	json_t *body = sk_attached_ident(a);

	if (body == NULL)
		return;
	if (why != NULL)
		(void)json_object_set_new(body, "why", json_string(why));
	if (detail != NULL)
		(void)json_object_set_new(body, "detail", json_string(detail));
	json_incref(body);
	(void)sk_gate_record(a->gate, kind, body);
	sk_gate_notify(a->gate, kind, body);
	json_decref(body);
}
