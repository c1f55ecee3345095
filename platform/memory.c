/* malloc's settings, and madvise over the program text named in /proc/self/maps. */
#include "platform/memory.h"

#include <malloc.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

void sk_memory_small(void)
{
	(void)mallopt(M_ARENA_MAX, 1);
	(void)mallopt(M_TRIM_THRESHOLD, 64 * 1024);
	(void)mallopt(M_MMAP_THRESHOLD, 64 * 1024);
}

/* Executable mappings of files are never written to (no text relocations), so dropping them loses nothing. */
static void drop_text(const char *line)
{
	unsigned long from, to;
	char mode[5], path[2];

	if (sscanf(line, "%lx-%lx %4s %*s %*s %*s %1s", &from, &to, mode, path) == 4 && !strcmp(mode, "r-xp") &&
	    path[0] == '/')
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
