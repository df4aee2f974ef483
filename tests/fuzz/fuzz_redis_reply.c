// The bytes are everything that a Redis server says to a sink that checks it and applies a batch, whatever is asked.

#include "sink.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char path[64];
static int listener = -1;

static void
clean_up(void)
{
	unlink(path);
}

static void
listen_once(void)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};

	if (listener != -1)
		return;
	snprintf(path, sizeof(path), "/tmp/ratwatch-fuzz-%d.sock", (int)getpid());
	strcpy(a.sun_path, path);
	listener = socket(AF_UNIX, SOCK_STREAM, 0);
	if (listener == -1 || bind(listener, (struct sockaddr *)&a, sizeof(a)) == -1 || listen(listener, 8) == -1)
		abort();
	atexit(clean_up);
}

struct words {
	const uint8_t *data;
	size_t size;
};

// One connection: says it all, then listens until the other side goes.
static void *
serve(void *arg)
{
	const struct words *w = arg;
	int fd = accept(listener, NULL, NULL);
	char sink_hole[4096];

	for (size_t done = 0; done < w->size;) {
		ssize_t n = send(fd, w->data + done, w->size - done, MSG_NOSIGNAL);

		if (n <= 0)
			break;
		done += (size_t)n;
	}
	shutdown(fd, SHUT_WR);
	while (read(fd, sink_hole, sizeof(sink_hole)) > 0)
		;
	close(fd);
	return NULL;
}

static void
apply(struct sink *s)
{
	char key[] = "k", *argv[] = {key};
	size_t len[] = {1};
	char entity[] = "org:x";
	struct batch_part part = {.entity = entity,
				  .seq = 1,
				  .org = 1,
				  .suspected = true,
				  .apply = {.n_keys = 1, .n = 1, .argv = argv, .len = len}};
	struct batch batch = {.number = 1, .parts = &part, .n = 1};

	if (sink_apply(s, &batch) < 0 && sink_error(s)[0] == '\0')
		abort(); // failed without a word
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct words w = {data, size};
	char url[80], error[300];
	struct sink_options o = {.redis = {.url = url, .timeout_ms = 1000},
				 .prefix = "f:",
				 .sensor = "fuzz",
				 .version = "0",
				 .library = "library"};
	struct sink *s;
	pthread_t server;

	listen_once();
	snprintf(url, sizeof(url), "unix://%s", path);
	if (sink_build(&o, error, sizeof(error), &s) < 0 || pthread_create(&server, NULL, serve, &w) != 0)
		abort();
	apply(s);
	sink_free(s);
	pthread_join(server, NULL);
	return 0;
}
