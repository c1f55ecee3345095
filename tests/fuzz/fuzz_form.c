/* Forms and cookies as a browser, or somebody else, sends them: never out of bounds, never a value that was not checked. */
// sources: server/page_form.c server/session_cookie.c
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/text.h"
#include "server/page_form.h"
#include "server/session.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void look(const char *s)
{
	size_t n = strlen(s);

	if (!sk_text_is_utf8(s, n))
		abort();
	for (size_t i = 0; i < n; i++) {
		if (((unsigned char)s[i] < 0x20 && s[i] != '\n' && s[i] != '\t') || s[i] == 0x7f)
			abort();
	}
}

static void form(const uint8_t *data, size_t size)
{
	const char *v;
	struct sk_form f;

	if (sk_form_parse((const char *)data, size, &f) < 0) {
		if (f.n != 0 || f.text != NULL)
			abort();
		return;
	}
	for (size_t i = 0; i < f.n; i++) {
		look(f.fields[i].name);
		look(f.fields[i].value);
		if (sk_form_get(&f, f.fields[i].name) != f.fields[i].value)
			abort();
		if (sk_form_text(&f, f.fields[i].name, 16, &v) == 0 && strlen(v) > 16)
			abort();
	}
	sk_form_clear(&f);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *header = malloc(size + 1), value[65];

	form(data, size);
	if (header == NULL)
		return 0;
	memcpy(header, data, size);
	header[size] = '\0';
	if (sk_cookie_get(header, SK_SESSION_COOKIE, value, sizeof(value)) == 0 && strlen(value) > 64)
		abort();
	free(header);
	return 0;
}
