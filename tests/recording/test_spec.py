"""What is to be recorded."""

import pytest

from harness.errors import HarnessError
from harness.recording.spec import architectures_of, find_spec, load_spec, make_spec
from harness.spaces.nasbench201 import NASBench201Space


def test_the_shipped_specification_is_every_distinct_cell():
    spec = find_spec("digits201")
    found = architectures_of(spec, spec.images.space)
    space = NASBench201Space()
    assert len(set(found)) == len(found) == 6466
    assert all(space.canonical(arch) == arch for arch in found)
    assert found != sorted(found)  # in a random order, so that the time left can be told
    splits = spec.splits()
    assert [len(part) for part in (splits.train, splits.valid, splits.test)] == [899, 449, 449]


def test_a_sample_of_a_space_is_distinct_and_grows(tiny):
    some, more = (make_spec(tiny | {"architectures": count}) for count in (5, 9))
    space = NASBench201Space()
    assert len(set(architectures_of(some, space))) == 5
    assert architectures_of(more, space)[:5] == architectures_of(some, space)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"chanels": 4}, "unknown key 'chanels'"),
        ({"space": "nasbench"}, "unknown space 'nasbench'; did you mean 'nasbench201'"),
        ({"data": "digit"}, "unknown data 'digit'; did you mean 'digits'"),
        ({"seeds": []}, "wanted a list of different whole numbers"),
        ({"seeds": [0, 0]}, "wanted a list of different whole numbers"),
        ({"seeds": [True]}, "wanted a list of different whole numbers"),
        ({"shares": [0.5, 0.5, 0.0]}, "three positive numbers with the sum 1"),
        ({"shares": [0.5, 0.25, 0.5]}, "three positive numbers with the sum 1"),
        ({"shares": [1, 0, 0]}, "three numbers, train, valid and test"),
        ({"architectures": -1}, "architectures: wanted a whole number of at least 0"),
        ({"name": 3}, "name: wanted a text"),
        ({"name": "../up"}, "name: wanted"),
        ({"recipe": 3}, "recipe: wanted a table"),
        ({"recipe": {"epoch": 3}}, "recipe: unknown key 'epoch'; did you mean 'epochs'"),
        ({"recipe": {"epochs": "3"}}, "recipe: epochs wants int, not '3'"),
        ({"recipe": {"epochs": 0}}, "at least 1"),
    ],
)
def test_wrong_values_are_named(change, message, tiny):
    with pytest.raises(HarnessError) as error:
        make_spec(tiny | change)
    assert message in str(error.value)


def test_missing_keys_are_named(tiny):
    for key in ("name", "space", "data", "seeds", "recipe"):
        with pytest.raises(HarnessError, match=f"no {key}; wanted name, space, data, seeds and a table"):
            make_spec({name: value for name, value in tiny.items() if name != key})


def test_wrong_files_are_named(tmp_path):
    path = tmp_path / "mine.toml"
    with pytest.raises(HarnessError, match=r"mine.toml: cannot be read: No such file"):
        load_spec(path)
    path.write_text("name = ")
    with pytest.raises(HarnessError, match=r"mine.toml: not TOML"):
        find_spec(str(path))
    with pytest.raises(HarnessError, match="unknown table specification 'digits20'; did you mean 'digits201'"):
        find_spec("digits20")


def test_a_space_too_large_to_be_recorded_whole(tiny):
    spec = make_spec(tiny | {"space": "darts", "architectures": 0})
    with pytest.raises(HarnessError, match="too many to record all; say architectures = 1000"):
        architectures_of(spec, spec.images.space)
