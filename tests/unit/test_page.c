/* What is written into a page: whatever comes in, no markup of it gets out, and nothing grows past its limit. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "server/page.h"

static struct sk_page page;

static const char *label(const char *name)
{
	return strcmp(name, "resident") == 0 ? "Always running" : name;
}

static void begin(void)
{
	sk_page_init(&page, SK_LANG_EN, 1775000000000);
}

static void end(void)
{
	sk_page_deinit(&page);
}

TestSuite(page, .init = begin, .fini = end);

#define WROTE(expected) cr_expect_str_eq(page.out.data, expected)
#define HAS(part)       cr_expect(strstr(page.out.data, part) != NULL, "no %s in %s", part, page.out.data)
#define HAS_NOT(part)   cr_expect(strstr(page.out.data, part) == NULL, "%s in %s", part, page.out.data)

Test(page, text_is_escaped)
{
	sk_page_text(&page, "<script>alert('x')</script> & \"y\"");
	WROTE("&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt; &amp; &quot;y&quot;");
}

Test(page, text_that_acts_on_the_screen_is_shown_instead)
{
	sk_page_text(&page, "a\xe2\x80\xae"
	                    "cod.exe\x1b[2J\n");
	WROTE("a\\xe2\\x80\\xaecod.exe\\x1b[2J\\x0a");
}

Test(page, text_escaped_by_the_agent_stays_as_it_is)
{
	sk_page_text(&page, "\\x0aName");
	WROTE("\\x0aName");
}

Test(page, null_and_invalid_text)
{
	sk_page_text(&page, NULL);
	WROTE("");
	sk_page_text(&page, "\xff\xfe<");
	WROTE("\\xff\\xfe&lt;");
}

Test(page, long_text_is_cut_on_a_character)
{
	char *s = malloc(9001);

	cr_assert(s != NULL);
	for (size_t i = 0; i < 9000; i += 3)
		memcpy(s + i, "関", 3);
	s[9000] = '\0';
	sk_page_text(&page, s);
	cr_expect_leq(page.out.len, (size_t)SK_PAGE_TEXT_MAX);
	cr_expect_str_eq(page.out.data + page.out.len - 3, "…");
	free(s);
}

Test(page, attributes_cannot_be_left)
{
	sk_page_attr(&page, "value", "\" onfocus=\"x' autofocus>");
	WROTE(" value=\"&quot; onfocus=&quot;x&#39; autofocus&gt;\"");
}

Test(page, url_keeps_only_what_is_safe)
{
	sk_page_url(&page, "a b/../?x=1&y=\"<関>");
	WROTE("a%20b%2F..%2F%3Fx%3D1%26y%3D%22%3C%E9%96%A2%3E");
}

Test(page, sentences_take_their_arguments_escaped)
{
	sk_page_say(&page, "%2 and %1, 100%, %3 %9", "<b>", "it's");
	WROTE("it&#39;s and &lt;b&gt;, 100%,  ");
}

Test(page, an_argument_is_not_a_format)
{
	sk_page_say(&page, "say %1", "%1%2%n%s");
	WROTE("say %1%2%n%s");
}

Test(page, numbers_are_grouped)
{
	sk_page_num(&page, 0);
	sk_page_lit(&page, " ");
	sk_page_num(&page, 999);
	sk_page_lit(&page, " ");
	sk_page_num(&page, 1234567);
	sk_page_lit(&page, " ");
	sk_page_num(&page, -1234);
	WROTE("0 999 1,234,567 -1,234");
}

Test(page, spans_use_the_unit_people_use)
{
	const long long seconds[] = {0, 1, 90, 3600, 5400, 86400, 8 * 3600, 3 * 86400, -5};

	for (size_t i = 0; i < sizeof(seconds) / sizeof(seconds[0]); i++) {
		sk_page_span(&page, seconds[i]);
		sk_page_lit(&page, "|");
	}
	WROTE("0 seconds|1 second|90 seconds|1 hour|90 minutes|1 day|8 hours|3 days|0 seconds|");
}

Test(page, times_carry_utc_and_a_dash_where_there_is_none)
{
	setenv("TZ", "Asia/Tokyo", 1);
	sk_page_time(&page, 1775000000000);
	HAS("datetime=\"2026-03-31T23:33:20.000Z\"");
	HAS("2026-04-01 08:33:20");
	sk_buf_reset(&page.out);
	sk_page_time(&page, 0);
	HAS("—");
	HAS_NOT("1970");
}

Test(page, ago)
{
	sk_page_ago(&page, page.now - 3 * 3600000);
	HAS("3 hours ago");
	sk_buf_reset(&page.out);
	sk_page_ago(&page, page.now + 60000); /* a clock ahead of ours */
	HAS("just now");
	sk_buf_reset(&page.out);
	sk_page_ago(&page, 0);
	HAS("never");
}

Test(page, bytes)
{
	sk_page_bytes(&page, 3900000000);
	sk_page_lit(&page, "|");
	sk_page_bytes(&page, 512);
	sk_page_lit(&page, "|");
	sk_page_bytes(&page, -1);
	WROTE("3.9 GB|512 B|0 B");
}

Test(page, a_verdict_is_a_symbol_and_a_word)
{
	sk_page_state(&page, "non-compliant");
	HAS("<svg");
	HAS("non-compliant</span>");
	sk_buf_reset(&page.out);
	sk_page_state(&page, "<b>wonderful"); /* what nobody knows is unknown, and not shown as it came */
	HAS("unknown</span>");
	HAS_NOT("wonderful");
}

Test(page, tables_have_scopes_and_a_caption)
{
	static const char *const head[] = {"A", "B", NULL};

	sk_page_table(&page, NULL, "Things", head);
	sk_page_table_end(&page);
	HAS("<caption>Things</caption>");
	HAS("<th scope=\"col\">A</th><th scope=\"col\">B</th>");
	HAS("aria-label=\"Things\"");
}

Test(page, evidence_is_readable_and_escaped)
{
	json_t *e = json_pack("{s:b, s:s, s:[s,s], s:{s:I}, s:I, s:I, s:n, s:s}", "resident", 1, "product",
	                      "<img src=x>", "chain", "dm-0", "sda3", "inner", "n", (json_int_t)7, "max_age_s",
	                      (json_int_t)604800, "signatures_ms", (json_int_t)1775000000000, "why", "empty", "");

	cr_assert(e != NULL);
	sk_page_evidence(&page, e, label);
	HAS("<dt>Always running</dt><dd>yes</dd>");
	HAS("&lt;img src=x&gt;");
	HAS("<li>dm-0</li><li>sda3</li>");
	HAS("<dt>max_age_s</dt><dd>7 days</dd>");
	HAS("datetime=\"2026-03-31T23:33:20.000Z\"");
	HAS("(none)");
	HAS("(empty)");
	HAS_NOT("<img");
	json_decref(e);
}

Test(page, evidence_keys_are_escaped_too)
{
	json_t *e = json_object();

	json_object_set_new(e, "</dt><script>", json_integer(1));
	sk_page_evidence(&page, e, label);
	HAS("&lt;/dt&gt;&lt;script&gt;");
	HAS_NOT("<script>");
	json_decref(e);
}

Test(page, evidence_is_bounded_in_depth_and_number)
{
	json_t *deep = json_string("bottom"), *wide = json_array();

	for (int i = 0; i < 12; i++) {
		json_t *outer = json_object();

		json_object_set_new(outer, "in", deep);
		deep = outer;
	}
	sk_page_evidence(&page, deep, label);
	HAS("(more levels than are shown)");
	HAS_NOT("bottom");
	json_decref(deep);
	sk_buf_reset(&page.out);
	for (int i = 0; i < 1000; i++)
		json_array_append_new(wide, json_integer(i));
	sk_page_evidence(&page, wide, label);
	HAS("<li>63</li>");
	HAS_NOT("<li>64</li>");
	HAS("… 936 more not shown");
	json_decref(wide);
}

Test(page, a_page_past_its_limit_fails_and_says_so)
{
	for (int i = 0; i < 1000; i++)
		sk_page_text(
		    &page,
		    "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef");
	cr_expect_eq(sk_buf_error(&page.out), 0);
	for (int i = 0; i < 30000; i++)
		sk_page_text(
		    &page,
		    "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef");
	cr_expect_lt(sk_buf_error(&page.out), 0);
	cr_expect_leq(page.out.len, (size_t)SK_PAGE_MAX);
}

Test(page, members_of_the_wrong_type_are_empty)
{
	json_t *o = json_pack("{s:i, s:s}", "n", 5, "s", "text");

	cr_expect_str_eq(sk_page_str(o, "n"), "");
	cr_expect_str_eq(sk_page_str(NULL, "n"), "");
	cr_expect_eq(sk_page_int(o, "s"), 0);
	cr_expect_null(sk_page_get(o, "absent"));
	json_decref(o);
}
