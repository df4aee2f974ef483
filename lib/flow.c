#include "flow.h"

#include <inttypes.h>
#include <stdio.h>

enum form { BARE, DECIMAL, HEX, HALVES };

static const struct {
	const char *name;
	enum form form;
} kinds[FLOW_TUNNEL_KINDS] = {
	[FLOW_VLAN] = {"vlan", DECIMAL},    [FLOW_ETAG] = {"e-tag", DECIMAL},  [FLOW_VNTAG] = {"vn-tag", HALVES},
	[FLOW_PBB] = {"pbb", DECIMAL},      [FLOW_MACSEC] = {"macsec", BARE},  [FLOW_MPLS] = {"mpls", DECIMAL},
	[FLOW_PW] = {"pw", BARE},           [FLOW_PPPOE] = {"pppoe", DECIMAL}, [FLOW_IPIP] = {"ipip", BARE},
	[FLOW_6IN4] = {"6in4", BARE},       [FLOW_4IN6] = {"4in6", BARE},      [FLOW_6IN6] = {"6in6", BARE},
	[FLOW_ETHERIP] = {"etherip", BARE}, [FLOW_SRV6] = {"srv6", BARE},      [FLOW_GRE] = {"gre", DECIMAL},
	[FLOW_NVGRE] = {"nvgre", HEX},      [FLOW_PPTP] = {"pptp", DECIMAL},   [FLOW_ERSPAN] = {"erspan", DECIMAL},
	[FLOW_VXLAN] = {"vxlan", DECIMAL},  [FLOW_NSH] = {"nsh", DECIMAL},     [FLOW_GENEVE] = {"geneve", DECIMAL},
	[FLOW_EOIP] = {"eoip", DECIMAL},    [FLOW_GTPU] = {"gtp-u", HEX},      [FLOW_L2TP] = {"l2tp", HALVES},
	[FLOW_TEREDO] = {"teredo", BARE},
};

static int
format_one(uint8_t kind, uint32_t id, char *ret, size_t max)
{
	const char *name = kinds[kind].name;

	switch (kinds[kind].form) {
	case DECIMAL:
		return snprintf(ret, max, "%s:%" PRIu32, name, id);
	case HEX:
		return snprintf(ret, max, "%s:0x%08" PRIx32, name, id);
	case HALVES:
		return snprintf(ret, max, "%s:%" PRIu32 ".%" PRIu32, name, id >> 16, id & 0xffff);
	default:
		return snprintf(ret, max, "%s", name);
	}
}

char *
flow_tunnel_format(const struct flow_tunnel *t, char ret[static FLOW_TUNNEL_TEXT_MAX])
{
	size_t at = 0;

	ret[0] = '\0';
	for (unsigned i = 0; i < t->n; i++) {
		if (i > 0)
			ret[at++] = '/';
		at += (size_t)format_one(t->kinds[i], t->ids[i], ret + at, FLOW_TUNNEL_TEXT_MAX - at);
	}
	return ret;
}
