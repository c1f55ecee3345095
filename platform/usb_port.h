/*
 * What the firmware says of the port a device hangs on (`removable` in sysfs): for display and for rules that ask how a device is connected. Of a
 * port of the machine itself it never changes while its root hub is there, so it is read once for each port, not at every plug.
 */
#ifndef SK_PLATFORM_USB_PORT_H
#define SK_PLATFORM_USB_PORT_H

#include "platform/usb.h"

/* "hotplug" "fixed" "unknown". sysfs_root: as for sk_usb_sysfs; only the real one ("") is remembered. Static. */
const char *sk_usb_port_connect(const char *sysfs_root, const struct sk_usb_dev *dev);
/* A root hub of this name ("usb1") is looked at anew: it may be another one. */
void sk_usb_ports_forget(const char *sysfs_root, const char *root_hub);

#endif
