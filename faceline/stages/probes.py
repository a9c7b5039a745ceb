"""Which photographs are meant by what a user names: files, folders, patterns; and what cannot be one."""

import fnmatch
import glob
import os
import re
import urllib.parse
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from faceline.disk.paths import named_path
from faceline.disk.people_paths import is_thumbnail_store
from faceline.disk.pictures.images import picture_suffixes
from faceline.disk.scan import identity
from faceline.wording import one_line

URL = re.compile(r"([a-z][a-z0-9+.-]*)://", re.IGNORECASE)
STREAMS = ("rtsp", "rtsps", "rtmp", "rtmps", "rtp", "udp", "tcp", "srt", "mms")
VIDEOS = frozenset(
    {
        *(".mp4", ".m4v", ".mov", ".qt", ".avi", ".mkv", ".webm", ".wmv", ".asf", ".flv", ".f4v", ".mpg", ".mpeg"),
        *(".m2v", ".mts", ".m2ts", ".ts", ".vob", ".ogv", ".3gp", ".3g2", ".mxf", ".rm", ".rmvb", ".divx", ".dv"),
        *(".h264", ".hevc", ".mjpeg", ".mjpg", ".insv", ".lrv"),
    }
)


@dataclass
class Probes:
    """Photographs to be named.

    Attributes
    ----------
    paths : list of str
        One for each photograph, in the order of what was named; those of a folder or pattern sorted. What does not
        exist, or holds no picture, stands for itself.
    folders : list of str
        Of each of them the folder that was named, or that a pattern begins with, and below which it was found; of a
        file the folder that it lies in.
    expanded : bool
        Whether the pictures of a folder or pattern are among them.
    ignored : Counter
        How many files of each ending in folders are no pictures by their names, and how many folders of each name,
        with a slash behind it, hold copies that a server made.
    """

    paths: list[str] = field(default_factory=list)
    folders: list[str] = field(default_factory=list)
    expanded: bool = False
    ignored: Counter = field(default_factory=Counter)


def list_probes(named: str | Path | Sequence[str | Path], leave_out: str | Path | None = None) -> Probes:
    """The photographs that paths of files, folders and patterns (`photos/**/*.jpg`) mean.

    A folder means all pictures below it, a pattern what it matches; a file or folder that really is called like a
    pattern is meant itself. Hidden files, thumbnail stores and the folder `leave_out`, which takes the results, are
    left aside.

    Raises
    ------
    FacelineError
        If a path is empty.
    """
    probes = Probes()
    for path in [named] if isinstance(named, str | os.PathLike) else named:
        named_path(path)
        text = os.fspath(path)
        if os.path.isdir(text):
            found, folder = pictures_below(text, leave_out, probes.ignored), text
        elif glob.has_magic(text) and not os.path.lexists(text) and not URL.match(text):
            found, folder = matches_of(text, leave_out, probes.ignored), split_pattern(text)[0]
        else:
            found, folder = [], ""
        probes.expanded |= bool(found)
        probes.paths += found or [text]
        probes.folders += [folder] * len(found) or [os.path.dirname(text)]
    return probes


def pictures_below(folder: str, leave_out: str | Path | None, ignored: Counter) -> list[str]:
    """The pictures, by their names, in a folder and all folders below it, sorted; folders that cannot be read too."""
    suffixes = picture_suffixes()
    files, closed = files_below(folder, leave_out, ignored)
    found = [file for file in files if ending(file) in suffixes]
    ignored.update(ending(file) for file in files if ending(file) not in suffixes)
    return sorted(found + closed)


def files_below(folder: str, leave_out: str | Path | None, ignored: Counter) -> tuple[list[str], list[str]]:
    """All files below a folder, and the folders there that cannot be read; links are followed, each folder once."""
    files, closed, seen = [], [], set()
    if leave_out and os.path.isdir(leave_out) and not os.path.samefile(leave_out, folder):
        seen.add(identity(os.stat(leave_out)))
    waiting = [folder]
    links: list[str] = []
    # Links come last, so that no folder is listed under the name of a link when it has a path of its own.
    while waiting or links:
        path = waiting.pop() if waiting else links.pop(0)
        try:
            number, names = identity(os.stat(path)), sorted(os.listdir(path))
            os.stat(os.path.join(path, "."))  # fails where a folder may be listed, but not entered
        except OSError:
            closed.append(path)
            continue
        if number in seen:
            continue
        seen.add(number)
        for name in names:
            inner = os.path.join(path, name)
            if name.startswith("."):
                continue
            if not os.path.isdir(inner):
                files.append(inner)
            elif is_thumbnail_store(name):
                ignored[name + "/"] += 1
            else:
                (links if os.path.islink(inner) else waiting).append(inner)
    return files, closed


def ending(path: str) -> str:
    return os.path.splitext(path)[1].lower()


def matches_of(pattern: str, leave_out: str | Path | None, ignored: Counter) -> list[str]:
    """The pictures that a pattern matches, sorted, and those in folders that it matches.

    A pattern that ends in a suffix (`*.dat`) takes all such files; any other (`IMG_*`) takes pictures by their names.
    """
    base, parts = split_pattern(pattern)
    if "**" in parts:
        files, _ = files_below(base or ".", leave_out, Counter())
        start = len(base or "./")
        found = [base + file[start:].lstrip("/") for file in files if fits(file[start:].lstrip("/").split("/"), parts)]
    else:
        found = glob.glob(glob.escape(base) + "/".join(parts))
        found = [path for path in found if not any(map(is_thumbnail_store, inner_parts(path, base, parts)))]
    suffixes = picture_suffixes() | ({ending(pattern)} if not glob.has_magic(ending(pattern)) else set()) - {""}
    pictures = []
    for path in sorted(found):
        if os.path.isdir(path):
            pictures += pictures_below(path, leave_out, ignored)
        elif ending(path) in suffixes:
            pictures.append(path)
        else:
            ignored[ending(path)] += 1
    return pictures


def split_pattern(pattern: str) -> tuple[str, list[str]]:
    """The folder that a pattern begins with, empty or with a slash at its end, and the parts behind it."""
    base, parts = "", pattern.split("/")
    # What exists is no pattern, so that the folder `photos [2019]` is found in `photos [2019]/*.jpg`.
    while len(parts) > 1 and (not parts[0] or os.path.isdir(f"{base}{parts[0]}")):
        base += parts.pop(0) + "/"
    return base, parts


def inner_parts(path: str, base: str, parts: list[str]) -> Iterable[str]:
    """The folders in a match that the pattern did not name letter by letter."""
    found = path[len(base) :].split("/")
    return [name for name, part in zip(found, parts, strict=False) if name != part]


def fits(names: Sequence[str], parts: Sequence[str]) -> bool:
    """Whether a path, as its names, matches a pattern, as its parts: `**` stands for any number of folders.

    A pattern that ends in `**` or matches a folder means everything below.
    """
    if not parts:
        return True
    if parts[0] == "**":
        return any(fits(names[start:], parts[1:]) for start in range(len(names)))
    return bool(names) and fnmatch.fnmatchcase(names[0], parts[0]) and fits(names[1:], parts[1:])


@dataclass(frozen=True)
class Misfit:
    """Something that a user names though no photograph can be there: what it is, and what to do."""

    what: str
    cure: str

    def __str__(self) -> str:
        return f"{self.what}; {self.cure}"


def misfit(path: str) -> Misfit | None:
    """What a path that could not be read is instead of a photograph; None for one that is just missing or damaged."""
    if path == "-" and not os.path.lexists(path):
        return Misfit("standard input is not read", "save the picture to a file and name that")
    if os.path.lexists(path):
        if ending(path) in VIDEOS and not os.path.isdir(path):
            cure = "take pictures out of it, as with ffmpeg -i VIDEO -r 1 frame-%04d.jpg, and name those"
            return Misfit("a video", cure)
        return None
    scheme = URL.match(path)
    if scheme is None:
        return None
    if scheme[1].lower() == "file":
        here = one_line(urllib.parse.unquote(urllib.parse.urlsplit(path).path))
        return Misfit("a URL, not a path", f"name the file itself: {here}")
    if scheme[1].lower() in STREAMS:
        cure = "save a picture of it, as with ffmpeg -i URL -frames:v 1 photo.jpg, and name that"
        return Misfit("a camera or stream, and nothing is fetched from a network", cure)
    return Misfit("a URL, and nothing is fetched from a network", "download the picture and name its file")


def unreadable_reason(path: str, reason: str) -> str:
    """Why `path` is no usable picture, where a reader gave `reason`."""
    kind = misfit(path)
    if kind is not None:
        return str(kind)
    if os.path.isdir(path) and os.access(path, os.R_OK | os.X_OK):
        return "no picture in this folder"
    if glob.has_magic(path) and not os.path.lexists(path):
        return "no picture matches this pattern"
    return reason
