"""A run writes its report as a page beside the adapter, with the learning curve and where the data came from."""

from __future__ import annotations

from hubkit.settings import settings
from hubkit.training.recipe import Recipe
from hubkit.workflows.add_language import Request, add_language
from hubkit.workflows.publishable import report_page

RECIPE = Recipe(method="seq_bn", hyperparameters={"reduction_factor": 4}, batch_size=8)


def test_the_page_lies_beside_the_adapter_and_has_its_curve_and_data(bert):
    outcome = add_language(Request("rw", "20steps", str(bert.folder), recipe=RECIPE, controls=False))
    report, page = outcome.report, report_page(outcome.installed)
    assert page == settings().reports / "lang-rw-0.1.0" / "report.html"
    text = page.read_text("utf-8")
    assert "Learning curve" in text and "estimated" in text and "lang-rw 0.1.0" in text
    assert report.learning_curve[-1].step == 20 and report.learning_curve[0].loss > 0
    used = report.corpus["used: libreoffice"]
    assert used["license"] == "CC0-1.0" and used["origin"] and used["pairs"] > 0
    assert "What was trained on, by source" in text
    assert "page" not in {file.stem for file in outcome.installed.folder.iterdir()}
    assert not list(outcome.installed.folder.glob("*.html"))
