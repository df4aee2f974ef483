// headers: the first bytes of a packet as linear memory, whatever buffers the driver spread it over.
//
// A packet in one segment is read in place. One in several is copied once, its first HEADERS_MAX bytes: pkt reads linear bytes only, and what
// lies behind is `inner_truncated` or `truncated` to it. Any thread that owns the packet.

#pragma once

#include <stdint.h>

#include <rte_mbuf.h>

#define HEADERS_MAX 256

// *ret_captured: how many bytes may be read at the result, which lives as long as packet and copy.
static inline const uint8_t *
headers_linear(const struct rte_mbuf *m, uint8_t copy[HEADERS_MAX], uint32_t *ret_captured)
{
	if (likely(m->nb_segs == 1)) {
		*ret_captured = m->data_len;
		return rte_pktmbuf_mtod(m, const uint8_t *);
	}
	*ret_captured = 0;
	for (; m != NULL && *ret_captured < HEADERS_MAX; m = m->next) {
		uint32_t n = RTE_MIN((uint32_t)m->data_len, HEADERS_MAX - *ret_captured);

		memcpy(copy + *ret_captured, rte_pktmbuf_mtod(m, const uint8_t *), n);
		*ret_captured += n;
	}
	return copy;
}
