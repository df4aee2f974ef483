#!/usr/bin/env python3
"""What Redis gets when something is wrong with it: nothing half, nothing twice, one clear message."""

import os
import subprocess
import sys

sys.path.insert(0, os.path.join(os.environ['RATWATCH_SOURCE'], 'tests', 'e2e'))
import harness as h

C2 = '198.18.7.7'


def replay(folder, url, *more):
    return subprocess.run([h.RATWATCHD, '-r', 'a.pcap', '-f', 'feed.txt', '-w', 'watchlist.csv', '--redis', url, '--set',
                           'indicators.allow_special=true', '-o', 'json', *more], cwd=folder.path, capture_output=True, text=True)


def counted(redis, counter):
    return sum(int(v) for k in redis.keys('ratwatch-replay:{org:w-acme}:d:*') for f, v in redis.hash(k).items()
               if f.endswith('|counted|' + counter))


def fcall(redis, seq, prev, incarnation='a', n='1'):
    return redis.call('FCALL', 'ratwatch1_apply', 2, 'x:{org:t}:seq:s', 'x:{org:t}:d', incarnation, seq, prev, 's', 'incr', 2,
                      'field', n)[0]


def chain(redis):
    """applied, already, behind, a new life; and no write before every check."""
    value = lambda: redis.call('HGET', 'x:{org:t}:d', 'field')
    assert fcall(redis, 1, 0) == 'applied' and value() == '1'
    assert fcall(redis, 1, 0) == 'already' and value() == '1'
    assert fcall(redis, 3, 2) == 'behind' and value() == '1'
    assert fcall(redis, 2, 1, n='100000000000000000') == 'applied' and value() == '100000000000000001'
    assert fcall(redis, 1, 0, incarnation='b') == 'applied'
    redis.call('SET', 'x:{org:u}:d', 'text')
    for bad in (['incr', 2, 'field', 'x'], ['incr', 9, 'field', 1], ['unknown', 2], ['incr', 2, 'field']):
        try:
            redis.call('FCALL', 'ratwatch1_apply', 2, 'x:{org:v}:seq:s', 'x:{org:v}:d', 'a', 1, 0, 's', 'incr', 2, 'first', 1, *bad)
            raise SystemExit('accepted: %r' % bad)
        except AssertionError:
            pass
        assert redis.call('EXISTS', 'x:{org:v}:seq:s', 'x:{org:v}:d') == 0, 'written before the check: %r' % bad
    try:
        redis.call('FCALL', 'ratwatch1_apply', 3, 'x:{org:u}:seq:s', 'x:{org:u}:e', 'x:{org:u}:d', 'a', 1, 0, 's', 'incr', 2,
                   'f', 1, 'incr', 3, 'f', 1)
        raise SystemExit('accepted a key of another type')
    except AssertionError as e:
        assert 'is a string, not a hash' in str(e), e
    assert redis.call('EXISTS', 'x:{org:u}:seq:s', 'x:{org:u}:e') == 0


def main():
    with h.Folder() as folder:
        h.write_pcap(os.path.join(folder.path, 'a.pcap'),
                     [f for i in range(30) for f in h.conversation('192.0.2.%d' % (i + 1), 40000 + i, C2, 443)])
        folder.file('feed.txt', C2 + ':443\n')
        folder.file('watchlist.csv', 'network,id,name\n192.0.2.0/24,acme,Acme\n')

        away = replay(folder, 'unix://%s/nobody.sock' % folder.path)
        assert away.returncode == 2 and away.stdout == '', away
        assert 'nobody.sock' in away.stderr and 'is Redis running there?' in away.stderr, away.stderr

        redis = h.Redis(folder.path)
        try:
            redis.call('CONFIG', 'SET', 'maxmemory-policy', 'allkeys-lru')
            evicting = replay(folder, redis.url)
            assert evicting.returncode == 2 and 'noeviction' in evicting.stderr, evicting
            assert redis.keys() == [], redis.keys()
            redis.call('CONFIG', 'SET', 'maxmemory-policy', 'noeviction')

            for _ in range(2):
                assert replay(folder, redis.url).returncode == 0
                assert counted(redis, 'contacts') == counted(redis, 'two_way') == 30
            assert replay(folder, redis.url, '--run-id', 'other').returncode == 0
            assert counted(redis, 'contacts') == 60, 'two sensors add up'
            redis.call('FUNCTION', 'FLUSH')
            assert replay(folder, redis.url, '--run-id', 'third').returncode == 0, 'the library is loaded again'

            redis.call('HSET', 'ratwatch-replay:meta', 'schema', '99')
            other = replay(folder, redis.url, '--run-id', 'fourth')
            assert other.returncode == 2 and 'schema 99' in other.stderr, other
            chain(redis)
        finally:
            redis.stop()


main()
