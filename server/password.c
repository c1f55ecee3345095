/*
 * Argon2id and the pool that runs it. Two threads at most and a short queue: each verification holds 64 MiB, and an attacker who
 * sends logins must meet "busy", not the machine's memory. The loop's side owns every job; the threads touch only what a job carries,
 * under one lock.
 */
#include "server/password.h"

#include <argon2.h>
#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "common/hash.h"
#include "common/text.h"

#define COST_TIME   3
#define COST_KIB    65536
#define COST_LANES  1
#define SALT_BYTES  16
#define KEY_BYTES   32
#define POOL_SIZE   2
#define QUEUE_LIMIT 32
#define PER_PLACE   2

/* Of no password: its key is 32 zero bytes. What a verification against an unknown user costs time on. */
static const char dummy[] =
    "$argon2id$v=19$m=65536,t=3,p=1$c2VraW1vcmktZHVtbXkhIQ$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
static const char cost_prefix[] = "$argon2id$v=19$m=65536,t=3,p=1$";

int sk_password_hash(const char *pw, char out[SK_PASSWORD_HASH])
{
	size_t len = strlen(pw);
	uint8_t salt[SALT_BYTES];
	int rc;

	if (len == 0 || len > SK_PASSWORD_MAX)
		return -EINVAL;
	if (sk_random(salt, sizeof(salt)) < 0)
		return -EIO;
	rc = argon2id_hash_encoded(COST_TIME, COST_KIB, COST_LANES, pw, len, salt, sizeof(salt), KEY_BYTES, out,
	                           SK_PASSWORD_HASH);
	return rc == ARGON2_OK ? 0 : rc == ARGON2_MEMORY_ALLOCATION_ERROR ? -ENOMEM : -EIO;
}

int sk_password_verify(const char *encoded, const char *pw)
{
	size_t len = strlen(pw);

	/* Only our own cost: a hash that asks for gigabytes never gets to run. */
	if (len == 0 || len > SK_PASSWORD_MAX || strlen(encoded) >= SK_PASSWORD_HASH ||
	    strncmp(encoded, cost_prefix, sizeof(cost_prefix) - 1) != 0)
		return 0;
	return argon2id_verify(encoded, pw, len) == ARGON2_OK;
}

int sk_password_generate(char out[24])
{
	char code[21];
	size_t o = 0;
	int r = sk_random_code(code, 20);

	if (r < 0)
		return r;
	for (size_t i = 0; i < 20; i++) {
		if (i > 0 && i % 5 == 0)
			out[o++] = '-';
		out[o++] = code[i];
	}
	out[o] = '\0';
	explicit_bzero(code, sizeof(code));
	return 0;
}

struct pool;

struct sk_password_job {
	struct sk_password_job *next;
	struct pool *pool;
	struct sk_password_asker asker; /* ask NULL: encoded decides */
	char name[64];
	void (*done)(int ok, void *arg); /* loop's side only; NULL = cancelled */
	void *arg;
	char from[64]; /* loop's side only */
	bool dummy;
	int ok;
	char encoded[SK_PASSWORD_HASH];
	char pw[SK_PASSWORD_MAX + 1];
};

struct list {
	struct sk_password_job *head, **tail;
};

static struct pool {
	bool running, stop;
	pthread_t threads[POOL_SIZE];
	size_t n_threads, queued;
	struct sk_password_job *jobs[QUEUE_LIMIT]; /* loop's side: all of them, in no order */
	pthread_mutex_t lock;
	pthread_cond_t wake;
	struct list todo, finished;
	int fd;
	struct event *ev;
} pools[2]; /* passwords that are here, and elsewhere */

static void list_init(struct list *l)
{
	l->head = NULL;
	l->tail = &l->head;
}

static void list_add(struct list *l, struct sk_password_job *j)
{
	j->next = NULL;
	*l->tail = j;
	l->tail = &j->next;
}

static struct sk_password_job *list_take(struct list *l)
{
	struct sk_password_job *j = l->head;

	if (j != NULL) {
		l->head = j->next;
		if (l->head == NULL)
			l->tail = &l->head;
	}
	return j;
}

static void job_free(struct sk_password_job *j)
{
	explicit_bzero(j->pw, sizeof(j->pw));
	free(j);
}

static void forget(const struct sk_password_job *j)
{
	struct pool *p = j->pool;

	for (size_t i = 0; i < p->queued; i++) {
		if (p->jobs[i] == j) {
			p->jobs[i] = p->jobs[--p->queued];
			return;
		}
	}
}

static int decide(struct sk_password_job *j)
{
	int ok = sk_password_verify(j->encoded, j->pw) && !j->dummy;

	return j->asker.ask == NULL ? ok : j->asker.ask(j->asker.how, j->name, j->pw);
}

static void *worker(void *arg)
{
	struct pool *p = arg;

	pthread_mutex_lock(&p->lock);
	for (;;) {
		struct sk_password_job *j = p->stop ? NULL : list_take(&p->todo);
		const uint64_t one = 1;

		if (j != NULL) {
			pthread_mutex_unlock(&p->lock);
			j->ok = decide(j);
			explicit_bzero(j->pw, sizeof(j->pw));
			pthread_mutex_lock(&p->lock);
			list_add(&p->finished, j);
			if (write(p->fd, &one, sizeof(one)) < 0)
				continue; /* the counter is full, so the loop is awake anyway */
		} else if (p->stop) {
			break;
		} else {
			pthread_cond_wait(&p->wake, &p->lock);
		}
	}
	pthread_mutex_unlock(&p->lock);
	return NULL;
}

static void on_finished(evutil_socket_t fd, short what, void *arg)
{
	struct pool *p = arg;
	struct list got;
	struct sk_password_job *j;
	uint64_t n;

	(void)what;
	if (read(fd, &n, sizeof(n)) < 0)
		return;
	pthread_mutex_lock(&p->lock);
	got = p->finished;
	if (got.head == NULL)
		list_init(&got);
	list_init(&p->finished);
	pthread_mutex_unlock(&p->lock);
	while ((j = list_take(&got)) != NULL) {
		forget(j);
		if (j->done != NULL)
			j->done(j->ok, j->arg);
		job_free(j);
	}
}

static void pool_stop(struct pool *p)
{
	struct sk_password_job *j;

	if (!p->running)
		return;
	pthread_mutex_lock(&p->lock);
	p->stop = true;
	pthread_cond_broadcast(&p->wake);
	pthread_mutex_unlock(&p->lock);
	for (size_t i = 0; i < p->n_threads; i++)
		pthread_join(p->threads[i], NULL);
	while ((j = list_take(&p->todo)) != NULL || (j = list_take(&p->finished)) != NULL)
		job_free(j);
	if (p->ev != NULL)
		event_free(p->ev);
	close(p->fd);
	pthread_cond_destroy(&p->wake);
	pthread_mutex_destroy(&p->lock);
	memset(p, 0, sizeof(*p));
}

static int pool_start(struct pool *p, struct event_base *base)
{
	p->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (p->fd < 0)
		return -errno;
	p->ev = event_new(base, p->fd, EV_READ | EV_PERSIST, on_finished, p);
	pthread_mutex_init(&p->lock, NULL);
	pthread_cond_init(&p->wake, NULL);
	list_init(&p->todo);
	list_init(&p->finished);
	p->stop = false;
	p->running = true;
	if (p->ev == NULL || event_add(p->ev, NULL) != 0) {
		pool_stop(p);
		return -ENOMEM;
	}
	for (p->n_threads = 0; p->n_threads < POOL_SIZE; p->n_threads++) {
		if (pthread_create(&p->threads[p->n_threads], NULL, worker, p) != 0)
			break;
	}
	if (p->n_threads == 0) {
		pool_stop(p);
		return -EAGAIN;
	}
	return 0;
}

static struct sk_password_job *add(struct pool *p, struct event_base *base, struct sk_password_job *j)
{
	if ((!p->running && pool_start(p, base) < 0) || p->queued >= QUEUE_LIMIT) {
		job_free(j);
		return NULL;
	}
	j->pool = p;
	p->jobs[p->queued++] = j;
	pthread_mutex_lock(&p->lock);
	list_add(&p->todo, j);
	pthread_cond_signal(&p->wake);
	pthread_mutex_unlock(&p->lock);
	return j;
}

static struct sk_password_job *job_new(const char *pw, void (*done)(int ok, void *arg), void *arg)
{
	struct sk_password_job *j = calloc(1, sizeof(*j));

	if (j != NULL) {
		j->done = done;
		j->arg = arg;
		sk_text_copy(j->pw, sizeof(j->pw), pw[0] == '\0' ? "-" : pw);
	}
	return j;
}

struct sk_password_job *sk_password_verify_async(struct event_base *base, const char *encoded, const char *pw,
                                                 void (*done)(int ok, void *arg), void *arg)
{
	struct sk_password_job *j = job_new(pw, done, arg);

	if (j == NULL)
		return NULL;
	j->dummy = encoded == NULL || encoded[0] == '\0' || strlen(pw) > SK_PASSWORD_MAX || pw[0] == '\0';
	sk_text_copy(j->encoded, sizeof(j->encoded), j->dummy ? dummy : encoded);
	return add(&pools[0], base, j);
}

struct sk_password_job *sk_password_ask_async(struct event_base *base, const struct sk_password_asker *who,
                                              const char *pw, void (*done)(int ok, void *arg), void *arg)
{
	struct sk_password_job *j = job_new(pw, done, arg);

	if (j == NULL)
		return NULL;
	j->asker = *who;
	sk_text_copy(j->name, sizeof(j->name), who->name);
	j->asker.name = j->name;
	if (strlen(pw) > SK_PASSWORD_MAX || pw[0] == '\0')
		j->name[0] = '\0'; /* nobody's */
	sk_text_copy(j->encoded, sizeof(j->encoded), dummy);
	j->dummy = true;
	return add(&pools[1], base, j);
}

void sk_password_cancel(struct sk_password_job *job)
{
	bool waiting = false;
	struct pool *p;

	if (job == NULL)
		return;
	p = job->pool;
	job->done = NULL; /* read by the loop's side only; the thread finishes what it began */
	pthread_mutex_lock(&p->lock);
	for (struct sk_password_job **at = &p->todo.head; *at != NULL; at = &(*at)->next) {
		if (*at == job) {
			*at = job->next;
			if (p->todo.tail == &job->next)
				p->todo.tail = at;
			waiting = true;
			break;
		}
	}
	pthread_mutex_unlock(&p->lock);
	if (waiting) { /* nobody began it: its place is free for another */
		forget(job);
		job_free(job);
	}
}

static size_t waiting_of(const struct pool *p, const char *from)
{
	size_t n = 0;

	for (size_t i = 0; i < p->queued; i++)
		n += strncmp(p->jobs[i]->from, from, sizeof(p->jobs[i]->from) - 1) == 0;
	return n;
}

bool sk_password_room(const char *from)
{
	return pools[0].queued < QUEUE_LIMIT && pools[1].queued < QUEUE_LIMIT &&
	       waiting_of(&pools[0], from) + waiting_of(&pools[1], from) < PER_PLACE;
}

void sk_password_from(struct sk_password_job *job, const char *from)
{
	sk_text_copy(job->from, sizeof(job->from), from);
}

void sk_password_pool_stop(void)
{
	for (size_t i = 0; i < sizeof(pools) / sizeof(pools[0]); i++)
		pool_stop(&pools[i]);
}
