/* policy simulate: another policy, tried on what the terminals of a section recorded. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/text.h"
#include "policy/replay.h"
#include "server/admin.h"

#define PAGE          500
#define SINCE_MAX_S   (10LL * 366 * 86400)
#define SINCE_DEFAULT (30LL * 86400)

static const char *text_of(const json_t *row, const char *name)
{
	const char *s = json_string_value(json_object_get(row, name));

	return s == NULL ? "" : s;
}

static int utc_offset(void)
{
	time_t t = time(NULL);
	struct tm tm;

	return localtime_r(&t, &tm) != NULL ? (int)tm.tm_gmtoff : 0;
}

static void replay_one(struct sk_replay *r, const json_t *event, int offset)
{
	struct sk_replay_place where = {text_of(event, "host"), text_of(event, "unit"), offset};

	if (strcmp(text_of(event, "kind"), "device.decided") == 0)
		(void)sk_replay_event(r, json_object_get(event, "body"),
		                      (sk_ms)json_integer_value(json_object_get(event, "time")), &where);
}

/* Newest first, page by page, by the time at which the server received them: a terminal that was away for long brings old ones late. */
static int replay_all(struct sk_admin *a, struct sk_replay *r, const char *unit, sk_ms since)
{
	int64_t before = 0;
	int offset = utc_offset();
	bool more = true;

	while (more) {
		json_t *list = sk_store_events(a->store, NULL, unit, before, PAGE), *event;
		size_t i;

		if (list == NULL)
			return -EIO;
		more = json_array_size(list) == PAGE;
		json_array_foreach(list, i, event)
		{
			before = json_integer_value(json_object_get(event, "id"));
			if (json_integer_value(json_object_get(event, "received")) < since)
				more = false;
			else if (json_integer_value(json_object_get(event, "time")) >= since)
				replay_one(r, event, offset);
		}
		json_decref(list);
	}
	return 0;
}

static void print_result(const struct sk_admin *a, const json_t *result)
{
	json_t *c;
	size_t i;

	json_array_foreach(json_object_get(result, "changes"), i, c)
	{
		printf("%s:%s\t%s\t%s\t%s -> %s%s\t%s\t%lld\t%zu\n", text_of(c, "vendor_id"), text_of(c, "product_id"),
		       text_of(c, "product"), text_of(c, "kind"), text_of(c, "was"), text_of(c, "now"),
		       json_is_true(json_object_get(c, "depends")) ? "?" : "", text_of(c, "rule"),
		       (long long)json_integer_value(json_object_get(c, "count")),
		       json_array_size(json_object_get(c, "hosts")));
	}
	printf(
	    sk_tr(a->lang, N_("%lld decisions were tried again; %zu would come out differently; %lld records could not "
	                      "be read.\n")),
	    (long long)json_integer_value(json_object_get(result, "decisions")),
	    json_array_size(json_object_get(result, "changes")),
	    (long long)json_integer_value(json_object_get(result, "unreadable")));
}

static int simulate(struct sk_admin *a, const struct sk_policy *p, const char *unit, sk_ms since, bool json)
{
	struct sk_replay *r = sk_replay_new(p);
	struct sk_err err = SK_ERR_INIT;
	int status = r == NULL ? -ENOMEM : replay_all(a, r, unit, since);

	if (status < 0) {
		sk_err_set(&err, status, "%s: the store cannot be read", a->config.state_dir);
		status = sk_admin_fail(a, &err);
	} else {
		json_t *result = sk_replay_result(r);

		if (json) {
			json_dumpf(result, stdout, JSON_INDENT(1) | JSON_SORT_KEYS);
			putchar('\n');
		} else {
			print_result(a, result);
		}
		json_decref(result);
		status = sk_replay_changes(r) > 0 ? 2 : 0;
	}
	sk_replay_free(r);
	return status;
}

static bool unit_known(struct sk_admin *a, const char *key)
{
	json_t *units = sk_store_units(a->store), *u;
	bool known = false;
	size_t i;

	json_array_foreach(units, i, u)
	{
		known = known || strcmp(text_of(u, "key"), key) == 0;
	}
	json_decref(units);
	return known;
}

int sk_admin_policy_simulate(struct sk_admin *a)
{
	const char *file = NULL, *unit = NULL, *since = NULL;
	bool json = false;
	const struct sk_option options[] = {{"--unit", &unit, NULL, false},
	                                    {"--since", &since, NULL, false},
	                                    {"--json", NULL, &json, false},
	                                    {NULL, NULL, NULL, false}};
	long long seconds = SINCE_DEFAULT;
	struct sk_err err = SK_ERR_INIT;
	struct sk_policy *p = NULL;
	int status = sk_admin_options(a, options, &file, 1, 1);

	if (status != 0)
		return status;
	if (since != NULL && sk_text_duration(since, 1, SINCE_MAX_S, &seconds) < 0)
		return sk_admin_usage(a, sk_tr(a->lang, N_("--since: a duration like 12h or 30d is needed")));
	if (sk_policy_load(file, &p, &err) < 0)
		return sk_admin_fail(a, &err);
	if (unit != NULL && !unit_known(a, unit)) {
		sk_err_set(&err, -ENOENT, "%s: no section of this name; see: sekimori-server unit list", unit);
		status = sk_admin_fail(a, &err);
		sk_policy_free(p);
		return status;
	}
	status = simulate(a, p, unit, sk_clock_wall() - seconds * 1000, json);
	sk_policy_free(p);
	return status;
}
