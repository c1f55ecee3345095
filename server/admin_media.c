/* Commands about the media ledger. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/text.h"
#include "policy/ledger.h"
#include "server/admin.h"
#include "server/store_media.h"

#define LIST_MAX 10000

static const char *text_of(const json_t *row, const char *name)
{
	const char *s = json_string_value(json_object_get(row, name));

	return s == NULL ? "" : s;
}

static void print_medium(const struct sk_admin *a, const json_t *m)
{
	enum sk_medium_state state = SK_MEDIUM_STORED;

	(void)sk_medium_state_parse(text_of(m, "state"), &state);
	printf("%s\t%s\t%s\t%s\t%s %s\t%s\t%lld\t%s\n", text_of(m, "ledger"),
	       sk_tr(a->lang, sk_medium_state_word(state)), text_of(m, "grade"), text_of(m, "unit"),
	       text_of(m, "vendor"), text_of(m, "product"), text_of(m, "serial"),
	       (long long)json_integer_value(json_object_get(m, "size")), text_of(m, "label"));
}

static void print_request(const struct sk_admin *a, const json_t *q)
{
	char time[32];

	(void)a;
	sk_clock_format_local(json_integer_value(json_object_get(q, "created")), time, sizeof(time));
	printf("%lld\t%s\t%s\t%s\t%s\t%s %s\t%s\t%s\n", (long long)json_integer_value(json_object_get(q, "id")), time,
	       text_of(q, "state"), text_of(q, "host"), text_of(q, "ledger"), text_of(q, "vendor"),
	       text_of(q, "product"), text_of(q, "serial"), text_of(q, "label"));
}

int sk_admin_media_list(struct sk_admin *a)
{
	const char *find = NULL, *state = NULL;
	bool json = false;
	const struct sk_option options[] = {{"--find", &find, NULL, false},
	                                    {"--state", &state, NULL, false},
	                                    {"--json", NULL, &json, false},
	                                    {NULL, NULL, NULL, false}};
	int status = sk_admin_options(a, options, NULL, 0, 0);

	return status != 0
	           ? status
	           : sk_admin_show(a, sk_store_media(a->store, NULL, find, state, LIST_MAX, 0), json, print_medium);
}

int sk_admin_media_requests(struct sk_admin *a)
{
	bool json = false, all = false;
	const struct sk_option options[] = {
	    {"--all", NULL, &all, false}, {"--json", NULL, &json, false}, {NULL, NULL, NULL, false}};
	int status = sk_admin_options(a, options, NULL, 0, 0);

	return status != 0
	           ? status
	           : sk_admin_show(a, sk_store_media_requests(a->store, NULL, !all, LIST_MAX), json, print_request);
}

static int number_of(struct sk_admin *a, const char *text, int64_t *id)
{
	long long n;

	if (sk_text_i64(text, 1, INT64_MAX, &n) < 0)
		return sk_admin_usage(a, sk_tr(a->lang, N_("NUMBER is that of `media requests`")));
	*id = n;
	return 0;
}

int sk_admin_media_approve(struct sk_admin *a)
{
	const char *number = NULL, *ledger = NULL, *unit = NULL;
	const struct sk_option options[] = {
	    {"--ledger", &ledger, NULL, false}, {"--unit", &unit, NULL, false}, {NULL, NULL, NULL, false}};
	struct sk_err err = SK_ERR_INIT;
	int64_t id = 0;
	int status = sk_admin_options(a, options, &number, 1, 1);

	if (status == 0)
		status = number_of(a, number, &id);
	if (status != 0)
		return status;
	return sk_store_media_approve(a->store, &a->by, id, ledger, unit, sk_clock_wall(), &err) < 0
	           ? sk_admin_fail(a, &err)
	           : 0;
}

int sk_admin_media_refuse(struct sk_admin *a)
{
	const char *number = NULL, *reason = NULL;
	const struct sk_option options[] = {{"--reason", &reason, NULL, true}, {NULL, NULL, NULL, false}};
	struct sk_err err = SK_ERR_INIT;
	int64_t id = 0;
	int status = sk_admin_options(a, options, &number, 1, 1);

	if (status == 0)
		status = number_of(a, number, &id);
	if (status != 0)
		return status;
	return sk_store_media_refuse(a->store, &a->by, id, reason, sk_clock_wall(), &err) < 0 ? sk_admin_fail(a, &err)
	                                                                                      : 0;
}

int sk_admin_media_state(struct sk_admin *a)
{
	const char *words[2] = {NULL, NULL}, *reason = NULL;
	const struct sk_option options[] = {{"--reason", &reason, NULL, false}, {NULL, NULL, NULL, false}};
	struct sk_err err = SK_ERR_INIT;
	int status = sk_admin_options(a, options, words, 2, 2);

	if (status != 0)
		return status;
	return sk_store_media_state(a->store, &a->by, words[0], words[1], reason, sk_clock_wall(), &err) < 0
	           ? sk_admin_fail(a, &err)
	           : 0;
}

int sk_admin_media_cleaned(struct sk_admin *a)
{
	const char *ledger = NULL, *how = NULL, *with = NULL;
	const struct sk_option options[] = {
	    {"--how", &how, NULL, true}, {"--with", &with, NULL, true}, {NULL, NULL, NULL, false}};
	struct sk_err err = SK_ERR_INIT;
	int status = sk_admin_options(a, options, &ledger, 1, 1);

	if (status != 0)
		return status;
	return sk_store_media_cleaned(a->store, &a->by, ledger, how, with, sk_clock_wall(), &err) < 0
	           ? sk_admin_fail(a, &err)
	           : 0;
}

int sk_admin_media_erasure(struct sk_admin *a)
{
	const char *ledger = NULL;
	const struct sk_option options[] = {{NULL, NULL, NULL, false}};
	int status = sk_admin_options(a, options, &ledger, 1, 1);

	return status != 0 ? status : sk_admin_show(a, sk_store_medium_erasures(a->store, ledger), true, NULL);
}
