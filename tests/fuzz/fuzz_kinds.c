/* The text of kinds as somebody edits it: never out of bounds, and what is taken can be written and read again. */
// sources: server/kinds.c server/org.c
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "server/kinds.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sk_step steps[SK_STEPS_MAX];
	struct sk_kinds *k = NULL;
	char route[128], again[128];
	size_t n;

	if (sk_kinds_parse("f", (const char *)data, size, &k, NULL) < 0)
		return 0;
	for (size_t i = 0; i < k->n; i++) {
		sk_route_text(k->kinds[i].steps, k->kinds[i].n_steps, route);
		if (k->kinds[i].n_steps == 0 || k->kinds[i].n_fields == 0 || sk_kind_find(k, k->kinds[i].key) == NULL ||
		    sk_route_parse(route, steps, &n) < 0)
			abort();
		sk_route_text(steps, n, again);
		if (strcmp(route, again) != 0)
			abort();
		(void)sk_kind_default_end(&k->kinds[i], 1764000000000);
	}
	sk_kinds_free(k);
	return 0;
}
