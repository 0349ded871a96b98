"""`choreo batch` with a model that thinks: makespan against the ideal of so many calls side by side.

    python tests/benchmarks/model_batch.py [--runs 1000] [--parallel 200] [--wait 1.0] [--rounds 3]
        [--model openai/slow] [--bare]

The model is a loopback server with an OpenAI-compatible API in a process of its own, which answers after `--wait`
seconds. Makespan is what the server sees: from the first request to the last answer. The whole command is told beside
it, and its CPU time per run. `--bare` also makes the same calls without choreo, as many at a time, each with its own
bytes: with aiohttp alone, the library that choreo sends with (the floor), and with litellm alone.

`--model openai/slow` is a model that litellm knows nothing of, at an address of one's own: it is called without
litellm. `--model mistral/slow` is one whose form of request litellm is asked for: the first calls go through it.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import NamedTuple

SPEC = """
choreo: 1
name: thinks
version: 1.0.0
trigger: {{accepts: case@^1}}
result: {{emits: answer@1.0.0}}
models: {{slow: {{model: "{model}", api_base: "http://127.0.0.1:{port}/v1", price: {{input: 1, output: 2}}}}}}
contracts:
  case@1.0.0: {{type: object, properties: {{text: {{type: string}}}}, required: [text]}}
  answer@1.0.0: {{type: object, properties: {{text: {{type: string}}}}, required: [text], additionalProperties: false}}
roles:
  think: {{kind: reasoner, does: Answers, model: slow, emits: answer@1.0.0, prompt: "Answer {{{{ input.text }}}}"}}
handoffs:
  - {{from: trigger, to: think}}
  - {{from: think, to: end}}
"""


class Spent(NamedTuple):
    """`makespan` as the server saw it, the whole command by the clock, its CPU time (all in seconds); connections."""

    makespan: float
    whole: float
    cpu: float
    connections: int
    most: int


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--runs", type=int, default=1000)
    arguments.add_argument("--parallel", type=int, default=200)
    arguments.add_argument("--wait", type=float, default=1.0)
    arguments.add_argument("--rounds", type=int, default=3)
    arguments.add_argument("--bare", action="store_true")
    arguments.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    arguments.add_argument("--model", default="openai/slow")
    arguments.add_argument("--call", nargs=2, help=argparse.SUPPRESS)
    given = arguments.parse_args()
    if given.serve:
        asyncio.run(Server(given.wait).serve())
    elif given.call:
        way, base = given.call
        asyncio.run(CALLS[way](base, given))
    else:
        compare(given)


def compare(given: argparse.Namespace) -> None:
    from choreo.store import driver

    print(f"{os.cpu_count()} cores, Python {sys.version.split()[0]}, SQLite {driver.VERSION} ({driver.DRIVER})")
    ideal = -(-given.runs // given.parallel) * given.wait
    print(f"{given.runs} runs x {given.wait:g} s at parallel {given.parallel}: the ideal is {ideal:.2f} s")
    tell("choreo batch", [batch(given) for _ in range(given.rounds)], ideal, given.runs)
    for way in CALLS if given.bare else ():
        tell(f"{way} alone", [alone(way, given) for _ in range(given.rounds)], ideal, given.runs)


def tell(name: str, rounds: list[Spent], ideal: float, runs: int) -> None:
    makespan, whole, cpu, connections, most = (statistics.median(side) for side in zip(*rounds, strict=True))
    print(
        f"{name:13} {makespan:.2f} s, {makespan / ideal:.2f} x the ideal; whole command {whole:.2f} s, CPU {cpu:.2f} s,"
        f" {cpu / runs * 1000:.2f} ms per run; {connections:.0f} connections, at most {most:.0f} at once (medians)"
    )


def batch(given: argparse.Namespace) -> Spent:
    """The whole command on a fresh store. Ends the benchmark where a run is not done."""
    with tempfile.TemporaryDirectory() as place, server(given.wait) as (process, port):
        folder = Path(place)
        (folder / "spec.yaml").write_text(SPEC.format(port=port, model=given.model))
        lines = (json.dumps({"text": f"case {number}"}) + "\n" for number in range(given.runs))
        (folder / "inputs.jsonl").write_text("".join(lines))
        command = [sys.executable, "-m", "choreo", "batch", "spec.yaml", "inputs.jsonl", "--quiet"]
        command += ["--parallel", str(given.parallel), "--db", "trace.db", "--out", "out.jsonl"]
        found = spent(command, folder, process)
        results = [json.loads(line) for line in (folder / "out.jsonl").read_text().splitlines()]
        done = sum(result["status"] == "done" and result["cost"] is not None for result in results)
        if done != given.runs:
            sys.exit(f"only {done} of {given.runs} runs are done")
        return found


def alone(way: str, given: argparse.Namespace) -> Spent:
    with server(given.wait) as (process, port):
        command = [sys.executable, __file__, "--runs", str(given.runs), "--parallel", str(given.parallel)]
        command += ["--model", given.model, "--call", way, f"http://127.0.0.1:{port}/v1"]
        return spent(command, Path.cwd(), process)


async def with_litellm(base: str, given: argparse.Namespace) -> None:
    """The same calls with litellm as it is delivered, its own connections kept."""
    os.environ.update(LITELLM_LOCAL_MODEL_COST_MAP="True", LITELLM_MODE="PRODUCTION")
    import litellm

    async def call(messages: list[dict[str, str]]) -> None:
        await litellm.acompletion(
            model=given.model, api_base=base, api_key="none", messages=messages, max_retries=0, timeout=60
        )

    await side_by_side(given, call)


async def with_aiohttp(base: str, given: argparse.Namespace) -> None:
    """The same calls with nothing around them: each is written, sent, and its answer read as JSON."""
    import aiohttp

    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector) as session:

        async def call(messages: list[dict[str, str]]) -> None:
            async with session.post(f"{base}/chat/completions", json={"model": "slow", "messages": messages}) as answer:
                json.loads(await answer.read())

        await side_by_side(given, call)


CALLS = {"aiohttp": with_aiohttp, "litellm": with_litellm}


async def side_by_side(
    given: argparse.Namespace, call: Callable[[list[dict[str, str]]], Coroutine[None, None, None]]
) -> None:
    numbers = iter(range(given.runs))

    async def place() -> None:
        for number in numbers:
            await call([{"role": "user", "content": f"Answer case {number}"}])

    await asyncio.gather(*(place() for _ in range(given.parallel)))


def spent(command: list[str], folder: Path, process: subprocess.Popen[bytes]) -> Spent:
    """Run a command to its good end; the server says what it saw."""
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    began = time.perf_counter()
    played = subprocess.Popen(command, cwd=folder, env=environment)
    _, status, usage = os.wait4(played.pid, 0)
    whole = time.perf_counter() - began
    played.returncode = os.waitstatus_to_exitcode(status)
    if played.returncode != 0:
        sys.exit(f"{' '.join(command)} ended with {played.returncode}")
    said, _ = process.communicate(b"\n")
    makespan, connections, most = json.loads(said)
    return Spent(makespan, whole, usage.ru_utime + usage.ru_stime, connections, most)


# -- the model -------------------------------------------------------------------------------------


@contextlib.contextmanager
def server(wait: float) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    """A server process and its port. A line on its stdin ends it; then it says what it saw."""
    command = [sys.executable, __file__, "--serve", "--wait", str(wait)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout is not None
            yield process, int(process.stdout.readline())
        finally:
            process.kill()


class Server:
    """Answers every POST with the same completion, `wait` seconds after it has come in whole."""

    def __init__(self, wait: float) -> None:
        self.wait = wait
        self.first = self.last = 0.0
        self.connections = self.now = self.most = 0
        message = {"role": "assistant", "content": '{"text": "so it is"}'}
        completion = {
            "id": "c-1",
            "object": "chat.completion",
            "created": 1,
            "model": "slow",
            "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
            "usage": {"prompt_tokens": 20, "completion_tokens": 8, "total_tokens": 28},
        }
        body = json.dumps(completion).encode()
        head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        self.answer = head.encode() + body

    async def serve(self) -> None:
        listening = await asyncio.start_server(self.connected, "127.0.0.1", 0, backlog=4096)
        print(listening.sockets[0].getsockname()[1], flush=True)
        await asyncio.to_thread(sys.stdin.readline)
        print(json.dumps([self.last - self.first, self.connections, self.most]), flush=True)
        os._exit(0)

    async def connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).lower()
                await reader.readexactly(int(head.partition(b"content-length:")[2].split(b"\r\n")[0]))
                await self.think()
                writer.write(self.answer)
                await writer.drain()
        writer.close()

    async def think(self) -> None:
        self.first = self.first or time.monotonic()
        self.now += 1
        self.most = max(self.most, self.now)
        await asyncio.sleep(self.wait)
        self.now -= 1
        self.last = time.monotonic()


if __name__ == "__main__":
    main()
