/*
 * What the office says to this terminal beside its policy and permits, all of it in the signed grants bundle: orders (agent/orders.h) and what they
 * change here (agent/isolation.h, agent/suspend.h, disk keys), and notices that people acknowledge (I7).
 * Events: order.taken order.done isolation.on isolation.off networks.closed scan.full notice.received notice.acknowledged.
 */
#ifndef SK_AGENT_OFFICE_H
#define SK_AGENT_OFFICE_H

#include "agent/daemon.h"
#include "agent/isolation.h"

struct sk_office;

int sk_office_start(
    struct sk_daemon *d); /* makes d->office; the journal is there, bundles are not read yet. 0 or negative */
struct sk_office *sk_office_free(struct sk_office *o); /* NULL ok */
/* A grants bundle came into force; body NULL = none holds any more. */
void sk_office_bundle(struct sk_daemon *d, const json_t *body);
void sk_office_tend(
    struct sk_daemon *d); /* now and then: what was set is still set; what waited for the record goes on */
void sk_office_arrived(struct sk_daemon *d, const char *person); /* logged in: is told what they have not read */

/* What the check of networks found is closed in the kernel, where the policy says so (agent/netguard.h). facts: its evidence. */
void sk_office_networks(struct sk_daemon *d, const struct sk_check *check, const json_t *facts);

bool sk_office_suspended(const struct sk_daemon *d, const char *person);
enum sk_isolation_mode sk_office_isolation(const struct sk_daemon *d);
/* A telephone code: back to the network. 0 or negative. */
int sk_office_lift(struct sk_daemon *d);

/* The ops `notices` and `notice.ack` of this person. */
json_t *
sk_office_notice_list(struct sk_daemon *d,
                      const char *person); /* [{"id","number","from","title","text","created","until","read"}] */
int sk_office_notice_ack(struct sk_daemon *d, const char *person, const char *id,
                         struct sk_err *err); /* 0; -ENOENT; -EIO not recorded */

#endif
