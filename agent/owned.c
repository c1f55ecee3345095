/* Folders as a table, what is to be put back as bits, one timer. */
#include "agent/owned.h"

#include <errno.h>
#include <stdlib.h>

#include "common/clock.h"
#include "platform/changes.h"

enum { SCREEN, START, N_KINDS };
#define B(x) (1u << (x))

static const struct sk_change_path paths[] = {
    {"/etc/dconf/db", "sekimori sekimori.d", B(SCREEN)},
    {"/etc/dconf/db/sekimori.d", NULL, B(SCREEN)},
    {"/etc/dconf/db/sekimori.d/locks", NULL, B(SCREEN)},
    {"/etc/dconf/profile", "user", B(SCREEN)},
    {"/etc/profile.d", "zz-sekimori-idle.sh", B(SCREEN)},
    {"/etc/xdg", "kscreenlockerrc", B(SCREEN)},
    {"/etc/xdg/xfce4/xfconf/xfce-perchannel-xml", "xfce4-screensaver.xml", B(SCREEN)},
    {"/etc/swayidle", "config", B(SCREEN)},
    {"/etc/sway/config.d", "90-sekimori-idle.conf", B(SCREEN)},
    {"/etc/systemd/system", "sekimorid.service sekimori-isolation.service", B(START)},
    {"/etc/systemd/system/sysinit.target.wants", "sekimorid.service sekimori-isolation.service", B(START)},
};

struct sk_owned {
	sd_event *loop;
	struct sk_owned_options o;
	struct sk_changes *changes;
	sd_event_source *timer;
	uint32_t pending;
	sk_ms done[N_KINDS]; /* by sk_clock_boot; 0 = not yet */
};

static void arm(struct sk_owned *w, sk_ms ms);

static int on_timer(sd_event_source *s, uint64_t usec, void *arg)
{
	struct sk_owned *w = arg;
	void (*const put_back[N_KINDS])(void *ctx) = {[SCREEN] = w->o.screen, [START] = w->o.start};
	sk_ms now = sk_clock_boot(), pause = w->o.pause_ms ? w->o.pause_ms : 5000, wait = 0;

	(void)s;
	(void)usec;
	w->timer = sd_event_source_disable_unref(w->timer);
	sk_changes_renew(w->changes);
	for (size_t i = 0; i < N_KINDS; i++) {
		sk_ms left = w->done[i] ? w->done[i] + pause - now : 0;

		if (!(w->pending & B(i)))
			continue;
		if (left > 0) {
			wait = !wait || left < wait ? left : wait;
			continue;
		}
		w->pending &= ~B(i);
		w->done[i] = now;
		put_back[i](w->o.ctx);
	}
	if (w->pending)
		arm(w, wait);
	return 0;
}

static void arm(struct sk_owned *w, sk_ms ms)
{
	if (!w->timer) /* when it fails: the next change tries again, and the interval puts it back anyway */
		(void)sd_event_add_time_relative(w->loop, &w->timer, CLOCK_BOOTTIME, (uint64_t)ms * 1000, 50000,
		                                 on_timer, w);
}

static void on_change(void *ctx, uint32_t what)
{
	struct sk_owned *w = ctx;

	w->pending |= what;
	arm(w, w->o.gather_ms ? w->o.gather_ms : 500);
}

int sk_owned_new(sd_event *loop, const struct sk_owned_options *o, struct sk_owned **out)
{
	struct sk_owned *w = calloc(1, sizeof *w);
	int r;

	if (!w)
		return -ENOMEM;
	w->loop = loop;
	w->o = *o;
	r = sk_changes_new(loop, o->root, paths, sizeof paths / sizeof *paths, on_change, w, &w->changes);
	if (r < 0) {
		free(w);
		return r;
	}
	*out = w;
	return 0;
}

void sk_owned_renew(struct sk_owned *w)
{
	if (w)
		sk_changes_renew(w->changes);
}

struct sk_owned *sk_owned_free(struct sk_owned *w)
{
	if (!w)
		return NULL;
	sk_changes_free(w->changes);
	sd_event_source_disable_unref(w->timer);
	free(w);
	return NULL;
}
