"""`choreo batch`: one run per input, many side by side; stopped and taken up again without doing anything twice.

An input is known by its digest (and which repeat of it it is) under the batch's name, which is the spec's name and
the file or folder of inputs: the claim is made in the transaction that creates its run. So the same command goes on
where it was stopped, plays what is new, and gives the results of all.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import re
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from choreo import errors
from choreo.api.begin import Told
from choreo.api.checked import Checked, check_spec, model_names
from choreo.commands.batch_played import Batch, Duplicate
from choreo.commands.inputs import Input, count_inputs, holds, is_same, read_inputs
from choreo.commands.playing import SIGNALS, Options
from choreo.commands.results import Results
from choreo.commands.run import pairs, prepare_models
from choreo.commands.speech import say, say_safe
from choreo.errors import ChoreoError, UsageError
from choreo.players.workers import Line
from choreo.render.batch import BatchLive, Tally, older_told, reasons_told, waits_told
from choreo.runners.loop import to_the_end
from choreo.runners.many import side_by_side
from choreo.store import Store, find_store

if TYPE_CHECKING:
    from choreo.commands.processes import Own

_SAY = 0.2
"""Seconds between two reports of a process to its parent."""


def batch(
    spec: str,
    inputs: str,
    *,
    parallel: int,
    limits: Sequence[str],
    out: str | None,
    labels: Sequence[str],
    models: Sequence[str],
    options: Options,
    processes: int = 1,
) -> int:
    """Play the spec once for each input. Returns 0 where all are done; see `Batch.code` for the rest."""
    chosen, cost = pairs("--model", models), _cost_limit(limits)
    checked = check_spec(spec, chosen)
    path, where = Path(inputs), find_store(options.db)
    if out is not None:
        _must_not_be_read(out, path, {"the spec": Path(spec), "the trace store": where})
    total = count_inputs(path)
    prepare_models(checked, options, cost)
    store = Store.open(where)
    told = Told(str(Path(spec).absolute()), chosen, pairs("--label", labels))
    count = _processes(checked, min(processes, parallel, max(total, 1)))
    try:
        with _results(out, count) as results:
            name, *older = _names_of(checked.plan.spec.name, path)
            played = Batch(checked, store, told, name, results, cost)
            played.tally = Tally(total)
            played.begun_as = tuple(one for one in (name, *older) if store.has_claims(one))
            live = partial(BatchLive, sys.stderr, played.tally, quiet=options.quiet)
            if count == 1:
                _play_here(played, path, parallel, live)
            else:
                store.close()  # no connection crosses a fork
                _play_in_processes(played, where, path, _shares(parallel, count), live)
                store = played.store = Store.open(where)
            played.tell_duplicates()
        code = played.code
        _say_end(played, code, options)
        return code
    except ChoreoError as error:
        error.help = re.sub(r"choreo resume [\w.-]+", "the same command", error.help)
        raise
    finally:
        store.close()


def _play_here(played: Batch, path: Path, parallel: int, live: Callable[[], BatchLive]) -> None:
    items = read_inputs(path, played.checked.plan.trigger)
    with live() as shown:
        to_the_end(lambda: _play(played, items, parallel, shown.show))


async def _play(
    played: Batch, items: Iterator[Input], parallel: int, told: Callable[[], None], own: Own[_News] | None = None
) -> None:
    """Play the items, in the only process there is or in `own`."""
    loop = asyncio.get_running_loop()
    for number in SIGNALS:
        with contextlib.suppress(NotImplementedError, ValueError):
            loop.add_signal_handler(number, played.interrupt, number)
    if own is not None:
        loop.add_reader(own.parent, _orphaned, played, own)
    played.store.share_commits(own.lock if own is not None else None)
    played.line = Line()
    gc.freeze()  # what is there by now stays: looking through it again and again costs a tenth of the time

    async def one(item: Input) -> None:
        await played.play(item)
        told()

    try:
        with contextlib.redirect_stdout(sys.stderr):
            await side_by_side(items, one, parallel, lambda: played.over)
        await played.store.settled()
        if played.full is not None:
            raise played.full
    except BaseException:
        with contextlib.suppress(Exception):  # what effects gave that were waited for is kept if that can be
            await played.store.settled()
        raise
    finally:
        played.line.close()
        gc.unfreeze()
        if own is not None:
            loop.remove_reader(own.parent)


def _orphaned(played: Batch, own: Own[_News]) -> None:
    asyncio.get_running_loop().remove_reader(own.parent)
    played.interrupt(signal.SIGTERM)


# -- several processes ---------------------------------------------------------------------------------


class _News(NamedTuple):
    """How the part of one process stands. `duplicates` and `interrupted` are told once it is over."""

    tally: Tally
    duplicates: Sequence[Duplicate] = ()
    interrupted: int | None = None


def _processes(checked: Checked, count: int) -> int:
    """How many processes play. Raises UsageError where a spec cannot be played by several."""
    specs = [checked.plan.spec, *(one.plan.spec for one in checked.family.values())]
    if count > 1 and any(model_names(spec) for spec in specs):
        message = f"`{checked.plan.spec.name}` calls models: their limits and weights are those of one process"
        help = "leave --processes out: model calls are waited for side by side anyway, as many as --parallel says"
        raise UsageError("bad-processes", message, help)
    if count > 1 and not hasattr(os, "fork"):
        raise UsageError("bad-processes", "this system cannot fork processes", "leave --processes out")
    return count


def _shares(whole: int, count: int) -> list[int]:
    return [whole // count + (number < whole % count) for number in range(count)]


def _play_in_processes(
    played: Batch, where: Path, path: Path, places: list[int], live: Callable[[], BatchLive]
) -> None:
    """Have one process for each of `places`, which says how many runs it plays at a time, share the inputs."""
    from choreo.commands.processes import Shared  # what it is made of is not on every platform

    def part(own: Own[_News]) -> None:
        store = Store.open(where)
        mine = replace(played, store=store, tally=Tally(played.tally.total))
        said = time.monotonic()

        def told() -> None:
            nonlocal said
            if time.monotonic() - said > _SAY:
                said = time.monotonic()
                own.tell(_News(mine.tally))

        try:
            items = own.dealt(read_inputs(path, mine.checked.plan.trigger))
            to_the_end(lambda: _play(mine, items, places[own.number], told, own))
        finally:
            for number in SIGNALS:  # it ends anyway: another Ctrl-C must not keep it from saying how
                signal.signal(number, signal.SIG_IGN)
            store.close()
        own.tell(_News(mine.tally, mine.duplicates, mine.interrupted))

    heard: dict[object, _News] = {}
    begun: list[Shared[_News]] = []

    def hear(process: object, news: _News) -> None:
        heard[process] = news
        played.tally.take(one.tally for one in heard.values())

    def interrupt(number: int, _: object) -> None:
        played.interrupted = number
        for shared in begun:
            shared.pass_on(number)

    with _heeding(interrupt):
        begun.append(Shared(len(places), part))
        if played.interrupted is not None:
            begun[0].pass_on(played.interrupted)
        with live() as shown:  # not before: a bar on a terminal has a thread
            played.lost = begun[0].follow(hear, shown.show)
    for news in heard.values():
        played.duplicates += news.duplicates
        if played.interrupted is None and news.interrupted is not None:
            played.lost.append(-news.interrupted)


@contextlib.contextmanager
def _heeding(interrupt: Callable[[int, object], None]) -> Iterator[None]:
    before = {number: signal.signal(number, interrupt) for number in SIGNALS}
    try:
        yield
    finally:
        for number, heeded in before.items():
            signal.signal(number, heeded)


def _names_of(spec: str, inputs: Path) -> list[str]:
    """What a batch is called: by the file or folder that its inputs' path leads to, however the path is written.

    Behind it what an older choreo called it, which took the path as it was given.
    """
    return list(dict.fromkeys(f"batch {spec} {path}" for path in (os.path.realpath(inputs), inputs.absolute())))


def _must_not_be_read(out: str, inputs: Path, others: Mapping[str, Path]) -> None:
    """`--out` is written anew by every call. Raises UsageError where that would undo what the batch itself reads."""
    help = "name another file, in another folder than the inputs"
    for what, path in {"the file of inputs": inputs, **others}.items():
        if is_same(Path(out), path):
            raise UsageError("out-is-read", f"`--out {out}` is {what}: the results would be written over it", help)
    if holds(inputs, Path(out)):
        raise UsageError("out-is-read", f"`--out {out}` lies in the folder of inputs, `{inputs}`", help)


def _results(out: str | None, processes: int) -> contextlib.AbstractContextManager[Results | None]:
    """Where results go: written anew by every call."""
    return contextlib.nullcontext() if out is None else contextlib.closing(Results(out, processes))


def _cost_limit(given: Sequence[str]) -> float | None:
    from choreo.commands.resume import limits_given

    found = limits_given(given)
    if set(found) - {"cost"}:
        other = next(name for name in found if name != "cost")
        raise UsageError("bad-limit", f"a batch has no limit `{other}`", "--limit cost=...; others stand in the spec")
    return found.get("cost")


def _say_end(played: Batch, code: int, options: Options) -> None:
    tally, flag = played.tally, options.store_flag
    codes = Counter(tally.codes)
    codes[errors.FAILED] += tally.unread
    counted = ", ".join(f"{number} with exit {exit}" for exit, number in sorted(codes.items()) if number)
    if not options.quiet or code:
        price = f"{tally.cost:.4f}" + ("" if tally.priced else " and unknown prices")
        before = f" ({tally.known} of them before)" if tally.known else ""
        say_safe(f"{tally.ended} of {tally.total} inputs{before}: {counted or 'none ended'}; cost {price}")
    for line in (*older_told(tally, flag), *reasons_told(tally, flag), *waits_told(tally, flag)):
        say_safe(line)
    if played.lost and played.interrupted is None:
        ends = ", ".join(f"signal {-one}" if one < 0 else f"exit code {one}" for one in sorted(set(played.lost)))
        told = f"{len(played.lost)} of the processes ended before their time ({ends})"
        say(f"{told}, and their last moment is not counted")
        say("everything finished is on record. Go on with the same command")
    if played.interrupted is not None:
        say("interrupted; everything finished is on record. Go on with the same command")
    elif code == errors.LIMIT:
        say("the cost limit is reached. Go on with the same command and a higher --limit cost=...")
