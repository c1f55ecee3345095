/*
 * What left, set against what was approved (T9, 5.1(1)ウ(オ)): the list of files a request names and the record of what was written under
 * its grant. Pure. A listed name stands for a written path when it is the path or its last part; letters are compared as they are.
 */
#ifndef SK_POLICY_TAKEOUT_H
#define SK_POLICY_TAKEOUT_H

#include <jansson.h>
#include "common/err.h"

#define SK_TAKEOUT_LISTED 200
#define SK_TAKEOUT_NAME   255

/* The list of a request: an array of 1 to 200 different names of 1 to 255 printable bytes, 8 KB together. 0, or -EINVAL with what is wrong. */
int sk_takeout_list_check(const json_t *list, struct sk_err *err);

/* listed: array of names, or NULL: nothing was listed, so nothing is compared. written: array of the entries of `file.written`, oldest first. approved: the
 * class of information that was approved, or NULL.
 * {"listed":N,"files":N,"bytes":N,"not_hashed":N,"matched":N,"missing":[name],"unlisted":[path],"above":[path]}: the files as they were at the end; what was removed again
 * is not among them. unlisted is empty when nothing was listed; above: files whose class (member `class`, policy/classes.h) is above the approved one. New reference, NULL =
 * no memory. */
json_t *sk_takeout_compare(const json_t *listed, const json_t *written, const char *approved);

#endif
