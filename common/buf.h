/*
 * A growing string of bytes with a hard limit. It never grows past the limit: the append fails, the buffer
 * is marked as failed and stays what it was; callers may append many times and look once at the end.
 * data is always NUL-terminated (the NUL is not counted), also when empty.
 */
#ifndef SK_COMMON_BUF_H
#define SK_COMMON_BUF_H

#include <stdbool.h>
#include <stddef.h>

struct sk_buf {
	char *data;    /* owned; never NULL after init */
	size_t len;    /* bytes, without the final NUL */
	size_t cap;    /* bytes allocated */
	size_t limit;  /* len never exceeds this */
	bool failed;   /* an append was refused (limit or memory) since init/reset */
};

void sk_buf_init(struct sk_buf *b, size_t limit);
void sk_buf_deinit(struct sk_buf *b); /* frees; safe on a zeroed or deinitialised buffer */
void sk_buf_reset(struct sk_buf *b);  /* empties, keeps the memory, clears failed */
void sk_buf_consume(struct sk_buf *b, size_t n); /* takes n bytes (at most len) off the front */

/* All return 0 or -ENOMEM/-E2BIG (and set failed). After a failure every append is refused until reset: no text with a hole in it.
 * bytes must not point into the buffer itself. */
int sk_buf_add(struct sk_buf *b, const void *bytes, size_t len);
int sk_buf_adds(struct sk_buf *b, const char *text);
int sk_buf_addc(struct sk_buf *b, char c);
int sk_buf_addf(struct sk_buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
int sk_buf_error(const struct sk_buf *b); /* 0, or -E2BIG when failed */

/* Hands the bytes over (caller frees) and leaves an empty buffer; NULL when failed. */
char *sk_buf_steal(struct sk_buf *b);

#endif
