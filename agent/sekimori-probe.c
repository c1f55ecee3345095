/*
 * sekimori-probe: one posture probe, in a process of its own. Prints the facts as one line of JSON and ends; sekimorid gives it a time limit
 * and low priority, and judges. Whatever goes wrong becomes {"error": ...}: never a guess.
 *
 *   sekimori-probe ID [NAME=VALUE...]            the parameters of the check that its probe needs (policy/param.h)
 *   sekimori-probe --enforce screen-lock idle_limit=SECONDS
 */
#include <limits.h>
#include <linux/ioprio.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/json.h"
#include "common/text.h"
#include "platform/probe.h"

/* The value of NAME=VALUE among the arguments; "" when it is not there. */
static const char *value_of(char **args, const char *name)
{
	size_t n = strlen(name);

	for (; *args; args++)
		if (strncmp(*args, name, n) == 0 && (*args)[n] == '=')
			return *args + n + 1;
	return "";
}

static json_t *disk(char **args)
{
	json_t *facts = sk_probe_disk("", sk_cipher_kernel);

	(void)args;
	sk_probe_luks("", facts, sk_luks_libcryptsetup);
	return facts;
}

static long long span_of(char **args, const char *name)
{
	unsigned long long n = 0;

	return sk_text_u64(value_of(args, name), 0, 366 * 86400ULL, &n) == 0 ? (long long)n : 0;
}

static json_t *antivirus(char **args)
{
	const struct sk_av_options o = {
	    .root = "",
	    .product = value_of(args, "product"),
	    .socket = value_of(args, "socket"),
	    .mdatp = "/usr/bin/mdatp",
	    .scanner = {.name = value_of(args, "name"),
	                .folder = "/etc/sekimori/scanners",
	                .command = value_of(args, "command"),
	                .running = value_of(args, "running"),
	                .signatures = value_of(args, "signatures"),
	                .timeout_ms = 8000},
	    .timeout_ms = 8000,
	    .test_folder = span_of(args, "on_access") ? value_of(args, "on_access_folder") : NULL,
	    .test_wait_ms = 5000,
	    .test_every_ms = span_of(args, "on_access_every") * 1000,
	    .now_ms = sk_clock_wall(),
	};

	return sk_probe_av(&o);
}

static json_t *settings(char **args)
{
	return sk_probe_settings("", value_of(args, "files"));
}

static json_t *full_scan(char **args)
{
	return sk_probe_full_scan(value_of(args, "stamp"));
}

static json_t *login_factors(char **args)
{
	return sk_probe_login_factors("", value_of(args, "services"));
}

static json_t *login_limits(char **args)
{
	return sk_probe_login_limits("", value_of(args, "services"));
}

static json_t *passwords(char **args)
{
	(void)args;
	return sk_probe_passwords("");
}

static json_t *accounts(char **args)
{
	(void)args;
	return sk_probe_accounts("");
}

static json_t *kept_clock(char **args)
{
	(void)args;
	return sk_probe_clock("");
}

static json_t *updates(char **args)
{
	(void)args;
	return sk_probe_updates("");
}

static json_t *support(char **args)
{
	(void)args;
	return sk_probe_support("");
}

static json_t *services(char **args)
{
	return sk_probe_services("", value_of(args, "forbidden"));
}

static json_t *firewall(char **args)
{
	(void)args;
	return sk_probe_firewall();
}

static json_t *logs(char **args)
{
	(void)args;
	return sk_probe_logs("");
}

static json_t *software(char **args)
{
	const struct sk_software_options o = {.approved = value_of(args, "approved"),
	                                      .licences = value_of(args, "licences"),
	                                      .base = strcmp(value_of(args, "base"), "0") != 0,
	                                      .homes = strcmp(value_of(args, "homes"), "0") != 0};

	return sk_probe_software("", &o);
}

static json_t *networks(char **args)
{
	(void)args;
	return sk_probe_networks("");
}

static json_t *wireless(char **args)
{
	(void)args;
	return sk_probe_wifi("");
}

static json_t *hardware(char **args)
{
	(void)args;
	return sk_probe_hardware("");
}

static json_t *boot(char **args)
{
	(void)args;
	return sk_probe_boot("");
}

static const struct {
	const char *id;
	json_t *(*run)(char **args); /* NULL: by sekimori-probe-session */
} probes[] = {
    {"screen-lock", NULL},
    {"disk-encryption", disk},
    {"login-factors", login_factors},
    {"passwords", passwords},
    {"login-limits", login_limits},
    {"accounts", accounts},
    {"antivirus", antivirus},
    {"updates", updates},
    {"support", support},
    {"services", services},
    {"firewall", firewall},
    {"clock", kept_clock},
    {"logs", logs},
    {"software", software},
    {"networks", networks},
    {"wireless", wireless},
    {"hardware", hardware},
    {"ic-card", NULL},
    {"antivirus-settings", settings},
    {"full-scan", full_scan},
    {"secure-boot", boot},
};

static int usage(void)
{
	fputs("usage: sekimori-probe ID [NAME=VALUE...]\n"
	      "       sekimori-probe --enforce screen-lock idle_limit=SECONDS\n"
	      "IDs:",
	      stderr);
	for (size_t i = 0; i < sizeof(probes) / sizeof(*probes); i++)
		fprintf(stderr, " %s", probes[i].id);
	fputc('\n', stderr);
	return 64;
}

static int print(json_t *facts)
{
	char *text = facts ? sk_json_text(facts) : NULL;
	int bad = !text || puts(text) < 0 || fflush(stdout) != 0;

	json_decref(facts);
	free(text);
	return bad;
}

static int enforce(const char *what, const char *limit)
{
	struct sk_err err = SK_ERR_INIT;
	unsigned long long seconds;
	json_t *wrote;

	if (strcmp(what, "screen-lock") != 0 || sk_text_u64(limit, 30, 86400, &seconds) < 0)
		return usage();
	wrote = json_array();
	if (sk_screen_enforce("", (long long)seconds, wrote, &err) < 0) {
		json_decref(wrote);
		(void)print(json_pack("{s:s}", "error", err.text));
		return 1;
	}
	return print(json_pack("{s:b, s:o?}", "enforced", 1, "wrote", wrote));
}

/* Becomes the program beside this one. Returns only when it cannot. */
static int become_session(char **argv)
{
	static const char name[] = "sekimori-probe-session";
	char path[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - sizeof(name) - 1);

	path[n > 0 ? n : 0] = '\0';
	char *slash = strrchr(path, '/');

	memcpy(slash ? slash + 1 : path, name, sizeof(name));
	(void)execv(path, argv);
	(void)execv("/usr/lib/sekimori/sekimori-probe-session", argv);
	return print(json_pack("{s:s}", "error", "sekimori-probe-session cannot be started"));
}

/* Nobody waits for it that could not wait longer. Its children inherit both; where it is not permitted it runs as it is. */
static void lower_priority(void)
{
	(void)setpriority(PRIO_PROCESS, 0, 10);
	(void)syscall(SYS_ioprio_set, IOPRIO_WHO_PROCESS, 0, IOPRIO_PRIO_VALUE(IOPRIO_CLASS_IDLE, 0));
}

int main(int argc, char **argv)
{
	lower_priority();
	if (argc >= 3 && strcmp(argv[1], "--enforce") == 0)
		return enforce(argv[2], value_of(argv + 3, "idle_limit"));
	for (size_t i = 0; argc >= 2 && i < sizeof(probes) / sizeof(*probes); i++)
		if (strcmp(argv[1], probes[i].id) == 0)
			return probes[i].run ? print(probes[i].run(argv + 2)) : become_session(argv);
	return usage();
}
