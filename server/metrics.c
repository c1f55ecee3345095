/* See metrics.h. Names and units as Prometheus asks: base units, _total for counters. */
#include "server/metrics.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "server/ca.h"
#include "server/job.h"
#include "server/orders.h"
#include "server/overload.h"

static void head(struct sk_buf *b, const char *name, const char *type, const char *help)
{
	sk_buf_addf(b, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void one(struct sk_buf *b, const char *name, const char *type, const char *help, unsigned long long v)
{
	head(b, name, type, help);
	sk_buf_addf(b, "%s %llu\n", name, v);
}

static void by_label(struct sk_buf *b, const char *name, const char *label, const json_t *counts)
{
	const char *key;
	json_t *n;

	json_object_foreach((json_t *)(uintptr_t)counts, key, n)
	{
		sk_buf_addf(b, "%s{%s=\"%s\"} %lld\n", name, label, key, (long long)json_integer_value(n));
	}
}

static void refused(struct sk_buf *b, const char *listener, const struct sk_listener_counts *c)
{
	const struct {
		const char *reason;
		unsigned long long n;
	} rows[] = {{"late", c->late},
	            {"per-address", c->per_address},
	            {"crowded-out", c->crowded_out},
	            {"unwelcome", c->unwelcome},
	            {"headerless", c->headerless}};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		sk_buf_addf(b, "sekimori_connections_refused_total{listener=\"%s\",reason=\"%s\"} %llu\n", listener,
		            rows[i].reason, rows[i].n);
}

static void http(struct sk_buf *b, const struct sk_server_stats *s)
{
	const struct sk_http_stats *const stats[] = {&s->agents, &s->console};
	const struct sk_listener *const listeners[] = {s->agents_listener, s->console_listener};
	static const char *const names[] = {"agents", "console"};

	head(b, "sekimori_http_responses_total", "counter", "Answers by listener and class of status.");
	for (int i = 0; i < 2; i++) {
		for (int c = 2; c < 6; c++)
			sk_buf_addf(b, "sekimori_http_responses_total{listener=\"%s\",class=\"%dxx\"} %llu\n", names[i],
			            c, stats[i]->by_class[c]);
	}
	head(b, "sekimori_connections", "gauge", "Open connections by listener.");
	for (int i = 0; i < 2; i++)
		sk_buf_addf(b, "sekimori_connections{listener=\"%s\"} %zu\n", names[i],
		            sk_listener_connections(listeners[i]));
	head(b, "sekimori_connections_refused_total", "counter",
	     "Connections cut: past a deadline, too many of one address, given up by a full listener, or of an address "
	     "that kept failing.");
	for (int i = 0; i < 2; i++)
		refused(b, names[i], sk_listener_counts(listeners[i]));
	head(b, "sekimori_handshakes_failed_total", "counter", "Connections that ended before their handshake did.");
	for (int i = 0; i < 2; i++)
		sk_buf_addf(b, "sekimori_handshakes_failed_total{listener=\"%s\"} %llu\n", names[i],
		            sk_listener_counts(listeners[i])->handshakes_failed);
}

static unsigned long long resident_bytes(void)
{
	unsigned long long pages = 0;
	FILE *f = fopen("/proc/self/statm", "re");

	if (f != NULL) {
		if (fscanf(f, "%*u %llu", &pages) != 1)
			pages = 0;
		fclose(f);
	}
	return pages * (unsigned long long)sysconf(_SC_PAGESIZE);
}

static void store(struct sk_buf *b, const json_t *counts)
{
	const json_t *totals = json_object_get(counts, "totals");

	head(b, "sekimori_terminals", "gauge", "Terminals by the worst state of their checks.");
	by_label(b, "sekimori_terminals", "state", json_object_get(counts, "states"));
	head(b, "sekimori_requests", "gauge", "Requests by state.");
	by_label(b, "sekimori_requests", "state", json_object_get(counts, "requests"));
	one(b, "sekimori_terminals_revoked", "gauge", "Terminals shut out.",
	    (unsigned long long)json_integer_value(json_object_get(totals, "revoked")));
	one(b, "sekimori_grants_valid", "gauge", "Grants in force.",
	    (unsigned long long)json_integer_value(json_object_get(totals, "grants_valid")));
	one(b, "sekimori_events_stored_total", "counter", "Events in the ledger.",
	    (unsigned long long)json_integer_value(json_object_get(totals, "events")));
	one(b, "sekimori_incidents_total", "counter", "Broken chains and malformed records seen.",
	    (unsigned long long)json_integer_value(json_object_get(totals, "incidents")));
	one(b, "sekimori_audit_records_total", "counter", "Lines of the audit trail.",
	    (unsigned long long)json_integer_value(json_object_get(totals, "audit")));
}

static void certificates(struct sk_buf *b, const struct sk_ca *ca)
{
	sk_ms own = 0, top = 0;

	if (ca == NULL || sk_ca_ends(ca, &own, &top) < 0)
		return;
	head(b, "sekimori_certificate_ends_timestamp_seconds", "gauge", "When certificates end, seconds since 1970.");
	sk_buf_addf(b, "sekimori_certificate_ends_timestamp_seconds{of=\"server\"} %lld\n", (long long)(own / 1000));
	sk_buf_addf(b, "sekimori_certificate_ends_timestamp_seconds{of=\"authority\"} %lld\n", (long long)(top / 1000));
}

static void checkpoint(struct sk_buf *b, struct sk_store *s)
{
	int64_t records = 0;
	sk_ms time = 0;

	sk_store_checkpoint_last(s, &records, &time); /* 0 while there is none */
	one(b, "sekimori_audit_checkpoint_records", "gauge", "Lines of the audit trail the last checkpoint covers.",
	    (unsigned long long)records);
	one(b, "sekimori_audit_checkpoint_timestamp_seconds", "gauge",
	    "Time of the last checkpoint, seconds since 1970.", (unsigned long long)(time / 1000));
}

static const struct {
	const char *name, *type, *help, *member;
	int per;
} of_jobs[] = {
    {"sekimori_job_runs_total", "counter", "Runs of a job that ended well, over all nodes.", "runs", 1},
    {"sekimori_job_failures", "gauge", "Failures of a job in a row; 0 when its last turn went well.", "failures", 1},
    {"sekimori_job_done", "gauge", "How many things the job's last run did.", "done", 1},
    {"sekimori_job_ended_timestamp_seconds", "gauge", "End of the job's last good run, seconds since 1970; 0 = never.",
     "ended", 1000},
    {"sekimori_job_next_timestamp_seconds", "gauge", "When the job is due, seconds since 1970.", "next", 1000},
};

static void jobs(struct sk_buf *b, struct sk_store *s)
{
	json_t *list = sk_store_jobs(s), *j;
	size_t k;

	for (size_t i = 0; i < sizeof(of_jobs) / sizeof(of_jobs[0]); i++) {
		head(b, of_jobs[i].name, of_jobs[i].type, of_jobs[i].help);
		json_array_foreach(list, k, j)
		{
			sk_buf_addf(
			    b, "%s{job=\"%s\"} %lld\n", of_jobs[i].name, json_string_value(json_object_get(j, "name")),
			    (long long)json_integer_value(json_object_get(j, of_jobs[i].member)) / of_jobs[i].per);
		}
	}
	json_decref(list);
}

int sk_metrics_text(const struct sk_server *server, sk_ms now, struct sk_buf *out)
{
	const struct sk_server_stats *s = server->stats;
	json_t *counts = sk_store_counts(server->store, now, server->config->silent_s * 1000);

	if (counts == NULL)
		return -EIO;
	head(out, "sekimori_build_info", "gauge", "Version of the program.");
	sk_buf_addf(out, "sekimori_build_info{version=\"%s\"} 1\n", SK_VERSION);
	one(out, "process_start_time_seconds", "gauge", "Start of the process, seconds since 1970.",
	    (unsigned long long)(s->started / 1000));
	one(out, "process_resident_memory_bytes", "gauge", "Resident memory.", resident_bytes());
	one(out, "sekimori_orders_waiting", "gauge", "Terminals waiting for orders.",
	    sk_orders_waiting(server->orders));
	one(out, "sekimori_draining", "gauge", "1 while the node hands over to others.", server->draining);
	one(out, "sekimori_reports_total", "counter", "Reports taken since the start.", s->reports);
	one(out, "sekimori_events_total", "counter", "Events taken since the start.", s->events);
	one(out, "sekimori_enrolled_total", "counter", "Terminals enrolled since the start.", s->enrolled);
	one(out, "sekimori_requests_limited_total", "counter", "Requests refused because their terminal sent too many.",
	    s->limited);
	if (server->overload != NULL) {
		one(out, "sekimori_requests_shed_total", "counter",
		    "Requests put off because the server did not keep up.", server->overload->shed);
		one(out, "sekimori_loop_lag_milliseconds", "gauge", "How late the event loop is.",
		    (unsigned long long)server->overload->lag);
	}
	http(out, s);
	store(out, counts);
	checkpoint(out, server->store);
	jobs(out, server->store);
	certificates(out, server->ca);
	one(out, "sekimori_ready", "gauge", "1 when the ledger can be written and has room, as /readyz.",
	    sk_store_ready(server->store) == 0);
	json_decref(counts);
	return sk_buf_error(out);
}
