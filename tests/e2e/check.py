#!/usr/bin/env python3
"""`ratwatch check`: what a list would load, as text and as JSON, and the exit status."""

import gzip
import json
import os
import subprocess
import sys

sys.path.insert(0, os.path.dirname(__file__))
import harness as h


FEODO = '''"first_seen_utc","dst_ip","dst_port","c2_status","last_online","malware"
"2023-05-23 17:51:44","8.8.8.8","1194","online","2024-04-01","Emotet"
"2023-05-23 17:51:44","8.8.4.4","443","offline","2024-04-01","Emotet"
'''


def run(folder, *argv):
    return subprocess.run([os.path.join(h.BUILD, 'cli', 'ratwatch'), *argv], cwd=folder.path, capture_output=True, text=True)


def entries(folder, *argv):
    feed, = json.loads(run(folder, 'check', '-o', 'json', *argv).stdout)['feeds']
    return feed['entries'], feed['skipped']


def usage(folder):
    """Each command says how it is used, and what was wrong when it was not used so. Nobody is asked."""
    for command in ('check', 'explain', 'indicators', 'lookup', 'reload', 'rollback', 'status'):
        got = run(folder, command, '--help')
        assert got.returncode == 0 and got.stdout.startswith('usage: ratwatch ' + command) and got.stderr == '', got
        got = run(folder, command, '--nonsense')
        assert got.returncode == 2 and "'--nonsense'" in got.stderr and 'usage: ratwatch ' + command in got.stderr, got
        assert got.stdout == '', got
    for argv, words in (
            (['indicators', 'add', '--until', 'yesterday', '8.8.8.8'], "--until: 'yesterday' is no time; write"),
            (['indicators', 'list'], "'list' is neither add nor remove"),
            (['indicators', 'add', '--family'], "'--family' requires an argument"),
            (['indicators', '--until', '7d'], 'usage:'),
            (['indicators', 'remove', '--family', 'Emotet', '8.8.8.8'], 'usage:'),
            (['lookup', '-o', 'xml', '8.8.8.8'], "-o: 'xml' is no form; write table or json"),
            (['check', '-o', 'table', 'x'], "-o: 'table' is no form; write text or json"),
            (['check', '--as-of', 'now', 'x'], "--as-of: 'now' is no time; write")):
        got = run(folder, *argv)
        assert got.returncode == 2 and words in got.stderr, got


def options(folder):
    """Keys of a feed, and the day on which its age is judged."""
    folder.file('feodo.csv', FEODO)
    assert entries(folder, 'feodo.csv') == (0, {'offline': 1, 'expired': 1})
    assert entries(folder, '--as-of', '2024-04-20', 'feodo.csv') == (1, {'offline': 1})
    assert entries(folder, '--as-of', '2024-05-02', 'feodo.csv') == (0, {'offline': 1, 'expired': 1})
    assert entries(folder, '--as-of', '2024-05-02', '--set', 'ttl=60', '--set', 'offline=true', 'feodo.csv') == (2, {})
    assert entries(folder, '--as-of', '2024-04-20', '--set', 'min_confidence=90', '--set', 'confidence=80', 'feodo.csv') == \
        (0, {'offline': 1, 'low_confidence': 1})
    text = run(folder, 'check', 'feodo.csv')
    assert text.returncode == 0 and '0 of its 2 entries are in force' in text.stderr, text  # old is not broken, and not silent
    wrong = run(folder, 'check', '--set', 'tll=7', 'feodo.csv')
    assert wrong.returncode == 2 and "did you mean 'ttl'?" in wrong.stderr, wrong
    assert run(folder, 'check', '--as-of', 'yesterday', 'feodo.csv').returncode == 2
    folder.file('zipped.txt.gz', gzip.compress(b'8.8.8.8\n'))
    folder.file('zipped.txt', gzip.compress(b'8.8.8.8\n'))
    folder.file('cut.txt.gz', gzip.compress(b'8.8.8.8\n' * 1000)[:-9])
    assert entries(folder, 'zipped.txt.gz') == (1, {})
    assert 'is compressed' in run(folder, 'check', 'zipped.txt').stderr
    assert 'no whole gzip file' in run(folder, 'check', 'cut.txt.gz').stderr
    os.chmod(folder.file('open.txt', '8.8.8.8\n'), 0o666)
    assert 'can be written by everyone' in run(folder, 'check', 'open.txt').stderr


def configuration(folder):
    """`ratwatchd -n` says the same of each list of a configuration."""
    check = lambda: subprocess.run([h.RATWATCHD, '-n', '-c', 'c.yaml'], cwd=folder.path, capture_output=True, text=True)
    folder.file('c.yaml', 'indicators:\n  state_dir: state\n  feeds: [good.txt, {path: "*.gz"}]\n')
    os.remove(folder.path + '/cut.txt.gz')
    got = check()
    assert got.returncode == 0, got
    for line in run(folder, 'check', 'good.txt', 'zipped.txt.gz').stdout.splitlines():
        assert line.split(',', 1)[1] in got.stdout, (line, got)  # all but the folder
    assert 'would load: 2 indicators from 2 feeds' in got.stdout, got  # 8.8.8.8 stands in both
    assert not os.path.exists(folder.path + '/state'), 'a check leaves nothing behind'
    folder.file('c.yaml', 'indicators:\n  state_dir: state\n  feeds: [good.txt, page.txt]\n')
    got = check()
    assert got.returncode == 2 and 'page.txt:1: is HTML' in got.stderr and 'good.txt: text, 2 entries' in got.stdout, got


def main():
    with h.Folder() as folder:
        folder.file('good.txt', '8.8.8.8\n8.8.8.8\n9.9.9.0/24\n10.0.0.1\nexample.org\n')
        folder.file('page.txt', '<html></html>\n')
        text = run(folder, 'check', 'good.txt')
        assert text.returncode == 0, text
        assert 'good.txt: text, 2 entries, 1 lines merged, 1 skipped: special_purpose, 1 skipped: not_ip' in text.stdout, text
        assert "good.txt:4: warning: '10.0.0.1' is skipped: private address space" in text.stderr, text
        both = run(folder, 'check', '-o', 'json', 'good.txt', 'page.txt', 'gone.txt')
        assert both.returncode == 2 and both.stderr == '', both
        good, page, gone = json.loads(both.stdout)['feeds']
        assert 0 <= good.pop('age_seconds') < 3600
        assert good == {'path': 'good.txt', 'format': 'text', 'entries': 2, 'addresses4': 1, 'addresses6': 0, 'prefixes': 1,
                        'indicators': 2, 'endpoints': 2, 'with_port': 0, 'merged': 1, 'masked': 0,
                        'skipped': {'special_purpose': 1, 'not_ip': 1}, 'change': None, 'refused': None}, good
        assert page['refused'].startswith('is HTML') and page['entries'] == 0, page
        assert gone['refused'].startswith('no such file'), gone
        assert run(folder, 'check').returncode == 2
        chekc = run(folder, 'chekc', 'good.txt')
        assert chekc.returncode == 2 and "did you mean 'check'?" in chekc.stderr, chekc
        assert run(folder, 'zzz').returncode == 2
        assert run(folder, 'check', '--format', 'text', 'good.txt').returncode == 0
        forced = run(folder, 'check', '--format', 'feodo-csv', 'good.txt')
        assert forced.returncode == 2 and 'is no feodo-csv' in forced.stderr, forced
        unknown = run(folder, 'check', '--format', 'xls', 'good.txt')
        assert unknown.returncode == 2 and 'write auto, text, feodo-csv' in unknown.stderr, unknown
        assert run(folder, 'check', '-o', 'xml', 'good.txt').returncode == 2
        usage(folder)
        options(folder)
        if os.path.exists(h.RATWATCHD):
            configuration(folder)


main()
