// replay: runs a fuzz target over its corpus: each file, and each of its prefixes up to PREFIXES_MAX.

#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PREFIXES_MAX 400

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

// From memory of its exact size, so that a sanitizer sees a step too far.
static void
run(const uint8_t *data, size_t size)
{
	uint8_t *exact = malloc(size > 0 ? size : 1);

	memcpy(exact, data, size);
	LLVMFuzzerTestOneInput(exact, size);
	free(exact);
}

static int
run_file(const char *path)
{
	static uint8_t bytes[1 << 20];
	FILE *f = fopen(path, "rb");
	size_t n;

	if (f == NULL)
		return -1;
	n = fread(bytes, 1, sizeof(bytes), f);
	fclose(f);
	for (size_t size = 0; size <= n && size <= PREFIXES_MAX; size++)
		run(bytes, size);
	run(bytes, n);
	return 0;
}

int
main(int argc, char **argv)
{
	DIR *d = argc == 2 ? opendir(argv[1]) : NULL;
	struct dirent *e;
	char path[4096];
	unsigned files = 0;

	if (d == NULL) {
		fprintf(stderr, "usage: %s CORPUS\n", argv[0]);
		return 2;
	}
	while ((e = readdir(d)) != NULL) {
		snprintf(path, sizeof(path), "%s/%s", argv[1], e->d_name);
		if (e->d_name[0] != '.' && run_file(path) == 0)
			files++;
	}
	closedir(d);
	printf("%u files\n", files);
	return files == 0;
}
