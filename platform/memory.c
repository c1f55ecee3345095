/* malloc's settings, and madvise over the program text named in /proc/self/maps. */
#include "platform/memory.h"

#include <malloc.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

void sk_memory_small(void)
{
	(void)mallopt(M_ARENA_MAX, 1);
	(void)mallopt(M_TRIM_THRESHOLD, 64 * 1024);
	(void)mallopt(M_MMAP_THRESHOLD, 64 * 1024);
}

/* "from-to r-xp offset device inode path". Executable mappings of files are never written to (no text relocations), so dropping them
 * loses nothing. */
static void drop_text(const char *line)
{
	char *end;
	unsigned long from, to;

	from = strtoul(line, &end, 16);
	if (*end != '-')
		return;
	to = strtoul(end + 1, &end, 16);
	if (!strncmp(end, " r-xp ", 6) && strchr(end, '/') && from < to)
		(void)madvise((void *)(uintptr_t)from, to - from, MADV_DONTNEED);
}

void sk_memory_give_back(void)
{
	char line[512];
	FILE *maps;

	(void)malloc_trim(0);
	maps = fopen("/proc/self/maps", "re");
	if (!maps)
		return;
	while (fgets(line, sizeof line, maps))
		drop_text(line);
	(void)fclose(maps);
}
