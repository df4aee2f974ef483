#include "eal.h"

#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_log.h>

#include <dirent.h>
#include <errno.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ARGS_MAX 96

struct args {
	char *items[ARGS_MAX];
	int n;
	bool failed; // out of memory or of places
};

static void __attribute__((format(printf, 2, 3))) arg(struct args *a, const char *format, ...)
{
	va_list list;
	int len;

	if (a->n == ARGS_MAX - 1) {
		a->failed = true;
		return;
	}
	va_start(list, format);
	len = vasprintf(&a->items[a->n], format, list);
	va_end(list);
	if (len == -1)
		a->failed = true;
	else
		a->n++;
}

static long
free_pages(const char *size)
{
	char path[300];
	long n = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/sys/kernel/mm/hugepages/%s/free_hugepages", size);
	if ((f = fopen(path, "r")) == NULL)
		return 0;
	if (fscanf(f, "%ld", &n) != 1)
		n = 0;
	fclose(f);
	return n;
}

static bool
hugepages_reserved(void)
{
	DIR *d = opendir("/sys/kernel/mm/hugepages");
	struct dirent *e;
	bool any = false;

	if (d == NULL)
		return false;
	while ((e = readdir(d)) != NULL)
		if (e->d_name[0] != '.' && free_pages(e->d_name) > 0)
			any = true;
	closedir(d);
	return any;
}

// Ordinary pages unless hugepages are there and may be used; wanting what cannot be had is an error.
static int
choose_pages(const struct eal_options *o, struct problem_list *problems, bool *ret)
{
	bool reserved = hugepages_reserved();
	bool allowed = access("/dev/hugepages", W_OK) == 0;

	if (o->hugepages && o->hugepages_wanted && !reserved) {
		problem_add(problems, PROBLEM_ERROR, "capture", 0, "hugepages",
			    "no free hugepages on this machine; reserve some (echo 512 > "
			    "/proc/sys/vm/nr_hugepages) or set capture.hugepages: false");
		return -ENOMEM;
	}
	if (o->hugepages && o->hugepages_wanted && !allowed) {
		problem_add(problems, PROBLEM_ERROR, "capture", 0, "hugepages",
			    "no permission to use /dev/hugepages; run as root, give this user access to the mount, "
			    "or set capture.hugepages: false");
		return -EACCES;
	}
	*ret = o->hugepages && reserved && allowed;
	return 0;
}

// "0@(0-3),1@(2),...": the main thread anywhere, each worker on its own CPU, or anywhere.
static void
arg_lcores(struct args *a, const struct eal_options *o)
{
	char text[8192], all[4096] = "";
	size_t len = 0;
	int n = 0, cpus[CPU_SETSIZE];
	cpu_set_t set;

	CPU_ZERO(&set);
	sched_getaffinity(0, sizeof(set), &set);
	for (int cpu = 0; cpu < CPU_SETSIZE && len < sizeof(all) - 8; cpu++)
		if (CPU_ISSET(cpu, &set)) {
			cpus[n++] = cpu;
			len += (size_t)snprintf(all + len, sizeof(all) - len, "%s%d", len > 0 ? "," : "", cpu);
		}
	len = (size_t)snprintf(text, sizeof(text), "0@(%s)", all);
	for (unsigned w = 1; w <= o->workers && len < sizeof(text) - 1; w++) {
		if (o->pinned && n > (int)o->workers)
			len += (size_t)snprintf(text + len, sizeof(text) - len, ",%u@(%d)", w, cpus[w]);
		else
			len += (size_t)snprintf(text + len, sizeof(text) - len, ",%u@(%s)", w, all);
	}
	if (len >= sizeof(text))
		a->failed = true;
	arg(a, "--lcores=%s", text);
}

static void
arg_devices(struct args *a, const struct eal_options *o)
{
	if (o->n_pci == 0)
		arg(a, "--no-pci");
	for (size_t i = 0; i < o->n_pci; i++)
		arg(a, "--allow=%s", o->pci[i]);
}

int
eal_start(const struct eal_options *o, struct problem_list *problems)
{
	static struct args a; // EAL keeps pointers into its arguments: they live as long as the process
	static char *given[ARGS_MAX];
	bool hugepages = false;
	int err;

	if (access("/sys/devices/system/cpu", R_OK) == -1) {
		problem_add(problems, PROBLEM_ERROR, "/sys", 0, NULL,
			    "is not mounted, and DPDK finds the processors there; mount -t sysfs sysfs /sys");
		return -ENOENT;
	}
	if ((err = choose_pages(o, problems, &hugepages)) < 0)
		return err;
	arg(&a, "%s", o->program);
	arg_lcores(&a, o);
	arg_devices(&a, o);
	arg(&a, "--no-telemetry");
	arg(&a, "--log-level=4"); // errors
	if (hugepages) {
		arg(&a, "--in-memory");
	} else {
		arg(&a, "--no-huge");
		arg(&a, "--no-shconf");
		arg(&a, "-m");
		arg(&a, "%u", o->memory_mb);
	}
	memcpy(given, a.items, sizeof(given)); // EAL moves the pointers about
	err = a.failed ? -ENOMEM : 0;
	if (err == 0 && rte_eal_init(a.n, given) < 0) {
		err = -rte_errno;
		problem_add(
			problems, PROBLEM_ERROR, "capture", 0, NULL,
			"DPDK does not start: %s; the lines above say why. Without hugepages it needs %u MB of memory",
			rte_strerror(rte_errno), o->memory_mb);
	}
	if (err < 0)
		while (a.n > 0)
			free(a.items[--a.n]);
	return err < 0 ? err : 0;
}

void
eal_stop(void)
{
	rte_eal_cleanup();
}
