/*
 * Telling the person at the terminal: a line on the text console of whoever sits there, and a ring of the last notices that `sekimori
 * status` shows. Desktops are told by sekimori-session, which reads the same events. Nothing here blocks or decides.
 */
#ifndef SK_AGENT_NOTIFY_H
#define SK_AGENT_NOTIFY_H

#include <jansson.h>
#include "common/buf.h"
#include "common/clock.h"
#include "common/i18n.h"

#define SK_NOTICES 16

struct sk_notices {
	json_t *ring; /* array, oldest first; owned */
	/* Shows it on consoles: plain for those without Japanese. NULL = nobody is told (tests). */
	void (*tell)(void *ctx, const char *plain, const char *full);
	void *ctx;
	enum sk_lang lang; /* of the office */
};

int sk_notices_init(struct sk_notices *n, enum sk_lang lang);
void sk_notices_deinit(struct sk_notices *n);

/* One sentence for an event, in lang. 0, or -ENOENT: nobody needs to be told of this kind. */
int sk_notice_text(const char *kind, const json_t *body, enum sk_lang lang, struct sk_buf *out);

/* What a desktop is told: {"kind","text_ja","text_en","ask":bool} and, where the event has them, "device" "device_key" "product" "reason" "rule"
 * "id" "state" "mount" "until" "left_s" "count" "number". Strings bounded and printable. "ask": a medium was refused that may be asked for. New
 * reference; NULL: nobody needs to be told. */
json_t *sk_notice(const char *kind, const json_t *body);

/* Puts what sk_notice made into the ring and on the consoles; NULL = nothing happens. */
void sk_notify(struct sk_notices *n, const json_t *notice, sk_ms now);

#endif
