/* Tables as somebody sends them: decoded, cut, planned; nothing out of bounds, no unit under itself, and what is written out reads the same. */
// sources: server/org.c server/org_import.c
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/csv.h"
#include "server/org_import.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Written and read again, every cell is what it was, but for the apostrophe before a formula. */
static void again(const struct sk_csv *csv)
{
	struct sk_csv *other = NULL;
	struct sk_buf b;

	sk_buf_init(&b, 16 * 1024 * 1024);
	for (size_t i = 0; i < csv->n; i++) {
		for (size_t j = 0; j < csv->rows[i].n; j++)
			sk_csv_cell(&b, csv->rows[i].cells[j]);
		sk_csv_end(&b);
	}
	if (sk_buf_error(&b) == 0 && sk_csv_parse("f", b.data, b.len, &other, NULL) == 0) {
		if (other->n != csv->n)
			abort();
		for (size_t i = 0; i < csv->n; i++) {
			const char *was = csv->rows[i].cells[0], *is = other->rows[i].cells[0];

			if (other->rows[i].n != csv->rows[i].n ||
			    (strcmp(was, is) != 0 && (*is != '\'' || strcmp(was, is + 1) != 0)))
				abort();
		}
		sk_csv_free(other);
	}
	sk_buf_deinit(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sk_org_place places[] = {{"ka", "", "section", 0, 0}};
	struct sk_org org = {.places = places, .n_places = 1};
	struct sk_org_plan *plan = NULL;
	struct sk_csv *csv = NULL;
	json_t *none = json_array();
	struct sk_org_names names = {none, none};
	char text[512];

	if (sk_csv_parse("f", (const char *)data, size, &csv, NULL) == 0) {
		again(csv);
		sk_csv_free(csv);
	}
	if (sk_org_plan(&org, &names, "f", (const char *)data, size, 1764000000000, &plan, NULL) == 0) {
		for (size_t i = 0; i < plan->n; i++)
			sk_org_line_text(&plan->lines[i], SK_LANG_EN, text, sizeof(text));
		sk_org_plan_free(plan);
	}
	json_decref(none);
	return 0;
}
