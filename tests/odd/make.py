"""Writes the fixtures."""

import references  # noqa: F401
from common import CASES, write

for name in CASES:
    write(name)
