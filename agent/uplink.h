/*
 * The uplink's state machine: what is said to sekimorid and to the server, and when. It owns no socket and no clock: everything it
 * does goes through ops, everything that happens comes in through the four sk_uplink_on_ functions, so that tests drive it with fakes.
 *
 * Two lanes to the server: SEND (events, reports, renewal; one request at a time) and ORDERS (the long poll). Four line states:
 *   NO_DAEMON  sekimorid does not answer, or is not enrolled as this uplink is
 *   BACKOFF    the server was not reached, was busy or refused this terminal; both lanes are closed until line_at
 *   PROBE      one request is tried, the other lane is quiet
 *   UP         both lanes work
 * Each input changes facts, then one function looks at all facts and starts what is due (level-triggered): no order of inputs can
 * lose a wake-up. Nothing is dropped: an event leaves the spool only after the server said that it has committed it.
 */
#ifndef SK_AGENT_UPLINK_H
#define SK_AGENT_UPLINK_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include "agent/uplink_answer.h"
#include "common/buf.h"
#include "common/clock.h"
#include "common/err.h"
#include "common/hash.h"
#include "common/log.h"

enum sk_uplink_lane { SK_LANE_SEND = 0, SK_LANE_ORDERS, SK_LANE_COUNT };
enum sk_line_state { SK_LINE_NO_DAEMON = 0, SK_LINE_BACKOFF, SK_LINE_PROBE, SK_LINE_UP, SK_LINE_COUNT };
/* In the order in which a free lane looks for work. */
enum sk_uplink_job { SK_JOB_RENEW = 0, SK_JOB_REPORT, SK_JOB_EVENTS, SK_JOB_ORDERS, SK_JOB_COUNT, SK_JOB_NONE };

enum sk_bundle_kind { SK_BUNDLE_POLICY = 0, SK_BUNDLE_GRANTS, SK_BUNDLE_KINDS };

#define SK_UPLINK_BATCH_EVENTS 256
#define SK_UPLINK_BATCH_BYTES  (900 * 1024)
#define SK_UPLINK_REPORT_LEAST (60 * 1000LL)
#define SK_UPLINK_REPORT_MOST  (30 * 60 * 1000LL)
#define SK_UPLINK_POLL_S       50
#define SK_UPLINK_DEADLINE     (30 * 1000LL)
#define SK_UPLINK_WAIT_MS      (10 * 60 * 1000)

struct sk_uplink_request {
	const char *method; /* "GET" or "POST" */
	const char *path; /* with query */
	const char *body; /* JSON, or NULL */
	size_t len;
	sk_ms deadline; /* ms from now until no answer counts as none */
};

struct sk_uplink_ops {
	/* Asks sekimorid and waits for the answer. 0 and *answer (new reference, "ok":true), 1 = it refused (err: "code: why"),
	 * negative = the connection is lost. */
	int (*call)(void *ctx, const json_t *request, json_t **answer, struct sk_err *err);
	/* Connects to sekimorid (again). 0 or negative. */
	int (*open)(void *ctx, struct sk_err *err);
	/* Sends the `wait` op; ends in sk_uplink_on_wait, never from inside. 0 or negative. */
	int (*wait)(void *ctx, int timeout_ms, struct sk_err *err);
	/* Starts a request on a free lane; ends in sk_uplink_on_answer, never from inside. Strings are the caller's and may go away. */
	int (*request)(void *ctx, enum sk_uplink_lane lane, const struct sk_uplink_request *r, struct sk_err *err);
	/* Ends what the lane does and closes its connection; no answer comes after it. */
	void (*close)(void *ctx, enum sk_uplink_lane lane);
	void (*timer)(void *ctx, sk_ms delay); /* one timer; sk_uplink_on_timer after delay ms; negative = off */
	sk_ms (*now)(void *ctx); /* boot clock */
	sk_ms (*wall)(void *ctx);
	uint32_t (*random)(void *ctx);
	/* Makes a new key, kept inside until finish, and a request for it. */
	int (*renew_begin)(void *ctx, struct sk_buf *csr, struct sk_err *err);
	/* Checks and stores the certificate with its key, all at once, and uses them for every connection from now on. */
	int (*renew_finish)(void *ctx, const char *certificate, sk_ms *from, sk_ms *until, struct sk_err *err);
	void (*note)(void *ctx, enum sk_log_level level, const char *text); /* for the program's log */
};

struct sk_uplink_counts {
	uint64_t sent, acked, reports, bundles, bundles_refused, malformed, no_line, refused, renewals;
};

struct sk_uplink {
	const struct sk_uplink_ops *ops;
	void *ctx;
	char device[SK_UUID_LEN];
	sk_ms deadline; /* of one request, from connecting to the last byte; init sets the default */
	enum sk_line_state line;
	sk_ms daemon_at, line_at; /* when to try again */
	unsigned daemon_failures, line_failures;
	bool line_refused, chain_refused;
	struct sk_err line_problem;

	enum sk_uplink_job busy[SK_LANE_COUNT]; /* SK_JOB_NONE = free */
	sk_ms started[SK_LANE_COUNT];
	sk_ms not_before[SK_JOB_COUNT];
	unsigned failures[SK_JOB_COUNT];
	struct sk_err problem[SK_JOB_COUNT];

	bool waiting; /* a `wait` is out */
	sk_ms waited_from, wait_at, hinted_at;
	unsigned quick_waits;
	bool want_events;
	int64_t cursor; /* the last event the server is known to hold */
	int64_t daemon_acked, known_last;
	bool rewound;
	size_t batch_events, batch_bytes;
	int64_t batch_last;

	char *report; /* fetched and not yet taken by the server; owned */
	bool report_due;
	sk_ms heartbeat_at;

	long long held[SK_BUNDLE_KINDS]; /* versions sekimorid holds */
	struct { /* what sekimorid refused, so that waiting for it does not hold up the other kind */
		long long version;
		unsigned times;
		sk_ms until; /* it is not asked for again before */
	} refused[SK_BUNDLE_KINDS];
	struct sk_err refusal;
	bool polled; /* since the line came up */
	int poll_wait;
	sk_ms renew_at, until; /* wall clock: when the certificate is renewed and when it ends */

	char contact[16]; /* what sekimorid was last told */
	char contact_error[256];
	bool contact_fresh; /* tell it again although nothing changed */
	struct sk_uplink_counts counts;
};

/* from, until: life of the certificate in use. */
void sk_uplink_init(struct sk_uplink *u, const struct sk_uplink_ops *ops, void *ctx, const char *device, sk_ms from,
                    sk_ms until);
void sk_uplink_deinit(struct sk_uplink *u);
void sk_uplink_start(struct sk_uplink *u);

void sk_uplink_on_timer(struct sk_uplink *u);
void sk_uplink_on_answer(struct sk_uplink *u, enum sk_uplink_lane lane, const struct sk_http_answer *a);
/* answer: the whole answer to `wait`, borrowed; NULL = the connection is lost. */
void sk_uplink_on_wait(struct sk_uplink *u, const json_t *answer);
/* The terminal slept, or its clock was set: connections may be dead without a sign. They are made anew, and waits end. */
void sk_uplink_on_hint(struct sk_uplink *u);

#endif
