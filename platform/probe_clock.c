/* P16: is the clock kept right? The kernel itself knows whether somebody disciplines it; who does is shown beside it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/timex.h>

#include "platform/etc.h"
#include "platform/probe.h"

/* chrony tells the kernel only where its "rtcsync" is set; without it the kernel does not know, which is not "not kept right". */
static bool tells_kernel(const char *root)
{
	static const char *const files[] = {"/etc/chrony/chrony.conf", "/etc/chrony.conf"};

	for (size_t i = 0; i < 2; i++) {
		int why;
		char *text = sk_etc_read(root, files[i], &why), *at = text;
		bool found = false;
		for (char *line; text && !found && (line = sk_etc_line(&at));)
			found = strcmp(line, "rtcsync") == 0;
		free(text);
		if (found)
			return true;
	}
	return false;
}

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
	bool known = state >= 0, right = state != TIME_ERROR && !(t.status & STA_UNSYNC);
	if (known && !right && service && strcmp(service, "chrony") == 0)
		known = tells_kernel(root);
	return json_pack("{s:o, s:o, s:s?}", "synchronised", known ? json_boolean(right) : json_null(), "max_error_ms",
	                 state < 0 ? json_null() : json_integer((json_int_t)t.maxerror / 1000), "service", service);
}
