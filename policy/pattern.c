/* Words, wildcards and sizes. The matcher remembers only the last "*", which is enough: an earlier one never needs to take more. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/text.h"
#include "policy/pattern.h"

#define WORD_BYTES 127

void sk_words_clear(struct sk_words *w)
{
	for (size_t i = 0; i < w->n; i++)
		free(w->of[i]);
	free(w->of);
	*w = (struct sk_words){NULL, 0};
}

static int add_word(struct sk_words *w, const char *at, size_t n)
{
	while (n > 0 && strchr(" \t", at[n - 1]))
		n--;
	if (n == 0)
		return 0;
	if (n > WORD_BYTES || w->n == SK_WORDS_MAX)
		return -E2BIG;
	w->of[w->n] = strndup(at, n);
	if (!w->of[w->n])
		return -ENOMEM;
	w->n++;
	return 0;
}

int sk_words_read(const char *value, const char *between, struct sk_words *out)
{
	struct sk_words w = {calloc(SK_WORDS_MAX, sizeof(char *)), 0};
	const char *at = value;
	int r = w.of ? 0 : -ENOMEM;

	while (r == 0 && *at) {
		size_t n;

		at += strspn(at, " \t");
		n = strcspn(at, between);
		r = add_word(&w, at, n);
		at += n;
		at += *at != '\0';
	}
	if (r == 0 && w.n == 0)
		r = -EINVAL;
	if (r < 0)
		sk_words_clear(&w);
	else
		*out = w;
	return r;
}

static int folded(char c, bool fold)
{
	return fold && c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c;
}

/* Bytes of the character at s; a stray byte counts alone. */
static size_t character(const char *s)
{
	size_t n = sk_text_utf8_next(s, strnlen(s, 4), NULL);

	return n ? n : 1;
}

bool sk_glob(const char *pattern, const char *text, bool fold)
{
	const char *star = NULL, *back = NULL;

	while (*text) {
		if (*pattern == '*') {
			star = ++pattern;
			back = text;
		} else if (*pattern == '?') {
			pattern++;
			text += character(text);
		} else if (*pattern && folded(*pattern, fold) == folded(*text, fold)) {
			pattern++;
			text++;
		} else if (star) {
			pattern = star;
			back += character(back);
			text = back;
		} else {
			return false;
		}
	}
	pattern += strspn(pattern, "*");
	return !*pattern;
}

bool sk_glob_is_plain(const char *pattern)
{
	return !strpbrk(pattern, "*?");
}

/* b's own text is matched by a when a's wildcards swallow b's: right for "*", and "?" is left alone. */
bool sk_glob_covers(const char *a, const char *b, bool fold)
{
	if (strcmp(a, "*") == 0)
		return true;
	if (strchr(b, '*') && strchr(a, '?'))
		return false;
	return sk_glob(a, b, fold);
}

bool sk_words_match(const struct sk_words *w, const char *text, bool fold)
{
	for (size_t i = 0; i < w->n; i++) {
		if (sk_glob(w->of[i], text, fold))
			return true;
	}
	return false;
}

bool sk_words_plain(const struct sk_words *w)
{
	for (size_t i = 0; i < w->n; i++) {
		if (!sk_glob_is_plain(w->of[i]))
			return false;
	}
	return true;
}

bool sk_words_cover(const struct sk_words *a, const struct sk_words *b, bool fold)
{
	if (a->n == 0)
		return true;
	for (size_t i = 0; i < b->n; i++) {
		bool found = false;

		for (size_t k = 0; k < a->n && !found; k++)
			found = sk_glob_covers(a->of[k], b->of[i], fold);
		if (!found)
			return false;
	}
	return b->n > 0;
}

/* A size at *at, which moves on. */
static int one_size(const char **at, uint64_t *out)
{
	static const char units[] = "KMGT";
	const char *s = *at, *unit;
	uint64_t v = 0;

	if (*s < '0' || *s > '9')
		return -EINVAL;
	for (; *s >= '0' && *s <= '9'; s++) {
		if (v > UINT64_MAX / 10 - 1)
			return -EINVAL;
		v = v * 10 + (unsigned)(*s - '0');
	}
	unit = *s ? strchr(units, *s) : NULL;
	if (unit) {
		unsigned base = s[1] == 'i' ? 1024 : 1000;

		s += s[1] == 'i' ? 2 : 1;
		for (const char *u = units; u <= unit; u++) {
			if (v > UINT64_MAX / base)
				return -EINVAL;
			v *= base;
		}
	}
	*at = s;
	*out = v;
	return 0;
}

int sk_size_range(const char *value, uint64_t *min, uint64_t *max)
{
	uint64_t lo = 0, hi = UINT64_MAX;
	const char *at = value;

	if (*at != '-' && one_size(&at, &lo) < 0)
		return -EINVAL;
	if (*at++ != '-' || (*at && one_size(&at, &hi) < 0) || *at || hi < lo || strcmp(value, "-") == 0)
		return -EINVAL;
	*min = lo;
	*max = hi;
	return 0;
}
