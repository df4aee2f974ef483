#!/usr/bin/env python3
"""ratwatch-build-orgdb makes of a dump what ratwatch then says about addresses, and of anything else an error that leaves the old database."""

import json
import os
import resource
import shutil
import signal
import socket
import struct
import subprocess

import orgdb
from orgdb import build, h, plain

HEADER = '''#
# Location Database Export
#
# Generated: Sat, 29 Oct 2022 05:59:54 GMT
# Vendor:    IPFire Project
# License:   CC BY-SA 4.0
#
# This database has been obtained from https://location.ipfire.org/
#
'''
NAMES = '''
aut-num:                 AS64501
name:                    DUMP-ONE

aut-num:                 AS64502
name:                    DUMP-TWO

aut-num:                 AS64503
name:                    Société d'Électricité
'''
# Longer prefixes before shorter ones, so that their order must not matter.
NETWORKS = '''
net:                     11.1.2.128/25

net:                     11.1.2.0/24
country:                 CL
aut-num:                 64502
is-anycast:              yes

net:                     11.1.0.0/16
country:                 BR
aut-num:                 64501

net:                     11.0.0.0/8
country:                 US

net:                     13.0.0.0/8
aut-num:                 64504

net:                     14.0.0.0/8
country:                 FR
aut-num:                 64503
drop:                    yes

net:                     15.0.0.0/8
country:                 SE
aut-num:                 4200000000

net:                     ::/0
country:                 XX

net:                     ::ffff:0:0/96
country:                 XX
aut-num:                 64501

net:                     ::/8
country:                 XX
aut-num:                 64501

net:                     2001::/32
aut-num:                 64501

net:                     2001:0:4136:e378::/64
aut-num:                 64501

net:                     2002::/16
aut-num:                 64501

net:                     2a0f:1::/32
country:                 DE
aut-num:                 64502

net:                     2a0f:1:2::/48
country:                 AT
aut-num:                 64501
'''
DUMP = HEADER + NAMES + NETWORKS
FIRST = '''"asn","name","source"
64502,"First, ""the"" best","x"
AS64504,Plain name,x
64501,"","x"
'''
SECOND = '''# no header
64502,"Second","x"
4200000000,"Large","x"
'''
ANSWERS = {
    '11.9.9.9': (None, None, 'US'),
    '11.1.9.9': (64501, 'DUMP-ONE', 'BR'),  # an empty name of a file says nothing
    '11.1.2.9': (64502, 'First, "the" best', 'CL'),  # before the second file, and before the dump
    '11.1.2.200': (None, None, None),  # nobody's, within somebody's
    '13.0.0.1': (64504, 'Plain name', None),
    '14.255.255.255': (64503, "Société d'Électricité", 'FR'),
    '15.0.0.1': (4200000000, 'Large', 'SE'),
    '12.0.0.1': (None, None, None),
    '10.0.0.1': (None, None, None),
    '2a0f:1::1': (64502, 'First, "the" best', 'DE'),
    '2a0f:1:2::1': (64501, 'DUMP-ONE', 'AT'),
    '2a0f:2::1': (None, None, None),
    '2001:0:4136:e378::1': (None, None, None),  # Teredo, 6to4: not the relay's
    '2001::1': (None, None, None),
    '2002:b01::1': (None, None, None),
    '::ffff:11.1.9.9': (None, None, None),
    '400::1': (None, None, None),
}


def tcp6(victim, controller, outwards, flags, seq, ack, data=b''):
    (src, sport), (dst, dport) = (victim, controller) if outwards else (controller, victim)
    segment = struct.pack('>HHIIBBHHH', sport, dport, seq, ack, 5 << 4, flags, 8192, 0, 0) + data
    return bytes(12) + b'\x86\xdd' + struct.pack('>IHBB', 6 << 28, len(segment), 6, 64) + socket.inet_pton(socket.AF_INET6, src) + \
        socket.inet_pton(socket.AF_INET6, dst) + segment


def conversation6(victim, controller):
    at = (victim, 40000), (controller, 443)
    return [tcp6(*at, True, h.SYN, 100, 0), tcp6(*at, False, h.SYN | h.ACK, 900, 101), tcp6(*at, True, h.ACK, 101, 901),
            tcp6(*at, True, h.ACK | h.PSH, 101, 901, b'hello'), tcp6(*at, False, h.ACK | h.PSH, 901, 106, b'hello')]


def check_answers(folder, path):
    metadata, answers = orgdb.read(path, *ANSWERS)
    assert {a: plain(r) for a, r in answers.items()} == ANSWERS, {a: (plain(r), ANSWERS[a]) for a, r in answers.items() if plain(r) != ANSWERS[a]}
    assert answers['11.9.9.9'] == {'country': {'iso_code': 'US'}}, 'a field that is missing is no empty field'
    assert metadata['build_epoch'] == 1667023194, metadata  # of the source, not of today
    assert (metadata['ip_version'], metadata['record_size']) == (6, 28), metadata
    for word in ('IPFire Project', '2022-10-29', 'CC BY-SA 4.0', 'https://location.ipfire.org/', 'first.csv, second.csv'):
        assert word in metadata['description']['en'], (word, metadata)


def check_report(folder, path):
    """The same as ratwatch sees it: victims by organization, controllers by network."""
    frames = h.conversation('11.1.2.9', 40001, '13.0.0.1', 443) + h.conversation('11.1.9.9', 40002, '15.0.0.1', 443) + \
        h.conversation('11.9.9.9', 40003, '11.1.2.200', 443) + conversation6('2a0f:1:2::5', '2a0f:1::99')
    h.write_pcap(os.path.join(folder.path, 'c.pcap'), frames)
    folder.file('c2.txt', '13.0.0.1\n15.0.0.1\n11.1.2.200\n2a0f:1::99\n')
    run = subprocess.run([h.RATWATCHD, '-r', 'c.pcap', '-f', 'c2.txt', '-d', path, '-o', 'json'], cwd=folder.path, capture_output=True, text=True)
    assert run.returncode == 0, run
    report = json.loads(run.stdout)
    controllers = {c['address']: (c['country'] or '', c['network'] or '') for c in report['controllers']}
    assert controllers == {'13.0.0.1': ('', 'Plain name'), '15.0.0.1': ('SE', 'Large'), '11.1.2.200': ('', ''),
                           '2a0f:1::99': ('DE', 'First, "the" best')}, controllers
    organizations = {(o['name'], o['country'], o['attribution'], o['victims_all']) for o in report['organizations'] if o['attribution'] == 'asn'}
    # One organization, whose country is that of the victim seen first.
    assert {o[0] for o in organizations} == {'First, "the" best', 'DUMP-ONE'}, report['organizations']
    assert ('First, "the" best', 'CL', 'asn', 1) in organizations, organizations


def check_number_without_name(folder):
    out = os.path.join(folder.path, 'plain.mmdb')
    run = build('-m', '1', '-i', '-', '-o', out, input=DUMP)
    assert run.returncode == 0, run
    metadata, answers = orgdb.read(out, '13.0.0.1', '11.1.2.9')
    assert plain(answers['13.0.0.1']) == (64504, None, None) and plain(answers['11.1.2.9']) == (64502, 'DUMP-TWO', 'CL'), answers
    assert 'names' not in metadata['description']['en'].split(';')[-1], metadata
    assert '7 IPv4 and 5 IPv6 networks of 2022-10-29, 10 with an AS, 8 of these with its name' in run.stdout, run.stdout


def check_refusals(folder, path):
    with open(path, 'rb') as f:
        before = f.read()
    cases = [
        (HEADER + NAMES, [], 'has no networks'),
        (DUMP, [], 'fewer than 100000'),
        (DUMP, ['-m', '13'], 'has 12 networks, fewer than 13'),
        ('', ['-m', '1'], 'is it the output of'),
        (NETWORKS, ['-m', '1'], 'is it the output of'),
        (HEADER.replace('Oct', 'Okt') + NETWORKS, ['-m', '1'], 'is it the output of'),
        ('<html>\n', ['-m', '1'], 'standard input:1: no line of'),
        (HEADER + '\nnet: 11.0.0.0/33\n', ['-m', '1'], "'11.0.0.0/33' is no network"),
        (HEADER + '\nnet: 11.0.0/8\n', ['-m', '1'], "standard input:11: '11.0.0/8' is no network"),
        (HEADER + '\nnet: 11.0.0.0\n', ['-m', '1'], "standard input:11: '11.0.0.0' is no network"),
        (HEADER + '\nnet: 11.0.0.0/8\ncountry: bra\n', ['-m', '1'], "standard input:12: 'bra' is no code"),
        (HEADER + '\nnet: 11.0.0.0/8\naut-num: 4294967296\n', ['-m', '1'], "'4294967296' is no number"),
        (DUMP, ['-m', '1', '-n', folder.file('bad.csv', 'asn,name\n1,"a"\nx,"b"\n')], 'bad.csv:3: no line of the form'),
        (DUMP, ['-m', '1', '-n', folder.file('open.csv', '1,"a\n')], 'has no line of the form'),
        (DUMP, ['-m', '1', '-n', os.path.join(folder.path, 'nowhere.csv')], 'nowhere.csv cannot be read'),
    ]
    for dump, argv, message in cases:
        run = build('-i', '-', '-o', path, *argv, input=dump)
        assert run.returncode == 1 and message in run.stderr and run.stderr.count('\n') == 1, (message, run)
        with open(path, 'rb') as f:
            assert f.read() == before, message
    assert build('-x').returncode == 2 and build('word').returncode == 2
    assert '.new' not in ' '.join(os.listdir(folder.path)), os.listdir(folder.path)


def check_full_disk(folder):
    """A limit on the size of files stands for it; without restoring signals it is an error and no signal."""
    run = build('-m', '1', '-i', '-', '-o', os.path.join(folder.path, 'f.mmdb'), input=DUMP, restore_signals=False,
                preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000)))
    assert run.returncode == 1 and 'cannot be written: File too large' in run.stderr and run.stderr.count('\n') == 1, run
    assert not [f for f in os.listdir(folder.path) if f.startswith('f.mmdb')], os.listdir(folder.path)


def check_places(folder):
    run = build('-i', '-', '-o', os.path.join(folder.path, 'none', 'x.mmdb'), input=DUMP)
    assert run.returncode == 1 and 'does not exist; as root: install -d ' in run.stderr, run
    run = build('-i', '-', '-o', folder.path, input=DUMP)
    assert run.returncode == 1 and 'is a directory' in run.stderr, run
    if os.geteuid() == 0:
        os.chmod(folder.path, 0o755)
        script = shutil.copy(orgdb.SCRIPT, folder.path)
        run = subprocess.run([script, '-i', '-', '-o', os.path.join(folder.path, 'x.mmdb')], user=65534, cwd='/', input=DUMP, capture_output=True, text=True)
        assert run.returncode == 1 and 'Permission denied; run this as root' in run.stderr, run


def check_interrupted(folder):
    process = subprocess.Popen([orgdb.SCRIPT, '-i', '-', '-o', os.path.join(folder.path, 'i.mmdb')], stdin=subprocess.PIPE, stderr=subprocess.PIPE)
    try:
        h.wait_until('it has begun', lambda: [f for f in os.listdir(folder.path) if f.startswith('i.mmdb.new')])
        process.send_signal(signal.SIGTERM)
        assert process.wait(h.DEADLINE) == 1
    finally:
        process.kill()
        process.communicate()
    assert not [f for f in os.listdir(folder.path) if f.startswith('i.mmdb')], os.listdir(folder.path)


def check_location(folder):
    """Without -i it asks the program `location`."""
    programs = os.path.join(folder.path, 'bin')
    os.mkdir(programs)
    environment = dict(os.environ, PATH=programs)
    out = os.path.join(folder.path, 'l.mmdb')
    run = build('-m', '1', '-o', out, env=environment)
    assert run.returncode == 1 and "'location' cannot be run" in run.stderr and 'apt-get install location libloc-database' in run.stderr, run
    assert run.stderr.count('\n') == 1, run

    def fake(script):
        folder.file('bin/location', '#!/bin/sh\n' + script)
        os.chmod(os.path.join(programs, 'location'), 0o755)

    folder.file('dump', DUMP)
    dump = 'exec /bin/cat "%s/dump"\n' % folder.path
    fake('[ "$*,$LC_ALL,$PYTHONUTF8" = dump,C.UTF-8,1 ] || exit 9\n' + dump)
    run = build('-m', '1', '-o', out, env=environment)
    assert run.returncode == 0, run
    fake('/bin/cat "%s/dump"; exit 1\n' % folder.path)
    os.unlink(out)
    run = build('-m', '1', '-o', out, env=environment)
    assert run.returncode == 1 and 'apt-get install libloc-database' in run.stderr and not os.path.exists(out), run


def check_writer_missing(folder):
    os.makedirs(os.path.join(folder.path, 'lib/MaxMind/DB/Writer'))
    folder.file('lib/MaxMind/DB/Writer/Tree.pm', 'die "Can\'t locate MaxMind/DB/Writer/Tree.pm in \\@INC";\n')
    run = build('-o', os.path.join(folder.path, 'w.mmdb'), env=dict(os.environ, PERL5LIB=os.path.join(folder.path, 'lib')))
    assert run.returncode == 1 and run.stderr.endswith('apt-get install libmaxmind-db-writer-perl\n') and run.stderr.count('\n') == 1, run


def main():
    with h.Folder() as folder:
        check_writer_missing(folder)
        orgdb.need_writer()
        path = os.path.join(folder.path, 'org.mmdb')
        argv = ['-m', '12', '-i', folder.file('dump.txt', DUMP), '-n', folder.file('first.csv', FIRST), '-n', folder.file('second.csv', SECOND)]
        for out in (path, path + '.again'):
            run = build(*argv, '-o', out)
            assert run.returncode == 0 and run.stderr == '', run
        with open(path, 'rb') as a, open(path + '.again', 'rb') as b:
            assert a.read() == b.read()
        check_answers(folder, path)
        check_report(folder, path)
        check_number_without_name(folder)
        check_refusals(folder, path)
        check_full_disk(folder)
        check_places(folder)
        check_interrupted(folder)
        check_location(folder)


main()
