"""A Parquet file is read once where it does no harm: in a process of its own that gets little memory.

A few bytes may say that a million numbers follow which are all alike, or be forged so that pyarrow ends the process.
"""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from faceline.disk.parquet_embeddings import opened_embeddings
from faceline.errors import FacelineError
from faceline.host.memory import free_memory
from faceline.runs.parallel import may_have_processes
from faceline.runs.workers import in_processes
from faceline.wording import one_line

# What the process may take beyond what it has: the largest embeddings take a tenth.
MOST_MEMORY = 4 * 1024**3


def try_file(path: Path, dimensions: int) -> None:
    """Read all of a Parquet file of embeddings of so many numbers.

    Raises
    ------
    FacelineError
        If an embedding is none, or the file cannot be read or takes too much memory.
    """
    if not may_have_processes():
        read_through(path, dimensions)
        return
    try:
        ((_, (complaint,)),) = in_processes(complaints, [[(path, dimensions)]], 1)
    except FacelineError:
        raise FacelineError(f"{one_line(path)}: damaged or forged: what reads it, dies of it") from None
    if complaint is not None:
        raise complaint


def complaints(files: list[tuple[Path, int]]) -> list[FacelineError | None]:
    """What is wrong with files, in a process of its own."""
    found: list[FacelineError | None] = []
    with little_memory(), silence():
        for path, dimensions in files:
            try:
                read_through(path, dimensions)
                found.append(None)
            except FacelineError as error:
                found.append(FacelineError(str(error)))
    return found


def read_through(path: Path, dimensions: int) -> None:
    """Read all of a file, and keep nothing; raises FacelineError."""
    with opened_embeddings(path) as file:
        file.read_columns()
        for _ in file.blocks(dimensions):
            pass


@contextlib.contextmanager
def little_memory() -> Iterator[None]:
    """Within this block, the process may take MOST_MEMORY more, or half of what is free; on Linux."""
    try:
        import resource

        taken = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    except (ImportError, OSError):  # of other systems than Linux
        yield
        return
    limits = resource.getrlimit(resource.RLIMIT_AS)
    bound = taken + min(MOST_MEMORY, free_memory() // 2)
    resource.setrlimit(resource.RLIMIT_AS, (bound if limits[1] < 0 else min(bound, limits[1]), limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, limits)


@contextlib.contextmanager
def silence() -> Iterator[None]:
    """Within this block, nothing that C++ says when it ends the process comes to the user."""
    before, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        yield
    finally:
        os.dup2(before, 2)
        os.close(before)
        os.close(nowhere)
