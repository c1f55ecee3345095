/*
 * Posture checks: a check is (facts gathered by platform/ in a separate process) -> verdict, pure. Each has an id, its clause, the
 * clause's strength of duty, parameters from the policy, evidence and a remediation text. States: the worst wins.
 */
#ifndef SK_POLICY_CHECK_H
#define SK_POLICY_CHECK_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include "common/err.h"
#include "common/ini.h"
#include "policy/param.h"

enum sk_state { /* in order of badness; names: not-applicable compliant in-grace exempt unknown non-compliant error silent */
	        SK_STATE_NOT_APPLICABLE,
	        SK_STATE_COMPLIANT,
	        SK_STATE_IN_GRACE,
	        SK_STATE_EXEMPT,
	        SK_STATE_UNKNOWN,
	        SK_STATE_NON_COMPLIANT,
	        SK_STATE_ERROR,
	        SK_STATE_SILENT, /* only the server gives it: the terminal does not answer */
};
const char *sk_state_name(enum sk_state s);
const char *sk_state_word(
    enum sk_state s); /* msgid for people; ja: 対象外 適合 猶予期間中 例外措置適用中 判定不能 不適合 エラー 応答なし */
int sk_state_parse(const char *name, enum sk_state *out);

enum sk_duty { SK_DUTY_MUST, SK_DUTY_PRINCIPLE, SK_DUTY_SHOULD, SK_DUTY_EFFORT, SK_DUTY_AS_NEEDED };

#define SK_CHECKS_MAX   32
#define SK_CHECK_PARAMS 16 /* of one check, at most */

/* The values of one check, in the order of its table of parameters, and what every check has. */
struct sk_check_set {
	struct sk_param_value v[SK_CHECK_PARAMS];
	bool applies; /* [check NAME] applies = yes|no: no = not applicable to these terminals */
	long long
	    grace_s; /*   grace: so long after it was first found it is "in grace" instead of "non-compliant"; 0 = at once */
};
struct sk_check_params {
	struct sk_check_set set[SK_CHECKS_MAX]; /* in the order of sk_checks */
};

struct sk_check {
	const char *id; /* "screen-lock" "disk-encryption" "antivirus" */
	const char *row; /* "P1" */
	const char *clause; /* "5.1(1)キ", with prefix 対策基準 in pages */
	enum sk_duty duty;
	const char *title; /* msgids */
	const char *explanation;
	const char *remediation;
	const struct sk_param *params; /* what [check ID] may hold besides "applies" and "grace" */
	size_t n_params; /* at most SK_CHECK_PARAMS */
	long long grace_s; /* grace where the policy names none */
	/* facts: what the probe printed (JSON object, already bounded); must treat every member as possibly absent.
	 * Fills state, detail (msgid-based sentences as array of {"text":msgid,"args":[..]}) and evidence. p: this check's values. */
	enum sk_state (*judge)(const struct sk_check_set *p, const json_t *facts, long long now_ms, json_t *detail);
};

const struct sk_check *sk_checks(size_t *n);
const struct sk_check *sk_check_find(const char *id);
/* 0 or -ENOMEM. *p need not be initialised. */
int sk_check_params_default(struct sk_check_params *p);
void sk_check_params_clear(struct sk_check_params *p);
/* Reads every [check NAME] section of the policy over the values held; unknown names and keys are refused with file:line, and *p is
 * untouched then. */
int sk_check_params_read(const struct sk_ini *ini, struct sk_check_params *p, struct sk_err *err);
const struct sk_check_set *sk_check_set_of(const struct sk_check_params *p, const struct sk_check *c);
/* A parameter of a check by its names; a zero value when there is no such (a test holds the callers to the tables). Borrowed. */
const struct sk_param_value *sk_check_param(const struct sk_check_params *p, const char *id, const char *name);
/* Runs judge with the error paths handled: facts NULL or {"error":"..."} -> unknown with the reason. *since: when it was first found
 * non-compliant without being compliant in between (ms, 0 = is not): kept by the caller, updated here; unknown leaves it. Result:
 * {"id","row","clause","duty","state","detail":[{"text","args"}],"evidence":{...facts...},"at":ms,"since":ms|null}. New reference. */
json_t *sk_check_evaluate(const struct sk_check *c, const struct sk_check_set *p, const json_t *facts, long long now_ms,
                          long long *since);
/* A detail entry as a sentence: %1 %2 ... in the translated msgid replaced by args. */
struct sk_buf;
void sk_check_sentence(const json_t *detail_entry, int lang, struct sk_buf *out);

#endif
