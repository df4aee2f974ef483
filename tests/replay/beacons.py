#!/usr/bin/env python3
"""Who reports like a clock and who does not: period and score in report and sightings, the same for any number of workers."""

import json
import os
import random
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), '..', 'e2e'))
import harness as h

C2 = '198.18.7.7'
START = 1_600_000_000
CLOCK, JITTER, HUMAN, OPEN, INBOUND, ONCE = ('192.0.2.%d' % n for n in range(1, 7))


def session(victim, port, when, controller_port=443):
    return [(when + i * 0.03, f) for i, f in enumerate(h.conversation(victim, port, C2, controller_port))]


def sessions(victim, times, controller_port=443):
    return [p for i, when in enumerate(times) for p in session(victim, 40000 + i, when, controller_port)]


def sums(intervals):
    now = START
    for interval in intervals:
        now += interval
        yield now


def keep_alives(victim, intervals):
    """One session that stays open."""
    packets = session(victim, 40000, START)[:7]
    for when in sums(intervals):
        packets += [(when, h.tcp(victim, 40000, C2, 443, h.ACK | h.PSH, 106, 906, b'ping')),
                    (when + 0.1, h.tcp(C2, 443, victim, 40000, h.ACK | h.PSH, 906, 110, b'pong'))]
    return packets


def called(victim, times):
    """The controller opens each."""
    return [(when + i * 0.03, f) for n, when in enumerate(times) for i, f in enumerate(h.conversation(C2, 40000 + n, victim, 8080))]


def traffic():
    dice = random.Random(1)
    jittered = [60 * dice.uniform(0.8, 1.2) for _ in range(60)]
    human = [dice.lognormvariate(1.5, 0.8) if dice.random() < 0.8 else dice.lognormvariate(5, 1) for _ in range(60)]
    return (sessions(CLOCK, sums([60] * 60)) + sessions(JITTER, sums(jittered)) + sessions(HUMAN, sums(human)) +
            sessions(CLOCK, sums(human), 80) + keep_alives(OPEN, [30] * 40) + called(INBOUND, sums([60] * 30)) +
            sessions(ONCE, sums([60] * 6)))


def replay(folder, workers, *more):
    run = subprocess.run([h.RATWATCHD, '-r', 'c.pcap', '-f', 'feed.txt', '-w', 'watchlist.csv', '--set', 'indicators.allow_special=true',
                          '-o', 'json', '--contacts', '--workers', str(workers), *more], cwd=folder.path, capture_output=True, text=True)
    assert run.returncode == 0, run
    return run.stdout


def check_report(report):
    beacons = {}
    for c in report['contacts']:
        beacons.setdefault((c['victim'], c['controller_port']), []).append(c['beacon'])
    of = lambda victim, port=443: beacons[victim, port][0]
    assert all(b == of(*who) for who, all_of in beacons.items() for b in all_of), 'contacts of one pair differ'
    assert of(CLOCK) == {'of': 'sessions', 'period_seconds': 60, 'score': 100, 'intervals': 32}, of(CLOCK)
    assert 57 < of(JITTER)['period_seconds'] < 63 and 75 < of(JITTER)['score'] < 95, of(JITTER)
    assert of(HUMAN)['score'] < 40, of(HUMAN)
    assert of(CLOCK, 80)['score'] < 40, 'a web site on the same address: %r' % of(CLOCK, 80)
    assert of(OPEN) == {'of': 'keep_alives', 'period_seconds': 30, 'score': 100, 'intervals': 32}, of(OPEN)
    assert [b for who, all_of in beacons.items() if who[0] == INBOUND for b in all_of if b] == [], 'the controller called'
    assert of(ONCE) is None, of(ONCE)
    assert report['capture']['beacon_overflow'] == 0
    assert [c['beacon']['score'] for c in report['controllers']] == [100]
    assert [o['beacon']['period_seconds'] for o in report['organizations'] if o['id'] == 'w-one'] == [60]
    assert [o['beacon'] for o in report['organizations'] if o['id'] == 'w-six'] == [None]


def check_sightings(redis):
    """The beacon of each victim as its sighting has it."""
    found = {}
    for _, flat in redis.call('XRANGE', 'ratwatch-replay:sightings', '-', '+'):
        entry = dict(zip(flat[::2], flat[1::2]))
        found[entry['victim']] = (entry.get('beacon_period'), entry.get('beacon_score'))
    assert found[OPEN] == ('30.000', '100'), found
    assert found[JITTER][0].startswith(('57.', '58.', '59.', '60.', '61.', '62.')) and int(found[JITTER][1]) > 75, found
    assert found[ONCE] == found[INBOUND] == (None, None), found


def main():
    with h.Folder() as folder:
        h.write_pcap_at(os.path.join(folder.path, 'c.pcap'), traffic())
        folder.file('feed.txt', C2 + '\n')
        folder.file('watchlist.csv', 'network,id,name\n%s/32,one,One\n%s/32,six,Six\n192.0.2.0/24,rest,Rest\n' % (CLOCK, ONCE))
        text = replay(folder, 1)
        assert all(replay(folder, n) == text for n in (2, 4)), 'the report depends on the number of workers'
        check_report(json.loads(text))
        redis = h.Redis(folder.path)
        try:
            replay(folder, 2, '--redis', redis.url)
            check_sightings(redis)
        finally:
            redis.stop()


main()
