/*
 * How long records are kept (基本方針・対策基準 6.1(6)), and legal holds. A period is the office's to set, for each kind, and nothing is deleted of a kind
 * that has none. What is deleted:
 *   events   terminals' records, by the time they were received: the oldest of each chain, as far as all of them are old enough
 *   posture  the history of the checks' states, by its time
 * Whole months at a time: kept is what is of the calendar month (local time) in which the period began, or later.
 *
 * A hold stops deletion for a terminal (under all the identities its host had), for a section and what is below it, or for the whole office. An
 * incident that is not closed holds its terminal (6.5(3): records are preserved).
 *
 * Deletion is recorded in the transaction that deletes, as "retention.deleted" in the audit trail, with number and hash of the last record that went
 * of each chain. So a chain that begins later than at 1 is unbroken when the trail says so, and else is "cut": whoever takes records away unseen would have to
 * write the trail anew, against its signed checkpoints. The trail itself, requests, decisions and incidents are not deleted.
 *
 * A clock that runs ahead must not delete anything: when more than SK_RETENTION_GAP passed since the last run, the job fails until somebody sets
 * a period again, having looked at the clock.
 */
#ifndef SK_SERVER_RETENTION_H
#define SK_SERVER_RETENTION_H

#include <jansson.h>
#include <stdbool.h>
#include "common/clock.h"
#include "common/err.h"
#include "server/store.h"

#define SK_RETENTION_DELETED "retention.deleted"
#define SK_RETENTION_GAP     ((sk_ms)35 * 86400 * 1000)
#define SK_RETENTION_MIN     30 /* days */
#define SK_RETENTION_MAX     36525

/* --- retention.c: pure --- */

bool sk_retention_is_kind(const char *kind);
/* The first moment that is kept: of the month that holds now - days. */
sk_ms sk_retention_cutoff(sk_ms now, int64_t days);
/* What a line of the audit trail says of chains: notes device -> [seq, hash] in chains. Other lines, and malformed ones, say nothing. 0, -ENOMEM. */
int sk_retention_note(json_t *chains, const char *action, const char *detail);
/* Does the newest line say that this chain was deleted up to there? */
bool sk_retention_told(const json_t *chains, const char *device, int64_t seq, const char *hash);

/* --- store_retention.c --- */

/* days 0: for ever. -EINVAL: kind or days. */
int sk_store_retention_set(struct sk_store *s, const struct sk_actor *by, const char *kind, int64_t days, sk_ms now,
                           struct sk_err *err);
/* [{"kind","days":n (0 = for ever),"by","set":ms}], every kind. */
json_t *sk_store_retention(struct sk_store *s);
/* terminal (an id) and unit NULL: the whole office. reason is required. -ENOENT: no such terminal or section. */
int sk_store_hold_add(struct sk_store *s, const struct sk_actor *by, const char *terminal, const char *unit,
                      const char *reason, sk_ms now, int64_t *number, struct sk_err *err);
int sk_store_hold_end(struct sk_store *s, const struct sk_actor *by, int64_t number, const char *reason, sk_ms now,
                      struct sk_err *err); /* -ENOENT, -ESTALE: has ended */
/* [{"number","terminal":host or null,"unit":key or null,"reason","by","created":ms,"ended":ms or null}] newest first. */
json_t *sk_store_holds(struct sk_store *s);

#endif
