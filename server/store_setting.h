/* Setting permits (5.1(1)カ, policy/setting_permit.h): permitted by a section's manager for a person at one terminal, until an end. */
#ifndef SK_SERVER_STORE_SETTING_H
#define SK_SERVER_STORE_SETTING_H

#include "server/store.h"

#define SK_SETTING_LONGEST_MS ((sk_ms)31 * 86400 * 1000)

struct sk_setting_wish {
	const char *terminal, *setting, *person, *reason;
	sk_ms from, until; /* from 0 = now */
};
/* The acting role is the manager's (SEC) of the terminal's section; who is to profit does not permit. 0; -EPERM, -ENOENT, -EINVAL with err. */
int sk_store_setting_permit(struct sk_store *s, const struct sk_actor *by, const struct sk_setting_wish *w, sk_ms now,
                            int64_t *number, struct sk_err *err);
/* Before its end; by a manager of that section, or the helpdesk. -ENOENT: none, or over. */
int sk_store_setting_end(struct sk_store *s, const struct sk_actor *by, int64_t number, sk_ms now, struct sk_err *err);
/* [{"number","terminal","host","setting","person","reason","from","until","ended","permitted_by","permitted_user"}] newest first. NULL = failed. */
json_t *sk_store_settings(struct sk_store *s, const char *terminal, int limit);

#endif
