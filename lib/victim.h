// victim: who counts as one victim.
//
// An IPv4 address is one victim; an IPv6 host changes its address at will (RFC 8981), so its /64 (or what the operator says) is. Plain values; any thread.

#pragma once

#include "ip.h"

// The prefix that stands for the host: /32 for IPv4, /prefix6 for IPv6.
struct ip_prefix victim_identity(const struct ip_addr *, unsigned prefix6);
