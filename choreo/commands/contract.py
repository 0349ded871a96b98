"""`choreo contract`: list, show, check, lock, diff. Only `lock` writes, and only the lock file."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from typing import Any

from choreo.commands.contract_checks import Report, check_catalogue, released_in
from choreo.commands.contract_diff import diff_data, diff_text, failing_payloads
from choreo.commands.contract_sides import (
    all_parties,
    catalogues,
    concerned,
    owner_of,
    pick,
    sides_since,
    two_sides,
)
from choreo.commands.report import Findings, Format, format_of, tell
from choreo.commands.speech import out, say, say_safe, wants_colour
from choreo.compat.release import digests_of, write_lock
from choreo.errors import DONE, FAILED, ChoreoError, UsageError
from choreo.loading.catalogue import Catalogue
from choreo.loading.parties import Party
from choreo.render.problems import inert, problem_data, render_problems, summary
from choreo.render.text import one_line


def list_contracts(paths: Sequence[str], *, as_json: bool) -> int:
    """Every contract with its versions, and who emits and accepts it in which spec."""
    parties = all_parties(paths)
    told = [entry for catalogue in catalogues(paths) for entry in _entries(catalogue, parties)]
    if as_json:
        out(json.dumps(told, ensure_ascii=False, indent=2))
        return DONE
    for entry in told:
        owner = f"  owner: {entry['owner']}" if entry["owner"] else ""
        out(one_line(f"{entry['name']}  {' '.join(entry['versions'])}{owner}"))
        for party in entry["parties"]:
            out(one_line(f"  {party['does']:<7}  {party['spec']}: {party['role']} ({party['range']})"))
    if not told:
        say("no contracts yet: they live in schemas/<name>/<version>.json")
    return DONE


def _entries(catalogue: Catalogue, parties: Sequence[Party]) -> list[dict[str, Any]]:
    return [
        {
            "name": name,
            "versions": [contract.version for contract in versions],
            "owner": owner_of(versions[-1]),
            "folder": catalogue.folder,
            "parties": [_party(party) for party in parties if party.contract == name],
        }
        for name, versions in catalogue.contracts.items()
    ]


def _party(party: Party) -> dict[str, str]:
    return {"spec": party.spec, "role": party.role, "does": party.does, "range": party.range, "place": str(party.place)}


def show_contract(named: str, *, as_json: bool) -> int:
    """One version of a contract: its schema, digest, owner, and who uses it."""
    catalogue = catalogues(())[0]
    contract = pick(catalogue, named)
    lock, _ = released_in(catalogue)
    users = concerned(all_parties(()), contract.name, [contract.version])
    locked = lock.get(contract.ref) == contract.digest
    if as_json:
        told = {
            "name": contract.name,
            "version": contract.version,
            "digest": contract.digest,
            "path": contract.place.path,
            "owner": owner_of(contract),
            "locked": locked,
            "parties": [_party(party) for party in users],
            "schema": contract.schema,
        }
        out(json.dumps(told, ensure_ascii=False, indent=2))
        return DONE
    say_safe(f"{contract.ref}  {contract.place.path}  {contract.digest[:19]}  {'locked' if locked else 'not locked'}")
    for party in users:
        say_safe(f"  {party}")
    text = json.dumps(contract.schema, ensure_ascii=False, indent=2)
    out("\n".join(one_line(line) for line in text.split("\n")))
    return DONE


def check_contracts(
    paths: Sequence[str],
    *,
    base: str | None,
    format: Format = "auto",
    as_json: bool = False,
    quiet: bool = False,
    strict: bool = False,
) -> int:
    """Every schema valid, released versions unchanged and locked, every step of a version as large as its change."""
    form = format_of(format, as_json)
    parties = all_parties(paths)
    reports = [check_catalogue(catalogue, parties, base) for catalogue in catalogues(paths)]
    found = Findings(
        checked=tuple((report.folder, report.problems) for report in reports),
        texts={path: text for report in reports for path, text in report.texts.items()},
        strict=strict,
    )
    if form in ("text", "github") and not quiet:
        for line in (line for report in reports for line in report.lines):
            out(inert(one_line(line)))
    steps = [step for report in reports for step in report.steps_data]
    data = {"problems": [problem_data(problem) for problem in found.problems], "steps": steps}
    tell(found, form, told="" if quiet else _told(found, reports, base), data=data)
    return FAILED if any(map(found.fails, found.problems)) else DONE


def _told(found: Findings, reports: Sequence[Report], base: str | None) -> str:
    count = sum(report.count for report in reports)
    against = f" against {one_line(base)}" if base else ""
    told = summary(found.problems) if found.problems else "no problems"
    return f"{count} contract version{'' if count == 1 else 's'} checked{against}: {told}"


def lock_contracts(paths: Sequence[str], *, rewrite: bool) -> int:
    """Write the digest of every version into `schemas/choreo.lock`.

    Where `check` finds an error (a released version has changed, a step is too small) nothing is written,
    unless with `rewrite`, which takes the versions as they are now.
    """
    for catalogue in catalogues(paths):
        problems = catalogue.problems if rewrite else check_catalogue(catalogue, all_parties(paths), None).problems
        broken = [problem for problem in problems if problem.severity == "error"]
        if broken:
            out(render_problems(broken, catalogue.texts, colour=wants_colour(sys.stdout)).rstrip("\n"))
            say_safe(f"{catalogue.lock_path} was left as it is")
            return FAILED
        lock, _ = released_in(catalogue)
        digests = digests_of(catalogue.contracts)
        _write(catalogue.lock_path, write_lock(digests))
        say_safe(f"{catalogue.lock_path}: {len(set(digests) - set(lock))} new, {len(digests)} in all")
    return DONE


def _write(path: str, text: str) -> None:
    """The whole file or nothing."""
    fresh = f"{path}.new-{os.getpid()}"
    try:
        with open(fresh, "w", encoding="utf-8", newline="\n") as file:
            file.write(text)
        os.replace(fresh, path)
    except OSError as error:
        raise ChoreoError(
            "cannot-write", f"cannot write {path}: {error.strerror or error}", "check the folder"
        ) from error


def diff_contracts(
    old: str | None, new: str | None, *, base: str | None, against: str | None, last: int, as_json: bool
) -> int:
    """What changes from OLD to NEW for either side of a handoff; with `against`, also for stored payloads.

    Without `base` both are needed. With it: no name compares all, one name (or file) compares that.
    """
    if base is None and (old is None or new is None):
        raise UsageError("diff-sides", "a diff needs two sides", "OLD NEW (files or name@version), or --base GITREF")
    if base is not None and new is not None:
        raise UsageError("diff-sides", "--base stands for OLD: name one contract or file, or none", "leave one out")
    pairs = [two_sides(old, new)] if base is None and old and new else sides_since(base or "", old)
    parties = [] if _are_files(old, new) else all_parties(())
    failed, told = False, []
    for before, after in pairs:
        traces = failing_payloads(after, against, last) if against else None
        failed = failed or (traces is not None and traces.failed is not None)
        if as_json:
            told.append(diff_data(before, after, parties, traces))
        else:
            out(diff_text(before, after, parties, traces).rstrip("\n"))
    if as_json:
        out(json.dumps(told[0] if len(told) == 1 and (old or new) else told, ensure_ascii=False, indent=2))
    elif not pairs:
        say(f"no contract differs from {base}")
    return FAILED if failed else DONE


def _are_files(*named: str | None) -> bool:
    """Whether both sides are plain files: then no spec has to be read."""
    return all(name is not None and os.path.isfile(name) for name in named)
