"""Architectures that the suite names: no search, but the protocol of one."""

from __future__ import annotations

import ast
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

from harness.errors import BudgetExhausted, HarnessError
from harness.methods.base import OwnLoop, SearchResult, register_method, require
from harness.problem.base import Problem
from harness.problem.budget import Budget
from harness.problem.offer import Offer
from harness.problem.supernet import SupernetProblem
from harness.spaces.base import Arch, Space
from harness.streams import Streams
from harness.system.texts import split_outside
from harness.taxonomy import Taxonomy


@register_method("given")
@dataclass
class Given(OwnLoop):
    """Architectures that are named: those of papers, of another search, of one's own hand.

    A live benchmark trains them like what other methods recommend, for every seed on its split; on a table and on a one-shot
    benchmark they are looked up, on a table for one evaluation each. Of several architectures the result is the mean, as of
    random ones; to have each by itself, give each a ``[[methods]]`` of its own, with a label.

    Parameters
    ----------
    architectures
        Texts as the space reads them, in the cell space of DARTS also as papers print genotypes: ``DARTS_V2 = Genotype(...)``,
        with or without the names, or as a dictionary.
    file
        Instead: a text file of them, each on a line or on several up to a closing bracket; what stands behind ``#`` is a comment.
        It is read when the suite is, and the architectures take its place.

    Notes
    -----
    Random architectures under the same protocol are what they are to be held against: Yang, Esperança and Carlucci, "NAS
    evaluation is frustratingly hard", ICLR 2020.
    """

    architectures: list[str] | str = field(default_factory=list)
    file: str = ""

    version: ClassVar[str] = "1"
    source: ClassVar[str] = "named by the suite; protocol of Yang et al., ICLR 2020"
    taxonomy: ClassVar[Taxonomy] = Taxonomy("any", "none", "none", "none")

    def __post_init__(self) -> None:
        require(
            bool(self.architectures) != bool(self.file),
            f'{self.name}: wanted either architectures = [...] or file = "..."',
        )
        if self.file:  # what is named, and not where it stood, is what the result depends on, here and in workers
            self.architectures, self.file = _entries(Path(self.file)), ""
        listed = [self.architectures] if isinstance(self.architectures, str) else self.architectures
        self.architectures = [_one_line(text) for text in listed]

    def check(self, offer: Offer) -> None:
        """Want texts of the space, and a budget that pays for all of them on a table; a live benchmark trains them beyond it."""
        price = {"evaluations": 1, "epochs": offer.max_fidelity or 0, "simulated_s": 0}[offer.budget.kind]
        if not offer.live and price * len(self.architectures) > offer.budget.amount:
            raise self._too_many(offer.budget)
        self._parsed(offer.space)

    def search(self, problem: Problem, streams: Streams) -> SearchResult:
        """Recommend them."""
        archs = self._parsed(problem.space)
        if not isinstance(problem, SupernetProblem):
            self._look_up(problem, archs)
        return SearchResult(archs[0]) if len(archs) == 1 else SearchResult(sample=tuple(archs))

    def _look_up(self, problem: Problem, archs: Sequence[Arch]) -> None:
        for place, arch in enumerate(archs):
            if not problem.contains(arch):
                raise HarnessError(f"{self._entry(place)}: not in this table: {problem.space.format(arch)}")
            try:
                problem.evaluate(arch)
            except BudgetExhausted:  # or the search would end with the best of those that it paid for
                raise self._too_many(problem.budget) from None

    def _too_many(self, budget: Budget) -> HarnessError:
        n = len(self.architectures)
        return HarnessError(
            f"{self.name}: a budget of {budget.amount} {budget.kind} does not pay for {n} architecture(s), looked up once each"
        )

    def _parsed(self, space: Space) -> list[Arch]:
        found: dict[Arch, int] = {}
        for place, text in enumerate(self.architectures):
            try:
                arch = _parse(space, text)
            except HarnessError as error:
                raise HarnessError(f"{self._entry(place)}: {error}") from error
            if arch in found:
                raise HarnessError(f"{self._entry(place)}: the same architecture as entry {found[arch] + 1}")
            found[arch] = place
        return list(found)

    def _entry(self, place: int) -> str:
        """What an entry is called in messages: its number, and its name where it has one."""
        named = re.match(r"\s*([A-Za-z_]\w*)\s*=\s*(?:[\w.]*Genotype\b|['\"{])", self.architectures[place])
        return f"{self.name}: entry {place + 1}{f' ({named[1]})' if named else ''}"


def _entries(path: Path) -> list[str]:
    """The architectures of a file."""
    try:
        text = path.read_text(encoding="utf-8")
        parts = split_outside(_without_comments(text), "\n")
    except (OSError, UnicodeDecodeError) as error:
        raise HarnessError(
            f"given: file {path}: cannot be read: {getattr(error, 'strerror', None) or error}"
        ) from error
    except HarnessError as error:
        raise HarnessError(f"given: file {path}: {error}") from error
    entries = [part for part in parts if part.strip()]
    require(bool(entries), f"given: file {path}: no architecture in it")
    return entries


def _one_line(text: str) -> str:
    return re.sub(r"\s*\n\s*", " ", _without_comments(text) if "\n" in text else text).strip()


def _without_comments(text: str) -> str:
    return re.sub(r"(?m)(?:^|(?<=\s))#.*$", "", text)


def _parse(space: Space, text: str) -> Arch:
    """An architecture of a space; one in quotation marks, perhaps with a name in front of it, too."""
    try:
        return space.parse(text)
    except HarnessError:
        if (inner := _quoted(text)) is None:
            raise
    return space.parse(inner)


def _quoted(text: str) -> str | None:
    """What stands in the quotation marks of ``"text"`` or ``NAME = "text"``."""
    try:
        (statement,) = ast.parse(text).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    if isinstance(statement, ast.Assign | ast.Expr) and isinstance(statement.value, ast.Constant):
        return statement.value.value if isinstance(statement.value.value, str) else None
    return None
