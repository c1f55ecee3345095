/* See form.h: the registers, and the table of all forms. */
#include "server/form_inside.h"

#include <stdio.h>
#include <string.h>

#include "policy/ledger.h"
#include "server/store_media.h"

/* --- media --- */

static void medium_cells(const struct sk_form_read *x, const json_t *m, json_t *row)
{
	const char *state = sk_page_str(m, "state");
	char bytes[32];
	enum sk_medium_state known;

	snprintf(bytes, sizeof(bytes), "%.1f GB", (double)sk_page_int(m, "size") / 1e9);
	cell_put(row, sk_page_str(m, "ledger"));
	cell_blank(row, 1);
	JOIN(row, " ", sk_page_str(m, "vendor"), sk_page_str(m, "product"));
	cell_put(row, sk_page_str(m, "serial"));
	cell_put(row, bytes);
	cell_put(row, strcmp(sk_page_str(m, "grade"), "A") == 0
	                  ? sk_tr(cell_lang(x), N_("Container of the organisation (LUKS2)"))
	                  : "");
	cell_put(row, cell_unit_of(x, m));
	cell_blank(row, 2);
	cell_put(row, sk_page_str(m, "label"));
	cell_blank(row, 2);
	cell_put_tr(x, row, sk_medium_state_parse(state, &known) == 0 ? sk_medium_state_word(known) : state);
	cell_put_time(x, row, sk_page_int(m, "registered"));
	cell_blank(row, 1);
	cell_put_who_when(x, row, sk_page_str(m, "seen_host"), sk_page_int(m, "seen"));
	cell_blank(row, 1);
	cell_put_time(x, row,
	              strcmp(state, "erased") == 0 || strcmp(state, "disposed") == 0 ? sk_page_int(m, "updated") : 0);
}

static int media_rows(struct sk_form_read *x, json_t *out)
{
	return form_each(x, sk_store_media(x->store, x->range.unit, NULL, NULL, x->range.limit, x->offset),
	                 medium_cells, out);
}

static void stock_cells(const struct sk_form_read *x, const json_t *m, json_t *row)
{
	const char *state = sk_page_str(m, "state");
	enum sk_medium_state known;

	cell_put(row, sk_page_str(m, "ledger"));
	cell_put(row, cell_unit_of(x, m));
	cell_put_tr(x, row, sk_medium_state_parse(state, &known) == 0 ? sk_medium_state_word(known) : state);
	cell_put_who_when(x, row, sk_page_str(m, "seen_host"), sk_page_int(m, "seen"));
	cell_blank(row, 5);
}

static int stock_rows(struct sk_form_read *x, json_t *out)
{
	return form_each(x, sk_store_media(x->store, x->range.unit, NULL, NULL, x->range.limit, x->offset), stock_cells,
	                 out);
}

static void disposal_cells(const struct sk_form_read *x, const json_t *d, json_t *row)
{
	bool by_terminal = strcmp(sk_page_str(d, "action"), "erased") == 0;
	const char *state = sk_page_str(d, "state");
	enum sk_medium_state known;

	cell_put(row, sk_page_str(d, "ledger"));
	JOIN(row, " ", sk_page_str(d, "vendor"), sk_page_str(d, "product"), sk_page_str(d, "serial"));
	cell_blank(row, 1);
	cell_put(row, by_terminal ? "" : sk_page_str(d, "reason"));
	cell_blank(row, 1);
	cell_put_time(x, row, sk_page_int(d, "time"));
	cell_put(row, sk_page_str(d, "name"));
	cell_put_tr(x, row,
	            by_terminal                                 ? N_("Erased on the terminal")
	            : sk_medium_state_parse(state, &known) == 0 ? sk_medium_state_word(known)
	                                                        : state);
	cell_put(row, by_terminal ? sk_page_str(d, "reason") : "");
	cell_blank(row, 4);
}

static void application_disposal_cells(const struct sk_form_read *x, const json_t *a, json_t *row)
{
	cell_put(row, sk_page_str(a, "label"));
	JOIN(row, " ", cell_kind_word(x, sk_page_str(a, "kind")), cell_field(a, "what"), cell_field(a, "hardware"));
	cell_put_tr(x, row, sk_word_class(sk_page_str(a, "class")));
	cell_put(row, cell_field(a, "reason"));
	cell_put_who_when(x, row, sk_page_str(a, "permitted_by"), sk_page_int(a, "permitted_at"));
	cell_put_time(x, row, sk_page_int(a, "back_at"));
	cell_put(row, sk_page_str(a, "person_name"));
	cell_put(row, cell_field(a, "method"));
	cell_blank(row, 4);
	cell_put(row, cell_field(a, "basis"));
}

static int disposal_rows(struct sk_form_read *x, json_t *out)
{
	int r;

	if (x->part == 0) {
		r = form_each(x, sk_store_form_disposals(x->store, &x->range), disposal_cells, out);
		if (r != 0)
			return r;
		x->part = 1;
		x->range.after = 0;
		return 1;
	}
	return form_each(x, sk_store_form_applications(x->store, &x->range, "[\"dispose_info\",\"dispose_device\"]"),
	                 application_disposal_cells, out);
}

/* --- taking out and bringing in --- */

static void request_cells(const struct sk_form_read *x, const json_t *q, json_t *row)
{
	const json_t *device = sk_page_get(q, "device"), *takeout;
	const char *state = sk_word_request_state(sk_page_str(q, "state"), NULL);
	json_t *t = NULL;
	char written[24] = "";

	cell_put(row, sk_page_str(q, "label"));
	cell_put_tr(x, row, N_("Medium"));
	JOIN(row, " ", cell_unit_of(x, q), sk_page_str(q, "person"));
	JOIN(row, " ", sk_page_str(device, "vendor"), sk_page_str(device, "product"), sk_page_str(device, "serial"));
	cell_blank(row, 1);
	cell_put_tr(x, row, sk_word_class(sk_page_str(q, "class")));
	cell_blank(row, 2);
	cell_put(row, sk_page_str(q, "purpose"));
	cell_put(row, sk_page_str(q, "destination"));
	cell_blank(row, 1);
	cell_put_tr(x, row, strcmp(sk_page_str(q, "granted_access"), "rw") == 0 ? N_("encrypted") : "");
	cell_put_tr(x, row, sk_word_access(sk_page_str(q, "granted_access")));
	cell_put_who_when(x, row, sk_page_str(q, "permitted_by"), sk_page_int(q, "permitted_at"));
	cell_put_term(x, row, q);
	cell_put_time(x, row, sk_page_int(q, "from"));
	cell_put_time(x, row, sk_page_int(q, "until"));
	cell_put_time(x, row, sk_page_int(q, "ended"));
	cell_blank(row, 1);
	if (strcmp(sk_page_str(q, "granted_access"), "rw") == 0) {
		t = sk_store_takeout(x->store, sk_page_int(q, "key"));
		takeout = sk_page_get(t, "written");
		if (json_is_true(sk_page_get(t, "recorded")))
			snprintf(written, sizeof(written), "%zu", json_array_size(takeout));
		json_decref(t);
	}
	cell_put(row, written);
	cell_put_tr(x, row, state);
}

static void takeout_cells(const struct sk_form_read *x, const json_t *a, json_t *row)
{
	cell_put(row, sk_page_str(a, "label"));
	cell_put(row, cell_kind_word(x, sk_page_str(a, "kind")));
	JOIN(row, " ", cell_unit_of(x, a), sk_page_str(a, "person_name"));
	JOIN(row, " ", cell_field(a, "hardware"), cell_field(a, "software"));
	JOIN(row, " ", cell_field(a, "what"), cell_field(a, "count"));
	cell_put_tr(x, row, sk_word_class(sk_page_str(a, "class")));
	cell_put(row, cell_field(a, "personal"));
	cell_blank(row, 1);
	cell_put(row, cell_field(a, "purpose"));
	JOIN(row, " ", cell_field(a, "destination"), cell_field(a, "recipient"), cell_field(a, "place"));
	cell_put(row, cell_field(a, "carrier"));
	cell_put(row, cell_field(a, "encryption"));
	cell_put(row, cell_application_state(x, a));
	cell_put_who_when(x, row, sk_page_str(a, "permitted_by"), sk_page_int(a, "permitted_at"));
	cell_put_term(x, row, a);
	cell_blank(row, 1);
	cell_put_time(x, row, sk_page_int(a, "until"));
	cell_put_who_when(x, row, sk_page_str(a, "back_by"), sk_page_int(a, "back_at"));
	cell_blank(row, 2);
	cell_put(row, sk_page_str(a, "reason"));
}

#define TAKEOUTS \
	"[\"takeout_device\",\"takeout_medium\",\"takeout_info\",\"takeout_software\",\"copy_distribute\",\"send_" \
	"external\"," \
	"\"transport\",\"provide\",\"work_outside\",\"nonissued_use\",\"reconnect\"]"

static int takeout_rows(struct sk_form_read *x, json_t *out)
{
	int r;

	if (x->part == 0) {
		r = form_each(x, sk_store_form_applications(x->store, &x->range, TAKEOUTS), takeout_cells, out);
		if (r != 0)
			return r;
		x->part = 1;
		x->range.after = 0;
		return 1;
	}
	return form_each(x, sk_store_form_requests(x->store, &x->range), request_cells, out);
}

/* --- loans, exceptions --- */

static void loan_cells(const struct sk_form_read *x, const json_t *a, json_t *row)
{
	cell_put(row, sk_page_str(a, "label"));
	cell_put(row, cell_field(a, "hardware"));
	cell_blank(row, 1);
	JOIN(row, " ", cell_unit_of(x, a),
	     *cell_field(a, "subject") != '\0' ? cell_field(a, "subject") : sk_page_str(a, "person_name"));
	cell_blank(row, 1);
	cell_put(row, cell_field(a, "purpose"));
	cell_put_time(x, row, sk_page_int(a, "from"));
	cell_put_time(x, row, sk_page_int(a, "until"));
	JOIN(row, " ", cell_field(a, "place"), cell_field(a, "measures"));
	cell_put_time(x, row, sk_page_int(a, "back_at"));
	cell_put(row, sk_page_str(a, "back_by"));
	cell_blank(row, 2);
}

static int loan_rows(struct sk_form_read *x, json_t *out)
{
	return form_each(x, sk_store_form_applications(x->store, &x->range, "[\"lend\"]"), loan_cells, out);
}

static void exception_cells(const struct sk_form_read *x, const json_t *a, json_t *row)
{
	cell_put(row, sk_page_str(a, "label"));
	cell_put(row, cell_kind_word(x, sk_page_str(a, "kind")));
	JOIN(row, " ", cell_unit_of(x, a), sk_page_str(a, "person_name"));
	cell_put(row, cell_field(a, "what"));
	cell_put(row, cell_field(a, "hardware"));
	cell_put(row, cell_field(a, "reason"));
	JOIN(row, " ", cell_field(a, "alternative"), cell_field(a, "measures"));
	cell_put_term(x, row, a);
	JOIN(row, " ", cell_application_state(x, a), sk_page_str(a, "reason"));
	cell_put_who_when(x, row, sk_page_str(a, "permitted_by"), sk_page_int(a, "permitted_at"));
	cell_put_time(x, row, strcmp(sk_page_str(a, "kind"), "exception_urgent") == 0 ? sk_page_int(a, "created") : 0);
	cell_blank(row, 2);
}

static int exception_rows(struct sk_form_read *x, json_t *out)
{
	return form_each(x, sk_store_form_applications(x->store, &x->range, "[\"exception\",\"exception_urgent\"]"),
	                 exception_cells, out);
}

const struct sk_form_sheet sk_form_sheets[] = {
    {"media",
     N_("Media ledger"),
     "6.4(2)エ",
     {N_("Ledger number"), N_("Kind"), N_("Maker and model"), N_("Serial number"), N_("Size"),
      N_("How it is encrypted"), N_("Section"), N_("In charge"), N_("Class and handling limits"), N_("Use"),
      N_("Zones it may be used in"), N_("Kept where, locked"), N_("State"), N_("Registered"), N_("Last confirmed"),
      N_("Last attached"), N_("Sanitised"), N_("Erased or disposed of")},
     false,
     false,
     media_rows},
    {"stocktaking",
     N_("Result of stocktaking"),
     "4.4(1)",
     {N_("Ledger number"), N_("Section"), N_("State in the ledger"), N_("Last attached"), N_("Is it there?"),
      N_("Confirmed when, by whom"), N_("Confirmed how (attached, seen)"), N_("Difference"), N_("What is done")},
     false,
     false,
     stock_rows},
    {"takeouts",
     N_("Register of taking out and bringing in"),
     "5.1(1)オ",
     {N_("No."),
      N_("Kind"),
      N_("Who asks"),
      N_("Object"),
      N_("Information, number of items"),
      N_("Class of information"),
      N_("Personal information in it"),
      N_("Handling limits"),
      N_("Purpose"),
      N_("Destination, recipient"),
      N_("How it is carried"),
      N_("Encryption"),
      N_("Kind of permit"),
      N_("Permitted by, when"),
      N_("Term"),
      N_("Taken out"),
      N_("To be returned"),
      N_("Returned, confirmed by"),
      N_("Check on return"),
      N_("Number of files written"),
      N_("Remarks")},
     false,
     true,
     takeout_rows},
    {"loans",
     N_("Register of loans"),
     "5.1(1)ウ",
     {N_("No."), N_("Article"), N_("Asset or ledger number"), N_("Borrower"), N_("Staff category"), N_("Use"),
      N_("Lent on"), N_("To be returned"), N_("Outside the office: whether, and measures"), N_("Returned on"),
      N_("Return confirmed by"), N_("Confirmed on transfer or retirement"), N_("Reminders")},
     false,
     true,
     loan_rows},
    {"disposals",
     N_("Record of erasing and disposal"),
     "2(2)コ",
     {N_("No."), N_("Object"), N_("Class of information"), N_("Reason"), N_("Permitted by, when"), N_("Day and time"),
      N_("In charge"), N_("What was done"), N_("Verified"), N_("Witness"), N_("Contractor"), N_("Contract term"),
      N_("Certificate number")},
     false,
     true,
     disposal_rows},
    {"exceptions",
     N_("List of exceptions"),
     "7.4",
     {N_("No."), N_("Kind"), N_("Who asks"), N_("Clause it concerns"), N_("Scope"), N_("Good reason"),
      N_("Alternative measures"), N_("Term"), N_("Result and conditions"), N_("CISO, day"),
      N_("Urgent: done and reported"), N_("Regular review, result"), N_("Ended on")},
     false,
     true,
     exception_rows},
    {"incidents",
     N_("Report of information security incidents"),
     "5.3",
     {N_("No."),
      N_("Happened"),
      N_("Became known"),
      N_("First reported by"),
      N_("Section"),
      N_("Kind"),
      N_("Outline"),
      N_("Assets and class"),
      N_("Personal information: number, items"),
      N_("Range of influence"),
      N_("Severity"),
      N_("First response (cut off at)"),
      N_("Reported to, when"),
      N_("Assessment"),
      N_("Cause"),
      N_("Evidence kept"),
      N_("Recovery"),
      N_("Prevention"),
      N_("Publication"),
      N_("Closed, confirmed by")},
     true,
     true,
     form_incidents},
    {"inspection",
     N_("Report of self-inspection"),
     "9.2",
     {N_("Fiscal year"),    N_("Bureau"),      N_("Section"),   N_("Clause"),          N_("Check"),
      N_("Verdict"),        N_("Terminals"),   N_("compliant"), N_("in grace period"), N_("non-compliant"),
      N_("unknown"),        N_("exempt"),      N_("no answer"), N_("Evidence"),        N_("Confirmed by hand by"),
      N_("Problems found"), N_("Improvement"), N_("Until"),     N_("Done on"),         N_("Opinion of the manager")},
     false,
     false,
     form_inspection},
    {"audit-plan",
     N_("Audit plan"),
     "9.1(3)",
     {N_("Unit to be audited"), N_("Clause"), N_("Item to be audited"), N_("Method"), N_("Auditor"), N_("When"),
      N_("Independence"), N_("Remarks")},
     false,
     true,
     form_plan},
    {"findings",
     N_("List of audit findings"),
     "9.1(5)",
     {N_("Clause"), N_("Unit audited"), N_("Finding"), N_("Degree"), N_("Evidence number"), N_("Ordered on"),
      N_("Spread to, and result"), N_("Improvement, reported on"), N_("Confirmed on")},
     false,
     false,
     form_findings},
    {NULL, NULL, NULL, {NULL}, false, false, NULL},
};

const struct sk_form_sheet *sk_form_find(const char *key)
{
	for (const struct sk_form_sheet *f = sk_form_sheets; f->key != NULL; f++) {
		if (strcmp(f->key, key) == 0)
			return f;
	}
	return NULL;
}
