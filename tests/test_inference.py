"""Naming the people in photographs."""

import json
import math
import os
import shutil
import subprocess
import sys
from typing import Any

import numpy as np
import pytest
from conftest import names, tree
from PIL import Image, ImageCms

from faceline import infer
from faceline.disk.people_paths import UNKNOWN
from faceline.disk.pictures.images import decode_image, encode_png
from faceline.errors import FacelineError
from faceline.report.marked_pictures import marked_paths


def test_probes_get_their_names(photographs, classifier):
    answers = list(infer([path for path, _ in photographs.probes], classifier))
    assert [names(answer) for answer in answers] == [[name] for _, name in photographs.probes]
    assert all(face.confidence > 0.9 and face.name == face.identity.name for one in answers for face in one.faces)


def test_a_stranger_is_unknown_unless_a_name_is_wanted(photographs, classifier):
    (answer,) = infer([photographs.stranger], classifier)
    assert names(answer) == [UNKNOWN]
    assert answer.faces[0].identity.confidence > 0.9
    (answer,) = infer([photographs.stranger], classifier, threshold=math.inf)
    assert names(answer) != [UNKNOWN]
    assert answer.faces[0].identity.confidence < 0.1


def test_the_threshold_moves_the_limit(photographs, classifier):
    path, name = photographs.probes[0]
    distance = next(infer([path], classifier)).faces[0].identity.distance
    assert names(next(infer([path], classifier, threshold=distance + 0.01))) == [name]
    assert names(next(infer([path], classifier, threshold=distance - 0.01))) == [UNKNOWN]
    for wrong in (-1.0, math.nan):
        with pytest.raises(FacelineError, match="is no distance; choose 0 or more"):
            infer([path], classifier, threshold=wrong)


def test_several_faces_from_left_to_right(photographs, classifier, tmp_path):
    (path, name), *_ = photographs.probes
    pictures = [decode_image(photographs.stranger.read_bytes()), decode_image(path.read_bytes())]
    height = max(len(picture) for picture in pictures)
    pictures = [np.pad(picture, ((0, height - len(picture)), (0, 0), (0, 0))) for picture in pictures]
    together = tmp_path / "two.png"
    together.write_bytes(encode_png(np.concatenate(pictures, axis=1)))
    (answer,) = infer([together], classifier, multi=True)
    assert names(answer) == [UNKNOWN, name]
    left, right = answer.faces
    assert left.centre_x < pictures[0].shape[1] < right.centre_x
    lines = str(answer).split("\n")
    assert lines[0] == f"=== {together} ==="
    assert lines[2] == f"Predict {name} @ x={right.centre_x} with {right.identity.confidence:.2f} confidence."
    assert len(next(infer([together], classifier)).faces) == 1


def test_two_known_people_in_a_picture(faces, classifier):
    (answer,) = infer([faces / "known-people/test/obama_and_biden.jpg"], classifier, multi=True)
    assert {"obama", "biden"} <= set(names(answer))


def test_bad_pictures_have_their_own_answer(photographs, classifier, tmp_path):
    path, name = photographs.probes[0]
    (tmp_path / "blank.png").write_bytes(encode_png(np.zeros((90, 90, 3), np.uint8)))
    (tmp_path / "text.jpg").write_text("hello")
    (tmp_path / "none").mkdir()
    pictures = [tmp_path / "blank.png", tmp_path / "text.jpg", tmp_path / "gone.jpg", tmp_path / "none", path]
    answers = list(infer(pictures, classifier))
    assert [str(answer).split("\n", 1)[1] for answer in answers[:4]] == [
        "No face found.",
        "Not a usable picture: not a picture.",
        "Not a usable picture: No such file or directory.",
        "Not a usable picture: no picture in this folder.",
    ]
    assert [answer.status for answer in answers] == ["no-face", "unreadable", "missing", "unreadable", "ok"]
    assert names(answers[4]) == [name]
    assert json.loads(answers[0].to_json()) == {"image": str(pictures[0]), "status": "no-face", "faces": []}


def test_a_single_path_is_one_picture(photographs, classifier):
    for picture in (photographs.stranger, str(photographs.stranger)):
        assert [answer.image for answer in infer(picture, classifier)] == [str(photographs.stranger)]
    with pytest.raises(FacelineError, match="an empty path names nothing"):
        infer("", classifier)


def test_json(photographs, classifier):
    path, name = photographs.probes[0]
    (answer,) = infer([path], classifier)
    line = answer.to_json()
    assert "\n" not in line
    value = json.loads(line)
    assert value["image"] == str(path)
    assert value["status"] == "ok"
    (face,) = value["faces"]
    left, top, right, bottom = face["box"]
    height, width = decode_image(path.read_bytes()).shape[:2]
    assert 0 <= left < right <= width
    assert 0 <= top < bottom <= height
    assert face["name"] == name
    assert 0 <= face["distance"] < 0.6
    assert 0.5 <= face["confidence"] <= 1


def test_marked_pictures(photographs, classifier, tmp_path):
    path, _ = photographs.probes[0]
    picture = decode_image(path.read_bytes())
    (tmp_path / "in").mkdir()
    for name in ("a.png", "a.heic.tiff"):
        (tmp_path / "in" / name).write_bytes(encode_png(picture))
    pictures = [tmp_path / "in" / "a.png", tmp_path / "in" / "a.heic.tiff", path, tmp_path / "in" / "a.png"]
    answers = list(infer(pictures, classifier, save_dir=tmp_path / "new" / "marked"))
    copies = ["a-faces.png", "a-faces-2.png", "a.heic.tiff-faces.jpg", f"{path.stem}-faces.jpg"]
    assert sorted(os.listdir(tmp_path / "new" / "marked")) == sorted(copies)
    said = [str(tmp_path / "new" / "marked" / name) for name in ("a-faces.png", "a-faces-2.png")]
    assert [answer.marked for answer in answers] == [said[0], "", "", said[1]]
    assert str(answers[3]).endswith(f"\nMarked copy: {said[1]}")
    assert json.loads(answers[3].to_json())["marked"] == said[1]
    assert "marked" not in json.loads(answers[1].to_json())
    marked = decode_image((tmp_path / "new" / "marked" / "a-faces.png").read_bytes())
    assert marked.shape == picture.shape
    changed = np.argwhere((marked != picture).any(axis=2))
    left, top, right, _ = answers[0].faces[0].box_ltrb
    assert tuple(marked[top, (left + right) // 2]) == (255, 212, 0)
    assert changed[:, 0].min() == top
    assert changed[:, 1].min() == left


def test_a_crowd_gets_numbers_and_a_legend(faces, classifier, tmp_path):
    picture = faces / "groups/2008_007676.jpg"
    options: dict[str, Any] = {"multi": True, "threshold": np.inf}
    (answer,) = infer(picture, classifier, save_dir=tmp_path, **options)
    (plain,) = infer(picture, classifier, **options)
    count = len(answer.faces)
    assert count >= 7
    legend = ["Numbers in the marked copy:"] + [f"  {n}: {name}" for n, name in enumerate(names(answer), start=1)]
    assert str(answer).splitlines() == str(plain).splitlines() + legend
    assert answer.to_json() == plain.to_json()
    marked = decode_image((tmp_path / "2008_007676-faces.jpg").read_bytes())
    assert marked.size > decode_image(picture.read_bytes()).size


def test_marked_copies_keep_the_colour_profile(classifier, encoded, portrait, tmp_path):
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    spaces = {space: bytes(profile[:16] + space + profile[20:]) for space in (b"RGB ", b"GRAY", b"CMYK")}
    rgb = spaces[b"RGB "]
    files = {
        "a.jpg": (encoded("JPEG", icc_profile=rgb), rgb),
        "b.png": (encoded("PNG", icc_profile=rgb), rgb),
        "c.webp": (encoded("WEBP", icc_profile=rgb), rgb),
        "d.png": (encoded("JPEG", icc_profile=rgb, exif=b"Exif\0\0damaged"), rgb),
        "grey.jpg": (encoded("JPEG", icc_profile=spaces[b"GRAY"]), None),
        "cmyk.jpg": (encoded("JPEG", icc_profile=spaces[b"CMYK"]), None),
        "damaged.jpg": (encoded("JPEG", icc_profile=b"no profile at all"), None),
        "none.jpg": (encoded("JPEG"), None),
    }
    Image.fromarray(portrait).convert("L").save(tmp_path / "grey.png", icc_profile=rgb)
    files["grey.png"] = ((tmp_path / "grey.png").read_bytes(), rgb)
    image = Image.fromarray(portrait).convert("CMYK")
    image.save(tmp_path / "ink.jpg", icc_profile=rgb)
    files["ink.jpg"] = ((tmp_path / "ink.jpg").read_bytes(), None)
    for name, (data, _) in files.items():
        (tmp_path / name).write_bytes(data)
    pictures = [tmp_path / name for name in files]
    list(infer(pictures, classifier, save_dir=tmp_path / "out"))
    for path, (name, (_, kept)) in zip(marked_paths(pictures, tmp_path / "out"), files.items(), strict=True):
        with Image.open(path) as marked:
            assert marked.info.get("icc_profile") == kept, name


def test_originals_are_not_overwritten(classifier, tmp_path, portrait):
    for name in ("a.png", "a-faces.png"):
        (tmp_path / name).write_bytes(encode_png(portrait))
    before = tree(tmp_path)
    for original in (tmp_path / "a.png", tmp_path / "a-faces.png"):
        list(infer(original, classifier, save_dir=tmp_path / "new"))
    assert sorted(os.listdir(tmp_path / "new")) == ["a-faces-faces.png", "a-faces.png"]
    shutil.rmtree(tmp_path / "new")
    with pytest.raises(FacelineError, match="would replace an original; name another folder"):
        infer([tmp_path / "a.png", tmp_path / "a-faces.png"], classifier, save_dir=tmp_path)
    assert tree(tmp_path) == before


def test_no_photograph_is_replaced_by_the_marked_copy_of_another(classifier, tmp_path, portrait):
    (tmp_path / "in").mkdir()
    for name in ("in/a.png", "a.png"):
        (tmp_path / name).write_bytes(encode_png(portrait))
    before = tree(tmp_path)
    for _ in range(2):  # the second time, its own copy is there
        (answer,) = infer(tmp_path / "in" / "a.png", classifier, save_dir=tmp_path)
        assert answer.status == "ok"
    assert tree(tmp_path).keys() - before.keys() == {"a-faces.png"}
    assert tree(tmp_path)["a.png"] == before["a.png"]


@pytest.mark.skipif(sys.platform != "linux", reason="limits the memory of a process as Linux does")
def test_infer_goes_on_when_memory_is_short(photographs, classifier, tmp_path):
    Image.new("1", (10_000, 11_000)).save(tmp_path / "large.png")
    code = f"""
import resource
from faceline import infer
large, small = {str(tmp_path / "large.png")!r}, {str(photographs.portrait)!r}
answers = infer([small, large, small], {str(classifier)!r})
statuses = [next(answers).status]
used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + 100_000_000, resource.RLIM_INFINITY))
answer = next(answers)
statuses += [answer.status, answer.reason]
resource.setrlimit(resource.RLIMIT_AS, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
print(*statuses, next(answers).status, sep=", ")
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout == "ok, unreadable, not enough memory, ok\n", done.stderr
