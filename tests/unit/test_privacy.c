#include "test.h"

#include "privacy.h"
#include "temporary.h"
#include "victim.h"

static struct problem_list problems;

static int
read_key(const char *content, struct privacy_key *ret)
{
	char *path = temporary(content, strlen(content), ".key");
	int err;

	problem_clear(&problems);
	err = privacy_read_key(path, &problems, ret);
	temporary_remove(path);
	return err;
}

static const char *
name(const struct privacy_key *key, const char *address, unsigned prefix6)
{
	static char text[IP_PREFIX_TEXT_MAX];
	struct ip_prefix victim;
	struct ip_addr a;

	assert_int_equal(ip_parse(address, strlen(address), &a), 0);
	victim = victim_identity(&a, prefix6);
	return privacy_pseudonym(key, &victim, text);
}

// Made without this code, by a program written from the paper that gives the vector of its appendix A.
static void
a_name_is_siphash_of_the_text(void **state)
{
	struct privacy_key key;

	(void)state;
	assert_int_equal(read_key("000102030405060708090a0b0c0d0e0f\n", &key), 0);
	assert_string_equal(name(&key, "192.0.2.1", 64), "h-c5db3682cb0da0fd");
	assert_string_equal(name(&key, "2001:db8::1", 64), "h-4453d9ecfa471746");
	assert_string_equal(name(&key, "2001:db8::2", 64), "h-4453d9ecfa471746"); // of the same /64
	assert_string_not_equal(name(&key, "2001:db8::1", 128), "h-4453d9ecfa471746");
	key.bytes[15] ^= 1;
	assert_string_not_equal(name(&key, "192.0.2.1", 64), "h-c5db3682cb0da0fd");
}

static void
a_file_without_a_key_is_refused_and_says_how_to_make_one(void **state)
{
	static const char *const wrong[] = {"\n", "0011\n", "000102030405060708090a0b0c0d0e0f00\n",
					    "000102030405060708090a0b0c0d0e0g\n",
					    "000102030405060708090a0b0c0d0e0f x\n"};
	struct privacy_key key = {{7}};

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		assert_true(read_key(wrong[i], &key) < 0);
		assert_non_null(strstr(problems.items[0].what, "openssl rand -hex 16"));
		assert_int_equal(key.bytes[0], 7);
	}
}

static void
random_keys_differ(void **state)
{
	struct privacy_key a, b;

	(void)state;
	assert_int_equal(privacy_random_key(&a), 0);
	assert_int_equal(privacy_random_key(&b), 0);
	assert_memory_not_equal(&a, &b, sizeof(a));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_name_is_siphash_of_the_text),
		cmocka_unit_test(a_file_without_a_key_is_refused_and_says_how_to_make_one),
		cmocka_unit_test(random_keys_differ),
	};
	int failed = cmocka_run_group_tests(tests, NULL, NULL);

	problem_clear(&problems);
	return failed;
}
