/* Lists as files, and the one box: scope, hostile cells, what is not there. */
#include "tests/unit/console_help.h"

TestSuite(console_export, .init = console_begin, .fini = console_end);

Test(console_export, terminals_of_the_readers_scope)
{
	struct person sec = login("sec"), desk = login("desk"), clerk = login("clerk");
	struct fake *f = get(&desk, "/export/terminals.csv");

	cr_expect_eq(f->code, 200);
	cr_expect(shows(f, "pc-soumu") && shows(f, "pc-zeimu"));
	cr_expect_eq(strncmp(f->body, "\xef\xbb\xbf", 3), 0);
	cr_expect_str_eq(fake_out(f, "Content-Disposition"), "attachment; filename=\"terminals.csv\"");
	fake_free(f);
	f = get(&sec, "/export/terminals.csv");
	cr_expect(shows(f, "pc-soumu") && !shows(f, "pc-zeimu"));
	fake_free(f);
	cr_expect_eq(code_of(get(&sec, "/export/terminals.csv?unit=zeimu")), 403);
	cr_expect_eq(code_of(get(&clerk, "/export/terminals.csv")), 403);
	f = get(&desk, "/export/terminals.json?unit=zeimu");
	cr_expect(shows(f, "pc-zeimu") && !shows(f, "pc-soumu"));
	cr_expect_not_null(json_loads(f->body, 0, NULL));
	fake_free(f);
	f = get(&desk, "/export/media.json");
	cr_expect_str_eq(f->body, "[]\n");
	fake_free(f);
	cr_expect_eq(code_of(get(&desk, "/export/nothing.csv")), 404);
	cr_expect_eq(code_of(get(&desk, "/export/terminals.exe")), 404);
	cr_expect_eq(code_of(get(&desk, "/export/terminals.csv?state=%3Cx")), 400);
}

Test(console_export, no_cell_is_a_formula)
{
	struct person desk = login("desk");
	struct fake *f;

	add_request(0, "=cmd|'/C calc'!A0", "none");
	f = get(&desk, "/export/requests.csv?state=all");
	cr_expect_eq(f->code, 200);
	cr_expect(shows(f, ",\"'=cmd|'/C calc'!A0\","));
	fake_free(f);
}

Test(console_export, one_box)
{
	struct person desk = login("desk"), sec = login("sec");
	struct fake *f = get(&desk, "/search?find=zeimu");

	cr_expect(f->code == 200 && shows(f, "pc-zeimu") && !shows(f, "pc-soumu"));
	fake_free(f);
	f = get(&desk, "/search?find=A-2");
	cr_expect(shows(f, "pc-zeimu"), "by asset number");
	fake_free(f);
	f = get(&sec, "/search?find=zeimu");
	cr_expect(!shows(f, "pc-zeimu") && shows(f, "Nothing was found"));
	fake_free(f);
	f = get(&desk, "/search?find=%3Cscript%3E%27");
	cr_expect(f->code == 200 && !shows(f, "<script>"));
	fake_free(f);
	add_request(0, "clerk", "none");
	f = get(&desk, "/search?find=clerk");
	cr_expect(shows(f, "/requests/1"));
	fake_free(f);
}
