/*
 * The stacks as the machine's own libpam runs them, beside policy/pam.c: some hundred stacks by chance, of modules that say yes, no and
 * nothing, with every kind of control, jumps and substacks. Two that differ print the stack. Left out where there is no libpam.
 */
#include <criterion/criterion.h>
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/file.h"
#include "platform/etc.h"
#include "policy/pam.h"

struct pam_conv { /* of libpam's public interface */
	int (*conv)(int n, const void **msg, void **answers, void *arg);
	void *arg;
};
typedef int (*start_fn)(const char *service, const char *user, const struct pam_conv *, const char *folder, void **);

static int (*authenticate)(void *handle, int flags);
static int (*end)(void *handle, int status);
static start_fn begin;
static char root[64], folder[128], theirs_folder[128];

static int say_nothing(int n, const void **msg, void **answers, void *arg)
{
	(void)n;
	(void)msg;
	(void)arg;
	*answers = NULL;
	return 19; /* PAM_CONV_ERR */
}

static void start(void)
{
	void *lib = dlopen("libpam.so.0", RTLD_NOW);

	if (!lib)
		cr_skip("no libpam here");
	*(void **)&begin = dlsym(lib, "pam_start_confdir");
	*(void **)&authenticate = dlsym(lib, "pam_authenticate");
	*(void **)&end = dlsym(lib, "pam_end");
	if (!begin || !authenticate || !end)
		cr_skip("a libpam without pam_start_confdir");
	snprintf(root, sizeof(root), "/tmp/sk-realpam-XXXXXX");
	cr_assert_not_null(mkdtemp(root));
	snprintf(folder, sizeof(folder), "%s/etc/pam.d", root);
	cr_assert_eq(sk_mkdir_p(folder, 0755), 0);
	snprintf(theirs_folder, sizeof(theirs_folder), "%s/theirs", root);
	cr_assert_eq(sk_mkdir_p(theirs_folder, 0755), 0);
}

static void stop(void)
{
	char command[128];

	snprintf(command, sizeof(command), "rm -rf %s", root);
	if (root[0])
		cr_assert_eq(system(command), 0);
}

TestSuite(pam_real, .init = start, .fini = stop);

static const char *pick(const char *const *list, size_t n)
{
	return list[(size_t)random() % n];
}

static const char *action(void)
{
	static const char *const actions[] = {"ignore", "ok", "done", "bad", "die", "reset", "1", "2", "3"};

	return pick(actions, sizeof(actions) / sizeof(*actions));
}

static void control(char *out, size_t size)
{
	static const char *const words[] = {"required", "requisite", "sufficient", "optional"};
	size_t n = 0;

	if (random() % 2) {
		snprintf(out, size, "%s", pick(words, 4));
		return;
	}
	n += (size_t)snprintf(out, size, "[");
	if (random() % 4)
		n += (size_t)snprintf(out + n, size - n, "success=%s ", action());
	if (random() % 2)
		n += (size_t)snprintf(out + n, size - n, "ignore=%s ", action());
	if (random() % 2)
		n += (size_t)snprintf(out + n, size - n, "auth_err=%s ", action());
	snprintf(out + n, size - n, "default=%s]", action());
}

static void put(const char *where, const char *name, const char *text)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/%s", where, name);
	FILE *f = fopen(path, "w");
	cr_assert_not_null(f);
	fputs(text, f);
	fclose(f);
}

/* The same stack twice: libpam 1.5 looks for what is included by a plain name in /etc/pam.d, wherever the stack itself is. */
static void stack(const char *name, int depth, char *text, size_t size)
{
	static const char *const modules[] = {"pam_permit.so", "pam_deny.so", "pam_warn.so"};
	char how[128], theirs[4096];
	size_t n = 0, t = 0;
	int lines = 1 + (int)(random() % 6);

	text[0] = '\0';
	for (int i = 0; i < lines; i++) {
		long kind = random() % 8;
		if (kind < 2 && depth < 2) {
			const char *word = kind ? "substack" : "include";
			n += (size_t)snprintf(text + n, size - n, "auth %s sub%d\n", word, depth + 1);
			t += (size_t)snprintf(theirs + t, sizeof(theirs) - t, "auth %s %s/sub%d\n", word, theirs_folder,
			                      depth + 1);
			continue;
		}
		control(how, sizeof(how));
		const char *module = pick(modules, 3);
		n += (size_t)snprintf(text + n, size - n, "auth %s %s\n", how, module);
		t += (size_t)snprintf(theirs + t, sizeof(theirs) - t, "auth %s %s\n", how, module);
	}
	put(folder, name, text);
	put(theirs_folder, name, theirs);
}

static bool really(void)
{
	static const struct pam_conv conv = {say_nothing, NULL};
	void *handle = NULL;

	cr_assert_eq(begin("top", "nobody", &conv, theirs_folder, &handle), 0);
	int r = authenticate(handle, 0);
	end(handle, r);
	return r == 0;
}

Test(pam_real, as_the_library_runs_them, .timeout = 120)
{
	char text[3][1024];
	int differ = 0, granted = 0;

	srandom(20260401);
	for (int i = 0; i < 500 && differ < 3; i++) {
		int why;

		stack("sub2", 2, text[2], sizeof(text[2]));
		stack("sub1", 1, text[1], sizeof(text[1]));
		stack("top", 0, text[0], sizeof(text[0]));
		json_t *s = sk_pam_stack(root, "top", "auth", &why);
		cr_assert_not_null(s, "%s", strerror(-why));
		enum sk_pam_result ours = sk_pam_run(s, 0);
		bool theirs = really();
		granted += theirs;
		if ((ours == SK_PAM_GRANTED) != theirs) {
			cr_expect(false, "stack %d: the library %s, we say %d\n%s-- sub1\n%s-- sub2\n%s", i,
			          theirs ? "grants" : "refuses", (int)ours, text[0], text[1], text[2]);
			differ++;
		}
		json_decref(s);
	}
	cr_expect_gt(granted, 50, "both outcomes come up");
}
