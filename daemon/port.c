#include "port.h"

#include <rte_bus.h>
#include <rte_dev.h>
#include <rte_errno.h>
#include <rte_eth_ring.h>
#include <rte_ethdev.h>
#include <rte_mempool.h>
#include <rte_ring.h>

#include <errno.h>
#include <net/if.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

// The symmetric Toeplitz key of Woo and Park, "Scalable TCP Session Monitoring with Symmetric Receive-side Scaling" (2012): both
// directions of a conversation get the same hash.
static const uint8_t symmetric_key[] = {
	0x6d, 0x5a, 0x6d, 0x5a, 0x6d, 0x5a, 0x6d, 0x5a, 0x6d, 0x5a, 0x6d, 0x5a, 0x6d, 0x5a,
	0x6d, 0x5a, 0x6d, 0x5a, 0x6d, 0x5a, 0x6d, 0x5a, 0x6d, 0x5a, 0x6d, 0x5a, 0x6d, 0x5a,
	0x6d, 0x5a, 0x6d, 0x5a, 0x6d, 0x5a, 0x6d, 0x5a, 0x6d, 0x5a, 0x6d, 0x5a,
};

static int
fail(struct problem_list *problems, const char *name, int err, const char *what)
{
	problem_add(problems, PROBLEM_ERROR, "capture", 0, name, "%s", what);
	return err;
}

static int
make_pool(struct port *p, unsigned index, const struct port_options *o)
{
	char name[32];

	snprintf(name, sizeof(name), "ratwatch_%u", index);
	p->pool = rte_pktmbuf_pool_create(name, o->buffers, 256, 0, RTE_MBUF_DEFAULT_BUF_SIZE, SOCKET_ID_ANY);
	return p->pool == NULL ? -rte_errno : 0;
}

static void
choose_rss(uint16_t id, uint16_t queues, struct rte_eth_conf *conf)
{
	struct rte_eth_dev_info info;
	uint64_t wanted = RTE_ETH_RSS_IP | RTE_ETH_RSS_TCP | RTE_ETH_RSS_UDP;

	if (queues == 1 || rte_eth_dev_info_get(id, &info) != 0 || (info.flow_type_rss_offloads & wanted) == 0)
		return;
	conf->rxmode.mq_mode = RTE_ETH_MQ_RX_RSS;
	conf->rx_adv_conf.rss_conf.rss_hf = info.flow_type_rss_offloads & wanted;
	if (info.hash_key_size == sizeof(symmetric_key)) {
		conf->rx_adv_conf.rss_conf.rss_key = (uint8_t *)(uintptr_t)symmetric_key;
		conf->rx_adv_conf.rss_conf.rss_key_len = sizeof(symmetric_key);
	}
}

static int
start_queues(struct port *p, const struct port_options *o)
{
	struct rte_eth_conf conf = {0};
	uint16_t rx = (uint16_t)o->queue_size, tx = 64;
	int err;

	choose_rss(p->id, o->queues, &conf);
	if ((err = rte_eth_dev_configure(p->id, o->queues, 1, &conf)) < 0)
		return err;
	if ((err = rte_eth_dev_adjust_nb_rx_tx_desc(p->id, &rx, &tx)) < 0)
		return err;
	for (uint16_t q = 0; q < o->queues; q++)
		if ((err = rte_eth_rx_queue_setup(p->id, q, rx, SOCKET_ID_ANY, NULL, p->pool)) < 0)
			return err;
	if ((err = rte_eth_tx_queue_setup(p->id, 0, tx, SOCKET_ID_ANY, NULL)) < 0)
		return err;
	return rte_eth_dev_start(p->id);
}

// The second because DPDK sets the mode of the interface when it starts it.
#define PACKET_SOCKET_RIGHTS "CAP_NET_RAW and CAP_NET_ADMIN"

// Refused before DPDK is asked: its own words for these do not help at night.
static int
check_interface(const char *name, const char *interface, struct problem_list *problems)
{
	int fd;

	if (if_nametoindex(interface) == 0)
		return fail(problems, name, -ENODEV, "no such network interface; `ip link` lists those that there are");
	if ((fd = socket(AF_PACKET, SOCK_RAW, 0)) == -1)
		return fail(problems, name, -errno,
			    "no permission to capture; run as root or with the capabilities " PACKET_SOCKET_RIGHTS);
	close(fd);
	return 0;
}

static int
plug_af_packet(struct port *p, unsigned index, const char *interface, const struct port_options *o,
	       struct problem_list *problems)
{
	char device[32], args[128];
	int err;

	if ((err = check_interface(p->name, interface, problems)) < 0)
		return err;
	snprintf(device, sizeof(device), "net_af_packet%u", index);
	// Two frames to a block of the kernel's ring. The driver would take 512: a quarter of a second at 2,000 packets a second.
	snprintf(args, sizeof(args), "iface=%s,qpairs=%u,framecnt=%u", interface, o->queues, o->queue_size & ~1u);
	if (rte_eal_hotplug_add("vdev", device, args) != 0 || rte_eth_dev_get_port_by_name(device, &p->id) != 0)
		return fail(problems, p->name, -EIO, "DPDK cannot open a packet socket on it; the lines above say why");
	return 0;
}

static int
find_pci(struct port *p, const char *address, struct problem_list *problems)
{
	if (rte_eth_dev_get_port_by_name(address, &p->id) != 0)
		return fail(problems, p->name, -ENODEV,
			    "no such port; dpdk-devbind.py --status lists the NICs that are bound to a DPDK driver");
	return 0;
}

static int
find_device(struct port *p, unsigned index, const struct port_options *o, struct problem_list *problems)
{
	static const char af_packet[] = "af_packet:", pci[] = "pci:";

	if (strncmp(p->name, af_packet, strlen(af_packet)) == 0)
		return plug_af_packet(p, index, p->name + strlen(af_packet), o, problems);
	if (strncmp(p->name, pci, strlen(pci)) == 0)
		return find_pci(p, p->name + strlen(pci), problems);
	return fail(problems, p->name, -EINVAL, "unknown kind of port; write af_packet:IFACE or pci:ADDRESS");
}

static int
start(struct port *p, const struct port_options *o, struct problem_list *problems)
{
	char what[128];
	int err = start_queues(p, o);

	if (err == 0)
		return 0;
	if (err == -EPERM)
		return fail(problems, p->name, err,
			    "no permission to start it; run as root or with the capabilities " PACKET_SOCKET_RIGHTS);
	snprintf(what, sizeof(what), "cannot be started with %u queues: %s; try fewer capture.workers", o->queues,
		 rte_strerror(-err));
	return fail(problems, p->name, err, what);
}

int
port_open(const char *name, unsigned index, const struct port_options *o, struct problem_list *problems,
	  struct port *ret)
{
	struct port p = {.queues = o->queues};
	int err;

	if (strlen(name) >= sizeof(p.name))
		return fail(problems, name, -EINVAL, "too long a name for a port");
	strcpy(p.name, name);
	if ((err = make_pool(&p, index, o)) < 0)
		return fail(problems, name, err, "no memory for its packet buffers; lower capture.buffers");
	if ((err = find_device(&p, index, o, problems)) < 0)
		goto free_pool;
	if ((err = start(&p, o, problems)) < 0)
		goto close_device;
	if (o->promiscuous)
		rte_eth_promiscuous_enable(p.id); // a port that cannot is one that sees everything anyway
	*ret = p;
	return 0;

close_device:
	rte_eth_dev_close(p.id);
free_pool:
	rte_mempool_free(p.pool);
	return err;
}

static int
make_rings(struct port *p, const struct port_options *o)
{
	char name[32];

	for (uint16_t q = 0; q < o->queues; q++) {
		snprintf(name, sizeof(name), "ratwatch_rx%u", q);
		p->rings[q] = rte_ring_create(name, o->queue_size, SOCKET_ID_ANY, RING_F_SP_ENQ | RING_F_SC_DEQ);
		if (p->rings[q] == NULL)
			return -rte_errno;
	}
	p->tx = rte_ring_create("ratwatch_tx", 64, SOCKET_ID_ANY, RING_F_SP_ENQ | RING_F_SC_DEQ);
	return p->tx == NULL ? -rte_errno : 0;
}

static void
free_rings(struct port *p)
{
	for (uint16_t q = 0; q < p->queues; q++)
		rte_ring_free(p->rings[q]);
	rte_ring_free(p->tx);
}

int
port_open_ring(const struct port_options *o, struct problem_list *problems, struct port *ret)
{
	struct port p = {.name = "replay", .queues = o->queues};
	int id, err;

	if ((err = make_pool(&p, 0, o)) < 0 || (err = make_rings(&p, o)) < 0) {
		fail(problems, p.name, err, "no memory for its packet buffers; lower capture.buffers");
		goto free;
	}
	id = rte_eth_from_rings("ratwatch_replay", p.rings, p.queues, &p.tx, 1, 0);
	if (id < 0) {
		err = fail(problems, p.name, -EIO, "DPDK cannot make a ring port; the lines above say why");
		goto free;
	}
	p.id = (uint16_t)id;
	if ((err = start(&p, o, problems)) < 0)
		goto close_device;
	*ret = p;
	return 0;

close_device:
	rte_eth_dev_close(p.id);
free:
	free_rings(&p);
	rte_mempool_free(p.pool);
	return err;
}

void
port_close(struct port *p)
{
	if (p->pool == NULL)
		return;
	rte_eth_dev_stop(p->id);
	rte_eth_dev_close(p->id);
	free_rings(p);
	rte_mempool_free(p->pool);
	*p = (struct port){0};
}

void
port_loss(const struct port *p, struct port_loss *ret)
{
	// Some drivers add up registers that are cleared by reading: two threads at once would lose some.
	static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
	struct rte_eth_stats stats = {0};

	pthread_mutex_lock(&lock);
	rte_eth_stats_get(p->id, &stats);
	pthread_mutex_unlock(&lock);
	*ret = (struct port_loss){.missed = stats.imissed, .errors = stats.ierrors, .no_buffer = stats.rx_nombuf};
}
