/* P16: is the clock kept right? The kernel itself knows whether somebody disciplines it; who does is shown beside it. */
#include <stdio.h>
#include <sys/stat.h>
#include <sys/timex.h>

#include "platform/probe.h"

json_t *sk_probe_clock(const char *root)
{
	static const char *const services[][2] = {{"/run/chrony", "chrony"},
	                                          {"/run/systemd/timesync", "systemd-timesyncd"},
	                                          {"/run/ntpd.pid", "ntpd"},
	                                          {"/run/openntpd", "openntpd"}};
	struct timex t = {0};
	int state = adjtimex(&t);
	const char *service = NULL;
	char path[512];
	struct stat st;

	for (size_t i = 0; !service && i < sizeof(services) / sizeof(*services); i++) {
		snprintf(path, sizeof(path), "%s%s", root, services[i][0]);
		if (stat(path, &st) == 0)
			service = services[i][1];
	}
	return json_pack("{s:o, s:o, s:s?}", "synchronised",
	                 state < 0 ? json_null() : json_boolean(state != TIME_ERROR && !(t.status & STA_UNSYNC)),
	                 "max_error_ms", state < 0 ? json_null() : json_integer((json_int_t)t.maxerror / 1000),
	                 "service", service);
}
