# SPDX-License-Identifier: Apache-2.0
"""Names of files that mean harm (docs/faults.md 65): out of the folder, not a file, swapped for a link,
as long as a file system allows."""
import os
import socket
import subprocess
import threading

import pytest
from lib.account import assert_clean
from lib.box import wait_until

JOB = '''version: 1
job: paths
params: {part: {type: text, default: a}}
source:
%s
work:
  exec: {shell: 'echo "$STINT_KEY" >>effects', input: none}
  effect: once
  concurrency: 2
'''
CSV = '''  csv: {path: "%s"}
  key: id
  fields: {id: text}
'''


def run(box, *args):
    """A call that ends by itself, however odd what it finds is."""
    return box.run('run', 'paths.yaml', '--no-progress', *args, timeout=120)


@pytest.mark.parametrize('part', ['..', '.', '../secret', '/etc/passwd', 'a/../../secret', '', 'x' * 300,
                                  'a\nb', '*', '?', '[a-z]', '\\a'], ids=range(12))
def test_a_parameter_never_leads_out_of_its_folder(box, part):
    box.file('secret.csv', 'id\nsecret\n')
    box.file('in/a.csv', 'id\nwrong\n')
    box.file('in/b.csv', 'id\nwrong\n')
    box.file('paths.yaml', JOB % CSV % 'in/${param.part}.csv')
    said = run(box, '--param', 'part=' + part)
    assert said.code in (1, 64, 66, 78), said
    assert said.err.startswith('stint: ') or 'stint: ' in said.err
    assert not box.lines('effects')
    # Negative control: the same file by its name is taken.
    said = run(box, '--date', '2026-01-31', '--param', 'part=a')
    assert said.code == 0 and box.lines('effects') == ['wrong'], said


@pytest.mark.parametrize('what', ['fifo', 'socket', 'device', 'folder', 'link to nothing', 'link to itself',
                                  'endless device'])
def test_what_is_no_file_is_refused_and_never_waited_for(box, what):
    path = os.path.join(box.path, 'odd.csv')
    if what == 'fifo':
        os.mkfifo(path)
    elif what == 'socket':
        here = os.getcwd()
        os.chdir(box.path)
        try:
            socket.socket(socket.AF_UNIX).bind('odd.csv')
        finally:
            os.chdir(here)
    elif what == 'folder':
        os.mkdir(path)
    else:
        os.symlink({'device': '/dev/null', 'endless device': '/dev/zero', 'link to nothing': 'nowhere',
                    'link to itself': 'odd.csv'}[what], path)
    box.file('paths.yaml', JOB % CSV % 'odd.csv')
    said = run(box)
    assert said.code in (1, 66), said
    assert 'odd.csv' in said.err
    said = run(box, '--source', 'odd.csv')
    assert said.code in (1, 66), said
    assert not box.lines('effects')
    # Among others, matched by a pattern, it costs them nothing, or is named.
    box.file('good.csv', 'id\n1\n')
    box.file('paths.yaml', (JOB % CSV % '*.csv').replace('job: paths', 'job: pattern'))
    said = run(box)
    assert said.code == 0 and box.lines('effects') == ['1'] or 'odd.csv' in said.err, said


def test_a_pipe_in_the_place_of_a_loaded_file_is_noticed_and_never_waited_for(box):
    box.file('items.csv', 'id\n' + ''.join(f'{i}\n' for i in range(400)))
    box.file('paths.yaml', (JOB % CSV % 'items.csv').replace(
        '>>effects', '>>effects; [ -e go ] || { : >ready; while [ ! -e go ]; do sleep 0.05; done; }')
        + 'chunk: {items: 20}\n')
    process = box.start('run', 'paths.yaml', '--no-progress')
    wait_until(lambda: os.path.exists(os.path.join(box.path, 'ready')), limit_s=60)
    path = os.path.join(box.path, 'items.csv')
    os.rename(path, path + '.away')
    os.mkfifo(path)
    box.file('go')
    assert process.wait(120) == 1, box.process_said(process)
    assert 'items.csv' in box.process_said(process)
    os.unlink(path)
    os.rename(path + '.away', path)
    said = run(box)
    assert said.code == 0, said
    assert_clean(box, 'paths', [str(i) for i in range(400)])


LONGEST = 'n' * 251 + '.csv'
NAMES = [LONGEST, '-rf.csv', ' .csv', 'new\nline.csv', '$(touch canary).csv', '%n%s.csv', 'ü\u202e.csv',
         '..csv', 'a;b.csv', '\x1b[2J.csv', '.hidden.csv', '*.csv', '~.csv']


@pytest.mark.parametrize('where', ['here', 'elsewhere'])
def test_files_of_any_name_are_items_and_are_moved(box, where):
    box.file('paths.yaml', JOB % f'  files: {{path: "in/*.csv", then: "move:{where}"}}\n')
    for name in NAMES:
        box.file('in/' + name, name)
    target = os.path.join(box.path, where)
    if where == 'elsewhere':
        os.mkdir(target)
        if subprocess.run(['mount', '-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', target], capture_output=True,
                          check=False).returncode != 0:
            pytest.skip('mounting is not allowed here')
    try:
        said = run(box)
        assert said.code == 0, said
        names = [n for n in NAMES if not n.startswith('.')]  # as in the shell
        assert sorted(os.listdir(target)) == sorted(names)
        assert sorted(os.listdir(os.path.join(box.path, 'in'))) == sorted(set(NAMES) - set(names))
        for name in names:
            with open(os.path.join(target, name), encoding='utf-8') as f:
                assert f.read() == name
        assert sorted(box.read('effects').encode().split(b'\n')) == sorted(
            ('\n'.join('in/' + n for n in names) + '\n').encode().split(b'\n'))
        assert 'canary' not in os.listdir(box.path)
        box.verify()
    finally:
        if where == 'elsewhere':
            subprocess.run(['umount', '-l', target], check=False)


def test_a_name_that_is_no_text_is_a_reject(box):
    os.mkdir(os.path.join(box.path, 'in'))
    for name in (b'good.csv', b'bad\xff.csv'):
        with open(os.path.join(box.path.encode(), b'in', name), 'wb'):
            pass
    box.file('paths.yaml', JOB % '  files: {path: "in/*.csv"}\n')
    said = run(box)
    assert said.code == 3, said
    assert box.lines('effects') == ['in/good.csv']
    account = assert_clean(box, 'paths', ['in/good.csv'])
    assert [r['reason'] for r in account.rejects] == ['its name is no UTF-8']


@pytest.mark.skipif(os.getuid() != 0, reason='only root can make links of somebody else')
@pytest.mark.parametrize('then', ['delete', '"move:done"'])
def test_a_folder_that_is_swapped_for_a_link_costs_no_file_elsewhere(box, then):
    """Whoever may write in `in` turns `in/a` into a link to a folder with files of the same names, and
    back, while stint removes what it worked."""
    names = [f'{i}.csv' for i in range(300)]
    for name in names:
        box.file('victim/' + name, 'precious')
        box.file('in/a/' + name, name)
    box.file('paths.yaml', (JOB % f'  files: {{path: "in/*/*.csv", then: {then}}}\n').replace(
        '''exec: {shell: 'echo "$STINT_KEY" >>effects', input: none}''', 'noop: {}')
        .replace('  effect: once\n', ''))
    folder, away, link = (os.path.join(box.path, 'in', name) for name in ('a', '.a', '.link'))
    os.symlink('../victim', link)
    os.lchown(link, 65534, 65534)
    is_over = threading.Event()

    def swap():
        while not is_over.is_set():
            os.rename(folder, away)
            os.rename(link, folder)
            os.rename(folder, link)
            os.rename(away, folder)
    swapper = threading.Thread(target=swap)
    process = box.start('run', 'paths.yaml', '--no-progress')
    swapper.start()
    try:
        process.wait(120)
    finally:
        is_over.set()
        swapper.join()
    for name in names:
        assert box.read('victim/' + name) == 'precious'
    for folder_name in ('done', 'in/a'):
        place = os.path.join(box.path, folder_name)
        for name in os.listdir(place) if os.path.isdir(place) else []:
            assert box.read(f'{folder_name}/{name}') == name
    box.verify()


@pytest.mark.parametrize('whose', ['own', 'somebody else'])
def test_a_folder_that_is_a_link_is_followed_when_it_is_ones_own(box, whose):
    box.file('elsewhere/1.csv', 'one')
    os.mkdir(os.path.join(box.path, 'in'))
    link = os.path.join(box.path, 'in/a')
    os.symlink('../elsewhere', link)
    if whose == 'somebody else':
        if os.getuid() != 0:
            pytest.skip('only root can make links of somebody else')
        os.lchown(link, 65534, 65534)
    box.file('paths.yaml', JOB % '  files: {path: "in/*/*.csv", then: delete}\n')
    said = run(box)
    assert box.lines('effects') == ['in/a/1.csv']
    left = os.listdir(os.path.join(box.path, 'elsewhere'))
    if whose == 'own':
        assert said.code == 0 and left == [], said
    else:
        assert left == ['1.csv'] and 'link of somebody else' in said.err, said
    assert_clean(box, 'paths', ['in/a/1.csv'])
