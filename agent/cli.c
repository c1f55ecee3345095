/* What all commands share: the table, talking to sekimorid, printing. */
#include "agent/cli.h"

#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/words.h"
#include "common/frame.h"
#include "common/json.h"
#include "common/text.h"

#define CONTROL "/run/sekimori/control.sock"
#define LIBEXEC "/usr/lib/sekimori"
#define ARGS    9

static const struct sk_command commands[] = {
    {"status", "", N_("how this terminal stands"), sk_cli_status},
    {"check", N_("[ID] [--refresh]"), N_("the posture checks: 0 compliant, 2 non-compliant, 3 unknown"), sk_cli_check},
    {"devices", "", N_("what is attached, and what was decided about it"), sk_cli_devices},
    {"events", N_("[--after N] [--limit N]"), N_("the record of events"), sk_cli_events},
    {"request", N_("media [--device D --purpose TEXT ...] | list"), N_("ask for a medium; see what became of it"),
     sk_cli_request},
    {"phone", N_("[--device D | --isolation] | NUMBER"), N_("a permit by telephone while the network is away"),
     sk_cli_phone},
    {"incident", N_("[--kind KIND --title TEXT [--text TEXT]]"), N_("report an incident to the helpdesk"),
     sk_cli_incident},
    {"notices", N_("[ack NUMBER]"), N_("notices of the office; say that you have read one"), sk_cli_notices},
    {"media",
     N_("register | prepare --erase DEVICE --ledger NUMBER [--label TEXT]; erase DEVICE [--method overwrite|discard] "
        "[--label NUMBER]; release DEVICE --recipient TEXT"),
     N_("have a medium put into the ledger, or make it a container first (root); erase one; give a recipient a "
        "passphrase"),
     sk_cli_media},
    {"hardware", N_("[accept --reason TEXT]"), N_("what changed in this terminal; accept it (root)"), sk_cli_accepted},
    {"antivirus", N_("[accept --reason TEXT]"), N_("what changed in the scanner's settings; accept it (root)"),
     sk_cli_accepted},
    {"explain", N_("DEVICE"), N_("which rule decided about a device, and why the earlier ones did not"),
     sk_cli_explain},
    {"open", N_("DEVICE [NODE]"), N_("unlock an encrypted medium with its passphrase"), sk_cli_open},
    {"policy", N_("[--text | check FILE | reload | propose [--since 30d] | simulate FILE [--since 30d]]"),
     N_("the policy in force; check, propose or try another"), sk_cli_policy},
    {"confirm", N_("DEVICE [--refuse]"), N_("let in a new keyboard that waits, or refuse it"), sk_cli_confirm},
    {"enroll", N_("--server https://HOST:PORT --token TOKEN|- [--asset N]"), N_("join a server (root)"), sk_cli_enroll},
    {"verify", "", N_("check this terminal's record for changes"), sk_cli_verify},
    {"doctor", "", N_("look for what is wrong with the installation"), sk_cli_doctor},
};
#define N_COMMANDS (sizeof commands / sizeof *commands)

const char *sk_cli_tr(struct sk_cli *cli, const char *msgid)
{
	return *msgid ? sk_tr(cli->lang, msgid) : "";
}

/* --- printing --- */

static void print_safe(FILE *f, const char *before, const char *text)
{
	size_t len = strlen(text), size = len * 4 + 8;
	char *safe = malloc(size);

	if (!safe)
		return;
	sk_text_printable(safe, size, text, len);
	fprintf(f, "%s%s\n", before, safe);
	free(safe);
}

void sk_cli_line(const char *text)
{
	print_safe(stdout, "", text);
}

static size_t collect(const char **args, va_list ap)
{
	size_t n = 0;
	const char *a;

	while (n < ARGS && (a = va_arg(ap, const char *)) != NULL)
		args[n++] = a;
	return n;
}

void sk_cli_say(struct sk_cli *cli, const char *msgid, ...)
{
	const char *args[ARGS];
	struct sk_buf b;
	va_list ap;
	size_t n;

	va_start(ap, msgid);
	n = collect(args, ap);
	va_end(ap);
	sk_buf_init(&b, 16384);
	sk_words_fill(&b, sk_cli_tr(cli, msgid), args, n);
	sk_cli_line(b.data);
	sk_buf_deinit(&b);
}

int sk_cli_fail(struct sk_cli *cli, int status, const char *code, const char *msgid, ...)
{
	const char *args[ARGS];
	struct sk_buf b;
	va_list ap;
	size_t n;

	va_start(ap, msgid);
	n = collect(args, ap);
	va_end(ap);
	sk_buf_init(&b, 16384);
	sk_words_fill(&b, sk_cli_tr(cli, msgid), args, n);
	if (cli->json) {
		json_t *o = json_pack("{s:b, s:s, s:s}", "ok", 0, "code", code, "error", b.data);

		sk_cli_print_json(cli, o);
		json_decref(o);
	} else {
		print_safe(stderr, "sekimori: ", b.data);
	}
	sk_buf_deinit(&b);
	return status;
}

bool sk_cli_print_json(struct sk_cli *cli, const json_t *answer)
{
	char *text;

	if (!cli->json)
		return false;
	text = answer ? json_dumps(answer, JSON_INDENT(2) | JSON_SORT_KEYS) : NULL;
	puts(text ? text : "{}");
	free(text);
	return true;
}

const char *sk_cli_string(const json_t *o, const char *name)
{
	const char *s = json_string_value(json_object_get(o, name));

	return s ? s : "";
}

const char *sk_cli_member(const json_t *o, const char *name, char *out, size_t size)
{
	const json_t *v = json_object_get(o, name);

	if (json_is_integer(v))
		snprintf(out, size, "%lld", (long long)json_integer_value(v));
	else
		sk_text_copy(out, size, json_string_value(v));
	return out;
}

const char *sk_cli_time(const json_t *o, const char *name, char *out, size_t size)
{
	json_int_t t = json_integer_value(json_object_get(o, name));

	if (t > 0)
		sk_clock_format_local(t, out, size);
	else
		sk_text_copy(out, size, "-");
	return out;
}

/* --- asking sekimorid --- */

/* sekimorid says what is wrong in English, with the names of things; what kind of answer it is, in the reader's language. */
static const char *code_words(const char *code)
{
	static const struct {
		const char *code, *words;
	} list[] = {
	    {"denied", N_("Not allowed: %1")},
	    {"not-found", N_("Not found: %1")},
	    {"invalid", N_("Cannot be taken as it is: %1")},
	    {"busy", N_("Too much at once, try again later: %1")},
	};

	for (size_t i = 0; i < sizeof list / sizeof *list; i++)
		if (!strcmp(list[i].code, code))
			return list[i].words;
	return N_("It did not work: %1");
}

int sk_cli_ask(struct sk_cli *cli, json_t *request, int timeout_ms, json_t **answer)
{
	struct sk_err err = SK_ERR_INIT;
	json_t *a = NULL;
	int r = request ? sk_frame_call(cli->socket, request, timeout_ms, &a, &err) : -ENOMEM;

	json_decref(request);
	if (r < 0)
		return sk_cli_fail(cli, SK_EXIT_ERROR, "unreachable",
		                   N_("sekimorid does not answer (%1). Is it running? See: systemctl status sekimorid"),
		                   err.text, NULL);
	if (!json_is_true(json_object_get(a, "ok"))) {
		r = sk_cli_fail(cli, SK_EXIT_ERROR, sk_cli_string(a, "code"),
		                cli->json ? "%1" : code_words(sk_cli_string(a, "code")),
		                sk_cli_tr(cli, sk_cli_string(a, "error")), NULL);
		json_decref(a);
		return r;
	}
	*answer = a;
	return 0;
}

/* --- usage and the table --- */

int sk_cli_usage(struct sk_cli *cli, const char *command)
{
	for (size_t i = 0; i < N_COMMANDS; i++)
		if (!strcmp(commands[i].name, command))
			return sk_cli_fail(cli, SK_EXIT_USAGE, "usage", N_("usage: sekimori %1 %2"), command,
			                   sk_cli_tr(cli, commands[i].usage), NULL);
	return SK_EXIT_USAGE;
}

static void help(struct sk_cli *cli)
{
	struct sk_table t;
	char name[32];

	sk_cli_say(cli, N_("usage: sekimori [--json] COMMAND ..."), NULL);
	sk_table_init(&t, 2);
	for (size_t i = 0; i < N_COMMANDS; i++) {
		sk_text_copy(name, sizeof name, commands[i].name);
		sk_table_row(&t, name, sk_cli_tr(cli, commands[i].summary), NULL);
	}
	sk_table_print(&t, "  ");
	sk_table_deinit(&t);
	sk_cli_say(
	    cli,
	    N_("Exit status: 0 compliant or done, 1 error, 2 non-compliant, 3 unknown, 64 usage. See sekimori(1)."),
	    NULL);
}

/* --json may stand anywhere before "--". */
static int take_json(int argc, char **argv, bool *json)
{
	int n = 0;

	for (int i = 0; i < argc; i++) {
		if (!strcmp(argv[i], "--")) {
			while (i < argc)
				argv[n++] = argv[i++];
			break;
		}
		if (i > 0 && !strcmp(argv[i], "--json"))
			*json = true;
		else
			argv[n++] = argv[i];
	}
	argv[n] = NULL;
	return n;
}

/* The kernel's own console has no glyphs for Japanese. */
static enum sk_lang language(void)
{
	const char *term = getenv("TERM");

	return isatty(STDOUT_FILENO) && term && !strcmp(term, "linux") ? SK_LANG_EN : sk_lang_from_env();
}

static int global_options(struct sk_cli *cli, int argc, char **argv, int *status)
{
	static const struct option options[] = {
	    {"help", no_argument, NULL, 'h'},           {"version", no_argument, NULL, 'V'},
	    {"language", required_argument, NULL, 'l'}, {"socket", required_argument, NULL, 's'},
	    {"root", required_argument, NULL, 'r'},     {"libexec", required_argument, NULL, 'x'},
	    {"locale", required_argument, NULL, 'c'},   {0}};
	int c;

	optind = 0;
	while ((c = getopt_long(argc, argv, "+h", options, NULL)) != -1) {
		if (c == 's')
			cli->socket = optarg;
		else if (c == 'r')
			cli->root = optarg;
		else if (c == 'x')
			cli->libexec = optarg;
		else if (c == 'c') {
			sk_i18n_deinit();
			(void)sk_i18n_init(optarg);
		} else if (c == 'l' && sk_lang_parse(optarg, &cli->lang) == 0)
			continue;
		else if (c == 'V' || c == 'h') {
			*status = SK_EXIT_OK;
			if (c == 'V')
				puts("sekimori " SK_VERSION);
			else
				help(cli);
			return -1;
		} else {
			*status = SK_EXIT_USAGE;
			return -1;
		}
	}
	return optind;
}

int sk_cli_main(int argc, char **argv)
{
	struct sk_cli cli = {.lang = language(), .socket = CONTROL, .root = "", .libexec = LIBEXEC};
	int status = SK_EXIT_USAGE, first;

	cli.interactive = isatty(STDIN_FILENO) && isatty(STDOUT_FILENO);
	argc = take_json(argc, argv, &cli.json);
	first = global_options(&cli, argc, argv, &status);
	if (first < 0)
		return status;
	if (first == argc) {
		help(&cli);
		return SK_EXIT_USAGE;
	}
	for (size_t i = 0; i < N_COMMANDS; i++)
		if (!strcmp(argv[first], commands[i].name)) {
			status = commands[i].run(&cli, argc - first, argv + first);
			if (fflush(stdout) != 0 && status == SK_EXIT_OK)
				status = SK_EXIT_ERROR;
			return status;
		}
	return sk_cli_fail(&cli, SK_EXIT_USAGE, "usage", N_("%1 is not a command; \"sekimori --help\" lists them"),
	                   argv[first], NULL);
}
