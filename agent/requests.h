/*
 * A clerk asks for a medium. The request is an event of the chain ("request.created"), carried up like every other; what the server
 * answers comes back in the grants bundle. Here: what may be asked, about which device, and by whom how often.
 */
#ifndef SK_AGENT_REQUESTS_H
#define SK_AGENT_REQUESTS_H

#include <jansson.h>
#include <sys/types.h>
#include "common/clock.h"
#include "common/err.h"
#include "common/hash.h"

struct sk_daemon;

#define SK_REQUESTS_PER_DAY 50 /* of one person: more is a mistake or an attack */
#define SK_REQUEST_HOURS    8784 /* one leap year */

/* request: {"device","purpose","access","hours","class","destination"?}. 0 and id; -EINVAL: err names the field; -ENOENT: no such
 * device; -EBUSY: too many; -EPERM: the caller has no login name; other: it could not be recorded. */
int sk_request_create(struct sk_daemon *d, uid_t uid, const json_t *request, char id[SK_UUID_LEN], struct sk_err *err);
/* As `request.list` answers; uid < 0: everyone's. */
json_t *sk_request_list(struct sk_daemon *d, int64_t uid);
/* body of grants newly in force: {"requests":[{"id","number","state","reason"}]}; anything malformed in it is skipped. */
void sk_request_answers(struct sk_daemon *d, const json_t *body);

/* What a request says of a device that is attached or was seen lately, by port or device key: facts as the gate or the record has them. 0 and a new
 * reference, -ENOENT, -EINVAL: no medium. */
int sk_request_device(struct sk_daemon *d, const char *name, json_t **out, struct sk_err *err);

/* The login name of a uid. 0 or -ENOENT. */
int sk_login_name(uid_t uid, char *out, size_t size);

#endif
