# SPDX-License-Identifier: Apache-2.0
"""What the README and the guide show is tried here: the demo, what it says to paste, the examples."""
import os
import re
import subprocess

import pytest
from lib.box import STINT, TOP

DEMO = os.path.join(TOP, 'examples', 'first-night', 'demo')
SHOWN = ['README.md', 'docs/job-file.md', 'docs/effects.md']


def run_demo(box, night):
    env = dict(box.env, STINT=STINT)
    del env['STINT_LEDGER']
    return subprocess.run([DEMO, night], env=env, text=True, capture_output=True, check=False,
                          timeout=120, stdin=subprocess.DEVNULL)


def pasted(out):
    """The lines that the demo offers for pasting, in order."""
    offered = out[out.index('What to try next'):]
    return [line[2:] for line in offered.split('\n') if line.startswith('  ')]


def paste(box, night, lines):
    env = dict(box.env)
    del env['STINT_LEDGER']
    done = subprocess.run(['sh'], input='\n'.join(lines) + '\n', env=env, text=True, cwd=night,
                          capture_output=True, check=False, timeout=180)
    return done.stdout + done.stderr


@pytest.mark.long
def test_the_demo_and_everything_that_it_says_to_paste(box):
    night = os.path.join(box.path, 'night')
    for _ in range(2):  # a second time starts afresh
        done = run_demo(box, night)
        assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    sent = set(os.listdir(os.path.join(night, 'outbox')))
    said = done.stdout
    box.env['STINT_LEDGER'] = f'sqlite:{night}/ledger.db'
    dead = box.keys('dead')
    assert 'R000523' in dead
    # 4000 lines; what was neither sent nor given up was rejected, and the report says so.
    assert 15 <= 4000 - len(sent) - len(dead) <= 40
    assert re.search(r'\b3\b', said) and str(len(sent)) in said.replace(',', '').replace(' ', '')

    shown = paste(box, night, pasted(said))
    assert 'not found' not in shown, shown
    assert 'usage' not in shown.lower(), shown
    with open(os.path.join(night, 'night-2.csv'), encoding='latin1') as f:
        second = {line.split(',')[0] for line in f.read().split('\n')[1:-1]}
    sent = set(os.listdir(os.path.join(night, 'outbox')))
    after = box.run('report', '--json')
    assert after.code == 0, after
    assert box.keys('in_doubt') == [], shown[-3000:]
    # All that could be sent has been, in spite of the kill.
    assert 20 <= len(second - sent - set(box.keys('dead'))) <= 50, shown[-3000:]
    # A rejected record that was mended has gone out too.
    assert 'R000455' in sent, shown[-3000:]
    box.verify()


def examples():
    for name in SHOWN:
        with open(os.path.join(TOP, name), encoding='utf-8') as f:
            blocks = re.findall(r'```yaml\n(.*?)```', f.read(), re.DOTALL)
        for block in blocks:
            if block.startswith('version:'):
                yield pytest.param(block, id=name + ':' + re.search(r'job: (\S+)', block).group(1))


@pytest.mark.parametrize('example', examples())
def test_an_example_of_the_documents_is_a_good_job_file(box, example):
    box.file('job.yaml', example)
    # `check` looks whether the program is there.
    for program in re.findall(r'command: \[([^], ]+)', example):
        box.file(os.path.join('bin', program) if '/' not in program else program, '#!/bin/sh\n', mode=0o755)
    box.env['PATH'] += ':' + os.path.join(box.path, 'bin')
    said = box.run('check', 'job.yaml')
    assert said.code == 0, said


def test_links_between_documents_lead_somewhere():
    missing = []
    for folder, _, names in os.walk(TOP):
        if os.path.basename(folder).startswith(('.', 'build')):
            continue
        for name in names:
            if not name.endswith('.md') or '/build' in folder:
                continue
            with open(os.path.join(folder, name), encoding='utf-8') as f:
                text = f.read()
            for link in re.findall(r'\]\(([^)#\s]+)(?:#[^)]*)?\)', text):
                if '://' not in link and not os.path.exists(os.path.join(folder, link)):
                    missing.append(f'{name}: {link}')
    assert missing == []
