"""Who owns schema `raw`: we write only into one that we created, because a brand's own tables may bear the same name.

The mark is the schema's comment. `enrich load` and `enrich seed` replace what the tables hold, and nothing else does.
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from typing import ClassVar

from sqlalchemy import Connection, text

from enrich_pipeline.domain.errors import EnrichError
from enrich_pipeline.warehouse.raw_tables import RAW_SCHEMA, RAW_TABLES, raw_metadata

RAW_SCHEMA_MARK = "Created by enrich_pipeline: `enrich load` and `enrich seed` replace what its tables hold"


class ForeignRawSchemaError(EnrichError):
    """The warehouse has a schema `raw` that we did not create; nothing was changed."""

    exit_code: ClassVar[int] = 2


def create_raw_schema(connection: Connection) -> None:
    """Create schema `raw`, marked as ours, and the tables that it lacks. May be repeated; keeps what is there.

    The caller commits. Until then a second caller waits.

    Raises:
        ForeignRawSchemaError: when a schema `raw` exists that we did not create.
    """
    connection.execute(text("SELECT pg_advisory_xact_lock(hashtext('enrich_pipeline raw schema'))"))
    mark = connection.execute(
        text("SELECT obj_description(oid, 'pg_namespace') FROM pg_namespace WHERE nspname = :schema"),
        {"schema": RAW_SCHEMA},
    ).one_or_none()
    if mark is None:
        connection.execute(text(f"CREATE SCHEMA {RAW_SCHEMA}"))
        connection.execute(text(f"COMMENT ON SCHEMA {RAW_SCHEMA} IS '{RAW_SCHEMA_MARK}'"))
    elif mark[0] != RAW_SCHEMA_MARK:
        raise ForeignRawSchemaError(
            f"The warehouse already has a schema `{RAW_SCHEMA}` that enrich_pipeline did not create, and loading would "
            "replace the tables in it. Nothing was changed. The pipeline reads those tables as they are, without "
            "loading; to load or seed, point WAREHOUSE_URL at another database, or unset it for the embedded one."
        )
    raw_metadata.create_all(connection)


@contextmanager
def replaced_raw_content(connection: Connection) -> Generator[None]:
    """Empty the raw tables, let the caller fill them, then index and analyse what it wrote.

    All of it belongs to the caller's transaction: when that fails, the previous content is back. Indexes are built
    after the rows, which takes a fraction of the time of keeping them up to date row by row.

    Raises:
        ForeignRawSchemaError: when a schema `raw` exists that we did not create.
    """
    create_raw_schema(connection)
    names = ", ".join(table.fullname for table in RAW_TABLES)
    connection.execute(text(f"TRUNCATE {names}"))
    indexes = [index for table in RAW_TABLES for index in sorted(table.indexes, key=lambda index: str(index.name))]
    for index in indexes:
        index.drop(connection, checkfirst=True)
    yield
    for index in indexes:
        index.create(connection)
    connection.execute(text(f"ANALYZE {names}"))
