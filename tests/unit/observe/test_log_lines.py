"""Lines of a program that runs a Flow, as of the processes that it starts."""

import re
import subprocess
import sys

CODE = """\
import logging
{before}
from headrace.observe import log
log.to_someone()
log.to_someone()
{after}
logging.getLogger('headrace.places').warning('%d%% done', 5)
logging.getLogger('headrace.places').info('unheard')
"""


def printed(before='', after=''):
    code = CODE.format(before=before, after=after)
    ended = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True, check=True)
    return ended.stderr


def test_a_program_without_logging_of_its_own_prints_time_and_level():
    assert re.fullmatch(r'\d\d:\d\d:\d\d\.\d{3} WARNING  supervisor  5% done\n', printed())


def test_what_a_program_configures_is_all_that_prints():
    own = "logging.basicConfig(format='own %(message)s')"
    assert printed(before=own) == printed(after=own) == 'own 5% done\n'


def test_lines_have_the_name_of_the_flow_that_is_looked_after():
    inside = "from headrace.observe.logcontext import FLOW; FLOW.set('shop')"
    assert re.fullmatch(r'\S+ WARNING  shop/supervisor  5% done\n', printed(after=inside))
    unnamed = "from headrace.observe.logcontext import FLOW; FLOW.set('flow')"
    assert re.fullmatch(r'\S+ WARNING  supervisor  5% done\n', printed(after=unnamed))
