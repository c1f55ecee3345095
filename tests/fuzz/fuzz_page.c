/* Text and evidence from terminals into a page: whatever comes in, no tag, no quote and no control character of it gets out. */
// sources: server/page.c server/page_parts.c server/page_evidence.c
#include <jansson.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/json.h"
#include "common/text.h"
#include "server/page.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *label(const char *name)
{
	return name;
}

static void text(const char *s, size_t size)
{
	struct sk_page p;

	sk_page_init(&p, SK_LANG_EN, 0);
	sk_page_textn(&p, s, size);
	if (strpbrk(p.out.data, "<>\"'") != NULL || !sk_text_is_utf8(p.out.data, p.out.len) ||
	    p.out.len > 6 * SK_PAGE_TEXT_MAX)
		abort();
	sk_page_deinit(&p);
}

/* Only these tags are ours: dl, dt, dd, div, ul, li, span, time, and the name after < must be one of them. */
static void only_our_tags(const char *html)
{
	static const char *const ours[] = {"dl ", "/dl>", "div>", "/div>", "dt>",   "/dt>",   "dd>",   "/dd>",
	                                   "ul ", "/ul>", "li>",  "/li>",  "span ", "/span>", "time ", "/time>"};

	for (const char *s = strchr(html, '<'); s != NULL; s = strchr(s + 1, '<')) {
		size_t i = 0;

		while (i < sizeof(ours) / sizeof(ours[0]) && strncmp(s + 1, ours[i], strlen(ours[i])) != 0)
			i++;
		if (i == sizeof(ours) / sizeof(ours[0]))
			abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	json_t *j = NULL;
	struct sk_page p;

	text((const char *)data, size);
	if (sk_json_parse((const char *)data, size, 65536, &j, NULL) < 0)
		return 0;
	sk_page_init(&p, SK_LANG_JA, 0);
	sk_page_evidence(&p, j, label);
	only_our_tags(p.out.data);
	sk_page_deinit(&p);
	json_decref(j);
	return 0;
}
