/*
 * The decision, pure: (policy, grants, facts, time, who is logged in) -> a verdict per interface, with the rule and the reason.
 * No clock, file or log inside. Default deny. A device whose descriptors are malformed is denied whole.
 *
 * A device is authorised (configured) when at least one interface of the FIRST configuration is allowed; its other interfaces stay
 * unauthorised. A configuration or alternate setting that hides a storage interface behind an allowed one (a "keyboard" whose
 * alternate setting 1 is mass storage) makes that interface number storage for the decision: the strictest alt decides.
 * Interfaces of further configurations are judged too and recorded, and the kernel is kept on the configuration decided upon.
 *
 * What stores (kinds storage and image) gets at most what its grade may have ([grants] grade_*), by a grant or by a rule. Other kinds
 * under action = grant are admitted whole by any valid grant. Read-only is enforced at the block layer, which a camera or phone (kind
 * image) has not: there, read-only access is a refusal.
 *
 * A medium in the ledger (policy/ledger.h) is held to it: lost, erased, disposed of: refused; long-term storage: read-only; what is on it
 * differs from what was registered: refused; last written in another zone and not sanitised since: refused ([media] sanitise_from). Its grade is proved only when its media key was read, so it comes in as pending.
 *
 * The safe path: a device that is purely hub or purely input (sk_usb_is_pure_*) is admitted even where rules deny it if the
 * terminal has no other keyboard (or mouse) at this moment; it is never a path for storage.
 *
 * With [policy] new_keyboard = confirm (mode enforce) no input interface of a device that is not known is allowed while another keyboard is
 * there, by whatever rule or path: keys that are typed by themselves are the attack. Any input interface can type, whatever it calls itself.
 */
#ifndef SK_POLICY_DECIDE_H
#define SK_POLICY_DECIDE_H

#include <jansson.h>
#include "policy/policy.h"

#define SK_IFACES_MAX 32

enum sk_reason { /* stable names by sk_reason_name: used in events, CLI --json, API */
	         SK_REASON_RULE_ALLOW, /* "rule" : a rule with action allow */
	         SK_REASON_RULE_DENY, /* "rule-deny" */
	         SK_REASON_DEFAULT, /* "default-deny": no rule matched */
	         SK_REASON_GRANT, /* "grant": a valid grant covers it */
	         SK_REASON_NO_GRANT, /* "no-grant" */
	         SK_REASON_GRANT_EXPIRED, /* "grant-expired" */
	         SK_REASON_GRANT_NOT_YET, /* "grant-not-yet" */
	         SK_REASON_GRANT_PERSON, /* "grant-other-person" */
	         SK_REASON_GRADE, /* "grade": the medium's grade allows no access */
	         SK_REASON_MALFORMED, /* "malformed-descriptors" */
	         SK_REASON_HIDDEN_STORAGE, /* "hidden-storage": storage in an alternate setting */
	         SK_REASON_SAFE_PATH, /* "safe-path" */
	         SK_REASON_AUDIT, /* "audit": would be refused, mode audit or learn */
	         SK_REASON_INFECTED, /* "infected": the scan before use found something (set by the agent) */
	         SK_REASON_CHANGED, /* "changed": descriptors differ between decision and authorisation (set by the agent) */
	         SK_REASON_NOT_ENCRYPTED, /* "not-encrypted": only encrypted media are opened, and this one is not, or nobody can hold it to that */
	         SK_REASON_GRANT_USED_UP, /* "grant-used-up": it has opened the medium as often as it may */
	         SK_REASON_ANTIVIRUS, /* "antivirus": [media] antivirus = required, and it is not current */
	         SK_REASON_LOCKED, /* "session-locked": [media] on_lock = close */
	         SK_REASON_CONFIRM, /* "confirm": a new keyboard beside another waits to be confirmed on that one */
	         SK_REASON_LOOKING, /* "looking": opened for root alone, so that what is on it can be read for the ledger */
	         SK_REASON_MEDIA_KEY, /* "media-key": registered, but what is on it is not what was registered */
	         SK_REASON_LOST, /* "medium-lost": the ledger says so, as the two below; no grant and no rule opens it */
	         SK_REASON_ERASED, /* "medium-erased" */
	         SK_REASON_DISPOSED, /* "medium-disposed" */
	         SK_REASON_NO_READ_ONLY, /* "no-read-only": only reading would be allowed, and a camera or phone cannot be held to it */
	         SK_REASON_NOT_SANITISED, /* "not-sanitised": last written in another zone, and no sanitising since is on record */
};
const char *sk_reason_name(enum sk_reason r);
const char *sk_reason_word(enum sk_reason r); /* msgid for people, a few words */

struct sk_iface_verdict {
	uint8_t number;
	uint8_t cls, sub, proto; /* of the alt that decided */
	unsigned kind;
	bool allow;
	enum sk_access access; /* for what stores; of a pending one the most that can come of it */
	bool pending; /* allowed so far as to look at the medium: nobody may use it before sk_decide_medium */
	enum sk_reason reason;
	const struct sk_rule *rule; /* borrowed from the policy; NULL = default, safe path, malformed */
	const struct sk_grant *grant; /* borrowed from grants; NULL if none */
};

struct sk_context {
	sk_ms now; /* trusted clock */
	const char *person; /* login name of the active session; "" = nobody */
	int other_keyboards; /* authorised keyboards besides this device */
	int other_mice;
	int built_in_keyboards; /* not USB: counts for the question below only, never for the safe path */
	bool keyboard_known; /* somebody vouched for this very device at this port, or it is let in already */
	/* Facts for rules that name a person's groups, a terminal, a section or a time. What is not known is not there: NULL, 0. */
	const char *const *groups; /* of the active session's person */
	size_t n_groups;
	const char *host; /* the terminal's name */
	const char *section; /* key of the section it belongs to */
	int utc_offset_s; /* seconds that its local time is ahead of UTC at `now` */
	/* The caller asks sk_decide_medium for each medium before anybody can read or mount it. Without that promise nothing is admitted on
	 * what only a medium can prove. */
	bool media_follow;
	bool unregistered; /* surely in no ledger: its number is none, its grade what the device proved */
	struct sk_grant_uses uses; /* used NULL = no grant counts as used up */
	bool antivirus_stale; /* the check "antivirus" is neither compliant nor in grace nor exempt, or has not run */
	bool locked; /* the person's session is */
	bool holds_encrypted; /* the caller holds a disk to encrypted writing in the block layer, whatever is on it */
	bool
	    registering; /* its storage is opened for looking only, whatever rules and grants say (`sekimori media register`) */
};

struct sk_verdict {
	bool allow; /* authorise the device (at least one interface allowed) */
	uint8_t config; /* bConfigurationValue decided upon (the first) */
	enum sk_reason reason; /* of the strictest refused interface, or of the first allowed one */
	size_t n_ifaces;
	struct sk_iface_verdict ifaces[SK_IFACES_MAX];
	unsigned hidden_kinds; /* kinds that only appear in further configurations or alternate settings */
};

/* Pure and total: always fills *out. */
void sk_decide(const struct sk_policy *p, const struct sk_grants *g /* may be NULL */, const struct sk_device *d,
               const struct sk_context *c, struct sk_verdict *out);

/*
 * The second stage. Some rules ask for what only the medium can tell (ledger number, encryption, size, a better grade), and access =
 * encrypted can only be given to what is encrypted. With c->media_follow, sk_decide admits a storage interface as `pending` when the rules
 * and grants leave a way in which this could be allowed: the rules are walked in order; a rule that may match opens the possibility
 * it stands for (none of what only a registered medium has, where c->unregistered); the first rule that surely matches, or the default deny, ends the walk. No possibility: refused as ever. Without
 * media_follow a rule that may match counts as matching when it denies and as not matching otherwise.
 *
 * Here the medium is known, the rules are walked anew, and the result is final: access none closes. What could not be told of the
 * medium (encryption 0, size 0) counts against it. The interface is judged by its strictest alternate setting, as in sk_decide.
 */
void sk_decide_medium(const struct sk_policy *p, const struct sk_grants *g, const struct sk_device *d,
                      const struct sk_media_facts *m, const struct sk_context *c, uint8_t number,
                      struct sk_iface_verdict *out);
/* The same for all interfaces of v (from sk_decide) that are pending, and what comes of it for the whole. */
void sk_decide_media(const struct sk_policy *p, const struct sk_grants *g, const struct sk_device *d,
                     const struct sk_media_facts *m, const struct sk_context *c, struct sk_verdict *v);

/* Which rule decided and why the earlier ones did not: {"interfaces":[{"number":..,"verdict":..,"reason":..,"rule":..,
 * "steps":[{"rule":"NAME","line":N,"matched":false,"because":name of enum sk_match (policy/rule.h)}...]}]}.
 * Also "policy","version","mode","verdict","reason" of the whole, "class","kind","access","grant" of each interface, and "steps_omitted":N
 * where there are more steps than anybody reads. The steps are those of the alternate setting that decided. m: what was told of the medium; NULL = it is not known. */
json_t *sk_explain(const struct sk_policy *p, const struct sk_grants *g, const struct sk_device *d,
                   const struct sk_media_facts *m, const struct sk_context *c);

/* One sentence for the clerk: why, and what to do (msgids translated by sk_tr). Appends to out. */
void sk_verdict_sentence(const struct sk_policy *p, const struct sk_device *d, const struct sk_verdict *v,
                         int lang /* enum sk_lang */, struct sk_buf *out);
/* The event body of a decision: device facts (escaped) + verdict. New reference; NULL = no memory.
 * {"device":"1-2","bus","vendor_id":"46f4","product_id":"0001","release","vendor","product","serial"|null,"device_key","grade","connect",
 *  "kinds":[..],"hidden":[..],"problem":""|"..","verdict":"allow"|"deny","reason","rule"|null,"config":N,
 *  "device_class":"00/00/00","alts":all alternate settings (policy/seen.h; absent when too many),
 *  "interfaces":[{"number","class":"08/06/50","kind","verdict","access","reason","rule"|null,"grant"|null}]}
 * The rule of the whole is that of the interface that gave the reason. */
json_t *sk_verdict_json(const struct sk_device *d, const struct sk_verdict *v);
/* The interface whose reason is the verdict's; NULL when there is none. Borrowed. */
const struct sk_iface_verdict *sk_verdict_main(const struct sk_verdict *v);
/* One interface as in sk_verdict_json. New reference. */
json_t *sk_iface_verdict_json(const struct sk_iface_verdict *i);

#endif
