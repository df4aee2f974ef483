#!/usr/bin/env python3
"""Whatever organizations.privacy says: with keyed-hash and none no byte that goes to Redis names a victim, distinct victims still count right,
and `ratwatch hash` finds one. Whoever delivers live must have chosen."""

import os
import re
import socket
import subprocess
import sys
import threading

sys.path.insert(0, os.path.join(os.path.dirname(__file__), '..', 'e2e'))
import harness as h

C2 = '198.18.7.7'
VICTIMS = ['192.0.2.%d' % i for i in range(100, 130)]
OTHERS = ['192.0.2.%d' % i for i in range(120, 150)]  # of another sensor: ten of them are the same
KEY = '00112233445566778899aabbccddeeff\n'
DAY = '20200913'


class Wire:
    """Everything that a server is told while the block runs."""

    def __init__(self, redis):
        self.redis, self.text = redis, b''

    def __enter__(self):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect(self.redis.socket)
        self.socket.sendall(b'MONITOR\r\n')
        assert self.socket.recv(5) == b'+OK\r\n'
        self.thread = threading.Thread(target=self._read)
        self.thread.start()
        return self

    def _read(self):
        while b'the-end-of-it' not in self.text[-200:]:
            self.text += self.socket.recv(1 << 20)

    def __exit__(self, *_):
        self.redis.call('PING', 'the-end-of-it')
        self.thread.join(h.DEADLINE)
        self.socket.close()


def replay(folder, redis, name, victims, *sets):
    # An unanswered one too, which is a sighting of a victim that is not suspected.
    frames = [f for i, v in enumerate(victims) for f in h.conversation(v, 40000 + i, C2, 443)]
    frames.append(h.tcp('192.0.2.99', 40000, C2, 443, h.SYN, 100, 0))
    capture = h.write_pcap(os.path.join(folder.path, 'c.pcap'), [h.tagged(f, 77) for f in frames])
    with Wire(redis) as wire:
        got = subprocess.run([h.RATWATCHD, '-r', capture, '-f', folder.path + '/feed.txt', '-w', folder.path + '/watchlist.csv', '--redis',
                              redis.url, '--run-id', name, '--set', 'indicators.allow_special=true', *(w for s in sets for w in ('--set', s))],
                             capture_output=True, text=True)
    assert got.returncode == 0 and got.stderr == '', got
    assert b'ratwatch1_apply' in wire.text
    return re.findall(rb'192\.0\.2\.\d+', wire.text)


def victims(redis):
    hll = 'ratwatch-replay:{org:w-acme}:v:' + DAY
    counts = {redis.call('PFCOUNT', key) for key in (hll, hll + ':unnamed', 'ratwatch-replay:{c2:%s}:v:%s' % (C2, DAY))}
    counts.add(int(redis.hash('ratwatch-replay:{org:w-acme}:d:' + DAY)['victims']))
    assert len(counts) == 1, counts
    return counts.pop()


def hosts(redis):
    return redis.call('ZRANGE', 'ratwatch-replay:{org:w-acme}:hosts', 0, -1)


def sightings(redis):
    return [dict(zip(fields[::2], fields[1::2])) for _, fields in redis.call('XRANGE', 'ratwatch-replay:sightings', '-', '+')]


def check_plain(folder, redis):
    assert replay(folder, redis, 'a', VICTIMS) != []
    assert victims(redis) == 30 and sorted(hosts(redis)) == VICTIMS
    assert {s['victim'] for s in sightings(redis)} == {*VICTIMS, '192.0.2.99'} and sightings(redis)[0]['tunnel'] == 'vlan:77'


def check_keyed(folder, redis):
    sets = 'organizations.privacy=keyed-hash', 'organizations.privacy_key_file=' + folder.path + '/key'
    assert replay(folder, redis, 'a', VICTIMS, *sets) == []
    assert victims(redis) == 30
    names = subprocess.run([h.RATWATCH, 'hash', '--key-file', folder.path + '/key', *VICTIMS, '192.0.2.99'], capture_output=True, text=True)
    assert names.returncode == 0 and names.stderr == '', names
    names = names.stdout.split()
    assert sorted(hosts(redis)) == sorted(names[:-1]) and all(re.fullmatch('h-[0-9a-f]{16}', n) for n in names)
    assert {s['victim'] for s in sightings(redis)} == set(names)
    # Another sensor that shares the key.
    assert replay(folder, redis, 'b', OTHERS, *sets) == []
    assert 49 <= victims(redis) <= 51, victims(redis)
    assert len(hosts(redis)) == 50


def check_none(folder, redis):
    assert replay(folder, redis, 'a', VICTIMS, 'organizations.privacy=none') == []
    assert victims(redis) == 30 and hosts(redis) == []
    assert {s['victim'] for s in sightings(redis)} == {''} and {s['tunnel'] for s in sightings(redis)} == {''}
    assert len(sightings(redis)) <= 2, 'more than one controller of one day, which rose'
    seen = redis.hash('ratwatch-replay:{org:w-acme}:seen:' + DAY)
    assert list(seen) == [C2 + '|'], seen


def check_choice(folder):
    """Asked for where something goes out, and only there."""
    config = "capture: {ports: ['af_packet:port']}\norganizations: {%s}\nredis: {url: 'unix:///nowhere'}\n"

    def said(organizations, *mode):
        got = subprocess.run([h.RATWATCHD, *mode, '-c', folder.file('c.yaml', config % organizations), '--set',
                              'indicators.state_dir=' + folder.path + '/state'], capture_output=True, text=True)
        assert got.returncode == 2 or organizations.startswith('privacy: plain'), got
        return got.stderr

    for mode in (['-n'], []):
        assert re.search(r'c\.yaml: organizations\.privacy: is not chosen; write plain .* keyed-hash .* or none', said('', *mode))
        assert 'openssl rand -hex 16' in said('privacy: keyed-hash', *mode)
        assert 'wrong.key:1: holds no key' in said('privacy: keyed-hash, privacy_key_file: wrong.key', *mode)
        assert "'secret' is none of the choices; write plain, keyed-hash or none" in said('privacy: secret', *mode)
    assert said('privacy: plain', '-n') == ''


def check_hash(folder):
    say = lambda *argv: subprocess.run([h.RATWATCH, 'hash', *argv], capture_output=True, text=True)
    config = folder.file('ratwatch.yaml', 'organizations: {privacy_key_file: key, victim_prefix6: 48}\n')
    same = say('-c', config, '2001:db8:0:1::1', '2001:db8:0:2::1').stdout.split()
    assert len(same) == 2 and same[0] == same[1], same
    differ = say('--key-file', folder.path + '/key', '2001:db8:0:1::1', '2001:db8:0:2::1').stdout.split()
    assert differ[0] != differ[1], differ
    assert say('--key-file', folder.path + '/key', 'there').returncode == 2
    assert say('--key-file', folder.path + '/absent', '192.0.2.1').returncode == 2
    assert say('--key-file', folder.path + '/key').returncode == 2
    nothing = say('-c', folder.file('none.yaml', 'log: {level: info}\n'), '192.0.2.1')
    assert nothing.returncode == 2 and '--key-file FILE' in nothing.stderr, nothing


def main():
    with h.Folder() as folder:
        folder.file('feed.txt', C2 + ':443\n')
        folder.file('watchlist.csv', 'network,id,name,sector,country,lane,watch\n192.0.2.0/24,acme,Acme,,,,yes\n')
        folder.file('key', KEY)
        folder.file('wrong.key', 'secret\n')
        check_choice(folder)
        check_hash(folder)
        redis = h.Redis(folder.path)
        try:
            for check in (check_plain, check_keyed, check_none):
                redis.call('FLUSHALL')
                check(folder, redis)
        finally:
            redis.stop()


main()
