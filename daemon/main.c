// ratwatchd: start in order, wait, stop in reverse. What is wrong is collected by the rooms and said here, once.

#include "batch.h"
#include "check.h"
#include "clock.h"
#include "collector.h"
#include "commands.h"
#include "config.h"
#include "eal.h"
#include "http.h"
#include "input.h"
#include "log.h"
#include "loop.h"
#include "options.h"
#include "port.h"
#include "reload.h"
#include "replay.h"
#include "report.h"
#include "sender.h"
#include "worker.h"

#include <errno.h>
#include <inttypes.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

enum { DONE = 0, FAILED = 1, REFUSED = 2 }; // exit statuses

#define CONTACTS_MAX (1u << 18) // per worker
#define STOP_MS      30000      // how long Redis may take for the last batches

struct run { // everything that is started, in the order in which it is
	struct options options;
	struct problem_list problems;
	struct config *config;
	struct history *history; // NULL: a replay, or there is no place for it
	char *changes_path;
	struct changes changes; // until the reload thread takes them over
	struct rules *rules;    // until reload takes them over
	struct reload reload;
	bool eal;
	struct port ports[PORTS_MAX];
	size_t n_ports;
	int time_field;
	struct workers workers;
	char *password;
	struct privacy_key privacy_key;
	char sensor[80], incarnation[17];
	struct sender *sender;
	struct collector *collector;
	struct reload_thread *reload_thread;
	struct commands commands;
	struct control *control;
	struct http *http;
	int64_t started_ns;
};

// What the rooms found wrong, and the exit status that belongs to it.
static int
refuse(struct run *r)
{
	problem_print(&r->problems, stderr);
	problem_clear(&r->problems);
	return REFUSED;
}

// Warnings are said and the run goes on.
static void
warn(struct run *r)
{
	problem_print(&r->problems, stderr);
	problem_clear(&r->problems);
}

static int
read_password(struct run *r)
{
	const char *path = r->config->redis.password_file;
	struct input in;
	int err;

	if (path == NULL)
		return 0;
	if ((err = input_read(path, &r->problems, &in)) < 0)
		return err;
	in.bytes[strcspn(in.bytes, "\r\n")] = '\0';
	r->password = strdup(in.bytes);
	input_free(&in);
	return r->password == NULL ? -ENOMEM : 0;
}

static int
refuse_privacy(struct run *r, const char *what)
{
	problem_add(&r->problems, PROBLEM_ERROR, r->options.config, 0, "organizations.privacy", "%s", what);
	return -EINVAL;
}

// How victims are named in Redis is a choice that nobody takes for the operator. Without a key nobody can say later who was counted.
static int
read_privacy(struct run *r, bool replay)
{
	const char *path = r->config->organizations.privacy_key_file;
	int privacy = r->config->organizations.privacy;

	if (r->config->redis.url == NULL)
		return 0; // nothing leaves
	if (privacy == PRIVACY_UNSET && !replay)
		return refuse_privacy(r,
				      "is not chosen; write plain (victims stand in Redis by address), keyed-hash (by "
				      "a pseudonym) or none (they are only counted)");
	if (privacy == PRIVACY_UNSET || privacy == PRIVACY_PLAIN)
		return 0;
	if (path != NULL)
		return privacy_read_key(path, &r->problems, &r->privacy_key);
	if (privacy == PRIVACY_KEYED_HASH)
		return refuse_privacy(r, "keyed-hash has no key; make one (openssl rand -hex 16 > FILE) and name it in "
					 "organizations.privacy_key_file");
	return privacy_random_key(&r->privacy_key);
}

// What earlier runs left. A place that cannot be written is said and is no reason not to watch; one that is another's is.
static int
open_history(struct run *r, bool writes)
{
	const char *folder = r->config->indicators.state_dir;

	if (history_open(folder, writes, &r->problems, &r->history) == -EBUSY)
		return -EBUSY;
	if (asprintf(&r->changes_path, "%s/changes.json", folder) == -1)
		return -ENOMEM;
	return changes_read(r->changes_path, &r->problems, &r->changes);
}

static uint64_t
last_generation(const struct run *r)
{
	uint64_t last =
		r->history != NULL && history_count(r->history) > 0 ? history_set(r->history, 0)->generation : 0;

	return r->changes.generation > last ? r->changes.generation : last;
}

enum purpose { TO_REPLAY, TO_WATCH };

static int
load(struct run *r, enum purpose purpose)
{
	const struct options *o = &r->options;
	struct rules_options options = {.generation = 1, .changes = &r->changes};
	int err;

	if ((err = config_load(o->config, o->sets, o->n_sets, &r->problems, &r->config)) < 0)
		return err;
	log_open(r->config->log.level);
	if (purpose != TO_REPLAY) {
		if ((err = open_history(r, true)) < 0)
			return err;
		options.now = r->started_ns / 1000000000;
		options.history = r->history;
		options.generation = last_generation(r) + 1;
	}
	options.config = r->config;
	if ((err = read_privacy(r, purpose == TO_REPLAY)) < 0 ||
	    (err = rules_build(&options, &r->problems, &r->rules)) < 0)
		return err;
	return read_password(r);
}

static int
start_eal(struct run *r, bool pinned)
{
	const struct config *c = r->config;
	const char *pci[PORTS_MAX];
	struct eal_options o = {
		.program = "ratwatchd",
		.workers = c->capture.workers,
		.pinned = pinned,
		.hugepages = pinned && c->capture.hugepages,
		.hugepages_wanted = c->capture.hugepages_set,
		.memory_mb = 64 + c->capture.workers * (4 + c->capture.workers) +
			     (unsigned)((c->capture.ports.n + 1) * c->capture.buffers / 256),
		.pci = pci,
	};
	int err;

	for (size_t i = 0; pinned && i < c->capture.ports.n && i < PORTS_MAX; i++)
		if (strncmp(c->capture.ports.items[i], "pci:", 4) == 0)
			pci[o.n_pci++] = c->capture.ports.items[i] + 4;
	if ((err = eal_start(&o, &r->problems)) < 0)
		return err;
	r->eal = true;
	return clock_register(&r->time_field);
}

static int
start_workers(struct run *r, bool replay)
{
	struct workers_options o = {
		.n = r->config->capture.workers,
		.ports = r->ports,
		.n_ports = r->n_ports,
		.reload = &r->reload,
		.match = r->config->capture.match,
		.as_of = r->options.as_of,
		.replay = replay,
		.time_field = r->time_field,
		.contacts_max = CONTACTS_MAX,
	};
	int err;

	// Workers, after them the collector, and the main thread when it is asked something.
	if ((err = reload_init(&r->reload, r->rules, o.n + 2)) < 0)
		return err;
	r->rules = NULL;
	return workers_build(&o, &r->problems, &r->workers);
}

static void
fill_status(void *context, struct sink_status *ret)
{
	static const char *names[PKT_VERDICTS];
	struct run *r = context;
	struct stats_sum sum;
	uint64_t missed = 0;

	workers_stats(&r->workers, &sum);
	for (size_t i = 0; i < r->n_ports; i++) {
		struct port_loss loss;

		port_loss(&r->ports[i], &loss);
		missed += loss.missed + loss.errors + loss.no_buffer;
	}
	ret->started = r->started_ns / 1000000000;
	ret->generation = atomic_load_explicit(&r->reload.generation, memory_order_relaxed);
	ret->indicators = atomic_load_explicit(&r->reload.indicators, memory_order_relaxed);
	ret->hour = (uint32_t)(clock_wall_ns() / 1000000000 / 3600);
	ret->received = sum.received;
	ret->probed = sum.verdicts[PKT_PROBED];
	ret->missed = missed;
	for (int v = 0; v < PKT_VERDICTS; v++) {
		names[v] = pkt_verdict_name((enum pkt_verdict)v);
		ret->verdicts[v] = sum.verdicts[v];
	}
	ret->verdict_names = names;
	ret->n_verdicts = PKT_VERDICTS;
}

static int
start_sender(struct run *r, const char *default_prefix, bool status)
{
	const struct config *c = r->config;
	const char *prefix = c->redis.prefix != NULL ? c->redis.prefix : default_prefix;
	struct sender_options o = {
		.sink = {.redis = {.url = c->redis.url,
				   .user = c->redis.user,
				   .password = r->password,
				   .timeout_ms = c->redis.timeout_ms},
			 .prefix = prefix,
			 .sensor = r->sensor,
			 .version = RATWATCH_VERSION},
		.batch = {.prefix = prefix,
			  .sensor = r->sensor,
			  .incarnation = r->incarnation,
			  .privacy = (enum privacy)c->organizations.privacy,
			  .key = r->privacy_key},
		.stop_ms = STOP_MS,
		.status = status ? fill_status : NULL,
		.context = r,
	};

	if (c->redis.url == NULL)
		return 0;
	return sender_start(&o, &r->problems, &r->sender);
}

static int
start_collector(struct run *r, bool replay)
{
	struct collector_options o = {
		.workers = &r->workers,
		.reload = &r->reload,
		.keep_contacts = replay && r->options.contacts,
		.flush_ms = replay ? 0 : r->config->redis.flush_ms,
		.sender = replay ? NULL : r->sender,
		.victim_prefix6 = r->config->organizations.victim_prefix6,
		.scanner = {.window_s = r->config->lanes.scanner_window,
			    .controllers = r->config->lanes.scanner_controllers,
			    .waiting = r->config->lanes.scanner_waiting},
	};

	return collector_start(&o, &r->collector);
}

// Where it can be asked.
static int
open_doors(struct run *r)
{
	struct control_options o = {
		.path = r->config->control.socket,
		.commands = commands_table,
		.n_commands = commands_n,
		.context = &r->commands,
	};
	int err;

	if ((err = control_start(&o, &r->problems, &r->control)) < 0 || r->config->http.listen == NULL)
		return err;
	return http_start(r->config->http.listen, &r->commands.sources, &r->problems, &r->http);
}

static void
close_doors(struct run *r)
{
	control_free(r->control);
	http_free(r->http);
	r->control = NULL;
	r->http = NULL;
}

static void
stop(struct run *r)
{
	close_doors(r);
	sender_free(r->sender);
	collector_free(r->collector);
	workers_free(&r->workers);
	for (size_t i = 0; i < r->n_ports; i++)
		port_close(&r->ports[i]);
	if (atomic_load_explicit(&r->reload.current, memory_order_acquire) != NULL)
		reload_fini(&r->reload);
	rules_free(r->rules);
	history_close(r->history);
	changes_free(&r->changes);
	free(r->changes_path);
	if (r->eal)
		eal_stop();
	config_free(r->config);
	free(r->password);
	problem_clear(&r->problems);
	options_free(&r->options);
}

// One feed of the configuration, which may be many files. The entries of all are collected in `all`.
static int
check_feeds(struct run *r, const struct feed_options *configured, struct indicator_list *all, size_t *ret_n)
{
	struct feed_options *items;
	struct check c;
	size_t n;
	int err;

	if ((err = feed_expand(configured, &r->problems, &items, &n)) < 0)
		return err;
	for (size_t i = 0; i < n; i++) {
		items[i].now = r->started_ns / 1000000000;
		if (check_file(&items[i], r->history, &c) < 0) {
			err = -ENOMEM;
			break;
		}
		check_print(&c, items[i].now, stdout, stderr);
		err = check_refusal(&c) != NULL || indicator_list_append(all, &c.feed->list) < 0 ? -EINVAL : err;
		check_fini(&c);
	}
	*ret_n += n;
	feed_expand_free(items, n);
	return err;
}

static int
check_all_feeds(struct run *r)
{
	struct indicator_list all = {0};
	size_t n = 0;
	int err = 0;

	for (size_t i = 0; i < r->config->indicators.n_feeds; i++) {
		int failed = check_feeds(r, &r->config->indicators.feeds[i], &all, &n);

		err = failed < 0 ? failed : err;
	}
	indicator_list_sort(&all);
	printf("would load: %zu indicators from %zu feeds\n", indicator_list_entries(&all), n);
	indicator_list_free(&all);
	return err;
}

static int
check(struct run *r)
{
	const struct options *o = &r->options;
	struct rules_options options = {.generation = 1};
	int families, feeds, privacy;

	if (config_load(o->config, o->sets, o->n_sets, &r->problems, &r->config) < 0 || open_history(r, false) < 0)
		return refuse(r);
	families = indicator_families_read(r->config->indicators.families, &r->problems);
	feeds = check_all_feeds(r);
	privacy = read_privacy(r, false);
	options.config = r->config;
	options.without_feeds = true; // they were read one by one
	if (families < 0 || feeds < 0 || privacy < 0 || rules_build(&options, &r->problems, &r->rules) < 0 ||
	    read_password(r) < 0)
		return refuse(r);
	warn(r);
	printf("would watch: %zu organizations\n", org_watched(r->rules->orgs));
	return DONE;
}

static int
open_replay_port(struct run *r)
{
	struct port_options o = {.queues = (uint16_t)r->config->capture.workers, .queue_size = 1024, .buffers = 8191};
	int err;

	if ((err = port_open_ring(&o, &r->problems, &r->ports[0])) == 0)
		r->n_ports = 1;
	return err;
}

static int
start_replay(struct run *r)
{
	int err;

	if ((err = replay_check(r->options.captures, r->options.n_captures, &r->problems)) < 0 ||
	    (err = start_eal(r, false)) < 0 || (err = open_replay_port(r)) < 0 || (err = start_workers(r, true)) < 0)
		return err;
	// Redis is asked before the work, not after it; the name of the run is known only then.
	strcpy(r->incarnation, "r");
	snprintf(r->sensor, sizeof(r->sensor), "replay-%s", r->options.run_id != NULL ? r->options.run_id : "pending");
	return 0;
}

static int
run_capture(struct run *r, struct replay_facts *ret)
{
	struct replay_options o = {
		.files = r->options.captures,
		.n_files = r->options.n_captures,
		.port = &r->ports[0],
		.workers = &r->workers,
		.match = r->config->capture.match,
		.time_field = r->time_field,
		.progress = isatty(STDERR_FILENO),
	};
	struct replay *replay;
	int err, lost;

	if ((err = start_collector(r, true)) < 0 || (err = replay_start(&o, &replay)) < 0)
		return err;
	if ((err = workers_start(&r->workers)) < 0)
		return err;
	err = replay_join(replay, &r->problems, ret);
	workers_join(&r->workers);
	lost = collector_join(r->collector);
	return err < 0 ? err : lost;
}

static void
fill_capture(const struct run *r, const struct replay_facts *facts, struct report_capture *ret)
{
	struct stats_sum sum;

	workers_stats(&r->workers, &sum);
	*ret = (struct report_capture){
		.files = r->options.captures,
		.n_files = r->options.n_captures,
		.first_ns = facts->first_ns,
		.last_ns = facts->last_ns,
		.packets = facts->packets,
		.bytes = facts->bytes,
		.snap_cut = facts->cut,
		.fragments = sum.fragments,
		.unresolved = sum.unresolved,
		.overlaps = sum.overlaps,
		.portless = sum.portless,
		.overflow = sum.overflow,
		.beacon_overflow = collector_beacon_overflow(r->collector),
		.coarse = sum.coarse,
		.uncounted = sum.uncounted,
		.evicted = sum.evicted,
		.residual = (int64_t)facts->packets,
	};
	memcpy(ret->notes, sum.notes, sizeof(ret->notes));
	for (int v = 0; v < PKT_VERDICTS; v++) {
		ret->verdicts[v] = sum.verdicts[v];
		ret->residual -= (int64_t)sum.verdicts[v];
	}
}

static int
print_report(struct run *r, const struct replay_facts *facts)
{
	const struct rules *rules = reload_rules(&r->reload);
	struct c2set_facts c2;
	struct report report = {
		.version = RATWATCH_VERSION,
		.indicators = {.generation = rules->generation, .feeds = rules->feeds, .n_feeds = rules->n_feeds},
		.tally = collector_tally(r->collector),
		.with_contacts = r->options.contacts,
		.note = r->options.note,
		.now = clock_wall_ns() / 1000000000,
	};
	int err;

	c2set_facts(rules->c2, &c2);
	report.indicators.entries = c2.entries;
	report.n_contacts = collector_contacts(r->collector, &report.contacts);
	fill_capture(r, facts, &report.capture);
	err = r->options.json ? report_json(&report, stdout) : report_table(&report, stdout);
	if (err == 0 && fflush(stdout) != 0)
		err = -errno;
	if (err < 0)
		log_error("report: cannot be written: %s", strerror(-err));
	return err;
}

static void
name_run(struct run *r, const struct replay_facts *facts)
{
	uint64_t digest = (facts->digest ^ reload_rules(&r->reload)->digest) * 0x9E3779B97F4A7C15u;

	if (r->options.run_id == NULL)
		snprintf(r->sensor, sizeof(r->sensor), "replay-%016" PRIx64, digest);
}

// One part per entity, after the last packet.
static int
deliver_replay(struct run *r, const struct replay_facts *facts)
{
	if (r->config->redis.url == NULL)
		return DONE;
	name_run(r, facts);
	if (start_sender(r, "ratwatch-replay:", false) < 0) {
		refuse(r);
		return FAILED;
	}
	if (sender_flush(r->sender, collector_tally(r->collector), INT64_MAX) < 0 || sender_stop(r->sender) > 0) {
		log_error("redis: the report above is not wholly in Redis; run the same command again: what is there "
			  "already is not counted twice");
		return FAILED;
	}
	return DONE;
}

static int
check_redis(struct run *r)
{
	int err = start_sender(r, "ratwatch-replay:", false);

	if (r->sender != NULL)
		sender_stop(r->sender);
	sender_free(r->sender);
	r->sender = NULL;
	return err;
}

static int
replay(struct run *r)
{
	struct replay_facts facts;
	int err;

	if (load(r, TO_REPLAY) < 0 || start_replay(r) < 0 || check_redis(r) < 0)
		return refuse(r);
	warn(r);
	if ((err = run_capture(r, &facts)) < 0) {
		bool input = r->problems.errors > 0;

		problem_print(&r->problems, stderr);
		return input ? REFUSED : FAILED;
	}
	if (print_report(r, &facts) < 0)
		return FAILED;
	return deliver_replay(r, &facts);
}

static int
open_ports(struct run *r)
{
	const struct config *c = r->config;
	struct port_options o = {
		.queues = (uint16_t)c->capture.workers,
		.queue_size = c->capture.queue_size,
		.buffers = c->capture.buffers,
		.promiscuous = c->capture.promiscuous,
	};
	int err = 0;

	if (c->capture.ports.n == 0 || c->capture.ports.n > PORTS_MAX) {
		problem_add(&r->problems, PROBLEM_ERROR, r->options.config, 0, "capture.ports",
			    "%zu ports; write 1 to %d, such as [af_packet:eth0]", c->capture.ports.n, PORTS_MAX);
		return -EINVAL;
	}
	for (size_t i = 0; i < c->capture.ports.n; i++) {
		int failed = port_open(c->capture.ports.items[i], (unsigned)i, &o, &r->problems, &r->ports[r->n_ports]);

		if (failed == 0)
			r->n_ports++;
		err = failed < 0 ? failed : err;
	}
	return err;
}

static void
name_sensor(struct run *r)
{
	uint64_t life = 0;

	snprintf(r->sensor, sizeof(r->sensor), "%s", r->config->sensor.name);
	if (getrandom(&life, sizeof(life), 0) != sizeof(life))
		life = (uint64_t)r->started_ns;
	snprintf(r->incarnation, sizeof(r->incarnation), "%016" PRIx64, life);
}

static int
start_live(struct run *r)
{
	int err;

	name_sensor(r);
	if ((err = start_eal(r, true)) < 0 || (err = open_ports(r)) < 0 || (err = start_workers(r, false)) < 0 ||
	    (err = open_doors(r)) < 0 || (err = start_sender(r, "ratwatch:", true)) < 0 ||
	    (err = start_collector(r, false)) < 0)
		return err;
	return workers_start(&r->workers);
}

static void
log_running(const struct run *r)
{
	const struct rules *rules = reload_rules((struct reload *)(uintptr_t)&r->reload);
	struct c2set_facts facts;

	c2set_facts(rules->c2, &facts);
	log_info("running: %zu ports, %u workers, %zu indicators, %zu watched organizations, Redis %s", r->n_ports,
		 r->workers.n, facts.entries, org_watched(rules->orgs),
		 r->config->redis.url != NULL ? r->config->redis.url : "none: nothing is delivered");
}

static void
start_reload_thread(struct run *r)
{
	struct reload_thread_options o = {.reload = &r->reload,
					  .config_path = r->options.config,
					  .sets = r->options.sets,
					  .n_sets = r->options.n_sets,
					  .history = r->history,
					  .changes_path = r->history != NULL ? r->changes_path : NULL,
					  .changes = r->changes};

	if (reload_thread_start(&o, &r->reload_thread) < 0)
		log_error("reload: no thread for it; nothing will be reloaded, restart instead");
	else
		r->changes = (struct changes){0};
}

static void
fill_sources(struct run *r)
{
	r->commands.allow_special = r->config->indicators.allow_special;
	r->commands.sources = (struct status_sources){
		.sensor = r->sensor,
		.started_ns = r->started_ns,
		.workers = &r->workers,
		.ports = r->ports,
		.n_ports = r->n_ports,
		.reload = &r->reload,
		.reader = r->workers.n + 1,
		.reload_thread = r->reload_thread,
		.collector = r->collector,
		.sender = r->sender,
		.redis_url = r->config->redis.url,
	};
}

static void
on_hangup(void *context)
{
	const struct reload_request again = {.kind = RELOAD_AGAIN};
	struct run *r = context;

	if (r->reload_thread != NULL && reload_thread_request(r->reload_thread, &again) < 0)
		log_error("reload: SIGHUP is not served, too many requests wait; send it again");
}

// Until SIGTERM or SIGINT; SIGHUP reloads.
static int
serve(struct run *r, const sigset_t *signals)
{
	struct loop_room rooms[2] = {control_room(r->control)};
	struct loop_options o = {.rooms = rooms, .n_rooms = 1, .signals = signals, .hangup = on_hangup, .context = r};
	int end;

	if (r->http != NULL)
		rooms[o.n_rooms++] = http_room(r->http);
	start_reload_thread(r);
	fill_sources(r);
	reload_reader_register(&r->reload, r->commands.sources.reader);
	end = loop_run(&o);
	if (end < 0)
		log_error("main: cannot wait for signals and questions: %s; ending", strerror(-end));
	else
		log_info("stopping: %s", strsignal(end));
	// Those who wait for a reload are told by its thread, before their connections close.
	reload_thread_stop(r->reload_thread);
	close_doors(r);
	return end < 0 ? FAILED : DONE;
}

static void
log_equation(const struct run *r)
{
	struct stats_sum sum;

	workers_stats(&r->workers, &sum);
	log_info("packets: received %" PRIu64 " = probed %" PRIu64 " + not_ip %" PRIu64 " + truncated %" PRIu64
		 " + malformed %" PRIu64 " + too_deep %" PRIu64 ", residual %" PRId64 "; hits %" PRIu64
		 ", of them beyond the contact table %" PRIu64,
		 sum.received, sum.verdicts[PKT_PROBED], sum.verdicts[PKT_NOT_IP], sum.verdicts[PKT_TRUNCATED],
		 sum.verdicts[PKT_MALFORMED], sum.verdicts[PKT_TOO_DEEP], sum.residual, sum.hits, sum.overflow);
	for (size_t i = 0; i < r->n_ports; i++) {
		struct port_loss loss;

		port_loss(&r->ports[i], &loss);
		log_info("port %s: missed %" PRIu64 ", errors %" PRIu64 ", no buffer %" PRIu64, r->ports[i].name,
			 loss.missed, loss.errors, loss.no_buffer);
	}
}

static int
finish_live(struct run *r)
{
	size_t waiting;
	int err;

	atomic_store_explicit(&r->workers.stop, true, memory_order_release);
	workers_join(&r->workers);
	err = collector_join(r->collector);
	waiting = r->sender != NULL ? sender_stop(r->sender) : 0;
	log_equation(r);
	if (waiting > 0)
		log_error("redis: %zu batches could not be delivered within %d s and are lost: %s", waiting,
			  STOP_MS / 1000, "bring Redis back before you stop ratwatchd");
	return err < 0 || waiting > 0 ? FAILED : DONE;
}

static void
remember(struct run *r)
{
	int err = r->history != NULL
			  ? rules_remember(reload_rules(&r->reload), r->history, clock_wall_ns() / 1000000000)
			  : 0;

	if (err < 0)
		log_error("%s: what is in force cannot be kept for a restart: %s; is there room?",
			  r->config->indicators.state_dir, rules_remember_error(err));
}

static int
live(struct run *r)
{
	sigset_t signals;
	int served, finished;

	// Blocked before the first thread starts, so that every thread has them blocked and only the loop takes them.
	sigemptyset(&signals);
	sigaddset(&signals, SIGHUP);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGINT);
	pthread_sigmask(SIG_BLOCK, &signals, NULL);
	if (load(r, TO_WATCH) < 0 || start_live(r) < 0)
		return refuse(r);
	warn(r);
	remember(r);
	log_running(r);
	served = serve(r, &signals);
	finished = finish_live(r);
	return served != DONE ? served : finished;
}

int
main(int argc, char **argv)
{
	struct run r = {.started_ns = clock_wall_ns()};
	int status;

	log_open(6);
	signal(SIGPIPE, SIG_IGN);
	// Sets of indicators come and go: in mappings of their own they leave no holes in the heap. glibc would raise its threshold with each.
	mallopt(M_MMAP_THRESHOLD, 1 << 20);
	if (options_parse(argc, argv, &r.problems, &r.options) < 0)
		return refuse(&r);
	switch (r.options.mode) {
	case OPTIONS_HELP:
		status = fputs(options_usage, stdout) == EOF ? FAILED : DONE;
		break;
	case OPTIONS_VERSION:
		status = puts("ratwatchd " RATWATCH_VERSION) == EOF ? FAILED : DONE;
		break;
	case OPTIONS_CHECK:
		status = check(&r);
		break;
	case OPTIONS_REPLAY:
		status = replay(&r);
		break;
	default:
		status = live(&r);
	}
	stop(&r);
	return status;
}
