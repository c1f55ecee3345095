/*
 * Tokens for programs that read lists (/v1/lists): each is one person's, in one capacity that the person must still hold, reads only, has an end, and is kept as its
 * SHA-256. Shown once, when it is made.
 */
#ifndef SK_SERVER_STORE_API_TOKENS_H
#define SK_SERVER_STORE_API_TOKENS_H

#include "server/store.h"

#define SK_API_TOKEN_PREFIX  "SKA1-" /* and 64 hexadecimal digits */
#define SK_API_TOKENS_MAX    10 /* of one person, in force */
#define SK_API_TOKEN_LONGEST ((sk_ms)366 * 86400 * 1000)

struct sk_api_token {
	int64_t id;
	char user[64], capacity[80]; /* key of the capacity: "desk", "sec:zeimu" */
};

/* 0; -EINVAL name or end; -ENOSPC too many; -EPERM a capacity of auditing or none. In the audit trail, as are its end and each first use of a day. */
int sk_store_api_token_put(struct sk_store *s, const struct sk_actor *by, const char *sha256, const char *name,
                           const char *capacity, sk_ms until, sk_ms now, struct sk_err *err);
/* 0, or -ENOENT: unknown, ended, revoked. Notes that it was used. */
int sk_store_api_token_use(struct sk_store *s, const char *sha256, sk_ms now, struct sk_api_token *out);
/* [{"id","name","capacity","created","until","used":ms (0 = never),"state":"valid"|"ended"|"revoked"}] newest first. */
json_t *sk_store_api_tokens(struct sk_store *s, const char *user, sk_ms now);
/* By the person. 0; -ENOENT: none of theirs that is in force. */
int sk_store_api_token_revoke(struct sk_store *s, const struct sk_actor *by, int64_t id, sk_ms now);

#endif
