/* PostgreSQL (15 and later) under server/sql.h. */
#ifndef SK_SERVER_SQL_POSTGRES_H
#define SK_SERVER_SQL_POSTGRES_H

#include "server/store.h"

bool pg_is_url(const char *path); /* postgresql://.. or postgres://.. */
/* s->path is the URL and becomes its name for people. A password in it is refused: it belongs into a file (passfile=). */
int pg_open(struct sk_store *s, bool create, struct sk_err *err);

#endif
