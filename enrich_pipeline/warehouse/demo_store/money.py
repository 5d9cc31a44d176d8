"""Exact money for generated rows: whole minor units (cents, yen, fils), written as decimal text, never as floats."""

from __future__ import annotations

from dataclasses import dataclass

import iso4217
import numpy as np
import numpy.typing as npt

from enrich_pipeline.domain.errors import SettingsError

Integers = npt.NDArray[np.int64]

# Roughly what 10,000 US dollars are worth, in whole units of the currency: prices must look right, not be right.
_PER_10_000_DOLLARS = {
    "EUR": 9_200, "GBP": 7_900, "JPY": 1_500_000, "KWD": 3_100, "BHD": 3_800, "CAD": 13_700, "AUD": 15_200,
    "CHF": 8_800, "SEK": 104_000, "NOK": 107_000, "DKK": 69_000, "PLN": 39_500, "CZK": 232_000, "HUF": 3_600_000,
    "INR": 835_000, "CNY": 72_000, "HKD": 78_000, "SGD": 13_400, "NZD": 16_500, "MXN": 175_000, "BRL": 51_000,
    "KRW": 13_500_000, "TWD": 320_000, "THB": 355_000, "VND": 254_000_000, "IDR": 160_000_000, "ZAR": 186_000,
    "AED": 36_700, "SAR": 37_500, "ILS": 37_000, "TRY": 325_000, "CLP": 9_300_000,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Money:
    """A currency as the generator counts in it."""

    currency: str
    exponent: int
    per_10_000_dollars: int

    @classmethod
    def of(cls, currency: str) -> Money:
        """The money of an ISO 4217 code.

        Raises:
            SettingsError: when ISO 4217 knows no such currency, or (as for gold) gives it no minor unit.
        """
        known = {entry.code: entry for entry in iso4217.Currency}
        exponent = known[currency].exponent if currency in known else None
        if exponent is None:
            raise SettingsError(f"STORE_CURRENCY {currency!r} has no minor unit in ISO 4217; set one like USD.")
        return cls(currency, exponent, _PER_10_000_DOLLARS.get(currency, 10_000))

    def from_us_cents(self, cents: Integers) -> Integers:
        """About as much money as `cents` of a US dollar, in minor units; at least one for anything above nothing."""
        minor = cents * (self.per_10_000_dollars * 10**self.exponent) // 1_000_000
        return minor + ((cents > 0) & (minor == 0))

    def amount(self, us_cents: int) -> int:
        """`from_us_cents` for a single amount."""
        return int(self.from_us_cents(np.array([us_cents], dtype=np.int64))[0])

    def one_text(self, minor: int) -> str:
        """`text` for a single amount."""
        return _one_decimal(minor, self.exponent)

    def text(self, minor: Integers) -> list[str]:
        """The amounts in whole units, as exact decimals with the currency's number of decimals."""
        return decimal_text(minor, self.exponent)


def decimal_text(values: Integers, decimals: int) -> list[str]:
    """`values` divided by ten to the power of `decimals`, as text: `decimal_text([1999], 2)` is `["19.99"]`."""
    # Prices and quantities repeat a lot: each distinct value is written once.
    distinct, positions = np.unique(values, return_inverse=True)
    texts = np.array([_one_decimal(value, decimals) for value in distinct.tolist()], dtype=object)
    return texts[positions].tolist()


def _one_decimal(value: int, decimals: int) -> str:
    if not decimals:
        return str(value)
    whole, fraction = divmod(abs(value), 10**decimals)
    return f"{'-' if value < 0 else ''}{whole}.{fraction:0{decimals}d}"
