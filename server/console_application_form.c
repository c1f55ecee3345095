/*
 * Applying: one form for a kind and, where it is one of a group, for further permits of that group, each under its clause. The fields are those of all that is ticked. What is not accepted
 * comes back as it was typed, with the field and the reason.
 */
#include "server/console_application.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/hash.h"
#include "common/log.h"
#include "common/text.h"
#include "policy/setting_permit.h"

#define ONCE_BYTES 16

struct form {
	const struct sk_kinds *kinds;
	const struct sk_kind *chosen[SK_PERMITS_MAX];
	size_t n_chosen;
	json_t *fields;
	char from[11], until[11];
	const char *class, *person;
	char once[2 * ONCE_BYTES + 1];
	long long again;
	struct sk_application_problem problem;
};

static void problem_of(struct sk_page *p, const struct form *f, const char *field)
{
	if (f->problem.why == NULL || strcmp(f->problem.field, field) != 0)
		return;
	sk_page_lit(p, "<span class=\"notice error\" role=\"alert\">");
	sk_page_tr(p, f->problem.why);
	sk_page_lit(p, "</span>");
}

static bool is_chosen(const struct form *f, const struct sk_kind *k)
{
	for (size_t i = 0; i < f->n_chosen; i++) {
		if (f->chosen[i] == k)
			return true;
	}
	return false;
}

/* The permits of the first one's group. */
static void permits(struct sk_page *p, const struct form *f)
{
	const struct sk_kind *first = f->chosen[0];

	sk_page_lit(p, "<fieldset><legend>");
	sk_page_tr(p, N_("What is applied for"));
	sk_page_lit(p, "</legend>");
	for (size_t i = 0; i < f->kinds->n; i++) {
		const struct sk_kind *k = &f->kinds->kinds[i];

		if (k != first && (first->group[0] == '\0' || strcmp(k->group, first->group) != 0))
			continue;
		sk_page_lit(p, "<label class=\"radio\"><input type=\"checkbox\" value=\"1\"");
		char name[48];

		snprintf(name, sizeof(name), "permit.%s", k->key);
		sk_page_attr(p, "name", name);
		sk_page_raw(p, k == first ? " checked disabled> " : is_chosen(f, k) ? " checked> " : "> ");
		sk_page_text(p, sk_kind_word(p, k));
		sk_page_lit(p, " ");
		if (k->clause[0] != '\0')
			sk_part_clause(p, k->clause);
		if (k->condition_ja[0] != '\0') {
			sk_page_lit(p, " <span class=\"sub\">");
			sk_page_text(p, p->lang == SK_LANG_JA ? k->condition_ja : k->condition_en);
			sk_page_lit(p, "</span>");
		}
		sk_page_lit(p, "</label>");
	}
	problem_of(p, f, "kinds");
	sk_page_lit(p, "</fieldset>\n");
}

static void class_choice(struct sk_page *p, const struct form *f)
{
	unsigned classes = 0;

	for (size_t i = 0; i < f->n_chosen; i++)
		classes |= f->chosen[i]->classes;
	if (classes == 0)
		return;
	sk_page_lit(p, "<p class=\"field\"><label for=\"class\">");
	sk_page_tr(p, N_("Class of information"));
	sk_page_lit(p, "</label><select id=\"class\" name=\"class\"><option value=\"\">");
	sk_page_tr(p, N_("choose"));
	sk_page_lit(p, "</option>");
	for (size_t i = 0; sk_class_names[i] != NULL; i++) {
		if ((classes & 1u << i) == 0)
			continue;
		sk_page_lit(p, "<option");
		sk_page_attr(p, "value", sk_class_names[i]);
		sk_page_raw(p, strcmp(f->class, sk_class_names[i]) == 0 ? " selected>" : ">");
		sk_page_tr(p, strcmp(sk_class_names[i], "unknown") == 0 ? N_("not known: the manager decides")
		                                                        : sk_word_class(sk_class_names[i]));
		sk_page_lit(p, "</option>");
	}
	sk_page_lit(p, "</select>");
	problem_of(p, f, "class");
	sk_page_lit(p, "</p>");
}

/* Fields of which only a few values are possible; NULL-ended, or NULL. */
static const char *const *choices(const char *name)
{
	static const char *const access[] = {"ro", "rw", NULL}, *const setting[] = {SK_SETTING_SCREEN_LOCK, NULL};

	return strcmp(name, "access") == 0 ? access : strcmp(name, "setting") == 0 ? setting : NULL;
}

static void choice_field(struct sk_page *p, const struct form *f, const char *name)
{
	const char *const *values = choices(name);
	const char *now = sk_page_str(f->fields, name);

	sk_page_lit(p, "</label><select");
	sk_page_attr(p, "id", name);
	sk_page_attr(p, "name", name);
	sk_page_lit(p, "><option value=\"\"></option>");
	for (size_t i = 0; values[i] != NULL; i++) {
		sk_page_lit(p, "<option");
		sk_page_attr(p, "value", values[i]);
		sk_page_raw(p, strcmp(now, values[i]) == 0 ? " selected>" : ">");
		sk_page_tr(p, sk_word_field_value(name, values[i]));
		sk_page_lit(p, "</option>");
	}
	sk_page_lit(p, "</select>");
}

static void hint(struct sk_page *p, const char *name)
{
	const char *text =
	    strcmp(name, "medium") == 0
	        ? N_("A registered medium: with the terminal, the helpdesk issues its use once it is permitted.")
	    : strcmp(name, "setting") == 0 ? N_("With the terminal, it is permitted there until the last day.")
	                                   : NULL;

	if (text == NULL)
		return;
	sk_page_lit(p, " <span class=\"sub\">");
	sk_page_tr(p, text);
	sk_page_lit(p, "</span>");
}

static void text_field(struct sk_page *p, const struct form *f, const char *name, bool needed)
{
	sk_page_lit(p, "<p class=\"field\"><label");
	sk_page_attr(p, "for", name);
	sk_page_lit(p, ">");
	sk_page_tr(p, sk_word_field(name));
	if (needed) {
		sk_page_lit(p, " <span class=\"sub\">");
		sk_page_tr(p, N_("needed"));
		sk_page_lit(p, "</span>");
	}
	hint(p, name);
	if (choices(name) != NULL) {
		choice_field(p, f, name);
	} else {
		sk_page_lit(p, "</label><input type=\"text\" maxlength=\"160\"");
		sk_page_attr(p, "id", name);
		sk_page_attr(p, "name", name);
		sk_page_attr(p, "value", sk_page_str(f->fields, name));
		sk_page_lit(p, ">");
	}
	problem_of(p, f, name);
	sk_page_lit(p, "</p>");
}

/* The fields of all that is ticked, each once; needed where one of them needs it. */
static void text_fields(struct sk_page *p, const struct form *f)
{
	for (size_t n = 0; sk_field_names[n] != NULL; n++) {
		bool there = false, needed = false;

		for (size_t i = 0; i < f->n_chosen; i++) {
			for (size_t j = 0; j < f->chosen[i]->n_fields; j++) {
				if (f->chosen[i]->fields[j].name == sk_field_names[n]) {
					there = true;
					needed = needed || f->chosen[i]->fields[j].needed;
				}
			}
		}
		if (there)
			text_field(p, f, sk_field_names[n], needed);
	}
}

static void date_field(struct sk_page *p, const char *name, const char *label, const char *value)
{
	sk_page_lit(p, "<p class=\"field\"><label");
	sk_page_attr(p, "for", name);
	sk_page_lit(p, ">");
	sk_page_tr(p, label);
	sk_page_lit(p, "</label><input type=\"date\"");
	sk_page_attr(p, "id", name);
	sk_page_attr(p, "name", name);
	sk_page_attr(p, "value", value);
	sk_page_lit(p, "></p>");
}

static void hidden(struct sk_page *p, const char *name, const char *value)
{
	sk_page_lit(p, "<input type=\"hidden\"");
	sk_page_attr(p, "name", name);
	sk_page_attr(p, "value", value);
	sk_page_lit(p, ">");
}

static int show(struct sk_console *c, const struct form *f, int code)
{
	struct sk_page *p = &c->page;
	char num[24];

	sk_console_begin(c, N_("Application"), sk_kind_word(p, f->chosen[0]));
	sk_page_lit(p, "<h1>");
	sk_page_text(p, sk_kind_word(p, f->chosen[0]));
	sk_page_lit(p, "</h1><p class=\"lead\">");
	if (!f->chosen[0]->record) {
		sk_page_tr(p, N_("Permitted by:"));
		sk_page_lit(p, " ");
	}
	sk_part_route(p, f->chosen[0]->steps, f->chosen[0]->n_steps);
	sk_page_lit(p, "</p><form class=\"apply\" method=\"post\" action=\"/applications\">");
	sk_console_csrf(c);
	hidden(p, "kind", f->chosen[0]->key);
	hidden(p, "once", f->once);
	if (f->again != 0) {
		snprintf(num, sizeof(num), "%lld", f->again);
		hidden(p, "again", num);
	}
	permits(p, f);
	if (c->session.acting == SK_ROLE_DESK && f->again == 0) {
		sk_page_lit(p, "<p class=\"field\"><label for=\"person\">");
		sk_page_tr(p, N_("For (account of the caller)"));
		sk_page_lit(p, "</label><input id=\"person\" name=\"person\" type=\"text\" maxlength=\"63\"");
		sk_page_attr(p, "value", f->person);
		sk_page_lit(p, ">");
		problem_of(p, f, "person");
		sk_page_lit(p, "</p>");
	} else {
		problem_of(p, f, "person");
	}
	class_choice(p, f);
	text_fields(p, f);
	date_field(p, "from", N_("First day"), f->from);
	date_field(p, "until", N_("Last day"), f->until);
	problem_of(p, f, "term");
	problem_of(p, f, "");
	sk_page_lit(p, "<p class=\"buttons\"><button class=\"primary\" name=\"action\" value=\"apply\">");
	sk_page_tr(p, f->chosen[0]->record ? N_("Record it") : N_("Apply"));
	sk_page_lit(p, "</button><button name=\"action\" value=\"refresh\">");
	sk_page_tr(p, N_("Show the fields of what is ticked"));
	sk_page_lit(p, "</button></p></form>\n");
	sk_console_end(c);
	return code;
}

static void day_text(sk_ms t, char out[11])
{
	char full[32];

	sk_clock_format_local(t, full, sizeof(full));
	snprintf(out, 11, "%.10s", full);
}

/* "2026-04-01": its first ms, or its last second. 0 or -EINVAL. */
static int day_of(const char *text, bool last, sk_ms *out)
{
	char full[32];

	if (strlen(text) != 10)
		return -EINVAL;
	snprintf(full, sizeof(full), "%sT%s", text, last ? "23:59:59" : "00:00:00");
	return sk_console_parse_time(full, out);
}

static int new_once(struct form *f)
{
	uint8_t raw[ONCE_BYTES];
	int e = sk_random(raw, sizeof(raw));

	if (e == 0)
		sk_hex(raw, sizeof(raw), f->once);
	return e;
}

/* A returned application, to be mended and sent again. */
static int from_returned(struct sk_console *c, struct form *f, const json_t *row)
{
	const json_t *permit;
	size_t i;

	if (strcmp(sk_page_str(row, "state"), "returned") != 0 ||
	    (strcmp(sk_page_str(row, "person"), c->session.user) != 0 &&
	     strcmp(sk_page_str(row, "entered_by"), c->session.user) != 0))
		return -ENOENT;
	f->chosen[0] = sk_kind_find(f->kinds, sk_page_str(row, "kind"));
	if (f->chosen[0] == NULL)
		return -ENOENT;
	f->n_chosen = 1;
	json_array_foreach(sk_page_get(row, "permits"), i, permit)
	{
		const struct sk_kind *k = sk_kind_find(f->kinds, sk_page_str(permit, "kind"));

		if (k != NULL && !is_chosen(f, k) && f->n_chosen < SK_PERMITS_MAX)
			f->chosen[f->n_chosen++] = k;
	}
	json_decref(f->fields);
	f->fields = json_deep_copy(sk_page_get(row, "fields"));
	f->class = sk_page_str(row, "class");
	f->again = sk_page_int(row, "number");
	day_text(sk_page_int(row, "from"), f->from);
	day_text(sk_page_int(row, "until"), f->until);
	return 0;
}

int sk_page_application_new(struct sk_console *c)
{
	const char *kind = sk_request_query(c->r, "kind"), *again = sk_request_query(c->r, "again");
	struct sk_kinds *kinds = sk_console_kinds(c);
	struct form f = {.kinds = kinds, .fields = json_object(), .class = "", .person = ""};
	unsigned long long number;
	json_t *row = NULL;
	int e = kinds == NULL || f.fields == NULL ? -EIO : new_once(&f);

	if (e == 0 && again != NULL) {
		e = sk_text_u64(again, 1, INT64_MAX, &number) < 0 ? -ENOENT : 0;
		row = e == 0 ? sk_store_application(c->r->server->store, (int64_t)number, c->now) : NULL;
		e = row == NULL ? -ENOENT : from_returned(c, &f, row);
	} else if (e == 0) {
		f.chosen[0] = kind == NULL ? NULL : sk_kind_find(kinds, kind);
		f.n_chosen = 1;
		e = f.chosen[0] == NULL ? -ENOENT : sk_kind_may_ask(c->session.acting, f.chosen[0]) ? 0 : -EPERM;
		if (e == 0) {
			day_text(c->now, f.from);
			day_text(sk_kind_default_end(f.chosen[0], c->now), f.until);
		}
	}
	if (e == 0)
		e = show(c, &f, 200);
	json_decref(row);
	json_decref(f.fields);
	sk_kinds_free(kinds);
	return e;
}

static int read_form(struct sk_console *c, struct form *f)
{
	const char *kind = sk_form_get(&c->form, "kind"), *again = sk_form_get(&c->form, "again"), *v;
	unsigned long long number = 0;
	char name[48];

	f->chosen[0] = kind == NULL ? NULL : sk_kind_find(f->kinds, kind);
	if (f->chosen[0] == NULL || (again != NULL && sk_text_u64(again, 1, INT64_MAX, &number) < 0))
		return -EINVAL;
	f->again = (long long)number;
	f->n_chosen = 1;
	for (size_t i = 0; i < f->kinds->n && f->n_chosen < SK_PERMITS_MAX; i++) {
		const struct sk_kind *k = &f->kinds->kinds[i];

		snprintf(name, sizeof(name), "permit.%s", k->key);
		if (k != f->chosen[0] && sk_form_get(&c->form, name) != NULL)
			f->chosen[f->n_chosen++] = k;
	}
	for (size_t i = 0; sk_field_names[i] != NULL; i++) {
		if (sk_form_text(&c->form, sk_field_names[i], 4 * SK_FIELD_MAX, &v) < 0 ||
		    json_object_set_new(f->fields, sk_field_names[i], json_string(v)) != 0)
			return -EINVAL;
	}
	if (sk_form_text(&c->form, "class", 16, &f->class) < 0 || sk_form_text(&c->form, "person", 63, &f->person) < 0)
		return -EINVAL;
	v = sk_form_get(&c->form, "once");
	sk_text_copy(f->once, sizeof(f->once), v == NULL || strspn(v, "0123456789abcdef") != strlen(v) ? "" : v);
	v = sk_form_get(&c->form, "from");
	sk_text_copy(f->from, sizeof(f->from), v);
	v = sk_form_get(&c->form, "until");
	sk_text_copy(f->until, sizeof(f->until), v);
	return 0;
}

/* Fields that none of the kinds has are left out. */
static void only_asked(struct form *f)
{
	for (size_t n = 0; sk_field_names[n] != NULL; n++) {
		bool there = false;

		for (size_t i = 0; i < f->n_chosen; i++) {
			for (size_t j = 0; j < f->chosen[i]->n_fields; j++)
				there = there || f->chosen[i]->fields[j].name == sk_field_names[n];
		}
		if (!there)
			json_object_del(f->fields, sk_field_names[n]);
	}
}

static int apply(struct sk_console *c, struct form *f)
{
	struct sk_application a = {.n_kinds = f->n_chosen, .class = f->class, .once = f->once, .again = f->again};
	struct sk_err err = SK_ERR_INIT;
	struct sk_actor by;
	int64_t number = 0;
	char to[64];
	int e;

	memcpy(a.kinds, f->chosen, sizeof(a.kinds));
	only_asked(f);
	a.fields = f->fields;
	a.person = c->session.acting == SK_ROLE_DESK && *f->person != '\0' ? f->person : c->session.user;
	if (day_of(f->from, false, &a.from) < 0 || day_of(f->until, true, &a.until) < 0) {
		f->problem = (struct sk_application_problem){"term", N_("Both days are needed.")};
		return show(c, f, 400);
	}
	if (sk_session_actor(&c->session, c->session.acting, &by) < 0)
		return -EACCES;
	e = sk_store_application_put(c->r->server->store, &by, &a, c->now, &number, &f->problem, &err);
	if (e == -EINVAL && f->problem.why != NULL)
		return show(c, f, 400);
	if (e == -ESTALE) {
		c->problem = N_("It was changed meanwhile. Look at it again.");
		return show(c, f, 409);
	}
	if (e < 0)
		return e;
	snprintf(to, sizeof(to), "/applications/%lld?done=apply", (long long)number);
	return sk_console_redirect(c, to);
}

int sk_page_application_post(struct sk_console *c)
{
	const char *action = sk_form_get(&c->form, "action");
	struct sk_kinds *kinds = sk_console_kinds(c);
	struct form f = {.kinds = kinds, .fields = json_object(), .class = "", .person = ""};
	int e = kinds == NULL || f.fields == NULL ? -EIO : read_form(c, &f);

	if (e == 0)
		e = action != NULL && strcmp(action, "refresh") == 0 ? show(c, &f, 200) : apply(c, &f);
	json_decref(f.fields);
	sk_kinds_free(kinds);
	return e;
}
