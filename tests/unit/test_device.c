/* Names of grades; which drivers store. */
#include "tests/unit/policy_help.h"

Test(device, grade_names)
{
	cr_assert_str_eq(sk_grade_name(SK_GRADE_C), "C");
	cr_assert_str_eq(sk_grade_name(SK_GRADE_B), "B");
	cr_assert_str_eq(sk_grade_name(SK_GRADE_A), "A");
	cr_assert_str_eq(sk_grade_name((enum sk_grade)99), "C", "an unknown grade proves nothing");
}

Test(device, storing_drivers)
{
	static const char *const store[] = {"usb-storage", "uas",    "ums-realtek", "ums-alauda",
	                                    "rtsx_usb",    "vub300", "ushc"};
	static const char *const not [] = {"usbhid", "hub", "snd-usb-audio", "uvcvideo",    "usblp",
	                                   "usbfs",  "",    "ums",           "usb-storagex"};

	for (size_t i = 0; i < sizeof(store) / sizeof(store[0]); i++)
		cr_assert(sk_usb_driver_stores(store[i]), "%s", store[i]);
	for (size_t i = 0; i < sizeof(not ) / sizeof(not [0]); i++)
		cr_assert_not(sk_usb_driver_stores(not [i]), "%s", not [i]);
	cr_assert_not(sk_usb_driver_stores(NULL));
}
