/*
 * Inside the store, for server/store_*.c only: plain functions over server/sql.h, the same for SQLite and PostgreSQL.
 */
#ifndef SK_SERVER_STORE_INSIDE_H
#define SK_SERVER_STORE_INSIDE_H

#include "common/json.h"
#include "common/seal.h"
#include "common/text.h"
#include "server/org.h"
#include "server/sql.h"
#include "server/store.h"

struct sk_store {
	const struct db_driver *driver;
	void *conn; /* the driver's */
	char path[512]; /* for people: of the file, or the name of the database */
	bool open; /* whole: migrated, with its temporary tables */
	int depth; /* 0 = no transaction, 1 = BEGIN, above = savepoints */
	char **kept; /* texts of statements made while running */
	size_t n_kept;
	sk_ms grant_max;
	bool has_container;
	uint8_t container[32]; /* secret by which keys of containers are sealed to this server */
	sk_ms patience; /* with a database server: how long an answer of it may take; 0 = as long as it takes */
	int64_t overview_live; /* up to so many terminals the overview is counted when asked for */
	bool has_phone;
	uint8_t phone[32]; /* master key of permits by telephone */
	struct sk_org *org; /* as of org_version; NULL = not read yet */
	int64_t org_version;
	sk_ms silent; /* no report for longer = silent, for what runs by the clock */
};

/* Of the unit or below it as the tree stands now (SQL): n is the parameter, NULL = all; u the column. */
#define WITHIN(n, u) "(?" #n " IS NULL OR " u " IN (SELECT w.unit FROM unit_within w WHERE w.above = ?" #n "))"

int db_migrate(struct sk_store *s, struct sk_err *err); /* store_schema.c */
int db_temp(struct sk_store *s); /* the connection's own tables and views */

/* Within the caller's transaction. detail is stolen, may be NULL. */
int audit_add(struct sk_store *s, const struct sk_actor *by, const char *action, const char *object, json_t *detail,
              sk_ms now);
int incident_add(struct sk_store *s, const char *device, const char *kind, int64_t seq, const char *detail, sk_ms now);
int incident_from_report(struct sk_store *s, const char *device, const struct sk_event *e,
                         sk_ms now); /* event "incident.reported" */
int incident_from_sign(struct sk_store *s, const char *device, const char *sign, const char *detail,
                       sk_ms now); /* opens one, or adds to the open one of this terminal and sign */
void actor_system(struct sk_actor *a);
void actor_device(struct sk_actor *a, const char *device);

int request_from_event(struct sk_store *s, const char *device, const struct sk_event *e, sk_ms now);
int takeout_from_event(struct sk_store *s, const char *device, const struct sk_event *e,
                       sk_ms now); /* event "medium.recorded" */
int media_state(struct sk_store *s, const struct sk_actor *by, const char *ledger, const char *state,
                const char *reason, sk_ms now); /* whoever it is */
int media_from_event(struct sk_store *s, const char *device, const struct sk_event *e, sk_ms now);
int media_was_erased(struct sk_store *s, const char *device, const struct sk_event *e,
                     sk_ms now); /* event "medium.erased", "medium.not-erased" */
int media_note(struct sk_store *s, const struct sk_actor *by, const char *ledger, const char *action,
               const char *reason, const char *state, sk_ms now); /* into the medium's history and the audit trail */
int media_was_released(struct sk_store *s, const char *device, const struct sk_event *e,
                       sk_ms now); /* event "medium.released" */
int media_zone_forget(struct sk_store *s, int64_t registration, const char *ledger); /* before it is registered */
int media_zone_registered(struct sk_store *s, int64_t registration, const char *ledger); /* afterwards */
int media_was_written(struct sk_store *s, const char *device, const struct sk_event *e, sk_ms now);
int media_was_opened(struct sk_store *s, const char *device, const struct sk_event *e,
                     sk_ms now); /* event "medium.mounted" */
/* Containers (store_container.c). */
struct container_of { /* borrowed */
	const char *sealed; /* to the server, by the terminal that made it */
	const char *from, *as; /* that terminal, and the ledger number it was made under */
	const char *to; /* the sealing key of the terminal that gets it; "" = none was told */
};
json_t *
container_public(const struct sk_store *s); /* for terminals to seal to; NULL = this program has no master key */
int container_check(const struct sk_store *s, const char *sealed, const char *device, const char *ledger);
int container_seal(const struct sk_store *s, const struct container_of *c, const char *device, const char *ledger,
                   char out[SK_SEALED_KEY_HEX]); /* 0 or -errno: it goes without */
int container_sent(struct sk_store *s, const char *grant, const char *device, const char *ledger,
                   sk_ms now); /* into the audit trail, once */
int seal_key_from_event(struct sk_store *s, const char *device, const struct sk_event *e, sk_ms now);
json_t *media_now(struct sk_store *s, const char *device); /* the list in its grants bundle */
int request_history(struct sk_store *s, int64_t number, const char *action, const struct sk_actor *by,
                    const char *reason, const char *access, sk_ms until, sk_ms now);
int request_cancel(struct sk_store *s, const struct sk_actor *by, int64_t number, const char *reason, sk_ms now);
/* store_produce.c: who asked for it, entered it or had a vote on it, or on the application (0 = none) that produced it, does not issue it: -EPERM. */
int produce_may_issue(struct sk_store *s, const struct sk_actor *by, int64_t request, int64_t application,
                      struct sk_err *err);
int produce_answered(struct sk_store *s, const struct sk_actor *by, int64_t application, bool issued,
                     const char *reason, sk_ms now);
/* store_setting.c: row of sk_store_application. */
int setting_from_application(struct sk_store *s, const struct sk_actor *by, const json_t *row, sk_ms now);
int setting_application_ended(struct sk_store *s, const struct sk_actor *by, int64_t application, sk_ms now);
int requests_expire(struct sk_store *s, const char *device /* NULL = all */, sk_ms now); /* how many changed */
bool user_is_person(const struct sk_user *u, const char *person); /* by account or login, however written */
json_t *phone_body(struct sk_store *s,
                   const char *terminal); /* the terminal's key for its grants bundle; NULL = none */
int phone_from_event(struct sk_store *s, const char *terminal, const struct sk_event *e, sk_ms now);
int phone_tend(struct sk_store *s, sk_ms now);
json_t *orders_now(struct sk_store *s, const char *device,
                   sk_ms now); /* what its grants bundle says of each; NULL = failed */
json_t *settings_now(struct sk_store *s, const char *device, sk_ms now);
json_t *notices_now(struct sk_store *s, const char *device, sk_ms now);
int agent_from_report(struct sk_store *s, const char *device, const json_t *report, sk_ms now);
int agent_from_event(struct sk_store *s, const char *device, const struct sk_event *e, sk_ms now);
int order_from_event(struct sk_store *s, const char *terminal, const struct sk_event *e, sk_ms now);
int notice_from_event(struct sk_store *s, const char *terminal, const struct sk_event *e);
struct sk_capacity;
/* May by do this with an order of that kind (its name) now: by an own post, as a deputy, by delegation? roles: of which by->role is one. 0 and *as, or -EPERM with
 * err. */
int order_may(struct sk_store *s, const struct sk_actor *by, unsigned roles, const char *kind, const char *unit,
              sk_ms now, struct sk_capacity *as, struct sk_err *err);
/* -EPERM with err: by, or whoever delegated to by, is the person behind the account that asked. */
int order_other_person(struct sk_store *s, const struct sk_actor *by, const struct sk_capacity *as, const char *asked,
                       struct sk_err *err);
/* As printed on an order: post and name, （代行）, （委任）. */
int order_decider(struct sk_store *s, const struct sk_actor *by, const struct sk_capacity *as, char *out, size_t size);
int orders_tend(struct sk_store *s, sk_ms now);
int contacts_flush(struct sk_store *s);
int org_changed(struct sk_store *s); /* in the transaction of whatever changes people, posts or units */
int org_tend(struct sk_store *s, sk_ms now); /* the tree's changes that came into effect */
/* Counts made beforehand (store_overview.c): when; 0 = there are none, count. Then rows of state and n, by key where there is one. NULL = failed. */
sk_ms overview_made(struct sk_store *s);
json_t *overview_states(struct sk_store *s, const char *unit);
json_t *overview_checks(struct sk_store *s, const char *unit);
json_t *overview_units(struct sk_store *s, const char *unit);
/* 1 broken, 0, -errno. deleted: an object for sk_retention_note. */
int audit_verify(struct sk_store *s, json_t *deleted, json_t *findings);
struct chain_walk { /* of one terminal */
	const char *device;
	int64_t last; /* the record it stands at, and its hash: set at first to what the walk goes on from */
	char hash[SK_SHA256_HEX];
	int64_t records, at; /* good ones seen; the bad one */
	const char *state; /* "ok", "gap", "fork", "forged" */
};
int chain_walk(struct sk_store *s, struct chain_walk *w,
               int64_t to); /* store_verify.c: up to that record. 0 or -errno */

#endif
