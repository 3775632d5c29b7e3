"""How much a search may spend."""

from __future__ import annotations

from dataclasses import dataclass

from harness.errors import HarnessError

MAX_EVALUATIONS = 10_000_000  # of a search; what it did is kept in memory
MAX_SECONDS = 10**12


@dataclass(frozen=True)
class Budget:
    """How much a search may spend.

    Attributes
    ----------
    kind
        Unit of the amount: ``"evaluations"`` counts calls of `Problem.evaluate`, repeated ones too and each of them one, however
        short its training; ``"epochs"`` counts epochs of training, on live benchmarks and on tables with curves;
        ``"simulated_s"`` counts simulated seconds of training, on tables with costs.
    amount
        Whole number of units, at least 1 and at most ten million, of seconds 10^12.

    Notes
    -----
    An evaluation that would pass the budget ends the search and does not count: what is spent is never more than the amount.
    """

    kind: str
    amount: int

    KINDS = ("evaluations", "epochs", "simulated_s")

    @property
    def noun(self) -> str:
        """What one unit is called."""
        return {"evaluations": "evaluation", "epochs": "epoch", "simulated_s": "simulated second"}[self.kind]

    @property
    def short(self) -> str:
        """The amount in names: ``100`` evaluations, ``12epochs`` or ``20000s``."""
        return f"{self.amount}{ {'evaluations': '', 'epochs': 'epochs', 'simulated_s': 's'}[self.kind] }"

    def __post_init__(self) -> None:
        if self.kind not in self.KINDS:
            raise HarnessError(f"unknown budget kind {self.kind!r}; valid: {', '.join(self.KINDS)}")
        most = MAX_SECONDS if self.kind == "simulated_s" else MAX_EVALUATIONS
        if isinstance(self.amount, bool) or not isinstance(self.amount, int) or not 1 <= self.amount <= most:
            raise HarnessError(
                f"budget {self.kind}: wanted a whole number of at least 1 and at most {most:,}, not {self.amount!r}"
            )
