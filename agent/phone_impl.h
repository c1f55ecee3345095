/* Inside agent/phone*.c only. */
#ifndef SK_AGENT_PHONE_IMPL_H
#define SK_AGENT_PHONE_IMPL_H

#include "agent/phone.h"
#include "common/phone.h"

#define SK_PHONE_GRANTS 16 /* at a time; the day's limit of wrong answers does not bound right ones */

struct sk_phone {
	struct sk_phone_hooks hooks;
	bool has_key;
	uint8_t key[SK_PHONE_KEY];
	char device[SK_UUID_LEN];
	int64_t epoch;
	/* the open challenge */
	bool open;
	enum sk_phone_purpose purpose;
	struct sk_phone_challenge challenge;
	long long used; /* the counter in full */
	uid_t uid;
	int tries;
	sk_ms until_boot;
	char person[64], device_key[SK_SHA256_HEX], serial[SK_DEV_TEXT], product[SK_DEV_TEXT], port[64];
	/* what codes gave */
	size_t n;
	struct sk_grant grants[SK_PHONE_GRANTS];
	struct sk_grants merged;
	const struct sk_grants *from; /* what merged was made of */
	int64_t from_version;
	bool stale;
};

void sk_phone_grants_load(struct sk_phone *p);
/* Stored, then in force. -EBUSY: too many at a time. */
int sk_phone_grants_add(struct sk_phone *p, const struct sk_grant *g, const struct sk_grant **given);

#endif
