/*
 * Between a device's first event and the moment the kernel is done with it. The kernel announces a USB device before its own driver has looked
 * at it; that driver then chooses a configuration if the device is authorised by then. Where a keyboard was let in within that moment, it was
 * configured twice: the interfaces we had opened went with the drivers on them, and came back shut. So what would be opened at once (hubs and
 * pure input; all else waits for its record first) is authorised, but its interfaces wait for the kernel's "bind", and no longer than HOLD_US.
 * Until then nothing is open. Refusing waits for nothing.
 */
#include <stdlib.h>
#include <string.h>

#include "agent/gate_impl.h"

#define HOLD_US \
	1000000 /* "bind" follows in milliseconds, on a drowning machine in hundreds of them; a keyboard that never gets one is let in all the same */

static bool kernel_is_done(const struct sk_attached *a)
{
	return a->via->ops->bound == NULL || a->via->ops->bound(a->via->ctx, a->dev);
}

static void go_on(struct sk_attached *a)
{
	a->held = false;
	if (!a->decided)
		sk_attached_consider(a);
}

static int on_hold_over(sd_event_source *s, uint64_t usec, void *arg)
{
	struct sk_gate *g = arg;
	struct sk_attached *a;

	(void)s;
	(void)usec;
	for (a = g->first; a != NULL; a = a->next)
		if (a->held)
			go_on(a);
	sk_gate_arm(g);
	return 0;
}

static int arm(struct sk_gate *g)
{
	int r;

	if (g->hold_timer == NULL)
		return sd_event_add_time_relative(g->loop, &g->hold_timer, CLOCK_BOOTTIME, HOLD_US, 1000, on_hold_over,
		                                  g);
	r = sd_event_source_set_time_relative(g->hold_timer, HOLD_US);
	return r < 0 ? r : sd_event_source_set_enabled(g->hold_timer, SD_EVENT_ONESHOT);
}

bool sk_attached_hold(struct sk_attached *a)
{
	struct sk_outcome next;
	struct sk_verdict v;

	if (!sk_attached_harmless(a) || kernel_is_done(a))
		return false;
	sk_attached_decide(a, &v, &next);
	if (!next.allow || arm(a->gate) < 0)
		return false;
	a->held = true;
	(void)sk_attached_authorise(a);
	return true;
}

static bool anything_held(const struct sk_gate *g)
{
	const struct sk_attached *a = g->first;

	while (a != NULL && !a->held)
		a = a->next;
	return a != NULL;
}

void sk_gate_kernel_done(struct sk_gate *g, const char *name)
{
	struct sk_attached *a = sk_gate_find(g, name);

	if (a == NULL || !a->held)
		return;
	go_on(a);
	if (!anything_held(g))
		(void)sd_event_source_set_enabled(g->hold_timer, SD_EVENT_OFF);
	sk_gate_arm(g);
}

/* ":CONFIG.NUMBER" -> the interface is open already: nothing was taken away. */
static bool is_open(const struct sk_attached *a, const char *place)
{
	struct sk_usb_iface_state s;
	unsigned long config, number;
	char *end;

	config = strtoul(place + 1, &end, 10);
	if (end == place + 1 || *end != '.' || config != a->outcome.config)
		return false;
	number = strtoul(end + 1, &end, 10);
	if (*end != '\0' || number > 255)
		return false;
	return a->via->ops->iface_state(a->via->ctx, a->dev, (int)config, (int)number, &s) == 0 && s.authorized;
}

/* Whoever configured the device once more (the kernel, a program): without this look a keyboard or hub would be dead though it was let in. */
void sk_gate_iface_came(struct sk_gate *g, const char *iface)
{
	char name[SK_USB_NAME];
	struct sk_attached *a;
	size_t n = strcspn(iface, ":");

	if (n >= sizeof(name))
		return;
	(void)memcpy(name, iface, n);
	name[n] = '\0';
	a = sk_gate_find(g, name);
	if (a == NULL || !a->decided || a->barred || a->closing || a->loading != NULL || !a->outcome.allow)
		return;
	if (!is_open(a, iface + n) && sk_attached_would_open(a, &a->outcome))
		sk_attached_open(a);
}
