/* What the server does by the clock, and when it did so last. */
#include <errno.h>
#include <stdio.h>

#include "server/admin.h"
#include "server/job.h"

static const char *when(sk_ms t, char out[32])
{
	if (t == 0)
		return "-";
	sk_clock_format_local(t, out, 32);
	return out;
}

static void print_one(const struct sk_admin *a, const json_t *j)
{
	const char *problem = json_string_value(json_object_get(j, "problem"));
	char ended[32], next[32];

	printf(sk_tr(a->lang, N_("%-20s last %s, %lld done; next %s\n")), json_string_value(json_object_get(j, "name")),
	       when(json_integer_value(json_object_get(j, "ended")), ended),
	       (long long)json_integer_value(json_object_get(j, "done")),
	       when(json_integer_value(json_object_get(j, "next")), next));
	if (problem[0] != '\0')
		printf(sk_tr(a->lang, N_("%-20s FAILED %lld times in a row: %s\n")), "",
		       (long long)json_integer_value(json_object_get(j, "failures")), problem);
}

int sk_admin_jobs(struct sk_admin *a)
{
	struct sk_err err = SK_ERR_INIT;
	bool json = false, failing = false;
	const struct sk_option options[] = {{"--json", NULL, &json, false}, {NULL, NULL, NULL, false}};
	int status = sk_admin_options(a, options, NULL, 0, 0);
	json_t *list, *j;
	size_t i;

	if (status != 0)
		return status;
	list = sk_store_jobs(a->store);
	if (list == NULL) {
		sk_err_set(&err, -EIO, "the jobs cannot be read");
		return sk_admin_fail(a, &err);
	}
	json_array_foreach(list, i, j)
	{
		failing |= json_integer_value(json_object_get(j, "failures")) > 0;
		if (!json)
			print_one(a, j);
	}
	if (json) {
		json_dumpf(list, stdout, JSON_INDENT(1) | JSON_SORT_KEYS);
		putchar('\n');
	}
	json_decref(list);
	return failing;
}
