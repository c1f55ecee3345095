#include "server/kinds.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/ini.h"
#include "common/text.h"

#define DAYS_MAX  366
#define ALL_ROLES ((2u * SK_ROLE_LAST - 1u) & ~(unsigned)SK_ROLE_AUD) /* who audits changes nothing else (9.1(2)) */

const char *const sk_field_names[] = {"purpose",     "what",         "count",  "personal", "destination", "recipient",
                                      "carrier",     "encryption",   "method", "place",    "measures",    "reason",
                                      "alternative", "before_after", "basis",  "hardware", "software",    "subject",
                                      "medium",      "terminal",     "access", "setting",  NULL};
const char *const sk_class_names[] = {"1", "2", "3", "4", "none", "unknown", NULL};

static const struct sk_ini_key schema[] = {
    {"kind *", "word_ja"},      {"kind *", "word_en"},      {"kind *", "clause"},  {"kind *", "group"},
    {"kind *", "asks"},         {"kind *", "fields"},       {"kind *", "classes"}, {"kind *", "route"},
    {"kind *", "days"},         {"kind *", "longest"},      {"kind *", "end"},     {"kind *", "back"},
    {"kind *", "condition_ja"}, {"kind *", "condition_en"}, {"kind *", "grant"},
};

/* One word after another, cut at blanks. */
static bool next_word(const char **s, char *word, size_t size)
{
	size_t n;

	*s += strspn(*s, " ");
	n = strcspn(*s, " ");
	if (n == 0)
		return false;
	snprintf(word, size, "%.*s", (int)n, *s);
	*s += n;
	return true;
}

static int roles_of(const char *text, unsigned *out)
{
	char word[32];
	enum sk_role role;

	*out = 0;
	if (strcmp(text, "any") == 0) {
		*out = ALL_ROLES;
		return 0;
	}
	while (next_word(&text, word, sizeof(word))) {
		if (sk_role_parse(word, &role) < 0 || (*out & (unsigned)role) != 0)
			return -EINVAL;
		*out |= (unsigned)role;
	}
	return *out == 0 ? -EINVAL : 0;
}

static int step_of(const char *text, struct sk_step *step)
{
	bool all = false, any = false;
	char word[32];
	enum sk_role role;
	int n = 0;

	memset(step, 0, sizeof(*step));
	while (next_word(&text, word, sizeof(word))) {
		if (n++ % 2 == 1) {
			all = all || strcmp(word, "&") == 0;
			any = any || strcmp(word, "|") == 0;
			if (strcmp(word, "&") != 0 && strcmp(word, "|") != 0)
				return -EINVAL;
		} else if (sk_role_parse(word, &role) < 0 || role == SK_ROLE_STAFF || role == SK_ROLE_AUD ||
		           (step->roles & (unsigned)role) != 0) {
			return -EINVAL; /* audit officers permit nothing (9.1(2)) */
		} else {
			step->roles |= (unsigned)role;
		}
	}
	step->all = all;
	return n % 2 == 0 || (all && any) ? -EINVAL : 0;
}

int sk_route_parse(const char *text, struct sk_step steps[SK_STEPS_MAX], size_t *n)
{
	char one[128];

	*n = 0;
	do {
		size_t len = strcspn(text, ">");

		if (*n == SK_STEPS_MAX || len >= sizeof(one))
			return -EINVAL;
		snprintf(one, sizeof(one), "%.*s", (int)len, text);
		if (step_of(one, &steps[*n]) < 0)
			return -EINVAL;
		(*n)++;
		text += len;
	} while (*text++ == '>');
	return 0;
}

void sk_route_text(const struct sk_step *steps, size_t n, char out[128])
{
	size_t o = 0;

	out[0] = '\0';
	for (size_t i = 0; i < n; i++) {
		bool first = true;

		for (unsigned bit = SK_ROLE_STAFF; bit <= SK_ROLE_LAST; bit <<= 1) {
			if ((steps[i].roles & bit) == 0 || o >= 120)
				continue;
			o += (size_t)snprintf(out + o, 128 - o, "%s%s",
			                      !first  ? steps[i].all ? " & " : " | "
			                      : i > 0 ? " > "
			                              : "",
			                      sk_role_name((enum sk_role)bit));
			first = false;
		}
	}
}

static int field_of(const char *word, struct sk_kind *k)
{
	size_t n = strcspn(word, "!");

	for (size_t i = 0; sk_field_names[i] != NULL; i++) {
		if (strlen(sk_field_names[i]) != n || strncmp(sk_field_names[i], word, n) != 0)
			continue;
		for (size_t j = 0; j < k->n_fields; j++) {
			if (k->fields[j].name == sk_field_names[i])
				return -EINVAL;
		}
		if (k->n_fields == SK_FIELDS_MAX || (word[n] == '!' && word[n + 1] != '\0'))
			return -EINVAL;
		k->fields[k->n_fields++] = (struct sk_kind_field){sk_field_names[i], word[n] == '!'};
		return 0;
	}
	return -EINVAL;
}

static int fields_of(const char *text, struct sk_kind *k)
{
	char word[48];

	while (next_word(&text, word, sizeof(word))) {
		if (field_of(word, k) < 0)
			return -EINVAL;
	}
	return k->n_fields == 0 ? -EINVAL : 0;
}

static int classes_of(const char *text, struct sk_kind *k)
{
	char word[32];

	while (next_word(&text, word, sizeof(word))) {
		size_t i = 0;

		while (sk_class_names[i] != NULL && strcmp(sk_class_names[i], word) != 0)
			i++;
		if (sk_class_names[i] == NULL)
			return -EINVAL;
		k->classes |= 1u << i;
	}
	return k->classes == 0 ? -EINVAL : 0;
}

static int yes_no(const char *v, const char *yes, const char *no, bool *out)
{
	if (strcmp(v, yes) != 0 && strcmp(v, no) != 0)
		return -EINVAL;
	*out = strcmp(v, yes) == 0;
	return 0;
}

static int route_of(const char *v, struct sk_kind *k)
{
	k->record = strcmp(v, "record") == 0;
	return k->record ? 0 : sk_route_parse(v, k->steps, &k->n_steps);
}

static int grant_of(const char *v, enum sk_kind_grant *out)
{
	*out = strcmp(v, "medium") == 0    ? SK_KIND_MEDIUM
	       : strcmp(v, "setting") == 0 ? SK_KIND_SETTING
	                                   : SK_KIND_NOTHING;
	return *out == SK_KIND_NOTHING ? -EINVAL : 0;
}

static int number_of(const char *v, int *out)
{
	long long n;

	if (sk_text_i64(v, 1, DAYS_MAX, &n) < 0)
		return -EINVAL;
	*out = (int)n;
	return 0;
}

/* NULL, or what the value must be. */
static const char *value_of(const struct sk_ini_entry *e, struct sk_kind *k)
{
	const struct {
		const char *key;
		char *to;
		size_t size;
	} texts[] = {{"word_ja", k->word_ja, sizeof(k->word_ja)},
	             {"word_en", k->word_en, sizeof(k->word_en)},
	             {"clause", k->clause, sizeof(k->clause)},
	             {"group", k->group, sizeof(k->group)},
	             {"condition_ja", k->condition_ja, sizeof(k->condition_ja)},
	             {"condition_en", k->condition_en, sizeof(k->condition_en)}};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		if (strcmp(texts[i].key, e->key) == 0) {
			if (strlen(e->value) >= texts[i].size)
				return N_("a shorter text");
			sk_text_copy(texts[i].to, texts[i].size, e->value);
			return NULL;
		}
	}
	if (strcmp(e->key, "asks") == 0)
		return roles_of(e->value, &k->asks) < 0 ? N_("any, or roles with blanks between them") : NULL;
	if (strcmp(e->key, "fields") == 0)
		return fields_of(e->value, k) < 0
		           ? N_("names of fields, each once, at most 12; see docs/applications.md")
		           : NULL;
	if (strcmp(e->key, "classes") == 0)
		return classes_of(e->value, k) < 0 ? N_("of 1 2 3 4 none unknown") : NULL;
	if (strcmp(e->key, "route") == 0)
		return route_of(e->value, k) < 0 ? N_("at most 4 steps with > between them, roles with & or | between "
		                                      "them; not staff, not aud; "
		                                      "or \"record\"")
		                                 : NULL;
	if (strcmp(e->key, "grant") == 0)
		return grant_of(e->value, &k->grant) < 0 ? N_("medium or setting") : NULL;
	if (strcmp(e->key, "days") == 0)
		return number_of(e->value, &k->days) < 0 ? N_("a number of days from 1 to 366") : NULL;
	if (strcmp(e->key, "longest") == 0)
		return number_of(e->value, &k->longest) < 0 ? N_("a number of days from 1 to 366") : NULL;
	if (strcmp(e->key, "end") == 0)
		return yes_no(e->value, "fiscal", "days", &k->fiscal) < 0 ? N_("fiscal or days") : NULL;
	return yes_no(e->value, "yes", "no", &k->back) < 0 ? N_("yes or no") : NULL;
}

static int missing(const struct sk_ini *ini, int line, const char *key, struct sk_err *err)
{
	return sk_ini_fail(ini, line, err, N_("the kind needs \"%s\""), key);
}

static bool has_field(const struct sk_kind *k, const char *name, bool needed)
{
	for (size_t i = 0; i < k->n_fields; i++) {
		if (strcmp(k->fields[i].name, name) == 0)
			return !needed || k->fields[i].needed;
	}
	return false;
}

/* NULL, or what is missing for what it yields. */
static const char *grant_missing(const struct sk_kind *k)
{
	if (k->grant != SK_KIND_NOTHING && k->record)
		return N_("a kind that yields a grant needs a route");
	if (k->grant == SK_KIND_MEDIUM && !(has_field(k, "purpose", true) && has_field(k, "medium", false) &&
	                                    has_field(k, "terminal", false) && has_field(k, "access", false)))
		return N_("grant = medium needs the fields purpose! medium terminal access");
	if (k->grant == SK_KIND_SETTING &&
	    !(has_field(k, "reason", true) && has_field(k, "setting", false) && has_field(k, "terminal", false)))
		return N_("grant = setting needs the fields reason! setting terminal");
	return NULL;
}

static int whole(const struct sk_ini *ini, int line, const struct sk_kinds *all, struct sk_kind *k, struct sk_err *err)
{
	char mine[128], theirs[128];

	if (k->word_ja[0] == '\0' || k->word_en[0] == '\0')
		return missing(ini, line, k->word_ja[0] == '\0' ? "word_ja" : "word_en", err);
	if (k->n_fields == 0)
		return missing(ini, line, "fields", err);
	if (k->n_steps == 0 && !k->record)
		return missing(ini, line, "route", err);
	if (grant_missing(k) != NULL)
		return sk_ini_fail(ini, line, err, "%s", sk_tr(ini->lang, grant_missing(k)));
	if (k->asks == 0)
		k->asks = ALL_ROLES;
	if (k->longest == 0)
		k->longest = DAYS_MAX;
	if (k->days == 0)
		k->days = k->longest < 7 ? k->longest : 7;
	if (k->days > k->longest)
		return sk_ini_fail(ini, line, err, N_("days is more than longest"));
	sk_route_text(k->steps, k->n_steps, mine);
	for (size_t i = 0; i < all->n && k->group[0] != '\0'; i++) {
		sk_route_text(all->kinds[i].steps, all->kinds[i].n_steps, theirs);
		if (strcmp(all->kinds[i].group, k->group) == 0 && strcmp(mine, theirs) != 0)
			return sk_ini_fail(ini, line, err, N_("its route differs from %s, which is of the same group"),
			                   all->kinds[i].key);
	}
	return 0;
}

static int one_kind(const struct sk_ini *ini, const struct sk_ini_section *s, struct sk_kinds *all, struct sk_err *err)
{
	const char *key = s->name + strlen("kind ");
	struct sk_kind *k = &all->kinds[all->n];
	int r;

	if (all->n == SK_KINDS_MAX)
		return sk_ini_fail(ini, s->line, err, N_("more than %d kinds"), SK_KINDS_MAX);
	if (!sk_text_is_name(key, sizeof(k->key) - 1))
		return sk_ini_fail(ini, s->line, err,
		                   N_("the key of a kind has 1 to 31 of a-z, 0-9, '_', '.' and '-'"));
	memset(k, 0, sizeof(*k));
	sk_text_copy(k->key, sizeof(k->key), key);
	for (size_t i = 0; i < ini->n_entries; i++) {
		const struct sk_ini_entry *e = &ini->entries[i];
		const char *want = strcmp(e->section, s->name) == 0 ? value_of(e, k) : NULL;

		if (want != NULL)
			return sk_ini_fail(ini, e->line, err, N_("%s must be %s"), e->key, sk_tr(ini->lang, want));
	}
	r = whole(ini, s->line, all, k, err);
	if (r == 0)
		all->n++;
	return r;
}

int sk_kinds_parse_in(enum sk_lang lang, const char *file, const char *text, size_t len, struct sk_kinds **out,
                      struct sk_err *err)
{
	struct sk_kinds *all = calloc(1, sizeof(*all));
	struct sk_ini *ini = NULL;
	int r = all == NULL ? -ENOMEM : sk_ini_parse_in(lang, file, text, len, &ini, err);

	if (r == 0)
		r = sk_ini_check(ini, schema, sizeof(schema) / sizeof(schema[0]), err);
	for (size_t i = 0; r == 0 && i < ini->n_sections; i++)
		r = one_kind(ini, &ini->sections[i], all, err);
	if (r == 0 && all->n == 0)
		r = sk_ini_fail(ini, 1, err, N_("no kind in it"));
	sk_ini_free(ini);
	if (r < 0) {
		free(all);
		return r;
	}
	*out = all;
	return 0;
}

int sk_kinds_parse(const char *file, const char *text, size_t len, struct sk_kinds **out, struct sk_err *err)
{
	return sk_kinds_parse_in(SK_LANG_EN, file, text, len, out, err);
}

struct sk_kinds *sk_kinds_free(struct sk_kinds *k)
{
	free(k);
	return NULL;
}

const struct sk_kind *sk_kind_find(const struct sk_kinds *k, const char *key)
{
	for (size_t i = 0; i < k->n; i++) {
		if (strcmp(k->kinds[i].key, key) == 0)
			return &k->kinds[i];
	}
	return NULL;
}

sk_ms sk_kind_default_end(const struct sk_kind *k, sk_ms now)
{
	time_t t = (time_t)(now / 1000);
	struct tm tm;

	if (localtime_r(&t, &tm) == NULL)
		return now + (sk_ms)k->days * 86400000;
	if (k->fiscal) {
		tm.tm_year = sk_clock_fiscal_year(now) + 1 - 1900;
		tm.tm_mon = 3;
		tm.tm_mday = 1;
	} else {
		tm.tm_mday += k->days;
	}
	tm.tm_hour = tm.tm_min = tm.tm_sec = 0;
	tm.tm_isdst = -1;
	return (sk_ms)mktime(&tm) * 1000 - 1000;
}
