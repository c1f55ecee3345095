/* What must hold for any policy and any device: storage never opens without a grant or a rule that names it, a malformed device never. */
#include <libusb.h>

#include "common/buf.h"
#include "policy/rule.h"
#include "tests/unit/policy_help.h"

#define PLAIN "[rule hubs]\nkind = hub\naction = allow\n[rule input]\nkind = input\naction = allow\n"
#define MEDIA "[rule media]\nkind = storage image\naction = grant\n"

/*
 * Properties. Random policies over few words, so that they often match; random devices, mostly of classes that matter.
 */
#define POLICIES 2500
#define DEVICES  40 /* per policy: 10^5 pairs */

static const char *pick(uint64_t *s, const char *const *words, uint32_t n)
{
	return words[help_random(s, n)];
}

static struct sk_policy *random_policy(uint64_t *s)
{
	static const char *const kinds[] = {
	    "kind = storage",        "kind = input hub",         "kind = storage image", "kind = input",
	    "kind = vendor printer", "kind = hub input storage", "kind = optical ptp",   "kind = security-key tether"};
	static const char *const more[] = {"interfaces_any = 08/../.. 07/../..",
	                                   "interfaces_all = 03/../..",
	                                   "interfaces_only = 03/../.. 09/../.. 08/../..",
	                                   "bus = usb mmc",
	                                   "bus = thunderbolt",
	                                   "device = 1209:000*",
	                                   "name = *stick* | key?",
	                                   "serial = S*",
	                                   "connect = hotplug",
	                                   "grade = B",
	                                   "person = shokuin1",
	                                   "person = *",
	                                   "group = zeimu soumu",
	                                   "host = pc-1",
	                                   "host = pc-*",
	                                   "section = zeimu",
	                                   "zone = internet",
	                                   "zone = lgwan my-number",
	                                   "hours = 08:30-17:15",
	                                   "days = mon-fri",
	                                   "from = 2026-04-01\nuntil = fiscal-year-end",
	                                   "until = 2020-12-31",
	                                   "ledger = M-1",
	                                   "ledger = M-*",
	                                   "encryption = luks",
	                                   "encryption = none",
	                                   "size = 1G-64G",
	                                   "interface = 03/../..",
	                                   "interface = 08/../.. 06/../..",
	                                   "only = input hub",
	                                   "device = 1209:*",
	                                   "device = 1209:0001 1209:0002",
	                                   "serial = S1"};
	static const char *const anything[] = {"port = 1-*", "port = 1-2", "with = storage hub", "with = storage"};
	static const char *const actions[] = {"allow", "deny", "grant"};
	static const char *const access[] = {"none", "ro", "rw", "encrypted", "encrypted-ro"};
	struct sk_policy *p;
	struct sk_buf b;
	uint32_t n = 1 + help_random(s, 6);

	sk_buf_init(&b, 8192);
	for (uint32_t i = 0; i < n; i++) {
		const char *kind = help_random(s, 3) ? pick(s, kinds, 8) : NULL;
		const char *action = pick(s, actions, 3);
		uint32_t extra = help_random(s, 3);

		sk_buf_addf(&b, "[rule r%u]\n", i);
		if (kind)
			sk_buf_addf(&b, "%s\n", kind);
		if (!kind)
			sk_buf_addf(&b, "%s\n", pick(s, anything, 4));
		if (extra)
			sk_buf_addf(&b, "%s\n", pick(s, more, sizeof(more) / sizeof(more[0])));
		if (strcmp(action, "deny") != 0 && help_random(s, 3) == 0)
			sk_buf_addf(&b, "access = %s\n", pick(s, access + 1, 4));
		sk_buf_addf(&b, "action = %s\n", action);
	}
	sk_buf_addf(&b, "[grants]\ngrade_c = %s\ngrade_b = %s\n", pick(s, access, 5), pick(s, access, 5));
	sk_buf_addf(&b, "[media]\nwrite = %s\n", help_random(s, 2) ? "plain" : "encrypted");
	p = help_policy(b.data);
	p->mode = (enum sk_mode)help_random(s, 3);
	sk_buf_deinit(&b);
	return p;
}

static void random_device(uint64_t *s, struct sk_device *d)
{
	static const uint8_t classes[] = {3, 3, 3, 8, 8, 6, 9, 9, 7, 255, 1, 0x0a, 0};

	memset(d, 0, sizeof(*d));
	sk_text_copy(d->name, sizeof(d->name), help_random(s, 2) ? "1-2" : "2-1.4");
	sk_text_copy(d->serial, sizeof(d->serial), help_random(s, 2) ? "S1" : "S2");
	d->has_serial = help_random(s, 4) != 0;
	d->desc_ok = help_random(s, 10) != 0;
	d->grade = (enum sk_grade)help_random(s, 3);
	sk_text_copy(d->bus, sizeof(d->bus), help_random(s, 4) ? "usb" : help_random(s, 2) ? "mmc" : "nvme");
	sk_text_copy(d->connect, sizeof(d->connect), help_random(s, 2) ? "hotplug" : "unknown");
	sk_text_copy(d->product, sizeof(d->product), help_random(s, 2) ? "A Stick 8" : "Key1");
	d->desc.cls = help_random(s, 4) ? 0 : LIBUSB_CLASS_HUB;
	d->desc.vid = help_random(s, 3) ? 0x1209 : 0x0951;
	d->desc.pid = (uint16_t)help_random(s, 4);
	memset(d->desc.device_key, "0123456789abcdef"[help_random(s, 4)], SK_SHA256_HEX - 1);
	d->desc.n_alts = help_random(s, 6);
	for (size_t i = 0; i < d->desc.n_alts; i++)
		d->desc.alts[i] = (struct sk_usb_alt){
		    .config = 1,
		    .number = (uint8_t)help_random(s, 3),
		    .alt = (uint8_t)i,
		    .cls = classes[help_random(s, sizeof(classes))],
		    .sub = (uint8_t)help_random(s, 2),
		    .proto = (uint8_t)help_random(s, 3),
		    .transfers =
		        help_random(s, 5) ? 1u << LIBUSB_TRANSFER_TYPE_INTERRUPT : 1u << LIBUSB_TRANSFER_TYPE_BULK,
		    .first_config = help_random(s, 6) != 0,
		    .named = help_random(s, 8) ? 0 : help_random(s, 1u << (SK_USB_KINDS + SK_USB_SORTS)),
		};
}

static void random_grants(uint64_t *s, struct sk_grants *g, struct sk_grant items[4])
{
	memset(items, 0, 4 * sizeof(items[0]));
	g->items = items;
	g->n = help_random(s, 5);
	for (size_t i = 0; i < g->n; i++) { /* keys in order: 0.. 1.. 2.. 3.. */
		memset(items[i].device_key, (char)('0' + i), SK_SHA256_HEX - 1);
		items[i].access = (enum sk_access)(1 + help_random(s, 4));
		items[i].from = HELP_NOW - 86400000 + (sk_ms)help_random(s, 8) * 43200000ll;
		items[i].until = items[i].from + 1 + (sk_ms)help_random(s, 12) * 43200000ll;
		if (help_random(s, 3) == 0)
			sk_text_copy(items[i].person, sizeof(items[i].person), "shokuin3");
	}
}

static void explained_alike(const struct sk_policy *p, const struct sk_device *d, const struct sk_context *c,
                            const struct sk_media_facts *m, const struct sk_usb_alt *a)
{
	struct sk_rule_query q;
	struct sk_rule_walk w;
	enum sk_match how, plain;
	size_t i = 0;

	sk_rule_query_init(&q, p, d, c, m);
	sk_rule_walk_init(&w, &q, a);
	for (;;) {
		const struct sk_rule *r = sk_rule_walk_next(&w, &how);

		for (plain = SK_MATCH_KIND; i < p->n_rules; i++) {
			plain = sk_rule_match(&p->rules[i], &q, a);
			if (plain == SK_MATCH_YES || plain == SK_MATCH_MEDIUM)
				break;
		}
		cr_assert_eq(r, i < p->n_rules ? &p->rules[i] : NULL, "the index finds another rule than the walk");
		if (!r)
			break;
		cr_assert_eq(how, plain);
		i++;
	}
}

static void random_context(uint64_t *s, struct sk_context *c, struct sk_media_facts *m)
{
	static const char *const groups[] = {"staff", "zeimu"};
	static const char *const ledgers[] = {"", "M-1", "M-2", "N-1"};

	*c = (struct sk_context){.now = HELP_NOW + (sk_ms)help_random(s, 14) * 43200000ll,
	                         .person = help_random(s, 2) ? "shokuin1" : "",
	                         .other_keyboards = (int)help_random(s, 2),
	                         .other_mice = (int)help_random(s, 2),
	                         .groups = groups,
	                         .n_groups = help_random(s, 3),
	                         .host = help_random(s, 3) ? "PC-1" : "srv-9",
	                         .section = help_random(s, 2) ? "zeimu" : NULL,
	                         .utc_offset_s = (int)help_random(s, 3) * 16200,
	                         .media_follow = help_random(s, 2),
	                         .unregistered = help_random(s, 2),
	                         .holds_encrypted = help_random(s, 2)};
	*m = (struct sk_media_facts){.encryption = help_random(s, 5) ? 1u << help_random(s, SK_ENCRYPTIONS) : 0,
	                             .size = (uint64_t)help_random(s, 3) * 50000000000ull,
	                             .grade = (enum sk_grade)help_random(s, 3)};
	sk_text_copy(m->ledger, sizeof(m->ledger), ledgers[help_random(s, 4)]);
	if (c->unregistered) {
		m->grade = SK_GRADE_C;
		m->ledger[0] = '\0';
	}
}

/* What is decided when the medium is known is never more than what was opened for looking at it, and has its own grounds. */
static void holds_medium(const struct sk_policy *p, const struct sk_grants *g, const struct sk_device *d,
                         const struct sk_context *c, const struct sk_media_facts *m, const struct sk_verdict *v)
{
	for (size_t i = 0; i < v->n_ifaces; i++) {
		const struct sk_iface_verdict *f = &v->ifaces[i];
		enum sk_grade grade = m->grade > d->grade ? m->grade : d->grade;
		struct sk_iface_verdict it;

		cr_assert_eq(f->pending, f->allow && c->media_follow && f->kind == SK_USB_STORAGE &&
		                             f->reason != SK_REASON_SAFE_PATH);
		if (f->kind != SK_USB_STORAGE)
			continue;
		sk_decide_medium(p, g, d, m, c, f->number, &it);
		cr_assert_eq(it.allow, it.access != SK_ACCESS_NONE);
		cr_assert(!it.pending);
		if (!it.allow)
			continue;
		/* Storage behind another function is not opened for a look when the most that may come of it needs no permit. */
		cr_assert(!c->media_follow || f->allow || f->reason == SK_REASON_HIDDEN_STORAGE,
		          "would be allowed and was not looked at");
		cr_assert(d->desc_ok && it.rule && (it.kind & SK_USB_STORING));
		cr_assert_eq(sk_access_meet(it.access, p->grade_max[grade]), it.access);
		cr_assert_eq(sk_access_meet(it.access, it.rule->access), it.access);
		cr_assert(!sk_access_encrypted(it.access) || m->encryption > SK_ENC_NONE || c->holds_encrypted);
		cr_assert(it.access != SK_ACCESS_RW || p->media.write_plain);
		if (it.reason == SK_REASON_GRANT)
			cr_assert(it.rule->action == SK_ACTION_GRANT && it.grant &&
			          sk_access_meet(it.access, it.grant->access) == it.access);
		else
			cr_assert(it.rule->action == SK_ACTION_ALLOW && (it.rule->kinds & SK_USB_NAMES_STORING));
	}
}

/* The whole of the second stage: nothing stays half open, and it says of the device what it says of its parts. */
static void holds_at_last(const struct sk_policy *p, const struct sk_grants *g, const struct sk_device *d,
                          const struct sk_context *c, const struct sk_media_facts *m, const struct sk_verdict *v)
{
	static struct sk_verdict last;
	bool any = false;

	last = *v;
	sk_decide_media(p, g, d, m, c, &last);
	for (size_t i = 0; i < last.n_ifaces; i++) {
		const struct sk_iface_verdict *f = &last.ifaces[i];

		any = any || f->allow;
		cr_assert(!f->pending);
		cr_assert(!f->allow || !(f->kind & SK_USB_STORING) ||
		              (f->rule &&
		               (f->reason == SK_REASON_GRANT ? f->grant != NULL : f->reason == SK_REASON_RULE_ALLOW)),
		          "what stores is open without a grant or a rule");
		cr_assert(!f->allow || v->ifaces[i].allow, "opened by the medium alone");
	}
	cr_assert_eq(last.allow, any);
	cr_assert(!last.allow || v->allow);
}

static void holds(const struct sk_policy *p, const struct sk_grants *g, const struct sk_device *d,
                  const struct sk_context *c, const struct sk_verdict *v)
{
	bool any = false;

	for (size_t i = 0; i < v->n_ifaces; i++) {
		const struct sk_iface_verdict *f = &v->ifaces[i];
		enum sk_grant_state state;
		bool stores = f->kind & SK_USB_STORING;

		any = any || f->allow;
		cr_assert_eq(f->allow, f->access != SK_ACCESS_NONE);
		if (!f->allow)
			continue;
		/* No alternate setting of an allowed interface stores unless the verdict says so. */
		for (size_t k = 0; k < d->desc.n_alts; k++) {
			const struct sk_usb_alt *a = &d->desc.alts[k];

			cr_assert(!a->first_config || a->number != f->number ||
			          !(sk_usb_alt_kind(a) & SK_USB_STORING) || stores);
		}
		if (!stores)
			continue;
		cr_assert_not_null(f->rule);
		if (!f->pending)
			cr_assert_eq(sk_access_meet(f->access, p->grade_max[d->grade]), f->access);
		cr_assert(f->pending || !sk_access_encrypted(f->access) ||
		              (c->holds_encrypted && f->kind == SK_USB_STORAGE),
		          "nobody holds it to that");
		cr_assert(f->access != SK_ACCESS_RW || p->media.write_plain);
		if (f->reason == SK_REASON_GRANT) {
			cr_assert_eq(f->rule->action, SK_ACTION_GRANT);
			cr_assert_eq(sk_grants_find(g, d, c->now, c->person, &state), f->grant);
			cr_assert_eq(state, SK_GRANT_VALID);
			cr_assert_eq(sk_access_meet(f->access, f->grant->access), f->access);
		} else {
			cr_assert_eq(f->reason, SK_REASON_RULE_ALLOW);
			cr_assert(f->rule->action == SK_ACTION_ALLOW && (sk_usb_kinds_whole(f->rule->kinds) & f->kind));
		}
	}
	cr_assert_eq(v->allow, any);
	cr_assert(d->desc_ok || !any, "malformed and allowed");
}

Test(decide_property, properties_over_random_input)
{
	uint64_t seed = 0x5ec1a0123456789ull, s = seed;
	unsigned long allowed = 0, granted = 0;
	static struct sk_device d;
	static struct sk_verdict v, again;

	for (int i = 0; i < POLICIES; i++) {
		struct sk_policy *p = random_policy(&s);

		for (int k = 0; k < DEVICES; k++) {
			struct sk_grant items[4];
			struct sk_grants g = {0};
			struct sk_context c;
			struct sk_media_facts m;

			random_context(&s, &c, &m);
			random_device(&s, &d);
			random_grants(&s, &g, items);
			memset(&v, 0xa5, sizeof(v));
			memset(&again, 0x5a, sizeof(again));
			sk_decide(p, &g, &d, &c, &v);
			sk_decide(p, &g, &d, &c, &again);
			holds(p, &g, &d, &c, &v);
			holds_medium(p, &g, &d, &c, &m, &v);
			holds_at_last(p, &g, &d, &c, &m, &v);
			cr_assert(v.allow == again.allow && v.reason == again.reason && v.n_ifaces == again.n_ifaces);
			if (d.desc.n_alts)
				explained_alike(p, &d, &c, help_random(&s, 2) ? &m : NULL, &d.desc.alts[0]);
			allowed += v.allow;
			granted += v.reason == SK_REASON_GRANT;
		}
		sk_policy_free(p);
	}
	cr_log_info("seed %#llx: %d pairs, %lu allowed, %lu by grant\n", (unsigned long long)seed, POLICIES * DEVICES,
	            allowed, granted);
	cr_assert_gt(allowed, 10000, "seed %#llx: the random devices reach nothing", (unsigned long long)seed);
	cr_assert_gt(granted, 500, "seed %#llx: the random grants reach nothing", (unsigned long long)seed);
}

/* A composite of one input and one storage interface: keys stay, storage goes, whatever numbers and names it has. */
Test(decide_property, composite_property)
{
	struct sk_policy *p = help_policy(PLAIN MEDIA);
	struct sk_context c = help_context();
	uint64_t seed = 0xc0ffee, s = seed;
	static struct sk_device d;
	struct sk_verdict v;

	for (int i = 0; i < 10000; i++) {
		uint8_t keys = (uint8_t)help_random(&s, 32), storage = (uint8_t)((keys + 1 + help_random(&s, 31)) % 32);
		bool first = help_random(&s, 2);

		random_device(&s, &d);
		d.desc_ok = true;
		d.desc.n_alts = 2;
		d.desc.alts[first] =
		    (struct sk_usb_alt){.number = keys, .cls = LIBUSB_CLASS_HID, .config = 1, .first_config = true};
		d.desc.alts[!first] = (struct sk_usb_alt){
		    .number = storage, .cls = LIBUSB_CLASS_MASS_STORAGE, .config = 1, .first_config = true};
		sk_decide(p, NULL, &d, &c, &v);
		cr_assert(v.allow && v.n_ifaces == 2, "seed %#llx", (unsigned long long)seed);
		for (size_t k = 0; k < 2; k++)
			cr_assert_eq(v.ifaces[k].allow, v.ifaces[k].number == keys);
	}
	sk_policy_free(p);
}

/* Which rule decides does not depend on how it is found. */
Test(decide_property, index_and_walk_agree_on_many_rules)
{
	struct sk_buf b;
	struct sk_policy *p;
	struct sk_rule_index *index;
	static struct sk_device d;
	struct sk_verdict v, w;
	struct sk_context c = help_context();
	uint64_t s = 0xfeed;

	static const char *const context_keys[] = {
	    "port = 1-7",   "person = shokuin1 shokuin9", "group = soumu", "host = pc-1", "section = zeimu",
	    "ledger = M-1", "name = *9 | key1",           "serial = S1*"};

	sk_buf_init(&b, 1 << 17);
	for (int i = 0; i < 600; i++)
		sk_buf_addf(&b, "[rule r%d]\n%s%s\naction = %s\n", i, i % 3 ? "" : "kind = storage\n",
		            i % 5 == 0   ? "serial = S1"
		            : i % 5 == 1 ? "device = 1209:0002 0951:*"
		            : i % 5 == 2 ? "device = 0781:5581 *:0001"
		            : i % 5 == 3 ? context_keys[i / 5 % 8]
		                         : "device = 1209:0003",
		            i % 2 ? "deny" : "grant");
	p = help_policy(b.data);
	index = p->index;
	for (int i = 0; i < 5000; i++) {
		random_device(&s, &d);
		p->index = index;
		sk_decide(p, NULL, &d, &c, &v);
		p->index = NULL;
		sk_decide(p, NULL, &d, &c, &w);
		cr_assert_eq(v.n_ifaces, w.n_ifaces);
		for (size_t k = 0; k < v.n_ifaces; k++)
			cr_assert_eq(v.ifaces[k].rule, w.ifaces[k].rule);
	}
	p->index = index;
	sk_policy_free(p);
	sk_buf_deinit(&b);
}
