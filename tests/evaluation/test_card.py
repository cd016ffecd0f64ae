from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import pytest
import yaml

from hubkit.evaluation.card import CardFacts, TrainingSource, metadata, render_card
from hubkit.evaluation.report import Report
from hubkit.evaluation.task_result import TaskGain, TaskResult

FACTS = CardFacts(
    name="lang-rw",
    version="0.1.0",
    kind="language",
    languages=("rw",),
    license="Apache-2.0",
    core_prefix="query: ",
    core_pooling="mean",
    base_model="intfloat/multilingual-e5-small",
    family="Bantu",
    training_data=(TrainingSource("mediawiki", "Debian package mediawiki", "GPL-2.0-or-later", 544),),
)


def front(card: str) -> dict[str, object]:
    opening, text, body = card.split("---\n", 2)
    assert opening == "" and body.startswith("\n# lang-rw 0.1.0\n")
    parsed = yaml.safe_load(text)
    assert isinstance(parsed, dict)
    return parsed


def test_front_matter(report: Report) -> None:
    values = front(render_card(report, FACTS))
    assert values["language"] == ["rw"] and values["license"] == "apache-2.0"
    assert values["library_name"] == "adapters" and values["base_model"] == "intfloat/multilingual-e5-small"
    assert {"hubkit", "adapter-transformers"} <= set(values["tags"])  # type: ignore[call-overload]
    assert "datasets" not in values


def test_family_tags_find_it_at_every_level(report: Report) -> None:
    deep = replace(FACTS, family="Atlantic-Congo > Narrow Bantu > Swahili (G.40)")
    tags = metadata(report, deep)["tags"]
    assert [tag for tag in tags if tag.startswith("family:")] == [
        "family:atlantic-congo", "family:narrow-bantu", "family:swahili-g-40",
    ]  # fmt: skip
    assert "family:bantu" in metadata(report, FACTS)["tags"]
    assert not [tag for tag in metadata(report, replace(FACTS, family=None))["tags"] if tag.startswith("family")]


def test_tasks_are_in_the_card(report: Report) -> None:
    gain = TaskGain(control="core", value=0.12, ci95=(0.02, 0.22), n=50, minimum_detectable=0.1, p=0.01, p_holm=0.03,
                    verdict="gain")  # fmt: skip
    task = TaskResult(task="a|b", metric="Spearman", view="raw", language="rw", main=True, higher_is_better=True, n=50,
                      values={"core": 0.4, "adapter": 0.52}, gains=[gain])  # fmt: skip
    other = task.model_copy(update={"task": "no-such-task", "main": False})
    unjudged = task.model_copy(update={"task": "no-such-task", "gains": []})
    card = render_card(report.model_copy(update={"tasks": [task, other, unjudged]}), FACTS)
    assert "| a\\|b | rw | Spearman, raw | 50 | .400 | .520 | +.12 [.02, .22] | 0.03 |" in card
    assert "no-such-task" not in card and "**Tasks**" not in render_card(report, FACTS)


def test_datasets_only_from_the_hub(report: Report) -> None:
    data = (*FACTS.training_data, TrainingSource("flores", "Hub", "CC-BY-SA-4.0", 5, hub_id="org/flores"))
    assert metadata(report, replace(FACTS, training_data=data))["datasets"] == ["org/flores"]


def test_script_goes_to_language_bcp47(report: Report) -> None:
    values = metadata(report, replace(FACTS, languages=("sr-Latn", "hr")))
    assert values["language"] == ["sr", "hr"] and values["language_bcp47"] == ["sr-Latn", "hr"]


@pytest.mark.parametrize(
    ("spdx", "expected"),
    [
        ("MIT", {"license": "mit"}),
        ("GPL-2.0-or-later", {"license": "gpl-2.0"}),
        ("Unicode-3.0", {"license": "other", "license_name": "unicode-3.0"}),
    ],
)
def test_license(report: Report, spdx: str, expected: dict[str, str]) -> None:
    values = metadata(report, replace(FACTS, license=spdx))
    assert {key: value for key, value in values.items() if key.startswith("license")} == expected


def test_values_cannot_break_out_of_the_front_matter(report: Report) -> None:
    nasty = 'x"\n---\ntags: [evil]\n'
    values = front(render_card(report, replace(FACTS, base_model=nasty, dependencies=("fam-bantu >=1",))))
    assert values["base_model"] == nasty and "evil" not in values["tags"]  # type: ignore[operator]


def test_body_has_results_controls_intervals_data_and_cost(report: Report) -> None:
    card = render_card(report, FACTS)
    for sentence in report.sentences:
        assert sentence in card
    for part in ("| wrong-family:", "| random:", "| mediawiki | Debian package mediawiki | GPL-2.0-or-later | 544 |",
                 "3.7 min of wall time on CPU, 2 cores", "hubkit.load(\"rw\")", "model.load_adapter(", "## Limitations",
                 "A warning with \\| and &lt;b>.", "0.5 → .400, 1.0 → .300"):  # fmt: skip
        assert part in card, part
    assert "{{" not in card and "None" not in card


def test_python_in_the_card_compiles(report: Report) -> None:
    blocks = render_card(report, FACTS).split("```python\n")[1:]
    assert len(blocks) == 2
    for block in blocks:
        compile(block.split("```")[0], "card", "exec")


def test_tables_have_even_rows(report: Report) -> None:
    columns = None
    for line in render_card(report, FACTS).splitlines():
        if not line.startswith("|"):
            columns = None
            continue
        cells = line.replace("\\|", "").count("|")
        assert columns in (None, cells), line
        columns = cells


@pytest.mark.parametrize("kind", ["family", "task"])
def test_other_kinds(report: Report, kind: str) -> None:
    card = render_card(report, replace(FACTS, kind=kind, languages=("rw", "rn")))
    assert f"A {kind} adapter" in card and "  on the frozen" not in card


def test_stacked_adapter_has_no_plain_recipe(report: Report) -> None:
    card = render_card(report, replace(FACTS, dependencies=("fam-bantu >=1",)))
    assert "stacked on fam-bantu" in card and "adapters.init" not in card


def test_bare_report(report: Report) -> None:
    bare = report.model_copy(update={"damage": None, "cost": None, "seeds": [], "further": [], "strength_curve": []})
    card = render_card(bare, replace(FACTS, base_model=None, training_data=()))
    assert "Not recorded." in card and "Not stated." in card and "\n\n\n" not in card


def test_same_report_same_card(report: Report) -> None:
    assert render_card(report, FACTS) == render_card(report, FACTS)


def test_facts_of_a_manifest() -> None:
    row = SimpleNamespace(source="s", origin="o", license="MIT", pairs=3)
    manifest = SimpleNamespace(
        name="lang-rw",
        version="0.1.0",
        kind="language",
        languages=(SimpleNamespace(bcp47="rw"),),
        license="MIT",
        core=SimpleNamespace(prefix="query: ", pooling="mean"),
        family=None,
        dependencies=(SimpleNamespace(name="fam-bantu", spec=">=1"),),
        training_data=(row,),
    )
    facts = CardFacts.of(manifest, base_model="a/b")
    assert facts.dependencies == ("fam-bantu >=1",) and facts.base_model == "a/b"
    assert facts.training_data == (TrainingSource("s", "o", "MIT", 3),)
