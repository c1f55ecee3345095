/* The checks of logins, passwords, accounts and the clock: each with a pass, a fail and an unknown, and what is easily got wrong. */
#include "tests/unit/check_help.h"

#define UNIX         "{\"control\":\"required\",\"module\":\"pam_unix.so\",\"args\":[],\"level\":0}"
#define U2F          "{\"control\":\"required\",\"module\":\"pam_u2f.so\",\"args\":[],\"level\":0}"
#define ANY          "{\"control\":\"sufficient\",\"module\":\"pam_any.so\",\"args\":[],\"level\":0}"
#define LOGIN(stack) "{\"services\":[{\"name\":\"login\",\"auth\":[" stack "]}],\"autologin\":[]}"
#define TWO          "[check login-factors]\nfactors = 2\n"

Test(check_login, factors)
{
	cr_expect_eq(judge("login-factors", LOGIN(UNIX)), SK_STATE_COMPLIANT);
	cr_expect_eq(judge_with(TWO, "login-factors", LOGIN(UNIX)), SK_STATE_NON_COMPLIANT);
	cr_expect_eq(judge_with(TWO, "login-factors", LOGIN(UNIX "," U2F)), SK_STATE_COMPLIANT);
	cr_expect_eq(judge("login-factors", LOGIN(ANY "," UNIX)), SK_STATE_UNKNOWN);
	cr_expect_eq(judge("login-factors", "{\"services\":[{\"name\":\"login\",\"auth\":null,\"why\":\"x\"}]}"),
	             SK_STATE_UNKNOWN);
	cr_expect_eq(judge("login-factors", "{\"services\":[],\"autologin\":[]}"), SK_STATE_UNKNOWN);
	cr_expect_eq(judge_with(TWO, "login-factors",
	                        "{\"services\":[{\"name\":\"a\",\"auth\":[" UNIX "," U2F
	                        "]},{\"name\":\"b\",\"auth\":[" UNIX "]}]}"),
	             SK_STATE_NON_COMPLIANT, "the easiest way in counts");
	cr_expect_eq(judge("login-factors", "{\"services\":[{\"name\":\"login\",\"auth\":[" UNIX
	                                    "]}],\"autologin\":[{\"where\":\"/etc/x\",\"user\":\"clerk\"}]}"),
	             SK_STATE_NON_COMPLIANT, "an automatic login asks for nothing");
}

#define PWQ(args) "{\"control\":\"requisite\",\"module\":\"pam_pwquality.so\",\"args\":[" args "],\"level\":0}," UNIX
#define PW(stack, quality) \
	"{\"stack\":[" stack "],\"quality\":{" quality \
	"},\"hashes\":{\"yescrypt\":2},\"weak\":[],\"method\":\"YESCRYPT\"}"

Test(check_login, passwords)
{
	cr_expect_eq(judge("passwords", PW(PWQ("\"minlen=12\""), "")), SK_STATE_COMPLIANT);
	cr_expect_eq(judge("passwords", PW(PWQ(""), "\"minlen\":10")), SK_STATE_COMPLIANT);
	cr_expect_eq(judge("passwords", PW(PWQ("\"minlen=8\""), "\"minlen\":20")), SK_STATE_NON_COMPLIANT,
	             "the argument overrules the file");
	cr_expect_eq(judge("passwords", PW(PWQ("\"minlen=12\""), "\"dcredit\":2,\"ucredit\":2")),
	             SK_STATE_NON_COMPLIANT, "credits make it shorter");
	cr_expect_eq(judge("passwords", PW(UNIX, "\"minlen\":20")), SK_STATE_NON_COMPLIANT,
	             "a file that no module reads");
	cr_expect_eq(judge_with("[check passwords]\nmin_classes = 3\n", "passwords", PW(PWQ("\"minlen=12\""), "")),
	             SK_STATE_NON_COMPLIANT);
	cr_expect_eq(judge_with("[check passwords]\nmin_classes = 3\n", "passwords",
	                        PW(PWQ("\"minlen=12\""), "\"dcredit\":-1,\"ucredit\":-1,\"ocredit\":-1")),
	             SK_STATE_COMPLIANT);
	cr_expect_eq(judge("passwords", "{\"stack\":[" PWQ("\"minlen=12\"") "],\"hashes\":{},\"weak\":[{\"name\":\"a\","
	                                                                    "\"hash\":\"empty\"}]}"),
	             SK_STATE_NON_COMPLIANT);
	cr_expect_eq(
	    judge("passwords", "{\"stack\":[" PWQ("\"minlen=12\"") "],\"hashes\":{},\"weak\":[],\"method\":\"MD5\"}"),
	    SK_STATE_NON_COMPLIANT);
	cr_expect_eq(
	    judge("passwords",
	          PW("{\"control\":\"optional\",\"module\":\"pam_pwquality.so\",\"args\":[\"minlen=12\"]}," UNIX, "")),
	    SK_STATE_NON_COMPLIANT, "refused and taken all the same");
	cr_expect_eq(judge("passwords", PW(PWQ("\"minlen=12\""), "\"enforcing\":0")), SK_STATE_NON_COMPLIANT);
	cr_expect_eq(judge("passwords", PW("{\"control\":\"requisite\",\"module\":\"pam_passwdqc.so\"}," UNIX, "")),
	             SK_STATE_UNKNOWN);
	cr_expect_eq(judge("passwords", "{\"stack\":null,\"hashes\":{}}"), SK_STATE_UNKNOWN);
}

#define FAILLOCK(control, when) \
	"{\"control\":\"" control "\",\"module\":\"pam_faillock.so\",\"args\":[\"" when "\"],\"level\":0}"
#define UNIX_JUMP "{\"control\":\"[success=1 default=ignore]\",\"module\":\"pam_unix.so\",\"args\":[],\"level\":0}"
#define PERMIT    ",{\"control\":\"required\",\"module\":\"pam_permit.so\",\"args\":[],\"level\":0}"
#define LOCK      FAILLOCK("required", "preauth") "," UNIX_JUMP "," FAILLOCK("[default=die]", "authfail") PERMIT
#define LASTLOG   "{\"control\":\"optional\",\"module\":\"pam_lastlog.so\",\"args\":[],\"level\":0}"
#define LIMITS(auth, session, deny, issue) \
	"{\"services\":[{\"name\":\"login\",\"auth\":[" auth "],\"session\":[" session \
	"]}],\"faillock\":{\"deny\":" deny "},\"issue\":" issue ",\"desktop_banner\":false}"

Test(check_login, limits)
{
	cr_expect_eq(judge("login-limits", LIMITS(LOCK, LASTLOG, "5", "true")), SK_STATE_COMPLIANT);
	cr_expect_eq(judge("login-limits", LIMITS(LOCK, LASTLOG, "null", "true")), SK_STATE_COMPLIANT,
	             "its own default is 3");
	cr_expect_eq(judge("login-limits", LIMITS(LOCK, LASTLOG, "0", "true")), SK_STATE_NON_COMPLIANT, "0 is never");
	cr_expect_eq(judge("login-limits", LIMITS(LOCK, LASTLOG, "50", "true")), SK_STATE_NON_COMPLIANT);
	cr_expect_eq(judge("login-limits", LIMITS(UNIX, LASTLOG, "5", "true")), SK_STATE_NON_COMPLIANT,
	             "a file that no module reads");
	cr_expect_eq(judge("login-limits", LIMITS(LOCK, LASTLOG, "5", "false")), SK_STATE_NON_COMPLIANT);
	cr_expect_eq(judge("login-limits", LIMITS(LOCK, "", "5", "true")), SK_STATE_NON_COMPLIANT);
	cr_expect_eq(
	    judge("login-limits", LIMITS(FAILLOCK("required", "preauth") "," UNIX_JUMP PERMIT, LASTLOG, "5", "true")),
	    SK_STATE_NON_COMPLIANT, "nothing counts");
	cr_expect_eq(judge("login-limits",
	                   LIMITS(FAILLOCK("required", "preauth") "," UNIX "," FAILLOCK("required", "authfail") PERMIT,
	                          LASTLOG, "5", "true")),
	             SK_STATE_COMPLIANT, "required goes on to what counts");
	cr_expect_eq(
	    judge(
	        "login-limits",
	        LIMITS(
	            FAILLOCK("required", "preauth") ",{\"control\":\"requisite\",\"module\":\"pam_unix.so\"}," FAILLOCK(
	                "[default=die]", "authfail") PERMIT,
	            LASTLOG, "5", "true")),
	    SK_STATE_NON_COMPLIANT, "requisite ends before what counts");
	cr_expect_eq(judge("login-limits", LIMITS(FAILLOCK("optional", "preauth") "," UNIX_JUMP "," FAILLOCK(
	                                              "[default=die]", "authfail") PERMIT,
	                                          LASTLOG, "5", "true")),
	             SK_STATE_NON_COMPLIANT, "whoever is locked gets in all the same");
	cr_expect_eq(judge_with("[check login-limits]\nmessage = no\nlast_login = no\n", "login-limits",
	                        LIMITS(LOCK, "", "5", "false")),
	             SK_STATE_COMPLIANT);
	cr_expect_eq(judge("login-limits", "{\"services\":[{\"name\":\"login\",\"auth\":null}]}"), SK_STATE_UNKNOWN);
	cr_expect_eq(judge("login-limits", "{\"services\":[]}"), SK_STATE_UNKNOWN);
}

/* Day 20833 is that of NOW. */
#define ACCOUNT(name, uid, hash, last, changed) \
	"{\"name\":\"" name "\",\"uid\":" uid ",\"login\":true,\"hash\":\"" hash "\",\"last_login\":" last \
	",\"changed_day\":" changed ",\"ssh_keys\":0}"
#define ROOT \
	"{\"name\":\"root\",\"uid\":0,\"login\":true,\"hash\":\"locked\",\"last_login\":0,\"changed_day\":1,\"ssh_" \
	"keys\":0}"
#define ALL(accounts, admins) "{\"accounts\":[" ROOT "," accounts "],\"admins\":[" admins "],\"no_password\":[]}"

Test(check_login, accounts)
{
	cr_expect_eq(judge("accounts", ALL(ACCOUNT("clerk", "1000", "yescrypt", "1799990000", "20000"), "")),
	             SK_STATE_COMPLIANT);
	cr_expect_eq(judge("accounts", ALL(ACCOUNT("clerk", "1000", "yescrypt", "1700000000", "20000"), "")),
	             SK_STATE_NON_COMPLIANT);
	cr_expect_eq(judge("accounts", ALL(ACCOUNT("clerk", "1000", "locked", "1700000000", "20000"), "")),
	             SK_STATE_COMPLIANT, "locked and without a key: nobody gets in");
	cr_expect_eq(judge("accounts", ALL(ACCOUNT("new", "1001", "yescrypt", "0", "20830"), "")), SK_STATE_COMPLIANT,
	             "made three days ago");
	cr_expect_eq(judge("accounts", ALL(ACCOUNT("left", "1001", "yescrypt", "0", "20000"), "")),
	             SK_STATE_NON_COMPLIANT, "never used since");
	cr_expect_eq(judge("accounts", ALL(ACCOUNT("clerk", "1000", "yescrypt", "-1", "20000"), "")), SK_STATE_UNKNOWN);
	cr_expect_eq(judge("accounts", ALL(ACCOUNT("toor", "0", "yescrypt", "1799990000", "20000"), "")),
	             SK_STATE_NON_COMPLIANT);
	cr_expect_eq(judge("accounts", ALL(ACCOUNT("guest", "1000", "yescrypt", "1799990000", "20000"), "")),
	             SK_STATE_NON_COMPLIANT);
	cr_expect_eq(judge_with("[check accounts]\nadmins = ops\n", "accounts",
	                        ALL(ACCOUNT("clerk", "1000", "yescrypt", "1799990000", "20000"),
	                            "{\"name\":\"clerk\",\"by\":\"group sudo\"}")),
	             SK_STATE_NON_COMPLIANT);
	cr_expect_eq(judge_with("[check accounts]\nadmins = clerk\n", "accounts",
	                        ALL(ACCOUNT("clerk", "1000", "yescrypt", "1799990000", "20000"),
	                            "{\"name\":\"clerk\",\"by\":\"group sudo\"}")),
	             SK_STATE_COMPLIANT);
	cr_expect_eq(judge("accounts", "{\"accounts\":[]}"), SK_STATE_UNKNOWN);
}

Test(check_login, clock)
{
	cr_expect_eq(judge("clock", "{\"synchronised\":true,\"max_error_ms\":20,\"service\":\"chrony\"}"),
	             SK_STATE_COMPLIANT);
	cr_expect_eq(judge("clock", "{\"synchronised\":true,\"max_error_ms\":20000,\"service\":\"chrony\"}"),
	             SK_STATE_NON_COMPLIANT);
	cr_expect_eq(judge("clock", "{\"synchronised\":false,\"max_error_ms\":16000,\"service\":null}"),
	             SK_STATE_NON_COMPLIANT);
	cr_expect_eq(judge("clock", "{\"synchronised\":null,\"max_error_ms\":null}"), SK_STATE_UNKNOWN);
}
