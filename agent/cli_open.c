/* `sekimori open DEVICE [NODE]`: the passphrase of an encrypted medium, typed unseen (or one line of stdin), handed to sekimorid. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "agent/cli.h"

#define PASS_MAX   512
#define TIMEOUT_MS 130000

/* One line without its newline. 0, or -errno: -ENODATA empty, -E2BIG. */
static int read_line(char *out, size_t size)
{
	size_t len;

	if (fgets(out, (int)size, stdin) == NULL)
		return -ENODATA;
	len = strcspn(out, "\n");
	if (out[len] != '\n' && len + 1 == size)
		return -E2BIG;
	out[len] = '\0';
	return len == 0 ? -ENODATA : 0;
}

static int read_unseen(struct sk_cli *cli, char *out, size_t size)
{
	struct termios was, quiet;
	bool tty = tcgetattr(0, &was) == 0;
	int r;

	setvbuf(stdin, NULL, _IONBF, 0); /* no copy of it stays in a buffer */
	if (tty) {
		quiet = was;
		quiet.c_lflag &= ~(tcflag_t)ECHO;
		(void)fprintf(stderr, "%s: ", sk_cli_tr(cli, N_("Passphrase of the medium")));
		if (tcsetattr(0, TCSAFLUSH, &quiet) < 0)
			return -errno;
	}
	r = read_line(out, size);
	if (tty) {
		(void)tcsetattr(0, TCSAFLUSH, &was);
		(void)fputc('\n', stderr);
	}
	return r;
}

int sk_cli_open(struct sk_cli *cli, int argc, char **argv)
{
	char pass[PASS_MAX];
	json_t *request, *answer = NULL;
	int r;

	if (argc < 2 || argc > 3 || argv[1][0] == '-')
		return sk_cli_usage(cli, "open");
	r = read_unseen(cli, pass, sizeof(pass));
	if (r < 0) {
		explicit_bzero(pass, sizeof(pass));
		return sk_cli_fail(cli, SK_EXIT_ERROR, "invalid",
		                   r == -E2BIG ? N_("The passphrase is too long.") : N_("No passphrase was given."),
		                   NULL);
	}
	request = json_pack("{s:s, s:s, s:s, s:s}", "op", "medium.open", "device", argv[1], "node",
	                    argc == 3 ? argv[2] : "", "passphrase", pass);
	explicit_bzero(pass, sizeof(pass));
	r = sk_cli_ask(cli, request, TIMEOUT_MS, &answer);
	if (r == 0 && !sk_cli_print_json(cli, answer))
		sk_cli_say(cli, N_("The medium is unlocked and being opened."), NULL);
	json_decref(answer);
	return r;
}
