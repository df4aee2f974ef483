#include "test.h"

#include "feed.h"
#include "listed.h"
#include "temporary.h"

#include <ctype.h>

static struct problem_list problems;
static struct feed_options options;

static int
set_up(void **state)
{
	(void)state;
	options = (struct feed_options)FEED_OPTIONS_DEFAULT;
	options.max_bad = 100;
	options.offline = true; // what is in the file, whether or not it is in force
	return 0;
}

static struct feed *
load_bytes(const char *content, size_t len)
{
	char *path = temporary(content, len, ".json");
	struct feed *f = NULL;

	problem_clear(&problems);
	options.path = path;
	if (feed_load(&options, &problems, &f) < 0)
		assert_true(problems.errors > 0);
	temporary_remove(path);
	return f;
}

static struct feed *
load(const char *content)
{
	return load_bytes(content, strlen(content));
}

static struct feed *
loaded(const char *content, enum feed_format format, size_t n)
{
	struct feed *f = load(content);

	if (f == NULL)
		fail_msg("refused: %s", problems.items[problems.n - 1].what);
	assert_int_equal(f->format, format);
	assert_int_equal(count(f), n);
	return f;
}

static void
refused_with(const char *content, const char *words)
{
	char text[1024];

	assert_null(load(content));
	problem_format(&problems.items[problems.n - 1], text, sizeof(text));
	if (strstr(text, words) == NULL)
		fail_msg("%s", text);
}

static void
skipped_once(const struct feed *f, enum feed_skip reason)
{
	size_t all = 0;

	for (int s = 0; s < FEED_SKIPS; s++)
		all += f->skipped[s];
	assert_int_equal(f->skipped[reason], 1);
	assert_int_equal(all, 1);
}

// Loads one indicator and something that is skipped for this reason.
static void
skips(const char *content, enum feed_format format, enum feed_skip reason)
{
	struct feed *f = loaded(content, format, 1);

	skipped_once(f, reason);
	feed_free(f);
}

static void
is_indicator(struct indicator in, const char *prefix, uint16_t port, const char *family)
{
	char text[IP_PREFIX_TEXT_MAX];

	assert_string_equal(ip_format_prefix(&in.prefix, text), prefix);
	assert_int_equal(in.port, port);
	assert_string_equal(names_text(in.family), family);
}

// ---- Feodo Tracker

#define FEODO                                                                                                          \
	"[\n"                                                                                                          \
	"  {\"ip_address\": \"8.8.4.4\", \"port\": 8080, \"status\": \"offline\", \"hostname\": null,\n"               \
	"   \"as_number\": 64500, \"first_seen\": \"2022-06-04 21:24:53\", \"last_online\": \"2026-03-07\",\n"         \
	"   \"malware\": \"Heodo\"},\n"                                                                                \
	"  {\"ip_address\": \"9.9.9.9\", \"port\": \"443\", \"status\": \"online\", \"hostname\": \"a.example\",\n"    \
	"   \"last_online\": \"2026-03-12\", \"malware\": \"QakBot\"}\n"                                               \
	"]\n"

static void
feodo_json_has_port_status_family_and_dates(void **state)
{
	struct feed *f = loaded(FEODO, FEED_FEODO_JSON, 2);

	(void)state;
	is_indicator(at(f, 0), "8.8.4.4", 8080, "Emotet");
	assert_int_equal(at(f, 0).flags, INDICATOR_OFFLINE);
	assert_true(at(f, 0).first_seen == 1654377893);
	assert_true(at(f, 0).last_seen == 1772841600);
	assert_int_equal(at(f, 0).line, 2);
	feed_free(f);
}

static void
feodo_ports_may_be_text_and_first_seen_may_be_absent(void **state)
{
	struct feed *f = loaded(FEODO, FEED_FEODO_JSON, 2);

	(void)state;
	is_indicator(at(f, 1), "9.9.9.9", 443, "QakBot");
	assert_int_equal(at(f, 1).flags, INDICATOR_ONLINE);
	assert_true(at(f, 1).first_seen == 0);
	assert_int_equal(at(f, 1).line, 5);
	feed_free(f);
}

static void
feodo_rows_without_address_or_port_are_malformed(void **state)
{
	static const char *const rows[] = {
		"{\"ip_address\":null,\"port\":1}",
		"{\"ip_address\":\"1.2.3\",\"port\":1}",
		"{\"ip_address\":\"9.9.9.9\",\"port\":0}",
		"{\"ip_address\":\"9.9.9.9\",\"port\":65536}",
		"{\"ip_address\":\"9.9.9.9\",\"port\":-1}",
		"{\"ip_address\":\"9.9.9.9\",\"port\":\"https\"}",
		"{\"ip_address\":\"9.9.9.9\"}",
		"{\"ip_address\":\"9.9.9.9\",\"port\":1.5}",
		"{\"port\":1}",
		"null",
		"\"9.9.9.9\"",
		"{\"ip_address\":\"9.9.9.9\",\"port\":1,\"x\":\"\\u0000\"}",
	};
	char list[512];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		snprintf(list, sizeof(list), "[{\"ip_address\":\"8.8.8.8\",\"port\":1},%s]", rows[i]);
		skips(list, FEED_FEODO_JSON, FEED_SKIP_MALFORMED);
	}
}

static void
a_record_that_is_no_json_is_malformed_at_its_line(void **state)
{
	struct feed *f =
		loaded("[{\"ip_address\":\"8.8.8.8\",\"port\":1},\n{\n\"ip_address\":\"9.9.9.9\",\n\"port\":1-2}]",
		       FEED_FEODO_JSON, 1);

	(void)state;
	skipped_once(f, FEED_SKIP_MALFORMED);
	assert_int_equal(problems.items[0].line, 4);
	feed_free(f);
}

static void
offline_rows_are_left_out_on_request(void **state)
{
	struct feed *f;

	(void)state;
	options.offline = false;
	f = loaded(FEODO, FEED_FEODO_JSON, 1);
	skipped_once(f, FEED_SKIP_OFFLINE);
	feed_free(f);
}

// ---- ThreatFox

#define FOX(value)                                                                                                     \
	"{\"ioc_value\":\"" value                                                                                      \
	"\",\"ioc_type\":\"ip:port\",\"threat_type\":\"botnet_cc\",\"malware\":\"win.njrat\","                         \
	"\"malware_printable\":\"NjRAT\",\"first_seen_utc\":\"2026-07-24 12:50:57\",\"last_seen_utc\":null,"           \
	"\"confidence_level\":75,\"is_compromised\":false,\"anonymous\":0}"
#define FOX_DOMAIN "{\"ioc_value\":\"a.example\",\"ioc_type\":\"domain\",\"confidence_level\":100}"

static void
threatfox_is_read_in_every_wrapper(void **state)
{
	static const char *const lists[] = {
		"{\"1856769\":[" FOX("8.8.8.8:443") "],\"1856770\":[" FOX("9.9.9.9:80") "]}",
		"{\"1856769\":" FOX("8.8.8.8:443") ",\"1856770\":" FOX("9.9.9.9:80") "}",
		"{\"query_status\":\"ok\",\"tags\":[\"x\"],\"data\":[" FOX("8.8.8.8:443") "," FOX("9.9.9.9:80") "]}",
		"{\"generated\":\"2026\",\"iocs\":[" FOX("8.8.8.8:443") "," FOX("9.9.9.9:80") "]}",
		"[" FOX("8.8.8.8:443") "," FOX("9.9.9.9:80") "]",
		"[[" FOX("8.8.8.8:443") "],[" FOX("9.9.9.9:80") "]]",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
		struct feed *f = loaded(lists[i], FEED_THREATFOX_JSON, 2);

		is_indicator(at(f, 0), "8.8.8.8", 443, "njRAT");
		assert_int_equal(at(f, 0).confidence, 75);
		assert_true(at(f, 0).first_seen == 1784897457);
		assert_true(at(f, 0).last_seen == 0);
		assert_int_equal(at(f, 0).flags, 0);
		feed_free(f);
	}
}

static void
threatfox_api_names_are_the_same_fields(void **state)
{
	struct feed *f = loaded("{\"data\":[{\"id\":\"41\",\"ioc\":\"8.8.8.8:443\",\"ioc_type\":\"ip:port\","
				"\"malware\":\"win.extreme_rat\",\"malware_printable\":\"Something new\","
				"\"confidence_level\":\"50\",\"first_seen\":\"2020-12-08 13:36:27 UTC\","
				"\"last_seen\":\"2020-12-09 00:00:00 UTC\",\"is_compromised\":true}]}",
				FEED_THREATFOX_JSON, 1);

	(void)state;
	is_indicator(at(f, 0), "8.8.8.8", 443, "XtremeRAT");
	assert_int_equal(at(f, 0).confidence, 50);
	assert_int_equal(at(f, 0).flags, INDICATOR_COMPROMISED);
	assert_true(at(f, 0).first_seen == 1607434587);
	assert_true(at(f, 0).last_seen == 1607472000);
	feed_free(f);
}

static void
threatfox_names_that_nobody_knows_stay_as_they_are(void **state)
{
	struct feed *f = loaded("[{\"ioc\":\"8.8.8.8:1\",\"ioc_type\":\"ip:port\",\"malware\":\"win.remcos\","
				"\"malware_printable\":\"Remcos\"},"
				"{\"ioc\":\"9.9.9.9:1\",\"ioc_type\":\"ip:port\",\"malware\":\"win.remcos\"}]",
				FEED_THREATFOX_JSON, 2);

	(void)state;
	assert_string_equal(names_text(at(f, 0).family), "Remcos");
	assert_string_equal(names_text(at(f, 1).family), "win.remcos");
	feed_free(f);
}

static void
threatfox_names_urls_and_hashes_are_no_addresses(void **state)
{
	(void)state;
	skips("[" FOX_DOMAIN "," FOX("8.8.8.8:443") "]", FEED_THREATFOX_JSON, FEED_SKIP_NOT_IP);
}

static void
threatfox_records_of_another_make_are_malformed(void **state)
{
	(void)state;
	skips("[" FOX("8.8.8.8:443") "," FOX("9.9.9.9") "]", FEED_THREATFOX_JSON, FEED_SKIP_MALFORMED);
	skips("[" FOX("8.8.8.8:443") ",{\"ioc\":\"9.9.9.9:1\"}]", FEED_THREATFOX_JSON, FEED_SKIP_MALFORMED);
	skips("[" FOX("8.8.8.8:443") ",1]", FEED_THREATFOX_JSON, FEED_SKIP_MALFORMED);
	skips("{\"1\":[" FOX("8.8.8.8:443") "],\"2\":null}", FEED_THREATFOX_JSON, FEED_SKIP_MALFORMED);
	skips("[" FOX("[2606:4700::1]:443") "," FOX("2606:4700::1:443") "]", FEED_THREATFOX_JSON, FEED_SKIP_MALFORMED);
}

static void
defanged_mirrors_are_read_only_on_request(void **state)
{
	static const char list[] = "[" FOX("41.234.45[.]136:8808") "," FOX("41[.]234(.)45.137[:]8808") "]";
	struct feed *f;

	(void)state;
	assert_null(load(list));
	assert_non_null(strstr(problems.items[0].what, "refang: true"));
	options.refang = true;
	f = loaded(list, FEED_THREATFOX_JSON, 2);
	is_indicator(at(f, 0), "41.234.45.136", 8808, "njRAT");
	feed_free(f);
	// Other brackets hide something else.
	skips("[" FOX("8.8.8.8:443") "," FOX("1[2.3.4.5:80") "]", FEED_THREATFOX_JSON, FEED_SKIP_MALFORMED);
}

// ---- Spamhaus DROP

#define DROP                                                                                                           \
	"{\"cidr\":\"1.10.16.0/20\",\"sblid\":\"SBL1\",\"rir\":\"apnic\"}\n"                                           \
	"{\"cidr\":\"2606:4700::/40\",\"sblid\":\"SBL2\",\"rir\":\"arin\"}\n"
#define DROP_END                                                                                                       \
	"{\"type\":\"metadata\",\"timestamp\":1784798042,\"size\":101866,\"records\":2,\"copyright\":\"(c)\"}\n"

static void
drop_lists_are_networks_and_say_how_many(void **state)
{
	struct feed *f = loaded(DROP DROP_END, FEED_DROP_JSON, 2);

	(void)state;
	is_indicator(at(f, 0), "1.10.16.0/20", 0, "");
	assert_int_equal(at(f, 1).line + at(f, 0).line, 3);
	assert_true(f->updated == 1784798042);
	feed_free(f);
}

static void
drop_lists_that_are_cut_are_refused(void **state)
{
	(void)state;
	refused_with(DROP, "is incomplete: the last line");
	refused_with("{\"cidr\":\"1.10.16.0/20\"}\n" DROP_END, "says 2 entries and has 1");
	refused_with(DROP DROP DROP_END, "says 2 entries and has 4");
	refused_with(DROP "{\"type\":\"metadata\"}", "is incomplete: the last line");
	refused_with(DROP "{\"type\":\"metadata\",\"records\":-2}", "is incomplete: the last line");
	refused_with(DROP_END, "is JSON, but none of");
}

static void
drop_lines_without_a_network_are_malformed_but_counted(void **state)
{
	(void)state;
	skips("{\"cidr\":\"1.10.16.0/20\"}\n{\"cidr\":\"1.10.16.0/200\"}\n" DROP_END, FEED_DROP_JSON,
	      FEED_SKIP_MALFORMED);
	skips("{\"cidr\":\"1.10.16.0/20\"}\n{\"asn\":64500}\n" DROP_END, FEED_DROP_JSON, FEED_SKIP_MALFORMED);
}

// ---- MISP

#define MISP_IP(type, value, more) "{\"type\":\"" type "\",\"to_ids\":true,\"value\":\"" value "\"" more "}"
#define TAG(name)                  ",\"Tag\":[{\"name\":\"tlp:white\"},{\"name\":\"" name "\"}]"
#define EVENT(attributes)          "{\"Event\":{\"info\":\"x\",\"Attribute\":[" attributes "]}}"

static void
misp_events_are_read_in_every_wrapper(void **state)
{
	static const char *const lists[] = {
		EVENT(MISP_IP("ip-dst", "8.8.8.8", "")),
		EVENT("{\"type\":\"ip-dst\",\"value\":\"8.8.8.8\",\"to_ids\":\"1\",\"deleted\":\"0\"}"),
		EVENT("{\"type\":\"ip-dst\",\"value\":\"8.8.8.8\"}"),
		"{\"response\":[" EVENT(MISP_IP("ip-dst", "8.8.8.8", "")) "]}",
		"{\"response\":{\"Attribute\":[" MISP_IP("ip-dst", "8.8.8.8", "") "]}}",
		"[" EVENT(MISP_IP("ip-dst", "8.8.8.8", "")) "]",
		"[{\"Attribute\":[" MISP_IP("ip-dst", "8.8.8.8", "") "]}]",
		"{\"Attribute\":[" MISP_IP("ip-dst", "8.8.8.8", "") "]}",
		"{\"Event\":{\"Object\":[{\"name\":\"url\",\"Attribute\":[" MISP_IP("ip-dst", "8.8.8.8", "") "]}]}}",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
		struct feed *f = loaded(lists[i], FEED_MISP_EVENT, 1);

		is_indicator(at(f, 0), "8.8.8.8", 0, "");
		feed_free(f);
	}
}

static void
misp_types_that_hold_an_address_are_read(void **state)
{
	static const struct {
		const char *type, *value, *prefix;
		uint16_t port;
	} cases[] = {
		{"ip-dst", "8.8.8.8", "8.8.8.8", 0},
		{"ip-dst", "8.8.8.0/24", "8.8.8.0/24", 0},
		{"ip-src", "2606:4700::1", "2606:4700::1", 0},
		{"ip-dst|port", "8.8.8.8|2500", "8.8.8.8", 2500},
		{"ip-src|port", "2606:4700::1|2500", "2606:4700::1", 2500},
		{"domain|ip", "a.example|8.8.8.8", "8.8.8.8", 0},
	};
	char list[256];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct feed *f;

		snprintf(list, sizeof(list), EVENT(MISP_IP("%s", "%s", "")), cases[i].type, cases[i].value);
		f = loaded(list, FEED_MISP_EVENT, 1);
		is_indicator(at(f, 0), cases[i].prefix, cases[i].port, "");
		feed_free(f);
	}
}

static void
misp_attributes_that_are_not_for_detection_are_withdrawn(void **state)
{
	static const char *const others[] = {
		"{\"type\":\"ip-dst\",\"value\":\"9.9.9.9\",\"to_ids\":false}",
		"{\"type\":\"ip-dst\",\"value\":\"9.9.9.9\",\"to_ids\":\"0\"}",
		"{\"type\":\"ip-dst\",\"value\":\"9.9.9.9\",\"to_ids\":true,\"deleted\":true}",
		"{\"type\":\"ip-dst\",\"value\":\"9.9.9.9\",\"to_ids\":true,\"deleted\":1}",
	};
	char list[512];

	(void)state;
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		snprintf(list, sizeof(list), EVENT(MISP_IP("ip-dst", "8.8.8.8", "") ",%s"), others[i]);
		skips(list, FEED_MISP_EVENT, FEED_SKIP_WITHDRAWN);
	}
	skips("{\"Event\":{\"Attribute\":[" MISP_IP("ip-dst", "8.8.8.8",
						    "") "],"
							"\"Object\":[{\"deleted\":true,\"Attribute\":[" MISP_IP(
								"ip-dst", "9.9.9.9", "") "]}]}}",
	      FEED_MISP_EVENT, FEED_SKIP_WITHDRAWN);
}

static void
misp_attributes_of_other_types_are_no_addresses(void **state)
{
	(void)state;
	skips(EVENT(MISP_IP("ip-dst", "8.8.8.8", "") "," MISP_IP("url", "http://9.9.9.9/", "")), FEED_MISP_EVENT,
	      FEED_SKIP_NOT_IP);
}

static void
misp_attributes_of_another_make_are_malformed(void **state)
{
	static const char *const others[] = {
		MISP_IP("ip-dst", "9.9.9", ""),
		MISP_IP("ip-dst|port", "9.9.9.9:80", ""),
		MISP_IP("domain|ip", "a.example", ""),
		"{\"value\":\"9.9.9.9\"}",
		"7",
	};
	char list[512];

	(void)state;
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		snprintf(list, sizeof(list), EVENT(MISP_IP("ip-dst", "8.8.8.8", "") ",%s"), others[i]);
		skips(list, FEED_MISP_EVENT, FEED_SKIP_MALFORMED);
	}
	skips("[" EVENT(MISP_IP("ip-dst", "8.8.8.8", "")) ",{\"x\":1}]", FEED_MISP_EVENT, FEED_SKIP_MALFORMED);
}

static void
misp_tags_name_the_family(void **state)
{
	static const struct {
		const char *tag, *family;
	} cases[] = {
		{"misp-galaxy:malpedia=\\\"Emotet\\\"", "Emotet"},
		{"misp-galaxy:malpedia=\\\"Pony\\\"", "Pony"},
		{"misp-galaxy:mitre-malware=\\\"njRAT - S0385\\\"", "njRAT"},
		{"misp-galaxy:rat=\\\"PoisonIvy\\\"", "PoisonIvy"},
		{"misp-galaxy:tool=\\\"Empire\\\"", ""},
		{"malware:heodo", "Emotet"},
		{"Darkcomet", "DarkComet"},
		{"emotet:epoch=\\\"1\\\"", ""}, // TrickBot's servers are tagged like this as well
		{"OSINT", ""},
	};
	char list[512];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct feed *f;

		snprintf(list, sizeof(list), EVENT(MISP_IP("ip-dst", "8.8.8.8", TAG("%s"))), cases[i].tag);
		f = loaded(list, FEED_MISP_EVENT, 1);
		assert_string_equal(names_text(at(f, 0).family), cases[i].family);
		feed_free(f);
	}
}

static void
misp_tags_of_the_event_are_for_attributes_without(void **state)
{
	struct feed *f = loaded("{\"Event\":{\"Attribute\":[" MISP_IP("ip-dst", "8.8.8.8", "") "," MISP_IP(
					"ip-dst", "9.9.9.9", TAG("njrat")) "]" TAG("emotet") "}}",
				FEED_MISP_EVENT, 2);

	(void)state;
	is_indicator(at(f, 0), "8.8.8.8", 0, "Emotet");
	is_indicator(at(f, 1), "9.9.9.9", 0, "njRAT");
	feed_free(f);
}

static void
misp_dates_are_those_of_the_sighting_or_of_the_last_change(void **state)
{
	struct feed *f = loaded(EVENT("\n" MISP_IP("ip-dst", "8.8.8.8",
						   ",\"timestamp\":\"1580258742\","
						   "\"first_seen\":\"2020-01-28T00:00:00.000000+00:00\",\"last_seen\":"
						   "null") ",\n" MISP_IP("ip-dst", "9.9.9.9",
									 ",\"timestamp\":\"1580258742\",\"last_seen\":"
									 "\"2020-03-01T00:00:00Z\"")),
				FEED_MISP_EVENT, 2);

	(void)state;
	assert_true(at(f, 0).first_seen == 1580169600);
	assert_true(at(f, 0).last_seen == 1580258742);
	assert_int_equal(at(f, 0).line, 2);
	assert_true(at(f, 1).first_seen == 0);
	assert_true(at(f, 1).last_seen == 1583020800);
	assert_int_equal(at(f, 1).line, 3);
	feed_free(f);
}

static void
misp_dates_that_no_calendar_has_are_none(void **state)
{
	struct feed *f =
		loaded(EVENT(MISP_IP("ip-dst", "8.8.8.8", ",\"timestamp\":\"9223372036854775807\"") "," MISP_IP(
			       "ip-dst", "9.9.9.9", ",\"timestamp\":-9223372036854775807")),
		       FEED_MISP_EVENT, 2);

	(void)state;
	assert_true(at(f, 0).last_seen == 0 && at(f, 0).expires == 0);
	assert_true(at(f, 1).last_seen == 0 && at(f, 1).expires == 0);
	feed_free(f);
}

#define PORT_OF_OBJECT(port)                                                                                           \
	"{\"type\":\"port\",\"object_relation\":\"dst-port\",\"value\":\"" port "\",\"to_ids\":false}"

static void
misp_objects_may_give_their_addresses_a_port(void **state)
{
	static const char object[] = "{\"Event\":{\"Object\":[{\"name\":\"ip-port\",\"Attribute\":[%s%s]}]}}";
	static const struct {
		const char *ports;
		uint16_t port;
	} cases[] = {
		{"," PORT_OF_OBJECT("443"), 443},
		{"," PORT_OF_OBJECT("443") "," PORT_OF_OBJECT("80"), 0}, // which of them, nobody says
		{"," PORT_OF_OBJECT("https"), 0},
		{",{\"type\":\"port\",\"object_relation\":\"src-port\",\"value\":\"443\"}", 0},
	};
	char list[512];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct feed *f;

		snprintf(list, sizeof(list), object, MISP_IP("ip-dst", "8.8.8.8", ""), cases[i].ports);
		f = loaded(list, FEED_MISP_EVENT, 1);
		is_indicator(at(f, 0), "8.8.8.8", cases[i].port, "");
		feed_free(f);
	}
}

static void
misp_samples_are_passed_over_whatever_their_size(void **state)
{
	static const char begin[] =
		"{\"Event\":{\"Attribute\":[{\"type\":\"malware-sample\",\"value\":\"a.exe|0\",\"data\":\"";
	static const char end[] = "\"}," MISP_IP("ip-dst", "8.8.8.8", "") "]}}";
	size_t sample = 4u << 20;
	char *list = malloc(sizeof(begin) + sample + sizeof(end));

	(void)state;
	strcpy(list, begin);
	memset(list + strlen(begin), 'A', sample);
	strcpy(list + strlen(begin) + sample, end);
	skips(list, FEED_MISP_EVENT, FEED_SKIP_NOT_IP);
	free(list);
}

// ---- MISP warninglists

#define WARNING(type, list) "{\"description\":\"d\",\"list\":[" list "],\"name\":\"n\"" type ",\"version\":3}"

static void
warninglists_are_addresses_and_networks(void **state)
{
	struct feed *f = loaded(WARNING(",\"type\":\"cidr\"",
					"\n\"162.142.125.0/24\",\n\"8.8.8.8\",\n\"2620:96:e000::\\/48\"\n"),
				FEED_MISP_WARNINGLIST, 3);

	(void)state;
	is_indicator(at(f, 1), "162.142.125.0/24", 0, "");
	assert_int_equal(at(f, 1).line, 2);
	assert_int_equal(at(f, 0).line + at(f, 2).line, 7);
	feed_free(f);
}

static void
warninglists_of_names_are_refused(void **state)
{
	(void)state;
	refused_with(WARNING(",\"type\":\"hostname\"", "\"a.example\",\"8.8.8.8\""), "type \"hostname\"");
	refused_with(WARNING(",\"type\":\"substring\"", "\"8.8.8.8\""), "type \"substring\"");
	refused_with(WARNING(",\"type\":\"regex\"", "\"8.8.8.8\""), "type \"regex\"");
	refused_with(WARNING(",\"type\":\"string\"", "\".a.example\""), "names, URLs");
	refused_with(WARNING(",\"type\":\"cidr\"", ""), "is empty");
}

static void
warninglists_of_texts_may_hold_addresses(void **state)
{
	(void)state;
	skips(WARNING(",\"type\":\"string\"", "\"8.8.8.8\",\"a.example\""), FEED_MISP_WARNINGLIST, FEED_SKIP_NOT_IP);
	skips(WARNING("", "\"8.8.8.8\",\"a.example\""), FEED_MISP_WARNINGLIST, FEED_SKIP_NOT_IP);
	skips(WARNING(",\"type\":\"cidr\"", "\"8.8.8.8\",\"a.example\""), FEED_MISP_WARNINGLIST, FEED_SKIP_MALFORMED);
	skips(WARNING(",\"type\":\"cidr\"", "\"8.8.8.8\",7"), FEED_MISP_WARNINGLIST, FEED_SKIP_MALFORMED);
}

// ---- STIX

#define INDICATOR(id, pattern, more)                                                                                   \
	"{\"type\":\"indicator\",\"id\":\"indicator--" id "\",\"pattern_type\":\"stix\",\"pattern\":\"" pattern        \
	"\",\"valid_from\":\"2014-05-08T09:00:00.000Z\"" more "}"
#define BUNDLE(objects) "{\"type\":\"bundle\",\"id\":\"bundle--1\",\"objects\":[" objects "]}"
#define ONE             INDICATOR("1", "[ipv4-addr:value = '8.8.8.8']", "")

static void
stix_is_read_in_every_wrapper(void **state)
{
	static const char *const lists[] = {BUNDLE(ONE), "{\"more\":false,\"objects\":[" ONE "]}", "[" ONE "]", ONE,
					    "\n" ONE};

	(void)state;
	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
		struct feed *f = loaded(lists[i], FEED_STIX2, 1);

		is_indicator(at(f, 0), "8.8.8.8", 0, "");
		assert_true(at(f, 0).first_seen == 1399539600);
		assert_true(at(f, 0).expires == 0);
		assert_int_equal(at(f, 0).confidence, 50); // the option's
		feed_free(f);
	}
}

static struct feed *
load_pattern(const char *pattern)
{
	char list[2048];

	snprintf(list, sizeof(list),
		 BUNDLE(INDICATOR("1", "%s", "") "," INDICATOR("2", "[ipv4-addr:value='9.9.9.9']", "")), pattern);
	return load(list);
}

static void
stix_addresses_joined_by_or_are_kept(void **state)
{
	static const struct {
		const char *pattern, *prefix;
		uint16_t port;
		uint8_t proto;
	} cases[] = {
		{"[ipv4-addr:value = '8.8.8.8']", "8.8.8.8", 0, 0},
		{" [ ipv4-addr:value='8.8.8.8' ] ", "8.8.8.8", 0, 0},
		{"[ipv4-addr:value = '8.8.0.0/15']", "8.8.0.0/15", 0, 0},
		{"[ipv4-addr:value ISSUBSET '8.8.0.0/15']", "8.8.0.0/15", 0, 0},
		{"[ipv6-addr:value = '2606:4700::1']", "2606:4700::1", 0, 0},
		{"[(ipv4-addr:value = '8.8.8.8')]", "8.8.8.8", 0, 0},
		{"[network-traffic:dst_ref.value = '8.8.8.8']", "8.8.8.8", 0, 0},
		{"[network-traffic:dst_ref.type = 'ipv4-addr' AND network-traffic:dst_ref.value = '8.8.8.8' AND "
		 "network-traffic:dst_port = 443]",
		 "8.8.8.8", 443, 0},
		{"[network-traffic:dst_port = '443' AND network-traffic:dst_ref.value = '8.8.8.8' AND "
		 "network-traffic:protocols[*] = 'tcp']",
		 "8.8.8.8", 443, 6},
		{"[network-traffic:src_ref.value = '8.8.8.8' AND network-traffic:protocols[*] = 'ipv4']", "8.8.8.8", 0,
		 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct feed *f = load_pattern(cases[i].pattern);
		struct indicator in;

		if (f == NULL || count(f) != 2)
			fail_msg("%s", cases[i].pattern);
		in = at(f, at(f, 0).prefix.addr.bytes[12] == 9);
		is_indicator(in, cases[i].prefix, cases[i].port, "");
		assert_int_equal(in.proto, cases[i].proto);
		feed_free(f);
	}
}

static void
stix_patterns_with_more_than_that_are_unsupported_as_a_whole(void **state)
{
	static const char *const patterns[] = {
		"[ipv4-addr:value = '8.8.8.8' AND domain-name:value = 'a.example']",
		"[ipv4-addr:value = '8.8.8.8'] AND [ipv4-addr:value = '8.8.4.4']",
		"[ipv4-addr:value = '8.8.8.8'] FOLLOWEDBY [ipv4-addr:value = '8.8.4.4']",
		"[ipv4-addr:value = '8.8.8.8'] WITHIN 300 SECONDS",
		"[ipv4-addr:value = '8.8.8.8'] START t'2026-01-01T00:00:00Z' STOP t'2026-02-01T00:00:00Z'",
		"([ipv4-addr:value = '8.8.8.8'])",
		"[ipv4-addr:value != '8.8.8.8']",
		"[ipv4-addr:value NOT = '8.8.8.8']",
		"[domain-name:value NOT LIKE 'a' OR ipv4-addr:value = '8.8.8.8']",
		"[domain-name:value NOT IN ('a') OR ipv4-addr:value = '8.8.8.8']",
		"[NOT ipv4-addr:value = '8.8.8.8']",
		"[ipv4-addr:value IN ('8.8.8.8', '8.8.4.4')]",
		"[ipv4-addr:value LIKE '8.8.%%']",
		"[ipv4-addr:value = '8.8.8.8' OR network-traffic:dst_port = 443]",
		"[network-traffic:src_ref.value = '8.8.4.4' AND network-traffic:dst_ref.value = '8.8.8.8']",
		"[network-traffic:dst_ref.value = '8.8.8.8' AND network-traffic:protocols[*] = 'http']",
		"[network-traffic:dst_ref.value = '8.8.8.8' AND network-traffic:dst_port > 1024]",
		"[network-traffic:dst_ref.value = '8.8.8.8' AND network-traffic:dst_port = 0]",
		"[(ipv4-addr:value = '8.8.8.8' OR ipv4-addr:value = '8.8.4.4') AND file:name = 'a']",
		"[ipv4-addr:value = '8.8.8.8'",
		"[ipv4-addr:value = '8.8.8.8",
		"[ipv4-addr:value = ]",
		"[ipv4-addr:value]",
		"[(ipv4-addr:value = '8.8.8.8']",
		"[ipv4-addr:value = '8.8.8.8')]",
		"[ipv4-addr:value = '8.8.8.8' OR ]",
		"[ipv4-addr:value = '8.8.8.8' ipv4-addr:value = '8.8.4.4']",
		"ipv4-addr:value = '8.8.8.8'",
		"[]",
		"x",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(patterns) / sizeof(patterns[0]); i++) {
		struct feed *f = load_pattern(patterns[i]);

		if (f == NULL || count(f) != 1 || f->skipped[FEED_SKIP_UNSUPPORTED] != 1)
			fail_msg("%s", patterns[i]);
		skipped_once(f, FEED_SKIP_UNSUPPORTED);
		feed_free(f);
	}
}

static void
stix_names_and_files_beside_addresses_are_no_addresses(void **state)
{
	static const struct {
		const char *pattern;
		size_t n, not_ip;
	} cases[] = {
		{"[domain-name:value = 'a.example' OR ipv4-addr:value = '8.8.8.8' OR ipv4-addr:value = '8.8.4.4']", 3,
		 1},
		{"[ipv4-addr:value = '8.8.8.8'] OR [url:value LIKE 'http://%%']", 2, 1},
		{"[file:hashes.'SHA-256' = 'ab' AND file:size > 10]", 1, 1},
		{"[file:name IN ('a', 'b') OR x509-certificate:validity_not_after = t'2026-01-01T00:00:00Z']", 1, 2},
		{"[file:extensions.'windows-pebinary-ext'.sections[0].name = '.text']", 1, 1},
		{"[domain-name:value = 'it\\\\'s']", 1, 1},
		{"[network-traffic:dst_ref.type = 'domain-name' AND network-traffic:dst_ref.value = 'a.example' AND "
		 "network-traffic:dst_port = 80]",
		 1, 1},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct feed *f = load_pattern(cases[i].pattern);

		if (f == NULL || count(f) != cases[i].n || f->skipped[FEED_SKIP_NOT_IP] != cases[i].not_ip ||
		    f->skipped[FEED_SKIP_UNSUPPORTED] > 0)
			fail_msg("%s", cases[i].pattern);
		feed_free(f);
	}
}

static void
stix_patterns_in_another_language_are_unsupported(void **state)
{
	(void)state;
	skips("[" ONE
	      ",{\"type\":\"indicator\",\"id\":\"indicator--2\",\"pattern_type\":\"snort\",\"pattern\":\"alert tcp\"}]",
	      FEED_STIX2, FEED_SKIP_UNSUPPORTED);
	skips("[" ONE ",{\"type\":\"indicator\",\"id\":\"indicator--2\",\"pattern_type\":\"sigma\","
	      "\"pattern\":\"[ipv4-addr:value = '9.9.9.9']\"}]",
	      FEED_STIX2, FEED_SKIP_UNSUPPORTED);
	skips("[" ONE ",{\"type\":\"indicator\",\"id\":\"indicator--2\"}]", FEED_STIX2, FEED_SKIP_MALFORMED);
	skips(BUNDLE(ONE "," INDICATOR("2", "[ipv4-addr:value = '9.9.9']", "")), FEED_STIX2, FEED_SKIP_MALFORMED);
}

static void
a_deep_pattern_is_no_deep_recursion(void **state)
{
	char pattern[1500];

	(void)state;
	memset(pattern, '(', sizeof(pattern) - 1);
	pattern[0] = '[';
	pattern[sizeof(pattern) - 1] = '\0';
	feed_free(load_pattern(pattern));
	assert_int_equal(problems.errors, 0);
}

static void
stix_says_from_when_until_when_and_how_sure(void **state)
{
	struct feed *f = loaded(BUNDLE("\n" INDICATOR("1", "[ipv4-addr:value = '8.8.8.8']",
						      ",\"valid_until\":\"2099-05-09T09:00:00Z\",\"confidence\":85")),
				FEED_STIX2, 1);

	(void)state;
	assert_true(at(f, 0).expires == 4082000400);
	assert_int_equal(at(f, 0).confidence, 85);
	assert_int_equal(at(f, 0).line, 2);
	feed_free(f);
}

static void
stix_indicators_that_are_revoked_replaced_or_benign_are_withdrawn(void **state)
{
	(void)state;
	skips(BUNDLE(ONE "," INDICATOR("2", "[ipv4-addr:value = '9.9.9.9']", ",\"revoked\":true")), FEED_STIX2,
	      FEED_SKIP_WITHDRAWN);
	skips(BUNDLE(ONE "," INDICATOR("2", "[ipv4-addr:value = '9.9.9.9']", ",\"indicator_types\":[\"benign\"]")),
	      FEED_STIX2, FEED_SKIP_WITHDRAWN);
	skips(BUNDLE(INDICATOR(
		      "1", "[ipv4-addr:value = '9.9.9.9']",
		      ",\"modified\":\"2014-05-08T09:00:00.000Z\"") "," INDICATOR("1", "[ipv4-addr:value = '8.8.8.8']",
										  ",\"modified\":\"2015-05-08T09:00:00."
										  "000Z\"")),
	      FEED_STIX2, FEED_SKIP_WITHDRAWN);
}

#define MALWARE(more) "{\"type\":\"malware\",\"id\":\"malware--1\"," more "}"
#define INDICATES(what)                                                                                                \
	"{\"type\":\"relationship\",\"id\":\"relationship--1\",\"relationship_type\":\"" what                          \
	"\",\"source_ref\":\"indicator--1\",\"target_ref\":\"malware--1\"}"

static void
stix_relationships_name_the_family(void **state)
{
	static const struct {
		const char *list, *family;
	} cases[] = {
		{BUNDLE(MALWARE("\"name\":\"Poison Ivy\"") "," INDICATES("indicates") "," ONE), "PoisonIvy"},
		{BUNDLE(ONE "," INDICATES("indicates") "," MALWARE("\"name\":\"Poison Ivy\"")), "PoisonIvy"},
		{BUNDLE(ONE "," INDICATES("indicates") "," MALWARE("\"name\":\"PIVY Variant (8010cae3,)\"")),
		 "PoisonIvy"},
		{BUNDLE(ONE "," INDICATES("indicates") "," MALWARE("\"name\":\"X\",\"aliases\":[\"Y\",\"Heodo\"]")),
		 "Emotet"},
		{BUNDLE(ONE "," INDICATES("indicates") "," MALWARE("\"name\":\"New One\"")), "New One"},
		{BUNDLE(ONE "," INDICATES("uses") "," MALWARE("\"name\":\"Poison Ivy\"")), ""},
		{BUNDLE(ONE "," INDICATES("indicates")), ""},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct feed *f = loaded(cases[i].list, FEED_STIX2, 1);

		assert_string_equal(names_text(at(f, 0).family), cases[i].family);
		feed_free(f);
	}
}

// ---- all of them

static void
json_of_an_unknown_shape_is_refused_with_those_that_are_known(void **state)
{
	static const char *const texts[] = {
		"{\"a\":1}",
		"[\"8.8.8.8\"]",
		"[[\"x\", \"dst_ip\", \"dst_port\", \"y\"]]",
		"{\"data\":\"no_result\"}",
		"{\"list\":{},\"name\":\"n\"}",
		"{\"objects\":[1]}",
		"{\"asn\":1}\n{\"asn\":2}",
		ONE "\n" ONE,
		FEODO "[]",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		refused_with(texts[i], "is JSON, but none of feodo-json");
		for (int f = FEED_FEODO_JSON; f < FEED_FORMATS; f++)
			refused_with(texts[i], feed_format_name((enum feed_format)f));
	}
}

static void
nothing_in_it_is_refused(void **state)
{
	static const char *const texts[] = {"[]",       "{}",   "{\"data\":[]}", "{\"response\":[]}",
					    BUNDLE(""), "[{}]", EVENT("")};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		refused_with(texts[i], "empty");
}

static const struct {
	enum feed_format format;
	size_t n;
	const char *text;
} samples[] = {
	{FEED_FEODO_JSON, 2, FEODO},
	{FEED_THREATFOX_JSON, 2, "{\n\"1856769\":[" FOX("8.8.8.8:443") "],\n\"1856770\":[" FOX("9.9.9.9:80") "]}\n"},
	{FEED_THREATFOX_JSON, 2, "{\"data\":[" FOX("8.8.8.8:443") "," FOX("9.9.9.9:80") "]}\n"},
	{FEED_DROP_JSON, 2, DROP DROP_END},
	{FEED_MISP_EVENT, 2,
	 EVENT(MISP_IP("ip-dst", "8.8.8.8", TAG("emotet")) "," MISP_IP("ip-dst|port", "9.9.9.9|1", "")) " \n"},
	{FEED_MISP_WARNINGLIST, 2, WARNING(",\"type\":\"cidr\"", "\"8.8.8.8\",\"9.9.9.0/24\"") "\n"},
	{FEED_STIX2, 2, BUNDLE(ONE "," INDICATOR("2", "[ipv4-addr:value = '9.9.9.9']", "")) "\n\n"},
	{FEED_STIX2, 1, "[" ONE "]\n"},
	{FEED_STIX2, 1, ONE "\n"},
};

static void
a_list_cut_at_any_byte_is_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(samples) / sizeof(samples[0]); i++) {
		size_t len = strlen(samples[i].text);

		feed_free(loaded(samples[i].text, samples[i].format, samples[i].n));
		while (isspace((unsigned char)samples[i].text[len - 1]))
			len--;
		for (size_t cut = 0; cut < len; cut++)
			if (load_bytes(samples[i].text, cut) != NULL)
				fail_msg("the first %zu bytes of sample %zu load", cut, i);
	}
}

static void
a_cut_list_is_called_incomplete(void **state)
{
	(void)state;
	refused_with("[{\"ip_address\":\"8.8.8.8\",\"port\":1},\n{\"ip_ad", ":2: is incomplete");
	refused_with("{\"Event\":{", ":1: is incomplete");
}

static void
a_format_that_is_fixed_reads_no_other(void **state)
{
	(void)state;
	for (int f = FEED_TEXT; f < FEED_FORMATS; f++)
		for (size_t i = 0; i < sizeof(samples) / sizeof(samples[0]); i++) {
			struct feed *feed;

			options.format = (enum feed_format)f;
			feed = load(samples[i].text);
			assert_int_equal(feed != NULL, samples[i].format == options.format);
			feed_free(feed);
		}
	options.format = FEED_FEODO_JSON;
	refused_with("8.8.8.8\n", "is no feodo-json: it reads as text");
}

static void
a_byte_order_mark_and_blanks_above_are_passed_over(void **state)
{
	(void)state;
	feed_free(loaded("\xef\xbb\xbf\r\n\t" FEODO, FEED_FEODO_JSON, 2));
}

static void
a_record_larger_than_one_mib_is_malformed(void **state)
{
	size_t items = 600000, len = 0;
	char *list = malloc(items * 2 + 256);

	(void)state;
	len += (size_t)sprintf(
		list, "[{\"ip_address\":\"8.8.8.8\",\"port\":1},{\"ip_address\":\"9.9.9.9\",\"port\":1,\"x\":[");
	for (size_t i = 0; i < items; i++)
		len += (size_t)sprintf(list + len, "1,");
	sprintf(list + len, "1]}]");
	skips(list, FEED_FEODO_JSON, FEED_SKIP_MALFORMED);
	assert_non_null(strstr(problems.items[0].what, "more than 1 MiB"));
	free(list);
}

static void
a_line_may_be_as_long_as_a_file(void **state)
{
	size_t rows = 5000, len = 1;
	char *list = malloc(rows * 64);

	(void)state;
	list[0] = '[';
	for (size_t i = 0; i < rows; i++)
		len += (size_t)sprintf(list + len, "%s{\"ip_address\":\"8.8.%zu.%zu\",\"port\":1}", i > 0 ? "," : "",
				       i / 256, i % 256);
	strcpy(list + len, "]");
	feed_free(loaded(list, FEED_FEODO_JSON, rows));
	free(list);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup(name, set_up)
		TEST(feodo_json_has_port_status_family_and_dates),
		TEST(feodo_ports_may_be_text_and_first_seen_may_be_absent),
		TEST(feodo_rows_without_address_or_port_are_malformed),
		TEST(a_record_that_is_no_json_is_malformed_at_its_line),
		TEST(offline_rows_are_left_out_on_request),
		TEST(threatfox_is_read_in_every_wrapper),
		TEST(threatfox_api_names_are_the_same_fields),
		TEST(threatfox_names_that_nobody_knows_stay_as_they_are),
		TEST(threatfox_names_urls_and_hashes_are_no_addresses),
		TEST(threatfox_records_of_another_make_are_malformed),
		TEST(defanged_mirrors_are_read_only_on_request),
		TEST(drop_lists_are_networks_and_say_how_many),
		TEST(drop_lists_that_are_cut_are_refused),
		TEST(drop_lines_without_a_network_are_malformed_but_counted),
		TEST(misp_events_are_read_in_every_wrapper),
		TEST(misp_types_that_hold_an_address_are_read),
		TEST(misp_attributes_that_are_not_for_detection_are_withdrawn),
		TEST(misp_attributes_of_other_types_are_no_addresses),
		TEST(misp_attributes_of_another_make_are_malformed),
		TEST(misp_tags_name_the_family),
		TEST(misp_tags_of_the_event_are_for_attributes_without),
		TEST(misp_dates_are_those_of_the_sighting_or_of_the_last_change),
		TEST(misp_dates_that_no_calendar_has_are_none),
		TEST(misp_objects_may_give_their_addresses_a_port),
		TEST(misp_samples_are_passed_over_whatever_their_size),
		TEST(warninglists_are_addresses_and_networks),
		TEST(warninglists_of_names_are_refused),
		TEST(warninglists_of_texts_may_hold_addresses),
		TEST(stix_is_read_in_every_wrapper),
		TEST(stix_addresses_joined_by_or_are_kept),
		TEST(stix_patterns_with_more_than_that_are_unsupported_as_a_whole),
		TEST(stix_names_and_files_beside_addresses_are_no_addresses),
		TEST(stix_patterns_in_another_language_are_unsupported),
		TEST(a_deep_pattern_is_no_deep_recursion),
		TEST(stix_says_from_when_until_when_and_how_sure),
		TEST(stix_indicators_that_are_revoked_replaced_or_benign_are_withdrawn),
		TEST(stix_relationships_name_the_family),
		TEST(json_of_an_unknown_shape_is_refused_with_those_that_are_known),
		TEST(nothing_in_it_is_refused),
		TEST(a_list_cut_at_any_byte_is_refused),
		TEST(a_cut_list_is_called_incomplete),
		TEST(a_format_that_is_fixed_reads_no_other),
		TEST(a_byte_order_mark_and_blanks_above_are_passed_over),
		TEST(a_record_larger_than_one_mib_is_malformed),
		TEST(a_line_may_be_as_long_as_a_file),
	};
	int failed = cmocka_run_group_tests(tests, NULL, NULL);

	problem_clear(&problems);
	return failed;
}
