"""Prints what the exploration finds: `python -m tests.model`, with `long` for the larger worlds as well."""

import sys

from tests.model.explore import explore
from tests.model.scenarios import LONG, SHORT

for scenario in SHORT + (LONG if sys.argv[1:] == ["long"] else ()):
    explored = explore(scenario)
    print(f"| {scenario.name} | {explored.worlds:,} |", explored.found or "", flush=True)
