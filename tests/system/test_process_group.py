# SPDX-License-Identifier: Apache-2.0
"""`process.memory_max` and `process.cpu_weight` in a control group that is delegated, as a service of systemd
has it with Delegate=yes: in a kernel of its own, since few machines delegate one to their tests.
"""
import json
import re

import pytest
from lib import kernel
from lib.box import STINT

JOB = '''version: 1
job: limited
source:
  csv: {{path: items.csv}}
  key: id
  fields: {{id: text}}
work:
  exec: {{command: [/bin/sh, -c, {program}, work, "${{id}}"], input: none}}
  effect: {effect}
  concurrency: 2
process: {{memory_max: 100M, cpu_weight: 20}}
'''
# What a program of an item sees of its group, and of the limits there.
LOOK = '''group=$(sed -n s/^0:://p /proc/self/cgroup)
cd "/sys/fs/cgroup$group"
echo "$1 $group $(cat memory.max cpu.weight | tr "\n" " ")" >>/mnt/seen
'''
GREEDY = '[ "$1" != 2 ] || exec tail /dev/zero; ' + LOOK
# A group that a machine's administrator has made, and how a service begins in one.
UNITS = '''set -e
echo "+memory +cpu" >/sys/fs/cgroup/cgroup.subtree_control
mkdir /sys/fs/cgroup/unit.service
cp -r {path}/box /mnt/box
chown -R nobody /mnt
cd /mnt/box
export STINT_LEDGER=sqlite:/mnt/box/ledger.db HOME=/mnt/box TZ=UTC LC_ALL=C.UTF-8 NO_COLOR=1
cat >/mnt/service <<'END'
#!/bin/sh
# service GROUP COMMAND...: begins in that group, as one without rights that it was delegated to
cd "/sys/fs/cgroup/$1"
echo $$ >cgroup.procs
shift
cd /mnt/box
exec setpriv --reuid nobody --clear-groups "$@"
END
chmod 755 /mnt/service
delegate() {{ chown nobody "$1" "$1/cgroup.procs" "$1/cgroup.subtree_control"; }}
set +e
'''
RUN = '{stint} run limited.yaml --no-progress --volatile'


def run(box, script, program=LOOK, effect='once'):
    if not kernel.is_here():
        pytest.skip('there is no user-mode Linux')
    box.file('box/limited.yaml', JOB.format(effect=effect, program=json.dumps(program)))
    box.file('box/items.csv', 'id\n1\n2\n3\n')
    box.open_to_others()
    said, code = kernel.run_in_kernel(
        box, UNITS.format(path=box.path) + script.replace('RUN', RUN.format(stint=STINT)))
    if code is None:
        pytest.skip(f'no kernel comes up here: {said}')
    return said


def test_what_programs_start_has_the_limits_and_stint_itself_has_not(box):
    said = run(box, '''delegate /sys/fs/cgroup/unit.service
/mnt/service unit.service RUN; echo "exit $?"
sort /mnt/seen
echo "left: $(ls -d /sys/fs/cgroup/unit.service/stint.*)"
''')
    assert 'exit 0' in said, said
    groups = re.findall(r'^\d (\S+) (\d+) (\d+) $', said, re.M)
    assert len(groups) == 3, said
    assert {g[1:] for g in groups} == {('104857600', '20')}, said
    assert re.fullmatch(r'/unit\.service/stint\.lanes\.\d+', groups[0][0]), said
    # Its own place stays, empty; that of the lanes is gone.
    assert 'left: /sys/fs/cgroup/unit.service/stint.main\n' in said, said


def test_memory_ends_the_program_that_wants_too_much_and_nothing_else(box):
    said = run(box, '''delegate /sys/fs/cgroup/unit.service
/mnt/service unit.service RUN; echo "exit $?"
cut -d' ' -f1 /mnt/seen | sort | tr '\\n' ' '
/mnt/service unit.service/stint.main {stint} items --volatile --state in_doubt
/mnt/service unit.service/stint.main {stint} attempts --volatile limited/2
'''.replace('{stint}', STINT), program=GREEDY)
    assert 'exit 3' in said, said
    assert '1 3 ' in said, said
    assert 'signal' in said, said


# The first time that item 2 is worked, the engine dies: the parent of the lane.
KILLS = '[ "$1" != 2 ] || [ -e killed ] || { : >killed; kill -9 $(ps -o ppid= -p $PPID); sleep 60; }; ' + LOOK


def test_an_engine_that_was_killed_makes_its_group_anew(box):
    said = run(box, '''delegate /sys/fs/cgroup/unit.service
/mnt/service unit.service RUN; echo "exit $?"
sort -u /mnt/seen
echo "left: $(ls -d /sys/fs/cgroup/unit.service/stint.*)"
''', program=KILLS, effect='idempotent')
    assert 'died by signal 9' in said, said
    assert 'exit 0' in said, said
    seen = re.findall(r'^(\d) (/unit\.service/stint\.lanes\.\d+) (.*) $', said, re.M)
    assert {s[0] for s in seen} == {'1', '2', '3'}, said
    assert {s[2] for s in seen} == {'104857600 20'}, said
    # Of both engines.
    assert 'left: /sys/fs/cgroup/unit.service/stint.main\n' in said, said


def refused(box, script, words):
    said = run(box, script)
    assert 'exit 69' in said, said
    assert 'process.memory_max cannot be applied here' in said, said
    assert 'Delegate=yes' in said, said
    assert words in said, said
    assert 'effects' not in said, said


def test_a_group_that_belongs_to_somebody_else_is_refused(box):
    refused(box, '/mnt/service unit.service RUN; echo "exit $?"; [ ! -e /mnt/seen ] || echo effects',
            'Permission denied')


def test_a_group_with_others_in_it_is_refused(box):
    refused(box, '''delegate /sys/fs/cgroup/unit.service
sleep 300 &
echo $! >/sys/fs/cgroup/unit.service/cgroup.procs
/mnt/service unit.service RUN; echo "exit $?"; [ ! -e /mnt/seen ] || echo effects''',
            'others are in the group')


def test_a_group_without_the_controller_is_refused(box):
    refused(box, '''mkdir /sys/fs/cgroup/unit.service/inner
delegate /sys/fs/cgroup/unit.service/inner
/mnt/service unit.service/inner RUN; echo "exit $?"; [ ! -e /mnt/seen ] || echo effects''',
            "has no controller 'memory'")
