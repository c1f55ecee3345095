/*
 * Scan before use (6.4(3)イ): what the policy asks for, what a word of the scanner means, and what all of them together mean for the
 * medium. Pure; the scanner's answers are hostile bytes.
 *
 *   [scan]
 *   before_use = yes | no            ; default no
 *   socket = /run/clamav/clamd.ctl   ; where clamd listens
 *   time_limit = 10m                 ; for one file system of the medium, 5s to 12h
 *   file_limit = 25M                 ; a larger file cannot be scanned; not above clamd's MaxFileSize and StreamMaxLength
 *   total_limit = 64G                ; more than that is not scanned
 *   unscannable = refuse | allow-read-only  ; files beyond the scanner's limits or encrypted, everything else being clean
 */
#ifndef SK_POLICY_SCAN_H
#define SK_POLICY_SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "common/err.h"
#include "common/ini.h"

struct sk_scan_params {
	bool before_use;
	bool unscannable_ro; /* allow-read-only */
	char socket[108];
	int64_t time_limit_s;
	int64_t file_limit, total_limit; /* bytes */
};

void sk_scan_params_default(struct sk_scan_params *p);
/* One key of [scan]; anything else is refused with file:line. */
int sk_scan_params_read(const struct sk_ini *ini, const struct sk_ini_entry *e, struct sk_scan_params *p,
                        struct sk_err *err);
/* "4096", "25M", "64G": a whole number with K, M, G or T of 1024. 0, -EINVAL or -ERANGE. */
int sk_scan_size(const char *s, int64_t min, int64_t max, int64_t *out);

enum sk_scan_word {
	SK_SCAN_CLEAN,
	SK_SCAN_FOUND,
	SK_SCAN_BEYOND, /* the scanner's own limits */
	SK_SCAN_ENCRYPTED, /* it cannot look inside */
	SK_SCAN_ERROR, /* the scanner says that it failed */
	SK_SCAN_GARBAGE, /* nothing a scanner says */
};
/* clamd's whole answer to one INSTREAM, with or without its final NUL or newline. signature (at least 1 byte): escaped, "" unless
 * something was found. */
enum sk_scan_word sk_scan_answer(const char *text, size_t len, char *signature, size_t size);

enum sk_scan_result {
	SK_SCAN_IS_CLEAN,
	SK_SCAN_IS_INFECTED,
	SK_SCAN_IS_PARTLY, /* clean but for what cannot be scanned */
	SK_SCAN_IS_UNDONE, /* not scanned */
};
const char *sk_scan_result_name(enum sk_scan_result r); /* "clean" "infected" "partly" "not-scanned" */
int sk_scan_result_parse(const char *name, enum sk_scan_result *out);

/* Why a medium is not, or only partly, scanned: a word for the record, and the sentence (msgid) for people; NULL for an unknown word. */
const char *sk_scan_why(const char *reason);

enum sk_scan_leave { SK_SCAN_OPEN, SK_SCAN_OPEN_RO, SK_SCAN_SHUT };
enum sk_scan_leave sk_scan_leave(const struct sk_scan_params *p, enum sk_scan_result r);

#endif
