"""How many requests may be in flight: a number that grows while answers are good and halves when the vendor strains.

Additive increase, multiplicative decrease, as TCP has it: it finds what a vendor takes without being told, and
several clients that share a vendor come to share it fairly.
"""

from __future__ import annotations

_START = 16


class AdaptiveLimit:
    """The limit, between 1 and a ceiling. Not safe to share between threads: its owner locks.

    It doubles from answer to answer until the vendor first strains, and grows by one a round after that. A request
    bears the `epoch` that it began in, so that a burst of failures of one round halves the limit once.
    """

    def __init__(self, ceiling: int) -> None:
        """`ceiling` is the most that may ever be in flight.

        Raises:
            ValueError: when nothing could be in flight.
        """
        if ceiling < 1:
            raise ValueError(f"at least 1 request must be allowed in flight, not {ceiling}")
        self._ceiling = ceiling
        self._allowed = float(min(_START, ceiling))
        self._strained = False
        self.epoch = 0

    @property
    def limit(self) -> int:
        """How many requests may be in flight now; at least 1."""
        return int(self._allowed)

    def answered_well(self) -> None:
        """Grow: a request was answered as it should be."""
        self._allowed = min(self._ceiling, self._allowed + (1 / self._allowed if self._strained else 1))

    def strained(self, epoch: int) -> None:
        """Halve: a request that began in `epoch` met a rate limit, a failing vendor, a broken line or no answer."""
        if epoch == self.epoch:
            self._allowed = max(1.0, self._allowed / 2)
            self._strained = True
            self.epoch += 1
