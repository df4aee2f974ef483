#include "control.h"

#include "request.h"

#include <jansson.h>

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define NEVER    INT64_MAX
#define KNOCKING 128 // clients that wait to be let in

enum phase {
	FREE,
	READING,
	WORKING, // a command has the question: nothing is read or written, only the client's going is noticed
	WRITING,
};

struct connection {
	enum phase phase;
	int fd;
	int64_t deadline_ns; // closed then; NEVER while WORKING
	char *bytes;         // READING: of the question; WRITING: of the answer
	size_t len, sent;
	struct control_request *request; // WORKING
};

struct control_request {
	struct control *control;
	struct connection *connection; // main thread; NULL: the client has gone
	char *answer;                  // NULL: no memory for it
	size_t len;
	struct control_request *next;
};

struct control {
	struct control_options options;
	char *path; // NULL: the socket is not ours
	int epoll, listener, wake;
	int64_t listen_ns; // when the listener is asked again; NEVER: it is
	struct connection connections[CONTROL_CONNECTIONS];
	pthread_mutex_t lock;
	struct control_request *answered; // any thread adds, main takes; under the lock
};

static int64_t
now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static int64_t
deadline(void)
{
	return now_ns() + CONTROL_SILENCE_MS * INT64_C(1000000);
}

static int
watch(struct control *c, int operation, int fd, uint32_t events, void *what)
{
	struct epoll_event e = {.events = events, .data.ptr = what};

	return epoll_ctl(c->epoll, operation, fd, &e) == -1 ? -errno : 0;
}

// Answers -----------------------------------------------------------------------------------------------------------------------

struct json_t *
control_text(const char *text)
{
	json_t *j = json_string(text);
	char *copy;

	if (j != NULL || (copy = strdup(text)) == NULL)
		return j;
	for (char *p = copy; *p != '\0'; p++)
		if ((unsigned char)*p >= 0x80)
			*p = '?';
	j = json_string(copy);
	free(copy);
	return j;
}

// In the thread that answers, so that a long answer does not keep the main thread.
static char *
line_of(const json_t *answer, size_t *ret_len)
{
	size_t len = json_dumpb(answer, NULL, 0, JSON_COMPACT);
	char *line = len > 0 ? malloc(len + 1) : NULL;

	if (line == NULL)
		return NULL;
	json_dumpb(answer, line, len, JSON_COMPACT);
	line[len] = '\n';
	*ret_len = len + 1;
	return line;
}

void
control_answer(struct control_request *request, struct json_t *answer)
{
	struct control *c = request->control;
	const uint64_t one = 1;

	request->answer = line_of(answer, &request->len);
	json_decref(answer);
	pthread_mutex_lock(&c->lock);
	request->next = c->answered;
	c->answered = request;
	pthread_mutex_unlock(&c->lock);
	// From here on the request may be gone. A full counter, the only failure, has woken the main thread already.
	if (write(c->wake, &one, sizeof(one)) == -1)
		return;
}

void
control_refuse(struct control_request *request, const char *format, ...)
{
	json_t *answer = json_object();
	char text[512];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	json_object_set_new(answer, "error", control_text(text));
	control_answer(request, answer);
}

// Connections -------------------------------------------------------------------------------------------------------------------

static void
close_connection(struct connection *x)
{
	close(x->fd); // and epoll forgets it
	free(x->bytes);
	if (x->request != NULL)
		x->request->connection = NULL;
	*x = (struct connection){.phase = FREE};
}

static void
write_answer(struct control *c, struct connection *x)
{
	ssize_t n;

	while (x->sent < x->len && (n = send(x->fd, x->bytes + x->sent, x->len - x->sent, MSG_NOSIGNAL)) > 0) {
		x->sent += (size_t)n;
		x->deadline_ns = deadline();
	}
	if (x->sent == x->len || errno != EAGAIN || watch(c, EPOLL_CTL_MOD, x->fd, EPOLLOUT, x) < 0)
		close_connection(x);
}

static void
give_answer(struct control *c, struct connection *x, char *answer, size_t len)
{
	free(x->bytes);
	x->request = NULL;
	x->phase = WRITING;
	x->bytes = answer;
	x->len = len;
	x->sent = 0;
	x->deadline_ns = deadline();
	write_answer(c, x);
}

static void
take_answer(struct control *c, struct control_request *request)
{
	if (request->connection == NULL)
		free(request->answer);
	else if (request->answer == NULL)
		close_connection(request->connection);
	else
		give_answer(c, request->connection, request->answer, request->len);
	free(request);
}

static void
take_answers(struct control *c)
{
	struct control_request *request, *next;
	uint64_t wakes;

	// Before the list is taken: what comes later wakes again.
	if (read(c->wake, &wakes, sizeof(wakes)) == -1 && errno != EAGAIN)
		return;
	pthread_mutex_lock(&c->lock);
	request = c->answered;
	c->answered = NULL;
	pthread_mutex_unlock(&c->lock);
	for (; request != NULL; request = next) {
		next = request->next;
		take_answer(c, request);
	}
}

static const struct control_command *
find_command(const struct control *c, const char *name)
{
	for (size_t i = 0; i < c->options.n_commands; i++)
		if (strcmp(c->options.commands[i].name, name) == 0)
			return &c->options.commands[i];
	return NULL;
}

static void
refuse_command(struct control *c, const char *name, struct control_request *request)
{
	char names[256] = "";
	size_t len = 0;

	for (size_t i = 0; i < c->options.n_commands && len < sizeof(names); i++)
		len += (size_t)snprintf(names + len, sizeof(names) - len, "%s%s", i > 0 ? ", " : "",
					c->options.commands[i].name);
	control_refuse(request, "'%.60s' is no command of this ratwatchd (" RATWATCH_VERSION "); write one of %s", name,
		       names);
}

static void
run(struct control *c, const char *line, size_t len, struct control_request *request)
{
	const struct control_command *command;
	char error[REQUEST_ERROR_MAX];
	json_t *arguments;

	if (request_parse(line, len, error, &arguments) < 0) {
		control_refuse(request, "%s", error);
		return;
	}
	if ((command = find_command(c, request_command(arguments))) != NULL)
		command->run(c->options.context, arguments, request);
	else
		refuse_command(c, request_command(arguments), request);
	json_decref(arguments);
}

static void
ask(struct control *c, struct connection *x, size_t len)
{
	struct control_request *request = calloc(1, sizeof(*request));

	// Nothing but its end (EPOLLHUP, which is always told) is of interest now.
	if (request == NULL || watch(c, EPOLL_CTL_MOD, x->fd, 0, x) < 0) {
		free(request);
		close_connection(x);
		return;
	}
	*request = (struct control_request){.control = c, .connection = x};
	x->request = request;
	x->phase = WORKING;
	x->deadline_ns = NEVER;
	run(c, x->bytes, len, request);
}

// A line, or what there is when the client has closed its side.
static void
read_question(struct control *c, struct connection *x)
{
	ssize_t n = recv(x->fd, x->bytes + x->len, REQUEST_MAX + 1 - x->len, 0);
	char *end = n > 0 ? memchr(x->bytes + x->len, '\n', (size_t)n) : NULL;

	if (n == -1 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n == -1 || (n == 0 && x->len == 0)) {
		close_connection(x);
		return;
	}
	x->len += (size_t)n;
	if (end != NULL)
		ask(c, x, (size_t)(end - x->bytes));
	else if (n == 0 || x->len > REQUEST_MAX)
		ask(c, x, x->len);
}

static void
serve(struct control *c, struct connection *x)
{
	switch (x->phase) {
	case FREE: // closed by an earlier event of the same round
		break;
	case READING:
		read_question(c, x);
		break;
	case WORKING:
		close_connection(x);
		break;
	case WRITING:
		write_answer(c, x);
	}
}

// A free place, or that of the connection which has been slow for longest; NULL: all of them wait for commands.
static struct connection *
make_room(struct control *c)
{
	struct connection *slowest = &c->connections[0];

	for (size_t i = 0; i < CONTROL_CONNECTIONS; i++) {
		if (c->connections[i].phase == FREE)
			return &c->connections[i];
		if (c->connections[i].deadline_ns < slowest->deadline_ns)
			slowest = &c->connections[i];
	}
	if (slowest->deadline_ns == NEVER)
		return NULL;
	close_connection(slowest);
	return slowest;
}

static int
open_connection(struct control *c, int fd)
{
	struct connection *x = make_room(c);

	if (x == NULL)
		return -EBUSY;
	*x = (struct connection){.fd = fd, .bytes = malloc(REQUEST_MAX + 1), .deadline_ns = deadline()};
	if (x->bytes == NULL || watch(c, EPOLL_CTL_ADD, fd, EPOLLIN, x) < 0) {
		free(x->bytes);
		x->bytes = NULL;
		return -ENOMEM;
	}
	x->phase = READING;
	return 0;
}

// Without a descriptor to spare the listener would be readable for ever: it is left alone for a second.
static void
pause_listener(struct control *c)
{
	if (watch(c, EPOLL_CTL_MOD, c->listener, 0, &c->listener) == 0)
		c->listen_ns = now_ns() + INT64_C(1000000000);
}

// One at a time: those who are here and have asked come first, and are not the slowest.
static void
accept_one(struct control *c)
{
	int fd = accept4(c->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

	if (fd != -1) {
		if (open_connection(c, fd) < 0)
			close(fd);
	} else if (errno != EAGAIN && errno != ECONNABORTED && errno != EINTR) {
		pause_listener(c);
	}
}

static void
end_what_is_late(struct control *c)
{
	int64_t now = now_ns();

	for (size_t i = 0; i < CONTROL_CONNECTIONS; i++)
		if (c->connections[i].phase != FREE && c->connections[i].deadline_ns <= now)
			close_connection(&c->connections[i]);
	if (c->listen_ns <= now && watch(c, EPOLL_CTL_MOD, c->listener, EPOLLIN, &c->listener) == 0)
		c->listen_ns = NEVER;
}

static void
work(void *context)
{
	struct control *c = context;
	struct epoll_event events[CONTROL_CONNECTIONS + 2];
	int n = epoll_wait(c->epoll, events, CONTROL_CONNECTIONS + 2, 0);
	bool knock = false;

	for (int i = 0; i < n; i++) {
		if (events[i].data.ptr == &c->listener)
			knock = true;
		else if (events[i].data.ptr == &c->wake)
			take_answers(c);
		else
			serve(c, events[i].data.ptr);
	}
	if (knock)
		accept_one(c);
	end_what_is_late(c);
}

static int
timeout_ms(void *context)
{
	const struct control *c = context;
	int64_t first = c->listen_ns, ns;

	for (size_t i = 0; i < CONTROL_CONNECTIONS; i++)
		if (c->connections[i].phase != FREE && c->connections[i].deadline_ns < first)
			first = c->connections[i].deadline_ns;
	if (first == NEVER)
		return -1;
	ns = first - now_ns();
	return ns <= 0 ? 0 : (int)((ns + 999999) / 1000000);
}

struct loop_room
control_room(struct control *c)
{
	return (struct loop_room){.fd = c->epoll, .timeout_ms = timeout_ms, .work = work, .context = c};
}

// The socket --------------------------------------------------------------------------------------------------------------------

static int fail(struct problem_list *problems, int err, const char *format, ...) __attribute__((format(printf, 3, 4)));

static int
fail(struct problem_list *problems, int err, const char *format, ...)
{
	char what[512];
	va_list args;

	va_start(args, format);
	vsnprintf(what, sizeof(what), format, args);
	va_end(args);
	problem_add(problems, PROBLEM_ERROR, "control", 0, "socket", "%s", what);
	return err;
}

static int
explain_bind(int err, const char *path, struct problem_list *problems)
{
	const char *slash = strrchr(path, '/');
	int len = slash == NULL ? 1 : slash == path ? 1 : (int)(slash - path);
	const char *dir = slash == NULL ? "." : path;

	if (err == -ENOENT)
		return fail(problems, err,
			    "the directory %.*s does not exist; make it (as root: install -d -o %u %.*s; under systemd "
			    "RuntimeDirectory= does) or write another path",
			    len, dir, (unsigned)geteuid(), len, dir);
	if (err == -EACCES || err == -EPERM || err == -EROFS)
		return fail(problems, err,
			    "%s: no permission to make it; give the directory to this user (as root: chown %u %.*s) or "
			    "write another path",
			    path, (unsigned)geteuid(), len, dir);
	return fail(problems, err, "%s cannot be made: %s; write another path", path, strerror(-err));
}

// Somebody answers there.
static int
explain_living(int fd, const char *path, struct problem_list *problems)
{
	struct ucred peer = {0};
	socklen_t size = sizeof(peer);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) == -1 || peer.pid == 0)
		return fail(problems, -EADDRINUSE,
			    "%s: another process listens there already; stop it or write another path", path);
	return fail(problems, -EADDRINUSE,
		    "%s: process %d listens there already (another ratwatchd?); stop it or write another path", path,
		    (int)peer.pid);
}

// 0 when nobody listens there any more, and it is removed.
static int
remove_stale(const struct sockaddr_un *a, struct problem_list *problems)
{
	struct stat there;
	int fd, err = 0;

	if (lstat(a->sun_path, &there) == 0 && !S_ISSOCK(there.st_mode))
		return fail(problems, -EEXIST, "%s is there and is no socket; move it away or write another path",
			    a->sun_path);
	if ((fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)) == -1)
		return explain_bind(-errno, a->sun_path, problems);
	// EAGAIN: it lives, and many ask it.
	if (connect(fd, (const struct sockaddr *)a, sizeof(*a)) == 0 || errno == EAGAIN)
		err = explain_living(fd, a->sun_path, problems);
	else if (errno != ECONNREFUSED && errno != ENOENT)
		err = explain_bind(-errno, a->sun_path, problems);
	else if (unlink(a->sun_path) == -1 && errno != ENOENT)
		err = explain_bind(-errno, a->sun_path, problems);
	close(fd);
	return err;
}

static int
bind_socket(int fd, const char *path, struct problem_list *problems)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	int err;

	if (strlen(path) >= sizeof(a.sun_path))
		return fail(problems, -ENAMETOOLONG, "%s is too long; write a path of at most %zu bytes", path,
			    sizeof(a.sun_path) - 1);
	strcpy(a.sun_path, path);
	fchmod(fd, 0660); // before there is a name: never open to more than it will be
	if (bind(fd, (struct sockaddr *)&a, sizeof(a)) == 0)
		return 0;
	if (errno != EADDRINUSE)
		return explain_bind(-errno, path, problems);
	if ((err = remove_stale(&a, problems)) < 0)
		return err;
	return bind(fd, (struct sockaddr *)&a, sizeof(a)) == 0 ? 0 : explain_bind(-errno, path, problems);
}

static int
listen_at(struct control *c, const char *path, struct problem_list *problems)
{
	int err;

	if ((c->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)) == -1)
		return explain_bind(-errno, path, problems);
	if ((err = bind_socket(c->listener, path, problems)) < 0)
		return err;
	if ((c->path = strdup(path)) == NULL)
		return -ENOMEM;
	if (chmod(path, 0660) == -1 || listen(c->listener, KNOCKING) == -1) // the umask took its part
		return explain_bind(-errno, path, problems);
	return 0;
}

static int
watch_all(struct control *c, struct problem_list *problems)
{
	int err;

	c->epoll = epoll_create1(EPOLL_CLOEXEC);
	c->wake = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (c->epoll == -1 || c->wake == -1)
		err = -errno;
	else if ((err = watch(c, EPOLL_CTL_ADD, c->wake, EPOLLIN, &c->wake)) == 0)
		err = watch(c, EPOLL_CTL_ADD, c->listener, EPOLLIN, &c->listener);
	return err < 0 ? fail(problems, err, "cannot be waited for: %s", strerror(-err)) : 0;
}

int
control_start(const struct control_options *o, struct problem_list *problems, struct control **ret)
{
	struct control *c = calloc(1, sizeof(*c));
	int err;

	if (c == NULL)
		return -ENOMEM;
	*c = (struct control){.options = *o, .epoll = -1, .listener = -1, .wake = -1, .listen_ns = NEVER};
	pthread_mutex_init(&c->lock, NULL);
	if ((err = listen_at(c, o->path, problems)) < 0 || (err = watch_all(c, problems)) < 0) {
		control_free(c);
		return err;
	}
	*ret = c;
	return 0;
}

static void
close_fd(int fd)
{
	if (fd != -1)
		close(fd);
}

void
control_free(struct control *c)
{
	if (c == NULL)
		return;
	if (c->path != NULL)
		unlink(c->path);
	take_answers(c);
	for (size_t i = 0; i < CONTROL_CONNECTIONS; i++)
		if (c->connections[i].phase != FREE)
			close_connection(&c->connections[i]);
	close_fd(c->listener);
	close_fd(c->wake);
	close_fd(c->epoll);
	pthread_mutex_destroy(&c->lock);
	free(c->path);
	free(c);
}
