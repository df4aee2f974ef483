// scenario-generate CAST OUTPUT: plays the cast (watchlist.csv, contacts.csv in the folder CAST) as a capture.
//
// Everything is derived from the cast and one fixed seed: the same cast gives the same bytes on every machine. The conversations are whole
// (handshake, data both ways, retransmissions, an end by FIN or RST, some SYNs that nobody answers) and stand amid harmless traffic. Payload is
// filler. Nothing is sent anywhere: the output is a file.
//
// Hosts: an organization has the fourteen addresses of its /28. The first row of contacts.csv that names it takes them from the
// first on, each later row from the last on, so that two controllers of one organization have different victims where there is room.

#include "csv.h"
#include "input.h"
#include "ip.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define S             INT64_C(1000000) // microseconds in a second
#define DAY           (86400 * S)
#define HOSTS         14
#define SESSION_EVERY (2 * DAY) // of an infected host, on average
#define BENIGN_A_DAY  9         // conversations of an organization

enum { FIN = 1, SYN = 2, RST = 4, PSH = 8, ACK = 16 };

// Cast -----------------------------------------------------------------------------------------------------------------------------

struct org {
	char id[64];
	uint32_t network; // host byte order
	unsigned rows;    // of contacts.csv that named it so far
};

struct contact {
	struct org *org; // NULL: none of its own
	char controller[64], what[160];
	uint32_t address; // of the controller; 0: "every controller"
	uint16_t port;
	bool udp;
	unsigned hosts;
	int64_t first, last; // of the days, microseconds
};

static struct org orgs[64];
static size_t n_orgs;
static struct contact contacts[128];
static size_t n_contacts;

static void __attribute__((noreturn)) die(const char *what)
{
	fprintf(stderr, "scenario-generate: %s\n", what);
	exit(1);
}

static uint32_t
parse_v4(const char *text, size_t len)
{
	struct ip_addr a;

	if (ip_parse(text, len, &a) < 0 || !ip_is_v4(&a))
		return 0;
	return (uint32_t)a.bytes[12] << 24 | (uint32_t)a.bytes[13] << 16 | (uint32_t)a.bytes[14] << 8 | a.bytes[15];
}

static int64_t
parse_day(const char *text)
{
	struct tm tm = {0};

	if (sscanf(text, "%d-%d-%d", &tm.tm_year, &tm.tm_mon, &tm.tm_mday) != 3)
		die("contacts.csv: no day");
	tm.tm_year -= 1900;
	tm.tm_mon -= 1;
	return timegm(&tm) * S;
}

static struct org *
find_org(const char *id)
{
	for (size_t i = 0; i < n_orgs; i++)
		if (strcmp(orgs[i].id, id) == 0)
			return &orgs[i];
	return NULL;
}

static void
take_org(const struct csv_row *row)
{
	struct org *o = &orgs[n_orgs++];
	const char *network = csv_get(row, 0).text;

	o->network = parse_v4(network, strcspn(network, "/"));
	snprintf(o->id, sizeof(o->id), "%s", csv_get(row, 1).text);
}

static void
take_contact(const struct csv_row *row)
{
	struct contact *c = &contacts[n_contacts++];
	const char *cells[9];

	for (int i = 0; i < 9; i++)
		cells[i] = csv_get(row, i).text;
	c->org = find_org(cells[0]);
	snprintf(c->controller, sizeof(c->controller), "%.63s", cells[1]);
	c->address = parse_v4(cells[1], strlen(cells[1]));
	c->port = (uint16_t)atoi(cells[2]);
	c->udp = strcmp(cells[3], "udp") == 0;
	c->hosts = (unsigned)atoi(cells[5]);
	c->first = parse_day(cells[6]);
	c->last = parse_day(cells[7]);
	snprintf(c->what, sizeof(c->what), "%s", cells[8]);
}

static void
read_csv(const char *folder, const char *name, size_t max, void (*take)(const struct csv_row *))
{
	struct csv_row row;
	struct problem_list problems = {0};
	struct input in;
	char path[1024], *line, *rest;
	size_t rows = 0;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	if (input_read(path, &problems, &in) < 0) {
		problem_print(&problems, stderr);
		exit(1);
	}
	rest = in.bytes;
	strsep(&rest, "\n"); // the header
	while ((line = strsep(&rest, "\n")) != NULL && rows < max)
		if (csv_split(line, strcspn(line, "\r"), &row) == 0 && row.n > 0 && ++rows > 0)
			take(&row);
	if (line != NULL)
		die("the cast is larger than the stage");
	// Cells were copied.
	input_free(&in);
}

// Packets --------------------------------------------------------------------------------------------------------------------------

struct packet {
	int64_t time; // microseconds since the epoch
	uint32_t serial, len;
	size_t offset; // in `bytes`
};

static struct packet *packets;
static size_t n_packets, max_packets;
static uint8_t *bytes;
static size_t n_bytes, max_bytes;
static uint64_t seed = 0x52415457;

// splitmix64 (Steele, Lea, Flood: "Fast Splittable Pseudorandom Number Generators", 2014)
static uint32_t
dice(uint32_t sides)
{
	uint64_t z = seed += 0x9E3779B97F4A7C15u;

	z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
	z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
	return (uint32_t)((z ^ (z >> 31)) >> 16) % sides;
}

static uint8_t *
append(int64_t time, size_t len)
{
	if (n_packets == max_packets) {
		max_packets = max_packets == 0 ? 1 << 18 : max_packets * 2;
		packets = reallocarray(packets, max_packets, sizeof(*packets));
	}
	while (n_bytes + len > max_bytes) {
		max_bytes = max_bytes == 0 ? 1 << 26 : max_bytes * 2;
		bytes = realloc(bytes, max_bytes);
	}
	if (packets == NULL || bytes == NULL)
		die("no memory");
	packets[n_packets] = (struct packet){time, (uint32_t)n_packets, (uint32_t)len, n_bytes};
	n_packets++;
	n_bytes += len;
	return memset(bytes + n_bytes - len, 0, len);
}

static void
put16(uint8_t *p, uint32_t n)
{
	p[0] = (uint8_t)(n >> 8);
	p[1] = (uint8_t)n;
}

static void
put32(uint8_t *p, uint32_t n)
{
	put16(p, n >> 16);
	put16(p + 2, n & 0xffff);
}

// RFC 1071
static uint32_t
sum(const uint8_t *p, size_t len, uint32_t s)
{
	for (; len > 1; p += 2, len -= 2)
		s += (uint32_t)p[0] << 8 | p[1];
	return len > 0 ? s + ((uint32_t)p[0] << 8) : s;
}

static uint32_t
fold(uint32_t s)
{
	while (s >> 16)
		s = (s & 0xffff) + (s >> 16);
	return ~s & 0xffff;
}

struct end {
	uint32_t address;
	uint16_t port;
};

// Customers with an odd number are behind a VLAN tag.
static size_t
put_ethernet(uint8_t *p, uint16_t vlan, uint16_t type)
{
	static const uint8_t macs[12] = {2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2}; // locally administered

	memcpy(p, macs, sizeof(macs));
	if (vlan != 0) {
		put16(p + 12, 0x8100);
		put16(p + 14, vlan);
		p += 4;
	}
	put16(p + 12, type);
	return vlan != 0 ? 18 : 14;
}

static void
put_ipv4(uint8_t *p, size_t len, uint8_t proto, uint32_t src, uint32_t dst)
{
	p[0] = 0x45;
	put16(p + 2, (uint32_t)len);
	put16(p + 4, dice(65536));
	put16(p + 6, 0x4000);
	p[8] = 64;
	p[9] = proto;
	put32(p + 12, src);
	put32(p + 16, dst);
	put16(p + 10, fold(sum(p, 20, 0)));
}

static void
put_checksum(uint8_t *ip, uint8_t *segment, size_t len, size_t at)
{
	put16(segment + at, fold(sum(segment, len, sum(ip + 12, 8, ip[9] + (uint32_t)len))));
}

static uint16_t
vlan_of(uint32_t a, uint32_t b)
{
	for (size_t i = 0; i < n_orgs; i++)
		if (i % 2 == 1 && ((a & ~15u) == orgs[i].network || (b & ~15u) == orgs[i].network))
			return (uint16_t)(100 + i);
	return 0;
}

static void
fill(uint8_t *p, size_t len)
{
	for (size_t i = 0; i < len; i++)
		p[i] = (uint8_t)("filler "[i % 7]);
}

// An IPv4 frame with room for a segment; returns the segment.
static uint8_t *
frame(int64_t time, uint32_t src, uint32_t dst, uint8_t proto, size_t len, uint8_t **ret_ip)
{
	uint16_t vlan = vlan_of(src, dst);
	uint8_t *p = append(time, (vlan != 0 ? 18u : 14u) + 20 + len);

	*ret_ip = p + put_ethernet(p, vlan, 0x0800);
	put_ipv4(*ret_ip, 20 + len, proto, src, dst);
	return *ret_ip + 20;
}

static void
tcp(int64_t time, struct end src, struct end dst, int flags, uint32_t seq, uint32_t ack, size_t payload)
{
	uint8_t *ip, *p = frame(time, src.address, dst.address, 6, 20 + payload, &ip);

	put16(p, src.port);
	put16(p + 2, dst.port);
	put32(p + 4, seq);
	put32(p + 8, flags & ACK ? ack : 0);
	p[12] = 5 << 4;
	p[13] = (uint8_t)flags;
	put16(p + 14, 29200);
	fill(p + 20, payload);
	put_checksum(ip, p, 20 + payload, 16);
}

static void
udp(int64_t time, struct end src, struct end dst, size_t payload)
{
	uint8_t *ip, *p = frame(time, src.address, dst.address, 17, 8 + payload, &ip);

	put16(p, src.port);
	put16(p + 2, dst.port);
	put16(p + 4, (uint32_t)(8 + payload));
	fill(p + 8, payload);
	put_checksum(ip, p, 8 + payload, 6);
}

static void
echo(int64_t time, uint32_t src, uint32_t dst, uint8_t type, uint16_t number)
{
	uint8_t *ip, *p = frame(time, src, dst, 1, 40, &ip);

	p[0] = type;
	put16(p + 6, number);
	fill(p + 8, 32);
	put16(p + 2, fold(sum(p, 40, 0)));
}

// Conversations --------------------------------------------------------------------------------------------------------------------

struct stream {             // one TCP conversation while it is played
	struct end ends[2]; // [0] opened it
	uint32_t seq[2];
	int64_t time;
};

static int64_t
pass(struct stream *s, uint32_t least_ms, uint32_t most_ms)
{
	return s->time += (int64_t)(least_ms + dice(most_ms - least_ms + 1)) * 1000 + dice(1000);
}

static void
say(struct stream *s, int who, int flags, size_t payload)
{
	tcp(s->time, s->ends[who], s->ends[!who], flags, s->seq[who], s->seq[!who], payload);
	s->seq[who] += (uint32_t)payload + ((flags & (SYN | FIN)) != 0);
}

static struct stream
meet(struct end client, struct end server, int64_t time)
{
	return (struct stream){.ends = {client, server}, .seq = {dice(UINT32_MAX), dice(UINT32_MAX)}, .time = time};
}

static void
shake_hands(struct stream *s)
{
	say(s, 0, SYN, 0);
	pass(s, 20, 180);
	say(s, 1, SYN | ACK, 0);
	pass(s, 1, 5);
	say(s, 0, ACK, 0);
}

// One message and its acknowledgement; now and then it is sent twice.
static void
send_data(struct stream *s, int who, size_t payload)
{
	uint32_t seq = s->seq[who];

	pass(s, 1, 60);
	say(s, who, PSH | ACK, payload);
	if (dice(25) == 0) {
		pass(s, 200, 300);
		tcp(s->time, s->ends[who], s->ends[!who], PSH | ACK, seq, s->seq[!who], payload);
	}
	pass(s, 20, 180);
	say(s, !who, ACK, 0);
}

static void
part(struct stream *s)
{
	pass(s, 5, 400);
	if (dice(5) == 0) {
		say(s, (int)dice(2), RST | ACK, 0);
		return;
	}
	say(s, 0, FIN | ACK, 0);
	pass(s, 20, 180);
	say(s, 1, FIN | ACK, 0);
	pass(s, 1, 5);
	say(s, 0, ACK, 0);
}

static void
session(struct end client, struct end server, int64_t time, unsigned exchanges)
{
	struct stream s = meet(client, server, time);

	shake_hands(&s);
	for (unsigned i = 0; i < exchanges; i++) {
		send_data(&s, 0, 80 + dice(400));
		send_data(&s, 1, 60 + dice(1200));
	}
	part(&s);
}

// A SYN, sent again after one and three seconds, that nobody answers.
static void
knock(struct end client, struct end server, int64_t time)
{
	struct stream s = meet(client, server, time);

	for (int64_t wait = 0; wait <= 3; wait = wait * 2 + 1)
		tcp(time + wait * S, client, server, SYN, s.seq[0], 0, 0);
}

static void
exchange_udp(struct end client, struct end server, int64_t time, unsigned exchanges)
{
	for (unsigned i = 0; i < exchanges; i++, time += S + dice(S)) {
		udp(time, client, server, 16 + dice(200));
		udp(time + (20 + dice(150)) * 1000, server, client, 16 + dice(600));
	}
}

static uint16_t
ephemeral(void)
{
	static uint16_t next = 49152;

	next = next == 65535 ? 49152 : (uint16_t)(next + 1);
	return next;
}

// Roles ----------------------------------------------------------------------------------------------------------------------------

static uint32_t
host(const struct org *o, unsigned i)
{
	return o->network + 1 + i % HOSTS;
}

static int64_t
working_hours(int64_t day)
{
	return day + 7 * 3600 * S + (int64_t)dice(10 * 3600) * S + dice(S);
}

static void
call_home(const struct contact *c, uint32_t victim, int64_t time)
{
	const struct end server = {c->address, c->port};

	if (c->udp) {
		exchange_udp((struct end){victim, ephemeral()}, server, time, 2 + dice(4));
		return;
	}
	if (dice(6) == 0) {
		knock((struct end){victim, ephemeral()}, server, time);
		time += 10 * S;
	}
	session((struct end){victim, ephemeral()}, server, time, 1 + dice(4));
}

// From the first day to the last: the first host begins and the last host ends.
static void
infected(struct contact *c)
{
	unsigned first = c->org->rows == 0 ? 0 : HOSTS - c->hosts;

	for (unsigned i = 0; i < c->hosts; i++) {
		uint32_t victim = host(c->org, first + i);
		int64_t day = c->first + (i == 0 ? 0 : (int64_t)dice(3) * DAY);

		for (; day < c->last; day += SESSION_EVERY / 2 + (int64_t)dice(2 * SESSION_EVERY / DAY) * DAY)
			call_home(c, victim, working_hours(day));
		if (i == c->hosts - 1 || dice(2) == 0)
			call_home(c, victim, working_hours(c->last));
	}
}

// Asks each controller once within an hour and never says a word.
static void
survey(const struct contact *c)
{
	uint32_t scanner = host(c->org, 0);
	int64_t time = c->first + 10 * 3600 * S;

	for (size_t i = 0; i < n_contacts; i++) {
		const struct end server = {contacts[i].address, contacts[i].port}, client = {scanner, ephemeral()};
		struct stream s = meet(client, server, time);

		if (server.address == 0 || server.port == 0 || strcmp(contacts[i].what, "two_way") != 0)
			continue;
		time += 60 * S;
		if (contacts[i].udp) {
			udp(time, client, server, 0);
			continue;
		}
		s.time = time;
		if (dice(4) == 0) {
			knock(client, server, time);
			continue;
		}
		shake_hands(&s);
		pass(&s, 1, 20);
		say(&s, 0, RST | ACK, 0);
	}
}

// The controller scans web servers: it opens, they answer.
static void
scanned(const struct contact *c)
{
	for (unsigned i = 0; i < c->hosts; i++)
		session((struct end){c->address, (uint16_t)(40000 + i)}, (struct end){host(c->org, i), 80},
			c->first + 3 * 3600 * S + i * 20 * S, 1);
}

static void
visits(const struct contact *c)
{
	for (unsigned i = 0; i < c->hosts; i++)
		session((struct end){host(c->org, HOSTS - c->hosts + i), ephemeral()},
			(struct end){c->address, c->port}, working_hours(c->first), 3);
}

// One conversation that is never silent for longer than twenty minutes.
static void
stay(const struct contact *c)
{
	struct stream s = meet((struct end){host(c->org, 0), ephemeral()}, (struct end){c->address, c->port},
			       c->first + 9 * 3600 * S);

	shake_hands(&s);
	while (s.time < c->last + 9 * 3600 * S) {
		send_data(&s, 0, 40);
		send_data(&s, 1, 40);
		s.time += (int64_t)(300 + dice(800)) * S;
	}
	part(&s);
}

static void
browse(const struct contact *c)
{
	for (unsigned i = 0; i < c->hosts; i++)
		for (int64_t day = c->first; day <= c->last; day += 3 * DAY)
			session((struct end){host(c->org, i), ephemeral()},
				(struct end){0xbe000000 + 1 + dice(250), 443}, working_hours(day), 2 + dice(3));
}

static void
play(struct contact *c)
{
	if (strncmp(c->what, "benign", 6) == 0)
		browse(c);
	else if (strncmp(c->what, "one session", 11) == 0)
		stay(c);
	else if (strncmp(c->what, "the web site", 12) == 0)
		visits(c);
	else if (strncmp(c->what, "opened by the controller", 24) == 0) {
		scanned(c);
	} else if (c->address == 0)
		survey(c);
	else
		infected(c);
	c->org->rows++;
}

// Harmless traffic -----------------------------------------------------------------------------------------------------------------

static void
put_ipv6_dns(int64_t time, unsigned org, bool answer)
{
	const uint8_t local[16] = {0x20, 0x01, 0x0d, 0xb8, 0, (uint8_t)org, [15] = 0x10};
	const uint8_t resolver[16] = {0x26, 0x20, 0, 0xfe, [15] = 0xfe};
	size_t len = 8 + 40 + (answer ? 80 : 0);
	uint8_t *p = append(time, 14 + 40 + len), *ip = p + put_ethernet(p, 0, 0x86dd), *segment = ip + 40;

	ip[0] = 0x60;
	put16(ip + 4, (uint32_t)len);
	ip[6] = 17;
	ip[7] = 64;
	memcpy(ip + 8, answer ? resolver : local, 16);
	memcpy(ip + 24, answer ? local : resolver, 16);
	put16(segment, answer ? 53 : 50000 + org);
	put16(segment + 2, answer ? 50000 + org : 53);
	put16(segment + 4, (uint32_t)len);
	fill(segment + 8, len - 8);
	put16(segment + 6, fold(sum(segment, len, sum(ip + 8, 32, 17 + (uint32_t)len))));
}

static void
harmless(const struct org *o, unsigned number, int64_t day)
{
	const struct end resolver = {0xbe000035, 53}; // 190.0.0.53
	uint32_t who = host(o, dice(HOSTS));
	int64_t time = working_hours(day);

	switch (dice(8)) {
	case 0:
		exchange_udp((struct end){who, ephemeral()}, resolver, time, 1);
		break;
	case 1:
		for (uint16_t i = 0; i < 4; i++) {
			echo(time + i * S, who, resolver.address, 8, i);
			echo(time + i * S + 30000, resolver.address, who, 0, i);
		}
		break;
	case 2:
		put_ipv6_dns(time, number, false);
		put_ipv6_dns(time + 40000, number, true);
		break;
	case 3:
		knock((struct end){who, ephemeral()}, (struct end){0xbe000100 + dice(60000), 8443}, time);
		break;
	default:
		session((struct end){who, ephemeral()}, (struct end){0xbe000100 + dice(60000), dice(4) ? 443 : 80},
			time, 1 + dice(6));
	}
}

static void
play_harmless(void)
{
	int64_t first = contacts[0].first, last = contacts[0].last;

	for (int64_t day = first; day <= last; day += DAY)
		for (size_t o = 0; o < n_orgs; o++)
			for (unsigned i = 0; i < BENIGN_A_DAY; i++)
				harmless(&orgs[o], (unsigned)o, day);
}

// Output ---------------------------------------------------------------------------------------------------------------------------

static int
by_time(const void *a, const void *b)
{
	const struct packet *x = a, *y = b;

	if (x->time != y->time)
		return x->time < y->time ? -1 : 1;
	return x->serial < y->serial ? -1 : 1;
}

static void
put_le(uint8_t *p, uint32_t n)
{
	for (int i = 0; i < 4; i++)
		p[i] = (uint8_t)(n >> (8 * i));
}

// The classic format, microseconds, little-endian whatever the machine (draft-ietf-opsawg-pcap).
static void
write_pcap(const char *path)
{
	uint8_t head[24] = {0xd4, 0xc3, 0xb2, 0xa1, 2, 0, 4, 0, [16] = 0xff, 0xff, [20] = 1}, record[16];
	FILE *f = fopen(path, "wb");
	bool failed = f == NULL || fwrite(head, sizeof(head), 1, f) != 1;

	qsort(packets, n_packets, sizeof(*packets), by_time);
	for (size_t i = 0; !failed && i < n_packets; i++) {
		put_le(record, (uint32_t)(packets[i].time / S));
		put_le(record + 4, (uint32_t)(packets[i].time % S));
		put_le(record + 8, packets[i].len);
		put_le(record + 12, packets[i].len);
		failed = fwrite(record, sizeof(record), 1, f) != 1 ||
			 fwrite(bytes + packets[i].offset, packets[i].len, 1, f) != 1;
	}
	if (failed || fclose(f) != 0) {
		fprintf(stderr, "scenario-generate: %s: %s\n", path, strerror(errno));
		exit(1);
	}
}

int
main(int argc, char **argv)
{
	if (argc != 3) {
		fputs("usage: scenario-generate CAST_FOLDER OUTPUT.pcap\n", stderr);
		return 2;
	}
	read_csv(argv[1], "watchlist.csv", sizeof(orgs) / sizeof(orgs[0]), take_org);
	read_csv(argv[1], "contacts.csv", sizeof(contacts) / sizeof(contacts[0]), take_contact);
	for (size_t i = 0; i < n_contacts; i++) {
		if (contacts[i].org == NULL)
			die("contacts.csv names an organization that watchlist.csv does not");
		play(&contacts[i]);
	}
	play_harmless();
	write_pcap(argv[2]);
	printf("%zu packets\n", n_packets);
	free(packets);
	free(bytes);
	return 0;
}
