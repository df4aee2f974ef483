#include "redis.h"

#include <hiredis/hiredis.h>

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WORDS_MAX 64 // of redis_command
#define DEPTH_MAX 8  // of a reply

struct redis {
	char *host, *path; // one of them
	int port, database;
	char *user, *password;
	struct timeval timeout;
	char where[300], error[768];
	redisContext *context; // NULL: not connected
};

// URL ----------------------------------------------------------------------------------------------------------------------------

static int
refuse(char *error, size_t size, const char *url, const char *what)
{
	const char *at = strrchr(url, '@'); // a password may stand before it

	snprintf(error, size, "'%s%.200s' %s", at != NULL ? "...@" : "", at != NULL ? at + 1 : url, what);
	return -EINVAL;
}

static int
parse_number(const char *text, size_t len, int max, int *ret)
{
	int n = 0;

	if (len == 0 || len > 5)
		return -EINVAL;
	for (size_t i = 0; i < len; i++) {
		if (text[i] < '0' || text[i] > '9')
			return -EINVAL;
		n = n * 10 + (text[i] - '0');
	}
	if (n > max)
		return -EINVAL;
	*ret = n;
	return 0;
}

static int
parse_unix(struct redis *r, const char *rest, const char *url, char *error, size_t size)
{
	const char *query = strchr(rest, '?');
	size_t len = query != NULL ? (size_t)(query - rest) : strlen(rest);

	if (rest[0] != '/')
		return refuse(error, size, url, "has no absolute path; write unix:///run/redis/redis.sock");
	if (query != NULL &&
	    (strncmp(query, "?db=", 4) != 0 || parse_number(query + 4, strlen(query + 4), 65535, &r->database) < 0))
		return refuse(error, size, url, "has an unknown query; write ?db=0");
	r->path = strndup(rest, len);
	return r->path == NULL ? -ENOMEM : 0;
}

// "host", "host:port", "[v6]:port"; empty means 127.0.0.1:6379.
static int
parse_authority(struct redis *r, const char *text, size_t len)
{
	const char *colon = memrchr(text, ':', len), *bracket = memchr(text, ']', len);
	size_t host = len;

	r->port = 6379;
	if (colon != NULL && (bracket == NULL || colon > bracket)) {
		host = (size_t)(colon - text);
		if (parse_number(colon + 1, len - host - 1, 65535, &r->port) < 0 || r->port == 0)
			return -EINVAL;
	}
	if (host >= 2 && text[0] == '[' && text[host - 1] == ']') {
		text++;
		host -= 2;
	} else if (memchr(text, ':', host) != NULL || memchr(text, '@', host) != NULL) {
		return -EINVAL;
	}
	r->host = host > 0 ? strndup(text, host) : strdup("127.0.0.1");
	return r->host == NULL ? -ENOMEM : 0;
}

static int
parse_tcp(struct redis *r, const char *rest, const char *url, char *error, size_t size)
{
	const char *slash = strchr(rest, '/');
	size_t len = slash != NULL ? (size_t)(slash - rest) : strlen(rest);

	if (memchr(rest, '@', len) != NULL)
		return refuse(error, size, url,
			      "holds a user or password; put them into redis.user and redis.password_file");
	if (slash != NULL && slash[1] != '\0' && parse_number(slash + 1, strlen(slash + 1), 65535, &r->database) < 0)
		return refuse(error, size, url, "has no number as its database; write redis://host:6379/0");
	if (parse_authority(r, rest, len) < 0)
		return refuse(error, size, url,
			      "has no host and port; write redis://host:6379 or redis://[2001:db8::1]:6379");
	return 0;
}

static int
parse_url(struct redis *r, const char *url, char *error, size_t size)
{
	if (strncmp(url, "unix://", 7) == 0)
		return parse_unix(r, url + 7, url, error, size);
	if (strncmp(url, "redis://", 8) == 0)
		return parse_tcp(r, url + 8, url, error, size);
	if (strncmp(url, "rediss://", 9) == 0)
		return refuse(error, size, url,
			      "asks for TLS, which is not built in; use a local TLS proxy and redis://");
	return refuse(error, size, url, "is no Redis URL; write redis://host:6379 or unix:///path");
}

static void
describe(struct redis *r)
{
	if (r->path != NULL)
		snprintf(r->where, sizeof(r->where), "unix://%.280s", r->path);
	else if (strchr(r->host, ':') != NULL)
		snprintf(r->where, sizeof(r->where), "redis://[%.250s]:%d", r->host, r->port);
	else
		snprintf(r->where, sizeof(r->where), "redis://%.250s:%d", r->host, r->port);
}

static char *
copy(const char *text)
{
	return text != NULL ? strdup(text) : NULL;
}

int
redis_build(const struct redis_options *o, char *error, size_t error_size, struct redis **ret)
{
	struct redis *r = calloc(1, sizeof(*r));
	int err;

	if (r == NULL)
		return -ENOMEM;
	if ((err = parse_url(r, o->url, error, error_size)) < 0) {
		redis_free(r);
		return err;
	}
	r->user = copy(o->user);
	r->password = copy(o->password);
	r->timeout = (struct timeval){.tv_sec = o->timeout_ms / 1000, .tv_usec = (o->timeout_ms % 1000) * 1000};
	describe(r);
	*ret = r;
	return 0;
}

void
redis_free(struct redis *r)
{
	if (r == NULL)
		return;
	if (r->context != NULL)
		redisFree(r->context);
	free(r->host);
	free(r->path);
	free(r->user);
	if (r->password != NULL)
		explicit_bzero(r->password, strlen(r->password));
	free(r->password);
	free(r);
}

const char *
redis_error(const struct redis *r)
{
	return r->error;
}

const char *
redis_where(const struct redis *r)
{
	return r->where;
}

// Connection ---------------------------------------------------------------------------------------------------------------------

static int
fail(struct redis *r, int err, const char *what)
{
	snprintf(r->error, sizeof(r->error), "%s: %s", r->where, what);
	if (r->context != NULL)
		redisFree(r->context);
	r->context = NULL;
	return err;
}

static int
fail_context(struct redis *r)
{
	char what[400];

	if (r->context->err == REDIS_ERR_IO && (errno == EAGAIN || errno == EWOULDBLOCK))
		snprintf(what, sizeof(what), "no answer within %lld ms",
			 (long long)r->timeout.tv_sec * 1000 + r->timeout.tv_usec / 1000);
	else
		snprintf(what, sizeof(what), "%.128s; is Redis running there?", r->context->errstr);
	return fail(r, -EIO, what);
}

static int
expect_ok(struct redis *r, redisReply *reply, const char *doing)
{
	char what[400];
	int err = 0;

	if (reply == NULL)
		return fail_context(r);
	if (reply->type == REDIS_REPLY_ERROR) {
		snprintf(what, sizeof(what), "%s is refused: %.200s", doing, reply->str);
		err = -EACCES;
	}
	freeReplyObject(reply);
	return err < 0 ? fail(r, err, what) : 0;
}

static int
log_in(struct redis *r)
{
	if (r->password == NULL)
		return 0;
	if (r->user != NULL)
		return expect_ok(r, redisCommand(r->context, "AUTH %s %s", r->user, r->password), "the password");
	return expect_ok(r, redisCommand(r->context, "AUTH %s", r->password), "the password");
}

static int
choose_database(struct redis *r)
{
	if (r->database == 0)
		return 0;
	return expect_ok(r, redisCommand(r->context, "SELECT %d", r->database), "the database");
}

static int
connect_now(struct redis *r)
{
	int err;

	if (r->path != NULL)
		r->context = redisConnectUnixWithTimeout(r->path, r->timeout);
	else
		r->context = redisConnectWithTimeout(r->host, r->port, r->timeout);
	if (r->context == NULL)
		return fail(r, -ENOMEM, "no memory for a connection");
	if (r->context->err != 0)
		return fail_context(r);
	redisSetTimeout(r->context, r->timeout);
	if ((err = log_in(r)) < 0)
		return err;
	return choose_database(r);
}

// Replies ------------------------------------------------------------------------------------------------------------------------

static enum redis_kind
kind_of(int type)
{
	switch (type) {
	case REDIS_REPLY_STATUS:
		return REDIS_STATUS;
	case REDIS_REPLY_ERROR:
		return REDIS_ERROR;
	case REDIS_REPLY_INTEGER:
		return REDIS_INTEGER;
	case REDIS_REPLY_STRING:
		return REDIS_STRING;
	case REDIS_REPLY_ARRAY:
		return REDIS_ARRAY;
	default:
		return REDIS_NIL;
	}
}

static void
free_tree(struct redis_reply *reply)
{
	if (reply == NULL)
		return;
	for (size_t i = 0; i < reply->n; i++)
		free_tree(reply->items[i]);
	free((void *)(uintptr_t)reply->items);
	free(reply);
}

void
redis_reply_free(struct redis_reply *reply)
{
	void *foreign = reply != NULL ? reply->foreign : NULL;

	free_tree(reply);
	if (foreign != NULL)
		freeReplyObject(foreign);
}

static struct redis_reply *
convert(const redisReply *from, unsigned depth)
{
	struct redis_reply *to = calloc(1, sizeof(*to));
	struct redis_reply **items;

	if (to == NULL)
		return NULL;
	to->kind = kind_of(from->type);
	to->integer = from->integer;
	to->text = from->str != NULL ? from->str : "";
	to->len = from->str != NULL ? from->len : 0;
	if (to->kind != REDIS_ARRAY || depth == DEPTH_MAX)
		return to;
	if ((items = calloc(from->elements + 1, sizeof(struct redis_reply *))) == NULL) {
		free(to);
		return NULL;
	}
	to->items = items;
	for (size_t i = 0; i < from->elements; i++, to->n++)
		if ((items[i] = convert(from->element[i], depth + 1)) == NULL) {
			free_tree(to);
			return NULL;
		}
	return to;
}

int
redis_call(struct redis *r, size_t argc, const char *const *argv, const size_t *len, struct redis_reply **ret)
{
	redisReply *reply;
	int err;

	if (r->context == NULL && (err = connect_now(r)) < 0)
		return err;
	reply = redisCommandArgv(r->context, (int)argc, (const char **)(uintptr_t)argv, len);
	if (reply == NULL)
		return fail_context(r);
	if ((*ret = convert(reply, 0)) == NULL) {
		freeReplyObject(reply);
		return fail(r, -ENOMEM, "no memory for the reply");
	}
	(*ret)->foreign = reply;
	return 0;
}

int
redis_command(struct redis *r, struct redis_reply **ret, const char *first, ...)
{
	const char *argv[WORDS_MAX];
	size_t len[WORDS_MAX], n = 0;
	va_list args;

	va_start(args, first);
	for (const char *word = first; word != NULL && n < WORDS_MAX; word = va_arg(args, const char *)) {
		argv[n] = word;
		len[n++] = strlen(word);
	}
	va_end(args);
	return redis_call(r, n, argv, len, ret);
}
