"""An ablation on a toy world and a tiny core."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from hubkit.core import Core
from hubkit.durable import locked
from hubkit.errors import HubkitError, NotFoundError, UsageError
from hubkit.registry.installed import install_folder, list_installed
from hubkit.settings import settings
from hubkit.training.loop import Progress
from hubkit.workflows import ablate, ablation_grid
from hubkit.workflows.ablate import collected, duration, prepare, run
from hubkit.workflows.ablation_plan import Plan, read_plan
from hubkit.workflows.events import Silent

MakePlan = Callable[..., Plan]


@pytest.fixture
def write(tmp_path: Path, toy: SimpleNamespace) -> Callable[[str, str, range], str]:
    def file(name: str, tag: str, numbers: range) -> str:
        english = [toy.sentence(number, "their") for number in numbers]
        path = tmp_path / name
        path.write_text("".join(f"{toy.foreign(text, tag)}\t{text}\n" for text in english))
        return str(path)

    return file


@pytest.fixture
def plan(bert: Core, tmp_path: Path, write: Callable[[str, str, range], str]) -> MakePlan:
    dev = {tag: [write(f"dev-{tag}.tsv", tag, range(500, 560))] for tag in ("rw", "sn")}

    def make(**changes: Any) -> Plan:
        content = {
            "core": str(bert.folder),
            "base": {"hyperparameters": {"reduction_factor": 4}, "batch_size": 8},
            "arms": {"plain": {}, "fast": {"learning_rate": 0.01}},
            "control": "plain",
            "languages": ["rw", "sn"],
            "budget": "4steps",
            "development": dev,
            "strengths": [1.0],
            **changes,
        }
        path = tmp_path / "plan.json"
        path.write_text(json.dumps(content))
        return read_plan(path)

    return make


class Counting(Silent):
    """Counts the steps that were trained."""

    def __init__(self) -> None:
        self.steps = 0
        self.notes: list[str] = []

    def training(self, progress: Progress) -> None:
        self.steps += 1

    def note(self, text: str) -> None:
        self.notes.append(text)


def test_every_arm_is_trained_for_every_language_and_on_the_wrong_family(plan: MakePlan):
    counting = Counting()
    grid = prepare(plan())
    assert [cell.name for cell in grid.cells] == [
        "plain/right/rw/0", "plain/right/sn/0", "fast/right/rw/0", "fast/right/sn/0",
        "plain/wrong/turkic/0", "fast/wrong/turkic/0",
    ]  # fmt: skip
    ablation = run(grid, counting)
    assert counting.steps == 6 * 4
    assert not ablation.missing and not list_installed()
    rows = {(row.arm, row.view): row for row in ablation.table.rows}
    assert set(rows) == {(arm, view) for arm in ("plain", "fast") for view in ("raw", "centred")}
    assert rows["plain", "raw"].over_control is None
    assert rows["fast", "raw"].over_control is not None and rows["fast", "raw"].own is not None
    assert rows["fast", "raw"].groups == 2
    json.dumps(ablation.as_dict())


def test_a_finished_cell_is_found_again_and_a_changed_one_is_run(plan: MakePlan):
    run(prepare(plan(controls=False)))
    counting = Counting()
    run(prepare(plan(controls=False)), counting)
    assert counting.steps == 0
    run(prepare(plan(controls=False, arms={"plain": {}, "fast": {"learning_rate": 0.02}})), counting)
    assert counting.steps == 2 * 4


def test_an_arm_of_larger_steps_can_have_fewer_of_them(plan: MakePlan):
    counting = Counting()
    arms: dict[str, Any] = {"plain": {}, "large": {"batch_size": 16, "budget": "2steps"}}
    ablation = run(prepare(plan(arms=arms, controls=False)), counting)
    assert {(cell["arm"], cell["steps"]) for cell in ablation.cells} == {("plain", 4), ("large", 2)}
    assert counting.steps == 2 * 4 + 2 * 2
    assert len({cell["sentences"] for cell in ablation.cells}) == 1
    assert not run(prepare(plan(controls=False, arms=arms, budget="4 steps")), counting).missing
    assert counting.steps == 2 * 4 + 2 * 2
    with pytest.raises(UsageError, match="2min is a time"):
        plan(arms={"plain": {}, "large": {"budget": "2min"}})


def test_a_recipe_with_patience_goes_by_pairs_that_are_not_scored_on(plan: MakePlan):
    arms: dict[str, Any] = {"plain": {}, "patient": {"patience": 1}}
    grid = prepare(plan(arms=arms, controls=False, budget="160steps", development_pairs=30))
    assert [(len(test), len(seen)) for test, seen in zip(grid.tests, grid.watched, strict=True)] == [(30, 30)] * 2
    assert all(not set(test.texts) & set(seen.texts) for test, seen in zip(grid.tests, grid.watched, strict=True))
    cells = {cell["arm"]: cell["steps"] for cell in run(grid).cells}
    assert cells["patient"] < cells["plain"] == 160
    with pytest.raises(UsageError, match="beside the 50 that are scored on"):
        prepare(plan(arms=arms, controls=False, development_pairs=50))
    seen = plan().development
    text = {"languages": ["rw"], "development": {}, "suites": [*seen["rw"]]}
    with pytest.raises(UsageError, match="of patient/right/rw/0 goes by development text, and there is none"):
        prepare(plan(arms=arms, controls=False, **text))


def test_a_cell_that_another_plan_made_is_called_as_this_plan_calls_it(plan: MakePlan):
    families = {"right": ["rw"], "wrong": ["sn"]}
    before = run(prepare(plan(arms={"plain": {}}, families=families)))
    counting = Counting()
    swapped = {"right": ["sn"], "wrong": ["rw"]}
    after = run(prepare(plan(arms={"usual": {}}, control="usual", families=swapped)), counting)
    assert counting.steps == 0
    assert {cell["cell"] for cell in after.cells} == {"usual/right/shared/0", "usual/wrong/wrong/0"}
    own = [[row.own.value for row in each.table.rows if row.own is not None] for each in (before, after)]
    assert own[0] and sorted(own[0]) == sorted(-value for value in own[1])


def test_the_result_does_not_depend_on_being_interrupted(plan: MakePlan, monkeypatch: pytest.MonkeyPatch):
    whole = run(prepare(plan(controls=False))).as_dict()["rows"]
    monkeypatch.setenv("HUBKIT_HOME", str(settings().home) + "-2")

    class Impatient(Counting):
        def training(self, progress: Progress) -> None:
            super().training(progress)
            if self.steps == 6:
                raise KeyboardInterrupt

    impatient, counting = Impatient(), Counting()
    with pytest.raises(KeyboardInterrupt):
        run(prepare(plan(controls=False)), impatient)
    ablation = run(prepare(plan(controls=False)), counting)
    assert counting.steps == 4 * 4 - 6
    assert any("resuming plain/right/sn/0 at step 2" in note for note in counting.notes)
    finished = {cell["cell"]: cell for cell in ablation.cells}
    assert finished["plain/right/sn/0"]["resumed"] and not finished["plain/right/rw/0"]["resumed"]
    assert [row["arm"] for row in ablation.as_dict()["rows"]] == [row["arm"] for row in whole]


def test_a_checkpoint_of_other_code_is_not_continued(plan: MakePlan, monkeypatch: pytest.MonkeyPatch):
    class Impatient(Counting):
        def training(self, progress: Progress) -> None:
            if progress.step == 2:
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(prepare(plan(controls=False)), Impatient())
    monkeypatch.setattr(ablate, "code_digest", lambda objective: "another")
    counting = Counting()
    run(prepare(plan(controls=False)), counting)
    assert counting.steps == 4 * 4
    assert any("other code" in note for note in counting.notes)


def test_results_of_other_code_are_named_and_made_again_on_demand(plan: MakePlan, monkeypatch: pytest.MonkeyPatch):
    run(prepare(plan(controls=False)))
    for module in (ablate, ablation_grid):
        monkeypatch.setattr(module, "code_digest", lambda objective: "another")
    assert "4 cells were made by other training code" in run(prepare(plan(controls=False))).warnings[0]
    counting = Counting()
    assert not run(prepare(plan(controls=False)), counting, fresh=True).warnings
    assert counting.steps == 4 * 4


def test_one_shared_adapter_is_judged_on_languages_it_was_not_trained_on(plan: MakePlan):
    grid = prepare(plan(families={"right": ["rw", "lg"], "wrong": ["tr", "az"]}))
    assert [cell.name for cell in grid.cells] == [
        f"{arm}/{role}/{subject}/0"
        for role, subject in (("right", "shared"), ("wrong", "wrong"))
        for arm in ("plain", "fast")
    ]
    rows = run(grid).table.rows
    assert {(row.languages, row.groups) for row in rows} == {("trained", 1), ("held out", 1)}


def test_languages_of_the_controls_are_not_among_those_held_out(plan: MakePlan):
    rows = run(prepare(plan(families={"right": ["rw", "lg"], "wrong": ["sn", "az"]}))).table.rows
    assert {(row.languages, row.groups) for row in rows} == {("trained", 1), ("wrong family", 1)}


def test_nothing_that_is_scored_on_is_trained_on(plan: MakePlan, write: Callable[[str, str, range], str]):
    files = {"rw": [write("mine.tsv", "rw", range(500, 620))]}
    grid = prepare(plan(languages=["rw"], development={"rw": files["rw"]}, sources=[], relatives=False,
                        extra_data=files, development_pairs=40, controls=False))  # fmt: skip
    tested = set(grid.tests[0].english)
    for cell in grid.cells:
        english = {pair.english for pair in cell.pairs["rw"]}
        assert len(tested) == 40 and english and not tested & english


def test_a_pattern_chooses_cells_and_the_table_has_what_there_is(plan: MakePlan):
    grid = prepare(plan())
    ablation = run(grid, pattern="plain/*")
    assert {row.arm for row in ablation.table.rows} == {"plain"}
    assert set(ablation.missing) == {"fast/right/rw/0", "fast/right/sn/0", "fast/wrong/turkic/0"}
    assert duration(grid, grid.cells) > 0  # by a probe, which leaves no result
    assert all(grid.result(cell) is None for cell in grid.cells if cell.arm == "fast")
    assert duration(grid, [cell for cell in grid.cells if cell.arm == "plain"]) == 0
    with pytest.raises(NotFoundError, match="named like plain/right/rw/0"):
        run(grid, pattern="slow/*")


def test_an_arm_may_stand_on_an_installed_adapter_or_begin_at_one(bert, make_adapter, save, plan: MakePlan):
    family = make_adapter(bert, "seq_bn", seed=2, name="fam-bantu", leave_out=[0])
    install_folder(save(family, bert, kind="family"))
    arms = {"plain": {}, "over": {"under": "fam-bantu"}, "from": {"warm_start": "fam-bantu"}}
    grid = prepare(plan(arms=arms, controls=False))
    ablation = run(grid)
    assert not ablation.missing
    losses = {cell["arm"]: cell["loss"] for cell in ablation.cells if cell["subject"] == "rw"}
    assert len(set(losses.values())) == 3
    assert len({grid.key(cell) for cell in grid.cells}) == 6
    newer = make_adapter(bert, "seq_bn", seed=3, name="fam-bantu", leave_out=[0])
    install_folder(save(newer, bert, kind="family", version="0.2.0"))
    assert set(collected(prepare(grid.plan)).missing) == {
        f"{arm}/right/{tag}/0" for arm in ("over", "from") for tag in ("rw", "sn")
    }


def test_the_core_itself_or_lora_of_peft_may_learn(plan: MakePlan):
    networks = {"plain": {}, "all": {"network": "full"}, "peft": {"network": "peft-lora"}}
    grid = prepare(plan(arms=networks, controls=False, strengths=[0.5, 1.0]))
    ablation = run(grid)
    sizes = {cell["arm"]: cell["parameters"] for cell in ablation.cells}
    assert sizes["all"] > sizes["peft"] > 0 and not ablation.missing
    assert len({grid.key(cell) for cell in grid.cells}) == 6
    assert {(row.arm, row.strength) for row in ablation.table.rows} == {
        (arm, s) for arm in networks for s in (0.5, 1.0)
    }
    with pytest.raises(UsageError, match="on the core alone"):
        plan(arms={"plain": {"network": "full", "under": "fam-bantu"}})


def test_a_cell_of_another_process_is_left_to_it(plan: MakePlan):
    grid, counting = prepare(plan(controls=False)), Counting()
    with locked(grid.path(grid.cells[0]).with_suffix(".lock"), "The cell"):
        ablation = run(grid, counting)
    assert ablation.missing == ("plain/right/rw/0",)
    assert any("is being written by process" in note for note in counting.notes)


def test_a_full_disk_leaves_finished_cells(plan: MakePlan, monkeypatch: pytest.MonkeyPatch):
    written = ablate.write_json

    def full(path: Path, value: Any) -> None:
        if value["cell"] == "fast/right/rw/0":
            raise OSError(28, "No space left on device", str(path))
        written(path, value)

    core = ablate._core
    monkeypatch.setattr(ablate, "write_json", full)
    with pytest.raises(OSError, match="No space left"):
        run(prepare(plan(controls=False)))
    monkeypatch.setattr(ablate, "write_json", written)
    monkeypatch.setattr(ablate, "_core", core)
    assert len(collected(prepare(plan(controls=False))).cells) == 2


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"armz": {}}, "unknown key armz.* Did you mean arms"),
        ({"arms": {"plain": {"batchsize": 8}}}, "arm plain has the unknown key batchsize.* Did you mean batch_size"),
        ({"base": {"learning_rat": 1}}, "base has the unknown key learning_rat"),
        ({"arms": {"plain": {"batch_size": "many"}}}, "arm plain: batch_size: .*'many'"),
        ({"control": "none"}, "control 'none' is none of the arms"),
        ({"budget": "90s"}, "is a time"),
        ({"budget": "0steps"}, "is not a budget"),
        ({"seeds": [1, 1]}, "seeds has the same value twice"),
        ({"strengths": [0.0]}, "strengths"),
        ({"languages": []}, "languages"),
        ({"development": {}}, "nothing to score on"),
        ({"arms": {"a/b": {}}, "control": "a/b"}, "cannot be named"),
    ],
)
def test_a_wrong_plan_is_refused_before_anything_is_read(plan: MakePlan, changes: dict[str, Any], said: str):
    with pytest.raises(UsageError, match=said):
        plan(**changes)


@pytest.mark.parametrize(
    ("changes", "error", "said"),
    [
        ({"languages": ["rw", "sn", "lg"]}, NotFoundError, "score lg on"),
        ({"languages": ["rw"]}, UsageError, "development text in sn"),
        ({"suites": ["no-such-suite"]}, NotFoundError, "no-such-suite"),
        ({"sources": ["no-such-source"]}, UsageError, "no-such-source"),
        ({"extra_data": {"rw": ["no-such-file.tsv"]}}, NotFoundError, "no-such-file"),
        ({"sources": [], "relatives": False}, NotFoundError, "No source has text"),
        ({"arms": {"plain": {"method": "no-such-method"}}}, HubkitError, "no-such-method"),
        ({"arms": {"plain": {"objective": "no-such-objective"}}}, HubkitError, "no-such-objective"),
    ],
)
def test_what_is_not_there_is_said_before_training(
    plan: MakePlan, changes: dict[str, Any], error: type[Exception], said: str
):
    class NoTraining(Silent):
        def training(self, progress: Progress) -> None:
            pytest.fail("it trained")

    with pytest.raises(error, match=said):
        run(prepare(plan(**changes)), NoTraining())
