/*
 * The tables, as numbered migrations: entry n brings a store of version n to n + 1, each in one transaction with its version number.
 * What was released is never edited; a change is a new entry. A store newer than this program is refused.
 *
 * Evidence (events, audit, request history) cannot be changed or deleted through SQL: triggers refuse it. The chains show it when
 * somebody does it with another program.
 */
#include "server/sql_dialect.h"
#include "server/store_inside.h"

#include <errno.h>

#define APPEND_ONLY(table) \
	"CREATE TRIGGER " table "_no_update BEFORE UPDATE ON " table " BEGIN SELECT RAISE(ABORT, '" table \
	" are not changed'); END;" \
	"CREATE TRIGGER " table "_no_delete BEFORE DELETE ON " table " BEGIN SELECT RAISE(ABORT, '" table \
	" are not deleted'); END;"

static const char people[] =
    "CREATE TABLE units(key TEXT PRIMARY KEY, name_ja TEXT NOT NULL, name_en TEXT NOT NULL) STRICT;"
    "CREATE TABLE users(user TEXT PRIMARY KEY, name TEXT NOT NULL, unit TEXT REFERENCES units(key), roles INTEGER NOT "
    "NULL,"
    " password_hash TEXT NOT NULL, this_login INTEGER NOT NULL DEFAULT 0, last_login INTEGER NOT NULL DEFAULT 0,"
    " disabled INTEGER NOT NULL DEFAULT 0) STRICT;"
    /* Any name that was tried, also unknown ones: a lock must not tell which accounts exist. */
    "CREATE TABLE login_attempts(user TEXT PRIMARY KEY, failures INTEGER NOT NULL, locked_until INTEGER NOT NULL, at "
    "INTEGER NOT NULL) STRICT;"
    "CREATE INDEX login_attempts_at ON login_attempts(at);"
    "CREATE TABLE sessions(token TEXT PRIMARY KEY, user TEXT NOT NULL REFERENCES users(user), csrf TEXT NOT NULL, "
    "created INTEGER NOT NULL,"
    " seen INTEGER NOT NULL) STRICT;"
    "CREATE INDEX sessions_user ON sessions(user);"
    "CREATE TABLE audit(id INTEGER PRIMARY KEY, time INTEGER NOT NULL, user TEXT NOT NULL, name TEXT NOT NULL, unit "
    "TEXT NOT NULL,"
    " role TEXT NOT NULL, action TEXT NOT NULL, object TEXT NOT NULL, detail TEXT NOT NULL, prev TEXT NOT NULL, hash "
    "TEXT NOT NULL) STRICT;" APPEND_ONLY("audit");

static const char terminals[] =
    "CREATE TABLE terminals(id TEXT PRIMARY KEY, host TEXT NOT NULL, asset TEXT NOT NULL, unit TEXT NOT NULL "
    "REFERENCES units(key),"
    " fingerprint TEXT NOT NULL UNIQUE, cert_until INTEGER NOT NULL, next_fingerprint TEXT UNIQUE, next_until INTEGER, "
    "enrolled INTEGER NOT NULL, revoked INTEGER, revoke_reason TEXT,"
    " last_seq INTEGER NOT NULL DEFAULT 0, last_hash TEXT NOT NULL, last_contact INTEGER NOT NULL DEFAULT 0,"
    " policy_version INTEGER NOT NULL DEFAULT 0, policy_sha TEXT NOT NULL DEFAULT '',"
    " grants_version INTEGER NOT NULL DEFAULT 0, grants_sha TEXT NOT NULL DEFAULT '', state TEXT) STRICT;"
    "CREATE INDEX terminals_unit ON terminals(unit);"
    "CREATE INDEX terminals_host ON terminals(host);"
    "CREATE TABLE tokens(id INTEGER PRIMARY KEY, sha256 TEXT NOT NULL UNIQUE, host TEXT NOT NULL, asset TEXT NOT NULL,"
    " unit TEXT NOT NULL REFERENCES units(key), created INTEGER NOT NULL, until INTEGER NOT NULL, used INTEGER, "
    "revoked INTEGER,"
    " device TEXT REFERENCES terminals(id), by TEXT NOT NULL) STRICT;"
    "CREATE TABLE events(id INTEGER PRIMARY KEY, device TEXT NOT NULL REFERENCES terminals(id), seq INTEGER NOT NULL, "
    "time INTEGER NOT NULL,"
    " received INTEGER NOT NULL, kind TEXT NOT NULL, body TEXT NOT NULL, prev TEXT NOT NULL, hash TEXT NOT NULL,"
    " refused INTEGER NOT NULL, UNIQUE(device, seq)) STRICT;"
    "CREATE INDEX events_refused ON events(received) WHERE refused = 1;" APPEND_ONLY(
        "events") "CREATE TABLE incidents(id INTEGER PRIMARY KEY, time INTEGER NOT NULL, device TEXT NOT NULL "
                  "REFERENCES terminals(id), kind TEXT NOT NULL,"
                  " seq INTEGER NOT NULL, detail TEXT NOT NULL, UNIQUE(device, kind, seq)) STRICT;"
                  "CREATE TABLE reports(device TEXT PRIMARY KEY REFERENCES terminals(id), received INTEGER NOT NULL, "
                  "stable TEXT NOT NULL,"
                  " status TEXT NOT NULL, devices TEXT NOT NULL, posture TEXT NOT NULL) STRICT;"
                  "CREATE TABLE posture(device TEXT NOT NULL REFERENCES terminals(id), \"check\" TEXT NOT NULL, state "
                  "TEXT NOT NULL, since INTEGER NOT NULL,"
                  " PRIMARY KEY(device, \"check\")) STRICT, WITHOUT ROWID;"
                  "CREATE TABLE posture_history(id INTEGER PRIMARY KEY, device TEXT NOT NULL REFERENCES terminals(id), "
                  "\"check\" TEXT NOT NULL,"
                  " state TEXT NOT NULL, time INTEGER NOT NULL, result TEXT NOT NULL) STRICT;"
                  "CREATE INDEX posture_history_device ON posture_history(device, id);"
                  "CREATE TABLE policies(id INTEGER PRIMARY KEY, unit TEXT NOT NULL, text TEXT NOT NULL, sha TEXT NOT "
                  "NULL, created INTEGER NOT NULL,"
                  " by TEXT NOT NULL) STRICT;"
                  "CREATE INDEX policies_unit ON policies(unit, id);";

static const char requests[] =
    "CREATE TABLE requests(number INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL, terminal TEXT NOT NULL "
    "REFERENCES terminals(id),"
    " kind TEXT NOT NULL, person TEXT NOT NULL, device TEXT NOT NULL, device_key TEXT NOT NULL, serial TEXT NOT NULL, "
    "purpose TEXT NOT NULL,"
    " access TEXT NOT NULL, hours INTEGER NOT NULL, class TEXT NOT NULL, destination TEXT NOT NULL,"
    " state TEXT NOT NULL CHECK(state IN "
    "('submitted','permitted','approved','refused','returned','withdrawn','cancelled','expired')),"
    " created INTEGER NOT NULL, updated INTEGER NOT NULL, until INTEGER, reason TEXT NOT NULL DEFAULT '',"
    " permitted_by TEXT, permitted_user TEXT, permitted_at INTEGER, approved_by TEXT, approved_user TEXT, approved_at "
    "INTEGER,"
    " granted_access TEXT, \"grant\" TEXT, UNIQUE(terminal, id),"
    /* Four eyes, once more, where no code can go round it. */
    " CHECK(permitted_user IS NULL OR lower(permitted_user) <> lower(person)),"
    " CHECK(approved_user IS NULL OR lower(approved_user) <> lower(person)),"
    " CHECK(state <> 'approved' OR (permitted_user IS NOT NULL AND approved_user IS NOT NULL))) STRICT;"
    "CREATE INDEX requests_state ON requests(state);"
    "CREATE INDEX requests_terminal ON requests(terminal, updated);"
    "CREATE INDEX requests_person ON requests(person);"
    "CREATE INDEX requests_device ON requests(device_key);"
    "CREATE TABLE request_history(id INTEGER PRIMARY KEY, request INTEGER NOT NULL REFERENCES requests(number), time "
    "INTEGER NOT NULL,"
    " action TEXT NOT NULL, user TEXT NOT NULL, name TEXT NOT NULL, role TEXT NOT NULL, unit TEXT NOT NULL, reason "
    "TEXT NOT NULL,"
    " access TEXT, until INTEGER) STRICT;"
    "CREATE INDEX request_history_request ON request_history(request, id);" APPEND_ONLY(
        "request_history") "CREATE TABLE grants(id TEXT PRIMARY KEY, request INTEGER NOT NULL UNIQUE REFERENCES "
                           "requests(number), terminal TEXT NOT NULL REFERENCES terminals(id),"
                           " device_key TEXT NOT NULL, serial TEXT NOT NULL, person TEXT NOT NULL, access TEXT NOT "
                           "NULL CHECK(access IN ('ro','rw')), class TEXT NOT NULL,"
                           " purpose TEXT NOT NULL, \"from\" INTEGER NOT NULL, until INTEGER NOT NULL, permitted_by "
                           "TEXT NOT NULL, approved_by TEXT NOT NULL,"
                           " ended INTEGER, cancelled INTEGER NOT NULL DEFAULT 0, CHECK(until > \"from\")) STRICT;"
                           "CREATE INDEX grants_open ON grants(until) WHERE ended IS NULL;"
                           "CREATE INDEX grants_terminal ON grants(terminal, until);";

/* A person's login on terminals, when it is not the account's own name; and one person takes one step only. */
static const char logins[] = "ALTER TABLE users ADD COLUMN login TEXT NOT NULL DEFAULT '';"
                             "CREATE TRIGGER requests_two_people BEFORE UPDATE ON requests WHEN "
                             "lower(NEW.approved_user) = lower(NEW.permitted_user)"
                             " BEGIN SELECT RAISE(ABORT, 'permitted and approved by one person'); END;";

/* The identity a terminal had before it was enrolled again. */
static const char identities[] = "ALTER TABLE terminals ADD COLUMN previous TEXT REFERENCES terminals(id);";

/* Signed statements about the audit trail: server/checkpoint.h. */
static const char checkpoints[] =
    "CREATE TABLE checkpoints(records INTEGER PRIMARY KEY, head TEXT NOT NULL, time INTEGER NOT NULL, envelope TEXT "
    "NOT NULL) STRICT;" APPEND_ONLY("checkpoints");
/* Permits by telephone: each terminal's epoch (1 until it used a code), and what the helpdesk answered. */
static const char telephone[] =
    "CREATE TABLE phone_terminals(terminal TEXT PRIMARY KEY REFERENCES terminals(id), epoch INTEGER NOT NULL) STRICT, "
    "WITHOUT ROWID;"
    "CREATE TABLE phone_codes(id INTEGER PRIMARY KEY, created INTEGER NOT NULL, terminal TEXT NOT NULL REFERENCES "
    "terminals(id),"
    " epoch INTEGER NOT NULL, counter INTEGER NOT NULL, nonce INTEGER NOT NULL, media TEXT NOT NULL, person TEXT NOT "
    "NULL,"
    " profile INTEGER NOT NULL, permitted_by TEXT NOT NULL, reason TEXT NOT NULL, callback TEXT NOT NULL, user TEXT "
    "NOT NULL,"
    " name TEXT NOT NULL, redeemed INTEGER, alarmed INTEGER NOT NULL DEFAULT 0, UNIQUE(terminal, epoch, counter, "
    "nonce)) STRICT;"
    "CREATE INDEX phone_open ON phone_codes(created) WHERE redeemed IS NULL AND alarmed = 0;";
/* The media ledger: what is in it, what terminals asked to have put in, and who did what. A grant names the one medium it is for. */
static const char media[] =
    "CREATE TABLE media(ledger TEXT PRIMARY KEY, device_key TEXT NOT NULL, serial TEXT NOT NULL, media_key TEXT NOT "
    "NULL, "
    "vendor_id TEXT NOT NULL, product_id TEXT NOT NULL, vendor TEXT NOT NULL, product TEXT NOT NULL, size INTEGER NOT "
    "NULL, unit TEXT REFERENCES units(key), label TEXT NOT NULL, state TEXT NOT NULL CHECK(state IN ('stored', 'lent', "
    "'out', 'long-term', 'repair', 'lost', 'erased', 'disposed')), registered INTEGER NOT NULL, registered_by TEXT NOT "
    "NULL, updated INTEGER NOT NULL, UNIQUE(device_key, serial, media_key)) STRICT;"
    "CREATE INDEX media_unit ON media(unit);"
    "CREATE TABLE media_requests(id INTEGER PRIMARY KEY AUTOINCREMENT, terminal TEXT NOT NULL REFERENCES "
    "terminals(id), "
    "ledger TEXT NOT NULL, label TEXT NOT NULL, device_key TEXT NOT NULL, serial TEXT NOT NULL, media_key TEXT NOT "
    "NULL, "
    "vendor_id TEXT NOT NULL, product_id TEXT NOT NULL, vendor TEXT NOT NULL, product TEXT NOT NULL, size INTEGER NOT "
    "NULL, volumes TEXT NOT NULL, created INTEGER NOT NULL, state TEXT NOT NULL CHECK(state IN ('open', 'approved', "
    "'refused')), decided INTEGER, decided_by TEXT) STRICT;"
    "CREATE INDEX media_requests_open ON media_requests(terminal) WHERE state = 'open';"
    "CREATE TABLE media_history(id INTEGER PRIMARY KEY, ledger TEXT NOT NULL, time INTEGER NOT NULL, action TEXT NOT "
    "NULL, "
    "user TEXT NOT NULL, name TEXT NOT NULL, role TEXT NOT NULL, reason TEXT NOT NULL, state TEXT NOT NULL) STRICT;"
    "CREATE INDEX media_history_ledger ON media_history(ledger, id);" APPEND_ONLY(
        "media_history") "ALTER TABLE grants ADD COLUMN ledger TEXT NOT NULL DEFAULT '';";

/* The number people read, begun anew each fiscal year (1 April); requests.number stays the key. */
static const char fiscal[] =
    "ALTER TABLE requests ADD COLUMN fiscal_year INTEGER; ALTER TABLE requests ADD COLUMN fiscal_serial INTEGER;";
static const char fiscal_old[] = SK_ONLY_SQLITE /* no PostgreSQL ledger is so old that it has requests here */
    "UPDATE requests SET fiscal_year = CAST(strftime('%Y', created / 1000, 'unixepoch', 'localtime', '-3 months') AS "
    "INTEGER);"
    "WITH n AS (SELECT number, row_number() OVER (PARTITION BY fiscal_year ORDER BY number) AS serial FROM requests)"
    " UPDATE requests SET fiscal_serial = n.serial FROM n WHERE n.number = requests.number;";
static const char fiscal_index[] = "CREATE UNIQUE INDEX requests_serial ON requests(fiscal_year, fiscal_serial);";

/* What the office says to terminals beside permits for media: orders, permits for settings, notices. Two officers are two accounts. */
static const char said[] =
    "CREATE TABLE orders(number INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, terminal TEXT NOT NULL "
    "REFERENCES terminals(id),"
    " kind TEXT NOT NULL, mode TEXT NOT NULL, person TEXT NOT NULL, poweroff INTEGER NOT NULL, reason TEXT NOT NULL, "
    "decided_by TEXT NOT NULL, issued INTEGER NOT NULL, until INTEGER NOT NULL,"
    " state TEXT NOT NULL CHECK(state IN ('waiting', 'open', 'done', 'failed', 'expired', 'cancelled')),"
    " asked_user TEXT NOT NULL, asked_name TEXT NOT NULL, asked_role TEXT NOT NULL, approved_user TEXT, approved_name "
    "TEXT, approved INTEGER, taken INTEGER, finished INTEGER, detail TEXT NOT NULL DEFAULT '',"
    " CHECK(until > issued), CHECK(approved_user IS NULL OR lower(approved_user) <> lower(asked_user)),"
    " CHECK(kind <> 'erase' OR state IN ('waiting', 'cancelled', 'expired') OR approved_user IS NOT NULL)) STRICT;"
    "CREATE INDEX orders_terminal ON orders(terminal, number);"
    "CREATE INDEX orders_open ON orders(until) WHERE state IN ('open', 'waiting');"
    "CREATE TABLE setting_permits(number INTEGER PRIMARY KEY AUTOINCREMENT, terminal TEXT NOT NULL REFERENCES "
    "terminals(id), setting TEXT NOT NULL, person TEXT NOT NULL, reason TEXT NOT NULL, starts INTEGER NOT NULL, until "
    "INTEGER NOT NULL, created INTEGER NOT NULL, ended INTEGER, permitted_user TEXT NOT NULL, permitted_by TEXT NOT "
    "NULL, CHECK(until > starts), CHECK(lower(permitted_user) <> lower(person))) STRICT;"
    "CREATE INDEX setting_permits_terminal ON setting_permits(terminal, until);"
    "CREATE TABLE notices(number INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, unit TEXT NOT NULL, title "
    "TEXT NOT NULL, text TEXT NOT NULL, officer TEXT NOT NULL, created INTEGER NOT NULL, until INTEGER NOT NULL, "
    "asked_user TEXT NOT NULL, asked_name TEXT NOT NULL) STRICT;"
    "CREATE INDEX notices_until ON notices(until);"
    "CREATE TABLE notice_acks(notice INTEGER NOT NULL REFERENCES notices(number), terminal TEXT NOT NULL, person TEXT "
    "NOT NULL, time INTEGER NOT NULL, PRIMARY KEY(notice, terminal, person)) STRICT, WITHOUT ROWID;";

/* The program that stands for each version of the agent, and what each terminal last said it had started. */
static const char agents[] =
    "CREATE TABLE agent_programs(version TEXT PRIMARY KEY, program TEXT NOT NULL, terminal TEXT NOT NULL, first "
    "INTEGER "
    "NOT NULL) STRICT, WITHOUT ROWID;"
    "CREATE TABLE agent_runs(terminal TEXT PRIMARY KEY REFERENCES terminals(id), boot TEXT NOT NULL, version TEXT NOT "
    "NULL, time INTEGER NOT NULL) STRICT, WITHOUT ROWID;";

/* How often a grant may open its medium; 0 = not counted. The terminal counts. */
static const char uses[] =
    "ALTER TABLE grants ADD COLUMN uses INTEGER NOT NULL DEFAULT 0 CHECK(uses BETWEEN 0 AND 1000);";

/* Where a registered medium was last opened. */
static const char media_seen[] = "ALTER TABLE media ADD COLUMN seen INTEGER NOT NULL DEFAULT 0; ALTER TABLE media ADD "
                                 "COLUMN seen_terminal TEXT NOT NULL DEFAULT '';";

/* Incidents as people handle them; `incidents` above holds the signs that terminals' records gave. */
static const char incident_cases[] =
    "CREATE TABLE incident_cases(number INTEGER PRIMARY KEY AUTOINCREMENT, fiscal_year INTEGER NOT NULL, fiscal_serial "
    "INTEGER NOT NULL, kind TEXT NOT NULL, title TEXT NOT NULL, text TEXT NOT NULL, unit TEXT REFERENCES units(key),"
    " terminal TEXT REFERENCES terminals(id), happened INTEGER NOT NULL, informant TEXT NOT NULL, user TEXT NOT NULL,"
    " name TEXT NOT NULL, sign TEXT NOT NULL, state TEXT NOT NULL, severity INTEGER NOT NULL CHECK(severity BETWEEN 0 "
    "AND "
    "3), opened INTEGER NOT NULL, updated INTEGER NOT NULL, UNIQUE(fiscal_year, fiscal_serial)) STRICT;"
    "CREATE INDEX incident_cases_unit ON incident_cases(unit);"
    "CREATE INDEX incident_cases_open ON incident_cases(terminal, sign) WHERE state <> 'closed';"
    "CREATE TABLE incident_course(id INTEGER PRIMARY KEY AUTOINCREMENT, incident INTEGER NOT NULL REFERENCES "
    "incident_cases(number), time INTEGER NOT NULL, entered INTEGER NOT NULL, action TEXT NOT NULL, user TEXT NOT NULL,"
    " name TEXT NOT NULL, role TEXT NOT NULL, target TEXT NOT NULL, text TEXT NOT NULL, state TEXT NOT NULL, severity "
    "INTEGER NOT NULL) STRICT;"
    "CREATE INDEX incident_course_incident ON incident_course(incident, id);" APPEND_ONLY("incident_course");
/* The organisation's containers: keys sealed to the server, terminals' sealing keys, and which grant took a key where. */
static const char containers[] =
    "ALTER TABLE media ADD COLUMN container_key TEXT NOT NULL DEFAULT '';"
    "ALTER TABLE media ADD COLUMN container_from TEXT NOT NULL DEFAULT '';"
    "ALTER TABLE media ADD COLUMN container_as TEXT NOT NULL DEFAULT '';"
    "ALTER TABLE media_requests ADD COLUMN container_key TEXT NOT NULL DEFAULT '';"
    "CREATE TABLE seal_keys(terminal TEXT PRIMARY KEY REFERENCES terminals(id), key TEXT NOT NULL, since INTEGER NOT "
    "NULL) STRICT, WITHOUT ROWID;"
    "CREATE TABLE container_sent(id TEXT PRIMARY KEY REFERENCES grants(id), ledger TEXT NOT NULL, terminal TEXT NOT "
    "NULL, time INTEGER NOT NULL) STRICT, WITHOUT ROWID;";

/* The organisation (server/org.h): effective-dated, nothing of it is deleted. unit_within is the tree of now, made from unit_places, for the lists. */
static const char organisation[] =
    "CREATE TABLE unit_places(id INTEGER PRIMARY KEY, unit TEXT NOT NULL REFERENCES units(key), parent TEXT REFERENCES "
    "units(key), kind TEXT NOT NULL, \"from\" INTEGER NOT NULL, until INTEGER NOT NULL DEFAULT 0,"
    " CHECK(until = 0 OR until >= \"from\")) STRICT;"
    "CREATE INDEX unit_places_unit ON unit_places(unit);"
    "CREATE TABLE posts(id INTEGER PRIMARY KEY, user TEXT NOT NULL REFERENCES users(user), unit TEXT REFERENCES "
    "units(key), role TEXT NOT NULL, title TEXT NOT NULL, \"from\" INTEGER NOT NULL, until INTEGER NOT NULL DEFAULT "
    "0, CHECK(until = 0 OR until >= \"from\")) STRICT;"
    "CREATE INDEX posts_user ON posts(user);"
    "CREATE TABLE absences(id INTEGER PRIMARY KEY, user TEXT NOT NULL REFERENCES users(user), \"from\" INTEGER NOT "
    "NULL, until INTEGER NOT NULL, reason TEXT NOT NULL, by TEXT NOT NULL, created INTEGER NOT NULL) STRICT;"
    "CREATE TABLE delegations(id INTEGER PRIMARY KEY, giver TEXT NOT NULL REFERENCES users(user), taker TEXT NOT NULL "
    "REFERENCES users(user), role TEXT NOT NULL, unit TEXT REFERENCES units(key), \"from\" INTEGER NOT NULL, until "
    "INTEGER NOT NULL, reason TEXT NOT NULL, by TEXT NOT NULL, created INTEGER NOT NULL, CHECK(giver <> taker),"
    " CHECK(until >= \"from\" AND until > 0)) STRICT;"
    "CREATE TABLE org_state(one INTEGER PRIMARY KEY CHECK(one = 1), version INTEGER NOT NULL, within_at INTEGER NOT "
    "NULL) STRICT;"
    "CREATE TABLE unit_within(above TEXT NOT NULL REFERENCES units(key), unit TEXT NOT NULL REFERENCES units(key),"
    " PRIMARY KEY(above, unit)) STRICT, WITHOUT ROWID;"
    "INSERT INTO unit_within(above, unit) SELECT key, key FROM units;";

/* The second factor (server/totp.h), and where a session came from. */
static const char factors[] = "ALTER TABLE users ADD COLUMN totp TEXT NOT NULL DEFAULT '';"
                              "ALTER TABLE users ADD COLUMN totp_pending TEXT NOT NULL DEFAULT '';"
                              "ALTER TABLE users ADD COLUMN totp_used INTEGER NOT NULL DEFAULT 0;"
                              "ALTER TABLE sessions ADD COLUMN remote TEXT NOT NULL DEFAULT '';";

/* Applications of every kind that is data (server/kinds.h). Four eyes by constraint: a vote carries who asked and who entered it, as the application says. */
static const char kinds[] =
    "CREATE TABLE kinds_texts(id INTEGER PRIMARY KEY, text TEXT NOT NULL, by TEXT NOT NULL, created INTEGER NOT NULL) "
    "STRICT;" APPEND_ONLY("kinds_texts");
static const char applications[] =
    "CREATE TABLE applications(number INTEGER PRIMARY KEY AUTOINCREMENT, fiscal_year INTEGER NOT NULL, fiscal_serial "
    "INTEGER NOT NULL, once TEXT NOT NULL UNIQUE, kind TEXT NOT NULL, person TEXT NOT NULL REFERENCES users(user), "
    "entered_by TEXT NOT NULL, unit TEXT NOT NULL REFERENCES units(key), class TEXT NOT NULL, fields TEXT NOT NULL,"
    " \"from\" INTEGER NOT NULL, until INTEGER NOT NULL, route TEXT NOT NULL, step INTEGER NOT NULL, round INTEGER NOT "
    "NULL, state TEXT NOT NULL CHECK(state IN ('submitted', 'examined', 'permitted', 'refused', 'returned', "
    "'withdrawn', "
    "'cancelled', 'brought-back', 'lost', 'erased', 'done')), back INTEGER NOT NULL, created INTEGER NOT NULL, updated "
    "INTEGER NOT NULL, reason TEXT NOT NULL DEFAULT '', extends INTEGER REFERENCES applications(number),"
    " UNIQUE(fiscal_year, fiscal_serial), UNIQUE(number, person, entered_by), CHECK(until > \"from\")) STRICT;"
    "CREATE INDEX applications_unit ON applications(unit, state);"
    "CREATE INDEX applications_person ON applications(person);"
    "CREATE TABLE application_permits(application INTEGER NOT NULL REFERENCES applications(number), kind TEXT NOT "
    "NULL, "
    "clause TEXT NOT NULL, PRIMARY KEY(application, kind)) STRICT, WITHOUT ROWID;"
    "CREATE TABLE application_history(id INTEGER PRIMARY KEY, application INTEGER NOT NULL REFERENCES "
    "applications(number), time INTEGER NOT NULL, action TEXT NOT NULL, user TEXT NOT NULL, name TEXT NOT NULL, role "
    "TEXT "
    "NOT NULL, unit TEXT NOT NULL, reason TEXT NOT NULL) STRICT;"
    "CREATE INDEX application_history_of ON application_history(application, id);" APPEND_ONLY("application_history");
static const char votes[] =
    "CREATE TABLE application_votes(application INTEGER NOT NULL, round INTEGER NOT NULL, step INTEGER NOT NULL, role "
    "TEXT NOT NULL, user TEXT NOT NULL, name TEXT NOT NULL, unit TEXT NOT NULL, time INTEGER NOT NULL, person TEXT NOT "
    "NULL, entered_by TEXT NOT NULL, PRIMARY KEY(application, round, step, role), UNIQUE(application, round, user), "
    "FOREIGN "
    "KEY(application, person, entered_by) REFERENCES applications(number, person, entered_by), CHECK(user <> person), "
    "CHECK(user <> entered_by)) STRICT;" APPEND_ONLY("application_votes");

/* May the medium be erased under the grant? */
static const char erase[] =
    "ALTER TABLE grants ADD COLUMN erase INTEGER NOT NULL DEFAULT 0 CHECK(erase BETWEEN 0 AND 1);";

/* Jobs (server/job.h): one row each. */
static const char jobs[] =
    "CREATE TABLE jobs(name TEXT PRIMARY KEY, next INTEGER NOT NULL, due INTEGER NOT NULL DEFAULT 0, began INTEGER NOT "
    "NULL DEFAULT 0, ended INTEGER NOT NULL DEFAULT 0, done INTEGER NOT NULL DEFAULT 0, runs INTEGER NOT NULL DEFAULT "
    "0, "
    "failures INTEGER NOT NULL DEFAULT 0, mark TEXT NOT NULL DEFAULT '', problem TEXT NOT NULL DEFAULT '') STRICT, "
    "WITHOUT ROWID;";
/* Verdicts counted once a day (server/store_compliance.h): unit '' = the office, else with all below it; "check" '' = terminals as a whole. And until when
 * the maker mends a terminal's operating system, as its check says. */
static const char compliance[] = "CREATE TABLE compliance_days(\"check\" TEXT NOT NULL, unit TEXT NOT NULL, day "
                                 "INTEGER NOT NULL, state TEXT NOT NULL, n "
                                 "INTEGER NOT NULL, PRIMARY KEY(\"check\", unit, day, state)) STRICT, WITHOUT ROWID;"
                                 "CREATE INDEX compliance_days_day ON compliance_days(day);"
                                 "ALTER TABLE terminals ADD COLUMN support_name TEXT NOT NULL DEFAULT '';"
                                 "ALTER TABLE terminals ADD COLUMN support_until TEXT NOT NULL DEFAULT '';";

/* Retention (server/retention.h): periods, holds, and where the chain of each terminal begins; records go only below that. */
static const char retention[] =
    "CREATE TABLE retention(kind TEXT PRIMARY KEY, days INTEGER NOT NULL CHECK(days BETWEEN 30 AND 36525), by TEXT NOT "
    "NULL, "
    "set_at INTEGER NOT NULL, seen INTEGER NOT NULL) STRICT, WITHOUT ROWID;"
    "CREATE TABLE holds(number INTEGER PRIMARY KEY AUTOINCREMENT, terminal TEXT REFERENCES terminals(id), unit TEXT "
    "REFERENCES units(key), reason TEXT NOT NULL, by TEXT NOT NULL, created INTEGER NOT NULL, ended INTEGER) STRICT;"
    "CREATE TABLE chain_bases(device TEXT PRIMARY KEY REFERENCES terminals(id), seq INTEGER NOT NULL, hash TEXT NOT "
    "NULL) STRICT, WITHOUT ROWID;"
    "CREATE TRIGGER chain_bases_rise BEFORE UPDATE ON chain_bases WHEN NEW.seq < OLD.seq OR NEW.device <> OLD.device"
    " BEGIN SELECT RAISE(ABORT, 'a chain does not begin earlier again'); END;"
    "CREATE TRIGGER chain_bases_no_delete BEFORE DELETE ON chain_bases BEGIN SELECT RAISE(ABORT, 'chain_bases are not "
    "deleted'); END;"
    "CREATE INDEX posture_history_time ON posture_history(time);";
static const char retention_sqlite[] =
    SK_ONLY_SQLITE "DROP TRIGGER IF EXISTS events_no_delete;"
                   "CREATE TRIGGER events_no_delete BEFORE DELETE ON events WHEN NOT EXISTS (SELECT 1 FROM chain_bases "
                   "b WHERE b.device = "
                   "OLD.device AND b.seq >= OLD.seq) BEGIN SELECT RAISE(ABORT, 'events are not deleted'); END;";
static const char retention_postgres[] = SK_ONLY_POSTGRES /* no subquery in a trigger's WHEN there */
    "CREATE OR REPLACE FUNCTION sk_keep_events() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
    " IF EXISTS (SELECT 1 FROM chain_bases b WHERE b.device = OLD.device AND b.seq >= OLD.seq) THEN RETURN OLD; END IF;"
    " RAISE EXCEPTION 'events are not deleted' USING ERRCODE = 'integrity_constraint_violation'; END $$;"
    "DROP TRIGGER IF EXISTS events_no_delete ON events;"
    "CREATE TRIGGER events_no_delete BEFORE DELETE ON events FOR EACH ROW EXECUTE FUNCTION sk_keep_events();";
/* Where a registered medium was last written, and what was done with it since. */
static const char media_clean[] = "ALTER TABLE media ADD COLUMN written INTEGER NOT NULL DEFAULT 0;"
                                  "ALTER TABLE media ADD COLUMN written_zone TEXT NOT NULL DEFAULT '';"
                                  "ALTER TABLE media ADD COLUMN cleaned INTEGER NOT NULL DEFAULT 0;"
                                  "ALTER TABLE media ADD COLUMN cleaned_how TEXT NOT NULL DEFAULT '';"
                                  "ALTER TABLE media ADD COLUMN cleaned_by TEXT NOT NULL DEFAULT '';"
                                  "ALTER TABLE media_requests ADD COLUMN zone TEXT NOT NULL DEFAULT '';";

/* IC cards (server/store_card.h). */
static const char cards[] = "CREATE TABLE cards(fingerprint TEXT PRIMARY KEY, user TEXT NOT NULL REFERENCES "
                            "users(user), registered INTEGER NOT "
                            "NULL, by TEXT NOT NULL) STRICT, WITHOUT ROWID;"
                            "CREATE INDEX cards_user ON cards(user);"
                            "ALTER TABLE sessions ADD COLUMN card TEXT NOT NULL DEFAULT '';";

/* What a permitted application produces: the request the helpdesk issues, of which one is open at a time, or the permit of a setting. */
static const char produced[] =
    "ALTER TABLE applications ADD COLUMN produces TEXT NOT NULL DEFAULT '' CHECK(produces IN ('', 'medium', "
    "'setting'));"
    "ALTER TABLE requests ADD COLUMN application INTEGER REFERENCES applications(number);"
    "ALTER TABLE requests ADD COLUMN ledger TEXT NOT NULL DEFAULT '';"
    "ALTER TABLE requests ADD COLUMN starts INTEGER NOT NULL DEFAULT 0;"
    "CREATE UNIQUE INDEX requests_application ON requests(application) WHERE application IS NOT NULL AND state IN "
    "('submitted', 'permitted', 'approved');"
    "ALTER TABLE setting_permits ADD COLUMN application INTEGER REFERENCES applications(number);";

/* A terminal's request takes the route of its kind with it, as an application does; one person has one vote on it. */
static const char routes[] =
    "ALTER TABLE requests ADD COLUMN route TEXT NOT NULL DEFAULT 'sec';"
    "ALTER TABLE requests ADD COLUMN step INTEGER NOT NULL DEFAULT 0;"
    "CREATE TABLE request_votes(request INTEGER NOT NULL REFERENCES requests(number), step INTEGER NOT NULL, role TEXT "
    "NOT NULL, user TEXT NOT NULL, name TEXT NOT NULL, unit TEXT NOT NULL, time INTEGER NOT NULL, person TEXT NOT "
    "NULL, "
    "PRIMARY KEY(request, step, role), UNIQUE(request, user), CHECK(lower(user) <> lower(person))) STRICT;" APPEND_ONLY(
        "request_votes");
/* Audits and self-inspections (server/store_inspections.h). */
static const char inspections[] =
    "CREATE TABLE inspections(number INTEGER PRIMARY KEY AUTOINCREMENT, fiscal_year INTEGER NOT NULL, fiscal_serial "
    "INTEGER NOT NULL, audit INTEGER NOT NULL CHECK(audit BETWEEN 0 AND 1), title TEXT NOT NULL, text TEXT NOT NULL, "
    "unit TEXT REFERENCES units(key), \"from\" INTEGER NOT NULL, until INTEGER NOT NULL, state TEXT NOT NULL "
    "CHECK(state IN ('running', 'reported')), created INTEGER NOT NULL, user TEXT NOT NULL, name TEXT NOT NULL, report "
    "TEXT NOT NULL DEFAULT '', reported INTEGER NOT NULL DEFAULT 0, reported_by TEXT NOT NULL DEFAULT '', "
    "UNIQUE(fiscal_year, fiscal_serial)) STRICT;"
    "CREATE TABLE inspection_items(id INTEGER PRIMARY KEY AUTOINCREMENT, inspection INTEGER NOT NULL REFERENCES "
    "inspections(number), clause TEXT NOT NULL, text TEXT NOT NULL) STRICT;"
    "CREATE INDEX inspection_items_of ON inspection_items(inspection, id);"
    "CREATE TABLE inspection_answers(item INTEGER NOT NULL REFERENCES inspection_items(id), unit TEXT NOT NULL "
    "REFERENCES units(key), answer TEXT NOT NULL CHECK(answer IN ('met', 'not-met', 'not-applicable')), text TEXT NOT "
    "NULL, user TEXT NOT NULL, name TEXT NOT NULL, time INTEGER NOT NULL, PRIMARY KEY(item, unit)) STRICT, WITHOUT "
    "ROWID;"
    "CREATE TABLE findings(number INTEGER PRIMARY KEY AUTOINCREMENT, inspection INTEGER NOT NULL REFERENCES "
    "inspections(number), item INTEGER REFERENCES inspection_items(id), unit TEXT NOT NULL REFERENCES units(key), "
    "clause TEXT NOT NULL, text TEXT NOT NULL, degree INTEGER NOT NULL CHECK(degree BETWEEN 1 AND 3), evidence TEXT "
    "NOT NULL, due INTEGER NOT NULL, state TEXT NOT NULL CHECK(state IN ('open', 'answered', 'mended')), created "
    "INTEGER NOT NULL, user TEXT NOT NULL, name TEXT NOT NULL, spread_of INTEGER REFERENCES findings(number), "
    "improvement TEXT NOT NULL DEFAULT '', improved INTEGER NOT NULL DEFAULT 0, improved_by TEXT NOT NULL DEFAULT '', "
    "improved_user TEXT NOT NULL DEFAULT '', returned TEXT NOT NULL DEFAULT '', confirmed INTEGER NOT NULL DEFAULT 0, "
    "confirmed_by TEXT NOT NULL DEFAULT '', confirmed_user TEXT NOT NULL DEFAULT '', CHECK(state <> 'mended' OR "
    "lower(confirmed_user) <> lower(improved_user))) STRICT;"
    "CREATE INDEX findings_inspection ON findings(inspection, number);"
    "CREATE INDEX findings_spread ON findings(spread_of, unit);";
/* May a recipient be given a passphrase of the container under the grant? */
static const char release[] =
    "ALTER TABLE grants ADD COLUMN passphrase INTEGER NOT NULL DEFAULT 0 CHECK(passphrase BETWEEN 0 AND 1);";

/* Tokens for programs that read (server/store_api_tokens.h). */
static const char api_tokens[] =
    "CREATE TABLE api_tokens(id INTEGER PRIMARY KEY AUTOINCREMENT, sha256 TEXT NOT NULL UNIQUE, user TEXT NOT NULL "
    "REFERENCES users(user), name TEXT NOT NULL, capacity TEXT NOT NULL, created INTEGER NOT NULL, until INTEGER NOT "
    "NULL, "
    "used INTEGER NOT NULL DEFAULT 0, revoked INTEGER NOT NULL DEFAULT 0, CHECK(until > created)) STRICT;"
    "CREATE INDEX api_tokens_user ON api_tokens(user);";

/* What is due back: when its holder was reminded, with a notice to their terminals, and what was checked when it came. */
static const char returns[] =
    "ALTER TABLE applications ADD COLUMN reminded INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE applications ADD COLUMN reminders INTEGER NOT NULL DEFAULT 0;"
    "CREATE INDEX applications_due ON applications(until) WHERE state = 'permitted';"
    "ALTER TABLE notices ADD COLUMN terminal TEXT REFERENCES terminals(id);"
    "ALTER TABLE notices ADD COLUMN application INTEGER REFERENCES applications(number);"
    "CREATE TABLE application_checks(application INTEGER PRIMARY KEY REFERENCES applications(number), time INTEGER NOT "
    "NULL, scan INTEGER NOT NULL, patches INTEGER NOT NULL, files INTEGER NOT NULL, contents INTEGER NOT NULL, user "
    "TEXT "
    "NOT NULL, name TEXT NOT NULL, role TEXT NOT NULL) STRICT;" APPEND_ONLY("application_checks");

/* The overview's counts, of section, check ("" = the whole terminal) and state, and when they were made (server/store_overview.c). */
static const char overview[] =
    "CREATE TABLE overview_counts(unit TEXT NOT NULL REFERENCES units(key), \"check\" TEXT NOT NULL, state TEXT NOT "
    "NULL, n INTEGER "
    "NOT NULL, PRIMARY KEY(unit, \"check\", state)) STRICT, WITHOUT ROWID;"
    "CREATE TABLE overview_made(one INTEGER PRIMARY KEY CHECK(one = 1), at INTEGER NOT NULL) STRICT;";

static const char *const migrations[][4] = {
    {people, terminals, requests, NULL},
    {logins, NULL},
    {identities, NULL},
    {checkpoints, NULL},
    {fiscal, fiscal_old, fiscal_index, NULL},
    {telephone, NULL},
    {uses, NULL},
    {media, NULL},
    {media_seen, NULL},
    {incident_cases, NULL},
    {containers, NULL},
    {organisation, NULL},
    {factors, NULL},
    {kinds, applications, votes, NULL},
    {said, NULL},
    {agents, NULL},
    {erase, NULL},
    {jobs, NULL},
    {retention, retention_sqlite, retention_postgres, NULL},
    {cards, NULL},
    {media_clean, NULL},
    {compliance, NULL},
    {produced, NULL},
    {routes, NULL},
    {inspections, NULL},
    {api_tokens, NULL},
    {returns, NULL},
    {release, NULL},
    {overview, NULL},
};
#define VERSION ((int)(sizeof(migrations) / sizeof(migrations[0])))

/* Another node may have done it meanwhile. */
static int migrate_one(struct sk_store *s, int from)
{
	int64_t have = 0;
	int rc = s->driver->version(s, &have);

	if (rc < 0 || have > from)
		return rc;
	for (size_t i = 0; migrations[from][i] != NULL; i++) {
		int r = s->driver->script(s, migrations[from][i]);

		if (r < 0)
			return r;
	}
	return s->driver->set_version(s, from + 1);
}

int db_migrate(struct sk_store *s, struct sk_err *err)
{
	int64_t have = 0;
	int r = s->driver->version(s, &have);

	if (r == -EBADMSG)
		return sk_err_set(err, r, "%s: not a store of sekimori-server; check the path", s->path);
	if (r < 0)
		return db_fail(s, err, r, "cannot be read");
	if (have > VERSION)
		return sk_err_set(
		    err, -ENOTSUP,
		    "%s: made by a newer sekimori-server (store version %lld, this program knows %d); install that one",
		    s->path, (long long)have, VERSION);
	for (int v = (int)have; v < VERSION; v++) {
		r = db_begin(s);
		if (r == 0)
			r = db_finish(s, migrate_one(s, v));
		if (r < 0)
			return db_fail(s, err, r, "cannot be brought to this version");
	}
	return 0;
}

/* What need not survive a crash: contacts and the reports' moving parts. live is joined in wherever a terminal is shown. */
int db_temp(struct sk_store *s)
{
	static const char sql[] =
	    "CREATE TEMP TABLE live(device TEXT PRIMARY KEY, at INTEGER NOT NULL, status TEXT, received INTEGER) "
	    "STRICT, WITHOUT ROWID;"
	    "CREATE TEMP VIEW terminal_now AS SELECT t.id, t.host, t.asset, t.unit, u.name_ja AS unit_ja, u.name_en AS "
	    "unit_en,"
	    " coalesce(t.state, 'unknown') AS state, t.revoked IS NOT NULL AS revoked, t.revoke_reason, t.enrolled, "
	    "t.cert_until,"
	    " max(t.last_contact, coalesce(l.at, 0)) AS last_contact,"
	    /* What counts is the last report: one that only asks for orders says nothing of its state. */
	    " max(coalesce(l.received, r.received, 0), t.enrolled) AS seen, t.last_seq, t.policy_version, "
	    "t.grants_version,"
	    " coalesce(l.status, r.status) AS status, coalesce(l.received, r.received) AS received"
	    " FROM terminals t JOIN units u ON u.key = t.unit LEFT JOIN live l ON l.device = t.id"
	    " LEFT JOIN reports r ON r.device = t.id;";

	return s->driver->script(s, sql);
}
