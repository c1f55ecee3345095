/* doctor: a table of looks, each ok, warn or fail with what to do. Works without the daemon too. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/timex.h>
#include <unistd.h>

#include "agent/cli.h"
#include "common/buf.h"
#include "common/frame.h"
#include "platform/controllers.h"
#include "platform/disks.h"
#include "platform/internal.h"

enum mark { OK, WARN, FAIL };

struct doctor {
	struct sk_cli *cli;
	json_t *status, *policy; /* answers; NULL when sekimorid does not answer */
	json_t *lines;
	enum mark worst;
};

/* text and todo: msgids; arg fills %1 of both. */
static void mark(struct doctor *d, const char *id, enum mark m, const char *text, const char *todo, const char *arg)
{
	static const char *const names[] = {"ok", "warn", "fail"};

	json_array_append_new(d->lines, json_pack("{s:s, s:s, s:s, s:s, s:s}", "id", id, "state", names[m], "text",
	                                          text, "todo", todo ? todo : "", "arg", arg ? arg : ""));
	if (m > d->worst)
		d->worst = m;
}

/* Quietly: that it does not answer is a line of its own. */
static json_t *quiet_ask(struct sk_cli *cli, const char *op)
{
	json_t *q = json_pack("{s:s}", "op", op), *a = NULL;

	if (!q || sk_frame_call(cli->socket, q, 10000, &a, NULL) < 0)
		a = NULL;
	json_decref(q);
	if (a && !json_is_true(json_object_get(a, "ok"))) {
		json_decref(a);
		a = NULL;
	}
	return a;
}

static void look_daemon(struct doctor *d)
{
	if (d->status)
		mark(d, "daemon", OK, N_("sekimorid answers"), NULL, NULL);
	else
		mark(d, "daemon", FAIL, N_("sekimorid does not answer"),
		     N_("systemctl status sekimorid; media stay shut meanwhile"), NULL);
	if (*sk_cli_string(d->status, "config_problem"))
		mark(d, "settings", FAIL, N_("agent.ini is not used: %1"),
		     N_("Mend that line, then: systemctl restart sekimorid"),
		     sk_cli_string(d->status, "config_problem"));
}

static void look_controllers(struct doctor *d)
{
	json_t *list = sk_controllers(d->cli->root), *c;
	size_t i, open = 0;

	json_array_foreach(list, i, c) if (!json_is_true(json_object_get(c, "shut")))
	{
		mark(d, "controllers", FAIL, N_("controller %1 admits devices by itself"),
		     N_("systemctl restart sekimorid; if it stays so, call the helpdesk"), sk_cli_string(c, "name"));
		open++;
	}
	if (json_array_size(list) == 0)
		mark(d, "controllers", OK, N_("this terminal has no USB controller"), NULL, NULL);
	else if (!open)
		mark(d, "controllers", OK, N_("every USB controller denies by default"), NULL, NULL);
	json_decref(list);
}

static bool exists(struct doctor *d, const char *path)
{
	char full[512];

	snprintf(full, sizeof full, "%s%s", d->cli->root, path);
	return access(full, F_OK) == 0;
}

static void look_files(struct doctor *d)
{
	static const char *const helpers[] = {"sekimorid",      "sekimori-uplink",  "sekimori-probe",
	                                      "sekimori-mount", "sekimori-verdict", "sekimori-early"};
	bool whole = true;

	if (exists(d, "/etc/modprobe.d/sekimori.conf") || exists(d, "/lib/modprobe.d/sekimori.conf"))
		mark(d, "modprobe", OK, N_("default deny is set when the kernel loads USB"), NULL, NULL);
	else
		mark(d, "modprobe", FAIL,
		     N_("modprobe.d/sekimori.conf is missing: devices present at power-on are admitted"),
		     N_("Install the package sekimori-agent again"), NULL);
	if (exists(d, "/usr/share/initramfs-tools/hooks/sekimori"))
		mark(d, "initramfs", OK, N_("the initramfs has its part"), NULL, NULL);
	else
		mark(d, "initramfs", WARN, N_("the initramfs hook is missing: devices present at power-on may be read"),
		     N_("Install initramfs-tools and the package sekimori-agent again"), NULL);
	if (!exists(d, "/lib/udev/rules.d/59-sekimori-block.rules")) {
		mark(d, "udev", FAIL, N_("the udev rules are missing"), N_("Install the package sekimori-agent again"),
		     NULL);
	}
	for (size_t i = 0; i < sizeof helpers / sizeof *helpers; i++) {
		char path[512];

		snprintf(path, sizeof path, "%s/%s", d->cli->libexec, helpers[i]);
		if (!exists(d, path)) {
			mark(d, "programs", FAIL, N_("%1 is missing"), N_("Install the package sekimori-agent again"),
			     path);
			whole = false;
		}
	}
	if (whole)
		mark(d, "programs", OK, N_("all programs are in place"), NULL, NULL);
	if (strcmp(sk_tr(SK_LANG_JA, N_("Call the helpdesk")), "Call the helpdesk") != 0)
		mark(d, "catalogue", OK, N_("the Japanese messages are in place"), NULL, NULL);
	else
		mark(d, "catalogue", WARN, N_("the Japanese messages are missing: English is shown"),
		     N_("Install the package sekimori-agent again"), NULL);
}

static void look_journal(struct doctor *d)
{
	const json_t *j = json_object_get(d->status, "journal");
	const char *state = sk_cli_string(j, "state");

	if (!d->status)
		return;
	if (!strcmp(state, "ok"))
		mark(d, "record", OK, N_("events are recorded"), NULL, NULL);
	else if (!strcmp(state, "spool"))
		mark(d, "record", WARN, N_("too many events wait for the server; informational ones are left out"),
		     N_("See why the server is not reached: systemctl status sekimori-uplink"), NULL);
	else
		mark(d, "record", FAIL, N_("events cannot be written: %1"),
		     N_("Make room in /var/lib/sekimori; events wait in memory"), sk_cli_string(j, "problem"));
	if (json_integer_value(json_object_get(j, "keep_s")) == 0)
		mark(d, "retention", WARN, N_("how long records are kept here is not set: nothing is ever deleted"),
		     N_("Set keep in /etc/sekimori/agent.ini as your office has decided"), NULL);
}

static void look_uplink(struct doctor *d)
{
	const json_t *u = json_object_get(d->status, "uplink");
	const char *state = sk_cli_string(u, "state");
	char when[32];

	if (!d->status)
		return;
	sk_cli_time(u, "last_contact", when, sizeof when);
	if (!json_is_true(json_object_get(d->status, "enrolled")))
		mark(d, "server", WARN, N_("this terminal is not enrolled: nobody can issue permits"),
		     N_("sekimori enroll --server ... --token ..."), NULL);
	else if (!strcmp(state, "online"))
		mark(d, "server", OK, N_("the server was reached at %1"), NULL, when);
	else if (!strcmp(state, "refused"))
		mark(d, "server", FAIL, N_("the server refuses this terminal: %1"),
		     N_("Call the helpdesk; it may have to be enrolled again"), sk_cli_string(u, "error"));
	else
		mark(d, "server", WARN, N_("the server is not reached: %1"),
		     N_("systemctl status sekimori-uplink; look at the network"), sk_cli_string(u, "error"));
	if (*sk_cli_string(u, "refused_bundle"))
		mark(d, "bundle", FAIL, N_("what the server sent was refused: %1"), N_("Call the helpdesk"),
		     sk_cli_string(u, "refused_bundle"));
}

static void look_clock(struct doctor *d)
{
	struct timex t = {0};

	if (json_integer_value(json_object_get(json_object_get(d->status, "clock"), "turned_back_ms")) >= 5000)
		mark(d, "clock", FAIL, N_("the clock was turned back"),
		     N_("Set it right (timedatectl); permits end at their true time"), NULL);
	else if (adjtimex(&t) < 0 || (t.status & STA_UNSYNC))
		mark(d, "clock", WARN, N_("the clock is not synchronised"),
		     N_("systemctl status systemd-timesyncd (7.1(2))"), NULL);
	else
		mark(d, "clock", OK, N_("the clock is synchronised"), NULL, NULL);
}

static void look_policy(struct doctor *d)
{
	const json_t *p = json_object_get(d->status, "policy");
	const char *warnings = sk_cli_string(d->policy, "warnings");

	if (!d->status)
		return;
	if (*sk_cli_string(p, "problem"))
		mark(d, "policy", FAIL, N_("a policy could not be used: %1"),
		     N_("Mend it, then: systemctl reload sekimorid"), sk_cli_string(p, "problem"));
	else if (!strcmp(sk_cli_string(p, "source"), "failsafe"))
		mark(d, "policy", FAIL, N_("no policy was found; only keyboards, mice and hubs work"),
		     N_("Put one into /etc/sekimori/policy.ini"), NULL);
	else if (*warnings)
		mark(d, "policy", WARN, N_("the policy has rules that look wrong: %1"),
		     N_("sekimori policy check FILE"), warnings);
	else
		mark(d, "policy", OK, N_("policy %1 is in force"), NULL, sk_cli_string(p, "name"));
	if (*sk_cli_string(p, "mode") && strcmp(sk_cli_string(p, "mode"), "enforce") != 0)
		mark(d, "mode", WARN, N_("the policy does not enforce: %1"), NULL,
		     sk_cli_mode(d->cli, sk_cli_string(p, "mode")));
}

/* What the machine runs from must be known, or SATA, SCSI and NVMe are left open. */
static void look_disks(struct doctor *d)
{
	struct sk_internal list[SK_INTERNAL_MAX];
	struct sk_disks *own = calloc(1, sizeof(*own));
	char path[512], number[24];
	int r, n;

	(void)snprintf(path, sizeof(path), "%s" SK_DISKS_CONF, d->cli->root);
	r = own != NULL ? sk_disks_load(path, own) : -ENOMEM;
	(void)snprintf(number, sizeof(number), "%zu", own != NULL ? own->n : 0);
	if (r == 0)
		mark(d, "disks", OK, N_("the machine's own disks are known: %1"), NULL, number);
	else if (r == -ENOENT)
		mark(d, "disks", WARN,
		     N_("the machine's own disks were not learned; SATA, SCSI and NVMe are not judged"),
		     N_("sekimori-early --learn-disks >/etc/sekimori/disks.conf, then: systemctl restart sekimorid"),
		     NULL);
	else if (r != -EACCES)
		mark(d, "disks", FAIL, N_("%1 cannot be used; SATA, SCSI and NVMe are not judged"),
		     N_("Mend or delete the wrong line, or learn anew: sekimori-early --learn-disks >%1; then: "
		        "systemctl restart sekimorid"),
		     SK_DISKS_CONF);
	free(own);
	(void)snprintf(path, sizeof(path), "%s/etc/sekimori/internal.conf", d->cli->root);
	n = sk_internal_load(path, list, SK_INTERNAL_MAX);
	if (n < 0 && n != -EACCES)
		mark(d, "internal", FAIL, N_("%1 cannot be used; a system disk on USB would not be admitted at boot"),
		     N_("Mend or delete the wrong line before the next boot"), "/etc/sekimori/internal.conf");
}

static void print_lines(struct doctor *d)
{
	size_t i;
	json_t *l;

	json_array_foreach(d->lines, i, l)
	{
		const char *state = sk_cli_string(l, "state"), *arg = sk_cli_string(l, "arg"),
		           *todo = sk_cli_string(l, "todo");
		const char *sign = !strcmp(state, "ok") ? "[ ok ] " : !strcmp(state, "warn") ? "[warn] " : "[FAIL] ";

		fputs(sign, stdout);
		sk_cli_say(d->cli, sk_cli_string(l, "text"), arg, NULL);
		if (*todo) {
			fputs("       -> ", stdout);
			sk_cli_say(d->cli, todo, arg, NULL);
		}
	}
}

int sk_cli_doctor(struct sk_cli *cli, int argc, char **argv)
{
	static void (*const looks[])(struct doctor * d) = {look_daemon, look_controllers, look_files,  look_journal,
	                                                   look_uplink, look_clock,       look_policy, look_disks};
	struct doctor d = {.cli = cli, .lines = json_array()};

	if (argc != 1) {
		json_decref(d.lines);
		return sk_cli_usage(cli, argv[0]);
	}
	d.status = quiet_ask(cli, "status");
	d.policy = quiet_ask(cli, "policy");
	for (size_t i = 0; i < sizeof looks / sizeof *looks; i++)
		looks[i](&d);
	if (cli->json) {
		json_t *o = json_pack("{s:b, s:O}", "ok", d.worst != FAIL, "checks", d.lines);

		sk_cli_print_json(cli, o);
		json_decref(o);
	} else {
		print_lines(&d);
	}
	json_decref(d.lines);
	json_decref(d.status);
	json_decref(d.policy);
	return d.worst == FAIL ? SK_EXIT_ERROR : SK_EXIT_OK;
}
