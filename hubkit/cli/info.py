"""``hubkit info``: all about an installed adapter, or which adapters serve a language and why."""

from __future__ import annotations

import json
import re
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from hubkit.errors import UsageError

if TYPE_CHECKING:
    from rich.table import Table

    from hubkit.adapter.manifest import Manifest
    from hubkit.composition.candidates import Candidate, Evidence
    from hubkit.composition.planner import Plan
    from hubkit.registry.installed import Installed

COLOURS = {"helps": "green", "harms": "red", "needless": "dim", "unclear": "dim"}


@click.command()
@click.argument("adapter", metavar="[NAME[@SPEC]]", required=False)
@click.option("-l", "--language", metavar="TAG", help="Say which adapters serve this language, and why.")
@click.option("--core", metavar="NAME|FOLDER", help="With --language: plan for this core.  [default: e5-small]")
@click.option("--html", type=click.Path(dir_okay=False, path_type=Path), help="Write the report to this HTML file.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def info(adapter: str | None, language: str | None, core: str | None, html: Path | None, as_json: bool) -> None:
    """Show an installed adapter (lang-rw, lang-rw@0.1.0, lang-rw@>=0.1), or the plan for a language.

    Of an adapter: its versions, what was measured, what it needs, its licence, size, core and training data. Of a
    language: the recipe that `hubkit encode -l TAG` would use, and the reason for and against each adapter.
    finding-sw shows a published result without an adapter.
    """
    if (adapter is None) == (language is None):
        raise UsageError("hubkit info takes an adapter or a language.", "Give NAME, such as lang-rw, or -l TAG.")
    if core is not None and language is None:
        raise UsageError("--core goes with --language.", "Leave it out: the adapter says which core it is for.")
    if html is not None and adapter is None:
        raise UsageError("--html goes with an adapter.", "Give NAME, such as lang-rw.")
    if language is not None:
        _language(language, core, as_json)
    elif str(adapter).startswith("finding-"):
        from hubkit.cli.finding import show_finding

        show_finding(str(adapter), as_json)
    else:
        _adapter(str(adapter), html, as_json)


def _language(language: str, core: str | None, as_json: bool) -> None:
    from hubkit.composition.candidates import candidates_for
    from hubkit.composition.planner import plan
    from hubkit.core.checkpoint import DEFAULT_CORE
    from hubkit.languages import find

    asked = find(language)
    found = plan(asked, candidates_for(asked), _fingerprint(core or DEFAULT_CORE))
    if as_json:
        click.echo(json.dumps(found.to_data(), ensure_ascii=False, indent=2))
    else:
        _print_plan(found)


def _fingerprint(core: str) -> str:
    """A known core's pinned fingerprint; another one is opened."""
    from hubkit.core.checkpoint import catalogue, open_core

    known = catalogue().get(core)
    return str(known["fingerprint"]) if known else open_core(core).fingerprint


def _print_plan(found: Plan) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    language = found.language
    table = Table(title=f"{language.name} ({language.tag})")
    for heading in ("", "adapter", "reason"):
        table.add_column(heading)
    for reason in found.steps:
        style = "green" if reason.chosen else "dim"
        table.add_row(
            *(Text(cell, style=style) for cell in ("✓" if reason.chosen else "–", reason.subject, reason.text))
        )
    console = Console(highlight=False)
    console.print(table)
    console.print(Text(f"Recipe: {found.recipe or 'core'}"), soft_wrap=True)
    if found.recipe is None and not found.own_is_here and not found.core_is_good:
        console.print(Text(f"To train an adapter: hubkit add-language {language.tag}"), soft_wrap=True)


def _adapter(reference: str, html: Path | None, as_json: bool) -> None:
    from hubkit.composition.candidates import candidate_of
    from hubkit.registry.installed import find_installed, list_installed

    name, spec = _name_and_spec(reference)
    installed = find_installed(name, spec)
    versions = [other for other in list_installed() if other.name == name]
    manifest, candidate = installed.manifest, candidate_of(installed)
    assert manifest is not None, "a broken version is never chosen"
    if html is not None:
        _write_page(installed, html)
    if as_json:
        click.echo(json.dumps(_data(installed, manifest, candidate, versions), ensure_ascii=False, indent=2))
    else:
        _print_adapter(installed, manifest, candidate, versions)


def _write_page(installed: Installed, path: Path) -> None:
    from hubkit.evaluation.html import write_html
    from hubkit.evaluation.report import read_report

    write_html(read_report(installed.folder / "report.json"), path)
    click.echo(f"Wrote {path}", err=True)


def _name_and_spec(reference: str) -> tuple[str, str | None]:
    """``lang-rw@0.1.0`` → (``lang-rw``, ``==0.1.0``), ``lang-rw@>=0.1`` → (``lang-rw``, ``>=0.1``)."""
    from hubkit.adapter.manifest import is_adapter_name

    found = re.fullmatch(r"([A-Za-z0-9-]+)(?:@?([=<>!~].*)|@([^=<>!~].*))?", reference.strip())
    if found is None or not is_adapter_name(found[1]):
        raise UsageError(
            f"{reference!r} is not the name of an adapter.",
            "Names look like lang-rw or lang-rw@0.1.0; for a language: hubkit info -l TAG.",
        )
    return found[1], found[2] or (f"=={found[3]}" if found[3] else None)


def _data(installed: Installed, manifest: Manifest, candidate: Candidate, versions: list[Installed]) -> dict[str, Any]:
    evidence = [asdict(found) | {"verdict": found.verdict} for found in candidate.evidence]
    return {
        "name": manifest.name,
        "version": manifest.version,
        "folder": str(installed.folder),
        "size": _size(manifest),
        "versions": [{"version": other.version, "error": other.error} for other in versions],
        "evidence": evidence,
        "no_evidence": candidate.note,
        "manifest": manifest.model_dump(mode="json"),
    }


def _size(manifest: Manifest) -> int:
    """Bytes of all files that the manifest lists."""
    return sum(file.size for file in manifest.files)


def _print_adapter(installed: Installed, manifest: Manifest, candidate: Candidate, versions: list[Installed]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console(highlight=False)
    facts = Table(title=f"{manifest.name} {manifest.version}", show_header=False)
    facts.add_column(no_wrap=True)
    facts.add_column(overflow="fold")
    for label, value in (*_facts(installed, manifest), ("versions", _versions(versions))):
        facts.add_row(label, Text(value))
    console.print(facts)
    console.print(_data_table(manifest))
    if candidate.evidence:
        console.print(_evidence_table(candidate.evidence))
    else:
        console.print(Text(f"Nobody knows whether it helps: {candidate.note or 'nothing was compared'}."))


def _facts(installed: Installed, manifest: Manifest) -> tuple[tuple[str, str], ...]:
    languages = ", ".join(f"{language.name} ({language.bcp47})" for language in manifest.languages)
    needed = ", ".join(f"{one.name}{one.spec} ({one.role})" for one in manifest.dependencies)
    cost = manifest.compute
    return (
        ("kind", manifest.kind),
        ("languages", languages),
        ("family", manifest.family or "-"),
        ("method", f"{manifest.method}, scaling {manifest.scaling:g}, strength {manifest.strength:g}"),
        ("core", f"{manifest.core.id} {manifest.core.fingerprint}"),
        ("needs", needed or "no other adapter"),
        ("licence", manifest.license),
        ("size", f"{_size(manifest) / 2**20:.1f} MiB in {len(manifest.files)} files"),
        ("trained", f"{cost.seconds:.0f} s on {cost.device}, seeds {', '.join(map(str, manifest.seeds)) or '-'}"),
        ("made", f"{manifest.created:%Y-%m-%d} by hubkit {manifest.hubkit}"),
        ("folder", str(installed.folder)),
    )


def _versions(versions: list[Installed]) -> str:
    return ", ".join(f"{other.version} (broken)" if other.error else other.version for other in versions)


def _data_table(manifest: Manifest) -> Table:
    from rich.markup import escape
    from rich.table import Table

    table = Table(title="training data")
    for heading, justify in (("source", "left"), ("pairs", "right"), ("languages", "right"), ("licence", "left")):
        table.add_column(heading, justify=justify)  # type: ignore[arg-type]
    table.add_column("origin")
    for row in manifest.training_data:
        cells = (row.source, f"{row.pairs:,}", str(len(row.languages)), row.license, row.origin)
        table.add_row(*map(escape, cells))
    return table


def _evidence_table(evidence: tuple[Evidence, ...]) -> Table:
    """Changes of R@1 against the core, with 95 % intervals."""
    from rich.table import Table
    from rich.text import Text

    table = Table(title="measured: R@1 of the core, and what the adapter changes")
    for heading in ("language", "suite", "n", "core", "raw", "centred", "conclusion"):
        table.add_column(heading, justify="right" if heading in ("n", "core") else "left")
    for found in evidence:
        core = "-" if found.core is None else f"{found.core:.2f}"
        changes = (str(change or "-") for change in (found.raw, found.centred))
        conclusion = found.conclusion or "unrelated language"
        cells = (found.language, found.suite, str(found.n), core, *changes)
        table.add_row(*map(Text, cells), Text(conclusion, style=COLOURS[found.verdict]))
    return table
