/* Commands about IC cards. */
#include <string.h>

#include "common/text.h"
#include "server/admin.h"
#include "server/store_card.h"

int sk_admin_card_add(struct sk_admin *a)
{
	static const struct sk_option options[] = {{NULL, NULL, NULL, false}};
	struct sk_err err = SK_ERR_INIT;
	const char *words[2] = {NULL, NULL};
	int status = sk_admin_options(a, options, words, 2, 2);

	if (status != 0)
		return status;
	return sk_store_card_put(a->store, &a->by, words[0], words[1], sk_clock_wall(), &err) < 0
	           ? sk_admin_fail(a, &err)
	           : 0;
}

int sk_admin_card_remove(struct sk_admin *a)
{
	const char *fingerprint = NULL, *reason = NULL;
	const struct sk_option options[] = {{"--reason", &reason, NULL, true}, {NULL, NULL, NULL, false}};
	struct sk_err err = SK_ERR_INIT;
	int status = sk_admin_options(a, options, &fingerprint, 1, 1);

	if (status != 0)
		return status;
	return sk_store_card_remove(a->store, &a->by, fingerprint, reason, sk_clock_wall(), &err) < 0
	           ? sk_admin_fail(a, &err)
	           : 0;
}

static void print(const struct sk_admin *a, const json_t *card)
{
	char when[32];

	(void)a;
	sk_clock_format_local(json_integer_value(json_object_get(card, "registered")), when, sizeof(when));
	printf("%s\t%s\t%s\t%s\n", json_string_value(json_object_get(card, "user")),
	       json_string_value(json_object_get(card, "fingerprint")), when,
	       json_string_value(json_object_get(card, "by")));
}

int sk_admin_card_list(struct sk_admin *a)
{
	bool json = false;
	const struct sk_option options[] = {{"--json", NULL, &json, false}, {NULL, NULL, NULL, false}};
	int status = sk_admin_options(a, options, NULL, 0, 0);

	return status != 0 ? status : sk_admin_show(a, sk_store_cards(a->store, NULL), json, print);
}
