"""Statistics of search results: pure functions on arrays and tidy frames, randomness only through an explicit `rng`.

Public names are imported on first use, so that importing this package costs no more than numpy.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from harness.statistics.against_random import (
        ExactTest,
        SpeedUp,
        critical_mean,
        exact_p_value,
        exact_two_sided_p_value,
        speed_up,
    )
    from harness.statistics.aggregate import aggregate_improvement
    from harness.statistics.anytime import Band, area_under_regret, incumbents_on_grid, mean_band, simultaneous_band
    from harness.statistics.bayes import RopeProbabilities, bayesian_signed_rank
    from harness.statistics.bootstrap import stratified_bootstrap
    from harness.statistics.compare import (
        mean_difference,
        probability_of_improvement,
        sign_flip_test,
        summary_difference,
    )
    from harness.statistics.estimate import Estimate
    from harness.statistics.improvement import RelativeImprovement, relative_improvement
    from harness.statistics.law import ExactBaseline, RandomSearchLaw, exact_random_baseline
    from harness.statistics.many import Ranking, against_control, can_carry, compare_over_datasets
    from harness.statistics.multiple import benjamini_hochberg, holm
    from harness.statistics.noninferiority import (
        Changes,
        NoSpread,
        Verdict,
        cell_changes,
        equivalence_p_value,
        non_inferiority,
    )
    from harness.statistics.paired import paired_win_probability, rate, seeds_for_rates, seeds_for_wins
    from harness.statistics.pareto import (
        attained_by_draws,
        dominance_ranks,
        expected_hypervolume,
        hypervolume,
        pareto_front,
    )
    from harness.statistics.power import detectable_improvement, detection_power, seeds_needed
    from harness.statistics.ranking import (
        Lottery,
        hyperparameter_lottery,
        intraclass_correlation,
        kendall,
        noise_ceiling,
        precision_at,
        rank_agreement,
        spearman,
        weighted_kendall,
    )
    from harness.statistics.regions import (
        Placement,
        Region,
        noncentrality,
        place,
        place_ratio,
        ratio_of_means,
        seeds_to_place,
    )
    from harness.statistics.robust import (
        Profile,
        improvement_over_tasks,
        interquartile_mean,
        interquartile_mean_of_law,
        performance_profile,
    )
    from harness.statistics.sequences import (
        AsymptoticMean,
        PairedDifferences,
        Sequence,
        Widened,
        WinProbability,
        first_rejections,
        mid_ranks,
        skewness_of,
    )
    from harness.statistics.wide_shallow import cell_depth, cell_width, trait_agreement

__all__ = [
    "AsymptoticMean",
    "Band",
    "Changes",
    "Estimate",
    "ExactBaseline",
    "ExactTest",
    "Lottery",
    "NoSpread",
    "PairedDifferences",
    "Placement",
    "Profile",
    "RandomSearchLaw",
    "Ranking",
    "Region",
    "RelativeImprovement",
    "RopeProbabilities",
    "Sequence",
    "SpeedUp",
    "Verdict",
    "Widened",
    "WinProbability",
    "against_control",
    "aggregate_improvement",
    "area_under_regret",
    "attained_by_draws",
    "bayesian_signed_rank",
    "benjamini_hochberg",
    "can_carry",
    "cell_changes",
    "cell_depth",
    "cell_width",
    "compare_over_datasets",
    "critical_mean",
    "detectable_improvement",
    "detection_power",
    "dominance_ranks",
    "equivalence_p_value",
    "exact_p_value",
    "exact_random_baseline",
    "exact_two_sided_p_value",
    "expected_hypervolume",
    "first_rejections",
    "holm",
    "hyperparameter_lottery",
    "hypervolume",
    "improvement_over_tasks",
    "incumbents_on_grid",
    "interquartile_mean",
    "interquartile_mean_of_law",
    "intraclass_correlation",
    "kendall",
    "mean_band",
    "mean_difference",
    "mid_ranks",
    "noise_ceiling",
    "non_inferiority",
    "noncentrality",
    "paired_win_probability",
    "pareto_front",
    "performance_profile",
    "place",
    "place_ratio",
    "precision_at",
    "probability_of_improvement",
    "rank_agreement",
    "rate",
    "ratio_of_means",
    "relative_improvement",
    "seeds_for_rates",
    "seeds_for_wins",
    "seeds_needed",
    "seeds_to_place",
    "sign_flip_test",
    "simultaneous_band",
    "skewness_of",
    "spearman",
    "speed_up",
    "stratified_bootstrap",
    "summary_difference",
    "trait_agreement",
    "weighted_kendall",
]

_MODULES = {
    "against_random": ("ExactTest", "SpeedUp", "critical_mean", "exact_p_value", "exact_two_sided_p_value", "speed_up"),
    "aggregate": ("aggregate_improvement",),
    "anytime": ("Band", "area_under_regret", "incumbents_on_grid", "mean_band", "simultaneous_band"),
    "bayes": ("RopeProbabilities", "bayesian_signed_rank"),
    "bootstrap": ("stratified_bootstrap",),
    "compare": ("mean_difference", "probability_of_improvement", "sign_flip_test", "summary_difference"),
    "estimate": ("Estimate",),
    "improvement": ("RelativeImprovement", "relative_improvement"),
    "law": ("ExactBaseline", "RandomSearchLaw", "exact_random_baseline"),
    "many": ("Ranking", "against_control", "can_carry", "compare_over_datasets"),
    "multiple": ("benjamini_hochberg", "holm"),
    "noninferiority": ("Changes", "NoSpread", "Verdict", "cell_changes", "equivalence_p_value", "non_inferiority"),
    "paired": ("paired_win_probability", "rate", "seeds_for_rates", "seeds_for_wins"),
    "pareto": ("attained_by_draws", "dominance_ranks", "expected_hypervolume", "hypervolume", "pareto_front"),
    "power": ("detectable_improvement", "detection_power", "seeds_needed"),
    "ranking": (
        "Lottery",
        "hyperparameter_lottery",
        "intraclass_correlation",
        "kendall",
        "noise_ceiling",
        "precision_at",
        "rank_agreement",
        "spearman",
        "weighted_kendall",
    ),
    "regions": ("Placement", "Region", "noncentrality", "place", "place_ratio", "ratio_of_means", "seeds_to_place"),
    "robust": (
        "Profile",
        "improvement_over_tasks",
        "interquartile_mean",
        "interquartile_mean_of_law",
        "performance_profile",
    ),
    "sequences": (
        "AsymptoticMean",
        "PairedDifferences",
        "Sequence",
        "Widened",
        "WinProbability",
        "first_rejections",
        "mid_ranks",
        "skewness_of",
    ),
    "wide_shallow": ("cell_depth", "cell_width", "trait_agreement"),
}


def __getattr__(name: str) -> Any:
    for module, names in _MODULES.items():
        if name in names:
            globals()[name] = getattr(importlib.import_module(f"{__name__}.{module}"), name)
            return globals()[name]
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
