/*
 * /etc/sekimori/agent.ini: where the agent keeps its things and how long. Read strictly and whole. A file that is missing or wrong never
 * keeps sekimorid from running: it goes on with the defaults and says so (status, doctor, log).
 *
 *   [agent]
 *   state = /var/lib/sekimori      ; journal, trust, signed bundles; root only
 *   run = /run/sekimori            ; the two sockets
 *   language = ja                  ; ja | en: of what the person at the terminal is told
 *   log = notice                   ; err | warning | notice | info | debug
 *   spool_max = 64M                ; most bytes not yet taken by the server before informational events are left out
 *   keep = 400d                    ; how long acknowledged events stay here; without it nothing is deleted (the office sets it)
 *   check_every = 4h               ; how often the posture checks run by themselves
 */
#ifndef SK_AGENT_CONFIG_H
#define SK_AGENT_CONFIG_H

#include <stdint.h>
#include "common/err.h"
#include "common/i18n.h"
#include "common/log.h"

#define SK_PATH_MAX 256

struct sk_agent_config {
	char state[SK_PATH_MAX];
	char run[SK_PATH_MAX];
	enum sk_lang language;
	enum sk_log_level log;
	int64_t spool_max; /* bytes */
	long long keep_s; /* 0 = not set: keep everything */
	long long check_every_s;
	char problem[512]; /* why the file was not used; "" = it was, or there is none */
	/* By command line only, for tests: */
	char file[SK_PATH_MAX]; /* agent.ini itself */
	char policy[SK_PATH_MAX]; /* /etc/sekimori/policy.ini */
	char sysfs[SK_PATH_MAX]; /* "" = /sys */
	char probe[SK_PATH_MAX]; /* /usr/lib/sekimori/sekimori-probe */
};

void sk_agent_config_default(struct sk_agent_config *c);

/* Reads c->file over what is in c (paths given on the command line win when fix_state / fix_run). 0; -ENOENT: no such file (defaults hold);
 * other negative: refused whole, *c unchanged, err has file:line. */
int sk_agent_config_load(struct sk_agent_config *c, int fix_state, int fix_run, struct sk_err *err);

/* "64M", "512K", "1G", "1048576" -> bytes. 0, -EINVAL, -ERANGE. */
int sk_parse_size(const char *s, int64_t min, int64_t max, int64_t *out);

#endif
