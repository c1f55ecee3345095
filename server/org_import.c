/*
 * First all lines are read by themselves, then against each other and what is stored: a line may name a unit that stands further down.
 */
#include "server/org_import.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/csv.h"
#include "common/text.h"

#define UNITS_MAX 2000

enum column { UNIT, PARENT, KIND, NAME_JA, NAME_EN, USER, NAME, ROLE, TITLE, LOGIN, FROM, UNTIL, N_COLUMNS };

static const struct {
	const char *ja, *en;
	enum column column;
} heads[] = {
    {"組織コード", "unit", UNIT},   {"上位組織", "parent", PARENT},
    {"区分", "kind", KIND},         {"名称", "name_ja", NAME_JA},
    {"英語名", "name_en", NAME_EN}, {"利用者", "user", USER},
    {"氏名", "name", NAME},         {"役割", "role", ROLE},
    {"職名", "title", TITLE},       {"端末ログイン名", "login", LOGIN},
    {"開始日", "from", FROM},       {"終了日", "until", UNTIL},
};

static const struct {
	const char *word, *key;
} words[] = {
    /* kinds of units */
    {"全庁", "office"},
    {"局", "bureau"},
    {"部", "department"},
    {"課", "section"},
    {"係", "subsection"},
    {"施設", "facility"},
    /* posts */
    {"統括責任者", "ciso"},
    {"副統括責任者", "dciso"},
    {"執行責任者", "exec"},
    {"副執行責任者", "dexec"},
    {"責任者", "bur"},
    {"副責任者", "dbur"},
    {"管理者", "sec"},
    {"情報システム管理者", "sys"},
    {"統一的な窓口", "desk"},
    {"監査統括責任者", "aud"},
    {"職員", "staff"},
};

static const char *keyword(const char *word)
{
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (strcmp(words[i].word, word) == 0)
			return words[i].key;
	}
	return word;
}

struct planner {
	const struct sk_org *now;
	const struct sk_org_names *names;
	sk_ms today;
	int at[N_COLUMNS]; /* column of the file, -1 = it has none */
	struct sk_org_plan *plan;
	json_t *units, *users; /* stored rows by key */
	json_t *lines; /* numbers of the file's lines by what they are about */
};

static const char *cell(const struct planner *p, const struct sk_csv_row *row, enum column c)
{
	return p->at[c] >= 0 && (size_t)p->at[c] < row->n ? row->cells[p->at[c]] : "";
}

static void wrong(struct sk_org_line *l, const char *says, const char *a, const char *b)
{
	if (l->effect == SK_ORG_ERROR)
		return; /* the first is the one to mend */
	l->effect = SK_ORG_ERROR;
	l->says = says;
	sk_text_copy(l->about[0], sizeof(l->about[0]), a);
	sk_text_copy(l->about[1], sizeof(l->about[1]), b);
}

static void says(struct sk_org_line *l, enum sk_org_effect effect, const char *msgid, const char *a, const char *b)
{
	l->effect = effect;
	l->says = msgid;
	sk_text_copy(l->about[0], sizeof(l->about[0]), a);
	sk_text_copy(l->about[1], sizeof(l->about[1]), b);
}

static int digits(const char **s, int max, int *out)
{
	int n = 0;

	*out = 0;
	while (n < max && **s >= '0' && **s <= '9') {
		*out = *out * 10 + (*(*s)++ - '0');
		n++;
	}
	return n;
}

/* A day, local: its midnight, or with next the one after. 0 or -EINVAL. */
static int day(const char *s, bool next, sk_ms *out)
{
	struct tm tm = {.tm_isdst = -1}, again;
	int y, m, d;
	char sep;
	time_t t;

	if (digits(&s, 4, &y) != 4 || ((sep = *s++) != '-' && sep != '/') || digits(&s, 2, &m) == 0 || *s++ != sep ||
	    digits(&s, 2, &d) == 0 || *s != '\0' || y < 1970 || y > 2200)
		return -EINVAL;
	tm.tm_year = y - 1900;
	tm.tm_mon = m - 1;
	tm.tm_mday = d;
	t = mktime(&tm);
	if (t == (time_t)-1 || localtime_r(&t, &again) == NULL || again.tm_mday != d || again.tm_mon != m - 1)
		return -EINVAL; /* 31 February */
	if (next) {
		tm = (struct tm){.tm_year = y - 1900, .tm_mon = m - 1, .tm_mday = d + 1, .tm_isdst = -1};
		t = mktime(&tm);
	}
	*out = (sk_ms)t * 1000;
	return 0;
}

static void days(const struct planner *p, const struct sk_csv_row *row, struct sk_org_line *l, sk_ms *from,
                 sk_ms *until)
{
	const char *a = cell(p, row, FROM), *b = cell(p, row, UNTIL);

	*from = p->today;
	*until = 0;
	if (*a != '\0' && day(a, false, from) < 0)
		wrong(l, N_("\"%1\" is no day; write 2026-04-01"), a, "");
	if (*b != '\0' && day(b, true, until) < 0)
		wrong(l, N_("\"%1\" is no day; write 2026-04-01"), b, "");
	else if (*until != 0 && *a == '\0' && *until <= *from)
		*from = *until - 86400000; /* it ended before today: a line that only ends something */
	else if (*until != 0 && *until <= *from)
		wrong(l, N_("the last day %2 lies before the first %1"), a, b);
}

static bool is_unit_key(const char *key)
{
	return sk_text_is_name(key, 63) && strpbrk(key, "._") == NULL;
}

static void take(char *dst, size_t size, const char *src, struct sk_org_line *l)
{
	if (strlen(src) >= size)
		wrong(l, N_("\"%1\" is too long"), src, "");
	sk_text_copy(dst, size, src);
}

static void read_unit(const struct planner *p, const struct sk_csv_row *row, struct sk_org_line *l)
{
	const char *key = cell(p, row, UNIT), *parent = cell(p, row, PARENT), *kind = keyword(cell(p, row, KIND));
	struct sk_org_place *to = &l->place;

	days(p, row, l, &to->from, &to->until);
	if (!is_unit_key(key))
		wrong(l, N_("unit code \"%1\": use 1 to 63 of a-z, 0-9 and -"), key, "");
	if (*parent != '\0' && !is_unit_key(parent))
		wrong(l, N_("unit code \"%1\": use 1 to 63 of a-z, 0-9 and -"), parent, "");
	if (*kind == '\0')
		kind = "section";
	if (!sk_org_kind_known(kind))
		wrong(l, N_("kind \"%1\" is not known; write one of 全庁 局 部 課 係 施設"), kind, "");
	take(to->unit, sizeof(to->unit), key, l);
	take(to->parent, sizeof(to->parent), parent, l);
	take(to->kind, sizeof(to->kind), kind, l);
	take(l->name_ja, sizeof(l->name_ja), cell(p, row, NAME_JA), l);
	take(l->name_en, sizeof(l->name_en), cell(p, row, NAME_EN), l);
}

static void read_person(const struct planner *p, const struct sk_csv_row *row, struct sk_org_line *l)
{
	const char *user = cell(p, row, USER), *role = keyword(cell(p, row, ROLE));
	struct sk_org_post *to = &l->post;

	l->person = true;
	days(p, row, l, &to->from, &to->until);
	if (!sk_text_is_name(user, 63) || strcmp(user, "system") == 0)
		wrong(l, N_("account \"%1\": use 1 to 63 of a-z, 0-9, '_', '.' and '-'; not \"system\""), user, "");
	if (*role == '\0')
		role = "staff";
	if (sk_org_post_parse(role, &to->role, &to->deputy) < 0)
		wrong(l, N_("role \"%1\" is not known; see docs/organisation.md for the list"), role, "");
	take(to->user, sizeof(to->user), user, l);
	take(to->unit, sizeof(to->unit), cell(p, row, UNIT), l);
	take(to->title, sizeof(to->title), cell(p, row, TITLE), l);
	take(l->name, sizeof(l->name), cell(p, row, NAME), l);
	take(l->login, sizeof(l->login), cell(p, row, LOGIN), l);
	if (to->unit[0] == '\0' && (to->role == SK_ROLE_SEC || to->role == SK_ROLE_BUR || to->role == SK_ROLE_STAFF))
		wrong(l, N_("the role %1 needs a unit"), role, "");
	if (strchr(l->login, ' ') != NULL)
		wrong(l, N_("login name \"%1\" holds a blank"), l->login, "");
}

/* Rows by a member of theirs: files and lists are long. */
static json_t *index_of(const json_t *list, const char *key)
{
	json_t *out = json_object(), *row;
	size_t i;

	json_array_foreach(list, i, row)
	{
		const char *name = json_string_value(json_object_get(row, key));

		if (name != NULL)
			json_object_set(out, name, row);
	}
	return out;
}

static const char *member(const json_t *row, const char *name)
{
	const char *s = json_string_value(json_object_get(row, name));

	return s == NULL ? "" : s;
}

/* Stored, or anywhere in the file. */
static bool unit_known(const struct planner *p, const char *key)
{
	return json_object_get(p->units, key) != NULL || json_object_get(p->lines, key) != NULL;
}

static const struct sk_org_place *place_at(const struct sk_org *o, const char *unit, sk_ms at)
{
	for (size_t i = 0; i < o->n_places; i++) {
		const struct sk_org_place *p = &o->places[i];

		if (strcmp(p->unit, unit) == 0 && p->from <= at && (p->until == 0 || at < p->until))
			return p;
	}
	return NULL;
}

static void judge_unit(const struct planner *p, struct sk_org_line *l)
{
	const json_t *stored = json_object_get(p->units, l->place.unit);
	const struct sk_org_place *is = place_at(p->now, l->place.unit, l->place.from);
	bool renamed;

	if (l->place.parent[0] != '\0' && !unit_known(p, l->place.parent))
		wrong(l, N_("the unit above, \"%1\", is neither stored nor in this file"), l->place.parent, "");
	if (stored == NULL && l->name_ja[0] == '\0')
		wrong(l, N_("the new unit \"%1\" needs a name"), l->place.unit, "");
	if (l->effect == SK_ORG_ERROR)
		return;
	if (l->name_ja[0] == '\0')
		sk_text_copy(l->name_ja, sizeof(l->name_ja), member(stored, "name_ja"));
	if (l->name_en[0] == '\0')
		sk_text_copy(l->name_en, sizeof(l->name_en), stored != NULL ? member(stored, "name_en") : l->name_ja);
	renamed = stored != NULL && (strcmp(member(stored, "name_ja"), l->name_ja) != 0 ||
	                             strcmp(member(stored, "name_en"), l->name_en) != 0);
	if (stored == NULL)
		says(l, SK_ORG_ADD, N_("new unit %1 under %2"), l->name_ja,
		     l->place.parent[0] != '\0' ? l->place.parent : "-");
	else if (is == NULL && l->place.parent[0] == '\0' && strcmp(l->place.kind, "section") == 0 && !renamed &&
	         l->place.until == 0)
		says(l, SK_ORG_SAME, N_("unit %1 stays as it is"), l->name_ja, "");
	else if (is != NULL && strcmp(is->parent, l->place.parent) == 0 && strcmp(is->kind, l->place.kind) == 0 &&
	         is->until == l->place.until)
		says(l, renamed ? SK_ORG_CHANGE : SK_ORG_SAME,
		     renamed ? N_("unit %2 is called %1 from now on") : N_("unit %1 stays as it is"), l->name_ja,
		     l->place.unit);
	else if (l->place.until != 0)
		says(l, SK_ORG_END, N_("unit %1 ends"), l->name_ja, "");
	else
		says(l, SK_ORG_CHANGE, N_("unit %1 comes under %2"), l->name_ja,
		     l->place.parent[0] != '\0' ? l->place.parent : "-");
}

/* A post of the same person, unit and role whose term meets this one's. */
static const struct sk_org_post *post_like(const struct sk_org *o, const struct sk_org_post *want)
{
	for (size_t i = 0; i < o->n_posts; i++) {
		const struct sk_org_post *p = &o->posts[i];

		if (strcmp(p->user, want->user) == 0 && strcmp(p->unit, want->unit) == 0 && p->role == want->role &&
		    p->deputy == want->deputy && (p->until == 0 || want->from < p->until) &&
		    (want->until == 0 || p->from < want->until))
			return p;
	}
	return NULL;
}

static void judge_person(const struct planner *p, struct sk_org_line *l)
{
	const json_t *stored = json_object_get(p->users, l->post.user);
	const struct sk_org_post *is = post_like(p->now, &l->post);
	const char *role = sk_org_post_name(l->post.role, l->post.deputy);
	char what[160];
	bool other;

	if (l->post.unit[0] != '\0' && !unit_known(p, l->post.unit))
		wrong(l, N_("unit \"%1\" is not known; import the units first"), l->post.unit, "");
	if (stored == NULL && l->name[0] == '\0')
		wrong(l, N_("the new account \"%1\" needs a name"), l->post.user, "");
	if (l->effect == SK_ORG_ERROR)
		return;
	if (l->name[0] == '\0')
		sk_text_copy(l->name, sizeof(l->name), member(stored, "name"));
	snprintf(what, sizeof(what), "%s%s%.60s", role, l->post.unit[0] != '\0' ? ":" : "", l->post.unit);
	other = stored != NULL && (strcmp(member(stored, "name"), l->name) != 0 ||
	                           (l->login[0] != '\0' && strcmp(member(stored, "login"), l->login) != 0));
	l->split = is != NULL && l->post.from > is->from && strcmp(is->title, l->post.title) != 0;
	if (stored == NULL)
		says(l, SK_ORG_ADD, N_("new account %1, without a password yet, as %2"), l->post.user, what);
	else if (is == NULL)
		says(l, SK_ORG_ADD, N_("%1 becomes %2"), l->post.user, what);
	else if (l->post.until != 0 && is->until != l->post.until)
		says(l, SK_ORG_END, N_("%1 ends as %2"), l->post.user, what);
	else if (is->until != l->post.until || strcmp(is->title, l->post.title) != 0 || l->post.from < is->from ||
	         other)
		says(l, SK_ORG_CHANGE, N_("%1 as %2: name, post or term change"), l->post.user, what);
	else
		says(l, SK_ORG_SAME, N_("%1 as %2 stays as it is"), l->post.user, what);
}

static bool meet(const struct sk_org_line *a, const struct sk_org_line *b)
{
	return !a->person || ((a->post.until == 0 || b->post.from < a->post.until) &&
	                      (b->post.until == 0 || a->post.from < b->post.until));
}

/* What the lines are about goes into p->lines; a second one about the same at the same time is an error. */
static int find_doubles(struct planner *p)
{
	char key[256], first[16];

	for (size_t i = 0; i < p->plan->n; i++) {
		struct sk_org_line *l = &p->plan->lines[i];
		json_t *earlier, *number;
		size_t j;

		if (l->effect == SK_ORG_ERROR)
			continue;
		snprintf(key, sizeof(key), "%s", l->place.unit);
		if (l->person)
			snprintf(key, sizeof(key), "%s %s %s", l->post.user, l->post.unit,
			         sk_org_post_name(l->post.role, l->post.deputy));
		earlier = json_object_get(p->lines, key);
		if (earlier == NULL) {
			earlier = json_array();
			if (json_object_set_new(p->lines, key, earlier) != 0)
				return -ENOMEM;
		}
		json_array_foreach(earlier, j, number)
		{
			const struct sk_org_line *b = &p->plan->lines[json_integer_value(number)];

			snprintf(first, sizeof(first), "%d", b->line);
			if (meet(l, b))
				wrong(l, N_("says again what line %1 says"), first, "");
		}
		json_array_append_new(earlier, json_integer((json_int_t)i));
	}
	return 0;
}

/* The tree with the file's lines in it, at the time a line begins. */
static int find_rings(const struct planner *p)
{
	struct sk_org after = {.n_places = p->plan->n};
	int e = 0;

	after.places = calloc(p->plan->n + p->now->n_places + 1, sizeof(*after.places));
	if (after.places == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < p->plan->n; i++)
		after.places[i] = p->plan->lines[i].place;
	for (size_t i = 0; i < p->now->n_places; i++) {
		struct sk_org_place *old = &after.places[after.n_places];

		*old = p->now->places[i];
		for (size_t j = 0; j < p->plan->n; j++) {
			const struct sk_org_place *new = &p->plan->lines[j].place;

			if (strcmp(new->unit, old->unit) == 0 && (old->until == 0 || old->until > new->from))
				old->until = new->from; /* what the line replaces */
		}
		if (old->until == 0 || old->from < old->until)
			after.n_places++;
	}
	for (size_t i = 0; i < p->plan->n; i++) {
		struct sk_org_line *l = &p->plan->lines[i];
		const char *up = l->place.unit;
		int depth = 0;

		while (depth < SK_ORG_DEPTH_MAX && sk_org_parent(&after, up, l->place.from, &up) == 0)
			depth++;
		if (depth == SK_ORG_DEPTH_MAX)
			wrong(l, N_("unit %1 would stand under itself, or too deep"), l->place.unit, "");
	}
	free(after.places);
	return e;
}

static int columns(struct planner *p, const char *file, const struct sk_csv_row *head, struct sk_err *err)
{
	for (size_t c = 0; c < N_COLUMNS; c++)
		p->at[c] = -1;
	for (size_t i = 0; i < head->n; i++) {
		size_t h = 0;

		while (h < sizeof(heads) / sizeof(heads[0]) && strcmp(heads[h].ja, head->cells[i]) != 0 &&
		       strcmp(heads[h].en, head->cells[i]) != 0)
			h++;
		if (h == sizeof(heads) / sizeof(heads[0]))
			return sk_err_set(err, -EINVAL,
			                  "%s:%d: column \"%.60s\" is not known; see docs/organisation.md", file,
			                  head->line, head->cells[i]);
		if (p->at[heads[h].column] >= 0)
			return sk_err_set(err, -EINVAL, "%s:%d: column \"%.60s\" is there twice", file, head->line,
			                  head->cells[i]);
		p->at[heads[h].column] = (int)i;
	}
	if (p->at[USER] < 0 && p->at[UNIT] < 0)
		return sk_err_set(err, -EINVAL, "%s:%d: neither a column 利用者 (user) nor 組織コード (unit)", file,
		                  head->line);
	return 0;
}

static int plan_lines(struct planner *p, const char *file, const struct sk_csv *csv, struct sk_err *err)
{
	bool people = p->at[USER] >= 0;
	int e = 0;

	for (size_t i = 1; i < csv->n; i++) {
		struct sk_org_line *l = &p->plan->lines[p->plan->n++];

		l->line = csv->rows[i].line;
		if (people)
			read_person(p, &csv->rows[i], l);
		else
			read_unit(p, &csv->rows[i], l);
		if (csv->rows[i].n > csv->rows[0].n)
			wrong(l, N_("more cells than the first row has columns"), "", "");
	}
	if (!people && p->plan->n > UNITS_MAX)
		return sk_err_set(err, -E2BIG, "%s: more than %d units; divide the file", file, UNITS_MAX);
	e = find_doubles(p);
	for (size_t i = 0; i < p->plan->n; i++) {
		struct sk_org_line *l = &p->plan->lines[i];

		if (l->effect != SK_ORG_ERROR) {
			if (people)
				judge_person(p, l);
			else
				judge_unit(p, l);
		}
	}
	if (e == 0 && !people)
		e = find_rings(p);
	for (size_t i = 0; i < p->plan->n; i++)
		p->plan->counts[p->plan->lines[i].effect]++;
	return e;
}

int sk_org_plan(const struct sk_org *now, const struct sk_org_names *names, const char *file, const char *bytes,
                size_t len, sk_ms today, struct sk_org_plan **out, struct sk_err *err)
{
	struct planner p = {.now = now, .names = names, .today = today, .plan = calloc(1, sizeof(*p.plan))};
	struct sk_csv *csv = NULL;
	int e = p.plan == NULL ? -ENOMEM : sk_csv_parse(file, bytes, len, &csv, err);

	if (e == 0 && csv->n == 0)
		e = sk_err_set(err, -EINVAL, "%s:1: empty; the first row names the columns", file);
	if (e == 0)
		p.plan->version = now->version;
	p.units = index_of(names->units, "key");
	p.users = index_of(names->users, "user");
	p.lines = json_object();
	if (e == 0 && (p.units == NULL || p.users == NULL || p.lines == NULL))
		e = -ENOMEM;
	if (e == 0)
		e = columns(&p, file, &csv->rows[0], err);
	if (e == 0 && (p.plan->lines = calloc(csv->n, sizeof(*p.plan->lines))) == NULL)
		e = -ENOMEM;
	if (e == 0)
		e = plan_lines(&p, file, csv, err);
	sk_csv_free(csv);
	json_decref(p.units);
	json_decref(p.users);
	json_decref(p.lines);
	if (e < 0) {
		sk_org_plan_free(p.plan);
		return e;
	}
	*out = p.plan;
	return 0;
}

struct sk_org_plan *sk_org_plan_free(struct sk_org_plan *p)
{
	if (p != NULL) {
		free(p->lines);
		free(p);
	}
	return NULL;
}

void sk_org_line_text(const struct sk_org_line *l, enum sk_lang lang, char *out, size_t size)
{
	const char *s = sk_tr(lang, l->says);
	char text[1024];
	size_t o = 0;

	for (; *s != '\0' && o + 1 < sizeof(text); s++) {
		if (*s == '%' && (s[1] == '1' || s[1] == '2')) {
			const char *a = l->about[*++s - '1'];

			for (; *a != '\0' && o + 1 < sizeof(text); a++)
				text[o++] = *a;
		} else {
			text[o++] = *s;
		}
	}
	sk_text_printable(out, size, text, o);
}

const char *sk_org_effect_word(enum sk_org_effect e)
{
	static const char *const effects[] = {N_("No change"), N_("Added"), N_("Changed"), N_("Ended"), N_("Error")};

	return effects[e];
}

const char *sk_org_effect_name(enum sk_org_effect e)
{
	static const char *const names[] = {"same", "add", "change", "end", "error"};

	return names[e];
}
