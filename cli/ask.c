#include "ask.h"

#include "cli.h"

#include <jansson.h>

#include <errno.h>
#include <grp.h>
#include <poll.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define ANSWER_MAX (64u << 20) // bytes

struct answer {
	char *bytes;
	size_t len, size;
};

static int complain(const char *format, ...) __attribute__((format(printf, 1, 2)));

static int
complain(const char *format, ...)
{
	va_list args;

	fputs("ratwatch: ", stderr);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	return -1;
}

// Connecting --------------------------------------------------------------------------------------------------------------------

// The group that may use the socket, as far as it can be seen.
static const char *
group_of(const char *path)
{
	struct stat there;
	struct group *group;

	return stat(path, &there) == 0 && (group = getgrgid(there.st_gid)) != NULL ? group->gr_name : NULL;
}

static int
explain(int err, const char *path)
{
	const char *group;

	switch (err) {
	case ENOENT:
		return complain(
			"%s: no such socket; is ratwatchd running, and is this its control.socket? (--socket PATH)",
			path);
	case ECONNREFUSED:
		return complain("%s: nobody listens there any more; start ratwatchd", path);
	case EACCES:
		group = group_of(path);
		return complain("%s: permission denied; run this as root%s%s", path,
				group != NULL ? " or as a member of group " : "", group != NULL ? group : "");
	default:
		return complain("%s: %s", path, strerror(err));
	}
}

static int
connect_to(const char *path)
{
	const struct timeval patience = {.tv_sec = ASK_PATIENCE_S};
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	int fd;

	if (strlen(path) >= sizeof(a.sun_path))
		return complain("%s: too long for a socket; at most %zu bytes", path, sizeof(a.sun_path) - 1);
	strcpy(a.sun_path, path);
	if ((fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) == -1)
		return explain(errno, path);
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience)); // of connect, too
	if (connect(fd, (struct sockaddr *)&a, sizeof(a)) == -1) {
		explain(errno, path);
		close(fd);
		return -1;
	}
	return fd;
}

// Talking -----------------------------------------------------------------------------------------------------------------------

static int64_t
now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

// Whoever refuses to read on has an answer for us.
static int
say(int fd, const char *text, size_t len)
{
	ssize_t n;

	for (; len > 0; text += n, len -= (size_t)n)
		if ((n = send(fd, text, len, MSG_NOSIGNAL)) == -1)
			return errno == EPIPE || errno == ECONNRESET
				       ? 0
				       : complain("the question cannot be sent: %s", strerror(errno));
	return 0;
}

static int
say_question(int fd, const json_t *question)
{
	char *line = json_dumps(question, JSON_COMPACT);
	int err = line == NULL ? complain("no memory") : 0;

	if (err == 0 && (err = say(fd, line, strlen(line))) == 0)
		err = say(fd, "\n", 1);
	free(line);
	return err;
}

static int
make_room(struct answer *a)
{
	size_t size = a->size == 0 ? 65536 : a->size * 2;
	char *grown;

	if (a->len < a->size)
		return 0;
	if (size > ANSWER_MAX)
		return complain("the answer is longer than %u MiB: this is no ratwatchd", ANSWER_MAX >> 20);
	if ((grown = realloc(a->bytes, size)) == NULL)
		return complain("no memory");
	a->bytes = grown;
	a->size = size;
	return 0;
}

// 1: there is more to come.
static int
hear_some(int fd, int64_t until_ms, struct answer *a)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};
	int64_t left = until_ms - now_ms();
	ssize_t n;

	if (make_room(a) < 0)
		return -1;
	if (left <= 0 || poll(&p, 1, (int)left) == 0)
		return complain("no answer in time; ratwatchd is held up or still at it: see its log, and ask again");
	if ((n = recv(fd, a->bytes + a->len, a->size - a->len, MSG_DONTWAIT)) > 0)
		a->len += (size_t)n;
	else if (n == -1 && (errno == EAGAIN || errno == EINTR))
		return 1;
	return n > 0;
}

static int
hear(int fd, unsigned patience_s, json_t **ret)
{
	int64_t until_ms = now_ms() + (int64_t)patience_s * 1000;
	struct answer a = {0};
	json_error_t error;
	int more;

	while ((more = hear_some(fd, until_ms, &a)) == 1)
		;
	if (more == 0 && a.len == 0)
		more = complain("ratwatchd closed the connection without an answer; it ends, or too many ask at once");
	else if (more == 0 && (*ret = json_loadb(a.bytes, a.len, 0, &error)) == NULL)
		more = complain("the answer is no JSON: %s; is this the socket of ratwatchd?", error.text);
	free(a.bytes);
	return more;
}

static int
talk(const char *socket, const json_t *question, unsigned patience_s, json_t **ret)
{
	int fd = connect_to(socket), err;

	if (fd == -1)
		return -1;
	if ((err = say_question(fd, question)) == 0)
		err = hear(fd, patience_s, ret);
	close(fd);
	return err;
}

int
ask(const char *socket, struct json_t *question, unsigned patience_s, struct json_t **ret)
{
	json_t *answer = NULL;
	const char *wrong;
	int err = talk(socket, question, patience_s, &answer);

	json_decref(question);
	if (err < 0)
		return CLI_FAILED;
	if ((wrong = json_string_value(json_object_get(answer, "error"))) != NULL) {
		complain("%s", wrong);
		json_decref(answer);
		return CLI_FAILED;
	}
	*ret = answer;
	return CLI_DONE;
}
