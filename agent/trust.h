/*
 * What enrolment left here: this terminal's device id, the server's address, and the public key that every policy and grant must be
 * signed with. One file, root only; whole or not there.
 */
#ifndef SK_AGENT_TRUST_H
#define SK_AGENT_TRUST_H

#include <stdbool.h>
#include "common/bundle.h"
#include "common/err.h"

struct sk_trust {
	bool enrolled;
	char device[SK_UUID_LEN]; /* "local" (SK_CHAIN_LOCAL) when not enrolled */
	char server[256]; /* https://HOST:PORT */
	char *key_pem; /* owned; NULL when not enrolled */
	struct sk_verify_key *key; /* owned; NULL when not enrolled */
};

/* dir: state folder. 0: enrolled; -ENOENT: not enrolled (*t says local); other negative: the file is there and unusable. *t is always
 * filled in and freed with sk_trust_clear. */
int sk_trust_load(const char *dir, struct sk_trust *t, struct sk_err *err);

/* Checks everything, stores it durably (0600), and only then changes *t. -EINVAL: which field is wrong. */
int sk_trust_set(const char *dir, struct sk_trust *t, const char *server, const char *device, const char *key_pem,
                 struct sk_err *err);
void sk_trust_clear(struct sk_trust *t);

/* "https://host" or "https://host:port", host a name, an IPv4 or a bracketed IPv6 address; nothing after it. */
bool sk_trust_is_server(const char *url);

#endif
