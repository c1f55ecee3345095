/*
 * The agent itself, as terminals tell of it: which program stands for a version, and what was running last. A terminal that is silent, goes backwards, runs
 * another program than the others of its version, or came up without saying so becomes an incident, whatever that terminal's own record says.
 */
#include "server/store_inside.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "policy/tamper.h"

static const char *member(const json_t *o, const char *name)
{
	const char *s = json_string_value(json_object_get(o, name));

	return s != NULL ? s : "";
}

/* The first program that any terminal reports for a version stands for it. */
static int check_program(struct sk_store *s, const char *device, const char *version, const char *program, sk_ms now)
{
	struct db_rows *st;
	char first[16];
	bool other;
	int r;

	if (version[0] == '\0' || strlen(version) > 31 || strlen(program) != SK_SHA256_HEX - 1)
		return 0;
	r = db_run(
	    s,
	    "INSERT INTO agent_programs(version, program, terminal, first) VALUES(?,?,?,?) ON CONFLICT(version) DO "
	    "NOTHING",
	    "sssi", version, program, device, now);
	if (r != 0)
		return r < 0 ? r : 0;
	st = db_query(s, "SELECT program FROM agent_programs WHERE version = ?", "s", version);
	r = db_next(st);
	other = r == 1 && strcmp(db_text(st, 0), program) != 0;
	db_end(st);
	if (r < 0 || !other)
		return r < 0 ? r : 0;
	/* Once for each program: the same one again is no news. */
	sk_text_copy(first, 13, program);
	return incident_add(s, device, "agent-program", (int64_t)strtoll(first, NULL, 16),
	                    "runs another program than the other terminals of its version", now);
}

struct run {
	char boot[64], version[32];
	int64_t last_seq;
};

static int run_of(struct sk_store *s, const char *device, struct run *out)
{
	struct db_rows *st =
	    db_query(s,
	             "SELECT a.boot, a.version, t.last_seq FROM agent_runs a JOIN terminals t ON t.id = "
	             "a.terminal WHERE a.terminal = ?",
	             "s", device);
	int r = db_next(st);

	if (r == 1) {
		db_copy(st, 0, out->boot, sizeof(out->boot));
		db_copy(st, 1, out->version, sizeof(out->version));
		out->last_seq = db_number(st, 2);
	}
	db_end(st);
	return r;
}

/* Everything the terminal has on record is here, and no start for this boot is among it. */
static int check_boot(struct sk_store *s, const char *device, const struct run *run, const json_t *report, sk_ms now)
{
	const char *boot = member(report, "boot_id");
	json_int_t there = json_integer_value(json_object_get(json_object_get(report, "journal"), "last_seq"));

	if (boot[0] == '\0' || run->boot[0] == '\0' || strcmp(boot, run->boot) == 0 || there <= 0 ||
	    there > run->last_seq)
		return 0;
	return incident_add(s, device, "agent-boot", run->last_seq,
	                    "was started anew, and its record knows nothing of it", now);
}

int agent_from_report(struct sk_store *s, const char *device, const json_t *report, sk_ms now)
{
	const char *version = member(report, "version");
	struct run run = {.last_seq = 0};
	int r = check_program(s, device, version, member(report, "program"), now);

	if (r < 0)
		return r;
	r = run_of(s, device, &run);
	if (r <= 0)
		return r;
	r = check_boot(s, device, &run, report, now);
	if (r >= 0 && version[0] != '\0' && sk_version_compare(version, run.version) < 0)
		r = incident_add(s, device, "agent-older", run.last_seq, "reports an older agent than it had", now);
	return r;
}

/* daemon.started, since it says in which boot. */
static int started(struct sk_store *s, const char *device, const json_t *body, const struct sk_event *e)
{
	const char *boot = member(body, "boot_id"), *version = member(body, "version");
	int r;

	if (boot[0] == '\0' || strlen(boot) > 63 || strlen(version) > 31)
		return 0;
	r = db_run(
	    s,
	    "INSERT INTO agent_runs(terminal, boot, version, time) VALUES(?,?,?,?) ON CONFLICT(terminal) DO UPDATE SET "
	    "boot = excluded.boot, version = excluded.version, time = excluded.time",
	    "sssi", device, boot, version, e->time);
	return r < 0 ? r : 0;
}

int agent_from_event(struct sk_store *s, const char *device, const struct sk_event *e, sk_ms now)
{
	static const struct {
		const char *kind, *incident, *text;
	} kinds[] = {
	    {"agent.downgraded", "agent-older", "an older agent was installed"},
	    {"agent.replaced", "agent-program", "the agent was exchanged for another program of the same version"},
	    {"agent.traced", "agent-traced", "another program looks into the agent"},
	    {"agent.files-changed", "agent-files", "files of the agent are not those of its package"},
	};
	json_t *body = NULL;
	int r = 0;

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (strcmp(kinds[i].kind, e->kind) == 0)
			return incident_add(s, device, kinds[i].incident, e->seq, kinds[i].text, now);
	if (strcmp(e->kind, "daemon.started") == 0 &&
	    sk_json_parse(e->body, e->body_len, SK_EVENT_BODY_MAX, &body, NULL) == 0)
		r = started(s, device, body, e);
	json_decref(body);
	return r;
}
