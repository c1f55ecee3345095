/*
 * Fuzzer of what the office says to a terminal: orders, permits for settings, notices. Input: the body of a grants bundle as JSON text. Beyond memory
 * errors it holds that what is taken keeps the bounds that the agent acts by, and that writing and reading an order or a notice give the same.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/json.h"
#include "policy/notice.h"
#include "policy/order.h"
#include "policy/setting_permit.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(int condition)
{
	if (!condition)
		abort();
}

static void orders(const json_t *body)
{
	static struct sk_orders_list list, again;

	list.n = 0;
	if (sk_orders_parse(body, &list, NULL) < 0)
		return;
	must(list.n <= SK_ORDERS_MAX);
	for (size_t i = 0; i < list.n; i++) {
		const struct sk_order *o = &list.items[i];
		json_t *one = json_pack("{s:[o]}", "orders", sk_order_json(o));

		must(o->until > o->issued && (unsigned)o->kind < SK_ORDER_KINDS && o->person[0] != '-');
		must(!sk_order_needs_two(o->kind) || o->approved_by[0] != '\0');
		must(i == 0 || list.items[i - 1].number <= o->number);
		must(one != NULL && sk_orders_parse(one, &again, NULL) == 0);
		must(strcmp(again.items[0].reason, o->reason) == 0 && again.items[0].until == o->until);
		json_decref(one);
	}
}

static void notices(const json_t *body)
{
	static struct sk_office_notices list, again;

	list.n = 0;
	if (sk_office_notices_parse(body, &list, NULL) < 0)
		return;
	must(list.n <= SK_OFFICE_NOTICES_MAX);
	for (size_t i = 0; i < list.n; i++) {
		json_t *one = json_pack("{s:[o]}", "notices", sk_office_notice_json(&list.items[i]));

		must(strchr(list.items[i].text, '\x1b') == NULL);
		must(one != NULL && sk_office_notices_parse(one, &again, NULL) == 0);
		must(strcmp(again.items[0].text, list.items[i].text) == 0);
		json_decref(one);
	}
}

static void settings(const json_t *body)
{
	static struct sk_setting_permits list;

	list.n = 0;
	if (sk_setting_permits_parse(body, &list, NULL) < 0)
		return;
	must(list.n <= SK_SETTING_PERMITS_MAX);
	for (size_t i = 0; i < list.n; i++) {
		const struct sk_setting_permit *p = &list.items[i];

		must(p->person[0] != '\0' && p->until > p->from);
		must(sk_setting_permit_find(&list, p->setting, p->person, p->from) != NULL);
	}
	(void)sk_setting_permits_next(&list, 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	json_t *body = NULL;

	if (sk_json_parse((const char *)data, size, 65536, &body, NULL) < 0)
		return 0;
	orders(body);
	notices(body);
	settings(body);
	json_decref(body);
	return 0;
}
