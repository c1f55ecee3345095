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

#endif
