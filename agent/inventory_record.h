/* What a probe found to have changed in an inventory (platform/inventory.h), put into the record: event "inventory.changed". */
#ifndef SK_AGENT_INVENTORY_RECORD_H
#define SK_AGENT_INVENTORY_RECORD_H

#include <jansson.h>
#include "policy/check.h"

struct sk_daemon;

/* 0: it stands in the record on the disk, and the list of what is known has moved on. Negative: it will be told again. */
int sk_inventory_record(struct sk_daemon *d, const struct sk_check *check, const json_t *change);

#endif
