/* server.ini: defaults, every key, and refusal of the whole with file:line. */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "server/config.h"

static char path[] = "/tmp/sekimori-config-XXXXXX";

static int load(const char *text, struct sk_server_config *c, struct sk_err *err)
{
	int fd, r;

	memcpy(path + strlen(path) - 6, "XXXXXX", 6);
	fd = mkstemp(path);
	cr_assert_geq(fd, 0);
	cr_assert_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	close(fd);
	r = sk_server_config_load(path, c, err);
	unlink(path);
	return r;
}

Test(server_config, defaults_when_empty)
{
	struct sk_server_config c, d;
	struct sk_err err = SK_ERR_INIT;

	sk_server_config_default(&d);
	cr_assert_eq(load("[server]\nname = pc\n", &c, &err), 0, "%s", err.text);
	cr_assert_str_eq(c.name, "pc");
	cr_assert_str_eq(c.state_dir, d.state_dir);
	cr_assert_eq(c.session_idle_s, 900);
	cr_assert_eq(c.login_limit, 5);
	cr_assert_eq(c.cert_days, 90);
	cr_assert_eq(c.grant_max_s, 14 * 86400);
}

Test(server_config, every_key)
{
	struct sk_server_config c;
	struct sk_err err = SK_ERR_INIT;
	char where[512];

	cr_assert_eq(load("[server]\nstate = /srv/x\nname = ::1\nagents_url = https://kanri.example:8443\nmore_names = "
	                  "a.example 192.0.2.1\n"
	                  "locale = /l\n[listen]\nagents = [::]:0\nconsole = 0.0.0.0:443\n[office]\nname_ja = "
	                  "試験市\nname_en = Test\n"
	                  "[console]\nidle = 10m\nmax = 4h\nattempts = 3\nlock = 1h\n[terminals]\nsilent = "
	                  "7d\ncertificate = 30d\n"
	                  "[grants]\nlongest = 2d\n[store]\nurl = postgresql://a@/b?host=/c&passfile=/d\n",
	                  &c, &err),
	             0, "%s", err.text);
	cr_assert_str_eq(c.state_dir, "/srv/x");
	cr_assert_str_eq(c.agents_url, "https://kanri.example:8443");
	cr_assert_str_eq(c.more_names, "a.example 192.0.2.1");
	cr_assert_str_eq(c.agents_listen, "[::]:0");
	cr_assert_str_eq(c.office_ja, "試験市");
	cr_assert_str_eq(c.store_url, "postgresql://a@/b?host=/c&passfile=/d");
	sk_server_store_path(&c, where, sizeof(where));
	cr_assert_str_eq(where, c.store_url);
	c.store_url[0] = '\0';
	sk_server_store_path(&c, where, sizeof(where));
	cr_assert_str_eq(where, "/srv/x/ledger.db");
	cr_assert_eq(c.session_idle_s, 600);
	cr_assert_eq(c.session_max_s, 14400);
	cr_assert_eq(c.login_limit, 3);
	cr_assert_eq(c.login_lock_s, 3600);
	cr_assert_eq(c.silent_s, 7 * 86400);
	cr_assert_eq(c.cert_days, 30);
	cr_assert_eq(c.grant_max_s, 2 * 86400);
}

Test(server_config, refused_whole_with_the_line)
{
	static const struct {
		const char *text, *line;
	} bad[] = {
	    {"[server]\nname = a b\n", ":2: "},
	    {"[server]\nname = x\nstate = relative\n", ":3: "},
	    {"[server]\nagents_url = http://x:1\n", ":2: "},
	    {"[server]\nagents_url = https://x\n", ":2: "},
	    {"[server]\nmore_names = a;b\n", ":2: "},
	    {"[listen]\nagents = 8443\n", ":2: "},
	    {"[listen]\nagents = :8443\n", ":2: "},
	    {"[listen]\nconsole = 127.0.0.1:70000\n", ":2: "},
	    {"[listen]\nconsole = 127.0.0.1:\n", ":2: "},
	    {"[console]\nidle = 15\n", ":2: "},
	    {"[console]\nidle = 1s\n", ":2: "},
	    {"[console]\nattempts = 0\n", ":2: "},
	    {"[console]\nattempts = 5m\n", ":2: "},
	    {"[terminals]\ncertificate = 1h\n", ":2: "},
	    {"[grants]\nlongest = 999d\n", ":2: "},
	    {"[grants]\nunknown = 1\n", ":2: "},
	    {"[store]\nurl = /var/x\n", ":2: "},
	    {"[store]\nurl = mysql://x/y\n", ":2: "},
	    {"[unknown]\nx = 1\n", ":1: "},
	    {"[console]\nidle = 5h\nmax = 1h\n", "idle is longer"},
	    {"nothing\n", ":1: "},
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct sk_server_config c = {.name = "untouched"};
		struct sk_err err = SK_ERR_INIT;

		cr_assert_lt(load(bad[i].text, &c, &err), 0, "%s", bad[i].text);
		cr_assert(strstr(err.text, bad[i].line) != NULL, "%s -> %s", bad[i].text, err.text);
		cr_assert_str_eq(c.name, "untouched");
	}
}

Test(server_config, missing_file)
{
	struct sk_server_config c;
	struct sk_err err = SK_ERR_INIT;

	cr_assert_eq(sk_server_config_load("/nonexistent/server.ini", &c, &err), -ENOENT);
	cr_assert(err.text[0] != '\0');
}
