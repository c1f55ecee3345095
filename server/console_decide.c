/*
 * Deciding: the forms that the acting role may use now, and what happens when one is sent. Two steps for a medium: the section manager
 * permits (許可), the helpdesk approves the exception and issues the grant (発行承認). The forms offer only what the role may do; whether
 * it may is checked again in the store, in the same transaction as the change (1(8)ア).
 */
#include "server/console.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/log.h"
#include "common/text.h"
#include "policy/grant.h"
#include "server/kinds.h"
#include "server/orders.h"

#define REASON_MAX 1000 /* bytes, as the store and terminals take; maxlength of the field is 330 characters */

/* Is the step it is at one of the acting role, and has that role not spoken? */
static bool is_turn(const struct sk_console *c, const json_t *request, bool mine)
{
	struct sk_step steps[SK_STEPS_MAX];
	enum sk_role role = c->session.acting;
	size_t n, step = (size_t)sk_page_int(request, "step"), i;
	const json_t *v;

	if (sk_route_parse(sk_page_str(request, "route"), steps, &n) < 0 || step >= n ||
	    (steps[step].roles & role) == 0)
		return false;
	json_array_foreach(sk_page_get(request, "votes"), i, v)
	{
		if (strcmp(sk_page_str(v, "user"), c->session.user) == 0 ||
		    (sk_page_int(v, "step") == (long long)step &&
		     strcmp(sk_page_str(v, "role"), sk_role_name(role)) == 0))
			return false;
	}
	return role == SK_ROLE_SEC ? mine : true;
}

void sk_console_may_decide(const struct sk_console *c, const json_t *request, struct sk_may_decide *out)
{
	const char *state = sk_page_str(request, "state");
	enum sk_role role = c->session.acting;
	bool mine = role == SK_ROLE_SEC && strcmp(sk_page_str(request, "unit"), c->session.unit) == 0 &&
	            c->session.unit[0] != '\0';
	bool turn = is_turn(c, request, mine);

	memset(out, 0, sizeof(*out));
	if (strcasecmp(sk_page_str(request, "person"), c->session.user) == 0 ||
	    strcasecmp(sk_page_str(request, "person"), c->session.login) == 0) {
		out->why = N_("You asked for this yourself: somebody else decides (Countermeasure standard 1(8)).");
	} else if (strcmp(state, "submitted") == 0) {
		out->permit = out->refuse = out->give_back = turn;
		out->why = turn ? NULL
		           : strcmp(sk_page_str(request, "route"), "sec") == 0
		               ? N_("The section's manager decides next.")
		               : N_("It waits for others of its route.");
	} else if (strcmp(state, "permitted") == 0) {
		out->approve = out->refuse = out->give_back = role == SK_ROLE_DESK;
		out->cancel = mine;
		out->why = role == SK_ROLE_DESK || mine
		               ? NULL
		               : N_("The section's manager has permitted it. The helpdesk approves the medium next.");
	} else if (strcmp(state, "approved") == 0) {
		out->cancel = mine || role == SK_ROLE_DESK;
		out->why = out->cancel ? NULL : N_("It is permitted and issued.");
	} else {
		out->why = N_("It is decided; nothing more can be done here.");
	}
}

static void form_begin(struct sk_console *c, const json_t *request)
{
	(void)sk_buf_addf(&c->page.out, "<form method=\"post\" action=\"/requests/%lld\">",
	                  sk_page_int(request, "number"));
	sk_console_csrf(c);
}

static void button(struct sk_page *p, const char *cls, const char *action, const char *word)
{
	sk_page_lit(p, "<button name=\"action\"");
	sk_page_attr(p, "class", cls);
	sk_page_attr(p, "value", action);
	sk_page_lit(p, ">");
	sk_page_tr(p, word);
	sk_page_lit(p, "</button>");
}

static void until_field(struct sk_page *p, const char *label, sk_ms preset, bool required, const char *hint)
{
	char value[32] = "";
	time_t t = (time_t)(preset / 1000);
	struct tm tm;

	if (preset > 0 && localtime_r(&t, &tm) != NULL)
		strftime(value, sizeof(value), "%Y-%m-%dT%H:%M", &tm);
	sk_page_lit(p, "<p class=\"field\"><label for=\"until\">");
	sk_page_tr(p, label);
	sk_page_raw(p, required ? "</label><input required" : "</label><input");
	sk_page_lit(p, " type=\"datetime-local\" id=\"until\" name=\"until\" aria-describedby=\"until-hint\"");
	sk_page_attr(p, "value", value);
	sk_page_lit(p, "><span class=\"sub\" id=\"until-hint\">");
	sk_page_tr(p, hint);
	sk_page_lit(p, "</span></p>");
}

static void permit_form(struct sk_console *c, const json_t *request)
{
	struct sk_page *p = &c->page;

	form_begin(c, request);
	until_field(p, N_("Permitted until"), 0, false, N_("Only to shorten it. Left empty: as long as was asked."));
	sk_page_lit(p, "<p>");
	button(p, "primary", "permit", N_("Permit"));
	sk_page_lit(p, "</p></form>\n");
}

static void access_choice(struct sk_page *p, const json_t *request)
{
	static const char *const access[] = {"ro", "rw"};
	bool wants_rw = strcmp(sk_page_str(request, "access"), "rw") == 0;
	size_t n = wants_rw ? 2 : 1; /* more than was asked for and permitted is not offered */

	sk_page_lit(p, "<fieldset><legend>");
	sk_page_tr(p, N_("Access"));
	sk_page_lit(p, "</legend>");
	for (size_t i = 0; i < n; i++) {
		sk_page_lit(p, "<label class=\"radio\"><input type=\"radio\" name=\"access\" required");
		sk_page_attr(p, "value", access[i]);
		sk_page_raw(p, i == 0 ? " checked> " : "> ");
		sk_page_tr(p, sk_word_access(access[i]));
		if ((i == 1) == wants_rw) {
			sk_page_lit(p, " <span class=\"sub\">");
			sk_page_tr(p, N_("(asked for)"));
			sk_page_lit(p, "</span>");
		}
		sk_page_lit(p, "</label>");
	}
	sk_page_lit(p, "</fieldset>");
}

static void uses_field(struct sk_page *p)
{
	sk_page_lit(p, "<p class=\"field\"><label for=\"uses\">");
	sk_page_tr(p, N_("How often it may be opened"));
	sk_page_lit(p, "</label><input type=\"number\" id=\"uses\" name=\"uses\" min=\"1\" max=\"1000\" "
	               "aria-describedby=\"uses-hint\"><span class=\"sub\" id=\"uses-hint\">");
	sk_page_tr(p, N_("Left empty: as often as needed until the end."));
	sk_page_lit(p, "</span></p>");
}

static void erase_field(struct sk_page *p, const json_t *request)
{
	if (strcmp(sk_page_str(request, "access"), "rw") != 0)
		return; /* only reading was permitted */
	sk_page_lit(p, "<p class=\"field\"><label class=\"check\"><input type=\"checkbox\" name=\"erase\" value=\"1\" "
	               "aria-describedby=\"erase-hint\"> ");
	sk_page_tr(p, N_("The medium may be erased"));
	sk_page_lit(p, "</label><span class=\"sub\" id=\"erase-hint\">");
	sk_page_tr(
	    p,
	    N_("Needs read and write. The person types the medium's number to confirm; what came of it is recorded."));
	sk_page_lit(p, "</span></p>");
}

/* Only of a container of the organisation, which the store checks: what is approved here is checked again by the terminal. */
static void release_field(struct sk_page *p, const json_t *request)
{
	if (strcmp(sk_page_str(request, "access"), "rw") != 0 || json_array_size(sk_page_get(request, "media")) == 0)
		return;
	sk_page_lit(p,
	            "<p class=\"field\"><label class=\"check\"><input type=\"checkbox\" name=\"release\" value=\"1\" "
	            "aria-describedby=\"release-hint\"> ");
	sk_page_tr(p, N_("Give the recipient a passphrase"));
	sk_page_lit(p, "</label><span class=\"sub\" id=\"release-hint\">");
	sk_page_tr(p,
	           N_("For a container of the organisation that goes outside; needs read and write. The passphrase is "
	              "shown the person once, and that is recorded."));
	sk_page_lit(p, "</span></p>");
}

/* Registered media with one serial can be told apart only by their number. */
static void medium_choice(struct sk_page *p, const json_t *request)
{
	const json_t *media = json_object_get(request, "media"), *m;
	size_t i;

	if (json_array_size(media) < 2 || *sk_page_str(request, "ledger") != '\0')
		return; /* only one, or the application named it */
	sk_page_lit(p, "<p><label>");
	sk_page_tr(p, N_("Ledger number (several registered media look like this one)"));
	sk_page_lit(p, " <select name=\"ledger\" required><option value=\"\"></option>");
	json_array_foreach((json_t *)(uintptr_t)media, i, m)
	{
		sk_page_lit(p, "<option");
		sk_page_attr(p, "value", sk_page_str(m, "ledger"));
		sk_page_lit(p, ">");
		sk_page_text(p, sk_page_str(m, "ledger"));
		sk_page_lit(p, " ");
		sk_page_text(p, sk_page_str(m, "label"));
		sk_page_lit(p, "</option>");
	}
	sk_page_lit(p, "</select></label></p>");
}

/* What was asked, not beyond the manager's limit nor the office's longest grant. */
static sk_ms preset_end(const struct sk_console *c, const json_t *request)
{
	sk_ms starts = sk_page_int(request, "starts") > c->now ? sk_page_int(request, "starts") : c->now;
	sk_ms end = starts + sk_page_int(request, "hours") * 3600000, limit = sk_page_int(request, "until");
	sk_ms longest = starts + c->r->server->config->grant_max_s * 1000;

	if (limit > 0 && end > limit)
		end = limit;
	return end > longest ? longest : end;
}

static void approve_form(struct sk_console *c, const json_t *request)
{
	struct sk_page *p = &c->page;

	form_begin(c, request);
	medium_choice(p, request);
	access_choice(p, request);
	until_field(p, N_("Permitted until"), preset_end(c, request), true,
	            N_("The medium closes by itself at this time."));
	uses_field(p);
	erase_field(p, request);
	release_field(p, request);
	sk_page_lit(p, "<p>");
	button(p, "primary", "approve", N_("Approve and issue"));
	sk_page_lit(p, "</p></form>\n");
}

static void reason_form(struct sk_console *c, const json_t *request, const struct sk_may_decide *may)
{
	struct sk_page *p = &c->page;
	const char *entered = sk_form_get(&c->form, "reason");

	form_begin(c, request);
	sk_page_lit(p, "<p class=\"field\"><label for=\"reason\">");
	sk_page_tr(p, N_("Reason (the person who asked reads it)"));
	sk_page_lit(p, "</label><textarea id=\"reason\" name=\"reason\" rows=\"3\" maxlength=\"330\" required>");
	sk_page_text(p, entered);
	sk_page_lit(p, "</textarea></p><p class=\"buttons\">");
	if (may->give_back)
		button(p, "plain", "return", N_("Return"));
	if (may->refuse)
		button(p, "danger", "refuse", N_("Do not permit"));
	if (may->cancel)
		button(p, "danger", "cancel", N_("Cancel the permit"));
	sk_page_lit(p, "</p></form>\n");
}

void sk_part_decision(struct sk_console *c, const json_t *request)
{
	struct sk_page *p = &c->page;
	struct sk_may_decide may;

	sk_console_may_decide(c, request, &may);
	sk_page_lit(p, "<aside class=\"decide\" aria-labelledby=\"decide\"><h2 id=\"decide\">");
	sk_page_tr(p, N_("Decision"));
	sk_page_lit(p, "</h2>");
	if (may.why != NULL) {
		sk_page_el_tr(p, "p", NULL, may.why);
	} else {
		sk_page_lit(p, "<p class=\"sub\">");
		sk_page_say(p, N_("You act as: %1"), sk_tr(p->lang, sk_word_role(c->session.acting)));
		sk_page_lit(p, "</p>");
	}
	if (may.permit)
		permit_form(c, request);
	if (may.approve)
		approve_form(c, request);
	if (may.refuse || may.cancel)
		reason_form(c, request, &may);
	sk_page_lit(p, "</aside>");
}

int sk_console_parse_time(const char *s, sk_ms *out)
{
	struct tm tm;
	const char *end;
	time_t t;

	if (sk_clock_parse_utc(s, out) == 0)
		return 0;
	memset(&tm, 0, sizeof(tm));
	end = strlen(s) == 16   ? strptime(s, "%Y-%m-%dT%H:%M", &tm)
	      : strlen(s) == 19 ? strptime(s, "%Y-%m-%dT%H:%M:%S", &tm)
	                        : NULL;
	if (end == NULL || *end != '\0')
		return -EINVAL;
	tm.tm_isdst = -1;
	t = mktime(&tm);
	if (t <= 0)
		return -EINVAL;
	*out = (sk_ms)t * 1000;
	return 0;
}

static int read_action(const char *name, struct sk_decision *d)
{
	static const struct {
		const char *name;
		int what;
	} actions[] = {
	    {"permit", SK_DO_PERMIT}, {"approve", SK_DO_APPROVE}, {"refuse", SK_DO_REFUSE},
	    {"return", SK_DO_RETURN}, {"cancel", SK_DO_CANCEL},
	};

	for (size_t i = 0; name != NULL && i < sizeof(actions) / sizeof(actions[0]); i++) {
		if (strcmp(actions[i].name, name) == 0) {
			d->what = actions[i].what;
			return 0;
		}
	}
	return -EINVAL;
}

/* 0, or -EINVAL: neither empty nor a number that a grant takes. */
static int read_uses(const struct sk_console *c, struct sk_decision *d)
{
	const char *text = sk_form_get(&c->form, "uses");
	unsigned long long uses;

	if (text == NULL || *text == '\0')
		return 0;
	if (sk_text_u64(text, 1, SK_GRANT_USES_MAX, &uses) < 0)
		return -EINVAL;
	d->uses = (int)uses;
	return 0;
}

/* The form into a decision. 0, or -EINVAL with c->problem said. */
static int read_decision(struct sk_console *c, struct sk_decision *d)
{
	const char *until;

	if (read_action(sk_form_get(&c->form, "action"), d) < 0) {
		c->problem = N_("The form does not say what to do. Use one of its buttons.");
		return -EINVAL;
	}
	if (sk_form_text(&c->form, "reason", REASON_MAX, &d->reason) < 0) {
		c->problem = N_("The reason is too long: at most 330 characters.");
		return -EINVAL;
	}
	if (*d->reason == '\0' && (d->what == SK_DO_REFUSE || d->what == SK_DO_RETURN || d->what == SK_DO_CANCEL)) {
		c->problem = N_("Write the reason: the person who asked needs it.");
		return -EINVAL;
	}
	d->ledger = sk_form_get(&c->form, "ledger");
	d->access = sk_form_get(&c->form, "access");
	if (d->what == SK_DO_APPROVE &&
	    (d->access == NULL || (strcmp(d->access, "ro") != 0 && strcmp(d->access, "rw") != 0))) {
		c->problem = N_("Choose the access: read only, or read and write.");
		return -EINVAL;
	}
	d->erase = d->what == SK_DO_APPROVE && sk_form_get(&c->form, "erase") != NULL;
	if (d->erase && strcmp(d->access, "rw") != 0) {
		c->problem = N_("Erasing needs the right to write: choose read and write.");
		return -EINVAL;
	}
	d->release = d->what == SK_DO_APPROVE && sk_form_get(&c->form, "release") != NULL;
	if (d->release && strcmp(d->access, "rw") != 0) {
		c->problem = N_("Giving a passphrase needs the right to write: choose read and write.");
		return -EINVAL;
	}
	if (d->what == SK_DO_APPROVE && read_uses(c, d) < 0) {
		c->problem = N_("How often it may be opened must be a number from 1 to 1000, or empty.");
		return -EINVAL;
	}
	if (sk_form_text(&c->form, "until", 32, &until) < 0 ||
	    (*until != '\0' && sk_console_parse_time(until, &d->until) < 0)) {
		c->problem = N_("The end is not a date and time that can be read.");
		return -EINVAL;
	}
	if ((d->what == SK_DO_APPROVE || d->until != 0) && d->until <= c->now) {
		c->problem = N_("The end must lie in the future.");
		return -EINVAL;
	}
	return 0;
}

/* The store's answer in words; the page is shown again with what was entered. */
static int not_done(struct sk_console *c, int e, const struct sk_err *err)
{
	switch (e) {
	case -ENOENT:
		return -ENOENT;
	case -EPERM:
		c->problem = N_("You may not decide this: who asks never decides, and each step belongs to its role "
		                "and section. Nothing was changed.");
		return 403;
	case -ESTALE:
		c->problem = N_("Somebody decided it in the meantime. What you see now is its present state; nothing "
		                "was changed by you.");
		return 409;
	case -EINVAL:
	case -ERANGE:
		c->problem = N_("This end or access is not possible here: it is longer than was permitted, or than the "
		                "office allows. Nothing was changed.");
		return 400;
	default:
		sk_log(SK_LOG_ERR, "console: a decision could not be stored: %s", err->text);
		return e;
	}
}

static void wake(struct sk_console *c, int64_t number)
{
	json_t *request = sk_store_request(c->r->server->store, number, NULL);

	sk_orders_wake(c->r->server->orders, request != NULL ? sk_page_str(request, "terminal") : NULL);
	json_decref(request);
}

int sk_page_decide(struct sk_console *c)
{
	const char *tail = sk_request_tail(c->r);
	struct sk_decision d = {0};
	struct sk_err err = SK_ERR_INIT;
	struct sk_actor by;
	unsigned long long number;
	char path[96];
	int e;

	if (tail == NULL || sk_text_u64(tail, 1, INT64_MAX, &number) < 0)
		return -ENOENT;
	d.request = (int64_t)number;
	e = read_decision(c, &d);
	if (e < 0)
		return sk_page_request_show(c, 400);
	e = sk_session_actor(&c->session, c->session.acting, &by);
	if (e == 0)
		e = sk_store_decide(c->r->server->store, &by, &d, c->now, &err);
	if (e < 0) {
		e = not_done(c, e, &err);
		return e < 0 ? e : sk_page_request_show(c, e);
	}
	wake(c, d.request);
	snprintf(path, sizeof(path), "/requests/%llu?done=%s", number, sk_form_get(&c->form, "action"));
	return sk_console_redirect(c, path);
}
