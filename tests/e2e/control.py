#!/usr/bin/env python3
"""A running ratwatchd is asked: `ratwatch status` and /metrics count alike, `ratwatch reload` says what came of it, and clients that are
slow, wrong or gone disturb nobody."""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys

sys.path.insert(0, os.path.dirname(__file__))
import harness as h

LISTED, OTHER = '198.18.7.7', '198.18.7.8'
PORT = 9187  # in a namespace of its own every port is free
CONFIG = '''
sensor: {name: tap-1}
capture: {ports: ['af_packet:port'], hugepages: false}
indicators: {allow_special: true, feeds: [feed.txt]}
organizations: {privacy: plain}
redis: {url: '%s', flush_ms: 100, timeout_ms: 300}
http: {listen: '%s:%d'}
'''


# More clients than there are places, of which the last that has one is answered: then all places are taken.
CROWD = '''
import socket
crowd = [socket.create_connection(('127.0.0.1', %d), %d) for _ in range(60)]
crowd[31].sendall(b'GET /healthz HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n')
print(crowd[31].recv(12), flush=True)
input()
''' % (PORT, h.DEADLINE)


def ratwatch(daemon, *argv, **how):
    return subprocess.run([h.RATWATCH, *argv, '--socket', daemon.socket], capture_output=True, text=True, timeout=h.DEADLINE, **how)


def status(daemon):
    got = ratwatch(daemon, 'status', '-o', 'json')
    assert got.returncode == 0 and got.stderr == '', got
    return json.loads(got.stdout)


def metrics(net, host='127.0.0.1'):
    """{name: value}, the name with its labels."""
    code, headers, body = net.fetch(host, PORT, '/metrics')
    assert code == 200 and headers['Content-Type'] == 'text/plain; version=0.0.4; charset=utf-8', (code, headers)
    samples = [line.rsplit(' ', 1) for line in body.splitlines() if not line.startswith('#')]
    assert len(dict(samples)) == len(samples), 'a series stands there twice'
    return {name: int(value) for name, value in samples}


def connect(daemon):
    s = socket.socket(socket.AF_UNIX)
    s.settimeout(h.DEADLINE)
    s.connect(daemon.socket)
    return s


def said(daemon, request):
    """Everything that is answered to these bytes."""
    with connect(daemon) as s:
        s.sendall(request)
        return b''.join(iter(lambda: s.recv(65536), b'')).decode()


def documented():
    """The names of verdicts and notes in docs/packets.md."""
    with open(os.path.join(h.SOURCE, 'docs', 'packets.md')) as f:
        tables = f.read().split('## Encapsulations')[0].split('| note |')
    return [re.findall(r'^\| `(\w+)` \|', table, re.MULTILINE) for table in tables]


def check_documented(measured):
    with open(os.path.join(h.SOURCE, 'docs', 'operations.md')) as f:
        listed = set(re.findall(r'`(ratwatch_\w+)', f.read()))
    assert {name.split('{')[0] for name in measured} == listed, listed ^ {name.split('{')[0] for name in measured}


def frames():
    """Of each verdict some, with a few notes."""
    quoted = h.ip('192.0.2.1', '192.0.2.2', 17, h.udp(1000, 2000, b''))
    return ([f for i in range(20) for f in h.conversation('192.0.2.%d' % (i + 1), 40000 + i, LISTED, 443)]
            + [bytes(12) + b'\x08\x06' + bytes(28)] * 3
            + [h.ethernet(quoted)[:14 + 12]] * 4
            + [h.ethernet(b'\x51' + quoted[1:])] * 5
            + [bytes(12) + b'\x81\x00\x00\x01' * 30 + b'\x08\x00' + quoted] * 6
            + [h.ethernet(h.ip('192.0.2.9', '192.0.2.8', 1, b'\x03\x03' + bytes(6) + quoted))] * 7)


def check_counts(net, daemon, n):
    h.wait_until('%d packets' % n, lambda: status(daemon)['capture']['received'] == n)
    asked, measured = status(daemon), metrics(net)
    capture = asked['capture']
    verdicts, notes = documented()
    assert list(capture['verdicts']) == verdicts, capture['verdicts']
    assert set(capture['notes']) == set(notes) | {'forwarded'}, capture['notes']
    assert sum(capture['verdicts'].values()) == n and capture['residual'] == 0, capture
    assert capture['verdicts'] == {'probed': 207, 'not_ip': 3, 'truncated': 4, 'malformed': 5, 'too_deep': 6}, capture
    assert capture['hits'] == 200 and capture['notes']['quoted'] == 7, capture
    assert capture['ports'] == [{'name': 'af_packet:port', 'missed': 0, 'errors': 0, 'no_buffer': 0}], capture

    assert measured['ratwatch_packets_received_total'] == n
    assert measured['ratwatch_packets_residual'] == 0
    assert measured['ratwatch_hits_total'] == 200
    assert measured['ratwatch_received_bytes_total'] == capture['bytes'] == sum(len(f) for f in frames())
    for name, value in capture['verdicts'].items():
        assert measured['ratwatch_packets_total{verdict="%s"}' % name] == value, name
    for name, value in capture['notes'].items():
        found = [v for k, v in measured.items() if k.endswith('_notes_total{note="%s"}' % name)]
        assert found == [value], (name, found)
    check_documented(measured)
    assert not re.search(r'192\.0\.2|198\.18|acme', str(measured)), 'an address in a label'

    table = ratwatch(daemon, 'status')
    assert table.returncode == 0, table
    for words in (r'sensor tap-1, up', r'received +225\n', r'= probed +207\n', r'\+ too_deep +6\n', r'residual +0\n', r'quoted +7\n',
                  r'feed +text +1 +0', r'0\.0000 % of the packets not seen', r'what the kernel drops .* is not told', r'Redis: unix://'):
        assert re.search(words, table.stdout), (words, table.stdout)


def check_reload(folder, net, daemon):
    folder.file('feed.txt', LISTED + ':443\n' + OTHER + ':443\n')
    done = ratwatch(daemon, 'reload')
    assert done.returncode == 0 and done.stderr == '', done
    assert re.fullmatch(r'generation 2: 2 indicators \(\+1 -0\) from 1 feeds in \d+ ms\n', done.stdout), done
    daemon.wait_for(r'reload: generation 2, 2 indicators')

    # A list that is refused keeps what it had; a configuration that is refused leaves everything as it was.
    folder.file('feed.txt', '<!DOCTYPE html><html>maintenance</html>\n')
    held = ratwatch(daemon, 'reload')
    assert held.returncode == 0 and '2 indicators (+0 -0)' in held.stdout and '1 feeds keep what they had' in held.stdout, held
    assert re.search(r'feed\.txt:1: is HTML', held.stderr), held
    now, measured = status(daemon), metrics(net)
    assert now['indicators']['feeds'][0]['held'] and measured['ratwatch_feed_held{feed="feed"}'] == 1, now
    assert now['reloads']['last']['result'] == 'done' and 'HTML' in now['reloads']['last']['problem'], now
    assert [s['generation'] for s in now['reloads']['sets']] == [3, 1], now  # 2 had the same lists as 3
    assert 'KEEPS WHAT IT HAD' in ratwatch(daemon, 'status').stdout
    good = open(folder.path + '/ratwatch.yaml').read()
    folder.file('ratwatch.yaml', good + 'log: {level: loud}\n')
    refused = ratwatch(daemon, 'reload')
    assert refused.returncode == 1 and refused.stdout == '', refused
    assert 'log.level' in refused.stderr and 'refused, generation 3 with 2 indicators stays in force' in refused.stderr, refused
    folder.file('ratwatch.yaml', good)

    now, measured = status(daemon), metrics(net)
    assert now['indicators']['generation'] == 3 and now['indicators']['entries'] == 2, now
    assert now['reloads']['done'] == 2 and now['reloads']['refused'] == 1, now
    assert now['reloads']['last']['result'] == 'refused' and 'log.level' in now['reloads']['last']['problem'], now
    assert measured['ratwatch_reloads_total{result="done"}'] == 2 and measured['ratwatch_reloads_total{result="refused"}'] == 1
    assert measured['ratwatch_generation'] == 3 and measured['ratwatch_feed_entries{feed="feed"}'] == 2

    # Several at once, and one that does not wait for its answer: each gets that of a reload that began after it asked.
    folder.file('feed.txt', LISTED + ':443\n')
    with connect(daemon) as gone:
        gone.sendall(b'{"command":"reload"}\n')
    several = [subprocess.Popen([h.RATWATCH, 'reload', '--socket', daemon.socket], stdout=subprocess.PIPE, text=True) for _ in range(8)]
    for process in several:
        out, _ = process.communicate(timeout=h.DEADLINE)
        assert process.returncode == 0 and ': 1 indicators' in out, out
    assert 1 <= status(daemon)['reloads']['done'] - 2 <= 9


def check_disturbances(net, daemon):
    slow = connect(daemon)
    slow.send(b'{"comm')
    silent = [slow] + [connect(daemon) for _ in range(40)]  # more than there are places
    assert status(daemon)['sensor'] == 'tap-1'
    assert 'no JSON' in said(daemon, b'\x00\xff\xfe GET / HTTP/1.1\r\n\r\n')
    assert "'halt' is no command" in said(daemon, b'{"command":"halt"}\n')
    # What is misspelt is refused: nothing is guessed that would change what is in force.
    for line, words in ((b'{"command":"rollback","generation":"1"}\n', 'generation is no number of a set'),
                        (b'{"command":"rollback","generation":-1}\n', 'generation is no number of a set'),
                        (b'{"command":"reload","force":"yes"}\n', 'force is no truth value'),
                        (b'{"command":"change","indicators":[{"change":"add","prefix":"198.18.7.9","prt":443}]}\n', "'198.18.7.9' is no change")):
        assert words in said(daemon, line), line
    with connect(daemon) as greedy:
        try:
            greedy.sendall(b'{"command":"' + b'x' * (1 << 20) + b'"}\n')
        except (BrokenPipeError, ConnectionResetError):
            pass  # it does not read on
        try:
            answer = greedy.recv(65536)
        except ConnectionResetError:
            answer = b''
        assert answer == b'' or b'longer than 65536 bytes' in answer, answer
    assert metrics(net)['ratwatch_packets_received_total'] == status(daemon)['capture']['received']
    for s in silent:
        s.close()


def check_http(net, redis, daemon):
    assert net.fetch('127.0.0.1', PORT, '/healthz')[::2] == [200, 'ok\n']
    assert net.fetch('127.0.0.1', PORT, '/metrics/')[0] == 404
    code, headers, _ = net.fetch('127.0.0.1', PORT, '/metrics', 'POST')
    assert code == 405 and headers['Allow'] == 'GET, HEAD', (code, headers)
    code, headers, body = net.fetch('127.0.0.1', PORT, '/metrics', 'HEAD')
    assert code == 200 and body == '' and int(headers['Content-Length']) > 1000, (code, headers)

    crowd = subprocess.Popen(net.command(sys.executable, '-c', CROWD), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert crowd.stdout.readline() == "b'HTTP/1.1 200'\n"
    daemon.signal(signal.SIGSTOP)  # so that they leave all at once
    crowd.kill()
    crowd.communicate()
    daemon.signal(signal.SIGCONT)
    assert net.fetch('127.0.0.1', PORT, '/healthz')[0] == 200

    redis.process.send_signal(signal.SIGSTOP)  # it hangs, and has all its data when it comes back
    h.wait_until('an unhealthy sensor', lambda: net.fetch('127.0.0.1', PORT, '/healthz')[0] == 503)
    code, _, body = net.fetch('127.0.0.1', PORT, '/healthz')
    assert code == 503 and 'redis' in body.lower(), body
    assert metrics(net)['ratwatch_redis_up'] == 0 and status(daemon)['trouble'] + '\n' == body
    redis.process.send_signal(signal.SIGCONT)
    h.wait_until('a healthy sensor', lambda: net.fetch('127.0.0.1', PORT, '/healthz')[0] == 200)
    assert status(daemon)['redis']['error'] is None and metrics(net)['ratwatch_redis_up'] == 1


def check_second(net, config, daemon):
    """Another one on the same socket, or the same port, is refused by name."""
    options = lambda control, port: net.command(h.RATWATCHD, '-c', config, '--set', 'control.socket=' + control,
                                                '--set', 'http.listen=127.0.0.1:%d' % port,
                                                '--set', 'indicators.state_dir=' + os.path.dirname(config) + '/second')
    got = subprocess.run(options(daemon.socket, PORT + 1), capture_output=True, text=True, timeout=h.DEADLINE)
    assert got.returncode == 2 and 'process %d listens there already' % daemon.process.pid in got.stderr, got
    got = subprocess.run(options(daemon.socket + '2', PORT), capture_output=True, text=True, timeout=h.DEADLINE)
    assert got.returncode == 2 and re.search(r'http: listen: 127\.0\.0\.1:%d: Address already in use' % PORT, got.stderr), got
    assert not os.path.exists(daemon.socket + '2')
    got = subprocess.run(options(os.path.join(os.path.dirname(daemon.socket), 'none', 'x'), PORT + 1), capture_output=True, text=True)
    assert got.returncode == 2 and re.search(r'/none does not exist; make it \(as root: install -d', got.stderr), got


def check_rights(folder, daemon):
    """Somebody else is told whose group he wants."""
    tool = shutil.copy(h.RATWATCH, os.path.join(daemon.folder, 'ratwatch'))
    os.chmod(daemon.folder, 0o755)
    got = subprocess.run([tool, 'status', '--socket', daemon.socket], capture_output=True, text=True, user=65534, group=65534, extra_groups=[])
    assert got.returncode == 1 and 'permission denied; run this as root or as a member of group root' in got.stderr, got
    assert oct(os.stat(daemon.socket).st_mode) == '0o140660'


def check_killed(folder, net, redis):
    """A killed one leaves its socket; the next one replaces it. It listens on IPv6 here."""
    command = net.command(h.RATWATCHD, '-c', folder.file('six.yaml', CONFIG % (redis.url, '[::1]', PORT)))
    left = os.path.join(folder.path, 'control.sock')
    daemon = h.Daemon(command, left)
    try:
        daemon.wait_for('running:')
        daemon.signal(signal.SIGKILL)
        daemon.wait()
        dead = ratwatch(daemon, 'status')
        assert dead.returncode == 1 and 'nobody listens there any more; start ratwatchd' in dead.stderr, dead
    finally:
        daemon.kill()
    daemon = h.Daemon(command, left)
    try:
        daemon.wait_for('running:')
        assert metrics(net, '::1')['ratwatch_packets_received_total'] == status(daemon)['capture']['received'] == 0
    finally:
        daemon.kill()


def main():
    with h.Folder() as folder:
        net, redis, daemon = None, None, None
        try:
            net = h.Namespace()
            redis = h.Redis(folder.path)
            folder.file('feed.txt', LISTED + ':443\n')
            config = folder.file('ratwatch.yaml', CONFIG % (redis.url, '127.0.0.1', PORT))
            daemon = h.Daemon(net.command(h.RATWATCHD, '-c', config))
            daemon.wait_for(r'running: 1 ports, 1 workers, 1 indicators')
            assert status(daemon)['reloads']['last'] is None and status(daemon)['reloads']['done'] == 0
            net.replay(h.write_pcap(os.path.join(folder.path, 'frames.pcap'), frames()))
            check_counts(net, daemon, 225)
            check_reload(folder, net, daemon)
            check_disturbances(net, daemon)
            check_http(net, redis, daemon)
            check_second(net, config, daemon)
            check_rights(folder, daemon)

            daemon.signal(signal.SIGTERM)
            daemon.wait_for(r'packets: received 225 = probed 207 ')
            assert daemon.wait() == 0, 'exit status after SIGTERM'
            assert not os.path.exists(daemon.socket), 'the socket is still there'
            gone = ratwatch(daemon, 'status')
            assert gone.returncode == 1 and 'no such socket; is ratwatchd running' in gone.stderr, gone
            assert ratwatch(daemon, 'status', 'now').returncode == 2
            check_killed(folder, net, redis)
        finally:
            if daemon:
                daemon.kill()
            if redis:
                redis.stop()
            if net:
                net.remove()

main()
