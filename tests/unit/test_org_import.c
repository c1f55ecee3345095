/* What each line of a table would do, and every error by line. */
#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#include "server/org_import.h"

#define TODAY 1764000000000

static struct sk_org_place places[] = {{"ka", "", "section", 0, 0}, {"bu", "", "department", 0, 0}};
static struct sk_org_post posts[] = {{"kacho", "ka", SK_ROLE_SEC, false, "課長", 0, 0}};

static struct sk_org_plan *plan_of(const char *text, int code, struct sk_err *err)
{
	struct sk_org org = {.places = places, .n_places = 2, .posts = posts, .n_posts = 1, .version = 7};
	json_t *units = json_pack("[{s:s,s:s,s:s},{s:s,s:s,s:s}]", "key", "ka", "name_ja", "課", "name_en", "Section",
	                          "key", "bu", "name_ja", "部", "name_en", "Department");
	json_t *users = json_pack("[{s:s,s:s,s:s}]", "user", "kacho", "name", "山田", "login", "kacho");
	struct sk_org_names names = {units, users};
	struct sk_org_plan *p = NULL;

	cr_assert_eq(sk_org_plan(&org, &names, "o.csv", text, strlen(text), TODAY, &p, err), code, "%s", err->text);
	json_decref(units);
	json_decref(users);
	return p;
}

static void effects(const char *text, size_t n, const enum sk_org_effect *want)
{
	struct sk_err err = SK_ERR_INIT;
	struct sk_org_plan *p = plan_of(text, 0, &err);
	char says[512];

	cr_assert_eq(p->n, n);
	cr_expect_eq(p->version, 7);
	for (size_t i = 0; i < n; i++) {
		sk_org_line_text(&p->lines[i], SK_LANG_EN, says, sizeof(says));
		cr_expect_eq(p->lines[i].effect, want[i], "line %d: %s", p->lines[i].line, says);
		cr_expect(says[0] != '\0');
	}
	sk_org_plan_free(p);
}
#define EFFECTS(text, ...) \
	effects((text), sizeof((enum sk_org_effect[]){__VA_ARGS__}) / sizeof(enum sk_org_effect), \
	        (enum sk_org_effect[]){__VA_ARGS__})

static void error_is(const char *text, const char *says)
{
	struct sk_err err = SK_ERR_INIT;
	struct sk_org_plan *p = plan_of(text, 0, &err);
	char line[512];

	cr_assert_geq(p->n, 1);
	sk_org_line_text(&p->lines[p->n - 1], SK_LANG_EN, line, sizeof(line));
	cr_expect_eq(p->lines[p->n - 1].effect, SK_ORG_ERROR, "%s", line);
	cr_expect(strstr(line, says) != NULL, "%s", line);
	cr_expect_eq(p->counts[SK_ORG_ERROR], 1);
	sk_org_plan_free(p);
}

Test(org_import, units)
{
	EFFECTS("組織コード,上位組織,区分,名称,英語名,開始日,終了日\r\n"
	        "kakari,ka,係,係,Subsection,2026/4/1,\r\n" /* under one that stands there */
	        "shin,atarashii,課,新課,,,\r\n" /* under one further down */
	        "atarashii,,局,新局,New bureau,,\r\n"
	        "ka,,課,課,Section,,\r\n"
	        "bu,shin,部,部,Department,2026-04-01,\r\n",
	        SK_ORG_ADD, SK_ORG_ADD, SK_ORG_ADD, SK_ORG_SAME, SK_ORG_CHANGE);
	EFFECTS("unit,name_ja\nka,新しい名\n", SK_ORG_CHANGE);
	EFFECTS("unit,until\nka,2099-03-31\n", SK_ORG_END);
}

Test(org_import, people)
{
	EFFECTS("利用者,氏名,組織コード,役割,職名,端末ログイン名,開始日,終了日\n"
	        "kacho,山田,ka,管理者,課長,,,\n"
	        "new.clerk,新人,ka,職員,主事,CITY\\new,,\n"
	        "kacho,山田,,情報システム管理者,,,,\n",
	        SK_ORG_SAME, SK_ORG_ADD, SK_ORG_ADD);
	EFFECTS("user,unit,role,title\nkacho,ka,sec,部長\n", SK_ORG_CHANGE);
	EFFECTS("user,unit,role,title,until\nkacho,ka,sec,課長,2099-03-31\n", SK_ORG_END);
	EFFECTS("user,unit,role\nkacho,bu,dbur\n", SK_ORG_ADD);
}

Test(org_import, a_new_title_later_begins_a_new_post)
{
	struct sk_err err = SK_ERR_INIT;
	struct sk_org_plan *p = plan_of("user,unit,role,title,from\nkacho,ka,sec,参事,2099-04-01\n", 0, &err);

	cr_expect_eq(p->lines[0].effect, SK_ORG_CHANGE);
	cr_expect(p->lines[0].split);
	sk_org_plan_free(p);
}

Test(org_import, errors_by_line)
{
	error_is("unit,parent,name_ja\nx,missing,名\n", "\"missing\", is neither");
	error_is("unit,name_ja\nX_1,名\n", "use 1 to 63");
	error_is("unit\nx\n", "needs a name");
	error_is("unit,kind,name_ja\nx,村,名\n", "kind");
	error_is("unit,parent\nka,ka\n", "under itself");
	error_is("unit,name_ja\nx,a\nx,b\n", "what line 2 says");
	error_is("unit,name_ja,from\nx,a,2026-02-30\n", "no day");
	error_is("unit,name_ja,from\nx,a,tomorrow\n", "no day");
	error_is("unit,name_ja,from,until\nx,a,2026-04-02,2026-04-01\n", "before the first");
	error_is("unit,name_ja\nx,a,extra\n", "more cells");
	error_is("user,unit,role,name\nnew,ka,king,n\n", "role");
	error_is("user,unit,role,name\nnew,gone,sec,n\n", "\"gone\" is not known");
	error_is("user,unit,role,name\nnew,,sec,n\n", "needs a unit");
	error_is("user,unit\nnew,ka\n", "needs a name");
	error_is("user,unit,name\nSYSTEM,ka,n\n", "account");
	error_is("user,unit,name\nsystem,ka,n\n", "account");
	error_is("user,unit,role\nkacho,ka,sec\nkacho,ka,sec\n", "what line 2 says");
	error_is("user,unit,login\nkacho,ka,a b\n", "blank");
}

Test(org_import, a_ring_through_the_file)
{
	struct sk_err err = SK_ERR_INIT;
	struct sk_org_plan *p = plan_of("unit,parent\nka,bu\nbu,ka\n", 0, &err);

	cr_expect_eq(p->counts[SK_ORG_ERROR], 2);
	sk_org_plan_free(p);
}

Test(org_import, files_as_a_whole)
{
	struct sk_err err = SK_ERR_INIT;

	plan_of("", -EINVAL, &err);
	cr_expect(strstr(err.text, "o.csv:1: empty") != NULL, "%s", err.text);
	plan_of("unit,wat\n", -EINVAL, &err);
	cr_expect(strstr(err.text, "column \"wat\" is not known") != NULL, "%s", err.text);
	plan_of("unit,組織コード\n", -EINVAL, &err);
	cr_expect(strstr(err.text, "twice") != NULL, "%s", err.text);
	plan_of("name\n", -EINVAL, &err);
	cr_expect(strstr(err.text, "neither a column") != NULL, "%s", err.text);
}
