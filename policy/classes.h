/*
 * The class of a written file, as a terminal can know it: by its name. The office says which words in names and folders stand for which class of
 * important information (2(2)ア); what no pattern meets has no class that is known. Pure. It finds what was put on the wrong medium by mistake; who
 * renames a file first is not found by it. One section of the policy:
 *
 *   [classes]
 *   class_1 = *住民票* | juminhyo_*      ; without "/": any one folder or the file's name. Letters of both cases are alike
 *   class_2 = jinji/?* | *「機密」*       ; with "/": the whole path on the medium
 *   class_3 = ..  class_4 = ..          ; the most important one that meets counts
 */
#ifndef SK_POLICY_CLASSES_H
#define SK_POLICY_CLASSES_H

#include <stdbool.h>
#include "common/err.h"
#include "common/ini.h"
#include "policy/pattern.h"

#define SK_CLASSES 4 /* 1 is the most important */

struct sk_class_params {
	struct sk_words of[SK_CLASSES]; /* by class, from 1; empty = no pattern */
};

void sk_class_params_clear(struct sk_class_params *p);
/* One key of [classes]; anything else is refused with file:line. */
int sk_class_params_read(const struct sk_ini *ini, const struct sk_ini_entry *e, struct sk_class_params *p,
                         struct sk_err *err);
/* path: on the medium, parts between "/", as the record shows it. 1 to 4; 0 = none is known. p may be NULL. */
int sk_class_of(const struct sk_class_params *p, const char *path);

/* "1" to "4", most important first, then "none". Is a file's class above what was approved? Words that are no class are never above, and above an
 * approval that names none stands nothing: there is nothing to compare with. Either may be NULL. */
bool sk_class_above(const char *file, const char *approved);

#endif
