"""The command line: signatures, and the one place that turns errors into exit codes.

Every command is one plain function in `choreo.commands`, imported when it is called: start-up stays
short, and `--help`, `validate` and `trace` never load a model library.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from choreo import errors
from choreo.errors import ChoreoError, SpecErrors

if TYPE_CHECKING:
    from choreo.commands.playing import Options

app = typer.Typer(
    name="choreo",
    help="Run AI choreographies: roles, contracts, touchpoints and a trace, from one YAML spec.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
models_app = typer.Typer(help="The weights of embedded models.", no_args_is_help=True, rich_markup_mode=None)
contract_app = typer.Typer(
    help="Contracts: list, show, check, lock, compare.", no_args_is_help=True, rich_markup_mode=None
)
app.add_typer(models_app, name="models")
app.add_typer(contract_app, name="contract")

Db = Annotated[
    str | None,
    typer.Option(
        "--db", metavar="FILE", help="The trace store (default: CHOREO_DB, else the nearest .choreo/trace.db)."
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Machine-readable output on stdout.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Only results and errors.")]
Verbose = Annotated[bool, typer.Option("--verbose", "-v", help="More about what happens in between.")]
Yes = Annotated[bool, typer.Option("--yes", help="Download missing weights without asking. Never approves anything.")]
By = Annotated[
    str | None, typer.Option("--by", metavar="NAME", help="Who answers (default: the user of this machine).")
]
Run = Annotated[str, typer.Argument(metavar="RUN", help="A run's id, the beginning of one, or `last`.")]


Paths = Annotated[list[str] | None, typer.Argument(metavar="PATH...", help="Specs and folders (default: here).")]


def _version(wanted: bool) -> None:
    if wanted:
        from choreo import __version__

        print(f"choreo {__version__}")  # noqa: T201
        raise typer.Exit(0)


@app.callback()
def _main(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    pass


@app.command("run")
def run_command(
    spec: Annotated[str, typer.Argument(metavar="SPEC", help="The spec's YAML file.")],
    source: Annotated[
        str | None, typer.Option("--input", "-i", metavar="FILE|-", help="The trigger payload, JSON.")
    ] = None,
    sets: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="PATH=VALUE",
            help="One field of the trigger payload; JSON where the contract wants no text.",
        ),
    ] = None,
    labels: Annotated[list[str] | None, typer.Option("--label", metavar="KEY=VALUE", help="Kept with the run.")] = None,
    models: Annotated[
        list[str] | None,
        typer.Option(
            "--model", metavar="NAME=MODEL", help="Play a model of the spec by another (`all=MODEL`: every one)."
        ),
    ] = None,
    db: Db = None,
    as_json: Json = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
    yes: Yes = False,
    by: By = None,
) -> None:
    """Play a spec on this machine. The result goes to stdout, everything else to stderr."""

    def work() -> int:
        from choreo.commands.run import run

        options = _options(db, as_json, quiet, verbose, yes, by)
        return run(spec, source=source, sets=sets or (), labels=labels or (), models=models or (), options=options)

    _leave(work, db)


@app.command("resume")
def resume_command(
    run: Run,
    limits: Annotated[
        list[str] | None,
        typer.Option("--limit", metavar="NAME=VALUE", help="A higher limit: cost, hops, time (seconds) or parallel."),
    ] = None,
    db: Db = None,
    as_json: Json = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
    yes: Yes = False,
    by: By = None,
) -> None:
    """Go on with a run that was interrupted, waits, or reached a limit. Nothing finished is played again."""

    def work() -> int:
        from choreo.commands.resume import resume

        return resume(run, limits=limits or (), options=_options(db, as_json, quiet, verbose, yes, by))

    _leave(work, db)


@app.command("review")
def review_command(
    run: Run,
    approve: Annotated[bool, typer.Option("--approve", help="Approve exactly the payload that waits.")] = False,
    reject: Annotated[bool, typer.Option("--reject", help="Reject it; say why with --note.")] = False,
    edit: Annotated[
        str | None, typer.Option("--edit", metavar="FILE", help="Deliver this JSON instead (or fill in a form).")
    ] = None,
    note: Annotated[str, typer.Option("--note", metavar="TEXT", help="The reason, kept with the decision.")] = "",
    question: Annotated[
        int | None, typer.Option("--question", metavar="N", help="Which question, where several are open.")
    ] = None,
    db: Db = None,
    as_json: Json = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
    yes: Yes = False,
    by: By = None,
) -> None:
    """Answer what a run waits for, then go on with it. Without flags: at the terminal."""

    def work() -> int:
        from choreo.commands.review import Flags, review

        flags = Flags(approve=approve, reject=reject, edit=edit, note=note, question=question)
        return review(run, flags=flags, options=_options(db, as_json, quiet, verbose, yes, by))

    _leave(work, db)


@app.command("runs")
def runs_command(
    limit: Annotated[int, typer.Option("--last", metavar="N", min=1, help="How many.")] = 20,
    status: Annotated[str | None, typer.Option("--status", metavar="STATUS", help="Only runs in this status.")] = None,
    labels: Annotated[list[str] | None, typer.Option("--label", metavar="KEY=VALUE", help="Only runs with it.")] = None,
    db: Db = None,
    as_json: Json = False,
) -> None:
    """List the runs on record, newest first."""

    def work() -> int:
        from choreo.commands.trace import runs

        return runs(limit=limit, status=status, labels=labels or (), as_json=as_json, db=db)

    _leave(work, db)


@app.command("trace")
def trace_command(
    run: Run,
    hop: Annotated[int | None, typer.Option("--hop", metavar="N", help="One hop with every byte.")] = None,
    verify: Annotated[
        bool, typer.Option("--verify", help="Check that rows and payloads are what was written.")
    ] = False,
    db: Db = None,
    as_json: Json = False,
) -> None:
    """Show what happened in a run: payloads, verdicts, causes, cost, and who decided what."""

    def work() -> int:
        from choreo.commands.trace import trace

        return trace(run, hop=hop, as_json=as_json, verify=verify, db=db)

    _leave(work, db)


@app.command("validate")
def validate_command(
    paths: Annotated[list[str], typer.Argument(metavar="PATH...", help="Specs, and folders of specs.")],
    strict: Annotated[bool, typer.Option("--strict", help="Warnings fail, too.")] = False,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Check specs and their contracts without playing anything. All problems at once, each with its place."""

    def work() -> int:
        from choreo.commands.validate import validate

        return validate(paths, strict=strict, as_json=as_json, quiet=quiet)

    _leave(work, None)


@models_app.command("list")
def models_list_command(as_json: Json = False) -> None:
    """The embedded models there are, with size and licence, and which are on this machine."""

    def work() -> int:
        from choreo.commands.models import list_models

        return list_models(as_json=as_json)

    _leave(work, None)


@models_app.command("pull")
def models_pull_command(
    name: Annotated[
        str | None, typer.Argument(metavar="NAME", help="A model of the list (default: the default one).")
    ] = None,
    file: Annotated[
        str | None, typer.Option("--file", metavar="GGUF", help="Take in a model file of your own.")
    ] = None,
    yes: Yes = False,
) -> None:
    """Bring a model's weights to this machine, verified against the official file's digest."""

    def work() -> int:
        from choreo.commands.models import pull_model
        from choreo.commands.speech import ask_yes, is_terminal

        return pull_model(name, file=file, yes=yes, ask=ask_yes if is_terminal(sys.stdin) else None)

    _leave(work, None)


@models_app.command("rm")
def models_rm_command(name: Annotated[str, typer.Argument(metavar="NAME", help="A model on this machine.")]) -> None:
    """Remove a model's weights from this machine."""

    def work() -> int:
        from choreo.commands.models import remove_model

        return remove_model(name)

    _leave(work, None)


@contract_app.command("list")
def contract_list_command(paths: Paths = None, as_json: Json = False) -> None:
    """The contracts there are, their versions, and who emits and accepts them in which spec."""

    def work() -> int:
        from choreo.commands.contract import list_contracts

        return list_contracts(paths or ["."], as_json=as_json)

    _leave(work, None)


@contract_app.command("show")
def contract_show_command(
    named: Annotated[str, typer.Argument(metavar="NAME[@VERSION]", help="A contract (default: the newest version).")],
    as_json: Json = False,
) -> None:
    """One contract: its schema, its owner, who uses it."""

    def work() -> int:
        from choreo.commands.contract import show_contract

        return show_contract(named, as_json=as_json)

    _leave(work, None)


@contract_app.command("check")
def contract_check_command(
    paths: Paths = None,
    base: Annotated[str | None, typer.Option("--base", metavar="GITREF", help="Compare with this state.")] = None,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Every schema is valid, released versions are unchanged, and each bump is as large as its change."""

    def work() -> int:
        from choreo.commands.contract import check_contracts

        return check_contracts(paths or ["."], base=base, as_json=as_json, quiet=quiet)

    _leave(work, None)


@contract_app.command("lock")
def contract_lock_command(
    paths: Paths = None,
    rewrite: Annotated[bool, typer.Option("--rewrite", help="Take changed versions in, too.")] = False,
) -> None:
    """Write the digest of every version to schemas/choreo.lock."""

    def work() -> int:
        from choreo.commands.contract import lock_contracts

        return lock_contracts(paths or ["."], rewrite=rewrite)

    _leave(work, None)


@contract_app.command("diff")
def contract_diff_command(
    old: Annotated[str | None, typer.Argument(metavar="OLD", help="A file, or name@version.")] = None,
    new: Annotated[str | None, typer.Argument(metavar="NEW", help="A file, or name@version.")] = None,
    base: Annotated[str | None, typer.Option("--base", metavar="GITREF", help="Compare with this state.")] = None,
    against: Annotated[
        str | None, typer.Option("--against-traces", metavar="DB", help="Hold NEW against payloads of this store.")
    ] = None,
    last: Annotated[int, typer.Option("--last", metavar="N", min=1, help="How many of them.")] = 100,
    as_json: Json = False,
) -> None:
    """What a change of a contract breaks, in both directions, each with a value that shows it."""

    def work() -> int:
        from choreo.commands.contract import diff_contracts

        return diff_contracts(old, new, base=base, against=against, last=last, as_json=as_json)

    _leave(work, None)


@app.command("doctor")
def doctor_command(db: Db = None, as_json: Json = False) -> None:
    """Say what this machine has: Python, SQLite, runtimes, weights, and known-bad versions."""

    def work() -> int:
        from choreo.commands.doctor import doctor

        return doctor(db=db, as_json=as_json)

    _leave(work, db)


# -- options and endings -------------------------------------------------------------------------


def _options(db: str | None, as_json: bool, quiet: bool, verbose: bool, yes: bool, by: str | None) -> Options:
    from choreo.commands.playing import Options
    from choreo.commands.speech import person

    return Options(db=db, as_json=as_json, quiet=quiet, verbose=verbose, yes=yes, by=by or person())


def _leave(work: Callable[[], int], db: str | None) -> NoReturn:
    """Run a command and leave with its exit code. No error gets past here as a traceback."""
    try:
        code = work()
    except SpecErrors as found:
        code = _tell_problems(found)
    except ChoreoError as error:
        code = _tell(error)
    except KeyboardInterrupt:
        code = errors.INTERRUPTED
    except Exception as error:  # noqa: BLE001 - a bug: one line here, the traceback in a file
        code = _tell_bug(error, db)
    _flush()
    raise typer.Exit(code)


def _tell_problems(found: SpecErrors) -> int:
    from choreo.commands.speech import say, wants_colour
    from choreo.render.problems import render_problems

    say(render_problems(found.problems, found.texts, colour=wants_colour(sys.stderr)).rstrip("\n"))
    return found.exit_code


def _tell(error: ChoreoError) -> int:
    from choreo.commands.speech import say_safe

    say_safe(f"error[{error.code}]: {error.message}")
    if error.help:
        say_safe(f"help: {error.help}")
    return error.exit_code


def _flush() -> None:
    """A stream that cannot be written any more must not change the exit code when Python ends."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError):
            from choreo.commands.speech import silence

            silence(stream)


def _tell_bug(error: Exception, db: str | None) -> int:
    from choreo.commands.bug import keep_traceback
    from choreo.commands.speech import say_safe

    kept = keep_traceback(error, db)
    say_safe(f"error[bug]: choreo met something it did not expect: {type(error).__name__}: {error}")
    say_safe(f"help: what is on record is safe; please report it with {kept}")
    return errors.BUG


def main() -> None:
    """The console script."""
    if None in (sys.stdin, sys.stdout, sys.stderr):
        from choreo.commands.speech import open_missing_streams

        open_missing_streams()
    for word in sys.argv[1:]:
        if any("\ud800" <= char <= "\udfff" for char in word):
            shown = word.encode("utf-8", "backslashreplace").decode()
            wrong = errors.UsageError("not-text", f"the argument `{shown}` is not UTF-8", "write it in UTF-8")
            sys.exit(_tell(wrong))
    app()
