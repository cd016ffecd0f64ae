"""The conformance kit: checks that a plugin's own tests call, one for each thing that a plugin can register.

A check returns nothing or raises :class:`ConformanceError`, an ``AssertionError`` whose text says what is wrong; no
test framework is needed. torch is imported by the checks that need it, when they run.

    >>> from hubkit.testing import check_objective
    >>> from hubkit.training.objectives.contrastive import Contrastive
    >>> check_objective(Contrastive, temperature=0.05)
"""

from __future__ import annotations

from hubkit.testing.commands import check_command
from hubkit.testing.error import ConformanceError
from hubkit.testing.exporters import check_exporter
from hubkit.testing.installed import check_plugin
from hubkit.testing.languages import check_languages
from hubkit.testing.methods import check_method
from hubkit.testing.objectives import check_objective
from hubkit.testing.offline import offline
from hubkit.testing.records import check_indexes, check_record_hook, example_record
from hubkit.testing.registering import registering
from hubkit.testing.sources import check_source
from hubkit.testing.suites import check_suite
from hubkit.testing.tasks import check_task
from hubkit.testing.tiny import tiny_core

__all__ = [
    "CHECKS",
    "ConformanceError",
    "check_command",
    "check_exporter",
    "check_indexes",
    "check_languages",
    "check_method",
    "check_objective",
    "check_plugin",
    "check_record_hook",
    "check_source",
    "check_suite",
    "check_task",
    "example_record",
    "offline",
    "registering",
    "tiny_core",
]
CHECKS = {
    "register_languages": check_languages,
    "register_sources": check_source,
    "register_objectives": check_objective,
    "register_methods": check_method,
    "register_tasks": check_suite,
    "register_exporters": check_exporter,
    "register_indexes": check_indexes,
    "register_commands": check_command,
    "check_record": check_record_hook,
}
"""Hook → the check of what it gives; ``register_tasks`` takes suites, and tasks, which :func:`check_task` checks."""
