/* Inside agent/office*.c only. */
#ifndef SK_AGENT_OFFICE_IMPL_H
#define SK_AGENT_OFFICE_IMPL_H

#include "agent/netguard.h"
#include "agent/office.h"
#include "agent/orders.h"
#include "agent/suspend.h"
#include "platform/child.h"
#include "platform/luks_open.h"
#include "policy/notice.h"

#define SK_ERASE_MAX 32

struct sk_office {
	struct sk_daemon *d;
	struct sk_order_queue *queue;
	struct sk_isolation *isolation;
	struct sk_suspend *suspend;
	struct sk_netguard *netguard;
	sd_event_source *timer, *off; /* a moment before the cut; the power */
	struct sk_child *scan, *eraser;
	sk_ms scan_began;
	struct sk_luks_disk disks[SK_ERASE_MAX];
	int n_disks, at_disk, erased;
	bool poweroff;
	struct sk_office_notices notices;
	json_t *read; /* {id: [person]} of those that stand */
};

void sk_office_carry_out(void *ctx /* struct sk_office */, const struct sk_order *o);
void sk_office_take_notices(struct sk_office *o, const json_t *body);
void sk_office_load_read(struct sk_office *o);

#endif
