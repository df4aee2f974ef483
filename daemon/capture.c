#include "capture.h"

#include "input.h"
#include "pcapng.h"

#include <pcap/pcap.h>

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define READ "Ethernet, RAW, IPV4, IPV6, LINUX_SLL, LINUX_SLL2, NULL or LOOP"

struct capture {
	const char *file;
	struct input_stream *stream; // freed with its file, which pcap owns if there is one
	pcap_t *pcap;                // NULL: pcapng
	struct pcapng *pcapng;
	int last_dlt; // of the last packet; known to be read
	uint64_t packets;
};

// Link types --------------------------------------------------------------------------------------------------------------------

// What a link type is turned into: how many bytes to leave out, and the Ethernet type of what follows.
struct link {
	size_t skip;
	uint16_t ethertype; // 0: the frame is Ethernet already
};

static uint16_t
be16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

// RAW has no header: the version is in the first four bits.
static uint16_t
ethertype_of_ip(const uint8_t *p, size_t len)
{
	return len > 0 && p[0] >> 4 == 6 ? 0x86dd : 0x0800;
}

// BSD loopback: an address family in some host's byte order; AF_INET is 2 everywhere, AF_INET6 is 10, 24, 28 or 30.
static struct link
link_of_loopback(const uint8_t *p, size_t len)
{
	uint32_t family;

	if (len < 4)
		return (struct link){len, 0x0800};
	family = p[0] == 0 && p[1] == 0 ? be16(p + 2) : (uint32_t)(p[1] << 8 | p[0]);
	if (family == 2)
		return (struct link){4, 0x0800};
	if (family == 10 || family == 24 || family == 28 || family == 30)
		return (struct link){4, 0x86dd};
	return (struct link){4, 0xffff}; // not IP
}

static struct link
link_of_cooked(const uint8_t *p, size_t len, size_t header, size_t protocol)
{
	return len < header ? (struct link){len, 0x0800} : (struct link){header, be16(p + protocol)};
}

// Files name link types as the registry does, libpcap as this system's headers do: they differ in RAW. OpenBSD's own number for it is 14.
static int
dlt_of(int link_type)
{
	return link_type == 101 || link_type == 14 ? DLT_RAW : link_type;
}

static bool
is_read(int dlt)
{
	switch (dlt) {
	case DLT_EN10MB:
	case DLT_RAW:
	case DLT_IPV4:
	case DLT_IPV6:
	case DLT_LINUX_SLL:
	case DLT_LINUX_SLL2:
	case DLT_NULL:
	case DLT_LOOP:
		return true;
	default:
		return false;
	}
}

static struct link
link_of(int dlt, const uint8_t *p, size_t len)
{
	switch (dlt) {
	case DLT_RAW:
		return (struct link){0, ethertype_of_ip(p, len)};
	case DLT_IPV4:
		return (struct link){0, 0x0800};
	case DLT_IPV6:
		return (struct link){0, 0x86dd};
	case DLT_LINUX_SLL:
		return link_of_cooked(p, len, 16, 14);
	case DLT_LINUX_SLL2:
		return link_of_cooked(p, len, 20, 0);
	case DLT_NULL:
	case DLT_LOOP:
		return link_of_loopback(p, len);
	default:
		return (struct link){0, 0};
	}
}

static int
refuse_link_type(const struct capture *c, const char *where, int dlt, struct problem_list *problems)
{
	const char *name = pcap_datalink_val_to_name(dlt);

	problem_add(problems, PROBLEM_ERROR, c->file, 0, NULL,
		    "%slink type %s (%d) is not read; give a capture of " READ, where, name != NULL ? name : "unknown",
		    dlt);
	return -EINVAL;
}

// Open --------------------------------------------------------------------------------------------------------------------------

static int
refuse_pcap(const char *file, const char *error, struct problem_list *problems)
{
	const char *words = error;

	if (strstr(error, "unknown file format") != NULL || strstr(error, "bad dump file") != NULL)
		words = "is no capture; give a pcap or pcapng file";
	else if (strstr(error, "truncated") != NULL)
		words = "ends inside its file header; copy it again";
	problem_add(problems, PROBLEM_ERROR, file, 0, NULL, "%s", words);
	return -EINVAL;
}

static int
open_pcap(struct capture *c, struct problem_list *problems)
{
	char error[PCAP_ERRBUF_SIZE] = "";
	FILE *f = input_stream_file(c->stream);

	c->pcap = pcap_fopen_offline_with_tstamp_precision(f, PCAP_TSTAMP_PRECISION_NANO, error);
	if (c->pcap == NULL)
		return refuse_pcap(c->file, error, problems);
	c->last_dlt = dlt_of(pcap_datalink(c->pcap));
	return is_read(c->last_dlt) ? 0 : refuse_link_type(c, "", c->last_dlt, problems);
}

int
capture_open(const char *file, struct problem_list *problems, struct capture **ret)
{
	struct capture *c = calloc(1, sizeof(*c));
	int err;

	if (c == NULL)
		return -ENOMEM;
	c->file = file;
	c->last_dlt = DLT_EN10MB;
	if ((err = input_stream_open(file, problems, &c->stream)) == 0)
		err = memcmp(input_stream_head(c->stream), PCAPNG_MAGIC, 4) == 0
			      ? pcapng_open(input_stream_file(c->stream), &c->pcapng)
			      : open_pcap(c, problems);
	if (err < 0) {
		capture_free(c);
		return err;
	}
	*ret = c;
	return 0;
}

void
capture_free(struct capture *c)
{
	if (c == NULL)
		return;
	if (c->pcap != NULL)
		pcap_close(c->pcap); // and the stream
	else if (c->stream != NULL)
		fclose(input_stream_file(c->stream));
	pcapng_free(c->pcapng);
	free(c);
}

uint64_t
capture_at(const struct capture *c)
{
	return input_stream_at(c->stream);
}

// Packets -----------------------------------------------------------------------------------------------------------------------

static int
stop(const struct capture *c, int err, const char *why, struct problem_list *problems)
{
	problem_add(problems, PROBLEM_ERROR, c->file, 0, NULL,
		    "after packet %" PRIu64 ": %s; copy the file again, or cut it to whole packets (editcap)",
		    c->packets, why);
	return err;
}

// Seconds have 32 bits and no sign in the file, into which libpcap reads one. With nanosecond precision tv_usec holds nanoseconds; in a
// damaged file anything.
static int64_t
time_of(const struct pcap_pkthdr *h)
{
	int64_t time_ns = (int64_t)(uint32_t)h->ts.tv_sec * 1000000000 + h->ts.tv_usec;

	return time_ns > 0 ? time_ns : 0;
}

static int
next_pcap(struct capture *c, struct problem_list *problems, struct capture_packet *ret)
{
	struct pcap_pkthdr *h;
	const uint8_t *bytes;
	int got = pcap_next_ex(c->pcap, &h, &bytes);

	if (got == PCAP_ERROR_BREAK) // libpcap's way to say: end of file
		return 0;
	if (got != 1)
		return stop(c, -EIO, pcap_geterr(c->pcap), problems);
	*ret = (struct capture_packet){.bytes = bytes, .captured = h->caplen, .wire = h->len, .time_ns = time_of(h)};
	return 1;
}

static int
next_pcapng(struct capture *c, struct problem_list *problems, struct capture_packet *ret)
{
	struct pcapng_packet p;
	const char *why;
	char where[64];
	int got = pcapng_next(c->pcapng, &p, &why);

	if (got < 0)
		return stop(c, got, why, problems);
	if (got == 0)
		return 0;
	c->last_dlt = dlt_of(p.link_type);
	if (!is_read(c->last_dlt)) {
		snprintf(where, sizeof(where), "after packet %" PRIu64 ", interface %u: ", c->packets, p.interface);
		return refuse_link_type(c, where, c->last_dlt, problems);
	}
	*ret = (struct capture_packet){.bytes = p.bytes, .captured = p.captured, .wire = p.wire, .time_ns = p.time_ns};
	return 1;
}

int
capture_next(struct capture *c, struct problem_list *problems, struct capture_packet *ret)
{
	int got = c->pcap != NULL ? next_pcap(c, problems, ret) : next_pcapng(c, problems, ret);
	struct link link;

	if (got != 1)
		return got;
	c->packets++;
	link = link_of(c->last_dlt, ret->bytes, ret->captured);
	ret->skip = (uint32_t)link.skip;
	ret->ethertype = link.ethertype;
	return 1;
}
