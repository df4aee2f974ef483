#!/usr/bin/env python3
"""The operator's table of families, and a feed that is many files: what they change in a report, and what is said when they are wrong."""

import json
import os
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), '..', 'e2e'))
import harness as h

VICTIM, C2, OTHER = '192.0.2.1', '198.18.7.7', '198.18.7.8'

CONFIG = """
indicators:
  allow_special: true
  families: families.csv
  feeds:
    - {path: "lists/* IPs.txt", family: "@file"}
organizations:
  watchlists: [watchlist.csv]
"""


def replay(folder, status=0):
    run = subprocess.run([h.RATWATCHD, '-c', 'ratwatch.yaml', '-r', 'c.pcap', '-o', 'json', '--contacts'], cwd=folder.path,
                         capture_output=True, text=True)
    assert run.returncode == status, run
    return json.loads(run.stdout) if status == 0 else run.stderr


def suspected(report):
    return [o['id'] for o in report['organizations'] if o['suspected']]


def main():
    with h.Folder() as folder:
        os.mkdir(os.path.join(folder.path, 'lists'))
        folder.file('lists/Old Odd C2 IPs.txt', C2 + ':5000\n')
        folder.file('lists/njRAT Trojan IPs.txt', OTHER + '\n')
        folder.file('lists/README', 'no list')
        folder.file('watchlist.csv', 'network,id,name\n%s,victim,Victim\n' % VICTIM)
        folder.file('ratwatch.yaml', CONFIG)
        # The controller connects to its victim.
        h.write_pcap(os.path.join(folder.path, 'c.pcap'), h.conversation(C2, 5000, VICTIM, 51966))
        folder.file('families.csv', 'name,alias,connects\n')
        report = replay(folder)
        assert [f['entries'] for f in report['indicators']['feeds']] == [1, 1], report['indicators']
        assert report['contacts'][0]['family'] == 'Old Odd', report['contacts']
        assert suspected(report) == [] and report['totals']['inbound'] == 1, report
        folder.file('families.csv', 'name,alias,connects\nOddity,old-odd,inbound\n')
        report = replay(folder)
        assert report['contacts'][0]['family'] == 'Oddity', report['contacts']
        assert suspected(report) == ['w-victim'] and report['totals']['inbound'] == 0, report
        folder.file('families.csv', 'name,alias,connects\nOddity,old-odd,outward\n')
        assert 'families.csv:2: connects: neither inbound nor nothing' in replay(folder, 2)
        folder.file('families.csv', 'name,alias,connects\n')
        os.rename(os.path.join(folder.path, 'lists'), os.path.join(folder.path, 'moved'))
        assert 'IPs.txt: matches no file' in replay(folder, 2)


main()
