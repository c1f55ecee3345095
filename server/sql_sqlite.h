/* The SQLite driver's own, for what only a file can do: backups (server/store_backup.c). */
#ifndef SK_SERVER_SQL_SQLITE_H
#define SK_SERVER_SQL_SQLITE_H

#include <sqlite3.h>
#include "server/store.h"

int lite_errno(int sqlite_rc); /* as -errno */
int lite_open(struct sk_store *s, bool create, struct sk_err *err); /* of s->path; s->driver and conn are set */
sqlite3 *lite_handle(struct sk_store *s);

#endif
