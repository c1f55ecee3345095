/*
 * A growing string of bytes. An empty buffer owns no memory and shows a static NUL, so initialising cannot fail; the memory
 * doubles as bytes arrive, up to the limit. One refused append refuses all that follow.
 */
#include "common/buf.h"

#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char nothing[1]; /* what data points to while cap is 0; never written with anything but NUL */

void sk_buf_init(struct sk_buf *b, size_t limit)
{
	*b = (struct sk_buf){.data = nothing, .limit = limit};
}

void sk_buf_deinit(struct sk_buf *b)
{
	if (b->cap > 0)
		free(b->data);
	*b = (struct sk_buf){.data = nothing};
}

void sk_buf_reset(struct sk_buf *b)
{
	b->len = 0;
	b->failed = false;
	if (b->cap > 0)
		b->data[0] = '\0';
}

void sk_buf_consume(struct sk_buf *b, size_t n)
{
	if (n > b->len)
		n = b->len;
	if (n == 0)
		return;
	memmove(b->data, b->data + n, b->len - n + 1);
	b->len -= n;
}

static int refuse(struct sk_buf *b, int code)
{
	b->failed = true;
	return code;
}

/* Makes room for len more bytes and the NUL. */
static int reserve(struct sk_buf *b, size_t len)
{
	size_t need, cap;
	char *data;

	if (b->failed)
		return -E2BIG;
	if (b->limit < b->len || len > b->limit - b->len || len > SIZE_MAX / 2)
		return refuse(b, -E2BIG);
	need = b->len + len + 1;
	if (need <= b->cap)
		return 0;
	cap = b->cap < 32 ? 32 : b->cap;
	while (cap < need)
		cap = cap > SIZE_MAX / 2 ? need : cap * 2;
	if (b->limit < cap - 1) /* never allocate what may never be used */
		cap = b->limit + 1;
	data = realloc(b->cap > 0 ? b->data : NULL, cap);
	if (data == NULL)
		return refuse(b, -ENOMEM);
	if (b->cap == 0)
		data[0] = '\0';
	b->data = data;
	b->cap = cap;
	return 0;
}

int sk_buf_add(struct sk_buf *b, const void *bytes, size_t len)
{
	int r = reserve(b, len);

	if (r < 0)
		return r;
	if (len > 0)
		memcpy(b->data + b->len, bytes, len);
	b->len += len;
	b->data[b->len] = '\0';
	return 0;
}

int sk_buf_adds(struct sk_buf *b, const char *text)
{
	return sk_buf_add(b, text, strlen(text));
}

int sk_buf_addc(struct sk_buf *b, char c)
{
	return sk_buf_add(b, &c, 1);
}

int sk_buf_addf(struct sk_buf *b, const char *fmt, ...)
{
	size_t room;
	va_list ap;
	int n, r = reserve(b, 0);

	if (r < 0)
		return r;
	/* What fits into the room that is there is written at once, which is nearly everything; else the length is known now. */
	for (int i = 0; i < 2; i++) {
		room = b->cap - b->len;
		va_start(ap, fmt);
		n = vsnprintf(b->data + b->len, room, fmt, ap);
		va_end(ap);
		if (n >= 0 && (size_t)n < room && b->limit >= b->len && (size_t)n <= b->limit - b->len) {
			b->len += (size_t)n;
			return 0;
		}
		b->data[b->len] = '\0';
		if (n < 0)
			return refuse(b, -E2BIG);
		r = reserve(b, (size_t)n);
		if (r < 0)
			return r;
	}
	return refuse(b, -E2BIG);
}

int sk_buf_error(const struct sk_buf *b)
{
	return b->failed ? -E2BIG : 0;
}

char *sk_buf_steal(struct sk_buf *b)
{
	size_t limit = b->limit;
	char *data;

	if (b->failed || reserve(b, 0) < 0)
		return NULL;
	data = b->data;
	sk_buf_init(b, limit);
	return data;
}
