/*
 * What belongs to logins beside the password: the second factor (server/totp.h) and the list of one's sessions. Secrets lie in the ledger sealed to this
 * server (server/container_master.h), each for its account: who reads the database alone, or puts one account's into another's, has nothing.
 */
#ifndef SK_SERVER_STORE_LOGIN_H
#define SK_SERVER_STORE_LOGIN_H

#include "server/store.h"

struct sk_second_factor {
	char secret[40]; /* in force; "" = none */
	char pending[40]; /* shown once, not confirmed yet; "" = none */
	int64_t used; /* step of the last code taken */
};
/* 0, -ENOENT, -ENOKEY (a store without the server's secret), -EBADMSG (sealed to another secret, or for another account): no login then, until
 * sk_store_factor_reset. */
int sk_store_factor_get(struct sk_store *s, const char *user, struct sk_second_factor *out);
/* Seals what an earlier version left unsealed. How many, or negative. */
int sk_store_factors_seal(struct sk_store *s);
/* A new secret waits to be confirmed; the one in force stays until then. */
int sk_store_factor_begin(struct sk_store *s, const char *user, const char *secret, sk_ms now);
/* The pending secret comes into force; step is that of the code that proved it. Audited. -ESTALE: none is pending, or it is another one. */
int sk_store_factor_confirm(struct sk_store *s, const struct sk_actor *by, const char *secret, int64_t step, sk_ms now,
                            struct sk_err *err);
/* A code is used up: -ESTALE when one of this step or a later one was taken already (two at once: one gets in). */
int sk_store_factor_used(struct sk_store *s, const char *user, int64_t step);
/* Lost authenticator: the factor is taken away and sessions end. By an information system manager, not for themselves; audited with the reason. */
int sk_store_factor_reset(struct sk_store *s, const struct sk_actor *by, const char *user, const char *reason,
                          sk_ms now, struct sk_err *err);

int sk_store_session_from(struct sk_store *s, const char *token_sha256, const char *remote); /* where it came from */
/* One's own, newest first: [{"id","token" (its SHA-256),"created":ms,"seen":ms,"remote"}]; ended ones are not among them. */
json_t *sk_store_sessions(struct sk_store *s, const char *user, sk_ms now, sk_ms idle_ms, sk_ms max_ms);
/* By id among one's own; id NULL = all but keep. Audited. -ENOENT. */
int sk_store_session_close(struct sk_store *s, const struct sk_actor *by, const char *id, const char *keep, sk_ms now);

#endif
