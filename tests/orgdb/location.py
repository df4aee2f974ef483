#!/usr/bin/env python3
"""The real database: what ratwatch-build-orgdb makes of it says the same as `location lookup`, and as answers that were collected before."""

import csv
import os
import random
import re
import shutil
import subprocess

import orgdb
from orgdb import h, plain

DATABASE = '/usr/share/libloc-location/location.db'  # Debian's; /var/lib/location may have a newer one


def looked_up(addresses):
    """{address: number of its AS or None} of `location lookup`."""
    text = subprocess.run(['location', '--database', DATABASE, 'lookup', *addresses], capture_output=True, text=True).stdout
    answers = {a: None for a in addresses}
    for line in text.splitlines():
        if line and not line[0].isspace():
            address = line[:-1]
        found = re.match(r'\s+Autonomous System\s+: AS(\d+)', line)
        if found:
            answers[address] = int(found[1])
    return answers


def some_addresses(dump):
    with open(dump) as f:
        networks = [line.split()[1] for line in f if line.startswith('net:')]
    chosen = random.Random(5).sample(networks, 300)
    return [n.split('/')[0] for n in chosen]


def build(dump, out, *argv):
    run = orgdb.build('-i', dump, '-o', out, *argv)
    assert run.returncode == 0 and run.stderr == '', run
    print(run.stdout)
    return out


def check_lookups(dump, path):
    want = looked_up(some_addresses(dump))
    assert sum(1 for number in want.values() if number) > 200, 'location looks nothing up'
    _, answers = orgdb.read(path, *want)
    got = {a: plain(r)[0] for a, r in answers.items()}
    # Teredo and 6to4 are left out on purpose.
    wrong = {a: (got[a], want[a]) for a in want if got[a] != want[a] and not a.startswith(('2001:0:', '2001::', '2002:'))}
    assert not wrong, wrong


def check_collected(data, path):
    with open(os.path.join(data, 'org-asn-v4.expect.tsv')) as f:
        want = {r['ip']: (r['asn'], r['organization']) for r in csv.DictReader(f, delimiter='\t', quoting=csv.QUOTE_NONE)}
    _, answers = orgdb.read(path, *want)
    got = {a: tuple(str(x if x is not None else '-') for x in plain(r)[:2]) for a, r in answers.items()}
    assert len(want) == 24 and got == want, {a: (got[a], want[a]) for a in want if got[a] != want[a]}


def main():
    orgdb.need_writer()
    if not shutil.which('location') or not os.path.exists(DATABASE):
        h.skip('location and libloc-database are not both installed')
    data = os.path.join(os.environ.get('RATWATCH_TEST_DATA') or '/nonexistent', 'mmdb')
    names = os.path.join(data, 'asn2org.csv')
    argv = ['-n', names] if os.path.exists(names) else []
    with h.Folder() as folder:
        dump = os.path.join(folder.path, 'dump')
        subprocess.run(['location', '--database', DATABASE, 'dump', dump], check=True)
        path = build(dump, os.path.join(folder.path, 'org.mmdb'), *argv)
        check_lookups(dump, path)
        if not argv:
            print('the collected answers were not looked at: RATWATCH_TEST_DATA is not set')
        elif '0~20221029-1' not in subprocess.run(['dpkg-query', '-W', 'libloc-database'], capture_output=True, text=True).stdout:
            print('the collected answers were not looked at: they are of libloc-database 0~20221029-1')
        else:
            check_collected(data, path)


main()
