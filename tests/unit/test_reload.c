// The thread that makes new rules, asked as the main thread asks it.

#include "test.h"

#include "clock.h"
#include "reload.h"

#include <dirent.h>
#include <pthread.h>
#include <sched.h>
#include <time.h>

static struct reload reload;
static struct reload_thread *thread;
static struct history *history;
static struct problem_list problems;
static char folder[64], config_path[80], changes_path[80];

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; // of what follows
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static struct reload_result last;
static unsigned answers;

static int64_t
now_s(void)
{
	return clock_wall_ns() / 1000000000;
}

static void
write_file(const char *name, const char *content)
{
	char path[128];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	f = fopen(path, "w");
	assert_non_null(f);
	fputs(content, f);
	fclose(f);
}

// Runs with a list feed.txt of this content, read at `now`.
static void
start_at(const char *content, int64_t now)
{
	struct reload_thread_options o = {.reload = &reload, .config_path = config_path, .changes_path = changes_path};
	struct rules_options first = {.generation = 1, .now = now};
	struct config *config = NULL;
	struct rules *rules = NULL;
	char state[80];

	snprintf(state, sizeof(state), "%s/state", folder);
	assert_int_equal(history_open(state, true, &problems, &history), 0);
	first.history = o.history = history;

	write_file("feed.txt", content);
	write_file("ratwatch.yaml", "indicators: {feeds: [feed.txt]}\n");
	assert_int_equal(config_load(config_path, NULL, 0, &problems, &config), 0);
	first.config = config;
	assert_int_equal(rules_build(&first, &problems, &rules), 0);
	config_free(config);
	assert_int_equal(rules_remember(rules, history, now), 0);
	assert_int_equal(reload_init(&reload, rules, 1), 0);
	reload_reader_register(&reload, 0);
	assert_int_equal(changes_read(changes_path, &problems, &o.changes), 0);
	assert_int_equal(reload_thread_start(&o, &thread), 0);
}

static void
start(const char *content)
{
	start_at(content, now_s());
}

static void
stop(void)
{
	reload_thread_stop(thread);
	reload_fini(&reload);
	history_close(history);
	thread = NULL;
}

static int
make_folder(void **context)
{
	(void)context;
	strcpy(folder, "/tmp/ratwatch-reload-XXXXXX");
	if (mkdtemp(folder) == NULL)
		return -1;
	snprintf(config_path, sizeof(config_path), "%s/ratwatch.yaml", folder);
	snprintf(changes_path, sizeof(changes_path), "%s/changes.json", folder);
	answers = 0;
	return 0;
}

static int
remove_folder(void **context)
{
	char command[80];

	(void)context;
	problem_clear(&problems);
	snprintf(command, sizeof(command), "rm -r %s", folder);
	return system(command);
}

static void
take(void *context, const struct reload_result *r)
{
	(void)context;
	pthread_mutex_lock(&lock);
	last = *r;
	last.problems = NULL;
	answers++;
	pthread_cond_signal(&changed);
	pthread_mutex_unlock(&lock);
}

// Asks and waits; what it came to.
static int
ask(struct reload_request r)
{
	int err;

	r.done = take;
	pthread_mutex_lock(&lock);
	answers = 0;
	assert_int_equal(reload_thread_request(thread, &r), 0);
	while (answers == 0)
		pthread_cond_wait(&changed, &lock);
	err = last.err;
	pthread_mutex_unlock(&lock);
	return err;
}

static int
reload_again(void)
{
	return ask((struct reload_request){.kind = RELOAD_AGAIN});
}

static struct change
change(bool removes, const char *prefix, int64_t until)
{
	struct change c = {.removes = removes, .since = now_s(), .until = until};

	assert_int_equal(ip_parse_prefix(prefix, strlen(prefix), &c.prefix), 0);
	return c;
}

// Several at once.
static int
ask_changes(const struct change *changes, size_t n)
{
	struct reload_request r = {.kind = RELOAD_CHANGE, .changes = calloc(n, sizeof(*changes)), .n_changes = n};

	memcpy(r.changes, changes, n * sizeof(*changes));
	return ask(r);
}

static int
ask_change(bool removes, const char *prefix, int64_t until)
{
	struct change c = change(removes, prefix, until);

	return ask_changes(&c, 1);
}

static bool
matches_at(const char *address, int64_t now)
{
	struct flow_match m;
	struct ip_addr a;

	assert_int_equal(ip_parse(address, strlen(address), &a), 0);
	reload_reader_online(&reload, 0);
	c2set_describe(reload_rules(&reload)->c2, &a, 443, FLOW_TCP, now, &m);
	reload_reader_offline(&reload, 0);
	return m.listed;
}

static bool
matches(const char *address)
{
	return matches_at(address, now_s());
}

static void
take_when_allowed(void *context, const struct reload_result *r)
{
	pthread_mutex_lock(context);
	pthread_mutex_unlock(context);
	take(NULL, r);
}

static void
requests_are_served_in_their_order(void **context)
{
	pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;
	struct reload_request first = {.kind = RELOAD_AGAIN, .done = take_when_allowed, .context = &gate},
			      back = {.kind = RELOAD_RETURN, .generation = 1, .done = take},
			      again = {.kind = RELOAD_AGAIN, .done = take};

	(void)context;
	start("9.0.0.1\n");
	write_file("feed.txt", "9.0.0.2\n");
	pthread_mutex_lock(&gate);
	assert_int_equal(reload_thread_request(thread, &first), 0);
	while (!matches("9.0.0.2")) // it is served and waits at the gate, or will be
		sched_yield();
	assert_int_equal(reload_thread_request(thread, &again), 0);
	assert_int_equal(reload_thread_request(thread, &back), 0);
	assert_int_equal(reload_thread_request(thread, &again), 0);
	pthread_mutex_unlock(&gate);
	pthread_mutex_lock(&lock);
	while (answers < 4)
		pthread_cond_wait(&changed, &lock);
	pthread_mutex_unlock(&lock);
	assert_true(matches("9.0.0.2"));
	assert_int_equal(last.generation, 5);
	stop();
}

static void
not_more_requests_wait_than_can_be_served(void **context)
{
	pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;
	struct reload_request first = {.kind = RELOAD_AGAIN, .done = take_when_allowed, .context = &gate},
			      again = {.kind = RELOAD_AGAIN, .done = take};

	(void)context;
	start("9.0.0.1\n");
	write_file("feed.txt", "9.0.0.2\n");
	pthread_mutex_lock(&gate);
	assert_int_equal(reload_thread_request(thread, &first), 0);
	while (!matches("9.0.0.2"))
		sched_yield();
	for (unsigned i = 0; i < RELOAD_WAITING_MAX; i++)
		assert_int_equal(reload_thread_request(thread, &again), 0);
	assert_int_equal(reload_thread_request(thread, &again), -EBUSY);
	pthread_mutex_unlock(&gate);
	pthread_mutex_lock(&lock);
	while (answers < RELOAD_WAITING_MAX + 1)
		pthread_cond_wait(&changed, &lock);
	pthread_mutex_unlock(&lock);
	assert_int_equal(last.generation, 3); // all of them together
	assert_int_equal(reload_again(), 0);
	stop();
}

static size_t
lists_on_disk(void)
{
	char path[80];
	struct dirent *e;
	size_t n = 0;
	DIR *d;

	snprintf(path, sizeof(path), "%s/state/lists", folder);
	assert_non_null(d = opendir(path));
	while ((e = readdir(d)) != NULL)
		n += e->d_name[0] != '.';
	closedir(d);
	return n;
}

static void
a_refused_reload_leaves_nothing_on_disk(void **context)
{
	(void)context;
	start("9.0.0.1\n");
	write_file("feed.txt", "9.0.0.2\n");
	write_file("ratwatch.yaml", "indicators: {feeds: [feed.txt]}\norganizations: {watchlists: [none.csv]}\n");
	assert_true(reload_again() < 0);
	assert_true(matches("9.0.0.1"));
	assert_int_equal(lists_on_disk(), 1);
	stop();
}

static void
going_back_from_what_could_not_be_kept_is_one_step_too(void **context)
{
	char path[80], aside[96];

	(void)context;
	start("9.0.0.1\n");
	write_file("feed.txt", "9.0.0.2\n");
	assert_int_equal(reload_again(), 0);
	snprintf(path, sizeof(path), "%s/state/lists", folder);
	snprintf(aside, sizeof(aside), "%s-aside", path);
	assert_int_equal(rename(path, aside), 0);
	write_file("feed.txt", "9.0.0.3\n");
	assert_int_equal(reload_again(), 0);
	assert_int_equal(rename(aside, path), 0);
	assert_int_equal(ask((struct reload_request){.kind = RELOAD_RETURN}), 0);
	assert_true(matches("9.0.0.2"));
	assert_int_equal(ask((struct reload_request){.kind = RELOAD_RETURN}), 0);
	assert_true(matches("9.0.0.1"));
	stop();
}

static bool
is_short(void)
{
	return atomic_load(&reload_rules(&reload)->feeds[0].shortage);
}

static void
what_ends_while_rules_are_made_is_noticed(void **context)
{
	int64_t ended = now_s() - 1, seen = ended - 30 * 86400;
	char content[256], when[32];
	struct tm tm;

	(void)context;
	strftime(when, sizeof(when), "%Y-%m-%d %H:%M:%S", gmtime_r(&seen, &tm));
	snprintf(content, sizeof(content), "\"dst_ip\",\"dst_port\",\"last_online\"\n\"9.0.0.1\",\"443\",\"%s\"\n",
		 when);
	start_at(content, ended - 1);
	while (!is_short() || reload.indicators != 0)
		sched_yield();
	stop();
}

static void
what_is_taken_out_for_a_day_is_back_the_day_after(void **context)
{
	const int64_t tomorrow = now_s() + 86400;

	(void)context;
	start("9.0.0.1\n9.0.0.2\n");
	assert_int_equal(ask_change(true, "9.0.0.1", tomorrow), 0);
	assert_false(matches("9.0.0.1"));
	assert_true(matches_at("9.0.0.1", tomorrow));
	assert_int_equal(ask_change(true, "9.0.0.2", 0), 0);
	assert_int_equal(ask_change(false, "9.0.0.2", tomorrow), 0); // the later word
	assert_true(matches("9.0.0.2"));
	assert_true(matches_at("9.0.0.2", tomorrow)); // by the list
	stop();
}

static void
what_is_taken_out_matches_nothing_though_a_list_names_it_later(void **context)
{
	(void)context;
	start("9.0.0.1\n");
	assert_int_equal(ask_change(true, "9.0.0.2", 0), 0);
	write_file("feed.txt", "9.0.0.1\n9.0.0.2\n");
	assert_int_equal(reload_again(), 0);
	assert_true(matches("9.0.0.1"));
	assert_false(matches("9.0.0.2"));
	stop();
}

static void
an_addition_that_is_taken_back_leaves_nothing_behind(void **context)
{
	(void)context;
	start("9.0.0.1\n9.0.1.0/24\n");
	assert_int_equal(ask_change(false, "9.0.0.2", 0), 0);
	assert_int_equal(ask_change(true, "9.0.0.2", 0), 0);
	write_file("feed.txt", "9.0.0.1\n9.0.0.2\n9.0.1.0/24\n");
	assert_int_equal(reload_again(), 0);
	assert_true(matches("9.0.0.2"));
	// But where a list holds the address all the same, it is taken out.
	assert_int_equal(ask_change(false, "9.0.1.1", 0), 0);
	assert_int_equal(ask_change(true, "9.0.1.1", 0), 0);
	assert_false(matches("9.0.1.1"));
	assert_true(matches("9.0.1.2"));
	stop();
}

static void
count(void *context, const struct change *c)
{
	(void)c;
	++*(size_t *)context;
}

static void
of_changes_that_do_not_all_find_room_none_is_made(void **context)
{
	struct change *many = calloc(CHANGES_MAX + 1, sizeof(*many)), more[2];
	size_t n = 0;

	(void)context;
	start("9.0.0.1\n");
	for (uint32_t i = 0; i <= CHANGES_MAX; i++) {
		uint32_t address = __builtin_bswap32(0x0A000000 + i);

		many[i] = (struct change){.prefix = {ip_from_v4(&address), 128}, .since = 1};
	}
	assert_int_equal(ask_changes(many, CHANGES_MAX + 1), -ENOSPC);
	assert_false(matches("10.0.0.0"));
	assert_int_equal(ask_changes(many, CHANGES_MAX), 0);
	more[0] = change(true, "10.0.0.0", 0); // makes room for the other
	more[1] = change(true, "9.0.0.1", 0);
	assert_int_equal(ask_changes(&more[1], 1), -ENOSPC);
	assert_true(matches("9.0.0.1"));
	assert_int_equal(ask_changes(more, 2), 0);
	assert_false(matches("9.0.0.1"));
	assert_int_equal(ask_changes(&many[1], 1), 0); // takes the place of its like
	reload_thread_changes(thread, count, &n);
	assert_int_equal(n, CHANGES_MAX);
	stop();
	free(many);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(requests_are_served_in_their_order, make_folder, remove_folder),
		cmocka_unit_test_setup_teardown(not_more_requests_wait_than_can_be_served, make_folder, remove_folder),
		cmocka_unit_test_setup_teardown(a_refused_reload_leaves_nothing_on_disk, make_folder, remove_folder),
		cmocka_unit_test_setup_teardown(going_back_from_what_could_not_be_kept_is_one_step_too, make_folder,
						remove_folder),
		cmocka_unit_test_setup_teardown(what_ends_while_rules_are_made_is_noticed, make_folder, remove_folder),
		cmocka_unit_test_setup_teardown(what_is_taken_out_for_a_day_is_back_the_day_after, make_folder,
						remove_folder),
		cmocka_unit_test_setup_teardown(what_is_taken_out_matches_nothing_though_a_list_names_it_later,
						make_folder, remove_folder),
		cmocka_unit_test_setup_teardown(an_addition_that_is_taken_back_leaves_nothing_behind, make_folder,
						remove_folder),
		cmocka_unit_test_setup_teardown(of_changes_that_do_not_all_find_room_none_is_made, make_folder,
						remove_folder),
	};

	return cmocka_run_group_tests_name("reload", tests, NULL, NULL);
}
