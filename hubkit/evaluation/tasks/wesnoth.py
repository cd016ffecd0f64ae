"""The suite ``wesnoth``: narration, dialogue and help of a fantasy game, up to 1,000 sentences in some 50 languages."""

from __future__ import annotations

from hubkit.evaluation.tasks.catalogue import CatalogueSuite

PACKAGES = ("wesnoth-1.18-data", "wesnoth-1.16-data")  # what Debian 13 and 12 have


def wesnoth() -> CatalogueSuite:
    """Texts of The Battle for Wesnoth, mostly European languages; the package is large (150 MB)."""
    return CatalogueSuite("wesnoth", PACKAGES, "GPL-2.0-or-later", "prose", "full")
