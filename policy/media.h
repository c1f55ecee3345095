/*
 * What holds for every medium of the terminal, whatever rule or grant lets it in: encryption (4.4(4)), the screen lock, antivirus
 * (6.4(2)エ). One section of the policy:
 *
 *   [media]
 *   write = encrypted | plain          ; default encrypted: where a rule or grant gives rw, writing happens inside encryption only
 *   encryption = luks bitlocker hardware ; what counts as encryption (an office's setting); default luks bitlocker
 *   on_lock = keep | close             ; what a locked session means for a mounted medium; default: keep in the Internet zone, else close
 *   sanitise_from = internet | none    ; media last written in these zones open only once they were sanitised since (3(2)ア, 6.4(3)オ); default:
 *                                      ; internet in the other two zones, none in the Internet zone
 *   sanitise_by = sanitising | scan    ; what is on record must be a sanitising, or a scan suffices; default sanitising
 *   antivirus = required | no          ; required: only while the check "antivirus" is compliant, in grace or exempt; default no
 */
#ifndef SK_POLICY_MEDIA_H
#define SK_POLICY_MEDIA_H

#include <stdbool.h>
#include "common/err.h"
#include "common/ini.h"
#include "policy/grant.h"

enum sk_media_encryption { /* how an opened mapping encrypts; a mask in the policy */
	                   SK_MEDIA_LUKS = 1 << 0,
	                   SK_MEDIA_BITLOCKER = 1 << 1,
	                   SK_MEDIA_HARDWARE =
	                       1 << 2, /* the device itself; proved by nothing that the terminal can see */
};
const char *sk_media_encryption_name(unsigned one); /* "luks" "bitlocker" "hardware"; "" for anything else */
/* Of an active mapping by the kernel's own name for it ("CRYPT-LUKS2-..."); 0 = a kind that counts for nothing here. */
unsigned sk_media_encryption_of(const char *dm_uuid);
/* "aes-xts-plain64": does it encrypt. False for the null ciphers and an empty name. */
bool sk_media_cipher_encrypts(const char *cipher);

enum sk_on_lock { SK_LOCK_BY_ZONE, SK_LOCK_KEEP, SK_LOCK_CLOSE };

struct sk_media_params {
	bool write_plain;
	unsigned encryption;
	enum sk_on_lock on_lock;
	bool antivirus;
	bool sanitise_set; /* sanitise_from was written */
	unsigned sanitise_from; /* 1 << enum sk_zone */
	bool scan_suffices;
};

void sk_media_params_default(struct sk_media_params *p);
/* One key of [media]; anything else is refused with file:line. */
int sk_media_params_read(const struct sk_ini *ini, const struct sk_ini_entry *e, struct sk_media_params *p,
                         struct sk_err *err);
/* May a medium of the ledger be opened in this zone, after where it was last written and what was done with it since? */
bool sk_media_clean(const struct sk_media_params *p, enum sk_zone here, const struct sk_ledger_entry *e);
/* What a right to write means here. */
enum sk_access sk_media_access(const struct sk_media_params *p, enum sk_access a);

#endif
