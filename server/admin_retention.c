/* retention, hold: how long records are kept, and what must be kept longer. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/text.h"
#include "server/admin.h"
#include "server/retention.h"

#define DAY_S 86400

int sk_admin_retention_set(struct sk_admin *a)
{
	const char *kind = NULL, *keep = NULL;
	struct sk_err err = SK_ERR_INIT;
	const struct sk_option options[] = {{"--keep", &keep, NULL, true}, {NULL, NULL, NULL, false}};
	int status = sk_admin_options(a, options, &kind, 1, 1);
	long long seconds = 0;

	if (status != 0)
		return status;
	if (strcmp(keep, "forever") != 0 && (sk_text_duration(keep, (long long)SK_RETENTION_MIN * DAY_S,
	                                                      (long long)SK_RETENTION_MAX * DAY_S, &seconds) < 0 ||
	                                     seconds % DAY_S != 0))
		return sk_admin_usage(a,
		                      sk_tr(a->lang, N_("--keep: days such as 1827d, from 30d to 36525d, or forever")));
	if (sk_store_retention_set(a->store, &a->by, kind, seconds / DAY_S, sk_clock_wall(), &err) < 0)
		return sk_admin_fail(a, &err);
	if (seconds > 0)
		fprintf(
		    stderr, "%s\n",
		    sk_tr(a->lang, N_("Older records are deleted from the next night on, for good. See that there is a "
		                      "backup, and set a hold where something is under investigation.")));
	return 0;
}

static int print_json(json_t *list)
{
	json_dumpf(list, stdout, JSON_INDENT(1) | JSON_SORT_KEYS);
	putchar('\n');
	json_decref(list);
	return 0;
}

static int unreadable(const struct sk_admin *a)
{
	struct sk_err err = SK_ERR_INIT;

	sk_err_set(&err, -EIO, "the ledger cannot be read");
	return sk_admin_fail(a, &err);
}

int sk_admin_retention_list(struct sk_admin *a)
{
	bool json = false;
	const struct sk_option options[] = {{"--json", NULL, &json, false}, {NULL, NULL, NULL, false}};
	int status = sk_admin_options(a, options, NULL, 0, 0);
	json_t *list = status != 0 ? NULL : sk_store_retention(a->store), *one;
	size_t i;

	if (status != 0 || list == NULL)
		return status != 0 ? status : unreadable(a);
	if (json)
		return print_json(list);
	json_array_foreach(list, i, one)
	{
		const char *kind = json_string_value(json_object_get(one, "kind"));
		int64_t days = json_integer_value(json_object_get(one, "days"));
		char from[32];

		if (days == 0) {
			printf(sk_tr(a->lang, N_("%-8s no period is set: kept for ever\n")), kind);
			continue;
		}
		sk_clock_format_local(sk_retention_cutoff(sk_clock_wall(), days), from, sizeof(from));
		printf(sk_tr(a->lang, N_("%-8s kept for %lld days: at present from %s on (set by %s)\n")), kind,
		       (long long)days, from, json_string_value(json_object_get(one, "by")));
	}
	json_decref(list);
	return 0;
}

int sk_admin_hold_add(struct sk_admin *a)
{
	const char *reason = NULL, *terminal = NULL, *unit = NULL;
	struct sk_err err = SK_ERR_INIT;
	char id[SK_UUID_LEN];
	int64_t number = 0;
	bool all = false;
	const struct sk_option options[] = {{"--reason", &reason, NULL, true},
	                                    {"--terminal", &terminal, NULL, false},
	                                    {"--unit", &unit, NULL, false},
	                                    {"--all", NULL, &all, false},
	                                    {NULL, NULL, NULL, false}};
	int status = sk_admin_options(a, options, NULL, 0, 0);

	if (status != 0)
		return status;
	if ((terminal != NULL) + (unit != NULL) + all != 1)
		return sk_admin_usage(a, sk_tr(a->lang, N_("one of --terminal, --unit and --all is needed")));
	if ((terminal != NULL && sk_admin_terminal(a, terminal, id, &err) < 0) ||
	    sk_store_hold_add(a->store, &a->by, terminal == NULL ? NULL : id, unit, reason, sk_clock_wall(), &number,
	                      &err) < 0)
		return sk_admin_fail(a, &err);
	printf("%lld\n", (long long)number);
	return 0;
}

int sk_admin_hold_end(struct sk_admin *a)
{
	const char *word = NULL, *reason = NULL;
	struct sk_err err = SK_ERR_INIT;
	unsigned long long number;
	const struct sk_option options[] = {{"--reason", &reason, NULL, true}, {NULL, NULL, NULL, false}};
	int status = sk_admin_options(a, options, &word, 1, 1);

	if (status != 0)
		return status;
	if (sk_text_u64(word, 1, INT64_MAX, &number) < 0)
		return sk_admin_usage(a, sk_tr(a->lang, N_("a number is needed")));
	return sk_store_hold_end(a->store, &a->by, (int64_t)number, reason, sk_clock_wall(), &err) < 0
	           ? sk_admin_fail(a, &err)
	           : 0;
}

int sk_admin_hold_list(struct sk_admin *a)
{
	bool json = false;
	const struct sk_option options[] = {{"--json", NULL, &json, false}, {NULL, NULL, NULL, false}};
	int status = sk_admin_options(a, options, NULL, 0, 0);
	json_t *list = status != 0 ? NULL : sk_store_holds(a->store), *h;
	size_t i;

	if (status != 0 || list == NULL)
		return status != 0 ? status : unreadable(a);
	if (json)
		return print_json(list);
	json_array_foreach(list, i, h)
	{
		const char *terminal = json_string_value(json_object_get(h, "terminal")),
		           *unit = json_string_value(json_object_get(h, "unit"));
		char created[32], ended[32] = "";

		sk_clock_format_local(json_integer_value(json_object_get(h, "created")), created, sizeof(created));
		if (json_is_integer(json_object_get(h, "ended")))
			sk_clock_format_local(json_integer_value(json_object_get(h, "ended")), ended, sizeof(ended));
		printf("%lld\t%s\t%s - %s\t%s\t%s\n", (long long)json_integer_value(json_object_get(h, "number")),
		       terminal != NULL ? terminal
		       : unit != NULL   ? unit
		                        : sk_tr(a->lang, N_("the whole office")),
		       created, ended, json_string_value(json_object_get(h, "by")),
		       json_string_value(json_object_get(h, "reason")));
	}
	json_decref(list);
	return 0;
}
