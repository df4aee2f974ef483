#!/usr/bin/env python3
"""Real lists, as `ratwatch check` reads them, against FACTS.tsv: counts of each file that were made by other code.

Every row and every column is compared. Where we count otherwise, the number and the reason stand in DIFFERENT; a number that is
neither that of FACTS.tsv nor the one given there fails, and so does an entry that explains nothing any more.
"""

import csv
import json
import os
import subprocess
import sys

# What is in a file, whether or not it is in force today, and lists that are meant for lanes.
EVERYTHING = ['--as-of', '2000-01-01', '--set', 'offline=true', '--set', 'max_addresses=0', '--set', 'allow_empty=true']

# Files that are refused, and the words that say so: none of them is a list of addresses that could be used.
REFUSED = {
    'bad-asn-list/bad-asn-list.csv': ('they are: ASN, Entity', 'a CSV of AS numbers'),
    'iptoasn-sample/ip2asn-v4.tsv': ('are no addresses', 'a table that maps ranges to networks: first and last address in two columns'),
    'misp-warninglists/google/list.json': ('names, URLs', 'names only'),
    **{'misp-warninglists/%s/list.json' % name: ('can be used', 'all of it is special-purpose space')
       for name in ('ipv6-linklocal', 'multicast', 'rfc1918', 'rfc3849', 'rfc5735', 'rfc6598')},
    'stix21/indicator-for-c2-ip-address.json': ('can be used', 'its one address is special-purpose space'),
    'maltrail-lists/bogon_ranges.txt': ('none of its 13 lines can be used', 'all of it is special-purpose space'),
    'suricata-iprep/cidr-categories.txt': ('are no addresses', 'names of categories'),
    'suricata-iprep/cidr-iprep.list': ('none of its 1 lines can be used', 'its one line is private space'),
    'suricata-iprep/scirius-categories.txt': ('are no addresses', 'names of categories'),
    'x4bnet-datacenter/ASN.txt': ('AS numbers only (906 lines)', 'AS numbers'),
}

SPECIAL = 'addresses of special-purpose space are skipped, so they are no hosts; FACTS.tsv counts such addresses, we count such lines'
WIDE = 'prefixes wider than /12 (IPv6: /32) are skipped, before it is asked whether they are special'
HEADER = 'FACTS.tsv counts the header among the rows without an address'

# What we count otherwise: the reason, and our number.
DIFFERENT = {
    'firehol-2026/cidr_report_bogons.netset': (WIDE, {'cidrs': 1, 'special_purpose': 13}),
    'firehol-2026/firehol_level1.netset': (WIDE, {'cidrs': 4617, 'special_purpose': 8}),
    'maltrail-lists/cdn_ranges.txt': (WIDE, {'cidrs': 671}),
    'maltrail-lists/whitelist.txt': (SPECIAL + '; one prefix is a /8', {'v4_hosts': 156, 'v6_hosts': 6, 'cidrs': 16}),
    'maltrail-lists/worst_asns.txt': ('prefix,name is read as a plain list, for lanes; FACTS.tsv does not split at the comma',
                                      {'v4_hosts': 1, 'cidrs': 5732, 'duplicates': 260, 'non_ip': 0}),
    'misp-event/misp.event.7721.json': ('an ip-port object has its port in another attribute than its address, and we join them', {'ip_port_pairs': 2}),
    'misp-warninglists/akamai/list.json': (WIDE, {'cidrs': 263}),
    'misp-warninglists/amazon-aws/list.json': (WIDE, {'cidrs': 3681}),
    'misp-warninglists/cloudflare/list.json': (WIDE, {'cidrs': 21}),
    'misp-warninglists/onyphe-scanner/list.json': (WIDE, {'cidrs': 8}),
    'sophos-ioc-csv/Qakbot-onenote-attacks.csv': (HEADER, {'non_ip': 87}),
    'sophos-ioc-csv/Ransomware-Conti.csv': (HEADER, {'non_ip': 15}),
    'stix21/poisonivy.json': ('each name of an OR counts, not each pattern', {'non_ip': 27}),
    'suricata-iprep/datasets-ip.csv': ('::ffff:a.b.c.d is the IPv4 address, and that one is public', {'v4_hosts': 1, 'v6_hosts': 0, 'special_purpose': 0}),
    'suricata-iprep/scirius-iprep.list': (SPECIAL + ': 6to4 too, and 192.168.0.0/16 stands there twice; ' + WIDE,
                                          {'v6_hosts': 1492, 'cidrs': 794, 'duplicates': 1709, 'special_purpose': 4}),
    'threatfox-csv-derived-2026/full.csv': (SPECIAL, {'v4_hosts': 1752, 'ip_port_pairs': 2411}),
    'threatfox-json-2026/full.json': (SPECIAL, {'v4_hosts': 1752, 'ip_port_pairs': 2411}),
    'threatfox-ip-txt-2026/ips.txt': (SPECIAL, {'v4_hosts': 19856}),
    'x4bnet-datacenter/ipv4.txt': (WIDE, {'cidrs': 42467}),
    'x4bnet-datacenter/ipv6.txt': (WIDE, {'cidrs': 8036}),
    'zeek-intel-2026/abuse-ch-threatfox-ip.intel': (SPECIAL, {'v4_hosts': 2341}),
    'zeek-intel-2026/cobaltstrike_ips.intel': (SPECIAL, {'v4_hosts': 801, 'duplicates': 1281, 'special_purpose': 5}),
}

# The format that a file must be recognised as, by the beginning of its name; the first that fits. Else text.
FORMATS = {
    'c2intelfeeds-': 'c2intel-csv',
    'feodo-json-': 'feodo-json',
    'misp-event/': 'misp-event',
    'misp-warninglists/': 'misp-warninglist',
    'spamhaus-drop-': 'drop-json',
    'stix21/': 'stix2',
    'threatfox-json-': 'threatfox-json',
    'feodo-csv-': 'feodo-csv',
    'sophos-ioc-csv/': 'sophos-csv',
    'sslbl-csv-': 'sslbl-csv',
    'suricata-iprep/datasets-': 'text',
    'suricata-iprep/': 'suricata-iprep',
    'threatfox-csv-': 'threatfox-csv',
    'zeek-intel-': 'zeek-intel',
}


def run(data, paths):
    command = [os.path.join(os.environ['RATWATCH_BUILD'], 'cli', 'ratwatch'), 'check', '-o', 'json', *EVERYTHING, *paths]
    done = subprocess.run(command, cwd=data, capture_output=True, text=True)
    assert done.returncode in (0, 2), done.stderr
    return {feed['path']: feed for feed in json.loads(done.stdout)['feeds']}


def ours(feed):
    skipped = feed['skipped']
    return {
        'v4_hosts': feed['addresses4'],
        'v6_hosts': feed['addresses6'],
        'cidrs': feed['prefixes'],
        'ip_port_pairs': feed['with_port'],
        'duplicates': feed['indicators'] + feed['merged'] - feed['endpoints'],
        'non_ip': skipped.get('not_ip', 0) + skipped.get('malformed', 0),
        'special_purpose': skipped.get('special_purpose', 0),
        'host_bits_set': feed['masked'],
    }


def check(path, fact, feed):
    """What is wrong with a file, one line each."""
    if path in REFUSED:
        words = REFUSED[path][0]
        return [] if feed['refused'] and words in feed['refused'] else ['not refused with "%s": %s' % (words, feed['refused'])]
    if feed['refused']:
        return ['refused: ' + feed['refused']]
    wrong = []
    form = next((form for begin, form in FORMATS.items() if path.startswith(begin)), 'text')
    if feed['format'] != form:
        wrong.append('read as %s instead of %s' % (feed['format'], form))
    reason, other = DIFFERENT.get(path, ('', {}))
    for column, n in ours(feed).items():
        want = other.get(column, int(fact[column]))
        if n != want:
            wrong.append('%s %d instead of %d (FACTS.tsv %s)' % (column, n, want, fact[column]))
        if other.get(column) == int(fact[column]):
            wrong.append('%s: nothing to explain by "%s"' % (column, reason))
    return wrong


def main():
    data = os.environ.get('RATWATCH_TEST_DATA')
    if not data:
        print('skipped: RATWATCH_TEST_DATA is not set')
        return 77
    with open(os.path.join(data, 'feeds', 'FACTS.tsv')) as f:
        facts = {row['file']: row for row in csv.DictReader(f, delimiter='\t', quoting=csv.QUOTE_NONE)}
    feeds = run(os.path.join(data, 'feeds'), facts)
    wrong = ['%s: %s' % (path, what) for path, fact in facts.items() for what in check(path, fact, feeds[path])]
    wrong += ['%s: not in FACTS.tsv' % path for path in [*REFUSED, *DIFFERENT] if path not in facts]
    print('%d lists agree, %d of them with an explained difference, %d refused as they should be'
          % (len(facts) - len({w.split(':')[0] for w in wrong}), len(DIFFERENT), len(REFUSED)))
    print('\n'.join(wrong))
    return 1 if wrong else 0


sys.exit(main())
