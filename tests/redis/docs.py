#!/usr/bin/env python3
"""Runs every `$ redis-cli ...` line of docs/redis.md against a server that holds the demonstration, and compares what it says. Also: every
key family that is there is in the document, every key expires, and the same replay twice changes nothing."""

import os
import re
import subprocess
import sys

sys.path.insert(0, os.path.join(os.environ['RATWATCH_SOURCE'], 'tests', 'e2e'))
import harness as h

CAST = os.path.join(h.SOURCE, 'scenario')


def replay(folder, redis, *more):
    subprocess.run([h.RATWATCHD, '-r', 'demo.pcap', '-c', os.path.join(CAST, 'demo.yaml'), '--redis', redis.url, '-o', 'json',
                    '--run-id', 'docs', *more], cwd=folder.path, check=True, stdout=subprocess.DEVNULL)


def examples(text):
    """(words, expected lines) of each example."""
    for block in re.findall(r'```console\n(.*?)```', text, re.S):
        for part in re.split(r'^\$ redis-cli ', block, flags=re.M)[1:]:
            command, _, output = part.partition('\n')
            yield command.split(), output.split('\n')[:-1]


def flat(reply):
    """As redis-cli prints a reply in a pipe."""
    if isinstance(reply, list):
        return [line for item in reply for line in flat(item)]
    return ['' if reply is None else str(reply)]


def family(key):
    """The key with its variable parts replaced as in the document."""
    key = key.removeprefix('ratwatch-replay:')
    key = re.sub(r'\{org:[^}]*\}', '{org:<id>}', key)
    key = re.sub(r'\{c2:[^}]*\}', '{c2:<address>}', key)
    key = re.sub(r':seq:.*', ':seq:<sensor>', key)
    key = re.sub(r':c2:[0-9a-f.:]+$', ':c2:<address>', key)
    key = re.sub(r'^family:.*', 'family:<family>', key)
    key = re.sub(r':v:\d{8}:.*', ':v:<YYYYMMDD>:<family>', key)
    key = re.sub(r':h:\d{10}$', ':h:<YYYYMMDDHH>', key)
    return re.sub(r'\d{8}$', '<YYYYMMDD>', key)


def state(redis):
    """Everything but the time at which Redis was told."""
    return {k: sorted(redis.hash(k).items()) for k in redis.keys() if redis.call('TYPE', k) == 'hash'}


def main():
    with open(os.path.join(h.SOURCE, 'docs', 'redis.md')) as f:
        text = f.read()
    with h.Folder() as folder:
        subprocess.run([os.path.join(h.BUILD, 'scenario', 'scenario-generate'), CAST, os.path.join(folder.path, 'demo.pcap')],
                       check=True, stdout=subprocess.DEVNULL)
        redis = h.Redis(folder.path)
        try:
            replay(folder, redis)
            count = 0
            for words, expected in examples(text):
                got = flat(redis.call(*words))
                assert sorted(got) == sorted(expected), '%s: %r, the document says %r' % (' '.join(words), got, expected)
                count += 1
            assert count > 30, count
            documented = text.replace('`, `:orgs`', '`, `{c2:<address>}:orgs`')
            for key in redis.keys():
                name = family(key)
                short = re.sub(r'\{c2:<address>\}:(d|n|v):<YYYYMMDD>', r':\1:<day>', name)
                assert '`%s`' % name in documented or '`%s`' % short in documented, 'not in the document: %s (%s)' % (name, key)
                assert redis.call('TTL', key) > 0, 'never expires: ' + key
            before, sightings = state(redis), redis.call('XLEN', 'ratwatch-replay:sightings')
            replay(folder, redis, '--workers', '2')
            assert state(redis) == before, 'the same replay twice changes something'
            print('%d examples' % count)
        finally:
            redis.stop()


main()
