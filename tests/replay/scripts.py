#!/usr/bin/env python3
"""Random conversations, whose truth is known because they were made from it.

Each script plays one pair of ports (TCP, UDP, ICMP; opened by the victim or by the controller, or met after the start; unanswered,
reset, half open, silent beyond its limits, ports used again; retransmissions, keep-alives, neighbours captured in the wrong order; both ends
listed) and says what contacts must come of it. Nothing here looks at a packet to find that out. The whole report must agree, and be the same
bytes for 1, 2 and 4 workers and however the packets come together: from a file, or through a pipe by one or a few.

RATWATCH_SCRIPTS: how many (300). RATWATCH_SEED: of the first round (1).
"""

import collections
import datetime
import json
import os
import random
import struct
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), '..', 'e2e'))
import harness as h

S = 1_000_000  # time is in microseconds
START = 1_600_000_000 * S
ROUND = 300  # scripts in one capture
RST = 4
HALF_OPEN, OPEN, OTHER = 60 * S, 3600 * S, 300 * S
PROTOCOLS = {'icmp': 1, 'tcp': 6, 'udp': 17}


class Contact:
    """What must be reported of one conversation."""

    def __init__(self, script, opener, start, protocol=None, ports=True):
        self.script, self.opener, self.start = script, opener, start
        self.protocol, self.ports = protocol or script.protocol, ports
        self.evidence = 'attempt'
        self.packets, self.bytes, self.payload = [0, 0], [0, 0], [0, 0]
        self.times = []
        script.contacts.append(self)

    def add(self, sender, frame, payload, time):
        self.packets[sender] += 1
        self.bytes[sender] += len(frame)
        self.payload[sender] += payload
        self.times.append(time)

    def hours(self):
        return {t // (3600 * S) for t in self.times}

    def row(self):
        s = self.script
        order = (0, 1)
        opener = self.opener
        if s.both_listed and opener is None:
            order = (0, 1) if h.socket.inet_aton(s.address[0]) < h.socket.inet_aton(s.address[1]) else (1, 0)
        elif s.both_listed:
            order, opener = ((0, 1) if opener == 0 else (1, 0)), 0
        v, c = order
        port = lambda end: s.port[end] if self.ports else 0
        return (s.address[v], port(v), s.address[c], port(c), self.protocol, 'exact' if self.ports and s.exact and c == 1 else 'address',
                'unknown' if opener is None else ('victim', 'controller')[opener], self.evidence, self.start,
                self.packets[v], self.packets[c], self.bytes[v], self.bytes[c], self.payload[v], self.payload[c],
                text_of(min(self.times)), text_of(max(self.times)))


KEYS = ('victim victim_port controller controller_port protocol match opener evidence start packets_out packets_in bytes_out '
        'bytes_in payload_out payload_in first last').split()


def text_of(time):
    text = datetime.datetime.fromtimestamp(time // S, datetime.timezone.utc).strftime('%Y-%m-%dT%H:%M:%S')
    fraction = ('%06d' % (time % S)).rstrip('0')
    return text + ('.' + fraction if fraction else '') + 'Z'


class Script:
    """Ends: 0 is the victim, 1 the controller."""

    def __init__(self, dice, number):
        self.dice, self.contacts, self.packets = dice, [], []
        self.protocol = dice.choice(['tcp'] * 6 + ['udp'] * 2 + ['icmp'])
        self.address = ['100.64.%d.%d' % divmod(number + 1, 250), '198.18.%d.%d' % divmod(number + 1, 250)]
        self.exact = self.protocol != 'icmp' and dice.random() < 0.5
        self.both_listed = self.protocol == 'tcp' and dice.random() < 0.1
        self.port = [dice.randrange(1024, 65536), dice.choice([80, 443, 7080, 16471])] if self.protocol != 'icmp' else [0, 0]
        self.vlan = [dice.choice([None, None, None, 100]), dice.choice([None, None, None, 200])]  # two fibres
        self.time = START + dice.randrange(0, 6 * 3600 * S)
        getattr(self, self.protocol)()

    def listed(self):
        lines = [self.address[1] + (':%d' % self.port[1] if self.exact else '')]
        return lines + ([self.address[0]] if self.both_listed else [])

    def wait(self, least, most):
        self.time += self.dice.randrange(least, most + 1)

    def put(self, contact, sender, frame, payload):
        frame = h.tagged(frame, self.vlan[sender]) if self.vlan[sender] else frame
        contact.add(sender, frame, payload, self.time)
        self.packets.append([self.time, len(self.packets), frame])
        self.wait(1, 200)

    # TCP ------------------------------------------------------------------------------------------------------------------

    def segment(self, contact, sender, flags, seq, ack, payload=0):
        a, b = sender, 1 - sender
        frame = h.tcp(self.address[a], self.port[a], self.address[b], self.port[b], flags, seq % 2**32,
                      ack % 2**32 if flags & h.ACK else 0, bytes(payload))
        self.put(contact, sender, frame, payload)

    def say(self, contact, sender, flags, payload=0):
        self.segment(contact, sender, flags, self.next[sender], self.next[1 - sender], payload)
        self.next[sender] += payload + (1 if flags & (h.SYN | h.FIN) else 0)

    def tcp(self):
        opener = self.dice.choice([0, 0, 0, 1])  # two that open within a minute may do so at once: that is one conversation
        for n in range(self.dice.choice([1, 1, 2, 3])):
            if n == 0 and self.dice.random() < 0.2:
                contact = self.met_late()
            else:
                contact = self.opened(opener)
            if contact:
                self.talk(contact)
            self.wait(S, 30 * S)

    def opened(self, opener):
        """Returns the contact when its handshake was done."""
        dice, other = self.dice, 1 - opener
        # Far from each other, so that no number of one conversation fits another.
        self.next = [dice.randrange(2**32), dice.randrange(2**32)]
        contact = Contact(self, opener, 'seen')
        isn = self.next[opener]
        for wait in dice.choice([[], [], [1], [1, 2]]):
            self.segment(contact, opener, h.SYN, isn, 0)
            self.time += wait * S
        first = len(self.packets)
        self.say(contact, opener, h.SYN)
        how = dice.choice(['done'] * 5 + ['silence', 'again', 'reset', 'half'])
        if how == 'again':  # the same SYN after the limit
            self.time = self.packets[-1][0] + HALF_OPEN + dice.choice([0, 1])
            contact = contact if self.time - self.packets[-1][0] == HALF_OPEN else Contact(self, opener, 'seen')
            self.segment(contact, opener, h.SYN, isn, 0)
        elif how == 'reset':
            self.segment(contact, other, RST | h.ACK, 0, isn + 1)
        elif how in ('half', 'done'):
            self.say(contact, other, h.SYN | h.ACK)
            self.say(contact, opener, RST if how == 'half' else h.ACK)
        if how in ('half', 'done'):
            self.disorder(first)
        if how != 'done':
            return None
        contact.evidence = 'answered'
        return contact

    def met_late(self):
        """Both ends say something; who opened it is known by the port only."""
        self.next = [self.dice.randrange(2**32), self.dice.randrange(2**32)]
        contact = Contact(self, self.opener_by_port(), 'missed')
        self.both_speak(contact)
        return contact

    def opener_by_port(self):
        return 0 if self.exact else None

    def both_speak(self, contact):
        first = self.dice.choice([0, 1])
        self.say(contact, first, h.ACK)
        self.say(contact, 1 - first, h.ACK)
        contact.evidence = 'answered'

    def talk(self, contact):
        dice, spoke = self.dice, [False, False]
        for _ in range(dice.randrange(6)):
            who, begin = dice.choice([0, 1]), len(self.packets)
            size = dice.randrange(2, 1000)
            step = dice.choice(['data'] * 5 + ['again', 'keep-alive', 'pause', 'limit', 'beyond'])
            if step in ('data', 'again'):
                self.say(contact, who, h.ACK | h.PSH, size)
                if step == 'again':
                    self.segment(contact, who, h.ACK | h.PSH, self.next[who] - size, self.next[1 - who], size)
                self.say(contact, 1 - who, h.ACK)
                spoke[who] = True
                self.disorder(begin)
            elif step == 'keep-alive':
                self.segment(contact, who, h.ACK, self.next[who] - 1, self.next[1 - who], dice.choice([0, 1]))
                self.say(contact, 1 - who, h.ACK)
            else:
                last = max(contact.times)
                self.time = last + {'pause': dice.randrange(S, OPEN), 'limit': OPEN, 'beyond': OPEN + 1}[step]
                if step == 'beyond':
                    contact, spoke = Contact(self, self.opener_by_port(), 'missed'), [False, False]
                self.both_speak(contact)
            if all(spoke):
                contact.evidence = 'two_way'
        self.part(contact)

    def part(self, contact):
        how, who = self.dice.choice(['fin', 'reset', 'nothing']), self.dice.choice([0, 1])
        if how == 'fin':
            self.say(contact, who, h.FIN | h.ACK)
            self.say(contact, 1 - who, h.FIN | h.ACK)
            self.say(contact, who, h.ACK)
        elif how == 'reset':
            self.say(contact, who, RST | h.ACK)

    def disorder(self, first):
        """Two neighbours of a burst change places; their times stay."""
        if len(self.packets) - first >= 2 and self.dice.random() < 0.3:
            i = self.dice.randrange(first, len(self.packets) - 1)
            a, b = self.packets[i], self.packets[i + 1]
            a[2], b[2] = b[2], a[2]

    # Others ---------------------------------------------------------------------------------------------------------------

    def udp(self):
        first = self.dice.choice([0, 0, 1])
        for _ in range(self.dice.choice([1, 2, 3])):
            contact = Contact(self, 0 if self.exact else first, None)
            self.exchange(contact, first, self.datagram)
            self.time = max(contact.times) + OTHER + self.dice.choice([1, S])
        if self.dice.random() < 0.2:
            error = Contact(self, None, None, 'icmp', ports=False)
            quoted = h.ip(self.address[0], self.address[1], 17, h.udp(*self.port, bytes(8)))
            self.put(error, 1, h.ethernet(h.ip(self.address[1], self.address[0], 1, b'\x03\x03' + bytes(6) + quoted)), 0)

    def icmp(self):
        first = self.dice.choice([0, 0, 1])
        for _ in range(self.dice.choice([1, 2])):
            contact = Contact(self, first, None)
            self.exchange(contact, first, self.echo)
            contact.evidence = min(contact.evidence, 'answered', key=['attempt', 'answered', 'two_way'].index)
            self.time = max(contact.times) + OTHER + 1

    def exchange(self, contact, first, send):
        said = [0, 0]
        send(contact, first, said)
        for _ in range(self.dice.randrange(5)):
            self.wait(1, OTHER - 1000)
            send(contact, self.dice.choice([0, 1]), said)
        if all(contact.packets):
            contact.evidence = 'two_way' if all(said) else 'answered'

    def datagram(self, contact, sender, said):
        size = self.dice.choice([0, 20, 500])
        said[sender] += size
        a, b = sender, 1 - sender
        self.put(contact, sender, h.ethernet(h.ip(self.address[a], self.address[b], 17, h.udp(self.port[a], self.port[b], bytes(size)))), size)

    def echo(self, contact, sender, said):
        said[sender] += 1
        kind = b'\x08' if sender == contact.opener else b'\x00'
        packet = h.ip(self.address[sender], self.address[1 - sender], 1, kind + bytes(39))
        self.put(contact, sender, h.ethernet(packet), 0)


def totals_of(contacts):
    n = collections.Counter()
    for c in contacts:
        opener = c.opener
        inbound = opener == 1 and not c.script.both_listed
        n['contacts'] += 1
        n['attempts'] += opener is not None and not inbound
        n['inbound'] += inbound
        n['inbound_answered' if inbound else 'answered'] += c.evidence != 'attempt'
        n['two_way'] += c.evidence == 'two_way' and not inbound
        n['active'] += len(c.hours())
    return n


def write(path, scripts):
    packets = sorted((p[0], i, p[1], p[2]) for i, s in enumerate(scripts) for p in s.packets)
    chunks = [struct.pack('<IHHiIII', 0xa1b2c3d4, 2, 4, 0, 0, 65535, 1)]
    chunks += [struct.pack('<IIII', t // S, t % S, len(f), len(f)) + f for t, _, _, f in packets]
    with open(path, 'wb') as f:
        f.write(b''.join(chunks))
    return chunks


def command(workers, capture):
    return [h.RATWATCHD, '-r', capture, '-f', 'feed.txt', '--set', 'indicators.allow_special=true', '-o', 'json', '--contacts',
            '--workers', str(workers)]


def replay(folder, workers):
    run = subprocess.run(command(workers, 'scripts.pcap'), cwd=folder.path, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    return run.stdout


def pour(folder, workers, chunks, at_once):
    """Through a pipe, so many packets in one write: the reader, and so the workers, find no more than that."""
    with subprocess.Popen(command(workers, '-'), cwd=folder.path, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0) as run:
        for i in range(0, len(chunks), at_once):
            run.stdin.write(b''.join(chunks[i:i + at_once]))
        run.stdin.close()
        out = run.stdout.read().decode()
    assert run.returncode == 0
    return out.replace('"-"', '"scripts.pcap"', 1)


def check(folder, seed, n, ways):
    dice = random.Random(seed)
    scripts = [Script(dice, i) for i in range(n)]
    contacts = [c for s in scripts for c in s.contacts]
    chunks = write(os.path.join(folder.path, 'scripts.pcap'), scripts)
    folder.file('feed.txt', '\n'.join(line for s in scripts for line in s.listed()) + '\n')
    one = replay(folder, 1)
    report = json.loads(one)
    got, want = (collections.Counter(x) for x in ((tuple(c[k] for k in KEYS) for c in report['contacts']), (c.row() for c in contacts)))
    if got != want:
        print('seed %d: reported and not expected:' % seed, *sorted((got - want), key=str)[:5], sep='\n  ')
        print('expected and not reported:', *sorted((want - got), key=str)[:5], sep='\n  ')
        sys.exit(1)
    for key, value in totals_of(contacts).items():
        assert report['totals'][key] == value, (seed, key, report['totals'][key], value)
    assert report['totals']['packets_out'] + report['totals']['packets_in'] == len(chunks) - 1
    for workers in ways['workers']:
        assert replay(folder, workers) == one, 'seed %d: %d workers give another report' % (seed, workers)
    for at_once in ways['at_once']:
        assert pour(folder, 2, chunks, at_once) == one, 'seed %d: another report by %d packets' % (seed, at_once)
    return len(contacts)


def main():
    left, seed = int(os.environ.get('RATWATCH_SCRIPTS', '300')), int(os.environ.get('RATWATCH_SEED', '1'))
    contacts = scripts = 0
    with h.Folder() as folder:
        while left > 0:
            first = scripts == 0
            ways = {'workers': (2, 4) if first else (3,), 'at_once': (1, 7) if first else ()}
            contacts += check(folder, seed, min(left, ROUND), ways)
            scripts += min(left, ROUND)
            left, seed = left - ROUND, seed + 1
    print('%d scripts, %d contacts' % (scripts, contacts))


main()
