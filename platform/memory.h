/* A resident program that is small: what only starting needed is given back. */
#ifndef SK_PLATFORM_MEMORY_H
#define SK_PLATFORM_MEMORY_H

/* Before anything is allocated: one arena, large blocks returned at once. */
void sk_memory_small(void);

/* Once, after the start: free heap goes back, and so do the pages of program text that the start has mapped (the kernel maps sixteen
 * around each fault). What is needed later is mapped again from the page cache. */
void sk_memory_give_back(void);

#endif
