"""The one loop in which supernets are trained: epochs of steps, what is recorded of them, a checkpoint after each."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from harness.errors import HarnessError
from harness.spaces.base import Arch
from harness.streams import Streams
from harness.supernets import sizes
from harness.supernets.net import Supernet
from harness.supernets.parts import Parts
from harness.supernets.selections import Selection, Strongest
from harness.supernets.steps import At, Step
from harness.system.provenance import peak_memory_mb
from harness.training import checkpoints, discrete, tracking
from harness.training.tracking import Row


def search(net: Supernet, step: Step, select: Selection | None = None, streams: Streams | None = None) -> Arch:
    """Train a supernet for its budget, and choose an architecture.

    Parameters
    ----------
    net
        The supernet, see `harness.problem.supernet.SupernetProblem.supernet`.
    step
        How it is moved.
    select
        How the architecture is chosen; None: by magnitude.
    streams
        The search streams of the cell, for the selection.

    Returns
    -------
    Arch
        What was chosen. ``net.rows`` has a row for every epoch.

    Raises
    ------
    HarnessError
        If a loss is not finite, in a step or after an epoch; the checkpoint is damaged or of another configuration; or nothing
        tells a part from others, so that a checkpoint could not know it again, see `harness.supernets.parts`.
    """
    return (net.searcher or Search)(net, step, select or Strongest()).run(streams or Streams("", net.seed))


class Search:
    """A search at work.

    Attributes
    ----------
    net, step, select
        See `search`.
    moving
        The step's state.
    """

    def __init__(self, net: Supernet, step: Step, select: Selection) -> None:
        if select.epochs >= net.settings.epochs:
            raise HarnessError(
                f"selection {select.word}: it keeps back {select.epochs} epochs, and the budget is {net.settings.epochs}"
            )
        self.net, self.step, self.select = net, step, select
        self._parts = Parts(form=net.form, step=step, select=select)
        self.moving = step.start(net)

    @property
    def finished(self) -> bool:
        """Whether all epochs but those of the selection are done, or the derived cells are as small as expected."""
        rows, settings = self.net.rows, self.net.settings
        if self.net.epochs_left <= self.select.epochs:
            return True
        # Of any epoch: those of a selection, which may follow, need not be as small again.
        may_end = rows[settings.earliest_stop - 1 :]
        return any(sizes.is_within(row, settings.expected_size) for row in may_end)

    @property
    def _states_size(self) -> bool:
        return self.net.settings.size_from is not None

    def run(self, streams: Streams, on_epoch: Callable[[Row], None] | None = None) -> Arch:
        """Search to the end; see `search`.

        Parameters
        ----------
        streams
            For the selection.
        on_epoch
            Called with the row of every epoch that is computed now.

        Notes
        -----
        A row has ``epoch`` (from 0), the step's words, ``selection``, ``learning_rate``, ``steps``, ``passes``; ``train_loss``
        and ``train_accuracy`` as the steps met them; ``valid_loss`` and ``valid_accuracy`` after the epoch; ``seconds`` and
        ``processor_seconds`` of the steps, ``evaluation_seconds`` and ``tracking_seconds`` of the rest, ``peak_memory`` of the
        process (MB). Accuracies are in percent. Where there are architecture parameters it also has them (``alphas_*``), the
        weights of the candidates (``weights_*``, (edges, candidates)) with their entropy (``alpha_entropy_*``, nats, mean over
        edges) for every group, and of the architecture derived then ``convolutions_*`` and ``skips_*`` for every group,
        ``parameters`` at the supernet's size and ``arch`` (text). The last row has these of what was chosen. Where ``size_from``
        is set, rows from the first epoch on whose derived cells had at most the expected size have its number (from 1),
        ``size_reached``, and the last row has ``epochs_saved``: how many of the budget were left when the size ended the search.
        """
        checkpoint = self.net.checkpoint
        if checkpoint is not None and checkpoint.exists():
            self.load()
        while not self.finished:
            row = self.epoch()
            if on_epoch is not None:
                on_epoch(row)
        saved = {"epochs_saved": self.net.epochs_left - self.select.epochs} if self._states_size else {}
        arch = self.select(self, streams)
        self.net.rows[-1] |= self._described(arch) | saved
        return arch

    def epoch(self) -> Row:
        """Train for an epoch of the budget more, save, and return its row."""
        net, moving = self.net, self.moving
        number, passes = net.spend(), moving.passes
        rate = net.settings.rate(number)
        moving.begin_epoch(number, rate)
        started = net.times()
        loss, accuracy = self._steps(number)
        stepped = net.times()
        valid_loss, valid_accuracy = net.measure(moving.evaluated(number))
        tracking.require_finite({"valid": valid_loss}, f"search, after epoch {number}")
        evaluated = net.times()
        row: Row = {
            "epoch": number,
            **self.step.words(number),
            "selection": self.select.word,
            "learning_rate": rate,
            "steps": net.steps,
            "passes": moving.passes - passes,
            "train_loss": loss,
            "train_accuracy": accuracy,
            "valid_loss": valid_loss,
            "valid_accuracy": valid_accuracy,
            **self._tracked(),
        }
        if self._states_size:
            row |= sizes.reached(net.rows, row, net.settings.expected_size)
        steps = stepped - started
        row["seconds"], row["processor_seconds"] = steps.wall, steps.processor
        row["evaluation_seconds"] = (evaluated - stepped).wall
        row["tracking_seconds"] = (net.times() - evaluated).wall
        row["peak_memory"] = peak_memory_mb()
        net.rows.append(row)
        if net.checkpoint is not None:
            self.save()
        return row

    def _steps(self, epoch: int) -> tuple[float, float]:
        net = self.net
        loss, correct = 0.0, 0
        for step, batches in enumerate(net.batches(epoch)):
            done = self.moving(batches, At(epoch, step, epoch / net.settings.epochs))
            tracking.require_finite_step([done.loss], "search", epoch, step)
            loss += done.loss
            correct += int((done.output.argmax(dim=1) == batches.train[1]).sum())
        return loss / net.steps, 100 * correct / (net.steps * net.settings.batch_size)

    def _tracked(self) -> Row:
        """What the architecture parameters say after an epoch; nothing where there are none."""
        mixtures = self.moving.probabilities()
        if mixtures is None:
            return {}
        row: Row = {f"alphas_{name}": alpha.detach().cpu().tolist() for name, alpha in self.moving.alphas().items()}
        for name, mixture in zip(self.net.where.groups, mixtures, strict=True):
            weights = mixture.operations.cpu().numpy()
            row[f"weights_{name}"] = weights.tolist()
            row[f"alpha_entropy_{name}"] = tracking.entropy(weights)
        return row | self._described(self.select.derive(self, mixtures))

    def _described(self, arch: Arch) -> Row:
        where = self.net.where
        row: Row = {"arch": where.format(arch)}
        row["parameters"] = discrete.parameters(self.net.space, arch, self.net.shape)
        for group, operations in where.operations(arch).items():
            row[f"convolutions_{group}"] = sizes.convolutions(operations)
            row[f"skips_{group}"] = sizes.skips(operations)
        return row

    # Checkpoints --------------------------------------------------------------------------------------------------

    @property
    def configuration(self) -> dict[str, str]:
        """Everything that the result depends on, as text."""
        net = self.net
        chosen = {"space": net.space, "data": net.data, "seed": net.seed, **self._parts.identities}
        return checkpoints.configuration(chosen, net.settings.as_dict())

    def save(self) -> None:
        """Save the state; the file is whole at any moment."""
        assert self.net.checkpoint is not None
        state: dict[str, Any] = {
            "network": self.net.network.state_dict(),
            "moving": self.moving.state_dict(),
            "rows": self.net.rows,
            "epochs_left": self.net.epochs_left,
            "parts": self._parts.state_dict(),
        }
        checkpoints.save(self.net.checkpoint, self.configuration, state)

    def load(self) -> None:
        """Go on from a saved state.

        Raises
        ------
        CheckpointError
            If the file is damaged or of another configuration; nothing was changed then.
        """
        assert self.net.checkpoint is not None
        state = checkpoints.load(self.net.checkpoint, self.configuration, "search", self.net.device)
        self.net.network.load_state_dict(state["network"])
        self.moving.load_state_dict(state["moving"])
        self.net.rows[:] = state["rows"]
        self.net.epochs_left = state["epochs_left"]
        self._parts.load_state_dict(state["parts"])
