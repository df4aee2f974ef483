// eal: capture configuration -> DPDK's environment abstraction layer; the user never writes EAL flags.
//
// Runs without hugepages and without root unless a port wants more. Logical core 0 is the main thread; workers are cores 1..n. They are
// pinned one to a CPU when there are CPUs enough, and share all CPUs otherwise (and in a replay). Main thread only, once per process.

#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "problem.h"

struct eal_options {
	const char *program;
	unsigned workers;
	bool pinned;            // one CPU per worker when there are enough
	bool hugepages;         // use them; false: ordinary pages
	bool hugepages_wanted;  // the user asked for them: not having them is an error
	unsigned memory_mb;     // without hugepages
	const char *const *pci; // addresses to probe; none: PCI is left alone
	size_t n_pci;
};

// 0, or a negative errno with an error in the list that says what to do.
int eal_start(const struct eal_options *, struct problem_list *);
void eal_stop(void);
