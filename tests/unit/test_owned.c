/* Settings of the agent's own that somebody changes: put back soon, each kind by itself, not more often than the pause allows. */
#include "agent/owned.h"
#include "tests/unit/agent_help.h"

static sd_event *loop;
static struct sk_owned *w;
static int screens, starts;

static void screen(void *ctx)
{
	(void)ctx;
	screens++;
}

static void start(void *ctx)
{
	(void)ctx;
	starts++;
}

static void put(const char *path, const char *text)
{
	char full[300], folder[300];

	snprintf(full, sizeof full, "%s/%s", dir, path);
	snprintf(folder, sizeof folder, "%s", full);
	*strrchr(folder, '/') = '\0';
	cr_assert_eq(sk_mkdir_p(folder, 0755), 0);
	cr_assert_eq(sk_file_write(full, text, strlen(text), 0644, NULL), 0);
}

static void gone(const char *path)
{
	char full[300];

	snprintf(full, sizeof full, "%s/%s", dir, path);
	cr_assert_eq(unlink(full), 0);
}

/* Until so many were put back, or the time has passed. */
static void run(int ms, int want_screens, int want_starts)
{
	sk_ms end = sk_clock_boot() + ms;

	while (sk_clock_boot() < end && (screens < want_screens || starts < want_starts))
		cr_assert_geq(sd_event_run(loop, 20000), 0);
}

static void setup(void)
{
	static struct sk_owned_options o = {.gather_ms = 20, .pause_ms = 300, .screen = screen, .start = start};

	make_dir();
	o.root = dir;
	put("etc/profile.d/zz-sekimori-idle.sh", "x");
	put("etc/dconf/profile/user", "x");
	put("etc/systemd/system/sysinit.target.wants/sekimorid.service", "x");
	screens = starts = 0;
	cr_assert_geq(sd_event_new(&loop), 0);
	cr_assert_eq(sk_owned_new(loop, &o, &w), 0);
}

static void teardown(void)
{
	sk_owned_free(w);
	sd_event_unref(loop);
	remove_dir();
}

TestSuite(owned, .init = setup, .fini = teardown);

Test(owned, what_is_changed_or_removed_is_put_back)
{
	put("etc/profile.d/zz-sekimori-idle.sh", "TMOUT=0");
	run(3000, 1, 0);
	cr_expect(screens == 1 && starts == 0);
	gone("etc/systemd/system/sysinit.target.wants/sekimorid.service");
	run(3000, 1, 1);
	cr_expect(screens == 1 && starts == 1);
}

Test(owned, what_is_nobody_elses_is_left)
{
	put("etc/profile.d/other.sh", "x");
	put("etc/dconf/profile/gdm", "x");
	put("etc/systemd/system/other.service", "x");
	run(200, 1, 1);
	cr_expect(screens == 0 && starts == 0);
}

/* At most one in each pause, however long this machine takes for the two hundred changes. */
Test(owned, a_fight_costs_little)
{
	sk_ms began = sk_clock_boot();
	int most;

	for (int i = 0; i < 200; i++) {
		put("etc/profile.d/zz-sekimori-idle.sh", i % 2 ? "a" : "b");
		cr_assert_geq(sd_event_run(loop, 1000), 0);
	}
	run(3000, 2, 0);
	most = 2 + (int)((sk_clock_boot() - began) / 300);
	cr_expect_leq(screens, most, "%d of %d", screens, most);
	cr_expect_geq(screens, 2, "the last change is not left either");
}

Test(owned, folders_that_come_later)
{
	put("etc/swayidle/config", "x");
	run(100, 1, 0);
	cr_expect_eq(screens, 0);
	sk_owned_renew(w);
	put("etc/swayidle/config", "y");
	run(3000, 1, 0);
	cr_expect_eq(screens, 1);
}
