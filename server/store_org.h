/*
 * The organisation in the store: the tree of units, posts, absences and delegations, each with its term (server/org.h decides on them). An account's own
 * roles and section (sk_store_user_put) count as posts without an end.
 */
#ifndef SK_SERVER_STORE_ORG_H
#define SK_SERVER_STORE_ORG_H

#include "server/org_import.h"
#include "server/store.h"

/* As of now; kept by the store until the next call of any of its functions. Disabled accounts hold nothing. 0 or negative. */
int sk_store_org(struct sk_store *s, const struct sk_org **out);

/* The tree at a time: [{"key","name_ja","name_en","parent" ("" = top),"kind","from":ms (0 = always),"until":ms (0 = open),"terminals":n}] by key. */
json_t *sk_store_org_units(struct sk_store *s, sk_ms at);
/* Posts that hold at a time or begin later: [{"id","user","name","unit" ("" = the office),"unit_ja","unit_en","role" (sk_org_post_name),"title","from","until"}] by unit and
 * role. unit NULL = all; user NULL = all. Accounts' own roles are not among them. */
json_t *sk_store_org_posts(struct sk_store *s, const char *unit, const char *user, sk_ms at);
/* Not over yet: [{"id","user","name","from","until" (0 = open),"reason"}], [{"id","giver","giver_name","taker","taker_name","role","unit","unit_ja","unit_en","from","until",
 * "reason"}]. user NULL = all; of delegations both ends count. */
json_t *sk_store_absences(struct sk_store *s, const char *user, sk_ms now);
json_t *sk_store_delegations(struct sk_store *s, const char *user, sk_ms now);

/* All lines of a plan without errors, in one transaction, each with its line in the audit trail; then one line for the file. -EINVAL: it has errors; -EPERM: not as
 * information system manager; -ESTALE: the organisation changed since the plan was made, make it again. */
int sk_store_org_apply(struct sk_store *s, const struct sk_actor *by, const struct sk_org_plan *plan, const char *file,
                       sk_ms now, struct sk_err *err);

/* By the person or an information system manager. until 0 = until it is ended. */
int sk_store_absence_put(struct sk_store *s, const struct sk_actor *by, const char *user, sk_ms from, sk_ms until,
                         const char *reason, sk_ms now, struct sk_err *err);
int sk_store_absence_end(struct sk_store *s, const struct sk_actor *by, int64_t id, sk_ms now, struct sk_err *err);
/* By the giver alone, of a post they hold now; until is needed, at most SK_DELEGATION_MAX ahead. Audit officers delegate nothing (9.1(2)). */
#define SK_DELEGATION_MAX ((sk_ms)366 * 86400 * 1000)
int sk_store_delegation_put(struct sk_store *s, const struct sk_actor *by, const char *taker, enum sk_role role,
                            const char *unit, sk_ms from, sk_ms until, const char *reason, sk_ms now,
                            struct sk_err *err);
int sk_store_delegation_end(struct sk_store *s, const struct sk_actor *by, int64_t id, sk_ms now, struct sk_err *err);

#endif
