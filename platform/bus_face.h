/* The buses of platform/bus.h in the shape of platform/usb.h, for the gate. */
#ifndef SK_PLATFORM_BUS_FACE_H
#define SK_PLATFORM_BUS_FACE_H

#include "platform/bus.h"
#include "platform/usb.h"

/* out: one for each bus, in the order of sk_bus_at. root as in sk_usb_sysfs; one machine per process. */
void sk_bus_faces(const char *root, struct sk_usb out[SK_BUSES]);

#endif
