#!/usr/bin/env python3
"""Contacts below two_way wait while their victim's window is open: status shows them, Redis has them when the window is over or ratwatchd
ends, and `two_way` does not wait."""

import os
import re
import signal
import sys

sys.path.insert(0, os.path.dirname(__file__))
import harness as h

CONTROLLERS = ['198.18.%d.7' % i for i in range(24)]
SURVEY, QUIET, TALKER = '192.0.2.9', '203.0.113.5', '203.0.113.6'
CONFIG = '''
sensor: {name: tap-1}
capture: {ports: ['af_packet:port'], workers: 2, hugepages: false}
indicators: {allow_special: true, feeds: [feed.txt]}
organizations: {watchlists: [watchlist.csv], privacy: plain}
redis: {url: '%s', flush_ms: 100}
'''
WATCHLIST = 'network,id,name,sector,country,lane,watch\n192.0.2.0/24,survey,Survey,,,,yes\n203.0.113.0/24,acme,Acme,,,,yes\n'


def counted(redis, lane, field, org):
    return sum(int(v) for key in redis.keys('ratwatch:{org:w-%s}:d:*' % org)
               for f, v in redis.hash(key).items() if f.endswith('|%s|%s' % (lane, field)))


def frames():
    handshake = lambda victim, port, c: h.conversation(victim, port, c, 443)[:3]
    return ([f for i, c in enumerate(CONTROLLERS) for f in handshake(SURVEY, 40000 + i, c)]
            + [f for i in range(2) for f in handshake(QUIET, 41000 + i, CONTROLLERS[i])]
            + h.conversation(TALKER, 42000, CONTROLLERS[0], 443))


def check_explained(daemon):
    explain = lambda victim, controller: daemon.answer('explain', victim, controller)
    survey = explain(SURVEY, CONTROLLERS[0])
    assert survey['window'] == {'open': True, 'controllers': 24, 'waiting': 24, 'limit': 8, 'seconds': 600, 'scanner': True}, survey
    assert not survey['suspected'] and 'behaves like a scanner' in survey['because_not'][0], survey

    quiet = explain(QUIET, CONTROLLERS[0])
    assert quiet['organization']['id'] == 'w-acme' and quiet['organization']['source'] == 'watchlist.csv:3', quiet
    assert quiet['indicators'][0]['line'] == 1 and quiet['indicators'][0]['path'].endswith('feed.txt'), quiet
    assert (quiet['lane'], quiet['match'], quiet['port']) == ('counted', 'exact', 443), quiet
    assert quiet['window']['open'] and quiet['window']['controllers'] == 2 and not quiet['window']['scanner'], quiet
    assert quiet['suspected'] and quiet['because_not'] == [], quiet

    other = explain(QUIET, CONTROLLERS[0] + ':8443')
    assert other['match'] == 'address' and other['because_not'] == ['it is not on the port that the indicator names'], other
    idle = explain('198.51.100.1', CONTROLLERS[0])
    assert not idle['window']['open'] and not idle['organization']['can_be_suspected'], idle
    assert explain(QUIET, '9.9.9.9')['because_not'] == ['no indicator in force names the controller']

    told = daemon.ask('explain', SURVEY, CONTROLLERS[0]).stdout
    for words in ('organization: Survey (w-survey), by watchlist, watchlist.csv:2', 'match: exact, on port 443', 'feed.txt:1', 'lane: counted',
                  'scanner window: open, 24 controllers in 600 s', 'suspected: no'):
        assert words in told, (words, told)
    assert daemon.ask('explain', SURVEY, 'there').returncode == 1
    assert daemon.ask('explain', SURVEY).returncode == 2


def run(net, folder, redis, *sets):
    daemon = h.Daemon(net.command(h.RATWATCHD, '-c', os.path.join(folder.path, 'ratwatch.yaml'), *(w for s in sets for w in ('--set', s))))
    daemon.wait_for(r'running: 1 ports, 2 workers, 24 indicators')
    net.replay(os.path.join(folder.path, 'frames.pcap'))
    h.wait_until('the two-way contact in Redis', lambda: counted(redis, 'counted', 'two_way', 'acme') == 1)
    return daemon


def end(daemon):
    daemon.signal(signal.SIGTERM)
    assert daemon.wait() == 0
    daemon.kill()


def check_delivered(redis):
    assert counted(redis, 'scanner', 'answered', 'survey') == 24 and counted(redis, 'counted', 'contacts', 'survey') == 0
    assert counted(redis, 'counted', 'answered', 'acme') == 3 and counted(redis, 'counted', 'attempts', 'acme') == 3
    assert redis.call('ZRANGE', 'ratwatch:suspected', 0, -1) == ['w-acme']
    assert redis.hash('ratwatch:{org:w-survey}:c2:' + CONTROLLERS[3])['reason'] == 'behaviour: 24 controllers in %s s' % WINDOW[0]


WINDOW = ['600']


def main():
    with h.Folder() as folder:
        redis, net, daemon = None, None, None
        try:
            net = h.Namespace()
            redis = h.Redis(folder.path)
            folder.file('feed.txt', ''.join(c + ':443\n' for c in CONTROLLERS))
            folder.file('watchlist.csv', WATCHLIST)
            folder.file('ratwatch.yaml', CONFIG % redis.url)
            h.write_pcap(os.path.join(folder.path, 'frames.pcap'), frames())

            daemon = run(net, folder, redis)
            h.wait_until('26 contacts that wait', lambda: daemon.answer('status')['windows']['waiting'] == 26)
            assert daemon.answer('status')['windows'] == {'waiting': 26, 'decided_early': 0, 'scanners': 0}
            assert re.search(r'Scanner windows: 26 contacts wait, 0 were decided early', daemon.ask('status').stdout)
            check_explained(daemon)
            assert redis.keys('ratwatch:{org:w-survey}*') == [] and counted(redis, 'counted', 'contacts', 'acme') == 1
            daemon.signal(signal.SIGTERM)
            daemon.wait_for(r'scanners: 26 contacts that waited .* are decided now')
            end(daemon)
            check_delivered(redis)

            redis.call('FLUSHALL')
            WINDOW[0] = '2'
            daemon = run(net, folder, redis, 'lanes.scanner_window=2')
            h.wait_until('the survey in Redis', lambda: counted(redis, 'scanner', 'answered', 'survey') == 24)
            h.wait_until('the quiet ones in Redis', lambda: counted(redis, 'counted', 'answered', 'acme') == 3)
            check_delivered(redis)
            assert daemon.answer('status')['windows'] == {'waiting': 0, 'decided_early': 0, 'scanners': 24}
            sensor = redis.hash('ratwatch:{sensor:tap-1}')
            assert int(sensor['complete_until']) <= int(sensor['last_batch']), sensor
            end(daemon)

            # Room for 16: the rest is decided early, and said.
            redis.call('FLUSHALL')
            daemon = run(net, folder, redis, 'lanes.scanner_waiting=16')
            h.wait_until('contacts decided early', lambda: daemon.answer('status')['windows']['decided_early'] >= 10)
            daemon.signal(signal.SIGTERM)
            daemon.wait_for(r'scanners: \d+ contacts were decided before their window was over')
            end(daemon)
            daemon = None
            assert sum(counted(redis, lane, 'contacts', org) for lane in ('scanner', 'counted') for org in ('survey', 'acme')) == 27
        finally:
            if daemon:
                daemon.kill()
            if redis:
                redis.stop()
            if net:
                net.remove()


main()
