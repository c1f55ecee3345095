/* migrate: the whole ledger into another store, with the proof that it is the same there. */
#include <string.h>
#include <unistd.h>

#include "common/text.h"
#include "server/admin.h"
#include "server/serve.h"
#include "server/store_copy.h"

static void show(const struct sk_admin *a, const json_t *tables, bool json)
{
	const json_t *t;
	size_t i;

	if (json) {
		json_dumpf(tables, stdout, JSON_COMPACT);
		putchar('\n');
		return;
	}
	json_array_foreach(tables, i, t)
	{
		printf("%-24s %10lld  %s\n", json_string_value(json_object_get(t, "table")),
		       (long long)json_integer_value(json_object_get(t, "rows")),
		       json_string_value(json_object_get(t, "sum")));
	}
	printf(
	    "%s\n",
	    sk_tr(
	        a->lang,
	        N_("Every table is the same on both sides, and every chain is unbroken. Now set [store] url to it and "
	           "start the service; keep the old ledger until then, and use it no more.")));
}

static int migrate(struct sk_admin *a, const char *url, bool json, struct sk_err *err)
{
	struct sk_store *to = NULL;
	json_t *tables = NULL;
	int r = sk_store_open(url, true, &to, err);

	if (r == 0)
		r = sk_store_copy(a->store, to, &a->by, sk_clock_wall(), &tables, err);
	if (r == 0)
		show(a, tables, json);
	json_decref(tables);
	sk_store_close(to);
	return r;
}

int sk_admin_migrate(struct sk_admin *a)
{
	struct sk_err err = SK_ERR_INIT;
	const char *to = NULL;
	bool json = false;
	const struct sk_option options[] = {
	    {"--to", &to, NULL, true}, {"--json", NULL, &json, false}, {NULL, NULL, NULL, false}};
	int status = sk_admin_options(a, options, NULL, 0, 0), lock, r;

	if (status != 0)
		return status;
	lock = sk_serve_lock(&a->config, &err); /* what the server went on writing would be missing there */
	if (lock < 0)
		return sk_admin_fail(a, &err);
	r = migrate(a, to, json, &err);
	close(lock);
	return r < 0 ? sk_admin_fail(a, &err) : 0;
}
