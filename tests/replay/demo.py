#!/usr/bin/env python3
"""The demonstration is the published analysis.

The generated capture is replayed with one worker and with three. Both reports are the same bytes; the whole report equals
scenario/expected-report.json; and the numbers of the analysis are derived from the cast once more, by this script, so that the expected
report is no mere recording.

demo.py --record writes scenario/expected-report.json anew.
"""

import csv
import json
import os
import subprocess
import sys
import tempfile

BUILD, SOURCE = os.environ['RATWATCH_BUILD'], os.environ['RATWATCH_SOURCE']
CAST = os.path.join(SOURCE, 'scenario')
EXPECTED = os.path.join(CAST, 'expected-report.json')
NINE = {'automotive', 'finance and banking', 'energy', 'medical device manufacturing', 'construction',
        'retail and entertainment', 'logistics, commercial services and supplies', 'information technology', 'utilities'}
XTREME = {'101.132.69.78', '116.62.60.109', '212.46.104.104', '196.200.160.201', '198.255.100.74', '192.240.110.98'}


def rows(name):
    with open(os.path.join(CAST, name), newline='') as f:
        return list(csv.DictReader(f))


def replay(folder, workers):
    run = subprocess.run([os.path.join(BUILD, 'daemon', 'ratwatchd'), '-r', 'demo.pcap', '-c', os.path.join(CAST, 'demo.yaml'),
                          '-o', 'json', '--workers', str(workers)], cwd=folder, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    assert run.stderr == '', run.stderr
    return run.stdout


def normalised(text):
    """Without what depends on the place and the version."""
    report = json.loads(text)
    report['version'] = ''
    for feed in report['indicators']['feeds']:
        feed['path'] = os.path.basename(feed['path'])
    return report


def check_published(report):
    cast = [r for r in rows('contacts.csv') if r['what'] == 'two_way']
    orgs = {o['id'][2:]: o for o in report['organizations']}
    controllers = {c['address']: c for c in report['controllers']}
    suspected = {i for i, o in orgs.items() if o['suspected']}

    assert suspected == {r['organization'] for r in cast}, suspected ^ {r['organization'] for r in cast}
    assert len(suspected) == 37
    emotet = {i for i in suspected if 'Emotet' in orgs[i]['by_family']}
    assert len(emotet) == 26
    assert {orgs[i]['sector'] for i in emotet} == NINE
    assert sum('Emotet' in c['families'] for c in controllers.values()) == 17

    for address in {r['controller'] for r in cast}:
        mine = [r for r in cast if r['controller'] == address]
        got = controllers[address]
        assert got['victims'] == sum(int(r['hosts']) for r in mine), (address, got['victims'])
        assert got['organizations'] == len({r['organization'] for r in mine}), address
        assert got['families'] == [mine[0]['family']], address
    assert [controllers[a]['victims'] for a in ('115.88.75.245', '192.155.90.90', '45.123.3.54')] == [44, 43, 22]
    assert {a for a, c in controllers.items() if 'XtremeRAT' in c['families']} == XTREME
    assert all(controllers[a]['victims'] > 0 for a in XTREME)
    assert controllers['31.5.229.224']['families'] == ['ZeroAccess'] and controllers['31.5.229.224']['victims'] == 1
    for row in rows('controllers.csv'):
        assert (controllers[row['address']]['country'], controllers[row['address']]['network']) == (row['country'], row['network'])


def check_not_suspected(report):
    orgs = {o['id'][2:]: o for o in report['organizations']}
    lanes = {i: {lane for f in o['by_family'].values() for lane in f['lanes']} for i, o in orgs.items()}
    sums = lambda i, counter: sum(c[counter] for f in orgs[i]['by_family'].values() for c in f['lanes'].values())

    for quiet, lane in (('hoster-one', 'hosting'), ('survey-lab', 'scanner'), ('sandbox-vendor', 'research'),
                        ('web-hosts-town', 'counted')):
        assert not orgs[quiet]['suspected'] and orgs[quiet]['victims'] == 0, quiet
        assert lanes[quiet] == {lane}, (quiet, lanes[quiet])
    assert orgs['survey-lab']['evidence'] == 'answered'
    assert sums('survey-lab', 'two_way') == 0
    assert sums('web-hosts-town', 'inbound') == sums('web-hosts-town', 'inbound_answered') == 14
    assert sums('web-hosts-town', 'attempts') == sums('web-hosts-town', 'two_way') == 0
    # Two hosts that only visit the web site on a controller's address are not among its victims.
    assert orgs['northern-cable-television']['victims'] == 3
    assert orgs['northern-cable-television']['victims_all'] == 5


def check_three_days(folder):
    """One contact, active in each of its hours."""
    run = subprocess.run([os.path.join(BUILD, 'daemon', 'ratwatchd'), '-r', 'demo.pcap', '-c', os.path.join(CAST, 'demo.yaml'),
                          '-o', 'json', '--contacts'], cwd=folder, capture_output=True, text=True)
    report = json.loads(run.stdout)
    long = [c for c in report['contacts'] if c['first'][:10] != c['last'][:10] and c['protocol'] == 'tcp']
    assert [c['organization'] for c in long] == ['w-energia-del-plata'], long
    assert (long[0]['first'][:10], long[0]['last'][:10]) == ('2018-12-18', '2018-12-21')
    total = report['totals']
    unknown = sum(c['opener'] == 'unknown' for c in report['contacts'])
    assert total['contacts'] == len(report['contacts']) == total['attempts'] + total['inbound'] + unknown
    crossing = sum(c['first'][:13] != c['last'][:13] for c in report['contacts']) - 1
    hours = 73  # from nine o'clock on the first day to nine o'clock on the fourth
    assert total['active'] == total['contacts'] + crossing + hours - 1, (total['active'], total['contacts'], crossing)


def main():
    with tempfile.TemporaryDirectory(prefix='ratwatch-test-') as folder:
        subprocess.run([os.path.join(BUILD, 'scenario', 'scenario-generate'), CAST, os.path.join(folder, 'demo.pcap')],
                       check=True, stdout=subprocess.DEVNULL)
        one, three = replay(folder, 1), replay(folder, 3)
        report = normalised(one)
        if sys.argv[1:] == ['--record']:
            with open(EXPECTED, 'w') as f:
                json.dump(report, f, indent=1, ensure_ascii=False)
                f.write('\n')
        assert one == three, 'the report depends on the number of workers'
        assert report['capture']['packets'] >= 200000 and report['capture']['residual'] == 0
        check_published(report)
        check_not_suspected(report)
        check_three_days(folder)
        with open(EXPECTED) as f:
            expected = json.load(f)
        for key in expected:
            assert report[key] == expected[key], 'the report differs in ' + key
        assert report.keys() == expected.keys()


main()
