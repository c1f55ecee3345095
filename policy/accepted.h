/* Verdict on a list that is held against an accepted one (platform/inventory.h): the hardware, the scanner's settings. */
#ifndef SK_POLICY_ACCEPTED_H
#define SK_POLICY_ACCEPTED_H

#include "policy/check.h"

/* facts: {"hash","baseline":hash|null,"added":[line],"removed":[line],"more":bool,"unread":[text],"why"?}. accepted: hashes that the signed policy accepts. */
enum sk_state sk_judge_accepted(const struct sk_param_value *accepted, const json_t *facts, json_t *detail);

#endif
