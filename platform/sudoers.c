/* See sudoers.h. First every file's lines, then the aliases, which may be defined after their use, then who is named. Grammar: sudoers(5). */
#include "platform/sudoers.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/text.h"
#include "platform/etc.h"

#define DEPTH_MAX 10
#define FILES_MAX 200
#define LINES_MAX 4000

static void unread(struct sk_privileges *p, const char *path, const char *why)
{
	char shown[256];

	sk_text_escape(shown, sizeof(shown), path, strlen(path));
	if (json_array_size(p->unread) < 20)
		json_array_append_new(p->unread, json_pack("{s:s, s:s}", "file", shown, "why", why));
}

static void add_member(struct sk_privileges *p, const char *name, const char *by)
{
	char shown[128], how[256];

	sk_text_escape(shown, sizeof(shown), name, strlen(name));
	sk_text_escape(how, sizeof(how), by, strlen(by));
	for (size_t i = 0; i < json_array_size(p->admins); i++) {
		const char *s = json_string_value(json_object_get(json_array_get(p->admins, i), "name"));
		if (s && strcmp(s, shown) == 0)
			return;
	}
	json_array_append_new(p->admins, json_pack("{s:s, s:s}", "name", shown, "by", how));
}

/* The nth field of a line of passwd or group, a new string. */
static char *field(const char *line, int n)
{
	for (; n > 0 && line; n--) {
		line = strchr(line, ':');
		if (line)
			line++;
	}
	return line ? strndup(line, strcspn(line, ":")) : NULL;
}

/* Those whose first group it is stand only in passwd. */
static void primary_members(struct sk_privileges *p, const char *gid, const char *by)
{
	int why;
	char *text = sk_etc_read(p->root, "/etc/passwd", &why), *at = text;

	if (!text)
		unread(p, "/etc/passwd", strerror(-why));
	for (char *line; text && (line = strsep(&at, "\n"));) {
		char *name = field(line, 0), *first = field(line, 3);
		if (name && *name && first && strcmp(first, gid) == 0 && strcmp(name, "root") != 0)
			add_member(p, name, by);
		free(name);
		free(first);
	}
	free(text);
}

static void group_members(struct sk_privileges *p, const char *group)
{
	char by[160], *save = NULL;
	int why;
	char *text = sk_etc_read(p->root, "/etc/group", &why), *at = text;

	if (!text)
		unread(p, "/etc/group", strerror(-why));
	snprintf(by, sizeof(by), "group %.100s", group);
	for (char *line; text && (line = strsep(&at, "\n"));) {
		char *name = field(line, 0), *gid = field(line, 2), *list = field(line, 3);
		if (name && strcmp(name, group) == 0) {
			for (char *w = list ? strtok_r(list, ",", &save) : NULL; w; w = strtok_r(NULL, ",", &save))
				if (strcmp(w, "root") != 0)
					add_member(p, w, by);
			if (gid &&
			    strcmp(group, "root") != 0) /* that group owns little; accounts of the system have it */
				primary_members(p, gid, by);
		}
		free(name);
		free(gid);
		free(list);
	}
	free(text);
}

/* ---- the files ---- */

static void read_file(struct sk_privileges *p, const char *path, int depth);

static void read_folder(struct sk_privileges *p, const char *folder, int depth)
{
	json_t *names = sk_etc_names(p->root, folder, ""), *name;
	char path[600];
	size_t i;

	if (json_array_size(names) >= 1000) /* no more are listed */
		unread(p, folder, "too many files");
	json_array_foreach(names, i, name)
	{
		const char *s = json_string_value(name);
		if (strchr(s, '.') || s[strlen(s) - 1] == '~')
			continue; /* as sudo does */
		snprintf(path, sizeof(path), "%.300s/%.250s", folder, s);
		read_file(p, path, depth);
	}
	json_decref(names);
}

/* "@include /etc/sudoers.local" and the three other forms; false: no such line. */
static bool include(struct sk_privileges *p, char *line, int depth)
{
	char full[600], *rest = line + 1;
	bool folder;

	if ((line[0] != '#' && line[0] != '@') || strncmp(rest, "include", 7) != 0)
		return false;
	rest += 7;
	folder = strncmp(rest, "dir", 3) == 0;
	rest += folder ? 3 : 0;
	if (*rest != ' ' && *rest != '\t')
		return line[0] == '@';
	sk_text_trim(rest);
	if (*rest == '"' && strlen(rest) > 1) {
		rest++;
		rest[strcspn(rest, "\"")] = '\0';
	}
	if (strchr(rest, '%') || strchr(rest, '\\') || strlen(rest) > 400) {
		unread(p, rest, "a name that is not followed");
		return true;
	}
	snprintf(full, sizeof(full), "%s%s", *rest == '/' ? "" : "/etc/", rest);
	if (folder)
		read_folder(p, full, depth + 1);
	else
		read_file(p, full, depth + 1);
	return true;
}

/* The next line, joined where a backslash ends it; a "#" begins a comment unless a user id or an include follows. */
static char *next_line(char **at)
{
	char *line, *hash;

	if (!*at || !**at)
		return NULL;
	line = *at;
	for (char *end = line;; end++) {
		end += strcspn(end, "\n");
		if (*end == '\n' && end > line && end[-1] == '\\') {
			end[-1] = *end = ' ';
			continue;
		}
		*at = *end ? end + 1 : end;
		*end = '\0';
		break;
	}
	sk_text_trim(line);
	if (strncmp(line, "#include", 8) == 0)
		return line;
	for (hash = strchr(line, '#'); hash; hash = strchr(hash + 1, '#')) {
		if (!isdigit((unsigned char)hash[1])) {
			*hash = '\0';
			sk_text_trim(line);
			break;
		}
	}
	return line;
}

static void read_file(struct sk_privileges *p, const char *path, int depth)
{
	int why;
	char *text, *at;

	if (depth > DEPTH_MAX || p->files++ > FILES_MAX) {
		unread(p, path, "too many includes");
		return;
	}
	text = sk_etc_read(p->root, path, &why);
	if (!text && why != -ENOENT)
		unread(p, path, strerror(-why));
	at = text;
	for (char *line; text && (line = next_line(&at));) {
		char shown[1024];

		if (!*line || include(p, line, depth))
			continue;
		for (char *tab = line; (tab = strchr(tab, '\t'));)
			*tab = ' ';
		if (json_array_size(p->lines) >= LINES_MAX || strlen(line) >= sizeof(shown) / 2) {
			unread(p, path, "too long");
			break;
		}
		sk_text_printable(shown, sizeof(shown), line, strlen(line));
		json_array_append_new(p->lines, json_pack("{s:s, s:s}", "file", path, "line", shown));
	}
	free(text);
}

/* ---- what they say ---- */

/* "User_Alias A = x, y : B = z" */
static void aliases(struct sk_privileges *p, const char *line)
{
	char *text, *save = NULL;

	if (strncmp(line, "User_Alias", 10) != 0 || !isspace((unsigned char)line[10]))
		return;
	text = strdup(line + 10);
	for (char *one = text ? strtok_r(text, ":", &save) : NULL; one; one = strtok_r(NULL, ":", &save)) {
		char *list = strchr(one, '=');
		if (!list)
			continue;
		*list++ = '\0';
		sk_text_trim(one);
		json_object_set_new(p->aliases, one, json_string(list));
	}
	free(text);
}

static void named(struct sk_privileges *p, const char *list, const char *file, int depth)
{
	char *text = strdup(list), *save = NULL;

	for (char *w = text ? strtok_r(text, ",", &save) : NULL; w; w = strtok_r(NULL, ",", &save)) {
		sk_text_trim(w);
		if (*w == '"' && strlen(w) > 2 && w[strlen(w) - 1] == '"') {
			w[strlen(w) - 1] = '\0';
			w++;
		}
		const char *alias = json_string_value(json_object_get(p->aliases, w));
		if (!*w || *w == '!' || strcmp(w, "root") == 0 || strcmp(w, "#0") == 0)
			continue;
		if (alias && depth < DEPTH_MAX)
			named(p, alias, file, depth + 1);
		else if (*w == '%' && w[1] != ':' && w[1] != '#')
			group_members(p, w + 1);
		else
			add_member(p, w, file);
	}
	free(text);
}

static void take_line(struct sk_privileges *p, const char *file, const char *line)
{
	bool defaults = strncmp(line, "Defaults", 8) == 0;
	const char *end = line;
	char *users;

	if (strstr(line, defaults ? "!authenticate" : "NOPASSWD"))
		json_array_append_new(p->no_password, json_pack("{s:s, s:s}", "file", file, "line", line));
	if (defaults || strstr(line, "_Alias "))
		return;
	/* The list of users ends at the first blank that no comma stands beside. */
	for (;;) {
		end += strcspn(end, " \t");
		const char *next = end + strspn(end, " \t");
		if (!*end || (end > line && end[-1] != ',' && *next != ','))
			break;
		end = *next == ',' ? next + 1 : next;
	}
	users = *end ? strndup(line, (size_t)(end - line)) : NULL;
	if (users)
		named(p, users, file, 0);
	free(users);
}

int sk_privileges_read(const char *root, struct sk_privileges *out)
{
	static const char *const groups[] = {"sudo", "wheel", "admin",   "root",       "docker",
	                                     "lxd",  "disk",  "libvirt", "incus-admin"};
	json_t *l;
	size_t i;

	*out = (struct sk_privileges){.root = root,
	                              .admins = json_array(),
	                              .no_password = json_array(),
	                              .unread = json_array(),
	                              .lines = json_array(),
	                              .aliases = json_object()};
	if (!out->admins || !out->no_password || !out->unread || !out->lines || !out->aliases) {
		sk_privileges_clear(out);
		return -ENOMEM;
	}
	read_file(out, "/etc/sudoers", 0);
	json_array_foreach(out->lines, i, l) aliases(out, json_string_value(json_object_get(l, "line")));
	json_array_foreach(out->lines, i, l) take_line(out, json_string_value(json_object_get(l, "file")),
	                                               json_string_value(json_object_get(l, "line")));
	for (i = 0; i < sizeof(groups) / sizeof(*groups); i++)
		group_members(out, groups[i]);
	return 0;
}

void sk_privileges_clear(struct sk_privileges *p)
{
	json_decref(p->admins);
	json_decref(p->no_password);
	json_decref(p->unread);
	json_decref(p->lines);
	json_decref(p->aliases);
	*p = (struct sk_privileges){0};
}
