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
#include "pkt.h"
#include "privacy.h"
#include "problem.h"

#define CONFIG_CONTROL_SOCKET "/run/ratwatch/control.sock" // where ratwatchd is asked, unless the file says otherwise

#define CONFIG_STATE_DIR "/var/lib/ratwatch" // default of indicators.state_dir

struct config_texts {
	char **items;
	size_t n;
};

struct config {
	struct {
		char *name; // [A-Za-z0-9._-]{1,64}; default: host name
	} sensor;
	struct {
		struct config_texts ports; // "af_packet:eth0", "pci:0000:01:00.0", "vdev:net_ring0"
		unsigned workers;          // 1..64; default 1
		unsigned queue_size;       // descriptors per queue; default 1024
		unsigned buffers;          // packet buffers per port; default 16384
		int match;                 // enum pkt_match; default PKT_ANY
		bool promiscuous;          // default true
		bool hugepages;            // true unless the file says false
		bool hugepages_set;        // the file says true or false; else: use them when there are any
	} capture;
	struct {
		struct feed_options *feeds; // texts owned by the config
		size_t n_feeds;
		bool allow_special; // for every feed: also set in each of them
		char *state_dir;    // where what was accepted last is kept
		char *families;     // CSV name,alias,connects; NULL: none
	} indicators;
	struct {
		struct config_texts watchlists, databases;
		unsigned victim_prefix6; // default 64
		int privacy;             // enum privacy; PRIVACY_UNSET unless the operator has chosen
		char *privacy_key_file;  // NULL: none
	} organizations;
	struct {
		struct lane_list *lists; // lanes.allowed, lanes.scanner, ...: lists of files
		size_t n_lists;
		unsigned scanner_window;      // seconds of packet time; default 600
		unsigned scanner_controllers; // distinct ones that make a scanner; 0: nobody is by behaviour; default 8
		unsigned scanner_waiting;     // reports that may wait; default 65536
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
		char *socket; // default CONFIG_CONTROL_SOCKET; short enough for a sockaddr_un
	} control;
	struct {
		char *listen; // "127.0.0.1:9187", "[::1]:9187"; NULL: no metrics
	} http;
	struct {
		int level; // syslog(3) level; default 6 (info)
	} log;
};

// path NULL: defaults only; then each `sets[i]`: "section.key=value". A list grows by one item each time, and an empty value
// ("redis.url=") takes a text without default away or empties a list. Relative paths in the file are relative to the file's directory, in
// `sets` to the working directory. 0, or a negative errno with errors in the list and *ret untouched.
int config_load(const char *path, const char *const *sets, size_t n_sets, struct problem_list *, struct config **ret);
void config_free(struct config *);

enum config_type {
	CONFIG_TEXT,
	CONFIG_PATH, // of a file
	CONFIG_NUMBER,
	CONFIG_BOOL,
	CONFIG_AUTO, // true, false or auto
	CONFIG_CHOICE,
	CONFIG_COLUMNS, // a text "address=dst_ip,port=dst_port", or the same as a mapping
	CONFIG_TEXTS,   // a list
	CONFIG_PATHS,   // a list
	CONFIG_LANE,    // a list of files whose addresses go to one lane
	CONFIG_FEEDS,   // a list of feeds: a path, or a mapping with the keys of section "indicators.feeds"
	CONFIG_TYPES
};

// One line of the table, as manual pages and their tests need it.
struct config_key {
	const char *section, *name;
	enum config_type type;
	const char *value; // default as the file would write it; NULL: none, or an empty list
	const char *unit;  // of a number; NULL: it counts
	unsigned min, max; // of a number
	bool restart;      // a reload leaves it as it is
};

// "key=value" for a key of section "indicators.feeds", as --set has it for the whole configuration. 0, or a negative errno; what is wrong with
// the value is only in the list. Texts are copied: config_feed_forget.
int config_feed_set(struct feed_options *, const char *set, struct problem_list *);
void config_feed_forget(struct feed_options *);

// The i-th key, section by section; NULL after the last.
const struct config_key *config_key(size_t i);
