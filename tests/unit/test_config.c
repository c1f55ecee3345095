/* agent.ini: taken whole or not at all, with file and line. */
#include "agent/config.h"
#include "tests/unit/agent_help.h"

static struct sk_agent_config c;
static struct sk_err err;

static int load(const char *text)
{
	sk_agent_config_default(&c);
	snprintf(c.file, sizeof c.file, "%s", in_dir("agent.ini"));
	err.text[0] = '\0';
	put_file("agent.ini", text);
	return sk_agent_config_load(&c, 0, 0, &err);
}

Test(config, everything, .init = make_dir, .fini = remove_dir)
{
	cr_assert_eq(load("[agent]\nstate = /var/a\nrun = /run/b\nlanguage = en\nlog = debug\nspool_max = 2M\nkeep = "
	                  "400d\ncheck_every = 30m\n"),
	             0, "%s", err.text);
	cr_assert_str_eq(c.state, "/var/a");
	cr_assert_str_eq(c.run, "/run/b");
	cr_assert_eq(c.language, SK_LANG_EN);
	cr_assert_eq(c.log, SK_LOG_DEBUG);
	cr_assert_eq(c.spool_max, 2 << 20);
	cr_assert_eq(c.keep_s, 400LL * 86400);
	cr_assert_eq(c.check_every_s, 1800);
}

Test(config, what_is_installed_is_read, .init = make_dir, .fini = remove_dir)
{
	sk_agent_config_default(&c);
	snprintf(c.file, sizeof c.file, "packaging/agent.ini");
	cr_assert_eq(sk_agent_config_load(&c, 0, 0, &err), 0, "%s", err.text);
	cr_assert_eq(c.keep_s, 0, "how long to keep is the office's to say");
}

Test(config, refused_whole, .init = make_dir, .fini = remove_dir)
{
	static const char *const bad[] = {
	    "[agent]\nlanguage = fr\n",
	    "[agent]\nlog = loud\n",
	    "[agent]\nspool_max = 10\n",
	    "[agent]\nspool_max = 64X\n",
	    "[agent]\nspool_max = -1M\n",
	    "[agent]\nspool_max = 99999999G\n",
	    "[agent]\nkeep = 1\n",
	    "[agent]\nkeep = forever\n",
	    "[agent]\ncheck_every = 1s\n",
	    "[agent]\nstate = relative\n",
	    "[agent]\nstate = /a/../b\n",
	    "[agent]\nunknown = 1\n",
	    "[other]\nlanguage = ja\n",
	    "language = ja\n",
	    "[agent]\nlanguage = ja\nlanguage = en\n",
	};

	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		char text[300];

		snprintf(text, sizeof text, "# first\n%s", bad[i]);
		cr_assert_lt(load(text), 0, "%s", bad[i]);
		cr_assert_neq(strstr(err.text, "agent.ini:"), NULL, "%s: %s", bad[i], err.text);
		cr_assert_str_eq(c.state, "/var/lib/sekimori", "nothing of it is taken");
		cr_assert_eq(c.language, SK_LANG_JA);
	}
}

Test(config, command_line_wins_and_a_missing_file_is_told_apart, .init = make_dir, .fini = remove_dir)
{
	sk_agent_config_default(&c);
	snprintf(c.file, sizeof c.file, "%s", in_dir("agent.ini"));
	cr_assert_eq(sk_agent_config_load(&c, 1, 1, &err), -ENOENT);
	snprintf(c.state, sizeof c.state, "/mine");
	put_file("agent.ini", "[agent]\nstate = /var/a\nrun = /run/b\n");
	cr_assert_eq(sk_agent_config_load(&c, 1, 0, &err), 0);
	cr_assert_str_eq(c.state, "/mine");
	cr_assert_str_eq(c.run, "/run/b");
}

Test(config, sizes)
{
	int64_t v;

	cr_assert_eq(sk_parse_size("64M", 1, INT64_MAX, &v), 0);
	cr_assert_eq(v, 64 << 20);
	cr_assert_eq(sk_parse_size("1", 1, 10, &v), 0);
	cr_assert_eq(sk_parse_size("", 0, 10, &v), -EINVAL);
	cr_assert_eq(sk_parse_size("M", 0, 10, &v), -EINVAL);
	cr_assert_eq(sk_parse_size("1MM", 0, INT64_MAX, &v), -EINVAL);
	cr_assert_lt(sk_parse_size("9223372036854775807G", 0, INT64_MAX, &v), 0);
	cr_assert_lt(sk_parse_size("8589934592G", 0, INT64_MAX, &v), 0);
	cr_assert_eq(sk_parse_size("2K", 1, 2000, &v), -ERANGE);
}
