/* The command line: which command, which configuration, as whom. */
#include "server/admin.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/log.h"
#include "common/text.h"
#include "server/restore.h"
#include "server/serve.h"

const struct sk_admin_command sk_admin_commands[] = {
    {"init", "", false, sk_admin_init},
    {"serve", "", false, sk_admin_serve},
    {"token create", "--host HOST --unit SECTION [--asset NUMBER] [--valid 24h]", true, sk_admin_token_create},
    {"token list", "[--json]", true, sk_admin_token_list},
    {"token revoke", "NUMBER", true, sk_admin_token_revoke},
    {"unit add", "KEY --ja NAME --en NAME", true, sk_admin_unit_add},
    {"unit list", "[--json]", true, sk_admin_unit_list},
    {"user add",
     "USER --name \"POST NAME\" --role sec,desk,sys,aud,ciso,exec,bur,staff [--unit SECTION] [--login LOGIN] "
     "[--directory | --password-stdin]",
     true, sk_admin_user_add},
    {"user passwd", "USER [--directory | --password-stdin]", true, sk_admin_user_passwd},
    {"user disable", "USER", true, sk_admin_user_disable},
    {"user enable", "USER", true, sk_admin_user_enable},
    {"user factor-reset", "USER --reason TEXT", true, sk_admin_user_factor},
    {"card add", "USER FINGERPRINT", true, sk_admin_card_add},
    {"card remove", "FINGERPRINT --reason TEXT", true, sk_admin_card_remove},
    {"card list", "[--json]", true, sk_admin_card_list},
    {"user list", "[--json]", true, sk_admin_user_list},
    {"org import", "FILE | --directory [--dry-run]", true, sk_admin_org_import},
    {"org show", "[--json]", true, sk_admin_org_show},
    {"policy set", "FILE [--unit SECTION]", true, sk_admin_policy_set},
    {"policy simulate", "FILE [--unit SECTION] [--since 30d] [--json]", true, sk_admin_policy_simulate},
    {"terminal list", "[--json]", true, sk_admin_terminal_list},
    {"terminal revoke", "ID --reason TEXT", true, sk_admin_terminal_revoke},
    {"phone issue",
     "--as USER --terminal HOST --challenge DIGITS --person LOGIN --callback NUMBER --reason TEXT (--permitted-by USER "
     "| --urgent) [--profile 01]",
     true, sk_admin_phone_issue},
    {"phone list", "[--json]", true, sk_admin_phone_list},
    {"order add",
     "KIND --as USER --terminal HOST --reason TEXT [--mode full|management] [--person LOGIN] [--decided-by \"POST "
     "NAME\"] "
     "[--power-off] [--valid 8h]",
     true, sk_admin_order_add},
    {"order approve", "NUMBER --as USER", true, sk_admin_order_approve},
    {"order cancel", "NUMBER --as USER", true, sk_admin_order_cancel},
    {"order list", "[--terminal HOST] [--json]", true, sk_admin_order_list},
    {"setting permit", "screen-lock --as USER --terminal HOST --person LOGIN --reason TEXT --valid 2h", true,
     sk_admin_setting_permit},
    {"setting end", "NUMBER --as USER", true, sk_admin_setting_end},
    {"notice add", "FILE --as USER --officer \"POST NAME\" --title TEXT [--unit SECTION] [--valid 30d]", true,
     sk_admin_notice_add},
    {"notice list", "[--json]", true, sk_admin_notice_list},
    {"retention set", "KIND --keep DAYS|forever", true, sk_admin_retention_set},
    {"retention list", "[--json]", true, sk_admin_retention_list},
    {"hold add", "--reason TEXT (--terminal HOST | --unit SECTION | --all)", true, sk_admin_hold_add},
    {"hold end", "NUMBER --reason TEXT", true, sk_admin_hold_end},
    {"hold list", "[--json]", true, sk_admin_hold_list},
    {"jobs", "[--json]", true, sk_admin_jobs},
    {"verify", "[--json] [--known RECORDS:HEAD] [--export FILE --key FILE]", false, sk_admin_verify},
    {"export", "FILE", true, sk_admin_export},
    {"media list", "[--find TEXT] [--state STATE] [--json]", true, sk_admin_media_list},
    {"media requests", "[--all] [--json]", true, sk_admin_media_requests},
    {"media approve", "NUMBER [--ledger LEDGER] [--unit SECTION]", true, sk_admin_media_approve},
    {"media refuse", "NUMBER --reason TEXT", true, sk_admin_media_refuse},
    {"media erasure", "LEDGER", true, sk_admin_media_erasure},
    {"media cleaned", "LEDGER --how sanitised|scanned --with TEXT", true, sk_admin_media_cleaned},
    {"media state", "LEDGER STATE [--reason TEXT]", true, sk_admin_media_state},
    {"backup", "FILE", true, sk_admin_backup},
    {"restore", "FILE [--force]", false, sk_admin_restore},
    {"migrate", "--to URL [--json]", true, sk_admin_migrate},
    {NULL, NULL, false, NULL},
};

static void usage(enum sk_lang lang, FILE *out)
{
	fputs(sk_tr(lang, N_("usage: sekimori-server [--config FILE] COMMAND ...")), out);
	fputc('\n', out);
	for (const struct sk_admin_command *c = sk_admin_commands; c->words != NULL; c++)
		fprintf(out, "  %s%s%s\n", c->words, c->usage[0] == '\0' ? "" : " ", c->usage);
	fputs(sk_tr(lang, N_("Exit status: 0 done, 1 failed or found broken, 64 wrong usage. See sekimori-server(8).")),
	      out);
	fputc('\n', out);
}

int sk_admin_usage(const struct sk_admin *a, const char *problem)
{
	fprintf(stderr, "sekimori-server: %s\n", problem);
	fprintf(stderr, "%s\n", sk_tr(a->lang, N_("See: sekimori-server --help")));
	return SK_EXIT_USAGE;
}

int sk_admin_fail(const struct sk_admin *a, const struct sk_err *err)
{
	(void)a;
	fprintf(stderr, "sekimori-server: %s\n", err->text);
	return 1;
}

int sk_admin_show(struct sk_admin *a, json_t *list, bool json,
                  void (*print)(const struct sk_admin *a, const json_t *row))
{
	struct sk_err err = SK_ERR_INIT;
	json_t *row;
	size_t i;

	if (list == NULL) {
		sk_err_set(&err, -EIO, "%s: the store cannot be read", a->config.state_dir);
		return sk_admin_fail(a, &err);
	}
	if (json) {
		json_dumpf(list, stdout, JSON_INDENT(1) | JSON_SORT_KEYS);
		putchar('\n');
	} else {
		json_array_foreach(list, i, row)
		{
			print(a, row);
		}
	}
	json_decref(list);
	return 0;
}

void sk_admin_path(const struct sk_admin *a, const char *name, char *out, size_t size)
{
	snprintf(out, size, "%s/%s", a->config.state_dir, name);
}

/* The option argv[i] is, NULL when it is none; *value its value, *used how many words it took. */
static const struct sk_option *option_at(const struct sk_admin *a, int i, const struct sk_option *options,
                                         const char **value, int *used)
{
	const char *word = a->argv[i], *equals = strchr(word, '=');
	size_t n = equals == NULL ? strlen(word) : (size_t)(equals - word);

	for (; options->name != NULL; options++) {
		if (strlen(options->name) != n || strncmp(options->name, word, n) != 0)
			continue;
		*used = 1;
		*value = NULL;
		if (equals != NULL)
			*value = equals + 1;
		else if (options->value != NULL && i + 1 < a->argc) {
			*value = a->argv[i + 1];
			*used = 2;
		}
		return options;
	}
	return NULL;
}

static int problem(const struct sk_admin *a, const char *word, const char *msgid)
{
	char text[512];

	snprintf(text, sizeof(text), "%s: %s", word, sk_tr(a->lang, msgid));
	return sk_admin_usage(a, text);
}

int sk_admin_options(struct sk_admin *a, const struct sk_option *options, const char **positional, size_t min,
                     size_t max)
{
	bool only_positional = false;
	size_t n = 0;

	for (int i = 0, used = 1; i < a->argc; i += used) {
		const char *word = a->argv[i], *value = NULL;
		const struct sk_option *o;

		used = 1;
		if (!only_positional && strcmp(word, "--") == 0) {
			only_positional = true;
		} else if (only_positional || word[0] != '-' || word[1] == '\0') {
			if (n == max)
				return problem(a, word, N_("one word too many"));
			positional[n++] = word;
		} else if ((o = option_at(a, i, options, &value, &used)) == NULL) {
			return problem(a, word, N_("unknown option"));
		} else if (o->value == NULL) {
			if (value != NULL)
				return problem(a, word, N_("takes no value"));
			*o->flag = true;
		} else if (value == NULL) {
			return problem(a, word, N_("needs a value"));
		} else if (*o->value != NULL) {
			return problem(a, word, N_("given twice"));
		} else {
			*o->value = value;
		}
	}
	if (n < min)
		return sk_admin_usage(a, sk_tr(a->lang, N_("a word is missing")));
	for (; options->name != NULL; options++) {
		if (options->required && *options->value == NULL)
			return problem(a, options->name, N_("is needed"));
	}
	return 0;
}

static void identify(struct sk_admin *a)
{
	const struct passwd *pw = getpwuid(getuid());
	const char *sudo = getuid() == 0 ? getenv("SUDO_USER") : NULL;
	const char *name = sudo != NULL && sk_text_is_name(sudo, 32) ? sudo : pw != NULL ? pw->pw_name : "unknown";

	memset(&a->by, 0, sizeof(a->by));
	snprintf(a->by.user, sizeof(a->by.user), "cli:%.56s", name);
	snprintf(a->by.name, sizeof(a->by.name), "%.100s", name);
	a->by.role = SK_ROLE_SYS;
}

/* What root makes here must belong to the server: root becomes the owner of the state folder, for good. */
static int become_owner(const struct sk_admin *a)
{
	struct stat st;

	if (geteuid() != 0 || stat(a->config.state_dir, &st) != 0 || st.st_uid == 0)
		return 0;
	if (setgroups(0, NULL) != 0 || setresgid(st.st_gid, st.st_gid, st.st_gid) != 0 ||
	    setresuid(st.st_uid, st.st_uid, st.st_uid) != 0) {
		fprintf(stderr, "sekimori-server: cannot become the owner of %s: %s\n", a->config.state_dir,
		        strerror(errno));
		return 1;
	}
	return 0;
}

/* --config FILE and the like before the command. The index of the first word that is none, or -1. */
static int global_options(int argc, char **argv, const char **config, bool *help, bool *version)
{
	int i = 0;

	for (; i < argc && argv[i][0] == '-'; i++) {
		if (strcmp(argv[i], "--config") == 0 && i + 1 < argc)
			*config = argv[++i];
		else if (strncmp(argv[i], "--config=", 9) == 0)
			*config = argv[i] + 9;
		else if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0)
			*help = true;
		else if (strcmp(argv[i], "--version") == 0)
			*version = true;
		else
			return -1;
	}
	return i;
}

/* `init --config F` is taken too: the option may also follow the command. */
static void late_config(struct sk_admin *a, const char **config)
{
	for (int i = 0; i + 1 < a->argc; i++) {
		if (strcmp(a->argv[i], "--config") != 0)
			continue;
		*config = a->argv[i + 1];
		memmove(&a->argv[i], &a->argv[i + 2], (size_t)(a->argc - i - 2) * sizeof(*a->argv));
		a->argc -= 2;
		return;
	}
}

static int load_config(struct sk_admin *a, const char *path)
{
	struct sk_err err = SK_ERR_INIT;
	int r = sk_server_config_load(path != NULL ? path : SK_SERVER_CONFIG_PATH, &a->config, &err);

	if (r == -ENOENT && path == NULL) {
		sk_server_config_default(&a->config);
		return 0;
	}
	return r < 0 ? sk_admin_fail(a, &err) : 0;
}

static const struct sk_admin_command *find(int argc, char **argv, int *used)
{
	for (const struct sk_admin_command *c = sk_admin_commands; c->words != NULL; c++) {
		const char *space = strchr(c->words, ' ');
		size_t n = space == NULL ? strlen(c->words) : (size_t)(space - c->words);

		if (argc < 1 || strlen(argv[0]) != n || strncmp(argv[0], c->words, n) != 0)
			continue;
		if (space == NULL || (argc > 1 && strcmp(argv[1], space + 1) == 0)) {
			*used = space == NULL ? 1 : 2;
			return c;
		}
	}
	return NULL;
}

int sk_admin_open(struct sk_admin *a)
{
	struct sk_err err = SK_ERR_INIT;
	char path[512];
	int lock, r;

	if (sk_restore_pending(a->config.state_dir)) {
		lock = sk_serve_lock(&a->config, &err);
		if (lock < 0)
			return sk_admin_fail(a, &err);
		r = sk_restore_finish(a->config.state_dir, &err);
		close(lock);
		if (r < 0)
			return sk_admin_fail(a, &err);
	}
	sk_server_store_path(&a->config, path, sizeof(path));
	return sk_store_open(path, false, &a->store, &err) < 0 ? sk_admin_fail(a, &err) : 0;
}

static int run(struct sk_admin *a, const struct sk_admin_command *c)
{
	int status = c->store ? sk_admin_open(a) : 0;

	if (status != 0)
		return status;
	status = c->run(a);
	a->store = sk_store_close(a->store);
	if (fflush(stdout) != 0 && status == 0) {
		fprintf(stderr, "sekimori-server: stdout: %s\n", strerror(errno));
		status = 1;
	}
	return status;
}

int sk_admin_main(int argc, char **argv)
{
	struct sk_admin a = {.lang = sk_lang_from_env()};
	const struct sk_admin_command *c;
	const char *config = NULL;
	bool help = false, version = false;
	int first = global_options(argc, argv, &config, &help, &version), used = 0, status;

	sk_server_config_default(&a.config);
	sk_i18n_init(a.config.locale_dir);
	if (first < 0)
		return sk_admin_usage(&a, sk_tr(a.lang, N_("unknown option before the command")));
	if (help || version) {
		if (version)
			puts("sekimori-server " SK_VERSION);
		else
			usage(a.lang, stdout);
		return 0;
	}
	c = find(argc - first, argv + first, &used);
	if (c == NULL) {
		usage(a.lang, stderr);
		return SK_EXIT_USAGE;
	}
	a.argc = argc - first - used;
	a.argv = argv + first + used;
	late_config(&a, &config);
	identify(&a);
	status = load_config(&a, config);
	if (status == 0)
		status = become_owner(&a);
	if (status != 0)
		return status;
	sk_i18n_init(a.config.locale_dir);
	return run(&a, c);
}
