"""`python -m tools.engine`: see the package."""

from __future__ import annotations

import os
import sys

import tools.engine
from tools.engine import base, daemon
from tools.engine.owners import FOREVER


def main() -> int:
    """Carry out one command."""
    command = sys.argv[1] if len(sys.argv) == 2 else ''
    try:
        if command == 'up':
            print(f'DOCKER_HOST={daemon.up(FOREVER)}')
        elif command == 'down':
            daemon.down()
        elif command == 'purge':
            daemon.purge()
        elif command == 'base':
            if not os.environ.get('DOCKER_HOST') and daemon.answers(daemon.HOST):
                os.environ['DOCKER_HOST'] = daemon.HOST
            print(base.build())
        else:
            print(tools.engine.__doc__, file=sys.stderr)
            return 2
    except daemon.NoEngine as error:
        print(error, file=sys.stderr)
        return 1
    return 0


sys.exit(main())
