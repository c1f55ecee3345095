/* Which terminal and which account a command means. */
#include <errno.h>
#include <string.h>

#include "common/text.h"
#include "server/admin.h"

int sk_admin_terminal(struct sk_admin *a, const char *host, char id[SK_UUID_LEN], struct sk_err *err)
{
	json_t *list = sk_store_terminals(a->store, NULL, host, NULL, sk_clock_wall(), 0, 200, 0), *t;
	int found = 0;
	size_t n;

	json_array_foreach(list, n, t)
	{
		const char *name = json_string_value(json_object_get(t, "host")),
		           *key = json_string_value(json_object_get(t, "id"));

		if ((!sk_text_eq(name, host) && !sk_text_eq(key, host)) || json_is_true(json_object_get(t, "revoked")))
			continue;
		sk_text_copy(id, SK_UUID_LEN, key);
		found++;
	}
	json_decref(list);
	return found == 1 ? 0 : sk_err_set(err, -ENOENT, "terminal \"%s\": %d found; name its host or id", host, found);
}

int sk_admin_act_as(struct sk_admin *a, const char *user, struct sk_user *found, struct sk_actor *by,
                    struct sk_err *err)
{
	struct sk_user u;
	int r = sk_store_user_get(a->store, user, &u);

	memset(by, 0, sizeof(*by));
	if (r < 0)
		return sk_err_set(err, r, "user \"%s\" is not known", user);
	sk_text_copy(by->user, sizeof(by->user), u.user);
	sk_text_copy(by->name, sizeof(by->name), u.name);
	if (found != NULL)
		*found = u;
	return 0;
}
