/* See retention.h: kinds, the month kept, and what the audit trail says of deleted records. */
#include "server/retention.h"

#include <errno.h>
#include <string.h>
#include <time.h>

#include "common/json.h"

#define DETAIL_MAX ((size_t)256 * 1024)

bool sk_retention_is_kind(const char *kind)
{
	return strcmp(kind, "events") == 0 || strcmp(kind, "posture") == 0;
}

sk_ms sk_retention_cutoff(sk_ms now, int64_t days)
{
	time_t t = (time_t)(now / 1000 - days * 86400);
	struct tm tm;

	if (localtime_r(&t, &tm) == NULL)
		return 0;
	tm.tm_mday = 1;
	tm.tm_hour = tm.tm_min = tm.tm_sec = 0;
	tm.tm_isdst = -1;
	t = mktime(&tm);
	return t == (time_t)-1 ? 0 : (sk_ms)t * 1000;
}

int sk_retention_note(json_t *chains, const char *action, const char *detail)
{
	json_t *body, *one;
	size_t i;
	int r = 0;

	if (strcmp(action, SK_RETENTION_DELETED) != 0 ||
	    sk_json_parse(detail, strlen(detail), DETAIL_MAX, &body, NULL) < 0)
		return 0;
	json_array_foreach(json_object_get(body, "chains"), i, one)
	{
		const char *device = json_string_value(json_array_get(one, 0));

		if (device == NULL || !json_is_integer(json_array_get(one, 1)) ||
		    !json_is_string(json_array_get(one, 2)))
			continue;
		if (json_object_set_new(chains, device,
		                        json_pack("[O,O]", json_array_get(one, 1), json_array_get(one, 2))) != 0)
			r = -ENOMEM;
	}
	json_decref(body);
	return r;
}

bool sk_retention_told(const json_t *chains, const char *device, int64_t seq, const char *hash)
{
	const json_t *told = json_object_get(chains, device);
	const char *text = json_string_value(json_array_get(told, 1));

	return text != NULL && json_integer_value(json_array_get(told, 0)) == seq && strcmp(text, hash) == 0;
}
