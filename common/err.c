/*
 * One line of explanation that travels up beside the error code. The line is composed in a second buffer first, because
 * callers pass err->text itself as an argument.
 */
#include "common/err.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "common/text.h"

/* Controls and broken bytes become '?', so that one error stays one line whatever a device or a file put into it. */
static void store_line(struct sk_err *err, const char *line)
{
	size_t n = strlen(line), in = 0, out = 0;

	while (in < n) {
		uint32_t cp = 0;
		size_t len = sk_text_utf8_next(line + in, n - in, &cp);
		bool bad = len == 0 || cp < 0x20 || (cp >= 0x7f && cp < 0xa0) || cp == 0x2028 || cp == 0x2029;

		if (out + (bad ? 1 : len) >= sizeof(err->text))
			break;
		if (bad)
			err->text[out++] = '?';
		else
			for (size_t i = 0; i < len; i++)
				err->text[out++] = line[in + i];
		in += len ? len : 1;
	}
	err->text[out] = '\0';
}

/* A character cut in two by vsnprintf would show as '?': drop its stump instead. */
static void drop_stump(char *line, size_t size, int wanted)
{
	size_t n = strlen(line), back = 0;

	if (wanted < 0 || (size_t)wanted < size)
		return;
	while (back < 3 && back < n && ((unsigned char)line[n - 1 - back] & 0xc0) == 0x80)
		back++;
	if (back < n && ((unsigned char)line[n - 1 - back] & 0x80) &&
	    sk_text_utf8_next(line + n - 1 - back, back + 1, NULL) != back + 1)
		line[n - 1 - back] = '\0';
}

static __attribute__((format(printf, 3, 0))) void format_line(char *line, size_t size, const char *fmt, va_list ap)
{
	int wanted = vsnprintf(line, size, fmt, ap);

	if (wanted < 0)
		(void)snprintf(line, size, "(message could not be formatted)");
	drop_stump(line, size, wanted);
}

int sk_err_set(struct sk_err *err, int code, const char *fmt, ...)
{
	char line[sizeof(err->text)];
	va_list ap;

	if (err == NULL)
		return code;
	va_start(ap, fmt);
	format_line(line, sizeof(line), fmt, ap);
	va_end(ap);
	store_line(err, line);
	return code;
}

int sk_err_prefix(struct sk_err *err, int code, const char *fmt, ...)
{
	char prefix[sizeof(err->text)], line[2 * sizeof(err->text) + 2];
	va_list ap;

	if (err == NULL)
		return code;
	va_start(ap, fmt);
	format_line(prefix, sizeof(prefix), fmt, ap);
	va_end(ap);
	(void)snprintf(line, sizeof(line), "%s: %s", prefix, err->text);
	store_line(err, line);
	return code;
}
