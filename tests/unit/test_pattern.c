/* Wildcards, word lists and sizes. */
#include <errno.h>
#include <time.h>

#include "tests/unit/policy_help.h"

Test(pattern, glob)
{
	static const struct {
		const char *pattern, *text;
		bool fold, is;
	} cases[] = {
	    {"*", "", false, true},
	    {"", "", false, true},
	    {"", "a", false, false},
	    {"a*c", "abbc", false, true},
	    {"a*c", "abbcd", false, false},
	    {"*jet*", "Transcend JetFlash", true, true},
	    {"*jet*", "Transcend JetFlash", false, false},
	    {"a?c", "abc", false, true},
	    {"a?c", "ac", false, false},
	    {"?", "関", false, true},
	    {"??", "関", false, false},
	    {"関*", "関守", false, true},
	    {"a*b*c", "axxbyybzzc", false, true},
	    {"**", "x", false, true},
	    {"[a]", "a", false, false},
	    {"*?", "", false, false},
	    {"a\\x1b*", "a\\x1b[0m", false, true},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		cr_expect_eq(sk_glob(cases[i].pattern, cases[i].text, cases[i].fold), cases[i].is, "%s ~ %s",
		             cases[i].pattern, cases[i].text);
}

Test(pattern, glob_takes_no_exponential_time)
{
	char text[4096];
	clock_t begin = clock();

	memset(text, 'a', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	cr_assert(!sk_glob("*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*b", text, true));
	cr_assert_lt(clock() - begin, CLOCKS_PER_SEC);
}

Test(pattern, glob_covers)
{
	static const char *const words[] = {"*", "a*", "a?", "ab*", "*b", "a*b", "ab", "?b", "", "abc"};
	static const char *const texts[] = {"", "a", "ab", "abc", "b", "aab", "xb", "acb"};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		for (size_t k = 0; k < sizeof(words) / sizeof(words[0]); k++) {
			bool covers = sk_glob_covers(words[i], words[k], false);

			for (size_t t = 0; covers && t < sizeof(texts) / sizeof(texts[0]); t++)
				cr_expect(!sk_glob(words[k], texts[t], false) || sk_glob(words[i], texts[t], false),
				          "%s does not cover %s: %s", words[i], words[k], texts[t]);
		}
	}
	cr_assert(sk_glob_covers("a*", "ab*", false));
	cr_assert(!sk_glob_covers("ab*", "a*", false));
}

Test(pattern, words)
{
	struct sk_words w = {0}, v = {0};
	char many[SK_WORDS_MAX * 2 + 3] = "", big[200];

	cr_assert_eq(sk_words_read("  *jet flash*  | b |", "|", &w), 0);
	cr_assert_eq(w.n, 2);
	cr_assert_str_eq(w.of[0], "*jet flash*");
	cr_assert_str_eq(w.of[1], "b");
	cr_assert(!sk_words_plain(&w));
	cr_assert(sk_words_match(&w, "B", true) && !sk_words_match(&w, "B", false));
	sk_words_clear(&w);
	cr_assert_eq(sk_words_read(" \t ", " \t", &w), -EINVAL);
	cr_assert_eq(sk_words_read("| |", "|", &w), -EINVAL);
	for (int i = 0; i < SK_WORDS_MAX; i++)
		strcat(many, "a ");
	cr_assert_eq(sk_words_read(many, " \t", &w), 0);
	strcat(many, "a");
	cr_assert_eq(sk_words_read(many, " \t", &v), -E2BIG);
	memset(big, 'x', sizeof(big) - 1);
	big[sizeof(big) - 1] = '\0';
	cr_assert_eq(sk_words_read(big, " \t", &v), -E2BIG);
	cr_assert_eq(v.n, 0);
	sk_words_clear(&w);
}

Test(pattern, sizes)
{
	static const char *const bad[] = {"",
	                                  "-",
	                                  "1G",
	                                  "G-",
	                                  "1G-",
	                                  "1X-2X",
	                                  "64G-1G",
	                                  "1G-2G-3G",
	                                  "-1",
	                                  "1 - 2",
	                                  "99999999999999999999-",
	                                  "99999999999T-"};
	uint64_t lo, hi;

	cr_assert_eq(sk_size_range("1G-64G", &lo, &hi), 0);
	cr_assert(lo == 1000000000ull && hi == 64000000000ull);
	cr_assert_eq(sk_size_range("-2Gi", &lo, &hi), 0);
	cr_assert(lo == 0 && hi == 2ull << 30);
	cr_assert_eq(sk_size_range("512-", &lo, &hi), 0);
	cr_assert(lo == 512 && hi == UINT64_MAX);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		if (strcmp(bad[i], "1G-") == 0 || strcmp(bad[i], "-1") == 0)
			continue; /* open ends are sizes */
		cr_expect_eq(sk_size_range(bad[i], &lo, &hi), -EINVAL, "%s", bad[i]);
	}
}
