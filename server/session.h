/*
 * A login at the console (6.2(3), 6.2(4)): a 256-bit token in the cookie __Host-sekimori, of which the store holds only the SHA-256; made
 * anew at every login, ended at logout, after the idle time and after the absolute time. Each session has its own CSRF token. The acting
 * role is chosen by the person among their roles, remembered in a cookie that is checked on every request and proves nothing.
 */
#ifndef SK_SERVER_SESSION_H
#define SK_SERVER_SESSION_H

#include <stdbool.h>
#include "server/http.h"
#include "server/org.h"

#define SK_SESSION_COOKIE "__Host-sekimori"
#define SK_ROLE_COOKIE    "__Host-sekimori-role"
#define SK_LANG_COOKIE    "__Host-sekimori-lang"
#define SK_ERA_COOKIE     "__Host-sekimori-era" /* "1": dates by the Japanese era */

struct sk_session {
	char token_sha256[SK_SHA256_HEX];
	char user[64], name[128], unit[64];
	char login[64]; /* the person's on terminals */
	unsigned roles; /* of the capacities */
	struct sk_capacity may[SK_CAPACITY_MAX]; /* as what they may act now */
	size_t n_may;
	enum sk_role acting; /* one of roles; SK_ROLE_STAFF when there is none */
	struct sk_capacity as; /* in full; unit above is its unit, else the account's */
	bool second_factor; /* the account has one, or the session began with a card */
	char csrf[65];
	sk_ms last_login; /* of the session before */
};

/* The session of the request: 0; -ENOENT when there is none that counts (absent, unknown, ended, user disabled). Touches the idle time. */
int sk_session_load(struct sk_request *r, sk_ms now, struct sk_session *out);
/* A new session for user, whose password was right or whose card (its fingerprint; else NULL) was shown: ends the one the request came with, sets the cookie. 0 or negative. */
int sk_session_start(struct sk_request *r, const char *user, const char *card, sk_ms now);
void sk_session_end(struct sk_request *r, const struct sk_session *s); /* forgets it and clears the cookies */

/* Is the request that changes something one of our own pages'? By Sec-Fetch-Site and Origin where the browser sends them; a
 * script that sends neither still needs the CSRF token. */
bool sk_session_own_origin(const struct sk_request *r);
bool sk_session_csrf_ok(const struct sk_session *s, const char *token); /* constant time; NULL = false */

/* Who acts, in role (which must be one of theirs). 0 or -EPERM. */
int sk_session_actor(const struct sk_session *s, enum sk_role role, struct sk_actor *out);
/* Acts as the capacity of that key ("sec", "sec:zeimu", "staff") from now on; -EACCES: not one of theirs. */
int sk_session_act(struct sk_session *s, const char *key);

/* The cookie's value: 0; -ENOENT when absent, there twice (somebody else set one) or longer than size - 1. */
int sk_cookie_get(const char *header, const char *name, char *out, size_t size);
void sk_cookie_set(struct sk_request *r, const char *name, const char *value,
                   long long max_age_s /* 0 = this browser session, -1 = delete */);

#endif
