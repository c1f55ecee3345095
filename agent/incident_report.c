/* See incident_report.h. */
#include "agent/incident_report.h"

#include <errno.h>
#include <string.h>

#include "agent/journal.h"
#include "agent/requests.h"
#include "common/json.h"
#include "common/text.h"

#define HOUR ((sk_ms)3600 * 1000)

const char *const sk_incident_report_kinds[] = {"malware",   "loss",      "leak",  "misdirected",
                                                "intrusion", "violation", "other", NULL};

/* Lines are kept; nothing else that cannot be shown. */
static bool plain(const char *text)
{
	for (const unsigned char *s = (const unsigned char *)text; *s; s++)
		if ((*s < 0x20 && *s != '\n') || *s == 0x7f)
			return false;
	return true;
}

static int read_report(const json_t *q, const char **kind, const char **title, const char **text, struct sk_err *err)
{
	size_t k = 0;
	int r;

	*kind = *title = *text = "";
	r = sk_json_str(q, "kind", 1, 15, kind, err);
	if (r == 0)
		r = sk_json_str(q, "title", 1, SK_INCIDENT_TITLE, title, err);
	if (r == 0)
		r = sk_json_str_opt(q, "text", SK_INCIDENT_TEXT, text, err);
	if (r < 0)
		return r;
	if (*text == NULL)
		*text = "";
	while (sk_incident_report_kinds[k] && strcmp(sk_incident_report_kinds[k], *kind) != 0)
		k++;
	if (!sk_incident_report_kinds[k])
		return sk_err_set(err, -EINVAL,
		                  "kind: malware, loss, leak, misdirected, intrusion, violation or other");
	if (!plain(*title) || strchr(*title, '\n') || !plain(*text))
		return sk_err_set(err, -EINVAL, "the text holds characters that cannot be shown");
	return 0;
}

/* A ring of the last ones: full when the oldest is younger than an hour. */
static int take_turn(struct sk_daemon *d, sk_ms now, struct sk_err *err)
{
	sk_ms *oldest = &d->incident_at[0];

	for (size_t i = 1; i < SK_INCIDENTS_AN_HOUR; i++)
		if (d->incident_at[i] < *oldest)
			oldest = &d->incident_at[i];
	if (*oldest != 0 && now - *oldest < HOUR)
		return sk_err_set(err, -EBUSY, "%d reports within an hour; call the helpdesk", SK_INCIDENTS_AN_HOUR);
	*oldest = now;
	return 0;
}

int sk_incident_report(struct sk_daemon *d, uid_t uid, const json_t *request, char id[SK_UUID_LEN], struct sk_err *err)
{
	const char *kind, *title, *text;
	char person[64];
	json_t *body;
	int r = read_report(request, &kind, &title, &text, err);

	if (r == 0 && sk_login_name(uid, person, sizeof person) < 0)
		r = sk_err_set(err, -EPERM, "uid %u has no login name", uid);
	if (r == 0)
		r = take_turn(d, sk_daemon_now(d), err);
	if (r == 0)
		r = sk_uuid(id);
	if (r < 0)
		return r;
	/* It may not wait in memory: told to try again, the person would make two of it. */
	if (sk_journal_retry(d->journal, sk_daemon_now(d)) < 0)
		return sk_err_set(err, -EIO, "the record cannot be written now; call the helpdesk");
	body = json_pack("{s:s, s:s, s:s, s:s, s:s}", "id", id, "kind", kind, "title", title, "text", text, "person",
	                 person);
	r = body ? sk_daemon_record(d, "incident.reported", body) : -ENOMEM;
	json_decref(body);
	return r < 0 ? sk_err_set(err, r, "the record cannot be written now; call the helpdesk") : 0;
}
