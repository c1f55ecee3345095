/* See netlink.h. */
#include "platform/netlink.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#define ANSWERS_MAX 4096 /* datagrams of one dump */

const void *sk_netlink_attr(const void *attrs, size_t size, uint16_t type, size_t *len)
{
	const uint8_t *at = attrs;

	while (size >= sizeof(struct nlattr)) {
		struct nlattr a;

		memcpy(&a, at, sizeof(a));
		if (a.nla_len < sizeof(a) || a.nla_len > size)
			return NULL;
		if ((a.nla_type & NLA_TYPE_MASK) == type) {
			*len = a.nla_len - sizeof(a);
			return at + sizeof(a);
		}
		size_t step = NLA_ALIGN(a.nla_len);
		if (step >= size)
			return NULL;
		at += step;
		size -= step;
	}
	return NULL;
}

bool sk_netlink_each(const void *buffer, size_t size, sk_netlink_fn fn, void *ctx, int *error)
{
	const uint8_t *at = buffer;

	*error = 0;
	while (size >= sizeof(struct nlmsghdr)) {
		const struct nlmsghdr *m = (const void *)at;

		if (m->nlmsg_len < sizeof(*m) || m->nlmsg_len > size) {
			*error = -EBADMSG;
			return true;
		}
		if (m->nlmsg_type == NLMSG_DONE)
			return true;
		if (m->nlmsg_type == NLMSG_ERROR) {
			if (m->nlmsg_len >= NLMSG_LENGTH(sizeof(struct nlmsgerr)))
				*error = ((const struct nlmsgerr *)NLMSG_DATA(m))->error;
			else
				*error = -EBADMSG;
			return true;
		}
		if (m->nlmsg_type >= NLMSG_MIN_TYPE)
			fn(ctx, m);
		size_t step = NLMSG_ALIGN(m->nlmsg_len);
		if (step >= size)
			break;
		at += step;
		size -= step;
	}
	return false;
}

static int receive(int fd, sk_netlink_fn fn, void *ctx)
{
	static uint64_t buffer[8192]; /* aligned as messages are; a probe asks one thing at a time */

	for (int i = 0; i < ANSWERS_MAX; i++) {
		struct sockaddr_nl from = {0};
		socklen_t n = sizeof(from);
		int error;

		ssize_t len = recvfrom(fd, buffer, sizeof(buffer), MSG_TRUNC, (struct sockaddr *)&from, &n);
		if (len < 0)
			return errno == EAGAIN ? -ETIMEDOUT : -errno;
		if (from.nl_pid != 0) /* another program's, not the kernel's */
			continue;
		if ((size_t)len > sizeof(buffer))
			return -EMSGSIZE;
		if (sk_netlink_each(buffer, (size_t)len, fn, ctx, &error))
			return error;
	}
	return -E2BIG;
}

int sk_netlink_ask(int protocol, uint16_t type, uint16_t flags, const void *body, size_t len, sk_netlink_fn fn,
                   void *ctx)
{
	union {
		struct nlmsghdr h;
		uint8_t bytes[NLMSG_HDRLEN + 256];
	} q = {.h = {.nlmsg_len = (uint32_t)NLMSG_LENGTH(len),
	             .nlmsg_type = type,
	             .nlmsg_flags = NLM_F_REQUEST | flags,
	             .nlmsg_seq = 1}};
	const struct timeval wait = {.tv_sec = 3};
	const struct sockaddr_nl kernel = {.nl_family = AF_NETLINK};
	int fd, r;

	if (len > 256)
		return -EMSGSIZE;
	memcpy(q.bytes + NLMSG_HDRLEN, body, len);
	fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol);
	if (fd < 0)
		return -errno;
	if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait)) < 0 ||
	    sendto(fd, q.bytes, q.h.nlmsg_len, 0, (const struct sockaddr *)&kernel, sizeof(kernel)) < 0)
		r = -errno;
	else
		r = receive(fd, fn, ctx);
	close(fd);
	return r;
}
