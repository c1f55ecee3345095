/* What was seen, by kind and model; written out as rules. Texts of devices stand in comments only, printable and short. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/ini.h"
#include "common/text.h"
#include "policy/propose.h"

#define COMMENTS_MAX 40 /* per rule */
#define NAME_BYTES   60
#define DAY_MS       86400000ll

struct model {
	unsigned kind;
	uint16_t vid, pid;
	char name[NAME_BYTES];
	int64_t count;
	sk_ms first, last;
};

struct sk_propose {
	struct model *models; /* owned; SK_PROPOSE_MODELS_MAX of them */
	size_t n;
	int64_t left_out;
	struct sk_seen seen;
};

struct sk_propose *sk_propose_new(void)
{
	struct sk_propose *p = calloc(1, sizeof(*p));

	if (!p)
		return NULL;
	p->models = calloc(SK_PROPOSE_MODELS_MAX, sizeof(*p->models));
	return p->models ? p : sk_propose_free(p);
}

struct sk_propose *sk_propose_free(struct sk_propose *p)
{
	if (p)
		free(p->models);
	free(p);
	return NULL;
}

static struct model *model_of(struct sk_propose *p, unsigned kind)
{
	const struct sk_device *d = &p->seen.device;
	char name[2 * SK_DEV_TEXT];
	struct model *m;

	for (size_t i = 0; i < p->n; i++) {
		m = &p->models[i];
		if (m->kind == kind && m->vid == d->desc.vid && m->pid == d->desc.pid)
			return m;
	}
	if (p->n == SK_PROPOSE_MODELS_MAX)
		return NULL;
	m = &p->models[p->n++];
	m->kind = kind;
	m->vid = d->desc.vid;
	m->pid = d->desc.pid;
	snprintf(name, sizeof(name), "%s %s", d->vendor, d->product);
	sk_text_trim(name);
	sk_text_printable(m->name, sizeof(m->name), name, strlen(name));
	return m;
}

/* Allowed then, by a rule or because it was only watched; or what stores, whatever became of it. */
static bool counts(const json_t *iface, unsigned kind)
{
	return (kind & SK_USB_STORING) || sk_text_eq(json_string_value(json_object_get(iface, "verdict")), "allow");
}

int sk_propose_event(struct sk_propose *p, const json_t *body, sk_ms time)
{
	const char *reason = json_string_value(json_object_get(body, "reason"));
	json_t *iface;
	unsigned done = 0, kind;
	size_t i;

	if (sk_seen_read(body, &p->seen, NULL) < 0)
		return -EINVAL;
	if (!p->seen.device.desc_ok || p->seen.system_disk ||
	    sk_text_eq(reason, sk_reason_name(SK_REASON_HIDDEN_STORAGE)) ||
	    sk_text_eq(reason, sk_reason_name(SK_REASON_CHANGED)))
		return 0;
	json_array_foreach(p->seen.interfaces, i, iface)
	{
		const char *word = json_string_value(json_object_get(iface, "kind"));
		struct model *m;

		if (!word || sk_usb_kind_parse(word, &kind) < 0 || (done & kind) || !counts(iface, kind))
			continue;
		done |= kind;
		m = model_of(p, kind);
		if (!m) {
			p->left_out++;
			continue;
		}
		m->first = m->count && m->first < time ? m->first : time;
		m->last = m->count && m->last > time ? m->last : time;
		m->count += p->seen.count;
	}
	return 0;
}

/* "2026-04-01" of an instant. */
static void date(sk_ms t, int utc_offset_s, char out[11])
{
	char text[SK_RFC3339_LEN];

	sk_clock_format_utc(t + (sk_ms)utc_offset_s * 1000, text);
	snprintf(out, 11, "%.10s", text);
}

static void comment(const struct model *m, int utc_offset_s, struct sk_buf *out)
{
	char first[11], last[11];

	date(m->first, utc_offset_s, first);
	date(m->last, utc_offset_s, last);
	sk_buf_addf(out, "# %04x:%04x %s: %lld, %s .. %s\n", m->vid, m->pid, m->name, (long long)m->count, first, last);
}

static size_t comments(const struct sk_propose *p, unsigned kinds, int utc_offset_s, struct sk_buf *out)
{
	size_t n = 0;

	for (size_t i = 0; i < p->n; i++) {
		if (!(p->models[i].kind & kinds))
			continue;
		if (n++ < COMMENTS_MAX)
			comment(&p->models[i], utc_offset_s, out);
	}
	if (n > COMMENTS_MAX)
		sk_buf_addf(out, "# ... %zu\n", n - COMMENTS_MAX);
	return n;
}

static void whole_kind(const struct sk_propose *p, unsigned kind, const char *name, int utc_offset_s,
                       struct sk_buf *out)
{
	struct sk_buf seen;

	sk_buf_init(&seen, 65536);
	if (comments(p, kind, utc_offset_s, &seen))
		sk_buf_addf(out, "[rule %s]\n%skind = %s\naction = allow\n\n", name, seen.data, sk_usb_kind_name(kind));
	sk_buf_deinit(&seen);
}

/* Rules of at most SK_RULE_LIST models each. */
static void models_of_kind(const struct sk_propose *p, unsigned kind, int utc_offset_s, struct sk_buf *out)
{
	struct sk_buf list, seen;
	size_t in_rule = 0, rule = 1;

	sk_buf_init(&list, 1024);
	sk_buf_init(&seen, 65536);
	for (size_t i = 0; i <= p->n; i++) {
		const struct model *m = i < p->n ? &p->models[i] : NULL;

		if (m && m->kind != kind)
			continue;
		if (in_rule == SK_RULE_LIST || (!m && in_rule)) {
			sk_buf_addf(out, "[rule seen-%s", sk_usb_kind_name(kind));
			if (rule++ > 1)
				sk_buf_addf(out, "-%zu", rule - 1);
			sk_buf_addf(out, "]\n%skind = %s\ndevice =%s\naction = allow\n\n", seen.data,
			            sk_usb_kind_name(kind), list.data);
			sk_buf_reset(&list);
			sk_buf_reset(&seen);
			in_rule = 0;
		}
		if (!m)
			break;
		sk_buf_addf(&list, " %04x:%04x", m->vid, m->pid);
		comment(m, utc_offset_s, &seen);
		in_rule++;
	}
	sk_buf_deinit(&list);
	sk_buf_deinit(&seen);
}

static void rules(const struct sk_propose *p, int utc_offset_s, struct sk_buf *out)
{
	whole_kind(p, SK_USB_HUB, "hubs", utc_offset_s, out);
	whole_kind(p, SK_USB_INPUT, "input", utc_offset_s, out);
	sk_buf_adds(out, "[rule media]\n");
	comments(p, SK_USB_STORING, utc_offset_s, out);
	sk_buf_adds(out, "kind = storage image\naction = grant\n\n");
	for (unsigned k = 0; k < SK_USB_KINDS; k++) {
		unsigned kind = 1u << k;

		if (!(kind & (SK_USB_HUB | SK_USB_INPUT | SK_USB_STORING)))
			models_of_kind(p, kind, utc_offset_s, out);
	}
}

static bool key_is(const char *line, const char *key)
{
	size_t n = strlen(key);

	return strncmp(line, key, n) == 0 && strchr(" \t=", line[n]);
}

/* Lines of the policy in force: of [policy] (head) or of all that is neither that nor a rule. */
static void take_over(const struct sk_policy *base, bool head, struct sk_buf *out)
{
	const char *at = base->text;
	bool take = false;

	while (*at) {
		size_t n = strcspn(at, "\n");

		if (*at == '[') {
			bool policy = strncmp(at, "[policy]", 8) == 0, rule = strncmp(at, "[rule ", 6) == 0;

			take = head ? policy : !policy && !rule;
		}
		if (take && head && key_is(at, "version"))
			sk_buf_addf(out, "version = %lld\n", (long long)base->version + 1);
		else if (take && head && key_is(at, "mode"))
			sk_buf_adds(out, "mode = enforce\n");
		else if (take) {
			sk_buf_add(out, at, n);
			sk_buf_addc(out, '\n');
		}
		at += n + (at[n] != '\0');
	}
}

int sk_propose_text(const struct sk_propose *p, const struct sk_policy *base, int utc_offset_s, struct sk_buf *out,
                    struct sk_err *err)
{
	struct sk_policy *check = NULL;
	struct sk_buf b;
	int r;

	if (p->n == 0)
		return sk_err_set(err, -ENOENT, "no device was seen in this time");
	sk_buf_init(&b, SK_INI_MAX_BYTES);
	take_over(base, true, &b);
	rules(p, utc_offset_s, &b);
	take_over(base, false, &b);
	r = sk_buf_error(&b) ? sk_err_set(err, -E2BIG, "the proposal would be longer than a policy may be")
	                     : sk_policy_parse("proposal", b.data, b.len, &check, err);
	if (r == 0)
		r = sk_buf_add(out, b.data, b.len);
	sk_policy_free(check);
	sk_buf_deinit(&b);
	return r;
}
