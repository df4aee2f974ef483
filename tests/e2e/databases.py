#!/usr/bin/env python3
"""A database and a watchlist that somebody damages in place while ratwatchd runs: it goes on to answer from what it has read, a reload names
what is wrong and leaves everything as it was, and the next good files are taken."""

import os
import signal
import sys

sys.path.insert(0, os.path.dirname(__file__))
import harness as h

CONFIG = '''
capture: {ports: [af_packet:port], hugepages: false}
indicators: {allow_special: true, feeds: [feed.txt]}
organizations: {watchlists: [watchlist.csv], databases: [record.mmdb], privacy: plain}
redis: {url: '%s', flush_ms: 100}
'''
WATCHLIST = 'network,id,name,country\n192.0.2.1-192.0.2.9,own,Own,AT\n'


class Tap:
    def __init__(self, folder, net, redis):
        self.folder, self.net, self.redis, self.sent = folder, net, redis, 0

    def meet(self, victim):
        """The organization to which a conversation of this victim is counted, and what Redis has of it. Each has a controller of its own."""
        self.sent += 1
        c2 = '198.18.7.%d' % self.sent
        self.net.replay(h.write_pcap(os.path.join(self.folder.path, 'frames.pcap'), h.conversation(victim, 20000, c2, 443)))
        key, = h.wait_until('an organization of ' + victim, lambda: self.redis.keys('ratwatch:{org:*}:c2:' + c2))
        return key.split('}')[0].split(':')[-1], self.redis.hash(key)

    def is_hosted(self, victim):
        organization, counted = self.meet(victim)
        assert (organization, counted['reason']) == ('as64500', 'record.mmdb: is_hosting_provider'), (organization, counted)

    def is_own(self, victim):
        assert self.meet(victim)[0] == 'w-own'


def overwrite(path, content):
    """In place, as cp does."""
    with open(path, 'r+b') as f:
        f.write(content)
        f.truncate()


def refused(daemon, *words):
    got = daemon.ask('reload')
    assert got.returncode == 1, got
    for word in words:
        assert word in got.stderr + got.stdout, (word, got)
    assert daemon.answer('status')['indicators']['generation'] == 1
    daemon.wait_for('reload: refused, generation 1')


def damaged(tap, daemon, good):
    database, watchlist = (os.path.join(tap.folder.path, name) for name in ('record.mmdb', 'watchlist.csv'))
    tap.is_hosted('203.0.113.5')
    tap.is_own('192.0.2.9')
    for bad, why in ((good[:100], 'record.mmdb: is no MaxMind-format database, or not a whole one'),
                     (b'\xff' * 4096, 'record.mmdb: is no MaxMind-format database'),
                     (b'\x00\x00\x12' + good[3:], 'record.mmdb: is damaged: '),
                     (b'', 'record.mmdb')):
        overwrite(database, bad)
        tap.is_hosted('203.0.113.5')
        refused(daemon, why)
        tap.is_hosted('203.0.113.6')
    overwrite(watchlist, WATCHLIST.encode() + b'192.0.2.5-192.0.2.20,other,Other,AT\n')
    refused(daemon, 'record.mmdb', 'watchlist.csv:3: network: overlaps another organization')
    tap.is_own('192.0.2.9')


def main():
    with h.Folder() as folder:
        with open(os.path.join(h.SOURCE, 'tests', 'fuzz', 'corpus', 'watchlist', 'record.mmdb'), 'rb') as f:
            good = f.read()
        net, redis, daemon = h.Namespace(), None, None
        try:
            redis = h.Redis(folder.path)
            folder.file('feed.txt', '198.18.7.0/24\n')
            folder.file('watchlist.csv', WATCHLIST)
            with open(os.path.join(folder.path, 'record.mmdb'), 'wb') as f:
                f.write(good)
            daemon = h.Daemon(net.command(h.RATWATCHD, '-c', folder.file('ratwatch.yaml', CONFIG % redis.url)))
            daemon.wait_for('running: ')
            tap = Tap(folder, net, redis)
            damaged(tap, daemon, good)
            overwrite(os.path.join(folder.path, 'record.mmdb'), good)
            overwrite(os.path.join(folder.path, 'watchlist.csv'), b'network,id\nAS64500,own\n')
            assert daemon.ask('reload').returncode == 0
            tap.is_own('203.0.113.7')
            daemon.signal(signal.SIGTERM)
            assert daemon.wait() == 0
        finally:
            if daemon:
                daemon.kill()
            if redis:
                redis.stop()
            net.remove()


main()
