/*
 * A ledger of many terminals: store_fleet FILE COUNT ROUNDS. The first MADE are enrolled and report as terminals do, in sections of 250 with CHECKS checks
 * each; the others are copied from them inside the database. Then it measures what the console's pages and a report cost the server's one thread. One
 * line of JSON.
 */
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/json.h"
#include "server/job.h"
#include "server/store.h"

#define CHECKS  20
#define SECTION 250
#define MADE    1000
#define BATCH   128 /* reports in a commit */
#define FILL    1024
#define SILENT  ((sk_ms)3 * 86400 * 1000)

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
	fprintf(stderr, "store_fleet: %s\n", what);
	exit(1);
}

static void id_of(int n, char id[SK_UUID_LEN])
{
	snprintf(id, SK_UUID_LEN, "%08d-0000-4000-8000-%012d", n / MADE, n % MADE);
}

/* Each twentieth terminal has something that is not as it should be; `serial` makes it a new one. */
static json_t *report(int n, long serial)
{
	json_t *r =
	    json_pack("{s:s,s:s,s:{s:s,s:i},s:{s:I},s:[],s:[]}", "version", "0.1.0", "os", "Debian GNU/Linux 12",
	              "policy", "name", "p", "version", 1, "clock", "now", (json_int_t)serial, "posture", "devices");

	for (int i = 0; i < CHECKS; i++) {
		char id[16];

		snprintf(id, sizeof(id), "check-%d", i);
		json_array_append_new(json_object_get(r, "posture"),
		                      json_pack("{s:s,s:s,s:s,s:s,s:[],s:{s:I},s:I}", "id", id, "row", "P1", "clause",
		                                "5.1(1)", "state", n % 20 == i ? "non-compliant" : "compliant",
		                                "detail", "evidence", "age", (json_int_t)serial, "at",
		                                (json_int_t)serial));
	}
	return r;
}

static void report_of(struct sk_store *s, int n, long serial)
{
	char id[SK_UUID_LEN];
	json_t *r = report(n, serial);

	id_of(n, id);
	need(sk_store_report_put(s, id, r, sk_clock_wall(), NULL) == 0, "report");
	json_decref(r);
}

static void enrol(struct sk_store *s, int n, const struct sk_actor *by)
{
	char id[SK_UUID_LEN], sha[SK_SHA256_HEX], fp[SK_SHA256_HEX], host[32], unit[32];
	sk_ms now = sk_clock_wall();

	id_of(n, id);
	snprintf(sha, sizeof(sha), "%063dt", n);
	snprintf(fp, sizeof(fp), "%064d", n);
	snprintf(host, sizeof(host), "pc-%06d", n);
	snprintf(unit, sizeof(unit), "section-%d", n / SECTION);
	if (n % SECTION == 0)
		need(sk_store_unit_put(s, by, unit, "課", "Section", NULL) == 0, "unit");
	need(sk_store_token_put(s, by, sha, host, "", unit, now + 3600000, NULL) == 0, "token");
	need(sk_store_enrol(s, sha, host, "", id, fp, now + 86400000, now, NULL) == 0, "enrol");
}

static void fill(struct sk_store *s, int count)
{
	struct sk_actor by = {.user = "cli:root", .name = "root", .role = SK_ROLE_SYS};

	for (int n = 0; n < count; n += FILL) {
		need(sk_store_batch_begin(s) == 0, "begin");
		for (int i = n; i < count && i < n + FILL; i++) {
			enrol(s, i, &by);
			report_of(s, i, 1);
		}
		need(sk_store_batch_end(s) == 0, "commit");
	}
}

/* copies more of everything, each in sections of its own. */
static void copy(const char *path, int copies)
{
	static const char sql[] =
	    "CREATE TEMP TABLE k AS WITH RECURSIVE k(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM k WHERE n < %d) "
	    "SELECT n FROM k;"
	    "BEGIN;"
	    "INSERT INTO units SELECT key || '-' || n, name_ja, name_en FROM k, (SELECT * FROM units);"
	    "INSERT INTO unit_within SELECT key, key FROM units WHERE true ON CONFLICT DO NOTHING;"
	    "INSERT INTO terminals(id, host, asset, unit, fingerprint, cert_until, enrolled, last_hash, last_contact, "
	    "state)"
	    " SELECT printf('%%08d', n) || substr(id, 9), host || '-' || n, asset, unit || '-' || n, printf('%%08d', "
	    "n) || "
	    "substr(fingerprint, 9), cert_until, enrolled, last_hash, last_contact, state FROM k, (SELECT * FROM "
	    "terminals);"
	    "INSERT INTO posture SELECT printf('%%08d', n) || substr(device, 9), \"check\", state, since FROM k, "
	    "(SELECT * FROM "
	    "posture);"
	    "INSERT INTO reports SELECT printf('%%08d', n) || substr(device, 9), received, stable, status, devices, "
	    "posture FROM k, "
	    "(SELECT * FROM reports);"
	    "COMMIT;";
	char *text = sqlite3_mprintf(sql, copies);
	sqlite3 *db = NULL;

	need(sqlite3_open(path, &db) == SQLITE_OK && sqlite3_exec(db, text, NULL, NULL, NULL) == SQLITE_OK,
	     sqlite3_errmsg(db));
	sqlite3_free(text);
	sqlite3_close(db);
}

static int by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static void put(json_t *out, const char *name, double *took, int rounds)
{
	char p95[64];

	qsort(took, (size_t)rounds, sizeof(*took), by_size);
	snprintf(p95, sizeof(p95), "%s_p95", name);
	json_object_set_new(out, name, json_real(took[rounds / 2]));
	json_object_set_new(out, p95, json_real(took[(rounds * 95 - 1) / 100]));
}

static json_t *page(struct sk_store *s, int which, int n)
{
	char host[32], id[SK_UUID_LEN], unit[32];
	sk_ms now = sk_clock_wall();

	id_of(n % MADE, id);
	snprintf(host, sizeof(host), n < MADE ? "pc-%06d" : "pc-%06d-%d", n % MADE, n / MADE);
	snprintf(unit, sizeof(unit), n < MADE ? "section-%d" : "section-%d-%d", n % MADE / SECTION, n / MADE);
	if (n >= MADE) {
		char head[9];

		snprintf(head, sizeof(head), "%08d", n / MADE);
		memcpy(id, head, 8);
	}
	switch (which) {
	case 0:
		return sk_store_overview(s, NULL, now, SILENT);
	case 1:
		return sk_store_overview(s, unit, now, SILENT);
	case 2:
		return sk_store_terminals(s, NULL, host, NULL, now, SILENT, 50, 0);
	case 3:
		return sk_store_terminals(s, NULL, NULL, NULL, now, SILENT, 50, 0);
	case 4:
		return sk_store_counts(s, now, SILENT);
	default:
		return sk_store_terminal_page(s, id, now, SILENT);
	}
}

int main(int argc, char **argv)
{
	static const char *const pages[] = {"overview", "overview_unit", "search", "list", "counts", "terminal"};
	int count = argc == 4 ? atoi(argv[2]) : 0, rounds = argc == 4 ? atoi(argv[3]) : 0;
	double *took = calloc((size_t)rounds + 1, sizeof(*took)), began;
	struct sk_store *s = NULL;
	json_t *out = json_object();

	need(count > 0 && count % MADE == 0 && rounds > 0, "usage: store_fleet FILE COUNT ROUNDS; COUNT in thousands");
	need(sk_store_open(argv[1], true, &s, NULL) == 0, "open");
	fill(s, MADE);
	if (count > MADE)
		copy(argv[1], count / MADE - 1);
	need(sk_store_tend(s, sk_clock_wall()) >= 0, "tend");
	began = now_us();
	while (sk_jobs_tend(s, sk_jobs, sk_clock_wall()))
		;
	json_object_set_new(out, "jobs", json_real(now_us() - began));
	for (size_t p = 0; p < sizeof(pages) / sizeof(pages[0]); p++) {
		for (int i = 0; i < rounds; i++) {
			json_t *j;

			began = now_us();
			j = page(s, (int)p, (int)((long)i * 7919 % count));
			took[i] = now_us() - began;
			need(j != NULL, pages[p]);
			json_decref(j);
		}
		put(out, pages[p], took, rounds);
	}
	began = now_us();
	for (int i = 0; i < 1024; i += BATCH) {
		need(sk_store_batch_begin(s) == 0, "begin");
		for (int k = 0; k < BATCH; k++)
			report_of(s, (int)((long)(i + k) * 7919 % count), 2);
		need(sk_store_batch_end(s) == 0, "commit");
	}
	json_object_set_new(out, "report", json_real((now_us() - began) / 1024));
	json_dumpf(out, stdout, JSON_SORT_KEYS);
	putchar('\n');
	json_decref(out);
	free(took);
	sk_store_close(s);
	return 0;
}
