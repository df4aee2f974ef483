// region: ISO 3166-1 alpha-2 country code -> the part of the world that a report groups it under. Static texts; any thread.

#pragma once

// "Latin America", "North America", "Europe", "Middle East", "Africa", "South Asia", "East Asia", "Central Asia", "Oceania"; "unknown" for everything else.
const char *region_of(const char *country);
