# SPDX-License-Identifier: Apache-2.0
"""Another host on this machine: a name of its own, and, if wanted, a network of its own whose only
cable can be pulled out. Needs root and a kernel that lets it have namespaces."""
import os
import subprocess

import pytest

NEEDS = ('unshare', 'nsenter', 'ip')


def run(*command):
    return subprocess.run(command, check=False, capture_output=True, text=True, stdin=subprocess.DEVNULL)


class OtherHost:
    """`wrap(box, program)` makes the box's program run there. `address`: this machine, seen from there."""

    def __init__(self, name, network=False):
        if os.geteuid() != 0:
            pytest.skip('another host needs root')
        kinds = ['-u', '-n'] if network else ['-u']
        self.holder = subprocess.Popen(
            ['unshare', *kinds, 'sh', '-c', f'hostname {name} && echo up && exec sleep 100000'],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        if self.holder.stdout.readline().strip() != 'up':
            self.close()
            pytest.skip('no namespaces here')
        self.enter = ['nsenter', '-t', str(self.holder.pid), *kinds, '--']
        self.cable = None
        if network:
            self.connect()

    def connect(self):
        number = self.holder.pid % (1 << 14)
        self.address = f'10.213.{number >> 6 & 255}.{(number & 63) * 4 + 1}'
        there = self.address.rsplit('.', 1)[0] + f'.{(number & 63) * 4 + 2}'
        self.cable = f'stint{self.holder.pid}'
        commands = [
            ['ip', 'link', 'add', self.cable, 'type', 'veth', 'peer', 'name', 'up0',
             'netns', str(self.holder.pid)],
            ['ip', 'addr', 'add', f'{self.address}/30', 'dev', self.cable],
            ['ip', 'link', 'set', self.cable, 'up'],
            [*self.enter, 'ip', 'addr', 'add', f'{there}/30', 'dev', 'up0'],
            [*self.enter, 'ip', 'link', 'set', 'up0', 'up'],
            [*self.enter, 'ip', 'link', 'set', 'lo', 'up'],
        ]
        for command in commands:
            done = run(*command)
            if done.returncode != 0:
                self.close()
                pytest.skip(f'no network of its own here: {done.stderr}')

    def pull_out(self):
        """Whatever is sent is lost, and nobody is told."""
        assert run('ip', 'link', 'set', self.cable, 'down').returncode == 0

    def wrap(self, box, program):
        box.program = box.file('there', '#!/bin/sh\nexec ' + ' '.join(self.enter) + f' {program} "$@"\n',
                               mode=0o755)

    def close(self):
        self.holder.kill()
        self.holder.wait()
        self.holder.stdout.close()
        if getattr(self, 'cable', None):
            run('ip', 'link', 'del', self.cable)
