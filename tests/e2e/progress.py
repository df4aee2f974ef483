#!/usr/bin/env python3
"""A replay longer than two seconds shows its progress on a terminal: share of bytes, packets per second, hits."""

import os
import pty
import re
import subprocess
import sys
import tempfile

BUILD, SOURCE = os.environ['RATWATCH_BUILD'], os.environ['RATWATCH_SOURCE']


def main():
    try:
        one, two = pty.openpty()
    except OSError as e:
        print('skipped: no terminal can be made here: %s' % e)
        sys.exit(77)
    with tempfile.TemporaryDirectory(prefix='ratwatch-test-') as folder:
        capture = os.path.join(folder, 'demo.pcap')
        subprocess.run([os.path.join(BUILD, 'scenario', 'scenario-generate'), os.path.join(SOURCE, 'scenario'), capture], check=True,
                       stdout=subprocess.DEVNULL)
        # Until it takes more than two seconds on this machine.
        for times in (20, 80, 320):
            process = subprocess.Popen([os.path.join(BUILD, 'daemon', 'ratwatchd'), '-c', os.path.join(SOURCE, 'scenario', 'demo.yaml'),
                                        '-o', 'json'] + ['-r', capture] * times, stdout=subprocess.DEVNULL, stderr=two)
            if times == 20:
                quick = subprocess.run([os.path.join(BUILD, 'daemon', 'ratwatchd'), '-r', capture, '-c',
                                        os.path.join(SOURCE, 'scenario', 'demo.yaml')], capture_output=True, text=True)
                assert quick.stderr == '', quick.stderr
            assert process.wait(120) == 0
            os.write(two, b'(end)')
            text = ''
            while '(end)' not in text:
                text += os.read(one, 65536).decode()
            shown = re.findall(r'(\d+) %  (\d+) packets  (\d+) packets/s  (\d+) hits', text)
            if shown:
                break
        assert shown, 'no progress: %r' % text
        shares = [int(s[0]) for s in shown]
        assert shares == sorted(shares) and shares[-1] <= 100, shares
        assert int(shown[-1][3]) > 0
        print('%d times, %d lines, last: %s' % (times, len(shown), shown[-1]))


main()
