/* Filling sentences, and the width of text on a terminal. */
#include "agent/words.h"

#include <stdint.h>
#include <string.h>

#include "common/text.h"

int sk_words_fill(struct sk_buf *out, const char *text, const char *const *args, size_t n)
{
	for (const char *p = text;;) {
		size_t plain = strcspn(p, "%");

		(void)sk_buf_add(out, p, plain);
		p += plain;
		if (*p == '\0')
			return sk_buf_error(out);
		if (p[1] < '1' || p[1] > '9') {
			(void)sk_buf_addc(out, *p++);
			continue;
		}
		size_t i = (size_t)(p[1] - '1');

		(void)sk_buf_adds(out, i < n && args[i] ? args[i] : "");
		p += 2;
	}
}

struct range {
	uint32_t from, to;
};

/* Unicode 15, East_Asian_Width W and F; what is ambiguous counts as narrow, as terminals outside of old CJK modes do. */
static const struct range wide[] = {
    {0x1100, 0x115f},   {0x231a, 0x231b},   {0x2329, 0x232a},   {0x23e9, 0x23ec},   {0x25fd, 0x25fe},
    {0x2614, 0x2615},   {0x2648, 0x2653},   {0x26a1, 0x26a1},   {0x26aa, 0x26ab},   {0x26bd, 0x26be},
    {0x26c4, 0x26c5},   {0x26ce, 0x26ce},   {0x26d4, 0x26d4},   {0x26ea, 0x26ea},   {0x2705, 0x2705},
    {0x274c, 0x274c},   {0x2753, 0x2755},   {0x2757, 0x2757},   {0x2b1b, 0x2b1c},   {0x2e80, 0x303e},
    {0x3041, 0x33ff},   {0x3400, 0x4dbf},   {0x4e00, 0xa4cf},   {0xa960, 0xa97c},   {0xac00, 0xd7a3},
    {0xf900, 0xfaff},   {0xfe10, 0xfe19},   {0xfe30, 0xfe6f},   {0xff01, 0xff60},   {0xffe0, 0xffe6},
    {0x16fe0, 0x18cff}, {0x1aff0, 0x1b2fb}, {0x1f300, 0x1f64f}, {0x1f680, 0x1f6ff}, {0x1f900, 0x1f9ff},
    {0x20000, 0x3fffd},
};
static const struct range none[] = {
    {0x0300, 0x036f}, {0x200b, 0x200f}, {0x20d0, 0x20ff}, {0x302a, 0x302d},
    {0x3099, 0x309a}, {0xfe00, 0xfe0f}, {0xfe20, 0xfe2f},
};

static int within(const struct range *r, size_t n, uint32_t c)
{
	for (size_t i = 0; i < n; i++)
		if (c >= r[i].from && c <= r[i].to)
			return 1;
	return 0;
}

size_t sk_words_width(const char *s)
{
	size_t left = strlen(s), width = 0;

	while (left) {
		uint32_t c = 0;
		size_t n = sk_text_utf8_next(s, left, &c);

		if (n == 0) { /* not UTF-8: a byte, a column */
			n = 1;
			c = 'x';
		}
		if (!within(none, sizeof none / sizeof *none, c))
			width += 1 + (size_t)within(wide, sizeof wide / sizeof *wide, c);
		s += n;
		left -= n;
	}
	return width;
}
