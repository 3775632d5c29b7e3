"""The columns of what a run leaves behind: what they are called, what they hold, and which of them are times."""

from __future__ import annotations

# Column of a record -> (pandas type, what it holds). `label` is the method's name in tables and plots.
RECORD_COLUMNS: dict[str, tuple[str, str]] = {
    "schema_version": ("int64", "version of this schema"),
    "cell": ("str", "SHA-256 of the cell's resolved configuration, its data's hash and the method's version"),
    "suite": ("str", "name of the suite"),
    "benchmark": ("str", "name of the benchmark"),
    "dataset": ("str", "data set of the benchmark"),
    "space": ("str", "search space"),
    "method": ("str", "registered name of the method"),
    "label": ("str", "the method's name in tables and plots"),
    "method_params": ("str", "all parameters as JSON"),
    "method_version": ("str", "version of the method"),
    "seed": ("int64", "seed of the cell"),
    "budget": ("int64", "what the search might spend"),
    "budget_kind": ("str", "unit of the budget"),
    "fidelity": ("str", "what validation and test were measured at"),
    "constraint": ("str", "what the architecture must satisfy, empty if anything goes"),
    "status": ("str", "ok, failed, or infeasible: nothing that the search found satisfies the constraint"),
    "error": ("str", "traceback of a failed cell"),
    "arch": ("str", "architecture that the method recommends; empty where the result is the mean of several"),
    "metric": ("str", "what valid and test measure"),
    "unit": ("str", "unit of valid and test"),
    "valid": ("float64", "validation score of the architecture"),
    "test": ("float64", "test score of the architecture, joined after the search"),
    "test_best": ("float64", "best test score among all that were evaluated: an oracle's choice, for diagnosis only"),
    "n_evaluations": ("int64", "architectures evaluated, wholly trained or not"),
    "n_unique": ("int64", "different rows of the table among them"),
    "n_feasible": ("int64", "those of the evaluations that satisfy the constraint"),
    "n_statistics": ("float64", "architectures scored untrained, or whose statistics were asked for, NaN if none"),
    "simulated_s": ("float64", "simulated seconds of all evaluations, NaN where the table has no costs"),
    "epochs": ("float64", "epochs of all trainings of the search, NaN where the table has one fidelity"),
    "wall_s": ("float64", "seconds that the search took; of searches in lockstep, an equal share"),
    "overhead_s": (
        "float64",
        "processor seconds of the method's own models, NaN in older records",
    ),
    "peak_memory": ("float64", "largest resident memory of the worker so far, MB"),
    "params": ("float64", "parameters of the architecture, in the table's unit"),
    "flops": ("float64", "floating point operations of the architecture, in the table's unit"),
    "latency": ("float64", "latency of the architecture, in the table's unit"),
    "data_sha256": ("str", "hash of the table's content"),
    "code_version": ("str", "version of nas-harness"),
    "code_digest": (
        "str",
        "SHA-256 of the syntax trees of all modules of the harness and of plug-ins that the search imports; empty where it "
        "is not known",
    ),
    "adopted_from": (
        "str",
        "empty, or the digest of earlier code that has run the cell (unknown: of a run without digests): one seed of its "
        "group, run again, had the same result",
    ),
    "git_commit": ("str", "commit of the source of nas-harness, empty outside git"),
    "git_dirty": ("str", "whether that source had uncommitted changes: yes, no, or empty outside git"),
    "environment": ("str", "head of the hash of environment.json"),
    "started_at": ("str", "when the cell was started, UTC"),
}
TRACE_COLUMNS: dict[str, tuple[str, str]] = {
    "cell": ("str", "cell that the step belongs to"),
    "step": ("int64", "evaluation at which the incumbent changed, from 1"),
    "arch": ("str", "architecture evaluated"),
    "valid": ("float64", "its validation score after as many epochs as it was trained"),
    "incumbent_arch": ("str", "best architecture by validation so far among those that were trained longest"),
    "incumbent_valid": ("float64", "its validation score after as many epochs as it was trained"),
    "incumbent_test": ("float64", "its test score after a whole training, joined after the search"),
    "cumulative_cost_s": ("float64", "simulated seconds spent so far, NaN where the table has no costs"),
    "cumulative_epochs": ("float64", "epochs spent so far, NaN where the table has one fidelity"),
}
# Columns of epochs.parquet that every live cell has; those that end in the name of a group of architecture parameters
# (convolutions_normal, skips_cell, alpha_entropy_reduce, alphas_normal, ...) come behind them, and columns of candidates.
EPOCH_COLUMNS: dict[str, tuple[str, str]] = {
    "cell": ("str", "cell that the epoch belongs to"),
    "phase": (
        "str",
        "search (on the supernet), candidate (an architecture that the search trained wholly, where the suite shows columns, "
        "with these), shared weights (an architecture scored with them when the search has ended) or evaluation (of the "
        "recommended architecture, trained on its own)",
    ),
    "epoch": ("int64", "from 1; of candidates and shared weights the number of the architecture"),
    "level": ("str", "what the architecture parameters descended"),
    "order": ("float64", "1: their gradient was taken at the present weights; 2: one step ahead"),
    "update": ("str", "order of the updates of weights and architecture parameters"),
    "learning_rate": ("float64", "of the weights"),
    "steps": ("float64", "search steps of the epoch"),
    "passes": ("float64", "forward-backward passes of the epoch"),
    "train_loss": ("float64", "mean over the epoch's steps"),
    "train_accuracy": ("float64", "percent"),
    "valid_loss": ("float64", "after the epoch"),
    "valid_accuracy": ("float64", "percent"),
    "test_loss": ("float64", "of an evaluation only"),
    "test_accuracy": ("float64", "percent, of an evaluation only"),
    "table_valid": ("float64", "of shared weights only: the architecture's validation score in the table"),
    "table_test": ("float64", "of shared weights only: its test score in the table"),
    "parameters": ("float64", "weights of the architecture derived after the epoch"),
    "arch": ("str", "architecture derived after the epoch, or that is trained"),
    "seconds": ("float64", "of the steps"),
    "evaluation_seconds": ("float64", "of measuring the validation split"),
    "tracking_seconds": ("float64", "of everything else"),
    "peak_memory": ("float64", "largest resident memory of the worker so far, MB"),
}
# Columns that older records lack, and what stands for them.
LATER_COLUMNS: dict[str, str | float] = {
    "code_digest": "",
    "adopted_from": "",
    "n_statistics": float("nan"),
    "overhead_s": float("nan"),
}
# The only columns that may differ between two runs of the same suite on the same code and data.
TIME_COLUMNS = ("wall_s", "overhead_s", "started_at", "peak_memory", "environment")
EPOCH_TIME_COLUMNS = ("seconds", "evaluation_seconds", "tracking_seconds", "peak_memory")

# What was evaluated, of suites that show columns to methods: a search with several goals has more than one answer.
EVALUATION_COLUMNS: dict[str, tuple[str, str]] = {
    "cell": ("str", "cell that the evaluations belong to"),
    "rows": ("list", "rows of the table that were evaluated, in order, by a whole training"),
}
