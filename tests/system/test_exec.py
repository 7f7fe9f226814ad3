# SPDX-License-Identifier: Apache-2.0
"""How a program is started: as whom, where, with which umask, environment and input; what is kept of it."""
import os
import stat

import pytest

JOB = '''version: 1
job: start
source:
  csv: {path: in.csv}
  key: id
  fields: {id: integer, name: text}
work:
  exec:
    %s
  effect: idempotent
  concurrency: 1
retry: {attempts: 1}
'''


def run(box, code, exec_keys):
    box.file('in.csv', 'id,name\n7,"Ann, ""A"""\n')
    box.file('start.yaml', JOB % exec_keys)
    said = box.run('run', 'start.yaml', '--no-progress', '--again')
    assert said.code == code, said
    return said


def mode(box, name):
    return stat.S_IMODE(os.stat(os.path.join(box.path, name)).st_mode)


def test_its_umask_is_what_the_job_says_and_else_that_of_stint(box):
    before = os.umask(0o002)
    try:
        run(box, 0, '''shell: 'umask >said; : >mine'
    umask: 027''')
        assert box.lines('said') == ['0027'] and mode(box, 'mine') == 0o640
        run(box, 0, "shell: 'umask >said; : >others'")
        assert box.lines('said') == ['0002'] and mode(box, 'others') == 0o664
    finally:
        os.umask(before)


@pytest.mark.skipif(os.geteuid() != 0, reason='becomes another user')
def test_it_is_started_as_the_user_that_the_job_names(box):
    box.open_to_others()
    os.makedirs(os.path.join(box.path, 'theirs'))
    os.chmod(os.path.join(box.path, 'theirs'), 0o777)
    run(box, 0, '''shell: 'id -un >theirs/said; id -u >>theirs/said; id -G >>theirs/said; umask >>theirs/said'
    user: nobody
    umask: 077''')
    name, uid, groups, umask = box.lines('theirs/said')
    assert (name, umask) == ('nobody', '0077') and '0' not in (uid, *groups.split()), (uid, groups)
    assert mode(box, 'theirs/said') == 0o600
    said = run(box, 78, "shell: 'exit 0'\n    user: no-such-user")
    assert 'no-such-user' in said.err, said


def test_it_is_started_where_the_job_says(box):
    os.makedirs(os.path.join(box.path, 'there/7'))
    run(box, 0, '''shell: 'pwd -P >said'
    directory: there/${id}''')
    assert box.lines('there/7/said') == [os.path.realpath(os.path.join(box.path, 'there/7'))]
    said = run(box, 78, "shell: 'exit 0'\n    directory: nowhere")
    assert "nowhere' does not exist" in said.err, said


@pytest.mark.parametrize('given, got', [
    ('json', '{"id":7,"name":"Ann, \\"A\\""}'), ('csv', '7,"Ann, ""A"""'), ('none', ''),
    ('"<${id}> ${name}"', '<7> Ann, "A"')])
def test_it_reads_what_the_job_says(box, given, got):
    run(box, 0, f"shell: 'cat >said'\n    input: {given}")
    assert box.read('said').rstrip('\n') == got


def test_its_environment_has_what_the_job_adds(box):
    run(box, 0, '''shell: 'echo "$GREETING|$STINT_KEY|$STINT_ATTEMPT|$STINT_JOB|$STINT_FIELD_id" >said'
    env: {GREETING: "hello ${name}"}''')
    assert box.lines('said') == ['hello Ann, "A"|7|1|start|7']


def test_so_much_of_the_end_of_its_output_is_kept(box):
    run(box, 3, '''shell: 'for i in 1 2 3 4 5 6 7 8 9; do echo "line $i"; done; exit 65'
    keep_output: 14''')
    said = box.run('logs', 'start').out
    assert 'line 8\nline 9\n' in said and 'line 7' not in said, said
    run(box, 3, '''shell: 'echo something; exit 65'
    keep_output: 0''')
    assert 'something' not in box.run('logs', 'start@' + box.ask("select slot from run")[0][0] + '#2').out
