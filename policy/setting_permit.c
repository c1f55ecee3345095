/* A short list, walked whole: there are a handful at a time. */
#include "policy/setting_permit.h"

#include <errno.h>
#include <string.h>

#include "common/json.h"
#include "common/text.h"

#define LONGEST_MS \
	((sk_ms)31 * 86400 * 1000) /* a setting that is otherwise for longer is an exception (7.4), no permit */

static int parse_one(const json_t *o, struct sk_setting_permit *p, struct sk_err *err)
{
	const char *setting, *person, *by;
	long long number;
	int r;

	if ((r = sk_json_int(o, "number", 1, INT64_MAX, &number, err)) < 0 ||
	    (r = sk_json_str(o, "setting", 1, sizeof(p->setting) - 1, &setting, err)) < 0 ||
	    (r = sk_json_str(o, "person", 1, sizeof(p->person) - 1, &person, err)) < 0 ||
	    (r = sk_json_str(o, "permitted_by", 1, sizeof(p->permitted_by) - 1, &by, err)) < 0 ||
	    (r = sk_json_utc(o, "from", &p->from, err)) < 0 || (r = sk_json_utc(o, "until", &p->until, err)) < 0)
		return r;
	if (strcmp(setting, SK_SETTING_SCREEN_LOCK) != 0)
		return sk_err_set(err, -EINVAL, "field setting: \"%s\" is none that can be permitted", setting);
	if (p->until <= p->from || p->until - p->from > LONGEST_MS)
		return sk_err_set(err, -EINVAL, "field until: not after from, or more than 31 days after it");
	p->number = number;
	sk_text_copy(p->setting, sizeof(p->setting), setting);
	sk_text_copy(p->person, sizeof(p->person), person);
	sk_text_copy(p->permitted_by, sizeof(p->permitted_by), by);
	return 0;
}

int sk_setting_permits_parse(const json_t *body, struct sk_setting_permits *out, struct sk_err *err)
{
	struct sk_setting_permits read = {0};
	json_t *list, *one;
	size_t i;
	int r;

	if (json_object_get(body, "settings") == NULL) {
		*out = read;
		return 0;
	}
	r = sk_json_arr(body, "settings", SK_SETTING_PERMITS_MAX, &list, err);
	if (r < 0)
		return r;
	json_array_foreach(list, i, one)
	{
		r = parse_one(one, &read.items[read.n], err);
		if (r < 0)
			return sk_err_prefix(err, r, "setting permit %zu", i + 1);
		read.n++;
	}
	*out = read;
	return 0;
}

const struct sk_setting_permit *sk_setting_permit_find(const struct sk_setting_permits *p, const char *setting,
                                                       const char *person, sk_ms now)
{
	const struct sk_setting_permit *best = NULL;

	for (size_t i = 0; i < p->n; i++) {
		const struct sk_setting_permit *it = &p->items[i];

		if (strcmp(it->setting, setting) == 0 && it->from <= now && now < it->until &&
		    (person == NULL || sk_text_eq(it->person, person)) && (best == NULL || it->until > best->until))
			best = it;
	}
	return best;
}

sk_ms sk_setting_permits_next(const struct sk_setting_permits *p, sk_ms now)
{
	sk_ms next = 0;

	for (size_t i = 0; i < p->n; i++) {
		const sk_ms edges[] = {p->items[i].from, p->items[i].until};

		for (size_t k = 0; k < 2; k++)
			if (edges[k] > now && (next == 0 || edges[k] < next))
				next = edges[k];
	}
	return next;
}
