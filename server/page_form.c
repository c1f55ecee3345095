/* One pass over the body: split at & and =, decode in place into one copy, check every value, then the names against each other. */
#include "server/page_form.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/text.h"

static int hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* Decodes s[0..len) in place; the result is never longer. CR LF and CR become LF. Returns its length or -EINVAL. */
static int decode(char *s, size_t len)
{
	size_t o = 0;

	for (size_t i = 0; i < len; i++) {
		char c = s[i];

		if (c == '+') {
			c = ' ';
		} else if (c == '%') {
			int hi, lo;

			if (len - i < 3)
				return -EINVAL;
			hi = hex(s[i + 1]);
			lo = hex(s[i + 2]);
			if (hi < 0 || lo < 0)
				return -EINVAL;
			c = (char)(hi << 4 | lo);
			i += 2;
		}
		if (c == '\n' && o > 0 && s[o - 1] == '\r')
			o--;
		s[o++] = c;
	}
	for (size_t i = 0; i < o; i++) {
		if (s[i] == '\r')
			s[i] = '\n';
		if (((unsigned char)s[i] < 0x20 && s[i] != '\n' && s[i] != '\t') || s[i] == 0x7f)
			return -EINVAL;
	}
	return sk_text_is_utf8(s, o) ? (int)o : -EINVAL;
}

static int field(struct sk_form *f, char *s, size_t len)
{
	char *eq = memchr(s, '=', len), *value = s + len;
	size_t name_len = eq != NULL ? (size_t)(eq - s) : len, value_len = 0;
	int n;

	if (eq != NULL) {
		value = eq + 1;
		value_len = len - name_len - 1;
	}
	n = decode(value, value_len);
	if (n < 0)
		return n;
	value[n] = '\0';
	n = decode(s, name_len);
	if (n <= 0)
		return -EINVAL;
	s[n] = '\0';
	if (sk_form_get(f, s) != NULL)
		return -EINVAL;
	if (f->n == SK_FORM_FIELDS)
		return -E2BIG;
	f->fields[f->n].name = s;
	f->fields[f->n].value = value;
	f->n++;
	return 0;
}

int sk_form_parse(const char *body, size_t len, struct sk_form *f)
{
	int r = 0;

	memset(f, 0, sizeof(*f));
	f->text = malloc(len + 1);
	if (f->text == NULL)
		return -ENOMEM;
	memcpy(f->text, body, len);
	f->text[len] = '\0';
	for (size_t i = 0; i < len && r == 0;) {
		char *amp = memchr(f->text + i, '&', len - i);
		size_t n = amp != NULL ? (size_t)(amp - f->text) - i : len - i;

		/* The separator's byte is free by now: it ends the value. */
		r = n == 0 ? -EINVAL : field(f, f->text + i, n);
		i += n + 1;
	}
	if (r < 0)
		sk_form_clear(f);
	return r;
}

void sk_form_clear(struct sk_form *f)
{
	free(f->text);
	memset(f, 0, sizeof(*f));
}

const char *sk_form_get(const struct sk_form *f, const char *name)
{
	for (size_t i = 0; i < f->n; i++) {
		if (strcmp(f->fields[i].name, name) == 0)
			return f->fields[i].value;
	}
	return NULL;
}

int sk_form_text(struct sk_form *f, const char *name, size_t max, const char **out)
{
	*out = "";
	for (size_t i = 0; i < f->n; i++) {
		char *v;

		if (strcmp(f->fields[i].name, name) != 0)
			continue;
		v = (char *)f->fields[i].value; /* into f->text, which is ours */
		sk_text_trim(v);
		if (strlen(v) > max)
			return -E2BIG;
		*out = v;
	}
	return 0;
}
