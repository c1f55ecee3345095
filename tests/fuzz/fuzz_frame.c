/* Frames: bytes in lumps of any size give the same messages as all at once, and each message goes out and comes back. */
#include <stdint.h>
#include <stdlib.h>

#include "common/frame.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void there_and_back(const json_t *msg)
{
	json_t *back = NULL;
	struct sk_buf b;

	sk_buf_init(&b, 4 * SK_FRAME_MAX);
	if (sk_frame_put(&b, msg) == 0 && (sk_frame_take(&b, &back, NULL) != 0 || !json_equal(msg, back)))
		abort();
	json_decref(back);
	sk_buf_deinit(&b);
}

static size_t feed(const uint8_t *data, size_t size, size_t lump)
{
	struct sk_err err = SK_ERR_INIT;
	size_t taken = 0;
	struct sk_buf in;
	int r = 1;

	sk_buf_init(&in, SK_FRAME_MAX + 4);
	for (size_t i = 0; i < size && r >= 0; i += lump) {
		json_t *msg = NULL;

		if (sk_buf_add(&in, data + i, lump < size - i ? lump : size - i) < 0)
			break;
		while ((r = sk_frame_take(&in, &msg, &err)) == 0) {
			there_and_back(msg);
			json_decref(msg);
			taken++;
		}
	}
	sk_buf_deinit(&in);
	return taken;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size > 4096)
		return 0;
	if (feed(data, size, 4096) != feed(data, size, size % 7 + 1))
		abort();
	return 0;
}
