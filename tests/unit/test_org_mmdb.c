#include "test.h"

#include "mmdb.h"
#include "org.h"

static struct problem_list problems;

static int
build(const char *const *paths, size_t n, struct org_set **ret)
{
	problem_clear(&problems);
	return org_build(NULL, 0, paths, n, &problems, ret);
}

static struct org_facts
facts(const struct org_set *s, const char *address)
{
	struct org_facts f;
	struct ip_addr a;

	assert_int_equal(ip_parse(address, strlen(address), &a), 0);
	org_find(s, &a, &f);
	return f;
}

static struct org_network
network(const struct org_set *s, const char *address)
{
	struct org_network n;
	struct ip_addr a;

	assert_int_equal(ip_parse(address, strlen(address), &a), 0);
	org_network(s, &a, &n);
	return n;
}

static void
answers(const struct org_set *s, const char *address, enum org_attribution attribution, const char *id,
	const char *name, const char *country)
{
	struct org_facts f = facts(s, address);

	assert_string_equal(org_attribution_name(f.attribution), org_attribution_name(attribution));
	assert_string_equal(names_text(f.id), id);
	assert_string_equal(names_text(f.name), name);
	assert_string_equal(names_text(f.country), country);
}

// Answers of databases that are made here -------------------------------------------------------------------------------------

// One record of up to three texts; NULL is left out.
static char *
database_of(const char *organization, const char *isp, const char *country)
{
	struct mmdb m;

	mmdb_begin(&m);
	mmdb_map(&m, (organization != NULL) + (isp != NULL) + (country != NULL));
	if (organization != NULL)
		mmdb_text(&m, "organization"), mmdb_text(&m, organization);
	if (isp != NULL)
		mmdb_text(&m, "isp"), mmdb_text(&m, isp);
	if (country != NULL) {
		mmdb_text(&m, "country"), mmdb_map(&m, 1);
		mmdb_text(&m, "iso_code"), mmdb_text(&m, country);
	}
	return mmdb_end(&m, ".mmdb");
}

static void
earlier_databases_win_field_by_field(void **state)
{
	char *first = database_of(NULL, "Provider", NULL), *second = database_of("Example Bank", "Other", "AT"),
	     *third = mmdb_of_as(64500, "Third");
	const char *const all[] = {first, second, third}, *const two[] = {first, third}, *const one[] = {third};
	struct org_set *s;

	(void)state;
	assert_int_equal(build(all, 3, &s), 0);
	answers(s, "8.8.8.8", ORG_ORGANIZATION, "o-example-bank", "Example Bank", "AT");
	assert_int_equal(facts(s, "8.8.8.8").asn, 64500);
	org_free(s);
	assert_int_equal(build(two, 2, &s), 0);
	answers(s, "2a00::1", ORG_ISP, "as64500", "Provider", "");
	org_free(s);
	assert_int_equal(build(one, 1, &s), 0);
	answers(s, "8.8.8.8", ORG_ASN, "as64500", "Third", "");
	answers(s, "10.0.0.1", ORG_PRIVATE, "private", "private", "");
	org_free(s);
	temporary_remove(first);
	temporary_remove(second);
	temporary_remove(third);
}

static void
an_as_has_its_own_name_or_its_number(void **state)
{
	char *number = mmdb_of_as(64500, NULL), *other = mmdb_of_as(64501, "Other"), *same = mmdb_of_as(64500, "Same");
	const char *const all[] = {number, other, same};
	struct org_set *s;

	(void)state;
	assert_int_equal(build(all, 2, &s), 0);
	answers(s, "8.8.8.8", ORG_ASN, "as64500", "AS64500", "");
	org_free(s);
	assert_int_equal(build(all, 3, &s), 0);
	answers(s, "8.8.8.8", ORG_ASN, "as64500", "Same", "");
	org_free(s);
	temporary_remove(number);
	temporary_remove(other);
	temporary_remove(same);
}

static void
a_provider_that_is_its_own_organization_is_no_suspect(void **state)
{
	char *own = database_of("EXAMPLE Telecom", "Example Telecom", NULL), *as = mmdb_of_as(64500, "Example telecom"),
	     *customer = database_of("Example Telecom", NULL, NULL);
	const char *const paths[] = {own, as}, *const by_as[] = {customer, as};
	struct org_set *s;

	(void)state;
	assert_int_equal(build(paths, 1, &s), 0);
	answers(s, "8.8.8.8", ORG_ISP, "o-example-telecom", "Example Telecom", "");
	org_free(s);
	assert_int_equal(build(by_as, 2, &s), 0);
	answers(s, "8.8.8.8", ORG_ASN, "as64500", "Example telecom", "");
	org_free(s);
	for (int a = ORG_WATCHLIST; a <= ORG_UNKNOWN; a++)
		assert_int_equal(org_can_be_suspected((enum org_attribution)a), a <= ORG_ORGANIZATION);
	temporary_remove(own);
	temporary_remove(as);
	temporary_remove(customer);
}

static void
controllers_have_a_network_of_whoever_knows_it_first(void **state)
{
	static const char own[] = "address,country,network\n203.0.113.0/24,,Written by hand\n",
			  list[] = "network,id,name,country\n203.0.113.7,c,Customer,AT\n198.51.100.0/24,c,,\n";
	char *networks = temporary(own, strlen(own), ".csv"), *watchlist = temporary(list, strlen(list), ".csv"),
	     *database = database_of("Organization", "Provider", "DE");
	const char *const lists[] = {watchlist}, *const databases[] = {networks, database};
	struct org_set *s;

	(void)state;
	problem_clear(&problems);
	assert_int_equal(org_build(lists, 1, databases, 2, &problems, &s), 0);
	assert_string_equal(names_text(network(s, "203.0.113.7").network), "Written by hand");
	assert_string_equal(names_text(network(s, "203.0.113.7").country), "AT");
	assert_string_equal(names_text(network(s, "203.0.113.8").country), "DE");
	assert_string_equal(names_text(network(s, "198.51.100.1").network), "Customer");
	assert_string_equal(names_text(network(s, "8.8.8.8").network), "Organization");
	org_free(s);
	temporary_remove(networks);
	temporary_remove(watchlist);
	temporary_remove(database);
}

// Files that are damaged ----------------------------------------------------------------------------------------------------------

static void
refused_with(struct mmdb *m, const char *words)
{
	char *path = temporary((const char *)m->bytes, m->n, ".mmdb"), text[1024];
	const char *const paths[] = {path};
	struct org_set *s = NULL;

	assert_true(build(paths, 1, &s) < 0);
	assert_null(s);
	assert_int_equal(problems.errors, 1);
	problem_format(&problems.items[0], text, sizeof(text));
	if (strstr(text, path) != text || strstr(text, words) == NULL || strstr(text, "download it again") == NULL)
		fail_msg("'%s' does not say '%s'", text, words);
	temporary_remove(path);
}

static void
begin_with_isp(struct mmdb *m)
{
	mmdb_begin(m);
	mmdb_map(m, 1);
	mmdb_text(m, "isp"), mmdb_text(m, "Provider");
}

static void
broken_trees_and_records_are_refused_by_name(void **state)
{
	struct mmdb m;

	(void)state;
	mmdb_begin(&m);
	mmdb_map(&m, 1);
	mmdb_text(&m, "isp"), mmdb_pointer(&m, 2000);
	mmdb_metadata(&m, MMDB_NODES);
	refused_with(&m, "is damaged: a record is broken");
	begin_with_isp(&m);
	mmdb_metadata(&m, MMDB_NODES + 1);
	refused_with(&m, "is damaged: its tree has another size than it says");
	begin_with_isp(&m);
	mmdb_metadata(&m, 1u << 30);
	refused_with(&m, "is no MaxMind-format database, or not a whole one");
	begin_with_isp(&m);
	m.bytes[0] = 0x7f; // the left record of the only node
	mmdb_metadata(&m, MMDB_NODES);
	refused_with(&m, "is damaged: a node points behind the end");
	begin_with_isp(&m);
	m.bytes[2] = MMDB_NODES + 3;
	mmdb_metadata(&m, MMDB_NODES);
	refused_with(&m, "is damaged: a node points between tree and records");
}

static void
a_file_that_is_cut_anywhere_is_refused(void **state)
{
	struct mmdb m;

	(void)state;
	begin_with_isp(&m);
	mmdb_metadata(&m, MMDB_NODES);
	for (size_t whole = m.n, len = 0; len < whole; len++) {
		char *path = temporary((const char *)m.bytes, len, ".mmdb");
		const char *const paths[] = {path};
		struct org_set *s;

		// The last thing in the file is an empty map, so that every byte is needed.
		if (build(paths, 1, &s) == 0)
			fail_msg("%zu of %zu bytes are taken for a database", len, whole);
		assert_int_equal(problems.errors, 1);
		temporary_remove(path);
	}
}

// Of tree and records: libmaxminddb 1.7.1 loses some memory over a broken description in the metadata.
static void
a_file_with_any_bit_changed_is_refused_or_answers(void **state)
{
	struct mmdb m;
	size_t len;

	(void)state;
	begin_with_isp(&m);
	len = m.n;
	mmdb_metadata(&m, MMDB_NODES);
	for (size_t bit = 0; bit < len * 8; bit++) {
		struct org_set *s;
		char *path;

		m.bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
		path = temporary((const char *)m.bytes, m.n, ".mmdb");
		m.bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
		if (build((const char *const[]){path}, 1, &s) == 0) {
			facts(s, "8.8.8.8");
			facts(s, "2a00::1");
			org_free(s);
		} else {
			assert_int_equal(problems.errors, 1);
		}
		temporary_remove(path);
	}
}

// An operator who copies over the file instead of renaming a new one into its place.
static void
a_file_that_is_overwritten_while_in_use_answers_as_before(void **state)
{
	char *path = database_of("Example Bank", "Provider", "AT");
	const char *const paths[] = {path};
	struct org_set *s;
	FILE *f;

	(void)state;
	assert_int_equal(build(paths, 1, &s), 0);
	f = fopen(path, "r+");
	assert_non_null(f);
	for (int i = 0; i < 4096; i++)
		assert_int_equal(fputc(0xff, f), 0xff);
	assert_int_equal(fclose(f), 0);
	answers(s, "8.8.8.8", ORG_ORGANIZATION, "o-example-bank", "Example Bank", "AT");
	assert_int_equal(truncate(path, 0), 0);
	answers(s, "2a00::1", ORG_ORGANIZATION, "o-example-bank", "Example Bank", "AT");
	org_free(s);
	temporary_remove(path);
}

// Files of others -----------------------------------------------------------------------------------------------------------------

// The path of a file in RATWATCH_TEST_DATA/mmdb; skips the test without it. Valid until the next call but seven.
static const char *
real(const char *name)
{
	static char paths[8][512];
	static unsigned n;
	const char *data = getenv("RATWATCH_TEST_DATA");

	if (data == NULL) {
		print_message("skipped: RATWATCH_TEST_DATA is not set\n");
		skip();
	}
	snprintf(paths[++n % 8], sizeof(paths[0]), "%s/mmdb/%s", data, name);
	return paths[n % 8];
}

static void
isp_databases_lack_fields_at_random(void **state)
{
	const char *const paths[] = {real("GeoIP2-ISP-Test.mmdb"), real("GeoLite2-Country-Test.mmdb")};
	struct org_set *s;

	(void)state;
	assert_int_equal(build(paths, 2, &s), 0);
	answers(s, "65.23.121.221", ORG_ORGANIZATION, "o-endodontic-associates-of-savannah",
		"Endodontic Associates Of Savannah", "");
	answers(s, "24.38.243.141", ORG_ORGANIZATION, "o-lawn-mullen-good-international",
		"LAWN MULLEN & GOOD INTERNATIONAL", "");
	answers(s, "1.128.0.1", ORG_ISP, "as1221", "Telstra Internet", "");
	answers(s, "5.83.124.1", ORG_ISP, "o-wifinetcom", "WifiNetCom", "");
	answers(s, "31.64.0.1", ORG_ASN, "as12576", "Orange Personal Communications Services", "");
	answers(s, "64.17.248.1", ORG_ASN, "as33224", "AS33224", "");
	answers(s, "81.2.69.160", ORG_ORGANIZATION, "o-stonehouse-office-network", "STONEHOUSE office network", "GB");
	org_free(s);
}

static void
enterprise_databases_have_it_in_traits(void **state)
{
	const char *const paths[] = {real("GeoIP2-Enterprise-Test.mmdb")};
	struct org_set *s;

	(void)state;
	assert_int_equal(build(paths, 1, &s), 0);
	answers(s, "216.160.83.57", ORG_ORGANIZATION, "o-lariat-software", "Lariat Software", "US");
	answers(s, "74.209.24.1", ORG_ISP, "as14671", "Fairpoint Communications", "US");
	answers(s, "2.125.160.217", ORG_UNKNOWN, "unknown", "unknown", "GB");
	answers(s, "5.83.124.1", ORG_ISP, "o-wifinetcom", "WifiNetCom", "RO");
	assert_string_equal(names_text(facts(s, "214.214.214.220").hosting),
			    "GeoIP2-Enterprise-Test.mmdb: user_type hosting");
	assert_int_equal(facts(s, "214.214.214.219").hosting, 0);
	assert_string_equal(names_text(network(s, "216.160.83.57").network), "Lariat Software");
	assert_string_equal(names_text(network(s, "216.160.83.57").country), "US");
	org_free(s);
}

static void
anonymous_ip_databases_flag_hosting_and_name_nobody(void **state)
{
	const char *const paths[] = {real("GeoIP2-Anonymous-IP-Test.mmdb")};
	struct org_set *s;

	(void)state;
	assert_int_equal(build(paths, 1, &s), 0);
	answers(s, "71.160.223.9", ORG_UNKNOWN, "unknown", "unknown", "");
	assert_string_equal(names_text(facts(s, "71.160.223.9").hosting),
			    "GeoIP2-Anonymous-IP-Test.mmdb: is_hosting_provider");
	assert_int_equal(facts(s, "186.30.236.9").hosting, 0); // a public proxy
	org_free(s);
}

static void
an_independent_table_of_answers_agrees(void **state)
{
	const char *const paths[] = {real("org-asn-v4.mmdb")};
	FILE *table = fopen(real("org-asn-v4.expect.tsv"), "r");
	char line[512], ip[64], network_in_source[64], asn[16], name[256];
	struct org_set *s;
	unsigned rows = 0;

	(void)state;
	assert_non_null(table);
	assert_int_equal(build(paths, 1, &s), 0);
	assert_non_null(fgets(line, sizeof(line), table)); // the header
	for (; fgets(line, sizeof(line), table) != NULL; rows++) {
		struct org_facts f;

		assert_int_equal(sscanf(line, "%63s %63s %15s %255[^\n]", ip, network_in_source, asn, name), 4);
		f = facts(s, ip);
		if (asn[0] == '-') {
			assert_true(f.attribution == ORG_PRIVATE || f.attribution == ORG_UNKNOWN);
			continue;
		}
		assert_int_equal(f.attribution, ORG_ASN);
		assert_int_equal(f.asn, strtoul(asn, NULL, 10));
		assert_string_equal(names_text(f.name), name);
	}
	assert_int_equal(rows, 24);
	fclose(table);
	org_free(s);
}

static void
databases_that_are_broken_on_purpose_are_refused(void **state)
{
	static const char *const names[] = {"MaxMind-DB-test-broken-pointers-24.mmdb",
					    "GeoIP2-City-Test-Invalid-Node-Count.mmdb"};
	struct org_set *s = NULL;

	(void)state;
	for (int i = 0; i < 2; i++) {
		const char *const paths[] = {real(names[i])};

		assert_true(build(paths, 1, &s) < 0);
		assert_int_equal(problems.errors, 1);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(earlier_databases_win_field_by_field),
		cmocka_unit_test(an_as_has_its_own_name_or_its_number),
		cmocka_unit_test(a_provider_that_is_its_own_organization_is_no_suspect),
		cmocka_unit_test(controllers_have_a_network_of_whoever_knows_it_first),
		cmocka_unit_test(broken_trees_and_records_are_refused_by_name),
		cmocka_unit_test(a_file_that_is_cut_anywhere_is_refused),
		cmocka_unit_test(a_file_with_any_bit_changed_is_refused_or_answers),
		cmocka_unit_test(a_file_that_is_overwritten_while_in_use_answers_as_before),
		cmocka_unit_test(isp_databases_lack_fields_at_random),
		cmocka_unit_test(enterprise_databases_have_it_in_traits),
		cmocka_unit_test(anonymous_ip_databases_flag_hosting_and_name_nobody),
		cmocka_unit_test(an_independent_table_of_answers_agrees),
		cmocka_unit_test(databases_that_are_broken_on_purpose_are_refused),
	};
	int failed = cmocka_run_group_tests(tests, NULL, NULL);

	problem_clear(&problems);
	return failed;
}
