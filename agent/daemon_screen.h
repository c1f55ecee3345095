/* The screen lock as a part of sekimorid: what it asks of the others, and what they tell it. */
#ifndef SK_AGENT_DAEMON_SCREEN_H
#define SK_AGENT_DAEMON_SCREEN_H

#include "agent/daemon.h"
#include "policy/setting_permit.h"

int sk_daemon_screen_start(struct sk_daemon *d); /* after the journal, before the bundles are read. 0 or negative */
/* For the checks (agent/posture_runner.h); ctx is the daemon. */
const struct sk_setting_permit *sk_daemon_permit(void *ctx, const char *check);
/* Mandatory settings were written: put back (settings.put-back) when nothing but somebody's hand can have changed them. */
void sk_daemon_settings_written(void *ctx, const char *check, const json_t *files);

#endif
