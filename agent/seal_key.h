/*
 * This terminal's own sealing key: keys of the organisation's containers come sealed to it, with the grant. Made once, root's alone, never
 * sent; its public half goes up as an event of the chain ("terminal.seal-key") once per enrolment, and the server keeps the first it hears.
 */
#ifndef SK_AGENT_SEAL_KEY_H
#define SK_AGENT_SEAL_KEY_H

#include <stdint.h>
#include "common/err.h"
#include "common/seal.h"

struct sk_daemon;

/* dir: state folder. The public half; the key is made when there is none. 0, -EBADMSG: the file holds no key, other -errno. */
int sk_seal_key_public(const char *dir, uint8_t out[SK_SEAL_KEY], struct sk_err *err);
/* Opens what was sealed for this terminal (device: its id) and a ledger number; sealed: hexadecimal. out is the caller's to wipe. 0, -EBADMSG
 * not for this terminal and medium, other -errno. The secret half stays in memory for the length of the call. */
int sk_seal_key_open(const char *dir, const char *device, const char *ledger, const char *sealed,
                     uint8_t out[SK_SEAL_KEY]);

void sk_seal_key_publish(struct sk_daemon *d); /* where it is enrolled and was not yet */

#endif
