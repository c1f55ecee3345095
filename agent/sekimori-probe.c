/*
 * sekimori-probe: one posture probe, in a process of its own. Prints the facts as one line of JSON and ends; sekimorid gives it a time limit
 * and low priority, and judges. Whatever goes wrong becomes {"error": ...}: never a guess.
 *
 *   sekimori-probe ID [--socket PATH]
 *   sekimori-probe --enforce screen-lock --limit SECONDS
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/json.h"
#include "common/text.h"
#include "platform/probe.h"

static int usage(void)
{
	fputs("usage: sekimori-probe screen-lock|disk-encryption|antivirus [--socket PATH]\n"
	      "       sekimori-probe --enforce screen-lock --limit SECONDS\n",
	      stderr);
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

	if (strcmp(what, "screen-lock") != 0 || !limit || sk_text_u64(limit, 30, 86400, &seconds) < 0)
		return usage();
	if (sk_screen_enforce("", (long long)seconds, &err) < 0) {
		(void)print(json_pack("{s:s}", "error", err.text));
		return 1;
	}
	return print(json_pack("{s:b}", "enforced", 1));
}

int main(int argc, char **argv)
{
	static const struct option options[] = {{"enforce", required_argument, NULL, 'e'},
	                                        {"limit", required_argument, NULL, 'l'},
	                                        {"socket", required_argument, NULL, 's'},
	                                        {0}};
	const char *what = NULL, *limit = NULL, *socket_path = "/run/clamav/clamd.ctl";
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c == 'e')
			what = optarg;
		else if (c == 'l')
			limit = optarg;
		else if (c == 's')
			socket_path = optarg;
		else
			return usage();
	}
	if (what)
		return enforce(what, limit);
	if (optind + 1 != argc)
		return usage();
	if (strcmp(argv[optind], "screen-lock") == 0)
		return print(sk_probe_screen(""));
	if (strcmp(argv[optind], "disk-encryption") == 0)
		return print(sk_probe_disk("", sk_cipher_libcryptsetup));
	if (strcmp(argv[optind], "antivirus") == 0)
		return print(sk_probe_antivirus(socket_path, 8000));
	return usage();
}
