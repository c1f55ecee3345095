/*
 * Login (6.2(3), 6.2(4)). The attempt is counted before the password is looked at; the password is checked by the pool (server/password.h)
 * against the person's hash or, for a name that is unknown, disabled or locked, against a dummy, so that answer and time are the same. Where a directory
 * is configured ([directory]), it is asked for every account without a password here, and, by a name nobody has, for all that get no further.
 * Nothing of the office's policy is shown before the login.
 */
#include "server/console.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "common/text.h"
#include "server/directory.h"
#include "server/limiter.h"
#include "server/password.h"
#include "server/store_card.h"
#include "server/store_login.h"
#include "server/totp.h"

static void field(struct sk_page *p, const char *id, const char *type, const char *autocomplete, const char *label)
{
	sk_page_lit(p, "<p class=\"field\"><label");
	sk_page_attr(p, "for", id);
	sk_page_lit(p, ">");
	sk_page_tr(p, label);
	sk_page_lit(p, "</label><input required");
	sk_page_attr(p, "id", id);
	sk_page_attr(p, "name", id);
	sk_page_attr(p, "type", type);
	sk_page_attr(p, "autocomplete", autocomplete);
	sk_page_lit(p, " spellcheck=\"false\" autocapitalize=\"none\"></p>");
}

/* Always there: whether an account has a second factor is nobody's business before the login. */
static void code_field(struct sk_page *p)
{
	sk_page_lit(p, "<p class=\"field\"><label for=\"code\">");
	sk_page_tr(p, N_("Code of your authenticator (if you set one up)"));
	sk_page_lit(p, "</label><input id=\"code\" name=\"code\" type=\"text\" inputmode=\"numeric\" "
	               "autocomplete=\"one-time-code\" maxlength=\"12\"></p>");
}

static void next_field(struct sk_page *p, const char *next)
{
	if (!sk_console_local_path(next))
		return;
	sk_page_lit(p, "<input type=\"hidden\" name=\"next\"");
	sk_page_attr(p, "value", next);
	sk_page_lit(p, ">");
}

/* A card that was shown to the TLS line, if the office has them. */
static void card(struct sk_console *c, const char *next)
{
	struct sk_page *p = &c->page;

	if (c->r->server->config->cards[0] == '\0')
		return;
	sk_page_el_tr(p, "h2", NULL, N_("With an IC card"));
	if (c->r->peer.present) {
		sk_page_lit(p, "<form method=\"post\" action=\"/login/card\">");
		next_field(p, next);
		sk_page_lit(p, "<p><button>");
		sk_page_tr(p, N_("Log in with the card"));
		sk_page_lit(p, "</button></p></form>");
		sk_page_el_tr(
		    p, "p", "sub",
		    N_("Fingerprint of its certificate, for the information system manager who registers it:"));
		sk_page_el(p, "p", "mono", c->r->peer.fingerprint);
	} else if (c->r->card_refused) {
		sk_page_el_tr(p, "p", NULL,
		              N_("The certificate shown is expired or not of the organisation's cards. Use the "
		                 "password, and have "
		                 "the card renewed."));
	} else {
		sk_page_el_tr(p, "p", NULL,
		              N_("No card was shown. Put the card into the reader, close the browser, and open this "
		                 "page again."));
	}
}

static int show_login(struct sk_console *c, const char *next, int code)
{
	struct sk_page *p = &c->page;

	c->logged_in = false;
	sk_console_begin(c, N_("Log in"), NULL);
	sk_page_lit(p, "<article class=\"plate login\">");
	sk_page_el_tr(p, "h1", NULL, N_("Log in"));
	sk_page_lit(p, "<form method=\"post\" action=\"/login\">");
	next_field(p, next);
	field(p, "user", "text", "username", N_("User name"));
	field(p, "password", "password", "current-password", N_("Password"));
	code_field(p);
	sk_page_lit(p, "<p><button class=\"primary\">");
	sk_page_tr(p, N_("Log in"));
	sk_page_lit(p, "</button></p></form>");
	card(c, next);
	sk_page_el_tr(p, "p", "sub",
	              N_("After several failed attempts the name is locked for a while. If you cannot get in, ask the "
	                 "information "
	                 "system manager."));
	sk_page_lit(p, "</article>");
	sk_console_end(c);
	return code;
}

int sk_page_login(struct sk_console *c)
{
	const char *out = sk_request_query(c->r, "out");

	if (c->logged_in)
		return sk_console_redirect(c, "/");
	if (out != NULL && strcmp(out, "1") == 0)
		c->done = N_("You are logged out.");
	return show_login(c, sk_request_query(c->r, "next"), 200);
}

static const char *place(const struct sk_console *c)
{
	return c->r->remote != NULL ? c->r->remote : "";
}

/* A name that is not known may be a password typed into the wrong field: it is not written down. The same work is done for both. */
static void record_failure(struct sk_console *c)
{
	const struct sk_actor by = {.user = "system", .role = SK_ROLE_STAFF};
	json_t *detail = json_pack("{s:s}", "remote", c->r->remote != NULL ? c->r->remote : "");
	struct sk_user u;
	bool known = sk_store_user_get(c->r->server->store, c->login_user, &u) == 0;

	if (!known && !sk_limiter_attempt(c->r->server->unknown_limiter, place(c), sk_clock_boot())) {
		json_decref(detail); /* one line a minute from one address: invented names do not fill the trail */
		return;
	}
	if (sk_store_audit(c->r->server->store, &by, "login.failed", known ? c->login_user : "-", detail, c->now) < 0)
		sk_log(SK_LOG_WARNING, "console: a failed login was not recorded");
	json_decref(detail);
}

static void refuse(struct sk_console *c)
{
	if (!c->locked)
		record_failure(c); /* further tries on a locked name would only fill the trail */
	c->problem =
	    N_("User name, password or code is wrong, or the name is locked for a while. Try again later, or ask the "
	       "information system manager.");
	sk_console_send(c, show_login(c, sk_form_get(&c->form, "next"), 401));
}

/* The password was right: is the code? One code lets in once, also when two come at once. */
static bool code_right(struct sk_console *c)
{
	const char *code = sk_form_get(&c->form, "code");
	struct sk_store *s = c->r->server->store;
	struct sk_second_factor f;
	int64_t step = -EACCES;
	bool ok = false;

	if (sk_store_factor_get(s, c->login_user, &f) < 0)
		return false;
	if (f.secret[0] == '\0') {
		ok = true;
	} else {
		step = sk_totp_check(f.secret, code == NULL ? "" : code, c->now, f.used);
		ok = step >= 0 && sk_store_factor_used(s, c->login_user, step) == 0;
	}
	explicit_bzero(&f, sizeof(f));
	return ok;
}

/* Nothing was found out about the password: the try does not count. */
static void not_asked(struct sk_console *c)
{
	if (!c->locked && sk_store_login_forgive(c->r->server->store, c->login_user) < 0)
		sk_log(SK_LOG_WARNING, "console: a try that could not be checked stays counted");
	c->problem =
	    N_("The directory that checks passwords does not answer. This try was not counted. Wait a few minutes; if "
	       "it goes on, tell the information system manager.");
	sk_console_send(c, show_login(c, sk_form_get(&c->form, "next"), 503));
}

static void checked(int ok, void *arg)
{
	struct sk_console *c = arg;
	const char *next = sk_form_get(&c->form, "next");

	c->job = NULL;
	c->now = c->page.now = sk_clock_wall();
	if (ok < 0) {
		not_asked(c);
		return;
	}
	if (ok == 0 || !code_right(c)) {
		refuse(c);
		return;
	}
	if (sk_store_login_ok(c->r->server->store, c->login_user, c->now) < 0 ||
	    sk_session_start(c->r, c->login_user, NULL, c->now) < 0) {
		sk_console_send(c, -EIO);
		return;
	}
	sk_limiter_success(c->r->server->login_limiter, place(c));
	sk_console_send(c, sk_console_redirect(c, sk_console_local_path(next) ? next : "/"));
}

static void gone(struct sk_request *r, void *arg)
{
	struct sk_console *c = arg;

	(void)r;
	sk_password_cancel(c->job);
	sk_console_free(c);
}

/* In a thread. */
static int ask_directory(const void *how, const char *name, const char *pw)
{
	struct sk_err err = SK_ERR_INIT;
	int r = sk_directory_check(how, name, pw, &err);

	if (r < 0)
		sk_log(SK_LOG_ERR, "console: %s", err.text);
	return r;
}

/* hash NULL: nobody who may log in. */
static void *begin_check(struct sk_console *c, const char *hash, const char *password)
{
	const struct sk_directory *d = &c->r->server->config->directory;
	struct sk_password_asker who = {.ask = ask_directory, .how = d, .name = hash == NULL ? "-" : c->login_user};

	if (d->url[0] != '\0' && (hash == NULL || strcmp(hash, SK_PASSWORD_NONE) == 0))
		return sk_password_ask_async(c->r->server->base, &who, password, checked, c);
	return sk_password_verify_async(c->r->server->base, hash, password, checked, c);
}

int sk_page_login_post(struct sk_console *c)
{
	const struct sk_server_config *conf = c->r->server->config;
	const char *user, *password = sk_form_get(&c->form, "password"), *hash = NULL;
	struct sk_user u;
	sk_ms until = 0;
	int e;

	if (sk_form_text(&c->form, "user", sizeof(c->login_user) - 1, &user) < 0 || password == NULL ||
	    strlen(password) > SK_PASSWORD_MAX)
		return -EINVAL;
	if (!sk_text_is_name(user, sizeof(c->login_user) - 1))
		user = "-"; /* no such user can exist: the same way as any unknown one */
	sk_text_copy(c->login_user, sizeof(c->login_user), user);
	/* Both before the store is touched: who fills the queue must not lock others' names by it. */
	if (!sk_password_room(place(c)) || !sk_limiter_attempt(c->r->server->login_limiter, place(c), sk_clock_boot()))
		return -EAGAIN;
	/* Counted before the password is looked at: parallel tries cannot get past the limit. */
	e = sk_store_login_attempt(c->r->server->store, user, c->now, conf->login_limit, conf->login_lock_s * 1000,
	                           &until);
	if (e < 0 && e != -EAGAIN && e != -ENOENT)
		return e;
	c->locked = e == -EAGAIN;
	if (e == 0 && sk_store_user_get(c->r->server->store, user, &u) == 0 && !u.disabled)
		hash = u.password_hash;
	c->job = begin_check(c, hash, password);
	explicit_bzero((void *)password, strlen(password)); /* into c->form.text, which is ours */
	if (c->job == NULL)
		return -EAGAIN;
	sk_password_from(c->job, place(c));
	sk_request_defer(c->r, gone, c);
	return 0;
}

/* The card is what one has, and its PIN, asked by the reader, what one knows: neither password nor code is asked. */
int sk_page_login_card(struct sk_console *c)
{
	const char *next = sk_form_get(&c->form, "next"), *shown = c->r->peer.fingerprint;
	struct sk_store *s = c->r->server->store;
	struct sk_user u;

	if (c->r->server->config->cards[0] == '\0')
		return -ENOENT;
	if (!sk_limiter_attempt(c->r->server->login_limiter, place(c), sk_clock_boot()))
		return -EAGAIN;
	if (!c->r->peer.present || sk_store_card_user(s, shown, c->login_user) < 0 ||
	    sk_store_user_get(s, c->login_user, &u) < 0 || u.disabled) {
		record_failure(c);
		c->problem = N_(
		    "This card is not registered, or its account is disabled. Tell the information system manager the "
		    "fingerprint below.");
		return show_login(c, next, 401);
	}
	if (sk_store_login_ok(s, c->login_user, c->now) < 0 || sk_session_start(c->r, c->login_user, shown, c->now) < 0)
		return -EIO;
	sk_limiter_success(c->r->server->login_limiter, place(c));
	return sk_console_redirect(c, sk_console_local_path(next) ? next : "/");
}

int sk_page_logout(struct sk_console *c)
{
	sk_session_end(c->r, &c->session);
	return sk_console_redirect(c, "/login?out=1");
}

/* Is it a role's name at all, with or without a unit behind it? */
static int role_of(const char *key)
{
	enum sk_role role;
	char name[16];

	snprintf(name, sizeof(name), "%.*s", (int)strcspn(key, ":"), key);
	return sk_role_parse(name, &role);
}

int sk_page_role(struct sk_console *c)
{
	const char *name = sk_form_get(&c->form, "role"), *back = sk_form_get(&c->form, "back");
	char key[80];

	if (name == NULL)
		return -EINVAL;
	if (sk_session_act(&c->session, name) < 0)
		return role_of(name) < 0 ? -EINVAL : -EACCES;
	sk_capacity_key(&c->session.as, key); /* not what was sent: what it names */
	sk_cookie_set(c->r, SK_ROLE_COOKIE, key, 0);
	return sk_console_redirect(c, sk_console_local_path(back) ? back : "/");
}
