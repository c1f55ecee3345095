#include "agent/pace.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "agent/rate.h"

#define LATE_US  1000000
#define LATE_MAX 64 /* refusals that wait; as many as there are connections */

struct late {
	struct sk_socket *socket;
	uint64_t client; /* 0 = free */
	sd_event_source *timer;
};

struct sk_pace {
	sd_event *loop;
	struct sk_rate rate;
	struct late late[LATE_MAX];
};

int sk_pace_new(sd_event *loop, struct sk_pace **out)
{
	struct sk_pace *p = calloc(1, sizeof *p);

	if (!p)
		return -ENOMEM;
	p->loop = loop;
	*out = p;
	return 0;
}

struct sk_pace *sk_pace_free(struct sk_pace *p)
{
	if (!p)
		return NULL;
	for (size_t i = 0; i < LATE_MAX; i++)
		sd_event_source_disable_unref(p->late[i].timer);
	free(p);
	return NULL;
}

static bool counted(const struct sk_peer *peer)
{
	return peer->uid != 0 && peer->uid != geteuid();
}

static sk_ms now_of(const struct sk_pace *p)
{
	uint64_t usec;

	return sd_event_now(p->loop, CLOCK_BOOTTIME, &usec) >= 0 ? (sk_ms)(usec / 1000) : sk_clock_boot();
}

static void refuse(struct sk_socket *s, uint64_t client)
{
	(void)sk_socket_answer(s, client,
	                       sk_answer_error("busy", "asked too often; at most %d times a second", SK_RATE_PER_S));
}

static int on_late(sd_event_source *t, uint64_t usec, void *arg)
{
	struct late *l = arg;
	uint64_t client = l->client;

	(void)t;
	(void)usec;
	l->client = 0;
	l->timer = sd_event_source_disable_unref(l->timer);
	refuse(l->socket, client);
	return 0;
}

bool sk_pace_admits(struct sk_pace *p, const struct sk_peer *peer)
{
	return !counted(peer) || sk_rate_take(&p->rate, peer->uid, now_of(p)) != SK_RATE_FAR_OVER;
}

bool sk_pace_refuses(struct sk_pace *p, struct sk_socket *s, uint64_t client, const struct sk_peer *peer)
{
	struct late *l = p->late;

	if (!counted(peer) || sk_rate_take(&p->rate, peer->uid, now_of(p)) == SK_RATE_OK)
		return false;
	while (l < p->late + LATE_MAX && l->client != 0)
		l++;
	if (l < p->late + LATE_MAX &&
	    sd_event_add_time_relative(p->loop, &l->timer, CLOCK_BOOTTIME, LATE_US, 0, on_late, l) >= 0) {
		l->socket = s;
		l->client = client;
	} else {
		refuse(s, client);
	}
	return true;
}
