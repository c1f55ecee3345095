/*
 * Reports with new evidence into PostgreSQL, in batches of 128 and one at a time: store_load URL FILE ROUNDS. By turns through the store
 * (sk_store_report_put in a batch, as the server does it) and by a bare libpq loop that issues the same statements with values made
 * beforehand. Then the same for SQLite (store only). One line of JSON: microseconds of each round.
 */
#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/json.h"
#include "server/store.h"

#define TERMINALS 128
#define REPORTS   1024

static double now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static void need(bool good, const char *what)
{
	if (good)
		return;
	fprintf(stderr, "store_load: %s\n", what);
	exit(1);
}

static void id_of(int n, char id[SK_UUID_LEN])
{
	snprintf(id, SK_UUID_LEN, "00000000-0000-4000-8000-%012d", n);
}

static void fill(struct sk_store *s)
{
	struct sk_actor by = {.user = "cli:root", .name = "root", .role = SK_ROLE_SYS};
	char id[SK_UUID_LEN], sha[SK_SHA256_HEX], fp[SK_SHA256_HEX], host[32];
	sk_ms now = sk_clock_wall();

	need(sk_store_unit_put(s, &by, "zeimu", "税務課", "Tax", NULL) == 0, "unit");
	need(sk_store_batch_begin(s) == 0, "begin");
	for (int n = 0; n < TERMINALS; n++) {
		id_of(n, id);
		snprintf(sha, sizeof(sha), "%063dt", n);
		snprintf(fp, sizeof(fp), "%064d", n);
		snprintf(host, sizeof(host), "pc-%d", n);
		need(sk_store_token_put(s, &by, sha, host, "", "zeimu", now + 3600000, NULL) == 0, "token");
		need(sk_store_enrol(s, sha, host, "", id, fp, now + 3600000, now, NULL) == 0, "enrol");
	}
	need(sk_store_batch_end(s) == 0, "commit");
}

static json_t *report(long serial)
{
	json_t *r = json_pack("{s:s,s:s,s:{s:s,s:i},s:{s:I},s:{s:I},s:[],s:[]}", "version", "0.1.0", "os",
	                      "Debian GNU/Linux 12", "policy", "name", "p", "version", 1, "journal", "last_seq",
	                      (json_int_t)serial, "clock", "now", (json_int_t)serial, "posture", "devices");

	for (int i = 0; i < 3; i++) {
		char id[16];

		snprintf(id, sizeof(id), "check-%d", i);
		json_array_append_new(json_object_get(r, "posture"),
		                      json_pack("{s:s,s:s,s:s,s:s,s:[],s:{s:I,s:s,s:s},s:I}", "id", id, "row", "P1",
		                                "clause", "5.1(1)", "state", "compliant", "detail", "evidence", "age",
		                                (json_int_t)serial, "path", "/dev/mapper/root", "cipher",
		                                "aes-xts-plain64", "at", (json_int_t)serial));
	}
	return r;
}

static double by_store(struct sk_store *s, int batch, int count)
{
	static long serial;
	json_t **made = calloc((size_t)count, sizeof(*made)); /* a terminal's report comes parsed */
	char id[SK_UUID_LEN];
	double began, took;

	for (int i = 0; i < count; i++)
		made[i] = report(++serial);
	began = now_us();
	for (int i = 0; i < count; i++) {
		if (i % batch == 0)
			need(sk_store_batch_begin(s) == 0, "begin");
		id_of(i % TERMINALS, id);
		need(sk_store_report_put(s, id, made[i], sk_clock_wall(), NULL) == 0, "report");
		if (i % batch == batch - 1)
			need(sk_store_batch_end(s) == 0, "commit");
	}
	took = now_us() - began;
	for (int i = 0; i < count; i++)
		json_decref(made[i]);
	free(made);
	return took / count;
}

/* The same statements, as somebody writes them for PostgreSQL by hand. */
enum { KNOWN, SAVEPOINT, REPORT, POSTURE, STATE, RELEASE, LIVE, STATEMENTS };
static const char *const texts[STATEMENTS] = {
    [KNOWN] = "SELECT stable FROM reports WHERE device = $1",
    [SAVEPOINT] = "SAVEPOINT a",
    [REPORT] = "INSERT INTO reports(device, received, stable, status, devices, posture) VALUES($1,$2,$3,$4,$5,$6) ON "
               "CONFLICT(device) DO "
               "UPDATE SET received = excluded.received, stable = excluded.stable, status = excluded.status, devices = "
               "excluded.devices, posture = excluded.posture",
    [POSTURE] = "SELECT \"check\", state FROM posture WHERE device = $1",
    [STATE] = "UPDATE terminals SET state = $1 WHERE id = $2 AND (state IS NULL OR state <> $1)",
    [RELEASE] = "RELEASE a",
    [LIVE] = "INSERT INTO live(device, at, status, received) VALUES($1,$2,$3,$2) ON CONFLICT(device) DO UPDATE SET at "
             "= excluded.at, "
             "status = excluded.status, received = excluded.received",
};

static void ask(PGconn *c, const char *sql)
{
	PGresult *r = PQexec(c, sql);

	need(PQresultStatus(r) == PGRES_COMMAND_OK || PQresultStatus(r) == PGRES_TUPLES_OK, PQerrorMessage(c));
	PQclear(r);
}

static void run(PGconn *c, int which, int n, const char *const *values)
{
	char name[8];
	PGresult *r;

	snprintf(name, sizeof(name), "b%d", which);
	r = PQexecPrepared(c, name, n, values, NULL, NULL, 0);
	need(PQresultStatus(r) == PGRES_COMMAND_OK || PQresultStatus(r) == PGRES_TUPLES_OK, PQerrorMessage(c));
	PQclear(r);
}

static PGconn *bare_open(const char *url)
{
	PGconn *c = PQconnectdb(url);

	need(PQstatus(c) == CONNECTION_OK, PQerrorMessage(c));
	ask(c, "SET client_min_messages = error");
	ask(c, "CREATE TEMP TABLE live(device text COLLATE \"C\" PRIMARY KEY, at bigint NOT NULL, status text, "
	       "received bigint)");
	for (int i = 0; i < STATEMENTS; i++) {
		char name[8];

		snprintf(name, sizeof(name), "b%d", i);
		PQclear(PQprepare(c, name, texts[i], 0, NULL));
	}
	return c;
}

static double bare(PGconn *c, int batch, int count)
{
	static long serial = 1000000000;
	static const char devices[] = "[]", state[] = "compliant";
	struct {
		char *posture, *status, stable[SK_SHA256_HEX];
	} *made = calloc((size_t)count, sizeof(*made));
	double began, took;

	for (int i = 0; i < count; i++) {
		json_t *r = report(++serial);

		made[i].posture = sk_json_text(json_object_get(r, "posture"));
		json_object_del(r, "posture");
		json_object_del(r, "devices");
		made[i].status = sk_json_text(r);
		snprintf(made[i].stable, sizeof(made[i].stable), "%064ld", serial);
		json_decref(r);
	}
	began = now_us();
	for (int i = 0; i < count; i++) {
		char id[SK_UUID_LEN], at[24];

		if (i % batch == 0)
			ask(c, "BEGIN; SELECT pg_advisory_xact_lock(1, 2); SELECT pg_current_xact_id()");
		id_of(i % TERMINALS, id);
		snprintf(at, sizeof(at), "%lld", (long long)sk_clock_wall());
		run(c, KNOWN, 1, (const char *const[]){id});
		run(c, SAVEPOINT, 0, NULL);
		run(c, REPORT, 6,
		    (const char *const[]){id, at, made[i].stable, made[i].status, devices, made[i].posture});
		run(c, POSTURE, 1, (const char *const[]){id});
		run(c, STATE, 2, (const char *const[]){state, id});
		run(c, RELEASE, 0, NULL);
		run(c, LIVE, 3, (const char *const[]){id, at, made[i].status});
		if (i % batch == batch - 1)
			ask(c, "COMMIT");
	}
	took = now_us() - began;
	for (int i = 0; i < count; i++) {
		free(made[i].posture);
		free(made[i].status);
	}
	free(made);
	return took / count;
}

static void series(const char *name, const double *values, int n, const char *end)
{
	printf("\"%s\":[", name);
	for (int i = 0; i < n; i++)
		printf("%s%.2f", i > 0 ? "," : "", values[i]);
	printf("]%s", end);
}

int main(int argc, char **argv)
{
	enum { MOST = 32 };
	double ours[MOST], peer[MOST], ours_1[MOST], peer_1[MOST], file[MOST];
	struct sk_err err = SK_ERR_INIT;
	struct sk_store *s = NULL, *lite = NULL;
	int rounds = argc == 4 ? (int)strtol(argv[3], NULL, 10) : 0;
	PGconn *c;

	need(rounds > 0 && rounds <= MOST, "usage: store_load URL FILE ROUNDS");
	need(sk_store_open(argv[1], true, &s, &err) == 0, err.text);
	need(sk_store_open(argv[2], true, &lite, &err) == 0, err.text);
	fill(s);
	fill(lite);
	c = bare_open(argv[1]);
	(void)by_store(s, 128, REPORTS);
	(void)bare(c, 128, REPORTS);
	for (int i = 0; i < rounds; i++) {
		ours[i] = by_store(s, 128, REPORTS);
		peer[i] = bare(c, 128, REPORTS);
		ours_1[i] = by_store(s, 1, REPORTS / 8);
		peer_1[i] = bare(c, 1, REPORTS / 8);
		file[i] = by_store(lite, 128, REPORTS);
	}
	printf("{");
	series("batch", ours, rounds, ",");
	series("batch_bare", peer, rounds, ",");
	series("single", ours_1, rounds, ",");
	series("single_bare", peer_1, rounds, ",");
	series("sqlite", file, rounds, "}\n");
	PQfinish(c);
	sk_store_close(s);
	sk_store_close(lite);
	return 0;
}
