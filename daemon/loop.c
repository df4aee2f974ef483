#include "loop.h"

#include <errno.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <unistd.h>

static int
watch(int epoll, int fd)
{
	struct epoll_event e = {.events = EPOLLIN};

	return epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &e) == -1 ? -errno : 0;
}

static int
watch_all(const struct loop_options *o, int epoll, int signals)
{
	int err = watch(epoll, signals);

	for (size_t i = 0; err == 0 && i < o->n_rooms; i++)
		err = watch(epoll, o->rooms[i].fd);
	return err;
}

static int
shortest_timeout(const struct loop_options *o)
{
	int shortest = -1;

	for (size_t i = 0; i < o->n_rooms; i++) {
		int ms = o->rooms[i].timeout_ms(o->rooms[i].context);

		if (ms >= 0 && (shortest < 0 || ms < shortest))
			shortest = ms;
	}
	return shortest;
}

// The signal that ends the loop; 0: none did.
static int
take_signals(const struct loop_options *o, int fd)
{
	struct signalfd_siginfo info;

	while (read(fd, &info, sizeof(info)) == sizeof(info)) {
		if (info.ssi_signo != SIGHUP)
			return (int)info.ssi_signo;
		o->hangup(o->context);
	}
	return 0;
}

// Which descriptor it was does not matter: a room without work returns at once.
static int
turn(const struct loop_options *o, int epoll, int signals)
{
	struct epoll_event ready;

	if (epoll_wait(epoll, &ready, 1, shortest_timeout(o)) == -1 && errno != EINTR)
		return -errno;
	for (size_t i = 0; i < o->n_rooms; i++)
		o->rooms[i].work(o->rooms[i].context);
	return take_signals(o, signals);
}

int
loop_run(const struct loop_options *o)
{
	int epoll = epoll_create1(EPOLL_CLOEXEC);
	int signals = signalfd(-1, o->signals, SFD_NONBLOCK | SFD_CLOEXEC);
	int end = epoll == -1 || signals == -1 ? -errno : watch_all(o, epoll, signals);

	while (end == 0)
		end = turn(o, epoll, signals);
	if (signals != -1)
		close(signals);
	if (epoll != -1)
		close(epoll);
	return end;
}
