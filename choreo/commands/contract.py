"""`choreo contract`: list, show, check, lock, diff. Only `lock` writes, and only the lock file."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from typing import Any

from choreo.commands.contract_audience import Audience, audience
from choreo.commands.contract_checks import Report, check_catalogue, released_in
from choreo.commands.contract_diff import diff_data, diff_text, failing_payloads
from choreo.commands.contract_ground import Ground
from choreo.commands.contract_sides import Side, owner_of, pick, sides_since, two_sides
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
    ground = Ground(paths)
    told = [entry for catalogue in ground.catalogues for entry in _entries(catalogue, ground)]
    if as_json:
        out(json.dumps(told, ensure_ascii=False, indent=2))
        return DONE
    for entry in told:
        owner = f"  owner: {entry['owner']}" if entry["owner"] else ""
        inside = f"  in {entry['folder']}" if entry["inline"] else ""
        out(one_line(f"{entry['name']}  {' '.join(entry['versions'])}{inside}{owner}"))
        for party in entry["parties"]:
            out(one_line(f"  {party['does']:<7}  {party['spec']}: {party['role']} ({party['range']})"))
    if not told:
        say("no contracts yet: they live in schemas/<name>/<version>.json")
    return DONE


def _entries(catalogue: Catalogue, ground: Ground) -> list[dict[str, Any]]:
    parties = ground.parties_of(catalogue)
    return [
        {
            "name": name,
            "versions": [contract.version for contract in versions],
            "owner": owner_of(versions[-1]),
            "folder": catalogue.folder,
            "inline": catalogue.is_inline,
            "parties": [_party(party) for party in parties if party.contract == name],
        }
        for name, versions in catalogue.contracts.items()
    ]


def _party(party: Party) -> dict[str, str]:
    return {"spec": party.spec, "role": party.role, "does": party.does, "range": party.range, "place": str(party.place)}


def show_contract(named: str, *, as_json: bool) -> int:
    """One version of a contract: its schema, digest, owner, and who uses it."""
    ground = Ground()
    catalogue, contract = pick(ground.catalogues, named)
    lock, _ = released_in(catalogue)
    users = audience(ground, catalogue, contract.name, [contract.version])
    locked = lock.get(contract.ref) == contract.digest
    if as_json:
        told = {
            "name": contract.name,
            "version": contract.version,
            "digest": contract.digest,
            "path": contract.place.path,
            "owner": owner_of(contract),
            "locked": locked,
            "parties": [_party(party) for party in users.parties],
            "reads": users.data["reads"],
            "schema": contract.schema,
        }
        out(json.dumps(told, ensure_ascii=False, indent=2))
        return DONE
    state = "inline, never locked" if catalogue.is_inline else "locked" if locked else "not locked"
    say_safe(f"{contract.ref}  {contract.place.path}  {contract.digest[:19]}  {state}")
    for user in (*users.parties, *users.readings):
        say_safe(f"  {user}")
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
    ground = Ground(paths)
    reports = [check_catalogue(catalogue, ground, base) for catalogue in ground.catalogues]
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
    count, broken = sum(report.count for report in reports), sum(report.broken for report in reports)
    against = f" against {one_line(base)}" if base else ""
    unusable = f", {broken} of them cannot be used" if broken and count > 1 else ""
    told = summary(found.problems) if found.problems else "no problems"
    return f"{count} contract version{'' if count == 1 else 's'} checked{against}{unusable}: {told}"


def lock_contracts(paths: Sequence[str], *, rewrite: bool) -> int:
    """Write the digest of every version in a schemas folder into its `choreo.lock`.

    Where `check` finds an error (a released version has changed, a step is too small) nothing is written,
    unless with `rewrite`, which takes the versions as they are now. Contracts inside a spec have no lock: that is said.
    """
    ground = Ground(paths)
    for catalogue in ground.catalogues:
        if catalogue.is_inline:
            say_safe(_not_locked(catalogue))
        elif not _lock(catalogue, ground, rewrite):
            return FAILED
    return DONE


def _not_locked(catalogue: Catalogue) -> str:
    them = "1 inline contract" if catalogue.count == 1 else f"{catalogue.count} inline contracts"
    return (
        f"{catalogue.folder}: {them} not locked: a lock is kept for schemas/<name>/<version>.json only; "
        "choreo contract check --base GITREF holds inline ones to a commit"
    )


def _lock(catalogue: Catalogue, ground: Ground, rewrite: bool) -> bool:
    """Whether the lock of one folder was written."""
    problems = catalogue.problems if rewrite else check_catalogue(catalogue, ground, None).problems
    broken = [problem for problem in problems if problem.severity == "error"]
    if broken:
        out(render_problems(broken, catalogue.texts, colour=wants_colour(sys.stdout)).rstrip("\n"))
        say_safe(f"{catalogue.lock_path} was left as it is")
        return False
    lock, _ = released_in(catalogue)
    digests = digests_of(catalogue.contracts)
    _write(catalogue.lock_path, write_lock(digests))
    say_safe(f"{catalogue.lock_path}: {len(set(digests) - set(lock))} new, {len(digests)} in all")
    return True


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
    ground = Ground()
    pairs = [two_sides(ground, old, new)] if base is None and old and new else sides_since(ground, base or "", old)
    are_files = _are_files(old, new)
    failed, told = False, []
    for before, after in pairs:
        traces = failing_payloads(after, against, last) if against else None
        concerned = Audience() if are_files else _hearers(ground, before, after)
        failed = failed or (traces is not None and traces.failed is not None)
        if as_json:
            told.append(diff_data(before, after, concerned, traces))
        else:
            out(diff_text(before, after, concerned, traces).rstrip("\n"))
    if as_json:
        out(json.dumps(told[0] if len(told) == 1 and (old or new) else told, ensure_ascii=False, indent=2))
    elif not pairs:
        say(f"no contract differs from {base}")
    return FAILED if failed else DONE


def _hearers(ground: Ground, before: Side, after: Side) -> Audience:
    """None for a file that no contract is named after."""
    if not after.name:
        return Audience()
    return audience(ground, after.home, after.name, [before.version, after.version])


def _are_files(*named: str | None) -> bool:
    """Whether both sides are plain files: then no spec has to be read."""
    return all(name is not None and os.path.isfile(name) for name in named)
