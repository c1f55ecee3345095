/*
 * Putting a restored installation in place so that a kill at any moment leaves either all of the old or all of the new. What is new is first
 * written whole into a folder beside (restore.new); then one file, made by one rename, says that it counts (restore.ready). From then on
 * every start carries the rest out from where it stopped: old files are moved aside, new ones into place. The caller holds the lock of
 * the state folder (sk_serve_lock).
 */
#ifndef SK_SERVER_RESTORE_H
#define SK_SERVER_RESTORE_H

#include <stdbool.h>
#include <stddef.h>
#include "common/err.h"
#include "server/store.h"

/* An empty folder for the new files; its ledger is written by the caller to *ledger. What a stopped restore left there is deleted. */
int sk_restore_begin(const char *state_dir, char *ledger, size_t size, struct sk_err *err);
/* The keys, beside the new ledger. -EBADMSG: a file that is none of the server's. */
int sk_restore_files(const char *state_dir, const struct sk_store_file *files, size_t n, struct sk_err *err);
/* Old files that stand in the way: -EEXIST with the first one's name, else 0. */
int sk_restore_vacant(const char *state_dir, struct sk_err *err);
/* From here on the new counts, whatever happens. tag: the old files are kept as NAME.before-restore-TAG. */
int sk_restore_commit(const char *state_dir, long long tag, struct sk_err *err);
/* A commit was made and is not carried out yet. */
bool sk_restore_pending(const char *state_dir);
/* Carries it out: 0 = there was none, 1 = done, negative = it could not be; the next call goes on. */
int sk_restore_finish(const char *state_dir, struct sk_err *err);
/* Gives up before the commit. */
void sk_restore_abandon(const char *state_dir);

extern const char *const sk_restore_keys[]; /* the key files of an installation; ends with NULL */

#endif
