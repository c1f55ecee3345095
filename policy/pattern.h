/*
 * Words and patterns of rules: lists of words, "*" and "?" in them, sizes. Every value is bounded here once.
 */
#ifndef SK_POLICY_PATTERN_H
#define SK_POLICY_PATTERN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SK_WORDS_MAX 16

struct sk_words {
	char **of; /* owned */
	size_t n;
};

/* Words between characters of `between`, blanks around them taken off. 0; -EINVAL: none; -E2BIG: more than SK_WORDS_MAX or longer
 * than 127 bytes; -ENOMEM. On failure nothing is held. */
int sk_words_read(const char *value, const char *between, struct sk_words *out);
void sk_words_clear(struct sk_words *w);

/* "*" is any text, "?" one character (of UTF-8). fold: ASCII letters of both cases are alike. Time at most |pattern| * |text|. */
bool sk_glob(const char *pattern, const char *text, bool fold);
bool sk_glob_is_plain(const char *pattern); /* no "*" or "?" in it */
/* Does a match whatever b matches? False where that is not plain to see. */
bool sk_glob_covers(const char *a, const char *b, bool fold);

bool sk_words_match(const struct sk_words *w, const char *text,
                    bool fold); /* any of them; an empty list matches nothing */
bool sk_words_plain(const struct sk_words *w); /* all of them without wildcards */
bool sk_words_cover(const struct sk_words *a, const struct sk_words *b, bool fold); /* an empty a covers all */

/* Bytes: digits and optionally K M G T (1000) or Ki Mi Gi Ti (1024). "1G-64G", "-64G", "8G-"; 0 or -EINVAL. */
int sk_size_range(const char *value, uint64_t *min, uint64_t *max);

#endif
