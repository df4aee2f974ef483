#include "test.h"

#include "control.h"
#include "request.h"

#include <jansson.h>

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>

// Time goes on by a word of the test: linked in place of clock_gettime.
static int64_t passed_ms;

int __real_clock_gettime(clockid_t, struct timespec *);
int __wrap_clock_gettime(clockid_t, struct timespec *);

int
__wrap_clock_gettime(clockid_t id, struct timespec *ret)
{
	int err = __real_clock_gettime(id, ret);

	ret->tv_sec += passed_ms / 1000;
	return err;
}

static char folder[] = "/tmp/ratwatch-control-XXXXXX", path[64];
static struct problem_list problems;
static struct control_request *kept[CONTROL_CONNECTIONS];
static size_t n_kept;

static void
echo(void *context, const json_t *arguments, struct control_request *request)
{
	(void)context;
	control_answer(request, json_deep_copy(arguments));
}

static void
keep(void *context, const json_t *arguments, struct control_request *request)
{
	(void)context;
	(void)arguments;
	kept[n_kept++] = request;
}

static void
much(void *context, const json_t *arguments, struct control_request *request)
{
	size_t len = (size_t)json_integer_value(json_object_get(arguments, "len"));
	char *text = calloc(1, len + 1);

	(void)context;
	memset(text, 'x', len);
	control_answer(request, json_pack("{s:s}", "text", text));
	free(text);
}

static const struct control_command commands[] = {{"echo", echo}, {"keep", keep}, {"much", much}};

static struct control *
start(void)
{
	struct control_options o = {.path = path, .commands = commands, .n_commands = 3};
	struct control *c = NULL;

	problem_clear(&problems);
	n_kept = 0;
	if (control_start(&o, &problems, &c) < 0)
		assert_int_equal(problems.errors, 1);
	return c;
}

static void
refused_with(const char *words)
{
	assert_null(start());
	if (strstr(problems.items[0].what, words) == NULL)
		fail_msg("'%s' lacks '%s'", problems.items[0].what, words);
}

static int
client(void)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	strcpy(a.sun_path, path);
	assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	return fd;
}

static void
say(int fd, const char *text)
{
	assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

static bool
is_readable(int fd, int ms)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};

	return poll(&p, 1, ms) == 1;
}

static int
timeout_ms(struct control *c)
{
	return control_room(c).timeout_ms(c);
}

// Rounds of the loop, as long as there is something to do at once.
static void
settle(struct control *c)
{
	do
		control_room(c).work(c);
	while (is_readable(control_room(c).fd, 0) || timeout_ms(c) == 0);
}

// Everything up to the end of the connection, which must come.
static const char *
hear(struct control *c, int fd)
{
	static char text[2 << 20];
	size_t n = 0;
	ssize_t got;

	for (;;) {
		while (!is_readable(fd, 0)) {
			assert_true(is_readable(control_room(c).fd, 5000));
			control_room(c).work(c);
		}
		got = recv(fd, text + n, sizeof(text) - 1 - n, 0);
		if (got <= 0)
			break;
		n += (size_t)got;
	}
	text[n] = '\0';
	close(fd);
	return text;
}

static const char *
answer_to(struct control *c, const char *question)
{
	int fd = client();

	say(fd, question);
	return hear(c, fd);
}

static void
a_question_gets_one_line_and_the_end(void **state)
{
	struct control *c = start();
	int fd;

	(void)state;
	assert_string_equal(answer_to(c, "{\"command\":\"echo\",\"n\":[1,2]}\n"),
			    "{\"command\":\"echo\",\"n\":[1,2]}\n");
	assert_string_equal(answer_to(c, " { \"command\" : \"echo\" } \r\n and what follows"),
			    "{\"command\":\"echo\"}\n");
	// In pieces, and without a newline when the client closes its side.
	fd = client();
	say(fd, "{\"comm");
	settle(c);
	say(fd, "and\":\"echo\"}");
	settle(c);
	shutdown(fd, SHUT_WR);
	assert_string_equal(hear(c, fd), "{\"command\":\"echo\"}\n");
	control_free(c);
	assert_int_equal(access(path, F_OK), -1);
}

static void
nonsense_gets_words(void **state)
{
	struct control *c = start();
	char *long_line = malloc(REQUEST_MAX + 2);

	(void)state;
	assert_non_null(strstr(answer_to(c, "hello\n"), "{\"error\":\"no JSON"));
	assert_non_null(strstr(answer_to(c, "\xff\xfe\n"), "{\"error\":\"no JSON"));
	assert_non_null(strstr(answer_to(c, "\n"), "{\"error\":\"no JSON"));
	assert_non_null(strstr(answer_to(c, "[]\n"), "names no command"));
	assert_non_null(strstr(answer_to(c, "{\"command\":1}\n"), "names no command"));
	assert_non_null(strstr(answer_to(c, "{\"command\":\"stop\"}\n"), "'stop' is no command"));
	assert_non_null(strstr(answer_to(c, "{\"command\":\"stop\"}\n"), "write one of echo, keep, much"));

	memset(long_line, ' ', REQUEST_MAX + 1);
	long_line[REQUEST_MAX + 1] = '\0';
	assert_non_null(strstr(answer_to(c, long_line), "longer than 65536 bytes"));
	// As long as may be.
	memcpy(long_line, "{\"command\":\"echo\"}", 18);
	long_line[REQUEST_MAX] = '\n';
	assert_string_equal(answer_to(c, long_line), "{\"command\":\"echo\"}\n");
	free(long_line);
	control_free(c);
}

static void *
answer_kept(void *arg)
{
	(void)arg;
	control_answer(kept[0], json_pack("{s:s}", "late", "yes"));
	return NULL;
}

static void
an_answer_may_come_later_and_from_another_thread(void **state)
{
	struct control *c = start();
	int fd = client();
	pthread_t thread;

	(void)state;
	say(fd, "{\"command\":\"keep\"}\n");
	settle(c);
	assert_int_equal(n_kept, 1);
	assert_int_equal(timeout_ms(c), -1); // as long as the command needs
	passed_ms += 60000;
	settle(c);
	assert_string_equal(answer_to(c, "{\"command\":\"echo\"}\n"), "{\"command\":\"echo\"}\n");
	assert_int_equal(pthread_create(&thread, NULL, answer_kept, NULL), 0);
	assert_string_equal(hear(c, fd), "{\"late\":\"yes\"}\n");
	pthread_join(thread, NULL);
	control_free(c);
}

static void
a_client_may_go_before_its_answer(void **state)
{
	struct control *c = start();
	int fd = client();

	(void)state;
	say(fd, "{\"command\":\"keep\"}\n");
	settle(c);
	close(fd);
	settle(c);
	// Its place is given to another one, who must not get what was not his question.
	fd = client();
	say(fd, "{\"command\":\"keep\"}\n");
	settle(c);
	assert_int_equal(n_kept, 2);
	control_refuse(kept[0], "for nobody");
	settle(c);
	assert_false(is_readable(fd, 0));
	control_refuse(kept[1], "for %s", "you");
	assert_string_equal(hear(c, fd), "{\"error\":\"for you\"}\n");
	control_free(c);
}

static void
what_is_answered_at_the_end_is_sent(void **state)
{
	struct control *c = start();
	int gone = client(), fd = client();
	char text[64] = "";

	(void)state;
	say(gone, "{\"command\":\"keep\"}\n");
	say(fd, "{\"command\":\"keep\"}\n");
	settle(c);
	close(gone);
	control_refuse(kept[0], "ends");
	control_refuse(kept[1], "ends");
	control_free(c);
	assert_true(recv(fd, text, sizeof(text) - 1, 0) > 0);
	assert_string_equal(text, "{\"error\":\"ends\"}\n");
	close(fd);
}

static void
the_silent_are_closed_and_the_slow_make_room(void **state)
{
	struct control *c = start();
	int silent[CONTROL_CONNECTIONS + 3];

	(void)state;
	for (int i = 0; i < CONTROL_CONNECTIONS + 3; i++) {
		silent[i] = client();
		say(silent[i], "{");
		settle(c);
		passed_ms += i < 3 ? 1000 : 0;
	}
	// The first three, who were slowest, have made room; the others hold up nobody.
	for (int i = 0; i < CONTROL_CONNECTIONS + 3; i++)
		assert_int_equal(is_readable(silent[i], 0), i < 3);
	assert_string_equal(answer_to(c, "{\"command\":\"echo\"}\n"), "{\"command\":\"echo\"}\n");
	assert_true(timeout_ms(c) > 0 && timeout_ms(c) <= CONTROL_SILENCE_MS);
	passed_ms += CONTROL_SILENCE_MS;
	assert_int_equal(timeout_ms(c), 0);
	settle(c);
	assert_int_equal(timeout_ms(c), -1);
	for (int i = 0; i < CONTROL_CONNECTIONS + 3; i++) {
		assert_true(is_readable(silent[i], 0));
		close(silent[i]);
	}
	control_free(c);
}

static void
those_who_wait_for_a_command_keep_their_places(void **state)
{
	struct control *c = start();
	int waiting[CONTROL_CONNECTIONS];

	(void)state;
	for (int i = 0; i < CONTROL_CONNECTIONS; i++) {
		waiting[i] = client();
		say(waiting[i], "{\"command\":\"keep\"}\n");
		settle(c);
	}
	assert_int_equal(n_kept, CONTROL_CONNECTIONS);
	assert_string_equal(answer_to(c, "{\"command\":\"echo\"}\n"), ""); // no place, no answer
	for (int i = 0; i < CONTROL_CONNECTIONS; i++)
		control_answer(kept[i], json_pack("{s:i}", "n", i));
	for (int i = 0; i < CONTROL_CONNECTIONS; i++) {
		char want[32];

		snprintf(want, sizeof(want), "{\"n\":%d}\n", i);
		assert_string_equal(hear(c, waiting[i]), want);
	}
	control_free(c);
}

static void
a_long_answer_waits_for_its_reader_but_not_for_ever(void **state)
{
	struct control *c = start();
	int fd = client(), stuck = client();

	(void)state;
	say(stuck, "{\"command\":\"much\",\"len\":1000000}\n");
	settle(c);
	passed_ms += CONTROL_SILENCE_MS - 1000;
	say(fd, "{\"command\":\"much\",\"len\":1000000}\n");
	settle(c);
	passed_ms += 2000;
	settle(c);
	assert_int_equal(strlen(hear(c, fd)), 1000000 + strlen("{\"text\":\"\"}\n"));
	assert_true(strlen(hear(c, stuck)) < 1000000);
	control_free(c);
}

static void
what_is_no_utf8_is_replaced(void **state)
{
	json_t *good = control_text("f\xc3\xbcr"), *bad = control_text("f\xfcr");

	(void)state;
	assert_string_equal(json_string_value(good), "f\xc3\xbcr");
	assert_string_equal(json_string_value(bad), "f?r");
	json_decref(good);
	json_decref(bad);
}

static void
the_socket_is_for_owner_and_group(void **state)
{
	mode_t old = umask(0077);
	struct control *c = start();
	struct stat there;

	(void)state;
	umask(old);
	assert_int_equal(stat(path, &there), 0);
	assert_int_equal(there.st_mode, S_IFSOCK | 0660);
	control_free(c);
}

static void
a_dead_socket_is_replaced_and_a_living_one_refused(void **state)
{
	char keep_path[80], words[64];
	struct control *c = start();

	(void)state;
	snprintf(words, sizeof(words), "process %d listens there already", (int)getpid());
	refused_with(words);
	assert_string_equal(answer_to(c, "{\"command\":\"echo\"}\n"), "{\"command\":\"echo\"}\n");

	// As after SIGKILL: the name stays.
	snprintf(keep_path, sizeof(keep_path), "%s.kept", path);
	assert_int_equal(rename(path, keep_path), 0);
	control_free(c);
	assert_int_equal(rename(keep_path, path), 0);
	c = start();
	assert_non_null(c);
	assert_string_equal(answer_to(c, "{\"command\":\"echo\"}\n"), "{\"command\":\"echo\"}\n");
	control_free(c);
}

static void
a_place_that_cannot_be_had_is_named(void **state)
{
	char good[sizeof(path)];

	(void)state;
	strcpy(good, path);
	close(open(path, O_CREAT | O_WRONLY, 0600));
	refused_with("is there and is no socket");
	assert_int_equal(unlink(path), 0); // and it was left alone

	snprintf(path, sizeof(path), "%s/none/control.sock", folder);
	refused_with("/none does not exist; make it (as root: install -d");
	strcpy(path, good);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_question_gets_one_line_and_the_end),
		cmocka_unit_test(nonsense_gets_words),
		cmocka_unit_test(an_answer_may_come_later_and_from_another_thread),
		cmocka_unit_test(a_client_may_go_before_its_answer),
		cmocka_unit_test(what_is_answered_at_the_end_is_sent),
		cmocka_unit_test(the_silent_are_closed_and_the_slow_make_room),
		cmocka_unit_test(those_who_wait_for_a_command_keep_their_places),
		cmocka_unit_test(a_long_answer_waits_for_its_reader_but_not_for_ever),
		cmocka_unit_test(what_is_no_utf8_is_replaced),
		cmocka_unit_test(the_socket_is_for_owner_and_group),
		cmocka_unit_test(a_dead_socket_is_replaced_and_a_living_one_refused),
		cmocka_unit_test(a_place_that_cannot_be_had_is_named),
	};
	int failed;

	if (mkdtemp(folder) == NULL)
		return 1;
	snprintf(path, sizeof(path), "%s/control.sock", folder);
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	problem_clear(&problems);
	rmdir(folder);
	return failed;
}
