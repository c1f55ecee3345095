/*
 * The signed bundles of this terminal on its disk, one per kind, as they came; and the highest version ever held of each kind, apart, so that
 * losing or exchanging a bundle does not open the way back to an older one.
 */
#ifndef SK_AGENT_BUNDLE_STORE_H
#define SK_AGENT_BUNDLE_STORE_H

#include "agent/trust.h"
#include "common/bundle.h"

enum sk_bundle_kind { SK_BUNDLE_POLICY, SK_BUNDLE_GRANTS, SK_BUNDLE_KINDS };
enum sk_bundle_kind sk_bundle_kind_of(const struct sk_bundle *b);

/* Read, verified again, for this terminal, of this kind, and no older than floor. 0 and *out (sk_bundle_clear); -ENOENT: there is
 * none; other negative: it is not to be believed. */
int sk_bundle_store_load(const char *dir, const struct sk_trust *t, enum sk_bundle_kind kind, int64_t floor,
                         struct sk_bundle *out, struct sk_err *err);
int sk_bundle_store_save(const char *dir, enum sk_bundle_kind kind, const char *envelope, size_t len,
                         struct sk_err *err);

/* Only ever raises what is in floors; a missing or damaged file changes nothing, and neither does one of another terminal's id (this one was
 * enrolled anew and ended before the old versions were gone). */
void sk_bundle_store_floors(const char *dir, const char *device, int64_t floors[SK_BUNDLE_KINDS]);
int sk_bundle_store_save_floors(const char *dir, const char *device, const int64_t floors[SK_BUNDLE_KINDS],
                                struct sk_err *err);

void sk_bundle_store_clear(const char *dir); /* all of it */

#endif
