#!/usr/bin/env python3
"""ratwatchd on a live port: packets from tcpreplay through a veth pair into Redis, a reload by SIGHUP, a refused reload, an orderly end."""

import os
import signal
import sys

sys.path.insert(0, os.path.dirname(__file__))
import harness as h

FIRST, SECOND = '198.18.7.7', '198.18.7.8'  # addresses that no one has (RFC 2544)
CONFIG = '''
sensor:
  name: tap-1
capture:
  ports: [af_packet:port]
  workers: 2
  hugepages: false
indicators:
  allow_special: true
  feeds: [feed.txt]
organizations:
  watchlists: [watchlist.csv]
  privacy: plain
redis:
  url: %s
  flush_ms: 100
'''
WATCHLIST = 'network,id,name,sector,country,lane,watch\n192.0.2.0/24,acme,Acme,energy,AT,,yes\n'


def counted(redis, field, org='w-acme'):
    """The sum of a counter of lane counted over the organization's days."""
    return sum(int(v) for key in redis.keys('ratwatch:{org:%s}:d:*' % org)
               for f, v in redis.hash(key).items() if f.endswith('|counted|' + field))


def main():
    with h.Folder() as folder:
        redis, net, daemon = None, None, None
        try:
            net = h.Namespace()
            redis = h.Redis(folder.path)
            folder.file('feed.txt', FIRST + ':443\n')
            folder.file('watchlist.csv', WATCHLIST)
            config = folder.file('ratwatch.yaml', CONFIG % redis.url)
            daemon = h.Daemon(net.command(h.RATWATCHD, '-c', config))
            daemon.wait_for(r'running: 1 ports, 2 workers, 1 indicators')

            frames = [f for i in range(50) for f in h.conversation('192.0.2.%d' % (i + 1), 40000 + i, FIRST, 443)]
            frames += [f for i in range(50) for f in h.conversation('192.0.2.%d' % (i + 1), 50000 + i, SECOND, 443)]
            capture = h.write_pcap(os.path.join(folder.path, 'frames.pcap'), frames)
            net.replay(capture)
            h.wait_until('50 contacts in Redis', lambda: counted(redis, 'two_way') == 50)

            folder.file('feed.txt', FIRST + ':443\n' + SECOND + ':443\n')
            daemon.signal(signal.SIGHUP)
            daemon.wait_for(r'reload: generation 2, 2 indicators \(\+1 -0\)')

            folder.file('feed.txt', '<!DOCTYPE html><html>maintenance</html>\n')
            daemon.signal(signal.SIGHUP)
            daemon.wait_for(r'reload: .*feed\.txt.*HTML')
            daemon.wait_for(r'reload: .*feed\.txt: keeps what it had, 2 entries')
            daemon.wait_for(r'reload: generation 3, 2 indicators \(\+0 -0\), 1 feeds, 1 of them kept')

            fresh = [f for i in range(50) for f in h.conversation('192.0.2.%d' % (i + 1), 60000 + i, SECOND, 443)]
            net.replay(h.write_pcap(os.path.join(folder.path, 'fresh.pcap'), fresh))
            h.wait_until('100 contacts in Redis', lambda: counted(redis, 'two_way') == 100)

            tagged = [h.tagged(f, 100) for f in h.conversation('192.0.2.99', 61000, SECOND, 443)]
            net.replay(h.write_pcap(os.path.join(folder.path, 'tagged.pcap'), tagged))
            h.wait_until('a sighting that names the VLAN', lambda: any(
                'vlan:100' in entry[1] for entry in redis.call('XRANGE', 'ratwatch:sightings', '-', '+')))

            daemon.signal(signal.SIGTERM)
            equation = daemon.wait_for(r'packets: received 1510 = probed 1510 .*residual 0; hits 1010')
            assert daemon.wait() == 0, 'exit status after SIGTERM'
            print(equation)

            assert counted(redis, 'contacts') == 101
            assert counted(redis, 'attempts') == 101
            assert counted(redis, 'packets_out') + counted(redis, 'packets_in') == 1010
            assert redis.call('ZRANGE', 'ratwatch:suspected', 0, -1) == ['w-acme']
            sensor = redis.hash('ratwatch:{sensor:tap-1}')
            assert sensor['generation'] == '3' and sensor['view'] == 'both' and sensor['blind_ratio'] == '0.000000', sensor
            assert sensor['received'] == '1510' and sensor['probed'] == '1510' and sensor['missed'] == '0', sensor
            assert int(sensor['complete_until']) <= int(sensor['last_batch']), sensor
            hours = [redis.hash(k) for k in redis.keys('ratwatch:{sensor:tap-1}:h:*')]
            assert sum(int(v) for h in hours for f, v in h.items() if f.endswith('|received')) == 1510, hours
        finally:
            if daemon:
                daemon.kill()
            if redis:
                redis.stop()
            if net:
                net.remove()


main()
