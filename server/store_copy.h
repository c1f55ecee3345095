/*
 * A whole ledger from one store into another, empty one: from SQLite to PostgreSQL (sekimori-server migrate), and from PostgreSQL into the file
 * of a backup. Every table there is, of one moment, in one transaction of the target's; before that is committed, each table is read again from
 * the target and compared with what was read from the source, and every chain is walked there. It is all there, or nothing.
 */
#ifndef SK_SERVER_STORE_COPY_H
#define SK_SERVER_STORE_COPY_H

#include "server/store.h"

/* *tables (may be NULL): [{"table","rows":n,"sum":hex}], sum being that of the rows' SHA-256, so that it does not depend on their order. by NULL: a mere copy (a
 * backup), with no line in the target's audit trail and whatever state the chains are in. -EEXIST: the target is not empty. -EBADMSG: a chain of the source is broken, or the target is not equal. */
int sk_store_copy(struct sk_store *from, struct sk_store *to, const struct sk_actor *by, sk_ms now, json_t **tables,
                  struct sk_err *err);

#endif
