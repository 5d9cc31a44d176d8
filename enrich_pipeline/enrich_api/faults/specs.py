"""The language of faults: `KIND[:VALUE][,rate=R][,count=N][,after=N][,method=M][,seed=N][,order=ID]`.

For example `503,count=2`, `latency:0.5,rate=0.2,seed=7`, `429:date`, `zeroed,order=ORDER12345`.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Literal, cast, get_args
from zoneinfo import ZoneInfo, available_timezones

from enrich_pipeline.enrich_api.errors import ConfigError

FaultKind = Literal[
    "latency",
    "429",
    "500",
    "502",
    "503",
    "reset-before-commit",
    "reset-after-commit",
    "cut-answer",
    "lost-answer",
    "not-json",
    "other-shape",
    "stores-nothing",
    "stores-half",
    "zeroed",
    "shifted",
    "truncated",
    "duplicates",
    "no-refresh",
]

DESCRIPTIONS: dict[FaultKind, str] = {
    "latency": "answer VALUE seconds later (default 1)",
    "429": "refuse, with VALUE in Retry-After: seconds (default 1), `date`, or `none` for no header",
    "500": "fail before anything is stored",
    "502": "fail like a proxy, in HTML, before anything is stored",
    "503": "refuse, with VALUE seconds in Retry-After, or `none` (default) for no header",
    "reset-before-commit": "reset the connection; nothing is stored",
    "reset-after-commit": "reset the connection after everything was stored",
    "cut-answer": "end the connection in the middle of the answer; everything is stored",
    "lost-answer": "store everything and never answer; the connection stays open",
    "not-json": "answer 200 with HTML; everything is stored",
    "other-shape": "answer 200 with JSON of another shape; everything is stored",
    "stores-nothing": "answer that all was accepted, and store nothing",
    "stores-half": "answer that all was accepted, and store every second row",
    "zeroed": "store 0 as sales and profit",
    "shifted": "store timestamps as if UTC's wall clock were that of VALUE, a zone; or shifted by VALUE hours",
    "truncated": "leave the second half of a GET's rows out, silently",
    "duplicates": "list rows of a GET twice",
    "no-refresh": "let the data refresh, daily or on demand, not come",
}

# These choose rows rather than requests: `rate` and `order` say which.
ROW_KINDS = frozenset[FaultKind]({"zeroed", "shifted", "duplicates"})
POST_ONLY = frozenset[FaultKind]({"stores-nothing", "stores-half", "zeroed", "shifted"})
GET_ONLY = frozenset[FaultKind]({"truncated", "duplicates"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One fault and when it strikes.

    Attributes:
        kind: what happens.
        value: how much of it; what it means depends on the kind.
        rate: the share of requests, or of rows for the kinds that choose rows.
        count: how many requests it strikes at most; None for all.
        after: how many matching requests it lets pass first.
        method: GET or POST; None for both.
        order_id: strikes only requests that hold this order, or only its row.
        seed: of the choice by `rate`: the same requests in the same order are struck again.
        text: the fault as it was written.
    """

    kind: FaultKind
    value: str = ""
    rate: float = 1.0
    count: int | None = None
    after: int = 0
    method: str | None = None
    order_id: str | None = None
    seed: int = 0
    text: str = field(default="", compare=False)

    def seconds(self, default: float) -> float:
        """`value` as seconds."""
        return float(self.value) if self.value else default

    def shift_zone(self) -> ZoneInfo | timedelta:
        """`value` as what timestamps are shifted by."""
        return ZoneInfo(self.value) if self.value in available_timezones() else timedelta(hours=float(self.value))


def parse_fault(text: str) -> Fault:
    """Read a fault.

    Raises:
        ConfigError: saying what is wrong with it.
    """
    # An order id may hold anything but comes last, so it alone may hold a comma.
    head, _, order_id = text.partition(",order=")
    kind_and_value, *options = head.split(",")
    kind, _, value = kind_and_value.partition(":")
    if kind not in get_args(FaultKind):
        raise ConfigError(f"There is no fault {kind!r}; there are {', '.join(get_args(FaultKind))}.")
    try:
        fault = replace(_with_options(cast("FaultKind", kind), value, options, order_id or None), text=text)
        _check(fault)
    except ValueError as error:
        raise ConfigError(f"The fault {text!r} is wrong: {error}.") from None
    return fault


def _with_options(kind: FaultKind, value: str, options: list[str], order_id: str | None) -> Fault:
    given = {name: text for name, _, text in (option.partition("=") for option in options)}
    unknown = given.keys() - {"rate", "count", "after", "method", "seed"}
    if unknown:
        raise ValueError(f"it has no option {', '.join(sorted(unknown))}")
    only = "POST" if kind in POST_ONLY else "GET" if kind in GET_ONLY else None
    method = given.get("method", "").upper() or only
    return Fault(
        kind=kind,
        value=value,
        rate=float(given.get("rate", "1")),
        count=int(given["count"]) if "count" in given else None,
        after=int(given.get("after", "0")),
        method=method,
        order_id=order_id,
        seed=int(given.get("seed", "0")),
    )


def _check(fault: Fault) -> None:
    if not 0 <= fault.rate <= 1:
        raise ValueError("rate must be from 0 to 1")
    if fault.method not in {None, "GET", "POST"}:
        raise ValueError("method must be GET or POST")
    if (fault.kind in POST_ONLY and fault.method != "POST") or (fault.kind in GET_ONLY and fault.method != "GET"):
        raise ValueError(f"{fault.kind} cannot strike {fault.method}")
    if (fault.count is not None and fault.count < 1) or fault.after < 0:
        raise ValueError("count must be at least 1 and after at least 0")
    if fault.kind == "no-refresh" and (fault.rate < 1 or fault.order_id or fault.method or fault.after):
        raise ValueError("no-refresh takes count only")
    _check_value(fault)


def _check_value(fault: Fault) -> None:
    if fault.kind == "latency":
        fault.seconds(1)
    elif fault.kind in {"429", "503"} and fault.value not in {"", "none", "date"}:
        int(fault.value)
    elif fault.kind == "shifted":
        fault.shift_zone()
    elif fault.value and fault.kind not in {"429", "503"}:
        raise ValueError(f"{fault.kind} takes no value")
