#!/usr/bin/env python3
"""`ratwatch check`: what a list would load, as text and as JSON, and the exit status."""

import json
import os
import subprocess
import sys

sys.path.insert(0, os.path.dirname(__file__))
import harness as h


def run(folder, *argv):
    return subprocess.run([os.path.join(h.BUILD, 'cli', 'ratwatch'), *argv], cwd=folder.path, capture_output=True, text=True)


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
        assert good == {'path': 'good.txt', 'format': 'text', 'entries': 2, 'addresses4': 1, 'addresses6': 0, 'prefixes': 1,
                        'indicators': 2, 'endpoints': 2, 'with_port': 0, 'merged': 1, 'masked': 0,
                        'skipped': {'special_purpose': 1, 'not_ip': 1}, 'refused': None}, good
        assert page['refused'].startswith('is HTML') and page['entries'] == 0, page
        assert gone['refused'].startswith('no such file'), gone
        assert run(folder, 'check').returncode == 2
        chekc = run(folder, 'chekc', 'good.txt')
        assert chekc.returncode == 2 and "did you mean 'check'?" in chekc.stderr, chekc
        assert run(folder, 'zzz').returncode == 2
        assert run(folder, 'check', '--format', 'text', 'good.txt').returncode == 0
        forced = run(folder, 'check', '--format', 'feodo-csv', 'good.txt')
        assert forced.returncode == 2 and 'is no feodo-csv' in forced.stderr, forced
        assert run(folder, 'check', '--format', 'stix', 'good.txt').returncode == 2
        assert run(folder, 'check', '-o', 'xml', 'good.txt').returncode == 2


main()
