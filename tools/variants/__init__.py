"""Mistakes in core, chosen at run time: what tools/planted and tools/mutate share.

Both weave mistakes into a copy of core's sources, so that one build has all of them, and the environment variable
DISTWORKER_VARIANT names the one that is made. Then they ask which of core's tests notices.
"""

import pathlib

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent


class Problem(Exception):
    """What keeps a tool from doing its work, in words for its user."""
