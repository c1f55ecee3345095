/* Commands about the organisation: import from CSV with a dry run, and the tree as it stands. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/csv.h"
#include "common/file.h"
#include "common/text.h"
#include "server/admin.h"
#include "server/store_org.h"

static sk_ms midnight(sk_ms now)
{
	time_t t = (time_t)(now / 1000);
	struct tm tm;

	if (localtime_r(&t, &tm) == NULL)
		return now;
	tm.tm_hour = tm.tm_min = tm.tm_sec = 0;
	tm.tm_isdst = -1;
	return (sk_ms)mktime(&tm) * 1000;
}

/* What every line does; errors go to stderr, as a compiler says them. */
static void print_plan(const struct sk_admin *a, const struct sk_org_plan *plan, const char *file)
{
	char text[512];

	for (size_t i = 0; i < plan->n; i++) {
		const struct sk_org_line *l = &plan->lines[i];

		sk_org_line_text(l, a->lang, text, sizeof(text));
		fprintf(l->effect == SK_ORG_ERROR ? stderr : stdout, "%s:%d: %s: %s\n", file, l->line,
		        sk_tr(a->lang, sk_org_effect_word(l->effect)), text);
	}
	for (int e = SK_ORG_SAME; e <= SK_ORG_ERROR; e++)
		printf("%s %zu%s", sk_tr(a->lang, sk_org_effect_word((enum sk_org_effect)e)), plan->counts[e],
		       e < SK_ORG_ERROR ? ", " : "\n");
}

static int carry_out(struct sk_admin *a, const struct sk_org_plan *plan, const char *file, bool dry)
{
	struct sk_err err = SK_ERR_INIT;

	print_plan(a, plan, file);
	if (plan->counts[SK_ORG_ERROR] > 0) {
		fprintf(stderr, "%s\n",
		        sk_tr(a->lang, N_("The file has errors; nothing was stored. Mend the lines above.")));
		return 1;
	}
	if (dry) {
		fprintf(stderr, "%s\n", sk_tr(a->lang, N_("This was a dry run; nothing was stored.")));
		return 0;
	}
	return sk_store_org_apply(a->store, &a->by, plan, file, sk_clock_wall(), &err) < 0 ? sk_admin_fail(a, &err) : 0;
}

static int import(struct sk_admin *a, const char *file, const char *bytes, size_t len, bool dry)
{
	struct sk_org_names names = {sk_store_units(a->store), sk_store_users(a->store)};
	struct sk_org_plan *plan = NULL;
	struct sk_err err = SK_ERR_INIT;
	const struct sk_org *org;
	int status, r = names.units == NULL || names.users == NULL ? -EIO : sk_store_org(a->store, &org);

	if (r == 0)
		r = sk_org_plan(org, &names, file, bytes, len, midnight(sk_clock_wall()), &plan, &err);
	if (r < 0 && err.text[0] == '\0')
		sk_err_set(&err, r, "%s: %s", file, strerror(-r));
	status = r < 0 || plan == NULL ? sk_admin_fail(a, &err) : carry_out(a, plan, file, dry);
	sk_org_plan_free(plan);
	json_decref((json_t *)names.units);
	json_decref((json_t *)names.users);
	return status;
}

int sk_admin_org_import(struct sk_admin *a)
{
	const char *file = NULL;
	bool dry = false, directory = false;
	const struct sk_option options[] = {
	    {"--dry-run", NULL, &dry, false}, {"--directory", NULL, &directory, false}, {NULL, NULL, NULL, false}};
	struct sk_err err = SK_ERR_INIT;
	struct sk_buf bytes;
	int status = sk_admin_options(a, options, &file, 0, 1), r;

	if (status != 0)
		return status;
	if (directory == (file != NULL))
		return sk_admin_usage(a, sk_tr(a->lang, N_("a file or --directory is needed, one of the two")));
	if (directory && a->config.directory.url[0] == '\0') {
		sk_err_set(
		    &err, -EINVAL, "%s",
		    sk_tr(a->lang, N_("no directory is configured; write [directory] url and base into server.ini")));
		return sk_admin_fail(a, &err);
	}
	sk_buf_init(&bytes, SK_CSV_BYTES_MAX);
	r = directory ? sk_directory_people(&a->config.directory, &bytes, &err) : sk_file_read(file, &bytes, &err);
	status = r < 0 ? sk_admin_fail(a, &err)
	               : import(a, directory ? a->config.directory.url : file, bytes.data, bytes.len, dry);
	sk_buf_deinit(&bytes);
	return status;
}

static const char *text_of(const json_t *row, const char *name)
{
	const char *s = json_string_value(json_object_get(row, name));

	return s == NULL ? "" : s;
}

/* A unit and what is below it, deeper by two blanks each. */
static void print_tree(const struct sk_admin *a, const json_t *units, const json_t *posts, const char *parent,
                       int depth)
{
	const char *name = a->lang == SK_LANG_JA ? "name_ja" : "name_en";
	const json_t *u, *p;
	size_t i, j;

	if (depth > SK_ORG_DEPTH_MAX)
		return;
	json_array_foreach(units, i, u)
	{
		if (strcmp(text_of(u, "parent"), parent) != 0)
			continue;
		printf("%*s%s\t%s\t%lld\n", 2 * depth, "", text_of(u, "key"), text_of(u, name),
		       (long long)json_integer_value(json_object_get(u, "terminals")));
		json_array_foreach(posts, j, p)
		{
			if (strcmp(text_of(p, "unit"), text_of(u, "key")) == 0)
				printf("%*s- %s\t%s %s\t%s\n", 2 * depth + 2, "", text_of(p, "role"),
				       text_of(p, "title"), text_of(p, "name"), text_of(p, "user"));
		}
		print_tree(a, units, posts, text_of(u, "key"), depth + 1);
	}
}

int sk_admin_org_show(struct sk_admin *a)
{
	bool json = false;
	const struct sk_option options[] = {{"--json", NULL, &json, false}, {NULL, NULL, NULL, false}};
	sk_ms now = sk_clock_wall();
	struct sk_err err = SK_ERR_INIT;
	json_t *units, *posts;
	int status = sk_admin_options(a, options, NULL, 0, 0);

	if (status != 0)
		return status;
	units = sk_store_org_units(a->store, now);
	posts = sk_store_org_posts(a->store, NULL, NULL, now);
	if (units == NULL || posts == NULL) {
		sk_err_set(&err, -EIO, "%s: the store cannot be read", a->config.state_dir);
		status = sk_admin_fail(a, &err);
	} else if (json) {
		json_t *both = json_pack("{s:O,s:O}", "units", units, "posts", posts);

		json_dumpf(both, stdout, JSON_INDENT(1) | JSON_SORT_KEYS);
		putchar('\n');
		json_decref(both);
	} else {
		print_tree(a, units, posts, "", 0);
	}
	json_decref(units);
	json_decref(posts);
	return status;
}
