/*
 * The programs' own log: one line a message to stderr with an sd-daemon priority prefix ("<4>...") when
 * the journal reads it ($JOURNAL_STREAM is set), without one on a terminal. Not the record of events
 * (agent/journal.h, server/store.h), which is evidence; this is for the administrator.
 */
#ifndef SK_COMMON_LOG_H
#define SK_COMMON_LOG_H

#include <stdbool.h>

enum sk_log_level { SK_LOG_ERR = 3, SK_LOG_WARNING = 4, SK_LOG_NOTICE = 5, SK_LOG_INFO = 6, SK_LOG_DEBUG = 7 };

void sk_log_init(const char *program, enum sk_log_level max);
void sk_log_set_max(enum sk_log_level max);

/* Lines of JSON instead: {"time":RFC 3339 UTC,"level":"err|warning|notice|info|debug","program","request":ID (when one is being served),"text"}. */
void sk_log_set_json(bool json);
/* What the following lines belong to, until the next call; NULL = nothing. Letters, digits and '-', at most 31; copied. One per process. */
void sk_log_set_request(const char *id);

/* Control characters and invalid UTF-8 in the result are escaped. Never fails, never blocks for long. */
void sk_log(enum sk_log_level level, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif
