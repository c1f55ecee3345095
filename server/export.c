/* Exports: written line by line, and read again with nothing but the public key (server/checkpoint.h). */
#include "server/checkpoint.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/chain.h"
#include "common/json.h"
#include "common/text.h"
#include "server/audit_chain.h"
#include "server/checkpoint_read.h"
#include "server/retention.h"

#define FORMAT         "sekimori-export-1"
#define LINE_MAX_BYTES (1024 * 1024)

struct seal { /* what the last line says of those before */
	uint8_t hash[SK_SHA256_LEN];
	int64_t audit, checkpoints, events;
};

static void cover(struct seal *s, const char *line, size_t len)
{
	const struct sk_part parts[] = {{s->hash, sizeof(s->hash)}, {line, len}};

	sk_sha256_parts(parts, 2, s->hash);
}

struct writer {
	FILE *out;
	struct seal seal;
};

static int put(struct writer *w, json_t *object)
{
	char *text = object == NULL ? NULL : sk_json_text(object);
	int r = text == NULL ? -ENOMEM : 0;

	json_decref(object);
	if (r == 0) {
		cover(&w->seal, text, strlen(text));
		if (fputs(text, w->out) < 0 || fputc('\n', w->out) < 0)
			r = errno != 0 ? -errno : -EIO;
	}
	free(text);
	return r;
}

static int put_row(void *arg, const char *table, const json_t *row)
{
	struct writer *w = arg;

	w->seal.audit += table[0] == 'a';
	w->seal.checkpoints += table[0] == 'c';
	w->seal.events += table[0] == 'e';
	return put(w, json_pack("{s:O}", table, row));
}

static int put_seal(struct writer *w, const struct sk_sign_key *key, sk_ms now)
{
	char hex[SK_SHA256_HEX], *envelope;
	json_t *body;
	int r;

	sk_hex(w->seal.hash, sizeof(w->seal.hash), hex);
	body = json_pack("{s:s,s:I,s:I,s:I}", "lines", hex, "audit", (json_int_t)w->seal.audit, "checkpoints",
	                 (json_int_t)w->seal.checkpoints, "events", (json_int_t)w->seal.events);
	envelope = body == NULL ? NULL : sk_bundle_sign(key, SK_EXPORT_KIND, SK_NO_DEVICE, 1, now, 0, body);
	json_decref(body);
	r = envelope == NULL ? -ENOMEM : put(w, json_pack("{s:s}", "seal", envelope));
	free(envelope);
	return r;
}

int sk_export_write(struct sk_store *s, const struct sk_sign_key *key, sk_ms now, FILE *out, struct sk_err *err)
{
	struct writer w = {.out = out};
	int r = sk_checkpoint_tend(s, key, now, true); /* so that the trail's very end is covered */

	errno = 0;
	if (r >= 0)
		r = put(&w, json_pack("{s:s,s:I}", "format", FORMAT, "made", (json_int_t)now));
	if (r >= 0)
		r = sk_store_evidence(s, NULL, put_row, &w);
	if (r >= 0)
		r = put_seal(&w, key, now);
	if (r >= 0 && fflush(out) != 0)
		r = -errno;
	return r < 0 ? sk_err_set(err, r, "the export cannot be written: %s", strerror(-r)) : 0;
}

struct noted {
	struct sk_checkpoint c;
	bool met;
};

struct reader {
	const struct sk_verify_key *key;
	json_t *findings;
	struct seal seal;
	bool sealed;
	int broken;
	int64_t audit, audit_at; /* good lines, and the bad one */
	char audit_head[SK_SHA256_HEX];
	const char *audit_state;
	struct noted *marks; /* by rising records, as they come; the one somebody noted first */
	size_t n_marks;
	const char *mark_state;
	int64_t mark_at;
	char device[SK_UUID_LEN], event_head[SK_SHA256_HEX];
	int64_t seq, event_at;
	int64_t first; /* the record before the first that is there: 0, or the last one deleted */
	const char *event_state;
	json_t *deleted; /* what the trail says of it: device -> [seq, hash] */
	json_t *bases; /* what the export says, of chains not met yet: device -> [seq, hash] */
};

static const char *text_at(const json_t *row, size_t i)
{
	return json_string_value(json_array_get(row, i));
}

static bool is_row(const json_t *row, const char *form)
{
	bool good = json_array_size(row) == strlen(form);

	for (size_t i = 0; good && form[i] != '\0'; i++)
		good = form[i] == 'i' ? json_is_integer(json_array_get(row, i)) : text_at(row, i) != NULL;
	return good;
}

static int finding(struct reader *r, const char *chain, int64_t n, const char *state, int64_t at)
{
	int b = sk_checkpoint_finding(r->findings, chain, n, state, at);

	r->broken += b > 0;
	return b < 0 ? b : 0;
}

static int add_mark(struct reader *r, const struct sk_checkpoint *c)
{
	struct noted *more = realloc(r->marks, (r->n_marks + 1) * sizeof(*more));

	if (more == NULL)
		return -ENOMEM;
	r->marks = more;
	more[r->n_marks++] = (struct noted){*c, false};
	return 0;
}

static int read_checkpoint(struct reader *r, const json_t *row)
{
	struct sk_checkpoint c;

	r->seal.checkpoints++;
	if (r->mark_state[0] == 'o' && sk_checkpoint_read(text_at(row, 0), r->key, &c, NULL) < 0)
		r->mark_state = "signature";
	return r->mark_state[0] == 'o' ? add_mark(r, &c) : 0;
}

/* Marks may stand at any line; there are few, and they come in order. */
static void meet_marks(struct reader *r, int64_t id, const char *hash)
{
	size_t low = 0, high = r->n_marks;

	while (low < high) { /* the first that is not before id; the noted one at 0 is looked at apart */
		size_t mid = low + (high - low) / 2;

		if (mid == 0 || r->marks[mid].c.records < id)
			low = mid + 1;
		else
			high = mid;
	}
	for (size_t i = 0; i < r->n_marks; i = i == 0 && low > 0 ? low : i + 1) {
		struct noted *m = &r->marks[i];

		if (m->c.records > id && i > 0)
			break;
		if (m->c.records != id)
			continue;
		m->met = true;
		if (strcmp(m->c.head, hash) != 0 && r->mark_state[0] == 'o') {
			r->mark_state = "forged";
			r->mark_at = id;
		}
	}
}

static int read_audit(struct reader *r, const json_t *row)
{
	struct sk_audit_line l = {json_integer_value(json_array_get(row, 0)),
	                          json_integer_value(json_array_get(row, 1)),
	                          text_at(row, 2),
	                          text_at(row, 3),
	                          text_at(row, 4),
	                          text_at(row, 5),
	                          text_at(row, 6),
	                          text_at(row, 7),
	                          text_at(row, 8),
	                          text_at(row, 9)};

	r->seal.audit++;
	if (r->audit_state[0] != 'o')
		return 0;
	r->audit_state = sk_audit_follows(&l, text_at(row, 10), r->audit, r->audit_head);
	r->audit_at = l.id;
	if (r->audit_state[0] == 'o') {
		r->audit++;
		sk_text_copy(r->audit_head, sizeof(r->audit_head), text_at(row, 10));
		meet_marks(r, l.id, r->audit_head);
		return sk_retention_note(r->deleted, l.action, l.detail);
	}
	return 0;
}

static int end_device(struct reader *r)
{
	int rc = r->device[0] == '\0' ? 0 : finding(r, r->device, r->seq - r->first, r->event_state, r->event_at);

	r->device[0] = '\0';
	return rc;
}

static int read_base(struct reader *r, const json_t *row)
{
	return json_object_set_new(r->bases, text_at(row, 0),
	                           json_pack("[O,O]", json_array_get(row, 1), json_array_get(row, 2))) == 0
	           ? 0
	           : -ENOMEM;
}

/* A chain begins at record 1, or where the trail says that it does since older records were deleted. */
static void begin_device(struct reader *r, const char *device)
{
	const json_t *base = json_object_get(r->bases, device);
	const char *hash = text_at(base, 1);

	sk_text_copy(r->device, sizeof(r->device), device);
	sk_text_copy(r->event_head, sizeof(r->event_head), hash == NULL ? SK_CHAIN_ZERO : hash);
	r->seq = r->first = json_integer_value(json_array_get(base, 0));
	r->event_state = hash == NULL || sk_retention_told(r->deleted, device, r->seq, hash) ? "ok" : "cut";
	r->event_at = r->seq;
	json_object_del(r->bases, device);
}

static int read_event(struct reader *r, const json_t *row)
{
	struct sk_event e = {.seq = json_integer_value(json_array_get(row, 1)),
	                     .time = json_integer_value(json_array_get(row, 2)),
	                     .body = (char *)(uintptr_t)text_at(row, 4)};
	enum sk_chain_result c;
	int rc = 0;

	r->seal.events++;
	if (strcmp(r->device, text_at(row, 0)) != 0) {
		rc = end_device(r);
		begin_device(r, text_at(row, 0));
	}
	if (r->event_state[0] != 'o')
		return rc;
	e.body_len = strlen(e.body);
	sk_text_copy(e.kind, sizeof(e.kind), text_at(row, 3));
	sk_text_copy(e.prev, sizeof(e.prev), text_at(row, 5));
	sk_text_copy(e.hash, sizeof(e.hash), text_at(row, 6));
	c = sk_chain_follows(r->device, r->seq, r->event_head, &e);
	if (c == SK_CHAIN_OK) {
		r->seq++;
		sk_text_copy(r->event_head, sizeof(r->event_head), e.hash);
	} else {
		r->event_state = c == SK_CHAIN_GAP ? "gap" : c == SK_CHAIN_FORK ? "fork" : "forged";
		r->event_at = e.seq;
	}
	return rc;
}

static int read_seal(struct reader *r, const char *envelope)
{
	char hex[SK_SHA256_HEX];
	const char *state = "ok", *lines = NULL;
	long long audit = 0, checkpoints = 0, events = 0;
	struct sk_bundle b;

	r->sealed = true;
	if (end_device(r) < 0)
		return -ENOMEM;
	sk_hex(r->seal.hash, sizeof(r->seal.hash), hex);
	if (envelope == NULL || sk_statement_open(r->key, envelope, strlen(envelope), &b, NULL) < 0)
		return finding(r, "seal", 0, "signature", 0);
	if (strcmp(b.kind, SK_EXPORT_KIND) != 0 || strcmp(b.device, SK_NO_DEVICE) != 0 ||
	    sk_json_str(b.body, "lines", 64, 64, &lines, NULL) < 0 || strcmp(lines, hex) != 0 ||
	    sk_json_int(b.body, "audit", 0, INT64_MAX, &audit, NULL) < 0 || audit != r->seal.audit ||
	    sk_json_int(b.body, "checkpoints", 0, INT64_MAX, &checkpoints, NULL) < 0 ||
	    checkpoints != r->seal.checkpoints || sk_json_int(b.body, "events", 0, INT64_MAX, &events, NULL) < 0 ||
	    events != r->seal.events)
		state = "forged";
	sk_bundle_clear(&b);
	return finding(r, "seal", audit + checkpoints + events, state, 0);
}

static const struct {
	const char *name, *form;
	int (*read)(struct reader *r, const json_t *row);
} kinds[] = {
    {"checkpoint", "s", read_checkpoint},
    {"audit", "iisssssssss", read_audit},
    {"base", "sis", read_base},
    {"event", "siissss", read_event},
};

/* -EINVAL when the line is none of an export's. */
static int read_line(struct reader *r, const char *text, size_t len, size_t number)
{
	json_t *j = NULL;
	int rc = sk_json_parse(text, len, LINE_MAX_BYTES, &j, NULL);

	if (rc == 0 && (r->sealed || json_object_size(j) == 0))
		rc = -EINVAL;
	if (rc == 0 && number == 1) {
		const char *format = json_string_value(json_object_get(j, "format"));

		rc = format != NULL && strcmp(format, FORMAT) == 0 ? 0 : -EINVAL;
	} else if (rc == 0 && json_object_get(j, "seal") != NULL) {
		rc = read_seal(r, json_string_value(json_object_get(j, "seal")));
	} else if (rc == 0) {
		rc = -EINVAL;
		for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
			const json_t *row = json_object_get(j, kinds[i].name);

			if (row != NULL)
				rc = is_row(row, kinds[i].form) ? kinds[i].read(r, row) : -EINVAL;
		}
	}
	json_decref(j);
	cover(&r->seal, text, len);
	return rc;
}

static int conclude(struct reader *r)
{
	int64_t met = 0;
	int rc = end_device(r);
	const char *device;
	json_t *base;
	void *next;

	json_object_foreach_safe(r->bases, next, device, base)
	{
		begin_device(r, device); /* all of it was deleted */
		rc = rc < 0 ? rc : end_device(r);
	}
	if (rc == 0)
		rc = finding(r, "audit", r->audit, r->audit_state, r->audit_at);
	for (size_t i = 0; i < r->n_marks; i++) {
		met += r->marks[i].met;
		if (!r->marks[i].met && r->marks[i].c.records > 0 && r->mark_state[0] == 'o') {
			r->mark_state = "cut";
			r->mark_at = r->marks[i].c.records;
		}
	}
	if (rc == 0)
		rc = finding(r, "checkpoints", met, r->mark_state, r->mark_at);
	if (rc == 0 && !r->sealed)
		rc = finding(r, "seal", 0, "cut", 0);
	return rc;
}

static int read_all(struct reader *r, FILE *in, struct sk_err *err)
{
	char *line = NULL;
	size_t size = 0, number = 0;
	ssize_t n;
	int rc = 0;

	while (rc == 0 && (n = getline(&line, &size, in)) > 0) {
		number++;
		if (line[n - 1] == '\n')
			n--;
		rc = (size_t)n > LINE_MAX_BYTES ? -EINVAL : read_line(r, line, (size_t)n, number);
	}
	free(line);
	if (rc == 0 && ferror(in))
		rc = -EIO;
	if (rc == 0 && number == 0)
		rc = -EINVAL;
	if (rc < 0)
		return sk_err_set(err, rc, "line %zu: %s", number,
		                  rc == -EINVAL ? "not of an export of sekimori-server; is the file whole?"
		                                : strerror(-rc));
	return 0;
}

int sk_export_verify(FILE *in, const struct sk_verify_key *key, const char *noted, json_t **findings,
                     struct sk_err *err)
{
	struct reader r = {
	    .key = key, .findings = json_array(), .audit_state = "ok", .mark_state = "ok", .event_state = "ok"};
	struct sk_checkpoint c = {.records = 0};
	int rc = 0;

	sk_text_copy(r.audit_head, sizeof(r.audit_head), SK_CHAIN_ZERO);
	if (noted != NULL && sk_checkpoint_noted(noted, &c) < 0)
		rc = sk_err_set(err, -EINVAL, "\"%s\" is no checkpoint; give it as the log says it, RECORDS:HEAD",
		                noted);
	r.deleted = json_object();
	r.bases = json_object();
	if (rc == 0)
		rc = r.deleted == NULL || r.bases == NULL ? -ENOMEM : add_mark(&r, &c);
	if (rc == 0)
		rc = read_all(&r, in, err);
	if (rc == 0)
		rc = conclude(&r);
	free(r.marks);
	json_decref(r.deleted);
	json_decref(r.bases);
	if (rc < 0) {
		json_decref(r.findings);
		return rc;
	}
	*findings = r.findings;
	return r.broken;
}
