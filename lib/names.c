#include "names.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#define CHUNK  4096 // names whose texts stand in one block of pointers
#define CHUNKS 1024

// Ids are handed out only after their text is stored; whoever got an id through a ring, a queue or a published set sees it. The
// pointers are atomic all the same, so that a reader of one name may run beside a writer of another.
static _Atomic(_Atomic(char *) *) chunks[CHUNKS];

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; // of what follows
static name_id count = 1;                                // 0 is the empty name
static name_id *table;                                   // open addressing: ids, 0 is free
static size_t places;

static uint64_t
hash(const char *text, size_t len)
{
	uint64_t h = 0xCBF29CE484222325u;

	for (size_t i = 0; i < len; i++)
		h = (h ^ (unsigned char)text[i]) * 0x100000001B3u; // FNV-1a
	return h ^ (h >> 29);
}

const char *
names_text(name_id id)
{
	_Atomic(char *) *chunk;

	if (id == 0)
		return "";
	chunk = atomic_load_explicit(&chunks[id / CHUNK], memory_order_acquire);
	return atomic_load_explicit(&chunk[id % CHUNK], memory_order_acquire);
}

static size_t
find(const char *text, size_t len)
{
	size_t i = hash(text, len) & (places - 1);

	for (; table[i] != 0; i = (i + 1) & (places - 1)) {
		const char *there = names_text(table[i]);

		if (strlen(there) == len && memcmp(there, text, len) == 0)
			break;
	}
	return i;
}

static int
grow(void)
{
	size_t n = places, wanted = places == 0 ? 1024 : places * 2;
	name_id *old = table, *grown = calloc(wanted, sizeof(*grown));

	if (grown == NULL)
		return -ENOMEM;
	table = grown;
	places = wanted;
	for (size_t i = 0; i < n; i++)
		if (old[i] != 0)
			table[find(names_text(old[i]), strlen(names_text(old[i])))] = old[i];
	free(old);
	return 0;
}

static int
store(name_id id, char *text)
{
	_Atomic(char *) *chunk = atomic_load_explicit(&chunks[id / CHUNK], memory_order_relaxed);

	if (chunk == NULL) {
		if ((chunk = calloc(CHUNK, sizeof(*chunk))) == NULL)
			return -ENOMEM;
		// Pairs with the acquire in names_text.
		atomic_store_explicit(&chunks[id / CHUNK], chunk, memory_order_release);
	}
	atomic_store_explicit(&chunk[id % CHUNK], text, memory_order_release);
	return 0;
}

static name_id
append(const char *text, size_t len, size_t place)
{
	char *copy;

	if (count == CHUNK * CHUNKS || (copy = strndup(text, len)) == NULL)
		return 0;
	if (store(count, copy) < 0) {
		free(copy);
		return 0;
	}
	return table[place] = count++;
}

name_id
names_intern(const char *text, size_t len)
{
	name_id id = 0;
	size_t place;

	len = strnlen(text, len);
	if (len == 0)
		return 0;
	pthread_mutex_lock(&lock);
	if ((size_t)count * 2 < places || grow() == 0) {
		place = find(text, len);
		id = table[place] != 0 ? table[place] : append(text, len, place);
	}
	pthread_mutex_unlock(&lock);
	if (id == 0)
		errno = ENOMEM;
	return id;
}

name_id
names_of(const char *text)
{
	return text == NULL ? 0 : names_intern(text, strlen(text));
}
