/*
 * The CLI `sekimori`: a table of commands, each one question to sekimorid and its answer in words or as JSON. It has no right of its own:
 * sekimorid looks at the caller's uid. Exit statuses: 0 compliant or done, 1 error, 2 non-compliant, 3 unknown, 64 usage.
 */
#ifndef SK_AGENT_CLI_H
#define SK_AGENT_CLI_H

#include <jansson.h>
#include <stdbool.h>
#include "common/clock.h"
#include "common/i18n.h"

enum { SK_EXIT_OK = 0, SK_EXIT_ERROR = 1, SK_EXIT_NON_COMPLIANT = 2, SK_EXIT_UNKNOWN = 3, SK_EXIT_USAGE = 64 };

struct sk_cli {
	enum sk_lang lang;
	bool json;
	bool interactive; /* stdin and stdout are a terminal */
	const char *socket; /* control.sock */
	const char *root; /* "" or a folder in which "sys" and "etc" lie (tests) */
	const char *libexec; /* folder of sekimori-uplink */
};

struct sk_command {
	const char *name;
	const char *usage; /* msgid: arguments */
	const char *summary; /* msgid: one line */
	int (*run)(struct sk_cli *cli, int argc, char **argv); /* argv[0] is the command's name */
};

/* argv of the whole program. Returns the exit status. */
int sk_cli_main(int argc, char **argv);

/* --- for the commands --- */

/* The answer of an operation (request stolen): 0 and *answer, or an exit status after the error was said. */
int sk_cli_ask(struct sk_cli *cli, json_t *request, int timeout_ms, json_t **answer);
/* With --json prints it and returns true. */
bool sk_cli_print_json(struct sk_cli *cli, const json_t *answer);

/* A translated line to stdout, %1.. filled in; made printable. End the arguments with NULL. */
void sk_cli_say(struct sk_cli *cli, const char *msgid, ...) __attribute__((sentinel));
/* The same to stderr behind "sekimori: "; with --json an error object to stdout instead. Returns status. */
int sk_cli_fail(struct sk_cli *cli, int status, const char *code, const char *msgid, ...) __attribute__((sentinel));
int sk_cli_usage(struct sk_cli *cli, const char *command);
void sk_cli_line(const char *text); /* untranslated, made printable */
const char *sk_cli_tr(struct sk_cli *cli, const char *msgid);
/* A member's text: strings, numbers, "" for null or absent. out is size bytes. Returns out. */
const char *sk_cli_member(const json_t *o, const char *name, char *out, size_t size);
const char *sk_cli_string(const json_t *o, const char *name); /* "" when it is no string */
/* Local time of a ms member, "-" when absent. */
const char *sk_cli_time(const json_t *o, const char *name, char *out, size_t size);

/* Asks on the terminal; %1 of msgid is the default in out, which stays when the answer is empty. 0, or -1 at the end of input. */
int sk_cli_ask_line(struct sk_cli *cli, const char *msgid, char *out, size_t size);
/* The port of the medium that is shut: the only one, or the one picked on the terminal. 0, or an exit status after the error was said. */
int sk_cli_shut_medium(struct sk_cli *cli, char *out, size_t size);

/* Columns padded to their widest cell. */
#define SK_TABLE_COLUMNS 8
struct sk_table {
	size_t columns, rows;
	char **cells; /* rows * columns; owned */
};
void sk_table_init(struct sk_table *t, size_t columns);
int sk_table_row(struct sk_table *t, ...)
    __attribute__((sentinel)); /* one string per column, then NULL; copied, made printable */
void sk_table_print(const struct sk_table *t, const char *indent);
void sk_table_deinit(struct sk_table *t);

/* Words for the stable names in answers (msgids translated); the name itself when unknown. */
const char *sk_cli_reason(struct sk_cli *cli, const char *name);
const char *sk_cli_kind(struct sk_cli *cli, const char *name);
const char *sk_cli_state(struct sk_cli *cli, const char *name);
const char *sk_cli_verdict(struct sk_cli *cli, const char *name);
const char *sk_cli_zone(struct sk_cli *cli, const char *name);
const char *sk_cli_mode(struct sk_cli *cli, const char *name);
const char *sk_cli_request_state(struct sk_cli *cli, const char *name);

/* The commands. */
int sk_cli_status(struct sk_cli *cli, int argc, char **argv);
int sk_cli_check(struct sk_cli *cli, int argc, char **argv);
int sk_cli_devices(struct sk_cli *cli, int argc, char **argv);
int sk_cli_events(struct sk_cli *cli, int argc, char **argv);
int sk_cli_media_erase(struct sk_cli *cli, int argc, char **argv); /* argv[0] is "erase" */
int sk_cli_media_release(struct sk_cli *cli, int argc, char **argv); /* argv[0] is "release" */
int sk_cli_media(struct sk_cli *cli, int argc, char **argv);
int sk_cli_accepted(struct sk_cli *cli, int argc, char **argv);
int sk_cli_request(struct sk_cli *cli, int argc, char **argv);
int sk_cli_phone(struct sk_cli *cli, int argc, char **argv);
int sk_cli_incident(struct sk_cli *cli, int argc, char **argv);
int sk_cli_notices(struct sk_cli *cli, int argc, char **argv);
int sk_cli_open(struct sk_cli *cli, int argc, char **argv);
int sk_cli_explain(struct sk_cli *cli, int argc, char **argv);
int sk_cli_confirm(struct sk_cli *cli, int argc, char **argv);
int sk_cli_policy(struct sk_cli *cli, int argc, char **argv);
int sk_cli_utc_offset(void); /* seconds that local time is ahead of UTC now */
/* The policy of an answer of `policy`, in plain words. */
int sk_cli_policy_words(struct sk_cli *cli, const json_t *answer);
int sk_cli_policy_propose(struct sk_cli *cli, int argc, char **argv);
int sk_cli_policy_simulate(struct sk_cli *cli, int argc, char **argv);
int sk_cli_enroll(struct sk_cli *cli, int argc, char **argv);
int sk_cli_verify(struct sk_cli *cli, int argc, char **argv);
int sk_cli_doctor(struct sk_cli *cli, int argc, char **argv);

/* For tests: the exit status that the worst of these results gives. */
int sk_cli_check_status(const json_t *checks);

#endif
