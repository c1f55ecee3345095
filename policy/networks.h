/* Which interfaces the check of networks (check_networks.c, P13) finds where they may not be: what enforcement closes. */
#ifndef SK_POLICY_NETWORKS_H
#define SK_POLICY_NETWORKS_H

#include <jansson.h>
#include "policy/check.h"

/* Names as a new sorted array, at most SK_NETWORKS_REFUSED; empty when the policy does not enforce, when nothing is against it, and for what is only
 * unknown. NULL: the facts say nothing (or no memory), so nothing is to be changed. facts: the probe's; NULL ok. */
#define SK_NETWORKS_REFUSED 64
json_t *sk_networks_refused(const struct sk_check_set *p, const json_t *facts);

#endif
