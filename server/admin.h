/*
 * The administrator's commands (sekimori-server COMMAND ...). They work on the store directly, also while the server runs: it notices. Results go
 * to stdout, everything else to stderr. Exit statuses: 0 done, 1 failed or found broken, 64 wrong usage.
 */
#ifndef SK_SERVER_ADMIN_H
#define SK_SERVER_ADMIN_H

#include <stdbool.h>
#include <stdio.h>
#include "common/i18n.h"
#include "server/ca.h"
#include "server/config.h"
#include "server/store.h"

#define SK_EXIT_USAGE 64

struct sk_admin {
	struct sk_server_config config;
	enum sk_lang lang;
	struct sk_store *store; /* open for the commands that need it */
	struct sk_actor by; /* who runs the command */
	int argc; /* what follows the command's words */
	char **argv;
};

struct sk_admin_command {
	const char *words; /* "token create" */
	const char *usage; /* what follows */
	bool store; /* opens the store first */
	int (*run)(struct sk_admin *a); /* exit status */
};
extern const struct sk_admin_command sk_admin_commands[]; /* ends with words NULL */

/* argv without the program's name. The exit status. */
int sk_admin_main(int argc, char **argv);

/* Options of a command: "--name VALUE", "--name=VALUE" or a flag. Takes known ones out; positionals land in order. 0, or the exit status
 * after a message. */
struct sk_option {
	const char *name; /* with dashes; NULL ends the list */
	const char **value; /* NULL for a flag */
	bool *flag;
	bool required;
};
int sk_admin_options(struct sk_admin *a, const struct sk_option *options, const char **positional, size_t min,
                     size_t max);
int sk_admin_open(
    struct sk_admin *a); /* the store, for commands that do not always need it; 0 or the exit status after a message */
int sk_admin_usage(const struct sk_admin *a, const char *problem); /* 64 */
int sk_admin_fail(const struct sk_admin *a, const struct sk_err *err); /* 1 */
/* A list as JSON, or each row by print; 0 or the exit status. list is stolen; NULL = the store could not be read. */
int sk_admin_show(struct sk_admin *a, json_t *list, bool json,
                  void (*print)(const struct sk_admin *a, const json_t *row));
void sk_admin_path(const struct sk_admin *a, const char *name, char *out, size_t size); /* in the state folder */

/* admin_who.c: a terminal by host name or id. 0, or -ENOENT with err. */
int sk_admin_terminal(struct sk_admin *a, const char *host, char id[SK_UUID_LEN], struct sk_err *err);
/* The account that acts (--as), without a role yet; who typed the command stands in its own line of the audit trail. found: NULL ok. 0 or negative. */
int sk_admin_act_as(struct sk_admin *a, const char *user, struct sk_user *found, struct sk_actor *by,
                    struct sk_err *err);

int sk_admin_init(struct sk_admin *a);
int sk_admin_serve(struct sk_admin *a);
int sk_admin_token_create(struct sk_admin *a);
int sk_admin_token_list(struct sk_admin *a);
int sk_admin_token_revoke(struct sk_admin *a);
int sk_admin_unit_add(struct sk_admin *a);
int sk_admin_unit_list(struct sk_admin *a);
int sk_admin_user_add(struct sk_admin *a);
int sk_admin_user_passwd(struct sk_admin *a);
int sk_admin_user_disable(struct sk_admin *a);
int sk_admin_user_enable(struct sk_admin *a);
int sk_admin_user_factor(struct sk_admin *a); /* takes the second factor away */
int sk_admin_user_list(struct sk_admin *a);
int sk_admin_policy_set(struct sk_admin *a);
int sk_admin_policy_simulate(struct sk_admin *a); /* 0 nothing would change, 2 something would */
int sk_admin_terminal_list(struct sk_admin *a);
int sk_admin_terminal_revoke(struct sk_admin *a);
int sk_admin_phone_issue(struct sk_admin *a);
int sk_admin_phone_list(struct sk_admin *a);
int sk_admin_org_import(struct sk_admin *a);
int sk_admin_org_show(struct sk_admin *a);
int sk_admin_order_add(struct sk_admin *a);
int sk_admin_order_approve(struct sk_admin *a);
int sk_admin_order_cancel(struct sk_admin *a);
int sk_admin_order_list(struct sk_admin *a);
int sk_admin_setting_permit(struct sk_admin *a);
int sk_admin_setting_end(struct sk_admin *a);
int sk_admin_notice_add(struct sk_admin *a);
int sk_admin_notice_list(struct sk_admin *a);
int sk_admin_media_list(struct sk_admin *a);
int sk_admin_media_requests(struct sk_admin *a);
int sk_admin_media_approve(struct sk_admin *a);
int sk_admin_media_refuse(struct sk_admin *a);
int sk_admin_media_state(struct sk_admin *a);
int sk_admin_retention_set(struct sk_admin *a);
int sk_admin_retention_list(struct sk_admin *a);
int sk_admin_hold_add(struct sk_admin *a);
int sk_admin_hold_end(struct sk_admin *a);
int sk_admin_hold_list(struct sk_admin *a);
int sk_admin_media_erasure(struct sk_admin *a);
int sk_admin_media_cleaned(struct sk_admin *a);
int sk_admin_jobs(struct sk_admin *a);
int sk_admin_verify(struct sk_admin *a);
int sk_admin_export(struct sk_admin *a);
int sk_admin_backup(struct sk_admin *a);
int sk_admin_restore(struct sk_admin *a);
int sk_admin_migrate(struct sk_admin *a);
int sk_admin_card_add(struct sk_admin *a);
int sk_admin_card_remove(struct sk_admin *a);
int sk_admin_card_list(struct sk_admin *a);

#endif
