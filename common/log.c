/*
 * The administrator's log: one message, one line, one write(2) to stderr. Under systemd (JOURNAL_STREAM) the priority goes in
 * front and journald adds the program's name; on a terminal the name goes in front instead. A reader that stopped reading
 * costs at most a tenth of a second, then the line is lost: a log never holds the watch up.
 */
#include "common/log.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/text.h"

#define LINE_MAX_BYTES 2048
#define PATIENCE_MS    100

static char log_program[32] = "sekimori";
static enum sk_log_level log_max = SK_LOG_INFO;
static bool log_to_journal, log_json;
static char log_request[32];

void sk_log_init(const char *program, enum sk_log_level max)
{
	const char *stream = getenv("JOURNAL_STREAM");

	sk_text_copy(log_program, sizeof(log_program), program);
	log_max = max;
	log_to_journal = stream != NULL && stream[0] != '\0';
}

void sk_log_set_max(enum sk_log_level max)
{
	log_max = max;
}

void sk_log_set_json(bool json)
{
	log_json = json;
}

void sk_log_set_request(const char *id)
{
	sk_text_copy(log_request, sizeof(log_request), id == NULL ? "" : id);
}

/* text is printable UTF-8 already: quotes and backslashes are all that is left. Cut where the line ends, never inside a character. */
static size_t json_text(char *out, size_t size, const char *text)
{
	size_t n = 0;

	while (*text != '\0') {
		size_t k = 1;

		while (((unsigned char)text[k] & 0xc0) == 0x80)
			k++;
		if (n + k + 2 > size)
			break;
		if (*text == '"' || *text == '\\')
			out[n++] = '\\';
		memcpy(out + n, text, k);
		n += k;
		text += k;
	}
	out[n] = '\0';
	return n;
}

/* Everything up to the text, and after it. */
static size_t json_line(char *line, size_t size, enum sk_log_level level, const char *text)
{
	static const char *const levels[] = {"err", "warning", "notice", "info", "debug"};
	char time[SK_RFC3339_LEN];
	int n;
	size_t len;

	sk_clock_format_utc(sk_clock_wall(), time);
	n = snprintf(line, size, "{\"time\":\"%s\",\"level\":\"%s\",\"program\":\"%s\",%s%s%s\"text\":\"", time,
	             levels[level < SK_LOG_ERR     ? 0
	                    : level > SK_LOG_DEBUG ? 4
	                                           : level - SK_LOG_ERR],
	             log_program, log_request[0] == '\0' ? "" : "\"request\":\"", log_request,
	             log_request[0] == '\0' ? "" : "\",");
	len = n < 0 || (size_t)n >= size ? 0 : (size_t)n;
	len += json_text(line + len, size - len - 4, text);
	memcpy(line + len, "\"}\n", 4);
	return len + 3;
}

static void emit(const char *line, size_t len)
{
	struct pollfd p = {.fd = STDERR_FILENO, .events = POLLOUT};
	ssize_t n;

	if (poll(&p, 1, PATIENCE_MS) <= 0 || (p.revents & POLLOUT) == 0)
		return;
	do
		n = write(STDERR_FILENO, line, len);
	while (n < 0 && errno == EINTR);
}

void sk_log(enum sk_log_level level, const char *fmt, ...)
{
	char raw[LINE_MAX_BYTES], line[LINE_MAX_BYTES + 64], text[LINE_MAX_BYTES];
	int saved = errno, n, head;
	size_t len;
	va_list ap;

	if (level > log_max)
		return;
	va_start(ap, fmt);
	n = vsnprintf(raw, sizeof(raw), fmt, ap);
	va_end(ap);
	len = n < 0 ? 0 : (size_t)n < sizeof(raw) ? (size_t)n : sizeof(raw) - 1;

	if (log_json) {
		sk_text_printable(text, sizeof(text), raw, len);
		emit(line, json_line(line, sizeof(line), level, text));
		errno = saved;
		return;
	}
	if (log_to_journal)
		head = snprintf(line, sizeof(line), "<%d>%s%s%s", (int)level, log_request[0] == '\0' ? "" : "[",
		                log_request, log_request[0] == '\0' ? "" : "] ");
	else
		head = snprintf(line, sizeof(line), "%s: %s%s%s", log_program, log_request[0] == '\0' ? "" : "[",
		                log_request, log_request[0] == '\0' ? "" : "] ");
	if (head >= 0 && (size_t)head < sizeof(line)) {
		len = (size_t)head + sk_text_printable(line + head, sizeof(line) - (size_t)head - 1, raw, len);
		line[len++] = '\n';
		emit(line, len);
	}
	errno = saved;
}
