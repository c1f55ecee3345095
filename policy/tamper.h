/*
 * What the last run of the agent left behind against what runs now: pure. Nothing here stops anybody with root's rights; it says what changed, so that
 * the record and the server show it (docs/threats.md).
 */
#ifndef SK_POLICY_TAMPER_H
#define SK_POLICY_TAMPER_H

#include <jansson.h>
#include <stdbool.h>

struct sk_run { /* of the agent; "" = not known */
	char version[32], boot[64], program[65]; /* program: SHA-256 of the file that runs */
	bool clean; /* it ended by itself and said so */
};

enum {
	SK_TAMPER_UNCLEAN = 1 << 0, /* it was killed or crashed, and the machine went on */
	SK_TAMPER_POWER = 1 << 1, /* it ended with the machine, without a word: power, or a kernel that fell */
	SK_TAMPER_DOWNGRADED = 1 << 2,
	SK_TAMPER_UPGRADED = 1 << 3,
	SK_TAMPER_REPLACED = 1 << 4, /* the same version is another program */
};

/* before NULL = the first run. */
unsigned sk_tamper_judge(const struct sk_run *before, const struct sk_run *now);
/* "0.10.2" against "0.9": by its numbers; what is no number counts as 0. */
int sk_version_compare(const char *a, const char *b);

json_t *sk_run_json(const struct sk_run *r); /* new reference */
/* 0 or -EINVAL: *out untouched. */
int sk_run_parse(const char *text, size_t len, struct sk_run *out);

#endif
