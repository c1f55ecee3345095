/* The three zones of the office's network (系), as a policy, a medium and a report name them. */
#ifndef SK_POLICY_ZONE_H
#define SK_POLICY_ZONE_H

enum sk_zone { SK_ZONE_INTERNET, SK_ZONE_LGWAN, SK_ZONE_MY_NUMBER };
#define SK_ZONES 3
extern const char *const sk_zone_names[SK_ZONES]; /* "internet" "lgwan" "my-number" */

const char *sk_zone_name(enum sk_zone z);
const char *sk_zone_word(enum sk_zone z); /* msgid for people */
int sk_zone_parse(const char *name, enum sk_zone *out); /* 0 or -EINVAL */

#endif
