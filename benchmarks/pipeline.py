"""From pictures to embeddings: stages 1 and 2 against a script with the package face_recognition doing the same.

Both take the largest face of every picture, with a process for each core. The peer's script keeps its embeddings in
memory; ours writes crops, manifests and CSV.

What is counted: the peer's script is a command, so each of its rounds starts an interpreter and its pool. "Faceline" is
two calls in a program that has made them before and keeps its workers, which pays for that in the first round, that is
not counted; "Faceline, two commands" starts all anew in each round, as the peer does.
"""

import subprocess
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

from measure import interleaved

from faceline import align_folder, keep_workers, represent_folder
from faceline.disk.reading import read_json
from faceline.networks.network import FLOAT32, INT8
from faceline.runs.parallel import all_cores

ROOT = Path(__file__).resolve().parent.parent
ALIGN, REPRESENT = ROOT / "util" / "align-dlib.py", ROOT / "batch_represent" / "main.py"

ROUNDS = 3
LFW = 300


def main(faces: Path) -> list[str]:
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        pictures = root / "pictures"
        lfw = sorted((faces / "lfw-dev").glob("*/*.jpg"))
        for path in lfw[:: len(lfw) // LFW][:LFW] + sorted((faces / "groups").glob("*.jpg")):
            (pictures / path.parent.name).mkdir(parents=True, exist_ok=True)
            (pictures / path.parent.name / path.name).symlink_to(path.resolve())
        found = {}

        def ours(name: str, precision: str) -> None:
            # A new one each time: to remove what the last round wrote is no part of the pipeline.
            out = Path(tempfile.mkdtemp(dir=root))
            align_folder(pictures, out / "aligned", size=96)
            represent_folder(out / "aligned", out / "embeddings", precision=precision)
            found[name] = read_json(out / "embeddings" / "run.json")["counts"]["ok"]

        def commands() -> None:
            out = Path(tempfile.mkdtemp(dir=root))
            align = [ALIGN, pictures, out / "aligned", "--size", "96"]
            represent = [REPRESENT, "-outDir", out / "embeddings", "-data", out / "aligned"]
            for command in (align, represent):
                subprocess.run(list(map(str, [sys.executable, *command])), check=True, capture_output=True)
            found["Faceline, two commands"] = read_json(out / "embeddings" / "run.json")["counts"]["ok"]

        def theirs() -> None:
            command = [sys.executable, str(Path(__file__).with_name("peer_face_recognition.py")), str(pictures)]
            done = subprocess.run([*command, str(all_cores())], check=True, capture_output=True, text=True)
            found["face_recognition"] = int(done.stdout)

        calls = {"Faceline": FLOAT32, "Faceline, stage 2 in int8": INT8}
        with keep_workers():
            candidates: dict[str, Callable[[], None]] = {"face_recognition": theirs}
            candidates |= {name: partial(ours, name, precision) for name, precision in calls.items()}
            candidates["Faceline, two commands"] = commands
            medians = interleaved(candidates, ROUNDS)
    rates = {name: found[name] / seconds for name, seconds in medians.items()}
    lines = [
        f"| {sum(1 for _ in lfw[:: len(lfw) // LFW][:LFW])} pictures of LFW and all of groups, {all_cores()} processes"
        " | faces | seconds | faces a second | against face_recognition |",
        "|---|---|---|---|---|",
    ]
    for name, seconds in medians.items():
        ratio = rates[name] / rates["face_recognition"]
        lines.append(f"| {name} | {found[name]} | {seconds:.1f} | {rates[name]:.1f} | {ratio:.1f} x |")
    return ["\n".join(lines)]
