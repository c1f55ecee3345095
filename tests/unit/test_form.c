/* The office's forms: every column has a cell, hostile texts stay texts, scope, years, empty ones, Shift_JIS, eras. */
#include <stdio.h>
#include <unistd.h>

#include "common/csv.h"
#include "server/form.h"
#include "server/store_incidents.h"
#include "tests/unit/console_help.h"

TestSuite(form, .init = console_begin, .fini = console_end);

static void permitted(long long number)
{
	struct sk_actor by = {.user = "sec", .name = "課長", .unit = "soumu", .role = SK_ROLE_SEC};
	struct sk_decision d = {.request = number, .what = SK_DO_PERMIT};
	struct sk_err err = SK_ERR_INIT;

	ok(sk_store_decide(server.store, &by, &d, sk_clock_wall(), &err), &err);
}

static void incident(void)
{
	struct sk_actor by = {.user = "clerk", .name = "<b>主事</b>", .unit = "soumu", .role = SK_ROLE_STAFF};
	struct sk_incident_new n = {.kind = "loss",
	                            .title = "=紛失",
	                            .text = "一行目\n二行目 <script>",
	                            .unit = "soumu",
	                            .terminal = "",
	                            .informant = ""};
	struct sk_err err = SK_ERR_INIT;
	int64_t number;

	ok(sk_store_incident_open(server.store, &by, &n, sk_clock_wall(), &number, &err), &err);
}

static size_t columns(const struct sk_form_sheet *f)
{
	size_t n = 0;

	while (f->heads[n] != NULL)
		n++;
	return n;
}

Test(form, every_row_has_every_cell)
{
	struct person desk = login("desk");

	permitted(add_request(0, "clerk", "1"));
	incident();
	add_report(0, "non-compliant");
	for (const struct sk_form_sheet *f = sk_form_sheets; f->key != NULL; f++) {
		char url[64];
		struct fake *g;
		struct sk_csv *csv = NULL;
		struct sk_err err = SK_ERR_INIT;

		snprintf(url, sizeof(url), "/forms/%s.csv", f->key);
		g = get(&desk, url);
		cr_assert_eq(g->code, 200, "%s", f->key);
		ok(sk_csv_parse(f->key, g->body, g->len, &csv, &err), &err);
		cr_assert_geq(csv->n, 1);
		for (size_t i = 0; i < csv->n; i++)
			cr_expect_eq(csv->rows[i].n, columns(f), "%s: row %zu has %zu cells of %zu", f->key, i,
			             csv->rows[i].n, columns(f));
		cr_expect(csv->n > 1 || strstr("media stocktaking loans disposals exceptions audit-plan findings",
		                               f->key) != NULL,
		          "%s has no rows", f->key);
		cr_expect_null(strstr(g->body, ",="), "no formula");
		sk_csv_free(csv);
		fake_free(g);
		snprintf(url, sizeof(url), "/forms/%s", f->key);
		g = get(&desk, url);
		cr_assert_eq(g->code, 200, "%s", f->key);
		cr_expect(shows(g, "Boxes for signatures") && shows(g, "</html>") && !shows(g, "<script>"), "%s",
		          f->key);
		fake_free(g);
	}
}

Test(form, scope_and_year)
{
	struct person sec2 = login("sec2"), desk = login("desk"), clerk = login("clerk");
	struct fake *f;

	permitted(add_request(0, "clerk", "1"));
	f = get(&sec2, "/forms/takeouts");
	cr_expect(f->code == 200 && !shows(f, "Acme &amp; Sons"));
	fake_free(f);
	f = get(&desk, "/forms/takeouts?unit=soumu");
	cr_expect(shows(f, "Acme &amp; Sons"));
	fake_free(f);
	f = get(&desk, "/forms/takeouts?year=2001");
	cr_expect(!shows(f, "Acme &amp; Sons") && shows(f, "FY 2001"));
	fake_free(f);
	cr_expect_eq(code_of(get(&sec2, "/forms/takeouts?unit=soumu")), 404);
	cr_expect_eq(code_of(get(&clerk, "/forms")), 403);
	cr_expect_eq(code_of(get(&desk, "/forms/takeouts?year=x")), 400);
	cr_expect_eq(code_of(get(&desk, "/forms/takeouts?unit=%3Cb")), 400);
	cr_expect_eq(code_of(get(&desk, "/forms/takeouts?charset=ebcdic")), 400);
	cr_expect_eq(code_of(get(&desk, "/forms/takeouts.exe")), 404);
	cr_expect_eq(code_of(get(&desk, "/forms/none.csv")), 404);
	cr_expect_eq(code_of(get(&desk, "/forms/.csv")), 404);
	f = get(&desk, "/forms/takeouts?blank=1");
	cr_expect(f->code == 200 && !shows(f, "Acme &amp; Sons"));
	fake_free(f);
	f = get(&desk, "/forms?year=2025&unit=zeimu");
	cr_expect(f->code == 200 && shows(f, "unit=zeimu&amp;year=2025"));
	fake_free(f);
}

Test(form, shift_jis_and_eras)
{
	struct person desk = login("desk");
	struct sk_err err = SK_ERR_INIT;
	struct sk_csv *csv = NULL;
	struct fake *f;
	char cookie[640];

	incident();
	f = get(&desk, "/forms/incidents.csv?charset=sjis&lang=ja");
	cr_assert_eq(f->code, 200);
	cr_expect_neq((unsigned char)f->body[0], 0xef, "no mark");
	ok(sk_csv_parse("sjis", f->body, f->len, &csv, &err), &err);
	cr_expect_eq(csv->n, 2);
	sk_csv_free(csv);
	fake_free(f);
	cr_expect_eq(code_of(post(&desk, "/account", "action=era&era=1")), 303);
	snprintf(cookie, sizeof(cookie), "%s; __Host-sekimori-era=1", desk.cookie);
	f = fake_new(&server, "/forms/incidents?lang=ja", NULL);
	fake_set(f, "Cookie", cookie);
	fake_run(f, sk_console_routes);
	cr_expect(shows(f, "令和"));
	fake_free(f);
	f = fake_new(&server, "/forms/incidents?lang=en", NULL);
	fake_set(f, "Cookie", cookie);
	fake_run(f, sk_console_routes);
	cr_expect(!shows(f, "令和"));
	fake_free(f);
}

Test(form, pdf_shows_japanese)
{
	struct person desk = login("desk");
	char file[] = "/tmp/sekimori-form-XXXXXX", command[128], text[8192];
	struct fake *f;
	FILE *out;
	size_t n;
	int fd;

	incident();
	permitted(add_request(0, "clerk", "1"));
	for (const struct sk_form_sheet *sheet = sk_form_sheets; sheet->key != NULL; sheet++) {
		char url[64];

		snprintf(url, sizeof(url), "/forms/%s.pdf?lang=ja", sheet->key);
		f = get(&desk, url);
		cr_assert_eq(f->code, 200, "%s", sheet->key);
		cr_expect_str_eq(fake_out(f, "Content-Type"), "application/pdf");
		cr_expect_eq(strncmp(f->body, "%PDF-", 5), 0);
		if (strcmp(sheet->key, "incidents") == 0) {
			fd = mkstemp(file);
			cr_assert_eq(write(fd, f->body, f->len), (ssize_t)f->len);
			close(fd);
		}
		fake_free(f);
	}
	snprintf(command, sizeof(command), "pdftotext -layout %s - 2>/dev/null", file);
	out = popen(command, "r");
	cr_assert_not_null(out);
	n = fread(text, 1, sizeof(text) - 1, out);
	text[n] = '\0';
	pclose(out);
	unlink(file);
	cr_expect_not_null(strstr(text, "一行目"), "%s", text);
	cr_expect(strstr(text, "1 / 1") != NULL || strstr(text, "1/1") != NULL, "%s", text);
	f = get(&desk, "/forms/incidents.pdf?blank=1");
	cr_expect_eq(strncmp(f->body, "%PDF-", 5), 0);
	fake_free(f);
}

Test(form, letters_that_shift_jis_has_not)
{
	struct sk_buf b;

	sk_buf_init(&b, 65536);
	cr_assert_eq(sk_csv_to_sjis(&b,
	                            "a\xf0\x9f\x98\x80"
	                            "b",
	                            6),
	             0);
	cr_expect_eq(b.len, 4);
	cr_expect_eq(memcmp(b.data,
	                    "a\x81\xac"
	                    "b",
	                    4),
	             0);
	sk_buf_reset(&b);
	for (int i = 0; i < 3000; i++)
		cr_assert_eq(sk_csv_to_sjis(&b, "税", 3), 0);
	cr_expect_eq(b.len, 6000);
	sk_buf_reset(&b);
	cr_assert_eq(sk_csv_to_sjis(&b, "\xe7\xa8", 2), 0, "cut off");
	sk_buf_deinit(&b);
}
