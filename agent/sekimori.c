/* sekimori: the CLI. Everything is in agent/cli*.c; here only the catalogue and the program's end. */
#include <signal.h>

#include "agent/cli.h"

int main(int argc, char **argv)
{
	int status;

	(void)signal(SIGPIPE, SIG_IGN);
	(void)sk_i18n_init(NULL); /* without it English is shown; doctor says so */
	status = sk_cli_main(argc, argv);
	sk_i18n_deinit();
	return status;
}
