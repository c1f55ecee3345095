/*
 * The scan of one file system of a medium, from an open root folder: every regular file goes to the scanner, nothing is passed over in
 * silence. Used by sekimori-scan, which has no rights left when it runs.
 */
#ifndef SK_AGENT_SCAN_JOB_H
#define SK_AGENT_SCAN_JOB_H

#include <jansson.h>
#include "policy/scan.h"

#define SK_SCAN_LISTED 16 /* findings and files not scanned that are named */

struct sk_scan_job {
	int root;
	const char *socket;
	int64_t time_limit_ms, file_limit, total_limit;
	int progress; /* open for writing: "files bytes\n", 20 digits each; -1 = none */
};

/* {"result":"clean|infected|partly|not-scanned","reason"?,"files","bytes","special","found":[{"file","signature"}],"found_total",
 * "unscanned":[{"file","reason"}],"unscanned_total","seconds","engine"?,"signatures"?}. reason: a word of sk_scan_why. NULL = no memory. */
json_t *sk_scan_run(const struct sk_scan_job *job);
/* The same shape for what ended before it began. */
json_t *sk_scan_undone(const char *reason, const char *detail);

#endif
