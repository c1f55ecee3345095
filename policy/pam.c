/* The library's dispatcher as a function over values: see pam.h. Return codes are reduced to four, which is all that the stacks tell apart. */
#include "policy/pam.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/text.h"

enum code { SUCCESS, AUTH_ERR, IGNORED, CODES };
enum action { A_IGNORE, A_OK, A_DONE, A_BAD, A_DIE, A_RESET, A_JUMP };
enum mood { UNDEFINED, POSITIVE, NEGATIVE };

struct entry {
	unsigned level;
	enum action action[CODES];
	unsigned jump[CODES];
	bool known; /* its answer is */
	bool condition; /* of who somebody is: true of some, false of others */
	bool *reached; /* may be NULL: set when it is run */
	enum code code;
};

/* What modules ask for; 0 = they say yes or are ignored whoever asks. */
static const struct {
	const char *module;
	unsigned proofs; /* all of them */
	enum code without; /* what it answers to somebody who lacks them, or always when it asks for none */
} modules[] = {
    {"pam_unix.so", SK_PAM_KNOWLEDGE, AUTH_ERR},
    {"pam_sss.so", SK_PAM_KNOWLEDGE, AUTH_ERR},
    {"pam_ldap.so", SK_PAM_KNOWLEDGE, AUTH_ERR},
    {"pam_krb5.so", SK_PAM_KNOWLEDGE, AUTH_ERR},
    {"pam_winbind.so", SK_PAM_KNOWLEDGE, AUTH_ERR},
    {"pam_systemd_home.so", SK_PAM_KNOWLEDGE, AUTH_ERR},
    {"pam_u2f.so", SK_PAM_POSSESSION, AUTH_ERR},
    {"pam_yubico.so", SK_PAM_POSSESSION, AUTH_ERR},
    {"pam_google_authenticator.so", SK_PAM_POSSESSION, AUTH_ERR},
    {"pam_oath.so", SK_PAM_POSSESSION, AUTH_ERR},
    /* A card opens with its PIN. */
    {"pam_pkcs11.so", SK_PAM_POSSESSION | SK_PAM_KNOWLEDGE, AUTH_ERR},
    {"pam_p11.so", SK_PAM_POSSESSION | SK_PAM_KNOWLEDGE, AUTH_ERR},
    {"pam_fprintd.so", SK_PAM_BODY, AUTH_ERR},
    {"pam_deny.so", 0, AUTH_ERR},
    {"pam_permit.so", 0, SUCCESS},
    {"pam_env.so", 0, IGNORED},
    {"pam_nologin.so", 0, IGNORED},
    {"pam_securetty.so", 0, SUCCESS},
    {"pam_faildelay.so", 0, IGNORED},
    {"pam_issue.so", 0, IGNORED},
    {"pam_group.so", 0, IGNORED},
    {"pam_cap.so", 0, SUCCESS},
    {"pam_selinux.so", 0, IGNORED},
    {"pam_loginuid.so", 0, SUCCESS},
    {"pam_gnome_keyring.so", 0, IGNORED},
    {"pam_kwallet5.so", 0, IGNORED},
    {"pam_mail.so", 0, IGNORED},
    {"pam_warn.so", 0, IGNORED},
    {"pam_keyinit.so", 0, IGNORED},
    {"pam_echo.so", 0, SUCCESS},
    {"pam_rootok.so", 0, AUTH_ERR}, /* nobody who logs in is root yet */
};

/* They ask who somebody is, from where or when; whoever may answer "the right one" gets past. */
static const char *const conditions[] = {"pam_succeed_if.so", "pam_usertype.so", "pam_localuser.so", "pam_access.so",
                                         "pam_time.so",       "pam_shells.so",   "pam_wheel.so",     "pam_listfile.so"};

static void set_all(struct entry *e, enum action success, enum action ignored, enum action other)
{
	e->action[SUCCESS] = success;
	e->action[IGNORED] = ignored;
	e->action[AUTH_ERR] = other;
}

static int parse_action(const char *s, struct entry *e, enum code c)
{
	static const struct {
		const char *name;
		enum action action;
	} names[] = {{"ignore", A_IGNORE}, {"ok", A_OK},   {"done", A_DONE},
	             {"bad", A_BAD},       {"die", A_DIE}, {"reset", A_RESET}};
	unsigned long long jump;

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		if (strcmp(s, names[i].name) == 0) {
			e->action[c] = names[i].action;
			return 0;
		}
	}
	if (sk_text_u64(s, 1, SK_PAM_STACK_MAX, &jump) < 0)
		return -EINVAL;
	e->action[c] = A_JUMP;
	e->jump[c] = (unsigned)jump;
	return 0;
}

/* "[success=1 default=ignore]": what is not named takes the default, what has none is bad. */
static int parse_bracket(const char *s, struct entry *e)
{
	char text[256], *save = NULL;
	struct entry def;
	bool named[CODES] = {false};
	size_t n = strlen(s);

	if (n < 2 || n - 2 >= sizeof(text) || s[n - 1] != ']')
		return -EINVAL;
	memcpy(text, s + 1, n - 2);
	text[n - 2] = '\0';
	set_all(&def, A_BAD, A_BAD, A_BAD);
	for (char *w = strtok_r(text, " \t", &save); w; w = strtok_r(NULL, " \t", &save)) {
		char *value = strchr(w, '=');
		int r = 0;

		if (!value)
			return -EINVAL;
		*value++ = '\0';
		if (strcmp(w, "success") == 0)
			r = parse_action(value, e, SUCCESS), named[SUCCESS] = true;
		else if (strcmp(w, "ignore") == 0)
			r = parse_action(value, e, IGNORED), named[IGNORED] = true;
		else if (strcmp(w, "auth_err") == 0)
			r = parse_action(value, e, AUTH_ERR), named[AUTH_ERR] = true;
		else if (strcmp(w, "default") == 0)
			r = parse_action(value, &def, SUCCESS);
		if (r < 0)
			return r;
	}
	for (int c = 0; c < CODES; c++) {
		if (named[c])
			continue;
		e->action[c] = def.action[SUCCESS];
		e->jump[c] = def.action[SUCCESS] == A_JUMP ? def.jump[SUCCESS] : 0;
	}
	return 0;
}

static int parse_control(const char *s, struct entry *e)
{
	if (strcmp(s, "required") == 0)
		set_all(e, A_OK, A_IGNORE, A_BAD);
	else if (strcmp(s, "requisite") == 0)
		set_all(e, A_OK, A_IGNORE, A_DIE);
	else if (strcmp(s, "sufficient") == 0)
		set_all(e, A_DONE, A_IGNORE, A_IGNORE);
	else if (strcmp(s, "optional") == 0)
		set_all(e, A_OK, A_IGNORE, A_IGNORE);
	else
		return s[0] == '[' ? parse_bracket(s, e) : -EINVAL;
	return 0;
}

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

static bool has_arg(const json_t *entry, const char *arg)
{
	const json_t *args = json_object_get(entry, "args");

	for (size_t i = 0; i < json_array_size(args); i++) {
		const char *s = json_string_value(json_array_get(args, i));
		if (s && strcmp(s, arg) == 0)
			return true;
	}
	return false;
}

static void answer_of(const json_t *entry, const char *module, unsigned proofs, struct entry *e)
{
	e->known = true;
	/* It refuses before or after too many attempts: not in the way of one who has what is asked for. */
	if (strcmp(module, "pam_faillock.so") == 0 || strcmp(module, "pam_tally2.so") == 0) {
		/* Counting is "nothing to say"; "not locked yet" is a yes, which no password may be missing beside. */
		e->code = has_arg(entry, "authfail") ? IGNORED : SUCCESS;
		return;
	}
	for (size_t i = 0; i < sizeof(modules) / sizeof(*modules); i++) {
		if (strcmp(modules[i].module, module) != 0)
			continue;
		unsigned need = modules[i].proofs;
		if (strcmp(module, "pam_u2f.so") == 0 && has_arg(entry, "pinverification=1"))
			need |= SK_PAM_KNOWLEDGE;
		e->code = need && (proofs & need) == need ? SUCCESS : modules[i].without;
		return;
	}
	e->known = false;
	for (size_t i = 0; i < sizeof(conditions) / sizeof(*conditions); i++)
		e->condition = e->condition || strcmp(conditions[i], module) == 0;
	if (e->condition && json_is_true(json_object_get(entry, "nobody"))) {
		e->known = true;
		e->condition = false;
		e->code = AUTH_ERR;
	}
}

/* Entries read, or -EINVAL: a control that is none. */
static int read_stack(const json_t *stack, unsigned proofs, struct entry *out)
{
	size_t n = json_array_size(stack);

	if (n > SK_PAM_STACK_MAX)
		return -EINVAL;
	for (size_t i = 0; i < n; i++) {
		const json_t *e = json_array_get(stack, i);
		const char *control = json_string_value(json_object_get(e, "control"));
		const char *module = json_string_value(json_object_get(e, "module"));
		json_int_t level = json_integer_value(json_object_get(e, "level"));

		if (!control || !module || level < 0 || level > 16)
			return -EINVAL;
		out[i] = (struct entry){.level = (unsigned)level};
		if (strcmp(control, "substack") == 0) { /* where one begins: says nothing itself */
			set_all(&out[i], A_IGNORE, A_IGNORE, A_IGNORE);
			out[i].known = true;
			continue;
		}
		if (parse_control(control, &out[i]) < 0)
			return -EINVAL;
		answer_of(e, base_name(module), proofs, &out[i]);
	}
	return (int)n;
}

struct state {
	enum mood mood;
	bool good; /* the status that will be returned is success */
};

static void act(struct state *s, enum action a, enum code code)
{
	if (a == A_OK || a == A_DONE) {
		if (s->mood == UNDEFINED || (s->mood == POSITIVE && s->good))
			*s = (struct state){POSITIVE, code == SUCCESS};
	} else if (a == A_BAD || a == A_DIE) {
		if (s->mood != NEGATIVE)
			*s = (struct state){NEGATIVE, false};
	}
}

/* The entry after i, the free answers of those passed over counted. */
static size_t skip(const struct entry *e, size_t i, unsigned *unknown)
{
	*unknown += !e[i + 1].known;
	return i + 1;
}

/* Over so many modules of this level; a substack with all that is in it is one. What is left over is a mistake, which refuses. */
static size_t jump(const struct entry *e, size_t n, size_t i, unsigned left, struct state *s, unsigned *unknown)
{
	unsigned level = e[i].level;

	for (; left > 0 && i + 1 < n && e[i + 1].level >= level; left--) {
		i = skip(e, i, unknown);
		while (i + 1 < n && e[i + 1].level > level)
			i = skip(e, i, unknown);
	}
	if (left > 0)
		act(s, A_BAD, AUTH_ERR);
	return i;
}

/* choice: a bit for each unknown module in turn, 1 = it says yes. Whether the stack grants. */
static bool dispatch(const struct entry *e, size_t n, unsigned choice)
{
	struct state s = {UNDEFINED, false}, saved[18] = {{UNDEFINED, false}};
	unsigned before = 0, unknown = 0;

	for (size_t i = 0; i < n; i++) {
		unsigned level = e[i].level;
		enum code code = e[i].code;

		if (before < level)
			saved[level] = s;
		if (e[i].reached)
			*e[i].reached = true;
		if (!e[i].known)
			code = choice & 1u << unknown++ ? SUCCESS : AUTH_ERR;
		enum action a = e[i].action[code];
		act(&s, a, code);
		if (a == A_RESET)
			s = saved[level];
		else if (a == A_JUMP)
			i = jump(e, n, i, e[i].jump[code], &s, &unknown);
		else if (a == A_DIE || (a == A_DONE && s.mood == POSITIVE)) /* the substack ends, not the stack */
			while (i + 1 < n && e[i + 1].level >= level)
				i = skip(e, i, &unknown);
		before = e[i].level;
	}
	return s.mood == POSITIVE && s.good;
}

#define FREE_MAX 10 /* answers that are free */

/* Bits of a choice that are conditions; *free: how many bits there are. -1: too many. */
static int free_answers(const struct entry *e, int n, unsigned *conditions_mask)
{
	int count = 0;

	*conditions_mask = 0;
	for (int i = 0; i < n; i++) {
		if (e[i].known)
			continue;
		if (count == FREE_MAX)
			return -1;
		*conditions_mask |= e[i].condition ? 1u << count : 0;
		count++;
	}
	return count;
}

/* Somebody, for whom each condition is true or not, gets in while the modules nobody knows answer as others says. */
static bool somebody(const struct entry *e, size_t n, unsigned conditions_mask, unsigned others)
{
	/* Every subset of the mask, the empty one last. */
	for (unsigned c = conditions_mask;; c = (c - 1) & conditions_mask) {
		if (dispatch(e, n, others | c))
			return true;
		if (c == 0)
			return false;
	}
}

enum sk_pam_result sk_pam_run(const json_t *stack, unsigned proofs)
{
	struct entry e[SK_PAM_STACK_MAX] = {{0}};
	unsigned mask;
	int n = read_stack(stack, proofs, e), bits = n < 0 ? -1 : free_answers(e, n, &mask);
	bool first;

	if (bits < 0)
		return SK_PAM_UNSURE;
	first = somebody(e, (size_t)n, mask, 0);
	for (unsigned choice = 1; choice < 1u << bits; choice++) {
		if (!(choice & mask) && somebody(e, (size_t)n, mask, choice) != first)
			return SK_PAM_UNSURE;
	}
	return first ? SK_PAM_GRANTED : SK_PAM_REFUSED;
}

int sk_pam_least(const json_t *stack, unsigned *mask)
{
	static const unsigned char order[] = {0, 1, 2, 4, 3, 5, 6, 7};
	bool unsure = false;

	for (size_t i = 0; i < sizeof(order); i++) {
		enum sk_pam_result r = sk_pam_run(stack, order[i]);

		if (r == SK_PAM_GRANTED) {
			int kinds = __builtin_popcount(order[i]);
			/* One that asks for fewer may hide behind a module that is not known. */
			if (unsure)
				return -EAGAIN;
			if (mask)
				*mask = order[i];
			return kinds;
		}
		unsure = unsure || r == SK_PAM_UNSURE;
	}
	return unsure ? -EAGAIN : -ENOENT;
}

static const json_t *find(const json_t *stack, const char *module)
{
	for (size_t i = 0; i < json_array_size(stack); i++) {
		const json_t *e = json_array_get(stack, i);
		const char *m = json_string_value(json_object_get(e, "module"));

		if (m && strcmp(base_name(m), module) == 0)
			return e;
	}
	return NULL;
}

const char *sk_pam_arg(const json_t *stack, const char *module, const char *name, bool *found)
{
	const json_t *e = find(stack, module), *args = json_object_get(e, "args");
	size_t n = strlen(name);

	if (found)
		*found = e != NULL;
	for (size_t i = 0; i < json_array_size(args); i++) {
		const char *s = json_string_value(json_array_get(args, i));
		if (s && strncmp(s, name, n) == 0 && s[n] == '=')
			return s + n + 1;
	}
	return NULL;
}

/* Entries of the module (with that argument, if any) get this answer and note that they were reached. Number of them. */
static int mark(const json_t *stack, struct entry *e, int n, const char *module, const char *flag, enum code code,
                bool *reached)
{
	int found = 0;

	for (int i = 0; i < n; i++) {
		const json_t *entry = json_array_get(stack, (size_t)i);
		const char *m = json_string_value(json_object_get(entry, "module"));

		if (!m || strcmp(base_name(m), module) != 0 || (flag && !has_arg(entry, flag)))
			continue;
		e[i].known = true;
		e[i].condition = false;
		e[i].code = code;
		e[i].reached = reached;
		found++;
	}
	return found;
}

bool sk_pam_decides(const json_t *stack, const char *module, const char *flag)
{
	struct entry e[SK_PAM_STACK_MAX] = {{0}};
	unsigned mask;
	int n = read_stack(stack, SK_PAM_KNOWLEDGE | SK_PAM_POSSESSION | SK_PAM_BODY, e);

	if (n < 0 || mark(stack, e, n, module, flag, SUCCESS, NULL) == 0)
		return false;
	int bits = free_answers(e, n, &mask);
	/* One that lets nobody in anyway decides nothing by this module. */
	if (bits < 0 || !dispatch(e, (size_t)n, (1u << bits) - 1))
		return false;
	(void)mark(stack, e, n, module, flag, AUTH_ERR, NULL);
	for (unsigned choice = 0; choice < 1u << bits; choice++)
		if (dispatch(e, (size_t)n, choice))
			return false;
	return true;
}

bool sk_pam_reaches(const json_t *stack, const char *module, const char *flag)
{
	struct entry e[SK_PAM_STACK_MAX] = {{0}};
	unsigned mask;
	bool reached = false;
	int n = read_stack(stack, 0, e), bits;

	if (n < 0 || mark(stack, e, n, module, flag, AUTH_ERR, &reached) == 0)
		return false;
	bits = free_answers(e, n, &mask);
	/* In the likeliest case: conditions are true of who logs in, what nobody knows lets pass. */
	if (bits >= 0)
		(void)dispatch(e, (size_t)n, (1u << bits) - 1);
	return reached;
}

bool sk_pam_has_flag(const json_t *stack, const char *module, const char *flag)
{
	const json_t *e = find(stack, module);

	return e && has_arg(e, flag);
}
