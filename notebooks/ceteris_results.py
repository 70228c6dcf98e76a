"""Reads a Ceteris result directory and nothing else.

Every number comes from the raw files: latencies from the HdrHistogram logs
(*.hlog, values in ns), CPU time from the cells' records. The arithmetic below
follows the definitions in harness/stats but shares no code with it, so that the
notebooks check analysis.json instead of repeating it.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from statistics import median

from hdrh.histogram import HdrHistogram
from hdrh.log import HistogramLogReader

ROOT = Path(__file__).resolve().parent.parent
RESULT_SCHEMA = "ceteris-result/1"
CELL_SCHEMA = "ceteris-cell/1"
ANALYSIS_SCHEMA = "ceteris-analysis/1"

# The histograms of harness/load: 1 ns to 60 s at 3 significant digits, so a
# value read from one lies at most this far above the recorded value, relatively.
LOWEST_NS, HIGHEST_NS, DIGITS = 1, 60_000_000_000, 3
RESOLUTION = 10.0**-DIGITS

# What analysis.json keeps: six significant digits.
ROUNDING = 1e-5

# Below this share of the offered load acknowledged in time, a run fell behind.
KEPT_UP = 0.99

# A window is judged by at least so many intervals and at most so many.
MIN_INTERVALS, MAX_INTERVALS = 10, 400

# What arms are compared by, named as in analysis.json: a percentile of one of
# the logs, one of the broker process's counters per acknowledged message, or the
# rate. What analysis.json has beyond these (of overloads) is not computed here.
QUANTITIES = {
    "p50_response": ("response", 50.0),
    "p99_response": ("response", 99.0),
    "cpu_per_message": "cpu",
    "achieved_per_sec": "rate",
    "switches_per_message": "switches",
    "p50_end_to_end": ("e2e", 50.0),
    "p99_end_to_end": ("e2e", 99.0),
}


class ResultError(Exception):
    """The directory is not what it should be; the message says where and why."""


def find(root: Path = ROOT) -> Path:
    """The result to read: CETERIS_RESULT (a relative path starts at the
    repository's root), else the newest with a report below results/, else
    results/reference."""
    if chosen := os.environ.get("CETERIS_RESULT"):
        path = (root / chosen).resolve()
        if not (path / "manifest.json").is_file():
            raise ResultError(f"CETERIS_RESULT={chosen}: {path} has no manifest.json")
        return path
    results = root / "results"
    runs = [m.parent for m in results.glob("*/*/manifest.json") if (m.parent / "analysis.json").is_file()]
    own = [r for r in runs if r.parent.name != "reference"]
    if own:
        return max(own, key=lambda r: r.name)  # names start with the time in UTC
    reference = results / "reference"
    if (reference / "manifest.json").is_file():
        return reference
    if shipped := [r for r in runs if r.parent == reference]:
        return max(shipped, key=lambda r: r.name)
    raise ResultError(f"no result with a report below {results}: run ./run.sh first")


def _json(path: Path):
    try:
        return json.loads(path.read_text())
    except FileNotFoundError:
        raise ResultError(f"{path} is missing") from None
    except json.JSONDecodeError as e:
        raise ResultError(f"{path}:{e.lineno}: {e.msg}") from None


def check_sums(directory: Path) -> int:
    """Compares every file with CHECKSUMS and returns how many there are."""
    path = directory / "CHECKSUMS"
    if not path.is_file():
        raise ResultError(f"{path} is missing: the run was not completed")
    lines = path.read_text().splitlines()
    for n, line in enumerate(lines, 1):
        want, _, name = line.partition("  ")
        file = directory / name
        if not name or not file.is_file():
            raise ResultError(f"{path}:{n}: {name or line} is missing")
        got = hashlib.sha256(file.read_bytes()).hexdigest()
        if got != want:
            raise ResultError(f"{file} has changed since it was sealed")
    return len(lines)


def _events(path: Path) -> list[dict]:
    """The journal; a last line that was cut off as it was written says nothing."""
    events = []
    for line in path.read_text().splitlines():
        try:
            events.append(json.loads(line))
        except json.JSONDecodeError:
            break
    return events


def _plan(manifest: dict, events: list[dict]) -> list[dict]:
    """The planned cells, and behind them those of blocks that were run again."""
    planned = list(manifest["planned"])
    for e in events:
        if e["event"] == "block-repeat":
            block, _, again = e["detail"].partition(" as ")
            planned += [p | {"block": int(again)} for p in manifest["planned"] if p["block"] == int(block)]
    return planned


def _ended(events: list[dict]) -> set[str]:
    """The cells that came to an end, and were not begun once more after it."""
    ended: set[str] = set()
    for e in events:
        if e["event"] in ("cell-done", "cell-failed"):
            ended.add(e["cell"])
        elif e["event"] == "cell-start":
            ended.discard(e["cell"])
    return ended


def read_intervals(path: Path) -> list[HdrHistogram]:
    """The intervals of one log, one by one."""
    if not path.is_file():
        raise ResultError(f"{path} is missing")
    # The reader only takes from its reference histogram how to decode.
    reader = HistogramLogReader(str(path), HdrHistogram(LOWEST_NS, HIGHEST_NS, DIGITS))
    try:
        return list(iter(reader.get_next_interval_histogram, None))
    finally:
        reader.close()


def read_log(path: Path, dropped: int = 0) -> HdrHistogram:
    """Merges the intervals of one log but those that begin first: as many moments
    are left out as dropped says, of every tag alike."""
    intervals = read_intervals(path)
    begins = sorted({i.get_start_time_stamp() for i in intervals})
    total = HdrHistogram(LOWEST_NS, HIGHEST_NS, DIGITS)
    for interval in intervals:
        if interval.get_start_time_stamp() in begins[dropped:]:
            merge(total, interval)
    return total


def merge(total: HdrHistogram, part: HdrHistogram) -> None:
    """Adds part to total and insists that no value is lost."""
    want = total.get_total_count() + part.get_total_count()
    total.add(part)
    if total.get_total_count() != want:
        raise ResultError(f"merging histograms: {want} values became {total.get_total_count()}")


@dataclass(frozen=True)
class Group:
    """What is compared within: everything but the arm."""

    workload: str
    durability: str
    load_per_sec: float

    def __str__(self) -> str:
        load = f"{self.load_per_sec:g}/s" if self.load_per_sec else "closed loop"
        return f"{self.workload}, {self.durability}, {load}"


def group_of(cell: dict) -> Group:
    return Group(cell["workload"], cell["durability"], cell["load_per_sec"])


class Result:
    """One result directory."""

    def __init__(self, directory: Path):
        self.dir = Path(directory)
        self.manifest = _json(self.dir / "manifest.json")
        if (schema := self.manifest.get("schema")) != RESULT_SCHEMA:
            raise ResultError(f"{self.dir}/manifest.json: schema {schema!r}, expected {RESULT_SCHEMA!r}")
        self.env = _json(self.dir / "env.json")
        self.analysis = _json(self.dir / "analysis.json")
        self.arms = [a["name"] for a in self.manifest["arms"]]
        events = _events(self.dir / "journal.jsonl")
        self.planned, ended = _plan(self.manifest, events), _ended(events)
        self.cells = []
        for planned in self.planned:
            key = f"{planned['block']:03d}/{planned['id']}"
            if key not in ended:
                continue
            directory = self.dir / "blocks" / key
            cell = _json(directory / "cell.json")
            if cell.get("schema") != CELL_SCHEMA:
                raise ResultError(f"{directory}/cell.json: schema {cell.get('schema')!r}, expected {CELL_SCHEMA!r}")
            cell["dir"] = directory
            self.cells.append(cell)
        self.histogram = lru_cache(maxsize=None)(self._histogram)
        # The rule by which the report drops the beginning of windows; "" for none.
        self.truncate = self.analysis.get("truncate", "")
        if self.truncate not in ("", "mser"):
            raise ResultError(f"{self.dir}: windows are truncated by {self.truncate!r}, which is not known here")
        self._cuts: dict[tuple[Group, int], int] | None = None

    def groups(self) -> list[Group]:
        """What was measured, by name, loads ascending. The probes of a search for a
        capacity are not among them: each has a load of its own."""
        found = {group_of(c) for c in self.cells if not c.get("probe")}
        return sorted(found, key=lambda g: (g.workload, g.durability, g.load_per_sec))

    def valid(self, group: Group, arm: str, replicate: bool = False) -> dict[int, dict]:
        """The valid cells of an arm by block."""
        return {
            c["block"]: c
            for c in self.cells
            if c["valid"] and not c.get("probe") and c["arm"] == arm and c["replicate"] == replicate and group_of(c) == group
        }

    def _histogram(self, block: int, cell: str, kind: str, dropped: int) -> HdrHistogram:
        return read_log(self.dir / "blocks" / f"{block:03d}" / cell / f"{kind}.hlog", dropped)

    def dropped(self, cell: dict) -> int:
        """How many of the first intervals the rule drops of a cell, the same of all
        cells of its block that are compared with it: what the one of them needs that
        needs most, by p50 or p99."""
        if not self.truncate or cell.get("probe"):
            return 0
        if self._cuts is None:
            self._cuts = {}
            for c in self.cells:
                if c["valid"] and not c.get("probe"):
                    place = group_of(c), c["block"]
                    intervals = read_intervals(c["dir"] / "response.hlog")
                    self._cuts[place] = max(self._cuts.get(place, 0), *(warm_up(intervals, p) for p in (50.0, 99.0)))
        return self._cuts.get((group_of(cell), cell["block"]), 0)

    def of_cell(self, cell: dict, kind: str = "response", whole: bool = False) -> HdrHistogram:
        """One cell's histogram; kind is response, service, slip or e2e. whole: of
        the whole window, whatever is dropped of it."""
        return self.histogram(cell["block"], cell["id"], kind, 0 if whole else self.dropped(cell))

    def merge_cells(self, cells: Iterable[dict], kind: str = "response") -> HdrHistogram:
        """The histogram of several cells. Percentiles are never averaged."""
        total = HdrHistogram(LOWEST_NS, HIGHEST_NS, DIGITS)
        for cell in cells:
            merge(total, self.of_cell(cell, kind))
        return total

    @staticmethod
    def counted(cell: dict) -> float:
        """How many acknowledged records the counters' window holds, which begins
        before the load's or behind it, at the rate at which they were acknowledged
        while the load's lasted: what a broker that fell behind answers later is in no
        counter."""
        load, window = cell["load"], cell["server"]["window_ns"]
        of = load["end_monotonic_ns"] - load["start_monotonic_ns"]
        records = load["records"]
        if of > 0 and load["acked"] > 0:
            records *= load["achieved_per_sec"] * of / 1e9 / load["acked"]
        if of > 0 and cell["server"].get("lag_ns", 0) != 0:
            return records * max(1, of - cell["server"]["lag_ns"]) / of
        return records * window / of if of > 0 and window > 0 else records

    def cpu_per_message(self, cells: Iterable[dict]) -> float | None:
        """CPU time of the broker's process per acknowledged record, in ns, over
        the measured windows of these cells together."""
        ran = records = 0
        for cell in cells:
            server = cell["server"]
            exact = server["cpu_run_ns"]
            ran += server["cpu_user_ns"] + server["cpu_sys_ns"] if exact is None else exact
            records += self.counted(cell)
        return ran / records if records else None

    def saturated(self, group: Group, arm: str) -> bool:
        """Whether the arm fell behind the load in half of its runs or more, the
        replicates among them; a single one may have met a disturbance."""
        cells = [*self.valid(group, arm).values(), *self.valid(group, arm, replicate=True).values()]
        behind = sum(c["load"]["achieved_ratio"] < KEPT_UP for c in cells)
        return behind > 0 and 2 * behind >= len(cells)

    def refusal(self, cells: list[dict], kind: str, percentile: float) -> str:
        """Why a percentile of these cells together must not be shown; empty when
        it may be."""
        count = sum(self.of_cell(c, kind).get_total_count() for c in cells)
        censored = sum(self.censored(c["load"], kind) for c in cells)
        if count < min_samples(percentile):
            return f"p{percentile:g} needs {min_samples(percentile)} samples, {count} there"
        if self.manifest["host_class"] not in ("A", "B") and percentile > 99:
            return f"p{percentile:g} is not claimed on host class C"
        if censored > (1 - percentile / 100) * count:
            return f"{censored} of {count} requests were given up or still waiting"
        return ""

    @staticmethod
    def censored(load: dict, kind: str) -> int:
        """How many values of a log are those at which something was given up."""
        match kind:
            case "slip":
                return load["unsent"]
            case "e2e":
                return load["consumer"].get("e2e_censored", 0)
        return load["censored"]

    def quantity(self, cell: dict, name: str) -> float | None:
        """What arms are compared by, of one cell: a key of QUANTITIES. None when
        the cell does not carry it."""
        server, records = cell["server"], self.counted(cell)
        match QUANTITIES[name]:
            case (kind, percentile):
                if self.refusal([cell], kind, percentile):
                    return None
                return float(self.of_cell(cell, kind).get_value_at_percentile(percentile))
            case "cpu":
                return self.cpu_per_message([cell])
            case "rate":
                return cell["load"]["achieved_per_sec"]
            case _:
                return (server["ctx_voluntary"] + server["ctx_involuntary"]) / records if records else None

    def compare(self, group: Group, a: str, b: str, name: str) -> Effect | str:
        """The ratio a/b of a quantity over blocks, or why there is none."""
        if isinstance(QUANTITIES[name], tuple):
            for arm in (a, b):
                if self.saturated(group, arm):
                    return f"{arm} is saturated: its latencies measure how long the run was"

        def values(arm: str, replicate: bool) -> dict[int, float]:
            found = {block: self.quantity(c, name) for block, c in self.valid(group, arm, replicate).items()}
            return {block: v for block, v in found.items() if v}

        d = log_ratios(values(a, False), values(b, False))
        # Every arm that has a second run says how well this machine repeats itself; a
        # saturated one says by its latencies how alike two runs of one length are.
        null = [
            r
            for arm in self.arms
            if not (isinstance(QUANTITIES[name], tuple) and self.saturated(group, arm))
            for r in log_ratios(values(arm, True), values(arm, False))
        ]
        floor = math.exp(floor_of(null)) if null else None
        if not d:
            return Effect(blocks=0, ratio=None, interval=None, level=0.0, floor=floor, lower=0)
        estimate, low, high, level = hodges_lehmann(d)
        return Effect(
            blocks=len(d),
            ratio=math.exp(estimate),
            interval=(math.exp(low), math.exp(high)) if level else None,
            level=level,
            floor=floor,
            lower=sum(x < 0 for x in d),
        )


@dataclass(frozen=True)
class Effect:
    """One comparison of two arms."""

    blocks: int
    ratio: float | None  # None: no block has both
    interval: tuple[float, float] | None  # at this level; one block gives none
    level: float
    floor: float | None  # how far the same estimate of one arm over itself may lie from 1
    lower: int  # blocks in which the first arm was below the second


def min_samples(percentile: float) -> int:
    """Samples a percentile needs for a finite upper limit of its
    distribution-free 95 % interval: 1 - p^n >= 97.5 %."""
    return math.ceil(math.log(0.025) / math.log(percentile / 100))


def log_ratios(a: dict[int, float], b: dict[int, float]) -> list[float]:
    """ln(a/b) of every block that has both."""
    return [math.log(a[k] / b[k]) for k in sorted(a.keys() & b.keys()) if a[k] > 0 and b[k] > 0]


def hodges_lehmann(d: list[float]) -> tuple[float, float, float, float]:
    """Median of the Walsh averages of d, the signed-rank interval around it and
    the interval's exact level: the smallest attainable one of at least 95 %, or
    the highest there is with fewer than six blocks (0 with one)."""
    n = len(d)
    walsh = sorted((d[i] + d[j]) / 2 for i in range(n) for j in range(i, n))
    estimate = median(walsh)
    if n == 1:
        return estimate, estimate, estimate, 0.0
    # Ways to get a rank sum of t, of 2^n equally likely choices of signs.
    ways = [1] + [0] * (n * (n + 1) // 2)
    for rank in range(1, n + 1):
        for t in range(len(ways) - 1, rank - 1, -1):
            ways[t] += ways[t - rank]
    k, below = 0, ways[0]
    while (below + ways[k + 1]) * 2 <= 0.05 * 2**n:
        k += 1
        below += ways[k]
    return estimate, walsh[k], walsh[-1 - k], 1 - 2 * below / 2**n


def floor_of(null: list[float]) -> float:
    """How far the further end of the null's interval lies from 0; of an interval
    below 95 % the largest magnitude in it."""
    _, low, high, level = hodges_lehmann(null)
    return max(map(abs, null)) if level < 0.95 else max(abs(low), abs(high))


def warm_up(intervals: list[HdrHistogram], percentile: float) -> int:
    """How many of a window's first intervals MSER cuts off by the logarithms of this
    percentile; 0 where they cannot be judged, or where what is left would lie in the
    window's second half."""
    at: dict[float, HdrHistogram] = {}
    for i in intervals:  # those of several classes of requests begin together
        merge(at.setdefault(i.get_start_time_stamp(), HdrHistogram(LOWEST_NS, HIGHEST_NS, DIGITS)), i)
    series = [h for _, h in sorted(at.items())]
    if not MIN_INTERVALS <= len(series) <= MAX_INTERVALS or any(h.get_total_count() < min_samples(percentile) for h in series):
        return 0
    logs = [math.log(max(1, h.get_value_at_percentile(percentile))) for h in series]
    best, least = 0, math.inf
    for cut in range(len(logs) // 2 + 1):
        rest = logs[cut:]
        mean = sum(rest) / len(rest)
        error = sum((x - mean) ** 2 for x in rest) / len(rest) ** 2
        if error < least - 1e-15:  # less by rounding alone is not less
            best, least = cut, error
    return best if best < len(logs) // 2 else 0


def nines(percentile: float) -> float:
    """The scale of a percentile plot: 1 for p90, 2 for p99."""
    return -math.log10(1 - percentile / 100)
