#include "test.h"

#include "input.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[256], path[300];

static int
make_folder(void **state)
{
	const char *base = getenv("TMPDIR");

	(void)state;
	snprintf(folder, sizeof(folder), "%s/ratwatch-input-XXXXXX", base != NULL ? base : "/tmp");
	if (mkdtemp(folder) == NULL)
		return -1;
	snprintf(path, sizeof(path), "%s/file", folder);
	return 0;
}

static int
remove_folder(void **state)
{
	(void)state;
	return rmdir(folder);
}

static void
write_file(const char *bytes, size_t len)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	assert_int_equal(fwrite(bytes, 1, len, f), len);
	assert_int_equal(fclose(f), 0);
}

// What is at `path` is refused with one error that holds this text.
static void
refused(int err, const char *why)
{
	struct problem_list problems = {0};
	struct input in = {.bytes = folder}, before = in;

	assert_int_equal(input_read(path, &problems, &in), err);
	assert_memory_equal(&in, &before, sizeof(in));
	assert_int_equal(problems.errors, 1);
	assert_non_null(strstr(problems.items[0].what, why));
	assert_string_equal(problems.items[0].file, path);
	problem_clear(&problems);
	assert_int_equal(input_read(path, NULL, &in), err);
}

static void
a_file_is_read_whole_with_a_nul_behind_it(void **state)
{
	static const char bytes[] = "one\ntwo\0three";
	struct input in;
	struct stat st;

	(void)state;
	for (size_t len = 0; len < sizeof(bytes); len++) {
		write_file(bytes, len);
		assert_int_equal(input_read(path, NULL, &in), 0);
		assert_int_equal(in.len, len);
		assert_memory_equal(in.bytes, bytes, len);
		assert_int_equal(in.bytes[len], '\0');
		assert_int_equal(stat(path, &st), 0);
		assert_int_equal(in.modified, st.st_mtim.tv_sec);
		input_free(&in);
		assert_null(in.bytes);
		input_free(&in);
	}
	unlink(path);
}

static void
what_is_no_file_is_refused_at_once(void **state)
{
	(void)state;
	refused(-ENOENT, "no such file; check the path");
	assert_int_equal(mkdir(path, 0700), 0);
	refused(-EISDIR, "is a directory; name a file");
	rmdir(path);
	assert_int_equal(mkfifo(path, 0600), 0);
	refused(-EINVAL, "is no regular file"); // and nobody waits for a writer
	unlink(path);
}

static void
a_file_that_may_not_be_read_is_refused(void **state)
{
	(void)state;
	if (geteuid() == 0) {
		print_message("skipped: root may read everything\n");
		skip();
	}
	write_file("x", 1);
	assert_int_equal(chmod(path, 0), 0);
	refused(-EACCES, "no permission to read it");
	unlink(path);
}

static void
a_file_beyond_the_bound_is_refused_without_reading_it(void **state)
{
	(void)state;
	write_file("", 0);
	assert_int_equal(truncate(path, (off_t)INPUT_MAX + 1), 0); // sparse
	refused(-EFBIG, "larger than 256 MiB");
	unlink(path);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_file_is_read_whole_with_a_nul_behind_it),
		cmocka_unit_test(what_is_no_file_is_refused_at_once),
		cmocka_unit_test(a_file_that_may_not_be_read_is_refused),
		cmocka_unit_test(a_file_beyond_the_bound_is_refused_without_reading_it),
	};

	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
