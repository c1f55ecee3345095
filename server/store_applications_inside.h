/* Between store_applications.c and store_applications_act.c. Within the caller's transaction. */
#ifndef SK_SERVER_STORE_APPLICATIONS_INSIDE_H
#define SK_SERVER_STORE_APPLICATIONS_INSIDE_H

#include "server/store_applications.h"
#include "server/store_inside.h"
#include "server/store_org.h"

int application_history(struct sk_store *s, int64_t number, const char *action, const struct sk_actor *by,
                        const char *reason, sk_ms now);
int application_insert(struct sk_store *s, const struct sk_actor *by, const struct sk_application *a, const char *unit,
                       int64_t extends, sk_ms now, int64_t *number);

/* store_produce.c: what a permitted application produces. */
enum sk_kind_grant produced_by(const struct sk_application *a);
/* 0, or -EINVAL: what it names does not exist, or is another section's. */
int produce_check(struct sk_store *s, const struct sk_application *a, const char *unit, sk_ms now,
                  struct sk_application_problem *p);
/* It was permitted by this last vote, or is to be issued once more. -ESTALE: it is under way; -ENXIO: what it names is gone. */
int produce_begin(struct sk_store *s, const struct sk_actor *by, const json_t *row, sk_ms now);
int produce_end(struct sk_store *s, const struct sk_actor *by, const json_t *row, const char *reason, sk_ms now);
/* The medium that was taken out under it, in the ledger. */
int produce_medium_state(struct sk_store *s, const struct sk_actor *by, const json_t *row, const char *state,
                         const char *reason, sk_ms now);

/* store_remind.c: nobody is reminded of it any more. */
int reminders_end(struct sk_store *s, int64_t application, sk_ms now);

#endif
