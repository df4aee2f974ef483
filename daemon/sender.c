#include "sender.h"

#include "clock.h"
#include "log.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define RETRY_MS 500
// A packet is in a batch at the latest this long after it came: the workers' sweep goes round in one second, and the rings are short.
#define SETTLE_S 3

struct sender {
	struct sender_options options;
	struct sink *sink;
	struct batch_chain *chain; // of the collector's thread
	pthread_t thread;
	pthread_mutex_t lock; // of what follows
	pthread_cond_t changed;
	struct batch *waiting[SENDER_WAITING]; // a ring: head is the oldest
	size_t head, n;
	bool stopping;
	int64_t deadline_ns; // once stopping
	int64_t delivered_s;
	char error[256]; // of the last try; "": Redis took the batch. Written by the sender's thread only
};

static void
wait_ms(struct sender *s, unsigned ms)
{
	struct timespec until;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_nsec += (long)(ms % 1000) * 1000000;
	until.tv_sec += ms / 1000 + until.tv_nsec / 1000000000;
	until.tv_nsec %= 1000000000;
	pthread_cond_timedwait(&s->changed, &s->lock, &until);
}

static bool
is_too_late(const struct sender *s)
{
	return s->stopping && clock_wall_ns() > s->deadline_ns;
}

// One line when Redis goes, one when it is back.
static void
log_turn(struct sender *s, int err, size_t waiting)
{
	bool failing = s->error[0] != '\0';

	if (err < 0 && !failing)
		log_error("redis: %s; %zu batches wait in memory, the next tries come by themselves",
			  sink_error(s->sink), waiting);
	else if (err == 0 && failing)
		log_info("redis: back; %zu batches to deliver", waiting);
}

static void
keep_result(struct sender *s, int err)
{
	snprintf(s->error, sizeof(s->error), "%s", err < 0 ? sink_error(s->sink) : "");
	if (err == 0)
		s->delivered_s = clock_wall_ns() / 1000000000;
}

static void
send_status(struct sender *s, const struct batch *b)
{
	struct sink_status status = {0};

	if (s->options.status == NULL)
		return;
	s->options.status(s->options.context, &status);
	status.complete_until = b->made_s - SETTLE_S < b->held_s ? b->made_s - SETTLE_S : b->held_s;
	status.lag_seconds = clock_wall_ns() / 1000000000 - b->made_s;
	status.one_way = b->one_way;
	if (sink_status(s->sink, &status) < 0)
		log_warning("redis: %s: the sensor's own figures wait for the next batch", sink_error(s->sink));
}

// With the lock held, which is given up while Redis is asked.
static int
deliver_oldest(struct sender *s)
{
	struct batch *b = s->waiting[s->head];
	size_t waiting = s->n;
	int err;

	pthread_mutex_unlock(&s->lock);
	err = sink_apply(s->sink, b);
	log_turn(s, err, waiting);
	if (err == 0) {
		log_debug("redis: batch %llu, %zu parts", (unsigned long long)b->number, b->n);
		send_status(s, b);
		batch_free(b);
	}
	pthread_mutex_lock(&s->lock);
	keep_result(s, err);
	if (err < 0)
		return err;
	s->head = (s->head + 1) % SENDER_WAITING;
	s->n--;
	return 0;
}

static void *
sender_run(void *arg)
{
	struct sender *s = arg;

	pthread_mutex_lock(&s->lock);
	while (!(s->stopping && s->n == 0) && !is_too_late(s)) {
		if (s->n == 0)
			pthread_cond_wait(&s->changed, &s->lock);
		else if (deliver_oldest(s) < 0 && !is_too_late(s))
			wait_ms(s, RETRY_MS);
	}
	pthread_mutex_unlock(&s->lock);
	return NULL;
}

static int
build(struct sender *s, struct problem_list *problems)
{
	char error[512];
	int err;

	if ((err = sink_build(&s->options.sink, error, sizeof(error), &s->sink)) < 0) {
		problem_add(problems, PROBLEM_ERROR, "redis", 0, "url", "%s", error);
		return err;
	}
	if ((err = sink_check(s->sink)) < 0) {
		problem_add(problems, PROBLEM_ERROR, "redis", 0, NULL, "%s", sink_error(s->sink));
		return err;
	}
	return batch_chain_build(&s->options.batch, &s->chain);
}

int
sender_start(const struct sender_options *o, struct problem_list *problems, struct sender **ret)
{
	struct sender *s = calloc(1, sizeof(*s));
	int err;

	if (s == NULL)
		return -ENOMEM;
	s->options = *o;
	if ((err = build(s, problems)) < 0)
		goto free;
	pthread_mutex_init(&s->lock, NULL);
	pthread_cond_init(&s->changed, NULL);
	if ((err = -pthread_create(&s->thread, NULL, sender_run, s)) < 0)
		goto free;
	*ret = s;
	return 0;
free:
	sender_free(s);
	return err;
}

int
sender_flush(struct sender *s, struct tally *tally, int64_t held_ns)
{
	struct batch *b;
	int err = -EAGAIN;

	pthread_mutex_lock(&s->lock);
	if (s->n < SENDER_WAITING && (err = batch_make(s->chain, tally, &b)) == 0) {
		b->held_s = held_ns / 1000000000;
		s->waiting[(s->head + s->n++) % SENDER_WAITING] = b;
		pthread_cond_signal(&s->changed);
	}
	pthread_mutex_unlock(&s->lock);
	return err;
}

void
sender_facts(struct sender *s, struct sender_facts *ret)
{
	pthread_mutex_lock(&s->lock);
	*ret = (struct sender_facts){.waiting = s->n, .delivered = s->delivered_s};
	memcpy(ret->error, s->error, sizeof(ret->error));
	pthread_mutex_unlock(&s->lock);
}

size_t
sender_stop(struct sender *s)
{
	pthread_mutex_lock(&s->lock);
	s->stopping = true;
	s->deadline_ns = clock_wall_ns() + (int64_t)s->options.stop_ms * INT64_C(1000000);
	pthread_cond_signal(&s->changed);
	pthread_mutex_unlock(&s->lock);
	pthread_join(s->thread, NULL);
	return s->n;
}

void
sender_free(struct sender *s)
{
	if (s == NULL)
		return;
	for (size_t i = 0; i < s->n; i++)
		batch_free(s->waiting[(s->head + i) % SENDER_WAITING]);
	batch_chain_free(s->chain);
	sink_free(s->sink);
	free(s);
}
