#!/usr/bin/env python3
"""Real captures agree with an independent dissector (scripts/check-captures), and a replay gives the same bytes with several workers."""

import os
import subprocess
import sys

BUILD, SOURCE = os.environ['RATWATCH_BUILD'], os.environ['RATWATCH_SOURCE']
RATWATCHD = os.path.join(BUILD, 'daemon', 'ratwatchd')
DATA = os.environ.get('RATWATCH_TEST_DATA')
# ThreadSanitizer needs a second for each start: there a few folders do.
FEW = os.environ.get('RATWATCH_CAPTURES', '').split()
FOLDERS = FEW or ['malware', 'tcp', 'benign', 'mix', 'frag', 'truncated', 'formats', 'derived', 'encap']

if not DATA or not os.path.isdir(os.path.join(DATA, 'pcaps')):
    print('skipped: RATWATCH_TEST_DATA is not set: no real captures')
    sys.exit(77)
pcaps = os.path.join(DATA, 'pcaps')

for name in ('malware/emotet-2021-01.pcap', 'mix/isp-mix.pcap'):
    outputs = {subprocess.run([RATWATCHD, '-r', os.path.join(pcaps, name), '-f', os.path.join(pcaps, 'all-c2.txt'), '--set',
                               'indicators.allow_special=true', '-o', 'json', '--contacts', '--workers', str(n)],
                              check=True, capture_output=True).stdout for n in (1, 2, 5)}
    assert len(outputs) == 1, name + ': the report depends on the number of workers'

# What crashed other programs: an orderly report, or one message and exit status 2.
for name in [] if FEW else sorted(os.listdir(os.path.join(pcaps, 'malformed'))):
    if not name.endswith(('.pcap', '.pcapng', '.cap')):
        continue
    got = subprocess.run([RATWATCHD, '-r', os.path.join(pcaps, 'malformed', name), '-f', os.path.join(pcaps, 'all-c2.txt'), '--set',
                          'indicators.allow_special=true', '-o', 'json'], capture_output=True, text=True)
    assert got.returncode in (0, 2), (name, got.returncode, got.stderr)
    assert (got.returncode == 0) == (got.stderr == ''), (name, got.stderr)
    assert got.returncode == 0 or got.stdout == '', name

sys.exit(subprocess.run([os.path.join(SOURCE, 'scripts', 'check-captures'), '--ratwatchd', RATWATCHD] +
                        [os.path.join(pcaps, f) for f in FOLDERS]).returncode)
