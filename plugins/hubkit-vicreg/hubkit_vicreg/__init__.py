"""Alignment without negatives: VICReg and Barlow Twins, for a student and a frozen teacher of vectors of length 1.

hubkit's own objective tells a sentence's translation from the other sentences of the batch. These two compare no
sentence with another one. They pull a student vector to its teacher vector, or the coordinates of the one to those of
the other, and look at what the batch's vectors are like as a whole: how far each coordinate spreads, and which
coordinates say the same.

    hubkit add-language rw --objective vicreg
    hubkit add-language rw --objective barlow-twins

- VICReg: Bardes, Ponce & LeCun 2022, "VICReg: Variance-Invariance-Covariance Regularization for Self-Supervised
  Learning", arXiv 2105.04906.
- Barlow Twins: Zbontar, Jing, Misra, LeCun & Deny 2021, "Barlow Twins: Self-Supervised Learning via Redundancy
  Reduction", arXiv 2103.03230.

Both papers train two equal branches whose vectors have any length. Here one side is frozen, and all vectors have length
1; that changes three things.

**Scale.** Of a unit vector of h coordinates, each is about 1/√h, so the papers' constants (a standard deviation of 1)
would never be met. All vectors are multiplied by √h first: the mean square of a coordinate is then 1.

**What a batch should look like.** The papers want every coordinate to spread with deviation 1 and no two to be
correlated. On the sphere the first holds only if the vectors' mean is zero, for deviation² = 1 − mean², taken over all
coordinates; the vectors of a real encoder have a mean that is far from zero, and correlated coordinates. A frozen
teacher cannot be changed: a student that equalled it would still be punished, and pulled away. Therefore ``reference``
is by default ``"teacher"``: the spread and the correlations of the teacher's vectors of the same rows are what the
student is held to, and a student that equals its teacher loses nothing. (The rows are the same, so that the chance of a
small batch cancels.) ``"isotropic"`` is what the papers write.

**What the terms are for.** In the papers they keep the two branches from collapsing to one point. A frozen teacher
cannot collapse. What a student that is trained by distance alone does is shrink to the middle: its sentences come to
lie nearer to one another than their translations do, around an offset that all of them share. That is a lack of
variance, and the variance term is the one that pays for it. Barlow Twins compares standardised coordinates and does not
see an offset at all; here ``offset`` adds the distance of the two means. With ``reference="isotropic", offset=0`` it is
the paper's.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, get_args

from hubkit import hookimpl
from hubkit.errors import UsageError
from hubkit.training.objective import Batch, Loss

if TYPE_CHECKING:
    from torch import Tensor  # this module is imported whenever hubkit starts: torch is imported where it is used

Reference = Literal["teacher", "isotropic"]
_EPSILON = 1e-4  # added to variances, as the paper on VICReg has it


@hookimpl
def register_objectives() -> dict[str, str]:
    """Name → where it is found; that is imported when somebody asks for the name."""
    return {"vicreg": "hubkit_vicreg:Vicreg", "barlow-twins": "hubkit_vicreg:BarlowTwins"}


@dataclass(frozen=True, slots=True)
class Vicreg:
    """invariance · distance + variance · lacking spread + covariance · correlations that should not be.

    The weights are the paper's. Its fields are the recipe's ``objective_parameters``. Raises
    :class:`hubkit.errors.UsageError` for another ``reference``.
    """

    invariance: float = 25.0
    variance: float = 25.0
    covariance: float = 1.0
    reference: Reference = "teacher"
    name: str = "vicreg"

    def __post_init__(self) -> None:
        _check(self.reference)

    def __call__(self, batch: Batch) -> Loss:
        """Loss of a batch with ``teacher``; see :class:`hubkit.training.objective.Objective`."""
        student, teacher = _scaled(batch)
        distance = (student - teacher).square().mean()
        spread = (self._deviation(teacher) - deviation(student)).relu().mean()
        redundancy = _off_diagonal(covariance(student) - self._covariance(teacher)).square().sum() / student.shape[1]
        value = self.invariance * distance + self.variance * spread + self.covariance * redundancy
        logged = {"distance": distance, "lacking spread": spread, "redundancy": redundancy}
        return Loss(value, {name: float(term.detach()) for name, term in logged.items()})

    def _deviation(self, teacher: Tensor) -> Tensor:
        """What each coordinate's deviation should not be below (h,)."""
        reached = deviation(teacher)
        return reached if self.reference == "teacher" else reached.new_ones(reached.shape)

    def _covariance(self, teacher: Tensor) -> Tensor:
        """What the covariances should be (h, h)."""
        found = covariance(teacher)
        return found if self.reference == "teacher" else found.new_zeros(found.shape)


@dataclass(frozen=True, slots=True)
class BarlowTwins:
    """Each coordinate of the student goes with the same one of the teacher, and with no other more than it should.

    ``redundancy`` is the paper's λ, the weight of a pair of different coordinates beside that of a coordinate with
    itself; ``offset`` weighs the squared distance of the two means. Its fields are the recipe's
    ``objective_parameters``. Raises :class:`hubkit.errors.UsageError` for another ``reference``.
    """

    redundancy: float = 5e-3
    offset: float = 1.0
    reference: Reference = "teacher"
    name: str = "barlow-twins"

    def __post_init__(self) -> None:
        _check(self.reference)

    def __call__(self, batch: Batch) -> Loss:
        """Loss of a batch with ``teacher``; see :class:`hubkit.training.objective.Objective`."""
        import torch

        student, teacher = _scaled(batch)
        ours, theirs = standardised(student), standardised(teacher)
        width = ours.shape[1]
        wanted = theirs.T @ theirs / len(theirs) if self.reference == "teacher" else torch.eye(width).to(theirs)
        missed = (ours.T @ theirs / len(ours) - wanted).square()
        same, others = missed.diagonal().sum() / width, _off_diagonal(missed).sum() / width
        apart = (student.mean(dim=0) - teacher.mean(dim=0)).square().mean()
        value = same + self.redundancy * others + self.offset * apart
        logged = {"invariance": same, "redundancy": others, "offset": apart}
        return Loss(value, {name: float(term.detach()) for name, term in logged.items()})


def deviation(vectors: Tensor) -> Tensor:
    """Standard deviation of each coordinate (h,) over the rows of ``vectors`` (b, h)."""
    return (vectors.var(dim=0) + _EPSILON).sqrt()


def covariance(vectors: Tensor) -> Tensor:
    """Covariance (h, h) of the coordinates over the rows of ``vectors`` (b, h)."""
    centred = vectors - vectors.mean(dim=0)
    return centred.T @ centred / (len(vectors) - 1)


def standardised(vectors: Tensor) -> Tensor:
    """``vectors`` (b, h) with mean 0 and deviation 1 in each coordinate; a constant one becomes 0."""
    return (vectors - vectors.mean(dim=0)) / (vectors.var(dim=0, correction=0) + _EPSILON).sqrt()


def _scaled(batch: Batch) -> tuple[Tensor, Tensor]:
    """Student and teacher (b, h), of length √h."""
    student, teacher, _ = batch.aligned()
    scale = student.shape[1] ** 0.5
    return student * scale, teacher * scale


def _off_diagonal(matrix: Tensor) -> Tensor:
    """``matrix`` (h, h) with a diagonal of zeros."""
    import torch

    return matrix - torch.diag(matrix.diagonal())


def _check(reference: str) -> None:
    if reference not in get_args(Reference):
        raise UsageError(f"There is no reference {reference!r}.", f"Known: {', '.join(get_args(Reference))}.")
