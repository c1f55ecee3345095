/*
 * IC cards people log in to the console with: the SHA-256 of the certificate on the card, registered for one account. A card that is lost is taken
 * away from the account and opens nothing from then on (5.4(1)); whether the organisation's own authority has revoked it is not asked.
 */
#ifndef SK_SERVER_STORE_CARD_H
#define SK_SERVER_STORE_CARD_H

#include "server/store.h"

#define SK_CARDS_MAX 5 /* of one account */

/* As tools print them (with colons, any case) into 64 lower-case hex digits. 0 or -EINVAL. */
int sk_card_fingerprint(const char *text, char out[SK_SHA256_HEX]);
/* Audited. -EINVAL; -ENOENT: no such user; -EEXIST: it is somebody's already; -E2BIG: SK_CARDS_MAX. */
int sk_store_card_put(struct sk_store *s, const struct sk_actor *by, const char *user, const char *fingerprint,
                      sk_ms now, struct sk_err *err);
/* The card goes and every session of its account with it; audited with the reason. -ENOENT, -EINVAL. */
int sk_store_card_remove(struct sk_store *s, const struct sk_actor *by, const char *fingerprint, const char *reason,
                         sk_ms now, struct sk_err *err);
json_t *sk_store_cards(struct sk_store *s, const char *user /* NULL = all */);
/* [{"fingerprint","user","registered":ms,"by"}], by user */
int sk_store_card_user(struct sk_store *s, const char *fingerprint, char user[64]); /* 0 or -ENOENT */
/* A session that began with a card, and whether one did. */
int sk_store_session_card(struct sk_store *s, const char *token_sha256, const char *fingerprint);
bool sk_store_session_by_card(struct sk_store *s, const char *token_sha256);

#endif
