/*
 * One file through clamd: INSTREAM over its Unix socket, one connection a file. The bytes are sent rather than the file descriptor handed
 * over, because then clamd needs no access to the medium (its AppArmor profile knows no such place), a stick that hangs hangs us and not the
 * scanner, and a stream that is too long is answered as such, where a file that is too large would be passed in silence.
 */
#ifndef SK_PLATFORM_CLAMD_H
#define SK_PLATFORM_CLAMD_H

#include <stddef.h>
#include <stdint.h>
#include "common/clock.h"

#define SK_CLAMD_ANSWER_MAX 1024

enum sk_clamd {
	SK_CLAMD_ANSWERED,
	SK_CLAMD_ABSENT, /* nobody listens, or we are not let in */
	SK_CLAMD_SILENT, /* it takes or says nothing any more */
	SK_CLAMD_DIED, /* the line ended without an answer */
	SK_CLAMD_LATE, /* it was still at work at the deadline */
	SK_CLAMD_UNREADABLE, /* the file itself */
	SK_CLAMD_TOO_LARGE, /* the file has more than limit bytes */
};

struct sk_clamd_file {
	const char *socket;
	int fd; /* read from where it stands to its end */
	int64_t limit; /* bytes */
	sk_ms deadline; /* sk_clock_boot() */
	sk_ms silence; /* ms without a sign of life that mean "silent" */
	void (*sent)(void *arg, size_t n); /* may be NULL */
	void *arg;
};

/* answer: SK_CLAMD_ANSWER_MAX bytes; *len of them are the scanner's words (for sk_scan_answer) when SK_CLAMD_ANSWERED. */
enum sk_clamd sk_clamd_scan(const struct sk_clamd_file *f, char *answer, size_t *len);

#endif
