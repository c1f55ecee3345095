/*
 * The server's store behind one interface. Its statements (server/store_*.c) are written once over a thin layer (server/sql.h) that has a
 * driver per database. SQL lives there only. Everything that changes something is one transaction and writes its line of the
 * audit trail in it. Listing functions give JSON arrays (new references): what pages and the API show; times are ms UTC.
 */
#ifndef SK_SERVER_STORE_H
#define SK_SERVER_STORE_H

#include <jansson.h>
#include <stdbool.h>
#include "common/chain.h"
#include "common/clock.h"
#include "common/err.h"
#include "common/hash.h"

struct sk_store;
struct sk_actor;

int sk_store_open(const char *path, bool create, struct sk_store **out,
                  struct sk_err *err); /* runs numbered migrations */
struct sk_store *sk_store_close(struct sk_store *s);
/* No grant is issued for longer than this from its approval ([grants] longest); 14 days until it is set. */
void sk_store_set_grant_max(struct sk_store *s, sk_ms longest);
/* How long an answer of a database server may take before its connection is given up and what was under way counts as failed; 0, the default = as long as
 * it takes. For who has other things to do than wait. */
void sk_store_set_patience(struct sk_store *s, sk_ms longest);
/* From how many terminals on the overview is counted beforehand (job "overview"), above this; 2,000 until it is set. */
void sk_store_set_overview(struct sk_store *s, int64_t live);
/* Another connection (the CLI) has committed since the last call: true once per change. Cheap. */
bool sk_store_changed(struct sk_store *s);
/* Becomes readable when another node may have changed something (look with sk_store_changed), or after any answer of the database; -1: there is no such
 * thing, or no connection. It changes when the connection is made anew. */
int sk_store_news_fd(struct sk_store *s);
/* Several of the calls below as one commit (one fsync): what they changed counts only once sk_store_batch_end returned 0; on failure
 * nothing of the batch is stored. Begin nests not. */
int sk_store_batch_begin(struct sk_store *s);
int sk_store_batch_end(struct sk_store *s);
/* Every half minute or so: requests and grants that ended become so, contacts kept in memory are written. What need be done by one node alone is in server/job.h. > 0: states changed. */
int sk_store_tend(struct sk_store *s, sk_ms now);
int sk_store_ready(struct sk_store *s); /* 0 when a read and a write would work */
/* Online, consistent; files (the keys) go into the same file, because a ledger without its keys means enrolling every terminal again. Mode
 * 0600; refuses to overwrite. */
struct sk_store_file {
	char name[64];
	void *data;
	size_t len;
};
int sk_store_backup(struct sk_store *s, const char *path, const struct sk_store_file *files, size_t n,
                    struct sk_err *err);
/* Checks a backup whole (integrity, schema, chains), writes its ledger to db_path (which must not exist) and hands out its files (array and data
 * are the caller's: sk_store_files_free). -EBADMSG = damaged. */
int sk_store_restore(const char *backup, const char *db_path, struct sk_store_file **files, size_t *n,
                     struct sk_err *err);
/* Makes a restored ledger safe to serve: every terminal's versions leap so that all is issued anew (a terminal may hold the same number with
 * other contents), open tokens are revoked, sessions end; audited. *until: time of its newest record; what was done after it is lost. */
int sk_store_restored(struct sk_store *s, const struct sk_actor *by, const char *backup, sk_ms now, sk_ms *until,
                      struct sk_err *err);
void sk_store_files_free(struct sk_store_file *files, size_t n);

/* Who acts, for permission, audit trail and forms. Role is the acting one. */
enum sk_role {
	SK_ROLE_STAFF = 1,
	SK_ROLE_SEC = 2,
	SK_ROLE_DESK = 4,
	SK_ROLE_SYS = 8,
	SK_ROLE_AUD = 16,
	SK_ROLE_CISO = 32, /* 統括責任者 */
	SK_ROLE_EXEC = 64, /* 執行責任者 */
	SK_ROLE_BUR = 128 /* 責任者（局）: scoped to a unit, as SEC is */
};
#define SK_ROLE_LAST SK_ROLE_BUR
const char *sk_role_name(enum sk_role r); /* "staff" "sec" "desk" "sys" "aud" "ciso" "exec" "bur" */
int sk_role_parse(const char *name, enum sk_role *out);

struct sk_actor {
	char user[64]; /* login name; "system" for the server itself, "device:UUID" for terminals */
	char name[128]; /* 職・氏名 as printed */
	char unit[64]; /* key of the section the role is scoped to; "" = whole office */
	enum sk_role role;
};

/* Sections (課等). key: [a-z0-9-]; names as printed. */
int sk_store_unit_put(struct sk_store *s, const struct sk_actor *by, const char *key, const char *name_ja,
                      const char *name_en, struct sk_err *err);
json_t *sk_store_units(struct sk_store *s); /* [{"key","name_ja","name_en","terminals":n}] */

/* Console users. The password's Argon2id string is made by server/password.c. roles: mask of sk_role. */
int sk_store_user_put(struct sk_store *s, const struct sk_actor *by, const char *user, const char *name,
                      const char *unit, unsigned roles, const char *password_hash, struct sk_err *err);
struct sk_user {
	char user[64], name[128], unit[64];
	char login[64]; /* on terminals; the same as user unless sk_store_user_login set another */
	unsigned roles;
	char password_hash[160];
	int failures; /* since the last success */
	sk_ms locked_until; /* 0 = not locked */
	sk_ms last_login; /* of the session before; 0 = never */
	bool disabled;
	bool second_factor; /* set up (server/store_login.h) */
};
int sk_store_user_get(struct sk_store *s, const char *user, struct sk_user *out); /* 0 or -ENOENT */
/* The name this person logs in to terminals with ("" = the account's own): who asks does not decide, whatever the account is called. */
int sk_store_user_login(struct sk_store *s, const struct sk_actor *by, const char *user, const char *login,
                        struct sk_err *err);
json_t *sk_store_users(struct sk_store *s);
/* [{"user","login","name","unit","roles":["sec",..],"disabled":bool,"locked_until":ms,"last_login":ms}] by user */
int sk_store_user_password(struct sk_store *s, const struct sk_actor *by, const char *user, const char *password_hash,
                           struct sk_err *err); /* ends sessions */
int sk_store_user_disable(struct sk_store *s, const struct sk_actor *by, const char *user, bool disabled,
                          struct sk_err *err); /* ends sessions */
/* Counts an attempt BEFORE the password is looked at (no race past the limit): 0 = go on, -EAGAIN = locked until *until. */
int sk_store_login_attempt(struct sk_store *s, const char *user, sk_ms now, int limit, sk_ms lock_ms, sk_ms *until);
int sk_store_login_forgive(struct sk_store *s,
                           const char *user); /* the attempt could not be checked: it is not counted */
int sk_store_login_ok(struct sk_store *s, const char *user, sk_ms now);
/* Sessions: only the token's SHA-256 is stored. */
int sk_store_session_put(struct sk_store *s, const char *token_sha256, const char *user, const char *csrf, sk_ms now);
int sk_store_session_get(struct sk_store *s, const char *token_sha256, sk_ms now, sk_ms idle_ms, sk_ms max_ms,
                         char user[64], char csrf[65]); /* touches */
int sk_store_session_end(struct sk_store *s, const char *token_sha256);

/* Enrolment tokens: one time, bound to a host name (and an asset number where given), hashed at rest, with an end. */
int sk_store_token_put(struct sk_store *s, const struct sk_actor *by, const char *token_sha256, const char *host,
                       const char *asset, const char *unit, sk_ms until, struct sk_err *err);
json_t *sk_store_tokens(struct sk_store *s, sk_ms now);
/* [{"id":n,"host","asset","unit","created":ms,"until":ms,"state":"open"|"used"|"expired"|"revoked","device":id|null,"by"}] newest first */
int sk_store_token_revoke(struct sk_store *s, const struct sk_actor *by, int64_t id,
                          struct sk_err *err); /* -ENOENT; -ESTALE: not open */
enum sk_token_result {
	SK_TOKEN_OK = 0,
	SK_TOKEN_UNKNOWN = 1,
	SK_TOKEN_USED = 2,
	SK_TOKEN_EXPIRED = 3,
	SK_TOKEN_OTHER_HOST = 4
};
/* In one transaction: checks and consumes the token, makes the device, and shuts out whoever was enrolled before under this
 * host name, or under the asset number the token names (its certificate is refused from then on; the page of the new one leads to its history). device_id was chosen by the caller. The refusals are recorded in the audit trail. */
int sk_store_enrol(struct sk_store *s, const char *token_sha256, const char *host, const char *asset,
                   const char *device_id, const char *fingerprint, sk_ms cert_until, sk_ms now, struct sk_err *err);

struct sk_terminal {
	char id[SK_UUID_LEN], host[256], asset[64], unit[64];
	char fingerprint[SK_SHA256_HEX]; /* the one certificate valid now */
	bool revoked;
	int64_t last_seq;
	char last_hash[SK_SHA256_HEX];
	int64_t policy_version, grants_version; /* newest issued */
	sk_ms last_contact;
};
/* By the fingerprint of the certificate of the request; checked on EVERY request. -ENOENT unknown, -EACCES revoked. */
int sk_store_terminal_by_cert(struct sk_store *s, const char *fingerprint, struct sk_terminal *out);
int sk_store_terminal_get(struct sk_store *s, const char *id, struct sk_terminal *out);
/* The one terminal that is not shut out with this host name or id. -ENOENT: none, or more than one. */
int sk_store_terminal_named(struct sk_store *s, const char *name, struct sk_terminal *out);
/* The new certificate is good from now on; the old one until the new one is first seen by sk_store_terminal_by_cert. -ESTALE: old_fp is not in force. */
int sk_store_terminal_renewed(struct sk_store *s, const char *id, const char *old_fp, const char *new_fp,
                              sk_ms cert_until, sk_ms now);
int sk_store_terminal_revoke(struct sk_store *s, const struct sk_actor *by, const char *id, const char *reason,
                             struct sk_err *err);

/* Events: all of the batch that is new is stored and committed before it returns; what was stored before is recognised and skipped;
 * a break of the chain stores the good part, records an incident line and returns SK_CHAIN_* in *chain. *acked = last seq stored, on a fork below it the one before the fork. */
int sk_store_events_put(struct sk_store *s, const char *device, const struct sk_event *events, size_t n, sk_ms now,
                        int64_t *acked, enum sk_chain_result *chain, struct sk_err *err);
/* [{"id":n,"device","host","unit","seq","time":ms,"received":ms,"kind","body":{..} (null when not an object),"hash"}] newest first; before: an "id",
 * 0 = from the newest. */
json_t *sk_store_events(struct sk_store *s, const char *device /* NULL = all */, const char *unit /* NULL = all */,
                        int64_t before, int limit);
/* Verification of every chain, the audit trail's too: returns the count of broken ones, or negative. *out:
 * [{"chain":"audit"|device id,"host","records":n,"state":"ok"|"gap"|"fork"|"forged"|"cut","at":record number or 0}]. */
int sk_store_verify(struct sk_store *s, json_t **out, struct sk_err *err);

/* Report: posture, attached devices and status as the terminal sees them now. posture: array of check results (policy/check.h). */
int sk_store_report_put(struct sk_store *s, const char *device, const json_t *report, sk_ms now, struct sk_err *err);
void sk_store_contact(struct sk_store *s, const char *device, sk_ms now); /* in memory, written at intervals */

/* Pages. unit NULL = all the caller may see. silent_ms: no contact for longer = "silent". */
json_t *sk_store_overview(struct sk_store *s, const char *unit, sk_ms now, sk_ms silent_ms);
/* {"terminals":n,"states":{"compliant":n,..,"silent":n},"checks":[{"id","states":{..}}],"requests":{"submitted":n,"permitted":n},
       "refused_today":n,"units":[{"key","name_ja","name_en","terminals","states":{..}}],"incidents":n (signs in records),"incidents_open":n,"counted":ms (0 = now)} */
/* [{"id","host","asset","unit","unit_ja","unit_en","state" (sk_state_name; worst check, "silent", or "unknown" without a report),"revoked":bool,
 * "enrolled":ms,"cert_until":ms,"last_contact":ms (0 = never),"last_seq","policy_version","grants_version","os","version","policy":{..as reported..},
 * "person":login name or "","requests":open ones}]; find: part of host, asset number or id. */
json_t *sk_store_terminals(struct sk_store *s, const char *unit, const char *find,
                           const char *state /* sk_state_name; NULL = all */, sk_ms now, sk_ms silent_ms, int limit,
                           int offset); /* worst first, then by host; revoked ones last */
json_t *sk_store_terminal_page(struct sk_store *s, const char *id, sk_ms now, sk_ms silent_ms);
/* {"terminal":{..as above..},"posture":[..policy/check.h..],"devices":[..agent/gate.h..],"status":{..the report without those two..,"received":ms},
    * "identities":[{"id","host","asset","enrolled","revoked","last_seq"}: those it had before it was enrolled again, latest first],
    * "events":[..newest 50..],"requests":[..],"grants":[{"id","request","person","device_key","serial","access","class","purpose","from","until","permitted_by",
    * "approved_by","state":"valid"|"ended"|"cancelled"}],"history":[{"time","check","state"}..newest 50..]} ; NULL if unknown */

/* Requests. States by name: submitted(申請中) permitted(審査中: manager permitted, helpdesk to approve) approved(許可) refused(不許可)
 * returned(差戻し) withdrawn(取下げ) cancelled(取消し) expired(期限切れ). A request is born from a terminal's event "request.created"
 * (sk_store_events_put does it, once per local id). */
/* number: the key, for ever; label: what people read, "FISCAL YEAR-SERIAL" ("2026-0001"), begun anew on 1 April by the server's clock.
 * [{"number","label","id","kind":"media","state","terminal":device id,"host","unit","unit_ja","unit_en","person":login name,"device":{..as in the event..},"purpose",
 * "access","hours","class","destination","created":ms,"updated":ms,"until":ms|null (the permit's limit, then the grant's end),"reason":of the last decision or "",
 * "permitted_by":職・氏名|null,"permitted_at":ms|null,"approved_by","approved_at","granted_access":"ro"|"rw"|null,"grant":id|null,
 * "application":number of the one that produced it or 0,"ledger":the medium it named or "","starts":ms, when its term begins or 0,
 * "route","step": of its kind, as of an application}] newest first. */
json_t *sk_store_requests(struct sk_store *s, const char *unit, const char *person /* login name; NULL = all */,
                          const char *state /* NULL = open ones, "all" = every state */, int limit, int offset);
/* As above, with "earlier":[..rows as above, newest 20: others for the same medium (device key, or model and serial) or by the same person..] and "history":[{"time","action":"created"|"permit"|"approve"|"refuse"|"return"|"cancel"|"expire","user","name","role","unit","reason","access","until"}],
 * oldest first, "votes":[{"step","role","user","name","time"}] and "media":[{"ledger","label","state"}]: the registered media it can be. NULL if unknown. */
json_t *sk_store_request(struct sk_store *s, int64_t number,
                         const char *unit /* "earlier" of this section only; NULL = all */);
/* The label of a number; -ENOENT. */
int sk_store_request_label(struct sk_store *s, int64_t number, char label[32]);
struct sk_decision {
	int64_t request;
	enum { SK_DO_PERMIT, SK_DO_APPROVE, SK_DO_REFUSE, SK_DO_RETURN, SK_DO_CANCEL } what;
	const char *reason; /* required for REFUSE, RETURN, CANCEL */
	const char *
	    ledger; /* APPROVE: the registered medium it is for; NULL = the one that looks so, -EINVAL when there are several */
	const char *access; /* APPROVE: "ro" | "rw" */
	int uses; /* APPROVE: how often it may open the medium, at most SK_GRANT_USES_MAX; 0 = not counted */
	bool erase; /* APPROVE: the medium may be erased under the grant; only with "rw" */
	bool
	    release; /* APPROVE: a recipient may be given a passphrase; only with "rw", of a container of the organisation */
	sk_ms until; /* PERMIT may shorten, APPROVE sets the grant's end */
};
/* Four eyes in the database: -EPERM when the actor (by account or login, DOMAIN\\name and name@domain as name) asked for it, permitted what is to be approved, lacks the role (PERMIT: of the step it is at; APPROVE: desk), or the state does
 * not allow it (-ESTALE). APPROVE makes the grant and raises the terminal's grants version. */
int sk_store_decide(struct sk_store *s, const struct sk_actor *by, const struct sk_decision *d, sk_ms now,
                    struct sk_err *err);

#define SK_VERSION_MAX 9007199254740991LL /* 2^53 - 1: what every JSON reader keeps exactly */
/* The terminal holds a version above the server's (the store was restored from a backup): the next body is issued above it. -ERANGE: farther
 * above than any restore explains (2^32); that would use the numbers up, so it is refused and recorded as an incident. */
int sk_store_version_raise(struct sk_store *s, const char *device, bool policy, int64_t held);
/* Orders: what the server must sign for this device now. Body of the grants bundle: {"grants":[..],"requests":[{"id","number","state","reason"}]}.
 * Expires requests and grants that ended. */
json_t *sk_store_grants_body(struct sk_store *s, const char *device, sk_ms now, int64_t *version);
/* The policy text for this device (per unit, else office-wide), and its version for this device. 0, -ENOENT when none was set. */
int sk_store_policy(struct sk_store *s, const char *device, char **text, int64_t *version);
int sk_store_policy_set(struct sk_store *s, const struct sk_actor *by, const char *unit /* "" = all */,
                        const char *text, struct sk_err *err);

/* What left under the request's grant (policy/takeout.h's comparison) with "written":[entries], "gaps":N, "complete":bool, "recorded":bool (anything was
 * told at all). NULL = there is no grant, or failed. */
json_t *sk_store_takeout(struct sk_store *s, int64_t number);
/* Erasing under the request's grant, oldest first: [{"kind":"medium.erasing|medium.erased|medium.not-erased","time":ms,"body":{..}}]. New
 * reference, NULL = no memory. */
json_t *sk_store_erasures(struct sk_store *s, int64_t number);

/* Audit trail, hash-chained like events; newest first. */
int sk_store_audit(struct sk_store *s, const struct sk_actor *by, const char *action, const char *object,
                   const json_t *detail, sk_ms now);
/* [{"id","time","user","name","unit","role","action","object","detail":{..}|null,"hash"}] */
json_t *sk_store_audit_list(struct sk_store *s, int64_t before, int limit);

/* Its last line: number and hash. -ENOENT when it is empty. And the hash of one line; -ENOENT: there is none. */
int sk_store_audit_head(struct sk_store *s, int64_t *records, char head[SK_SHA256_HEX]);
int sk_store_audit_at(struct sk_store *s, int64_t record, char hash[SK_SHA256_HEX]);
/* Checkpoints (server/checkpoint.h). last: -ENOENT when there is none. */
int sk_store_checkpoint_put(struct sk_store *s, int64_t records, const char *head, sk_ms time, const char *envelope);
int sk_store_checkpoint_last(struct sk_store *s, int64_t *records, sk_ms *time);
/* All that is evidence, row by row as arrays, of one moment: tables "audit" [id,time,user,name,unit,role,action,object,detail text,prev,hash], "checkpoint" [envelope],
 * "base" [device,seq,hash] of chains whose beginning was deleted (server/retention.h), "event" [device,seq,time,kind,body text,prev,hash] by device and seq. only: one table, NULL = all. line < 0 ends it. */
int sk_store_evidence(struct sk_store *s, const char *only,
                      int (*line)(void *arg, const char *table, const json_t *row), void *arg);

/* Counts for /metrics. */
json_t *sk_store_counts(struct sk_store *s, sk_ms now, sk_ms silent_ms);

#endif
