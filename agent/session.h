/*
 * sekimori-session: the desktop's side of a logged-in person. It has no right: it asks sekimorid what concerns this person (`watch`), shows it,
 * and files a request when the person fills in the form behind the button. sekimorid may be absent or restart at any time: the line is
 * taken up again, with growing pauses.
 */
#ifndef SK_AGENT_SESSION_H
#define SK_AGENT_SESSION_H

#include <systemd/sd-event.h>
#include "common/err.h"
#include "common/i18n.h"

struct sk_session;

struct sk_session_options {
	const char *socket; /* control.sock */
	const char *dialog; /* zenity's path; without it there is no button, and the text names the command */
	enum sk_lang lang;
};

/* -EEXIST: this session has one already. */
int sk_session_new(sd_event *loop, const struct sk_session_options *o, struct sk_session **out, struct sk_err *err);
struct sk_session *sk_session_free(struct sk_session *s);

#endif
