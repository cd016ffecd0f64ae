from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from hubkit.evaluation.html import render_html, write_html
from hubkit.evaluation.report import LearningPoint, Pooled, Report, SeedScore
from hubkit.evaluation.task_result import Gate, PlanInfo, Stratum, TaskGain, TaskResult

HOSTILE = "</title><script>alert(1)</script><img src=x onerror=alert(1)>\"'{{ 7*7 }}&amp;"
VOID = {"meta", "br", "img"}


class Page(HTMLParser):
    """Checks that tags are closed in their order, and keeps tags, attributes, ids and the text."""

    def __init__(self, page: str) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(page)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self.text += " "
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]


@pytest.fixture
def full(report: Report) -> Report:
    """The report with a learning curve, seeds and a corpus as a run writes it."""
    curve = [LearningPoint(step=step, loss=2 / step, scores={"dev": step / 10}) for step in (1, 2, 3)]
    corpus: dict[str, Any] = {
        "mediawiki": {"in no earlier source": 5, "raw": 1234, "distinct": 7, "plain": 9},
        "used: mediawiki": {"pairs": 5, "license": "GPL-2.0-or-later", "origin": "a package", "languages": 2},
        "training: rw": {"sentences": 4, "share": 0.25},
        "taken out for meeting a suite": {"pairs": 3},
    }
    seeds = [SeedScore(seed=0, raw=0.4, centred=0.5), SeedScore(seed=1, raw=0.45, centred=0.52)]
    return report.model_copy(update={"learning_curve": curve, "corpus": corpus, "seed_scores": seeds})


def task_result(task: str = "sts", **changes: Any) -> TaskResult:
    gain = TaskGain(control="core", value=0.12, ci95=(0.02, 0.22), n=50, minimum_detectable=0.1, p=0.01, p_holm=0.03,
                    verdict="gain")  # fmt: skip
    other = gain.model_copy(update={"control": "wrong-family", "verdict": "within noise", "p_holm": None})
    stratum = Stratum(kind="length", label="short", n=20, values={"core": 0.3, "adapter": 0.5}, over_core=gain)
    content: dict[str, Any] = {
        "task": task, "metric": "Spearman", "view": "raw", "language": "rw", "main": True, "higher_is_better": True,
        "n": 50, "values": {"core": 0.4, "adapter": 0.52}, "gains": [gain, other], "strata": [stratum],
    }  # fmt: skip
    return TaskResult.model_validate({**content, **changes})


@pytest.fixture
def with_tasks(full: Report) -> Report:
    """The report with tasks in a language and over several, of shares and of another unit."""
    far = TaskGain(control="core", value=-12.5, ci95=(-20, -3), n=50, minimum_detectable=9, p=0.2, verdict="loss")
    tasks = [
        task_result(),
        task_result(view="centred"),
        task_result("perplexity", metric="nats", higher_is_better=False, gains=[far], strata=[]),
        task_result("sts", metric="Pearson", main=False, gains=[], strata=[]),
        task_result(language="mul", languages=["rw", "lg"], values={"core": 0.1, "adapter": 0.2, "ridge": 0.3}),
    ]
    plan = PlanInfo(level="standard", tasks=["sts"], controls=["core"], skipped={"mteb": "it is not installed."},
                    unavailable={"relative": "there is none"}, comparisons="Holm over 3 comparisons")  # fmt: skip
    gate = Gate(passed=True, label="own gain", reasons=["It gains.", "It harms nothing."])
    return full.model_copy(update={"tasks": tasks, "plan": plan, "gate": gate})


def test_tasks_strata_plan_and_gate_are_shown(with_tasks: Report) -> None:
    html = render_html(with_tasks)
    text = " ".join(Page(html).text.split())
    for part in (
        "mean over rw, lg", "Spearman, raw", "+.12 [.02, .22]", "0.03", "length: short 20 .300 .500", "ridge",
        "nats, raw (less is better)", "−12.50", "Task mteb was not run: it is not installed.",
        "Control relative is not there: there is none", "Holm over 3 comparisons", "An index takes it: own gain.",
        "It harms nothing.", "Pearson, raw", "wrong-family", "within noise",
    ):  # fmt: skip
        assert part in text, part
    assert text.index("mean over rw, lg") < text.index("nats, raw")


def test_a_metric_of_another_unit_is_in_the_table_but_not_in_the_plot(with_tasks: Report) -> None:
    plots = re.findall(r"<svg.*?</svg>", render_html(with_tasks), re.DOTALL)
    shown = [plot for plot in plots if "gain over the core by task, rw" in plot]
    assert len(shown) == 1 and "sts, Spearman" in shown[0] and "perplexity" not in shown[0]
    assert shown[0].count('class="interval raw"') == shown[0].count('class="interval centred"') == 1


def test_means_over_languages_are_shown(full: Report) -> None:
    over = full.gains[0].raw
    pooled = Pooled(
        name="held out", suite="udhr", languages=["rn", "lg"], core={"raw": 0.3, "centred": 0.4},
        adapter={"raw": 0.35, "centred": 0.45}, over_core={"raw": over, "centred": over},
        own={"raw": over, "centred": over},
    )  # fmt: skip
    page = Page(render_html(full.model_copy(update={"pooled": [pooled]})))
    assert "held out rn, lg" in " ".join(page.text.split()) and len(page.all("svg")) == 7


def hostile(value: Any) -> Any:
    """The same data with a hostile text in the place of every free text."""
    if isinstance(value, dict):
        return {key if key in FIELDS else f"{HOSTILE}{key}": hostile(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [hostile(inner) for inner in value]
    if isinstance(value, str) and value not in KEPT:
        return HOSTILE
    return value


FIELDS: set[str] = set()
KEPT = {
    "gain", "loss", "within noise", "own gain", "generic gain", "unattributed gain", "centring suffices",
    "no measurable gain", "no adapter needed", "core", "adapter", "random", "wrong-family", "raw", "centred",
    "standard",
}  # fmt: skip


def fields(model: Any) -> None:
    """Collects the names of all fields of the report's models, which are no free text."""
    if isinstance(model, dict):
        for key, inner in model.items():
            FIELDS.add(key)
            fields(inner)
    elif isinstance(model, list):
        for inner in model:
            fields(inner)


def test_the_page_says_what_the_report_says(full: Report) -> None:
    text = " ".join(Page(render_html(full)).text.split())
    for part in (
        *full.sentences, *full.warnings, full.suite.origin, "lang-rw 0.1.0", "wrong-family", "estimated: wall time",
        "1 Wh", "2.00 GiB", "3.7 min", "CPU, 2 cores", "django", "0.5 → .400", "1,234",
        full.core.fingerprint, "R@1 with seed 1 .450 raw, .520 centred", "GPL-2.0-or-later",
    ):  # fmt: skip
        assert part in text, part


def test_the_conclusion_comes_first(full: Report) -> None:
    page = render_html(full)
    said = next(sentence for sentence in full.sentences if sentence.startswith("In short: "))
    conclusion = said.removeprefix("In short: ")
    shown = re.search(r'<p class="conclusion.*?">(.*?)</p>', page, re.DOTALL)
    assert shown is not None and shown.start() < page.index("<h2")
    assert conclusion[1:] in Page(shown[1]).text


def test_it_needs_nothing_from_elsewhere(full: Report) -> None:
    page = Page(render_html(full))
    assert not page.all("script") and not page.all("link") and not page.all("img")
    for tag, attributes in page.tags:
        assert not {"src", "href", "onload", "style"} & set(attributes), tag
    (policy,) = [each for each in page.all("meta") if "http-equiv" in each]
    assert str(policy["content"]).startswith("default-src 'none'")


def test_tables_and_plots_can_be_read_aloud(full: Report) -> None:
    page = Page(render_html(full))
    assert page.all("html")[0]["lang"] == "en"
    assert len(page.all("caption")) == len(page.all("table")) > 5
    assert all(each["scope"] in {"row", "col"} for each in page.all("th"))
    ids = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    for plot in page.all("svg"):
        assert plot["role"] == "img" and plot["aria-labelledby"] in ids
    assert len(page.all("svg")) == 6  # two suites, damage, loss, development score, strength


def test_nothing_hostile_gets_through(with_tasks: Report) -> None:
    fields(with_tasks.model_dump(mode="json"))
    data = hostile(with_tasks.model_dump(mode="json"))
    for key in ("corpus", "provenance"):
        data[key] = {f"{HOSTILE} {name}": row for name, row in data[key].items()}
    for evaluation in (data, *data["further"]):
        for gain, system in zip(evaluation["gains"], evaluation["systems"], strict=False):
            assert gain["control"] in KEPT and system["name"] in KEPT
    page = render_html(Report.model_validate(data))
    parsed = Page(page)
    assert not parsed.all("script") and not parsed.all("img")
    assert "{{ 7*7 }}" in parsed.text and "<script>" not in page
    assert page.count("&lt;script&gt;") > 30
    for _, attributes in parsed.tags:
        assert not any(name.startswith("on") for name in attributes)


def test_a_report_with_little_in_it(report: Report) -> None:
    bare = report.model_copy(
        update={
            "damage": None, "cost": None, "seeds": [], "further": [], "strength_curve": [], "corpus": {}, "gains": [],
            "overlap": None, "warnings": [], "conclusion": "not compared",
        }
    )  # fmt: skip
    page = Page(render_html(bare))
    assert "Not recorded." in page.text and not page.all("svg")


def test_cleaning_steps_are_in_their_order_whatever_the_file_has(full: Report) -> None:
    page = render_html(full)
    table = page[page.index("left after each step") :]
    heads = re.findall(r'<th scope="col" class="n">(.*?)</th>', table[: table.index("</thead>")])
    assert heads == ["raw", "plain", "distinct", "in no earlier source"]


def test_the_same_report_gives_the_same_page_and_it_is_written_whole(full: Report, tmp_path: Path) -> None:
    write_html(full, tmp_path / "deep" / "report.html")
    assert (tmp_path / "deep" / "report.html").read_text("utf-8") == render_html(full)
