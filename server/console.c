/*
 * The console's door. One list names every route, how large its body may be, who may use it and what shows it; it makes both the table
 * the HTTP layer reads and the permission table that tests walk. Order of checks: route, session, acting role, origin, form, CSRF;
 * only then the page's function runs. What is shown is limited again by section (sk_console_scope), and decisions again by the store.
 */
#include "server/console.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "common/text.h"
#include "server/store_org.h"

#define GET   EVHTTP_REQ_GET
#define POST  EVHTTP_REQ_POST
#define FORM  (16 * 1024)
#define TABLE (1024 * 1024) /* a pasted table, percent-encoded */

/* The first that fits wins; the last one catches what a person mistyped. */
/* clang-format off */
#define ROUTES(X)                                                                \
	X(GET,  "/login",       0,    SK_MAY_PUBLIC,                 sk_page_login)      \
	X(POST, "/login",       FORM, SK_MAY_PUBLIC,                 sk_page_login_post) \
	X(POST, "/login/card",  FORM, SK_MAY_PUBLIC,                 sk_page_login_card) \
	X(POST, "/logout",      FORM, SK_MAY_ANY,                    sk_page_logout)     \
	X(POST, "/role",        FORM, SK_MAY_ANY,                    sk_page_role)       \
	X(GET,  "/",            0,    SK_MAY_ANY,                    sk_page_overview)   \
	X(GET,  "/compliance",  0,    SK_MAY_READ,                   sk_page_compliance) \
	X(GET,  "/compliance/*", 0,   SK_MAY_READ,                   sk_page_compliance_check) \
	X(POST, "/compliance/*", FORM, SK_ROLE_SEC | SK_ROLE_DESK | SK_ROLE_SYS, sk_page_recheck_post) \
	X(GET,  "/terminals",   0,    SK_MAY_READ,                   sk_page_terminals)  \
	X(GET,  "/terminals/*", 0,    SK_MAY_READ,                   sk_page_terminal)   \
	X(POST, "/terminals/*", FORM, SK_ROLE_SEC | SK_ROLE_DESK | SK_ROLE_SYS | SK_ROLE_CISO | SK_ROLE_EXEC, sk_page_order_post) \
	X(GET,  "/notices",     0,    SK_MAY_READ,                   sk_page_notices)    \
	X(POST, "/notices",     FORM, SK_ROLE_DESK | SK_ROLE_SYS,    sk_page_notices_post) \
	X(GET,  "/requests",    0,    SK_MAY_ANY,                    sk_page_requests)   \
	X(GET,  "/requests/*",  0,    SK_MAY_ANY,                    sk_page_request)    \
	X(POST, "/requests/*",  FORM, SK_MAY_READ & ~(unsigned)SK_ROLE_AUD, sk_page_decide)     \
	X(GET,  "/phone",       0,    SK_ROLE_DESK | SK_ROLE_SYS | SK_ROLE_AUD, sk_page_phone) \
	X(POST, "/phone",       FORM, SK_ROLE_DESK,                  sk_page_phone_post) \
	X(GET,  "/media",       0,    SK_MAY_READ,                   sk_page_media)      \
	X(GET,  "/media/*",     0,    SK_MAY_READ,                   sk_page_medium)     \
	X(POST, "/media/*",     FORM, SK_ROLE_DESK | SK_ROLE_SYS,    sk_page_medium_post) \
	X(POST, "/registrations/*", FORM, SK_ROLE_SYS,               sk_page_registration_post) \
	X(GET,  "/labels",      0,    SK_MAY_READ,                   sk_page_labels)     \
	X(GET,  "/certificates/*", 0, SK_MAY_READ,                   sk_page_certificate) \
	X(GET,  "/incidents",   0,    SK_MAY_ANY,                    sk_page_incidents)  \
	X(POST, "/incidents",   FORM, SK_MAY_ANY & ~(unsigned)SK_ROLE_AUD, sk_page_incidents_post) \
	X(GET,  "/incidents/new", 0,  SK_MAY_ANY & ~(unsigned)SK_ROLE_AUD, sk_page_incident_new) \
	X(GET,  "/incidents/*", 0,    SK_MAY_ANY,                    sk_page_incident)   \
	X(POST, "/incidents/*", FORM, SK_ROLE_SEC | SK_ROLE_DESK | SK_ROLE_SYS, sk_page_incident_post) \
	X(GET,  "/applications", 0,   SK_MAY_ANY,                    sk_page_applications) \
	X(POST, "/applications", FORM, SK_MAY_ANY, sk_page_application_post) \
	X(GET,  "/applications/new", 0, SK_MAY_ANY, sk_page_application_new) \
	X(GET,  "/applications/*", 0, SK_MAY_ANY,                    sk_page_application) \
	X(POST, "/applications/*", FORM, SK_MAY_ANY, sk_page_application_act) \
	X(GET,  "/kinds",       0,    SK_MAY_READ,                   sk_page_kinds)      \
	X(POST, "/kinds",       TABLE, SK_ROLE_SYS,                  sk_page_kinds_post) \
	X(GET,  "/search",      0,    SK_MAY_READ,                   sk_page_search)     \
	X(GET,  "/export/*",    0,    SK_MAY_READ,                   sk_page_export)     \
	X(GET,  "/tokens",      0,    SK_MAY_READ,                   sk_page_tokens)     \
	X(POST, "/tokens",      FORM, SK_MAY_READ,                   sk_page_tokens_post) \
	X(GET,  "/inspections", 0,    SK_MAY_READ,                   sk_page_inspections) \
	X(POST, "/inspections", TABLE, SK_ROLE_AUD | SK_ROLE_BUR | SK_ROLE_SYS, sk_page_inspections_post) \
	X(GET,  "/inspections/*", 0,  SK_MAY_READ,                   sk_page_inspection) \
	X(POST, "/inspections/*", FORM, SK_ROLE_SEC | SK_ROLE_AUD | SK_ROLE_BUR | SK_ROLE_SYS | SK_ROLE_EXEC, sk_page_inspection_post) \
	X(GET,  "/forms",       0,    SK_MAY_READ,                   sk_page_forms)      \
	X(GET,  "/forms/*",     0,    SK_MAY_READ,                   sk_page_form)       \
	X(GET,  "/account",     0,    SK_MAY_ANY,                    sk_page_account)    \
	X(POST, "/account",     FORM, SK_MAY_ANY,                    sk_page_account_post) \
	X(GET,  "/organisation", 0,   SK_MAY_READ,                   sk_page_org)        \
	X(POST, "/organisation", TABLE, SK_MAY_READ & ~(unsigned)SK_ROLE_AUD, sk_page_org_post) \
	X(GET,  "/audit",       0,    SK_ROLE_SYS | SK_ROLE_AUD,     sk_page_audit)      \
	X(GET,  "/help",        0,    SK_MAY_PUBLIC,                 sk_page_help)       \
	X(GET,  "/help/*",      0,    SK_MAY_PUBLIC,                 sk_page_guide)      \
	X(GET,  "/assets/*",    0,    SK_MAY_PUBLIC,                 sk_page_asset)      \
	X(GET,  "/*",           0,    SK_MAY_PUBLIC,                 missing)
/* clang-format on */

static int missing(struct sk_console *c)
{
	(void)c;
	return -ENOENT;
}

static void enter(struct sk_request *r);

/* clang-format off */
#define AS_PAGE(m, p, b, r, s)  {.method = (m), .pattern = (p), .body_max = (b), .may = (r), .show = (s)},
#define AS_ROUTE(m, p, b, r, s) {.method = (m), .pattern = (p), .body_max = (b), .handler = enter},
const struct sk_console_route sk_console_pages[] = {ROUTES(AS_PAGE) {.pattern = NULL}};
const struct sk_route sk_console_routes[] = {ROUTES(AS_ROUTE) {.pattern = NULL}};
/* clang-format on */

static const struct sk_console_route *route_of(const struct sk_request *r)
{
	for (const struct sk_console_route *p = sk_console_pages; p->pattern != NULL; p++) {
		size_t n = strlen(p->pattern);
		bool tail = p->pattern[n - 1] == '*';

		if (p->method == r->method && (tail ? strncmp(r->path, p->pattern, n - 1) == 0 && r->path[n - 1] != '\0'
		                                    : strcmp(r->path, p->pattern) == 0))
			return p;
	}
	return NULL;
}

bool sk_console_local_path(const char *s)
{
	return s != NULL && s[0] == '/' && s[1] != '/' && strlen(s) < 400 &&
	       strspn(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789/_-.?=&%") == strlen(s);
}

int sk_console_redirect(struct sk_console *c, const char *path)
{
	sk_text_copy(c->location, sizeof(c->location), path);
	return 303;
}

int sk_console_scope(const struct sk_console *c, const char **unit)
{
	*unit = NULL;
	if (!c->logged_in || c->session.acting == SK_ROLE_STAFF)
		return -EACCES;
	if (c->session.acting == SK_ROLE_SEC || c->session.acting == SK_ROLE_BUR) {
		/* "" would mean the whole office to the store: a manager without a section sees nothing instead. */
		if (c->session.unit[0] == '\0')
			return -EACCES;
		*unit = c->session.unit;
	}
	return 0;
}

bool sk_console_sees(const struct sk_console *c, const char *unit)
{
	const char *scope;

	const struct sk_org *org;

	return sk_console_scope(c, &scope) == 0 &&
	       (scope == NULL || strcmp(scope, unit) == 0 ||
	        (sk_store_org(c->r->server->store, &org) == 0 && sk_org_within(org, scope, unit, c->now)));
}

void sk_console_audit_view(struct sk_console *c, const char *object)
{
	struct sk_actor by;

	if (c->session.acting == SK_ROLE_AUD && sk_session_actor(&c->session, SK_ROLE_AUD, &by) == 0 &&
	    sk_store_audit(c->r->server->store, &by, "page.viewed", object, NULL, c->now) < 0)
		sk_log(SK_LOG_WARNING, "console: the reading of %s by the auditor %s was not recorded", object,
		       by.user);
}

/* ?lang= wins and is remembered; then the cookie; Japanese otherwise. */
static enum sk_lang choose_lang(struct sk_request *r)
{
	const char *asked = sk_request_query(r, "lang");
	char cookie[8];
	enum sk_lang lang;

	if (asked != NULL && sk_lang_parse(asked, &lang) == 0) {
		sk_cookie_set(r, SK_LANG_COOKIE, sk_lang_tag(lang), 365LL * 86400);
		return lang;
	}
	if (sk_cookie_get(sk_request_header(r, "Cookie"), SK_LANG_COOKIE, cookie, sizeof(cookie)) == 0 &&
	    sk_lang_parse(cookie, &lang) == 0)
		return lang;
	return SK_LANG_JA;
}

struct sk_console *sk_console_new(struct sk_request *r, const struct sk_console_route *route)
{
	struct sk_console *c = calloc(1, sizeof(*c));
	char era[4];

	if (c == NULL)
		return NULL;
	c->r = r;
	c->route = route;
	c->now = sk_clock_wall();
	c->silent_ms = r->server->config->silent_s * 1000;
	sk_page_init(&c->page, choose_lang(r), c->now);
	c->page.era =
	    sk_cookie_get(sk_request_header(r, "Cookie"), SK_ERA_COOKIE, era, sizeof(era)) == 0 && era[0] == '1';
	return c;
}

void sk_console_free(struct sk_console *c)
{
	if (c == NULL)
		return;
	sk_form_clear(&c->form);
	sk_page_deinit(&c->page);
	free(c);
}

static int status_of(int e)
{
	switch (e) {
	case -ENOENT:
		return 404;
	case -EACCES:
	case -EPERM:
		return 403;
	case -EINVAL:
	case -E2BIG:
	case -ERANGE:
		return 400;
	case -EAGAIN:
		return 503;
	default:
		return 500;
	}
}

#define CSP \
	"default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; frame-ancestors 'none'; " \
	"base-uri 'none'"

int sk_console_stream(struct sk_console *c, const char *type, int (*next)(void *arg, struct sk_buf *out),
                      void (*end)(void *arg, bool whole), void *arg)
{
	sk_reply_header(c->r, "Content-Security-Policy", CSP);
	sk_reply_header(c->r, "Cache-Control", "no-store");
	return sk_reply_stream(c->r, type, next, end, arg);
}

void sk_console_send(struct sk_console *c, int code)
{
	struct sk_request *r = c->r;

	/* Stricter than the HTTP layer's, which sets the other security headers. */
	sk_reply_header(r, "Content-Security-Policy", CSP);
	sk_reply_header(r, "Cache-Control", "no-store");
	if (code == 303 && c->location[0] != '\0') {
		sk_reply_header(r, "Location", c->location);
		sk_reply_bytes(r, 303, "text/html; charset=utf-8", "", 0);
		sk_console_free(c);
		return;
	}
	if (code < 0)
		sk_console_error(c, code = status_of(code));
	if (sk_buf_error(&c->page.out) < 0) {
		sk_log(SK_LOG_ERR, "console: %s: the page is larger than %d bytes", r->path, SK_PAGE_MAX);
		sk_console_error(c, code = 500);
	}
	sk_reply_bytes(r, code, "text/html; charset=utf-8", c->page.out.data, c->page.out.len);
	sk_console_free(c);
}

/* A link in a mail comes without our cookie (SameSite=Strict), also from somebody who is logged in: the page asks once more, from here. */
static bool came_from_elsewhere(const struct sk_console *c)
{
	const char *site = sk_request_header(c->r, "Sec-Fetch-Site"), *mode = sk_request_header(c->r, "Sec-Fetch-Mode");

	return c->route->method == GET && site != NULL && mode != NULL && strcmp(mode, "navigate") == 0 &&
	       (strcmp(site, "cross-site") == 0 || strcmp(site, "same-site") == 0) && sk_console_local_path(c->r->path);
}

static int ask_again(struct sk_console *c)
{
	struct sk_page *p = &c->page;

	sk_page_lit(p, "<!DOCTYPE html><html");
	sk_page_attr(p, "lang", sk_lang_tag(p->lang));
	sk_page_lit(p, "><head><meta charset=\"utf-8\"><meta http-equiv=\"refresh\" content=\"0;url=");
	sk_page_text(p, c->r->path);
	sk_page_lit(p, "\"><title>");
	sk_page_tr(p, N_("Sekimori"));
	sk_page_lit(p, "</title></head><body><p><a");
	sk_page_attr(p, "href", c->r->path);
	sk_page_lit(p, ">");
	sk_page_tr(p, N_("Open the page"));
	sk_page_lit(p, "</a></p></body></html>");
	return 200;
}

/* Where a person without a session goes: to the login, and from there back to the page they wanted. */
static int to_login(struct sk_console *c)
{
	if (c->route->method != GET || strcmp(c->r->path, "/") == 0 || !sk_console_local_path(c->r->path))
		return sk_console_redirect(c, "/login");
	snprintf(c->location, sizeof(c->location), "/login?next=%s", c->r->path);
	return 303;
}

static int check_post(struct sk_console *c)
{
	const char *role;

	if (!sk_session_own_origin(c->r)) {
		c->problem =
		    N_("The form did not come from this console. Open the page again here and repeat the step.");
		return -EACCES;
	}
	if (sk_form_parse(c->r->body, c->r->body_len, &c->form) < 0) {
		c->problem = N_("The form could not be read. Go back, check what you entered and send it again.");
		return -EINVAL;
	}
	if (c->route->may == SK_MAY_PUBLIC)
		return 0;
	if (!sk_session_csrf_ok(&c->session, sk_form_get(&c->form, "csrf"))) {
		c->problem =
		    N_("The form's security token is missing or old. Open the page again and repeat the step.");
		return -EACCES;
	}
	/* The role the form was shown for is the one that acts, even if another was chosen in a second window since. */
	role = sk_form_get(&c->form, "role");
	if (role != NULL && strcmp(c->route->pattern, "/role") != 0) {
		if (sk_session_act(&c->session, role) < 0)
			return -EACCES;
	}
	return 0;
}

/* Where the office asks for a second factor, nothing opens before it is set up but the page that sets it up. */
static bool lacks_factor(const struct sk_console *c)
{
	static const char *const open[] = {"/account", "/logout", "/role"};

	if (!c->r->server->config->second_factor || c->session.second_factor || c->route->may == SK_MAY_PUBLIC)
		return false;
	for (size_t i = 0; i < sizeof(open) / sizeof(open[0]); i++) {
		if (strcmp(c->route->pattern, open[i]) == 0)
			return false;
	}
	return true;
}

static int run(struct sk_console *c)
{
	int e;

	/* Style sheet and icon are the same for all: no look into the store for them. */
	c->logged_in = c->route->show != sk_page_asset && sk_session_load(c->r, c->now, &c->session) == 0;
	if (c->route->may != SK_MAY_PUBLIC && !c->logged_in)
		return came_from_elsewhere(c) ? ask_again(c) : to_login(c);
	if (lacks_factor(c))
		return c->route->method == GET ? sk_console_redirect(c, "/account") : -EACCES;
	if (c->route->method == POST) {
		e = check_post(c);
		if (e < 0)
			return e;
	}
	if (c->route->may != SK_MAY_PUBLIC && !(c->route->may & c->session.acting))
		return -EACCES;
	return c->route->show(c);
}

static void enter(struct sk_request *r)
{
	const struct sk_console_route *route = route_of(r);
	struct sk_console *c = route != NULL ? sk_console_new(r, route) : NULL;
	int code;

	if (c == NULL) {
		sk_reply_error(r, 500, "failed", "out of memory; try again");
		return;
	}
	code = run(c);
	if (code != 0)
		sk_console_send(c, code);
}
