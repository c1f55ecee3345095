#include "agent/rate.h"

#define TOKEN 1000
#define FULL  ((int64_t)SK_RATE_BURST * TOKEN)

static struct sk_rate_uid *place(struct sk_rate *r, uid_t uid, sk_ms now)
{
	struct sk_rate_uid *oldest = &r->uids[0];

	for (struct sk_rate_uid *u = r->uids; u < r->uids + SK_RATE_UIDS; u++) {
		if (u->used && u->uid == uid)
			return u;
		if (oldest->used && (!u->used || u->at < oldest->at))
			oldest = u;
	}
	*oldest = (struct sk_rate_uid){.used = true, .uid = uid, .at = now, .level = FULL};
	return oldest;
}

static struct sk_rate_uid *filled(struct sk_rate *r, uid_t uid, sk_ms now)
{
	struct sk_rate_uid *u = place(r, uid, now);
	sk_ms elapsed = now > u->at ? now - u->at : 0;
	int64_t missing = FULL - u->level;

	u->level = elapsed >= missing / SK_RATE_PER_S + 1 ? FULL : u->level + elapsed * SK_RATE_PER_S;
	if (now > u->at)
		u->at = now;
	return u;
}

static enum sk_rate_result judge(const struct sk_rate_uid *u)
{
	return u->level >= 0 ? SK_RATE_OK : u->level > -FULL ? SK_RATE_OVER : SK_RATE_FAR_OVER;
}

enum sk_rate_result sk_rate_take(struct sk_rate *r, uid_t uid, sk_ms now)
{
	struct sk_rate_uid *u = filled(r, uid, now);

	if (u->level > -FULL)
		u->level -= TOKEN;
	return judge(u);
}

enum sk_rate_result sk_rate_look(struct sk_rate *r, uid_t uid, sk_ms now)
{
	return judge(filled(r, uid, now));
}
