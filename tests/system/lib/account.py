# SPDX-License-Identifier: Apache-2.0
"""What became of every item of a run, in the four figures of the fault catalogue (docs/faults.md).

The outside observer is a file of the box in which each program leaves the key of its item, one line,
as its last act before it says that it is done.
"""
import json
from collections import Counter


class Account:
    """lost (L): keys that are nowhere. doubled (D): effects beyond what the record of attempts allows.
    false (F): done without an effect, or an effect of what is said not to be done. needless (N): effects
    beyond the first, and items in doubt that had none. Each a sorted list of keys."""

    def __init__(self, box, run, keys, effects='effects'):
        said = box.run('report', run, '--json')
        assert said.code == 0, said
        self.report = json.loads(said.out)
        self.counts = self.report['counts']
        self.items = {item['key']: item for item in box.items('--run', run)}
        said = box.run('rejects', run, '--json')
        self.rejects = json.loads(said.out)['rejects'] if said.out else []
        seen = Counter(box.lines(effects))
        state = {key: item['state'] for key, item in self.items.items()}
        self.lost = sorted(set(keys) - set(state))
        self.doubled = sorted(k for k, n in seen.items()
                              if n > max(1, self.items[k]['attempts'] if k in state else 0))
        self.false = sorted(k for k in set(state) | set(seen)
                            if (state.get(k) == 'done' and not seen[k])
                            or (state.get(k) not in ('done', 'retry', 'in_doubt', 'dead') and seen[k]))
        self.needless = sorted([k for k, n in seen.items() if n > 1]
                               + [k for k, s in state.items() if s == 'in_doubt' and not seen[k]])

    def balances(self):
        """Both sums that hold at every moment, and the report's own word for it."""
        c = self.counts
        return (self.report['balances']
                and c['read'] == c['loaded'] + c['filtered'] + c['rejected'] + c['held_back']
                and c['loaded'] == sum(c[s] for s in ('done', 'skipped', 'retry', 'in_doubt', 'dead',
                                                      'running', 'waiting')))

    def figures(self):
        return self.lost, self.doubled, self.false, self.needless


CLEAN = ([], [], [], [])


def assert_clean(box, run, keys, effects='effects'):
    """L = D = F = N = 0, the sums hold, and so does every invariant of the ledger. Gives the account."""
    account = Account(box, run, keys, effects)
    assert account.figures() == CLEAN, account.figures()
    assert account.balances(), account.counts
    box.verify()
    return account
