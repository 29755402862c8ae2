"""The figures as a table, and `docs/performance.md`."""

from __future__ import annotations

import json
import statistics
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from bench import frame_table
from chart.rendering import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from bench.client import Object

RESULTS = Path(__file__).with_name("results.json")
PAGE = ROOT / "docs" / "performance.md"

_TEXT = """\
# Performance

What the operator does under load, and what that costs. `make bench OPTIONS=--record` measured it and wrote this page.
[results.json](../tests/bench/results.json) has the figures with all their rounds.

{table}

Seconds depend on the machine, and on what else it does. Ratios were taken in one run. They still get worse when others
use the processor (see the load average below), since the operator is one thread and waits for its turn.

## How it is measured

- etcd, kube-apiserver and kube-scheduler run on loopback with their defaults, but the scheduler does not throttle
  itself and etcd does not wait for the disk. No controller manager runs, so nobody else works in the background.
- [kwok](https://kwok.sigs.k8s.io/) simulates {nodes} nodes with room for everything. A pod turns Ready as soon as it is
  scheduled. No Blender runs, so this is the time of the control plane alone. `make bench OPTIONS=frame` measures
  real desktops on a running cluster.
- The operator is its own process with the defaults of its settings, the rights that the chart gives it, all namespaces
  to serve, and the log level INFO. The stand-in for Guacamole is a process of its own too, on loopback.
- Sessions name a sample and nothing else: no owner, no viewers, the built-in class. Each has a pod, a Service and two
  Secrets in Kubernetes, and a connection, a user and two grants in Guacamole.
- **Floor**: a bare asynchronous client makes the same pods, Services and Secrets, over as many kept-alive connections
  as the operator has (24), and waits until all pods are Ready. It takes turns with the bursts: noise hits both.
- Requests for each session are counted by the operator itself, those of the steady state by the API server, which
  counts the operator's account apart, watches included. Processor time and memory are the process's.
- Restart: SIGTERM ends the process, it is started again, and a session is created at once. An object counts as
  written when its resource version changed.
- Registration: our client, used as in a start, against a bare one that sends the three requests of each registration
  (make the user, make the connection, grant). Both have five requests in flight, and each has an empty stand-in. Our
  client puts users and connections that are wanted at the same time into one request, up to a hundred.

## Under attack

A tenant who may create objects in one namespace must not starve the operator of the others:

- `make bench OPTIONS=hostile` fills a namespace with 1,000 labelled Secrets of 1 MB and 2,000 sessions with annotations
  of 250 kB, while another namespace starts a session each second. It restarts the operator in the midst of it, and
  prints the operator's largest memory (target: below 200 MiB) and the longest wait of the others (target: 2 s). etcd
  and the API server need 10 GiB of memory for it.
- `make bench OPTIONS=line` lets sessions depart from a line of 10,000, and prints the processor time of the decisions
  (target: 50 ms). A departure took 0.9 ms, at most 2.4 ms, and had 28 sessions reconciled. An arrival took 0.4 ms, the
  parsing of the session included. Deciding anew for the whole class takes 45 ms for each of the 10,000.

## Files in and out of a desktop

`make bench OPTIONS=transfer` moves 1,000 MB to an agent, from it, and out of it as an archive of 64 files, by turns
with plain copies over loopback. Another client asks for `/healthz` all the while. The agent is a process of its own,
with nothing but its files. On the machine below, which did nothing else (load average 1.4), the medians of 3 rounds
were:

| way | MB/s | plain copy | memory of the agent | answers to the other client |
| --- | --- | --- | --- | --- |
| up, flushed to the disk | 908 (target: 100) | 1091 | 52 MiB | 1 ms, at most 45 ms (target: 100 ms) |
| down | 1580 (target: 100) | 2923 | 47 MiB | 2 ms, at most 3 ms |
| archive | 1398 | | 50 MiB | 2 ms, at most 38 ms |

At rest the agent has 39 MiB. At a load average of 11.6 it was 147, 463 and 214 MB/s.

`make bench OPTIONS=portal-transfer` moves 1,000 MB through the portal, by turns with the same without it: 1417 MB/s in
(3481 without) and 1914 MB/s out (3984 without), the best of 3. The portal has 94 MiB before and at most 97 MiB
meanwhile.

## A pool's desktops at a rate

`make bench OPTIONS=claims` has 300 sessions take desktops of a pool that is full, each with a person of its own. They
come at their time, whether those before are Ready or not. The floor sends what a claim cannot do without, one request
after the other. On the machine below (load average 3):

| sessions | p50 (floor) | p90 | p99 |
| --- | --- | --- | --- |
| 20 a second | 70 ms (17 ms), target 100 ms | 603 ms | 831 ms, target 400 ms |
| 75 a second | 1708 ms (18 ms), target 200 ms | 2216 ms, target 300 ms | 2373 ms, target 500 ms |

The operator's one thread needs 13 ms and more for each, so that it holds 48 a second.

## Open pages of the portal

`make bench OPTIONS=portal-live` opens a page in Chromium, and 200 more without a browser, each of a guest of its own,
before a real API server, and writes statuses in the operator's place. A change is timed from before the status is sent
until the page has it. The portal has one watch of each kind for all of them. On the machine below, while others used
it too (load average 2 to 6):

| what | measured | target |
| --- | --- | --- |
| status to page, 20 changes in quick succession | median 187 ms, at most 250 ms | 300 ms |
| 200 pages, nothing changes | 0.4 % of a core | |
| 200 pages, 10 changes a second in one session | 1.6 % of a core | 5 % |
| 200 pages, 10 changes a second in all sessions by turns | 2.5 % of a core | 5 % |
| memory for 200 streams | 8 MiB | |

## From the object to the picture

`make demo` starts a cluster, and `make bench OPTIONS=frame` measures real desktops in it, with guacd and Chromium:
sessions that start cold, that take a desktop of a [pool](pools.md) which shows the empty scene (warm), and that take
one which shows their scene already (scene). The ways take turns. Seconds count from the moment in which the object is
sent: until its status says that its connection can be opened, until it is Ready, and until a tab that is opened then
has a tunnel, a first frame and the full frame. The floors are a bare pod of the same content, and a tab that is opened
on a desktop which runs for long.

{frame}

## What it was measured on

{machine}

## Do it yourself

`make bench` prints the table in {minutes} minutes or so. `make bench OPTIONS='burst --rounds 5'` takes one scenario of
`single`, `burst`, `claims`, `live` and `registration`. `OPTIONS='live --live 5000'` takes another number of live
sessions.
`OPTIONS='--output figures.json'` keeps the figures. `OPTIONS=--help` has the rest.
"""


class Row(NamedTuple):
    """One line of the table."""

    what: str
    measured: str
    target: str = ""


def rows(results: Object) -> Iterator[Row]:
    """Format a figure, with its target where there is one."""
    if "single" in results:
        yield from _single(results["single"])
    if "burst" in results:
        yield from _burst(results["burst"])
    if "claims" in results:
        yield from _claims(results["claims"])
    if "live" in results:
        yield from _live(results["live"])
    if "registration" in results:
        yield from _registration(results["registration"])


def table(results: Object) -> str:
    """Write the figures as a Markdown table, which also reads well in a terminal."""
    lines = [Row("what", "measured", "target"), *rows(results)]
    widths = [max(len(line[column]) for line in lines) for column in range(3)]
    lines.insert(1, Row(*("-" * width for width in widths)))
    return "\n".join(_line(line, widths) for line in lines)


def keep(results: Object) -> None:
    """Keep figures in place of former ones of the same scenarios, and write the page."""
    RESULTS.write_text(json.dumps(json.loads(RESULTS.read_text()) | results, indent=2) + "\n")
    write()


def write() -> None:
    """Write the page from the kept figures."""
    PAGE.write_text(render(json.loads(RESULTS.read_text())))


def render(results: Object) -> str:
    """Write the whole page."""
    machine = results["machine"]
    said = (
        "{cores} cores ({processor}), {memory_gib} GiB, Linux {kernel}; the load average was {load_before} before",
        "Kubernetes {kubernetes}, etcd {etcd} with its data on {etcd_on}, kwok {kwok}, Python {python}",
        "commit {commit}, on {date}",
    )
    return _TEXT.format(
        table=table(results),
        frame=_frame(results),
        machine="\n".join("- " + line.format(**machine) for line in said),
        nodes=machine["nodes"],
        minutes=max(1, round(results["seconds"] / 60)),
    )


def _frame(results: Object) -> str:
    if "frame" not in results:
        return "No figures are kept yet: `--record` keeps them."
    return f"{frame_table.table(results['frame']['ways'])}\n\n{results['frame']['said']}."


def _line(row: Row, widths: Iterable[int]) -> str:
    return "| " + " | ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)) + " |"


def _single(single: Object) -> Iterator[Row]:
    requests = single["requests_per_session"]
    yield Row(
        f"{single['sessions']} sessions one by one: created to Ready, median and slowest",
        f"{single['median_seconds']:.2f} s, {single['slowest_seconds']:.2f} s",
    )
    yield Row("requests to Kubernetes for each, created to Ready", f"{requests['kubernetes']:.1f}", "<= 8")
    yield Row("requests to Guacamole for each", f"{requests['guacamole']:.1f}")


def _burst(burst: Object) -> Iterator[Row]:
    rounds = burst["rounds"]
    count = rounds[0]["sessions"]
    yield Row(f"{count} sessions at once: until all are Ready", _spread(each["seconds"] for each in rounds))
    yield Row("the floor, with the same objects", _spread(each["floor_seconds"] for each in rounds))
    yield Row("ratio to the floor", f"{burst['ratio']:.2f}", "<= 2.0, then 1.3")
    yield Row("ratio to pods and Services alone", f"{burst['ratio_without_secrets']:.2f}")
    kubernetes = statistics.median(each["requests_per_session"]["kubernetes"] for each in rounds)
    yield Row("requests to Kubernetes for each", f"{kubernetes:.1f}", "<= 8")
    cpu = statistics.median(each["operator_cpu_seconds"] for each in rounds)
    yield Row("processor time of the operator for each", f"{1000 * cpu / count:.0f} ms")
    yield Row(
        f"{count} sessions deleted at once: until all are gone", _spread(each["delete"]["seconds"] for each in rounds)
    )


_CLAIM_BARS = {
    "20 a second": {"p50": "<= 100 ms", "p99": "<= 400 ms"},
    "75 a second": {"p50": "<= 200 ms", "p90": "<= 300 ms", "p99": "<= 500 ms"},
}


def _claims(claims: Object) -> Iterator[Row]:
    for name, found in claims["rates"].items():
        for part in ("p50", "p90", "p99"):
            measured = f"{1000 * found[f'{part}_seconds']:.0f} ms ({1000 * found['floor'][f'{part}_seconds']:.0f} ms)"
            what = f"{claims['claims']} sessions that take a desktop of a pool, {name}: {part} (the floor)"
            yield Row(what if part == "p50" else part, measured, _CLAIM_BARS.get(name, {}).get(part, ""))


def _live(live: Object) -> Iterator[Row]:
    burst, steady, restart = live["burst"], live["steady"], live["restart"]
    count = burst["sessions"]
    yield Row(f"{count} sessions at once: until all are Ready", f"{burst['seconds']:.1f} s")
    yield Row("ratio to the floor", f"{burst['ratio']:.2f}")
    yield Row(f"{count} live sessions: processor", f"{steady['operator_cpu_percent']:.2f} % of a core", "<= 2 %")
    yield Row("memory", f"{steady['operator_memory_mib']:.0f} MiB", "<= 150 MiB")
    for system in ("kubernetes", "guacamole"):
        yield Row(
            f"requests to {system.capitalize()} in {steady['seconds']:.0f} s",
            f"{steady[f'{system}_requests']} ({steady[f'{system}_requests_per_second']:.2f} per second)",
        )
    if pool := live.get("pool"):
        memory = f"{pool['operator_memory_mib']:.0f} MiB"
        yield Row(f"with a pool of {pool['desktops']} beside them: memory", memory, "<= 150 MiB")
        yield Row(f"requests to Kubernetes in {pool['seconds']:.0f} s", str(pool["kubernetes_requests"]), "0")
    yield Row("restart: until a new session is Ready", f"{restart['seconds']:.1f} s", "<= 10 s")
    yield Row("restart: objects of other sessions that were written", str(restart["objects_written"]), "0")
    yield Row(f"{live['delete']['sessions']} sessions deleted at once", f"{live['delete']['seconds']:.1f} s")


def _registration(registration: Object) -> Iterator[Row]:
    count = registration["connections"]
    yield Row(f"{count} connections with users and grants, our client", _spread(registration["ours_seconds"]))
    yield Row("the same by a bare client", _spread(registration["bare_seconds"]))
    yield Row("ratio", f"{registration['ratio']:.2f}", "<= 2.0")


def _spread(seconds: Iterable[float]) -> str:
    found = sorted(seconds)
    if len(found) == 1:
        return f"{found[0]:.1f} s"
    return f"{statistics.median(found):.1f} s ({found[0]:.1f} to {found[-1]:.1f})"
