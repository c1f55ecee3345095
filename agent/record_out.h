/*
 * The recorder's way to sekimorid: numbered files in a folder of their own, each whole or not there, each the body of one event at most.
 * What was written before a crash is read all the same.
 *   ready                 the medium is watched: it may be mounted
 *   00000000.json ...     {"files":[{"path","op":"written|found|removed","size","sha256"|null,"why"?,"person"|null,"process"|null,"at"}]},
 *                         {"gap":reason,"count":N}, at last {"end":true,"files":N,"bytes":N,"not_hashed":N}
 */
#ifndef SK_AGENT_RECORD_OUT_H
#define SK_AGENT_RECORD_OUT_H

#include <jansson.h>
#include "agent/record_files.h"

#define SK_RECORD_BATCH 64
#define SK_RECORD_BYTES 11000 /* of a batch; an event holds 16 KiB with the device's members */

struct sk_record_out {
	int folder; /* open */
	unsigned next;
	json_t *batch;
	size_t bytes;
	long long files, total, not_hashed;
	bool failed; /* could not be written down: the end will not be either, and that is a gap */
};

int sk_record_out_init(struct sk_record_out *o, int folder);
void sk_record_out_deinit(struct sk_record_out *o);
/* sha256 NULL: not hashed, why says so (a word). person: login name or NULL. */
void sk_record_out_file(struct sk_record_out *o, const struct sk_record_file *f, const char *op, int64_t size,
                        const char *sha256, const char *why, const char *person);
void sk_record_out_gap(struct sk_record_out *o, const char *reason, long long count);
void sk_record_out_flush(struct sk_record_out *o);
void sk_record_out_ready(struct sk_record_out *o);
void sk_record_out_end(struct sk_record_out *o);

#endif
