/*
 * The form behind the button "ask for approval": one dialog of zenity with what only the person knows (purpose, class, hours, access, place);
 * the medium is known already. Pure: the program's words in, a request for sekimorid out.
 */
#ifndef SK_AGENT_ASK_FORM_H
#define SK_AGENT_ASK_FORM_H

#include <jansson.h>
#include "common/err.h"
#include "common/i18n.h"

#define SK_ASK_ARGS  24
#define SK_ASK_BYTES 2048

struct sk_ask_form {
	const char *argv[SK_ASK_ARGS + 1];
	char text[SK_ASK_BYTES]; /* what argv points into */
};

/* program: zenity's path. problem: what was wrong with the answer before, or NULL. */
void sk_ask_form_make(struct sk_ask_form *f, const char *program, enum sk_lang lang, const char *device,
                      const char *product, const char *problem);
/* What it printed -> {"op":"request.create",..}, new reference. -EINVAL: err says in lang what to do. */
int sk_ask_form_read(const char *output, size_t len, enum sk_lang lang, const char *device, json_t **out,
                     struct sk_err *err);

#endif
