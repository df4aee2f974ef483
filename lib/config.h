// config: conf/ratwatch.yaml -> the options of every room.
//
// One table holds every key: section, name, type, default, range, unit. Every error of a file is found in one go, each
// with file, line and key; an unknown key names the nearest known one. `--set key.path=value` is read by the same table, as file
// "--set". The result owns all its texts. One thread at a time. YAML 1.1 through libyaml.

#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "feed.h"
#include "lane.h"
#include "problem.h"

struct config_texts {
	char **items;
	size_t n;
};

struct config {
	struct {
		char *name; // default: host name
	} sensor;
	struct {
		struct config_texts ports; // "af_packet:eth0", "pci:0000:01:00.0", "vdev:net_ring0"
		unsigned workers;          // 1..64; default 1
		unsigned queue_size;       // descriptors per queue; default 1024
		unsigned buffers;          // packet buffers per port; default 16384
		bool promiscuous;          // default true
		bool hugepages;            // default: true when there are any
		bool hugepages_set;        // the file says it
	} capture;
	struct {
		struct feed_options *feeds; // texts owned by the config
		size_t n_feeds;
		bool allow_special; // for every feed
	} indicators;
	struct {
		struct config_texts watchlists, databases;
		unsigned victim_prefix6; // default 64
	} organizations;
	struct {
		struct lane_list *lists; // lanes.allowed, lanes.scanner, ...: lists of files
		size_t n_lists;
	} lanes;
	struct {
		char *url; // NULL: no Redis
		char *user;
		char *password_file;
		char *prefix;        // NULL: "ratwatch:" live, "ratwatch-replay:" for -r
		unsigned timeout_ms; // default 2000
		unsigned flush_ms;   // default 5000
	} redis;
	struct {
		int level; // syslog(3) level; default 6 (info)
	} log;
};

// path NULL: defaults only; then each `sets[i]` ("key.path=value"; a list key may be given several times and grows). Relative paths in the file
// are relative to the file's directory. 0, or a negative errno with errors in the list and *ret untouched.
int config_load(const char *path, const char *const *sets, size_t n_sets, struct problem_list *, struct config **ret);
void config_free(struct config *);
