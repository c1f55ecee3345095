/* sekimori-session: notifications of a logged-in person. Started by the user's systemd or the desktop's autostart; see agent/session.h. */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "agent/session.h"

int main(int argc, char **argv)
{
	static const struct option options[] = {{"socket", required_argument, NULL, 's'},
	                                        {"dialog", required_argument, NULL, 'd'},
	                                        {"locale", required_argument, NULL, 'c'},
	                                        {0}};
	struct sk_session_options o = {.socket = "/run/sekimori/control.sock", .dialog = "/usr/bin/zenity"};
	struct sk_err err = SK_ERR_INIT;
	struct sk_session *s = NULL;
	const char *locale = NULL;
	sd_event *loop = NULL;
	int c, r;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c == 's')
			o.socket = optarg;
		else if (c == 'd')
			o.dialog = optarg;
		else if (c == 'c')
			locale = optarg;
		else
			return 64;
	}
	(void)signal(SIGPIPE, SIG_IGN);
	(void)sk_i18n_init(locale);
	o.lang = sk_lang_from_env();
	r = sd_event_new(&loop);
	if (r >= 0)
		r = sk_session_new(loop, &o, &s, &err);
	if (r >= 0)
		r = sd_event_loop(loop);
	if (r < 0 && r != -EEXIST)
		fprintf(stderr, "sekimori-session: %s\n", err.text[0] ? err.text : strerror(-r));
	sk_session_free(s);
	sd_event_unref(loop);
	sk_i18n_deinit();
	return r < 0 && r != -EEXIST;
}
