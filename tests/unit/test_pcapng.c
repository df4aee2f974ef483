#include "test.h"

#include "pcapng.h"

#include <string.h>

// A file in the making, in either byte order.
struct file {
	uint8_t bytes[4096];
	size_t len;
	bool big;
};

static void
put(struct file *f, uint64_t value, int n)
{
	for (int i = 0; i < n; i++)
		f->bytes[f->len++] = (uint8_t)(value >> 8 * (f->big ? n - 1 - i : i));
}

static size_t
begin(struct file *f, uint32_t type)
{
	put(f, type, 4);
	put(f, 0, 4);
	return f->len - 8;
}

static void
end(struct file *f, size_t at)
{
	size_t len = f->len - at + 4, now = f->len;

	f->len = at + 4;
	put(f, len, 4);
	f->len = now;
	put(f, len, 4);
}

static void
section(struct file *f)
{
	size_t at = begin(f, 0x0a0d0d0a);

	put(f, 0x1a2b3c4d, 4);
	put(f, 1, 2);
	put(f, 0, 2);
	put(f, UINT64_MAX, 8);
	end(f, at);
}

static void
interface(struct file *f, uint16_t link_type, int resolution, uint64_t offset_s)
{
	size_t at = begin(f, 1);

	put(f, link_type, 2);
	put(f, 0, 2);
	put(f, 0, 4);
	if (resolution >= 0) {
		put(f, 9, 2);
		put(f, 1, 2);
		f->bytes[f->len++] = (uint8_t)resolution;
		f->len += 3;
		put(f, 14, 2);
		put(f, 8, 2);
		put(f, offset_s, 8);
		put(f, 0, 4);
	}
	end(f, at);
}

static void
packet(struct file *f, uint32_t interface, uint64_t units, uint8_t what)
{
	size_t at = begin(f, 6);

	put(f, interface, 4);
	put(f, units >> 32, 4);
	put(f, units, 4);
	put(f, 1, 4);
	put(f, 60, 4);
	f->bytes[f->len] = what;
	f->len += 4;
	end(f, at);
}

// The packets of the file; *ret_got what the last call returned.
static unsigned
read_all(const struct file *f, struct pcapng_packet *packets, unsigned max, int *ret_got, const char **ret_why)
{
	FILE *from = fmemopen((void *)(uintptr_t)f->bytes, f->len, "r");
	struct pcapng *p;
	unsigned n = 0;

	assert_int_equal(pcapng_open(from, &p), 0);
	while (n < max && (*ret_got = pcapng_next(p, &packets[n], ret_why)) == 1)
		n++;
	pcapng_free(p);
	fclose(from);
	return n;
}

static void
interfaces_have_their_own_link_type_and_clock(void **state)
{
	for (int big = 0; big < 2; big++) {
		struct file f = {.big = big};
		struct pcapng_packet p[8];
		const char *why = NULL;
		int got;

		(void)state;
		section(&f);
		interface(&f, 1, -1, 0);     // microseconds
		interface(&f, 113, 9, 100);  // nanoseconds, 100 s later
		interface(&f, 101, 0x8a, 0); // 2^-10 s
		packet(&f, 0, 1500000, 1);
		packet(&f, 1, 2000000007, 2);
		packet(&f, 2, 1536, 3);
		assert_int_equal(read_all(&f, p, 8, &got, &why), 3);
		assert_int_equal(got, 0);
		assert_int_equal(p[0].link_type, 1);
		assert_int_equal(p[0].time_ns, 1500000000);
		assert_int_equal(p[0].captured, 1);
		assert_int_equal(p[0].wire, 60);
		assert_int_equal(p[1].link_type, 113);
		assert_true(p[1].time_ns == INT64_C(102000000007));
		assert_int_equal(p[2].link_type, 101);
		assert_int_equal(p[2].time_ns, 1500000000);
	}
}

static void
sections_may_differ_in_byte_order_and_begin_anew(void **state)
{
	struct file f = {0};
	struct pcapng_packet p[8];
	const char *why = NULL;
	int got;

	(void)state;
	section(&f);
	interface(&f, 1, -1, 0);
	packet(&f, 0, 1, 1);
	f.big = true;
	section(&f);
	interface(&f, 113, -1, 0);
	packet(&f, 0, 2, 1);
	packet(&f, 1, 2, 1); // of an interface of the section before
	assert_int_equal(read_all(&f, p, 8, &got, &why), 2);
	assert_int_equal(p[1].link_type, 113);
	assert_int_equal(p[1].time_ns, 2000);
	assert_true(got < 0);
	assert_non_null(strstr(why, "interface"));
}

static void
a_cut_file_says_so_at_every_length(void **state)
{
	struct file f = {0};
	struct pcapng_packet p[8];
	const char *why;
	size_t whole, first;
	int got;

	(void)state;
	section(&f);
	first = f.len;
	interface(&f, 1, -1, 0);
	packet(&f, 0, 1, 1);
	whole = f.len;
	for (f.len = whole - 1; f.len > first; f.len--) {
		why = NULL;
		read_all(&f, p, 8, &got, &why);
		assert_true(got == 0 || why != NULL);
	}
}

static void
lengths_that_lie_are_errors(void **state)
{
	static const uint32_t lies[] = {0, 4, 11, 13, 0x7fffffff, 0xffffffff};

	(void)state;
	for (size_t i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) {
		struct file f = {0};
		struct pcapng_packet p[8];
		const char *why = NULL;
		size_t at;
		int got;

		section(&f);
		at = f.len;
		interface(&f, 1, -1, 0);
		memcpy(f.bytes + at + 4, &lies[i], 4);
		assert_int_equal(read_all(&f, p, 8, &got, &why), 0);
		assert_true(got < 0);
		assert_non_null(why);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(interfaces_have_their_own_link_type_and_clock),
		cmocka_unit_test(sections_may_differ_in_byte_order_and_begin_anew),
		cmocka_unit_test(a_cut_file_says_so_at_every_length),
		cmocka_unit_test(lengths_that_lie_are_errors),
	};

	return cmocka_run_group_tests_name("pcapng", tests, NULL, NULL);
}
