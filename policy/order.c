/* One table of kinds; parser and printer side by side. */
#include "policy/order.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/i18n.h"
#include "common/json.h"
#include "common/text.h"

#define HOUR ((sk_ms)3600 * 1000)
#define DAY  (24 * HOUR)

static const struct {
	const char *name, *word;
	sk_ms life, longest;
	bool person, two;
} kinds[SK_ORDER_KINDS] = {
    [SK_ORDER_CHECK] = {"check", N_("Check now"), DAY, 7 * DAY, false, false},
    [SK_ORDER_LOCK] = {"lock", N_("Lock the screen"), HOUR, DAY, false, false},
    [SK_ORDER_SCAN] = {"scan", N_("Full virus scan"), DAY, 7 * DAY, false, false},
    [SK_ORDER_ISOLATE] = {"isolate", N_("Cut off from the network"), 7 * DAY, 90 * DAY, false, false},
    [SK_ORDER_RELEASE] = {"release", N_("Back to the network"), 7 * DAY, 90 * DAY, false, false},
    [SK_ORDER_SUSPEND] = {"suspend", N_("Suspend a user"), 7 * DAY, 90 * DAY, true, false},
    [SK_ORDER_RESUME] = {"resume", N_("Lift a suspension"), 7 * DAY, 90 * DAY, true, false},
    [SK_ORDER_ERASE] = {"erase", N_("Destroy the disk keys"), 30 * DAY, 366 * DAY, false, true},
};

static bool known(enum sk_order_kind k)
{
	return (unsigned)k < SK_ORDER_KINDS;
}

const char *sk_order_name(enum sk_order_kind k)
{
	return known(k) ? kinds[k].name : "";
}

const char *sk_order_word(enum sk_order_kind k)
{
	return known(k) ? kinds[k].word : "";
}

int sk_order_parse_kind(const char *name, enum sk_order_kind *out)
{
	for (int k = 0; k < SK_ORDER_KINDS; k++)
		if (strcmp(kinds[k].name, name) == 0) {
			*out = (enum sk_order_kind)k;
			return 0;
		}
	return -EINVAL;
}

sk_ms sk_order_default_life(enum sk_order_kind k)
{
	return known(k) ? kinds[k].life : 0;
}

sk_ms sk_order_longest_life(enum sk_order_kind k)
{
	return known(k) ? kinds[k].longest : 0;
}

bool sk_order_takes_person(enum sk_order_kind k)
{
	return known(k) && kinds[k].person;
}

bool sk_order_needs_two(enum sk_order_kind k)
{
	return known(k) && kinds[k].two;
}

/* Also of a domain: yamada, YAMADA, DOMAIN\\yamada, yamada@city. It becomes an argument of a program, so no "-" in front. */
static bool is_login(const char *s)
{
	return s[0] != '-' && s[0] != '\0' &&
	       strspn(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-.@\\") == strlen(s);
}

int sk_order_check(const struct sk_order *o, struct sk_err *err)
{
	if (!sk_text_is_id(o->id))
		return sk_err_set(err, -EINVAL, "field id: not a UUID");
	if (o->until <= o->issued || o->until - o->issued > sk_order_longest_life(o->kind))
		return sk_err_set(err, -EINVAL, "field until: an order \"%s\" stands for at most %lld days",
		                  sk_order_name(o->kind), (long long)(sk_order_longest_life(o->kind) / DAY));
	if (sk_order_takes_person(o->kind) != (o->person[0] != '\0'))
		return sk_err_set(err, -EINVAL, "field person: an order \"%s\" names %s", sk_order_name(o->kind),
		                  sk_order_takes_person(o->kind) ? "the person's login" : "nobody");
	if (o->person[0] != '\0' && !is_login(o->person))
		return sk_err_set(err, -EINVAL, "field person: \"%s\" is no login name", o->person);
	if (o->by[0] == '\0' || o->reason[0] == '\0')
		return sk_err_set(err, -EINVAL, "who orders it and why are missing");
	if (sk_order_needs_two(o->kind) && (o->approved_by[0] == '\0' || strcmp(o->by, o->approved_by) == 0))
		return sk_err_set(err, -EINVAL, "an order \"%s\" needs the approval of a second officer",
		                  sk_order_name(o->kind));
	return 0;
}

static int take_text(const json_t *j, const char *name, size_t min, char *dst, size_t size, struct sk_err *err)
{
	const char *s = "";
	int r = min > 0 ? sk_json_str(j, name, min, size - 1, &s, err) : sk_json_str_opt(j, name, size - 1, &s, err);

	if (r == 0)
		sk_text_copy(dst, size, s);
	return r;
}

static int take_kind(const json_t *j, struct sk_order *o, struct sk_err *err)
{
	const char *kind, *mode = NULL;
	int r = sk_json_str(j, "kind", 1, 15, &kind, err);

	if (r < 0)
		return r;
	if (sk_order_parse_kind(kind, &o->kind) < 0)
		return sk_err_set(err, -EINVAL, "field kind: there is no order \"%s\"", kind);
	r = sk_json_str_opt(j, "mode", 15, &mode, err);
	if (r < 0)
		return r;
	o->management = mode != NULL && strcmp(mode, "management") == 0;
	if (mode != NULL && !o->management && strcmp(mode, "full") != 0)
		return sk_err_set(err, -EINVAL, "field mode: full or management");
	return sk_json_bool_opt(j, "poweroff", &o->poweroff, err);
}

static int parse_one(const json_t *j, struct sk_order *o, struct sk_err *err)
{
	long long number;
	int r;

	*o = (struct sk_order){0};
	if ((r = take_kind(j, o, err)) < 0 || (r = take_text(j, "id", 1, o->id, sizeof(o->id), err)) < 0 ||
	    (r = sk_json_int(j, "number", 1, INT64_MAX, &number, err)) < 0 ||
	    (r = sk_json_utc(j, "issued", &o->issued, err)) < 0 || (r = sk_json_utc(j, "until", &o->until, err)) < 0 ||
	    (r = take_text(j, "by", 1, o->by, sizeof(o->by), err)) < 0 ||
	    (r = take_text(j, "approved_by", 0, o->approved_by, sizeof(o->approved_by), err)) < 0 ||
	    (r = take_text(j, "reason", 1, o->reason, sizeof(o->reason), err)) < 0 ||
	    (r = take_text(j, "person", 0, o->person, sizeof(o->person), err)) < 0)
		return r;
	o->number = number;
	return sk_order_check(o, err);
}

static int by_number(const void *a, const void *b)
{
	const struct sk_order *x = a, *y = b;

	return x->number < y->number ? -1 : x->number > y->number;
}

int sk_orders_parse(const json_t *body, struct sk_orders_list *out, struct sk_err *err)
{
	struct sk_orders_list *read;
	json_t *list = NULL, *one;
	size_t i;
	int r = 0;

	if (json_object_get(body, "orders") != NULL)
		r = sk_json_arr(body, "orders", SK_ORDERS_MAX, &list, err);
	read = r == 0 ? calloc(1, sizeof(*read)) : NULL;
	if (read == NULL)
		return r < 0 ? r : sk_err_set(err, -ENOMEM, "no memory for orders");
	json_array_foreach(list, i, one)
	{
		r = parse_one(one, &read->items[i], err);
		if (r < 0) {
			free(read);
			return sk_err_prefix(err, r, "order %zu", i + 1);
		}
		read->n = i + 1;
	}
	qsort(read->items, read->n, sizeof(read->items[0]), by_number);
	*out = *read;
	free(read);
	return 0;
}

json_t *sk_order_json(const struct sk_order *o)
{
	char issued[SK_RFC3339_LEN], until[SK_RFC3339_LEN];
	json_t *j;

	sk_clock_format_utc(o->issued, issued);
	sk_clock_format_utc(o->until, until);
	j = json_pack("{s:s, s:I, s:s, s:s, s:s, s:s, s:s}", "id", o->id, "number", (json_int_t)o->number, "kind",
	              sk_order_name(o->kind), "issued", issued, "until", until, "by", o->by, "reason", o->reason);
	if (j != NULL && o->kind == SK_ORDER_ISOLATE)
		(void)json_object_set_new(j, "mode", json_string(o->management ? "management" : "full"));
	if (j != NULL && o->person[0] != '\0')
		(void)json_object_set_new(j, "person", json_string(o->person));
	if (j != NULL && o->approved_by[0] != '\0')
		(void)json_object_set_new(j, "approved_by", json_string(o->approved_by));
	if (j != NULL && o->poweroff)
		(void)json_object_set_new(j, "poweroff", json_true());
	return j;
}
