"""Timing candidates against each other in one run, and writing down what came out.

The candidates take turns, so that whatever else the machine does hits all of them; the figures are medians.
"""

import platform
import statistics
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from faceline.disk.run_records import versions
from faceline.runs.parallel import all_cores


def interleaved(candidates: Mapping[str, Callable[[], object]], rounds: int) -> dict[str, float]:
    """The median seconds of each candidate over some rounds, after a first one to warm up."""
    seconds: dict[str, list[float]] = {name: [] for name in candidates}
    for turn in range(rounds + 1):
        for name, candidate in candidates.items():
            begun = time.perf_counter()
            candidate()
            if turn:
                seconds[name].append(time.perf_counter() - begun)
    return {name: statistics.median(values) for name, values in seconds.items()}


def median_seconds(work: Callable[[], object], rounds: int) -> float:
    """The median seconds of something that has no rival."""
    return interleaved({"": work}, rounds)[""]


def table(title: str, unit: str, medians: Mapping[str, float], peer: str, scale: float = 1e3) -> str:
    """Medians as Markdown, each with how many times faster than `peer` it is."""
    lines = [f"| {title} | {unit} | against {peer} |", "|---|---|---|"]
    for name, value in medians.items():
        lines.append(f"| {name} | {value * scale:.3g} | {medians[peer] / value:.1f} x |")
    return "\n".join(lines)


def machine() -> str:
    """One line on what the figures were measured on."""
    model = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        names = [
            line.split(":", 1)[1].strip() for line in info.read_text().splitlines() if line.startswith("model name")
        ]
        model = names[0] if names else model
    installed = ", ".join(f"{name} {version}" for name, version in versions().items() if name != "faceline")
    return f"{model}, {all_cores()} cores, {platform.system()}; {installed}"
