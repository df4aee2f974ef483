#!/usr/bin/env python3
"""A survey that touches many controllers without payload is a scanner by behaviour; a host with two quiet controllers stays suspected. The
same bytes for every number of workers."""

import json
import os
import struct
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), '..', 'e2e'))
import harness as h

SURVEY, QUIET, TALKER = '192.0.2.9', '203.0.113.5', '203.0.113.6'
WATCHLIST = '''network,id,name,sector,country,lane,watch
192.0.2.0/24,survey,Survey,,,,yes
203.0.113.0/24,acme,Acme,,,,yes
'''
CONTROLLERS = ['198.18.%d.7' % i for i in range(24)]


def handshake(victim, port, controller):
    """And an orderly end; nothing is said. As many families do that are refused by their controllers."""
    return [f for i, f in enumerate(h.conversation(victim, port, controller, 443)) if i in (0, 1, 2)]


def frames(pause):
    """(second, frame): the survey goes from one controller to the next."""
    timed = [(i * pause, f) for i, c in enumerate(CONTROLLERS) for f in handshake(SURVEY, 40000 + i, c)]
    timed += [(100 + i, f) for i in range(2) for f in handshake(QUIET, 41000 + i, CONTROLLERS[i])]
    timed += [(200 + i, f) for i in range(20) for f in h.conversation(TALKER, 42000 + i, CONTROLLERS[i], 443)]
    # A listed host that scans the Internet: it opens.
    timed += [(300 + i, f) for i, c in enumerate(CONTROLLERS) for f in handshake(c, 443, '203.0.113.7')]
    return sorted(timed, key=lambda t: t[0])


def write(path, timed):
    with open(path, 'wb') as f:
        f.write(struct.pack('<IHHiIII', 0xa1b2c3d4, 2, 4, 0, 0, 65535, 1))
        for n, (second, frame) in enumerate(timed):
            f.write(struct.pack('<IIII', 1_600_000_000 + second, n, len(frame), len(frame)) + frame)
    return path


def replay(folder, capture, *more, workers=1, words=''):
    got = subprocess.run([h.RATWATCHD, '-r', capture, '-f', os.path.join(folder.path, 'feed.txt'), '-w',
                          os.path.join(folder.path, 'watchlist.csv'), '--set', 'indicators.allow_special=true', '-o', 'json', '--contacts',
                          '--workers', str(workers), *more], capture_output=True, text=True)
    assert got.returncode == 0 and (words in got.stderr if words else got.stderr == ''), got
    return got.stdout


def lanes(report, victim):
    return sorted((c['lane'], c['reason'], c['evidence'], c['suspected']) for c in report['contacts'] if c['victim'] == victim)


def suspected(report):
    return [o['id'] for o in report['organizations'] if o['suspected']]


def main():
    with h.Folder() as folder:
        folder.file('feed.txt', ''.join(c + ':443\n' for c in CONTROLLERS))
        folder.file('watchlist.csv', WATCHLIST)
        fast = write(os.path.join(folder.path, 'fast.pcap'), frames(10))
        texts = {replay(folder, fast, workers=n) for n in (1, 2, 4)}
        assert len(texts) == 1, 'the report depends on the number of workers'
        report = json.loads(texts.pop())
        assert lanes(report, SURVEY) == [('scanner', 'behaviour: 24 controllers in 600 s', 'answered', False)] * 24, lanes(report, SURVEY)
        assert lanes(report, QUIET) == [('counted', '', 'answered', True)] * 2, lanes(report, QUIET)
        assert lanes(report, TALKER) == [('counted', '', 'two_way', True)] * 20
        assert suspected(report) == ['w-acme']
        survey = next(o for o in report['organizations'] if o['id'] == 'w-survey')
        counts = next(iter(survey['by_family'].values()))['lanes']
        assert counts.keys() == {'scanner'} and counts['scanner']['answered'] == 24 and survey['victims'] == 0, counts
        assert counts['scanner']['packets_out'] == 48 and counts['scanner']['packets_in'] == 24, counts
        inbound = [c for c in report['contacts'] if c['victim'] == '203.0.113.7']
        assert len(inbound) == 24 and all(c['lane'] == 'counted' and c['opener'] == 'controller' for c in inbound)

        # One controller in 100 seconds is seven in the window.
        slow = json.loads(replay(folder, write(os.path.join(folder.path, 'slow.pcap'), frames(100))))
        assert lanes(slow, SURVEY) == [('counted', '', 'answered', True)] * 24
        slow = json.loads(replay(folder, os.path.join(folder.path, 'slow.pcap'), '--set', 'lanes.scanner_window=3000'))
        assert lanes(slow, SURVEY)[0][:2] == ('scanner', 'behaviour: 24 controllers in 3000 s'), lanes(slow, SURVEY)

        off = json.loads(replay(folder, fast, '--set', 'lanes.scanner_controllers=0'))
        assert suspected(off) == ['w-acme', 'w-survey']
        off = json.loads(replay(folder, fast, '--set', 'lanes.scanner_controllers=25'))
        assert suspected(off) == ['w-acme', 'w-survey']

        # Too little room: said, and nothing is lost.
        tight = json.loads(replay(folder, fast, '--set', 'lanes.scanner_waiting=16',
                                  words='contacts were decided before their window was over'))
        assert tight['totals'] == {**report['totals'], 'victims': tight['totals']['victims']}, (tight['totals'], report['totals'])


main()
