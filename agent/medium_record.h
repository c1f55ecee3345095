/*
 * The record of what is written to a node (T9): sekimori-recorder runs before the node is mounted writable, until after it is unmounted. What
 * it tells becomes `file.written`; what it could not see becomes `medium.record-gap`. A medium that cannot be watched at all is only read.
 */
#ifndef SK_AGENT_MEDIUM_RECORD_H
#define SK_AGENT_MEDIUM_RECORD_H

#include <stdbool.h>
#include <systemd/sd-event.h>


struct sk_node;
struct sk_leave;
struct sk_child;

enum sk_record_step { SK_RECORD_OFF, SK_RECORD_STARTS, SK_RECORD_RUNS, SK_RECORD_CLOSES, SK_RECORD_FAILED };

struct sk_node_record {
	enum sk_record_step step;
	struct sk_child *child;
	sd_event_source *watch, *limit;
	char folder[160], person[64], grant[40];
	unsigned next; /* number of the batch that is read next */
	bool ended; /* its last word was read */
};

/* True: the node may be mounted for l (recorded, or only read). False: the recorder gets ready, the node is driven again then. */
bool sk_node_record_ready(struct sk_node *n, const struct sk_leave *l);
bool sk_node_record_holds_ro(const struct sk_node *n); /* it could not be watched */
void sk_node_record_adopt(struct sk_node *n); /* mounted writable before our restart */
/* The node was unmounted, or did not get mounted. */
void sk_node_record_unmounted(struct sk_node *n);
bool sk_node_record_closing(const struct sk_node *n); /* the last files are being hashed */
void sk_node_record_free(struct sk_node *n);

#endif
