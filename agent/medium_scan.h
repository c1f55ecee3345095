/*
 * Scan before use, as a step of a node's life: between "the node is there" and "mounted for the person" stands the scan, when the policy
 * asks for one. Only its answer "clean" opens; every other end, also none at all, keeps the medium shut. Nothing is remembered beyond one use: after
 * each unmounting, and for each plug, it is scanned anew.
 */
#ifndef SK_AGENT_MEDIUM_SCAN_H
#define SK_AGENT_MEDIUM_SCAN_H

#include <jansson.h>
#include <stdbool.h>
#include <systemd/sd-event.h>
#include "common/clock.h"

#define SK_SCAN_PROGRESS "/run/sekimori/scan" /* 0700; a file per device number, written by sekimori-scan */

struct sk_node;
struct sk_leave;

enum sk_scan_step { SK_SCAN_NOT_YET, SK_SCAN_RUNS, SK_SCAN_PASSED, SK_SCAN_PASSED_RO, SK_SCAN_STOPPED };

struct sk_node_scan {
	enum sk_scan_step step;
	char reason[32]; /* why it stopped or is only partly done */
	sd_event_source *timer;
	sk_ms told;
};

/* True: the node may be mounted. False: the scan runs now, or it did not pass. */
bool sk_node_scan_passed(struct sk_node *n, const struct sk_leave *l);
void sk_node_scan_cancel(struct sk_node *n, const char *reason); /* if one runs: ends it, and says so */
void sk_node_scan_reset(struct sk_node *n); /* forgets everything, silently */
bool sk_node_scan_holds_ro(const struct sk_node *n,
                           const struct sk_leave *l); /* reading only, until or because of the scan */
void sk_node_scan_json(const struct sk_node *n, json_t *o); /* "scan":{"state","files","bytes","total","reason"} */

#endif
