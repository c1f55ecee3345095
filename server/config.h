/* /etc/sekimori/server.ini, read strictly and whole. */
#ifndef SK_SERVER_CONFIG_H
#define SK_SERVER_CONFIG_H

#include <stddef.h>

#include "common/err.h"
#include "server/directory.h"

struct sk_server_config {
	char state_dir[256]; /* [server] state = /var/lib/sekimori-server */
	char name[256]; /* [server] name = host name or address terminals use; names the certificate */
	char agents_url
	    [280]; /* [server] agents_url = https://HOST:PORT that enrolment tells terminals; "" = https://name:agents port */
	char more_names[512]; /* [server] more_names = further names of the server certificate, separated by blanks */
	long long
	    server_cert_s; /* [server] certificate = 397d: life of the server's own; renewed when a third is left */
	char agents_listen
	    [128]; /* [listen] agents = 127.0.0.1:8443 (port 0 = any; the real one goes to state_dir/agents.port) */
	char console_listen[128]; /* [listen] console = 127.0.0.1:8444 (console.port) */
	char proxies
	    [512]; /* [listen] proxies = addresses of load balancers, which speak the PROXY protocol, version 2 */
	long long
	    drain_s; /* [listen] drain = 0s: how long a stop is announced at /readyz before connections are refused */
	char office_ja[128], office_en[128]; /* [office] name_ja name_en */
	long long session_idle_s, session_max_s; /* [console] idle = 15m  max = 8h */
	int login_limit;
	long long login_lock_s; /* [console] attempts = 5  lock = 15m */
	long long silent_s; /* [terminals] silent = 3d */
	long long cert_days; /* [terminals] certificate = 90d */
	int second_factor; /* [console] second_factor = optional | required: 0 | 1 */
	int requests_minute; /* [terminals] requests = 600: of one terminal in a minute, more than that at no time */
	long long grant_max_s; /* [grants] longest = 14d */
	char log[8]; /* [server] log = text | json */
	char store_url[400]; /* [store] url = postgresql://..; "" = SQLite in the state folder */
	char cards[256]; /* [console] cards = file of the CA certificates of IC cards; "" = no login by card */
	struct sk_directory directory; /* [directory] url base people bind_dn secret ca user name unit title timeout */
	char locale_dir[256]; /* [server] locale = /usr/share/sekimori-server/locale */
};

#define SK_SERVER_CONFIG_PATH "/etc/sekimori/server.ini"

void sk_server_config_default(struct sk_server_config *c);
/* What sk_store_open wants: the URL, or the path of the ledger in the state folder. */
void sk_server_store_path(const struct sk_server_config *c, char *path, size_t size);
int sk_server_config_load(const char *path, struct sk_server_config *c, struct sk_err *err);

#endif
