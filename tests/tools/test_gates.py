# SPDX-License-Identifier: Apache-2.0
"""Every rule of every gate, shown a small tree that breaks it, and one that breaks none."""
import os
import shutil
import subprocess

import pytest

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SPDX = '/* SPDX-License-Identifier: Apache-2.0 */\n'

GOOD_HEADER = SPDX + '''#ifndef STINT_BASE_CLEAN_H
#define STINT_BASE_CLEAN_H

#include <stddef.h>

/* What it does; `clean_up(x);` is how to call it. See https://example.org/. */
int clean_up(int a, int b, int c, int d, int e, int *ret_f, struct err *err);

#endif
'''
GOOD_C = SPDX + '''#include "base/clean.h"

#include <string.h>

static const char text[] = "// no comment, TODO no todo, strcpy(no call)";

/* TODO #12: something later */
int clean_up(int a, int b, int c, int d, int e, int *ret_f, struct err *err)
{
\tif (a == b)
\t\treturn c;
\treturn first_function_of_a_long_name(a, b, c, d) + second_function_of_a_long_name(a, b, c) +
\t       e;
}
'''


@pytest.fixture(name='tree')
def make_tree(tmp_path):
    """A function that writes a file into a clean tree and gives what a gate says of the tree."""
    for name in ('src/meson.build', 'src/base/banned.h', 'tools/seam-allowed.txt', '.clang-format'):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(os.path.join(TOP, name), tmp_path / name)

    def run(gate, files=None, *args):
        for name, text in {'src/base/clean.h': GOOD_HEADER, 'src/base/clean.c': GOOD_C,
                           **(files or {})}.items():
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_text(text, encoding='utf-8')
        done = subprocess.run([os.path.join(TOP, 'tools', gate), '--root', str(tmp_path), *args],
                              capture_output=True, text=True, check=False)
        assert done.stderr == ''
        found = [l for l in done.stdout.split('\n') if l]
        assert done.returncode == (1 if [l for l in found if ': note: ' not in l] else 0)
        return found
    run.path = tmp_path
    return run


def rules(found):
    """file:line:rule of each finding, without the message."""
    return [':'.join(l.split(':')[:3]).replace(': ', ':') for l in found]


def body(*lines, path='src/base/x.c', head='', before=''):
    """A file with one static function of these lines; the first of them is line 4 plus heads."""
    inner = ''.join(f'\t{line}\n' for line in lines)
    return {path: f'{SPDX}{head}{before}static int f(void)\n{{\n{inner}\treturn 0;\n}}\n'}


def header(guard, text):
    return f'{SPDX}#ifndef {guard}\n#define {guard}\n\n{text}\n#endif\n'


@pytest.mark.parametrize('gate', ['check-layers', 'check-size', 'check-style', 'check-format'])
def test_clean_tree_has_no_findings(tree, gate):
    assert tree(gate) == []


STYLE = {
    'spdx': {'src/base/x.c': 'static int x;\n'},
    'banned': body('strcpy(a, b);'),
    'line-comment': body('x = 1; // one'),
    'todo': body('/* TODO: later */'),
    'guard': {'src/base/x.h': header('STINT_X_H', 'struct x;\n')},
    'magic': {'src/base/x.c': SPDX + '#define A_MAGIC 0x12345678\n#define B_MAGIC 0x12345678\n'},
    'undeclared': {'src/base/x.c': SPDX + 'int x_get(void)\n{\n\treturn 1;\n}\n'},
    'own-header': {'src/base/x.h': header('STINT_BASE_X_H', 'struct x;\n'),
                   'src/base/x.c': SPDX + '#include <stddef.h>\n\n#include "base/x.h"\n'},
    'include-order': {'src/sys/x.c': SPDX + '#include "base/clean.h"\n\n#include <stddef.h>\n'},
    'attribute': {'src/base/x.c': SPDX + 'static int x __attribute__((unused));\n'},
    'typedef': {'src/base/x.c': SPDX + 'typedef struct x x_t;\n'},
    'time-t': {'src/base/x.c': SPDX + 'static time_t x;\n'},
    'tabs': {'src/base/x.c': SPDX + 'static int x =\n        1;\n'},
    'blanks': {'src/base/x.c': SPDX + 'static int x; \n'},
    'long-line': {'src/base/x.c': SPDX + 'static int ' + 'x' * 100 + ';\n'},
    'waiver': {'src/base/x.c': SPDX + '/* lint: allow tabs */\n'},
}


@pytest.mark.parametrize('rule', STYLE)
def test_style_finds(tree, rule):
    found = tree('check-style', STYLE[rule])
    assert {r.split(':')[2] for r in rules(found)} == {rule}


@pytest.mark.parametrize('line', [
    '/* x = f(y); */', '/* return 0; */', '/* if (x) { */', '/* (void)f(x); */', '/* } else { */',
    '/*\n\t * x->y = 1;\n\t */', '/* #include <x.h> */'])
def test_style_finds_dead_code(tree, line):
    assert {r.split(':')[2] for r in rules(tree('check-style', body(line)))} == {'dead-code'}


@pytest.mark.parametrize('line', [
    '/* Returns x; y is kept. */', '/* f(x) is cheaper */', '/* a = b, then c; d */',
    '/* for (a) see there; for (b) here. */', '/* `x = f(y);` is how */', '/* while it waits; */',
    '/* (see below); */', 'x = "/* return 0; */";'])
def test_style_leaves_prose_alone(tree, line):
    assert tree('check-style', body(line)) == []


@pytest.mark.parametrize('line', [
    's->signal(x);', 's.select(x);', 'my_system(x);', 'int x = system;', 'poll_select(x);'])
def test_style_knows_a_call_from_a_name(tree, line):
    assert tree('check-style', body(line)) == []


@pytest.mark.parametrize('line', [
    'x = "SELECT * FROM run";', 'x = "SELECT r.* FROM run r";',
    'snprintf(b, n, "SELECT id FROM %s", t);', 'buf_printf(b,\n\t\t"DELETE FROM run WHERE id=%d", i);',
    'return ERR(err, ERR_DB, "UPDATE run SET x = %d", i);'])
def test_style_finds_sql(tree, line):
    assert {r.split(':')[2] for r in rules(tree('check-style', body(line)))} == {'sql'}


def test_style_lets_sql_count(tree):
    assert tree('check-style', body('x = "SELECT count(*) FROM run";')) == []


def test_style_tells_the_line(tree):
    assert rules(tree('check-style', body('x = 1;', 'strcpy(a, b);'))) == ['src/base/x.c:5:banned']


def test_waiver_with_a_reason_holds(tree):
    assert tree('check-style', body('system(x); /* lint: allow banned: the test is about it */')) == []


def test_unused_is_found_when_asked_for(tree):
    found = tree('check-style', {}, '--unused')
    assert rules(found) == ['src/base/clean.c:9:unused']
    used = {'tests/unit/base/test_clean.c': SPDX + 'static int x = clean_up;\n'}
    assert tree('check-style', used, '--unused') == []


def include(name):
    return SPDX + f'#include {name}\n'


@pytest.mark.parametrize('path, name, rule', [
    ('src/base/x.c', '"core/y.h"', 'layer'),
    ('src/core/x.c', '"sys/y.h"', 'layer'),
    ('src/report/x.c', '"engine/y.h"', 'layer'),
    ('src/base/x.c', '"y.h"', 'include-form'),
    ('src/base/x.c', '"nowhere/y.h"', 'include-form'),
    ('src/engine/x.c', '"ledger/backend.h"', 'backend'),
    ('src/engine/x.c', '"ledger/sqlite/db.h"', 'backend'),
    ('tests/unit/engine/x.c', '"ledger/backend.h"', 'backend'),
    ('src/sys/x.c', '<uv.h>', 'foreign'),
    ('src/ledger/x.c', '<sqlite3.h>', 'foreign'),
    ('src/engine/x.c', '<yaml.h>', 'foreign'),
    ('src/work/x.c', '<sys/epoll.h>', 'foreign'),
    ('src/lane/x.c', '<pthread.h>', 'foreign'),
    ('src/core/x.c', '<unistd.h>', 'pure'),
    ('src/engine/x.c', '<time.h>', 'pure'),
    ('src/nowhere/x.c', '<stddef.h>', 'layer'),
])
def test_layers_finds(tree, path, name, rule):
    line = 1 if path == 'src/nowhere/x.c' else 2
    assert rules(tree('check-layers', {path: include(name)})) == [f'{path}:{line}:{rule}']


@pytest.mark.parametrize('path, name', [
    ('src/core/x.c', '"base/y.h"'), ('src/ledger/sqlite/x.c', '"ledger/backend.h"'),
    ('src/ledger/x.c', '"ledger/sqlite/db.h"'), ('src/ledger/sqlite/x.c', '<sqlite3.h>'),
    ('src/loop/x.c', '<uv.h>'), ('src/base/panic.c', '<execinfo.h>'), ('src/main.c', '"cli/y.h"'),
    ('tests/unit/ledger/x.c', '"ledger/backend.h"'), ('tests/contract/x.c', '<sqlite3.h>'),
    ('src/sys/x.c', '<unistd.h>')])
def test_layers_allows(tree, path, name):
    assert tree('check-layers', {path: include(name)}) == []


def test_layers_skips_comments(tree):
    assert tree('check-layers', {'src/base/x.c': SPDX + '/*\n#include "cli/y.h"\n*/\n'}) == []


def test_layers_keeps_the_table_in_order(tree):
    path = tree.path / 'src/meson.build'
    path.write_text(path.read_text().replace("'base': [],", "'base': ['cli'],"))
    assert rules(tree('check-layers')) == ['src/meson.build:1:order']


@pytest.mark.parametrize('count, found', [(50, []), (61, ['src/base/x.c:2:note']),
                                          (100, ['src/base/x.c:2:function-size'])])
def test_size_of_functions(tree, count, found):
    assert rules(tree('check-size', body(*['x = 1;'] * count))) == found


@pytest.mark.parametrize('count, found', [(590, []), (601, ['src/base/x.c:1:note']),
                                          (801, ['src/base/x.c:1:file-size'])])
def test_size_of_files(tree, count, found):
    assert rules(tree('check-size', {'src/base/x.c': SPDX + 'extern int x;\n' * count})) == found


def test_size_of_parameter_lists(tree):
    text = SPDX + 'static int f(int a, int b, int c,\n\t     int d, int e, int f, struct err *err)\n{\n}\n'
    assert rules(tree('check-size', {'src/base/x.c': text})) == ['src/base/x.c:2:parameters']


def test_size_counts_a_callback_as_one(tree):
    text = SPDX + 'static int f(int (*a)(int, int, int, int), int b, int c, int d, int e)\n{\n}\n'
    assert tree('check-size', {'src/base/x.c': text}) == []


def test_size_of_bodies_in_headers(tree):
    text = 'static inline int f(void)\n{\n' + '\tx = 1;\n' * 4 + '}\n'
    found = tree('check-size', {'src/base/x.h': header('STINT_BASE_X_H', text)})
    assert rules(found) == ['src/base/x.h:5:header-body']


def test_format_finds_and_mends(tree):
    ugly = {'src/base/x.c': SPDX + 'static int  x;\n'}
    assert rules(tree('check-format', ugly)) == ['src/base/x.c:2:format']
    assert tree('check-format', ugly, '--fix') == []
    assert tree('check-format', {}) == []


def build_library(top, folder, name, text):
    """An archive as meson leaves it: build-dev/src/lib<folder>.a of <folder>_<name>.c.o."""
    place = top / 'build-dev/src'
    place.mkdir(parents=True, exist_ok=True)
    source = top / f'{name}.txt'
    source.write_text(text)
    obj = place / f'{folder}_{name}.c.o'
    subprocess.run(['gcc', '-w', '-O0', '-fno-builtin', '-x', 'c', '-c', str(source), '-o', str(obj)],
                   check=True)
    subprocess.run(['ar', 'crsT', str(place / f'lib{folder}.a'), str(obj)], check=True)


REFERENCE = '''# Keys
| `chunk.items` | integer | | |
| `source.later`* | map | | |
| `source.later.url` | text | | |
| `source.fields.*` | text | | |
## file (shared)
| `file.path` | text | | |
'''


@pytest.mark.parametrize('text, found', [
    ("JOB = 'path: x\\nchunk: {items: 5}'", []),
    ("JOB = {'path': 1, 'chunk': {'items': 5}}", []),
    ("items = 'path: x'; x = 'chunk: {}'", [2]),
    ("", [2, 7])])
def test_a_key_without_a_test_is_found(tree, text, found):
    files = {'docs/job-file-reference.md': REFERENCE, 'tests/system/test_x.py': text}
    assert rules(tree('check-keys', files)) == [
        f'docs/job-file-reference.md:{line}:untested-key' for line in found]


@pytest.mark.parametrize('folder, name, call, allowed', [
    ('core', 'x', 'memcpy', True),
    ('core', 'x', 'base_helper', True),
    ('core', 'x', 'fopen', False),
    ('core', 'x', 'clock_gettime', False),
    ('core', 'x', 'sys_helper', False),
    ('core', 'x', 'fputs', False),   # for base/ only
    ('base', 'x', 'fputs', True),
    ('base', 'x', 'nettle_sha256_init', True),
    ('engine', 'x', 'sys_helper', False),
    ('ledger', 'txn', 'sqlite3_open', False),
    ('ledger', 'ledger', 'sqlite3_open', True),  # not on the list of pure files
])
def test_seam(tree, folder, name, call, allowed):
    build_library(tree.path, 'base', 'helper', 'void base_helper(void) {}')
    build_library(tree.path, 'sys', 'helper', 'void sys_helper(void) {}')
    build_library(tree.path, folder, name, f'void {call}(); void f(void) {{ {call}(); }}')
    found = tree('check-seam')
    assert rules(found) == ([] if allowed else [f'src/{folder}/{name}.c:1:seam'])
