/*
 * Reading a policy whole. Sections are taken in file order and every entry by its key; a section or key that is not known is refused, and so
 * is a policy without a rule. Nothing of a refused file is kept: the caller goes on with the policy it has.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/file.h"
#include "common/i18n.h"
#include "common/text.h"
#include "policy/rule.h"

#define VERSION_MAX       1000000000000ll
#define WARN_MAX_S        (24 * 3600)
#define CONFIRM_DEFAULT_S 120
#define WARN_DEFAULT_S    300

static const char RULE[] = "rule ";
static const char CHECK[] = "check ";

static const char *const mode_names[] = {"enforce", "audit", "learn"};
static const char *const mode_words[] = {N_("enforcing"), N_("recording only, except for media"),
                                         N_("learning, except for media")};
static const char *const action_names[] = {"deny", "allow", "grant"};

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

const char *sk_mode_name(enum sk_mode m)
{
	return (unsigned)m < COUNT(mode_names) ? mode_names[m] : "";
}

const char *sk_mode_word(enum sk_mode m)
{
	return (unsigned)m < COUNT(mode_words) ? mode_words[m] : "";
}

const char *sk_action_name(enum sk_action a)
{
	return (unsigned)a < COUNT(action_names) ? action_names[a] : "";
}

/* One of the names: its index, or -EINVAL with what would be right. */
static int choose(const struct sk_ini *ini, const struct sk_ini_entry *e, const char *const *names, size_t n,
                  struct sk_err *err)
{
	char known[96] = "";
	struct sk_buf b;

	for (size_t i = 0; i < n; i++) {
		if (strcmp(names[i], e->value) == 0)
			return (int)i;
	}
	sk_buf_init(&b, sizeof(known) - 1);
	for (size_t i = 0; i < n; i++)
		sk_buf_addf(&b, "%s%s", i ? " " : "", names[i]);
	sk_text_copy(known, sizeof(known), b.data);
	sk_buf_deinit(&b);
	return sk_ini_fail(ini, e->line, err, "%s: \"%s\" is not one of: %s", e->key, e->value, known);
}

static int read_contact(const struct sk_ini *ini, const struct sk_ini_entry *e, char *dst, size_t size,
                        struct sk_err *err)
{
	if (!e->value[0] || strlen(e->value) >= size)
		return sk_ini_fail(ini, e->line, err, "%s: must have 1 to %zu bytes", e->key, size - 1);
	sk_text_copy(dst, size, e->value);
	return 0;
}

static int read_keyboard(const struct sk_ini *ini, const struct sk_ini_entry *e, struct sk_policy *p,
                         struct sk_err *err)
{
	static const char *const words[] = {"allow", "confirm"};
	long long seconds;
	int r;

	if (strcmp(e->key, "new_keyboard") == 0) {
		r = choose(ini, e, words, COUNT(words), err);
		if (r >= 0)
			p->confirm_keyboard = r == 1;
		return r < 0 ? r : 0;
	}
	if (sk_text_duration(e->value, 10, 3600, &seconds) < 0)
		return sk_ini_fail(ini, e->line, err, "new_keyboard_wait: \"%s\" is no duration from 10s to 1h",
		                   e->value);
	p->confirm_s = seconds;
	return 0;
}

static int read_head(const struct sk_ini *ini, const struct sk_ini_entry *e, struct sk_policy *p, struct sk_err *err)
{
	unsigned long long v;
	int r;

	if (strcmp(e->key, "name") == 0) {
		if (!sk_text_is_name(e->value, sizeof(p->name) - 1))
			return sk_ini_fail(ini, e->line, err, "name: use a-z 0-9 . _ - and at most 63 of them");
		sk_text_copy(p->name, sizeof(p->name), e->value);
	} else if (strcmp(e->key, "version") == 0) {
		if (sk_text_u64(e->value, 1, VERSION_MAX, &v) < 0)
			return sk_ini_fail(ini, e->line, err, "version: must be a whole number from 1");
		p->version = (int64_t)v;
	} else if (strcmp(e->key, "zone") == 0) {
		r = choose(ini, e, sk_zone_names, SK_ZONES, err);
		if (r < 0)
			return r;
		p->zone = (enum sk_zone)r;
	} else if (strcmp(e->key, "mode") == 0) {
		r = choose(ini, e, mode_names, COUNT(mode_names), err);
		if (r < 0)
			return r;
		p->mode = (enum sk_mode)r;
	} else if (strcmp(e->key, "default") == 0) {
		if (strcmp(e->value, "deny") != 0)
			return sk_ini_fail(ini, e->line, err,
			                   "default: only \"deny\" is possible; write rules for what is allowed");
	} else if (strcmp(e->key, "new_keyboard") == 0 || strcmp(e->key, "new_keyboard_wait") == 0) {
		return read_keyboard(ini, e, p, err);
	} else if (strcmp(e->key, "contact_ja") == 0) {
		return read_contact(ini, e, p->contact_ja, sizeof(p->contact_ja), err);
	} else if (strcmp(e->key, "contact_en") == 0) {
		return read_contact(ini, e, p->contact_en, sizeof(p->contact_en), err);
	} else {
		return sk_ini_fail(ini, e->line, err,
		                   "\"%s\" is no key of [policy]; known: name version zone mode default contact_ja "
		                   "contact_en new_keyboard new_keyboard_wait",
		                   e->key);
	}
	return 0;
}

static int read_grants(const struct sk_ini *ini, const struct sk_ini_entry *e, struct sk_policy *p, struct sk_err *err)
{
	static const struct {
		const char *key;
		enum sk_grade grade;
	} grades[] = {{"grade_c", SK_GRADE_C}, {"grade_b", SK_GRADE_B}, {"grade_a", SK_GRADE_A}};
	long long seconds;

	for (size_t i = 0; i < COUNT(grades); i++) {
		if (strcmp(e->key, grades[i].key) != 0)
			continue;
		if (sk_access_parse(e->value, &p->grade_max[grades[i].grade]) < 0)
			return sk_ini_fail(ini, e->line, err,
			                   "%s: \"%s\" is not one of: none ro rw encrypted encrypted-ro", e->key,
			                   e->value);
		return 0;
	}
	if (strcmp(e->key, "warn") != 0)
		return sk_ini_fail(ini, e->line, err,
		                   "\"%s\" is no key of [grants]; known: grade_c grade_b grade_a warn", e->key);
	if (sk_text_duration(e->value, 0, WARN_MAX_S, &seconds) < 0)
		return sk_ini_fail(ini, e->line, err, "warn: \"%s\" is no duration like 30s, 5m or 1h, at most 24h",
		                   e->value);
	p->warn_s = seconds;
	return 0;
}

static int read_scan(const struct sk_ini *ini, const struct sk_ini_entry *e, struct sk_policy *p, struct sk_err *err)
{
	return sk_scan_params_read(ini, e, &p->scan, err);
}

static int read_media(const struct sk_ini *ini, const struct sk_ini_entry *e, struct sk_policy *p, struct sk_err *err)
{
	return sk_media_params_read(ini, e, &p->media, err);
}

static int read_classes(const struct sk_ini *ini, const struct sk_ini_entry *e, struct sk_policy *p, struct sk_err *err)
{
	return sk_class_params_read(ini, e, &p->classes, err);
}

/* A rule's entries stand together, at *at; moves *at behind them. */
static int read_rule(const struct sk_ini *ini, const struct sk_ini_section *s, struct sk_policy *p, struct sk_err *err)
{
	const char *name = s->name + sizeof(RULE) - 1;
	struct sk_rule *r;
	bool has_action = false;

	if (!sk_text_is_name(name, sizeof(r->name) - 1))
		return sk_ini_fail(ini, s->line, err, "rule name \"%.80s\": use a-z 0-9 . _ - and at most 63 of them",
		                   name);
	if (p->n_rules == SK_RULES_MAX)
		return sk_ini_fail(ini, s->line, err, "more than %d rules", SK_RULES_MAX);
	r = &p->rules[p->n_rules++];
	sk_text_copy(r->name, sizeof(r->name), name);
	r->line = s->line;
	for (size_t i = 0; i < ini->n_entries; i++) {
		const struct sk_ini_entry *e = &ini->entries[i];
		int rc;

		if (e->line < s->line || strcmp(e->section, s->name) != 0)
			continue;
		rc = sk_rule_read(ini, e, r, err);
		if (rc < 0)
			return rc;
		has_action = has_action || strcmp(e->key, "action") == 0;
	}
	return sk_rule_complete(ini, r, has_action, err);
}

typedef int (*entry_reader)(const struct sk_ini *, const struct sk_ini_entry *, struct sk_policy *, struct sk_err *);

static int read_entries(const struct sk_ini *ini, const char *section, struct sk_policy *p, entry_reader read,
                        struct sk_err *err)
{
	for (size_t i = 0; i < ini->n_entries; i++) {
		int r = strcmp(ini->entries[i].section, section) == 0 ? read(ini, &ini->entries[i], p, err) : 0;

		if (r < 0)
			return r;
	}
	return 0;
}

static int read_section(const struct sk_ini *ini, const struct sk_ini_section *s, struct sk_policy *p,
                        struct sk_err *err)
{
	if (strcmp(s->name, "policy") == 0)
		return read_entries(ini, s->name, p, read_head, err);
	if (strcmp(s->name, "grants") == 0)
		return read_entries(ini, s->name, p, read_grants, err);
	if (strcmp(s->name, "scan") == 0)
		return read_entries(ini, s->name, p, read_scan, err);
	if (strcmp(s->name, "media") == 0)
		return read_entries(ini, s->name, p, read_media, err);
	if (strcmp(s->name, "classes") == 0)
		return read_entries(ini, s->name, p, read_classes, err);
	if (strncmp(s->name, RULE, sizeof(RULE) - 1) == 0)
		return read_rule(ini, s, p, err);
	if (strncmp(s->name, CHECK, sizeof(CHECK) - 1) == 0)
		return 0; /* all of them at once, by sk_check_params_read */
	return sk_ini_fail(
	    ini, s->line, err,
	    "section [%.80s] is not known; known: policy, rule NAME, grants, media, scan, classes, check NAME",
	    s->name);
}

static int required(const struct sk_ini *ini, struct sk_err *err)
{
	static const char *const keys[] = {"name", "version", "zone", "mode", "default"};
	int line = 1;

	for (size_t i = 0; i < ini->n_sections; i++) {
		if (strcmp(ini->sections[i].name, "policy") == 0)
			line = ini->sections[i].line;
	}
	for (size_t i = 0; i < COUNT(keys); i++) {
		if (!sk_ini_get(ini, "policy", keys[i]))
			return sk_ini_fail(ini, line, err, "[policy] has no \"%s\"; add it", keys[i]);
	}
	return 0;
}

static int read_all(const struct sk_ini *ini, struct sk_policy *p, struct sk_err *err)
{
	int r = required(ini, err);

	for (size_t i = 0; r == 0 && i < ini->n_sections; i++)
		r = read_section(ini, &ini->sections[i], p, err);
	if (r == 0)
		r = sk_check_params_read(ini, &p->checks, err);
	if (r == 0 && p->n_rules == 0)
		r = sk_ini_fail(ini, 1, err, "no rule; add at least one [rule NAME] section");
	for (size_t i = 0; i < p->n_rules; i++)
		p->asks_media = p->asks_media || p->rules[i].encryptions || p->rules[i].has_size;
	return r;
}

static size_t count_rules(const struct sk_ini *ini)
{
	size_t n = 0;

	for (size_t i = 0; i < ini->n_sections; i++)
		n += strncmp(ini->sections[i].name, RULE, sizeof(RULE) - 1) == 0;
	return n < SK_RULES_MAX ? n : SK_RULES_MAX;
}

static struct sk_policy *policy_new(const char *file, const char *text, size_t len, size_t n_rules)
{
	struct sk_policy *p = calloc(1, sizeof(*p));

	if (!p)
		return NULL;
	p->rules = calloc(n_rules + 1, sizeof(*p->rules));
	p->text = strndup(text, len);
	if (!p->rules || !p->text)
		return sk_policy_free(p);
	sk_text_copy(p->file, sizeof(p->file), file);
	p->grade_max[SK_GRADE_C] = SK_ACCESS_RO;
	p->grade_max[SK_GRADE_B] = SK_ACCESS_RW;
	p->grade_max[SK_GRADE_A] = SK_ACCESS_RW;
	p->warn_s = WARN_DEFAULT_S;
	p->confirm_s = CONFIRM_DEFAULT_S;
	if (sk_check_params_default(&p->checks) < 0)
		return sk_policy_free(p);
	sk_scan_params_default(&p->scan);
	sk_media_params_default(&p->media);
	return p;
}

int sk_policy_parse(const char *file, const char *text, size_t len, struct sk_policy **out, struct sk_err *err)
{
	struct sk_ini *ini = NULL;
	struct sk_policy *p;
	int r = sk_ini_parse(file, text, len, &ini, err);

	if (r < 0)
		return r;
	p = policy_new(file, text, len, count_rules(ini));
	r = p ? read_all(ini, p, err) : sk_err_set(err, -ENOMEM, "%s: no memory", file);
	if (r == 0 && sk_rule_index_build(p) < 0)
		r = sk_err_set(err, -ENOMEM, "%s: no memory", file);
	sk_ini_free(ini);
	if (r < 0) {
		sk_policy_free(p);
		return r;
	}
	*out = p;
	return 0;
}

int sk_policy_load(const char *path, struct sk_policy **out, struct sk_err *err)
{
	struct sk_buf b;
	int r;

	sk_buf_init(&b, SK_INI_MAX_BYTES);
	r = sk_file_read(path, &b, err);
	if (r == 0)
		r = sk_policy_parse(path, b.data, b.len, out, err);
	sk_buf_deinit(&b);
	return r;
}

struct sk_policy *sk_policy_free(struct sk_policy *p)
{
	if (!p)
		return NULL;
	for (size_t i = 0; i < p->n_rules; i++)
		sk_rule_clear(&p->rules[i]);
	sk_rule_index_free(p->index);
	sk_check_params_clear(&p->checks);
	sk_class_params_clear(&p->classes);
	free(p->rules);
	free(p->text);
	free(p);
	return NULL;
}

sk_ms sk_policy_next_change(const struct sk_policy *p, sk_ms now, int utc_offset_s)
{
	sk_ms next = 0;

	for (size_t i = 0; p && i < p->n_rules; i++) {
		sk_ms t = sk_when_next(&p->rules[i].when, now, utc_offset_s);

		if (t && (next == 0 || t < next))
			next = t;
	}
	return next;
}

struct sk_policy *sk_policy_failsafe(void)
{
	static const char text[] = "[policy]\n"
	                           "name = failsafe\n"
	                           "version = 1\n"
	                           "zone = my-number\n"
	                           "mode = enforce\n"
	                           "default = deny\n"
	                           "[rule hubs]\n"
	                           "kind = hub\n"
	                           "only = hub\n"
	                           "action = allow\n"
	                           "[rule input]\n"
	                           "kind = input\n"
	                           "only = input\n"
	                           "action = allow\n"
	                           "[grants]\n"
	                           "grade_c = none\n"
	                           "grade_b = none\n"
	                           "grade_a = none\n";
	struct sk_policy *p = NULL;

	return sk_policy_parse("built-in", text, sizeof(text) - 1, &p, NULL) == 0 ? p : NULL;
}
