#include "region.h"

#include <stddef.h>
#include <string.h>

static const struct {
	const char *name, *countries;
} regions[] = {
	{"Latin America",
	 "AG AI AR AW BB BL BO BQ BR BS BZ CL CO CR CU CW DM DO EC FK GD GF GP GT GY HN HT JM KN KY LC MF MQ MS "
	 "MX NI PA PE PR PY SR SV SX TC TT UY VC VE VG VI"},
	{"North America", "BM CA GL PM US"},
	{"Europe", "AD AL AT AX BA BE BG BY CH CY CZ DE DK EE ES FI FO FR GB GG GI GR HR HU IE IM IS IT JE LI LT LU LV "
		   "MC MD ME MK "
		   "MT NL NO PL PT RO RS RU SE SI SJ SK SM UA VA XK"},
	{"Middle East", "AE BH IL IQ IR JO KW LB OM PS QA SA SY TR YE"},
	{"Africa", "AO BF BI BJ BW CD CF CG CI CM CV DJ DZ EG EH ER ET GA GH GM GN GQ GW KE KM LR LS LY MA MG ML MR MU "
		   "MW MZ NA NE "
		   "NG RE RW SC SD SH SL SN SO SS ST SZ TD TG TN TZ UG YT ZA ZM ZW"},
	{"South Asia", "AF BD BT IN LK MV NP PK"},
	{"East Asia", "BN CN HK ID JP KH KP KR LA MM MN MO MY PH SG TH TL TW VN"},
	{"Central Asia", "AM AZ GE KG KZ TJ TM UZ"},
	{"Oceania", "AS AU CC CK CX FJ FM GU KI MH MP NC NF NR NU NZ PF PG PN PW SB TK TO TV UM VU WF WS"},
};

const char *
region_of(const char *country)
{
	if (strlen(country) == 2)
		for (size_t i = 0; i < sizeof(regions) / sizeof(regions[0]); i++)
			for (const char *at = regions[i].countries; *at != '\0'; at += at[2] == ' ' ? 3 : 2)
				if (memcmp(at, country, 2) == 0)
					return regions[i].name;
	return "unknown";
}
