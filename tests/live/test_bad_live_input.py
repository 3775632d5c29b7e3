"""Wrong live input ends in one line, exit code 2, and an output folder as it was."""

import pytest

from harness.errors import HarnessError

SUITE = """
name = "tiny"
seeds = "0:1"
benchmarks = ["live/nasbench201-digits"]
[budgets]
epochs = 2
[search]
channels = 2
[evaluation]
epochs = 2
[[methods]]
name = "milenas-1st"
"""
# What is wrong -> (text of the suite to replace, its replacement, what the message must say).
SUITES = {
    "unknown data set": ("-digits", "-digit", "did you mean 'live/nasbench201-digits'"),
    "unknown space": ("live/nasbench201", "live/nasbench-201", "unknown benchmark"),
    "budget of tables": (
        "epochs = 2\n[search]",
        "evaluations = 5\n[search]",
        "its budget is in epochs, not evaluations",
    ),
    "budget of live benchmarks": (
        "live/nasbench201-digits",
        "synthetic/ridge",
        "epochs = 2: the longest training takes 27 epochs",
    ),
    "metrics": (
        "[budgets]",
        'metrics = ["param"]\n[budgets]',
        "benchmark live/nasbench201-digits: unknown column 'param'; did you mean 'params'",
    ),
    "scores as metrics": (
        "[budgets]",
        'metrics = ["valid_loss"]\n[budgets]',
        "unknown column 'valid_loss'; valid: flops",
    ),
    "a constraint on what is not counted": (
        "[budgets]",
        'constraint = { latency = "<= 3" }\n[budgets]',
        "unknown column 'latency'",
    ),
    "unknown key of the search": ("channels", "channel", "search: unknown key 'channel'; did you mean 'channels'"),
    "unknown key of the evaluation": (
        "[evaluation]\n",
        "[evaluation]\nbatch = 3\n",
        "evaluation: unknown key 'batch'; did you mean 'batch_size'",
    ),
    "channels as text": ("channels = 2", 'channels = "2"', "search: channels wants int, not '2'"),
    "no channels": ("channels = 2", "channels = 0", "must be at least 1"),
    "epochs in two places": ("channels = 2", "epochs = 2", "epochs are the budget"),
    "batch larger than the split": (
        "channels = 2",
        "batch_size = 675",
        "search: batch_size 675 is larger than the 674 images of digits's train split",
    ),
    "batch of the evaluation larger than the split": (
        "[evaluation]\n",
        "[evaluation]\nbatch_size = 675\n",
        "training: batch_size 675 is larger than train, 674 images",
    ),
    "cutout of whole images": ("[evaluation]\n", "[evaluation]\ncutout = 8\n", "cutout 8 can hide whole images"),
    "certain drop path": ("[evaluation]\n", "[evaluation]\ndrop_path = 1\n", "drop_path must be a probability below 1"),
    "auxiliary head elsewhere": (
        "[evaluation]\n",
        "[evaluation]\nauxiliary = 0.4\n",
        "networks of the space nasbench201 have no auxiliary head",
    ),
    "negative learning rate": ("channels = 2", "learning_rate = -1", "learning_rate must be a number > 0"),
    "NaN as learning rate": ("channels = 2", "alpha_learning_rate = nan", "alpha_learning_rate must be a number > 0"),
    "betas": ("channels = 2", "alpha_betas = [0.5]", "alpha_betas must be two numbers in [0, 1), not [0.5]"),
    "betas of 1": ("channels = 2", "alpha_betas = [0.5, 1.0]", "alpha_betas must be two numbers in [0, 1)"),
    "a beta that is no number": (
        "channels = 2",
        "alpha_betas = [false, 0.999]",
        "alpha_betas must be two numbers in [0, 1)",
    ),
    "more reductions than cells": (
        'live/nasbench201-digits"]\n[budgets]\nepochs = 2\n[search]\nchannels = 2',
        'live/darts-digits"]\n[budgets]\nepochs = 2\n[search]\ncells = 1',
        "network: 2 reductions need as many cells, not 1; write cells = 2 or more, or reductions = 1",
    ),
    "more reductions than cells in the evaluation": (
        'live/nasbench201-digits"]\n[budgets]\nepochs = 2\n[search]\nchannels = 2\n[evaluation]',
        'live/darts-digits"]\n[budgets]\nepochs = 2\n[evaluation]\ncells = 1',
        "network: 2 reductions need as many cells, not 1",
    ),
    "one pixel of one image": (
        "channels = 2",
        "reductions = 3\nbatch_size = 1",
        "search: 3 reductions leave one pixel of an image, and batch norm needs more than one in a batch",
    ),
    "one pixel of one image in the evaluation": (
        "[evaluation]\n",
        "[evaluation]\nreductions = 3\nbatch_size = 1\n",
        "training: 3 reductions leave one pixel of an image",
    ),
    "less than a pixel": (
        "channels = 2",
        "reductions = 4",
        "image sides must be multiples of 16 (4 reductions), not (8, 8)",
    ),
    "momentum of the evaluation": (
        "[evaluation]\n",
        "[evaluation]\nmomentum = nan\n",
        "momentum and weight_decay must be",
    ),
    "batch norm": ("channels = 2", 'batch_norm = "none"', "unknown batch norm 'none'; valid: batch, running"),
    "sizes of two cells": ("channels = 2", "expected_size = [6, 0]", "expected_size wants one number for each of cell"),
    "size as a number": ("channels = 2", "expected_size = 6", "expected_size must be a list of whole numbers, not 6"),
    "size as text": ("channels = 2", 'expected_size = ["6"]', "expected_size must be a list of whole numbers"),
    "long proxy": ("[evaluation]\n", "[evaluation]\nproxy_epochs = 3\n", "proxy_epochs 3 is above the budget of 2"),
    "a device of torch's": (
        "[budgets]",
        'device = "mps"\n[budgets]',
        "device 'mps': wanted cpu, cuda or",
    ),
    "no real device": (
        "[budgets]",
        'device = "meta"\n[budgets]',
        "device 'meta': wanted cpu, cuda or",
    ),
    "one of one CPU": ("[budgets]", 'device = "cpu:0"\n[budgets]', "device 'cpu:0': wanted cpu, cuda or cuda:<number>"),
    "unknown device": ("[budgets]", 'device = "gpu"\n[budgets]', "device 'gpu': wanted cpu, cuda or cuda:<number>"),
    "search as a number": (
        "[budgets]\nepochs = 2\n[search]\nchannels = 2",
        "search = 3\n[budgets]\nepochs = 2",
        "search: wanted a table",
    ),
    "negative lambda": (
        'name = "milenas-1st"',
        'name = "milenas-1st"\nlambda_valid = -1',
        "lambda_valid must be a number >= 0, not -1",
    ),
    "NaN as lambda": (
        'name = "milenas-1st"',
        'name = "milenas-1st"\nlambda_train = nan',
        "lambda_train must be a number >= 0",
    ),
    "both lambdas 0": (
        'name = "milenas-1st"',
        'name = "milenas-1st"\nlambda_valid = 0\nlambda_train = 0',
        "lambda_valid and lambda_train cannot both be 0",
    ),
    "unknown order of updates": (
        'name = "milenas-1st"',
        'name = "milenas-1st"\nupdate = "w-first"',
        "unknown update 'w-first'; did you mean 'w_first'",
    ),
    "unknown compatibility": ('name = "milenas-1st"', 'name = "milenas-1st"\ncompat = "code"', "compat must be one of"),
    "phases without a start": (
        'name = "milenas-1st"',
        'name = "level-schedule"\nphases = [[1, "darts-1st"]]',
        "phases must start at epoch 0",
    ),
    "phases of an unknown level": (
        'name = "milenas-1st"',
        'name = "level-schedule"\nphases = [[0, "darts-3rd"]]',
        "unknown level 'darts-3rd'; did you mean 'darts-2nd'",
    ),
    "phases as text": (
        'name = "milenas-1st"',
        'name = "level-schedule"\nphases = "darts-1st"',
        "phases: wanted list, not 'darts-1st'",
    ),
    "a phase that is no pair": (
        'name = "milenas-1st"',
        'name = "level-schedule"\nphases = [0, "darts-1st"]',
        'phases wants pairs such as [35, "milenas-1st"], not 0',
    ),
    "a base of the cosine": ("channels = 2", "base = 10", "base is of power annealing"),
    "partial channels that do not divide": (
        'name = "milenas-1st"',
        'name = "pc-darts"',
        "k must divide the 2 channels of [search]: 1, 2; not 4",
    ),
    "tuning beyond the budget": (
        'name = "milenas-1st"',
        'name = "darts-pt"',
        "darts-pt: tune_epochs = 1 keeps back 5 epochs for the 6 decisions of nasbench201; the budget of 2 must be larger",
    ),
    "a level that no method has": (
        'name = "milenas-1st"',
        'name = "max-w"\nlevel = "darts-3rd"',
        "unknown level 'darts-3rd'; did you mean 'darts-2nd'",
    ),
    "a factor of a level without one": (
        'name = "milenas-1st"',
        'name = "max-w"\nlambda_valid = 2',
        "lambda_valid and lambda_train are of mixed levels",
    ),
    "cifar without its files": (
        "-digits",
        "-cifar10",
        "cifar10 is not this data set (no such folder); wanted data_batch_1",
    ),
    "an empty folder": ("-digits", "-cifar100", "is not this data set (it holds nothing); wanted train, test"),
}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    from harness.live import benchmark

    monkeypatch.chdir(tmp_path)
    (tmp_path / "data" / "cifar100").mkdir(parents=True)
    monkeypatch.setenv("NAS_HARNESS_DATA", str(tmp_path / "data"))
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "journal.jsonl").write_text("something that is not to be touched\n")
    benchmark.images_of.cache_clear()
    return tmp_path


def refused(outcome, message):
    assert outcome.code == 2, outcome
    assert outcome.out == ""
    assert outcome.err.count("\n") == 1, outcome.err
    assert outcome.err.startswith("nas-harness: error: ")
    assert message in outcome.err


@pytest.mark.parametrize("wrong", SUITES)
@pytest.mark.parametrize("verb", ["run", "plan"])
def test_bad_suites(wrong, verb, folder, cli, snapshot):
    old, new, message = SUITES[wrong]
    assert SUITE.count(old) >= 1
    (folder / "bad.toml").write_text(SUITE.replace(old, new, 1))
    before = snapshot(folder)
    refused(cli(verb, "bad.toml", "-o", "out"), message)
    assert snapshot(folder) == before


@pytest.mark.parametrize("damage", ["truncated", "another data set"])
def test_bad_cifar_files(damage, folder, cli, snapshot):
    place = folder / "data" / "cifar10"
    place.mkdir()
    names = [*(f"data_batch_{number}.bin" for number in range(1, 6)), "test_batch.bin"]
    for name in names if damage == "truncated" else ["train.bin", "test.bin"]:
        (place / name).write_bytes(b"\x00" * 3073)
    (folder / "bad.toml").write_text(SUITE.replace("-digits", "-cifar10"))
    before = snapshot(folder)
    wanted = "wanted 10000 records of 3073 bytes" if damage == "truncated" else "it holds test.bin, train.bin"
    refused(cli("run", "bad.toml", "-o", "out"), wanted)
    assert snapshot(folder) == before


def test_no_such_device(folder, cli, snapshot):
    import torch

    if torch.cuda.is_available():
        pytest.skip("there is one")
    (folder / "good.toml").write_text(SUITE)
    before = snapshot(folder)
    refused(cli("run", "good.toml", "-o", "out", "--device", "cuda"), "torch finds no CUDA here; use cpu")
    assert snapshot(folder) == before
    for verb in ("plan", "run"):
        for name in ("mps", "xpu", "meta", "hpu:0", "cuda0", "CPU", ""):
            refused(cli(verb, "good.toml", "-o", "out", f"--device={name}"), "; possible here: cpu")
    assert snapshot(folder) == before


def test_a_device_of_several(monkeypatch):
    import torch

    from harness.training.networks import usable

    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert [str(usable(name)) for name in ("cpu", "cuda", "cuda:1")] == ["cpu", "cuda", "cuda:1"]
    with pytest.raises(HarnessError, match=r"device 'cuda:2': .*; possible here: cpu, cuda, cuda:0, cuda:1$"):
        usable("cuda:2")


@pytest.mark.parametrize("betas", ["[0, 0.999]", "[0.0, 0]"])
def test_whole_numbers_are_numbers(betas, folder, cli):
    (folder / "good.toml").write_text(SUITE.replace("channels = 2", f"alpha_betas = {betas}\nlearning_rate = 1", 1))
    outcome = cli("plan", "good.toml", "-o", "new", "--json")
    assert outcome.code == 0, outcome.err
