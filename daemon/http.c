#include "http.h"

#include "ip.h"
#include "metrics.h"
#include "status.h"

#include <microhttpd.h>

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define RUN_MS 1000 // at least so often

struct http {
	const struct status_sources *sources;
	struct MHD_Daemon *daemon;
};

// Answers -----------------------------------------------------------------------------------------------------------------------

// Takes the body over.
static enum MHD_Result
respond(struct MHD_Connection *to, unsigned status, const char *type, char *body, size_t len)
{
	struct MHD_Response *r = MHD_create_response_from_buffer(len, body, MHD_RESPMEM_MUST_FREE);
	enum MHD_Result done;

	if (r == NULL) {
		free(body);
		return MHD_NO;
	}
	MHD_add_response_header(r, MHD_HTTP_HEADER_CONTENT_TYPE, type);
	if (status == MHD_HTTP_METHOD_NOT_ALLOWED)
		MHD_add_response_header(r, MHD_HTTP_HEADER_ALLOW, "GET, HEAD");
	done = MHD_queue_response(to, status, r);
	MHD_destroy_response(r);
	return done;
}

static enum MHD_Result
respond_line(struct MHD_Connection *to, unsigned status, const char *line)
{
	char *body = NULL;
	int len = asprintf(&body, "%s\n", line);

	return len == -1 ? MHD_NO : respond(to, status, "text/plain; charset=utf-8", body, (size_t)len);
}

static enum MHD_Result
respond_metrics(struct MHD_Connection *to, const struct status *s)
{
	char *body = NULL;
	size_t len = 0;
	FILE *f = open_memstream(&body, &len);

	if (f == NULL)
		return MHD_NO;
	metrics_write(s, f);
	if (fclose(f) != 0) {
		free(body);
		return MHD_NO;
	}
	return respond(to, MHD_HTTP_OK, METRICS_TYPE, body, len);
}

static enum MHD_Result
respond_health(struct MHD_Connection *to, const struct status *s)
{
	const char *trouble = status_trouble(s);

	return trouble != NULL ? respond_line(to, MHD_HTTP_SERVICE_UNAVAILABLE, trouble)
			       : respond_line(to, MHD_HTTP_OK, "ok");
}

static enum MHD_Result
respond_to(const struct http *h, struct MHD_Connection *to, const char *path)
{
	bool metrics = strcmp(path, "/metrics") == 0;
	enum MHD_Result done;
	struct status s;

	if (!metrics && strcmp(path, "/healthz") != 0)
		return respond_line(to, MHD_HTTP_NOT_FOUND, "not here; ask for /metrics or /healthz");
	if (status_collect(h->sources, &s) < 0)
		return respond_line(to, MHD_HTTP_SERVICE_UNAVAILABLE, "no memory");
	done = metrics ? respond_metrics(to, &s) : respond_health(to, &s);
	status_free(&s);
	return done;
}

// Called twice: what is answered at the first call ends the connection, since a body might follow.
static enum MHD_Result
handle(void *context, struct MHD_Connection *from, const char *path, const char *method, const char *version,
       const char *body, size_t *body_len, void **state)
{
	(void)version;
	(void)body;
	if (strcmp(method, MHD_HTTP_METHOD_GET) != 0 && strcmp(method, MHD_HTTP_METHOD_HEAD) != 0)
		return respond_line(from, MHD_HTTP_METHOD_NOT_ALLOWED, "only GET and HEAD");
	if (*state == NULL) {
		*state = context;
		return MHD_YES;
	}
	return *body_len > 0 ? MHD_NO : respond_to(context, from, path);
}

// Starting ----------------------------------------------------------------------------------------------------------------------

static int
fail(struct problem_list *problems, int err, const char *at, const char *remedy)
{
	problem_add(problems, PROBLEM_ERROR, "http", 0, "listen", "%s: %s; %s", at, strerror(-err), remedy);
	return err;
}

static socklen_t
socket_address(const struct ip_addr *a, uint16_t port, struct sockaddr_storage *ret)
{
	struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons(port)};
	struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons(port)};

	if (ip_is_v4(a)) {
		memcpy(&v4.sin_addr, a->bytes + 12, 4);
		memcpy(ret, &v4, sizeof(v4));
		return sizeof(v4);
	}
	memcpy(&v6.sin6_addr, a->bytes, 16);
	memcpy(ret, &v6, sizeof(v6));
	return sizeof(v6);
}

// Our own, so that what is wrong can be named. The descriptor, or a negative errno.
static int
open_socket(const char *at)
{
	struct sockaddr_storage address = {0};
	const int on = 1;
	struct ip_addr a;
	uint16_t port;
	socklen_t len;
	int fd, err;

	if ((err = ip_parse_endpoint(at, strlen(at), &a, &port)) < 0)
		return err;
	len = socket_address(&a, port, &address);
	if ((fd = socket(address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)) == -1)
		return -errno;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)); // connections of the last run may linger
	if (address.ss_family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on)); // what was written, and no more
	if (bind(fd, (struct sockaddr *)&address, len) == -1 || listen(fd, HTTP_CONNECTIONS) == -1) {
		err = -errno;
		close(fd);
		return err;
	}
	return fd;
}

static struct MHD_Daemon *
start_daemon(struct http *h, int fd)
{
	return MHD_start_daemon(MHD_USE_EPOLL, 0, NULL, NULL, handle, h, MHD_OPTION_LISTEN_SOCKET, fd,
				MHD_OPTION_CONNECTION_LIMIT, (unsigned)HTTP_CONNECTIONS, MHD_OPTION_CONNECTION_TIMEOUT,
				(unsigned)HTTP_SILENCE_S, MHD_OPTION_END);
}

int
http_start(const char *at, const struct status_sources *sources, struct problem_list *problems, struct http **ret)
{
	struct http *h;
	int fd = open_socket(at);

	if (fd < 0)
		return fail(problems, fd, at, "`ss -ltnp` shows who listens, `ip address` which addresses there are");
	if ((h = calloc(1, sizeof(*h))) == NULL) {
		close(fd);
		return -ENOMEM;
	}
	h->sources = sources;
	if ((h->daemon = start_daemon(h, fd)) == NULL) {
		http_free(h); // and the library has closed the descriptor, or the process ends soon
		return fail(problems, -EIO, at, "libmicrohttpd does not start");
	}
	*ret = h;
	return 0;
}

void
http_free(struct http *h)
{
	if (h == NULL)
		return;
	if (h->daemon != NULL)
		MHD_stop_daemon(h->daemon);
	free(h);
}

// The loop ----------------------------------------------------------------------------------------------------------------------

// At its limit of connections the library stops listening, and listens again only in a later run than the one that closed some; it does
// not ask for that run.
static int
timeout_ms(void *context)
{
	struct http *h = context;
	MHD_UNSIGNED_LONG_LONG ms;

	return MHD_get_timeout(h->daemon, &ms) == MHD_YES && ms < RUN_MS ? (int)ms : RUN_MS;
}

static void
work(void *context)
{
	struct http *h = context;

	MHD_run(h->daemon);
}

struct loop_room
http_room(struct http *h)
{
	const union MHD_DaemonInfo *info = MHD_get_daemon_info(h->daemon, MHD_DAEMON_INFO_EPOLL_FD);

	return (struct loop_room){.fd = info->epoll_fd, .timeout_ms = timeout_ms, .work = work, .context = h};
}
