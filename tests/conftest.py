"""What every test gets: the leak check, skips for missing tools, and reproducible properties."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

pytest_plugins = ['alone', 'leaks', 'engine', 'needs', 'servers.fixtures']

# The machine's load is no fault of the code: properties have no deadline; pytest-timeout ends what hangs.
settings.register_profile('headrace', deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile('ci', parent=settings.get_profile('headrace'), derandomize=True, print_blob=True)
settings.load_profile('ci' if os.environ.get('HEADRACE_TEST_REQUIRE') else 'headrace')
