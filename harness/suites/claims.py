"""What a suite claims of its methods, stated before it is run: each a sentence, where it stands, and one test."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from fnmatch import fnmatchcase
from typing import Any

from harness.errors import HarnessError, unknown_name
from harness.problem.budget import Budget
from harness.statistics._student import t_quantile
from harness.statistics.regions import Region
from harness.suites.claim_file import ClaimTable
from harness.suites.group import MethodSpec
from harness.system.shapes import Texts, shaped

OPTIMUM = "optimum"  # the best architecture of a table
# Keys that say what kind of claim it is, and those that go with each beside the common ones.
KINDS: Mapping[str, tuple[str, ...]] = {
    "beats": ("method", "by"),
    "is": ("method", "baseline", "within"),
    "value": ("method", "margin", "spread", "n", "unit"),
    "order": (),
    "kendall": ("method", "between"),
}
COMMON = ("says", "source", "test", "benchmark", "budget", "statistic", "reaches")
COUNTED = ("epochs", "evaluations")  # statistics that may be counted up to a score
_RANDOM = re.compile(r"random@(budget|[1-9][0-9]{0,15})")
_PERCENT = re.compile(r"\s*([0-9.eE+-]+)\s*%\s*")
_BOUND = re.compile(r"\s*(<=|>=)\s*([0-9.eE+-]+)\s*")


@dataclass(frozen=True)
class Against:
    """A method and a baseline: their relative improvement (percent, positive is better) lies in a region."""

    method: str
    baseline: str
    region: Region


@dataclass(frozen=True)
class Published:
    """A method's mean is a published value, within a margin.

    Attributes
    ----------
    method
        Label of a method of the suite, ``random@N`` or ``optimum``.
    value, margin, unit
        In the unit of the benchmark, or in ``percent`` or ``fraction``.
    error, n
        Standard error of the published mean and the number of runs behind it; 0 and None where the value is taken as exact.
    spread
        What was published beside it; 0 for nothing.
    """

    method: str
    value: float
    margin: float
    unit: str = ""
    error: float = 0.0
    n: int | None = None
    spread: float = 0.0

    @property
    def rounding(self) -> float:
        """Half a unit of the last digit: a mean and the spread beside it are printed with as many."""
        return 0.5 * 10.0 ** -max(_digits(self.value), _digits(self.spread))

    @property
    def half_width(self) -> float:
        """How far the published mean may be off by itself: of the t interval that two one-sided tests at 5 % invert."""
        return 0.0 if self.n is None else t_quantile(0.95, self.n - 1) * self.error


@dataclass(frozen=True)
class Order:
    """Each method is better than all behind it."""

    methods: tuple[str, ...]


@dataclass(frozen=True)
class Correlation:
    """Kendall's tau-b of two columns of a table, or of a supernet and its table, is at least or at most so much."""

    method: str
    between: tuple[str, str]
    region: Region


What = Against | Published | Order | Correlation


@dataclass(frozen=True)
class Claim:
    """A claim of a suite.

    Attributes
    ----------
    number
        Its place in the file, from 1.
    says, source
        The sentence, and where it stands: paper, table, cell.
    test
        ``fixed`` or ``sequential``.
    benchmarks
        It holds on each of them.
    budget
        At which it holds; None for an empty suite.
    statistic
        What is compared, one of `harness.suites.claim_file.STATISTICS` or ``kendall``.
    reaches
        Up to which test score evaluations or epochs are counted; None for all of the search.
    what
        What is claimed.
    table
        As the file has it.
    """

    number: int
    says: str
    source: str
    test: str
    benchmarks: tuple[str, ...]
    budget: Budget
    statistic: str
    reaches: float | None
    what: What
    table: Mapping[str, Any] = field(hash=False, compare=False)

    @property
    def methods(self) -> tuple[str, ...]:
        """Labels of the methods of the suite whose searches it is about."""
        what = self.what
        if isinstance(what, Order):
            return what.methods
        named = (what.method, what.baseline) if isinstance(what, Against) else (what.method,)
        return tuple(name for name in named if name and not is_exact(name))


def is_exact(name: str) -> bool:
    """Whether a name stands for random search by its exact law, or for the optimum of the table."""
    return name == OPTIMUM or _RANDOM.fullmatch(name) is not None


def draws_of(name: str) -> int | None:
    """Return how many architectures ``random@N`` draws; None for ``random@budget``."""
    match = _RANDOM.fullmatch(name)
    assert match is not None
    return None if match[1] == "budget" else int(match[1])


def cannot_be_shown(claims: Sequence[Claim]) -> list[str]:
    """Say which claims no number of seeds can reproduce: a published mean that is itself known worse than its margin."""
    return [
        f"claim {claim.number}: the published value is known to ±{claim.what.half_width:.3g} only, by its {claim.what.n} runs, "
        f"and the margin is {claim.what.margin:g}: no number of seeds can reproduce it"
        for claim in claims
        if isinstance(claim.what, Published) and 0 < claim.what.margin <= claim.what.half_width
    ]


def read_claims(
    tables: Sequence[Any],
    labels: Sequence[str],
    specs: Sequence[MethodSpec],
    benchmarks: Sequence[str],
    budgets: Sequence[Budget],
    where: str,
) -> tuple[Claim, ...]:
    """Read a suite's tables ``[[claims]]``.

    Parameters
    ----------
    tables
        As the file has them.
    labels, specs
        Methods that the file has, and those that are run: claims on others are left out.
    benchmarks, budgets
        Of the suite; benchmarks that are not here too.
    where
        What messages begin with.

    Raises
    ------
    HarnessError
        If one is no claim; the message has its number.
    """
    found = []
    run = {spec.label: spec for spec in specs}
    for number, values in enumerate(tables, 1):
        place = f"{where}: claim {number}"
        table = shaped(ClaimTable, values, place)
        kind = _kind(values, place)
        what = _READERS[kind](table, place)
        statistic = table.statistic if kind != "kendall" else "kendall"
        if table.reaches is not None and not math.isfinite(table.reaches):
            raise HarnessError(f"{place}: reaches: wanted a finite number, not {table.reaches}")
        if table.reaches is not None and statistic not in COUNTED:
            raise HarnessError(
                f"{place}: reaches goes with the statistics {' and '.join(COUNTED)}, not with {statistic}"
            )
        claim = Claim(
            number,
            _sentence(table.says, "says", place),
            _sentence(table.source, "source", place),
            table.test,
            _benchmarks(table.benchmark, benchmarks, place),
            _budget(table.budget, budgets, place),
            statistic,
            table.reaches,
            what,
            dict(values),
        )
        for label in claim.methods:
            if label not in labels:
                raise unknown_name("method", label, [*labels, "random@1", "random@budget", OPTIMUM], place)
        if all(label in run for label in claim.methods):
            found.append(_where_they_run(claim, run, bool(table.benchmark), place))
    return tuple(found)


def _kind(values: Mapping[str, Any], place: str) -> str:
    kinds = [key for key in KINDS if key in values]
    if len(kinds) != 1:
        have = f"has {' and '.join(kinds)}" if kinds else "has none"
        raise HarnessError(f"{place}: {have}; a claim has one of {', '.join(KINDS)}")
    kind = kinds[0]
    for key in values:
        if key not in (kind, *COMMON, *KINDS[kind]):
            raise HarnessError(
                f"{place}: {key} does not go with {kind}; beside it go {', '.join((*KINDS[kind], *COMMON))}"
            )
    if kind == "kendall" and "statistic" in values:
        raise HarnessError(f"{place}: statistic does not go with kendall, which is one")
    return kind


def _sentence(text: str, key: str, place: str) -> str:
    if not text.strip() or not text.isprintable():
        raise HarnessError(f"{place}: {key}: wanted a text of one line, not {text!r}")
    return text


def _benchmarks(patterns: Texts, names: Sequence[str], place: str) -> tuple[str, ...]:
    found: list[str] = []
    for pattern in [patterns] if isinstance(patterns, str) else patterns or ["*"]:
        matches = [name for name in names if fnmatchcase(name, pattern)]
        if not matches:
            raise unknown_name("benchmark", pattern, names, place)
        found += [name for name in matches if name not in found]
    return tuple(found)


def _budget(amount: int | None, budgets: Sequence[Budget], place: str) -> Budget:
    if amount is None and len(budgets) == 1:
        return budgets[0]
    amounts = ", ".join(str(budget.amount) for budget in budgets)
    for budget in budgets:
        if budget.amount == amount:
            return budget
    said = "which of the suite's budgets" if amount is None else f"{amount} is none of the suite's budgets"
    raise HarnessError(f"{place}: budget: {said}; valid: {amounts}")


def _where_they_run(claim: Claim, run: Mapping[str, MethodSpec], named: bool, place: str) -> Claim:
    """Leave benchmarks that nobody named to the methods that are run on them."""
    runs = [name for name in claim.benchmarks if all(run[label].runs_on(name) for label in claim.methods)]
    if len(runs) == len(claim.benchmarks):
        return _at(claim, runs)
    if named or not runs:
        missing = next(name for name in claim.benchmarks if name not in runs)
        label = next(label for label in claim.methods if not run[label].runs_on(missing))
        raise HarnessError(f"{place}: {label} is not run on {missing}; name benchmarks where it is")
    return _at(claim, runs)


def _at(claim: Claim, benchmarks: Sequence[str]) -> Claim:
    """The claim on these benchmarks, which its table names too: patterns may stand for others elsewhere."""
    return replace(claim, benchmarks=tuple(benchmarks), table={**claim.table, "benchmark": list(benchmarks)})


def _against(table: ClaimTable, place: str) -> Against:
    method = _method(table.method, place)
    if table.beats:
        by = 0.0 if table.by is None else _percent(table.by, "by", place)
        return Against(method, _different(table.beats, "beats", method, place), Region(low=by))
    if not table.is_:
        raise HarnessError(f"{place}: beats and is: wanted a text that is not empty")
    baseline = _different(table.baseline, "baseline", method, place)
    if table.within is None:
        raise HarnessError(f'{place}: within is missing: how much does not matter, such as within = "0.5 %"')
    within = _percent(table.within, "within", place)
    if within <= 0:
        raise HarnessError(f"{place}: within: wanted a percentage above 0, not {table.within!r}")
    equivalent = table.is_ == "equivalent to"
    return Against(method, baseline, Region(-within, within if equivalent else math.inf))


def _different(name: str, key: str, method: str, place: str) -> str:
    if not name:
        raise HarnessError(f"{place}: {key} is missing: a method of the suite, random@1 or random@budget")
    if name == method:
        raise HarnessError(f"{place}: {key}: {method} is compared with itself")
    return name


def _published(table: ClaimTable, place: str) -> Published:
    method = table.method
    if not method:
        raise HarnessError(f"{place}: method is missing: one of the suite, random@N or {OPTIMUM}")
    assert table.value is not None
    if table.margin is None:
        raise HarnessError(f"{place}: margin is missing: by how much the mean may differ from {table.value:g}")
    spread, n = table.spread or {}, table.n
    if len(spread) > 1:
        raise HarnessError(f"{place}: spread: wanted sd or sem, not both")
    if n is not None and n < 2:
        raise HarnessError(f"{place}: n: wanted a whole number of at least 2, not {n}")
    if n is not None and not spread:
        raise HarnessError(f"{place}: n without spread = {{ sd = ... }} or {{ sem = ... }}; leave it out")
    for name, number in (("value", table.value), ("margin", table.margin), *spread.items()):
        if not math.isfinite(number) or (name != "value" and number < 0):
            raise HarnessError(
                f"{place}: {name}: wanted a finite number{'' if name == 'value' else ' of at least 0'}, not {number}"
            )
    error = 0.0
    if n is not None:
        error = spread["sem"] if "sem" in spread else spread["sd"] / math.sqrt(n)
    beside = next(iter(spread.values()), 0.0)
    return Published(method, table.value, table.margin, table.unit, error, n if error else None, beside)


def _digits(number: float) -> int:
    """Digits behind the point."""
    return max(0, -int(Decimal(repr(number)).normalize().as_tuple().exponent))


def _order(table: ClaimTable, place: str) -> Order:
    methods = tuple(table.order)
    if len(methods) < 2 or len(set(methods)) < len(methods):
        raise HarnessError(f"{place}: order: wanted two different methods or more, the best first, not {table.order!r}")
    return Order(methods)


def _correlation(table: ClaimTable, place: str) -> Correlation:
    match = _BOUND.fullmatch(table.kendall)
    bound = _number(match[2]) if match else math.nan
    if match is None or not -1 <= bound <= 1:
        raise HarnessError(f'{place}: kendall: wanted a text such as ">= 0.5", from -1 to 1, not {table.kendall!r}')
    region = Region(low=bound) if match[1] == ">=" else Region(high=bound)
    if len(table.between) != 2 or table.between[0] == table.between[1]:
        raise HarnessError(f"{place}: between: wanted two different columns, not {table.between!r}")
    return Correlation(table.method, (table.between[0], table.between[1]), region)


def _method(name: str, place: str) -> str:
    if not name or is_exact(name):
        said = f"{name} is a baseline" if name else "method is missing"
        raise HarnessError(f"{place}: {said}; give the label of a method of the suite")
    return name


def _percent(text: str, key: str, place: str) -> float:
    match = _PERCENT.fullmatch(text)
    number = _number(match[1]) if match else math.nan
    if not math.isfinite(number) or number < 0:
        raise HarnessError(f'{place}: {key}: wanted a relative improvement such as "0.5 %", not {text!r}')
    return number


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan


_READERS: Mapping[str, Callable[[ClaimTable, str], What]] = {
    "beats": _against,
    "is": _against,
    "value": _published,
    "order": _order,
    "kendall": _correlation,
}
