"""Naming one photograph, as a whole process: `classifier.py infer` against a script with face_recognition.

The peer's script loads embeddings that were made before, finds the faces, embeds them and compares, as ours does.
"""

import pickle
import subprocess
import sys
import tempfile
from pathlib import Path

from measure import interleaved, table

from faceline import align_folder, represent_folder, train
from faceline.disk.embeddings import read_embeddings
from faceline.disk.people_paths import person_of

ROOT = Path(__file__).resolve().parent.parent


def main(faces: Path) -> list[str]:
    known = faces / "known-people"
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        align_folder(known / "train", root / "aligned")
        represent_folder(root / "aligned", root / "embeddings")
        train(root / "embeddings")
        embeddings, crops = read_embeddings(root / "embeddings", 128)
        with (root / "known.pickle").open("wb") as file:
            pickle.dump((embeddings, [person_of(crop) for crop in crops]), file)
        tables = []
        for photograph in ("obama1.jpg", "johnsnow_test1.jpg"):
            commands = {
                "face_recognition": [ROOT / "benchmarks" / "peer_startup.py", root / "known.pickle"],
                "Faceline": [ROOT / "demos" / "classifier.py", "infer", root / "embeddings" / "classifier.pkl"],
            }

            def run(command: list, photograph: str = photograph) -> None:
                arguments = [sys.executable, *map(str, command), str(known / "test" / photograph)]
                subprocess.run(arguments, check=True, capture_output=True)

            candidates = {name: lambda command=command: run(command) for name, command in commands.items()}
            medians = interleaved(candidates, 7)
            tables.append(table(f"naming {photograph}, a whole process", "s", medians, "face_recognition", scale=1))
        return tables
