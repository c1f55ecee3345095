/*
 * Lists that were accepted: what this terminal may be made of (6.1(18)) and how its scanner may be set (6.4(2)オ). ID.baseline in the state folder, ID
 * the check's. Accepting is recorded before it counts, with the hash of exactly that list; the list itself stands in the record already
 * (inventory.changed).
 */
#ifndef SK_AGENT_ACCEPTED_H
#define SK_AGENT_ACCEPTED_H

#include <jansson.h>
#include <stdbool.h>
#include "common/err.h"

struct sk_daemon;

bool sk_accepted_has(const char *id); /* is this a check with an accepted list? */
/* request: {"hash","reason","check"?}: the list whose hash it is becomes the accepted one. 0, -ENOENT (it is another by now), -EINVAL, -errno. */
int sk_accept(struct sk_daemon *d, const char *person, const json_t *request, struct sk_err *err);
/* After a change stands in the record: the very first whole list is accepted where the policy says so, and the check runs again. */
void sk_accept_first(struct sk_daemon *d, const char *id);

#endif
