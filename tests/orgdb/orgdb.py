"""What the tests of scripts/build-orgdb share: running it, and reading what it wrote without libmaxminddb."""

import json
import os
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), '..', 'e2e'))
import harness as h

SCRIPT = os.path.join(h.SOURCE, 'scripts', 'build-orgdb')
READ = '''
use MaxMind::DB::Reader; use JSON::PP; use Encode;
my $r = MaxMind::DB::Reader->new(file => shift); my $m = $r->metadata; my %a = map { $_ => $r->record_for_address($_) } @ARGV;
my %m = map { $_ => $m->$_ } qw(database_type ip_version record_size description); $m{build_epoch} = 0 + $m->build_epoch;
print JSON::PP->new->utf8->canonical->encode({metadata => \\%m, answers => \\%a});
'''


def need_writer():
    if subprocess.run(['perl', '-MMaxMind::DB::Writer::Tree', '-e1'], stderr=subprocess.DEVNULL).returncode != 0:
        h.skip('libmaxmind-db-writer-perl is not installed')


def build(*argv, **keywords):
    return subprocess.run([SCRIPT, *argv], capture_output=True, text=True, **keywords)


def read(path, *addresses):
    """Metadata, and the record of each address or None; by the reader in Perl that comes with the writer."""
    run = subprocess.run(['perl', '-e', READ, path, *addresses], capture_output=True, text=True, check=True)
    got = json.loads(run.stdout)
    return got['metadata'], got['answers']


def plain(record):
    """(number, name, country) of a record, None where it has none."""
    record = record or {}
    return (record.get('autonomous_system_number'), record.get('autonomous_system_organization'), record.get('country', {}).get('iso_code'))
