#include "history.h"

#include "output.h"

#include <jansson.h>

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

struct history {
	char *folder;
	bool writes;
	int lock;                                  // a file that is locked as long as we write; -1: none
	struct history_set sets[HISTORY_SETS + 1]; // the newest first; one more while one is added
	size_t n;
};

static void
free_set(struct history_set *s)
{
	for (size_t i = 0; i < s->n; i++)
		free(s->lists[i].path);
	free(s->lists);
	*s = (struct history_set){0};
}

void
history_close(struct history *h)
{
	if (h == NULL)
		return;
	for (size_t i = 0; i < h->n; i++)
		free_set(&h->sets[i]);
	if (h->lock != -1)
		close(h->lock);
	free(h->folder);
	free(h);
}

size_t
history_count(const struct history *h)
{
	return h->n;
}

const struct history_set *
history_set(const struct history *h, size_t i)
{
	return &h->sets[i];
}

const struct history_set *
history_find(const struct history *h, uint64_t generation)
{
	for (size_t i = 0; i < h->n; i++)
		if (h->sets[i].generation == generation)
			return &h->sets[i];
	return NULL;
}

const struct history_list *
history_list_of(const struct history_set *s, const char *path)
{
	for (size_t i = 0; i < s->n; i++)
		if (strcmp(s->lists[i].path, path) == 0)
			return &s->lists[i];
	return NULL;
}

// Files ------------------------------------------------------------------------------------------------------------------------

static char *
path_of(const struct history *h, const char *name)
{
	char *path;

	return asprintf(&path, "%s/%s", h->folder, name) == -1 ? NULL : path;
}

#define NAME_MAX_BYTES 64

static char *
name_of(uint64_t digest, size_t bytes, char ret[static NAME_MAX_BYTES])
{
	snprintf(ret, NAME_MAX_BYTES, "lists/%016" PRIx64 "-%zu", digest, bytes);
	return ret;
}

char *
history_path(const struct history *h, const struct history_list *l)
{
	char name[NAME_MAX_BYTES];

	return path_of(h, name_of(l->digest, l->bytes, name));
}

int
history_keep(struct history *h, uint64_t digest, const struct input *in)
{
	char name[NAME_MAX_BYTES], *path;
	struct stat st;
	int err = 0;

	if (!h->writes)
		return 0;
	if ((path = path_of(h, name_of(digest, in->len, name))) == NULL)
		return -ENOMEM;
	if (stat(path, &st) == -1 || (size_t)st.st_size != in->len)
		err = output_write(path, in->bytes, in->len, true); // a file of that name is whole, whenever we find it
	free(path);
	return err;
}

static bool
is_kept(const struct history *h, const struct history_list *l)
{
	char *path = history_path(h, l);
	bool kept = path != NULL && access(path, R_OK) == 0;

	free(path);
	return kept;
}

static bool
is_needed(const struct history *h, const char *file)
{
	char name[NAME_MAX_BYTES];
	uint64_t digest;
	size_t bytes;

	if (sscanf(file, "%16" SCNx64 "-%zu", &digest, &bytes) != 2 ||
	    strcmp(name_of(digest, bytes, name) + strlen("lists/"), file) != 0)
		return false;
	for (size_t i = 0; i < h->n; i++)
		for (size_t j = 0; j < h->sets[i].n; j++)
			if (h->sets[i].lists[j].digest == digest && h->sets[i].lists[j].bytes == bytes)
				return true;
	return false;
}

void
history_tidy(const struct history *h)
{
	char *path = h->writes ? path_of(h, "lists") : NULL;
	DIR *d = path != NULL ? opendir(path) : NULL;
	struct dirent *e;

	free(path);
	while (d != NULL && (e = readdir(d)) != NULL)
		if (e->d_name[0] != '.' && !is_needed(h, e->d_name))
			unlinkat(dirfd(d), e->d_name, 0);
	if (d != NULL)
		closedir(d);
}

// JSON -------------------------------------------------------------------------------------------------------------------------

static json_t *
list_to_json(const struct history_list *l)
{
	char digest[20];

	snprintf(digest, sizeof(digest), "%016" PRIx64, l->digest);
	return json_pack("{s:s%, s:s, s:I, s:I, s:I, s:I}", "path", l->path, strlen(l->path), "digest", digest, "bytes",
			 (json_int_t)l->bytes, "valid", (json_int_t)l->valid, "entries", (json_int_t)l->entries,
			 "modified", (json_int_t)l->modified);
}

static json_t *
set_to_json(const struct history_set *s)
{
	json_t *lists = json_array();

	for (size_t i = 0; i < s->n; i++)
		if (json_array_append_new(lists, list_to_json(&s->lists[i])) < 0) {
			json_decref(lists);
			return NULL;
		}
	return json_pack("{s:I, s:I, s:I, s:o}", "generation", (json_int_t)s->generation, "loaded",
			 (json_int_t)s->loaded, "entries", (json_int_t)s->entries, "lists", lists);
}

static int
write_sets(const struct history *h)
{
	json_t *sets = json_array();
	char *path = path_of(h, "sets.json"), *text;
	int err = 0;

	for (size_t i = 0; err == 0 && i < h->n; i++)
		err = json_array_append_new(sets, set_to_json(&h->sets[i])) == 0 ? 0
										 : -EILSEQ; // a path that is no UTF-8
	text = err == 0 ? json_dumps(sets, JSON_INDENT(1)) : NULL;
	if (err == 0)
		err = path == NULL || text == NULL ? -ENOMEM : output_write(path, text, strlen(text), true);
	json_decref(sets);
	free(text);
	free(path);
	return err;
}

static int
list_from_json(json_t *j, struct history_list *ret)
{
	const char *path, *digest;
	json_int_t bytes, valid, entries, modified;

	if (json_unpack(j, "{s:s, s:s, s:I, s:I, s:I, s:I}", "path", &path, "digest", &digest, "bytes", &bytes, "valid",
			&valid, "entries", &entries, "modified", &modified) < 0 ||
	    bytes < 0 || valid < 0 || entries < 0)
		return -EINVAL;
	*ret = (struct history_list){
		.digest = strtoull(digest, NULL, 16),
		.bytes = (size_t)bytes,
		.valid = (size_t)valid,
		.entries = (size_t)entries,
		.modified = modified,
	};
	return (ret->path = strdup(path)) == NULL ? -ENOMEM : 0;
}

static int
set_from_json(json_t *j, struct history_set *ret)
{
	json_int_t generation, loaded, entries;
	struct history_set s = {0};
	json_t *lists, *list;
	size_t i;
	int err;

	if (json_unpack(j, "{s:I, s:I, s:I, s:o}", "generation", &generation, "loaded", &loaded, "entries", &entries,
			"lists", &lists) < 0 ||
	    !json_is_array(lists) || generation < 0 || entries < 0)
		return -EINVAL;
	s.generation = (uint64_t)generation;
	s.loaded = loaded;
	s.entries = (size_t)entries;
	if ((s.lists = calloc(json_array_size(lists) + 1, sizeof(*s.lists))) == NULL)
		return -ENOMEM;
	json_array_foreach (lists, i, list) {
		if ((err = list_from_json(list, &s.lists[i])) < 0) {
			free_set(&s);
			return err;
		}
		s.n++;
	}
	*ret = s;
	return 0;
}

static int
read_sets(struct history *h, const struct input *in)
{
	json_t *sets = json_loadb(in->bytes, in->len, JSON_REJECT_DUPLICATES, NULL), *set;
	int err = json_is_array(sets) ? 0 : -EINVAL;
	size_t i;

	json_array_foreach (sets, i, set) {
		if (err < 0 || h->n == HISTORY_SETS || (err = set_from_json(set, &h->sets[h->n])) < 0)
			break;
		h->n++;
	}
	json_decref(sets);
	return err;
}

// Open and add -----------------------------------------------------------------------------------------------------------------

static int
make_folder(const char *path)
{
	return mkdir(path, 0750) == -1 && errno != EEXIST ? -errno : 0;
}

static int
make_folders(const struct history *h)
{
	char *lists = path_of(h, "lists");
	int err = lists == NULL ? -ENOMEM : make_folder(h->folder);

	if (err == 0)
		err = make_folder(lists);
	if (err == 0 && access(lists, W_OK) == -1)
		err = -errno;
	free(lists);
	return err;
}

// Two that write would each remove the lists that only the other's sets name.
static int
lock_folder(struct history *h)
{
	char *path = path_of(h, "lock");

	if (path == NULL)
		return -ENOMEM;
	h->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0640);
	free(path);
	if (h->lock == -1)
		return -errno;
	if (flock(h->lock, LOCK_EX | LOCK_NB) == -1)
		return errno == EWOULDBLOCK ? -EBUSY : -errno;
	return 0;
}

static int
open_to_write(struct history *h, struct problem_list *problems)
{
	int err = make_folders(h);

	if (err == 0)
		err = lock_folder(h);
	if (err == -EBUSY)
		problem_add(problems, PROBLEM_ERROR, h->folder, 0, NULL,
			    "is in use by another ratwatchd; stop it, or give this one its own indicators.state_dir");
	else if (err < 0)
		problem_add(problems, PROBLEM_ERROR, h->folder, 0, NULL,
			    "cannot be written (%s), so that no list is kept for the day when a new one is broken; "
			    "make the "
			    "folder for the daemon's user, or set indicators.state_dir",
			    strerror(-err));
	return err;
}

static int
read_folder(struct history *h, struct problem_list *problems)
{
	char *path = path_of(h, "sets.json");
	struct input in;
	int err = -ENOMEM;

	if (path == NULL)
		return err;
	if (access(path, F_OK) == -1 && errno == ENOENT)
		err = 0;
	else if ((err = input_read(path, problems, &in)) == 0) {
		if ((err = read_sets(h, &in)) == -EINVAL)
			problem_add(
				problems, PROBLEM_ERROR, path, 0, NULL,
				"is damaged, so that no earlier list can be taken up; the lists that are accepted next "
				"are kept as ever");
		input_free(&in);
	}
	free(path);
	if (err == 0 || err == -ENOMEM)
		return err;
	for (; h->n > 0; h->n--)
		free_set(&h->sets[h->n - 1]);
	return 0;
}

int
history_open(const char *folder, bool writes, struct problem_list *problems, struct history **ret)
{
	struct history *h = calloc(1, sizeof(*h));
	int err = 0;

	if (h == NULL || (h->folder = strdup(folder)) == NULL) {
		free(h);
		return -ENOMEM;
	}
	h->writes = writes;
	h->lock = -1;
	if (writes)
		err = open_to_write(h, problems);
	if (err == 0)
		err = read_folder(h, problems);
	if (err < 0) {
		history_close(h);
		return err;
	}
	*ret = h;
	return 0;
}

static int
copy_set(const struct history_set *from, struct history_set *ret)
{
	struct history_set s = *from;

	s.n = 0;
	if ((s.lists = calloc(from->n + 1, sizeof(*s.lists))) == NULL)
		return -ENOMEM;
	for (; s.n < from->n; s.n++) {
		s.lists[s.n] = from->lists[s.n];
		if ((s.lists[s.n].path = strdup(from->lists[s.n].path)) == NULL) {
			free_set(&s);
			return -ENOMEM;
		}
	}
	*ret = s;
	return 0;
}

static bool
same_lists(const struct history_set *a, const struct history_set *b)
{
	if (a->n != b->n)
		return false;
	for (size_t i = 0; i < a->n; i++)
		if (strcmp(a->lists[i].path, b->lists[i].path) != 0 || a->lists[i].digest != b->lists[i].digest)
			return false;
	return true;
}

// The place of the set that makes room: one of the same lists, else the oldest when there are enough.
static size_t
leaver(const struct history *h)
{
	for (size_t i = 1; i < h->n; i++)
		if (same_lists(&h->sets[0], &h->sets[i]))
			return i;
	return HISTORY_SETS;
}

static void
take_out(struct history *h, size_t i)
{
	memmove(&h->sets[i], &h->sets[i + 1], (h->n - i - 1) * sizeof(*h->sets));
	h->n--;
}

int
history_add(struct history *h, const struct history_set *set)
{
	struct history_set gone = {0}, added;
	size_t place;
	int err;

	if (!h->writes)
		return 0;
	for (size_t i = 0; i < set->n; i++)
		if (!is_kept(h, &set->lists[i]))
			return -ENOENT;
	if ((err = copy_set(set, &added)) < 0)
		return err;
	memmove(&h->sets[1], &h->sets[0], h->n * sizeof(*h->sets));
	h->sets[0] = added;
	h->n++;
	if ((place = leaver(h)) < h->n) {
		gone = h->sets[place];
		take_out(h, place);
	}
	if ((err = write_sets(h)) < 0) {
		if (gone.lists != NULL) {
			memmove(&h->sets[place + 1], &h->sets[place], (h->n - place) * sizeof(*h->sets));
			h->sets[place] = gone;
			h->n++;
		}
		take_out(h, 0);
		free_set(&added);
		return err;
	}
	free_set(&gone);
	history_tidy(h);
	return 0;
}
