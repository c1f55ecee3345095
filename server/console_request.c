/*
 * One request, with everything needed to decide on one screen: warnings first, then what is asked, by whom, how the terminal stands,
 * what the medium's identity proves, what was decided before; and beside it the decision the reader's role may take now.
 */
#include "server/console_application.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/text.h"

static bool is_important(const json_t *request)
{
	const char *class = sk_page_str(request, "class");

	return class[0] >= '1' && class[0] <= '4';
}

static const char *check_state(const json_t *posture, const char *id)
{
	const json_t *result;
	size_t i;

	json_array_foreach(posture, i, result)
	{
		if (strcmp(sk_page_str(result, "id"), id) == 0)
			return sk_page_str(result, "state");
	}
	return "unknown";
}

/* Everything that speaks against it, as sentences; none of it decides. */
static void warnings(struct sk_page *p, const json_t *request, const json_t *terminal)
{
	const json_t *device = sk_page_get(request, "device"), *t = sk_page_get(terminal, "terminal");
	const json_t *posture = sk_page_get(terminal, "posture");
	const char *av = check_state(posture, "antivirus");
	bool encrypted = strcmp(sk_page_str(device, "grade"), "A") == 0;

	if (is_important(request) && !encrypted)
		sk_page_notice(p, SK_TONE_BAD,
		               N_("Important information, and nothing shows that the medium is encrypted "
		                  "(Countermeasure standard 4.4(4))."));
	if (strcmp(av, "compliant") != 0)
		sk_page_notice(p, SK_TONE_BAD,
		               strcmp(av, "non-compliant") == 0
		                   ? N_("The terminal's antivirus is not in order: no medium may be used on it "
		                        "(Countermeasure standard 6.4(2)).")
		                   : N_("It is not known whether the terminal's antivirus is in order (Countermeasure "
		                        "standard 6.4(2))."));
	else if (strcmp(sk_page_str(t, "state"), "non-compliant") == 0)
		sk_page_notice(p, SK_TONE_UNKNOWN, N_("Some of the terminal's checks are non-compliant."));
	if (strcmp(sk_page_str(t, "state"), "silent") == 0)
		sk_page_notice(p, SK_TONE_SILENT, N_("The terminal does not answer: what is shown of it is old."));
	if (json_is_true(sk_page_get(t, "revoked")))
		sk_page_notice(p, SK_TONE_ERROR,
		               N_("The terminal's certificate is revoked: a permit would not reach it."));
	if (*sk_page_str(device, "serial") == '\0')
		sk_page_notice(p, SK_TONE_UNKNOWN,
		               N_("The medium has no serial number: it cannot be told from others of its model."));
	if (strcmp(sk_page_str(request, "access"), "rw") == 0 && strcmp(sk_page_str(device, "grade"), "C") == 0)
		sk_page_notice(p, SK_TONE_UNKNOWN, N_("Writing is asked for on a medium known by its model only."));
}

/* It was permitted with an application: where that is, which medium, and from when. */
static void from_application(struct sk_page *p, const json_t *r)
{
	sk_page_dt(p, N_("Application"));
	(void)sk_buf_addf(&p->out, "<a href=\"/applications/%lld\">", sk_page_int(r, "application"));
	sk_page_tr(p, N_("Permitted with an application"));
	sk_page_lit(p, "</a>");
	sk_page_dd_end(p);
	sk_page_fact(p, N_("Ledger number"), sk_page_str(r, "ledger"));
	sk_page_dt(p, N_("Term"));
	sk_page_time(p, sk_page_int(r, "starts"));
	sk_page_lit(p, " \xe2\x80\x93 ");
	sk_page_time(p, sk_page_int(r, "until"));
	sk_page_dd_end(p);
}

static void route(struct sk_page *p, const json_t *r)
{
	struct sk_step steps[SK_STEPS_MAX];
	size_t n;

	if (sk_route_parse(sk_page_str(r, "route"), steps, &n) < 0)
		return;
	sk_page_dt(p, N_("Permitted by"));
	sk_part_route(p, steps, n);
	sk_page_lit(p, " \xe2\x86\x92 ");
	sk_page_tr(p, sk_word_role(SK_ROLE_DESK));
	sk_page_dd_end(p);
}

static void asked(struct sk_page *p, const json_t *r)
{
	sk_page_lit(p, "<section>");
	sk_page_el_tr(p, "h2", NULL, N_("What is asked"));
	sk_page_lit(p, "<dl class=\"facts\">");
	sk_page_fact(p, N_("Purpose"), sk_page_str(r, "purpose"));
	sk_page_dt(p, N_("Class of information"));
	if (is_important(r))
		sk_page_badge(p, SK_TONE_GRACE, sk_word_class(sk_page_str(r, "class")));
	else
		sk_page_tr(p, sk_word_class(sk_page_str(r, "class")));
	sk_page_dd_end(p);
	sk_page_fact(p, N_("Access"), sk_tr(p->lang, sk_word_access(sk_page_str(r, "access"))));
	sk_page_dt(p, N_("For how long"));
	sk_page_span(p, sk_page_int(r, "hours") * 3600);
	sk_page_dd_end(p);
	sk_page_fact(p, N_("Destination"), sk_page_str(r, "destination"));
	if (json_is_true(sk_page_get(r, "release")))
		sk_page_fact(p, N_("Also permitted"), sk_tr(p->lang, N_("Give the recipient a passphrase")));
	sk_page_dt(p, N_("Who asks"));
	sk_page_text(p, sk_page_str(r, "person"));
	sk_page_lit(p, " <span class=\"sub\">");
	sk_part_unit(p, r);
	sk_page_lit(p, "</span>");
	sk_page_dd_end(p);
	sk_page_dt(p, N_("Asked"));
	sk_page_time(p, sk_page_int(r, "created"));
	sk_page_dd_end(p);
	if (sk_page_int(r, "application") > 0)
		from_application(p, r);
	else
		route(p, r);
	sk_page_lit(p, "</dl></section>\n");
}

static void medium(struct sk_page *p, const json_t *device)
{
	const char *grade = sk_page_str(device, "grade"), *key = sk_page_str(device, "device_key");
	char ids[32];

	snprintf(ids, sizeof(ids), "%.8s:%.8s", sk_page_str(device, "vendor_id"), sk_page_str(device, "product_id"));
	sk_page_lit(p, "<section>");
	sk_page_el_tr(p, "h2", NULL, N_("The medium"));
	sk_page_lit(p, "<dl class=\"facts\">");
	sk_page_dt(p, N_("Name it gives itself"));
	sk_part_device_name(p, device);
	sk_page_dd_end(p);
	sk_page_fact(p, N_("Serial number"), sk_page_str(device, "serial"));
	sk_page_fact(p, N_("Vendor and product ID"), ids);
	sk_page_fact(p, N_("Port"), sk_page_str(device, "port"));
	sk_page_dt(p, N_("Device key"));
	sk_page_el(p, "code", "key", key);
	sk_page_dd_end(p);
	sk_page_dt(p, N_("What its identity proves"));
	sk_page_el_tr(p, "strong", NULL, sk_word_grade(grade));
	sk_page_lit(p, "<br>");
	sk_page_tr(p, sk_word_grade_meaning(grade));
	sk_page_dd_end(p);
	sk_page_lit(p, "</dl></section>\n");
}

static void terminal_stands(struct sk_page *p, const json_t *request, const json_t *page)
{
	const json_t *t = sk_page_get(page, "terminal"), *result;
	size_t i;

	sk_page_lit(p, "<section>");
	sk_page_el_tr(p, "h2", NULL, N_("The terminal"));
	sk_page_lit(p, "<p class=\"subject\"><a href=\"/terminals/");
	sk_page_url(p, sk_page_str(request, "terminal"));
	sk_page_lit(p, "\">");
	sk_page_text(p, sk_page_str(request, "host"));
	sk_page_lit(p, "</a> ");
	sk_page_state(p, sk_page_str(t, "state"));
	sk_page_lit(p, " <span class=\"sub\">");
	sk_page_tr(p, N_("Last contact"));
	sk_page_lit(p, " ");
	sk_page_ago(p, sk_page_int(t, "last_contact"));
	sk_page_lit(p, "</span></p><ul class=\"verdicts\">");
	json_array_foreach(sk_page_get(page, "posture"), i, result)
	{
		const struct sk_check *check = sk_check_find(sk_page_str(result, "id"));

		sk_page_lit(p, "<li>");
		sk_page_state(p, sk_page_str(result, "state"));
		sk_page_lit(p, " ");
		if (check != NULL)
			sk_page_tr(p, check->title);
		else
			sk_page_text(p, sk_page_str(result, "id"));
		sk_page_lit(p, "</li>");
	}
	sk_page_lit(p, "</ul></section>\n");
}

static void step(struct sk_page *p, const json_t *h)
{
	const char *name = sk_page_str(h, "name"), *role = sk_page_str(h, "role"), *reason = sk_page_str(h, "reason");
	enum sk_role r;

	sk_page_lit(p, "<li>");
	sk_page_time(p, sk_page_int(h, "time"));
	sk_page_lit(p, " ");
	sk_page_el_tr(p, "strong", NULL, sk_word_action(sk_page_str(h, "action")));
	sk_page_lit(p, " <span>");
	sk_page_text(p, *name != '\0' ? name : sk_page_str(h, "user"));
	if (sk_role_parse(role, &r) == 0 && r != SK_ROLE_STAFF) {
		sk_page_lit(p, " <span class=\"sub\">");
		sk_page_tr(p, sk_word_role(r));
		sk_page_lit(p, "</span>");
	}
	sk_page_lit(p, "</span>");
	if (*reason != '\0')
		sk_page_el(p, "p", "reason", reason);
	if (sk_page_int(h, "until") > 0) {
		sk_page_lit(p, "<p class=\"sub\">");
		sk_page_tr(p, sk_word_access(sk_page_str(h, "access")));
		sk_page_lit(p, " ");
		sk_page_tr(p, N_("permitted until"));
		sk_page_lit(p, " ");
		sk_page_time(p, sk_page_int(h, "until"));
		sk_page_lit(p, "</p>");
	}
	sk_page_lit(p, "</li>\n");
}

static void course(struct sk_page *p, const json_t *request, bool all)
{
	const json_t *h, *earlier = sk_page_get(request, "earlier");
	size_t i;

	sk_page_lit(p, "<section>");
	sk_page_el_tr(p, "h2", NULL, N_("Course so far"));
	sk_page_lit(p, "<ol class=\"course\">");
	json_array_foreach(sk_page_get(request, "history"), i, h) step(p, h);
	sk_page_lit(p, "</ol></section>\n");
	if (!all)
		return;
	sk_page_lit(p, "<section>");
	sk_page_el_tr(p, "h2", NULL, N_("Other requests for this medium or by this person"));
	if (json_array_size(earlier) == 0)
		sk_part_empty(p, N_("There is none: this is the first."));
	else
		sk_part_requests(p, earlier, N_("Other requests for this medium or by this person"), true);
	sk_page_lit(p, "</section>\n");
}

static bool may_see(const struct sk_console *c, const json_t *request)
{
	if (c->session.acting == SK_ROLE_STAFF)
		return strcmp(sk_page_str(request, "person"), c->session.login) == 0;
	return sk_console_sees(c, sk_page_str(request, "unit"));
}

static void takeout(struct sk_console *c, const json_t *request)
{
	const char *names = sk_request_query(c->r, "names");
	bool reveal = names != NULL && strcmp(names, "1") == 0;
	json_t *t = sk_store_takeout(c->r->server->store, sk_page_int(request, "number"));
	char object[64];

	if (reveal && t != NULL) {
		snprintf(object, sizeof(object), "file-names:%lld", sk_page_int(request, "number"));
		sk_console_audit_view(c, object);
	}
	sk_part_takeout(&c->page, t, sk_page_int(request, "number"), reveal);
	json_decref(t);
}

static void body(struct sk_console *c, const json_t *request, const json_t *terminal)
{
	struct sk_page *p = &c->page;
	bool staff = c->session.acting == SK_ROLE_STAFF;
	const char *number = sk_page_str(request, "label");
	json_t *erasures;

	sk_console_begin(c, N_("Request"), number);
	sk_page_lit(p, "<header class=\"subject\"><h1>");
	sk_page_say(p, N_("Request %1"), number);
	sk_page_lit(p, "</h1>");
	sk_part_request_state(p, sk_page_str(request, "state"));
	sk_page_lit(p, "</header>\n<div class=\"beside\"><div>");
	if (!staff)
		warnings(p, request, terminal);
	asked(p, request);
	medium(p, sk_page_get(request, "device"));
	takeout(c, request);
	erasures = sk_store_erasures(c->r->server->store, sk_page_int(request, "number"));
	sk_part_erasures(p, erasures);
	json_decref(erasures);
	if (!staff)
		terminal_stands(p, request, terminal);
	sk_page_lit(p, "</div>");
	sk_part_decision(c, request);
	sk_page_lit(p, "<div>");
	course(p, request, !staff);
	sk_page_lit(p, "</div></div>");
	sk_console_end(c);
}

int sk_page_request_show(struct sk_console *c, int code)
{
	const char *tail = sk_request_tail(c->r);
	unsigned long long number;
	const char *unit = NULL;
	json_t *request, *terminal = NULL;
	char object[48];
	int e = 0;

	if (tail == NULL || sk_text_u64(tail, 1, INT64_MAX, &number) < 0)
		return -ENOENT;
	(void)sk_console_scope(c, &unit); /* none for staff, who see no earlier ones */
	request = sk_store_request(c->r->server->store, (int64_t)number, unit);
	if (request == NULL || !may_see(c, request))
		e = -ENOENT;
	if (e == 0)
		terminal =
		    sk_store_terminal_page(c->r->server->store, sk_page_str(request, "terminal"), c->now, c->silent_ms);
	if (e == 0) {
		snprintf(object, sizeof(object), "request:%llu", number);
		sk_console_audit_view(c, object);
		body(c, request, terminal);
	}
	json_decref(terminal);
	json_decref(request);
	return e < 0 ? e : code;
}

int sk_page_request(struct sk_console *c)
{
	static const struct {
		const char *action, *done;
	} said[] = {
	    {"permit", N_("Permitted. The helpdesk approves the medium next.")},
	    {"approve", N_("Approved and issued. The permit goes to the terminal now.")},
	    {"refuse", N_("Not permitted. The person is told with your reason.")},
	    {"return", N_("Returned. The person is told with your reason.")},
	    {"cancel", N_("Cancelled. The terminal closes the medium.")},
	};
	const char *done = sk_request_query(c->r, "done");

	for (size_t i = 0; done != NULL && i < sizeof(said) / sizeof(said[0]); i++) {
		if (strcmp(said[i].action, done) == 0)
			c->done = said[i].done;
	}
	return sk_page_request_show(c, 200);
}
