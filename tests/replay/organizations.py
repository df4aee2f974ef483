#!/usr/bin/env python3
"""Whose address a victim's is, and why a contact is set aside: watchlist, databases, lists of networks and of AS numbers, in a report. The
databases are MaxMind's test files (RATWATCH_TEST_DATA); a reload that meets a damaged one is in tests/e2e/databases.py."""

import json
import os
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), '..', 'e2e'))
import harness as h

C2 = '216.160.83.57'
WATCHLIST = '''network,id,name,sector,country,lane,watch
81.2.69.150-81.2.69.165,office,Office,government,GB,,
AS22,navy,Navy,military,US,,
1.231.232.5,listed,Listed Hoster,,UA,counted,
12.81.92.0/24,scan,Scanner,,US,scanner,no
'''
CONFIG = '''
indicators: {feeds: [feed.txt]}
organizations:
  watchlists: [watchlist.csv]
  databases: [%s]
lanes:
  scanner: [scanners.json]
  hosting: [hosting.txt, hosting.csv]
'''
DATABASES = ['GeoIP2-ISP-Test.mmdb', 'GeoIP2-Enterprise-Test.mmdb', 'GeoIP2-Anonymous-IP-Test.mmdb', 'GeoLite2-ASN-Test.mmdb']
# victim: organization, attribution, suspected, lane, reason
EXPECTED = {
    '81.2.69.160': ('w-office', 'watchlist', False, 'hosting', 'GeoIP2-Anonymous-IP-Test.mmdb: is_hosting_provider'),
    '71.160.223.9': ('unknown', 'unknown', False, 'hosting', 'GeoIP2-Anonymous-IP-Test.mmdb: is_hosting_provider'),
    '214.214.214.220': ('as721', 'asn', False, 'hosting', 'GeoIP2-Enterprise-Test.mmdb: user_type hosting'),
    '65.23.121.221': ('o-endodontic-associates-of-savannah', 'organization', True, 'counted', ''),
    '1.128.0.1': ('as1221', 'isp', False, 'counted', ''),
    '67.43.156.1': ('o-zudoarichikito_', 'organization', False, 'hosting', 'hosting.csv:3'),
    '1.231.232.4': ('as28761', 'isp', False, 'hosting', 'hosting.txt:2'),
    '1.231.232.5': ('w-listed', 'watchlist', True, 'counted', ''),
    '12.81.92.7': ('w-scan', 'watchlist', False, 'scanner', 'watchlist.csv:5'),
    '64.17.248.1': ('as33224', 'asn', False, 'counted', ''),
    '89.160.20.113': ('o-bevtec', 'organization', False, 'scanner', 'scanners.json:2'),
    '10.1.1.1': ('private', 'private', False, 'counted', ''),
}


def replay(folder):
    run = subprocess.run([h.RATWATCHD, '-c', 'ratwatch.yaml', '-r', 'c.pcap', '-o', 'json', '--contacts'], cwd=folder.path,
                         capture_output=True, text=True)
    assert run.returncode == 0, run
    return json.loads(run.stdout), run.stderr


def write(folder, databases):
    folder.file('feed.txt', C2 + ':443\n')
    folder.file('watchlist.csv', WATCHLIST)
    folder.file('hosting.txt', '# hosters\nAS28761 # CrimeaCom\n')
    folder.file('hosting.csv', 'ASN,Entity\n3223,"VOXILITY, RO"\n35908,"VPLS, US"\n')
    folder.file('scanners.json', '{"name": "n", "type": "cidr", "list": [\n"89.160.20.112/28"]}\n')
    folder.file('ratwatch.yaml', CONFIG % ', '.join(databases))
    frames = [f for i, victim in enumerate(EXPECTED) for f in h.conversation(victim, 40000 + i, C2, 443)]
    h.write_pcap(os.path.join(folder.path, 'c.pcap'), frames)


def with_databases(folder, data):
    write(folder, [os.path.join(data, 'mmdb', name) for name in DATABASES])
    report, errors = replay(folder)
    assert errors == '', errors
    organizations = {o['id']: o for o in report['organizations']}
    assert len(report['contacts']) == len(EXPECTED), report['contacts']
    for contact in report['contacts']:
        organization = organizations[contact['organization']]
        got = (contact['organization'], organization['attribution'], organization['suspected'], contact['lane'], contact['reason'])
        assert got == EXPECTED[contact['victim']], (contact['victim'], got)
    controller, = report['controllers']
    assert (controller['network'], controller['country']) == ('Lariat Software', 'US'), controller


def without_databases(folder):
    write(folder, [])
    report, errors = replay(folder)
    assert 'watchlist.csv:3: network: warning: AS22 matches no address without a database' in errors, errors
    assert 'hosting.txt: warning: AS numbers match no address without a database' in errors, errors
    lanes = {c['victim']: (c['organization'], c['lane'], c['reason']) for c in report['contacts']}
    assert lanes['81.2.69.160'] == ('w-office', 'counted', ''), lanes
    assert lanes['89.160.20.113'] == ('unknown', 'scanner', 'scanners.json:2'), lanes
    assert lanes['1.231.232.4'] == ('unknown', 'counted', ''), lanes


def main():
    with h.Folder() as folder:
        without_databases(folder)
        if 'RATWATCH_TEST_DATA' in os.environ:
            with_databases(folder, os.environ['RATWATCH_TEST_DATA'])
        else:
            print('without databases only: RATWATCH_TEST_DATA is not set')


main()
