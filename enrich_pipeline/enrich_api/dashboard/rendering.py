"""The templates, and what every page knows: its store and that store's zone, the faults in force, the other stores."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.responses import HTMLResponse, Response

from enrich_pipeline.enrich_api.config import ApiConfig
from enrich_pipeline.enrich_api.dashboard import failures
from enrich_pipeline.enrich_api.dashboard.formats import Formats
from enrich_pipeline.enrich_api.dashboard.sessions import PATH, Session
from enrich_pipeline.enrich_api.faults import Fault
from enrich_pipeline.enrich_api.stores import Store

FaultReport = Callable[[], Sequence[tuple[Fault, int]]]

_REFUSALS = {
    401: ("Sign in", "Open the address that the service printed when it started, or print a new one with"),
    403: ("This form cannot be used", "It did not come from this dashboard. Open the page anew and try again."),
    404: ("Not found", "There is no such page, or what it showed is no longer kept."),
    421: (
        "Unknown host",
        "This dashboard does not answer to that name. Use 127.0.0.1, or start the service with --allow-host.",
    ),
}


class Renderer:
    """Makes pages of templates. Text from outside is escaped, and a name that a template misspells is an error."""

    def __init__(self, config: ApiConfig, faults: FaultReport) -> None:
        self._config = config
        self._faults = faults

    def page(self, name: str, session: Session, stores: Sequence[Store], **values: Any) -> Response:
        """A page for a signed-in browser."""
        template = _environment(session.store.timezone).get_template(f"{name}.html")
        body = template.render(
            page=name,
            session=session,
            stores=stores,
            faults=self._faults(),
            profile=self._config.profile,
            body_days=self._config.body_days,
            window_days=None if self._config.allow_outside_window else self._config.window_days,
            **values,
        )
        return HTMLResponse(body)

    def refusal(self, status: int) -> Response:
        """A page that says why there is none."""
        title, detail = _REFUSALS[status]
        template = _environment("UTC").get_template("refusal.html")
        return HTMLResponse(template.render(page="", status=status, title=title, detail=detail), status)

    def sign_in(self, status: int, *, problem: str = "") -> Response:
        """The page that asks for the password."""
        return HTMLResponse(_environment("UTC").get_template("sign_in.html").render(page="", problem=problem), status)


@lru_cache(maxsize=64)
def _environment(timezone: str) -> Environment:
    formats = Formats(timezone)
    environment = Environment(
        loader=PackageLoader("enrich_pipeline.enrich_api.dashboard"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "time": formats.time,
        "amount": formats.amount,
        "count": formats.count,
        "short": formats.short,
        "size": formats.size,
        "latency": formats.latency,
    }
    names: dict[str, Any] = environment.globals  # what Jinja declares there is too narrow
    names.update({"path": PATH, "zone_name": timezone, "explanations": failures.EXPLANATIONS})
    return environment
