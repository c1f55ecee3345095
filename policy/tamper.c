/* Two runs side by side. */
#include "policy/tamper.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/json.h"
#include "common/text.h"

int sk_version_compare(const char *a, const char *b)
{
	while (*a != '\0' || *b != '\0') {
		unsigned long x = strtoul(a, NULL, 10), y = strtoul(b, NULL, 10);

		if (x != y)
			return x < y ? -1 : 1;
		a += strcspn(a, ".");
		b += strcspn(b, ".");
		a += *a == '.';
		b += *b == '.';
	}
	return 0;
}

unsigned sk_tamper_judge(const struct sk_run *before, const struct sk_run *now)
{
	unsigned found = 0;
	int order;

	if (before == NULL)
		return 0;
	if (!before->clean)
		found |= strcmp(before->boot, now->boot) == 0 ? SK_TAMPER_UNCLEAN : SK_TAMPER_POWER;
	order = sk_version_compare(before->version, now->version);
	if (order != 0)
		found |= order > 0 ? SK_TAMPER_DOWNGRADED : SK_TAMPER_UPGRADED;
	else if (before->program[0] != '\0' && now->program[0] != '\0' && strcmp(before->program, now->program) != 0)
		found |= SK_TAMPER_REPLACED;
	return found;
}

json_t *sk_run_json(const struct sk_run *r)
{
	return json_pack("{s:s, s:s, s:s, s:b}", "version", r->version, "boot", r->boot, "program", r->program, "clean",
	                 (int)r->clean);
}

int sk_run_parse(const char *text, size_t len, struct sk_run *out)
{
	const char *version, *boot, *program;
	struct sk_run r = {0};
	json_t *o = NULL;
	int e = sk_json_parse(text, len, 1024, &o, NULL);

	if (e == 0)
		e = sk_json_str(o, "version", 0, sizeof(r.version) - 1, &version, NULL);
	if (e == 0)
		e = sk_json_str(o, "boot", 0, sizeof(r.boot) - 1, &boot, NULL);
	if (e == 0)
		e = sk_json_str(o, "program", 0, sizeof(r.program) - 1, &program, NULL);
	if (e == 0)
		e = sk_json_bool_opt(o, "clean", &r.clean, NULL);
	if (e == 0) {
		sk_text_copy(r.version, sizeof(r.version), version);
		sk_text_copy(r.boot, sizeof(r.boot), boot);
		sk_text_copy(r.program, sizeof(r.program), program);
		*out = r;
	}
	json_decref(o);
	return e < 0 ? -EINVAL : 0;
}
