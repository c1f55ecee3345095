/* P9: when the last full scan ended: the word that whoever ran it left ("clean 1795600000"), or the age of a file of the product's own. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "common/file.h"
#include "platform/probe.h"

json_t *sk_probe_full_scan(const char *stamp)
{
	char text[64] = "", word[16] = "";
	long long at = 0;
	struct stat st;

	if (lstat(stamp, &st) < 0)
		return errno == ENOENT || errno == ENOTDIR
		           ? json_pack("{s:n, s:n}", "ended_ms", "result")
		           : json_pack("{s:n, s:s}", "ended_ms", "why", strerror(errno));
	if (!S_ISREG(st.st_mode))
		return json_pack("{s:n, s:s}", "ended_ms", "why", "it is no file");
	if (st.st_size < 64 && sk_file_attr(stamp, text, sizeof(text)) > 0 &&
	    sscanf(text, "%15s %lld", word, &at) == 2 && at > 0 && at < 100000000000LL &&
	    (strcmp(word, "clean") == 0 || strcmp(word, "infected") == 0 || strcmp(word, "failed") == 0))
		return json_pack("{s:I, s:s}", "ended_ms", (json_int_t)(at * 1000), "result", word);
	return json_pack("{s:I, s:n}", "ended_ms", (json_int_t)st.st_mtime * 1000, "result");
}
