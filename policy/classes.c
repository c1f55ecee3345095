/* Each part of a path is compared on its own, so that a pattern for a folder's name finds whatever lies below it. */
#include "policy/classes.h"

#include <errno.h>
#include <string.h>

#include "common/text.h"

#define PART_MAX 1024 /* of one name, with NUL; escaped, none is longer */

void sk_class_params_clear(struct sk_class_params *p)
{
	for (size_t i = 0; i < SK_CLASSES; i++)
		sk_words_clear(&p->of[i]);
}

int sk_class_params_read(const struct sk_ini *ini, const struct sk_ini_entry *e, struct sk_class_params *p,
                         struct sk_err *err)
{
	static const char PREFIX[] = "class_";
	const char *digit = e->key + sizeof(PREFIX) - 1;
	int r;

	if (strncmp(e->key, PREFIX, sizeof(PREFIX) - 1) != 0 || digit[0] < '1' || digit[0] > '0' + SK_CLASSES ||
	    digit[1] != '\0')
		return sk_ini_fail(ini, e->line, err,
		                   "\"%.40s\" is no key of [classes]; known: class_1 class_2 class_3 class_4", e->key);
	r = sk_words_read(e->value, "|", &p->of[digit[0] - '1']);
	if (r == -ENOMEM)
		return sk_err_set(err, r, "no memory");
	if (r == -E2BIG)
		return sk_ini_fail(ini, e->line, err, "%s: more than %d patterns, or one of more than 127 bytes",
		                   e->key, SK_WORDS_MAX);
	if (r < 0)
		return sk_ini_fail(ini, e->line, err, "%s is empty; write patterns between \"|\", or leave it out",
		                   e->key);
	for (size_t i = 0; i < p->of[digit[0] - '1'].n; i++)
		if (strspn(p->of[digit[0] - '1'].of[i], "*/") == strlen(p->of[digit[0] - '1'].of[i]))
			return sk_ini_fail(ini, e->line, err, "%s: \"%s\" meets every file; name something of it",
			                   e->key, p->of[digit[0] - '1'].of[i]);
	return 0;
}

static bool meets_part(const char *pattern, const char *path)
{
	char part[PART_MAX];

	while (*path != '\0') {
		size_t n = strcspn(path, "/");

		if (n > 0 && n < sizeof(part)) {
			(void)memcpy(part, path, n);
			part[n] = '\0';
			if (sk_glob(pattern, part, true))
				return true;
		}
		path += n;
		path += *path != '\0';
	}
	return false;
}

static bool meets(const struct sk_words *w, const char *path)
{
	for (size_t i = 0; i < w->n; i++) {
		bool whole = strchr(w->of[i], '/') != NULL;

		if (whole ? sk_glob(w->of[i], path, true) : meets_part(w->of[i], path))
			return true;
	}
	return false;
}

int sk_class_of(const struct sk_class_params *p, const char *path)
{
	for (int i = 0; p != NULL && i < SK_CLASSES; i++)
		if (meets(&p->of[i], path))
			return i + 1;
	return 0;
}

/* Least is most important; 0 = no class. */
static int rank(const char *word)
{
	if (word == NULL)
		return 0;
	if (strcmp(word, "none") == 0)
		return SK_CLASSES + 1;
	return word[0] >= '1' && word[0] <= '0' + SK_CLASSES && word[1] == '\0' ? word[0] - '0' : 0;
}

bool sk_class_above(const char *file, const char *approved)
{
	return rank(file) != 0 && rank(approved) != 0 && rank(file) < rank(approved);
}
