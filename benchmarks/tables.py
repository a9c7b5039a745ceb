#!/usr/bin/env python3
"""How large `embeddings.parquet` is and how long it takes to write and to read, beside `reps.csv` and `reps.npy`.

The embeddings are drawn at random, of people with two pictures each: the table of docs/tables.md.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import duckdb
import numpy as np
import pyarrow.csv
import pyarrow.parquet
from measure import interleaved, machine, table

from faceline.disk.embedding_stream import BLOCK_ROWS, write_as_text, write_scattered
from faceline.disk.embeddings import read_reps, reps_digests, write_labels
from faceline.disk.manifests import write_manifest
from faceline.disk.names import EMBEDDINGS_TABLE_FILE, MANIFEST_FILE, REPS_COPY_FILE, REPS_FILE, RUN_FILE
from faceline.disk.rows import CropRow
from faceline.disk.run_records import run_record
from faceline.disk.writing import write_json
from faceline.faces.options import AlignmentOptions
from faceline.faces.test_time_augmentation import ALONE
from faceline.networks.runtime import DEFAULT_DEVICE, DEFAULT_ENGINE
from faceline.networks.table import NETWORKS

NETWORK = NETWORKS["dlib"]
ROUNDS = 3


def drawn(faces: int) -> Iterator[np.ndarray]:
    """Embeddings of random directions, as long as those of dlib's network, in blocks of shape (k, 128), float32."""
    generator = np.random.default_rng(0)
    for start in range(0, faces, BLOCK_ROWS):
        block = generator.normal(size=(min(BLOCK_ROWS, faces - start), NETWORK.dimensions))
        length = NETWORK.typical_length or 1
        yield (length * block / np.linalg.norm(block, axis=1, keepdims=True)).astype(np.float32)


def make_folder(folder: Path, faces: int) -> None:
    """A folder as stage 2 leaves it."""
    generator = np.random.default_rng(1)
    qualities = np.round(generator.random(faces), 3).tolist()
    rows = []
    for face in range(faces):
        person = f"person-{face // 2:07}"
        digest = generator.bytes(32).hex()
        rows.append(CropRow(f"{person}/{face % 2}.jpg.png", person, "ok", "", digest, qualities[face], "", 120, 9.5))
    write_scattered(folder / REPS_COPY_FILE, drawn(faces), np.arange(faces), NETWORK.dimensions)
    write_as_text(folder, folder / REPS_COPY_FILE, faces, NETWORK.dimensions)
    write_labels(folder, rows)
    write_manifest(folder / MANIFEST_FILE, rows, CropRow)
    options = NETWORK.record() | {"engine": DEFAULT_ENGINE, "device": DEFAULT_DEVICE} | ALONE.record()
    alignment = AlignmentOptions(frame=NETWORK.frame, size=NETWORK.crop_size).record()
    record = run_record(
        "represent", options, Counter({"ok": faces}), 0, alignment=alignment, sha256=reps_digests(folder)
    )
    write_json(folder / RUN_FILE, record)


def run(*words: str | Path) -> str:
    """Run a command of ours: seconds and peak memory, as a cell of each."""
    begun = time.perf_counter()
    process = subprocess.Popen([sys.executable, "-m", "faceline", "-q", *map(str, words)], stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0, words
    return f"{time.perf_counter() - begun:.1f} | {usage.ru_maxrss / 1024:,.0f}"


def readers(folder: Path, faces: int) -> dict[str, Callable[[], np.ndarray]]:
    """What reads the embeddings as an array of shape (n, d), float32, from each file."""
    text, path = folder / REPS_FILE, folder / EMBEDDINGS_TABLE_FILE
    no_header = pyarrow.csv.ReadOptions(autogenerate_column_names=True)
    types = {f"f{column}": pyarrow.float32() for column in range(NETWORK.dimensions)}
    numbers = pyarrow.csv.ConvertOptions(column_types=types)

    def by_arrow_from_text() -> np.ndarray:
        found = pyarrow.csv.read_csv(text, read_options=no_header, convert_options=numbers)
        return np.stack([column.to_numpy() for column in found.columns], axis=1)

    def by_arrow() -> np.ndarray:
        column = pyarrow.parquet.read_table(path, columns=["embedding"])["embedding"].combine_chunks()
        return column.flatten().to_numpy().reshape(-1, NETWORK.dimensions)

    return {
        f"`{REPS_FILE}`, `numpy.loadtxt`, as Faceline": lambda: read_reps(text, NETWORK.dimensions),
        f"`{REPS_FILE}`, `pyarrow.csv`": by_arrow_from_text,
        f"`{REPS_COPY_FILE}`, `numpy.load`": lambda: np.load(folder / REPS_COPY_FILE),
        f"`{EMBEDDINGS_TABLE_FILE}`, pyarrow": by_arrow,
    }


def nearest(path: Path) -> Callable[[], list[tuple]]:
    """The ten crops that are nearest to the first one, by DuckDB from the file."""
    numbers = f"embedding::FLOAT[{NETWORK.dimensions}]"
    query = f"""
        SELECT crop, array_distance({numbers}, (SELECT {numbers} FROM '{path}' LIMIT 1)) AS distance
        FROM '{path}' ORDER BY distance LIMIT 10
    """
    return lambda: duckdb.execute(query).fetchall()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--faces", type=int, default=1_000_000, help="how many (default: %(default)s)")
    faces = parser.parse_args().faces
    with tempfile.TemporaryDirectory() as name:
        folder, other = Path(name) / "embeddings", Path(name) / "imported"
        folder.mkdir()
        make_folder(folder, faces)
        versions = f"pyarrow {pyarrow.__version__}, duckdb {duckdb.__version__}"
        print(f"{faces:,} embeddings of {NETWORK.dimensions} numbers; {machine()}, {versions}\n")
        print("| command | s | MB of memory at most |\n|---|---|---|")
        print(f"| `faceline export` | {run('export', folder)} |")
        path = folder / EMBEDDINGS_TABLE_FILE
        print(f"| `faceline import` | {run('import', path, other)} |\n")
        assert (other / REPS_FILE).read_bytes() == (folder / REPS_FILE).read_bytes()
        print("| file | MB |\n|---|---|")
        for file in (folder / REPS_FILE, folder / REPS_COPY_FILE, path):
            print(f"| `{file.name}` | {file.stat().st_size / 1e6:,.0f} |")
        candidates = readers(folder, faces)
        arrays = [read() for read in candidates.values()]
        assert all(np.array_equal(found, arrays[0]) for found in arrays)
        del arrays
        peer = next(iter(candidates))
        print("\n" + table("reading all embeddings", "s", interleaved(candidates, ROUNDS), peer, scale=1))
        query = {"ten nearest crops, DuckDB, from the file": nearest(path)}
        print("\n" + "\n".join(f"{name}: {took:.2f} s" for name, took in interleaved(query, ROUNDS).items()))


if __name__ == "__main__":
    main()
