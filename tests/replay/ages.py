#!/usr/bin/env python3
"""A replay sees what was in force when its packets were sent, or at --as-of; an allowlist wins over every list."""

import json
import os
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), '..', 'e2e'))
import harness as h

VICTIM, C2 = '192.0.2.1', '198.18.7.7'
DAY = 86400
FEODO = '''"first_seen_utc","dst_ip","dst_port","c2_status","last_online","malware"
"2020-01-01 00:00:00","%s","443","online","%s","Emotet"
'''
THAT_DAY = 1_599_955_200  # 2020-09-13


def replay(folder, *argv):
    run = subprocess.run([h.RATWATCHD, '-r', 'c.pcap', '--set', 'indicators.allow_special=true', '-o', 'json', '--contacts', *argv],
                         cwd=folder.path, capture_output=True, text=True)
    assert run.returncode == 0, run
    return json.loads(run.stdout)


def contacts(folder, last_online, *argv):
    folder.file('feodo.csv', FEODO % (C2, last_online))
    return replay(folder, '-f', 'feodo.csv', *argv)['contacts']


def main():
    with h.Folder() as folder:
        path = os.path.join(folder.path, 'c.pcap')
        h.write_pcap(path, h.conversation(VICTIM, 40000, C2, 443), start=THAT_DAY + 100)
        assert [c['evidence'] for c in contacts(folder, '2020-09-12')] == ['two_way']
        assert len(contacts(folder, '2020-08-15')) == 1  # its thirtieth day is the next
        assert contacts(folder, '2020-08-14') == []
        assert len(contacts(folder, '2020-08-14', '--as-of', '2020-08-20')) == 1
        assert contacts(folder, '2020-09-12', '--as-of', '2026-01-01') == []
        assert contacts(folder, '2020-09-12', '--as-of', '2020-10-12T00:00:00Z') == []
        assert len(contacts(folder, '2020-09-12', '--as-of', '2020-10-11T23:59:59Z')) == 1

        # It ends between two packets of a conversation.
        frames = h.conversation(VICTIM, 40000, C2, 443)
        h.write_pcap(path, frames, start=THAT_DAY - 1)
        with open(path, 'rb+') as f:  # the last five a second later
            data = f.read()
            at = 24
            for i in range(len(frames)):
                length = int.from_bytes(data[at + 8:at + 12], 'little')
                if i >= 5:
                    f.seek(at)
                    f.write(THAT_DAY.to_bytes(4, 'little'))
                at += 16 + length
        contact, = contacts(folder, '2020-08-14')
        assert contact['packets_out'] + contact['packets_in'] == 5, contact

        h.write_pcap(path, frames)
        folder.file('plain.txt', '198.18.7.0/24\n')
        for allowed, lane in (('198.18.7.7\n', 'allowed'), ('198.18.0.0/16\n', 'allowed'), ('198.18.7.200\n', 'allowed'), ('198.18.8.0/24\n', 'counted')):
            folder.file('allowed.txt', allowed)
            report = replay(folder, '-f', 'plain.txt', '--set', 'lanes.allowed=allowed.txt')
            assert [c['lane'] for c in report['contacts']] == [lane], (allowed, report['contacts'])


main()
