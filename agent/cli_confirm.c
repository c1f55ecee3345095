/* confirm: the person at the terminal answers for a new keyboard. */
#include <string.h>

#include "agent/cli.h"

int sk_cli_confirm(struct sk_cli *cli, int argc, char **argv)
{
	bool refuse = argc == 3 && strcmp(argv[2], "--refuse") == 0;
	json_t *a;
	int r;

	if (argc < 2 || argv[1][0] == '-' || (argc > 2 && !refuse))
		return sk_cli_usage(cli, "confirm");
	r = sk_cli_ask(cli, json_pack("{s:s, s:s, s:b}", "op", "confirm", "device", argv[1], "refuse", (int)refuse),
	               10000, &a);
	if (r != SK_EXIT_OK)
		return r;
	if (!sk_cli_print_json(cli, a))
		sk_cli_say(cli,
		           refuse ? N_("%1 was refused.") : N_("%1 is let in, and known at this port from now on."),
		           argv[1], NULL);
	json_decref(a);
	return SK_EXIT_OK;
}
