"""The suite ``tuxpaint``: what a drawing program says to children, some 100 short sentences in 120 languages."""

from __future__ import annotations

from hubkit.evaluation.tasks.catalogue import CatalogueSuite


def tuxpaint() -> CatalogueSuite:
    """Explanations of tools and shapes, from Tux Paint's translators."""
    return CatalogueSuite("tuxpaint", ["tuxpaint-data"], "GPL-2.0-or-later", "interface", "standard")
