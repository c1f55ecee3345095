/*
 * Notices (I7): the executive officer's warning to a section or the whole office, in the terminals' signed bundles until its end, with who has
 * acknowledged it. Who enters it names the officer whose notice it is.
 */
#ifndef SK_SERVER_STORE_NOTICE_H
#define SK_SERVER_STORE_NOTICE_H

#include "policy/notice.h"
#include "server/store.h"

struct sk_notice_wish {
	const char *unit; /* "" = the whole office */
	const char *title, *text; /* as the office wrote them; line breaks in text are kept */
	const char *officer; /* post and name of the executive officer */
	sk_ms until; /* 0 = 30 days */
};
/* As the helpdesk or the system manager. 0; -EPERM, -ENOENT no such section, -EINVAL with err. */
int sk_store_notice_add(struct sk_store *s, const struct sk_actor *by, const struct sk_notice_wish *w, sk_ms now,
                        int64_t *number, struct sk_err *err);
/* [{"number","id","unit","title","text","officer","created","until","terminals":n it goes to,"acknowledged":n of them,"persons":n}] newest
 * first. NULL = failed. */
json_t *sk_store_notices(struct sk_store *s, int limit);

#endif
