# SPDX-License-Identifier: Apache-2.0
"""The job of the fault tests: numbered items, each of which appends its key to the file `effects`."""
from lib.box import STINT_DEV

JOB = '''version: 1
job: faults
source:
  csv: {{path: items.csv}}
  key: id
  fields: {{id: text}}
work:
  exec: {{command: [./append, effects, "${{id}}", "{wait_ms}"], input: none}}
  effect: {effect}
  concurrency: {concurrency}
retry: {{attempts: 10, first: 20ms, factor: 1, max: 50ms}}
chunk: {{items: 50}}
'''
RUN = ('run', 'faults.yaml', '--no-progress')


def without(box, *defences):
    """The box, with a program that does not have these (sys/fault.h)."""
    box.program = STINT_DEV
    box.env['STINT_FAULT'] = ','.join(f'{name}:1:always' for name in defences)
    return box


def write_job(box, items, effect='once', concurrency=2, wait_ms=1, more='', program=None):
    """Writes it; gives the keys. Without a program of its own it is lib/append.c."""
    if program is None:
        box.compile('append', 'append.c', '-static')
    else:
        box.file('append', program, mode=0o755)
    keys = [str(i) for i in range(10000, 10000 + items)]
    box.file('items.csv', 'id\n' + ''.join(k + '\n' for k in keys))
    box.file('faults.yaml', JOB.format(effect=effect, concurrency=concurrency, wait_ms=wait_ms) + more)
    return keys


def run_until_over(box, most=10):
    """Calls `run` until it says that all is over. Gives the exit status, 0 or 3."""
    for _ in range(most):
        said = box.run(*RUN)
        if said.code in (0, 3):
            return said.code
        assert said.code in (75, 74, 70), said
    raise AssertionError(f'does not come to an end: {said}')
