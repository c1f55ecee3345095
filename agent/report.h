/* How this terminal stands, as JSON: for the person (`status`) and for the server (`report`); docs/protocol.md 1 and 3. */
#ifndef SK_AGENT_REPORT_H
#define SK_AGENT_REPORT_H

#include "agent/daemon.h"

/* New references; NULL: no memory. */
json_t *sk_status(struct sk_daemon *d);
json_t *sk_report(struct sk_daemon *d);

#endif
