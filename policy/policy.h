/*
 * A policy: ordered, named rules in strict INI; first match wins; an explicit default deny. It comes from /etc/sekimori/policy.ini
 * before enrolment and as a signed bundle afterwards. A malformed policy is refused whole with file:line and the old one
 * stays in force; with none at all the built-in fail-safe policy admits hubs and pure input devices and nothing else.
 *
 *   [policy]
 *   name = internet-zone           ; required
 *   version = 3                    ; required, >= 1
 *   zone = internet                ; internet | lgwan | my-number
 *   mode = enforce                 ; enforce | audit (record what would be refused, allow) | learn (allow, propose rules)
 *   default = deny                 ; required and only "deny" is accepted
 *   contact_ja = ...               ; whom the clerk asks; shown with every refusal
 *   contact_en = ...
 *   [rule NAME]                    ; one or more, in order; a rule decides one interface
 *   kind = hub input storage ...   ; any of these kinds of this interface (sk_usb_kind_name)
 *   interface = 03/01/01 08/06/..  ; any of these; ".." is a wildcard byte
 *   only = input hub               ; the whole device has no other kinds than these
 *   with = storage                 ; the whole device also has one of these kinds
 *   device = 1d6b:0002 1d6b:*      ; vendor:product, * wildcard
 *   serial = ABC123                ; exact
 *   port = 1-2 1-3.*               ; kernel port path, trailing * allowed
 *   action = allow | deny | grant  ; grant: allowed exactly when a valid grant covers the device. A rule with action allow covers
 *                                  ; storage and image only if its kind names them; it must ask for something
 *   reason_ja = ...  reason_en = . ; shown to the clerk
 *   [grants]
 *   grade_c = none | ro | rw       ; the most a grant or rule may give to what stores, per grade (default ro)
 *   grade_b = ..  grade_a = ..     ; defaults rw
 *   warn = 5m                      ; how long before its end a mounted medium's user is warned
 *   [check NAME]                   ; parameters of posture checks, see policy/check.h
 *
 * In audit and learn mode storage is still refused: those modes loosen rules for other kinds only where a rule of kind
 * storage did not decide. (An audit that lets a stick write would be a hole with a switch.)
 */
#ifndef SK_POLICY_POLICY_H
#define SK_POLICY_POLICY_H

#include "common/err.h"
#include "common/ini.h"
#include "policy/check.h"
#include "policy/grant.h"

enum sk_zone { SK_ZONE_INTERNET, SK_ZONE_LGWAN, SK_ZONE_MY_NUMBER };
enum sk_mode { SK_MODE_ENFORCE, SK_MODE_AUDIT, SK_MODE_LEARN };
enum sk_action { SK_ACTION_DENY = 0, SK_ACTION_ALLOW = 1, SK_ACTION_GRANT = 2 };
const char *sk_zone_name(enum sk_zone z);
const char *sk_mode_name(enum sk_mode m);
const char *sk_action_name(enum sk_action a);
const char *sk_zone_word(enum sk_zone z); /* msgids for people */
const char *sk_mode_word(enum sk_mode m);

#define SK_RULES_MAX 2000
#define SK_RULE_LIST 16

struct sk_rule_class { int cls, sub, proto; };    /* -1 = any */
struct sk_rule_model { int vid, pid; };           /* -1 = any */

struct sk_rule {
	char name[64];
	int line;
	unsigned kinds, only, with;                /* sk_usb_kind masks; 0 = not asked */
	struct sk_rule_class classes[SK_RULE_LIST];
	size_t n_classes;
	struct sk_rule_model models[SK_RULE_LIST];
	size_t n_models;
	char *serial;                              /* NULL = not asked */
	char *ports[SK_RULE_LIST];
	size_t n_ports;
	enum sk_action action;
	char *reason_ja, *reason_en;               /* NULL = the built-in text of the action */
};

struct sk_policy {
	char name[64];
	char file[256];          /* where it came from, for messages */
	int64_t version;
	enum sk_zone zone;
	enum sk_mode mode;
	char contact_ja[256], contact_en[256];
	struct sk_rule *rules;
	size_t n_rules;
	enum sk_access grade_max[3]; /* by sk_grade */
	int64_t warn_s;
	struct sk_check_params checks;
	char *text;              /* the INI it was made from; shown by `sekimori policy` */
	struct sk_rule_index *index; /* private to policy/: the rules by kind, model and serial; NULL = walk all */
};

int sk_policy_parse(const char *file, const char *text, size_t len, struct sk_policy **out, struct sk_err *err);
int sk_policy_load(const char *path, struct sk_policy **out, struct sk_err *err);
struct sk_policy *sk_policy_free(struct sk_policy *p);
/* Hubs and pure input devices, nothing else; used when there is no valid policy. Never fails but for memory (NULL). */
struct sk_policy *sk_policy_failsafe(void);

/* Rules that can never match (shadowed by an earlier one) and the like: appends lines "file:line: ..." to out; returns how many. */
int sk_policy_warnings(const struct sk_policy *p, struct sk_buf *out);

#endif
