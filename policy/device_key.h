/* The device key: what identifies a device by its descriptors, the same on every port and at every bus speed. */
#ifndef SK_POLICY_DEVICE_KEY_H
#define SK_POLICY_DEVICE_KEY_H

#include <stddef.h>
#include <stdint.h>
#include "common/hash.h"

/* bytes: descriptors that sk_usb_desc_parse found sound. serial: raw bytes, may be NULL. 0 or -ENOMEM; out untouched on failure. */
int sk_usb_device_key(const uint8_t *bytes, size_t len, const char *serial, size_t serial_len, char out[SK_SHA256_HEX]);

#endif
