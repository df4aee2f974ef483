#!/usr/bin/env python3
"""Reloads under traffic: two long lists in turn, each generation waited for, while packets flow without a pause. Every packet to what both lists
hold is a hit, none to what neither holds; what only one holds is judged by one list or the other. Nothing is lost, and memory does not grow.

RATWATCH_RELOADS (default 40) says how many, RATWATCH_ENTRIES (default 100000) how long the lists are."""

import os
import random
import signal
import sys

sys.path.insert(0, os.path.dirname(__file__))
import harness as h

RELOADS = int(os.environ.get('RATWATCH_RELOADS', '40'))
ENTRIES = int(os.environ.get('RATWATCH_ENTRIES', '100000'))
ALWAYS, NEVER, SOMETIMES, ONLY_FIRST = '198.18.7.1', '198.18.7.2', '198.18.7.3', '198.18.7.4'
CONFIG = '''
capture: {ports: [af_packet:port], workers: 2, hugepages: false, queue_size: 16384, buffers: 65536}
indicators: {allow_special: true, feeds: [feed.txt]}
organizations: {privacy: plain}
redis: {url: '%s', flush_ms: 500}
'''


def entries(seed, members):
    dice = random.Random(seed)
    addresses = {'%d.%d.%d.%d' % (dice.randrange(11, 99), dice.randrange(256), dice.randrange(256), dice.randrange(256)) for _ in range(ENTRIES)}
    return '\n'.join(sorted(addresses) + members) + '\n'


def memory(daemon):
    """Resident kilobytes."""
    with open('/proc/%d/status' % daemon.process.pid) as f:
        return next(int(line.split()[1]) for line in f if line.startswith('VmRSS'))


def counted(redis, controller):
    """Packets between a controller and anybody, as Redis has them."""
    return sum(int(v) for key in redis.keys('ratwatch:{c2:%s}:d:*' % controller)
               for f, v in redis.hash(key).items() if f.endswith(('|packets_out', '|packets_in')))


def reload_all(folder, daemon, lists):
    after = []
    for generation in range(2, RELOADS + 2):
        folder.file('feed.txt', lists[(generation + 1) % 2])
        daemon.signal(signal.SIGHUP)
        daemon.wait_for(r'reload: generation %d, ' % generation)
        after.append(memory(daemon))
    # Signals that come while one is served are one more reload after it, which reads what was there when the last one came.
    for i in range(51):
        folder.file('feed.txt', lists[i % 2])
        daemon.signal(signal.SIGHUP)
    h.wait_until('the last list', lambda: daemon.answer('lookup', ONLY_FIRST)['matches'])
    assert daemon.answer('status')['indicators']['generation'] < RELOADS + 40
    return after


def main():
    with h.Folder() as folder:
        net, redis, daemon, traffic = h.Namespace(), None, None, None
        try:
            redis = h.Redis(folder.path)
            lists = [entries(1, [ALWAYS, SOMETIMES, ONLY_FIRST]), entries(2, [ALWAYS])]
            folder.file('feed.txt', lists[0])
            daemon = h.Daemon(net.command(h.RATWATCHD, '-c', folder.file('ratwatch.yaml', CONFIG % redis.url)))
            daemon.wait_for('running: ')
            frames = [f for i, c2 in enumerate((ALWAYS, NEVER, SOMETIMES)) for f in h.conversation('192.0.2.%d' % (i + 1), 40000 + i, c2, 443)]
            traffic = h.Traffic(net, h.write_pcap(os.path.join(folder.path, 'frames.pcap'), frames), rate=2000)
            h.wait_until('traffic', lambda: net.sent() > 0)
            after = reload_all(folder, daemon, lists)
            traffic.stop()

            sent = net.sent()
            h.wait_until('all %d packets' % sent, lambda: daemon.answer('status')['capture']['received'] == sent)
            end = memory(daemon)
            daemon.signal(signal.SIGTERM)
            print(daemon.wait_for(r'packets: received %d = probed %d .*residual 0' % (sent, sent)))
            daemon.wait_for('missed 0, errors 0, no buffer 0')
            assert daemon.wait() == 0
            rounds, rest = divmod(sent, len(frames))
            assert counted(redis, ALWAYS) == rounds * 10 + min(rest, 10), (sent, counted(redis, ALWAYS))
            assert counted(redis, NEVER) == 0
            assert 0 < counted(redis, SOMETIMES) < rounds * 10, (sent, counted(redis, SOMETIMES))
            settled = after[min(10, RELOADS // 2)]
            print('%d reloads of %d entries, %d packets; %d kB after %d, %d kB at the end' %
                  (RELOADS, ENTRIES, sent, settled, min(10, RELOADS // 2), end))
            assert end < settled * 1.15 + 4096, (settled, end)
        finally:
            if traffic:
                traffic.stop()
            if daemon:
                daemon.kill()
            if redis:
                redis.stop()
            net.remove()


main()
