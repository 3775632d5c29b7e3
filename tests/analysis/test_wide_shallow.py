"""Wide and shallow cells: by hand, and on curves that were published."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from harness.analysis import wide_shallow
from harness.errors import HarnessError

GENOTYPE = (
    "Genotype(normal=[('sep_conv_3x3', 0), ('sep_conv_3x3', 1), ('sep_conv_3x3', 0), ('sep_conv_3x3', 1), "
    "('sep_conv_3x3', 1), ('skip_connect', 0), ('skip_connect', 0), ('dil_conv_3x3', 2)], normal_concat=[2, 3, 4, 5], "
    "reduce=[('max_pool_3x3', 0), ('max_pool_3x3', 1), ('skip_connect', 2), ('max_pool_3x3', 1), ('max_pool_3x3', 0), "
    "('skip_connect', 2), ('skip_connect', 2), ('max_pool_3x3', 1)], reduce_concat=[2, 3, 4, 5])"
)


@pytest.fixture
def published(tmp_path):
    """Two architectures and their curves."""
    ends = "('skip_connect', 0), ('skip_connect', 0), ('dil_conv_3x3', 2)]"
    chain = GENOTYPE.replace(ends, "('skip_connect', 3), ('skip_connect', 0), ('avg_pool_3x3', 4)]")
    assert chain != GENOTYPE
    (tmp_path / "g.json").write_text(json.dumps([{"genotype": GENOTYPE}, chain, {"genotype": GENOTYPE}]))
    np.savez(tmp_path / "c.npz", test_accuracy=np.array([[10.0, 20, 30], [11, 19, 31], [12, 18, 29]]))
    return tmp_path / "g.json", tmp_path / "c.npz"


@pytest.mark.filterwarnings("ignore:All-NaN")
def test_wide_shallow_by_hand(published):
    """Widths are 3.5, 3, 3.5; depths 3, 4, 3; convolutions 6, 5, 6; skips do not vary."""
    frame = wide_shallow(*published, np.random.default_rng(0), epochs=(1, 3), window=1, n_bootstrap=20)
    taus = frame.set_index(["epoch", "trait"])["tau"]
    assert np.isnan(taus[1, "skips"])
    assert taus[3, "width"] == pytest.approx(stats.kendalltau([30, 31, 29], [3.5, 3, 3.5]).statistic)
    assert taus[1, "depth"] == pytest.approx(stats.kendalltau([10, 11, 12], [3, 4, 3]).statistic)
    assert taus[3, "convolutions"] == pytest.approx(stats.kendalltau([30, 31, 29], [6, 5, 6]).statistic)


def test_wide_shallow_on_published_curves(shared, monkeypatch, cli):
    """Read where a user keeps them: wide, shallow cells are ahead early on, and less so at the end."""
    monkeypatch.setenv("NAS_HARNESS_DATA", str(shared("darts_space").parent))
    files = [f"darts_space/random_architectures_cifar10.{kind}" for kind in ("json", "npz")]
    done = cli("analyze", "wide-shallow", *files, "--bootstrap", "60", "--json")
    table = pd.DataFrame(json.loads(done.out)["wide_shallow"]).set_index(["trait", "epoch"])["tau"]
    assert table["width"].tolist() == pytest.approx([0.368, 0.360, 0.313, 0.257], abs=1e-3)
    assert table["depth"].tolist() == pytest.approx([-0.292, -0.280, -0.270, -0.233], abs=1e-3)
    assert table["convolutions", 25] < -0.2 < 0 < table["convolutions", 600]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("{", "is no JSON"),
        ("{}", "wanted a list of genotypes"),
        ("[]", "wanted a list of genotypes"),
        ('[{"genotype": 3}]', "wanted a list of genotypes"),
        ('["Genotype()"]', "genotype 1: genotype: wanted each of"),
        (json.dumps([GENOTYPE.replace("normal_concat=[2, 3, 4, 5]", "normal_concat=[4, 5]")]), "leaves out a node"),
        (json.dumps([GENOTYPE]), "1 rows for 3 learning curves"),
    ],
)
def test_wrong_genotypes(published, content, words):
    published[0].write_text(content)
    with pytest.raises(HarnessError, match=words):
        wide_shallow(*published, np.random.default_rng(0), epochs=(1,))


def test_wrong_curves(published, tmp_path):
    genotypes, curves = published
    rng = np.random.default_rng(0)
    np.savez(tmp_path / "two.npz", a=np.ones((3, 2)), b=np.ones((3, 2)))
    np.savez(tmp_path / "objects.npz", a=np.array([[{}]], dtype=object))
    np.save(tmp_path / "array.npy", np.ones((3, 2)))
    (tmp_path / "empty.npz").write_bytes(b"")
    (tmp_path / "cut.npz").write_bytes(curves.read_bytes()[:100])
    for name, words in [
        ("two.npz", "found 2 of two dimensions"),
        ("objects.npz", "cannot be read as NPZ"),
        ("array.npy", "cannot be read as NPZ"),
        ("empty.npz", "cannot be read as NPZ"),
        ("cut.npz", "cannot be read as NPZ"),
        ("absent.npz", "no such file"),
    ]:
        with pytest.raises(HarnessError, match=words):
            wide_shallow(genotypes, tmp_path / name, rng, epochs=(1,))
    with pytest.raises(HarnessError, match="epochs: 600 is beyond the curves; give at most 3"):
        wide_shallow(genotypes, curves, rng)
