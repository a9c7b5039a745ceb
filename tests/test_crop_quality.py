"""The quality of a face, in stage 2's manifest and in `infer --json`."""

import csv
import json
import shutil

import numpy as np
import pytest
from conftest import CLASSIFIER, REPRESENT, run_script, tree
from PIL import Image, ImageFilter

from faceline import align_folder, represent_folder

COLUMNS = ["quality", "unclear", "size", "sharpness", "pose", "light", "occlusion"]
WAYS = {
    "good": lambda crop: crop,
    "blurred": lambda crop: crop.filter(ImageFilter.GaussianBlur(5)),
    "dark": lambda crop: crop.point(lambda value: value * 0.06),
    "covered": lambda crop: Image.composite(Image.new("RGB", crop.size, (90, 120, 160)), crop, lower_part(crop.size)),
}


def lower_part(size):
    mask = Image.new("L", size)
    mask.paste(255, (0, size[1] // 2, *size))
    return mask


def rows_of(folder):
    with (folder / "manifest.csv").open(newline="", encoding="utf-8") as file:
        return {row["crop"]: row for row in csv.DictReader(file)}


@pytest.fixture(scope="module")
def made(tmp_path_factory, photographs):
    """Crops of which some were made worse after stage 1, and their embeddings; each way has a folder."""
    folder = tmp_path_factory.mktemp("quality")
    source = folder / "in"
    source.mkdir()
    for way in WAYS:
        (source / way).mkdir()
        for picture in sorted(photographs.train.glob("*/*"))[:4]:
            shutil.copy(picture, source / way / f"{picture.parent.name}-{picture.name}")
    align_folder(source, folder / "aligned", upsample=0, jobs=2)
    for way, change in WAYS.items():
        for path in (folder / "aligned" / way).iterdir():
            with Image.open(path) as image:
                changed = change(image.convert("RGB"))
            changed.save(path)
    done = run_script(REPRESENT, "-outDir", folder / "embeddings", "-data", folder / "aligned", "--jobs", 1)
    assert done.returncode == 0, done.stderr
    return folder


def test_manifest_tells_the_quality_of_each_crop(made):
    rows = rows_of(made / "embeddings")
    assert list(next(iter(rows.values())))[-len(COLUMNS) :] == COLUMNS
    of_way = {way: [row for crop, row in rows.items() if crop.startswith(f"{way}/")] for way in WAYS}
    good = [float(row["quality"]) for row in of_way["good"]]
    assert min(good) > 0.75
    for way in ("blurred", "dark", "covered"):
        worse = [float(row["quality"]) for row in of_way[way]]
        assert all(0 <= poor < fine for poor, fine in zip(worse, good, strict=True))
        if way != "dark":  # which dlib's network hardly minds, as long as the face is found
            assert np.mean(worse) < np.mean(good) - 0.1
            reasons = [row["unclear"] for row in of_way[way]]
            assert reasons.count(way) >= len(reasons) / 2, reasons
    assert all(row["unclear"] == "" for row in of_way["good"])


def test_measures_are_in_units_that_people_know(made):
    rows = rows_of(made / "embeddings")
    aligned = rows_of(made / "aligned")
    for crop, row in rows.items():
        assert int(row["size"]) == int(aligned[crop]["right"]) - int(aligned[crop]["left"])
        assert 0 <= float(row["pose"]) < 90
        assert 0 <= float(row["light"]) <= 255
        assert 0 <= float(row["occlusion"]) <= 1
    for crop in rows:
        if crop.startswith("good/"):
            name = crop.removeprefix("good/")
            assert float(rows[f"dark/{name}"]["light"]) < 0.1 * float(rows[crop]["light"])
            assert float(rows[f"blurred/{name}"]["sharpness"]) < 0.3 * float(rows[crop]["sharpness"])
            assert float(rows[f"covered/{name}"]["occlusion"]) > float(rows[crop]["occlusion"]) + 0.2


def test_same_bytes_from_any_number_of_workers_and_after_a_version_that_did_not_measure(made, tmp_path):
    shutil.copytree(made / "aligned", tmp_path / "aligned")
    represent_folder(tmp_path / "aligned", tmp_path / "two", jobs=2)
    assert tree(tmp_path / "two") == tree(made / "embeddings")
    older = tmp_path / "older"
    shutil.copytree(made / "embeddings", older)
    with (older / "manifest.csv").open(newline="", encoding="utf-8") as file:
        rows = [row[: -len(COLUMNS)] for row in csv.reader(file)]
    with (older / "manifest.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file, lineterminator="\n").writerows(rows)
    done = represent_folder(tmp_path / "aligned", older, jobs=1)
    assert done.done == len(rows) - 1
    assert tree(older) == tree(made / "embeddings")
    assert represent_folder(tmp_path / "aligned", older, jobs=1).done == 0


@pytest.mark.parametrize("value", ["1.5", "-0.1", "nan", "much"])
def test_a_quality_that_is_none_is_refused(made, tmp_path, value):
    shutil.copytree(made / "embeddings", tmp_path / "embeddings")
    path = tmp_path / "embeddings" / "manifest.csv"
    lines = path.read_text().splitlines(keepends=True)
    cells = lines[1].split(",")
    cells[-len(COLUMNS)] = value
    path.write_text("".join([lines[0], ",".join(cells), *lines[2:]]))
    done = run_script(CLASSIFIER, "train", tmp_path / "embeddings")
    assert done.returncode == 2
    assert "line 2" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_infer_tells_the_quality_of_a_face(photographs, classifier, tmp_path):
    photo = photographs.probes[0][0]
    with Image.open(photo) as image:
        image.convert("RGB").filter(ImageFilter.GaussianBlur(max(image.size) / 100)).save(tmp_path / "blurred.png")
    done = run_script(CLASSIFIER, "infer", "--json", classifier, photo, tmp_path / "blurred.png")
    good, blurred = (json.loads(line)["faces"][0]["quality"] for line in done.stdout.splitlines())
    assert 0.75 < good <= 1
    assert 0 <= blurred < good
