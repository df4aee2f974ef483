#include "indicator.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

// The canonical name of a family, how others call it (lower case, letters and digits only), and who opens its connections.
static const struct {
	const char *name;
	bool connects_in; // the infected host listens, and the controller connects to it
	const char *aliases[8];
} families[] = {
	// The server part connects to the host it was built with (reverse connection), so lists name that host.
	{"Bozok", false, {"bozok", "bozokrat", "bezigaterat"}},
	{"Cafeini", false, {"cafeini"}},
	{"DarkComet", false, {"darkcomet", "darkcometrat", "breut", "fynloski", "klovbot", "darkcomettrojan"}},
	{"DarkTrackRAT", false, {"darktrackrat", "darktrack", "darktrackrattrojan"}},
	{"Emotet", false, {"emotet", "geodo", "heodo"}},
	{"NanoCore", false, {"nanocore", "nanocorerat", "nancrat", "nanocorerattrojan"}},
	// The server part listens on 12345, 12346 or 20034 and the attacker's client connects.
	{"NetBus", true, {"netbus", "netbustrojan"}},
	{"njRAT", false, {"njrat", "bladabindi", "limeworm", "njw0rm", "njrattrojan"}},
	// Its server may connect back as well; what the lists name are the hosts it connects back to.
	{"NuclearRAT", false, {"nuclearrat", "nuclear"}},
	{"OrcusRAT", false, {"orcusrat", "orcus", "schnorchel", "orcusrattrojan"}},
	{"PoisonIvy", false, {"poisonivy", "pivy", "poisonivytrojan"}},
	// The server part listens on 5110 and the attacker's client connects.
	{"ProRAT", true, {"prorat", "prorattrojan"}},
	{"XtremeRAT", false, {"xtremerat", "xtrat", "extremerat", "xtreme", "xtremerattrojan"}},
	{"ZeroAccess", false, {"zeroaccess", "sirefef", "max++", "maxplusplus", "smiscer", "zeroaccesstrojan"}},
};

#define FAMILIES (sizeof(families) / sizeof(families[0]))

// Letters and digits in lower case, without a leading "win." of Malpedia's ids. false: too long to be an alias.
static bool
normalise(const char *text, size_t len, char *ret, size_t size)
{
	size_t n = 0;

	if (len > 4 && strncasecmp(text, "win.", 4) == 0) {
		text += 4;
		len -= 4;
	}
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)text[i];

		if (c == ' ' || c == '_' || c == '-')
			continue;
		if (n + 1 >= size)
			return false;
		ret[n++] = (char)tolower(c);
	}
	ret[n] = '\0';
	return n > 0;
}

static bool
is_called(size_t family, const char *alias)
{
	for (size_t i = 0; i < sizeof(families[0].aliases) / sizeof(families[0].aliases[0]); i++)
		if (families[family].aliases[i] != NULL && strcmp(families[family].aliases[i], alias) == 0)
			return true;
	return false;
}

name_id
indicator_family(const char *text, size_t len)
{
	char alias[64];

	if (normalise(text, len, alias, sizeof(alias)))
		for (size_t i = 0; i < FAMILIES; i++)
			if (is_called(i, alias))
				return names_of(families[i].name);
	return names_intern(text, len);
}

bool
indicator_connects_in(name_id family)
{
	for (size_t i = 0; i < FAMILIES; i++)
		if (families[i].connects_in && strcmp(families[i].name, names_text(family)) == 0)
			return true;
	return false;
}

int
indicator_compare(const struct indicator *a, const struct indicator *b)
{
	int order = ip_compare(&a->prefix.addr, &b->prefix.addr);

	if (order != 0)
		return order;
	if (a->prefix.len != b->prefix.len)
		return a->prefix.len - b->prefix.len;
	if (a->port != b->port)
		return a->port - b->port;
	if (a->proto != b->proto)
		return a->proto - b->proto;
	if (a->family != b->family)
		return strcmp(names_text(a->family), names_text(b->family));
	return strcmp(names_text(a->feed), names_text(b->feed));
}
