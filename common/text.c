/*
 * Text from outside. Everything walks the bytes with one strict UTF-8 step (no overlong forms, no surrogates, nothing above
 * U+10FFFF); what that step refuses is treated as single bytes.
 */
#include "common/text.h"

#include <errno.h>
#include <string.h>

static bool continuation(unsigned char c)
{
	return (c & 0xc0) == 0x80;
}

size_t sk_text_utf8_next(const char *s, size_t len, uint32_t *cp)
{
	static const uint32_t smallest[5] = {0, 0, 0x80, 0x800, 0x10000};
	const unsigned char *u = (const unsigned char *)s;
	uint32_t c;
	size_t n;

	if (len == 0)
		return 0;
	n = u[0] < 0x80 ? 1 : u[0] < 0xc2 ? 0 : u[0] < 0xe0 ? 2 : u[0] < 0xf0 ? 3 : u[0] < 0xf5 ? 4 : 0;
	if (n == 0 || n > len)
		return 0;
	c = n == 1 ? u[0] : u[0] & (0x7fu >> n);
	for (size_t i = 1; i < n; i++) {
		if (!continuation(u[i]))
			return 0;
		c = c << 6 | (u[i] & 0x3f);
	}
	if (c < smallest[n] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
		return 0;
	if (cp != NULL)
		*cp = c;
	return n;
}

bool sk_text_is_utf8(const char *s, size_t len)
{
	for (size_t i = 0, n; i < len; i += n) {
		n = sk_text_utf8_next(s + i, len - i, NULL);
		if (n == 0)
			return false;
	}
	return true;
}

/* Characters that act on the screen instead of standing on it. */
static bool is_unsafe(uint32_t c)
{
	if (c < 0x20 || (c >= 0x7f && c < 0xa0))
		return true;
	if (c == 0x061c || c == 0x200e || c == 0x200f || c == 0x2028 || c == 0x2029 || c == 0xfeff)
		return true;
	if ((c >= 0x202a && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069))
		return true;
	return (c & 0xfffe) == 0xfffe || (c >= 0xfdd0 && c <= 0xfdef);
}

/* Writes one character as it will be shown; at most 16 bytes. Returns how many. */
static size_t show(char out[16], const char *s, size_t n, bool valid, uint32_t cp, bool double_backslash)
{
	static const char digits[] = "0123456789abcdef";
	size_t o = 0;

	if (valid && cp == '\\' && double_backslash) {
		out[o++] = '\\';
		out[o++] = '\\';
	} else if (valid && !is_unsafe(cp)) {
		for (size_t i = 0; i < n; i++)
			out[o++] = s[i];
	} else {
		for (size_t i = 0; i < n; i++) {
			out[o++] = '\\';
			out[o++] = 'x';
			out[o++] = digits[(unsigned char)s[i] >> 4];
			out[o++] = digits[(unsigned char)s[i] & 15];
		}
	}
	return o;
}

/* Letters of Japanese: U+3000 to U+9FFF, where nothing is unsafe, no form overlong and no code a surrogate. */
static bool east_asian(const char *s, size_t len)
{
	const unsigned char *u = (const unsigned char *)s;

	return len >= 3 && u[0] >= 0xe3 && u[0] <= 0xe9 && continuation(u[1]) && continuation(u[2]);
}

/* How many bytes at the beginning stand for themselves: nearly all of what is shown. */
static size_t plain(const char *s, size_t len, bool double_backslash)
{
	size_t n = 0;

	for (;;) {
		if (n < len && s[n] >= 0x20 && s[n] < 0x7f && (s[n] != '\\' || !double_backslash))
			n++;
		else if (east_asian(s + n, len - n))
			n += 3;
		else
			return n;
	}
}

static size_t make_safe(char *dst, size_t size, const char *src, size_t len, bool double_backslash)
{
	static const char ellipsis[] = "\xe2\x80\xa6";
	const size_t dots = sizeof(ellipsis) - 1;
	size_t out = 0, cut = 0; /* cut: the last end of a character that leaves room for the dots */

	if (size == 0)
		return 0;
	for (size_t i = 0; i < len;) {
		size_t room = out + dots + 1 < size ? size - 1 - dots - out : 0;
		size_t n = plain(src + i, len - i < room ? len - i : room, double_backslash), m;
		char unit[16];
		uint32_t cp = 0;

		if (n > 0) {
			memcpy(dst + out, src + i, n);
			out += n;
			cut = out;
			i += n;
			continue;
		}
		n = sk_text_utf8_next(src + i, len - i, &cp);
		m = show(unit, src + i, n ? n : 1, n > 0, cp, double_backslash);
		if (out + m >= size) {
			if (size > dots) {
				memcpy(dst + cut, ellipsis, dots);
				cut += dots;
			}
			dst[cut] = '\0';
			return cut;
		}
		memcpy(dst + out, unit, m);
		out += m;
		if (out + dots < size)
			cut = out;
		i += n ? n : 1;
	}
	dst[out] = '\0';
	return out;
}

size_t sk_text_escape(char *dst, size_t size, const char *src, size_t len)
{
	return make_safe(dst, size, src, len, true);
}

size_t sk_text_printable(char *dst, size_t size, const char *src, size_t len)
{
	return make_safe(dst, size, src, len, false);
}

int sk_text_html(struct sk_buf *out, const char *s)
{
	for (;;) {
		size_t n = strcspn(s, "&<>\"'");
		int r = sk_buf_add(out, s, n);

		if (r < 0 || s[n] == '\0')
			return r;
		r = sk_buf_adds(out, s[n] == '&'   ? "&amp;"
		                     : s[n] == '<' ? "&lt;"
		                     : s[n] == '>' ? "&gt;"
		                     : s[n] == '"' ? "&quot;"
		                                   : "&#39;");
		if (r < 0)
			return r;
		s += n + 1;
	}
}

/* Reads the digits at s; *end is set behind them. -EINVAL when there is none, -ERANGE when they do not fit. */
static int digits(const char *s, unsigned long long *out, const char **end)
{
	unsigned long long v = 0;
	bool over = false;

	if (*s < '0' || *s > '9')
		return -EINVAL;
	for (; *s >= '0' && *s <= '9'; s++)
		over = over || __builtin_mul_overflow(v, 10ULL, &v) ||
		       __builtin_add_overflow(v, (unsigned long long)(*s - '0'), &v);
	*end = s;
	*out = v;
	return over ? -ERANGE : 0;
}

int sk_text_u64(const char *s, unsigned long long min, unsigned long long max, unsigned long long *out)
{
	unsigned long long v = 0;
	const char *end = s;
	int r;

	if (s == NULL)
		return -EINVAL;
	r = digits(s, &v, &end);
	if (r == -EINVAL || *end != '\0')
		return -EINVAL;
	if (r < 0 || v < min || v > max)
		return -ERANGE;
	*out = v;
	return 0;
}

int sk_text_i64(const char *s, long long min, long long max, long long *out)
{
	unsigned long long v = 0;
	bool negative;
	long long n;
	int r;

	if (s == NULL)
		return -EINVAL;
	negative = *s == '-';
	r = sk_text_u64(s + negative, 0, (unsigned long long)INT64_MAX + negative, &v);
	if (r < 0)
		return r;
	n = negative ? (long long)(0 - v) : (long long)v;
	if (n < min || n > max)
		return -ERANGE;
	*out = n;
	return 0;
}

int sk_text_duration(const char *s, long long min_s, long long max_s, long long *out_s)
{
	unsigned long long v = 0;
	long long unit, seconds;
	const char *end = s;
	int r;

	if (s == NULL)
		return -EINVAL;
	r = digits(s, &v, &end);
	if (r == -EINVAL || *end == '\0' || end[1] != '\0')
		return -EINVAL;
	unit = *end == 's' ? 1 : *end == 'm' ? 60 : *end == 'h' ? 3600 : *end == 'd' ? 86400 : 0;
	if (unit == 0)
		return -EINVAL;
	if (r < 0 || __builtin_mul_overflow(v, unit, &seconds) || seconds < min_s || seconds > max_s)
		return -ERANGE;
	*out_s = seconds;
	return 0;
}

bool sk_text_eq(const char *a, const char *b)
{
	return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

void sk_text_copy(char *dst, size_t size, const char *src)
{
	size_t n = src != NULL ? strlen(src) : 0;

	if (size == 0)
		return;
	if (n >= size) { /* not in the middle of a character */
		n = size - 1;
		while (n > 0 && continuation((unsigned char)src[n]))
			n--;
	}
	if (n > 0)
		memmove(dst, src, n);
	dst[n] = '\0';
}

void sk_text_trim(char *s)
{
	static const char blanks[] = " \t\n\v\f\r";
	size_t start = strspn(s, blanks), n = strlen(s + start);

	while (n > 0 && strchr(blanks, s[start + n - 1]) != NULL)
		n--;
	memmove(s, s + start, n);
	s[n] = '\0';
}

static bool is_alnum_lower(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

bool sk_text_is_name(const char *s, size_t max)
{
	if (s == NULL || !is_alnum_lower(*s))
		return false;
	for (size_t i = 0; s[i] != '\0'; i++)
		if (i >= max || (!is_alnum_lower(s[i]) && s[i] != '_' && s[i] != '.' && s[i] != '-'))
			return false;
	return true;
}

bool sk_text_is_host(const char *s)
{
	if (s == NULL)
		return false;
	for (size_t i = 0; s[i] != '\0' || i == 0; i++) {
		bool alnum = is_alnum_lower(s[i]) || (s[i] >= 'A' && s[i] <= 'Z');

		if (i >= 253 || (!alnum && (i == 0 || (s[i] != '.' && s[i] != '-'))))
			return false;
	}
	return true;
}

bool sk_text_is_id(const char *s)
{
	if (s == NULL || strnlen(s, 37) != 36)
		return false;
	for (size_t i = 0; i < 36; i++) {
		bool dash = i == 8 || i == 13 || i == 18 || i == 23;

		if (dash ? s[i] != '-' : !((s[i] >= '0' && s[i] <= '9') || (s[i] >= 'a' && s[i] <= 'f')))
			return false;
	}
	return true;
}
