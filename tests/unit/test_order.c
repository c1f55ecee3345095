/* Orders: written and read back the same, refused whole when one of them does not fit. */
#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#include "common/text.h"
#include "policy/order.h"

#define T0 ((sk_ms)1764000000000)

static struct sk_orders_list list;
static struct sk_err err;

static struct sk_order order(enum sk_order_kind kind)
{
	struct sk_order o = {.id = "11111111-2222-4333-8444-000000000001",
	                     .number = 5,
	                     .kind = kind,
	                     .issued = T0,
	                     .until = T0 + 3600000};

	sk_text_copy(o.by, sizeof(o.by), "窓口担当");
	sk_text_copy(o.reason, sizeof(o.reason), "感染の疑い");
	return o;
}

static int parse(json_t *one)
{
	json_t *body = json_pack("{s:[o]}", "orders", one);
	int r = sk_orders_parse(body, &list, &err);

	json_decref(body);
	return r;
}

static int round_trip(const struct sk_order *o)
{
	return parse(sk_order_json(o));
}

Test(order, every_kind_comes_back_as_it_was)
{
	for (int k = 0; k < SK_ORDER_KINDS; k++) {
		struct sk_order o = order((enum sk_order_kind)k);
		enum sk_order_kind back;

		if (sk_order_takes_person(o.kind))
			sk_text_copy(o.person, sizeof(o.person), "yamada");
		if (sk_order_needs_two(o.kind))
			sk_text_copy(o.approved_by, sizeof(o.approved_by), "情報システム管理者");
		o.management = k == SK_ORDER_ISOLATE;
		o.poweroff = k == SK_ORDER_ERASE;
		cr_assert_eq(round_trip(&o), 0, "%s: %s", sk_order_name(o.kind), err.text);
		cr_expect_eq(memcmp(&list.items[0], &o, sizeof(o)), 0, "%s", sk_order_name(o.kind));
		cr_expect_eq(sk_order_parse_kind(sk_order_name(o.kind), &back), 0);
		cr_expect_eq(back, o.kind);
		cr_expect(sk_order_word(o.kind)[0] != '\0' && sk_order_default_life(o.kind) > 0 &&
		          sk_order_default_life(o.kind) <= sk_order_longest_life(o.kind));
	}
}

Test(order, what_does_not_fit_is_refused)
{
	struct sk_order o = order(SK_ORDER_ERASE);

	cr_expect_eq(round_trip(&o), -EINVAL, "one officer alone destroys nothing");
	sk_text_copy(o.approved_by, sizeof(o.approved_by), o.by);
	cr_expect_eq(round_trip(&o), -EINVAL, "nor the same one twice");
	o = order(SK_ORDER_SUSPEND);
	cr_expect_eq(round_trip(&o), -EINVAL, "nobody named");
	sk_text_copy(o.person, sizeof(o.person), "../root");
	cr_expect_eq(round_trip(&o), -EINVAL);
	o = order(SK_ORDER_LOCK);
	sk_text_copy(o.person, sizeof(o.person), "yamada");
	cr_expect_eq(round_trip(&o), -EINVAL);
	o = order(SK_ORDER_LOCK);
	o.until = o.issued;
	cr_expect_eq(round_trip(&o), -EINVAL);
	o.until = o.issued + 366LL * 86400 * 1000;
	cr_expect_eq(round_trip(&o), -EINVAL, "a lock does not wait for a year");
	o = order(SK_ORDER_CHECK);
	o.reason[0] = '\0';
	cr_expect_eq(round_trip(&o), -EINVAL);
	cr_expect_eq(list.n, 0, "nothing was taken");
}

Test(order, hostile_lists)
{
	json_t *body = json_pack("{s:[]}", "orders"), *one;
	struct sk_order o = order(SK_ORDER_CHECK);

	for (int i = 0; i <= SK_ORDERS_MAX; i++)
		json_array_append_new(json_object_get(body, "orders"), sk_order_json(&o));
	cr_expect_neq(sk_orders_parse(body, &list, &err), 0, "too many");
	json_decref(body);
	cr_expect_neq(parse(json_true()), 0);
	one = sk_order_json(&o);
	json_object_set_new(one, "kind", json_string("reboot"));
	cr_expect_eq(parse(one), -EINVAL);
	one = sk_order_json(&o);
	json_object_set_new(one, "mode", json_string("half"));
	cr_expect_eq(parse(one), -EINVAL);
	one = sk_order_json(&o);
	json_object_set_new(one, "number", json_integer(0));
	cr_expect_lt(parse(one), 0);
	body = json_pack("{s:i}", "orders", 3);
	cr_expect_lt(sk_orders_parse(body, &list, &err), 0);
	json_decref(body);
	cr_expect_eq(sk_orders_parse(NULL, &list, &err), 0);
}

Test(order, they_are_carried_out_by_number)
{
	struct sk_order a = order(SK_ORDER_ISOLATE), b = order(SK_ORDER_RELEASE);
	json_t *body;

	a.number = 9;
	b.number = 8;
	sk_text_copy(b.id, sizeof(b.id), "11111111-2222-4333-8444-000000000002");
	body = json_pack("{s:[o, o]}", "orders", sk_order_json(&a), sk_order_json(&b));
	cr_assert_eq(sk_orders_parse(body, &list, &err), 0);
	cr_expect_eq(list.items[0].number, 8);
	json_decref(body);
}
