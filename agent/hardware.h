/*
 * What this terminal may be made of (6.1(18)): the list that was accepted, hardware.baseline in the state folder. Accepting is recorded before it
 * counts, with the hash of exactly that list; the list itself stands in the record already (inventory.changed).
 */
#ifndef SK_AGENT_HARDWARE_H
#define SK_AGENT_HARDWARE_H

#include <jansson.h>
#include "common/err.h"

struct sk_daemon;

/* request: {"hash","reason"}: the list whose hash it is becomes the accepted one. 0, -ENOENT (the machine is another by now), -EINVAL, -errno. */
int sk_hardware_accept(struct sk_daemon *d, const char *person, const json_t *request, struct sk_err *err);
/* After a change stands in the record: the very first whole list is accepted where the policy says so, and the check runs again. */
void sk_hardware_first(struct sk_daemon *d);

#endif
