"""What an adapter is compared with, one file for each kind; :mod:`hubkit.evaluation.control_systems` makes them."""

from hubkit.evaluation.controls.context import ControlContext, NotHadError, Unavailable, encode_with
from hubkit.evaluation.controls.damage import DAMAGE_LANGUAGES, unrelated_suites
from hubkit.evaluation.controls.other_family import (
    FAMILIES,
    LANGUAGES_IN_CONTROL,
    Control,
    train_wrong_family,
    wrong_family,
)

__all__ = [
    "DAMAGE_LANGUAGES",
    "FAMILIES",
    "LANGUAGES_IN_CONTROL",
    "Control",
    "ControlContext",
    "NotHadError",
    "Unavailable",
    "encode_with",
    "train_wrong_family",
    "unrelated_suites",
    "wrong_family",
]
