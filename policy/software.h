/*
 * Software and the office's list of what may be there (P12). A thing is "kind:name version"; kinds: dpkg flatpak snap local appimage home. A word of
 * the list is a pattern over "kind:name", or over the name of a package alone (of dpkg, flatpak, snap); "*" is any text.
 */
#ifndef SK_POLICY_SOFTWARE_H
#define SK_POLICY_SOFTWARE_H

#include <stdbool.h>

/* list: words with single blanks between them. */
bool sk_software_matches(const char *list, const char *thing);
/* One word of the list (its first `len` bytes). */
bool sk_software_matches_word(const char *word, unsigned long len, const char *thing);

#endif
