"""What columns of scores are called in most files of architectures."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from harness.errors import HarnessError

_PARTS: Mapping[str, Sequence[str]] = {"validation": ("valid", "validation", "val"), "test": ("test",)}
_ENDS = ("", " accuracy", " acc", " score", " error", " loss")


def usual_score(columns: Iterable[str], role: str, option: str, where: str) -> str:
    """Return the one column that is called like a validation or a test score.

    Parameters
    ----------
    columns
        Names of all columns.
    role
        ``validation`` or ``test``.
    option
        The option that says it otherwise, for the message.
    where
        Put in front of the message.

    Raises
    ------
    HarnessError
        If there is none, or several.
    """
    wanted = {part + end for part in _PARTS[role] for end in _ENDS}
    names = [str(name) for name in columns]
    found = [name for name in names if " ".join(name.replace("_", " ").split()).casefold() in wanted]
    if len(found) == 1:
        return found[0]
    what = " and ".join(map(repr, found)) + " may each be" if found else "no column is called like"
    raise HarnessError(f"{where}: {what} the {role} score; say which by {option}; columns: {', '.join(names)}")
