/*
 * A notice of the executive officer (I7) as it travels: in the grants bundle, "notices":[{"id":uuid,"number":N,"from":"post name","title","text",
 * "created":utc,"until":utc}]. Texts are people's own words in their own language: shown as they are, made printable, line breaks kept.
 */
#ifndef SK_POLICY_NOTICE_H
#define SK_POLICY_NOTICE_H

#include <jansson.h>
#include "common/clock.h"
#include "common/err.h"
#include "common/hash.h"

#define SK_OFFICE_NOTICES_MAX 16
#define SK_NOTICE_TITLE       200
#define SK_NOTICE_TEXT        2000

struct sk_office_notice {
	char id[SK_UUID_LEN];
	int64_t number;
	char from[128], title[SK_NOTICE_TITLE + 1], text[SK_NOTICE_TEXT + 1];
	sk_ms created, until;
};

struct sk_office_notices {
	struct sk_office_notice items[SK_OFFICE_NOTICES_MAX]; /* newest first */
	size_t n;
};

/* Whole or nothing: 0, or -EINVAL with err and *out as it was. body NULL or without the member: none. */
int sk_office_notices_parse(const json_t *body, struct sk_office_notices *out, struct sk_err *err);
/* Can it be sent: bounded, and nothing in it that a screen cannot show. */
int sk_office_notice_check(const struct sk_office_notice *n, struct sk_err *err);
json_t *sk_office_notice_json(const struct sk_office_notice *n); /* new reference */

#endif
