/* First the record, then the list: killed in between, the change is told once more, and says from which list to which. */
#include "agent/inventory_record.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "agent/accepted.h"
#include "agent/daemon.h"
#include "common/log.h"
#include "platform/inventory.h"

/* Is NAME.next the list that the change leads to? Another run of the probe may have written it since. */
static int is_that_list(struct sk_daemon *d, const struct sk_check *check, const json_t *change)
{
	const char *to = json_string_value(json_object_get(change, "to"));
	char name[64], hash[SK_SHA256_HEX];
	struct sk_inventory v;

	snprintf(name, sizeof name, "%.40s.next", check->id);
	int r = sk_inventory_read_at(d->config.state, name, &v);
	sk_inventory_hash(&v, hash);
	sk_inventory_clear(&v);
	return r < 0 ? r : to && strcmp(to, hash) == 0 ? 0 : -ESTALE;
}

int sk_inventory_record(struct sk_daemon *d, const struct sk_check *check, const json_t *change)
{
	char next[SK_PATH_MAX + 64], list[SK_PATH_MAX + 64];
	json_t *body = json_pack("{s:s, s:s}", "id", check->id, "clause", check->clause);
	int r = body && json_object_update(body, (json_t *)change) == 0 ? is_that_list(d, check, change) : -ENOMEM;

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
	else if (sk_accepted_has(check->id) && !json_is_true(json_object_get(change, "more")))
		sk_accept_first(d, check->id);
	return r;
}
