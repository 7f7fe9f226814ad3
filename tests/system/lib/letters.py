# SPDX-License-Identifier: Apache-2.0
"""Letters that are sent once each, by a program that waits for the file `go` while there is none."""
import signal

from lib.box import wait_until

ITEMS = 40
JOB = '''\
version: 1
job: letters
source:
  csv: {{path: {path}}}
  fields: {{id: integer}}
  key: id
work:
  exec: {{command: [./send, "${{id}}"]}}
  effect: once
  concurrency: 2
chunk: {{items: 4}}
'''
SEND = '''\
#!/bin/sh
echo "$1" >>"begun"
n=0
while [ ! -e go ] && [ $n -lt 1200 ]; do sleep 0.1; n=$((n + 1)); done
echo "$1" >>"sent"
'''


def write_csv(box, path, first=0):
    box.file(path, 'id\n' + ''.join(f'{i}\n' for i in range(first, first + ITEMS)))


def write_letters(box, path='letters.csv'):
    box.file('letters.yaml', JOB.format(path=path))
    write_csv(box, path)
    box.file('send', SEND, mode=0o755)


def sent_once(box):
    return sorted(int(line) for line in box.lines('sent')) == list(range(ITEMS))


def stopped_run(box):
    """A run that was loaded and then stopped, with most of it left."""
    run = box.start('run', 'letters.yaml')
    wait_until(lambda: box.lines('begun'))
    run.send_signal(signal.SIGTERM)
    box.file('go')
    assert run.wait(120) == 75, box.process_said(run)
    assert len(box.lines('sent')) < ITEMS
