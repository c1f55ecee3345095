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
 *   new_keyboard = allow | confirm ; confirm: one that arrives beside another waits to be confirmed on that one (default allow)
 *   new_keyboard_wait = 2m         ; for so long, 10s to 1h
 *   [rule NAME]                    ; one or more, in order; a rule decides one interface
 *   kind = hub input storage ...   ; any of these kinds of this interface (sk_usb_kind_name)
 *   interface = 03/01/01 08/06/..  ; any of these; ".." is a wildcard byte
 *   only = input hub               ; the whole device has no other kinds than these
 *   with = storage                 ; the whole device also has one of these kinds
 *   interfaces_any, interfaces_all, interfaces_only = 03/01/.. 08/../..
 *                                  ; the whole device has one of these, each of these, no others than these
 *   bus = usb mmc scsi ata pci nvme thunderbolt firewire
 *   device = 1d6b:0002 1d6b:* 046d:c5* ; vendor:product, * wildcard
 *   name = *jetflash* | *ultra?fit ; vendor, product, or both with a blank; "*" "?", large and small letters alike
 *   serial = ABC123                ; exact, or the beginning: ABC*
 *   port = 1-2 1-3.*               ; kernel port path, trailing * allowed
 *   connect = hotplug fixed unknown
 *   grade = B                      ; at least
 *   person, group, host, section = WORD ... ; of whom and where; "*" "?" allowed. person: the active session's login name
 *   zone = lgwan                   ; of this policy
 *   hours = 08:30-17:15  days = mon-fri  from = 2026-04-01  until = 2027-03-31 | fiscal-year-end  ; local time, see policy/when.h
 *   ledger = M-2026-*              ; number of the medium in the ledger
 *   encryption = none luks bitlocker hardware other any
 *   size = 1G-64G                  ; K M G T: 1000, Ki Mi Gi Ti: 1024
 *   access = ro | rw | encrypted | encrypted-ro ; the most this rule gives to what stores (default rw; a grant may give less)
 *   action = allow | deny | grant  ; grant: allowed exactly when a valid grant covers the device. A rule with action allow covers
 *                                  ; storage and image only if its kind names them; it must ask for something
 *   reason_ja = ...  reason_en = . ; shown to the clerk
 *   [grants]
 *   grade_c = none | ro | rw       ; the most a grant or rule may give to what stores, per grade (default ro)
 *   grade_b = ..  grade_a = ..     ; defaults rw
 *   warn = 5m                      ; how long before its end a mounted medium's user is warned
 *   [media]                        ; encryption, screen lock, antivirus, sanitising of media, see policy/media.h
 *   [classes]                      ; which names of files stand for which class, see policy/classes.h
 *   [check NAME]                   ; parameters of posture checks, see policy/check.h
 *   [scan]                         ; scan before use, see policy/scan.h
 *
 * In audit and learn mode storage is still refused: those modes loosen rules for other kinds only where a rule of kind
 * storage did not decide. (An audit that lets a stick write would be a hole with a switch.)
 */
#ifndef SK_POLICY_POLICY_H
#define SK_POLICY_POLICY_H

#include "common/err.h"
#include "common/ini.h"
#include "policy/check.h"
#include "policy/classes.h"
#include "policy/grant.h"
#include "policy/media.h"
#include "policy/pattern.h"
#include "policy/scan.h"
#include "policy/when.h"
#include "policy/zone.h"

enum sk_mode { SK_MODE_ENFORCE, SK_MODE_AUDIT, SK_MODE_LEARN };
enum sk_action { SK_ACTION_DENY = 0, SK_ACTION_ALLOW = 1, SK_ACTION_GRANT = 2 };
const char *sk_mode_name(enum sk_mode m);
const char *sk_action_name(enum sk_action a);
const char *sk_mode_word(enum sk_mode m); /* msgid for people */

#define SK_RULES_MAX 2000
#define SK_RULE_LIST 16

struct sk_rule_class {
	int cls, sub, proto;
}; /* -1 = any */
struct sk_rule_model {
	int vid, pid; /* -1 = any */
	uint16_t pid_mask; /* which bits of pid count: 0xff00 for "046d:c5*" */
};
struct sk_rule_classes {
	struct sk_rule_class *of; /* owned */
	size_t n;
};

struct sk_rule {
	char name[64];
	int line;
	unsigned kinds, only, with; /* sk_usb_kind masks; 0 = not asked */
	struct sk_rule_class classes[SK_RULE_LIST];
	size_t n_classes;
	struct sk_rule_model models[SK_RULE_LIST];
	size_t n_models;
	char *serial; /* NULL = not asked; "*" at its end = any text */
	char *ports[SK_RULE_LIST];
	size_t n_ports;
	struct sk_rule_classes ifaces_any, ifaces_all, ifaces_only; /* of the whole device; n 0 = not asked */
	unsigned buses; /* enum sk_dev_bus; 0 = not asked, as with all that follow */
	unsigned connects; /* 1 hotplug 2 fixed 4 unknown */
	struct sk_words names; /* patterns; n 0 = not asked */
	struct sk_words persons, groups, hosts, sections, ledgers;
	unsigned zones; /* 1 << enum sk_zone */
	enum sk_grade grade; /* at least; C = not asked */
	struct sk_when when;
	unsigned encryptions; /* enum sk_encryption */
	bool has_size;
	uint64_t size_min, size_max;
	enum sk_access access; /* the most this rule gives to what stores; RW if it does not say */
	bool has_access;
	enum sk_action action;
	char *reason_ja, *reason_en; /* NULL = the built-in text of the action */
};

struct sk_policy {
	char name[64];
	char file[256]; /* where it came from, for messages */
	int64_t version;
	enum sk_zone zone;
	enum sk_mode mode;
	char contact_ja[256], contact_en[256];
	struct sk_rule *rules;
	size_t n_rules;
	enum sk_access grade_max[3]; /* by sk_grade */
	int64_t warn_s;
	struct sk_media_params media;
	struct sk_class_params classes;
	bool asks_media; /* a rule asks for what every medium can tell: encryption, size */
	bool confirm_keyboard;
	int64_t confirm_s;
	struct sk_check_params checks;
	struct sk_scan_params scan;
	char *text; /* the INI it was made from; shown by `sekimori policy` */
	struct sk_rule_index *index; /* private to policy/: the rules by kind, model and serial; NULL = walk all */
};

int sk_policy_parse(const char *file, const char *text, size_t len, struct sk_policy **out, struct sk_err *err);
int sk_policy_load(const char *path, struct sk_policy **out, struct sk_err *err);
struct sk_policy *sk_policy_free(struct sk_policy *p);
/* Hubs and pure input devices, nothing else; used when there is no valid policy. Never fails but for memory (NULL). */
struct sk_policy *sk_policy_failsafe(void);

/* An instant after now before which no rule's time conditions change; 0 = none has any. */
sk_ms sk_policy_next_change(const struct sk_policy *p, sk_ms now, int utc_offset_s);

/* Rules that can never match (shadowed by an earlier one) and the like: appends lines "file:line: ..." to out; returns how many. */
int sk_policy_warnings(const struct sk_policy *p, struct sk_buf *out);
/* The same at a moment, so that rules whose last day is past are named too. *dead (may be NULL): how many rules can do nothing. */
int sk_policy_review(const struct sk_policy *p, sk_ms now, int utc_offset_s, struct sk_buf *out, int *dead);

#endif
