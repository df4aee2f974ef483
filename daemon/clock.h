// clock: the time of a packet, in nanoseconds since the epoch (UTC).
//
// A replayed packet carries its time in a dynamic mbuf field (rte_mbuf_dyn.h); a live one has the time at which a worker found
// that it hit. Live time is read through the vDSO (no system call) and never runs backwards within one thread.

#pragma once

#include <rte_mbuf.h>
#include <rte_mbuf_dyn.h>
#include <stdbool.h>
#include <stdint.h>

struct clock {
	bool replay;
	int field;       // offset of the dynamic field; replay only
	int64_t last_ns; // latest time handed out
};

// Registers the field once for the process. 0, or a negative errno.
int clock_register(int *ret_field);

int64_t clock_wall_ns(void);

static inline void
clock_stamp(int field, struct rte_mbuf *m, int64_t time_ns)
{
	*RTE_MBUF_DYNFIELD(m, field, int64_t *) = time_ns;
}

static inline int64_t
clock_now_ns(struct clock *c)
{
	int64_t now = clock_wall_ns();

	if (now > c->last_ns)
		c->last_ns = now;
	return c->last_ns;
}

static inline int64_t
clock_packet_ns(struct clock *c, const struct rte_mbuf *m)
{
	int64_t t;

	if (!c->replay)
		return clock_now_ns(c);
	t = *RTE_MBUF_DYNFIELD(m, c->field, const int64_t *);
	if (t > c->last_ns)
		c->last_ns = t;
	return t;
}
