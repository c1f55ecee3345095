/*
 * The work of erasing one medium, from an open node on: overwritten with random bytes of which only the key is kept in memory, all of it read
 * back and compared (a stick that claims more than it has, or writes nothing, fails here), then its first and last MiB made zero and read
 * back too, so that nothing on it looks like a file system. Used by sekimori-erase, which has no rights left when it runs.
 */
#ifndef SK_AGENT_ERASE_JOB_H
#define SK_AGENT_ERASE_JOB_H

#include <jansson.h>
#include "policy/erase.h"

#define SK_ERASE_PROGRESS "/run/sekimori/erase" /* 0700; a file per device number */

struct sk_erase_job {
	int fd; /* open for reading and writing; of a block device with O_DIRECT, so that what is read back comes from it */
	uint64_t bytes; /* of it, a multiple of 512 */
	enum sk_erase_method method;
	/* Has the medium forget all of it; 0 or -errno. NULL = it cannot. */
	int (*discard)(int fd, uint64_t bytes);
	int progress; /* open for writing: "done total\n", 20 digits each, both ways counted; -1 = none */
};

/* {"method","bytes","written","verified","error"?}: error is a msgid; without one all of it is erased. NULL = no memory. */
json_t *sk_erase_run(const struct sk_erase_job *job);
/* The same shape for what ended before it began. */
json_t *sk_erase_undone(const char *why, int error);

#endif
