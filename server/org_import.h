/*
 * The organisation from CSV (common/csv.h), as a plan: what each line would do, and every error by line. Pure: the store carries a plan out
 * (sk_store_org_apply) only when it has no error, whole or not at all. Lines add and change; what a file does not mention stays.
 *
 * Two kinds of files, told apart by the names in the first row (Japanese or English, in any order):
 *   units   組織コード unit, 上位組織 parent, 区分 kind, 名称 name_ja, 英語名 name_en, 開始日 from, 終了日 until
 *   people  利用者 user, 氏名 name, 組織コード unit, 役割 role, 職名 title, 端末ログイン名 login, 開始日 from, 終了日 until
 * Days are 2026-04-01 or 2026/4/1, local; 終了日 is the last day. Without a first day: today.
 */
#ifndef SK_SERVER_ORG_IMPORT_H
#define SK_SERVER_ORG_IMPORT_H

#include "common/i18n.h"
#include "server/org.h"

enum sk_org_effect { SK_ORG_SAME, SK_ORG_ADD, SK_ORG_CHANGE, SK_ORG_END, SK_ORG_ERROR };

struct sk_org_line {
	int line;
	enum sk_org_effect effect;
	bool person; /* else a unit */
	bool split; /* CHANGE of a post: the old one ends where this begins */
	const char *says; /* msgid with %1, %2 */
	char about[2][160]; /* what stands there */
	/* What the line says; for the store. */
	struct sk_org_place place;
	char name_ja[128], name_en[128];
	struct sk_org_post post;
	char name[128], login[64];
};

struct sk_org_plan {
	struct sk_org_line *lines; /* in the order of the file, without its first row */
	size_t n;
	size_t counts[SK_ORG_ERROR + 1]; /* by effect */
	int64_t version; /* of the organisation it was made against */
};

/* Names there are now, for telling new from changed. */
struct sk_org_names {
	const json_t *units; /* as sk_store_units */
	const json_t *users; /* as sk_store_users */
};

/* now: the organisation as stored; today: local midnight. 0 with a plan (which may hold errors); negative when the file as a whole cannot be read: err is
 * "file:line: what; what to do". Free with sk_org_plan_free. */
int sk_org_plan(const struct sk_org *now, const struct sk_org_names *names, const char *file, const char *bytes,
                size_t len, sk_ms today, struct sk_org_plan **out, struct sk_err *err);
struct sk_org_plan *sk_org_plan_free(struct sk_org_plan *p); /* NULL ok; returns NULL */
/* "新規 …": one line for people. */
void sk_org_line_text(const struct sk_org_line *l, enum sk_lang lang, char *out, size_t size);
const char *sk_org_effect_word(enum sk_org_effect e); /* msgid */
const char *sk_org_effect_name(enum sk_org_effect e); /* "same" "add" "change" "end" "error" */

#endif
