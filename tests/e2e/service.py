#!/usr/bin/env python3
"""conf/ratwatchd.service: its capabilities are what a packet socket wants, its folders are the defaults of the configuration, and a restart with a
broken list starts, for as long as an earlier one is known."""

import os
import shutil
import subprocess
import sys

sys.path.insert(0, os.path.dirname(__file__))
import harness as h

NOBODY = 65534
CONFIG = '''
capture: {ports: [af_packet:port], hugepages: false}
indicators: {allow_special: true, feeds: [feed.txt]}
'''


def unit():
    """Key to values, in order."""
    values = {}
    with open(os.path.join(h.SOURCE, 'conf', 'ratwatchd.service')) as f:
        for line in f:
            key, equals, value = line.strip().partition('=')
            if equals and not line.startswith('#'):
                values.setdefault(key, []).append(value)
    return values


class Service:
    """Runs what the unit runs, as another user with no more than the unit's capabilities."""

    def __init__(self, folder, net, capabilities):
        self.folder, self.net = folder, net
        self.rights = ','.join('+' + c.lower().removeprefix('cap_') for c in capabilities)
        self.program = shutil.copy(h.RATWATCHD, folder.path)
        for name in ('run', 'state'):
            os.mkdir(os.path.join(folder.path, name))
            os.chown(os.path.join(folder.path, name), NOBODY, NOBODY)
        os.chmod(folder.path, 0o755)
        os.chmod(self.program, 0o755)

    def command(self, text):
        """A command line of the unit, with the folder's paths for the system's."""
        words = text.replace('/usr/local/sbin/ratwatchd', self.program).replace('/etc/ratwatch', self.folder.path).split()
        return self.net.command('env', 'XDG_RUNTIME_DIR=' + self.folder.path + '/run', 'setpriv', '--reuid=%d' % NOBODY, '--regid=%d' % NOBODY,
                                '--clear-groups', '--no-new-privs', '--bounding-set=-all,' + self.rights, '--inh-caps=-all,' + self.rights,
                                '--ambient-caps=' + self.rights, *words)

    def start(self, unit):
        for text in unit.get('ExecStartPre', []):
            got = subprocess.run(self.command(text), capture_output=True, text=True)
            assert got.returncode == 0, (text, got)
        text, = unit['ExecStart']
        return h.Daemon(self.command(text), state=self.folder.path + '/state', socket=self.folder.path + '/run/control.sock')


def stop(daemon):
    daemon.signal(15)
    assert daemon.wait() == 0
    daemon.kill()


def main():
    service = unit()
    # Where the defaults of control.socket and indicators.state_dir are.
    assert service['RuntimeDirectory'] == service['StateDirectory'] == ['ratwatch'], service
    capabilities = service['AmbientCapabilities'][0].split()
    assert sorted(service['CapabilityBoundingSet'][0].split()) == sorted(capabilities), service
    net, daemon = h.Namespace(), None
    try:
        with h.Folder() as folder:
            folder.file('ratwatch.yaml', CONFIG)
            folder.file('feed.txt', '198.18.7.7\n')
            systemd = Service(folder, net, capabilities)
            daemon = systemd.start(service)
            daemon.wait_for('running: 1 ports, 1 workers, 1 indicators')
            stop(daemon)
            folder.file('feed.txt', '<html>503</html>\n')
            daemon = systemd.start(service)
            daemon.wait_for('feed.txt: keeps what it had, 1 entries')
            daemon.wait_for('running: 1 ports, 1 workers, 1 indicators')
            stop(daemon)
            systemd.rights = '+net_raw'
            daemon = systemd.start(service)
            daemon.wait_for('CAP_NET_RAW and CAP_NET_ADMIN')
            assert daemon.wait() == 2
    finally:
        if daemon and os.path.exists(daemon.folder):
            daemon.kill()
        net.remove()


main()
