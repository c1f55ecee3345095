/*
 * What sekimori-verdict does: asks sekimorid about a block device while udev makes its node; without an answer it refuses by itself whatever
 * hangs on USB and is no learned system disk.
 */
#ifndef SK_AGENT_ASK_VERDICT_H
#define SK_AGENT_ASK_VERDICT_H

/* devpath: "/devices/...". Static text: "internal" "deny" "ro" "rw". root, conf as in struct sk_early; socket: the control socket. */
const char *sk_ask_verdict(const char *socket, int timeout_ms, const char *root, const char *conf, const char *devpath);
/* Without sekimorid; sets read-only what it refuses. */
const char *sk_verdict_alone(const char *root, const char *conf, const char *devpath);

#endif
