/*
 * What was on a medium when it was opened and what became of it: a table of files by path. A file is known (as it was, or as it was last
 * reported), or dirty: written to, and still to be hashed. Events name the files and who wrote them; the sweep at the end finds what no
 * event told (writing through a mapping, what was lost). No clock, no process: pure but for memory.
 */
#ifndef SK_AGENT_RECORD_FILES_H
#define SK_AGENT_RECORD_FILES_H

#include <stdbool.h>
#include <stdint.h>
#include "common/clock.h"

#define SK_RECORD_FILES 300000

struct sk_record_file {
	char *path;
	int64_t size, mtime_ns; /* as known; -1 = never looked at */
	sk_ms at; /* last written to, as far as known */
	uint32_t uid; /* who; UINT32_MAX = not known */
	char process[32]; /* escaped; "" = not known */
	bool dirty, told, seen;
	bool found; /* by the sweep, not by an event */
};

struct sk_record_files;

struct sk_record_files *sk_record_files_new(void); /* NULL = no memory */
struct sk_record_files *sk_record_files_free(struct sk_record_files *t); /* NULL ok */

/* As it is before anything is written. 0, -ENOMEM, -E2BIG. */
int sk_record_files_known(struct sk_record_files *t, const char *path, int64_t size, int64_t mtime_ns);
/* Written to, by whom; the latest counts. 0, -ENOMEM, -E2BIG. */
int sk_record_files_written(struct sk_record_files *t, const char *path, uint32_t uid, const char *process, sk_ms at);
/* The sweep met it: dirty when it is new or differs from what is known. 0, -ENOMEM, -E2BIG. */
int sk_record_files_swept(struct sk_record_files *t, const char *path, int64_t size, int64_t mtime_ns);
struct sk_record_file *sk_record_files_find(struct sk_record_files *t, const char *path); /* NULL = not in it */
/* Hashed and reported as it is now. */
void sk_record_files_told(struct sk_record_files *t, struct sk_record_file *f, int64_t size, int64_t mtime_ns);

/* The next dirty one from *at on (0 to begin with), or NULL. Adding while walking is allowed: what is added may be left out. */
struct sk_record_file *sk_record_files_dirty(struct sk_record_files *t, size_t *at);
/* After a sweep: the next that was told or dirty and was not met, or NULL. */
struct sk_record_file *sk_record_files_gone(struct sk_record_files *t, size_t *at);
size_t sk_record_files_dirty_count(const struct sk_record_files *t);

#endif
