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

#include "common/text.h"

#define LINE_MAX_BYTES 2048
#define PATIENCE_MS    100

static char log_program[32] = "sekimori";
static enum sk_log_level log_max = SK_LOG_INFO;
static bool log_to_journal;

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
	char raw[LINE_MAX_BYTES], line[LINE_MAX_BYTES + 64];
	int saved = errno, n, head;
	size_t len;
	va_list ap;

	if (level > log_max)
		return;
	va_start(ap, fmt);
	n = vsnprintf(raw, sizeof(raw), fmt, ap);
	va_end(ap);
	len = n < 0 ? 0 : (size_t)n < sizeof(raw) ? (size_t)n : sizeof(raw) - 1;

	if (log_to_journal)
		head = snprintf(line, sizeof(line), "<%d>", (int)level);
	else
		head = snprintf(line, sizeof(line), "%s: ", log_program);
	if (head >= 0 && (size_t)head < sizeof(line)) {
		len = (size_t)head + sk_text_printable(line + head, sizeof(line) - (size_t)head - 1, raw, len);
		line[len++] = '\n';
		emit(line, len);
	}
	errno = saved;
}
