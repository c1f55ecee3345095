/*
 * Where the requests made at this terminal stand: a small table beside the events, so that `sekimori request list` needs neither the
 * server nor a walk through the journal. The record of each is the event; this can be lost and is filled again by the next answer.
 */
#ifndef SK_AGENT_JOURNAL_REQUESTS_H
#define SK_AGENT_JOURNAL_REQUESTS_H

#include <sys/types.h>
#include "agent/journal.h"

int sk_journal_request_put(struct sk_journal *j, const char *id, sk_ms now, uid_t uid, const char *person,
                           const char *device, const char *body);
/* 1 = changed, 0 = it stood so before, -ENOENT: not one of this terminal's. number 0 = none yet; label: what people read instead ("" = none). */
int sk_journal_request_answer(struct sk_journal *j, const char *id, const char *state, int64_t number,
                              const char *label, const char *reason, sk_ms now);
/* Newest first: [{"id","created","uid","person","device","body":{..},"state","number"|null,"reason","answered"|null}]. uid < 0: everyone's. */
json_t *sk_journal_request_list(struct sk_journal *j, int64_t uid, int limit);
/* The login name of who made it. 0 or -ENOENT. */
int sk_journal_request_person(struct sk_journal *j, const char *id, char *out, size_t size);
/* How many of this uid were made since; negative on failure. */
int sk_journal_request_count(struct sk_journal *j, uid_t uid, sk_ms since);

#endif
