/* The running server: both listeners, one loop, until SIGTERM. */
#ifndef SK_SERVER_SERVE_H
#define SK_SERVER_SERVE_H

#include "server/config.h"

#define SK_LEDGER_FILE "ledger.db"
#define SK_LOCK_FILE   "serve.lock"

/* Returns when told to stop: 0, or -errno with err when it could not start or the loop broke. */
int sk_serve(const struct sk_server_config *config, struct sk_err *err);

/* Holds the state folder for this process; restore and serve exclude each other. fd, or -EBUSY / -errno. Released by close. */
int sk_serve_lock(const struct sk_server_config *config, struct sk_err *err);

#endif
