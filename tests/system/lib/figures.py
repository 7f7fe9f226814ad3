# SPDX-License-Identifier: Apache-2.0
"""The four figures that every test of a fault asks of a run (docs/faults.md): L, D, F and N.

What took effect is counted outside of stint: the item's program appends a line with its key to a
file. What stint says about it is asked of the command line, as a person would.
"""
import json
from collections import Counter

# States in which an item may have had its effect without being done.
OPEN = {'in_doubt', 'retry', 'running'}


class Figures:
    """Lists of keys (or words), empty when all is well; `needless` is a number beside its bound."""

    def __init__(self):
        self.lost, self.doubled, self.false, self.needless, self.bound = [], [], [], 0, 0

    def wrong(self):
        """The letters of the figures that are not as they should be."""
        found = {'L': self.lost, 'D': self.doubled, 'F': self.false, 'N': self.needless > self.bound}
        return ''.join(letter for letter, is_wrong in found.items() if is_wrong)

    def __repr__(self):
        return (f'L={len(self.lost)} D={len(self.doubled)} F={len(self.false)} N={self.needless} '
                f'(at most {self.bound}); lost {self.lost[:5]}, doubled {self.doubled[:5]}, '
                f'false {self.false[:5]}')


def at_risk(concurrency, effect='idempotent'):
    """How many items one crash may repeat, or leave in doubt (docs/effects.md)."""
    return (3 if effect == 'once' else 2) * concurrency + 8


def measure(box, keys, effect, crashes=0, concurrency=2, doubts=0, effects='effects'):
    """The figures of the latest run, which was loaded with `keys`. `doubts` is how many items are
    in doubt for reasons of their own, such as a program that was killed. `effects` is the file that
    they are in, or all of them, where they are counted elsewhere."""
    f = Figures()
    items = box.items()
    said = box.run('report', '--json')
    happened = Counter(box.lines(effects) if isinstance(effects, str) else effects)
    state = {item['key']: item['state'] for item in items}
    measure_lost(f, keys, items, said)
    # Each attempt may have had an effect, and a crash may hide one attempt.
    allowed = {i['key']: 1 if effect == 'once' else max(1, i['attempts']) + crashes for i in items}
    f.doubled = [key for key, n in happened.items() if n > allowed.get(key, 0)]
    for key in keys:
        if state.get(key) == 'done' and not happened[key]:
            f.false.append(f'{key} is done and had no effect')
        undone = state.get(key) in {'waiting', 'dead'} and effect == 'once'
        if happened[key] and (undone or state.get(key) == 'dead'):
            f.false.append(f'{key} is {state[key]} and had its effect')
    f.bound = crashes * at_risk(concurrency, effect) + doubts
    f.needless = (sum(s == 'in_doubt' for s in state.values()) if effect == 'once' else
                  sum(happened.values()) - len(happened))
    return f


def measure_lost(f, keys, items, said):
    listed = Counter(item['key'] for item in items)
    loaded = set(keys)
    f.lost = [key for key in keys if listed[key] != 1] + [key for key in listed if key not in loaded]
    if said.code == 70:  # it does not add up, and is not printed
        f.lost.append(said.err)
        return
    report = json.loads(said.out)
    counts = report['counts']
    of_state = Counter(item['state'] for item in items)
    f.lost += [f'{state} is {counts[state]} in the report, {of_state[state]} in the list'
               for state in ('done', 'dead', 'skipped', 'in_doubt', 'retry', 'waiting', 'running')
               if counts[state] != of_state[state]]
    if counts['loaded'] != len(keys):
        f.lost.append(f'loaded {counts["loaded"]} of {len(keys)}')


def figures(box, keys, effect, **more):
    """Measures, and fails the test unless all four hold and the ledger's invariants, too."""
    found = measure(box, keys, effect, **more)
    assert found.wrong() == '', found
    box.verify()
    return found
