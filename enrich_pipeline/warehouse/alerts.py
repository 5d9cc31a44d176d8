"""The alerts that are open, and whether they were told: kept here so that a lost cursor sends nothing twice."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import Connection, text

from enrich_pipeline.domain.alerts import Changes


@dataclass(frozen=True, slots=True, kw_only=True)
class UntoldAlert:
    """An alert whose present state nobody was told of."""

    kind: str
    subject: str
    detail: str
    is_open: bool
    was_told_open: bool


def lock_alerts(connection: Connection) -> None:
    """Let one transaction at a time compare, tell and note."""
    connection.execute(text("SELECT pg_advisory_xact_lock(hashtextextended('enrich_pipeline: alerts', 0))"))


def open_alerts(connection: Connection) -> list[tuple[str, str]]:
    """Kind and subject of every alert that is open."""
    rows = connection.execute(text("SELECT kind, subject FROM enrich.alerts WHERE closed_at IS NULL"))
    return [(row.kind, row.subject) for row in rows]


def note_changes(connection: Connection, found: Changes) -> None:
    """Open and close alerts; none of them is told yet."""
    for condition in found.opened:
        connection.execute(
            text("""
                INSERT INTO enrich.alerts AS present (kind, subject, detail) VALUES (:kind, :subject, :detail)
                ON CONFLICT (kind, subject) DO UPDATE SET detail = excluded.detail, opened_at = clock_timestamp(),
                    closed_at = NULL, told_open_at = NULL, told_closed_at = NULL
            """),
            {"kind": condition.kind, "subject": condition.subject, "detail": condition.detail},
        )
    for kind, subject in (*found.recovered, *found.expired):
        connection.execute(
            text("UPDATE enrich.alerts SET closed_at = clock_timestamp() WHERE kind = :kind AND subject = :subject"),
            {"kind": kind, "subject": subject},
        )
    mark_told(connection, found.expired)


def untold_alerts(connection: Connection) -> list[UntoldAlert]:
    """Alerts whose present state nobody was told of, oldest first. What came and went untold is not among them."""
    rows = connection.execute(
        text("""
            SELECT kind, subject, detail, closed_at IS NULL AS is_open, told_open_at IS NOT NULL AS was_told_open
            FROM enrich.alerts
            WHERE (closed_at IS NULL AND told_open_at IS NULL)
                OR (closed_at IS NOT NULL AND told_open_at IS NOT NULL AND told_closed_at IS NULL)
            ORDER BY opened_at, kind, subject
        """)
    )
    return [UntoldAlert(**row) for row in rows.mappings()]


def mark_told(connection: Connection, alerts: Iterable[tuple[str, str]]) -> None:
    """Note that the present state of these alerts was told."""
    for kind, subject in alerts:
        connection.execute(
            text("""
                UPDATE enrich.alerts SET
                    told_open_at = CASE WHEN closed_at IS NULL THEN clock_timestamp() ELSE told_open_at END,
                    told_closed_at = CASE WHEN closed_at IS NULL THEN NULL ELSE clock_timestamp() END
                WHERE kind = :kind AND subject = :subject
            """),
            {"kind": kind, "subject": subject},
        )
