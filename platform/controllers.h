/*
 * The USB host controllers and the kernel's default for what is plugged into them, as read back now. Readable by anybody, so the
 * daemon's status and the CLI's doctor ask the kernel alike.
 */
#ifndef SK_PLATFORM_CONTROLLERS_H
#define SK_PLATFORM_CONTROLLERS_H

#include <jansson.h>

/* root: "" or a folder in which "sys" lies. [{"name":"usb1","devices":0|1|2|null,"interfaces":0|1|null,"shut":bool}]: null = cannot be
 * read; shut = both are 0. New reference; NULL: no memory. */
json_t *sk_controllers(const char *root);
/* Sets both to 0 on every controller there is now: the first thing the daemon does, before it opens any file of its own. 0 or -errno
 * of the last that would not. */
int sk_controllers_shut(const char *root);

/* "shut": all are; "open": at least one is not; "none": there is no controller. */
const char *sk_controllers_state(const json_t *controllers);

#endif
