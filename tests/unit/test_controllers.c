/* Reading back the controllers' defaults, and setting them, on a made-up sysfs. */
#include "platform/controllers.h"
#include "tests/unit/agent_help.h"

static void attribute(const char *hub, const char *name, const char *value)
{
	char path[400];

	snprintf(path, sizeof path, "%s/sys/devices/%s/%s", dir, hub, name);
	cr_assert_eq(sk_file_write(path, value, strlen(value), 0600, NULL), 0);
}

static void add_hub(const char *hub, const char *devices, const char *interfaces)
{
	char path[400], target[400];

	snprintf(path, sizeof path, "%s/sys/devices/%s", dir, hub);
	cr_assert_eq(sk_mkdir_p(path, 0700), 0);
	snprintf(path, sizeof path, "%s/sys/bus/usb/devices", dir);
	cr_assert_eq(sk_mkdir_p(path, 0700), 0);
	snprintf(path, sizeof path, "%s/sys/bus/usb/devices/%s", dir, hub);
	snprintf(target, sizeof target, "../../../devices/%s", hub);
	cr_assert_eq(symlink(target, path), 0);
	if (devices)
		attribute(hub, "authorized_default", devices);
	if (interfaces)
		attribute(hub, "interface_authorized_default", interfaces);
}

static void teardown(void)
{
	char command[300];

	snprintf(command, sizeof command, "%s/sys", dir);
	if (fork() == 0)
		execl("/bin/rm", "rm", "-rf", command, (char *)NULL);
	remove_dir();
}

static bool is_shut(const json_t *list, size_t i)
{
	return json_is_true(json_object_get(json_array_get(list, i), "shut"));
}

Test(controllers, none, .init = make_dir, .fini = teardown)
{
	json_t *l = sk_controllers(dir);

	cr_assert_eq(json_array_size(l), 0);
	cr_assert_str_eq(sk_controllers_state(l), "none");
	json_decref(l);
	cr_assert_eq(sk_controllers_shut(dir), 0);
}

Test(controllers, each_way_of_being_open, .init = make_dir, .fini = teardown)
{
	json_t *l;

	add_hub("usb1", "0\n", "0\n");
	add_hub("usb2", "1\n", "0\n");
	add_hub("usb3", "0\n", "1\n");
	add_hub("usb4", "2\n", "0\n");
	add_hub("usb5", NULL, "0\n");
	add_hub("usb6", "x\n", "0\n");
	l = sk_controllers(dir);
	cr_assert_eq(json_array_size(l), 6);
	cr_assert(is_shut(l, 0));
	for (size_t i = 1; i < 6; i++)
		cr_assert(!is_shut(l, i), "%zu", i);
	cr_assert(json_is_null(json_object_get(json_array_get(l, 4), "devices")));
	cr_assert_str_eq(sk_controllers_state(l), "open");
	json_decref(l);
}

Test(controllers, shutting_them, .init = make_dir, .fini = teardown)
{
	json_t *l;

	add_hub("usb1", "1\n", "1\n");
	add_hub("usb2", "0\n", "1\n");
	cr_assert_eq(sk_controllers_shut(dir), 0);
	l = sk_controllers(dir);
	cr_assert_str_eq(sk_controllers_state(l), "shut");
	json_decref(l);
	add_hub("usb3", NULL, NULL);
	cr_assert_lt(sk_controllers_shut(dir), 0, "one that cannot be shut is told");
}

Test(controllers, those_that_come_later_start_shut, .init = make_dir, .fini = teardown)
{
	char text[8] = "";

	cr_assert_eq(sk_controllers_shut(dir), 0, "no USB here");
	cr_assert_eq(sk_mkdir_p(in_dir("sys/module/usbcore/parameters"), 0700), 0);
	put_file("sys/module/usbcore/parameters/authorized_default", "-1\n");
	cr_assert_eq(sk_controllers_shut(dir), 0);
	cr_assert_geq(sk_file_attr(in_dir("sys/module/usbcore/parameters/authorized_default"), text, sizeof(text)), 0);
	cr_assert_eq(text[0], '0');
}
