#!/usr/bin/env python3
"""Who may include whom, and who owns which library: docs/architecture.md, "Rooms", which names every room."""

import os
import re
import sys

SOURCE = os.environ['RATWATCH_SOURCE']

# Inside lib: what a room may include besides itself and its own parts. Everything may include ip and names.
ROOMS = {
    'asn': set(),
    'check': {'feed', 'history', 'indicator_list', 'input', 'problem'},
    'changes': {'indicator', 'indicator_list', 'input', 'output', 'problem'},
    'batch': {'privacy', 'tally', 'indicator', 'org', 'contact', 'lane', 'flow'},
    'beacon': {'contact'},
    'c2set': {'flow', 'indicator', 'indicator_list'},
    'config': {'feed', 'input', 'lane', 'pkt', 'privacy', 'problem'},
    'contact': {'flow'},
    'csv': set(),
    'feed': {'csv', 'indicator', 'indicator_list', 'input', 'problem'},
    'flow': set(),
    'fragment': {'flow'},
    'history': {'input', 'output', 'problem'},
    'indicator_list': {'indicator'},
    'indicator': {'csv', 'input', 'problem'},
    'input': {'problem'},
    'ip': set(),
    'lane': {'asn', 'contact', 'csv', 'feed', 'indicator', 'indicator_list', 'input', 'org', 'prefix_table', 'problem'},
    'names': set(),
    'org': {'asn', 'csv', 'input', 'lane', 'prefix_table', 'problem'},
    'output': set(),
    'pcapng': set(),
    'pkt': {'flow'},
    'prefix_table': set(),
    'privacy': {'input', 'problem'},
    'problem': set(),
    'redis': set(),
    'region': set(),
    'report': {'beacon', 'contact', 'org', 'pkt', 'region', 'tally'},
    'sink': {'batch', 'redis'},
    'tally': {'beacon', 'contact', 'flow', 'lane', 'org', 'victim'},
    'victim': {'contact'},
}

# A library's header -> the files that may include it.
OWNERS = [
    (r'hiredis/', {'lib/redis.c'}),
    (r'yaml\.h', {'lib/config/tree.c'}),
    (r'csv\.h', {'lib/csv.c'}),
    (r'maxminddb\.h', {'lib/org/mmdb.c', 'lib/org/mmdb_verify.c'}),
    (r'jansson\.h', {'cli/ask.c', 'cli/explain.c', 'cli/indicators.c', 'cli/lookup.c', 'cli/print.c', 'cli/question.c',
                     'cli/reload.c', 'cli/result.c', 'cli/rollback.c', 'cli/status.c', 'daemon/commands.c', 'daemon/control.c',
                     'daemon/explain.c', 'daemon/indicators.c', 'daemon/request.c', 'daemon/status.c', 'lib/changes.c',
                     'lib/check.c', 'lib/feed/json_record.c', 'lib/history.c', 'lib/report/json.c',
                     'tests/fuzz/fuzz_json_text.c', 'tests/fuzz/fuzz_request.c', 'tests/unit/test_control.c'}),
    (r'microhttpd\.h', {'daemon/http.c'}),
    (r'sodium\.h', {'lib/privacy.c'}),
    (r'pcap/', {'daemon/capture.c'}),
    (r'zlib\.h', {'lib/input/gunzip.c', 'lib/input/stream.c'}),
    (r'rte_', {'daemon/%s.%s' % (room, ext) for room in ('clock', 'collector', 'eal', 'headers', 'port', 'reload', 'replay', 'worker')
               for ext in 'ch'}),
    (r'cmocka\.h', {'tests/test.h'}),
]


def files(*folders):
    for folder in folders:
        for where, _, names in os.walk(os.path.join(SOURCE, folder)):
            for name in sorted(names):
                if name.endswith(('.c', '.h')):
                    yield os.path.relpath(os.path.join(where, name), SOURCE)


def includes(path):
    with open(os.path.join(SOURCE, path)) as f:
        for number, line in enumerate(f, 1):
            found = re.match(r'#include ([<"])(.*)[>"]', line)
            if found:
                yield number, found[1] == '<', found[2]


def room_of(path):
    return path.split('/')[1].split('.')[0]


def room_problem(path, header):
    room, other = room_of(path), os.path.normpath(header).replace('../', '').split('/')[0].split('.')[0]
    if other in (room, 'ip', 'names') or other in ROOMS[room]:
        return None
    if os.path.exists(os.path.join(SOURCE, 'daemon', other + '.h')):
        return 'lib includes the daemon'
    return 'room %s may not include %s' % (room, other)


def unnamed_rooms():
    with open(os.path.join(SOURCE, 'docs', 'architecture.md')) as f:
        named = set(re.findall(r'`(\w+)`', f.read().split('## Rooms')[1].split('| thread |')[0]))
    for path in files('lib', 'daemon'):
        if path.count('/') == 1 and room_of(path) not in named:
            yield path


def main():
    problems = ['docs/architecture.md: has no room for %s' % path for path in unnamed_rooms()]
    for path in files('lib', 'daemon', 'cli', 'scenario', 'tests'):
        for number, system, header in includes(path):
            if system:
                for pattern, owners in OWNERS:
                    if re.match(pattern, header) and path not in owners:
                        problems.append('%s:%d: <%s> belongs to %s' % (path, number, header, ', '.join(sorted(owners))))
            elif path.startswith('lib/'):
                why = room_problem(path, header)
                if why:
                    problems.append('%s:%d: %s' % (path, number, why))
    for path in files('lib'):
        with open(os.path.join(SOURCE, path)) as f:
            for number, line in enumerate(f, 1):
                if re.search(r'\b(printf|puts|perror|syslog|exit|abort)\(', line.split('//')[0]) and 'f(printf' not in line and 't(printf' not in line and '((format' not in line:
                    problems.append('%s:%d: lib neither prints nor exits' % (path, number))
    print('\n'.join(problems))
    return 1 if problems else 0


sys.exit(main())
