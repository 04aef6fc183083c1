"""`python -m examples.shop_the_look` and `python examples/shop_the_look`: the demonstration."""

import runpy
import sys
from pathlib import Path

HERE = Path(__file__).parent
if __name__ == '__main__':
    sys.path.insert(0, str(HERE))  # where the package `shop` is, as it is for a script in this folder
    runpy.run_path(str(HERE / 'demo.py'), run_name='__main__')
