/* phone issue, phone list: the helpdesk's part of a permit by telephone, at the server's own command line. */
#include <errno.h>
#include <string.h>

#include "common/text.h"
#include "server/admin.h"
#include "server/phone_master.h"
#include "server/store_phone.h"

int sk_admin_phone_issue(struct sk_admin *a)
{
	const char *as = NULL, *terminal = NULL, *challenge = NULL, *person = NULL, *profile = NULL, *permitted = NULL,
	           *reason = NULL, *callback = NULL;
	bool urgent = false;
	const struct sk_option options[] = {{"--as", &as, NULL, true},
	                                    {"--terminal", &terminal, NULL, true},
	                                    {"--challenge", &challenge, NULL, true},
	                                    {"--person", &person, NULL, true},
	                                    {"--profile", &profile, NULL, false},
	                                    {"--permitted-by", &permitted, NULL, false},
	                                    {"--reason", &reason, NULL, true},
	                                    {"--callback", &callback, NULL, true},
	                                    {"--urgent", NULL, &urgent, false},
	                                    {NULL, NULL, NULL, false}};
	struct sk_err err = SK_ERR_INIT;
	char id[SK_UUID_LEN], answer[SK_PHONE_TEXT];
	uint8_t master[SK_PHONE_KEY];
	unsigned long long number = 1;
	struct sk_actor by;
	int status = sk_admin_options(a, options, NULL, 0, 0), r;

	if (status != 0)
		return status;
	if (urgent == (permitted != NULL))
		return sk_admin_usage(
		    a,
		    sk_tr(a->lang,
		          N_("say who permitted it (--permitted-by), or that it is an urgent exception (--urgent)")));
	if (profile != NULL && sk_text_u64(profile, 1, 99, &number) < 0)
		return sk_admin_usage(a,
		                      sk_tr(a->lang, N_("--profile: 1 2 3 (read only) or 11 12 13 (read and write)")));
	r = sk_admin_act_as(a, as, NULL, &by, &err);
	by.role = SK_ROLE_DESK;
	if (r == 0)
		r = sk_admin_terminal(a, terminal, id, &err);
	if (r == 0)
		r = sk_phone_master(a->config.state_dir, master, NULL, &err);
	if (r == 0) {
		sk_store_set_phone(a->store, master);
		explicit_bzero(master, sizeof(master));
		r = sk_store_phone_issue(a->store, &by,
		                         &(struct sk_phone_issue){.terminal = id,
		                                                  .challenge = challenge,
		                                                  .person = person,
		                                                  .profile = (unsigned)number,
		                                                  .permitted_by = urgent ? "" : permitted,
		                                                  .reason = reason,
		                                                  .callback = callback},
		                         sk_clock_wall(), answer, &err);
	}
	if (r == 0)
		sk_store_audit(a->store, &a->by, "phone.cli", id, json_pack("{s:s}", "as", as), sk_clock_wall());
	if (r != 0)
		return sk_admin_fail(a, &err);
	printf("%s\n", answer);
	return 0;
}

int sk_admin_phone_list(struct sk_admin *a)
{
	bool json = false;
	const struct sk_option options[] = {{"--json", NULL, &json, false}, {NULL, NULL, NULL, false}};
	int status = sk_admin_options(a, options, NULL, 0, 0);
	json_t *list, *row;
	char at[32];
	size_t i;

	if (status != 0)
		return status;
	list = sk_store_phone_list(a->store, 200);
	if (list == NULL)
		return 1;
	if (json) {
		json_dumpf(list, stdout, JSON_INDENT(1) | JSON_SORT_KEYS);
		putchar('\n');
	}
	json_array_foreach(list, i, row)
	{
		if (json)
			break;
		sk_clock_format_local(json_integer_value(json_object_get(row, "created")), at, sizeof(at));
		printf("%s\t%s\t%s\t%02lld\t%s\t%s\n", at, json_string_value(json_object_get(row, "host")),
		       json_string_value(json_object_get(row, "person")),
		       (long long)json_integer_value(json_object_get(row, "profile")),
		       json_string_value(json_object_get(row, "state")),
		       json_string_value(json_object_get(row, "name")));
	}
	json_decref(list);
	return 0;
}
