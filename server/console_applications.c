/* The list of applications and what can be applied for; what all their pages share. */
#include "server/console_application.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "common/text.h"
#include "policy/setting_permit.h"

#define PER_PAGE 50
#define FIND_MAX 64

struct sk_kinds *sk_console_kinds(struct sk_console *c)
{
	struct sk_err err = SK_ERR_INIT;
	struct sk_kinds *kinds = NULL;
	char *text = NULL;
	int r = sk_store_kinds_text(c->r->server->store, &text);

	if (r == 0)
		r = sk_kinds_parse("kinds", text, strlen(text), &kinds, &err);
	else if (r == -ENOENT)
		r = sk_kinds_parse("kinds.ini", sk_kinds_shipped, strlen(sk_kinds_shipped), &kinds, &err);
	free(text);
	if (r < 0)
		sk_log(SK_LOG_ERR, "console: kinds of applications: %s", err.text);
	return kinds;
}

bool sk_kind_may_ask(enum sk_role acting, const struct sk_kind *k)
{
	return (k->asks & (unsigned)acting) != 0 || (acting == SK_ROLE_DESK && (k->asks & SK_ROLE_STAFF) != 0);
}

const char *sk_kind_word(const struct sk_page *p, const struct sk_kind *k)
{
	return p->lang == SK_LANG_JA ? k->word_ja : k->word_en;
}

void sk_part_kind(struct sk_page *p, const struct sk_kinds *kinds, const char *key)
{
	const struct sk_kind *k = sk_kind_find(kinds, key);

	sk_page_text(p, k != NULL ? sk_kind_word(p, k) : key);
}

const char *sk_word_field(const char *name)
{
	static const char *const words[][2] = {{"purpose", N_("Purpose")},
	                                       {"what", N_("Information")},
	                                       {"count", N_("Number of items")},
	                                       {"personal", N_("Personal information in it")},
	                                       {"destination", N_("Destination")},
	                                       {"recipient", N_("Recipient")},
	                                       {"carrier", N_("How it is carried")},
	                                       {"encryption", N_("Encryption")},
	                                       {"method", N_("Method")},
	                                       {"place", N_("Place")},
	                                       {"measures", N_("Measures taken")},
	                                       {"reason", N_("Reason")},
	                                       {"alternative", N_("What is done instead")},
	                                       {"before_after", N_("Before and after")},
	                                       {"basis", N_("Basis")},
	                                       {"hardware", N_("Device or medium")},
	                                       {"software", N_("Software")},
	                                       {"subject", N_("Person concerned")},
	                                       {"medium", N_("Ledger number of the medium")},
	                                       {"terminal", N_("Terminal (host name)")},
	                                       {"access", N_("Access")},
	                                       {"setting", N_("Setting to change")}};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (strcmp(words[i][0], name) == 0)
			return words[i][1];
	}
	return name;
}

const char *sk_word_field_value(const char *name, const char *value)
{
	if (strcmp(name, "access") == 0)
		return sk_word_access(value);
	if (strcmp(name, "setting") == 0 && strcmp(value, SK_SETTING_SCREEN_LOCK) == 0)
		return N_("Screen lock");
	return value;
}

const char *sk_word_application_state(const char *state, bool overdue, bool back, enum sk_tone *tone)
{
	static const struct {
		const char *state, *word;
		enum sk_tone tone;
	} words[] = {{"submitted", N_("Applied for"), SK_TONE_GRACE},
	             {"examined", N_("Under examination"), SK_TONE_GRACE},
	             {"permitted", N_("Permitted"), SK_TONE_OK},
	             {"refused", N_("Not permitted"), SK_TONE_BAD},
	             {"returned", N_("Returned"), SK_TONE_UNKNOWN},
	             {"withdrawn", N_("Withdrawn"), SK_TONE_PLAIN},
	             {"cancelled", N_("Cancelled"), SK_TONE_BAD},
	             {"brought-back", N_("Brought back"), SK_TONE_PLAIN},
	             {"lost", N_("Lost"), SK_TONE_BAD},
	             {"erased", N_("Erased"), SK_TONE_PLAIN},
	             {"done", N_("Completed"), SK_TONE_PLAIN}};

	if (overdue) {
		*tone = back ? SK_TONE_BAD : SK_TONE_PLAIN;
		return back ? N_("Return overdue") : N_("Expired");
	}
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (strcmp(words[i].state, state) == 0) {
			*tone = words[i].tone;
			return words[i].word;
		}
	}
	*tone = SK_TONE_PLAIN;
	return state;
}

void sk_part_application_state(struct sk_page *p, const json_t *row)
{
	enum sk_tone tone;
	const char *word =
	    sk_word_application_state(sk_page_str(row, "state"), json_is_true(sk_page_get(row, "overdue")),
	                              json_is_true(sk_page_get(row, "back")), &tone);

	sk_page_badge(p, tone, word);
}

void sk_part_route(struct sk_page *p, const struct sk_step *steps, size_t n)
{
	if (n == 0)
		sk_page_tr(p, N_("recorded; nobody permits it"));
	for (size_t i = 0; i < n; i++) {
		bool first = true;

		if (i > 0)
			sk_page_lit(p, " \xe2\x86\x92 ");
		for (unsigned bit = SK_ROLE_STAFF; bit <= SK_ROLE_LAST; bit <<= 1) {
			if ((steps[i].roles & bit) == 0)
				continue;
			if (!first) {
				sk_page_lit(p, " ");
				sk_page_tr(p, steps[i].all ? N_("and") : N_("or"));
				sk_page_lit(p, " ");
			}
			sk_page_tr(p, sk_word_role((enum sk_role)bit));
			first = false;
		}
	}
}

static void row(struct sk_page *p, const struct sk_kinds *kinds, const json_t *a)
{
	sk_page_lit(p, "<tr><th scope=\"row\"><a class=\"number\" href=\"/applications/");
	(void)sk_buf_addf(&p->out, "%lld\">", sk_page_int(a, "number"));
	sk_page_text(p, sk_page_str(a, "label"));
	sk_page_lit(p, "</a></th><td>");
	sk_part_application_state(p, a);
	sk_page_lit(p, "</td><td class=\"free\">");
	sk_part_kind(p, kinds, sk_page_str(a, "kind"));
	sk_page_lit(p, "</td><td>");
	sk_page_text(p, sk_page_str(a, "person_name"));
	sk_page_lit(p, "<br><span class=\"sub\">");
	sk_part_unit(p, a);
	sk_page_lit(p, "</span></td><td>");
	sk_page_time(p, sk_page_int(a, "until"));
	if (sk_page_int(a, "reminders") > 0) {
		char times[24];

		snprintf(times, sizeof(times), "%lld", sk_page_int(a, "reminders"));
		sk_page_lit(p, "<br><span class=\"sub\">");
		sk_page_say(p, N_("reminded %1 times"), times);
		sk_page_lit(p, "</span>");
	}
	sk_page_lit(p, "</td><td>");
	sk_page_ago(p, sk_page_int(a, "created"));
	sk_page_lit(p, "</td></tr>\n");
}

static void list(struct sk_page *p, const struct sk_kinds *kinds, const json_t *rows)
{
	static const char *const heads[] = {N_("No."),   N_("State"), N_("Kind"), N_("Who asks"),
	                                    N_("Until"), N_("Asked"), NULL};
	const json_t *a;
	size_t i;

	sk_page_table(p, "list", N_("Applications"), heads);
	json_array_foreach(rows, i, a)
	{
		if (i < PER_PAGE)
			row(p, kinds, a);
	}
	sk_page_table_end(p);
}

/* What the acting role may ask for; kinds of one group stand together behind one link. */
static void new_ones(struct sk_console *c, const struct sk_kinds *kinds)
{
	enum sk_role role = c->session.acting;
	struct sk_page *p = &c->page;

	sk_page_lit(p, "<details class=\"newones\"><summary>");
	sk_page_tr(p, N_("Apply for something new"));
	sk_page_lit(p, "</summary><ul>");
	for (size_t i = 0; i < kinds->n; i++) {
		const struct sk_kind *k = &kinds->kinds[i];

		if (!sk_kind_may_ask(c->session.acting, k))
			continue;
		sk_page_lit(p, "<li><a href=\"/applications/new?kind=");
		sk_page_url(p, k->key);
		sk_page_lit(p, "\">");
		sk_page_text(p, sk_kind_word(p, k));
		sk_page_lit(p, "</a>");
		if (k->clause[0] != '\0') {
			sk_page_lit(p, " ");
			sk_part_clause(p, k->clause);
		}
		sk_page_lit(p, "</li>");
	}
	sk_page_lit(p, "</ul>");
	if (role != SK_ROLE_STAFF) {
		sk_page_lit(p, "<p><a href=\"/kinds\">");
		sk_page_tr(p, N_("Kinds of applications"));
		sk_page_lit(p, "</a></p>");
	}
	sk_page_lit(p, "</details>\n");
}

static const char *const tabs[][2] = {
    {"", N_("Open")}, {"overdue", N_("Return overdue")}, {"permitted", N_("Permitted")}, {"all", N_("all")}};

static void filter(struct sk_page *p, const char *state, const char *find)
{
	sk_page_lit(p, "<nav class=\"tabs\"");
	sk_page_attr_tr(p, "aria-label", N_("Applications by state"));
	sk_page_lit(p, "><ul>");
	for (size_t i = 0; i < sizeof(tabs) / sizeof(tabs[0]); i++) {
		sk_page_lit(p, "<li><a href=\"/applications?state=");
		sk_page_raw(p, tabs[i][0]);
		sk_page_raw(p, strcmp(tabs[i][0], state) == 0 ? "\" aria-current=\"true\">" : "\">");
		sk_page_tr(p, tabs[i][1]);
		sk_page_lit(p, "</a></li>");
	}
	sk_page_lit(p,
	            "</ul></nav><form class=\"filter\" role=\"search\" method=\"get\" action=\"/applications\"><input "
	            "type=\"hidden\" name=\"state\"");
	sk_page_attr(p, "value", state);
	sk_page_lit(p, "><p class=\"field grow\"><label for=\"find\">");
	sk_page_tr(p, N_("Number, person or contents contain"));
	sk_page_lit(p, "</label><input id=\"find\" name=\"find\" type=\"search\" maxlength=\"64\"");
	sk_page_attr(p, "value", find);
	sk_page_lit(p, "></p><p><button>");
	sk_page_tr(p, N_("Show"));
	sk_page_lit(p, "</button></p></form>\n");
}

static int read_filter(struct sk_console *c, const char **state, char find[FIND_MAX + 1])
{
	const char *asked = sk_request_query(c->r, "state"), *text = sk_request_query(c->r, "find");

	*state = NULL;
	for (size_t i = 0; i < sizeof(tabs) / sizeof(tabs[0]); i++) {
		if (strcmp(asked == NULL ? "" : asked, tabs[i][0]) == 0)
			*state = tabs[i][0];
	}
	if (*state == NULL || (text != NULL && strlen(text) > FIND_MAX))
		return -EINVAL;
	sk_text_copy(find, FIND_MAX + 1, text == NULL ? "" : text);
	sk_text_trim(find);
	return 0;
}

int sk_page_applications(struct sk_console *c)
{
	bool own = c->session.acting == SK_ROLE_STAFF;
	long long page = sk_query_page(c->r);
	const char *unit = NULL, *state = NULL;
	char find[FIND_MAX + 1];
	struct sk_page query;
	struct sk_kinds *kinds;
	json_t *rows;
	int e = own ? 0 : sk_console_scope(c, &unit);

	if (e == 0)
		e = read_filter(c, &state, find);
	if (e < 0 || state == NULL)
		return e < 0 ? e : -EINVAL;
	kinds = sk_console_kinds(c);
	rows = sk_store_applications(c->r->server->store, unit, own ? c->session.user : NULL,
	                             *state == '\0'              ? "open"
	                             : strcmp(state, "all") == 0 ? NULL
	                                                         : state,
	                             find[0] != '\0' ? find : NULL, c->now, PER_PAGE + 1, (int)(page - 1) * PER_PAGE);
	if (rows == NULL || kinds == NULL) {
		json_decref(rows);
		sk_kinds_free(kinds);
		return -EIO;
	}
	sk_console_audit_view(c, "applications");
	sk_console_begin(c, N_("Applications"), NULL);
	sk_page_el_tr(&c->page, "h1", NULL, N_("Applications"));
	new_ones(c, kinds);
	filter(&c->page, state, find);
	if (json_array_size(rows) == 0)
		sk_part_empty(&c->page, N_("There is no application here."));
	else
		list(&c->page, kinds, rows);
	sk_page_init(&query, c->page.lang, c->now);
	sk_page_lit(&query, "state=");
	sk_page_url(&query, state);
	sk_page_lit(&query, "&find=");
	sk_page_url(&query, find);
	sk_page_lit(&query, "&");
	sk_part_pager(&c->page, "/applications", query.out.data, page, json_array_size(rows) > PER_PAGE);
	sk_page_deinit(&query);
	sk_console_end(c);
	json_decref(rows);
	sk_kinds_free(kinds);
	return 200;
}
