"""The mistakes that a mutation run makes, and that the ones which docs/mutation.md argues can still be made."""

from __future__ import annotations

from pathlib import Path

import pytest

from enrich_pipeline_tests.mutations.breaking_domain import all_mutants, argued
from enrich_pipeline_tests.mutations.domain_mutants import mutants_of


def changes(folder: Path, text: str) -> list[str]:
    file = folder / "module.py"
    file.write_text(text)
    return [mutant.key for mutant in mutants_of(file)]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("a < b", ["a <= b", "a >= b"]),
        ("a == b", ["a != b"]),
        ("a not in b", ["a in b"]),
        ("a + b", ["a - b"]),
        ("a and b", ["a or b"]),
        ("not a", ["a"]),
        ("f(-a)", ["f(a)"]),
        ("f(1)", ["f(2)", "f(0)"]),
        ("f(True)", ["f(False)"]),
        ("a if b else c", ["a if not b else c"]),
        ("[a for a in b if a]", ["[a for a in b if not a]"]),
    ],
)
def test_each_small_mistake_is_made_once(tmp_path: Path, before: str, after: list[str]) -> None:
    assert changes(tmp_path, before) == [f"`module`: `{before}` → `{each}`" for each in after]


def test_a_function_gives_nothing_back_once(tmp_path: Path) -> None:
    assert changes(tmp_path, "class A:\n    def f(self):\n        return a") == [
        "`module.A.f`: `return a` → `return None`"
    ]


def test_what_no_test_can_notice_is_left_as_it_is(tmp_path: Path) -> None:
    field = "@dataclass(frozen=True)\nclass A:\n    a: int | None = 1"
    function = 'def f(a: int | None) -> int | None:\n    """Text."""'
    assert changes(tmp_path, f"{field}\n{function}") == []


def test_every_argued_mistake_can_still_be_made() -> None:
    assert argued() - {mutant.key for mutant in all_mutants()} == set()
