"""Convolutions of a stride: right sums, right gradients, and nothing written outside memory."""

import os
import platform
import signal
import subprocess
import sys
from itertools import product
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F

from harness.live import processor
from harness.training import operations
from harness.training.convolution import convolve, guard, overflows

# What each instruction set that oneDNN may be capped to is called by it.
CAPS = {"SSE41": "Intel SSE4.1", "AVX": "Intel AVX", "AVX2": "Intel AVX2"}
LAYOUTS = (torch.contiguous_format, torch.channels_last)


def laid_out(x, layout):
    return x.contiguous(memory_format=layout)


def reference(x, kernel, seed, **options):
    """Output and gradients in float64, which oneDNN does not compute."""
    x, kernel = x.detach().double().requires_grad_(), kernel.detach().double().requires_grad_()
    y = F.conv2d(x, kernel, **options)
    return [y, *torch.autograd.grad(y, [x, kernel], seed.double())]


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("stride", [2, 3])
def test_pointwise_convolutions_of_a_stride_have_the_gradients_of_float64(stride, layout):
    rng = torch.Generator().manual_seed(0)
    for channels, out, groups, side in product(range(1, 21), (1, 8), (1, 3), (2 * stride, 7)):
        x = laid_out(torch.randn(5, groups * channels, side, side, generator=rng), layout).requires_grad_()
        kernel = laid_out(torch.randn(groups * out, channels, 1, 1, generator=rng), layout).requires_grad_()
        y = convolve(x, kernel, stride=(stride, stride), groups=groups)
        seed = torch.randn(y.shape, generator=rng)
        ours = [y, *torch.autograd.grad(y, [x, kernel], seed)]
        for one, other in zip(ours, reference(x, kernel, seed, stride=stride, groups=groups), strict=True):
            torch.testing.assert_close(one.double(), other, rtol=1e-4, atol=1e-4)


def test_which_convolutions_overflow():
    def asked(channels=4, side=8, kernel=1, stride=2, padding=0, groups=1, layout=torch.channels_last, device="cpu"):
        x = laid_out(torch.empty(2, channels, side, side, device=device), layout)
        weight = torch.empty(8, channels // groups, kernel, kernel, device=device)
        return overflows(x, weight, (stride, stride), (padding, padding), groups)

    assert asked()
    assert asked(channels=1, layout=torch.contiguous_format)  # of one channel the layout cannot be told
    assert asked(channels=15)
    assert asked(stride=4)
    assert asked(device="meta")
    assert not asked(channels=16)
    assert not asked(side=7)  # no pixels are copied beforehand
    assert not asked(stride=1)
    assert not asked(kernel=3, padding=1)
    assert not asked(groups=2)
    assert not asked(layout=torch.contiguous_format)
    weight = torch.empty(8, 4, 1, 1, memory_format=torch.channels_last)
    assert overflows(torch.empty(2, 4, 8, 8), weight, (2, 2), (0, 0), 1)  # the kernel's layout counts too


def test_what_does_not_overflow_is_torchs_own_to_the_bit():
    for channels, layout in product((16, 32), LAYOUTS):
        x, weight = laid_out(torch.randn(5, channels, 8, 8), layout), torch.randn(8, channels, 1, 1)
        assert torch.equal(convolve(x, weight, stride=(2, 2)), F.conv2d(x, weight, stride=2))


@pytest.mark.parametrize("device", ["cpu", "meta"])
def test_the_guard_finds_a_convolution_that_overflows_whoever_calls_it(device):
    layer = torch.nn.Conv2d(4, 8, 1, stride=2, device=device).to(memory_format=torch.channels_last)
    x = torch.empty(2, 4, 8, 8, device=device).contiguous(memory_format=torch.channels_last)
    with guard(), pytest.raises(RuntimeError, match=r"stride \(2, 2\) reads \(2, 4, 8, 8\), channels innermost"):
        layer(x)
    with guard():
        assert convolve(x, layer.weight, stride=(2, 2)).shape == (2, 8, 4, 4)


def test_the_guard_is_on_in_development_mode():
    code = (
        "import torch; from harness.training.convolution import guard_of_development\n"
        "x = torch.ones(2, 4, 8, 8).contiguous(memory_format=torch.channels_last)\n"
        "with guard_of_development(): torch.nn.functional.conv2d(x, torch.ones(8, 4, 1, 1), stride=2)"
    )
    plain, developing = (
        subprocess.run([sys.executable, *options, "-c", code], capture_output=True, text=True, check=False)
        for options in ((), ("-X", "dev"))
    )
    assert plain.returncode == 0, plain.stderr
    assert "RuntimeError: a pointwise convolution of stride (2, 2)" in developing.stderr


def test_no_network_of_two_channels_overflows():
    assert processor.check_networks(processor.trained(2), LAYOUTS) == 66


@pytest.mark.slow
@pytest.mark.parametrize("channels", [1, 3, 4, 8, 15])  # below a register, with and without a remainder in each
def test_no_network_overflows(channels):
    processor.check_networks(processor.supernets(channels), LAYOUTS)
    processor.check_networks(processor.trained(channels), LAYOUTS)


def test_a_network_that_would_overflow_is_found(monkeypatch):
    monkeypatch.setattr(operations, "convolve", lambda x, kernel, **options: F.conv2d(x, kernel, **options))
    with pytest.raises(RuntimeError, match="writes its gradient outside its memory"):
        processor.check_networks(processor.trained(2))


# The processor


def test_what_onednn_is_capped_to_is_told(monkeypatch):
    if platform.machine().lower() not in ("x86_64", "amd64"):
        pytest.skip("ONEDNN_MAX_CPU_ISA is for x64 processors")
    monkeypatch.setenv("ONEDNN_MAX_CPU_ISA", "SSE41")  # every x64 processor has it
    assert processor.instruction_set() == CAPS["SSE41"]


def test_the_cap_of_this_run_is_in_force():
    cap = os.environ.get("ONEDNN_MAX_CPU_ISA", "").upper()
    if cap not in CAPS:
        pytest.skip("ONEDNN_MAX_CPU_ISA is not set to one of " + ", ".join(CAPS))
    assert processor.instruction_set() == CAPS[cap]


# Memory

NARROW = """
import sys
from dataclasses import replace
import numpy as np
import torch
torch.set_num_threads(1)
from harness.levels import Bilevel
from harness.training.data import split
from harness.training.settings import Recipe, SearchSettings
from harness.images.sources import load
from harness.spaces.registry import cell_space
from harness.training.train import train
from harness.supernets import BestOfRandom, LevelStep, PathStep, Supernet, search

what = sys.argv[1]
splits = split(load("digits"), 0)
splits = replace(splits, train=splits.train[:192], valid=splits.valid[:64], test=splits.test[:64])
SKIPS = (
    "Genotype(normal=[('skip_connect', 0), ('max_pool_3x3', 1), ('dil_conv_5x5', 0), ('sep_conv_5x5', 2), "
    "('dil_conv_3x3', 1), ('avg_pool_3x3', 2), ('dil_conv_5x5', 3), ('skip_connect', 4)], normal_concat=[2, 3, 4, 5], "
    "reduce=[('skip_connect', 0), ('skip_connect', 1), ('skip_connect', 0), ('sep_conv_3x3', 2), ('skip_connect', 1), "
    "('dil_conv_3x3', 3), ('skip_connect', 1), ('max_pool_3x3', 2)], reduce_concat=[2, 3, 4, 5])"
)
arch = cell_space("darts").parse(SKIPS)
for channels in map(int, sys.argv[2:]):
    settings = SearchSettings(channels=channels, cells=3, epochs=1, batch_size=64)
    recipe = Recipe(channels=channels, cells=3, epochs=1, batch_size=64)
    if what == "search":
        for norm in ("batch", "running"):
            search(Supernet("darts", splits, replace(settings, batch_norm=norm), 0), LevelStep(Bilevel()))
        search(Supernet("darts", splits, settings, 0), PathStep(), BestOfRandom(3))
    elif what == "training":
        train("darts", arch, splits, recipe, [0])
        train("darts", arch, splits, replace(recipe, auxiliary=0.4), [0])
    else:
        train("darts", arch, splits, recipe, [0, 1, 2])
        train("nasbench201", cell_space("nasbench201").sample(np.random.default_rng(0)), splits, recipe, [0, 1, 2])
    print(channels, flush=True)
"""
# The plain convolution at the widths at which oneDNN fails, and every kind of convolution of a stride that networks here have.
KINDS = """
import sys
import torch
import torch.nn.functional as F
from harness.training.convolution import convolve
torch.set_num_threads(1)
for channels in map(int, sys.argv[1:]):
    kinds = [(1, 1, stride, 1) for stride in (2, 3)] + [(1, 1, 2, 3)]
    kinds += [(kernel, dilation, 2, groups) for kernel in (3, 5) for dilation in (1, 2) for groups in (1, 3, 3 * channels)]
    for kernel, dilation, stride, groups in kinds:
        for layout in (torch.contiguous_format, torch.channels_last):
            for n, side in ((64, 6), (16, 12), (5, 7)):
                for _ in range(2):
                    x = torch.randn(n, 3 * channels if groups > 1 else channels, side, side).contiguous(memory_format=layout)
                    weight = torch.randn(2 * groups if groups > 1 else 8, x.shape[1] // groups, kernel, kernel)
                    weight = weight.contiguous(memory_format=layout).requires_grad_()
                    padding = dilation * (kernel - 1) // 2
                    options = {"stride": (stride, stride), "padding": (padding, padding), "dilation": (dilation, dilation)}
                    y = convolve(x.requires_grad_(), weight, groups=groups, **options)
                    seed = torch.randn_like(y)
                    found = torch.autograd.grad(y, [x, weight], seed)
                    kept = [torch.randn(n, channels, side, side) for _ in range(3)]
                    inputs = [tensor.detach().double().requires_grad_() for tensor in (x, weight)]
                    right = torch.autograd.grad(F.conv2d(*inputs, groups=groups, **options), inputs, seed.double())
                    for one, other in zip(found, right, strict=True):
                        torch.testing.assert_close(one.double(), other, rtol=1e-3, atol=1e-3)
    print(channels, flush=True)
"""


@pytest.fixture
def malloc_checked():
    """Run a script under glibc's own checks of its memory; a process that writes outside its memory aborts."""
    library = next(iter(sorted(Path("/usr/lib").glob("*/libc_malloc_debug.so.0"))), None)
    if library is None:
        pytest.skip("there is no libc_malloc_debug.so.0 of glibc here")

    def run(script, *arguments):
        environment = os.environ | {"LD_PRELOAD": str(library), "MALLOC_CHECK_": "3"}
        command = [sys.executable, "-c", script, *map(str, arguments)]
        return subprocess.run(command, capture_output=True, text=True, env=environment, check=False)

    return run


def test_the_checks_of_malloc_see_one_byte_too_many(malloc_checked):
    script = "import ctypes, sys, torch; x = torch.empty(1000, dtype=torch.uint8)\n"
    script += "ctypes.memset(x.data_ptr(), 1, int(sys.argv[1])); del x; print('whole')"
    assert malloc_checked(script, 1000).stdout == "whole\n"
    done = malloc_checked(script, 1001)
    assert (done.returncode, done.stdout) == (-signal.SIGABRT, "")


def check_whole(done, widths):
    """Every width was gone through to its end."""
    assert (done.returncode, done.stdout.split()) == (0, [str(width) for width in widths]), done.stderr


def test_networks_of_two_channels_train_inside_their_memory(malloc_checked):
    check_whole(malloc_checked(NARROW, "training", 2), [2])


@pytest.mark.slow
@pytest.mark.parametrize("what", ["training", "search", "recording"])
def test_narrow_networks_write_inside_their_memory(what, malloc_checked):
    widths = (3, 5) if what == "training" else (2, 3, 5)
    check_whole(malloc_checked(NARROW, what, *widths), widths)


@pytest.mark.slow
@pytest.mark.parametrize("widths", [range(1, 10), range(10, 18)])
def test_every_kind_of_strided_convolution_is_right_and_writes_inside_its_memory(widths, malloc_checked):
    check_whole(malloc_checked(KINDS, *widths), widths)
