/*
 * Fuzzer of the grants' reader. Input: the body of a grants bundle as JSON text. Beyond memory errors it holds that what is taken is sorted and
 * bounded, that each grant is found again by its key, and that writing and reading give the same.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/json.h"
#include "policy/grant.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(int condition)
{
	if (!condition)
		abort();
}

static void again(const struct sk_grant *it)
{
	json_t *body = json_pack("{s:[o]}", "grants", sk_grant_json(it));
	struct sk_grants *g = NULL;

	must(body && sk_grants_parse(body, &g, NULL) == 0 && g->n == 1);
	must(g->items[0].until == it->until && g->items[0].from == it->from && g->items[0].access == it->access);
	must(strcmp(g->items[0].purpose, it->purpose) == 0);
	must(g->items[0].uses == it->uses && g->items[0].erase == it->erase && g->items[0].release == it->release);
	must(strcmp(g->items[0].ledger, it->ledger) == 0 && strcmp(g->items[0].container_key, it->container_key) == 0);
	sk_grants_free(g);
	json_decref(body);
}

static void media(const struct sk_ledger *m)
{
	must(m->n <= SK_LEDGER_MAX);
	for (size_t i = 0; i < m->n; i++) {
		const struct sk_ledger_entry *it = &m->items[i];
		json_t *body = json_pack("{s:[o]}", "media", sk_ledger_entry_json(it));
		struct sk_ledger *one = NULL;

		must(sk_ledger_is_number(it->ledger) && *sk_medium_state_name(it->state));
		must(i == 0 || strcmp(m->items[i - 1].device_key, it->device_key) <= 0);
		must(body && sk_ledger_parse(body, &one, NULL) == 0 && one->n == 1);
		must(one->items[0].state == it->state && one->items[0].container == it->container);
		must(one->items[0].has_zone == it->has_zone && one->items[0].zone == it->zone &&
		     one->items[0].clean == it->clean);
		sk_ledger_free(one);
		json_decref(body);
	}
}

static void check(const struct sk_grants *g)
{
	static struct sk_device d;
	enum sk_grant_state state;

	must(g->n <= SK_GRANTS_MAX);
	for (size_t i = 0; i < g->n; i++) {
		const struct sk_grant *it = &g->items[i];

		must(it->until > it->from && it->access != SK_ACCESS_NONE);
		must(i == 0 || strcmp(g->items[i - 1].device_key, it->device_key) <= 0);
		memcpy(d.desc.device_key, it->device_key, sizeof(it->device_key));
		memcpy(d.serial, it->serial, sizeof(d.serial));
		d.has_serial = it->serial[0] != '\0';
		must(sk_grants_find_medium(g, &d, it->ledger, it->from, it->person, NULL, &state) &&
		     state == SK_GRANT_VALID);
		again(it);
	}
	(void)sk_grants_next_change(g, 0);
	must(strlen(g->section) < sizeof(g->section));
	media(g->ledger);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sk_grants *g = NULL;
	struct sk_err err = SK_ERR_INIT;
	json_t *body = NULL;
	int r;

	if (sk_json_parse((const char *)data, size, 65536, &body, &err) < 0)
		return 0;
	r = sk_grants_parse(body, &g, &err);
	must((r == 0) == (g != NULL));
	must(r == 0 || err.text[0]);
	if (g)
		check(g);
	sk_grants_free(g);
	json_decref(body);
	return 0;
}
