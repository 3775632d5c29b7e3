"""The card of a recorded table: what was recorded, how, on what, and what its numbers are worth."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from harness.recording.spec import Spec
from harness.spaces.cells import NONE
from harness.statistics import RandomSearchLaw, exact_random_baseline
from harness.statistics.ranking import intraclass_correlation, kendall, noise_ceiling, spearman
from harness.tabular.formats.recorded import SPLITS, Recording, is_searchable, table_of
from harness.tabular.scores import file_beside, read_scores
from harness.tabular.table import Table

FloatArray = NDArray[np.float64]
_HUB_SIZES = ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (float("inf"), "100K<n<1M"))
BEST = 5  # cells that are named; fewer make no ranking


def card(spec: Spec, path: Path, recording: Recording, others: Sequence[Table] = ()) -> str:
    """Markdown.

    Parameters
    ----------
    spec
        What was recorded.
    path
        The table's file.
    recording
        Its content.
    others
        Tables over the same space, to be compared with.
    """
    sections = [f"# {spec.name}\n\n{spec.description}".strip(), _how(spec, path, recording), _noise(recording)]
    if is_searchable(recording):
        table = table_of(recording, {})
        sections += [_landscape(table, recording), _agreement(table, others)]
    sections.append(_limits(spec, recording))
    return "\n\n".join(section for section in sections if section) + "\n"


def hub_card(spec: Spec, path: Path, recording: Recording, text: str) -> str:
    """A data-set card for the Hugging Face hub: `card` with the metadata that the hub reads in front.

    Parameters
    ----------
    spec, path, recording
        As in `card`.
    text
        What `card` returned.

    Notes
    -----
    https://huggingface.co/docs/hub/datasets-cards. Called ``README.md`` beside the table, the folder is a data set of the hub.
    """
    rows = len(recording.columns["arch"])
    size = next(name for most, name in _HUB_SIZES if rows < most)
    lines = [
        "license: mit",
        f"pretty_name: {json.dumps(f'{spec.name}: a table of neural architectures')}",
        "tags:\n- neural-architecture-search\n- nas-benchmark\n- tabular",
        f"size_categories:\n- {size}",
        f"configs:\n- config_name: default\n  data_files: {json.dumps(path.name)}",
    ]
    return "---\n" + "\n".join(lines) + "\n---\n\n" + text


def _how(spec: Spec, path: Path, recording: Recording) -> str:
    about, columns = recording.about, recording.columns
    environment, latency = about["environment"], about["latency"]
    sizes = ", ".join(f"{name} {about['sizes'][name]:,}" for name in SPLITS)
    recipe = ", ".join(f"{key} {value}" for key, value in asdict(spec.recipe).items())
    hours = len(recording.seeds) * float(columns["train_seconds"].sum()) / 3600
    rows = [
        (
            "file",
            f"`{path.name}`, {path.stat().st_size:,} bytes, SHA-256 `{hashlib.sha256(path.read_bytes()).hexdigest()}`",
        ),
        (
            "rows",
            f"{len(columns['arch']):,} distinct computations of {int(columns['weight'].sum()):,} encodings of {spec.space}",
        ),
        ("images", f"{spec.data}: {sizes} (stratified, split seed {spec.split})"),
        ("training", f"seeds {', '.join(map(str, recording.seeds))}, side by side as channel groups; {recipe}"),
        ("measured", "loss and accuracy on all of train, valid and test after every epoch, in evaluation mode"),
        ("result", "the last epoch, mean of the training seeds; never the best epoch"),
        (
            "training seconds",
            "processor time of the steps of all seeds of a cell together, divided by their number; evaluations left out; "
            f"{hours:.1f} hours in all",
        ),
        (
            "latency",
            f"{latency['statistic']} of {latency['passes']} forward passes of {latency['images']} images, "
            f"{latency['threads']} thread, alone on the machine, in milliseconds",
        ),
        *_scores(path),
        ("machine", f"{environment['processor']}, {environment['cores']} cores, {environment['system']}"),
        ("versions", _versions(environment)),
        ("licence", "MIT, as the project"),
    ]
    return "## What and how\n\n| | |\n|---|---|\n" + "\n".join(f"| {key} | {text} |" for key, text in rows)


def _scores(path: Path) -> list[tuple[str, str]]:
    """What is recorded beside the table, if anything is."""
    if (beside := file_beside(path)) is None:
        return []
    scores = read_scores(beside)
    seconds = ", ".join(f"{name} {1000 * each:.0f} ms" for name, each in scores.seconds.items())
    about = scores.about
    text = (
        f"`{beside.name}`, {beside.stat().st_size:,} bytes, content `{scores.sha256}`: zero-cost scores of every untrained "
        f"network, with the weights that training seed {about['seed']} begins with and the first {about['images']} training "
        f"images; in the mean {seconds} of a processor"
    )
    return [("scores", text)]


def _versions(environment: dict[str, object]) -> str:
    packages = environment["packages"]
    assert isinstance(packages, dict)
    named = [f"{name} {packages[name]}" for name in ("torch", "numpy", "scikit-learn") if packages.get(name)]
    return ", ".join([f"nas-harness {environment['nas_harness']}", f"Python {environment['python']}", *named])


def _noise(recording: Recording) -> str:
    scores = recording.accuracy("test")[:, :, -1]
    if min(scores.shape) < 2:
        return "## Noise\n\nOne training seed, or one architecture: there is nothing to compare."
    within, between = np.sqrt(scores.var(axis=1, ddof=1).mean()), scores.mean(axis=1).std(ddof=1)
    icc = intraclass_correlation(scores)
    lines = [
        f"- Test accuracy spreads by {between:.1f} points (SD) between architectures and by {within:.2f} between training seeds "
        f"of one architecture (median {np.median(scores.std(axis=1, ddof=1)):.2f}); every row once.",
        f"- Share of the variance of a single training that is due to the architecture (ICC(1,1)): {icc.estimate:.3f} "
        f"[{icc.low:.3f}, {icc.high:.3f}].",
    ]
    for name, agreement in (("Spearman", spearman), ("Kendall tau-b", kendall)):
        low, high = noise_ceiling(scores, agreement)
        lines.append(
            f"- {name}: the ranking by one training agrees with the mean of the others by {low:.3f} and with the mean of all "
            f"by {high:.3f}; no predictor of one training's ranking can be expected to do better. (The table's ranking is by "
            "the mean of all, which is less noisy.)"
        )
    if scores.shape[1] > 2 and len(scores) // 10 >= BEST:
        lines.append(
            f"- Kendall tau-b of two trainings within the best tenth by another one: {_at_the_top(scores):.3f}, mean of all "
            "choices."
        )
    return "## Noise\n\n" + "\n".join(lines)


def _at_the_top(scores: FloatArray) -> float:
    """Agreement of two trainings among the best tenth; chosen by a third, since choosing by them would set them apart."""
    seeds = range(scores.shape[1])
    found = []
    for chooser in seeds:
        top = scores[np.argsort(-scores[:, chooser], kind="stable")[: len(scores) // 10]]
        found += [kendall(top[:, a], top[:, b]) for a in seeds for b in seeds if a < b and chooser not in (a, b)]
    return float(np.mean(found))


def _landscape(table: Table, recording: Recording) -> str:
    weights = table.weights / table.weights.sum()
    law = RandomSearchLaw(table.valid, table.test, weights=table.weights)
    average, hundred = (exact_random_baseline(law, budget).mean for budget in (1, 100))
    order = np.argsort(-table.test, kind="stable")[:BEST]
    best = [
        f"| `{table.space.format(table.codes[row].tolist())}` | {table.valid[row]:.2f} | {table.test[row]:.2f} "
        f"| {recording.columns['params'][row]:,} |"
        for row in order
    ]
    chance = 100 / recording.about["classes"]
    near_chance = weights[table.test < 1.5 * chance].sum()
    lines = [
        f"- Of a random architecture (random@1) the test accuracy is {average:.2f}, of random search with 100 evaluations "
        f"{hundred:.2f}, of the best architecture {table.test.max():.2f} %; all exact.",
        f"- {100 * near_chance:.1f} % of all encodings stay below one and a half times chance.",
        f"- Validation and test accuracy agree with Spearman {spearman(table.valid, table.test):.3f}, "
        f"Kendall tau-b {kendall(table.valid, table.test):.3f}.",
        f"- Parameters rank test accuracy with Spearman {spearman(recording.columns['params'], table.test):.3f}.",
        f"- Local optima of validation accuracy under changes of one operation: {_local_optima(table):,} of {len(table):,} rows.",
    ]
    head = "\n\n| best by mean test accuracy | valid % | test % | parameters |\n|---|---|---|---|\n"
    return "## Landscape\n\n" + "\n".join(lines) + head + "\n".join(best)


def _local_optima(table: Table) -> int:
    """Rows none of whose encodings has a better neighbour."""
    space = table.space
    scores = np.where(table.rows >= 0, table.valid[table.rows], -np.inf)
    codes = space.codes(np.arange(space.size))
    best_around = np.full(space.size, -np.inf)
    for stride, cardinality, choices in zip(space.strides, space.cardinalities, codes.T, strict=True):
        for choice in range(cardinality):
            there = np.arange(space.size) + (choice - choices) * stride
            best_around = np.maximum(best_around, np.where(choices == choice, -np.inf, scores[there]))
    beaten = np.zeros(len(table), dtype=bool)
    beaten[table.rows[(best_around > scores) & (table.rows >= 0)]] = True
    return int((~beaten).sum())


def _agreement(table: Table, others: Sequence[Table]) -> str:
    if not others:
        return ""
    lines = []
    for other in others:
        both = (table.rows >= 0) & (other.rows >= 0)
        here, there = table.test[table.rows[both]], other.test[other.rows[both]]
        top = here >= np.quantile(here, 0.9)
        lines.append(
            f"| {other.name} ({', '.join(sorted(set(other.fidelity.values())))}) | {both.sum():,} | {spearman(here, there):.3f} "
            f"| {kendall(here, there):.3f} | {kendall(here[top], there[top]) if top.sum() >= BEST else np.nan:.3f} |"
        )
    head = "| table | encodings in both | Spearman | Kendall tau-b | tau-b, best tenth here |\n|---|---|---|---|---|\n"
    return (
        "## Agreement with other tables over the same space\n\nTest accuracy against test accuracy, every encoding once; in "
        "brackets what the other table is driven and reported by.\n\n" + (head + "\n".join(lines))
    )


def _limits(spec: Spec, recording: Recording) -> str:
    sizes = recording.about["sizes"]
    return "## Limits\n\n" + "\n".join(
        [
            "- Small networks on small images, trained for seconds: absolute accuracies say nothing about larger tasks, and the "
            "ranking only as far as the agreement above goes.",
            f"- {sizes['test']:,} test images: one image is {100 / sizes['test']:.2f} points of one training.",
            "- Encodings of one computation share the training of one of them"
            + (": edges that do not reach the output are left out." if NONE in spec.images.space.primitives else "."),
            "- Training seconds and latency are those of one machine, latency in one pass over all architectures: neighbouring "
            "rows share what the machine did at that time. The seconds are of one training, scores are means of "
            f"{len(recording.seeds)}.",
            "- Bit for bit the trainings are found again with the same torch release, processor features and seeds side by side; "
            "elsewhere within the noise between seeds.",
        ]
    )
