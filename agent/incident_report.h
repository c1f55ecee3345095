/*
 * A person reports an incident from the terminal (5.3(1)): it becomes a record and, on the server, an incident of the terminal's section. What a program
 * of the person sends is bounded: ten in an hour for the terminal, then the helpdesk has to be called.
 */
#ifndef SK_AGENT_INCIDENT_REPORT_H
#define SK_AGENT_INCIDENT_REPORT_H

#include "agent/daemon.h"

#define SK_INCIDENT_TITLE    200 /* bytes */
#define SK_INCIDENT_TEXT     2000
#define SK_INCIDENTS_AN_HOUR 10

extern const char *const sk_incident_report_kinds[]; /* "malware" ..; ends with NULL */

/* request: {"kind","title","text"?}. 0 with the record's id; -EINVAL what; -EPERM no login name; -EBUSY too many; else it could not be recorded. */
int sk_incident_report(struct sk_daemon *d, uid_t uid, const json_t *request, char id[SK_UUID_LEN], struct sk_err *err);

#endif
