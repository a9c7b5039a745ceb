import csv
import json
import os
import shutil
from typing import Any

import numpy as np
import pytest
from conftest import tree

from faceline import align_folder, represent_folder
from faceline.disk.manifests import read_manifest
from faceline.disk.pictures.images import decode_image, encode_png
from faceline.disk.reading import read_json
from faceline.disk.rows import (
    PictureRow,
    Status,
    crop_path,
)
from faceline.errors import FacelineError
from faceline.faces.options import AlignmentOptions
from faceline.networks.runtime import Runtime
from faceline.stages.alignment import align_image

QUICK: dict[str, Any] = {"upsample": 0, "jobs": 1}


def rows_of(folder):
    return {row.image: row for row in read_manifest(folder / "manifest.csv", PictureRow)}


@pytest.fixture
def people(tmp_path, encoded):
    """Two people with a picture each."""
    for person, kind in (("anna", "JPEG"), ("bert", "PNG")):
        (tmp_path / "in" / person).mkdir(parents=True)
        (tmp_path / "in" / person / f"1.{kind.lower()}").write_bytes(encoded(kind))
    return tmp_path / "in"


def test_every_picture_is_accounted_for(tmp_path, encoded, portrait):
    blank = encode_png(np.full_like(portrait, 128))
    two = encode_png(np.concatenate([portrait, portrait[:, ::-1]], axis=1))
    files = {
        "anna/good.jpg": encoded("JPEG"),
        "anna/good.png": encoded("PNG"),
        "anna/good.HEIC": encoded("HEIF"),
        "anna/mislabelled.gif": encoded("JPEG"),
        "anna/blank.png": blank,
        "anna/two.png": two,
        "anna/empty.jpg": b"",
        "anna/text.jpg": b"no picture",
        "anna/cut.png": encoded("PNG")[:20000],
        "anna/notes.txt": b"left aside",
        "anna/.hidden.jpg": b"not looked at",
        "x/anna/good.jpg": encoded("JPEG"),
        "y/anna/good.jpg": encoded("JPEG"),
        "Zoë, «the \"1st\"»\n/a photo, with 'all'\r.jpg": encoded("JPEG"),
        "stray.jpg": encoded("JPEG"),
    }
    for name, data in files.items():
        path = tmp_path / "in" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    (tmp_path / "in" / "anna" / "loop.jpg").symlink_to("loop.jpg")
    (tmp_path / "in" / "anna" / "gone.jpg").symlink_to("nowhere.jpg")
    (tmp_path / "in" / "anna" / "up").symlink_to(tmp_path / "in")
    (tmp_path / "in" / "linked").symlink_to(tmp_path / "in" / "x" / "anna")
    os.mkfifo(tmp_path / "in" / "anna" / "pipe.jpg")

    summary = align_folder(tmp_path / "in", tmp_path / "out", **QUICK)

    found = {name: (row.status, row.reason) for name, row in rows_of(tmp_path / "out").items()}
    odd = "Zoë, «the \"1st\"»\n/a photo, with 'all'\r.jpg"
    good = ["anna/good.jpg", "anna/good.png", "anna/good.HEIC", "anna/mislabelled.gif", "anna/two.png", odd]
    good += ["x/anna/good.jpg", "y/anna/good.jpg"]
    cut = found.pop("anna/cut.png")
    assert found == dict.fromkeys(good, ("ok", "")) | {
        "anna/blank.png": ("no-face", ""),
        "anna/empty.jpg": ("unreadable", "empty file"),
        "anna/text.jpg": ("unreadable", "not a picture"),
        "anna/loop.jpg": ("unreadable", "Too many levels of symbolic links"),
        "anna/gone.jpg": ("unreadable", "No such file or directory"),
        "anna/pipe.jpg": ("unreadable", "not a regular file"),
        "anna/up/": ("unreadable", "the same folder as the input, which is listed"),
        "linked/": ("unreadable", "the same folder as x/anna/, which is listed"),
        "stray.jpg": ("no-person", "lies outside any person's folder"),
    }
    assert cut[0] == "unreadable"
    assert cut[1].startswith("damaged picture")
    assert dict(summary.counts) == {"ok": 8, "no-face": 1, "unreadable": 8, "no-person": 1}
    assert summary.done + summary.kept + summary.left_out == sum(summary.counts.values())
    assert "15 computed, 0 as before, 3 left out, 0 removed, in" in str(summary)
    assert summary.ignored == {".txt": 1}
    for row in rows_of(tmp_path / "out").values():
        if row.status == Status.OK:
            assert decode_image((tmp_path / "out" / row.crop).read_bytes()).shape == (96, 96, 3)
    assert sum(path.suffix == ".png" for path in (tmp_path / "out").rglob("*")) == 8


def test_the_box_is_where_the_face_is(people, tmp_path, portrait):
    align_folder(people, tmp_path / "out", **QUICK)
    row = rows_of(tmp_path / "out")["bert/1.png"]
    height, width = portrait.shape[:2]
    assert 0 <= row.left < row.right <= width
    assert 0 <= row.top < row.bottom <= height
    assert row.faces == 1
    assert (row.right - row.left) * (row.bottom - row.top) > 0.02 * height * width


def test_several_faces_are_left_out_on_request(tmp_path, people, portrait):
    (people / "anna" / "two.png").write_bytes(encode_png(np.concatenate([portrait, portrait], axis=1)))
    align_folder(people, tmp_path / "out", skip_multi=True, **QUICK)
    row = rows_of(tmp_path / "out")["anna/two.png"]
    assert (row.status, row.reason, row.faces, row.crop) == ("many-faces", "2 faces", 2, "")


def test_a_picture_without_a_face_falls_back_to_its_middle_on_request(tmp_path, people, portrait):
    (people / "anna" / "blank.png").write_bytes(encode_png(np.full_like(portrait, 128)))
    (people / "anna" / "dot.png").write_bytes(encode_png(portrait[:1, :1]))
    (people / "anna" / "text.jpg").write_bytes(b"no picture")
    (people / "anna" / "two.png").write_bytes(encode_png(np.concatenate([portrait, portrait], axis=1)))
    out = tmp_path / "out"
    options = QUICK | {"detector": "hog", "fallback": "centre", "skip_multi": True}
    summary = align_folder(people, out, **options)
    assert dict(summary.counts) == {"ok": 2, "fallback": 1, "no-face": 1, "unreadable": 1, "many-faces": 1}
    rows = rows_of(out)
    row = rows["anna/blank.png"]
    assert (row.status, row.reason, row.faces) == ("fallback", "no face found; the middle was taken", 0)
    height, width = portrait.shape[:2]
    edge = 0.42 * min(height, width)
    assert row.right - row.left == row.bottom - row.top == round(edge)
    assert abs((row.left + row.right) / 2 - width / 2) <= 1
    assert abs((row.top + row.bottom) / 2 - height / 2 - 0.046 * min(height, width)) <= 1
    assert decode_image((out / row.crop).read_bytes()).shape == (96, 96, 3)
    assert (rows["anna/dot.png"].status, rows["anna/dot.png"].reason) == ("no-face", "the landmarks coincide")
    assert rows["anna/dot.png"].crop == ""

    before = tree(out)
    assert align_folder(people, out, **options).done == 0
    assert tree(out) == before
    align_folder(people, tmp_path / "three", **options | {"jobs": 3})
    assert tree(tmp_path / "three") == before
    (out / row.crop).unlink()
    assert align_folder(people, out, **options).done == 1
    assert tree(out) == before
    (people / "anna" / "blank.png").unlink()
    assert align_folder(people, out, **options).removed == 1
    assert not (out / row.crop).exists()


def test_folders_with_and_without_fallbacks_do_not_mix(tmp_path, people):
    align_folder(people, tmp_path / "none", **QUICK)
    align_folder(people, tmp_path / "centre", fallback="centre", **QUICK)
    with pytest.raises(FacelineError, match="made with fallback 'none', not 'centre'; name another folder"):
        align_folder(people, tmp_path / "none", fallback="centre", **QUICK)
    with pytest.raises(FacelineError, match="made with fallback 'centre', not 'none'; name another folder"):
        align_folder(people, tmp_path / "centre", **QUICK)
    with pytest.raises(FacelineError, match="unknown fallback 'center'; choose from none, centre"):
        align_folder(people, tmp_path / "out", fallback="center", **QUICK)


def test_a_picture_of_dogs_falls_back(tmp_path, faces):
    (tmp_path / "in" / "dogs").mkdir(parents=True)
    (tmp_path / "in" / "dogs" / "1.jpg").symlink_to(faces / "groups" / "dogs.jpg")
    align_folder(tmp_path / "in", tmp_path / "out", detector="hog", fallback="centre", jobs=1)
    assert rows_of(tmp_path / "out")["dogs/1.jpg"].status == Status.FALLBACK


@pytest.mark.parametrize("orientation", [3, 6, 8])
def test_a_turned_photograph_gives_the_same_face(people, tmp_path, portrait, orientation):
    from PIL import Image

    turn = {3: Image.Transpose.ROTATE_180, 6: Image.Transpose.ROTATE_90, 8: Image.Transpose.ROTATE_270}[orientation]
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(portrait).transpose(turn).save(people / "bert" / "turned.png", exif=exif)
    align_folder(people, tmp_path / "out", **QUICK)
    crops = [(tmp_path / "out" / "bert" / name).read_bytes() for name in ("1.png.png", "turned.png.png")]
    assert crops[0] == crops[1]


def test_again_does_only_what_is_new_or_changed(people, tmp_path, encoded):
    out = tmp_path / "out"
    assert align_folder(people, out, **QUICK).done == 2
    before = tree(out)
    stamp = (out / "run.json").stat().st_mtime_ns
    again = align_folder(people, out, **QUICK)
    assert (again.done, again.kept) == (0, 2)
    assert tree(out) == before
    assert (out / "run.json").stat().st_mtime_ns == stamp

    (people / "anna" / "2.jpg").write_bytes(encoded("JPEG"))
    os.utime(people / "bert" / "1.png")  # touched, not changed
    assert align_folder(people, out, **QUICK).done == 1

    (people / "anna" / "1.jpeg").write_bytes(encoded("JPEG", quality=40))
    crop = (out / "anna" / "1.jpeg.png").read_bytes()
    assert align_folder(people, out, **QUICK).done == 1
    assert (out / "anna" / "1.jpeg.png").read_bytes() != crop


def test_a_crop_that_was_altered_or_lost_is_made_again(people, tmp_path):
    out = tmp_path / "out"
    align_folder(people, out, **QUICK)
    before = tree(out)
    (out / "anna" / "1.jpeg.png").write_bytes(b"overwritten")
    (out / "bert" / "1.png.png").unlink()
    assert align_folder(people, out, **QUICK).done == 2
    assert tree(out) == before


def test_the_crop_of_a_removed_picture_disappears_and_nothing_else(people, tmp_path):
    out = tmp_path / "out"
    align_folder(people, out, **QUICK)
    (out / "mine.png").write_bytes(b"the user's own")
    (out / "bert" / "mine.txt").write_bytes(b"the user's own")
    for person in ("anna", "bert"):
        for picture in (people / person).iterdir():
            picture.rename(people / person / "renamed.jpg")
    (people / "bert" / "renamed.jpg").unlink()
    summary = align_folder(people, out, **QUICK)
    assert summary.removed == 2
    assert sorted(os.listdir(out)) == ["anna", "bert", "manifest.csv", "mine.png", "run.json"]
    assert os.listdir(out / "anna") == ["renamed.jpg.png"]
    assert os.listdir(out / "bert") == ["mine.txt"]


def test_a_picture_that_loses_its_face_loses_its_crop(people, tmp_path, portrait):
    out = tmp_path / "out"
    align_folder(people, out, **QUICK)
    (people / "bert" / "1.png").write_bytes(encode_png(np.zeros_like(portrait)))
    align_folder(people, out, **QUICK)
    assert rows_of(out)["bert/1.png"].status == "no-face"
    assert not (out / "bert").exists()


@pytest.mark.parametrize(
    ("image", "crop"),
    [
        ("gone/1.jpg", "../in/anna/1.jpeg"),
        ("gone/1.jpg", "/etc/hostname"),
        ("gone/1.jpg", "anna/1.jpeg.png"),
        ("gone/1.jpg", "mine.png"),
        ("../mine", "../mine.png"),
        ("{}/mine", "{}/mine.png"),
        ("link/mine", "link/mine.png"),
        ("gone/\0", "gone/\0.png"),
        (f"{'x' * 300}/1.jpg", f"{'x' * 300}/1.jpg.png"),
        ("mine.png/1.jpg", "mine.png/1.jpg.png"),
    ],
)
def test_a_forged_manifest_removes_nothing_of_others(people, tmp_path, image, crop):
    out = tmp_path / "out"
    align_folder(people, out, **QUICK)
    (out / "mine.png").write_bytes(b"the user's own")
    (tmp_path / "mine.png").write_bytes(b"the user's own")
    (out / "link").symlink_to(tmp_path)
    image, crop = image.format(tmp_path), crop.format(tmp_path)
    with (out / "manifest.csv").open("a", newline="") as file:
        csv.writer(file).writerow([image, "gone", "ok", "", 1, crop, 1, 2, 3, 4, "0" * 64, "0" * 64])
    before = {name for name in tree(tmp_path) if not name.endswith("manifest.csv")}
    with pytest.raises(FacelineError, match=r"manifest\.csv: rows have been added"):
        align_folder(people, out, **QUICK)
    align_folder(people, out, overwrite=True, **QUICK)
    assert {name for name in tree(tmp_path) if not name.endswith("manifest.csv")} == before


def test_other_options_are_not_mixed(people, tmp_path):
    out = tmp_path / "out"
    align_folder(people, out, **QUICK)
    with pytest.raises(FacelineError, match=r"out: made with size 96, not 150; name another folder, or do all again"):
        align_folder(people, out, size=150, **QUICK)
    assert align_folder(people, out, size=150, overwrite=True, **QUICK).done == 2
    assert decode_image((out / "anna" / "1.jpeg.png").read_bytes()).shape == (150, 150, 3)
    assert align_folder(people, out, size=150, **QUICK).done == 0


def test_overwrite_does_all_again_and_mends_anything(people, tmp_path):
    out = tmp_path / "out"
    align_folder(people, out, **QUICK)
    before = tree(out)
    for damage in (b"", b"{", b"[]", b'{"options": 5}'):
        (out / "run.json").write_bytes(damage)
        with pytest.raises(FacelineError, match="overwrite"):
            align_folder(people, out, **QUICK)
    (out / "manifest.csv").write_bytes(b"torn")
    assert align_folder(people, out, overwrite=True, **QUICK).done == 2
    assert tree(out) == before


def test_overwrite_removes_old_crops_whatever_became_of_the_record(people, tmp_path):
    out = tmp_path / "out"
    (people / "gone").mkdir()
    shutil.copy(people / "bert" / "1.png", people / "gone")
    align_folder(people, out, **QUICK)
    (out / "run.json").write_text("junk")
    shutil.rmtree(people / "gone")
    assert align_folder(people, out, overwrite=True, **QUICK).removed == 1
    assert not (out / "gone").exists()


@pytest.mark.parametrize(
    "damage",
    [
        lambda lines: [],
        lambda lines: ["[]", *lines[1:]],
        lambda lines: ["null", *lines[1:]],
        lambda lines: ['{"options": {}}', *lines[1:]],
        lambda lines: ['{"stage": "align", "options": []}', *lines[1:]],
        lambda lines: ["[" * 100_000, *lines[1:]],
        lambda lines: [*lines, "null"],
        lambda lines: [*lines, "5"],
        lambda lines: [*lines, "{}"],
        lambda lines: [*lines, "[" * 100_000],
        lambda lines: [*lines, lines[1].replace('"faces": 1', '"faces": [1]')],
        lambda lines: [*lines, lines[1].replace('"anna"', '"\\ud800"')],
        lambda lines: [*lines, lines[1].replace('"ok"', '"fine"')],
    ],
)
def test_a_damaged_journal_is_named_and_mended(people, tmp_path, damage):
    out = tmp_path / "out"
    align_folder(people, out, **QUICK)
    expected = tree(out)
    record = read_json(out / "run.json")
    lines = [json.dumps({"stage": "align", "options": record["options"]})]
    lines += [json.dumps(row.to_json()) for row in rows_of(out).values()]
    (out / "journal.jsonl").write_text("".join(line + "\n" for line in damage(lines)))
    (out / "run.json").unlink()
    with pytest.raises(FacelineError, match=r"journal\.jsonl: damaged: .*; --overwrite does all again") as caught:
        align_folder(people, out, **QUICK)
    assert "\n" not in str(caught.value)
    assert align_folder(people, out, overwrite=True, **QUICK).done == 2
    assert tree(out) == expected


def test_odd_options_in_the_record_take_one_line(people, tmp_path):
    out = tmp_path / "out"
    align_folder(people, out, **QUICK)
    record = read_json(out / "run.json")
    nested: list = []
    for _ in range(500):
        nested = [nested]
    for size, found in (("96", "size '96', not 96"), (nested, r"size \[\[\["), ("x\ny" * 999, r"size 'x\\ny")):
        (out / "run.json").write_text(json.dumps(record | {"options": record["options"] | {"size": size}}))
        with pytest.raises(FacelineError, match=f"made with {found}") as caught:
            align_folder(people, out, **QUICK)
        assert "\n" not in str(caught.value)
        assert len(str(caught.value)) < 500
    assert align_folder(people, out, overwrite=True, **QUICK).done == 2


@pytest.mark.parametrize("name", ["manifest.csv", "anna/1.jpeg.png"])
def test_files_that_are_not_ours_are_not_replaced(people, tmp_path, name):
    out = tmp_path / "out"
    (out / name).parent.mkdir(parents=True)
    (out / name).write_bytes(b"the user's own")
    (out / "notes.txt").write_bytes(b"the user's own")
    before = tree(out)
    with pytest.raises(FacelineError, match=rf"{name}: is there already, .*; name an empty folder, or let --overwrite"):
        align_folder(people, out, **QUICK)
    assert tree(out) == before
    (out / name).unlink()
    assert align_folder(people, out, **QUICK).done == 2
    assert (out / "notes.txt").read_bytes() == b"the user's own"


def test_a_folder_belongs_to_one_stage(people, tmp_path):
    align_folder(people, tmp_path / "aligned", **QUICK)
    represent_folder(tmp_path / "aligned", tmp_path / "embeddings", jobs=1)
    before = tree(tmp_path)
    for overwrite in (False, True):
        with pytest.raises(FacelineError, match="embeddings: belongs to the stage represent, not align; name another"):
            align_folder(people, tmp_path / "embeddings", overwrite=overwrite, **QUICK)
        with pytest.raises(FacelineError, match="aligned: holds the crops; name another folder for the embeddings"):
            represent_folder(tmp_path / "aligned", tmp_path / "x" / ".." / "aligned", overwrite=overwrite)
    (tmp_path / "copy").symlink_to("aligned")
    with pytest.raises(FacelineError, match="copy: holds the crops"):
        represent_folder(tmp_path / "aligned", tmp_path / "copy", overwrite=True)
    (tmp_path / "copy").unlink()
    align_folder(people, tmp_path / "others", **QUICK)
    with pytest.raises(FacelineError, match="others: belongs to the stage align, not represent; name another folder"):
        represent_folder(tmp_path / "aligned", tmp_path / "others", overwrite=True)
    shutil.rmtree(tmp_path / "others")
    assert tree(tmp_path) == before


def test_crops_may_not_land_in_the_input(people, tmp_path):
    (people / "in").mkdir()
    shutil.copy(people / "bert" / "1.png", people / "in")
    before = tree(tmp_path)
    with pytest.raises(FacelineError, match=r"/in: lies in the input folder; name a folder outside it"):
        align_folder(people, tmp_path, **QUICK)
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "anna").symlink_to(people / "bert")
    with pytest.raises(FacelineError, match=r"out/anna: lies in the input folder"):
        align_folder(people, tmp_path / "out", **QUICK)
    shutil.rmtree(tmp_path / "out")
    assert tree(tmp_path) == before


def test_jobs_do_not_change_a_byte(people, tmp_path, encoded):
    for number in range(8):
        (people / "anna" / f"more{number}.jpg").write_bytes(encoded("JPEG", quality=50 + number))
    align_folder(people, tmp_path / "one", upsample=0, jobs=1)
    align_folder(people, tmp_path / "three", upsample=0, jobs=3)
    assert tree(tmp_path / "one") == tree(tmp_path / "three")


@pytest.mark.parametrize(
    ("prepare", "complaint"),
    [
        (lambda folder: None, "in: No such file or directory; name the folder that holds a folder for each person"),
        (lambda folder: folder.write_text(""), "in: Not a directory"),
        (lambda folder: folder.mkdir(), "in: no pictures; put each person's pictures in a folder of their own"),
        (lambda folder: (folder / "anna").mkdir(parents=True), "in: no pictures"),
        (lambda folder: (folder.mkdir(), (folder / "a.jpg").touch()), "in: 1 picture but no folder of a person"),
        (lambda folder: (folder.mkdir(), (folder / "l").symlink_to(folder)), "in: no pictures"),
    ],
)
def test_wrong_inputs_take_one_line(tmp_path, prepare, complaint):
    prepare(tmp_path / "in")
    with pytest.raises(FacelineError, match=complaint) as caught:
        align_folder(tmp_path / "in", tmp_path / "out")
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "out").exists()


def test_the_output_may_not_lie_in_the_input(people):
    for output in (people, people / "crops", people / "anna"):
        with pytest.raises(FacelineError, match="lies in the input folder"):
            align_folder(people, output)


def test_a_link_in_the_output_leads_nowhere(people, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "anna").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(FacelineError, match="leads out of this folder"):
        align_folder(people, tmp_path / "out", **QUICK)
    assert os.listdir(tmp_path / "elsewhere") == []


@pytest.mark.parametrize("length", [200, 245, 250, 255])
def test_long_names(people, tmp_path, encoded, length):
    for letter in "ab":
        name = "é" * ((length - 5) // 2) + letter + ".jpg"
        (people / "anna" / name).write_bytes(encoded("JPEG"))
    summary = align_folder(people, tmp_path / "out", **QUICK)
    assert summary.counts["ok"] == 4
    assert align_folder(people, tmp_path / "out", **QUICK).done == 0


def test_crop_paths_differ_where_pictures_do():
    names = ["p/a.jpg", "p/a.png", "p/a", "q/a.jpg", "p/a.jpg.png", *(f"p/{'x' * 245}{i}.jpg" for i in range(9))]
    assert len({crop_path(name) for name in names}) == len(names)


def test_names_that_are_no_text(people, tmp_path, encoded):
    (people / "anna" / "\udcff\udcfe.jpg").write_bytes(encoded("JPEG"))
    assert align_folder(people, tmp_path / "out", **QUICK).counts["ok"] == 3
    assert align_folder(people, tmp_path / "out", **QUICK).done == 0


def test_align_image_tells_what_became_of_it(portrait):
    options = AlignmentOptions(upsample=0)
    assert align_image(np.zeros_like(portrait), options, Runtime()).status == Status.NO_FACE
    alignment = align_image(portrait, options, Runtime())
    assert alignment.status == Status.OK
    assert alignment.crop is not None
    assert alignment.crop.shape == (96, 96, 3)
    assert alignment.crop.dtype == np.uint8


def test_a_size_of_nothing_is_no_default(people, tmp_path):
    with pytest.raises(FacelineError, match="size 0 is out of range"):
        align_folder(people, tmp_path / "out", size=0)


def test_jobs_must_be_a_number_of_processes(people, tmp_path):
    with pytest.raises(FacelineError, match="jobs 0 is out of range; choose 1 or more"):
        align_folder(people, tmp_path / "out", jobs=0)
    assert not (tmp_path / "out").exists()
