#include "test.h"

#include "names.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#define MANY 20000 // several blocks of names

static void
the_same_text_has_the_same_id(void **state)
{
	name_id emotet = names_of("Emotet");

	(void)state;
	assert_int_not_equal(emotet, 0);
	assert_int_equal(names_of("Emotet"), emotet);
	assert_int_equal(names_intern("Emotet RAT", 6), emotet);
	assert_int_not_equal(names_of("emotet"), emotet);
	assert_string_equal(names_text(emotet), "Emotet");
}

static void
no_text_is_the_empty_name(void **state)
{
	(void)state;
	assert_int_equal(names_of(NULL), 0);
	assert_int_equal(names_of(""), 0);
	assert_int_equal(names_intern("x", 0), 0);
	assert_string_equal(names_text(0), "");
}

static void
a_text_stays_where_it_is_while_many_follow(void **state)
{
	name_id first = names_of("first");
	const char *text = names_text(first);
	char name[32];

	(void)state;
	for (int i = 0; i < MANY; i++) {
		snprintf(name, sizeof(name), "many %d", i);
		assert_string_equal(names_text(names_of(name)), name);
	}
	assert_ptr_equal(names_text(first), text);
	assert_string_equal(text, "first");
	for (int i = 0; i < MANY; i++) {
		snprintf(name, sizeof(name), "many %d", i);
		assert_string_equal(names_text(names_of(name)), name);
	}
}

// The newest id goes from the writer to the reader, as a ring would bring it.
static _Atomic(name_id) newest;
static atomic_bool done;

static void *
write_names(void *unused)
{
	char name[32];

	(void)unused;
	for (int i = 0; i < MANY; i++) {
		snprintf(name, sizeof(name), "shared %d", i);
		atomic_store_explicit(&newest, names_of(name), memory_order_release);
	}
	atomic_store_explicit(&done, true, memory_order_release);
	return NULL;
}

static void
texts_are_read_while_another_thread_adds_names(void **state)
{
	pthread_t writer;

	(void)state;
	assert_int_equal(pthread_create(&writer, NULL, write_names, NULL), 0);
	while (!atomic_load_explicit(&done, memory_order_acquire)) {
		name_id id = atomic_load_explicit(&newest, memory_order_acquire);

		if (id != 0)
			assert_int_equal(strncmp(names_text(id), "shared ", 7), 0);
	}
	pthread_join(writer, NULL);
}

static void *
intern_all(void *ids)
{
	char name[32];

	for (int i = 0; i < MANY; i++) {
		snprintf(name, sizeof(name), "both %d", i);
		((name_id *)ids)[i] = names_of(name);
	}
	return NULL;
}

static void
two_threads_get_the_same_ids_for_the_same_texts(void **state)
{
	static name_id here[MANY], there[MANY];
	pthread_t other;

	(void)state;
	assert_int_equal(pthread_create(&other, NULL, intern_all, there), 0);
	intern_all(here);
	pthread_join(other, NULL);
	assert_memory_equal(here, there, sizeof(here));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_same_text_has_the_same_id),
		cmocka_unit_test(no_text_is_the_empty_name),
		cmocka_unit_test(a_text_stays_where_it_is_while_many_follow),
		cmocka_unit_test(texts_are_read_while_another_thread_adds_names),
		cmocka_unit_test(two_threads_get_the_same_ids_for_the_same_texts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
