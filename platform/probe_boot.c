/* M9: Secure Boot by the firmware's own variables, the security chip, and the kernel's lockdown. Variables: 4 bytes of attributes, then the value. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/file.h"
#include "common/text.h"
#include "platform/probe.h"

#define GLOBAL "8be4df61-93ca-11d2-aa0d-00e098032b8c"

static bool there(const char *root, const char *path)
{
	char full[600];
	struct stat st;

	snprintf(full, sizeof(full), "%s%s", root, path);
	return stat(full, &st) == 0;
}

/* A variable of one byte: 0 or 1; null and *why when it cannot be read or is something else. */
static json_t *variable(const char *root, const char *name, const char **why)
{
	char path[600];
	unsigned char value[16] = {0};

	snprintf(path, sizeof(path), "%s/sys/firmware/efi/efivars/%s-" GLOBAL, root, name);
	int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -errno : read(fd, value, sizeof(value));
	if (n < 0 && fd >= 0)
		n = -errno;
	if (fd >= 0)
		close(fd);
	if (n == 5 && value[4] <= 1)
		return json_boolean(value[4]);
	*why = n < 0 ? (n == -ENOENT ? "the firmware has no such variable" : strerror((int)-n))
	             : "a variable of another shape";
	return json_null();
}

static json_t *text_of(const char *root, const char *path)
{
	char full[600], value[128], shown[128];

	snprintf(full, sizeof(full), "%s%s", root, path);
	ssize_t n = sk_file_attr(full, value, sizeof(value));
	if (n <= 0)
		return json_null();
	sk_text_escape(shown, sizeof(shown), value, (size_t)n);
	return json_string(shown);
}

json_t *sk_probe_boot(const char *root)
{
	bool efi = there(root, "/sys/firmware/efi");
	const char *why = efi ? NULL : "the machine was not started by UEFI";
	json_t *secure = efi ? variable(root, "SecureBoot", &why) : json_null();
	json_t *setup = efi ? variable(root, "SetupMode", &why) : json_null();
	json_t *facts = json_pack("{s:b, s:o, s:o, s:b, s:o, s:o}", "efi", efi, "secure_boot", secure, "setup_mode",
	                          setup, "tpm", there(root, "/sys/class/tpm/tpm0"), "tpm_version",
	                          text_of(root, "/sys/class/tpm/tpm0/tpm_version_major"), "lockdown",
	                          text_of(root, "/sys/kernel/security/lockdown"));

	if (why)
		json_object_set_new(facts, "why", json_string(why));
	return facts;
}
