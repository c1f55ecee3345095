/*
 * sekimori-probe-session ID [NAME=VALUE...]: the two probes that ask logind (screen-lock, ic-card). sekimori-probe becomes it for these, so that the
 * other nineteen do not start with the libraries of D-Bus. What it prints and how it ends is as there.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

int main(int argc, char **argv)
{
	json_t *facts = NULL;
	char *text;
	int bad;

	if (argc >= 2 && strcmp(argv[1], "screen-lock") == 0) {
		facts = sk_probe_screen("");
	} else if (argc >= 2 && strcmp(argv[1], "ic-card") == 0) {
		facts = sk_probe_card("", value_of(argv + 2, "socket"), value_of(argv + 2, "services"));
	} else {
		fputs("usage: sekimori-probe-session screen-lock|ic-card [NAME=VALUE...]\n", stderr);
		return 64;
	}
	text = facts ? sk_json_text(facts) : NULL;
	bad = !text || puts(text) < 0 || fflush(stdout) != 0;
	json_decref(facts);
	free(text);
	return bad;
}
