/* Answers that other programs are publicly known to get wrong (tests/data/posture/peers.json): the facts, and what is right. */
#include <stdlib.h>

#include "tests/unit/check_help.h"

Test(check_peers, known_wrong_answers)
{
	json_error_t e;
	json_t *list = json_load_file("tests/data/posture/peers.json", JSON_REJECT_DUPLICATES, &e), *entry;
	size_t i;

	cr_assert_not_null(list, "line %d: %s", e.line, e.text);
	cr_assert_geq(json_array_size(list), 20);
	json_array_foreach(list, i, entry)
	{
		const char *check = json_string_value(json_object_get(entry, "check"));
		const char *want = json_string_value(json_object_get(entry, "state"));
		const char *peer = json_string_value(json_object_get(entry, "peer"));
		char *facts = json_dumps(json_object_get(entry, "facts"), 0);

		cr_assert(check && want && peer && facts, "entry %zu", i);
		enum sk_state got = judge_with(json_string_value(json_object_get(entry, "policy")), check, facts);
		cr_expect_str_eq(sk_state_name(got), want, "%s: %s: %s instead of %s", peer, check, sk_state_name(got),
		                 want);
		free(facts);
	}
	json_decref(list);
}
