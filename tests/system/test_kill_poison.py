# SPDX-License-Identifier: Apache-2.0
"""Items that kill the lane they run in: each is found, and takes no other with it."""
from lib.box import cast, wait_until
from lib.figures import figures
from lib.job import without

JOB = '''
version: 1
job: poison
source:
  csv: {{path: items.csv}}
  key: id
  fields: {{id: integer}}
work:
  exec:
    shell: |
      case $STINT_KEY in {poison}) kill -9 $PPID; exit 1;; esac
      echo "$STINT_KEY" >>effects
    input: none
  effect: {effect}
  concurrency: 4
retry: {{attempts: 5, first: 20ms, max: 50ms}}
'''


KEYS = [str(i) for i in range(1, 201)]


def write(box, effect, poison):
    box.file('items.csv', 'id\n' + ''.join(k + '\n' for k in KEYS))
    box.file('poison.yaml', JOB.format(effect=effect, poison='|'.join(poison)))


def run_job(box, effect, poison, crashes):
    write(box, effect, poison)
    said = box.run('run', 'poison.yaml', '--no-progress')
    assert said.code == 3, said
    figures(box, KEYS, effect, crashes=crashes, concurrency=4)
    return [k for k in KEYS if k not in poison]


def test_an_idempotent_item_that_kills_its_lane_three_times_is_dead(box):
    others = run_job(box, 'idempotent', ['77', '150'], crashes=6)
    assert box.keys('dead') == ['150', '77']
    assert set(box.lines('effects')) == set(others)


def test_a_once_item_that_kills_its_lane_is_in_doubt_at_once(box):
    others = run_job(box, 'once', ['77'], crashes=1)
    effects = box.lines('effects')
    assert len(effects) == len(set(effects))
    doubtful = box.keys('in_doubt')
    assert '77' in doubtful
    # What ran beside it in the same lane is in doubt too: it had begun, and nobody saw it end.
    assert set(others) - set(effects) <= set(doubtful)
    assert len(doubtful) <= 4


def test_without_a_look_at_what_had_begun_it_kills_lane_after_lane(box):
    """The negative control: what a dead lane had in hand is taken for not begun."""
    write(without(box, 'host.begun'), 'once', ['77'])
    run = box.start('run', 'poison.yaml', '--no-progress')
    lanes = set()

    def deaths():
        lanes.update(cast(run.pid)['lane'])
        return box.process_said(run).count('died') + len(lanes)
    wait_until(lambda: deaths() > 6 or run.poll() is not None)
    assert deaths() > 6, box.process_said(run)
    assert box.keys('in_doubt') == []
