/*
 * One's own account: the login before this one, the sessions with their end, the second factor (6.2(3)). A new secret is shown once, and counts when a code made
 * with it was typed in. An information system manager takes the factor of somebody else away when the authenticator is lost.
 */
#include "server/console.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/log.h"
#include "common/text.h"
#include "server/limiter.h"
#include "server/page_qr.h"
#include "server/store_login.h"
#include "server/totp.h"

static void begin_form(struct sk_console *c)
{
	sk_page_lit(&c->page, "<form method=\"post\" action=\"/account\">");
	sk_console_csrf(c);
}

static void button(struct sk_page *p, const char *action, const char *cls, const char *word)
{
	sk_page_lit(p, "<p><button name=\"action\"");
	sk_page_attr(p, "class", cls);
	sk_page_attr(p, "value", action);
	sk_page_lit(p, ">");
	sk_page_tr(p, word);
	sk_page_lit(p, "</button></p></form>\n");
}

static void field(struct sk_console *c, const char *name, const char *label, const char *more_name, const char *more)
{
	struct sk_page *p = &c->page;

	sk_page_lit(p, "<p class=\"field\"><label");
	sk_page_attr(p, "for", name);
	sk_page_lit(p, ">");
	sk_page_tr(p, label);
	sk_page_lit(p, "</label><input type=\"text\" autocomplete=\"off\"");
	sk_page_attr(p, "id", name);
	sk_page_attr(p, "name", name);
	sk_page_attr(p, more_name, more);
	sk_page_lit(p, "></p>");
}

static void sessions(struct sk_console *c, const json_t *rows)
{
	static const char *const heads[] = {N_("Began"), N_("Last used"), N_("From address"), N_("Action"), NULL};
	struct sk_page *p = &c->page;
	const json_t *row;
	size_t i;

	sk_page_lit(p, "<section>");
	sk_page_el_tr(p, "h2", NULL, N_("Your sessions"));
	sk_page_table(p, "list", N_("Your sessions"), heads);
	json_array_foreach(rows, i, row)
	{
		bool this_one = strcmp(sk_page_str(row, "token"), c->session.token_sha256) == 0;

		sk_page_lit(p, "<tr><td>");
		sk_page_time(p, sk_page_int(row, "created"));
		sk_page_lit(p, "</td><td>");
		sk_page_ago(p, sk_page_int(row, "seen"));
		sk_page_lit(p, "</td>");
		sk_page_el(p, "td", NULL, sk_page_str(row, "remote"));
		sk_page_lit(p, "<td>");
		if (this_one) {
			sk_page_badge(p, SK_TONE_OK, N_("this one"));
		} else {
			begin_form(c);
			sk_page_lit(p, "<input type=\"hidden\" name=\"id\"");
			sk_page_attr(p, "value", sk_page_str(row, "id"));
			sk_page_lit(p, ">");
			button(p, "end", "quiet", N_("End it"));
		}
		sk_page_lit(p, "</td></tr>\n");
	}
	sk_page_table_end(p);
	if (json_array_size(rows) > 1) {
		begin_form(c);
		button(p, "end-others", "quiet", N_("End all others"));
	}
	sk_page_lit(p, "</section>\n");
}

/* In groups of four, as people type it. */
static void secret_shown(struct sk_console *c, const char *secret)
{
	const struct sk_server_config *conf = c->r->server->config;
	struct sk_page *p = &c->page;
	char uri[1024];

	sk_page_el_tr(
	    p, "p", "notice grace",
	    N_("Enter this secret into your authenticator. It is shown this once; it counts when you have entered a "
	       "code made with it below."));
	sk_page_lit(p, "<p class=\"number\"><strong id=\"secret\">");
	for (size_t i = 0; secret[i] != '\0'; i++) {
		if (i > 0 && i % 4 == 0)
			sk_page_lit(p, " ");
		sk_page_textn(p, secret + i, 1);
	}
	sk_page_lit(p, "</strong></p>");
	if (sk_totp_uri(secret, conf->office_en, c->session.user, uri, sizeof(uri)) == 0) {
		(void)sk_page_qr(
		    p, uri,
		    N_("The secret as a QR code, for the authenticator's camera")); /* the text below says the same */
		sk_page_lit(p, "<p><code class=\"key\" id=\"otpauth\">");
		sk_page_text(p, uri);
		sk_page_lit(p, "</code></p>");
	}
	begin_form(c);
	field(c, "code", N_("Code"), "inputmode", "numeric");
	button(p, "confirm", "primary", N_("Switch it on"));
}

static void factor(struct sk_console *c, const struct sk_second_factor *f, const char *secret)
{
	struct sk_page *p = &c->page;

	sk_page_lit(p, "<section>");
	sk_page_el_tr(p, "h2", NULL, N_("Second factor"));
	sk_page_lit(p, "<p>");
	if (f->secret[0] != '\0')
		sk_page_badge(p, SK_TONE_OK, N_("on"));
	else
		sk_page_badge(p, SK_TONE_UNKNOWN, N_("off"));
	sk_page_lit(p, " ");
	sk_page_tr(p, N_("A code from an authenticator, asked for at each login beside the password."));
	sk_page_lit(p, "</p>");
	if (secret != NULL) {
		secret_shown(c, secret);
	} else {
		begin_form(c);
		if (f->secret[0] != '\0')
			field(c, "code", N_("Code of the authenticator in use"), "inputmode", "numeric");
		button(p, "begin", f->secret[0] != '\0' ? "quiet" : "primary",
		       f->secret[0] != '\0' ? N_("Change to another authenticator") : N_("Set it up"));
	}
	sk_page_lit(p, "</section>\n");
}

static void reset_form(struct sk_console *c)
{
	struct sk_page *p = &c->page;

	if (c->session.acting != SK_ROLE_SYS)
		return;
	sk_page_lit(p, "<section>");
	sk_page_el_tr(p, "h2", NULL, N_("Somebody lost their authenticator"));
	sk_page_el_tr(
	    p, "p", NULL,
	    N_("Make sure in person that it is them. Their second factor is taken away, their sessions end, and it "
	       "is recorded."));
	begin_form(c);
	field(c, "user", N_("Account"), "maxlength", "63");
	field(c, "reason", N_("Reason"), "maxlength", "130");
	button(p, "reset", "danger", N_("Take the second factor away"));
	sk_page_lit(p, "</section>\n");
}

/* How Japanese pages and forms are dated: kept by the browser, as the language is. */
static void dates(struct sk_console *c)
{
	struct sk_page *p = &c->page;

	sk_page_lit(p, "<section>");
	sk_page_el_tr(p, "h2", NULL, N_("Dates on Japanese pages"));
	begin_form(c);
	sk_page_raw(
	    p, p->era
	           ? "<p class=\"field\"><label class=\"radio\"><input type=\"checkbox\" name=\"era\" value=\"1\" "
	             "checked> "
	           : "<p class=\"field\"><label class=\"radio\"><input type=\"checkbox\" name=\"era\" value=\"1\"> ");
	sk_page_tr(p, N_("Dates in the Japanese era"));
	sk_page_lit(p, "</label></p>");
	button(p, "era", NULL, N_("Choose"));
	sk_page_lit(p, "</section>\n");
}

/* secret: newly made, shown this once; NULL = none. */
static int show(struct sk_console *c, const char *secret, int code)
{
	const struct sk_server_config *conf = c->r->server->config;
	struct sk_store *s = c->r->server->store;
	struct sk_second_factor f;
	json_t *rows =
	    sk_store_sessions(s, c->session.user, c->now, conf->session_idle_s * 1000, conf->session_max_s * 1000);

	if (rows == NULL || sk_store_factor_get(s, c->session.user, &f) < 0) {
		json_decref(rows);
		return -EIO;
	}
	sk_console_begin(c, N_("Your account"), NULL);
	sk_page_el_tr(&c->page, "h1", NULL, N_("Your account"));
	sk_page_lit(&c->page, "<dl class=\"facts\">");
	sk_page_fact(&c->page, N_("User name"), c->session.user);
	sk_page_fact(&c->page, N_("Login name on terminals"), c->session.login);
	sk_page_dt(&c->page, N_("Login before this one"));
	sk_page_time(&c->page, c->session.last_login);
	sk_page_dd_end(&c->page);
	sk_page_lit(&c->page, "</dl>\n");
	if (conf->second_factor && f.secret[0] == '\0')
		sk_page_notice(
		    &c->page, SK_TONE_BAD,
		    N_("The office asks for a second factor. Set it up here; the other pages open after that."));
	factor(c, &f, secret);
	sessions(c, rows);
	dates(c);
	if ((c->session.acting & SK_MAY_READ) != 0) {
		sk_page_lit(&c->page, "<p><a href=\"/tokens\">");
		sk_page_tr(&c->page, N_("Tokens for programs"));
		sk_page_lit(&c->page, "</a></p>\n");
	}
	reset_form(c);
	sk_console_end(c);
	explicit_bzero(&f, sizeof(f));
	json_decref(rows);
	return code;
}

int sk_page_account(struct sk_console *c)
{
	static const struct {
		const char *what, *said;
	} done[] = {
	    {"confirm", N_("The second factor is on. It is asked for at your next login.")},
	    {"end", N_("Ended.")},
	    {"era", N_("Dates are shown as you chose.")},
	    {"reset", N_("The second factor was taken away. Hand over a new password if there is any doubt.")},
	};
	const char *what = sk_request_query(c->r, "done");

	for (size_t i = 0; what != NULL && i < sizeof(done) / sizeof(done[0]); i++) {
		if (strcmp(done[i].what, what) == 0)
			c->done = done[i].said;
	}
	return show(c, NULL, 200);
}

/* The code in the form, against secret; used up when it is right. 0, -EACCES, -EAGAIN (too many tries), or another failure. */
static int take_code(struct sk_console *c, const char *secret, int64_t used, int64_t *step)
{
	const char *code = sk_form_get(&c->form, "code");

	if (!sk_limiter_attempt(c->r->server->login_limiter, c->session.user, sk_clock_boot()))
		return -EAGAIN;
	*step = sk_totp_check(secret, code == NULL ? "" : code, c->now, used);
	if (*step < 0)
		return (int)*step;
	sk_limiter_success(c->r->server->login_limiter, c->session.user);
	return 0;
}

static int begin(struct sk_console *c)
{
	struct sk_store *s = c->r->server->store;
	struct sk_second_factor f;
	char secret[SK_TOTP_TEXT];
	int64_t step;
	int e = sk_store_factor_get(s, c->session.user, &f);

	if (e == 0 && f.secret[0] != '\0') { /* an open browser alone must not change it */
		e = take_code(c, f.secret, f.used, &step);
		if (e == 0)
			e = sk_store_factor_used(s, c->session.user, step);
		if (e == -EACCES || e == -ESTALE) {
			c->problem = N_("The code is wrong or was used already. Wait for the next one.");
			return show(c, NULL, 400);
		}
	}
	if (e == 0)
		e = sk_totp_secret(secret);
	if (e == 0)
		e = sk_store_factor_begin(s, c->session.user, secret, c->now);
	if (e == 0)
		e = show(c, secret, 200);
	explicit_bzero(secret, sizeof(secret));
	explicit_bzero(&f, sizeof(f));
	return e;
}

static int confirm(struct sk_console *c, const struct sk_actor *by)
{
	struct sk_store *s = c->r->server->store;
	struct sk_err err = SK_ERR_INIT;
	struct sk_second_factor f;
	int64_t step;
	int e = sk_store_factor_get(s, c->session.user, &f);

	if (e == 0 && f.pending[0] == '\0') {
		c->problem = N_("There is nothing to switch on. Begin again.");
		return show(c, NULL, 400);
	}
	if (e == 0)
		e = take_code(c, f.pending, 0, &step);
	if (e == -EACCES) {
		c->problem =
		    N_("The code does not fit. Check the authenticator's clock and type the code it shows now.");
		e = show(c, f.pending,
		         400); /* the secret again: nothing typed is lost, and it counts for nothing yet */
	} else if (e == 0) {
		e = sk_store_factor_confirm(s, by, f.pending, step, c->now, &err);
		if (e == 0)
			e = sk_console_redirect(c, "/account?done=confirm");
	}
	explicit_bzero(&f, sizeof(f));
	return e;
}

static int reset(struct sk_console *c, const struct sk_actor *by)
{
	const char *user, *reason;
	struct sk_err err = SK_ERR_INIT;
	int e;

	if (c->session.acting != SK_ROLE_SYS)
		return -EACCES;
	if (sk_form_text(&c->form, "user", 63, &user) < 0 || sk_form_text(&c->form, "reason", 400, &reason) < 0)
		return -EINVAL;
	e = sk_store_factor_reset(c->r->server->store, by, user, reason, c->now, &err);
	if (e == 0)
		return sk_console_redirect(c, "/account?done=reset");
	if (e != -ENOENT && e != -EINVAL)
		return e;
	c->problem = e == -ENOENT ? N_("There is no such account.") : N_("A reason is needed.");
	return show(c, NULL, 400);
}

int sk_page_account_post(struct sk_console *c)
{
	const char *action = sk_form_get(&c->form, "action"), *id = sk_form_get(&c->form, "id");
	struct sk_store *s = c->r->server->store;
	struct sk_actor by;
	int e = -EINVAL;

	if (action == NULL || sk_session_actor(&c->session, c->session.acting, &by) < 0)
		return -EINVAL;
	if (strcmp(action, "begin") == 0)
		return begin(c);
	if (strcmp(action, "confirm") == 0)
		return confirm(c, &by);
	if (strcmp(action, "reset") == 0)
		return reset(c, &by);
	if (strcmp(action, "era") == 0) {
		sk_cookie_set(c->r, SK_ERA_COOKIE, sk_form_get(&c->form, "era") != NULL ? "1" : "",
		              sk_form_get(&c->form, "era") != NULL ? 365LL * 86400 : -1);
		return sk_console_redirect(c, "/account?done=era");
	}
	if (strcmp(action, "end") == 0 && id != NULL)
		e = sk_store_session_close(s, &by, id, NULL, c->now);
	else if (strcmp(action, "end-others") == 0)
		e = sk_store_session_close(s, &by, NULL, c->session.token_sha256, c->now);
	return e < 0 ? e : sk_console_redirect(c, "/account?done=end");
}
