/*
 * A PAM stack, pure: what the modules of one service and one type (auth, password, ...) come to, judged as the library runs them, with its
 * control values, jumps and substacks. Which module is which kind of proof is a table here; a module that is not in it is unknown, and a
 * verdict that hangs on one is unknown too. A module that asks who somebody is, and for no proof, answers either way: somebody may be the one. Source:
 * pam.conf(5).
 */
#ifndef SK_POLICY_PAM_H
#define SK_POLICY_PAM_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include "common/err.h"

#define SK_PAM_STACK_MAX 128

enum sk_pam_proof { /* what a module asks for, as a mask */
	            SK_PAM_KNOWLEDGE = 1, /* a password */
	            SK_PAM_POSSESSION = 2, /* a token, a one-time code, a card */
	            SK_PAM_BODY = 4, /* a fingerprint, a face */
};

/* stack: [{"control":"required"|"[success=1 default=ignore]","module":"pam_unix.so","args":["nullok"],"level":0}]. level: depth of substacks;
 * "include" is resolved before and is no level; a substack begins with an entry {"control":"substack","module":its file} of the level around it. "nobody":true beside them: a condition that is true of nobody here. */
enum sk_pam_result { SK_PAM_REFUSED, SK_PAM_GRANTED, SK_PAM_UNSURE };
/* What the stack says to somebody who has these proofs (mask). UNSURE: it depends on a module that is not known. */
enum sk_pam_result sk_pam_run(const json_t *stack, unsigned proofs);
/* The fewest kinds of proof with which somebody gets in: 0 = with nothing at all, 1, 2, 3; -ENOENT: nobody gets in;
 * -EAGAIN: it cannot be told. *mask (may be NULL): one such combination. */
int sk_pam_least(const json_t *stack, unsigned *mask);
/* The value of NAME=VALUE among the arguments of the first module of that name; NULL = no such module or argument. *found (may be NULL):
 * the module is there. Borrowed. */
const char *sk_pam_arg(const json_t *stack, const char *module, const char *name, bool *found);
/* The stack refuses whoever this module refuses, whatever the others say. False also when it is not there. flag (may be NULL): only those of
 * its entries that have this argument. */
bool sk_pam_decides(const json_t *stack, const char *module, const char *flag);
/* Somebody without any proof comes to an entry of this module with this argument. */
bool sk_pam_reaches(const json_t *stack, const char *module, const char *flag);
bool sk_pam_has_flag(const json_t *stack, const char *module, const char *flag);

#endif
