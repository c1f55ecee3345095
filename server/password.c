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

struct sk_password_job {
	struct sk_password_job *next;
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

static struct {
	bool running, stop;
	pthread_t threads[POOL_SIZE];
	size_t n_threads, queued;
	struct sk_password_job *jobs[QUEUE_LIMIT]; /* loop's side: all of them, in no order */
	pthread_mutex_t lock;
	pthread_cond_t wake;
	struct list todo, finished;
	int fd;
	struct event *ev;
} pool;

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
	for (size_t i = 0; i < pool.queued; i++) {
		if (pool.jobs[i] == j) {
			pool.jobs[i] = pool.jobs[--pool.queued];
			return;
		}
	}
}

static void *worker(void *unused)
{
	(void)unused;
	pthread_mutex_lock(&pool.lock);
	for (;;) {
		struct sk_password_job *j = pool.stop ? NULL : list_take(&pool.todo);
		const uint64_t one = 1;

		if (j != NULL) {
			pthread_mutex_unlock(&pool.lock);
			j->ok = sk_password_verify(j->encoded, j->pw) && !j->dummy;
			explicit_bzero(j->pw, sizeof(j->pw));
			pthread_mutex_lock(&pool.lock);
			list_add(&pool.finished, j);
			if (write(pool.fd, &one, sizeof(one)) < 0)
				continue; /* the counter is full, so the loop is awake anyway */
		} else if (pool.stop) {
			break;
		} else {
			pthread_cond_wait(&pool.wake, &pool.lock);
		}
	}
	pthread_mutex_unlock(&pool.lock);
	return NULL;
}

static void on_finished(evutil_socket_t fd, short what, void *unused)
{
	struct list got;
	struct sk_password_job *j;
	uint64_t n;

	(void)what;
	(void)unused;
	if (read(fd, &n, sizeof(n)) < 0)
		return;
	pthread_mutex_lock(&pool.lock);
	got = pool.finished;
	if (got.head == NULL)
		list_init(&got);
	list_init(&pool.finished);
	pthread_mutex_unlock(&pool.lock);
	while ((j = list_take(&got)) != NULL) {
		forget(j);
		if (j->done != NULL)
			j->done(j->ok, j->arg);
		job_free(j);
	}
}

static int pool_start(struct event_base *base)
{
	pool.fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (pool.fd < 0)
		return -errno;
	pool.ev = event_new(base, pool.fd, EV_READ | EV_PERSIST, on_finished, NULL);
	pthread_mutex_init(&pool.lock, NULL);
	pthread_cond_init(&pool.wake, NULL);
	list_init(&pool.todo);
	list_init(&pool.finished);
	pool.stop = false;
	pool.running = true;
	if (pool.ev == NULL || event_add(pool.ev, NULL) != 0) {
		sk_password_pool_stop();
		return -ENOMEM;
	}
	for (pool.n_threads = 0; pool.n_threads < POOL_SIZE; pool.n_threads++) {
		if (pthread_create(&pool.threads[pool.n_threads], NULL, worker, NULL) != 0)
			break;
	}
	if (pool.n_threads == 0) {
		sk_password_pool_stop();
		return -EAGAIN;
	}
	return 0;
}

struct sk_password_job *sk_password_verify_async(struct event_base *base, const char *encoded, const char *pw,
                                                 void (*done)(int ok, void *arg), void *arg)
{
	struct sk_password_job *j;

	if (!pool.running && pool_start(base) < 0)
		return NULL;
	if (pool.queued >= QUEUE_LIMIT)
		return NULL;
	j = calloc(1, sizeof(*j));
	if (j == NULL)
		return NULL;
	j->done = done;
	j->arg = arg;
	j->dummy = encoded == NULL || encoded[0] == '\0' || strlen(pw) > SK_PASSWORD_MAX || pw[0] == '\0';
	sk_text_copy(j->encoded, sizeof(j->encoded), j->dummy ? dummy : encoded);
	sk_text_copy(j->pw, sizeof(j->pw), pw[0] == '\0' ? "-" : pw);
	pool.jobs[pool.queued++] = j;
	pthread_mutex_lock(&pool.lock);
	list_add(&pool.todo, j);
	pthread_cond_signal(&pool.wake);
	pthread_mutex_unlock(&pool.lock);
	return j;
}

void sk_password_cancel(struct sk_password_job *job)
{
	bool waiting = false;

	if (job == NULL)
		return;
	job->done = NULL; /* read by the loop's side only; the thread finishes what it began */
	pthread_mutex_lock(&pool.lock);
	for (struct sk_password_job **p = &pool.todo.head; *p != NULL; p = &(*p)->next) {
		if (*p == job) {
			*p = job->next;
			if (pool.todo.tail == &job->next)
				pool.todo.tail = p;
			waiting = true;
			break;
		}
	}
	pthread_mutex_unlock(&pool.lock);
	if (waiting) { /* nobody began it: its place is free for another */
		forget(job);
		job_free(job);
	}
}

bool sk_password_room(const char *from)
{
	size_t n = 0;

	for (size_t i = 0; i < pool.queued; i++)
		n += strncmp(pool.jobs[i]->from, from, sizeof(pool.jobs[i]->from) - 1) == 0;
	return pool.queued < QUEUE_LIMIT && n < PER_PLACE;
}

void sk_password_from(struct sk_password_job *job, const char *from)
{
	sk_text_copy(job->from, sizeof(job->from), from);
}

void sk_password_pool_stop(void)
{
	struct sk_password_job *j;

	if (!pool.running)
		return;
	pthread_mutex_lock(&pool.lock);
	pool.stop = true;
	pthread_cond_broadcast(&pool.wake);
	pthread_mutex_unlock(&pool.lock);
	for (size_t i = 0; i < pool.n_threads; i++)
		pthread_join(pool.threads[i], NULL);
	while ((j = list_take(&pool.todo)) != NULL || (j = list_take(&pool.finished)) != NULL)
		job_free(j);
	if (pool.ev != NULL)
		event_free(pool.ev);
	close(pool.fd);
	pthread_cond_destroy(&pool.wake);
	pthread_mutex_destroy(&pool.lock);
	memset(&pool, 0, sizeof(pool));
}
