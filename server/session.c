/* Cookies in, a session out; everything a browser sends is checked for its exact form before it is looked up. */
#include "server/session.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/hash.h"
#include "common/text.h"
#include "server/store_card.h"
#include "server/store_login.h"
#include "server/store_org.h"

#define TOKEN_BYTES 32

void sk_cookie_set(struct sk_request *r, const char *name, const char *value, long long max_age_s)
{
	char line[256], age[48] = "";

	if (max_age_s != 0)
		snprintf(age, sizeof(age), "; Max-Age=%lld", max_age_s < 0 ? 0 : max_age_s);
	/* The __Host- prefix asks for exactly these: Secure, Path=/, no Domain. */
	snprintf(line, sizeof(line), "%s=%s; Path=/; Secure; HttpOnly; SameSite=Strict%s", name, value, age);
	sk_reply_header(r, "Set-Cookie", line);
}

static bool is_token(const char *s)
{
	return strlen(s) == 2 * (size_t)TOKEN_BYTES && strspn(s, "0123456789abcdef") == 2 * (size_t)TOKEN_BYTES;
}

/* SHA-256 of the session token the request came with. */
static int token_hash(const struct sk_request *r, char out[SK_SHA256_HEX])
{
	char token[2 * TOKEN_BYTES + 1];

	if (sk_cookie_get(sk_request_header(r, "Cookie"), SK_SESSION_COOKIE, token, sizeof(token)) < 0 ||
	    !is_token(token))
		return -ENOENT;
	sk_sha256_hex(token, strlen(token), out);
	return 0;
}

static void act(struct sk_session *s, const struct sk_capacity *c)
{
	s->as = *c;
	s->acting = c->role;
	if (c->unit[0] != '\0')
		sk_text_copy(s->unit, sizeof(s->unit), c->unit);
}

int sk_session_act(struct sk_session *s, const char *key)
{
	static const struct sk_capacity staff = {.role = SK_ROLE_STAFF};
	int i;

	if (strcmp(key, "staff") == 0) {
		act(s, &staff);
		return 0;
	}
	i = sk_capacity_find(s->may, s->n_may, key);
	if (i < 0)
		return -EACCES;
	act(s, &s->may[i]);
	return 0;
}

/* What they may act as, in the order it is offered; the one remembered in the cookie, else the first. */
static void choose(const struct sk_request *r, struct sk_session *s)
{
	static const char *const order[] = {"sec", "desk", "sys", "aud", "ciso", "exec", "bur", "staff"};
	char key[80];

	for (size_t i = 0; i < s->n_may; i++)
		s->roles |= s->may[i].role;
	if (sk_cookie_get(sk_request_header(r, "Cookie"), SK_ROLE_COOKIE, key, sizeof(key)) == 0 &&
	    strcmp(key, "staff") != 0 && sk_session_act(s, key) == 0)
		return;
	for (size_t i = 0; sk_session_act(s, order[i]) < 0; i++)
		;
}

int sk_session_load(struct sk_request *r, sk_ms now, struct sk_session *out)
{
	const struct sk_server_config *c = r->server->config;
	struct sk_user u = {0};
	const struct sk_org *org = NULL;
	struct sk_session s;
	int e;

	memset(&s, 0, sizeof(s));
	e = token_hash(r, s.token_sha256);
	if (e == 0)
		e = sk_store_session_get(r->server->store, s.token_sha256, now, c->session_idle_s * 1000,
		                         c->session_max_s * 1000, s.user, s.csrf);
	if (e == 0)
		e = sk_store_user_get(r->server->store, s.user, &u);
	if (e == 0)
		e = sk_store_org(r->server->store, &org);
	if (e < 0 || u.disabled)
		return -ENOENT;
	sk_text_copy(s.name, sizeof(s.name), u.name);
	sk_text_copy(s.unit, sizeof(s.unit), u.unit);
	sk_text_copy(s.login, sizeof(s.login), u.login);
	s.n_may = sk_org_capacities(org, s.user, now, s.may);
	choose(r, &s);
	s.last_login = u.last_login;
	s.second_factor = u.second_factor || (r->server->config->second_factor != 0 &&
	                                      sk_store_session_by_card(r->server->store, s.token_sha256));
	*out = s;
	return 0;
}

static int random_hex(char out[2 * TOKEN_BYTES + 1])
{
	uint8_t bytes[TOKEN_BYTES];
	int e = sk_random(bytes, sizeof(bytes));

	if (e == 0)
		sk_hex(bytes, sizeof(bytes), out);
	return e;
}

int sk_session_start(struct sk_request *r, const char *user, const char *card, sk_ms now)
{
	char token[2 * TOKEN_BYTES + 1], csrf[2 * TOKEN_BYTES + 1], hash[SK_SHA256_HEX];
	int e;

	/* A token that was there before the login never becomes a logged-in one. */
	if (token_hash(r, hash) == 0)
		(void)sk_store_session_end(r->server->store, hash);
	e = random_hex(token);
	if (e == 0)
		e = random_hex(csrf);
	if (e < 0)
		return e;
	sk_sha256_hex(token, strlen(token), hash);
	e = sk_store_session_put(r->server->store, hash, user, csrf, now);
	if (e == 0)
		e = sk_store_session_from(r->server->store, hash, r->remote != NULL ? r->remote : "");
	if (e == 0 && card != NULL)
		e = sk_store_session_card(r->server->store, hash, card);
	if (e == 0)
		sk_cookie_set(r, SK_SESSION_COOKIE, token, 0);
	explicit_bzero(token, sizeof(token));
	return e;
}

void sk_session_end(struct sk_request *r, const struct sk_session *s)
{
	(void)sk_store_session_end(r->server->store, s->token_sha256);
	sk_cookie_set(r, SK_SESSION_COOKIE, "", -1);
	sk_cookie_set(r, SK_ROLE_COOKIE, "", -1);
}

bool sk_session_own_origin(const struct sk_request *r)
{
	const char *site = sk_request_header(r, "Sec-Fetch-Site");
	const char *origin = sk_request_header(r, "Origin");
	const char *host = sk_request_header(r, "Host");

	if (site != NULL && strcmp(site, "same-origin") != 0)
		return false;
	if (origin == NULL)
		return true;
	return host != NULL && strncmp(origin, "https://", 8) == 0 && strcasecmp(origin + 8, host) == 0;
}

bool sk_session_csrf_ok(const struct sk_session *s, const char *token)
{
	return token != NULL && s->csrf[0] != '\0' && strlen(token) == strlen(s->csrf) &&
	       sk_equal_ct(token, s->csrf, strlen(s->csrf));
}

int sk_session_actor(const struct sk_session *s, enum sk_role role, struct sk_actor *out)
{
	const struct sk_capacity *as = &s->as;

	for (size_t i = 0; as->role != role && role != SK_ROLE_STAFF; as = &s->may[i++]) {
		if (i == s->n_may)
			return -EPERM;
	}
	memset(out, 0, sizeof(*out));
	sk_text_copy(out->user, sizeof(out->user), s->user);
	sk_text_copy(out->name, sizeof(out->name), s->name);
	sk_text_copy(out->unit, sizeof(out->unit), s->unit);
	if (role == as->role && role != SK_ROLE_STAFF) {
		sk_capacity_name(as, s->name, out->name, sizeof(out->name));
		if (as->unit[0] != '\0')
			sk_text_copy(out->unit, sizeof(out->unit), as->unit);
	}
	out->role = role;
	return 0;
}
