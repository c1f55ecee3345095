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

/* Is anybody in this group, also by it being their first one? What cannot be read is anybody. */
static bool group_has_members(const char *root, const char *group)
{
	int why;
	char *text = sk_etc_read(root, "/etc/group", &why), *passwd, *at = text, gid[32] = "", key[64];
	bool found = !text, known = false;

	for (char *line; !found && text && (line = strsep(&at, "\n"));) {
		size_t n = strlen(group);
		char *id = strncmp(line, group, n) == 0 && line[n] == ':' ? strchr(line + n + 1, ':') : NULL;
		char *list = id ? strchr(id + 1, ':') : NULL;

		if (!list)
			continue;
		known = true;
		found = list[1] != '\0';
		snprintf(gid, sizeof(gid), "%.*s", (int)(list - id - 1 < 31 ? list - id - 1 : 31), id + 1);
	}
	free(text);
	if (found || !known)
		return found;
	passwd = sk_etc_read(root, "/etc/passwd", &why);
	at = passwd;
	found = !passwd;
	snprintf(key, sizeof(key), ":%s:", gid);
	for (char *line; !found && passwd && (line = strsep(&at, "\n"));) {
		char *uid = strchr(line, ':');
		uid = uid ? strchr(uid + 1, ':') : NULL;
		uid = uid ? strchr(uid + 1, ':') : NULL; /* before the first group's number */
		found = uid && strncmp(uid, key, strlen(key)) == 0;
	}
	free(passwd);
	return found;
}

/* pam_succeed_if.so ... user ingroup NAME: true of nobody when the group has no members, as "nopasswdlogin" is delivered. */
static bool is_nobody(const char *root, const char *module, const json_t *args)
{
	size_t n = json_array_size(args);
	const char *slash = strrchr(module, '/');

	if (strcmp(slash ? slash + 1 : module, "pam_succeed_if.so") != 0)
		return false;
	for (size_t i = 0; i + 2 < n; i++) {
		const char *a = json_string_value(json_array_get(args, i)),
		           *b = json_string_value(json_array_get(args, i + 1));
		const char *group = json_string_value(json_array_get(args, i + 2));
		if (a && b && group && strcmp(a, "user") == 0 && strcmp(b, "ingroup") == 0 && !strchr(group, ':'))
			return !group_has_members(root, group);
	}
	return false;
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
	bool nobody = is_nobody(r->root, module, args);
	json_t *entry = json_pack("{s:o, s:o, s:o, s:i}", "control", shown(control), "module", shown(module), "args",
	                          args, "level", (int)level);
	if (nobody)
		json_object_set_new(entry, "nobody", json_true());
	return json_array_append_new(r->out, entry) < 0 ? -ENOMEM : 0;
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
	if (strcmp(control, "substack") == 0) {
		int result = add(r, control, module, line, level);
		return result < 0 ? result : read_service(r, module, level + 1);
	}
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
