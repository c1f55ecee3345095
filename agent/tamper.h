/*
 * Somebody had their hands on the agent: noticed at the next start (killed, downgraded, exchanged), while it runs (traced, its files or its place in
 * the boot changed), and recorded. What belongs to its start is put back. Events: agent.unclean agent.downgraded agent.upgraded agent.replaced
 * agent.traced agent.files-changed settings.put-back. root can do all of it and more: docs/threats.md.
 */
#ifndef SK_AGENT_TAMPER_H
#define SK_AGENT_TAMPER_H

#include "agent/daemon.h"

struct sk_tamper;

int sk_tamper_start(struct sk_daemon *d); /* the journal is there: compares, records, notes this run. 0 or -ENOMEM */
void sk_tamper_stop(struct sk_daemon *d); /* an orderly end; frees */
void sk_tamper_look(struct sk_daemon *d); /* cheap: is it traced */
void sk_tamper_put_back(struct sk_daemon *d); /* its place in the boot alone */
void sk_tamper_tend(struct sk_daemon *d); /* now and then: also its files and its place in the boot */
const char *sk_tamper_program(const struct sk_daemon *d); /* SHA-256 of the program that runs; "" = unknown */

#endif
