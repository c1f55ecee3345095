/*
 * Probes: what posture checks need to know, read from the system and given as JSON facts (new references, never NULL unless out of
 * memory). They run in sekimori-probe, a process of its own with a time limit; a fact that could not be read is absent or null, with "why".
 * root: "" on a real system; a folder with proc/ sys/ etc/ in tests.
 */
#ifndef SK_PLATFORM_PROBE_H
#define SK_PLATFORM_PROBE_H

#include <jansson.h>
#include <stdbool.h>
#include "common/err.h"

/* What an active crypt mapping really uses. 0 and cipher like "aes-xts-plain64", *key_bits; negative when it cannot be told. */
typedef int (*sk_cipher_fn)(const char *dm_name, char *cipher, int size, int *key_bits);

json_t *sk_probe_disk(const char *root, sk_cipher_fn cipher); /* P2 */
int sk_cipher_kernel(const char *dm_name, char *cipher, int size, int *key_bits); /* -EUCLEAN: a part of it is no crypt target */
/* For the test: a crypt target's parameters, "aes-xts-plain64 :64:logon:x 0 8:1 4096" -> cipher ("cipher_null" without a key), bits. 0 or -EINVAL. */
int sk_cipher_table(const char *params, char *cipher, int size, int *key_bits);

json_t *sk_probe_antivirus(const char *socket_path, int timeout_ms); /* P7: clamd by its socket */
json_t *sk_probe_mdatp(const char *program, int timeout_ms, long long now_ms); /* P7: Microsoft Defender */
json_t *sk_mdatp_facts(const char *text, size_t len, long long now_ms); /* of what it printed */
struct sk_scanner_options { /* any other scanner, as the policy describes it */
	const char *name;
	const char *folder; /* of the programs that root put there for this: a policy cannot have anything else run */
	const char *command; /* a name in it */
	const char *running; /* pattern of a line it prints when all is well */
	const char *signatures; /* a file as old as the signatures; NULL or "" = none */
	int timeout_ms;
};
json_t *sk_probe_scanner(const struct sk_scanner_options *o);
struct sk_av_options {
	const char *root;
	const char *product; /* auto clamav defender command */
	const char *socket, *mdatp;
	struct sk_scanner_options scanner;
	int timeout_ms;
	const char *test_folder; /* of the live test on access; NULL = not tested */
	int test_wait_ms;
	long long test_every_ms, now_ms;
};
json_t *sk_probe_av(const struct sk_av_options *o);
json_t *sk_probe_settings(const char *root, const char *files); /* P8 */
json_t *sk_probe_full_scan(const char *stamp); /* P9 */

json_t *sk_probe_screen(const char *root); /* P1 */
/* Writes the mandatory settings: dconf database with locks, the files of the desktops that are installed (screen_desktops.c) and, for text sessions,
 * a read-only TMOUT. idle_s: the longest time to the lock. Files that are right already are left alone; those written are appended to wrote
 * (JSON array of paths, NULL ok). 0 or -errno. */
int sk_screen_enforce(const char *root, long long idle_s, json_t *wrote, struct sk_err *err);

/* services: names of PAM services, separated by blanks; those that are not installed are left out. */
json_t *sk_probe_login_factors(const char *root, const char *services); /* P3 */
json_t *sk_probe_login_limits(const char *root, const char *services); /* P5 */
json_t *sk_probe_passwords(const char *root); /* P4 */
json_t *sk_probe_accounts(const char *root); /* P6 */
json_t *sk_probe_updates(const char *root); /* P10 */
json_t *sk_updates_parse(char *text); /* what `apt-get -s` printed; changes it. {"security","other","packages"} */
json_t *sk_probe_support(const char *root); /* P11 */
json_t *sk_probe_services(const char *root, const char *units); /* P15 */
json_t *sk_probe_units(const char *root, const char *names); /* which of these units are started with the system */
json_t *sk_probe_firewall(void); /* P15 */
json_t *sk_firewall_facts(const char *root, const json_t *rules); /* of nft's own listing */
json_t *sk_probe_logs(const char *root); /* P17 */
json_t *sk_probe_clock(const char *root); /* P16 */

/* {"type","slots":[kdf],"tokens":[kind]} of an active mapping's header; NULL when it cannot be read. New reference. */
typedef json_t *(*sk_luks_fn)(const char *dm_name);
json_t *sk_luks_libcryptsetup(const char *dm_name);
void sk_probe_luks(const char *root, json_t *facts, sk_luks_fn read); /* adds "luks" to what sk_probe_disk found */
json_t *sk_probe_card(const char *root, const char *socket, const char *services); /* M9 */
json_t *sk_card_facts(const char *root, const char *socket, const char *services, json_t *used); /* used: stolen */
json_t *sk_probe_boot(const char *root); /* M9 */
json_t *sk_probe_hardware(const char *root); /* M7 */
json_t *sk_probe_networks(const char *root); /* P13 */
json_t *sk_probe_wifi(const char *root); /* P14 */
struct sk_net;
struct sk_wifi;
json_t *sk_networks_facts(const char *root, const struct sk_net *n, const struct sk_wifi *w); /* w NULL: not known */
json_t *sk_wifi_facts(const char *root, const struct sk_wifi *w);

struct sk_software_options {
	const char *approved, *licences; /* words, single blanks between them; "" = none */
	bool base; /* the basic system is approved as such */
	bool homes; /* look through the folders of people */
};
json_t *sk_probe_software(const char *root, const struct sk_software_options *o); /* P12 */

#endif
