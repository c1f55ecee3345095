/*
 * Erasing a medium, the terminal's part: who sits at it (or root) asks and confirms, the gate carries it out under the grant, and what came of it is an
 * event of the chain: `medium.erasing`, then `medium.erased` or `medium.not-erased`. That it began is noted beside the journal, so that one
 * which the power or a crash ended is recorded as unfinished at the next start.
 */
#ifndef SK_AGENT_MEDIA_ERASE_H
#define SK_AGENT_MEDIA_ERASE_H

#include <jansson.h>
#include "common/err.h"

struct sk_daemon;

/* request: {"device","method"?,"confirm"?,"label"?}; person: login name, "" = root. {"ok":true,"record":{body of medium.erasing}}: it began; what it is now is told by `devices`,
 * what came of it by the event. {"ok":true,"confirm":NAME}, when confirm is absent: it may be erased when this is typed. New reference. */
json_t *sk_media_erase(struct sk_daemon *d, const char *person, const json_t *request);
/* At the start, before anything is decided: what was being erased when the agent ended. */
void sk_media_erase_recover(struct sk_daemon *d);

#endif
