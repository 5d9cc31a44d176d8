"""Small mistakes, one at a time, in the source text of a module: its mutants.

Annotations, decorators, docstrings and the fields of dataclasses are left as they are: what they say is checked by the
type checker, or by nobody. Text is left as it is too: most of it is for people.
"""

from __future__ import annotations

import ast
import difflib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

_CONTEXT = 28  # characters shown on each side of a change, so that a reader finds it in its line

_COMPARISONS: dict[type[ast.cmpop], tuple[type[ast.cmpop], ...]] = {
    ast.Lt: (ast.LtE, ast.GtE),
    ast.LtE: (ast.Lt, ast.Gt),
    ast.Gt: (ast.GtE, ast.LtE),
    ast.GtE: (ast.Gt, ast.Lt),
    ast.Eq: (ast.NotEq,),
    ast.NotEq: (ast.Eq,),
    ast.Is: (ast.IsNot,),
    ast.IsNot: (ast.Is,),
    ast.In: (ast.NotIn,),
    ast.NotIn: (ast.In,),
}

_OPERATORS: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.FloorDiv,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Mult,
    ast.Mod: ast.FloorDiv,
    ast.BitOr: ast.BitAnd,
    ast.BitAnd: ast.BitOr,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Mutant:
    """A module with one mistake. `where` and `change` name it for as long as that line stays as it is."""

    file: Path
    line: int
    where: str
    change: str
    source: str

    @property
    def key(self) -> str:
        """What docs/mutation.md calls the mutant."""
        return f"`{self.where}`: {self.change}"


def mutants_of(file: Path) -> list[Mutant]:
    """Every mutant of a module, in the order of its lines, without those that read alike."""
    text = file.read_text()
    whole = ast.unparse(ast.parse(text))
    found: dict[str, Mutant] = {}
    place = 0
    while (mutated := _mutated(text, place)) is not None:
        place += 1
        source, line, scope = mutated
        if source == whole:
            continue
        mutant = Mutant(
            file=file, line=line, where=".".join((file.stem, *scope)), change=_change(whole, source), source=source
        )
        found.setdefault(source, mutant)
    return sorted(found.values(), key=lambda mutant: mutant.line)


def _mutated(text: str, place: int) -> tuple[str, int, tuple[str, ...]] | None:
    """The text with its mistake number `place` made, its line, and the names around it; None past the last."""
    tree = ast.parse(text)
    for number, (node, scope, apply) in enumerate(_mistakes(tree, ())):
        if number == place:
            apply()
            return ast.unparse(ast.fix_missing_locations(tree)), node.lineno, scope
    return None


Mistake = tuple[ast.expr | ast.stmt, tuple[str, ...], Callable[[], None]]


def _mistakes(node: ast.AST, scope: tuple[str, ...]) -> Iterator[Mistake]:
    """Each mistake that can be made in the tree, with the function that makes it."""
    if isinstance(node, ast.ClassDef | ast.FunctionDef):
        scope = (*scope, node.name)
    for name, child in _mutable_children(node):
        if isinstance(child, ast.expr | ast.stmt):
            yield from _mistakes_of(node, name, child, scope)
        yield from _mistakes(child, scope)


def _mutable_children(node: ast.AST) -> Iterator[tuple[str, ast.AST]]:
    for name, value in ast.iter_fields(node):
        if name in {"annotation", "returns", "decorator_list", "format_spec"}:
            continue
        for child in value if isinstance(value, list) else [value]:
            is_field = isinstance(node, ast.ClassDef) and isinstance(child, ast.AnnAssign)
            if isinstance(child, ast.AST) and not is_field:
                yield name, child


def _mistakes_of(parent: ast.AST, name: str, node: ast.expr | ast.stmt, scope: tuple[str, ...]) -> Iterator[Mistake]:
    """The mistakes at one node, which its parent has under `name`."""

    def instead(other: ast.expr) -> Callable[[], None]:
        return lambda: _replace(parent, name, node, other)

    match node:
        case ast.Compare(ops=operators):
            for at, operator in enumerate(operators):
                for other in _COMPARISONS[type(operator)]:
                    yield node, scope, lambda at=at, other=other: operators.__setitem__(at, other())
        case ast.BinOp(op=operator) if type(operator) in _OPERATORS:
            yield node, scope, lambda: setattr(node, "op", _OPERATORS[type(operator)]())
        case ast.BoolOp(op=operator):
            other = ast.Or if isinstance(operator, ast.And) else ast.And
            yield node, scope, lambda: setattr(node, "op", other())
        case ast.UnaryOp(op=ast.Not() | ast.USub()):
            yield node, scope, instead(node.operand)
        case ast.Constant(value=bool()):
            yield node, scope, lambda: setattr(node, "value", not node.value)
        case ast.Constant(value=int() | float()):
            for step in (1, -1):
                yield node, scope, lambda step=step: setattr(node, "value", node.value + step)
        case ast.Return(value=ast.expr() as value) if not (isinstance(value, ast.Constant) and value.value is None):
            yield node, scope, lambda: setattr(node, "value", ast.Constant(None))
        case _:
            pass
    is_condition = name == "test" or (name == "ifs" and isinstance(parent, ast.comprehension))
    if is_condition and isinstance(node, ast.expr) and not isinstance(node, ast.Compare | ast.UnaryOp):
        yield node, scope, instead(ast.UnaryOp(ast.Not(), node))


def _replace(parent: ast.AST, name: str, node: ast.AST, other: ast.AST) -> None:
    value = getattr(parent, name)
    if isinstance(value, list):
        value[next(at for at, child in enumerate(value) if child is node)] = other
    else:
        setattr(parent, name, other)


def _change(before: str, after: str) -> str:
    """The line that differs, before and after, around what differs."""
    old, new = next((old, new) for old, new in zip(before.splitlines(), after.splitlines(), strict=True) if old != new)
    blocks = difflib.SequenceMatcher(None, old, new, autojunk=False).get_opcodes()
    changed = [block for block in blocks if block[0] != "equal"]
    start = old.rfind(" ", 0, max(0, changed[0][1] - _CONTEXT)) + 1
    end = old.find(" ", changed[-1][2] + _CONTEXT)
    from_end = 0 if end == -1 else len(old) - end
    return f"`{old[start : len(old) - from_end].strip()}` → `{new[start : len(new) - from_end].strip()}`"
