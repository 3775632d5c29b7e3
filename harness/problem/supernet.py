"""A problem whose space has a supernet. No torch here."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING

from harness.problem.base import Problem
from harness.problem.terms import Terms

if TYPE_CHECKING:
    from harness.supernets.net import Batch, Form, Network, Supernet


class SupernetProblem(Problem):
    """A problem whose architectures are trained here and now, and whose space has a supernet.

    Attributes
    ----------
    terms
        What is known of an architecture without training it, which costs nothing, and what it must satisfy to be an answer.
    """

    terms: Terms = Terms()

    @abstractmethod
    def supernet(self, form: Form | None = None) -> Supernet:
        """The supernet of the space, for the whole budget, with no test image in it.

        Parameters
        ----------
        form
            What network it is, see `harness.supernets.net.Form`; None: one whose every edge is a mixed operation.

        Returns
        -------
        harness.supernets.net.Supernet
            To be trained by `harness.supernets.loop.search`, once.

        Raises
        ------
        HarnessError
            If some of the budget is spent.
        """

    @abstractmethod
    def untrained(self, arch: Sequence[int]) -> tuple[Network, Batch]:
        """The network of an architecture before its training from scratch, and the first training images; costs no budget.

        Parameters
        ----------
        arch
            The architecture.

        Returns
        -------
        network : torch.nn.Module
            With the weights that its training begins with, in training mode.
        batch
            The first 64 training images (n, channels, height, width) as they are trained on, and their labels (n,).
        """
