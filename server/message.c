/* Strict reading of terminals' messages. Times and counters are bounded so that arithmetic on them later cannot overflow. */
#include "server/message.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/json.h"
#include "common/text.h"
#include "policy/check.h"

#define TIME_MAX 253402300799999LL /* year 9999 */
#define SEQ_MAX  (1LL << 53)

static int object_of(const char *body, size_t len, size_t max, json_t **out, struct sk_err *err)
{
	json_t *doc = NULL;
	int r = sk_json_parse(body, len, max, &doc, err);

	if (r < 0)
		return -EINVAL;
	if (!json_is_object(doc)) {
		json_decref(doc);
		return sk_err_set(err, -EINVAL, "the body must be a JSON object");
	}
	*out = doc;
	return 0;
}

/* Event kinds: lower-case words with '.' and '-'. */
static bool is_kind(const char *s)
{
	return s[0] != '\0' && strlen(s) < SK_EVENT_KIND_MAX &&
	       strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789.-") == strlen(s);
}

static int hex_field(const json_t *o, const char *name, char out[SK_SHA256_HEX], struct sk_err *err)
{
	uint8_t raw[SK_SHA256_LEN];
	const char *v;
	int r = sk_json_str(o, name, 64, 64, &v, err);

	if (r < 0)
		return r;
	if (sk_unhex(v, raw, sizeof(raw)) < 0)
		return sk_err_set(err, -EINVAL, "field %s: not 64 lower-case hexadecimal digits", name);
	memcpy(out, v, SK_SHA256_HEX);
	return 0;
}

static int event_of(const json_t *o, struct sk_event *e, struct sk_err *err)
{
	const char *kind, *body;
	long long seq, time;
	json_t *inner = NULL;
	int r;

	if ((r = sk_json_int(o, "seq", 1, SEQ_MAX, &seq, err)) < 0 ||
	    (r = sk_json_int(o, "time", 0, TIME_MAX, &time, err)) < 0 ||
	    (r = sk_json_str(o, "kind", 1, SK_EVENT_KIND_MAX - 1, &kind, err)) < 0 ||
	    (r = sk_json_str(o, "body", 2, SK_EVENT_BODY_MAX, &body, err)) < 0 ||
	    (r = hex_field(o, "prev", e->prev, err)) < 0 || (r = hex_field(o, "hash", e->hash, err)) < 0)
		return r;
	if (!is_kind(kind))
		return sk_err_set(err, -EINVAL, "field kind: not a kind of event");
	/* Kept as it came, but pages read it as JSON: it must be an object. */
	if (object_of(body, strlen(body), SK_EVENT_BODY_MAX, &inner, err) < 0)
		return sk_err_prefix(err, -EINVAL, "field body");
	json_decref(inner);
	e->seq = seq;
	e->time = time;
	sk_text_copy(e->kind, sizeof(e->kind), kind);
	e->body = strdup(body);
	if (e->body == NULL)
		return -ENOMEM;
	e->body_len = strlen(body);
	return 0;
}

void sk_msg_events_free(struct sk_event *events, size_t n)
{
	for (size_t i = 0; events != NULL && i < n; i++)
		sk_event_clear(&events[i]);
	free(events);
}

int sk_msg_events(const char *body, size_t len, struct sk_event **out, size_t *n, struct sk_err *err)
{
	json_t *doc = NULL, *list = NULL;
	struct sk_event *events = NULL;
	size_t count = 0, i = 0;
	int r = object_of(body, len, SK_MSG_EVENTS_BODY, &doc, err);

	if (r == 0)
		r = sk_json_arr(doc, "events", SK_MSG_EVENTS_MAX, &list, err);
	if (r == 0 && (count = json_array_size(list)) == 0)
		r = sk_err_set(err, -EINVAL, "field events: empty");
	if (r == 0 && (events = calloc(count + 1, sizeof(*events))) == NULL)
		r = -ENOMEM;
	for (; r == 0 && i < count; i++) {
		r = event_of(json_array_get(list, i), &events[i], err);
		if (r == 0 && i > 0 && events[i].seq <= events[i - 1].seq)
			r = sk_err_set(err, -EINVAL, "field seq: does not rise");
		if (r < 0)
			sk_err_prefix(err, r, "event %zu", i + 1);
	}
	json_decref(doc);
	if (r < 0) {
		sk_msg_events_free(events, count);
		return r;
	}
	*out = events;
	*n = count;
	return 0;
}

static int posture_of(const json_t *doc, struct sk_err *err)
{
	json_t *list, *one;
	size_t i;
	int r = sk_json_arr(doc, "posture", 64, &list, err);

	if (r < 0)
		return r;
	json_array_foreach(list, i, one)
	{
		const char *id, *state;
		enum sk_state parsed;

		if ((r = sk_json_str(one, "id", 1, 40, &id, err)) < 0 ||
		    (r = sk_json_str(one, "state", 1, 20, &state, err)) < 0)
			return sk_err_prefix(err, r, "field posture, result %zu", i + 1);
		if (!sk_text_is_name(id, 40))
			return sk_err_set(err, -EINVAL, "field posture, result %zu: not the id of a check", i + 1);
		/* "silent" is the server's word about a terminal, not the terminal's. */
		if (sk_state_parse(state, &parsed) != 0 || parsed == SK_STATE_SILENT)
			return sk_err_set(err, -EINVAL, "field posture, result %zu: not a state", i + 1);
	}
	return 0;
}

/* What one device may list; and all devices together, so that the terminal's page can always be shown. */
#define IFACES_MAX  32
#define KINDS_MAX   32
#define MEDIA_MAX   16
#define MOUNTS_MAX  16
#define REPORT_ROWS 1024

static bool longer_than(const json_t *obj, const char *name, size_t most)
{
	return json_array_size(json_object_get(obj, name)) > most;
}

static int device_of(const json_t *one, size_t number, size_t *rows, struct sk_err *err)
{
	json_t *medium;
	size_t i;
	bool bad = !json_is_object(one) || longer_than(one, "interfaces", IFACES_MAX) ||
	           longer_than(one, "kinds", KINDS_MAX) || longer_than(one, "media", MEDIA_MAX);

	json_array_foreach(json_object_get(one, "media"), i, medium) bad =
	    bad || longer_than(medium, "mounts", MOUNTS_MAX);
	*rows +=
	    1 + json_array_size(json_object_get(one, "interfaces")) + json_array_size(json_object_get(one, "media"));
	if (bad || *rows > REPORT_ROWS)
		return sk_err_set(err, -EINVAL, "field devices, device %zu: not an object, or too much in it", number);
	return 0;
}

static int devices_of(const json_t *doc, struct sk_err *err)
{
	json_t *list, *one;
	size_t i, rows = 0;
	int r = sk_json_arr(doc, "devices", 256, &list, err);

	if (r < 0)
		return r;
	json_array_foreach(list, i, one)
	{
		if ((r = device_of(one, i + 1, &rows, err)) < 0)
			return r;
	}
	return 0;
}

int sk_msg_report(const char *body, size_t len, json_t **out, struct sk_err *err)
{
	json_t *doc = NULL, *part;
	const char *text;
	long long n = 0;
	int r = object_of(body, len, SK_MSG_REPORT_BODY, &doc, err);

	if (r < 0)
		return r;
	if ((r = sk_json_str(doc, "version", 1, 64, &text, err)) == 0 &&
	    (r = sk_json_str_opt(doc, "boot_id", 64, &text, err)) == 0 &&
	    (r = sk_json_str_opt(doc, "os", 255, &text, err)) == 0 &&
	    (r = sk_json_str_opt(doc, "host", 255, &text, err)) == 0 &&
	    (r = sk_json_str_opt(doc, "person", 63, &text, err)) == 0 &&
	    (r = sk_json_obj(doc, "policy", &part, err)) == 0 && (r = sk_json_obj(doc, "clock", &part, err)) == 0 &&
	    (r = sk_json_obj(doc, "journal", &part, err)) == 0 &&
	    (r = sk_json_int_opt(doc, "grants_version", 0, SEQ_MAX, &n, err)) == 0 && (r = posture_of(doc, err)) == 0)
		r = devices_of(doc, err);
	if (r < 0) {
		json_decref(doc);
		return r;
	}
	*out = doc;
	return 0;
}

void sk_msg_enrol_clear(struct sk_msg_enrol *m)
{
	json_decref(m->doc);
	memset(m, 0, sizeof(*m));
}

int sk_msg_enrol(const char *body, size_t len, struct sk_msg_enrol *out, struct sk_err *err)
{
	struct sk_msg_enrol m = {.asset = ""};
	int r = object_of(body, len, SK_MSG_ENROL_BODY, &m.doc, err);

	if (r < 0)
		return r;
	if ((r = sk_json_str(m.doc, "token", 1, 128, &m.token, err)) == 0 &&
	    (r = sk_json_str(m.doc, "host", 1, 253, &m.host, err)) == 0 &&
	    (r = sk_json_str_opt(m.doc, "asset", 63, &m.asset, err)) == 0 &&
	    (r = sk_json_str(m.doc, "csr", 64, 8192, &m.csr, err)) == 0) {
		char shown[256];

		sk_text_printable(shown, sizeof(shown), m.asset, strlen(m.asset));
		if (!sk_text_is_host(m.host))
			r = sk_err_set(err, -EINVAL, "field host: not a host name");
		else if (strcmp(shown, m.asset) != 0)
			r = sk_err_set(err, -EINVAL, "field asset: holds characters that cannot be shown");
	}
	if (r < 0) {
		sk_msg_enrol_clear(&m);
		return r;
	}
	*out = m;
	return 0;
}

int sk_msg_renew(const char *body, size_t len, json_t **doc, const char **csr, struct sk_err *err)
{
	json_t *d = NULL;
	int r = object_of(body, len, SK_MSG_ENROL_BODY, &d, err);

	if (r == 0 && (r = sk_json_str(d, "csr", 64, 8192, csr, err)) < 0)
		json_decref(d);
	if (r == 0)
		*doc = d;
	return r;
}
