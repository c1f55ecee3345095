/* The form behind the button: its words cannot become options or markup, and what it prints is read strictly. */
#include "agent/ask_form.h"
#include "tests/unit/agent_help.h"

#define S "\x1f"

static struct sk_err err;

static json_t *read_form(const char *text)
{
	json_t *q = NULL;

	err = (struct sk_err)SK_ERR_INIT;
	return sk_ask_form_read(text, strlen(text), SK_LANG_EN, "1-2", &q, &err) == 0 ? q : NULL;
}

static const char *str(const json_t *o, const char *name)
{
	const char *s = json_string_value(json_object_get(o, name));

	return s ? s : "";
}

Test(ask_form, a_filled_form_becomes_a_request)
{
	json_t *q = read_form(" 決算資料 の|提出 " S "Class 2" S "24" S "Read and write" S "県庁\n");

	cr_assert_not_null(q, "%s", err.text);
	cr_assert_str_eq(str(q, "op"), "request.create");
	cr_assert_str_eq(str(q, "device"), "1-2");
	cr_assert_str_eq(str(q, "purpose"), "決算資料 の|提出");
	cr_assert_str_eq(str(q, "class"), "2");
	cr_assert_str_eq(str(q, "access"), "rw");
	cr_assert_str_eq(str(q, "destination"), "県庁");
	cr_assert_eq(json_integer_value(json_object_get(q, "hours")), 24);
	json_decref(q);
}

Test(ask_form, empty_fields_have_their_defaults)
{
	json_t *q = read_form("x" S " " S "" S " " S "\n");

	cr_assert_not_null(q, "%s", err.text);
	cr_assert_str_eq(str(q, "class"), "none");
	cr_assert_str_eq(str(q, "access"), "ro");
	cr_assert_eq(json_integer_value(json_object_get(q, "hours")), 8);
	json_decref(q);
	q = read_form("x" S S "１２" S S "\n");
	cr_assert_eq(json_integer_value(json_object_get(q, "hours")), 12, "as an input method writes it");
	json_decref(q);
}

Test(ask_form, what_is_no_answer_is_said_to_be_none)
{
	char large[5000];

	for (const char *const *t =
	         (const char *const[]){"", "\n", "x", "x" S "y", S S S S, "x" S S "0" S S, "x" S S "-1" S S,
	                               "x" S S "9999" S S, "x" S S "8h" S S, "x" S S S S S, "\xff" S S S S, NULL};
	     *t; t++) {
		cr_assert_null(read_form(*t), "%s", *t);
		cr_assert_gt(strlen(err.text), 0);
	}
	memset(large, 'x', sizeof large);
	memcpy(large + 300, S S S S, 5);
	cr_assert_null(read_form(large));
	large[300] = 'x';
	large[4999] = '\0';
	cr_assert_null(read_form(large));
}

Test(ask_form, names_of_devices_are_neither_options_nor_markup)
{
	struct sk_ask_form f;
	char large[5000];
	int args = 0;

	sk_ask_form_make(&f, "/usr/bin/zenity", SK_LANG_EN, "1-2", "--password <b>&\n\x1b[2J", "bad <i>");
	cr_assert_str_eq(f.argv[0], "/usr/bin/zenity");
	for (; f.argv[args]; args++) {
		cr_assert(args == 0 || !strncmp(f.argv[args], "--", 2));
		cr_assert_str_neq(f.argv[args], "--password");
		cr_assert_null(strstr(f.argv[args], "<b>"));
		cr_assert_null(strchr(f.argv[args], '\x1b'));
	}
	cr_assert_eq(args, 12);
	memset(large, '&', sizeof large);
	large[4999] = '\0';
	sk_ask_form_make(&f, "/usr/bin/zenity", SK_LANG_EN, "1-2", large, large);
	cr_assert_str_eq(f.argv[0], "/usr/bin/zenity");
}
