#include "test.h"

#include "history.h"

#include <dirent.h>
#include <errno.h>
#include <sys/stat.h>

// What a power cut leaves is what was synchronised: seen in place of the system calls.
static unsigned data_synced, folders_synced, renames;
static bool renamed_too_early;

int __real_fdatasync(int);
int __real_fsync(int);
int __real_rename(const char *, const char *);
int __wrap_fdatasync(int);
int __wrap_fsync(int);
int __wrap_rename(const char *, const char *);

int
__wrap_fdatasync(int fd)
{
	data_synced++;
	return __real_fdatasync(fd);
}

int
__wrap_fsync(int fd)
{
	folders_synced++;
	return __real_fsync(fd);
}

int
__wrap_rename(const char *from, const char *to)
{
	renames++;
	renamed_too_early |= data_synced < renames || folders_synced < renames - 1;
	return __real_rename(from, to);
}

static struct problem_list problems;
static char folder[64];

static int
make_folder(void **context)
{
	(void)context;
	strcpy(folder, "/tmp/ratwatch-history-XXXXXX");
	return mkdtemp(folder) == NULL;
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

static struct history *
opened_at(const char *path, bool writes)
{
	struct history *h = NULL;

	problem_clear(&problems);
	history_open(path, writes, &problems, &h);
	return h;
}

static struct history *
opened(bool writes)
{
	return opened_at(folder, writes);
}

static size_t
lists_on_disk(void)
{
	char path[80];
	struct dirent *e;
	size_t n = 0;
	DIR *d;

	snprintf(path, sizeof(path), "%s/lists", folder);
	d = opendir(path);
	assert_non_null(d);
	while ((e = readdir(d)) != NULL)
		n += e->d_name[0] != '.';
	closedir(d);
	return n;
}

// A set of one list whose bytes are the number.
static void
add(struct history *h, uint64_t generation, unsigned number)
{
	char text[16];
	struct input in = {.bytes = text, .len = (size_t)snprintf(text, sizeof(text), "list %u\n", number)};
	struct history_list l = {
		.path = (char *)"/feeds/one.txt", .digest = number, .bytes = in.len, .valid = number, .entries = 1};
	struct history_set set = {.generation = generation, .loaded = 1000, .entries = 1, .lists = &l, .n = 1};

	assert_int_equal(history_keep(h, number, &in), 0);
	assert_int_equal(history_add(h, &set), 0);
}

static void
the_last_five_sets_and_their_lists_survive_a_restart(void **context)
{
	struct history *h = opened(true);
	const struct history_list *l;
	struct input in;
	char *path;

	(void)context;
	for (unsigned i = 1; i <= 7; i++)
		add(h, i, i);
	history_close(h);
	h = opened(true);
	assert_int_equal(history_count(h), HISTORY_SETS);
	assert_int_equal(lists_on_disk(), HISTORY_SETS);
	assert_int_equal(history_set(h, 0)->generation, 7);
	assert_null(history_find(h, 2));
	assert_non_null(history_find(h, 3));
	l = history_list_of(history_find(h, 5), "/feeds/one.txt");
	assert_int_equal(l->valid, 5);
	path = history_path(h, l);
	assert_int_equal(input_read(path, &problems, &in), 0);
	assert_string_equal(in.bytes, "list 5\n");
	input_free(&in);
	free(path);
	assert_null(history_list_of(history_set(h, 0), "/feeds/two.txt"));
	history_close(h);
}

static void
a_power_cut_finds_each_file_whole_before_another_names_it(void **context)
{
	struct history *h = opened(true);

	(void)context;
	data_synced = folders_synced = renames = 0;
	renamed_too_early = false;
	add(h, 1, 1);
	assert_int_equal(renames, 2); // the list, then the sets
	assert_false(renamed_too_early);
	assert_int_equal(folders_synced, 2);
	history_close(h);
}

static void
the_same_lists_again_take_no_second_place(void **context)
{
	struct history *h = opened(true);

	(void)context;
	for (unsigned i = 1; i <= 100; i++)
		add(h, i, 1 + i % 2);
	assert_int_equal(history_count(h), 2);
	assert_int_equal(history_set(h, 0)->generation, 100);
	assert_int_equal(history_set(h, 1)->generation, 99);
	assert_int_equal(lists_on_disk(), 2);
	history_close(h);
}

static void
one_that_only_reads_leaves_the_folder_alone(void **context)
{
	struct history *h = opened(false);
	char path[80];
	struct stat st;

	(void)context;
	add(h, 1, 1);
	assert_int_equal(history_count(h), 0);
	history_close(h);
	snprintf(path, sizeof(path), "%s/lists", folder);
	assert_int_equal(stat(path, &st), -1);
}

static void
damage_is_named_and_the_next_set_is_kept_as_ever(void **context)
{
	static const char *const texts[] = {"",
					    "{}",
					    "[{}]",
					    "[1]",
					    "[{\"generation\":1,\"loaded\":1,\"entries\":1,\"lists\":[{}]}]",
					    "[{\"generation\":1,\"loaded\":1,\"entries\":1,\"lists\":1}]",
					    "[",
					    "[{\"generation\":-1,\"loaded\":1,\"entries\":1,\"lists\":[]}]",
					    "[{\"generation\":1,\"loaded\":1,\"entries\":1,\"lists\":[]},{}]"};
	char path[80], text[1024];
	struct history *h;

	(void)context;
	snprintf(path, sizeof(path), "%s/sets.json", folder);
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		FILE *f = fopen(path, "w");

		fputs(texts[i], f);
		fclose(f);
		h = opened(true);
		assert_int_equal(problems.errors, 1);
		problem_format(&problems.items[0], text, sizeof(text));
		assert_non_null(strstr(text, "sets.json: is damaged"));
		assert_int_equal(history_count(h), 0);
		add(h, 8, 1);
		history_close(h);
		h = opened(true);
		assert_int_equal(problems.errors, 0);
		assert_int_equal(history_set(h, 0)->generation, 8);
		history_close(h);
	}
}

static void
two_do_not_write_into_one_folder(void **context)
{
	struct history *one = opened(true), *reader, *two = NULL;
	char text[1024];

	(void)context;
	assert_int_equal(history_open(folder, true, &problems, &two), -EBUSY);
	assert_null(two);
	problem_format(&problems.items[0], text, sizeof(text));
	assert_non_null(strstr(text, "in use by another ratwatchd"));
	assert_non_null(reader = opened(false));
	history_close(reader);
	history_close(one);
	assert_non_null(two = opened(true));
	history_close(two);
}

static void
a_folder_that_cannot_be_made_is_named(void **context)
{
	char text[1024];

	(void)context;
	assert_null(opened_at("/no/such/folder", true));
	problem_format(&problems.items[0], text, sizeof(text));
	assert_non_null(strstr(text, "indicators.state_dir"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(the_last_five_sets_and_their_lists_survive_a_restart, make_folder,
						remove_folder),
		cmocka_unit_test_setup_teardown(a_power_cut_finds_each_file_whole_before_another_names_it, make_folder,
						remove_folder),
		cmocka_unit_test_setup_teardown(the_same_lists_again_take_no_second_place, make_folder, remove_folder),
		cmocka_unit_test_setup_teardown(one_that_only_reads_leaves_the_folder_alone, make_folder,
						remove_folder),
		cmocka_unit_test_setup_teardown(damage_is_named_and_the_next_set_is_kept_as_ever, make_folder,
						remove_folder),
		cmocka_unit_test_setup_teardown(two_do_not_write_into_one_folder, make_folder, remove_folder),
		cmocka_unit_test_setup_teardown(a_folder_that_cannot_be_made_is_named, make_folder, remove_folder),
	};

	return cmocka_run_group_tests_name("history", tests, NULL, NULL);
}
