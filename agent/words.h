/* Sentences with %1 to %9 filled in, so that each language can put them where it needs them. An argument is not looked at again. */
#ifndef SK_AGENT_WORDS_H
#define SK_AGENT_WORDS_H

#include <stddef.h>
#include "common/buf.h"

/* text: already translated. NULL or missing arguments are empty. */
int sk_words_fill(struct sk_buf *out, const char *text, const char *const *args, size_t n);

/* Columns a text takes on a terminal: East Asian wide characters two, combining ones none. */
size_t sk_words_width(const char *s);

#endif
