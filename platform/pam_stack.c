/*
 * Reads /etc/pam.d (then /usr/lib/pam.d): lines "type control module args", "-type" (a module that may be missing), "@include file" (every type of
 * it), "type include file" and "type substack file". The result is one list for one type.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/text.h"
#include "platform/etc.h"
#include "policy/pam.h"

#define DEPTH_MAX 12

struct reading {
	const char *root, *type;
	json_t *out;
	int depth;
};

static int read_service(struct reading *r, const char *service, unsigned level);

/* Takes one word, or one [ ... ] whole. NULL = none left. */
static char *word(char **at)
{
	char *s = *at + strspn(*at, " \t"), *end;

	if (!*s)
		return NULL;
	if (*s == '[') {
		end = strchr(s, ']');
		if (!end)
			return NULL;
		end++;
	} else {
		end = s + strcspn(s, " \t");
	}
	*at = *end ? end + 1 : end;
	*end = '\0';
	return s;
}

static json_t *shown(const char *s)
{
	char text[512];

	sk_text_escape(text, sizeof(text), s, strlen(s));
	return json_string(text);
}

static int add(struct reading *r, const char *control, const char *module, char *rest, unsigned level)
{
	json_t *args = json_array();

	for (char *a; (a = word(&rest));)
		json_array_append_new(args, shown(a));
	if (json_array_size(r->out) >= SK_PAM_STACK_MAX) {
		json_decref(args);
		return -E2BIG;
	}
	return json_array_append_new(r->out, json_pack("{s:o, s:o, s:o, s:i}", "control", shown(control), "module",
	                                               shown(module), "args", args, "level", (int)level)) < 0
	           ? -ENOMEM
	           : 0;
}

static int read_line(struct reading *r, char *line, unsigned level)
{
	char *type = word(&line), *control, *module;

	if (!type)
		return -EINVAL;
	if (strcmp(type, "@include") == 0) {
		module = word(&line);
		return module ? read_service(r, module, level) : -EINVAL;
	}
	control = word(&line);
	module = word(&line);
	if (!control || !module)
		return -EINVAL;
	type += *type == '-';
	if (strcmp(type, r->type) != 0)
		return 0;
	if (strcmp(control, "include") == 0)
		return read_service(r, module, level);
	if (strcmp(control, "substack") == 0)
		return read_service(r, module, level + 1);
	return add(r, control, module, line, level);
}

static int read_service(struct reading *r, const char *service, unsigned level)
{
	static const char *const folders[] = {"/etc/pam.d/", "/usr/lib/pam.d/"};
	char path[256], *text = NULL, *at;
	int result = -ENOENT;

	if (strchr(service, '/') || service[0] == '.' || level > 8)
		return -EINVAL;
	if (r->depth >= DEPTH_MAX)
		return -ELOOP;
	for (int i = 0; !text && i < 2; i++) {
		snprintf(path, sizeof(path), "%s%s", folders[i], service);
		text = sk_etc_read(r->root, path, &result);
		if (!text && result != -ENOENT)
			return result;
	}
	r->depth++;
	at = text;
	for (char *line; result == 0 && (line = sk_etc_line(&at));)
		result = read_line(r, line, level);
	r->depth--;
	free(text);
	return result;
}

json_t *sk_pam_stack(const char *root, const char *service, const char *type, int *why)
{
	struct reading r = {.root = root, .type = type, .out = json_array()};

	*why = read_service(&r, service, 0);
	if (*why == 0)
		return r.out;
	json_decref(r.out);
	return NULL;
}
