/*
 * Tokens for programs: made in the capacity one acts in, shown once; and what comes with one: GET /v1/lists/LIST, read only, in that capacity while the person
 * holds it. Answers and refusals are JSON.
 */
#include "server/console.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/hash.h"
#include "common/text.h"
#include "server/store_api_tokens.h"
#include "server/store_org.h"

#define HEX 64

/* --- the page --- */

static const char *state_word(const char *state, enum sk_tone *tone)
{
	*tone = strcmp(state, "valid") == 0 ? SK_TONE_OK : SK_TONE_PLAIN;
	return strcmp(state, "valid") == 0 ? N_("valid") : strcmp(state, "ended") == 0 ? N_("ended") : N_("Revoked");
}

static void row(struct sk_console *c, const json_t *t)
{
	struct sk_page *p = &c->page;
	enum sk_tone tone;
	const char *word = state_word(sk_page_str(t, "state"), &tone);

	sk_page_lit(p, "<tr>");
	sk_page_el(p, "th", "free", sk_page_str(t, "name"));
	sk_page_el(p, "td", NULL, sk_page_str(t, "capacity"));
	sk_page_lit(p, "<td>");
	sk_page_time(p, sk_page_int(t, "until"));
	sk_page_lit(p, "</td><td>");
	sk_page_ago(p, sk_page_int(t, "used"));
	sk_page_lit(p, "</td><td>");
	sk_page_badge(p, tone, word);
	if (tone == SK_TONE_OK) {
		sk_page_lit(p, "<form method=\"post\" class=\"inline\" action=\"/tokens\">");
		sk_console_csrf(c);
		(void)sk_buf_addf(&p->out, "<input type=\"hidden\" name=\"id\" value=\"%lld\">", sk_page_int(t, "id"));
		sk_page_lit(p, "<button name=\"action\" value=\"revoke\">");
		sk_page_tr(p, N_("Revoke"));
		sk_page_lit(p, "</button></form>");
	}
	sk_page_lit(p, "</td></tr>\n");
}

static void form(struct sk_console *c)
{
	struct sk_page *p = &c->page;

	sk_page_lit(p, "<form method=\"post\" class=\"sheet\" action=\"/tokens\">");
	sk_console_csrf(c);
	sk_part_field(c, "name", N_("What it is for"), NULL, " required maxlength=\"80\"");
	sk_page_lit(p, "<p class=\"field\"><label for=\"until\">");
	sk_page_tr(p, N_("Until"));
	sk_page_lit(p, "</label><input type=\"date\" id=\"until\" name=\"until\" required");
	sk_page_attr(p, "value", sk_form_get(&c->form, "until"));
	sk_page_lit(p, "></p><p><button class=\"primary\" name=\"action\" value=\"create\">");
	sk_page_tr(p, N_("Make a token"));
	sk_page_lit(p, "</button></p></form>\n");
}

/* token: newly made, shown this once; NULL = none. */
static int show(struct sk_console *c, const char *token, int code)
{
	static const char *const head[] = {N_("What it is for"), N_("Acting as"), N_("Until"),
	                                   N_("Last used"),      N_("State"),     NULL};
	json_t *rows = sk_store_api_tokens(c->r->server->store, c->session.user, c->now), *t;
	struct sk_page *p = &c->page;
	size_t i;

	if (rows == NULL)
		return -EIO;
	sk_console_begin(c, N_("Tokens for programs"), NULL);
	sk_page_el_tr(p, "h1", NULL, N_("Tokens for programs"));
	sk_page_el_tr(p, "p", NULL,
	              N_("A program that has a token reads lists as you see them in your present role, and changes "
	                 "nothing. It ends with the role."));
	if (token != NULL) {
		sk_page_notice(p, SK_TONE_GRACE, N_("Copy it now: it is not shown again."));
		sk_page_el(p, "p", "number", token);
	}
	form(c);
	if (json_array_size(rows) == 0)
		sk_part_empty(p, N_("There are no tokens."));
	else
		sk_page_table(p, "list", N_("Tokens for programs"), head);
	json_array_foreach(rows, i, t) row(c, t);
	if (i > 0)
		sk_page_table_end(p);
	sk_console_end(c);
	json_decref(rows);
	return code;
}

int sk_page_tokens(struct sk_console *c)
{
	return show(c, NULL, 200);
}

static int create(struct sk_console *c, const struct sk_actor *by)
{
	const char *name = sk_form_get(&c->form, "name"), *day = sk_form_get(&c->form, "until");
	char token[sizeof(SK_API_TOKEN_PREFIX) + HEX], hash[SK_SHA256_HEX], key[80], end[32];
	struct sk_err err = SK_ERR_INIT;
	uint8_t bytes[HEX / 2];
	sk_ms until = 0;
	int e = 0;

	snprintf(end, sizeof(end), "%.10sT23:59:59", day == NULL ? "" : day);
	if (name == NULL || day == NULL || strlen(day) != 10 || sk_console_parse_time(end, &until) < 0)
		e = -EINVAL;
	if (e == 0)
		e = sk_random(bytes, sizeof(bytes));
	if (e == 0) {
		memcpy(token, SK_API_TOKEN_PREFIX, sizeof(SK_API_TOKEN_PREFIX));
		sk_hex(bytes, sizeof(bytes), token + strlen(SK_API_TOKEN_PREFIX));
		sk_sha256_hex(token, strlen(token), hash);
		sk_capacity_key(&c->session.as, key);
		e = sk_store_api_token_put(c->r->server->store, by, hash, name, key, until, c->now, &err);
	}
	if (e == -EINVAL || e == -ENOSPC) {
		c->problem = e == -EINVAL ? N_("A name and an end within a year are needed.")
		                          : N_("You have ten tokens in force. Revoke one first.");
		e = show(c, NULL, e == -EINVAL ? 400 : 409);
	} else if (e == 0) {
		e = show(c, token, 200);
	}
	explicit_bzero(token, sizeof(token));
	explicit_bzero(bytes, sizeof(bytes));
	return e;
}

int sk_page_tokens_post(struct sk_console *c)
{
	const char *action = sk_form_get(&c->form, "action"), *id = sk_form_get(&c->form, "id");
	unsigned long long n;
	struct sk_actor by;
	int e = sk_session_actor(&c->session, c->session.acting, &by);

	if (e < 0)
		return e;
	if (action != NULL && strcmp(action, "create") == 0)
		return create(c, &by);
	if (action == NULL || strcmp(action, "revoke") != 0 || id == NULL || sk_text_u64(id, 1, INT64_MAX, &n) < 0)
		return -EINVAL;
	e = sk_store_api_token_revoke(c->r->server->store, &by, (int64_t)n, c->now);
	return e < 0 ? e : sk_console_redirect(c, "/tokens");
}

/* --- what comes with one --- */

/* The person behind the token, in its capacity. */
static int login(struct sk_console *c, const struct sk_api_token *t)
{
	struct sk_store *s = c->r->server->store;
	struct sk_session *me = &c->session;
	const struct sk_org *org = NULL;
	struct sk_user u = {0};
	int e = sk_store_user_get(s, t->user, &u);

	if (e == 0)
		e = sk_store_org(s, &org);
	if (e < 0 || org == NULL || u.disabled)
		return e < 0 && e != -ENOENT ? e : -ENOENT;
	memset(me, 0, sizeof(*me));
	sk_text_copy(me->user, sizeof(me->user), u.user);
	sk_text_copy(me->name, sizeof(me->name), u.name);
	sk_text_copy(me->unit, sizeof(me->unit), u.unit);
	sk_text_copy(me->login, sizeof(me->login), u.login);
	me->n_may = sk_org_capacities(org, u.user, c->now, me->may);
	c->logged_in = sk_session_act(me, t->capacity) == 0;
	return c->logged_in ? 0 : -EACCES;
}

static int bearer(struct sk_console *c)
{
	const char *header = sk_request_header(c->r, "Authorization");
	char hash[SK_SHA256_HEX];
	struct sk_api_token t;
	int e;

	if (header == NULL || strncmp(header, "Bearer ", 7) != 0 ||
	    strlen(header + 7) != strlen(SK_API_TOKEN_PREFIX) + HEX ||
	    strncmp(header + 7, SK_API_TOKEN_PREFIX, strlen(SK_API_TOKEN_PREFIX)) != 0)
		return -ENOENT;
	sk_sha256_hex(header + 7, strlen(header + 7), hash);
	e = sk_store_api_token_use(c->r->server->store, hash, c->now, &t);
	return e < 0 ? e : login(c, &t);
}

void sk_api_lists(struct sk_request *r)
{
	static const struct sk_console_route route = {.method = EVHTTP_REQ_GET, .pattern = "/v1/lists/*"};
	struct sk_console *c = sk_console_new(r, &route);
	char name[64];
	int e = c == NULL ? -ENOMEM : bearer(c);

	if (e == -ENOENT) {
		sk_reply_header(r, "WWW-Authenticate", "Bearer");
		sk_reply_error(r, 401, "token",
		               "send a token of the console (Tokens for programs): Authorization: Bearer SKA1-...");
	} else if (e == -EACCES || (e == 0 && !(SK_MAY_READ & c->session.acting))) {
		sk_reply_error(r, 403, "denied", "the person does not hold the role of this token any more");
	} else if (e == 0) {
		snprintf(name, sizeof(name), "%.50s.json", sk_request_tail(r));
		e = sk_console_list(c, name, false);
		if (e == 0)
			return; /* it frees c at its end */
		if (e == -ENOENT)
			sk_reply_error(r, 404, "not-found", "there is no such list, or it is not one of yours");
		else
			sk_reply_error(r, e == -EINVAL || e == -EACCES ? 400 : 500, "invalid",
			               "unit, state or find is not as it should be");
	} else {
		sk_reply_error(r, 500, "failed", "try again later");
	}
	sk_console_free(c);
}
