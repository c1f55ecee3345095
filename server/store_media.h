/*
 * The media ledger (媒体管理台帳). A medium is registered from a terminal's event "media.registered-request", which tells what identifies it,
 * when the information system manager has approved that (register_medium, ours for 6.4(2)エ and 4.4(1)); from then on it is signed into the
 * grants bundle of the terminals that have to know it (sk_store_grants_body). Every step is in its history and in the audit trail.
 */
#ifndef SK_SERVER_STORE_MEDIA_H
#define SK_SERVER_STORE_MEDIA_H

#include "common/seal.h"
#include "server/store.h"

/* The secret of containers (server/container_master.h); until it is set, no container is registered and no key given. */
void sk_store_set_container(struct sk_store *s, const uint8_t secret[SK_SEAL_KEY]);

/* [{"ledger","device_key","serial","media_key","vendor_id","product_id","vendor","product","size":bytes,"unit"|null,"unit_ja","unit_en","label",
 * "state" (policy/ledger.h),"grade","registered":ms,"registered_by","updated":ms,"seen":ms (0 = never opened),"seen_host","written":ms,"written_zone" ("" = not known),
 * "clean" (what was done since: "", "scanned", "sanitised"),"cleaned":ms,"cleaned_by"}] by ledger. unit: of this section and of none; NULL = all.
 * find: part of ledger number, serial, product or label; state NULL = all. grade: what the terminals will prove: "A" a container of the
 * organisation, "B", or "C" without a serial of its own. */
json_t *sk_store_media(struct sk_store *s, const char *unit, const char *find, const char *state, int limit,
                       int offset);
/* As a row above, with "history":[{"time","action","user","name","role","reason","state"}] oldest first; NULL if unknown. */
json_t *sk_store_medium(struct sk_store *s, const char *ledger);
/* Registrations asked for: [{"id","terminal","host","unit","ledger","label","device_key","serial","media_key","vendor_id","product_id","vendor","product",
 * "size","volumes":[..],"created":ms,"state":"open"|"approved"|"refused","container":bool,"known":ledger of the same device key and serial|null}] newest first. */
json_t *sk_store_media_requests(struct sk_store *s, const char *unit, bool open_only, int limit);

/* ledger: another number than was asked for; NULL = that one. unit: the section it belongs to; "" = the whole office; NULL = the terminal's.
 * A number that is in the ledger is registered anew (it was reformatted): only with the same device key and serial, else -EEXIST. -ENOENT;
 * -ESTALE decided already; -EPERM not as information system manager; -EEXIST also: this very medium has another number. */
int sk_store_media_approve(struct sk_store *s, const struct sk_actor *by, int64_t id, const char *ledger,
                           const char *unit, sk_ms now, struct sk_err *err);
int sk_store_media_refuse(struct sk_store *s, const struct sk_actor *by, int64_t id, const char *reason, sk_ms now,
                          struct sk_err *err);
/* As desk or information system manager; a reason for lost, erased and disposed. disposed is final: -ESTALE. */
int sk_store_media_state(struct sk_store *s, const struct sk_actor *by, const char *ledger, const char *state,
                         const char *reason, sk_ms now, struct sk_err *err);

/* The record of its erasing, for the certificate (消去証明書): as sk_store_erasures, oldest first, each with "permit":{"request","label","permitted_by","approved_by",
 * "host","class"}. New reference, NULL = no memory. */
json_t *sk_store_medium_erasures(struct sk_store *s, const char *ledger);
/* What was done with a medium before it goes into another zone, as desk or information system manager. how: "sanitised" or "scanned"; text: with what, and
 * what came of it, 1 to 1000 bytes. It holds until the medium is written again. -ENOENT; -ESTALE disposed of; -EPERM. */
int sk_store_media_cleaned(struct sk_store *s, const struct sk_actor *by, const char *ledger, const char *how,
                           const char *text, sk_ms now, struct sk_err *err);

#endif
