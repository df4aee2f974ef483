"""What the end-to-end tests share: a private Redis, a network namespace of their own, a running ratwatchd, small captures.

Everything that is started here is stopped here, by its own process. Waiting is for lines and answers, with a deadline.
"""

import json
import os
import re
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time

BUILD = os.environ['RATWATCH_BUILD']
SOURCE = os.environ['RATWATCH_SOURCE']
RATWATCHD = os.path.join(BUILD, 'daemon', 'ratwatchd')
RATWATCH = os.path.join(BUILD, 'cli', 'ratwatch')
DEADLINE = 20  # seconds; generous, since machines differ


def skip(why):
    print('skipped: ' + why)
    sys.exit(77)


def redis_command():
    for name in (os.environ.get('RATWATCH_REDIS_SERVER'), 'redis-server', 'valkey-server'):
        if name and shutil.which(name):
            return [shutil.which(name)], None
    if shutil.which('redis-check-rdb'):
        # The same program: it looks at the name by which it was called.
        return ['redis-server'], shutil.which('redis-check-rdb')
    skip('neither redis-server nor valkey-server is installed')


def wait_until(what, condition, seconds=DEADLINE):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        got = condition()
        if got:
            return got
        time.sleep(0.02)
    raise AssertionError('waited %d s in vain for: %s' % (seconds, what))


class Redis:
    """A server on a unix socket in `folder`, without persistence and without a port."""

    def __init__(self, folder):
        self.socket = os.path.join(folder, 'redis.sock')
        self.url = 'unix://' + self.socket
        self.folder = folder
        self.process = None
        self.start()

    def start(self):
        argv, executable = redis_command()
        self.process = subprocess.Popen(
            argv + ['--port', '0', '--unixsocket', self.socket, '--save', '', '--appendonly', 'no', '--dir', self.folder],
            executable=executable, stdout=subprocess.DEVNULL)
        wait_until('Redis answers', lambda: self.alive())

    def alive(self):
        try:
            return self.call('PING') == 'PONG'
        except OSError:
            return False

    def stop(self):
        if self.process:
            self.process.terminate()
            self.process.wait()
            self.process = None

    def call(self, *words):
        """One command; RESP2 replies as str, int, None or lists."""
        with socket.socket(socket.AF_UNIX) as s:
            s.connect(self.socket)
            s.sendall(b'*%d\r\n' % len(words) + b''.join(
                b'$%d\r\n%s\r\n' % (len(w), w) for w in (str(x).encode() for x in words)))
            with s.makefile('rb') as f:
                return self._reply(f)

    def _reply(self, f):
        line = f.readline().rstrip(b'\r\n')
        kind, rest = line[:1], line[1:]
        if kind == b'+':
            return rest.decode()
        if kind == b'-':
            raise AssertionError(rest.decode())
        if kind == b':':
            return int(rest)
        if kind == b'$':
            if rest == b'-1':
                return None
            data = f.read(int(rest) + 2)[:-2]
            return data.decode(errors='replace')
        return [self._reply(f) for _ in range(int(rest))] if rest != b'-1' else None

    def hash(self, key):
        flat = self.call('HGETALL', key)
        return dict(zip(flat[::2], flat[1::2]))

    def keys(self, pattern='*'):
        return sorted(self.call('KEYS', pattern))


class Namespace:
    """A network namespace with a veth pair: what is sent into `tap` arrives at `port`."""

    def __init__(self):
        self.name = 'ratwatch-test-%d' % os.getpid()
        if os.geteuid() != 0:
            skip('network namespaces need root')
        if not shutil.which('ip') or not shutil.which('tcpreplay'):
            skip('iproute2 and tcpreplay are not both installed')
        if subprocess.run(['ip', 'netns', 'add', self.name]).returncode != 0:
            skip('no network namespace can be made here')
        try:
            self._link()
        except subprocess.CalledProcessError:
            self.remove()
            skip('no veth pair can be made in a network namespace here (a chroot whose root is no mount point?)')

    def _link(self):
        self.run('ip', 'link', 'add', 'port', 'type', 'veth', 'peer', 'name', 'tap')
        for side in ('port', 'tap'):
            # Nothing but what the test sends: no router solicitations, no ARP.
            self.run('sysctl', '-qw', 'net.ipv6.conf.%s.disable_ipv6=1' % side, check=False)
            self.run('ip', 'link', 'set', side, 'arp', 'off', 'up')
        self.run('ip', 'link', 'set', 'lo', 'up')

    def command(self, *argv):
        return ['ip', 'netns', 'exec', self.name, *argv]

    def run(self, *argv, check=True):
        subprocess.run(self.command(*argv), check=check, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def replay(self, capture):
        self.run('tcpreplay', '-q', '--pps=2000', '-i', 'tap', capture)

    def sent(self):
        """Packets that went into `tap` so far."""
        got = subprocess.run(self.command('ip', '-s', '-j', 'link', 'show', 'tap'), check=True, capture_output=True, text=True)
        return json.loads(got.stdout)[0]['stats64']['tx']['packets']

    def fetch(self, host, port, path, method='GET'):
        """Status, headers and body of an HTTP answer, asked for from inside."""
        code = ('import http.client, json, sys; host, port, method, path = sys.argv[1:];'
                'c = http.client.HTTPConnection(host, int(port), timeout=%d); c.request(method, path); r = c.getresponse();'
                'print(json.dumps([r.status, dict(r.getheaders()), r.read().decode()]))' % DEADLINE)
        got = subprocess.run(self.command(sys.executable, '-c', code, host, str(port), method, path), check=True,
                             stdout=subprocess.PIPE, text=True)
        return json.loads(got.stdout)

    def remove(self):
        subprocess.run(['ip', 'netns', 'delete', self.name])


class Traffic:
    """A capture that is sent again and again until it is stopped."""

    def __init__(self, net, capture, rate):
        self.process = subprocess.Popen(net.command('tcpreplay', '-q', '-K', '--loop=0', '--pps=%d' % rate, '-i', 'tap', capture),
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
        self.process.wait(DEADLINE)


class Daemon:
    """A running ratwatchd, with a control socket of its own, `socket`, and a folder for accepted lists, `state`, which another may use after it."""

    def __init__(self, argv, state=None, socket=None):
        self.lines = []
        self.changed = threading.Condition()
        self.folder = tempfile.mkdtemp(prefix='ratwatch-control-')
        self.socket = socket or os.path.join(self.folder, 'control.sock')
        self.state = state or os.path.join(self.folder, 'state')
        self.process = subprocess.Popen([*argv, '--set', 'control.socket=' + self.socket, '--set', 'indicators.state_dir=' + self.state],
                                        stderr=subprocess.PIPE, text=True)
        self.thread = threading.Thread(target=self._read, daemon=True)
        self.thread.start()

    def _read(self):
        for line in self.process.stderr:
            with self.changed:
                self.lines.append(line.rstrip('\n'))
                self.changed.notify_all()
        with self.changed:
            self.lines.append('(ended)')
            self.changed.notify_all()

    def wait_for(self, pattern, seconds=DEADLINE):
        """The first line not looked at yet that matches; it and what came before are then done with."""
        end = time.monotonic() + seconds
        seen = []
        with self.changed:
            while True:
                while self.lines:
                    line = self.lines.pop(0)
                    seen.append(line)
                    if re.search(pattern, line):
                        return line
                if time.monotonic() >= end or seen[-1:] == ['(ended)']:
                    raise AssertionError('no line %r among:\n%s' % (pattern, '\n'.join(seen)))
                self.changed.wait(0.1)

    def ask(self, *argv):
        """`ratwatch ARGV` about this daemon."""
        return subprocess.run([os.path.join(BUILD, 'cli', 'ratwatch'), *argv, '--socket', self.socket], capture_output=True, text=True)

    def answer(self, *argv):
        """The same as JSON; it must be given."""
        got = self.ask(*argv, '-o', 'json')
        assert got.returncode == 0, (argv, got)
        return json.loads(got.stdout)

    def signal(self, number):
        self.process.send_signal(number)

    def wait(self):
        return self.process.wait(DEADLINE)

    def kill(self):
        for line in self.lines:
            print(line)  # what nobody waited for: it explains a failure
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        shutil.rmtree(self.folder)


# Frames -----------------------------------------------------------------------------------------------------------------

def ip(src, dst, protocol, payload, identification=0, fragment=0):
    return struct.pack('>BBHHHBBH4s4s', 0x45, 0, 20 + len(payload), identification, fragment, 64, protocol, 0,
                       socket.inet_aton(src), socket.inet_aton(dst)) + payload


def ethernet(packet):
    return bytes(12) + b'\x08\x00' + packet


def tagged(frame, vlan):
    return frame[:12] + struct.pack('>HH', 0x8100, vlan) + frame[12:]


def udp(sport, dport, payload):
    return struct.pack('>HHHH', sport, dport, 8 + len(payload), 0) + payload


def tcp(src, sport, dst, dport, flags, seq, ack, payload=b''):
    transport = struct.pack('>HHIIBBHHH', sport, dport, seq, ack, 5 << 4, flags, 8192, 0, 0) + payload
    return ethernet(ip(src, dst, 6, transport))


SYN, ACK, PSH, FIN = 2, 16, 8, 1


def conversation(victim, port, controller, controller_port, data=b'hello'):
    """Handshake, data both ways, an orderly end: ten frames."""
    out = lambda flags, seq, ack, payload=b'': tcp(victim, port, controller, controller_port, flags, seq, ack, payload)
    back = lambda flags, seq, ack, payload=b'': tcp(controller, controller_port, victim, port, flags, seq, ack, payload)
    n = len(data)
    return [out(SYN, 100, 0), back(SYN | ACK, 900, 101), out(ACK, 101, 901),
            out(ACK | PSH, 101, 901, data), back(ACK, 901, 101 + n),
            back(ACK | PSH, 901, 101 + n, data), out(ACK, 101 + n, 901 + n),
            out(ACK | FIN, 101 + n, 901 + n), back(ACK | FIN, 901 + n, 102 + n), out(ACK, 102 + n, 902 + n)]


def write_pcap(path, frames, link=1, start=1_600_000_000):
    with open(path, 'wb') as f:
        f.write(struct.pack('<IHHiIII', 0xa1b2c3d4, 2, 4, 0, 0, 65535, link))
        for i, frame in enumerate(frames):
            f.write(struct.pack('<IIII', start + i // 1000, i % 1000 * 1000, len(frame), len(frame)) + frame)
    return path


def write_pcap_at(path, packets, link=1):
    """Pairs of seconds since the epoch, whole or not, and frame; in the order of time."""
    with open(path, 'wb') as f:
        f.write(struct.pack('<IHHiIII', 0xa1b2c3d4, 2, 4, 0, 0, 65535, link))
        for when, frame in sorted(packets, key=lambda p: p[0]):
            micros = round(when * 1e6)
            f.write(struct.pack('<IIII', micros // 1_000_000, micros % 1_000_000, len(frame), len(frame)) + frame)
    return path


class Folder:
    """A temporary folder that goes with the test."""

    def __enter__(self):
        self.path = tempfile.mkdtemp(prefix='ratwatch-test-')
        return self

    def __exit__(self, *_):
        shutil.rmtree(self.path)

    def file(self, name, content):
        """Written beside and renamed, as a list should be."""
        path = os.path.join(self.path, name)
        with open(path + '.new', 'wb') as f:
            f.write(content if isinstance(content, bytes) else content.encode())
        os.rename(path + '.new', path)
        return path
