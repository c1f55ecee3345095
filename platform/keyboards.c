#include "platform/keyboards.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/file.h"
#include "common/text.h"

static int parse_line(char *line, struct sk_keyboards *k)
{
	char *port = strchr(line, ' ');
	uint8_t bytes[SK_SHA256_LEN];

	if (port == NULL || port[1] == '\0' || strlen(port + 1) >= sizeof(k->list[0].port) ||
	    strchr(port + 1, ' ') != NULL)
		return -EINVAL;
	*port++ = '\0';
	if (sk_unhex(line, bytes, sizeof(bytes)) < 0)
		return -EINVAL;
	sk_keyboards_add(k, line, port);
	return 0;
}

int sk_keyboards_load(const char *path, struct sk_keyboards *k)
{
	struct sk_keyboards *next = calloc(1, sizeof(*next));
	char line[256];
	FILE *f = fopen(path, "re");
	int r = next == NULL ? -ENOMEM : f == NULL ? -errno : 0;

	while (r == 0 && fgets(line, sizeof(line), f) != NULL) {
		size_t len = strlen(line);

		if (len == 0 || line[len - 1] != '\n') {
			r = -EINVAL;
			break;
		}
		line[len - 1] = '\0';
		r = parse_line(line, next);
	}
	if (f != NULL)
		(void)fclose(f);
	if (r == 0)
		*k = *next;
	free(next);
	return r;
}

int sk_keyboards_save(const char *path, const struct sk_keyboards *k)
{
	struct sk_buf b;
	size_t i;
	int r;

	sk_buf_init(&b, SK_KEYBOARDS_MAX * sizeof(k->list[0]) + 1);
	for (i = 0; i < k->n; i++)
		sk_buf_addf(&b, "%s %s\n", k->list[i].key, k->list[i].port);
	r = b.failed ? -ENOMEM : sk_file_write(path, b.data != NULL ? b.data : "", b.len, 0600, NULL);
	sk_buf_deinit(&b);
	return r;
}

bool sk_keyboards_has(const struct sk_keyboards *k, const char *key, const char *port)
{
	size_t i;

	for (i = 0; i < k->n; i++)
		if (strcmp(k->list[i].key, key) == 0 && strcmp(k->list[i].port, port) == 0)
			return true;
	return false;
}

void sk_keyboards_add(struct sk_keyboards *k, const char *key, const char *port)
{
	if (sk_keyboards_has(k, key, port))
		return;
	if (k->n == SK_KEYBOARDS_MAX)
		(void)memmove(&k->list[0], &k->list[1], --k->n * sizeof(k->list[0]));
	sk_text_copy(k->list[k->n].key, sizeof(k->list[0].key), key);
	sk_text_copy(k->list[k->n].port, sizeof(k->list[0].port), port);
	k->n++;
}

static bool is_portable(const char *root)
{
	static const int TYPES[] = {8,  9,  10, 11,
	                            14, 30, 31, 32}; /* SMBIOS: portable, laptop, notebook, hand-held ... */
	char path[512], text[16];
	unsigned long long type;
	size_t i;

	(void)snprintf(path, sizeof(path), "%s/sys/class/dmi/id/chassis_type", root);
	if (sk_file_attr(path, text, sizeof(text)) <= 0 || sk_text_u64(text, 0, 255, &type) < 0)
		return false;
	for (i = 0; i < sizeof(TYPES) / sizeof(TYPES[0]); i++)
		if (type == (unsigned)TYPES[i])
			return true;
	return false;
}

int sk_keyboards_built_in(const char *root)
{
	char path[512], line[512];
	bool controller = false, found = false;
	FILE *f;

	if (!is_portable(root))
		return 0;
	(void)snprintf(path, sizeof(path), "%s/proc/bus/input/devices", root);
	f = fopen(path, "re");
	if (f == NULL)
		return 0;
	while (fgets(line, sizeof(line), f) != NULL) {
		if (line[0] == 'I')
			controller = strstr(line, "Bus=0011") != NULL; /* BUS_I8042 */
		else if (line[0] == 'H' && controller && strstr(line, "kbd") != NULL)
			found = true;
	}
	(void)fclose(f);
	return found ? 1 : 0;
}
