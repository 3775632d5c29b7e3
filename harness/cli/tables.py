"""Verbs on benchmarks and on the installation: ls, schema, import, record, doctor."""

from __future__ import annotations

import argparse
import json
import math
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.cli import screen
from harness.cli.common import AS_JSON, FAILED, OK, PLUGIN, add_verb, print_result
from harness.errors import HarnessError

if TYPE_CHECKING:
    from harness.recording.spec import Spec
    from harness.recording.verify import Difference
    from harness.tabular.table import Table


def add_verbs(verbs: Any) -> None:
    """Add them to the command line."""
    listing = add_verb(verbs, "ls", _ls, "list what can be named", PLUGIN, AS_JSON)
    listing.add_argument("what", choices=("benchmarks", "methods", "suites", "images", "published"))
    listing.add_argument("name", nargs="?", metavar="NAME", help="all that is known of one of them")

    schema = add_verb(verbs, "schema", _schema, "print the JSON schema of the files that you write, for editors")
    schema.add_argument("what", choices=("suite", "record"), help="a suite, or a specification of record")

    importing = add_verb(
        verbs,
        "import",
        _import,
        "make benchmarks of a published file, or one of a CSV, JSON-lines or Parquet file",
        PLUGIN,
        AS_JSON,
        description="A published file needs no options. Of a CSV, JSON-lines or Parquet file, say its columns.",
    )
    importing.add_argument(
        "file", metavar="FILE", help="a file or folder, looked for here and then in $NAS_HARNESS_DATA"
    )
    importing.add_argument("--training-seed", metavar="S", help="this training seed instead of the mean of all")
    importing.add_argument("--replace", action="store_true", help="replace benchmarks of the same names")
    importing.add_argument("-q", "--quiet", action="store_true", help="no progress")
    importing.add_argument(
        "--valid", metavar="COL", help="column of the validation score, which drives a search (default: told)"
    )
    importing.add_argument("--test", metavar="COL", help="column of the test score, which is reported (default: told)")
    own = importing.add_argument_group("a CSV, JSON-lines or Parquet file")
    own.add_argument(
        "--name", help="the benchmark's name from now on, e.g. nasbench201/cifar10 (default: the file's name)"
    )
    own.add_argument(
        "--space", help="space that the architectures' texts belong to (default: made of the columns in --arch)"
    )
    own.add_argument(
        "--arch", metavar="COL[,COL...]", help="column of the architecture's text, or columns of its variables"
    )
    own.add_argument("--seed", metavar="COL", help="column of training seeds: several rows an architecture, averaged")
    own.add_argument("--cost", metavar="COL", help="column of simulated seconds an evaluation")
    own.add_argument(
        "--weights", metavar="COL", help="column of the measure of random architectures (default: every row once)"
    )
    own.add_argument("--extra", action="append", default=[], metavar="NAME=COL", help="further column to carry along")
    own.add_argument(
        "--statistic",
        action="extend",
        nargs="+",
        default=[],
        metavar="COL",
        help="columns that are known without training an architecture, such as zero-cost scores",
    )
    own.add_argument("--unit", help="percent, fraction, loss or none (default: told from the file)")
    own.add_argument("--metric", default="accuracy", help="what the scores measure (default accuracy)")
    own.add_argument("--direction", default="max", help="max if larger is better (default), or min")
    own.add_argument("--licence", default="not stated", help="licence of the data, for the card (default: not stated)")

    images = add_verb(
        verbs,
        "import-images",
        _import_images,
        "make a data set of a folder of pictures or an .npz file",
        AS_JSON,
        description="A folder has one subfolder of PNG or JPEG files a class, or two such folders, train and test. "
        "An .npz file has arrays images and labels, and perhaps test_images and test_labels. "
        "It is live/SPACE-NAME from then on.",
    )
    images.add_argument(
        "path", type=Path, metavar="PATH", help="file or folder, looked for here and then in $NAS_HARNESS_DATA"
    )
    images.add_argument("--name", required=True, metavar="N", help="the data set's name from now on")
    images.add_argument(
        "--size", type=_size, metavar="S", help="scale pictures to S x S pixels, or HEIGHTxWIDTH (default: as they are)"
    )
    images.add_argument("--replace", action="store_true", help="replace a data set of the same name")

    recording = add_verb(
        verbs,
        "record",
        _record,
        "train every architecture of a space and make a table of them",
        PLUGIN,
        AS_JSON,
        description="Trains what is missing, measures latency, and writes NAME.parquet and its card NAME.md into the folder, and "
        "README.md, the card for the Hugging Face hub. `nas-harness import NAME.parquet` makes a benchmark of the table.",
    )
    recording.add_argument(
        "spec", metavar="SPEC", help="TOML file (name, space, data, seeds, [recipe]), or name of a shipped table"
    )
    recording.add_argument(
        "-o", "--output", type=Path, metavar="DIR", help="folder of the recording (default reports/NAME)"
    )
    recording.add_argument(
        "-j", "--jobs", type=int, default=-1, metavar="N", help="workers; -1, the default, is one a core"
    )
    recording.add_argument("-q", "--quiet", action="store_true", help="no progress")
    recording.add_argument(
        "--compare-with", action="append", default=[], metavar="B", help="benchmark over the same space, for the card"
    )
    recording.add_argument(
        "--verify", type=Path, metavar="FILE", help="instead: train some architectures of this table again and compare"
    )
    recording.add_argument(
        "--scores",
        action="store_true",
        help="instead: zero-cost scores of every untrained network, into NAME.scores.parquet",
    )
    recording.add_argument("--sample", type=int, default=5, metavar="N", help="how many are verified (default 5)")

    doctor = add_verb(verbs, "doctor", _doctor, "check this installation, or a benchmark", PLUGIN, AS_JSON)
    doctor.add_argument("--benchmark", metavar="B", help="audit this benchmark")


def _schema(options: argparse.Namespace) -> int:
    from harness.recording.spec import spec_schema
    from harness.suites.file import suite_schema

    found = suite_schema() if options.what == "suite" else spec_schema()
    print(json.dumps(found, indent=1), file=options.stdout)
    return OK


def _ls(options: argparse.Namespace) -> int:
    from harness.cli.listing import SHOWN, describe, described

    if options.name is not None:
        known = described(options.what, options.name)
        texts = {key: value if isinstance(value, str) else json.dumps(value) for key, value in known.items()}
        print_result(options, known, screen.facts(options.stdout, texts))
        return OK
    rows = describe(options.what)
    keys = [key for key in (rows[0] if rows else ()) if key in SHOWN.get(options.what, (key,))]
    titles = [key.replace("_", " ") for key in keys]
    text = screen.listed(options.stdout, titles, [[row[key] or "-" for key in keys] for row in rows])
    print_result(options, rows, text)
    return OK


def _import(options: argparse.Namespace) -> int:
    columns = {key: getattr(options, key) for key in ("name", "space", "arch", "valid", "test")}
    if not any(columns[key] for key in ("name", "space", "arch")):
        return _import_published(options)
    if options.arch is None:
        raise HarnessError("a table of your own needs --arch too: the column, or columns, that say what each row is")
    from harness.tabular.importing import import_file
    from harness.tabular.units import TOPS

    extra: dict[str, str] = {}
    for item in options.extra:
        key, separator, column = item.partition("=")
        if not separator:
            raise HarnessError(f"--extra {item}: wanted NAME=COLUMN")
        if key in extra:
            raise HarnessError(f"--extra {item}: {key} is column {extra[key]!r} already")
        extra[key] = column
    table = import_file(
        options.file,
        options.name,
        options.space,
        replace=options.replace,
        licence=options.licence,
        arch=options.arch if options.space else _listed(options.arch),
        valid=options.valid,
        test=options.test,
        seed=options.seed,
        training_seed=options.training_seed,
        cost=options.cost,
        weights=options.weights,
        extra=extra,
        statistics=options.statistic,
        unit=options.unit,
        metric=options.metric,
        direction=options.direction,
    )
    for reason in table.source.get("columns_left_out", {}).values():
        print(f"nas-harness: note: {table.name}: left out, as nobody asked for it: {reason}", file=sys.stderr)
    _warn_of_leaks(table)
    measured = f"{table.metric} in {table.unit}" if table.unit in TOPS else table.metric
    if table.unit == "fraction" and options.unit is None:
        top = max(table.valid.max(), table.test.max())
        measured += f" (told from the values: {top:g} is {100 * top:g} %; state --unit percent if it is {top:g} %)"
    print_result(
        options,
        table.describe() | {"sha256": table.sha256},
        f"{table.name}: {len(table):,} architectures, {measured}; "
        f"{table.fidelity['valid']} drives a search, {table.fidelity['test']} is reported{_noise(table)}",
    )
    return OK


def _listed(names: str) -> list[str]:
    """Names that are divided by commas."""
    return [name.strip() for name in names.split(",")]


def _noise(table: Table) -> str:
    """What training seeds say of the noise of one, as a second line."""
    noise = table.source.get("training_noise", {})
    if "icc" not in noise:
        return ""
    low, high = noise["ceiling"]
    return (
        f"\nnoise: a training's test score spreads by {noise['test_sd']:.3g} about its architecture's mean, "
        f"ICC {noise['icc'][0]:.2f} [{noise['icc'][1]:.2f}, {noise['icc'][2]:.2f}]; no ranking agrees better with one training "
        f"than Kendall's tau {low:.2f} to {high:.2f}"
    )


def _import_published(options: argparse.Namespace) -> int:
    from harness.tabular.importing import import_published

    if options.seed is not None:
        raise HarnessError("--seed is for a table of your own, with --arch; a published file has seeds that are known")
    seed = options.training_seed
    if seed is not None and not seed.isdecimal():
        raise HarnessError(f"--training-seed {seed}: wanted a whole number")
    names = import_published(
        options.file,
        seed=None if seed is None else int(seed),
        valid=options.valid,
        test=options.test,
        replace=options.replace,
        progress=not options.quiet,
    )
    from harness.tabular.catalogue import load_table
    from harness.tabular.store import card_of

    for name in names:
        _warn_of_leaks(load_table(name))
    cards = [card_of(name) for name in names]
    lines = [
        f"{card['name']}: {card['rows']:,} architectures, {card['metric']} in {card['unit']}, "
        f"searched by {card['fidelity']['valid']}, reported by {card['fidelity']['test']}"
        for card in cards
    ]
    print_result(options, cards, "\n".join(lines))
    return OK


def _size(text: str) -> tuple[int, int]:
    match = re.fullmatch(r"([0-9]{1,5})(?:x([0-9]{1,5}))?", text)
    if match is None:
        raise argparse.ArgumentTypeError(f"wanted pixels such as 32, or HEIGHTxWIDTH such as 24x32, not {text!r}")
    return int(match[1]), int(match[2] or match[1])


def _import_images(options: argparse.Namespace) -> int:
    from harness.images.registry import import_images
    from harness.spaces.registry import cell_space_names

    images = import_images(options.path, options.name, options.size, replace=options.replace)
    size, n = "x".join(map(str, images.shape)), len(images.labels)
    summary = {
        "name": images.name,
        "images": n,
        "tests": images.tests,
        "shape": list(images.shape),
        "classes": images.classes,
        "notes": list(images.notes),
        "sha256": images.sha256,
    }
    tests = f", {images.tests:,} of them test" if images.tests else ""
    lines = [f"{images.name}: {n:,} images of {size}{tests}, {images.classes} classes"]
    lines += [f"  {note}" for note in images.notes]
    lines += [f"benchmarks: {', '.join(f'live/{space}-{images.name}' for space in cell_space_names())}"]
    print_result(options, summary, "\n".join(lines))
    return OK


def _record(options: argparse.Namespace) -> int:
    from harness.recording.spec import find_spec

    if options.verify is not None and options.scores:
        raise HarnessError("--verify and --scores are two things; give one of them")
    if options.verify is not None:
        return _verify(options)
    from harness.recording.card import card, hub_card
    from harness.recording.record import record
    from harness.recording.table import finish
    from harness.suites.catalogue import load_benchmark
    from harness.system.files import write_whole
    from harness.tabular.formats.recorded import read
    from harness.tabular.table import Table

    spec = find_spec(options.spec)
    if options.scores:
        return _record_scores(options, spec)
    others = [load_benchmark(name) for name in options.compare_with]
    for other in others:
        if not isinstance(other, Table) or other.space.describe() != spec.images.space.describe():
            raise HarnessError(f"--compare-with {other.name}: wanted a table over the space {spec.space}")
    output = options.output or Path("reports") / spec.name
    trained = record(spec, output, options.jobs, progress=not options.quiet)
    path = finish(spec, output, progress=not options.quiet)
    recording = read(path)
    text = card(spec, path, recording, [other for other in others if isinstance(other, Table)])
    write_whole(path.with_suffix(".md"), text.encode())
    write_whole(path.with_name("README.md"), hub_card(spec, path, recording, text).encode())
    rows = len(recording.columns["arch"])
    print_result(
        options,
        {"table": str(path), "card": str(path.with_suffix(".md")), "rows": rows, "trained_now": trained},
        f"{spec.name}: {rows:,} architectures, {trained:,} trained now; {path} and its card {path.with_suffix('.md').name}",
    )
    return OK


def _record_scores(options: argparse.Namespace, spec: Spec) -> int:
    from harness.recording.scores import finish_scores, record_scores
    from harness.tabular.scores import read_scores

    output = options.output or Path("reports") / spec.name
    scored = record_scores(spec, output, options.jobs, progress=not options.quiet)
    path = finish_scores(spec, output)
    scores = read_scores(path)
    rows = len(scores.row_of)
    print_result(
        options,
        {
            "scores": str(path),
            "rows": rows,
            "columns": sorted(scores.columns),
            "scored_now": scored,
            "sha256": scores.sha256,
        },
        f"{spec.name}: {', '.join(scores.columns)} of {rows:,} untrained networks, {scored:,} scored now; {path}",
    )
    return OK


def _verify(options: argparse.Namespace) -> int:
    from harness.recording.spec import find_spec
    from harness.recording.verify import formula, mean_of, sample, spec_of, verify
    from harness.tabular.formats.recorded import read

    recording = read(options.verify)
    if spec_of(recording.spec).resolved() != find_spec(options.spec).resolved():
        raise HarnessError(f"{options.verify}: recorded by another specification than {options.spec}")
    if options.sample < 1:
        raise HarnessError(f"--sample {options.sample}: wanted a number of at least 1")
    found = verify(recording, sample(recording, options.sample))
    mean = mean_of(found)
    lines = [f"{one.arch}: {'equal bit for bit' if one.equal else _within(one)}" for one in found]
    if mean is not None:
        lines.append(f"mean of {mean.count} differences: {_within(mean)}")
    note = "" if all(one.equal for one in found) else formula(found)
    result = {
        "architectures": [one.as_json() for one in found],
        "mean": None if mean is None else mean.as_json(),
        "bounds": note,
    }
    print_result(options, result, "\n".join([*lines, *([note] if note else [])]))
    return OK if all(one.agrees for one in found) and (mean is None or mean.agrees) else FAILED


def _within(one: Difference) -> str:
    """What a difference says, beside its bound."""
    text = f"{one.difference:+.2f} points of test accuracy"
    if math.isnan(one.bound):
        return f"{text}, which nothing recorded can be held against"
    return f"{text}, bound {one.bound:.2f} (noise {one.noise:.2f}): " + (
        "within it" if one.agrees else "NOT the recorded one"
    )


def _warn_of_leaks(table: Table) -> None:
    from harness.tabular.audit import leaks

    for leak in leaks(table):
        print(f"nas-harness: warning: {table.name}: {leak}", file=sys.stderr)


def _doctor(options: argparse.Namespace) -> int:
    from harness.cli.doctor import check_benchmark_table, check_installation

    findings = check_benchmark_table(options.benchmark) if options.benchmark else check_installation()
    print_result(options, [finding.as_json() for finding in findings], "\n".join(str(finding) for finding in findings))
    return FAILED if any(finding.verdict == "bad" for finding in findings) else OK
