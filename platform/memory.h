/* A resident program that is small: what only starting needed is given back. */
#ifndef SK_PLATFORM_MEMORY_H
#define SK_PLATFORM_MEMORY_H

/* Before anything is allocated: one arena, large blocks returned at once. */
void sk_memory_small(void);

/* Once, after the start: free heap goes back, and so do the pages of program text and read-only data that the start has mapped (symbols
 * and relocations were read; around each fault the kernel maps sixteen pages). What is needed later is mapped again from the page cache. */
void sk_memory_give_back(void);

#endif
