"""The planted bugs: one small file each, in tests/planted."""

import tomllib
from typing import NamedTuple

from . import ROOT, Problem, weave

FOLDER = ROOT / "tests" / "planted"
FEWEST = 25


class Bug(NamedTuple):
    """A mistake that somebody might make."""

    number: int
    name: str
    mistake: str
    file: str
    edit: weave.Edit


def load():
    """Every bug, each in its place. A Problem names all those whose original text core no longer has."""
    bugs, problems = [], []
    for number, path in enumerate(sorted(FOLDER.glob("*.toml")), 1):
        try:
            bugs.append(_read(number, path))
        except (Problem, tomllib.TOMLDecodeError) as wrong:
            problems.append(f"{path.relative_to(ROOT)}: {wrong}")
    if len(bugs) + len(problems) < FEWEST:
        problems.append(f"there are fewer than {FEWEST}")
    if problems:
        raise Problem("\n".join(problems))
    return bugs


def _read(number, path):
    told = tomllib.loads(path.read_text())
    wrong = {"mistake", "file", "original", "mistaken"} ^ (told.keys() - {"within"})
    if wrong:
        raise Problem(f"missing or unknown: {', '.join(sorted(wrong))}")
    original, mistaken = told["original"].strip("\n"), told["mistaken"].strip("\n")
    start = _place(told["file"], told.get("within", original).strip("\n"), original)
    form = "statement" if ";" in original else "expression"
    edit = weave.Edit(number, start, start + len(original), mistaken, form)
    return Bug(number, path.stem, told["mistake"], told["file"], edit)


def _place(file, within, original):
    text = weave.read(file) if (ROOT / file).is_file() else ""
    if not text or text.count(within) != 1:
        raise Problem(f"this is not in {file} exactly once, so plant it anew:\n{within}")
    if within.count(original) != 1:
        raise Problem(f"the original is not exactly once in\n{within}")
    return text.index(within) + within.index(original)
