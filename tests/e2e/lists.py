#!/usr/bin/env python3
"""Lists on a running ratwatchd: why an address matches, one by one changes, a broken list that keeps what it had (over a restart, too), a list that
shrinks too much, going back, and indicators that end on their day. What is told is also what packets meet."""

import os
import sys
import time

sys.path.insert(0, os.path.dirname(__file__))
import harness as h

CONFIG = '''
sensor: {name: tap-1}
capture:
  ports: [af_packet:port]
  hugepages: false
indicators:
  allow_special: true
  feeds: [{path: feed.txt, family: Emotet}, {path: other.txt}]
lanes:
  allowed: [allowed.txt]
'''
ONE, TWO, ADDED, KEPT, OTHER = '198.18.7.1', '198.18.7.2', '198.18.7.3', '198.18.7.4', '198.18.8.1'
FEODO = '''"first_seen_utc","dst_ip","dst_port","c2_status","last_online","malware"
"2024-01-01 00:00:00","%s","443","online","%s","Emotet"
"2024-01-01 00:00:00","%s","443","online","%s","Emotet"
'''


class Tap:
    def __init__(self, folder):
        self.folder, self.sent = folder, 0
        self.net = h.Namespace()
        self.daemon = None

    def start(self, state=None):
        self.daemon = h.Daemon(self.net.command(h.RATWATCHD, '-c', self.folder.file('ratwatch.yaml', CONFIG)), state)

    def hits(self):
        return self.daemon.answer('status')['capture']['hits']

    def received(self):
        return self.daemon.answer('status')['capture']['received']

    def meets(self, address):
        """Whether packets to this address are hits: of a conversation of ten, all or none."""
        self.sent += 1
        hits, received = self.hits(), self.received()
        frames = h.conversation('192.0.2.1', 20000 + self.sent, address, 443)
        self.net.replay(h.write_pcap(os.path.join(self.folder.path, 'frames.pcap'), frames))
        h.wait_until('ten packets', lambda: self.received() == received + len(frames))
        got = self.hits() - hits
        assert got in (0, len(frames)), (address, got)
        return got > 0

    def stop(self):
        self.daemon.signal(15)
        assert self.daemon.wait() == 0

    def close(self):
        if self.daemon:
            self.daemon.kill()
        self.net.remove()


def check(tap, name):
    """What `ratwatch check` says of a list, against what the daemon keeps."""
    got = h.subprocess.run([h.RATWATCH, 'check', '-o', 'json', '--state-dir', tap.daemon.state, '--set', 'allow_special=true', name],
                           cwd=tap.folder.path, capture_output=True, text=True)
    said = h.json.loads(got.stdout)['feeds'][0]
    assert got.returncode == (2 if said['refused'] else 0), got
    return said


def told(tap):
    got = tap.daemon.answer('lookup', ONE)
    assert got['matches'] and got['generation'] == 1, got
    assert [(i['path'].split('/')[-1], i['line'], i['family'], i['port'], i['in_force']) for i in got['indicators']] == \
        [('other.txt', 2, None, None, True), ('feed.txt', 1, 'Emotet', 443, True)], got
    assert not tap.daemon.answer('lookup', ADDED)['matches']
    text = tap.daemon.ask('lookup', ONE).stdout
    for words in (ONE + ' matches, in generation 1', 'port 443: Emotet', 'feed.txt:1', 'in force until -'):
        assert words in text, (words, text)
    got = tap.daemon.ask('lookup', 'example.org')
    assert got.returncode == 1 and "'example.org' is no address" in got.stderr, got
    assert 'unknown' not in text, text
    # The daemon was given the path of its configuration from the root; from within its folder the lists are the same.
    got = h.subprocess.run([h.RATWATCHD, '-n', '-c', 'ratwatch.yaml', '--set', 'indicators.state_dir=' + tap.daemon.state],
                           cwd=tap.folder.path, capture_output=True, text=True)
    assert got.returncode == 0 and got.stdout.count('against what is in force: +0 -0') == 2, got
    allowed = tap.daemon.answer('lookup', '198.18.9.9')
    assert allowed['matches'] and allowed['indicators'][0]['flags'] == ['allowed'], allowed  # the listed /24 holds an allowed address


def changed(tap):
    assert tap.meets(ONE) and tap.meets(TWO) and not tap.meets(ADDED)
    assert 'nothing was added' in tap.daemon.ask('indicators').stdout
    done = tap.daemon.ask('indicators', '--family', 'heodo', 'add', '--reason', 'ticket 1', ADDED + ':443', '[2001:db8::7]:8443')
    assert done.returncode == 0 and 'generation 2: 5 indicators (+2 -0)' in done.stdout, done
    assert tap.meets(ADDED)
    assert tap.daemon.answer('lookup', '2001:db8::7')['indicators'][0]['port'] == 8443
    gone = tap.daemon.ask('indicators', 'remove', '--reason', 'ours', ONE, ADDED)
    assert gone.returncode == 0 and 'generation 3: 3 indicators (+0 -2)' in gone.stdout, gone
    for what, figures in (('remove', '3 indicators (+0 -0)'), ('add', '4 indicators (+1 -0)'), ('remove', '3 indicators (+0 -1)')):
        got = tap.daemon.ask('indicators', what, '198.18.7.99')  # which no list names
        assert got.returncode == 0 and figures in got.stdout, (what, got)
    assert not tap.meets(ONE) and not tap.meets(ADDED) and tap.meets(TWO)
    assert tap.daemon.answer('lookup', ONE)['removed']
    assert 'taken out' in tap.daemon.ask('lookup', ONE).stdout
    # A reload reads the list anew, and the operator's word stands.
    assert tap.daemon.ask('reload').returncode == 0
    assert not tap.meets(ONE)
    changes = tap.daemon.answer('indicators')
    assert [(c['change'], c['prefix'], c['reason']) for c in changes] == \
        [('add', '2001:db8::7', 'ticket 1'), ('remove', ONE, 'ours')], changes
    assert 'ours' in tap.daemon.ask('indicators').stdout
    soon = time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime(time.time() + 3))
    assert tap.daemon.ask('indicators', 'add', '--until', soon, OTHER).returncode == 0
    h.wait_until('the end of a change', lambda: 'ended' in tap.daemon.ask('indicators').stdout)
    assert not tap.meets(OTHER)
    for wrong, words in (('0.0.0.0/0', "'0.0.0.0/0' is wider than /12"), ('198.18.7', "'198.18.7' is no address"),
                         ('198.18.7.1:0', "'198.18.7.1:0' is no address")):
        got = tap.daemon.ask('indicators', 'add', '198.18.77.1', wrong)
        assert got.returncode == 1 and words in got.stderr and 'nothing was changed' in got.stderr, (wrong, got)
    assert not tap.daemon.answer('lookup', '198.18.77.1')['indicators']
    got = tap.daemon.ask('indicators', 'remove', TWO + ':443')
    assert got.returncode == 1 and 'leave the port out' in got.stderr and tap.meets(TWO), got
    assert tap.daemon.ask('indicators', 'add', '--until', 'soon', TWO).returncode == 2
    assert tap.daemon.ask('indicators', 'add').returncode == 2


def kept_later(tap):
    """A state that cannot be written is told to whoever asks, and written when it can be again."""
    for name in ('changes', 'sets'):
        os.mkdir(tap.daemon.state + '/%s.json.new' % name)
    for argv in (['indicators', 'add', KEPT], ['reload']):
        got = tap.daemon.ask(*argv)
        assert got.returncode == 0 and 'is in force but cannot be kept for a restart: Is a directory' in got.stderr, (argv, got)
    assert 'cannot be kept' in tap.daemon.ask('status').stdout
    for name in ('changes', 'sets'):
        os.rmdir(tap.daemon.state + '/%s.json.new' % name)
    got = tap.daemon.ask('reload')
    assert got.returncode == 0 and got.stderr == '', got
    with open(tap.daemon.state + '/changes.json') as f:
        assert KEPT in f.read()
    assert tap.daemon.ask('indicators', 'remove', KEPT).returncode == 0


def of_one_alone(tap):
    other = h.Daemon(tap.net.command(h.RATWATCHD, '-c', tap.folder.path + '/ratwatch.yaml'), tap.daemon.state)
    other.wait_for('in use by another ratwatchd')
    assert other.wait() == 2
    other.kill()


def new_and_gone(tap):
    """A new list that is broken is left out, and one that a pattern matched is missed. Neither is silent."""
    tap.folder.file('many-1.txt', '198.18.20.1\n')
    tap.folder.file('many-2.txt', '198.18.20.2\n')
    tap.folder.file('ratwatch.yaml', CONFIG.replace('{path: other.txt}', '{path: other.txt}, {path: new.txt}, {path: "many-*.txt"}'))
    tap.folder.file('new.txt', '<html>503</html>\n')
    got = tap.daemon.ask('reload')
    assert got.returncode == 0 and 'new.txt: is left out' in got.stderr and tap.meets('198.18.20.1'), got
    tap.folder.file('new.txt', '198.18.20.3\n')
    os.remove(tap.folder.path + '/many-1.txt')
    got = tap.daemon.ask('reload')
    assert got.returncode == 0 and 'many-1.txt: warning: is gone, and with it its 1 entries' in got.stderr, got
    assert 'left out' not in got.stderr and not tap.meets('198.18.20.1') and tap.meets('198.18.20.3'), got
    got = tap.daemon.ask('reload')
    assert got.returncode == 0 and got.stderr == '', got  # said once
    tap.folder.file('ratwatch.yaml', CONFIG)
    got = tap.daemon.ask('reload')
    assert got.returncode == 0 and got.stderr == '', got  # nobody asks for them any more


def held_over_a_restart(tap):
    tap.folder.file('feed.txt', '<html>503</html>\n')
    tap.folder.file('other.txt', '%s\n%s\n' % (ONE, OTHER))
    got = tap.daemon.ask('reload')
    assert got.returncode == 0 and '1 feeds keep what they had' in got.stdout, got
    assert 'feed.txt:1: is HTML' in got.stderr and 'feed.txt: keeps what it had, 2 entries' in got.stderr, got
    assert tap.meets(TWO) and tap.meets(OTHER)
    state = tap.daemon.state
    h.shutil.move(state, tap.folder.path + '/state')
    h.shutil.copytree(tap.folder.path + '/state', state)  # what it leaves behind
    tap.stop()
    tap.start(tap.folder.path + '/state')
    tap.daemon.wait_for('keeps what it had, 2 entries')
    tap.daemon.wait_for('running: ')
    assert "kept for 'ratwatch rollback': generation" in tap.daemon.ask('status').stdout
    assert tap.meets(TWO) and tap.meets(OTHER) and not tap.meets(ONE)
    assert [c['prefix'] for c in tap.daemon.answer('indicators')] == ['2001:db8::7', ONE]
    assert tap.daemon.ask('indicators', 'add', ONE).returncode == 0 and tap.meets(ONE)  # the later word
    got = tap.daemon.answer('lookup', ONE)['indicators']
    assert [i['feed'] for i in got] == ['operator', 'other', 'feed'] and all(i['in_force'] for i in got), got


def shrunk_and_back(tap):
    tap.folder.file('feed.txt', ''.join('198.18.7.%d\n' % i for i in range(1, 101)))
    got = tap.daemon.ask('reload')
    assert got.returncode == 0 and 'more than its max_growth' in got.stderr and 'ratwatch reload --force' in got.stderr, got
    assert not tap.meets('198.18.7.100')
    said = check(tap, 'feed.txt')
    assert said['change'] == {'added': 98, 'removed': 0} and 'more than its max_growth' in said['refused'], said
    assert tap.daemon.ask('reload', '--force').returncode == 0 and tap.meets('198.18.7.100')
    tap.folder.file('feed.txt', '198.18.7.1\n' * 100)
    tap.folder.file('feed.txt', ''.join('198.18.7.%d\n' % i for i in range(1, 50)))
    got = tap.daemon.ask('reload')
    assert got.returncode == 0 and 'has 49 entries after 100, fewer than its max_shrink (50 %) allows' in got.stderr, got
    assert tap.meets('198.18.7.100')
    assert tap.daemon.ask('reload', '--force').returncode == 0 and not tap.meets('198.18.7.100')
    got = tap.daemon.ask('rollback')
    assert got.returncode == 0, got
    assert tap.meets('198.18.7.100')
    got = tap.daemon.ask('rollback', '4711')
    assert got.returncode == 1 and 'no such earlier set' in got.stderr, got


def ended(tap):
    day = 86400
    stamp = lambda t: time.strftime('%Y-%m-%d %H:%M:%S', time.gmtime(t))
    tap.folder.file('feed.txt', FEODO % (ONE, stamp(time.time() - 30 * day + 4), TWO, stamp(time.time() - 30 * day + 4)))
    assert tap.daemon.ask('indicators', 'remove', ADDED).returncode == 0
    assert tap.daemon.ask('reload', '--force').returncode == 0
    assert tap.meets(TWO)
    tap.daemon.wait_for('feed.txt: 0 of its 2 entries are in force')
    assert not tap.meets(TWO)
    got = tap.daemon.answer('lookup', TWO)
    assert not got['matches'] and not got['indicators'][0]['in_force'], got
    assert 'ENDED' in tap.daemon.ask('lookup', TWO).stdout


def main():
    with h.Folder() as folder:
        tap = Tap(folder)
        try:
            folder.file('feed.txt', '%s:443\n%s\n' % (ONE, TWO))
            folder.file('other.txt', '198.18.9.0/24\n%s\n' % ONE)
            folder.file('allowed.txt', '198.18.9.1\n')
            tap.start()
            tap.daemon.wait_for('running: 1 ports, 1 workers, 3 indicators')
            told(tap)
            changed(tap)
            kept_later(tap)
            of_one_alone(tap)
            new_and_gone(tap)
            held_over_a_restart(tap)
            shrunk_and_back(tap)
            ended(tap)
            tap.stop()
        finally:
            tap.close()


main()
