"""Every environment variable the project reads, in one place.

Values come from the environment, then from `.env` in the checkout. URLs and the key may carry a password and
are secrets: they never appear in a repr, a log or an error. Nothing here connects to anything.
"""

from __future__ import annotations

import re
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import SplitResult, urlsplit
from zoneinfo import available_timezones

import iso4217
from pydantic import AwareDatetime, Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from enrich_pipeline.domain.errors import SettingsError
from enrich_pipeline.domain.guards import GuardLimits
from enrich_pipeline.domain.store import Store

PROJECT_ROOT = Path(__file__).resolve().parent.parent

# To PostgreSQL these are abbreviations of one offset, to Python zones with summer time: days would not agree.
_NAMES_OF_ONE_OFFSET = {
    "CET": "Europe/Brussels",
    "EET": "Europe/Athens",
    "MET": "Europe/Brussels",
    "WET": "Europe/Lisbon",
    "localtime": "America/New_York",
}

Share = Annotated[Decimal, Field(ge=0, le=1)]

_LOOPBACK = {"127.0.0.1", "localhost", "::1"}

# Names (in ASCII: a letter of another alphabet is written xn--...) and addresses.
_HOST = re.compile(r"[a-z0-9_-]{1,63}(\.[a-z0-9_-]{1,63})*\.?|[0-9a-f:.]+")


class Settings(BaseSettings):
    """The project's settings. The README documents each; a test holds the two together."""

    model_config = SettingsConfigDict(
        env_file=PROJECT_ROOT / ".env", env_ignore_empty=True, extra="ignore", frozen=True, hide_input_in_errors=True
    )

    warehouse_url: SecretStr | None = Field(
        None, description="PostgreSQL that holds `raw` and `enrich`. Unset: the embedded server."
    )
    dagster_storage_url: SecretStr | None = Field(
        None, description="PostgreSQL for Dagster's runs and events. Unset: the embedded server."
    )
    source_url: SecretStr | None = Field(
        None, description="Database that each day's orders are landed from first. Unset: schema `raw` is there already."
    )
    enrich_api_database_url: SecretStr | None = Field(
        None, description="PostgreSQL of the local Enrich Order API. Unset: the embedded server."
    )
    enrich_api_hash_only: bool = Field(
        default=False, description="The local Enrich Order API keeps digests of its keys only: a key is shown once."
    )
    enrich_api_password: SecretStr | None = Field(
        None, description="Opens the local Enrich Order API's dashboard; needed where other machines can reach it."
    )
    workmagic_api_url: str = Field(
        "http://127.0.0.1:8321", description="Base URL of the Enrich Order API. Plain http only to this machine."
    )
    workmagic_api_key: SecretStr | None = Field(
        None, description="Bearer key, from Settings > Store Data Settings > Enrich Order API."
    )
    store_timezone: str = Field("UTC", description="IANA zone of the store; a day is a day on its wall clock.")
    store_currency: str = Field("USD", description="ISO 4217 code; the currency of costs that name none.")
    first_day: date = Field(date(2024, 1, 1), description="First day that has a partition.")
    enrich_now: AwareDatetime | None = Field(
        None, description="A fixed business clock, with offset, for replaying old days. Unset: now."
    )
    contract_profile: Literal["full", "minimal"] = Field(
        "full", description="What the vendor's API can do: `full`, or `minimal` for the poorest that fits its guide."
    )
    upload_batch_size: Annotated[int, Field(ge=1, le=1000)] | None = Field(
        None, description="Orders a request. Unset: the largest that the contract profile allows."
    )
    upload_concurrency: Annotated[int, Field(ge=1, le=64)] = Field(
        8, description="Most requests in flight; there are fewer while the API limits, fails or times out."
    )
    upload_budget_seconds: Annotated[int, Field(ge=1)] = Field(
        3600, description="Longest that a day's upload may take; running the day again goes on from there."
    )
    alert_webhook_url: SecretStr | None = Field(
        None, description="Slack-compatible webhook that alerts are posted to. Unset: they go to Dagster's log alone."
    )
    receipt_due_hour: Annotated[int, Field(ge=0, le=23)] = Field(
        6, description="Hour of the store's clock by which yesterday must have its receipt, or it is an alert."
    )
    sales_basis: Literal["net", "net_without_shipping", "gross", "with_tax"] = Field(
        "net", description="What counts as sales; see docs/sales_basis.md. Profit is the same on each."
    )
    compute_processes: Annotated[int, Field(ge=1, le=32)] = Field(
        2,
        description="Pieces of a range of many orders that are computed at once, each by a processor of the warehouse.",
    )
    guard_excluded_share: Share = Field(
        Decimal("0.5"), description="Hold a day when more of its orders are excluded for what is wrong with them."
    )
    guard_changed_share: Share = Field(
        Decimal(1), description="Hold a day when more of the orders that the vendor holds would change. 1: never."
    )
    guard_profit_share: Share = Field(
        Decimal("0.5"), description="Hold a day when more of the profit that the vendor holds would move."
    )
    guard_zeroed_share: Share = Field(
        Decimal("0.1"), description="Hold a day when more of the orders that the vendor holds would become 0."
    )
    guard_fewest_orders: Annotated[int, Field(ge=1)] = Field(
        20, description="A share of fewer orders than this holds nothing."
    )
    enrich_data_dir: Path = Field(
        PROJECT_ROOT / ".data", description="Folder of the embedded databases, Dagster's home and logs."
    )

    @field_validator("source_url")
    @classmethod
    def _readable_source(cls, value: SecretStr | None) -> SecretStr | None:
        kind = value.get_secret_value().split(":", 1)[0].split("+", 1)[0] if value else None
        if kind not in {None, "postgresql", "postgres", "mysql", "mariadb", "sqlite"}:
            raise ValueError("is no URL of a PostgreSQL, MySQL or SQLite database")
        return value

    @field_validator("store_timezone")
    @classmethod
    def _known_zone(cls, value: str) -> str:
        if value not in available_timezones():
            raise ValueError("is no IANA time zone; write one like America/New_York")
        if value in _NAMES_OF_ONE_OFFSET:
            raise ValueError(f"does not say a place; write one like {_NAMES_OF_ONE_OFFSET[value]}")
        return value

    @field_validator("store_currency")
    @classmethod
    def _known_currency(cls, value: str) -> str:
        if value not in {currency.code for currency in iso4217.Currency}:
            raise ValueError("is no ISO 4217 currency; write one like USD")
        return value

    @field_validator("workmagic_api_url")
    @classmethod
    def _safe_url(cls, value: str) -> str:
        parts = urlsplit(value)
        if parts.scheme not in {"http", "https"} or not _is_reachable(parts):
            raise ValueError("is no http(s) URL with a host that there can be; write one like https://api.example.com")
        if parts.username or parts.password or parts.query:
            raise ValueError("must not carry credentials or a query; the key goes into WORKMAGIC_API_KEY")
        if parts.scheme == "http" and parts.hostname not in _LOOPBACK:
            raise ValueError("must be https: plain http is allowed to this machine only")
        return value.rstrip("/")

    @field_validator("alert_webhook_url")
    @classmethod
    def _safe_webhook(cls, value: SecretStr | None) -> SecretStr | None:
        parts = urlsplit(value.get_secret_value()) if value else None
        if parts and not _is_reachable(parts):
            raise ValueError("is no URL with a host that there can be")
        if parts and not (parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _LOOPBACK)):
            raise ValueError("must be https: plain http is allowed to this machine only")
        return value

    @property
    def guard_limits(self) -> GuardLimits:
        """From where on guards hold a day."""
        return GuardLimits(
            excluded_share=self.guard_excluded_share,
            changed_share=self.guard_changed_share,
            profit_share=self.guard_profit_share,
            zeroed_share=self.guard_zeroed_share,
            fewest_orders=self.guard_fewest_orders,
        )

    @property
    def store(self) -> Store:
        """What a store is, for code that needs nothing else."""
        return Store(timezone=self.store_timezone, currency=self.store_currency)


def _is_reachable(parts: SplitResult) -> bool:
    """Whether a URL names a host and a port that there can be."""
    try:
        return bool(_HOST.fullmatch(parts.hostname or "")) and parts.port != 0
    except ValueError:
        return False  # its port is no number, or none of 65535


def load_settings(**overrides: object) -> Settings:
    """Read the settings from the environment and `.env`; `overrides` win.

    Raises:
        SettingsError: naming each wrong variable. The wrong value is not repeated: it may be a secret.
    """
    try:
        return Settings(**overrides)  # type: ignore[arg-type]  # pydantic validates the overrides itself
    except ValidationError as error:
        problems = "; ".join(
            f"{'.'.join(str(part) for part in e['loc']).upper()}: {e['msg'].removeprefix('Value error, ')}"
            for e in error.errors(include_input=False, include_url=False)
        )
        raise SettingsError(f"{problems}. Set it in the environment or in .env (see the README's table).") from None


def business_now(settings: Settings, *, clock: datetime) -> datetime:
    """The business clock: `ENRICH_NOW` when it is set, else `clock` (zone-aware).

    Only what the store calls "today" comes from here; ledgers, timeouts and Retry-After use real time.
    """
    return settings.enrich_now or clock


def api_key(settings: Settings) -> SecretStr:
    """The key of the Enrich Order API.

    Raises:
        SettingsError: when none is set; the message says where to get one.
    """
    if settings.workmagic_api_key is None:
        raise SettingsError(
            "WORKMAGIC_API_KEY is not set. Make a key under Settings > Store Data Settings > Enrich Order API "
            "(for the local service: `enrich api key`) and put it into the environment or .env."
        )
    return settings.workmagic_api_key
