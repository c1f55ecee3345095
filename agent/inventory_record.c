/* First the record, then the list: killed in between, the change is told once more, and says from which list to which. */
#include "agent/inventory_record.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "agent/daemon.h"
#include "agent/hardware.h"
#include "common/log.h"

int sk_inventory_record(struct sk_daemon *d, const struct sk_check *check, const json_t *change)
{
	char next[SK_PATH_MAX + 64], list[SK_PATH_MAX + 64];
	json_t *body = json_pack("{s:s, s:s}", "id", check->id, "clause", check->clause);
	int r = body && json_object_update(body, (json_t *)change) == 0 ? 0 : -ENOMEM;

	if (r == 0)
		r = sk_daemon_record(d, "inventory.changed", body);
	json_decref(body);
	snprintf(next, sizeof next, "%s/%s.next", d->config.state, check->id);
	snprintf(list, sizeof list, "%s/%s.list", d->config.state, check->id);
	if (r == 0 && rename(next, list) < 0)
		r = -errno;
	if (r < 0)
		sk_log(SK_LOG_WARNING, "%s: a change of the inventory could not be recorded: %s", check->id,
		       strerror(-r));
	else if (strcmp(check->id, "hardware") == 0 && !json_is_true(json_object_get(change, "more")))
		sk_hardware_first(d);
	return r;
}
