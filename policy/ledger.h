/*
 * The media this terminal has to know, from the ledger: signed by the server, in the grants bundle (one version, swapped whole, so that a
 * grant never meets a list of another time). Identity, pure: device key and serial make a medium a candidate while it is still shut; only
 * when its media key was read as well, and matches, is it that medium.
 */
#ifndef SK_POLICY_LEDGER_H
#define SK_POLICY_LEDGER_H

#include <jansson.h>
#include "common/err.h"
#include "common/hash.h"
#include "policy/device.h"
#include "policy/zone.h"

#define SK_LEDGER_MAX 4096
#define SK_LEDGER_LEN 33 /* a ledger number with NUL: [A-Za-z0-9][A-Za-z0-9._-]* */

enum sk_medium_state {
	SK_MEDIUM_STORED, /* "stored" 保管中 */
	SK_MEDIUM_LENT, /* "lent" 貸出中 */
	SK_MEDIUM_OUT, /* "out" 持出中 */
	SK_MEDIUM_LONG_TERM, /* "long-term" 長期保管（書込禁止）: read-only on every terminal, 2(2)カ(イ) */
	SK_MEDIUM_REPAIR, /* "repair" 修理中 */
	SK_MEDIUM_LOST, /* "lost" 紛失: refused on every terminal, as the two below */
	SK_MEDIUM_ERASED, /* "erased" 消去済 */
	SK_MEDIUM_DISPOSED, /* "disposed" 廃棄済 */
};
const char *sk_medium_state_name(enum sk_medium_state s);
const char *sk_medium_state_word(enum sk_medium_state s); /* msgid */
int sk_medium_state_parse(const char *name, enum sk_medium_state *out); /* 0 or -EINVAL */
bool sk_ledger_is_number(const char *s);

enum sk_clean { /* what was done with a medium since it was last written, as a person put it on record */
	        SK_CLEAN_NONE, /* "" */
	        SK_CLEAN_SCANNED, /* "scanned": a virus scan, which is no sanitising */
	        SK_CLEAN_SANITISED, /* "sanitised" 無害化済 (3(2)ア, 6.4(3)オ) */
};
const char *sk_clean_name(enum sk_clean c);
const char *sk_clean_word(enum sk_clean c); /* msgid; "" of NONE */
int sk_clean_parse(const char *name, enum sk_clean *out); /* "scanned" "sanitised": 0, else -EINVAL */

struct sk_ledger_entry {
	char ledger[SK_LEDGER_LEN];
	char device_key[SK_SHA256_HEX];
	char serial[SK_DEV_TEXT]; /* "" = the device has none */
	char media_key[SK_SHA256_HEX];
	enum sk_medium_state state;
	bool container; /* what is on it is the organisation's own container, whose key comes with the grant: grade A */
	bool has_zone;
	enum sk_zone zone; /* in which it was last written; not known without has_zone */
	enum sk_clean clean; /* since then */
};

struct sk_ledger {
	struct sk_ledger_entry *items; /* owned; sorted by device key */
	size_t n;
};

/* body: {"media":[{"ledger","device_key","serial","media_key","state","container"?,"zone"?,"clean"?}]}; absent = none. Whole or nothing. Free with sk_ledger_free. */
int sk_ledger_parse(const json_t *body, struct sk_ledger **out, struct sk_err *err);
struct sk_ledger *sk_ledger_free(struct sk_ledger *m);
json_t *sk_ledger_entry_json(const struct sk_ledger_entry *e); /* new reference; the server uses it */

enum sk_identity_stage {
	SK_ID_UNKNOWN, /* not in the list: grade C */
	SK_ID_CANDIDATE, /* in the list by what the device says; what is on it was not read yet */
	SK_ID_PROVED,
	SK_ID_MISMATCH, /* in the list, but what is on it is not what was registered, or cannot be read */
};

struct sk_identity {
	enum sk_identity_stage stage;
	const struct sk_ledger_entry *entry; /* borrowed; of PROVED, and of CANDIDATE where only one can be meant */
	enum sk_grade grade; /* proved; of a candidate what it would be */
	const struct sk_ledger_entry
	    *refused; /* every medium it can be is lost, erased or disposed of: the first; else NULL */
};

/* Grade A: the organisation's container, whatever else is like it: only its key opens it. Grade B needs a serial, and no other registered medium with the same device key and serial: else the media key tells them apart all the
 * same, but the grade stays C. m may be NULL. */
void sk_ledger_identify(const struct sk_ledger *m, const struct sk_device *d, struct sk_identity *out);

#endif
