/*
 * A Unix socket that answers frames (common/frame.h), many clients, one loop, no threads. Each client has one request in progress; the
 * next is taken after its answer, so that answers keep their order. Who the peer is comes from SO_PEERCRED at accept and never
 * from a message. Bounded: clients in all and per uid, bytes of a frame, time for a frame begun (or an answer not read) to end. An
 * idle connection costs no timer; when places run out the longest idle one makes room.
 */
#ifndef SK_AGENT_SOCKET_H
#define SK_AGENT_SOCKET_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <systemd/sd-event.h>
#include "common/err.h"

struct sk_peer {
	uid_t uid;
	gid_t gid;
	pid_t pid;
};

struct sk_socket;

struct sk_socket_options {
	const char *path;
	mode_t mode;
	gid_t gid; /* (gid_t)-1 = as it is */
	unsigned max_clients;
	unsigned max_per_uid; /* for uids other than root and our own; 0 = no bound */
	size_t max_frame; /* bytes of a request, at most SK_FRAME_MAX */
	unsigned stall_ms; /* for a frame begun, or an answer, to get through; 0 = 10 s */
	void *ctx;
	/* May this peer connect at all? NULL = everybody. */
	bool (*admit)(void *ctx, const struct sk_peer *peer);
	/* A request, borrowed. Exactly one sk_socket_answer(client) must follow, at once or later. */
	void (*request)(void *ctx, uint64_t client, const struct sk_peer *peer, const json_t *request);
};

int sk_socket_open(sd_event *loop, const struct sk_socket_options *o, struct sk_socket **out, struct sk_err *err);
struct sk_socket *sk_socket_close(struct sk_socket *s); /* ends all connections, removes the path */

/* answer: stolen. 0, or -ENOTCONN when the client has gone meanwhile (no failure for the caller). */
int sk_socket_answer(struct sk_socket *s, uint64_t client, json_t *answer);
bool sk_socket_connected(const struct sk_socket *s, uint64_t client); /* s NULL: no */
unsigned sk_socket_clients(const struct sk_socket *s);

/* {"ok":false,"code":code,"error":text}; the codes are those of docs/protocol.md. */
json_t *sk_answer_error(const char *code, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* {"ok":true} to add to. */
json_t *sk_answer_ok(void);

#endif
