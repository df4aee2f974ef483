#include "reload.h"

#include "clock.h"
#include "input.h"
#include "log.h"

#include <rte_rcu_qsbr.h>

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static uint64_t
digest(uint64_t h, const void *bytes, size_t len)
{
	const unsigned char *p = bytes;

	for (size_t i = 0; i < len; i++)
		h = (h ^ p[i]) * 0x100000001B3u; // FNV-1a
	return h;
}

// Its problems were reported by the reader of the file already.
static void
digest_file(struct rules *r, const char *path)
{
	struct input in;

	if (input_read(path, NULL, &in) < 0)
		return;
	r->digest = digest(r->digest, in.bytes, in.len);
	input_free(&in);
}

static int
keep_feed_facts(struct rules *r, const struct feed *f)
{
	struct report_feed *facts = &r->feeds[r->n_feeds];
	size_t skipped = 0;

	for (int s = 0; s < FEED_SKIPS; s++)
		skipped += f->skipped[s];
	*facts = (struct report_feed){
		.path = strdup(f->path),
		.name = names_text(f->name),
		.format = feed_format_name(f->format),
		.entries = f->entries,
		.skipped = skipped,
		.modified = f->modified,
		.updated = f->updated,
	};
	if (facts->path == NULL)
		return -ENOMEM;
	r->n_feeds++;
	return 0;
}

struct pile { // the indicators of all feeds
	struct indicator *items;
	size_t n;
};

static int
pile_feed(struct pile *pile, const struct feed *f)
{
	struct indicator *grown;

	if (f->n == 0)
		return 0;
	if ((grown = reallocarray(pile->items, pile->n + f->n, sizeof(*grown))) == NULL)
		return -ENOMEM;
	memcpy(grown + pile->n, f->indicators, f->n * sizeof(*grown));
	pile->items = grown;
	pile->n += f->n;
	return 0;
}

static int
add_feed(struct rules *r, struct pile *pile, const struct feed_options *options, struct problem_list *problems)
{
	struct feed *f;
	int err;

	if ((err = feed_load(options, problems, &f)) < 0)
		return err;
	if ((err = pile_feed(pile, f)) == 0)
		err = keep_feed_facts(r, f);
	feed_free(f);
	digest_file(r, options->path);
	return err;
}

// Every feed is read, so that all errors come in one go.
static int
build_c2(struct rules *r, const struct config *c, struct problem_list *problems)
{
	struct pile pile = {0};
	int err = 0;

	if ((r->feeds = calloc(c->indicators.n_feeds + 1, sizeof(*r->feeds))) == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < c->indicators.n_feeds; i++) {
		int failed = add_feed(r, &pile, &c->indicators.feeds[i], problems);

		err = failed < 0 ? failed : err;
	}
	if (err == 0)
		err = c2set_build(pile.items, pile.n, r->generation, &r->c2);
	free(pile.items);
	return err;
}

static int
build_orgs(struct rules *r, const struct config *c, struct problem_list *problems)
{
	const struct config_texts *w = &c->organizations.watchlists, *d = &c->organizations.databases;

	for (size_t i = 0; i < w->n; i++)
		digest_file(r, w->items[i]);
	for (size_t i = 0; i < d->n; i++)
		digest_file(r, d->items[i]);
	return org_build((const char *const *)w->items, w->n, (const char *const *)d->items, d->n, problems, &r->orgs);
}

static int
build_lanes(struct rules *r, const struct config *c, struct problem_list *problems)
{
	for (size_t i = 0; i < c->lanes.n_lists; i++)
		digest_file(r, c->lanes.lists[i].path);
	return lane_build(c->lanes.lists, c->lanes.n_lists, problems, &r->lanes);
}

int
rules_build(const struct config *c, uint64_t generation, struct problem_list *problems, struct rules **ret)
{
	struct rules *r = calloc(1, sizeof(*r));
	int c2, orgs, lanes;

	if (r == NULL)
		return -ENOMEM;
	r->generation = generation;
	r->digest = 0xCBF29CE484222325u;
	c2 = build_c2(r, c, problems);
	orgs = build_orgs(r, c, problems);
	lanes = build_lanes(r, c, problems);
	if (c2 < 0 || orgs < 0 || lanes < 0) {
		rules_free(r);
		return c2 < 0 ? c2 : orgs < 0 ? orgs : lanes;
	}
	*ret = r;
	return 0;
}

void
rules_free(struct rules *r)
{
	if (r == NULL)
		return;
	for (size_t i = 0; i < r->n_feeds; i++)
		free((char *)r->feeds[i].path);
	free(r->feeds);
	c2set_free(r->c2);
	org_free(r->orgs);
	lane_free(r->lanes);
	free(r);
}

static void
note_facts(struct reload *r, const struct rules *rules)
{
	struct c2set_facts facts;

	c2set_facts(rules->c2, &facts);
	atomic_store_explicit(&r->generation, rules->generation, memory_order_relaxed);
	atomic_store_explicit(&r->indicators, facts.entries, memory_order_relaxed);
}

int
reload_init(struct reload *r, struct rules *rules, unsigned readers)
{
	size_t size = rte_rcu_qsbr_get_memsize(readers);

	// Not rte_malloc: readers may be threads that DPDK does not know.
	r->readers = aligned_alloc(RTE_CACHE_LINE_SIZE, RTE_ALIGN(size, RTE_CACHE_LINE_SIZE));
	if (r->readers == NULL)
		return -ENOMEM;
	rte_rcu_qsbr_init(r->readers, readers);
	atomic_init(&r->current, rules);
	note_facts(r, rules);
	return 0;
}

void
reload_fini(struct reload *r)
{
	rules_free(atomic_load_explicit(&r->current, memory_order_acquire));
	free(r->readers);
	*r = (struct reload){.readers = NULL};
}

void
reload_publish(struct reload *r, struct rules *rules)
{
	struct rules *old;
	uint64_t token;

	note_facts(r, rules);
	old = atomic_exchange_explicit(&r->current, rules, memory_order_acq_rel);
	token = rte_rcu_qsbr_start(r->readers);
	// Not rte_rcu_qsbr_synchronize: as a library call it would be invisible to ThreadSanitizer.
	while (!rte_rcu_qsbr_check(r->readers, token, false))
		sched_yield();
	rules_free(old);
}

void
reload_reader_online(struct reload *r, unsigned reader)
{
	rte_rcu_qsbr_thread_register(r->readers, reader);
	rte_rcu_qsbr_thread_online(r->readers, reader);
}

void
reload_reader_offline(struct reload *r, unsigned reader)
{
	rte_rcu_qsbr_thread_offline(r->readers, reader);
	rte_rcu_qsbr_thread_unregister(r->readers, reader);
}

// Somebody who wants to know how the next reload ends.
struct waiter {
	struct waiter *next;
	void (*done)(void *context, const struct reload_result *);
	void *context;
};

struct reload_thread {
	struct reload_thread_options options;
	pthread_t thread;
	pthread_mutex_t lock; // of what follows
	pthread_cond_t changed;
	bool requested, stopping;
	struct waiter *waiters; // for the reload after the one in hand
	struct reload_facts facts;
};

static void
log_problems(const struct problem_list *problems)
{
	char text[1024];

	for (size_t i = 0; i < problems->n; i++) {
		problem_format(&problems->items[i], text, sizeof(text));
		if (problems->items[i].level == PROBLEM_ERROR)
			log_error("reload: %s", text);
		else
			log_warning("reload: %s", text);
	}
}

static void
log_result(const struct reload_result *r)
{
	log_problems(r->problems);
	if (r->err == 0)
		log_info("reload: generation %llu, %zu indicators (before: %zu), %zu feeds, %lld ms",
			 (unsigned long long)r->generation, r->indicators, r->before, r->feeds,
			 (long long)r->milliseconds);
	else
		log_error("reload: refused, generation %llu with %zu indicators stays in force; mend what the lines "
			  "above name and reload again",
			  (unsigned long long)r->generation, r->indicators);
}

static int
build_again(const struct reload_thread_options *o, uint64_t generation, struct problem_list *problems,
	    struct rules **ret)
{
	struct config *config = NULL;
	int err;

	if ((err = config_load(o->config_path, o->sets, o->n_sets, problems, &config)) == 0)
		err = rules_build(config, generation, problems, ret);
	if (err < 0 && problems->errors == 0)
		problem_add(problems, PROBLEM_ERROR, o->config_path, 0, NULL,
			    "cannot be loaded: %s; give the machine more memory, or ratwatchd shorter lists",
			    strerror(-err));
	config_free(config);
	return err;
}

static void
run_once(const struct reload_thread_options *o, struct problem_list *problems, struct reload_result *ret)
{
	// Only this thread publishes: the rules in force cannot go away here.
	const struct rules *current = reload_rules(o->reload);
	int64_t began_ns = clock_wall_ns();
	struct c2set_facts facts;
	struct rules *rules;

	c2set_facts(current->c2, &facts);
	*ret = (struct reload_result){.before = facts.entries, .problems = problems};
	if ((ret->err = build_again(o, current->generation + 1, problems, &rules)) == 0) {
		reload_publish(o->reload, rules);
		current = rules;
	}
	c2set_facts(current->c2, &facts);
	ret->generation = current->generation;
	ret->indicators = facts.entries;
	ret->feeds = current->n_feeds;
	ret->milliseconds = (clock_wall_ns() - began_ns) / 1000000;
}

static const struct problem *
first_error(const struct problem_list *problems)
{
	for (size_t i = 0; i < problems->n; i++)
		if (problems->items[i].level == PROBLEM_ERROR)
			return &problems->items[i];
	return NULL;
}

// With the lock held.
static void
keep_facts(struct reload_facts *facts, const struct reload_result *r)
{
	const struct problem *error = first_error(r->problems);

	facts->done += r->err == 0;
	facts->refused += r->err < 0;
	facts->ended = clock_wall_ns() / 1000000000;
	facts->milliseconds = r->milliseconds;
	facts->problem[0] = '\0';
	if (r->err == 0)
		return;
	if (error != NULL)
		problem_format(error, facts->problem, sizeof(facts->problem));
	else
		snprintf(facts->problem, sizeof(facts->problem), "%s",
			 strerror(-r->err)); // too little memory to say it
}

static void
tell(struct waiter *w, const struct reload_result *r)
{
	struct waiter *next;

	for (; w != NULL; w = next) {
		next = w->next;
		w->done(w->context, r);
		free(w);
	}
}

static struct waiter *
take_waiters(struct reload_thread *t)
{
	struct waiter *taken = t->waiters;

	t->waiters = NULL;
	return taken;
}

// With the lock held, which is given up while the files are read.
static void
serve(struct reload_thread *t)
{
	struct waiter *waiters = take_waiters(t);
	struct problem_list problems = {0};
	struct reload_result result;

	t->requested = false;
	pthread_mutex_unlock(&t->lock);
	run_once(&t->options, &problems, &result);
	log_result(&result);
	pthread_mutex_lock(&t->lock);
	keep_facts(&t->facts, &result);
	pthread_mutex_unlock(&t->lock);
	tell(waiters, &result);
	problem_clear(&problems);
	pthread_mutex_lock(&t->lock);
}

static void *
thread_main(void *arg)
{
	const struct reload_result too_late = {.err = -ECANCELED};
	struct reload_thread *t = arg;
	struct waiter *waiters;

	pthread_mutex_lock(&t->lock);
	while (!t->stopping) {
		if (t->requested)
			serve(t);
		else
			pthread_cond_wait(&t->changed, &t->lock);
	}
	waiters = take_waiters(t);
	pthread_mutex_unlock(&t->lock);
	tell(waiters, &too_late);
	return NULL;
}

int
reload_thread_start(const struct reload_thread_options *o, struct reload_thread **ret)
{
	struct reload_thread *t = calloc(1, sizeof(*t));
	int err;

	if (t == NULL)
		return -ENOMEM;
	t->options = *o;
	pthread_mutex_init(&t->lock, NULL);
	pthread_cond_init(&t->changed, NULL);
	if ((err = pthread_create(&t->thread, NULL, thread_main, t)) != 0) {
		free(t);
		return -err;
	}
	*ret = t;
	return 0;
}

int
reload_thread_request(struct reload_thread *t, void (*done)(void *context, const struct reload_result *), void *context)
{
	struct waiter *w = NULL;

	if (done != NULL && (w = malloc(sizeof(*w))) == NULL)
		return -ENOMEM;
	pthread_mutex_lock(&t->lock);
	if (w != NULL) {
		*w = (struct waiter){.next = t->waiters, .done = done, .context = context};
		t->waiters = w;
	}
	t->requested = true;
	pthread_cond_signal(&t->changed);
	pthread_mutex_unlock(&t->lock);
	return 0;
}

void
reload_thread_facts(struct reload_thread *t, struct reload_facts *ret)
{
	pthread_mutex_lock(&t->lock);
	*ret = t->facts;
	pthread_mutex_unlock(&t->lock);
}

void
reload_thread_stop(struct reload_thread *t)
{
	if (t == NULL)
		return;
	pthread_mutex_lock(&t->lock);
	t->stopping = true;
	pthread_cond_signal(&t->changed);
	pthread_mutex_unlock(&t->lock);
	pthread_join(t->thread, NULL);
	pthread_mutex_destroy(&t->lock);
	pthread_cond_destroy(&t->changed);
	free(t);
}
