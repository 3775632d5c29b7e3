"""Statistics asked for by name: what ``nas-harness analyze`` prints, a file a verb. Each returns tidy frames.

Runs are read from their output folders, tables from the catalogue. Scores of different tables are made alike by random
search: a difference in RI points is 100 times a difference in scores over the mean score of random search at the same
budget, or of random architectures where supernets are searched, signed so that more is better. It is the size of that mean
that is divided by: scores below 0 change no sign. Of a mean of 0 there are no RI points; what tests say does not hang on it.

A new one is a file here, its name below, and its verb and options in the table of `harness.cli.analysis`.
"""

from harness.analysis.lottery import lottery
from harness.analysis.pairs import Pairs, compare_pairs
from harness.analysis.pareto import pareto
from harness.analysis.ranking import column_rankings, ranking, trainings
from harness.analysis.seeds import plan_pair, plan_seeds
from harness.analysis.wide_shallow import EPOCHS, wide_shallow

__all__ = [
    "EPOCHS",
    "Pairs",
    "column_rankings",
    "compare_pairs",
    "lottery",
    "pareto",
    "plan_pair",
    "plan_seeds",
    "ranking",
    "trainings",
    "wide_shallow",
]
