#!/usr/bin/env python3
"""One direction is enough.

Each direction of every TCP conversation is stripped in turn: a capture becomes two, of the packets from the lower end to the higher and of those
back. The evidence from either half equals the evidence from both for at least 95 % of the contacts, and is never higher; contacts
of a half are marked one-way. Of those that were met after their start, and of which there are but two packets, one alone proves nothing: so the
part is also measured, and required, of those whose start was seen.

The scenario, and every capture of RATWATCH_TEST_DATA/pcaps; there the list names every address of the capture, so that each of its TCP
conversations is a contact.
"""

import ipaddress
import json
import os
import struct
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), '..', 'e2e'))
import harness as h

DATA = os.environ.get('RATWATCH_TEST_DATA')
# Those of `derived` are one conversation in many tunnels. ThreadSanitizer needs a second for each start: there a few folders do.
FOLDERS = os.environ.get('RATWATCH_CAPTURES', 'malware mix tcp benign frag encap formats truncated').split()
CAST = os.path.join(h.SOURCE, 'scenario')
EVIDENCE = ['attempt', 'answered', 'two_way']
TAGS = {0x8100: 4, 0x88a8: 4, 0x9100: 4}
LEAST = 0.95


# Captures ---------------------------------------------------------------------------------------------------------------

def ip_of(link, frame):
    """The outermost IP header; b'' when there is none that this script knows."""
    if link == 101:
        return frame
    at = {1: 12, 113: 14}.get(link)
    if at is None or len(frame) < at + 2:
        return b''
    kind = struct.unpack_from('>H', frame, at)[0]
    while kind in TAGS and len(frame) >= at + 6:
        at += 4
        kind = struct.unpack_from('>H', frame, at)[0]
    at += 2
    if kind == 0x8864:  # PPPoE, then the protocol of PPP
        at += 8
    elif kind == 0x8847:
        while len(frame) >= at + 4 and not frame[at + 2] & 1:
            at += 4
        at += 4
    elif kind not in (0x0800, 0x86dd):
        return b''
    return frame[at:]


def ends_of(link, frame):
    """Addresses and ports of the sender and the receiver, and whether they speak TCP."""
    p = ip_of(link, frame)
    if len(p) >= 20 and p[0] >> 4 == 4:
        n = 4 * (p[0] & 15)
        ports = (p[n:n + 2], p[n + 2:n + 4]) if not struct.unpack_from('>H', p, 6)[0] & 0x1fff else (b'', b'')
        return (p[12:16], ports[0]), (p[16:20], ports[1]), p[9] == 6
    if len(p) >= 40 and p[0] >> 4 == 6:
        return (p[8:24], p[40:42]), (p[24:40], p[42:44]), p[6] == 6
    return None


def records(data):
    """Each piece of the file, and (link type, frame) where it is a packet."""
    magic = data[:4]
    if magic in (b'\xd4\xc3\xb2\xa1', b'\xa1\xb2\xc3\xd4', b'\x4d\x3c\xb2\xa1', b'\xa1\xb2\x3c\x4d'):
        order = '<' if magic[0] in (0xd4, 0x4d) else '>'
        link = struct.unpack_from(order + 'I', data, 20)[0] & 0xffff
        yield data[:24], None
        at = 24
        while at + 16 <= len(data):
            n = struct.unpack_from(order + 'I', data, at + 8)[0]
            yield data[at:at + 16 + n], (link, data[at + 16:at + 16 + n])
            at += 16 + n
    elif magic == b'\x0a\x0d\x0d\x0a':
        yield from blocks(data)


def blocks(data):
    at, links, order = 0, [], '<'
    while at + 12 <= len(data):
        if data[at:at + 4] == b'\x0a\x0d\x0d\x0a':
            order = '<' if data[at + 8:at + 12] == b'\x4d\x3c\x2b\x1a' else '>'
            links = []
        kind, n = struct.unpack_from(order + 'II', data, at)
        packet = None
        if kind == 1:
            links.append(struct.unpack_from(order + 'H', data, at + 8)[0])
        elif kind == 6:
            interface, _, _, captured = struct.unpack_from(order + 'IIII', data, at + 8)
            packet = (links[interface], data[at + 28:at + 28 + captured])
        yield data[at:at + n], packet
        at += n


def split(capture, halves):
    """Writes the two halves and returns the addresses of the TCP conversations. What is no IP is in both."""
    addresses = set()
    with open(capture, 'rb') as f:
        data = f.read()
    files = [open(path, 'wb') for path in halves]
    for piece, packet in records(data):
        ends = ends_of(*packet) if packet else None
        for i, f in enumerate(files):
            if ends is None or (ends[0] > ends[1]) == bool(i):
                f.write(piece)
        if ends and ends[2]:
            addresses |= {ends[0][0], ends[1][0]}
    for f in files:
        f.close()
    return addresses


# Contacts ---------------------------------------------------------------------------------------------------------------

def contacts(folder, capture, argv):
    """The TCP contacts, by tuple whatever its direction, in the order of time; None: a link type that is refused."""
    run = subprocess.run([h.RATWATCHD, '-r', capture, *argv, '-o', 'json', '--contacts', '--workers', '1'], cwd=folder.path,
                         capture_output=True, text=True)
    if run.returncode == 2 and 'link type' in run.stderr:
        return None
    assert run.returncode == 0, (capture, run.stderr)
    found = {}
    for c in json.loads(run.stdout)['contacts']:
        if c['protocol'] == 'tcp' and not c['portless']:
            ends = sorted([(c['victim'], c['victim_port']), (c['controller'], c['controller_port'])])
            found.setdefault(tuple(ends), []).append(c)
    return found


class Score:
    def __init__(self):
        self.contacts, self.equal = {'missed': 0, 'seen': 0}, {'missed': 0, 'seen': 0}
        self.worse = []

    def compare(self, name, whole, half):
        """What is in a tunnel whose ends look the same in both directions was not stripped: it is left out."""
        for ends, mine in half.items():
            if any(c['packets_out'] and c['packets_in'] for c in mine):
                continue
            both = whole[ends]
            for i, c in enumerate(mine):
                # A half that takes two contacts for one has the evidence of the best of them.
                of = both[i:i + 1] if len(mine) == len(both) else both
                best = max(EVIDENCE.index(b['evidence']) for b in of) if of else 0
                got = EVIDENCE.index(c['evidence'])
                assert got <= best, ('%s: higher than from both' % name, c, of)
                assert c['view'] == 'one-way' or got == 0, ('%s: not marked' % name, c)
                start = both[0]['start']
                self.contacts[start] += 1
                self.equal[start] += got == best and len(mine) == len(both)
                if got < best or len(mine) != len(both):
                    self.worse.append((name, EVIDENCE[got], EVIDENCE[best], len(mine), len(both), c))

    def show(self, what):
        if os.environ.get('RATWATCH_VERBOSE'):
            for worse in self.worse:
                print(*worse)
        for which, starts in (('', ('missed', 'seen')), (' whose start was seen', ('seen',))):
            equal, all_of = sum(self.equal[k] for k in starts), sum(self.contacts[k] for k in starts)
            print('%s: %d of %d contacts%s have the same evidence from one direction as from both: %.2f %%' % (
                what, equal, all_of, which, 100 * equal / all_of))
            assert equal / all_of >= LEAST, self.worse[:20]


def measure(folder, name, capture, argv_of, score):
    halves = [os.path.join(folder.path, half) for half in ('up.pcap', 'down.pcap')]
    addresses = split(capture, halves)
    if not addresses:
        return
    argv = argv_of(addresses)
    whole = contacts(folder, capture, argv)
    if not whole:
        return
    for half in halves:
        score.compare(name, whole, contacts(folder, half, argv))


def scenario(folder, score):
    capture = os.path.join(folder.path, 'demo.pcap')
    subprocess.run([os.path.join(h.BUILD, 'scenario', 'scenario-generate'), CAST, capture], check=True, stdout=subprocess.DEVNULL)
    measure(folder, 'demo', capture, lambda _: ['-c', os.path.join(CAST, 'demo.yaml')], score)


def is_unicast(address):
    a = ipaddress.ip_address(address)
    return not (a.is_multicast or a.is_unspecified or address == b'\xff' * 4)


def list_of(folder, c2):
    def argv(addresses):
        lines = [str(ipaddress.ip_address(a)) for a in sorted(addresses) if is_unicast(a)]
        folder.file('all.txt', '\n'.join(lines or ['192.0.2.1']) + '\n')
        lists = ['-f', 'all.txt'] + (['-f', c2] if os.path.exists(c2) else [])
        return [*lists, '--set', 'indicators.allow_special=true']
    return argv


def captures(folder, score):
    for of in FOLDERS:
        path = os.path.join(DATA, 'pcaps', of)
        for name in sorted(os.listdir(path)):
            base, ext = os.path.splitext(name)
            if ext in ('.pcap', '.pcapng', '.cap'):
                measure(folder, of + '/' + name, os.path.join(path, name), list_of(folder, os.path.join(path, base + '.c2.txt')), score)


def main():
    with h.Folder() as folder:
        score = Score()
        scenario(folder, score)
        score.show('scenario')
        if not DATA or not os.path.isdir(os.path.join(DATA, 'pcaps')):
            print('RATWATCH_TEST_DATA is not set: no real captures')
            return
        captures(folder, score)
        score.show('scenario and captures')


main()
