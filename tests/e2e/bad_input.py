#!/usr/bin/env python3
"""Bad input gets one clear message that names file, line, key and remedy, exit status 2, and nothing half-written."""

import gzip
import json
import os
import shutil
import subprocess
import sys

sys.path.insert(0, os.path.dirname(__file__))
import harness as h

C2 = '198.18.7.7'


def run(folder, *argv, user=None):
    command = [h.RATWATCHD, *argv, *(['--set', 'indicators.state_dir=state'] if '-c' in argv else [])]
    return subprocess.run(command, cwd=folder.path, capture_output=True, text=True, user=user)


def refused(folder, argv, *words, lines=1):
    """Exit 2, an empty standard output, at most `lines` lines that hold all the words."""
    got = run(folder, *argv)
    assert got.returncode == 2, (argv, got)
    assert got.stdout == '', (argv, got.stdout)
    errors = [line for line in got.stderr.splitlines() if line]
    assert 1 <= len(errors) <= lines, (argv, errors)
    for word in words:
        assert word in got.stderr, (argv, word, got.stderr)


def main():
    with h.Folder() as folder:
        path = lambda name: os.path.join(folder.path, name)
        frames = h.conversation('192.0.2.1', 40000, C2, 443)
        h.write_pcap(path('good.pcap'), frames)
        good = open(path('good.pcap'), 'rb').read()
        open(path('empty.pcap'), 'wb').close()
        open(path('cut.pcap'), 'wb').write(good[:-7])
        open(path('header.pcap'), 'wb').write(good[:10])
        open(path('noise.pcap'), 'wb').write(b'this is no capture at all, is it?')
        h.write_pcap(path('radio.pcap'), frames, link=127)
        folder.file('feed.txt', C2 + ':443\n')
        folder.file('page.txt', '<!DOCTYPE html>\n<html>503</html>\n')
        folder.file('bad.txt', 'hello\nworld\n')
        lab = ['--set', 'indicators.allow_special=true', '-f', 'feed.txt']

        refused(folder, ['-r', 'none.pcap', *lab], 'none.pcap: no such file')
        refused(folder, ['-r', 'empty.pcap', *lab], 'empty.pcap: is empty')
        refused(folder, ['-r', 'cut.pcap', *lab], 'cut.pcap: after packet 9', 'copy the file again')
        refused(folder, ['-r', 'header.pcap', *lab], 'header.pcap')
        refused(folder, ['-r', 'noise.pcap', *lab], 'noise.pcap: is no capture', 'pcapng')
        refused(folder, ['-r', 'radio.pcap', *lab], 'radio.pcap: link type IEEE802_11_RADIO (127) is not read')
        whole = gzip.compress(good)
        open(path('cut.pcap.gz'), 'wb').write(whole[:-30])
        open(path('damaged.pcap.gz'), 'wb').write(whole[:12] + bytes(40) + whole[52:])
        open(path('good.pcap.zst'), 'wb').write(b'\x28\xb5\x2f\xfd' + good)
        open(path('lost.pcapng'), 'wb').write(b'\x0a\x0d\x0d\x0a' + bytes(40))
        refused(folder, ['-r', 'cut.pcap.gz', *lab], 'cut.pcap.gz: ')
        refused(folder, ['-r', 'damaged.pcap.gz', *lab], 'damaged.pcap.gz: ')
        refused(folder, ['-r', 'good.pcap.zst', *lab], 'good.pcap.zst: is compressed with zstd', 'zstd -dc')
        refused(folder, ['-r', 'lost.pcapng', *lab], 'lost.pcapng: after packet 0', 'byte-order magic')
        refused(folder, ['-r', 'none.pcap', '-r', 'empty.pcap', *lab], 'none.pcap', 'empty.pcap', lines=2)

        refused(folder, ['-r', 'good.pcap', '-f', 'page.txt'], 'page.txt:1: is HTML', 'download it again')
        refused(folder, ['-r', 'good.pcap', '-f', 'bad.txt'], 'bad.txt:1:', "'hello'", 'max_bad', lines=3)
        refused(folder, ['-r', 'good.pcap', '-f', 'gone.txt'], 'gone.txt: no such file')
        refused(folder, ['-r', 'good.pcap', *lab, '-d', 'feed.txt'], 'feed.txt: is no MaxMind-format database')
        refused(folder, ['-r', 'good.pcap', *lab, '-w', 'feed.txt'], 'feed.txt:1: no header of a watchlist')

        folder.file('c.yaml', 'capture:\n  worker: 2\n  buffers: many\nredis:\n  url: localhost\n')
        refused(folder, ['-n', '-c', 'c.yaml'], 'c.yaml:2: capture.worker:', "did you mean 'workers'", 'c.yaml:3: capture.buffers:',
                'c.yaml:5: redis.url:', lines=3)
        folder.file('c.yaml', 'capture:\n\tworkers: 2\n')
        refused(folder, ['-n', '-c', 'c.yaml'], 'c.yaml:2:')
        refused(folder, ['-n', '-c', 'none.yaml'], 'none.yaml: no such file')
        folder.file('c.yaml', 'capture:\n  ports: [af_packet:nosuchport]\n')
        refused(folder, ['-c', 'c.yaml'], 'af_packet:nosuchport: no such network interface', 'ip link')
        folder.file('c.yaml', 'capture:\n  ports: [af_packet:lo]\n  hugepages: true\n')
        refused(folder, ['-c', 'c.yaml'], 'hugepages', 'capture.hugepages: false')
        folder.file('c.yaml', 'sensor:\n  name: x\n')
        refused(folder, ['-c', 'c.yaml'], 'capture.ports', 'af_packet:eth0')

        refused(folder, [], 'nothing to do')
        refused(folder, ['-r'], '-r', 'wants an argument')
        refused(folder, ['--frobnicate'], 'unknown option')
        refused(folder, ['good.pcap'], 'good.pcap', 'stands alone')
        refused(folder, ['-r', 'good.pcap', '-o', 'xml'], 'write table or json')
        refused(folder, ['-r', 'good.pcap', '--run-id', 'a b'], '--run-id')
        for option in (['--as-of', '2024-01-01'], ['--contacts'], ['-o', 'json'], ['--note', 'x'], ['--run-id', 'x']):
            refused(folder, ['-c', 'c.yaml', *option], option[0] + ': belongs to a replay')

        # A replay that finds nothing says so usefully.
        folder.file('other.txt', '8.8.8.8:443\n')
        nothing = run(folder, '-r', 'good.pcap', '-f', 'other.txt')
        assert nothing.returncode == 0 and nothing.stderr == '', nothing
        for words in ('Nothing was found: 10 packets', '10 of them looked up', '1 indicators', 'other.txt: 1 entries', 'hours old'):
            assert words in nothing.stdout, (words, nothing.stdout)

        # No progress in a pipe, and the exit status of a report that cannot be written.
        with open('/dev/full', 'w') as full:
            got = subprocess.run([h.RATWATCHD, '-r', 'good.pcap', *lab, '-o', 'json'], cwd=folder.path, stdout=full,
                                 stderr=subprocess.PIPE, text=True)
        assert got.returncode == 1 and 'report: cannot be written' in got.stderr, got

        # As a user without rights or hugepages, too.
        if os.geteuid() == 0:
            os.chmod(folder.path, 0o755)
            ratwatchd = shutil.copy(h.RATWATCHD, path('ratwatchd'))
            os.chmod(ratwatchd, 0o755)
            got = subprocess.run([ratwatchd, '-r', 'good.pcap', *lab, '-o', 'json'], cwd=folder.path, capture_output=True,
                                 text=True, user=65534, env={})
            assert got.returncode == 0 and json.loads(got.stdout)['totals']['contacts'] == 1, got
            folder.file('c.yaml', 'capture:\n  ports: [af_packet:lo]\n  hugepages: false\n')
            got = subprocess.run([ratwatchd, '-c', 'c.yaml'], cwd=folder.path, capture_output=True, text=True, user=65534, env={})
            assert got.returncode == 2 and 'CAP_NET_RAW' in got.stderr, got


main()
