/*
 * The helpdesk's side of permits by telephone (common/phone.h, docs/phone.md): answers that were given, what became of them, and each terminal's
 * key. The answer itself is stored nowhere.
 */
#ifndef SK_SERVER_STORE_PHONE_H
#define SK_SERVER_STORE_PHONE_H

#include "common/phone.h"
#include "server/store.h"

/* The master key, from a file of its own (server/phone_master.h); until it is set, terminals get no key and nothing is issued. */
void sk_store_set_phone(struct sk_store *s, const uint8_t master[SK_PHONE_KEY]);

struct sk_phone_issue {
	const char *terminal; /* device id */
	const char *challenge; /* as read out */
	const char *person; /* login name at that terminal */
	unsigned profile;
	const char *permitted_by; /* account of the section's manager; "" = an urgent exception (7.4(2)) */
	const char *reason, *callback; /* callback: the number at which the person was called back */
};

/* One transaction with its line of the audit trail: checks, records, and computes the answer, shown once. 0; SK_PHONE_TYPO: the challenge's check
 * digit does not fit; -EXDEV: of another terminal; -EEXIST: answered before; -EPERM: who; -ENOENT; -EINVAL; err says which. */
int sk_store_phone_issue(struct sk_store *s, const struct sk_actor *by, const struct sk_phone_issue *i, sk_ms now,
                         char answer[SK_PHONE_TEXT], struct sk_err *err);

/* [{"id","created","terminal","host","unit","person","profile","media","permitted_by" ("" = urgent),"reason","callback","user","name","redeemed":ms|null,
 * "state":"issued"|"redeemed"|"unused"}] newest first. */
json_t *sk_store_phone_list(struct sk_store *s, int limit);

#endif
