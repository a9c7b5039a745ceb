#!/usr/bin/env python3
"""Write what the pages say of the commands from the commands themselves.

docs/commands.md            all commands and options
README.md                   what its commands print, by running them on the sample photographs
docs/example-faces.jpg      a marked photograph
docs/compare-grid.jpg       a grid of faces that were compared
docs/example-blur.jpg       covered ones
docs/example-landmarks.jpg  an annotated one
docs/example-video.jpg      frames of a video with names
"""

import argparse
import re
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

try:
    import cv2
    import numpy as np
    from PIL import Image

    from faceline import FacelineError
    from faceline.cli.completion import commands_of
    from faceline.cli.main import build_parser
    from faceline.cli.parser import Parser
    from faceline.cli.program import run
except ModuleNotFoundError as error:
    cure = "source .venv/bin/activate" if (Path(__file__).resolve().parent.parent / ".venv").is_dir() else "./demo.sh"
    print(f"make-docs.py: error: {error}; run {cure}", file=sys.stderr)
    sys.exit(2)

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "commands.md"
README = ROOT / "README.md"
PICTURE = ROOT / "docs" / "example-faces.jpg"
GRID = ROOT / "docs" / "compare-grid.jpg"
BLURRED = ROOT / "docs" / "example-blur.jpg"
LANDMARKS = ROOT / "docs" / "example-landmarks.jpg"
FRAMES = ROOT / "docs" / "example-video.jpg"

# What a clone has beside the photographs that the README's commands need.
SCRIPTS = "util", "batch_represent", "demos", "evaluation"

# The photographs of the marked example, as seen from demo-photos, with the part of each that is shown.
EXAMPLE = ("obama3.jpg", (200, 0, 1434, 1234)), ("astronaut.png", (0, 0, 512, 512))
EXAMPLE_EDGE = 300  # pixels

# Likewise of the annotated one.
CLOSE_EXAMPLE = ("obama3.jpg", (500, 150, 1100, 750)), ("astronaut.png", (120, 20, 330, 230))
CLOSE_EDGE = 400

# The video goes along the marked example, as many pixels a frame; these frames are shown.
PACE, SHOWN_FRAMES = 5, (2, 20, 58)

# The photographs that the grid compares.
COMPARED = "training-images demo-photos/obama3.jpg"

INTRODUCTION = """\
# Commands

Written by `util/make-docs.py` from the commands; a test compares. The scripts are the same commands:
`util/align-dlib.py` is `faceline align`, `batch_represent/main.py` is `faceline represent`, `demos/classifier.py train`
and `infer` are `faceline train` and `infer`, `demos/compare.py` is `faceline compare`, `demos/video.py` is
`faceline watch`, and `evaluation/lfw.py`, `groups.py`, `identify.py` and `compare.py` are `faceline evaluate …`. Of the
scripts in `util/`, `annotate-image.py` is `faceline annotate`, `prune-dataset.py` is `faceline prune`,
`create-train-val-split.py` is `faceline split`, `profile-pipeline.py` is `faceline profile`, `tsne.py` is
`faceline map`, `merge-shards.py` is `faceline merge`, and `align-dlib.py <input> computeMean` is
`faceline mean-landmarks`.
"""


def leaves(parser: Parser) -> Iterator[argparse.ArgumentParser]:
    """The commands below a parser that have no further ones below them."""
    for command in commands_of(parser):
        if not any(isinstance(action, argparse._SubParsersAction) for action in command._actions):
            yield command


def table(parser: argparse.ArgumentParser) -> list[str]:
    lines = ["| argument | |", "|---|---|"]
    for action in parser._actions:
        if isinstance(action, argparse._HelpAction):
            continue
        names = list(action.option_strings) or [""]
        value = "" if action.nargs == 0 else values(action)
        said = (action.help or "") % {**vars(action), "default": parser.get_default(action.dest)}
        name = ", ".join(f"`{f'{flag} {value}'.strip()}`" for flag in names)
        lines.append(f"| {name} | {said} |".replace("\\", "\\\\"))
    return lines


def values(action: argparse.Action) -> str:
    """What stands behind a flag: one name for each value, or those that may be chosen."""
    name = action.metavar
    if name is None:
        name = "{" + ",".join(map(str, action.choices)) + "}" if action.choices else action.dest.upper()
    name = name if isinstance(name, str) else " ".join(name)
    return name.replace("|", " or ")


def page() -> str:
    parts = [INTRODUCTION]
    for command in leaves(build_parser()):
        description = (command.description or "").strip()
        parts += [f"## {command.prog}\n", f"```\n{description}\n```\n", "\n".join(table(command)) + "\n"]
    return "\n".join(parts)


def demonstrate(folder: Path) -> None:
    """Leave a folder that holds the sample photographs as demo.sh leaves a clone, people enrolled."""
    for name in SCRIPTS:
        (folder / name).symlink_to(ROOT / name)
    (folder / ".venv" / "bin").mkdir(parents=True)
    path = f"export PATH={shlex.quote(str(Path(sys.executable).parent))}:$PATH\n"
    (folder / ".venv" / "bin" / "activate").write_text(path)
    for command in re.findall(r"^run (.*)$", (ROOT / "demo.sh").read_text(), re.MULTILINE):
        if "get-samples" not in command and "infer" not in command:
            printed(command, folder)


def printed(commands: str, folder: Path) -> str:
    """What commands of a shell print when they run in a demonstration's folder."""
    return output(["bash", "-e", "-c", f". .venv/bin/activate\n{commands}"], folder)


def output(command: list[str], folder: Path) -> str:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        raise FacelineError(f"exit status {done.returncode} of {command[-1]}\n{done.stderr}")
    return done.stdout


def with_outputs(page: str, folder: Path) -> str:
    """The page with what its commands print when they run, one after the other, in a demonstration's folder.

    Blocks of `sh` and `python` run; one of `text` is what the `sh` before it prints; one of `console` has commands
    behind a dollar, each followed by what it prints. Others stay as they are.
    """
    last = ""

    def run_block(match: re.Match) -> str:
        nonlocal last
        kind, block = match.groups()
        if kind == "sh":
            last = printed(block, folder)
        elif kind == "python":
            output([sys.executable, "-c", block], folder)
        elif kind == "text":
            block = last
        elif kind == "console":
            commands = re.findall(r"^\$ (.*)$", block, re.MULTILINE)
            block = "".join(f"$ {command}\n{printed(command, folder)}" for command in commands)
        # The seconds are others every time: where nothing else has changed, the page keeps them.
        return match[0] if without_seconds(block) == without_seconds(match[2]) else f"```{kind}\n{block}```\n"

    return re.sub(r"^```(\w+)\n(.*?)^```\n", run_block, page, flags=re.MULTILINE | re.DOTALL)


def without_seconds(text: str) -> str:
    return re.sub(r"\bin [\d.]+ s\b", "in … s", text)


def make_example(folder: Path) -> None:
    """Put two of the sample photographs beside each other, as `example.jpg` in a demonstration's folder."""
    side_by_side(folder, EXAMPLE, EXAMPLE_EDGE).save(folder / "example.jpg", quality=90)


def mark_example(folder: Path) -> Path:
    """A marked picture of the two."""
    make_example(folder)
    printed("demos/classifier.py infer --multi --save marked example.jpg", folder)
    return folder / "marked" / "example-faces.jpg"


def draw_grid(folder: Path) -> Path:
    """A grid of the faces of the sample photographs, in a demonstration's folder."""
    printed(f"demos/compare.py {COMPARED} --save compare-grid.jpg", folder)
    return folder / "compare-grid.jpg"


def blur_example(folder: Path) -> Path:
    """Two covered copies of the two beside each other: one person is kept, nobody is."""
    make_example(folder)
    row = Image.new("RGB", (EXAMPLE_EDGE * len(EXAMPLE) * 2, EXAMPLE_EDGE))
    for place, options in enumerate(("--keep obama", "--how blur")):
        printed(f"demos/blur.py {options} example.jpg --save blurred", folder)
        with Image.open(folder / "blurred" / "example-blurred.jpg") as copy:
            row.paste(copy, (place * EXAMPLE_EDGE * len(EXAMPLE), 0))
    row.save(folder / "blurred.jpg", quality=90)
    return folder / "blurred.jpg"


def annotate_example(folder: Path) -> Path:
    """An annotated picture of the faces of the two."""
    side_by_side(folder, CLOSE_EXAMPLE, CLOSE_EDGE).save(folder / "close.jpg", quality=90)
    printed("util/annotate-image.py generated-embeddings close.jpg outerEyesAndNose", folder)
    return folder / "annotated" / "close-annotated.jpg"


def watch_example(folder: Path) -> Path:
    """Some frames, beside each other, of a video with names: a camera that turns from one of the two to the other."""
    make_example(folder)
    with Image.open(folder / "example.jpg") as picture:
        seen = [picture.crop((x, 0, x + EXAMPLE_EDGE, EXAMPLE_EDGE)) for x in range(0, EXAMPLE_EDGE + 1, PACE)]
    video = cv2.VideoWriter(str(folder / "turning.avi"), cv2.VideoWriter.fourcc(*"MJPG"), 25, (EXAMPLE_EDGE,) * 2)
    for frame in seen:
        video.write(np.array(frame)[..., ::-1].copy())
    video.release()
    printed("demos/video.py turning.avi --save named.avi", folder)
    named, row = cv2.VideoCapture(str(folder / "named.avi")), Image.new("RGB", (EXAMPLE_EDGE * 3, EXAMPLE_EDGE))
    for place, number in enumerate(SHOWN_FRAMES):
        named.set(cv2.CAP_PROP_POS_FRAMES, number)
        row.paste(Image.fromarray(named.read()[1][..., ::-1]), (place * EXAMPLE_EDGE, 0))
    row.save(folder / "frames.jpg", quality=90)
    return folder / "frames.jpg"


def side_by_side(folder: Path, parts: Iterable[tuple[str, tuple[int, int, int, int]]], edge: int) -> Image.Image:
    """Square parts of sample photographs, at the same size."""
    squares = []
    for name, part in parts:
        with Image.open(folder / "demo-photos" / name) as photograph:
            square = photograph.convert("RGB").crop(part)
        squares.append(square.resize((edge, edge), Image.Resampling.LANCZOS))
    row = Image.new("RGB", (edge * len(squares), edge))
    for place, square in enumerate(squares):
        row.paste(square, (place * edge, 0))
    return row


def make_docs() -> str:
    PAGE.write_text(page())
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        output([sys.executable, str(ROOT / "util" / "get-samples.py"), scratch], ROOT)
        demonstrate(folder)
        README.write_text(with_outputs(README.read_text(), folder))
        PICTURE.write_bytes(mark_example(folder).read_bytes())
        GRID.write_bytes(draw_grid(folder).read_bytes())
        BLURRED.write_bytes(blur_example(folder).read_bytes())
        LANDMARKS.write_bytes(annotate_example(folder).read_bytes())
        FRAMES.write_bytes(watch_example(folder).read_bytes())
    return f"Written to {PAGE}, {README}, {PICTURE}, {GRID}, {BLURRED}, {LANDMARKS} and {FRAMES}"


if __name__ == "__main__":
    parser = Parser(prog="make-docs.py", description=__doc__)
    parser.does(make_docs, make_docs)
    sys.exit(run(parser))
