/*
 * Text from outside, made safe to show. Strings from USB devices, files and people can hold newlines, escape
 * sequences, bidirectional overrides, invalid UTF-8; whatever shows or stores them passes them through here.
 */
#ifndef SK_COMMON_TEXT_H
#define SK_COMMON_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "common/buf.h"

/* Copies src (len bytes) into dst (size bytes incl. NUL) as printable UTF-8: C0/C1 controls, DEL, invalid bytes, U+2028/9,
 * bidirectional controls (U+061C U+200E U+200F U+202A-E U+2066-9), BOM and unassigned-by-design U+FFFE/F become
 * "\xNN" per byte; a backslash becomes "\\". Cut on a character boundary, then ends in "…". Returns bytes written without NUL. */
size_t sk_text_escape(char *dst, size_t size, const char *src, size_t len);

/* The same, but a backslash stays as it is: for log lines and messages whose parts were escaped before. */
size_t sk_text_printable(char *dst, size_t size, const char *src, size_t len);

bool sk_text_is_utf8(const char *s, size_t len);
/* Length (1-4) and code point of the character at s, 0 when it is not valid UTF-8. cp may be NULL. */
size_t sk_text_utf8_next(const char *s, size_t len, uint32_t *cp);

/* Appends with & < > " ' replaced, for HTML text and quoted attributes. */
int sk_text_html(struct sk_buf *out, const char *s);

/* Bounded numbers: whole string must be decimal digits (optional leading '-' only for i64). Returns 0, -EINVAL or -ERANGE. */
int sk_text_u64(const char *s, unsigned long long min, unsigned long long max, unsigned long long *out);
int sk_text_i64(const char *s, long long min, long long max, long long *out);

/* Durations as people write them: "90s", "15m", "8h", "3d" -> seconds, bounded. Returns 0, -EINVAL or -ERANGE. */
int sk_text_duration(const char *s, long long min_s, long long max_s, long long *out_s);

bool sk_text_eq(const char *a, const char *b);   /* NULL-safe */
void sk_text_copy(char *dst, size_t size, const char *src); /* bounded; always terminated; NULL src = "" */
void sk_text_trim(char *s);                      /* in place; ASCII blanks at both ends */

/* Name rules, checked once at every edge. */
bool sk_text_is_name(const char *s, size_t max); /* [a-z0-9][a-z0-9_.-]* : rule names, unit keys, user names */
bool sk_text_is_host(const char *s);             /* [A-Za-z0-9][A-Za-z0-9.-]{0,252} */
bool sk_text_is_id(const char *s);               /* a lower-case UUID: 8-4-4-4-12 */

#endif
