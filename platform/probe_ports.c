/*
 * P15: what listens for others. The kernel's own tables of sockets, those on the loopback left out, each with the program that holds it; the units
 * that should not be started; and the packet filter's own view of what comes in.
 */
#include <arpa/inet.h>
#include <ctype.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/file.h"
#include "common/json.h"
#include "common/text.h"
#include "platform/etc.h"
#include "platform/probe.h"
#include "platform/run.h"

#define SOCKETS_MAX 256

struct listener {
	unsigned long inode;
	unsigned port;
	const char *proto;
	char program[32];
};

/* The address in the kernel's form: groups of 32 bits in the machine's order. */
static bool is_loopback(const char *hex)
{
	unsigned v;

	if (strlen(hex) == 8)
		return sscanf(hex, "%8x", &v) == 1 && (ntohl(v) >> 24) == 127;
	if (strncmp(hex, "0000000000000000FFFF0000", 24) == 0)
		return sscanf(hex + 24, "%8x", &v) == 1 && (ntohl(v) >> 24) == 127;
	return strcmp(hex, "00000000000000000000000001000000") == 0;
}

static size_t read_table(const char *root, const char *file, const char *proto, unsigned state, struct listener *out,
                         size_t n)
{
	char path[300], *text, *at, *line, local[40];
	int why;

	snprintf(path, sizeof(path), "/proc/net/%s", file);
	text = sk_etc_read(root, path, &why);
	at = text;
	while (text && n < SOCKETS_MAX && (line = strsep(&at, "\n"))) {
		unsigned port, st;
		unsigned long inode;

		if (sscanf(line, " %*d: %32[0-9A-F]:%4X %*[0-9A-F]:%*X %2X %*X:%*X %*X:%*X %*X %*u %*u %lu", local,
		           &port, &st, &inode) != 4 ||
		    st != state || is_loopback(local))
			continue;
		bool known = false;
		for (size_t i = 0; i < n; i++)
			known = known || (out[i].port == port && strcmp(out[i].proto, proto) == 0);
		if (!known)
			out[n++] = (struct listener){.inode = inode, .port = port, .proto = proto};
	}
	free(text);
	return n;
}

static void name_holder(const char *root, const char *pid, struct listener *l, size_t n)
{
	char path[600], target[64], comm[64];
	DIR *dir;

	snprintf(path, sizeof(path), "%s/proc/%.20s/fd", root, pid);
	dir = opendir(path);
	for (struct dirent *e; dir && (e = readdir(dir));) {
		unsigned long inode;

		ssize_t len = readlinkat(dirfd(dir), e->d_name, target, sizeof(target) - 1);
		target[len > 0 ? len : 0] = '\0';
		if (sscanf(target, "socket:[%lu]", &inode) != 1)
			continue;
		for (size_t i = 0; i < n; i++) {
			if (l[i].inode != inode || l[i].program[0])
				continue;
			snprintf(path, sizeof(path), "%s/proc/%.20s/comm", root, pid);
			if (sk_file_attr(path, comm, sizeof(comm)) > 0)
				sk_text_escape(l[i].program, sizeof(l[i].program), comm, strlen(comm));
		}
	}
	if (dir)
		closedir(dir);
}

static void name_holders(const char *root, struct listener *l, size_t n)
{
	char path[512];

	snprintf(path, sizeof(path), "%s/proc", root);
	DIR *dir = opendir(path);
	for (struct dirent *e; dir && (e = readdir(dir));)
		if (isdigit((unsigned char)e->d_name[0]))
			name_holder(root, e->d_name, l, n);
	if (dir)
		closedir(dir);
}

json_t *sk_probe_services(const char *root, const char *units)
{
	struct listener l[SOCKETS_MAX];
	json_t *ports = json_array();
	char name[24];
	size_t n = 0;

	n = read_table(root, "tcp", "tcp", 0x0A, l, n);
	n = read_table(root, "tcp6", "tcp", 0x0A, l, n);
	n = read_table(root, "udp", "udp", 0x07, l, n);
	n = read_table(root, "udp6", "udp", 0x07, l, n);
	name_holders(root, l, n);
	for (size_t i = 0; i < n; i++) {
		snprintf(name, sizeof(name), "%s/%u", l[i].proto, l[i].port);
		json_array_append_new(ports, json_pack("{s:s, s:s}", "port", name, "program", l[i].program));
	}
	return json_pack("{s:o, s:o}", "listening", ports, "units", sk_probe_units(root, units));
}

json_t *sk_probe_firewall(void)
{
	static const char *const argv[] = {"/usr/sbin/nft", "-j", "list", "ruleset", NULL};
	struct sk_err err = SK_ERR_INIT;
	size_t size = 2 * 1024 * 1024;
	char *out = malloc(size);
	json_t *rules = NULL, *chains = json_array(), *item;
	size_t i;
	int n = out ? sk_run(0, "/root", argv, 10000, out, size) : -1;

	if (n < 0 || sk_json_parse(out, (size_t)n, size, &rules, &err) < 0) {
		free(out);
		json_decref(chains);
		return json_pack("{s:s}", "error", n < 0 ? "nft is not there or gave no answer" : err.text);
	}
	json_array_foreach(json_object_get(rules, "nftables"), i, item)
	{
		const json_t *c = json_object_get(item, "chain");
		const char *hook = json_string_value(json_object_get(c, "hook"));
		const char *policy = json_string_value(json_object_get(c, "policy"));
		const char *name = json_string_value(json_object_get(c, "name"));
		if (hook && strcmp(hook, "input") == 0 && json_array_size(chains) < 64)
			json_array_append_new(chains, json_pack("{s:s, s:s}", "name", name ? name : "?", "policy",
			                                        policy ? policy : "accept"));
	}
	json_decref(rules);
	free(out);
	return json_pack("{s:o}", "input", chains);
}
