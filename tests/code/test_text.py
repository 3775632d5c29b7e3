"""What is read in the text of a module: what changes the hash of its tree, and which imports are seen."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import harness
from harness.code.text import Text, Texts, imports_in, read, tree_hash

SOURCE = '''
"""What it is."""
import numpy as np


class Search:
    """A search."""

    size: int = 3

    def ask(self, n=1):
        """The next."""
        return [self.size + n for _ in range(n)]
'''


def hashed(source: str) -> str:
    return tree_hash(ast.parse(source))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"""A search."""', '"""Another text."""'),
        ('        """The next."""\n', ""),
        ('"""What it is."""', ""),
        ("return [", "# a comment\n\n        return ["),
        ("[self.size + n for _ in range(n)]", "(\n            [(self.size + n) for _ in range(n)]\n        )"),
    ],
)
def test_comments_docstrings_and_layout_do_not_count(old: str, new: str) -> None:
    assert old in SOURCE
    assert hashed(SOURCE.replace(old, new)) == hashed(SOURCE)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("size: int = 3", "size: int = 4"),
        ("size: int = 3", "size: float = 3"),
        ("size: int = 3", "size: int = 3.0"),
        ("size: int = 3", "size: int = True"),
        ("self.size + n", "self.size - n"),
        ("n=1", "n=None"),
        ("n=1", "n"),
        ("import numpy as np", "import numpy"),
        ("def ask(self, n=1):", "def tell(self, n=1):"),
        ("return [", "'no docstring'; return ["),
    ],
)
def test_everything_else_counts(old: str, new: str) -> None:
    assert hashed(SOURCE.replace(old, new)) != hashed(SOURCE)


FILES = sorted(Path(harness.__file__).parent.rglob("*.py"))


class _WithoutDocstrings(ast.NodeTransformer):
    def visit(self, node: ast.AST) -> ast.AST:
        self.generic_visit(node)
        body = getattr(node, "body", None)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) and body:
            first = body[0]
            if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and type(first.value.value) is str:
                node.body = body[1:]  # type: ignore[attr-defined]
        return node


@settings(deadline=None, max_examples=60)
@given(st.lists(st.sampled_from(FILES[::7]), min_size=2, max_size=2), st.data())
def test_two_modules_hash_alike_if_and_only_if_their_trees_are_written_alike(
    files: list[Path], data: st.DataObject
) -> None:
    trees = [ast.parse(file.read_bytes()) for file in files]
    if data.draw(st.booleans()):  # one constant or name is another
        nodes = [node for node in ast.walk(trees[0]) if isinstance(node, ast.Name | ast.Constant)]
        node = data.draw(st.sampled_from(nodes)) if nodes else None
        if isinstance(node, ast.Name):
            node.id = data.draw(st.sampled_from([node.id, "other"]))
        elif node is not None:
            node.value = data.draw(st.sampled_from([node.value, 0, 1, "text", b"text", None]))
    hashes = [tree_hash(tree) for tree in trees]
    written = [ast.dump(_WithoutDocstrings().visit(tree)) for tree in trees]
    assert (hashes[0] == hashes[1]) == (written[0] == written[1])


def test_a_deep_tree_is_no_trouble() -> None:
    deep = "x = " + " + ".join(["1"] * 900)
    assert hashed(deep) != hashed(deep + " + 1")


def test_imports_wherever_they_stand() -> None:
    source = """
import a, b.c as d
from e import f, g
from . import h
from ..i.j import *
if TYPE_CHECKING:
    import never
    from x import y
else:
    import k
if typing.TYPE_CHECKING:
    import never
def late():
    try:
        import l
    except ImportError:
        with x:
            from m.n import o
"""
    found = {
        *[(0, "a", ()), (0, "b.c", ()), (0, "e", ("f", "g")), (1, "", ("h",)), (2, "i.j", ("*",))],
        *[(0, "k", ()), (0, "l", ()), (0, "m.n", ("o",))],
    }
    assert set(imports_in(ast.parse(source))) == found


def test_what_no_python_reads_counts_with_its_bytes() -> None:
    assert read(b"def (") == read(b"def (") != read(b"def ( ")
    assert read(b"def (").imports == ()


@pytest.mark.parametrize("damage", [b"{", b"[]", b'{"a": 1}', b'{"a": ["b", 3]}'])
def test_texts_are_kept_and_damage_is_read_again(
    damage: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NAS_HARNESS_CACHE", str(tmp_path))
    texts = Texts()
    expected = texts.of(b"import a\nx = 1\n")
    texts.save()
    (path,) = tmp_path.glob("code-*.json")
    monkeypatch.setattr("harness.code.text.read", lambda content: Text("read again"))
    assert Texts().of(b"import a\nx = 1\n") == expected
    path.write_bytes(damage)
    assert Texts().of(b"import a\nx = 1\n") == Text("read again")


def test_a_cache_that_cannot_be_written_is_done_without(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("NAS_HARNESS_CACHE", str(tmp_path / "file"))
    texts = Texts()
    assert texts.of(b"x = 1\n") == read(b"x = 1\n")
    texts.save()
