# SPDX-License-Identifier: Apache-2.0
"""What the documentation says is tried: every command line has a verb and options that there are, every
query works, every example does what its README says. (Job files and links: test_demo.py.)"""
import os
import re
import shlex
import shutil

import pytest
from lib.box import TOP

PAGES = sorted(os.path.relpath(os.path.join(folder, name), TOP)
               for top in ('.', 'docs', 'examples', 'bench')
               for folder, _, names in os.walk(os.path.join(TOP, top))
               for name in names if name.endswith('.md') and (top != '.' or folder == os.path.join(TOP, '.')))


def text_of(page):
    with open(os.path.join(TOP, page), encoding='utf-8') as f:
        return f.read()


def blocks(text, *kinds):
    """The fenced blocks of these kinds."""
    return [body for kind, body in re.findall(r'^```(\w*)\n(.*?)^```', text, re.M | re.S) if kind in kinds]


def commands(page):
    """Every `stint …` in a block of commands."""
    text = text_of(page)
    lines = [line for block in blocks(text, '', 'sh', 'console') for line in block.split('\n')]
    lines += re.findall(r'^ {4}(stint .*)$', text, re.M)
    return [re.sub(r'^\$ ', '', line) for line in lines if re.match(r'(\$ )?stint [a-z]', line)]


def mentioned(page):
    """Every `stint …` in backquotes within a line."""
    prose = re.sub(r'^```.*?^```', '', text_of(page), flags=re.M | re.S)
    return [re.sub(r'\s+', ' ', code) for code in re.findall(r'(?<!`)`(stint [a-z][^`]*)`', prose)]


def words_of(command):
    """The words up to what a shell would take for its own."""
    lexer = shlex.shlex(command, posix=True, punctuation_chars='|;>&')
    lexer.whitespace_split = True
    lexer.commenters = '#'
    words = []
    for word in lexer:
        if word[0] in '|;>&':
            break
        words.append(word)
    return words


@pytest.fixture(name='known', scope='module')
def make_known():
    return {}


@pytest.mark.parametrize('page', PAGES)
def test_every_command_has_a_verb_and_options_that_there_are(box, known, page):
    wrong = []
    shown = commands(page)
    for command in shown + mentioned(page):
        words = words_of(command)
        verb = words[1]
        if verb not in known:
            known[verb] = box.run('help', verb)
        said = known[verb]
        options = [w.split('=')[0] for w in words[2:] if re.match(r'--?[a-zA-Z]', w)]
        if said.code != 0:
            wrong.append(f'{command}: no such verb')
        # The text may speak of what comes later; what is there to be typed has to work.
        if command in shown and 'not available in this version' in said.out.split('\n\n')[0]:
            wrong.append(f'{command}: not in this version')
        every = said.out + known.setdefault('', box.run('help')).out
        wrong += [f'{command}: no {option}' for option in options
                  if not re.search(rf'(?<![\w-]){option}(?![\w-])', every)]
    assert not wrong


def test_there_are_commands_to_look_at():
    assert sum(len(commands(page)) for page in PAGES) > 50
    assert sum(len(mentioned(page)) for page in PAGES) > 50


@pytest.mark.both
def test_every_query_of_the_ledgers_page_works(night):
    text = text_of('docs/ledger.md')
    queries = [q for block in blocks(text, 'sql') for q in block.split(';') if q.strip()]
    queries += re.findall(r'sqlite3 -readonly[^"]*"([^"]*)"', text.replace('\\\n', ''))
    assert len(queries) >= 6
    for query in queries:
        # VACUUM writes a file beside the ledger.
        if not query.startswith(('VACUUM', 'PRAGMA') if night.box.database else 'VACUUM'):
            night.box.ask(query)


# They need a server, and have tests of their own.
NEED_SERVER = ('transactions', 'import-bank-file', 'outbox')


@pytest.mark.parametrize('example', sorted(
    name for name in os.listdir(os.path.join(TOP, 'examples'))
    if name not in NEED_SERVER and os.path.exists(os.path.join(TOP, 'examples', name, 'README.md'))))
def test_every_example_does_what_its_readme_says(box, example):
    place = os.path.join(box.path, 'copy')
    shutil.copytree(os.path.join(TOP, 'examples', example), place)
    shown = commands(f'examples/{example}/README.md')
    assert shown and words_of(shown[0])[1] == 'run'
    for command in shown:
        words = words_of(command)[1:]
        if words[0] == 'run':
            words[1] = os.path.join('copy', words[1])
        said = box.run(*words)
        # Each of them has one item that is dead, and says so.
        assert said.code == (3 if words[0] == 'run' else 0), said
        assert said.out.strip()
