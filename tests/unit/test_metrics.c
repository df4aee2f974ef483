#include "test.h"

#include "metrics.h"
#include "status.h"

static const char *
text_of(const struct status *s)
{
	static char text[1 << 16];
	FILE *f = fmemopen(text, sizeof(text), "w");

	metrics_write(s, f);
	fclose(f);
	return text;
}

static void
has(const char *text, const char *line)
{
	const char *at = strstr(text, line);

	if (at == NULL || (at != text && at[-1] != '\n'))
		fail_msg("no line '%s' in\n%s", line, text);
}

static unsigned
times(const char *text, const char *words)
{
	unsigned n = 0;

	for (; (text = strstr(text, words)) != NULL; text++)
		n++;
	return n;
}

static struct status
some(void)
{
	struct status s = {.version = "1.2", .started = 1700000000, .received = 7, .bytes = 900, .hits = 3};

	for (int v = 0; v < PKT_VERDICTS; v++)
		s.verdicts[v] = (struct status_count){pkt_verdict_name((enum pkt_verdict)v), (uint64_t)v};
	for (int n = 0; n < STATUS_PACKET_NOTES; n++)
		s.packet_notes[n] =
			(struct status_count){n < PKT_NOTES ? pkt_note_name((enum pkt_note)n) : "snap_cut", 0};
	for (int n = 0; n < STATUS_HIT_NOTES; n++)
		s.hit_notes[n] = (struct status_count){"portless", 5};
	return s;
}

static void
every_verdict_and_note_is_there_zero_or_not(void **state)
{
	struct status s = some();
	const char *text;

	(void)state;
	s.residual = -3;
	s.beacon_overflow = 6;
	text = text_of(&s);
	has(text, "ratwatch_build_info{version=\"1.2\"} 1\n");
	has(text, "ratwatch_start_time_seconds 1700000000\n");
	has(text, "ratwatch_packets_received_total 7\n");
	has(text, "ratwatch_received_bytes_total 900\n");
	has(text, "ratwatch_packets_total{verdict=\"probed\"} 0\n");
	has(text, "ratwatch_packets_total{verdict=\"too_deep\"} 4\n");
	has(text, "ratwatch_packets_residual -3\n");
	has(text, "ratwatch_packet_notes_total{note=\"inner_not_ip\"} 0\n");
	has(text, "ratwatch_hit_notes_total{note=\"portless\"} 5\n");
	has(text, "ratwatch_beacon_overflow_total 6\n");
	assert_int_equal(times(text, "ratwatch_packets_total{"), PKT_VERDICTS);
	assert_int_equal(times(text, "ratwatch_packet_notes_total{"), STATUS_PACKET_NOTES);
}

static void
a_port_is_named_with_each_reason(void **state)
{
	struct status s = some();
	const char *text;

	(void)state;
	s.n_ports = 1;
	s.ports[0] = (struct status_port){"af_packet:eth0", {.missed = 1, .errors = 2, .no_buffer = 3}};
	text = text_of(&s);
	has(text, "ratwatch_port_lost_packets_total{port=\"af_packet:eth0\",reason=\"missed\"} 1\n");
	has(text, "ratwatch_port_lost_packets_total{port=\"af_packet:eth0\",reason=\"errors\"} 2\n");
	has(text, "ratwatch_port_lost_packets_total{port=\"af_packet:eth0\",reason=\"no_buffer\"} 3\n");
}

// Two series with the same labels would make Prometheus refuse everything.
static void
each_feed_is_a_series_and_an_unknown_age_is_no_number(void **state)
{
	char feodo[] = "feodo", other[] = "other";
	struct status_feed feeds[] = {{.name = feodo, .entries = 10, .skipped = 1, .age_seconds = 60, .held = true},
				      {.name = other, .entries = 5, .age_seconds = -1, .shortage = true}};
	struct status s = some();
	const char *text;

	(void)state;
	s.feeds = feeds;
	s.n_feeds = 2;
	text = text_of(&s);
	has(text, "ratwatch_feed_entries{feed=\"feodo\"} 10\n");
	has(text, "ratwatch_feed_skipped_lines{feed=\"feodo\"} 1\n");
	has(text, "ratwatch_feed_age_seconds{feed=\"feodo\"} 60\n");
	has(text, "ratwatch_feed_held{feed=\"feodo\"} 1\n");
	has(text, "ratwatch_feed_short{feed=\"feodo\"} 0\n");
	has(text, "ratwatch_feed_held{feed=\"other\"} 0\n");
	has(text, "ratwatch_feed_short{feed=\"other\"} 1\n");
	assert_int_equal(times(text, "{feed=\"other\"}"), 4); // all but the age
}

static void
a_label_cannot_end_itself(void **state)
{
	char name[] = "a\"b\\c\nd";
	struct status_feed feed = {.name = name};
	struct status s = some();

	(void)state;
	s.feeds = &feed;
	s.n_feeds = 1;
	has(text_of(&s), "ratwatch_feed_entries{feed=\"a\\\"b\\\\c\\nd\"} 0\n");
}

static void
contacts_that_wait_and_that_could_not_are_shown(void **state)
{
	struct status s = some();
	const char *text;

	(void)state;
	s.windows = (struct collector_windows){.waiting = 3, .early = 4, .scanners = 24};
	text = text_of(&s);
	has(text, "ratwatch_waiting_contacts 3\n");
	has(text, "ratwatch_contacts_decided_early_total 4\n");
	has(text, "ratwatch_scanner_contacts_total 24\n");
}

static void
redis_is_there_when_it_is_configured(void **state)
{
	struct status s = some();

	(void)state;
	assert_int_equal(times(text_of(&s), "redis"), 0);
	s.redis_url = "unix:///x";
	s.redis.waiting = 4;
	has(text_of(&s), "ratwatch_redis_up 1\n");
	strcpy(s.redis.error, "away");
	has(text_of(&s), "ratwatch_redis_up 0\n");
	has(text_of(&s), "ratwatch_redis_waiting_batches 4\n");
}

// HELP and TYPE once before the first sample of each family, whose samples stand together.
static void
the_text_is_as_prometheus_wants_it(void **state)
{
	struct status s = some();
	char *text = strdup(text_of(&s)), *rest = text, family[80] = "", help[80] = "", seen[1 << 14] = " ";

	(void)state;
	for (char *line; (line = strsep(&rest, "\n")) != NULL && rest != NULL;) {
		char name[80], type[16], mark[90];

		if (sscanf(line, "# HELP %79s", help) == 1)
			continue;
		if (sscanf(line, "# TYPE %79s %15s", family, type) == 2) {
			assert_string_equal(family, help);
			assert_true(strcmp(type, "counter") == 0 || strcmp(type, "gauge") == 0);
			assert_int_equal(strcmp(type, "counter") == 0,
					 strcmp(family + strlen(family) - strlen("_total"), "_total") == 0);
			snprintf(mark, sizeof(mark), " %s ", family);
			assert_null(strstr(seen, mark));
			strcat(seen, mark);
			continue;
		}
		assert_int_equal(sscanf(line, "%79[a-z_]", name), 1);
		assert_string_equal(name, family);
	}
	free(text);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_verdict_and_note_is_there_zero_or_not),
		cmocka_unit_test(a_port_is_named_with_each_reason),
		cmocka_unit_test(each_feed_is_a_series_and_an_unknown_age_is_no_number),
		cmocka_unit_test(a_label_cannot_end_itself),
		cmocka_unit_test(contacts_that_wait_and_that_could_not_are_shown),
		cmocka_unit_test(redis_is_there_when_it_is_configured),
		cmocka_unit_test(the_text_is_as_prometheus_wants_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
