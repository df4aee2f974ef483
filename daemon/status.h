// status: what the running daemon knows of itself, as plain values, for `ratwatch status`, /metrics and /healthz.
//
// Collecting asks every room once and holds nobody up. Main thread, which reads the rules as one of their readers.

#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "collector.h"
#include "pkt.h"
#include "port.h"
#include "reload.h"
#include "sender.h"
#include "worker.h"

struct json_t;

struct status_sources { // outlive whoever asks
	const char *sensor;
	int64_t started_ns;
	const struct workers *workers;
	const struct port *ports;
	size_t n_ports;
	struct reload *reload;
	unsigned reader;                     // the main thread's number among the readers of the rules
	struct reload_thread *reload_thread; // NULL: there is none
	struct collector *collector;
	struct sender *sender; // NULL: no Redis
	const char *redis_url;
};

struct status_count { // packets since the start
	const char *name;
	uint64_t n;
};

struct status_feed {
	char *name; // UTF-8
	const char *format;
	size_t entries, skipped;
	bool held;           // the last content was refused, and what was accepted before is in force
	bool shortage;       // fewer entries are in force than its min_entries, or none
	int64_t age_seconds; // by what the file says of itself, else by its time of modification; -1: not known
};

struct status_port {
	const char *name;
	struct port_loss loss;
};

#define STATUS_PACKET_NOTES (PKT_NOTES + 1)
#define STATUS_HIT_NOTES    9

struct status {
	const char *version, *sensor;
	int64_t started, now; // epoch seconds
	uint64_t generation;
	size_t indicators;
	struct status_feed *feeds;
	size_t n_feeds;
	struct reload_facts reload;
	uint64_t received, bytes, hits; // bytes on the wire
	struct status_count verdicts[PKT_VERDICTS];
	struct status_count packet_notes[STATUS_PACKET_NOTES];
	struct status_count hit_notes[STATUS_HIT_NOTES];
	int64_t residual; // received - sum of verdicts
	struct status_port ports[PORTS_MAX];
	size_t n_ports;
	double blind_ratio;       // packets not seen, of all that came to the ports
	uint64_t beacon_overflow; // pairs whose rhythm was forgotten to make room
	bool counting;            // false: the collector has given up
	const char *redis_url;    // NULL: nothing is delivered
	struct collector_windows windows;
	struct sender_facts redis;
};

// 0 or -ENOMEM. Other texts than names of feeds are the sources'.
int status_collect(const struct status_sources *, struct status *ret);
void status_free(struct status *);

// NULL, or why somebody should look at this sensor. The text lives as long as the status.
const char *status_trouble(const struct status *);

// docs/operations.md. NULL: no memory.
struct json_t *status_json(const struct status *);
