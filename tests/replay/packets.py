#!/usr/bin/env python3
"""Captures as people keep them, and packets as a tap carries them: gzip, pipes, pcapng with several link types; tunnels and `match`;
fragments in and out of order, tiny and overlapping. The same contact comes out, or what came out is named."""

import gzip
import json
import os
import re
import struct
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), '..', 'e2e'))
import harness as h

VICTIM, C2, OUTER = '192.0.2.1', '198.18.7.7', '198.18.7.8'


def replay(folder, *argv, stdin=None, workers=1):
    run = subprocess.run([h.RATWATCHD, *argv, '-f', 'feed.txt', '--set', 'indicators.allow_special=true', '-o', 'json', '--contacts',
                          '--workers', str(workers)], cwd=folder.path, capture_output=True, input=stdin)
    assert run.returncode == 0, run.stderr
    return json.loads(run.stdout)


def block(kind, body):
    body += bytes(-len(body) % 4)
    return struct.pack('<II', kind, len(body) + 12) + body + struct.pack('<I', len(body) + 12)


def pcapng(frames):
    """Interface 0 is Ethernet, 1 raw IP, 2 Linux cooked; the frames go to them in turn."""
    out = block(0x0a0d0d0a, struct.pack('<IHHq', 0x1a2b3c4d, 1, 0, -1))
    for link in (1, 101, 113):
        out += block(1, struct.pack('<HHI', link, 0, 0))
    for i, frame in enumerate(frames):
        data = [frame, frame[14:], bytes(14) + frame[12:]][i % 3]
        out += block(6, struct.pack('<IIIII', i % 3, *divmod(1_600_000_000_000_000 + i, 1 << 32), len(data), len(data)) + data)
    return out


def inputs(folder):
    frames = h.conversation(VICTIM, 40000, C2, 443)
    plain = open(h.write_pcap(os.path.join(folder.path, 'plain.pcap'), frames), 'rb').read()
    folder.file('plain.pcap.gz', gzip.compress(plain))
    folder.file('several.pcapng', pcapng(frames))
    folder.file('several.pcapng.gz', gzip.compress(pcapng(frames)))
    for argv, stdin in ((['-r', 'plain.pcap'], None), (['-r', 'plain.pcap.gz'], None), (['-r', '-'], plain),
                        (['-r', '-'], gzip.compress(plain)), (['-r', 'several.pcapng'], None), (['-r', 'several.pcapng.gz'], None)):
        report = replay(folder, *argv, stdin=stdin)
        assert len(report['contacts']) == 1, (argv, report['contacts'])
        contact = report['contacts'][0]
        assert (contact['evidence'], contact['packets_out'], contact['packets_in']) == ('two_way', 6, 4), (argv, contact)
        assert report['capture']['packets'] == 10 and report['capture']['residual'] == 0


def numbers_of_the_file(folder):
    """Seconds without a sign (2040), and each number that raw IP has gone by."""
    frames = h.conversation(VICTIM, 40000, C2, 443)
    h.write_pcap(os.path.join(folder.path, 'late.pcap'), frames, start=2_208_988_800)
    assert replay(folder, '-r', 'late.pcap')['contacts'][0]['first'] == '2040-01-01T00:00:00Z'
    for link in (12, 14, 101):
        h.write_pcap(os.path.join(folder.path, 'raw.pcap'), [f[14:] for f in frames], link=link)
        assert replay(folder, '-r', 'raw.pcap')['contacts'][0]['evidence'] == 'two_way', link


def vxlan(frame, vni, src, dst):
    return h.ethernet(h.ip(src, dst, 17, h.udp(50000, 4789, struct.pack('>II', 0x08000000, vni << 8) + frame)))


def layers(folder):
    inner = h.conversation(VICTIM, 40000, C2, 443)
    h.write_pcap(os.path.join(folder.path, 'vxlan.pcap'), [h.tagged(vxlan(f, 77, '192.0.2.9', OUTER), 100) for f in inner])
    for match, controllers, tunnel in (('any', {C2}, 'vlan:100/vxlan:77'), ('inner', {C2}, 'vlan:100/vxlan:77'),
                                       ('outer', {OUTER}, 'vlan:100')):
        for workers in (1, 3):
            report = replay(folder, '-r', 'vxlan.pcap', '--set', 'capture.match=' + match, workers=workers)
            assert {c['controller'] for c in report['contacts']} == controllers, (match, report['contacts'])
            assert {c['tunnel'] for c in report['contacts']} == {tunnel}, (match, report['contacts'])
            assert sum(c['packets_out'] + c['packets_in'] for c in report['contacts']) == 10
            assert report['totals']['contacts'] == 1


def fragment(identification, at, data, more):
    return h.ethernet(h.ip(VICTIM, C2, 17, data, identification=identification, fragment=(0x2000 if more else 0) | at // 8))


def fragments(folder):
    datagram = h.udp(40000, 443, bytes(56))  # 64 bytes
    whole = [fragment(1, 0, datagram[:32], True), fragment(1, 32, datagram[32:], False)]
    cases = {
        'in order': (whole, 1, 0, {}),
        'out of order': (whole[::-1], 2, 1, {'fragment_unresolved': 1, 'portless': 1}),
        'tiny': ([fragment(1, 0, datagram[:7], True), fragment(1, 8, datagram[8:], False)], 1, 1,
                 {'fragment_tiny': 1, 'fragment_unresolved': 2, 'portless': 2}),
        'overlap': ([whole[0], fragment(1, 8, datagram[8:32], True), whole[1]], 2, 1,
                    {'fragment_overlap': 1, 'fragment_unresolved': 2, 'portless': 2}),
    }
    for name, (frames, entries, portless, notes) in cases.items():
        h.write_pcap(os.path.join(folder.path, 'fragments.pcap'), frames)
        report = replay(folder, '-r', 'fragments.pcap')
        got = report['contacts']
        assert len(got) == entries and sum(c['portless'] for c in got) == portless, (name, got)
        assert sum(c['packets_out'] for c in got) == len(frames), (name, got)
        assert report['totals']['contacts'] == entries - portless, (name, report['totals'])
        said = report['capture']['notes']
        for note in ('fragment_tiny', 'fragment_overlap', 'fragment_unresolved', 'portless'):
            assert said[note] == notes.get(note, 0), (name, note, said)
        assert said['fragments'] == len(frames), (name, said)


def examples():
    """A packet for each verdict and note but `snap_cut`, which is of the file, and `overflow`, which takes a full table."""
    datagram = h.udp(40000, 443, bytes(56))
    to_c2 = lambda protocol, payload: h.ip(VICTIM, C2, protocol, payload)
    five_times = to_c2(17, datagram)
    for _ in range(4):
        five_times = to_c2(4, five_times)
    jumbo = b'\x06\x00\xc2\x04' + struct.pack('>I', 100_000)
    return {
        'probed': h.ethernet(to_c2(17, datagram)),
        'not_ip': bytes(12) + b'\x08\x06' + bytes(46),
        'truncated': h.ethernet(to_c2(17, datagram))[:30],
        'malformed': h.ethernet(b'\x44' + to_c2(17, datagram)[1:]),
        'too_deep': bytes(12) + 24 * b'\x81\x00\x00\x01' + b'\x08\x00' + to_c2(17, datagram),
        'inner_not_ip': vxlan(bytes(12) + b'\x08\x06' + bytes(46), 1, VICTIM, C2),
        'inner_truncated': h.ethernet(to_c2(47, bytes(40)))[:36],
        'inner_malformed': vxlan(h.ethernet(bytes(40)), 1, VICTIM, C2),
        'inner_too_deep': h.ethernet(five_times),
        'jumbogram': bytes(12) + b'\x86\xdd\x60' + bytes(6) + b'\x40' + bytes(32) + jumbo + bytes(20),
        'fragment_tiny': fragment(1, 0, datagram[:7], True),
        'quoted': h.ethernet(to_c2(1, b'\x03\x03' + bytes(6) + to_c2(17, datagram)[:28])),
        'fragments': fragment(2, 0, datagram[:32], True),
        'fragment_overlap': fragment(2, 8, datagram[8:32], True),
        'fragment_unresolved': fragment(3, 32, datagram[32:], False),
        'portless': h.ethernet(to_c2(17, datagram))[:36],
    }


def documented():
    """The names in docs/packets.md: of the verdicts, of the notes."""
    with open(os.path.join(h.SOURCE, 'docs', 'packets.md')) as f:
        equation = f.read().split('## The equation')[1].split('## Encapsulations')[0]
    return [re.findall(r'^\| `(\w+)` \|', table, re.M) for table in equation.split('| note |')]


def words(folder):
    """Each verdict and note is in the document and in both forms of the report, under the same name."""
    frames = examples()
    path = h.write_pcap(os.path.join(folder.path, 'words.pcap'), frames.values())
    with open(path, 'ab') as f:
        f.write(struct.pack('<IIII', 1_600_000_001, 0, 60, 74) + frames['probed'][:60])
    capture = replay(folder, '-r', 'words.pcap')['capture']
    assert [list(capture['verdicts']), list(capture['notes'])] == documented(), (capture, documented())
    run = subprocess.run([h.RATWATCHD, '-r', 'words.pcap', '-f', 'feed.txt', '--set', 'indicators.allow_special=true'], cwd=folder.path,
                         capture_output=True, text=True, check=True)
    for name, n in {**capture['verdicts'], **capture['notes']}.items():
        assert name in ('overflow', 'coarse', 'uncounted', 'evicted') or (n > 0 and '%s %d' % (name, n) in run.stdout), (name, n, run.stdout)


def main():
    with h.Folder() as folder:
        folder.file('feed.txt', C2 + ':443\n' + OUTER + '\n')
        inputs(folder)
        numbers_of_the_file(folder)
        layers(folder)
        fragments(folder)
        words(folder)


main()
