/*
 * Where a medium is mounted: ROOT/PERSON/LABEL with ROOT = /run/media. All three folders are root's and nobody else can write in them, so
 * no symlink can be put in the way. The person reaches PERSON by an access list that names them alone: a primary group may be
 * shared by a whole office.
 */
#ifndef SK_PLATFORM_MOUNTPOINT_H
#define SK_PLATFORM_MOUNTPOINT_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#define SK_MEDIA_ROOT "/run/media"

/* A person's name as a folder: no '/', no control characters, no leading '.', not empty. */
bool sk_mountpoint_is_person(const char *name);
/* A label from a medium as one safe name: printable UTF-8 without '/', no leading '.' or blank, at most 64 bytes; "" becomes "media". */
void sk_mountpoint_label(const char *label, char *out, size_t size);

/* Makes a new empty folder for it, numbered when the name is taken. 0 and the path, or -errno. */
int sk_mountpoint_make(const char *root, const char *person, uid_t uid, const char *label, char *out, size_t size);
void sk_mountpoint_remove(const char *path); /* an empty one, and the person's folder when nothing else is in it */

#endif
