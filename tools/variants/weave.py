"""A copy of core in which mistakes can be chosen at run time."""

import re
from typing import NamedTuple

from . import ROOT, Problem

CORE = ROOT / "core"
MOST = 4095  # the size of the array in variant.hpp
HEADER = ROOT / "tools" / "variants" / "variant.hpp"
INCLUDE = "#include <distworker/variant.hpp>\n"


class Edit(NamedTuple):
    """One mistake in one place of a file.

    form is `expression`, `statement` (or several; the mistake may be none at all), `negated` (a condition that is
    turned round), `constant` (an expression that makes a constant at namespace scope) or `plain` (other text whichever
    mistake is made; its number is 0).
    """

    number: int
    start: int
    end: int
    mistaken: str
    form: str = "expression"

    def woven(self, original):
        """The text that makes the mistake when it is chosen."""
        if self.form == "expression":
            return f"(::variant::is({self.number}) ? ({self.mistaken}) : ({original}))"
        if self.form == "negated":
            return f"(::variant::is({self.number}) != static_cast<bool>({original}))"
        if self.form == "constant":
            return f"(::variant::is_from_the_start({self.number}) ? ({self.mistaken}) : ({original}))"
        if self.form == "statement":
            return f"if (::variant::is({self.number})) {{ {self.mistaken} }} else {{ {original} }}"
        return self.mistaken


def weave_text(text, edits):
    """`text` with all edits in it. One may lie inside another: the outer's mistake then leaves the inner one out."""

    def render(start, end, inside):
        out = []
        at = start
        while inside:
            outer, rest = inside[0], inside[1:]
            inner = [e for e in rest if e.start < outer.end]
            if any(e.end > outer.end for e in inner):
                raise Problem(f"edit {outer.number} overlaps another one")
            out += [text[at : outer.start], outer.woven(render(outer.start, outer.end, inner))]
            at = outer.end
            inside = rest[len(inner) :]
        return "".join(out) + text[at:end]

    # Two of one place: one lies in the other.
    return render(0, len(text), sorted(set(edits), key=lambda e: (e.start, -e.end, e.number)))


def read(name):
    """A file of core, by its name in the project. One character a byte, so that offsets are those of the bytes."""
    return (ROOT / name).read_text(encoding="latin-1")


def weave_core(target, edits):
    """Writes the copy to the folder `target`. `edits`: a list of edits by the name of the file."""
    wanted = {"core/include/distworker/variant.hpp": HEADER.read_text(encoding="latin-1")}
    for path in sorted(p for p in CORE.rglob("*") if p.is_file()):
        name = str(path.relative_to(ROOT))
        text = read(name)
        if edits.get(name):
            text = INCLUDE + weave_text(text, edits[name])
        wanted[name] = text
    for stale in set(edits) - set(wanted):
        raise Problem(f"there is no {stale}")
    kept = {target / name.removeprefix("core/") for name in wanted}
    for path in list(target.rglob("*")) if target.exists() else []:
        if path.is_file() and path not in kept:
            path.unlink()
    for name, text in wanted.items():
        path = target / name.removeprefix("core/")
        path.parent.mkdir(parents=True, exist_ok=True)
        # What has not changed stays as it is, and need not be built again.
        if not path.exists() or path.read_text(encoding="latin-1") != text:
            path.write_text(text, encoding="latin-1")


def numbers_near(text, line):
    """The numbers of the mistakes that the given line of a woven text may belong to, counted from 1."""
    lines = text.split("\n")
    for at in range(min(line, len(lines)) - 1, max(line - 20, 0) - 1, -1):
        found = re.findall(r"::variant::is\w*\((\d+)\)", lines[at])
        if found:
            return {int(n) for n in found}
    return set()
