#include "reload.h"

#include "clock.h"
#include "log.h"

#include <rte_rcu_qsbr.h>

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

// Publishing -------------------------------------------------------------------------------------------------------------------

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

// Puts the rules into force and waits until no reader can hold the old ones. Returns those.
static struct rules *
publish(struct reload *r, struct rules *rules)
{
	struct rules *old;
	uint64_t token;

	note_facts(r, rules);
	old = atomic_exchange_explicit(&r->current, rules, memory_order_acq_rel);
	token = rte_rcu_qsbr_start(r->readers);
	// Not rte_rcu_qsbr_synchronize: as a library call it would be invisible to ThreadSanitizer.
	while (!rte_rcu_qsbr_check(r->readers, token, false))
		sched_yield();
	return old;
}

void
reload_reader_register(struct reload *r, unsigned reader)
{
	rte_rcu_qsbr_thread_register(r->readers, reader);
}

void
reload_reader_unregister(struct reload *r, unsigned reader)
{
	rte_rcu_qsbr_thread_unregister(r->readers, reader);
}

void
reload_reader_online(struct reload *r, unsigned reader)
{
	rte_rcu_qsbr_thread_online(r->readers, reader);
}

void
reload_reader_offline(struct reload *r, unsigned reader)
{
	rte_rcu_qsbr_thread_offline(r->readers, reader);
}

// The thread -------------------------------------------------------------------------------------------------------------------

struct job {
	struct job *next;
	struct reload_request request;
};

struct reload_thread {
	struct reload_thread_options options;
	pthread_t thread;
	int64_t next_end;     // when the next indicator ends, epoch seconds; 0: none does
	bool changes_unkept;  // the file has not what is in force
	pthread_mutex_t lock; // of what follows, and of options.changes
	pthread_cond_t changed;
	bool stopping;
	struct job *first, **last;
	unsigned waiting; // jobs
	struct reload_facts facts;
};

void
reload_request_free(struct reload_request *r)
{
	for (size_t i = 0; i < r->n_changes; i++) {
		free(r->changes[i].family);
		free(r->changes[i].reason);
	}
	free(r->changes);
}

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
	if (problems->lost > 0)
		log_warning("reload: %zu more are not shown", problems->lost);
}

static void
log_result(const struct reload_result *r)
{
	log_problems(r->problems);
	if (r->err == 0)
		log_info("reload: generation %" PRIu64
			 ", %zu indicators (+%zu -%zu), %zu feeds, %zu of them kept what they had, "
			 "%" PRId64 " ms",
			 r->generation, r->indicators, r->added, r->removed, r->feeds, r->held, r->milliseconds);
	else
		log_error("reload: refused, generation %" PRIu64
			  " with %zu indicators stays in force; mend what the lines above "
			  "name and reload again",
			  r->generation, r->indicators);
}

static int64_t
now_s(void)
{
	return clock_wall_ns() / 1000000000;
}

// What is built, for each kind of request. 0, or a negative errno with an error in the list ---------------------------------------

// The one before what is in force, which may not have been kept itself. NULL: there is none.
static const struct history_set *
set_before(const struct reload_thread *t, const struct history *h)
{
	size_t i = 0;

	while (i < history_count(h) && rules_are(reload_rules(t->options.reload), history_set(h, i)))
		i++;
	return i < history_count(h) ? history_set(h, i) : NULL;
}

static int
find_set(const struct reload_thread *t, uint64_t generation, struct problem_list *problems,
	 const struct history_set **ret)
{
	const struct history *h = t->options.history;

	*ret = h == NULL ? NULL : generation == 0 ? set_before(t, h) : history_find(h, generation);
	if (*ret != NULL)
		return 0;
	problem_add(problems, PROBLEM_ERROR, "rollback", 0, NULL,
		    "there is no such earlier set; 'ratwatch status' names those that are kept");
	return -ENOENT;
}

static int
build_again(struct reload_thread *t, const struct reload_request *request, struct problem_list *problems,
	    struct rules **ret)
{
	const struct reload_thread_options *o = &t->options;
	const struct rules *current = reload_rules(o->reload);
	struct rules_options options = {
		.generation = current->generation + 1,
		.now = now_s(),
		.previous = current,
		.history = o->history,
		.changes = &o->changes,
		.force = request->force,
	};
	struct config *config = NULL;
	int err;

	if (request->kind == RELOAD_RETURN &&
	    (err = find_set(t, request->generation, problems, &options.return_to)) < 0)
		return err;
	if ((err = config_load(o->config_path, o->sets, o->n_sets, problems, &config)) == 0) {
		options.config = config;
		err = rules_build(&options, problems, ret);
	}
	config_free(config);
	return err;
}

static int
put_changes(const struct rules *current, const struct reload_request *r, struct changes *changes)
{
	int err = 0;

	for (size_t i = 0; err == 0 && i < r->n_changes; i++) {
		const struct change *c = &r->changes[i];

		// Taking out what only the operator added leaves nothing to be kept.
		if (!c->removes || changes_drop(changes, &c->prefix) == 0 ||
		    c2set_is_listed(current->c2, &c->prefix, names_of(CHANGES_FEED)))
			err = changes_put(changes, c);
	}
	return err;
}

// What is taken out matches nothing from here on; the set that is built next leaves it out.
static void
remove_at_once(const struct rules *current, const struct reload_request *r)
{
	for (size_t i = 0; i < r->n_changes; i++)
		if (r->changes[i].removes)
			c2set_remove(current->c2, &r->changes[i].prefix);
}

static void
keep_changes(struct reload_thread *t, const struct changes *changes)
{
	struct changes old = t->options.changes;

	pthread_mutex_lock(&t->lock);
	t->options.changes = *changes;
	pthread_mutex_unlock(&t->lock);
	changes_free(&old);
}

// All or nothing.
static int
build_change(struct reload_thread *t, const struct reload_request *request, struct problem_list *problems,
	     struct rules **ret)
{
	const struct rules *current = reload_rules(t->options.reload);
	struct changes changes;
	int err;

	if ((err = changes_copy(&t->options.changes, &changes)) < 0)
		return err;
	changes_expire(&changes, now_s());
	changes.generation = current->generation + 1;
	if ((err = put_changes(current, request, &changes)) == -ENOSPC)
		problem_add(problems, PROBLEM_ERROR, CHANGES_FEED, 0, NULL,
			    "there are %d changes already; put them into a list of your own and remove them here",
			    CHANGES_MAX);
	if (err == 0) {
		remove_at_once(current, request);
		err = rules_change(current, &changes, current->generation + 1, ret);
	}
	if (err == 0)
		keep_changes(t, &changes);
	else
		changes_free(&changes);
	return err;
}

static int
build(struct reload_thread *t, const struct reload_request *request, struct problem_list *problems, struct rules **ret)
{
	int err = request->kind == RELOAD_CHANGE ? build_change(t, request, problems, ret)
						 : build_again(t, request, problems, ret);

	if (err < 0 && problems->errors == 0)
		problem_add(problems, PROBLEM_ERROR, t->options.config_path, 0, NULL,
			    "cannot be loaded: %s; give the machine more memory, or ratwatchd shorter lists",
			    strerror(-err));
	return err;
}

// After the new rules are in force ------------------------------------------------------------------------------------------------

// Changes that could not be kept are tried again each time.
static int
write_changes(struct reload_thread *t, const struct reload_request *request)
{
	const struct reload_thread_options *o = &t->options;
	int err;

	t->changes_unkept |= request->kind == RELOAD_CHANGE;
	if (!t->changes_unkept || o->changes_path == NULL)
		return 0;
	err = changes_write(o->changes_path, &o->changes);
	t->changes_unkept = err < 0;
	return err;
}

static void
remember(struct reload_thread *t, const struct reload_request *request, const struct rules *rules,
	 struct problem_list *problems)
{
	struct history *h = t->options.history;
	int changes = write_changes(t, request);
	int err = request->kind != RELOAD_CHANGE && h != NULL ? rules_remember(rules, h, now_s()) : 0;

	if (changes < 0 || err < 0)
		problem_add(problems, PROBLEM_ERROR, "indicators.state_dir", 0, NULL,
			    "generation %" PRIu64
			    " is in force but cannot be kept for a restart: %s; is there room, and may "
			    "ratwatchd write there?",
			    rules->generation, rules_remember_error(changes < 0 ? changes : err));
}

static void
note_sets(struct reload_thread *t)
{
	const struct history *h = t->options.history;

	t->facts.n_sets = h != NULL ? history_count(h) : 0;
	for (size_t i = 0; i < t->facts.n_sets; i++) {
		t->facts.sets[i].generation = history_set(h, i)->generation;
		t->facts.sets[i].loaded = history_set(h, i)->loaded;
		t->facts.sets[i].entries = history_set(h, i)->entries;
	}
}

// How many of the feed's indicators are in force, by the counts of all sources.
static size_t
in_force(const struct rules *rules, const struct report_feed *f, const size_t *counts)
{
	const struct indicator_list *l = c2set_list(rules->c2);
	size_t n = 0;

	for (size_t i = 0; i < l->n_sources; i++)
		n += l->sources[i].feed == f->id ? counts[i] : 0;
	return n;
}

// `n` indicators of the feed are in force: is that too few?
static void
notice_shortage(struct report_feed *f, size_t n)
{
	bool shortage = f->valid > 0 && (n == 0 || n + f->merged < f->min_entries);

	if (!atomic_exchange_explicit(&f->shortage, shortage, memory_order_relaxed) && shortage)
		log_error("feed %s: %zu of its %zu entries are in force, the others are too old; is it still "
			  "downloaded? See its ttl, max_age and min_entries",
			  f->path, n, f->valid);
}

static void
notice_shortages(const struct rules *rules)
{
	size_t *counts = calloc(c2set_list(rules->c2)->n_sources + 1, sizeof(*counts));

	if (counts == NULL)
		return; // the next end is another occasion
	c2set_sources_in_force(rules->c2, now_s(), counts);
	for (size_t i = 0; i < rules->n_feeds; i++)
		notice_shortage(&rules->feeds[i], in_force(rules, &rules->feeds[i], counts));
	free(counts);
}

// Looking costs two walks over all indicators. Where some end in every second, we rest for so many times what looking took.
#define REST 50

static int64_t
monotonic_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

// New rules, or some indicators have ended: does that leave a list short, and when do the next end?
static void
notice_ends(struct reload_thread *t)
{
	const struct rules *rules = reload_rules(t->options.reload);
	int64_t began_ns = monotonic_ns(), earliest;
	struct c2set_force force;

	notice_shortages(rules);
	c2set_in_force(rules->c2, now_s(), &force);
	atomic_store_explicit(&t->options.reload->indicators, force.entries, memory_order_relaxed);
	earliest = now_s() + (monotonic_ns() - began_ns) * REST / 1000000000;
	t->next_end = force.changes == 0 || force.changes > earliest ? force.changes : earliest;
}

static size_t
held_feeds(const struct rules *rules)
{
	size_t held = 0;

	for (size_t i = 0; i < rules->n_feeds; i++)
		held += rules->feeds[i].held;
	return held;
}

static void
run(struct reload_thread *t, const struct reload_request *request, struct problem_list *problems,
    struct reload_result *ret)
{
	// Only this thread publishes: the rules in force cannot go away here.
	struct rules *old = NULL, *rules = NULL;
	int64_t began_ns = clock_wall_ns();
	const struct rules *current = reload_rules(t->options.reload);
	struct c2set_facts facts;

	c2set_facts(current->c2, &facts);
	*ret = (struct reload_result){.before = facts.entries, .problems = problems};
	if ((ret->err = build(t, request, problems, &rules)) == 0) {
		old = publish(t->options.reload, rules);
		current = rules;
	}
	ret->milliseconds = (clock_wall_ns() - began_ns) / 1000000;
	c2set_facts(current->c2, &facts);
	ret->generation = current->generation;
	ret->indicators = facts.entries;
	ret->feeds = current->n_feeds;
	ret->held = held_feeds(current);
	if (old == NULL) {
		if (t->options.history != NULL)
			history_tidy(t->options.history); // what was kept for rules that came to nothing
		return;
	}
	indicator_list_compare(c2set_list(old->c2), c2set_list(current->c2), &ret->added, &ret->removed);
	ret->removed =
		ret->before + ret->added - ret->indicators; // what went at once stands in the old set as gone already
	rules_replace(old, current);
	remember(t, request, current, problems);
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
keep_facts(struct reload_thread *t, const struct reload_result *r)
{
	const struct problem *error = first_error(r->problems);
	struct reload_facts *facts = &t->facts;

	facts->done += r->err == 0;
	facts->refused += r->err < 0;
	facts->last_refused = r->err < 0;
	facts->ended = now_s();
	facts->milliseconds = r->milliseconds;
	facts->problem[0] = '\0';
	if (error != NULL)
		problem_format(error, facts->problem, sizeof(facts->problem));
	else if (r->err < 0) // too little memory to say it
		snprintf(facts->problem, sizeof(facts->problem), "%s", strerror(-r->err));
	note_sets(t);
}

static void
tell(struct job *jobs, const struct reload_result *r)
{
	struct job *next;

	for (; jobs != NULL; jobs = next) {
		next = jobs->next;
		if (jobs->request.done != NULL)
			jobs->request.done(jobs->request.context, r);
		reload_request_free(&jobs->request);
		free(jobs);
	}
}

static void
append_job(struct reload_thread *t, struct job *j)
{
	j->next = NULL;
	*t->last = j;
	t->last = &j->next;
	t->waiting++;
}

// The first job, and with it those right behind it that it serves as well. *ret_force: one of them wants it.
static struct job *
take_jobs(struct reload_thread *t, bool *ret_force)
{
	struct job *taken = t->first, *end = taken;

	*ret_force = taken->request.force;
	t->waiting--;
	while (taken->request.kind == RELOAD_AGAIN && end->next != NULL && end->next->request.kind == RELOAD_AGAIN) {
		end = end->next;
		*ret_force |= end->request.force;
		t->waiting--;
	}
	t->first = end->next;
	if (t->first == NULL)
		t->last = &t->first;
	end->next = NULL;
	return taken;
}

// With the lock held, which is given up meanwhile.
static void
serve(struct reload_thread *t)
{
	bool force;
	struct job *jobs = take_jobs(t, &force);
	struct problem_list problems = {0};
	struct reload_result result;

	jobs->request.force = force;
	pthread_mutex_unlock(&t->lock);
	run(t, &jobs->request, &problems, &result);
	log_result(&result);
	pthread_mutex_lock(&t->lock);
	keep_facts(t, &result);
	pthread_mutex_unlock(&t->lock);
	tell(jobs, &result);
	problem_clear(&problems);
	notice_ends(t); // looks at every indicator: not before those who wait know
	pthread_mutex_lock(&t->lock);
}

// With the lock held: until something is asked for, or the next indicator ends.
static void
wait(struct reload_thread *t)
{
	struct timespec until = {.tv_sec = t->next_end};

	if (t->next_end == 0) {
		pthread_cond_wait(&t->changed, &t->lock);
		return;
	}
	if (pthread_cond_timedwait(&t->changed, &t->lock, &until) != ETIMEDOUT)
		return;
	pthread_mutex_unlock(&t->lock);
	notice_ends(t);
	pthread_mutex_lock(&t->lock);
}

static void *
thread_main(void *arg)
{
	const struct reload_result too_late = {.err = -ECANCELED};
	struct reload_thread *t = arg;

	notice_ends(t);
	pthread_mutex_lock(&t->lock);
	while (!t->stopping) {
		if (t->first != NULL)
			serve(t);
		else
			wait(t);
	}
	pthread_mutex_unlock(&t->lock);
	tell(t->first, &too_late); // nobody asks any more
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
	t->last = &t->first;
	note_sets(t);
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
reload_thread_request(struct reload_thread *t, const struct reload_request *request)
{
	struct job *j = malloc(sizeof(*j));
	bool busy;

	if (j == NULL)
		return -ENOMEM;
	j->request = *request;
	pthread_mutex_lock(&t->lock);
	if (!(busy = t->waiting >= RELOAD_WAITING_MAX))
		append_job(t, j);
	pthread_cond_signal(&t->changed);
	pthread_mutex_unlock(&t->lock);
	if (busy)
		free(j);
	return busy ? -EBUSY : 0;
}

void
reload_thread_facts(struct reload_thread *t, struct reload_facts *ret)
{
	pthread_mutex_lock(&t->lock);
	*ret = t->facts;
	pthread_mutex_unlock(&t->lock);
}

void
reload_thread_changes(struct reload_thread *t, void (*show)(void *context, const struct change *), void *context)
{
	pthread_mutex_lock(&t->lock);
	for (size_t i = 0; i < t->options.changes.n; i++)
		show(context, &t->options.changes.items[i]);
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
	changes_free(&t->options.changes);
	free(t);
}
