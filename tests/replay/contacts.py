#!/usr/bin/env python3
"""Who is suspected and who is not: a controller that scans web servers, NetBus, a session over three midnights, a flood, and the families that are
answered but never carry payload both ways."""

import json
import os
import struct
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), '..', 'e2e'))
import harness as h

VICTIM, C2 = '192.0.2.1', '198.18.7.7'
DATA = os.environ.get('RATWATCH_TEST_DATA')
# Handshakes, and payload of one side only, in every contact of these.
ONE_SIDED = {'remcos', 'strrat', 'turkojan', 'dridex-2020-03', 'hancitor-2021'}


def replay(folder, *argv):
    run = subprocess.run([h.RATWATCHD, *argv, '--set', 'indicators.allow_special=true', '-o', 'json', '--contacts'],
                         cwd=folder.path, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    return json.loads(run.stdout)


def write(folder, name, packets):
    """(seconds, frame) each."""
    with open(os.path.join(folder.path, name), 'wb') as f:
        f.write(struct.pack('<IHHiIII', 0xa1b2c3d4, 2, 4, 0, 0, 65535, 1))
        for at, frame in packets:
            f.write(struct.pack('<IIII', int(at), round(at % 1 * 1e6), len(frame), len(frame)) + frame)


def scan_of_web_servers(folder):
    """A /16 that answers with pages: nobody in it is suspected."""
    frames = []
    for n in range(65536):
        web = '100.70.%d.%d' % divmod(n, 256)
        frames += [h.tcp(C2, 50000, web, 80, h.SYN, 100, 0), h.tcp(web, 80, C2, 50000, h.SYN | h.ACK, 900, 101),
                   h.tcp(C2, 50000, web, 80, h.ACK | h.PSH, 101, 901, b'GET /'), h.tcp(web, 80, C2, 50000, h.ACK | h.PSH, 901, 106, b'page')]
    h.write_pcap(os.path.join(folder.path, 'scan.pcap'), frames)
    folder.file('watchlist.csv', 'network,id,name\n100.70.0.0/16,town,Town\n')
    folder.file('feed.txt', C2 + '\n')
    report = replay(folder, '-r', 'scan.pcap', '-f', 'feed.txt', '-w', 'watchlist.csv')
    totals = report['totals']
    assert totals['contacts'] == totals['inbound'] == totals['inbound_answered'] == 65536, totals
    assert totals['attempts'] == totals['answered'] == totals['two_way'] == totals['victims'] == 0, totals
    assert [o['suspected'] for o in report['organizations']] == [False]
    assert not any(c['suspected'] for c in report['contacts'])


def netbus(folder):
    """Its controllers connect to their victims: a login is an answered attempt, and suspected."""
    h.write_pcap(os.path.join(folder.path, 'netbus.pcap'), h.conversation(C2, 5000, VICTIM, 12345))
    folder.file('watchlist.csv', 'network,id,name\n%s,victim,Victim\n' % VICTIM)
    for family, counter, suspected in (('NetBus', 'attempts', True), ('Emotet', 'inbound', False)):
        folder.file('family.yaml', 'indicators:\n  feeds:\n    - {path: feed.txt, family: %s}\n' % family)
        report = replay(folder, '-r', 'netbus.pcap', '-c', 'family.yaml', '-w', 'watchlist.csv')
        assert report['contacts'][0]['opener'] == 'controller'
        assert report['totals'][counter] == 1, (family, report['totals'])
        assert [o['suspected'] for o in report['organizations']] == [suspected], family


def three_midnights(folder):
    start = 1_600_000_000 // 86400 * 86400 + 86000
    packets = [(start + i / 10, frame) for i, frame in enumerate(h.conversation(VICTIM, 40000, C2, 443)[:7])]
    for i in range(1, 3 * 24 * 2):
        packets.append((start + i * 1800, h.tcp(VICTIM, 40000, C2, 443, h.ACK, 105, 906)))
    hours = {int(at) // 3600 for at, _ in packets}
    write(folder, 'long.pcap', packets)
    folder.file('feed.txt', C2 + '\n')
    report = replay(folder, '-r', 'long.pcap', '-f', 'feed.txt')
    assert (report['totals']['contacts'], report['totals']['active']) == (1, len(hours)), report['totals']
    # From its middle: met after its start.
    write(folder, 'middle.pcap', packets[7:])
    contact = replay(folder, '-r', 'middle.pcap', '-f', 'feed.txt')['contacts']
    assert [(c['start'], c['view'], c['opener']) for c in contact] == [('missed', 'one-way', 'unknown')], contact


def flood(folder):
    """More forged sources than the table has places: the answered contact stays one, and every packet counts for its controller."""
    other, forged, data = '198.18.7.8', 400000, h.conversation(VICTIM, 40000, C2, 443)
    syn = lambda n: h.tcp('100.%d.%d.%d' % (64 + (n >> 16), n >> 8 & 255, n & 255), 1000, other, 443, h.SYN, 100, 0)
    h.write_pcap(os.path.join(folder.path, 'flood.pcap'), data[:6] + [syn(n) for n in range(forged)] + data[6:])
    folder.file('feed.txt', C2 + '\n' + other + '\n')
    run = subprocess.run([h.RATWATCHD, '-r', 'flood.pcap', '-f', 'feed.txt', '--set', 'indicators.allow_special=true', '-o', 'json',
                          '--workers', '1'], cwd=folder.path, capture_output=True, text=True)
    report = json.loads(run.stdout)
    calm, flooded = (c['lanes']['counted'] for c in report['controllers'])
    assert (calm['contacts'], calm['two_way'], calm['packets_out'] + calm['packets_in']) == (1, 1, 10), calm
    assert (flooded['contacts'], flooded['answered'], flooded['packets_out']) == (forged, 0, forged), flooded
    assert flooded['bytes_out'] == forged * len(syn(0)), flooded
    notes, totals = report['capture']['notes'], report['totals']
    assert notes['evicted'] > 0 and notes['overflow'] == notes['coarse'] == notes['uncounted'] == 0, notes
    assert totals['victims'] == 1 and totals['victims_all'] < forged < totals['victims_all'] + totals['victims_left_out'], totals


def both_listed(folder):
    """Each end is a controller and the other's victim; the contact is one, and marked."""
    h.write_pcap(os.path.join(folder.path, 'both.pcap'), h.conversation(VICTIM, 40000, C2, 443) + h.conversation('192.0.2.2', 40000, C2, 443))
    folder.file('feed.txt', C2 + '\n' + VICTIM + '\n')
    report = replay(folder, '-r', 'both.pcap', '-f', 'feed.txt')
    assert [(c['victim'], c['controller'], c['both_listed']) for c in report['contacts']] == \
        [(VICTIM, C2, True), ('192.0.2.2', C2, False)], report['contacts']
    assert {c['address']: c['victims_all'] for c in report['controllers']} == {C2: 2, VICTIM: 1}, report['controllers']
    assert report['totals']['contacts'] == 2, report['totals']
    redis = h.Redis(folder.path)
    try:
        replay(folder, '-r', 'both.pcap', '-f', 'feed.txt', '--redis', redis.url)
        rows = [dict(zip(fields[::2], fields[1::2])) for _, fields in redis.call('XRANGE', 'ratwatch-replay:sightings', '-', '+')]
    finally:
        redis.stop()
    assert {(s['victim'], s['controller']): s.get('both_listed') for s in rows} == \
        {(VICTIM, C2): '1', (C2, VICTIM): '1', ('192.0.2.2', C2): None}, rows


def malware(folder):
    """By the list of each capture of a real infection."""
    where = os.path.join(DATA, 'pcaps', 'malware')
    answered_only = set()
    for name in sorted(os.listdir(where)):
        base, ext = os.path.splitext(name)
        if ext not in ('.pcap', '.pcapng', '.cap') or not os.path.exists(os.path.join(where, base + '.c2.txt')):
            continue
        report = replay(folder, '-r', os.path.join(where, name), '-f', os.path.join(where, base + '.c2.txt'))
        best = {c['evidence'] for c in report['contacts']}
        if 'two_way' not in best and report['totals']['victims'] > 0:
            answered_only.add(base)
        for c in report['contacts']:
            assert c['suspected'] == (c['evidence'] != 'attempt' and c['opener'] == 'victim'), (base, c)
            assert not c['suspected'] or report['totals']['victims'] > 0, base
    assert answered_only >= ONE_SIDED, answered_only


def main():
    with h.Folder() as folder:
        scan_of_web_servers(folder)
        netbus(folder)
        three_midnights(folder)
        flood(folder)
        both_listed(folder)
        if DATA and os.path.isdir(os.path.join(DATA, 'pcaps', 'malware')):
            malware(folder)


main()
