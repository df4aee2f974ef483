#include "test.h"

#include "csv.h"
#include "feeds.h"

static struct feed_options
tolerant(void)
{
	struct feed_options o = FEED_OPTIONS_DEFAULT;

	o.max_bad = 100;
	return o;
}

static struct feed_options
with_columns(const char *columns)
{
	struct feed_options o = tolerant();

	o.columns = columns;
	o.offline = true;
	return o;
}

static struct feed *
load_tolerant(const char *content)
{
	return load_with(content, strlen(content), tolerant());
}

// ---- Feodo Tracker

static void
feodo_tracker_says_what_is_online(void **state)
{
	struct feed *f = load("first_seen_utc,dst_ip,dst_port,c2_status,last_online,malware\n"
			      "2023-05-23 17:51:44,8.8.8.8,1194,online,2024-04-01,Heodo\n"
			      "2023-05-23 17:51:44,8.8.4.4,443,offline,2024-04-01,QakBot\n"
			      "2023-05-23 17:51:44,9.9.9.9,443,,2024-04-01,None\n");

	(void)state;
	assert_non_null(f);
	assert_int_equal(f->format, FEED_FEODO_CSV);
	assert_int_equal(indicator_of(f, "8.8.8.8", 1194)->flags, INDICATOR_ONLINE);
	assert_int_equal(indicator_of(f, "8.8.4.4", 443)->flags, INDICATOR_OFFLINE);
	assert_int_equal(indicator_of(f, "9.9.9.9", 443)->flags, 0);
	assert_string_equal(family_of(f, "8.8.8.8", 1194), "Emotet");
	assert_string_equal(family_of(f, "9.9.9.9", 443), "");
	feed_free(f);
}

static void
columns_are_found_by_name_wherever_they_stand(void **state)
{
	struct feed *f = load("malware,extra,DST_PORT,dst_ip\nHeodo,x,443,8.8.8.8\n");

	(void)state;
	assert_non_null(f);
	assert_int_equal(f->format, FEED_FEODO_CSV);
	assert_string_equal(family_of(f, "8.8.8.8", 443), "Emotet");
	feed_free(f);
}

static void
a_row_without_a_port_is_malformed_where_the_list_has_ports(void **state)
{
	struct feed *f = load_tolerant("dst_ip,dst_port\n8.8.8.8,0\n8.8.8.8,65536\n8.8.8.8,\n8.8.8.8\n8.8.8.8,443\n");

	(void)state;
	assert_int_equal(count(f), 1);
	assert_int_equal(f->skipped[FEED_SKIP_MALFORMED], 4);
	feed_free(f);
}

// ---- ThreatFox

#define FOX_BANNER                                                                                                     \
	"################################################################\r\n"                                         \
	"# ThreatFox IOCs: recent - CSV format                          #\r\n"                                         \
	"# Last updated: 2026-07-24 13:50:06 UTC                        #\r\n"                                         \
	"################################################################\r\n#\r\n"
#define FOX_14                                                                                                         \
	"# \"first_seen_utc\",\"ioc_id\",\"ioc_value\",\"ioc_type\",\"threat_type\",\"fk_malware\",\"malware_alias\"," \
	"\"malware_printable\",\"last_seen_utc\",\"confidence_level\",\"reference\",\"tags\",\"anonymous\","           \
	"\"reporter\"\r\n"
#define FOX_15                                                                                                         \
	"# \"first_seen_utc\",\"ioc_id\",\"ioc_value\",\"ioc_type\",\"threat_type\",\"fk_malware\",\"malware_alias\"," \
	"\"malware_printable\",\"last_seen_utc\",\"confidence_level\",\"is_compromised\",\"reference\",\"tags\","      \
	"\"anonymous\",\"reporter\"\r\n"

static const char fox14[] = FOX_BANNER FOX_14
	"\"2024-07-16 05:25:36\", \"1\", \"8.8.8.8:7777\", \"ip:port\", \"botnet_cc\", \"win.extreme_rat\", "
	"\"XTRAT,ExtRat\", \"Xtreme RAT\", \"\", \"100\", \"None\", \"a,b\", \"0\", \"someone\"\r\n"
	"\"2024-07-16 05:25:36\", \"2\", \"example.org\", \"domain\", \"botnet_cc\", \"win.x\", \"None\", \"X\", "
	"\"None\", \"75\", \"None\", \"None\", \"0\", \"someone\"\r\n"
	"# Number of entries: 2\r\n";

static const char fox15[] = FOX_BANNER FOX_15
	"\"2024-07-16 05:25:36\", \"1\", \"8.8.8.8:7777\", \"ip:port\", \"payload_delivery\", \"win.unheard_of\", "
	"\"Some, alias\", \"Unheard Of\", \"2024-08-01 00:00:00\", \"50\", \"True\", \"None\", \"None\", \"0\", "
	"\"x\"\r\n"
	"\"2024-07-16 05:25:36\", \"2\", \"8.8.4.4:443\", \"ip:port\", \"botnet_cc\", \"unknown\", \"None\", "
	"\"Unknown malware\", \"\", \"None\", \"False\", \"None\", \"None\", \"0\", \"x\"\r\n"
	"\"2024-07-16 05:25:36\", \"3\", \"9.9.9.9:80\", \"ip:port\", \"botnet_cc\", \"win.nameless\", \"None\", "
	"\"None\", \"\", \"101\", \"False\", \"None\", \"None\", \"0\", \"x\"\r\n"
	"# Number of entries: 3\r\n";

static void
threatfox_is_read_with_fourteen_columns(void **state)
{
	struct feed *f = load(fox14);
	const struct indicator *in = indicator_of(f, "8.8.8.8", 7777);

	(void)state;
	assert_int_equal(f->format, FEED_THREATFOX_CSV);
	assert_int_equal(count(f), 1);
	assert_int_equal(f->skipped[FEED_SKIP_NOT_IP], 1);
	assert_string_equal(names_text(in->family), "XtremeRAT");
	assert_int_equal(in->confidence, 100);
	assert_int_equal(in->flags, 0);
	assert_true(in->first_seen == 1721107536);
	assert_true(in->last_seen == 0);
	assert_true(f->updated == 1784901006);
	feed_free(f);
}

static void
threatfox_is_read_with_fifteen_columns(void **state)
{
	struct feed *f = load(fox15);
	const struct indicator *hacked = indicator_of(f, "8.8.8.8", 7777);

	(void)state;
	assert_int_equal(count(f), 3);
	assert_int_equal(hacked->flags, INDICATOR_COMPROMISED);
	assert_int_equal(hacked->confidence, 50);
	assert_true(hacked->last_seen == 1722470400);
	assert_string_equal(names_text(hacked->family), "Unheard Of");
	assert_string_equal(family_of(f, "8.8.4.4", 443), "");
	assert_string_equal(family_of(f, "9.9.9.9", 80), "win.nameless");
	assert_int_equal(indicator_of(f, "9.9.9.9", 80)->confidence, 50); // the feed's own
	feed_free(f);
}

static void
a_threatfox_export_cut_at_any_byte_is_refused(void **state)
{
	size_t whole = strlen(fox15);

	(void)state;
	// Up to the last digit of the count: what then lacks is a line's end.
	for (size_t len = 0; len < whole - 2; len++)
		assert_null(load_with(fox15, len, (struct feed_options)FEED_OPTIONS_DEFAULT));
}

static void
a_row_of_threatfox_that_ends_early_is_malformed(void **state)
{
	struct feed *f = load_tolerant(
		FOX_14 "\"2024-07-16 05:25:36\", \"1\", \n\"2024-07-16 05:25:36\", \"1\", \"8.8.8.8:7777\"\n"
		       "\"2024-07-16 05:25:36\", \"1\", \"8.8.8.8:7777\", \"ip:port\"\n");

	(void)state;
	assert_int_equal(count(f), 1);
	assert_int_equal(f->skipped[FEED_SKIP_MALFORMED], 2);
	feed_free(f);
}

static void
a_count_above_the_entries_is_not_trusted(void **state)
{
	struct feed *f = load("# Number of entries: 7\n8.8.8.8\n");

	(void)state;
	assert_non_null(f);
	feed_free(f);
	refused("8.8.8.8\n# Number of entries: 7\n", tolerant(), "incomplete: it says 7 entries and has 1");
	f = load("8.8.8.8\n# Number of entries: 7 or so\n");
	assert_non_null(f);
	feed_free(f);
}

// ---- SSLBL

static void
sslbl_is_read_as_it_was_and_as_it_is(void **state)
{
	struct feed *old = load("# DstIP,DstPort\n8.8.8.8,443,Dridex C&C\n8.8.4.4,8443,Bladabindi C&C\n");
	struct feed *f = load("Firstseen,DstIP,DstPort\r\n2020-08-10 21:58:27,8.8.8.8,5200\r\n# END (1) entries");

	(void)state;
	assert_int_equal(old->format, FEED_SSLBL_CSV);
	assert_string_equal(family_of(old, "8.8.8.8", 443), "Dridex");
	assert_string_equal(family_of(old, "8.8.4.4", 8443), "njRAT");
	feed_free(old);
	assert_int_equal(f->format, FEED_SSLBL_CSV);
	assert_true(indicator_of(f, "8.8.8.8", 5200)->first_seen == 1597096707);
	assert_string_equal(family_of(f, "8.8.8.8", 5200), "");
	feed_free(f);
	refused("Firstseen,DstIP,DstPort\n2020-08-10 21:58:27,8.8.8.8,5200\n# END (2) entries", tolerant(),
		"incomplete");
	refused("# abuse.ch SSLBL Botnet C2 IP Blacklist (CSV) #\nFirstseen,DstIP,DstPort\n2020-08-10 "
		"21:58:27,8.8.8.8,5200\n",
		tolerant(), "incomplete");
}

// ---- C2IntelFeeds, Sophos, Viriback

static void
c2intelfeeds_say_the_family_in_english(void **state)
{
	struct feed *f = load("#ip,ioc\n8.8.8.8,Possible Cobaltstrike C2 IP\n8.8.4.4,njRAT\n9.9.9.9,Possible  C2 IP\n");

	(void)state;
	assert_int_equal(f->format, FEED_C2INTEL_CSV);
	assert_string_equal(family_of(f, "8.8.8.8", 0), "Cobaltstrike");
	assert_string_equal(family_of(f, "8.8.4.4", 0), "njRAT");
	feed_free(f);
}

static void
of_a_vendors_indicators_only_addresses_are_ours(void **state)
{
	static const char list[] =
		"\xef\xbb\xbfIndicator_type,Data,Note\r\nDescription,some campaign,https://example.org/\r\n"
		"ip,8[.]8[.]8[.]8,C2\r\nip_port,8.8.4.4:9338,C2, and more\r\nurl,9.9.9.9:2222,C2\r\n"
		"url,9.9.9.9/47820.dat,payload\r\nsha256,d41d8cd98f00b204e9800998ecf8427e,\"x\"\r\n";
	struct feed_options o = tolerant();
	struct feed *f = load_tolerant(list);

	(void)state;
	assert_int_equal(f->format, FEED_SOPHOS_CSV);
	assert_int_equal(count(f), 2);
	assert_int_equal(f->skipped[FEED_SKIP_NOT_IP], 3);
	assert_int_equal(f->skipped[FEED_SKIP_MALFORMED], 1);
	assert_true(is_said("refang: true"));
	indicator_of(f, "8.8.4.4", 9338);
	indicator_of(f, "9.9.9.9", 2222);
	feed_free(f);
	o.refang = true;
	f = load_with(list, strlen(list), o);
	indicator_of(f, "8.8.8.8", 0);
	feed_free(f);
}

static void
viriback_writes_the_day_first(void **state)
{
	struct feed *f = load("Family,URL,IP,FirstSeen\nHeodo,http://example.org/a.php,8.8.8.8,14-02-2026\n"
			      "Amadey,http://example.com/,8.8.4.4,2026-02-14\n");

	(void)state;
	assert_int_equal(f->format, FEED_VIRIBACK_CSV);
	assert_true(indicator_of(f, "8.8.8.8", 0)->first_seen == 1771027200);
	assert_true(indicator_of(f, "8.8.4.4", 0)->first_seen == 0);
	assert_string_equal(family_of(f, "8.8.8.8", 0), "Emotet");
	feed_free(f);
}

// ---- any columns

static const char own[] = "when,dst,\"dst port\",what,seen,sure\n2024-01-01,8.8.8.8,443,Heodo,offline,80\n"
			  "2024-01-01,8.8.4.0/24,,Geodo,,\n2024-01-01,9.9.9.9:8080,,x,online,900\n"
			  "2024-01-01,example.org,,x,online,1\n";

static void
an_operator_names_the_columns_of_any_csv(void **state)
{
	struct feed *f = load_with(
		own, strlen(own),
		with_columns("address=dst, port = dst port ,family=what,first_seen=when,status=seen,confidence=sure"));
	const struct indicator *in = indicator_of(f, "8.8.8.8", 443);

	(void)state;
	assert_int_equal(f->format, FEED_CSV);
	assert_string_equal(names_text(in->family), "Emotet");
	assert_int_equal(in->flags, INDICATOR_OFFLINE);
	assert_int_equal(in->confidence, 80);
	assert_true(in->first_seen == 1704067200);
	assert_string_equal(family_of(f, "8.8.4.0/24", 0), "Emotet");
	assert_int_equal(indicator_of(f, "9.9.9.9", 8080)->confidence, 50);
	assert_int_equal(f->skipped[FEED_SKIP_NOT_IP], 1);
	feed_free(f);
}

static void
a_missing_column_refuses_the_file_and_names_those_that_are_there(void **state)
{
	struct feed_options o = tolerant();

	(void)state;
	refused(own, with_columns("address=dst_ip"),
		"has no column 'dst_ip'; those that it has are: when, dst, dst port, what");
	refused(own, with_columns("address=dst,family=malware"), "has no column 'malware'");
	refused(own, tolerant(), "columns: {address: NAME}; they are: when, dst");
	refused("ASN,Entity\n64500,\"A network, NL\"\n", tolerant(), "they are: ASN, Entity");
	o.format = FEED_FEODO_CSV;
	refused("first_seen_utc,dst_ip,malware\n2024-01-01,8.8.8.8,Heodo\n", o, "has no column 'dst_port'");
	o.format = FEED_VIRIBACK_CSV;
	refused("Family,IP,FirstSeen\nx,8.8.8.8,14-02-2026\n", o, "has no column 'URL'");
	o.format = FEED_CSV;
	refused("8.8.8.8\n", o, "is no csv: it reads as text");
	o.format = FEED_FEODO_CSV;
	refused("8.8.8.8\n", o, "is no feodo-csv: it reads as text");
	refused(fox14, o, "is no feodo-csv: it reads as threatfox-csv");
	o.columns = "address=dst_ip";
	refused("dst_ip,dst_port\n8.8.8.8,1\n", o, "leave one of them out");
}

static void
what_is_wrong_with_a_map_of_columns_is_said(void **state)
{
	static const char *const wrong[][2] = {
		{"", "names no column"},
		{"address", "names no column"},
		{"address=", "names no column"},
		{"address= ", "names no column"},
		{"address=a,", "names no column"},
		{"port=a", "no column that it is the address"},
		{"adress=a", "something else than address, port"},
		{"address=a,address=b", "two columns for the same"},
	};
	char text[2000] = "address=";

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		const char *said = feed_columns_check(wrong[i][0]);

		if (said == NULL || strstr(said, wrong[i][1]) == NULL)
			fail_msg("'%s': %s", wrong[i][0], said != NULL ? said : "accepted");
	}
	assert_null(feed_columns_check("address=dst_ip,port=dst_port,last_seen=x"));
	memset(text + 8, 'x', sizeof(text) - 9);
	assert_non_null(strstr(feed_columns_check(text), "too long"));
}

static void
a_row_that_cannot_be_split_is_malformed_and_loses_no_other(void **state)
{
	static char list[20000] = "dst_ip,dst_port,malware\n8.8.8.8,443,\"Heodo\n8.8.4.4,443,x\n9.9.9.9,443,";
	size_t len = strlen(list);
	struct feed *f;

	(void)state;
	memset(list + len, 'x', 9000);
	strcpy(list + len + 9000, "\n1.1.1.1,443,y\n");
	f = load_tolerant(list);
	assert_int_equal(count(f), 2);
	assert_int_equal(f->skipped[FEED_SKIP_MALFORMED], 2);
	feed_free(f);
}

static void
a_header_without_rows_is_an_empty_list(void **state)
{
	static const char *const lists[] = {"dst_ip,dst_port\n", "#ip,ioc\n", "Firstseen,DstIP,DstPort\r\n", FOX_15};

	(void)state;
	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++)
		refused(lists[i], tolerant(), "is empty");
}

static int
forget(void **state)
{
	(void)state;
	problem_clear(&problems);
	return 0;
}

static void
a_date_may_have_a_fraction_and_a_zone_and_one_that_is_none_is_said(void **state)
{
	static const char content[] = "ip,seen\n"
				      "9.0.0.1,2024-01-01T00:00:00.000000+00:00\n"
				      "9.0.0.2,2024-01-01 00:00:00\n"
				      "9.0.0.3,\n";
	static const char undated[] = "ip,seen\n9.0.0.1,1704067200\n9.0.0.2,1704067200\n";
	struct feed_options o = FEED_OPTIONS_DEFAULT;
	struct feed *f;

	(void)state;
	o.columns = "address=ip,last_seen=seen";
	f = load_with(content, strlen(content), o);
	assert_int_equal(problems.n, 0);
	assert_true(indicator_of(f, "9.0.0.1", 0)->last_seen == 1704067200);
	assert_true(indicator_of(f, "9.0.0.2", 0)->last_seen == 1704067200);
	assert_true(indicator_of(f, "9.0.0.3", 0)->last_seen == 0);
	feed_free(f);
	f = load_with(undated, strlen(undated), o);
	assert_int_equal(problems.n, 1);
	assert_true(is_said(":2: seen: warning: '1704067200' is no date"));
	feed_free(f);
}

// Whoever fills a cell of somebody's CSV must not fill its rows.
static void
what_stands_in_a_cell_with_line_breaks_is_no_row(void **state)
{
	static const char content[] = "ip,port,comment\r\n"
				      "9.0.0.1,443,\"one\r\n8.8.8.8,443,two\r\n\"\r\n"
				      "9.0.0.2,x,bad\r\n"
				      "9.0.0.3,443,\"a \"\"quoted\"\"\n8.8.8.8,443,two\"";
	static const char forgotten[] = "ip,port,comment\n"
					"9.0.0.1,443,\"one\n"
					"\"9.0.0.2\",443,two\n"
					"9.0.0.3,443,\"three\n"
					"9.0.0.4,443,four\n";
	struct feed_options o = with_columns("address=ip,port=port");
	struct feed *f;

	(void)state;
	o.max_bad = 50;
	f = load_with(content, strlen(content), o);
	assert_int_equal(count(f), 2);
	assert_int_equal(indicator_of(f, "9.0.0.1", 443)->line, 2);
	assert_int_equal(indicator_of(f, "9.0.0.3", 443)->line, 6);
	assert_true(is_said(":5: "));
	feed_free(f);
	f = load_with(forgotten, strlen(forgotten), o);
	assert_int_equal(count(f), 2);
	indicator_of(f, "9.0.0.2", 443);
	indicator_of(f, "9.0.0.4", 443);
	feed_free(f);
}

static void
a_cell_that_is_too_long_is_no_row_either(void **state)
{
	struct feed_options o = with_columns("address=ip,port=port");
	char *content, *at;
	struct feed *f;

	(void)state;
	o.max_bad = 50;
	content = at = malloc(CSV_ROW_MAX * 2);
	at += sprintf(at, "ip,port,comment\n9.0.0.1,443,\"");
	for (int i = 0; i < CSV_ROW_MAX / 8; i++)
		at += sprintf(at, "8.8.8.8,1\n");
	at += sprintf(at, "\"\n9.0.0.2,443,\n");
	f = load_with(content, (size_t)(at - content), o);
	assert_int_equal(count(f), 1);
	indicator_of(f, "9.0.0.2", 443);
	feed_free(f);
	free(content);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(feodo_tracker_says_what_is_online),
		cmocka_unit_test(columns_are_found_by_name_wherever_they_stand),
		cmocka_unit_test(a_row_without_a_port_is_malformed_where_the_list_has_ports),
		cmocka_unit_test(threatfox_is_read_with_fourteen_columns),
		cmocka_unit_test(threatfox_is_read_with_fifteen_columns),
		cmocka_unit_test(a_threatfox_export_cut_at_any_byte_is_refused),
		cmocka_unit_test(a_row_of_threatfox_that_ends_early_is_malformed),
		cmocka_unit_test(a_count_above_the_entries_is_not_trusted),
		cmocka_unit_test(sslbl_is_read_as_it_was_and_as_it_is),
		cmocka_unit_test(c2intelfeeds_say_the_family_in_english),
		cmocka_unit_test(of_a_vendors_indicators_only_addresses_are_ours),
		cmocka_unit_test(viriback_writes_the_day_first),
		cmocka_unit_test(an_operator_names_the_columns_of_any_csv),
		cmocka_unit_test(a_missing_column_refuses_the_file_and_names_those_that_are_there),
		cmocka_unit_test(what_is_wrong_with_a_map_of_columns_is_said),
		cmocka_unit_test(a_row_that_cannot_be_split_is_malformed_and_loses_no_other),
		cmocka_unit_test(a_header_without_rows_is_an_empty_list),
		cmocka_unit_test(a_date_may_have_a_fraction_and_a_zone_and_one_that_is_none_is_said),
		cmocka_unit_test(what_stands_in_a_cell_with_line_breaks_is_no_row),
		cmocka_unit_test(a_cell_that_is_too_long_is_no_row_either),
	};

	return cmocka_run_group_tests(tests, NULL, forget);
}
