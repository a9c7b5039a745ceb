"""Which networks and detectors there are, which of their files are here, and how these come."""

from dataclasses import dataclass
from pathlib import Path

from faceline.disk.paths import named_path
from faceline.errors import FacelineError
from faceline.faces.detectors import DETECTORS
from faceline.networks.table import NETWORKS
from faceline.networks.weights import Download, Weights, bring, is_here, path_of
from faceline.wording import one_line

KINDS = ("network", "detector")


@dataclass(frozen=True)
class Entry:
    """A network or a detector.

    Attributes
    ----------
    kind : str
        One of KINDS.
    name : str
        As `--network` or `--detector` take it.
    files : tuple of Weights or Download
        What it needs.
    facts : str
        What there is to say of it in a few words.
    is_tested : bool
        Whether its files were here when this version was made.
    """

    kind: str
    name: str
    files: tuple[Weights | Download, ...]
    facts: str
    is_tested: bool

    def is_here(self) -> bool:
        return all(map(is_here, self.files))

    def state(self) -> str:
        """Where its files are, or how they come."""
        wanted = [file for file in self.files if isinstance(file, Download)]
        if not wanted:
            return "installed"
        (file,) = wanted
        size = "" if file.size is None else f", {file.size / 1e6:.1f} MB"
        if self.is_here():
            return f"here ({file.file}{size})"
        if file.url is not None and file.sha256 is not None:
            return f"to be fetched: --get {self.name} ({file.file}{size})"
        place = "" if file.url is None else f"; {file.url}"
        return f"to be brought: --get {self.name} --from FILE ({file.file}{size}{place})"


def entries() -> list[Entry]:
    found = []
    for network in NETWORKS.values():
        if not isinstance(network.source, Weights | Download):  # neither the user's own nor combinations are in it
            continue
        facts = f"{network.dimensions} numbers, {network.licence}, trained on people of LFW: {network.saw_lfw}"
        found.append(Entry("network", network.name, (network.source,), facts, network.is_tested))
    for name, detector in DETECTORS.items():
        found.append(Entry("detector", name, detector.weights, "", detector.is_tested))
    return found


def get(name: str, source: str | Path | None = None) -> Path:
    """Get the file of a network or detector into the user's cache; returns where it lies.

    Parameters
    ----------
    name : str
    source : path or None
        A file that the user has, which may be packed by bzip2. None fetches it from its public address.

    Raises
    ------
    FacelineError
        If there is none of this name, it has no file to get, the file is another one, or it cannot be fetched.
    """
    wanted = [entry for entry in entries() if entry.name == name]
    if not wanted:
        names = ", ".join(entry.name for entry in entries() if any(isinstance(file, Download) for file in entry.files))
        raise FacelineError(f"unknown network {one_line(name)!r}; choose from {names}")
    files = [file for entry in wanted for file in entry.files if isinstance(file, Download)]
    if not files:
        raise FacelineError(f"{name} comes with Faceline's requirements; there is nothing to get")
    if source is not None:
        return bring(files[0], named_path(source))
    if not is_here(files[0]) and (files[0].url is None or files[0].sha256 is None):
        raise FacelineError(
            f"{files[0].file} cannot be fetched: {why_not(files[0])}; get it yourself, then faceline networks"
            f" --get {name} --from FILE"
        )
    return path_of(files[0])


def why_not(file: Download) -> str:
    return "no public address is known" if file.url is None else f"nothing says what {file.url} has to be"
