/*
 * Facts of one attached device, as plain values: what platform/ read, escaped and bounded. Everything a device says of itself is
 * self-asserted; the grade says what was proved (DESIGN 3).
 */
#ifndef SK_POLICY_DEVICE_H
#define SK_POLICY_DEVICE_H

#include "policy/descriptor.h"

#define SK_DEV_TEXT 192 /* escaped text of a device string, bytes incl. NUL */

enum sk_grade { SK_GRADE_C = 0, SK_GRADE_B = 1, SK_GRADE_A = 2 };
const char *sk_grade_name(enum sk_grade g); /* "C" "B" "A" */

struct sk_device {
	char name[64];             /* kernel name and port path: "1-2.3"; root hubs "usb1" */
	char bus[8];               /* "usb" */
	char vendor[SK_DEV_TEXT];  /* escaped strings; "" if none */
	char product[SK_DEV_TEXT];
	char serial[SK_DEV_TEXT];
	bool has_serial;
	bool is_root_hub;
	char connect[16];          /* "hotplug" "fixed" "unknown": for display only, asserted by firmware */
	struct sk_usb_desc desc;
	bool desc_ok;              /* false: malformed or unreadable; desc_problem says why */
	char desc_problem[160];
	enum sk_grade grade;       /* C until a registration token (B) or the organisation's key (A) proved more */
};

#endif
