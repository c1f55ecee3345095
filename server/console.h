/*
 * The console, inside: what its files share. Every page is one function over struct sk_console; console.c holds the one table of
 * route x role, checks session, role, origin and CSRF before a function runs, and sends what it wrote.
 */
#ifndef SK_SERVER_CONSOLE_H
#define SK_SERVER_CONSOLE_H

#include "server/http.h"
#include "server/page.h"
#include "server/page_form.h"
#include "server/session.h"

struct sk_console;

#define SK_MAY_PUBLIC 0u
#define SK_MAY_READ   (SK_ROLE_SEC | SK_ROLE_DESK | SK_ROLE_SYS | SK_ROLE_AUD | SK_ROLE_CISO | SK_ROLE_EXEC | SK_ROLE_BUR)
#define SK_MAY_ANY    (SK_MAY_READ | SK_ROLE_STAFF)

struct sk_console_route {
	enum evhttp_cmd_type method;
	const char *pattern;
	size_t body_max;
	unsigned may; /* mask of acting roles; SK_MAY_PUBLIC = also without a login */
	/* An HTTP status when the page (or c->location) is written, 0 when it answers later, negative errno for an error page. */
	int (*show)(struct sk_console *c);
};
extern const struct sk_console_route sk_console_pages[]; /* ends with pattern NULL; docs/console.md shows it */

struct sk_console {
	struct sk_request *r;
	const struct sk_console_route *route;
	bool logged_in;
	struct sk_session session; /* when logged_in */
	struct sk_form form; /* of a POST */
	struct sk_page page;
	sk_ms now;
	sk_ms silent_ms;
	const char *problem; /* msgid: why a form was not accepted; shown at the top, role=alert */
	const char *done; /* msgid: what was just done; role=status */
	char location[512]; /* of a redirect */
	void *job; /* a login's password check */
	char login_user[64];
	bool locked; /* the name is locked: refused whatever the password */
};

/* console.c */
struct sk_console *sk_console_new(struct sk_request *r, const struct sk_console_route *route); /* NULL: no memory */
void sk_console_send(struct sk_console *c, int code); /* the page, redirect or error page; frees c */
/* An answer in pieces (sk_reply_stream) with the pages' headers. end frees c. < 0: nothing was sent, c is still the caller's. */
int sk_console_stream(struct sk_console *c, const char *type, int (*next)(void *arg, struct sk_buf *out),
                      void (*end)(void *arg, bool whole), void *arg);
void sk_console_free(struct sk_console *c);
int sk_console_redirect(struct sk_console *c, const char *path);
bool sk_console_local_path(const char *s); /* a path of ours that is safe in Location and in links */
/* The section the acting role sees: *unit NULL = the whole office. -EACCES when it sees no section. */
int sk_console_scope(const struct sk_console *c, const char **unit);
bool sk_console_sees(const struct sk_console *c, const char *unit);
void sk_console_audit_view(struct sk_console *c, const char *object); /* auditors' reading is recorded (9.1) */

/* console_layout.c */
void sk_console_begin(struct sk_console *c, const char *title_msgid,
                      const char *title_more /* NULL or text after it */);
void sk_console_end(struct sk_console *c);
void sk_console_error(struct sk_console *c, int code); /* writes the error page into c->page */
void sk_console_csrf(struct sk_console *c); /* hidden fields csrf and role of every form */

/* console_words.c: words for what the store names by keys; msgids. Unknown keys come back as they are. */
const char *sk_word_role(enum sk_role role);
const char *sk_word_request_state(const char *state, enum sk_tone *tone /* may be NULL */);
const char *sk_word_class(const char *key);
const char *sk_word_access(const char *key);
const char *sk_word_reason(const char *key);
const char *sk_word_event(const char *kind, enum sk_tone *tone);
const char *sk_word_grade(const char *key);
const char *sk_word_grade_meaning(const char *key); /* a sentence: what the grade proves */
const char *sk_word_duty(const char *key);
const char *sk_word_kind(const char *key); /* kinds of interfaces: storage, input, ... */
const char *sk_word_zone(const char *key);
const char *sk_word_mode(const char *key);
const char *sk_word_evidence(const char *key); /* names of members of evidence, events and audit details */
const char *sk_word_action(const char *key); /* of the audit trail and of a request's history */

/* console_parts.c: pieces several pages show */
void sk_part_unit(struct sk_page *p, const json_t *row); /* unit_ja / unit_en by language, else the key */
void sk_part_clause(struct sk_page *p, const char *clause); /* 対策基準 5.1(1)キ, full-width in pages */
void sk_part_device_name(struct sk_page *p, const json_t *device); /* vendor product, else the ids */
void sk_part_requests(struct sk_page *p, const json_t *rows, const char *caption, bool with_terminal);
/* What was written under the request's grant, as sk_store_takeout; NULL or nothing recorded: nothing is shown. */
void sk_part_takeout(struct sk_page *p, const json_t *t, long long request, bool reveal);
/* The record of erasing under the request's grant, as sk_store_erasures; none: nothing is shown. */
void sk_part_erasures(struct sk_page *p, const json_t *list);
void sk_part_request_state(struct sk_page *p, const char *state);
void sk_part_pager(struct sk_page *p, const char *path, const char *query /* "a=b&" or "" */, long long page,
                   bool more);
/* console_export.c: links to the same rows as files; query "a=b&" or "". */
void sk_part_export(struct sk_page *p, const char *list, const char *query);
void sk_part_empty(struct sk_page *p, const char *msgid);
/* A line of text in a form, with what was typed in it before. id and name are the same; hint may be NULL; more: a literal of further attributes,
 * " required". */
void sk_part_field(struct sk_console *c, const char *name, const char *label, const char *hint, const char *more);
/* Lists by state: a link each to path?state=NAME; state NULL = without. Begun by sk_part_tabs with the name for screen readers, ended by
 * sk_part_tabs_end. */
void sk_part_tabs(struct sk_page *p, const char *label);
void sk_part_tab(struct sk_page *p, const char *path, const char *state, const char *chosen, const char *word);
void sk_part_tabs_end(struct sk_page *p);
long long sk_query_page(const struct sk_request *r); /* ?page=N, 1 when absent or not a number of 1..10000 */

/* console_device.c, console_event.c: parts of the terminal's page */
bool sk_part_is_mixed(const json_t *device); /* allowed, but not all of its functions */
void sk_part_devices(struct sk_page *p, const json_t *devices);
void sk_part_events(struct sk_page *p, const json_t *events);
/* console_check.c */
void sk_part_checks(struct sk_page *p, const json_t *posture);

const char *sk_word_degree(long long degree); /* console_inspections.c: of a finding; msgid */
/* console_export.c: the list NAME.csv or NAME.json under the filter of the address, streamed; recorded: in the audit trail. 0: c is freed at its end; else -errno. */
int sk_console_list(struct sk_console *c, const char *name, bool record);
/* console_states.c: counts by verdict. states: {"compliant":n,..}. */
long long sk_states_total(const json_t *states); /* without what a check does not apply to */
long long sk_states_bad(const json_t *states); /* what needs attention: non-compliant, error, silent, unknown */
double sk_state_badness(const json_t *row); /* of {"terminals","states"}; what is worse is more; -1 = none */
const char *sk_state_fill(enum sk_state s); /* "ok": of the class fill-ok */
bool sk_state_line(size_t i, enum sk_state *out); /* the i-th as they stand from left to right; false = no more */
void sk_part_state_bar(struct sk_page *p, const json_t *states, long long total); /* hidden from screen readers */
void sk_part_state_counts(struct sk_page *p, long long terminals, const json_t *states,
                          const char *unit /* its links keep to it; NULL = all */);
void sk_part_state_table(struct sk_page *p, const char *cls, const char *caption, const char *first,
                         const char *more /* a column before the shares; NULL = none */);
void sk_part_state_cells(struct sk_page *p, const json_t *states);
void sk_part_change(struct sk_page *p, long long change); /* "+2", "−3", "±0" */

/* console_trend.c: the days of sk_store_trend as a picture and a table; days: how far back it was asked for. */
void sk_part_trend(struct sk_page *p, const json_t *trend, int today, int days);
int sk_part_due(struct sk_console *c, const char *unit); /* console_due.c */
void sk_part_day(struct sk_page *p, int day); /* YYYYMMDD */

/* console_medium.c: a medium's state as a badge, all states as options, its section or the whole office; and what a refusal of the store becomes: a
 * status for the page with c->problem said, or a negative errno for an error page */
void sk_part_medium_state(struct sk_page *p, const char *state);
void sk_part_medium_states(struct sk_page *p, const char *chosen);
void sk_part_medium_unit(struct sk_page *p, const json_t *medium);
int sk_console_media_refused(struct sk_console *c, int r, const struct sk_err *err);

/* console_incidents.c */
void sk_part_incident_state(struct sk_page *p, const char *name);
void sk_part_incident_title(struct sk_page *p, const json_t *incident); /* of a sign in words of ours */
const char *sk_word_severity(int severity); /* msgid; 0 = not assessed */

/* One function per route. */
int sk_page_login(struct sk_console *c);
int sk_page_login_post(struct sk_console *c);
int sk_page_login_card(struct sk_console *c);
int sk_page_logout(struct sk_console *c);
int sk_page_role(struct sk_console *c);
int sk_page_overview(struct sk_console *c);
int sk_page_compliance(struct sk_console *c);
int sk_page_compliance_check(struct sk_console *c);
int sk_page_recheck_post(struct sk_console *c);
int sk_page_terminals(struct sk_console *c);
int sk_page_terminal(struct sk_console *c);
int sk_page_order_post(struct sk_console *c);
int sk_page_notices(struct sk_console *c);
int sk_page_notices_post(struct sk_console *c);
int sk_page_requests(struct sk_console *c);
int sk_page_request(struct sk_console *c);
int sk_page_decide(struct sk_console *c);
int sk_page_phone(struct sk_console *c);
int sk_page_phone_post(struct sk_console *c);
int sk_page_applications(struct sk_console *c);
int sk_page_application_new(struct sk_console *c);
int sk_page_application_post(struct sk_console *c);
int sk_page_application(struct sk_console *c);
int sk_page_application_act(struct sk_console *c);
int sk_page_kinds(struct sk_console *c);
int sk_page_kinds_post(struct sk_console *c);
int sk_page_export(struct sk_console *c);
int sk_page_inspections(struct sk_console *c);
int sk_page_inspections_post(struct sk_console *c);
int sk_page_inspection(struct sk_console *c);
int sk_page_inspection_post(struct sk_console *c);
int sk_page_tokens(struct sk_console *c);
int sk_page_tokens_post(struct sk_console *c);
int sk_page_forms(struct sk_console *c);
int sk_page_form(struct sk_console *c);
int sk_page_search(struct sk_console *c);
int sk_page_account(struct sk_console *c);
int sk_page_account_post(struct sk_console *c);
int sk_page_org(struct sk_console *c);
int sk_page_org_post(struct sk_console *c);
int sk_page_audit(struct sk_console *c);
int sk_page_help(struct sk_console *c);
int sk_page_guide(struct sk_console *c);
int sk_page_incidents(struct sk_console *c);
int sk_page_incidents_post(struct sk_console *c);
int sk_page_incident_new(struct sk_console *c);
int sk_page_incident(struct sk_console *c);
int sk_page_incident_post(struct sk_console *c);
int sk_page_media(struct sk_console *c);
int sk_page_medium(struct sk_console *c);
int sk_page_medium_post(struct sk_console *c);
int sk_page_registration_post(struct sk_console *c);
int sk_page_asset(struct sk_console *c);
int sk_page_labels(struct sk_console *c);
int sk_page_certificate(struct sk_console *c);

bool sk_medium_has_certificate(const json_t *m); /* console_certificate.c: it was erased or disposed of */
void sk_part_orders(struct sk_console *c, const char *id); /* console_order.c: of the terminal's page */
void sk_part_recheck(struct sk_console *c, const char *id); /* the button, to whom may order it */
/* console_terminal.c: the page with c->problem shown, for an order that was not accepted. */
int sk_page_terminal_show(struct sk_console *c, int code);
/* console_request.c: the page of one request with c->problem shown, for a decision that was not accepted. */
int sk_page_request_show(struct sk_console *c, int code);
/* What the acting role may do with this request now; msgid of why nothing may be done in *why (NULL when something may). */
struct sk_may_decide {
	bool permit, approve, refuse, give_back, cancel;
	const char *why;
};
void sk_console_may_decide(const struct sk_console *c, const json_t *request, struct sk_may_decide *out);

/* console_org.c: the page with a plan of an import, or with why the table could not be read ("" = neither). */
struct sk_org_plan;
int sk_console_org_show(struct sk_console *c, const struct sk_org_plan *plan, const char *file_problem, int code);
const char *sk_word_post(const char *key); /* of a post: sk_org_post_name */

void sk_part_decision(struct sk_console *c, const json_t *request); /* console_decide.c */

/* "2026-04-01T17:00[:00]" in local time, or RFC 3339 with Z. 0 or -EINVAL. */
int sk_console_parse_time(const char *s, sk_ms *out);

#endif
