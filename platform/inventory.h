/*
 * A list of what is there, one line each, sorted, and what changed since it was last recorded. NAME.list in the state folder is what the record (and
 * so the server) knows; a probe writes NAME.next, which is that list with the change it tells of, and sekimorid moves it over NAME.list when the
 * change stands in the record. Killed in between, a change is told twice, never lost. A change is told in pieces that fit into one event.
 */
#ifndef SK_PLATFORM_INVENTORY_H
#define SK_PLATFORM_INVENTORY_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include "common/hash.h"

#define SK_INVENTORY_LINES 20000
#define SK_INVENTORY_LINE  256 /* bytes with NUL; longer ones are cut */
#define SK_INVENTORY_PIECE 10240 /* bytes of lines told at once */
#define SK_STATE_FOLDER    "/var/lib/sekimori"

struct sk_inventory {
	char **line; /* owned */
	size_t n, cap;
	bool cut; /* there was more than SK_INVENTORY_LINES, or no memory */
};

/* One line: kind, ":", text made printable, no blank at its ends. The first letters up to ":" are the kind. */
void sk_inventory_add(struct sk_inventory *v, const char *kind, const char *text);
void sk_inventory_sort(struct sk_inventory *v); /* and each once */
bool sk_inventory_has(const struct sk_inventory *v, const char *line); /* sorted */
void sk_inventory_hash(const struct sk_inventory *v, char out[SK_SHA256_HEX]); /* sorted */
void sk_inventory_clear(struct sk_inventory *v);

/* A list as it was written: 0, -ENOENT, -EINVAL (not such a list), -errno. *v is empty on failure. */
int sk_inventory_read(const char *root, const char *name, struct sk_inventory *v);
int sk_inventory_write(const char *root, const char *name, const struct sk_inventory *v); /* 0600; 0 or -errno */
/* The same in a folder that is named. */
int sk_inventory_read_at(const char *folder, const char *name, struct sk_inventory *v);
int sk_inventory_write_at(const char *folder, const char *name, const struct sk_inventory *v);

/* Lines of a that b has not, and the other way; at most `bytes` of lines in all. Both sorted. {"added":[..],"removed":[..],"more":bool} */
json_t *sk_inventory_diff(const struct sk_inventory *before, const struct sk_inventory *now, size_t bytes);
/* The change of v against NAME.list, written as NAME.next. NULL when there is none, or it cannot be kept. {"from","to","added","removed","more"} */
json_t *sk_inventory_change(const char *root, const char *name, const struct sk_inventory *v);

/* Of a list that is held against an accepted one, NAME.baseline: {"hash","total","unread":[..],"baseline":hash|null,"added","removed","more","why"?,
 * "change"?}. v is sorted here; unread (stolen): what could not be read; then no change is told, as half a list is none. */
json_t *sk_inventory_facts(const char *root, const char *name, struct sk_inventory *v, json_t *unread, size_t bytes);

#endif
