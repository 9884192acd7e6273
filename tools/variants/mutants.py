"""Every small change that can be made in core by rule, found in clang's syntax tree.

What is changed: comparisons, arithmetic, bits, `&&` and `||`, conditions, whole numbers, `true` and `false`,
statements that assign or call. What is a constant for the compiler stays, but for the numbers in named ones.
"""

import hashlib
import json
import re
from concurrent.futures import ProcessPoolExecutor
from typing import NamedTuple

from clang import cindex
from clang.cindex import CursorKind as K
from clang.cindex import TypeKind

from . import ROOT, Problem, build, weave

LIBRARY = "/usr/lib/llvm-19/lib/libclang-19.so.1"
FLAGS = ["-std=c++23", f"-I{ROOT}/core/include", f"-I{ROOT}/core/src"]

OTHER = {
    "<": "<=", "<=": "<", ">": ">=", ">=": ">", "==": "!=", "!=": "==", "&&": "||", "||": "&&",
    "+": "-", "-": "+", "*": "/", "/": "*", "%": "*", "&": "|", "|": "&", "^": "&", "<<": ">>", ">>": "<<",
    "+=": "-=", "-=": "+=", "*=": "/=", "/=": "*=", "&=": "|=", "|=": "&=", "<<=": ">>=", ">>=": "<<=",
}  # fmt: skip
WITHOUT_TYPE = {"<", "<=", ">", ">=", "==", "!=", "&&", "||"}
ARITHMETIC = re.compile(r"(const )?(std::chrono::|(un)?signed|bool|char|short|int|long|float|double|enum )|.*\*$|.*dependent")
NUMBER = re.compile(r"(0[xX][0-9a-fA-F']+|[0-9][0-9']*)[uUlL]*$")

# What is computed while compiling, or not at all.
CONSTANT = {
    K.STATIC_ASSERT, K.ENUM_DECL, K.TYPE_ALIAS_DECL, K.TYPE_ALIAS_TEMPLATE_DECL, K.TYPEDEF_DECL, K.USING_DECLARATION,
    K.TEMPLATE_NON_TYPE_PARAMETER, K.TEMPLATE_TYPE_PARAMETER, K.CXX_UNARY_EXPR, K.CXX_BASE_SPECIFIER, K.FRIEND_DECL,
    K.CONCEPT_DECL, K.REQUIRES_EXPR, K.ASM_STMT,
}  # fmt: skip
FUNCTIONS = {K.FUNCTION_DECL, K.CXX_METHOD, K.CONSTRUCTOR, K.DESTRUCTOR, K.CONVERSION_FUNCTION, K.FUNCTION_TEMPLATE}
VARIABLES = {K.VAR_DECL, K.FIELD_DECL, K.PARM_DECL}


class Mutant(NamedTuple):
    """One small change: `start` and `end` are offsets in `file`."""

    file: str
    start: int
    end: int
    mistaken: str
    form: str
    told: str  # the change in words
    keyword: tuple = ()  # where the `constexpr` stands that has to go for it

    def line(self):
        return weave.read(self.file).count("\n", 0, self.start) + 1

    def edits(self, number):
        own = [weave.Edit(number, self.start, self.end, self.mistaken, self.form)]
        if self.keyword:
            own.append(weave.Edit(0, *self.keyword, "const", "plain"))
        return own


class _Finder:
    """Walks the tree of one source file, and that of the headers of core with it."""

    def __init__(self):
        self.found = set()
        self.texts = {}
        self.plain = False  # within the initial value of a plain struct's member

    def walk_unit(self, source):
        unit = cindex.Index.create().parse(str(ROOT / source), FLAGS)
        errors = [d for d in unit.diagnostics if d.severity >= cindex.Diagnostic.Error]
        if errors:
            raise Problem(f"clang cannot read {source}: {errors[0]}")
        for cursor in unit.cursor.get_children():
            file = cursor.location.file
            if file and file.name.startswith(f"{ROOT}/core/"):
                self.file = str(file.name).removeprefix(f"{ROOT}/")
                self.text = self.texts.setdefault(self.file, weave.read(self.file))
                self.walk(cursor)
        return self.found

    # --- Going down ---

    def walk(self, cursor, keyword=()):
        kind = cursor.kind
        if kind in CONSTANT:
            return
        if kind in VARIABLES:
            self.walk_variable(cursor)
            return
        if kind in FUNCTIONS:
            # The signature is types; the initialisers of a constructor and the body are code.
            for child in cursor.get_children():
                if child.kind == K.PARM_DECL or child.kind.is_expression() or child.kind.is_statement():
                    if child.extent.start.offset > cursor.location.offset:
                        self.walk(child, keyword)
            return
        children = list(cursor.get_children())
        if not keyword:
            self.look_at(cursor, children)
        self.look_at_number(cursor, keyword)
        if kind == K.CASE_STMT or (kind == K.IF_STMT and self.is_constexpr_if(cursor)):
            children = children[1:]
        if kind in (K.DECL_REF_EXPR, K.MEMBER_REF_EXPR):  # template arguments
            children = [c for c in children if c.kind != K.INTEGER_LITERAL]
        for child in children:
            self.walk(child, keyword)

    def walk_variable(self, cursor):
        """Only the initial value: what stands before the name is a type."""
        before = self.text[cursor.extent.start.offset : cursor.location.offset]
        constexpr = re.search(r"\bconstexpr\b", before)
        keyword = ()
        if constexpr:
            at = cursor.extent.start.offset + constexpr.start()
            keyword = (at, at + len("constexpr"))
        # A zero in a plain struct says nothing: whoever makes one fills it in. A class's own state does.
        self.plain = cursor.kind == K.FIELD_DECL and not cursor.spelling.endswith("_")
        for child in cursor.get_children():
            # The bound of an array stands behind the name, but is none.
            if child.extent.start.offset > cursor.location.offset and not self.is_bound(child):
                self.walk(child, keyword)
        self.plain = False

    def is_bound(self, child):
        return child.kind == K.INTEGER_LITERAL and self.text[: child.extent.start.offset].rstrip().endswith("[")

    def is_constexpr_if(self, cursor):
        return self.text[cursor.extent.start.offset :].removeprefix("if").lstrip().startswith("constexpr")

    # --- What can be changed ---

    def add(self, start, end, mistaken, told, form="expression", keyword=()):
        if self.plain and self.text[start:end] in ("0", "false"):
            return
        self.found.add(Mutant(self.file, start, end, mistaken, form, told, keyword))

    def source(self, cursor):
        return self.text[cursor.extent.start.offset : cursor.extent.end.offset]

    def look_at(self, cursor, children):
        kind = cursor.kind
        if kind in (K.BINARY_OPERATOR, K.COMPOUND_ASSIGNMENT_OPERATOR) and len(children) == 2:
            self.look_at_operator(cursor, *self.between(*children), children)
        elif kind == K.CALL_EXPR and cursor.spelling.startswith("operator"):
            self.look_at_call_of_operator(cursor, children)
        elif kind == K.UNARY_OPERATOR:
            self.look_at_unary(cursor, children)
        elif kind == K.CXX_BOOL_LITERAL_EXPR:
            other = "false" if self.source(cursor) == "true" else "true"
            self.add(cursor.extent.start.offset, cursor.extent.end.offset, other, f"{self.source(cursor)} -> {other}")
        elif kind in (K.IF_STMT, K.WHILE_STMT, K.CONDITIONAL_OPERATOR) and not (
            kind == K.IF_STMT and self.is_constexpr_if(cursor)
        ):
            self.look_at_condition(children)
        if kind == K.COMPOUND_STMT:
            for child in children:
                self.look_at_statement(child)

    def between(self, left, right):
        """Where the operator between two operands stands."""
        start, end = left.extent.end.offset, right.extent.start.offset
        operator = self.text[start:end].strip()
        start += self.text[start:end].index(operator)
        return start, start + len(operator)

    def look_at_call_of_operator(self, cursor, children):
        """An overloaded one, or one that the compiler makes of `==` or `<=>`."""
        whole = cursor
        if children and children[0].kind == K.CALL_EXPR and children[0].spelling == "operator<=>":
            whole = children[0]
        for child in children:
            text = self.source(child)
            if text in OTHER and child.extent.start.offset > whole.extent.start.offset:
                place = (child.extent.start.offset, child.extent.end.offset)
                self.look_at_operator(whole, *place, [])
                return

    def look_at_operator(self, whole, start, end, operands):
        operator = self.text[start:end]
        if operator not in OTHER:
            return
        if operator not in WITHOUT_TYPE and not ARITHMETIC.match(whole.type.get_canonical().spelling):
            return  # texts are joined by + too
        if len(operands) == 2 and all(o.type.get_canonical().kind == TypeKind.POINTER for o in operands):
            if operator not in WITHOUT_TYPE:
                return  # the distance between two places has no other
        first, last = whole.extent.start.offset, whole.extent.end.offset
        mistaken = self.text[first:start] + OTHER[operator] + self.text[end:last]
        self.add(first, last, mistaken, f"{operator} -> {OTHER[operator]}")

    def look_at_unary(self, cursor, children):
        text = self.source(cursor)
        first, last = cursor.extent.start.offset, cursor.extent.end.offset
        for operator, other in (("++", "--"), ("--", "++")):
            if text.startswith(operator):
                self.add(first, last, other + text[2:], f"{operator} -> {other}")
            elif text.endswith(operator):
                self.add(first, last, text[:-2] + other, f"{operator} -> {other}")
        if text.startswith("!") and not text.startswith("!=") and children:
            self.add(first, last, "", "! removed", "negated")

    def look_at_condition(self, children):
        condition = children[0] if children else None
        if condition is not None and condition.kind == K.DECL_STMT and len(children) > 1:
            condition = children[1]  # behind the statement that an `if` may begin with
        if condition is None or not condition.kind.is_expression():
            return
        text = self.source(condition)
        # Of these the change of the operator is the same.
        if not text.startswith("!") and not re.fullmatch(r"[^&|?]* [!=]= [^&|?]*", text):
            self.add(condition.extent.start.offset, condition.extent.end.offset, "", "condition negated", "negated")

    def look_at_statement(self, child):
        text = self.source(child)
        end = child.extent.end.offset
        if child.kind in (K.RETURN_STMT, K.CONTINUE_STMT):
            removable = text in ("return", "continue")
        else:
            removable = child.kind.is_expression()
        rest = self.text[end:]
        if removable and rest.lstrip().startswith(";"):
            end += rest.index(";") + 1
            self.add(child.extent.start.offset, end, "", f"removed: {' '.join(text.split())}", "statement")

    def look_at_number(self, cursor, keyword):
        if cursor.kind not in (K.INTEGER_LITERAL, K.FLOATING_LITERAL):
            return
        text = self.source(cursor)
        form = "constant" if keyword else "expression"
        place = (cursor.extent.start.offset, cursor.extent.end.offset)
        if NUMBER.match(text):
            self.add(*place, f"{text} + 1", f"{text} -> {text} + 1", form, keyword)
            if int(re.sub(r"[uUlL']", "", text), 0 if text[:2] in ("0x", "0X") else 10) > 0:
                self.add(*place, f"{text} - 1", f"{text} -> {text} - 1", form, keyword)


def _of_unit(source):
    if not cindex.Config.loaded:
        cindex.Config.set_library_file(LIBRARY)
    return _Finder().walk_unit(source)


def state():
    """What the mutants depend on, as a text that changes with it."""
    names = sorted(str(p.relative_to(ROOT)) for p in weave.CORE.rglob("*") if p.is_file())
    sources = "".join(name + weave.read(name) for name in names)
    own = (ROOT / "tools" / "variants" / "mutants.py").read_text()
    return hashlib.sha256((sources + own).encode("latin-1", "replace")).hexdigest()


def find(cache):
    """All mutants of core, in the order of their places. The file `cache` keeps them until core changes."""
    now = state()
    if cache.exists():
        kept = json.loads(cache.read_text())
        if kept["state"] == now:
            return [Mutant(*m[:-1], tuple(m[-1])) for m in kept["mutants"]]
    sources = [str(p.relative_to(ROOT)) for p in sorted((weave.CORE / "src").glob("*.cpp"))]
    found = set()
    with ProcessPoolExecutor(build.JOBS) as pool:
        for some in pool.map(_of_unit, sources):
            found |= some
    mutants = sorted(found)
    cache.parent.mkdir(parents=True, exist_ok=True)
    cache.write_text(json.dumps({"state": now, "mutants": mutants}))
    return mutants
