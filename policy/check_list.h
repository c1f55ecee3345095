/* The checks, one file each (policy/check_NAME.c), and what they share. */
#ifndef SK_POLICY_CHECK_LIST_H
#define SK_POLICY_CHECK_LIST_H

#include "policy/check.h"

extern const struct sk_check sk_check_screen_lock; /* P1, 5.1(1)キ */
extern const struct sk_check sk_check_disk_encryption; /* P2, 4.4(4) */
extern const struct sk_check sk_check_antivirus; /* P7, 6.4(1)エオカ, 6.4(2)アイウ */

extern const struct sk_check sk_check_login_factors; /* P3, 4.4(2)(3), 3(1)イ(ア) */
extern const struct sk_check sk_check_passwords; /* P4, 5.4(3)ウ, 6.2(4) */
extern const struct sk_check sk_check_login_limits; /* P5, 6.2(3) */
extern const struct sk_check sk_check_accounts; /* P6, 6.2(1)イ(ウ), ウ(ア)(オ)(カ) */
extern const struct sk_check sk_check_updates; /* P10, 6.6(1) */
extern const struct sk_check sk_check_support; /* P11, 6.4(1)キ */
extern const struct sk_check sk_check_software; /* P12, 6.1(17) */
extern const struct sk_check sk_check_ic_card; /* M9, 5.4(1)ア(イ) */
extern const struct sk_check sk_check_boot; /* M9, 4.4(4) */
extern const struct sk_check sk_check_antivirus_settings; /* P8, 6.4(2)オ */
extern const struct sk_check sk_check_full_scan; /* P9, 6.4(3)エ */
extern const struct sk_check sk_check_hardware; /* M7, 6.1(18) */
extern const struct sk_check sk_check_networks; /* P13, 6.1(19), 3(1)ア, 3(2)ア */
extern const struct sk_check sk_check_wireless; /* P14, 6.1(13)ア */
extern const struct sk_check sk_check_services; /* P15, 6.5(1)アイ */
extern const struct sk_check sk_check_firewall; /* P15, 6.5(1)ア */
extern const struct sk_check sk_check_logs; /* P17, 6.1(6)アイ */
extern const struct sk_check sk_check_clock; /* P16, 7.1(2) */

#define SK_N(table) (sizeof(table) / sizeof(*(table)))

/* Appends one sentence to detail: a msgid with %1 %2 and its arguments (NULL = none). */
void sk_check_say(json_t *detail, const char *msgid, const char *arg1, const char *arg2);

#endif
