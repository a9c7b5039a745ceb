"""`blur`: copies in which nobody can be recognised, and that tell nothing beside their pixels."""

import io
import json
import os
import shutil
import signal
import struct
import subprocess
import sys
import time
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from conftest import ROOT, run_script, tree
from PIL import Image, ImageCms, PngImagePlugin

from faceline import FacelineError, Recognizer, blur
from faceline.disk.folder_locks import locked
from faceline.disk.pictures.boxes import turned, turned_box
from faceline.disk.pictures.images import decode_image
from faceline.faces.aligner import Aligner
from faceline.faces.detectors import Face
from faceline.faces.options import AlignmentOptions
from faceline.faces.thorough import look_thoroughly
from faceline.faces.tiles import is_same
from faceline.networks.runtime import Runtime
from faceline.report.covering import WAYS, clipped, cover, head_of, inside
from faceline.stages import blurring

BLUR = ROOT / "demos" / "blur.py"
SECRET = b"SecretMaker"
XMP = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF/>SecretMaker</x:xmpmeta>'


def ifd(tags, base, following=0):
    """A directory of TIFF tags, (number, type, count, value as 4 bytes), that lies at `base`."""
    body = b"".join(struct.pack("<HHL", *tag[:3]) + tag[3] for tag in tags)
    return struct.pack("<H", len(tags)) + body + struct.pack("<L", following)


def exif(thumbnail, orientation=1):
    """EXIF with a maker, a place and a thumbnail, as cameras write it."""

    def number(value):
        return struct.pack("<L", value)

    maker_at, gps_at, second_at = 100, 120, 200
    first = [(0x10F, 2, len(SECRET) + 1, number(maker_at)), (0x112, 3, 1, number(orientation))]
    first += [(0x8825, 4, 1, number(gps_at))]
    gps = [(1, 2, 2, b"N\0\0\0"), (2, 5, 3, number(160))]
    second = [(0x103, 3, 1, number(6)), (0x201, 4, 1, number(300)), (0x202, 4, 1, number(len(thumbnail)))]
    data = bytearray(300)
    data[:8] = b"II*\0" + number(8)
    for place, part in (
        (8, ifd(first, 8, second_at)),
        (maker_at, SECRET + b"\0"),
        (gps_at, ifd(gps, gps_at)),
        (160, struct.pack("<6L", 48, 1, 51, 1, 2961, 100)),
        (second_at, ifd(second, second_at)),
    ):
        data[place : place + len(part)] = part
    return b"Exif\0\0" + bytes(data) + thumbnail


@pytest.fixture(scope="module")
def thumbnail(portrait):
    file = io.BytesIO()
    small = Image.fromarray(portrait)
    small.thumbnail((120, 120))
    small.save(file, "JPEG")
    return file.getvalue()


def save_with_secrets(image, kind, path, thumbnail):
    """Save a picture with all that its format has room for."""
    options = {"exif": exif(thumbnail), "xmp": XMP}
    if kind == "PNG":
        text = PngImagePlugin.PngInfo()
        text.add_text("Comment", SECRET.decode())
        text.add_itxt("XML:com.adobe.xmp", XMP.decode())
        options = {"exif": exif(thumbnail), "pnginfo": text}
    if kind == "TIFF":
        options = {"tiffinfo": {271: SECRET.decode(), 700: XMP}, "exif": None}
    if kind == "MPO":
        options |= {"save_all": True, "append_images": [image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)]}
    if kind == "HEIF":
        options |= {"quality": 90}
    if kind == "JPEG":
        options |= {"comment": SECRET}
    if options.get("exif", "") is None:
        del options["exif"]
    image.save(path, kind, **options)
    if kind == "JPEG":  # a preview behind its end, as some cameras put it
        path.write_bytes(path.read_bytes() + thumbnail)
    assert SECRET in path.read_bytes()


def faces_in(image):
    return Aligner(AlignmentOptions(), Runtime()).find(image, every=True)


@pytest.mark.parametrize(
    ("kind", "name", "copied"),
    [
        ("JPEG", "a.jpg", "a-blurred.jpg"),
        ("JPEG", "a b.JPEG", "a b-blurred.JPEG"),
        ("MPO", "a.mpo", "a.mpo-blurred.jpg"),
        ("PNG", "zoë.png", "zoë-blurred.png"),
        ("WEBP", "a.webp", "a-blurred.webp"),
        ("TIFF", "a.tif", "a-blurred.tif"),
        ("HEIF", "a.heic", "a.heic-blurred.jpg"),
    ],
)
def test_a_copy_holds_pixels_only(tmp_path, portrait, thumbnail, kind, name, copied):
    save_with_secrets(Image.fromarray(portrait), kind, tmp_path / name, thumbnail)
    (picture,) = blur(tmp_path / name, tmp_path / "out", upsample=0)
    assert (picture.status, picture.covered, picture.kept) == ("ok", 1, 0)
    assert os.listdir(tmp_path / "out") == [copied]
    path = tmp_path / "out" / copied
    data = path.read_bytes()
    for secret in (SECRET, b"Exif", b"ns.adobe.com", b"xmpmeta", b"GPS", thumbnail[-200:]):
        assert secret not in data
    assert data.count(b"\xff\xd8\xff") == (copied.lower().endswith(("jpg", "jpeg")))
    with Image.open(path) as image:
        kept = {"jfif", "jfif_version", "jfif_unit", "jfif_density", "dpi", "compression", "loop"}
        assert image.format == {"MPO": "JPEG", "HEIF": "JPEG"}.get(kind, kind)
        assert set(image.info) <= kept | {"background", "timestamp", "duration", "resolution"}
        assert getattr(image, "n_frames", 1) == 1
        assert image.size == portrait.shape[1::-1]
        if kind == "TIFF":
            assert set(vars(image)["tag_v2"]) <= {256, 257, 258, 259, 262, 273, 277, 278, 279, 284, 317, 339}
        else:
            assert not image.getexif()
    assert faces_in(decode_image(data)) == []


@pytest.mark.parametrize("number", [3, 6, 8])
def test_a_picture_that_exif_turns_is_upright(tmp_path, portrait, thumbnail, number):
    stored = Image.fromarray(turned(portrait, {3: 180, 6: 270, 8: 90}[number]))
    stored.save(tmp_path / "a.jpg", exif=exif(thumbnail, number), quality=95)
    (picture,) = blur(tmp_path / "a.jpg", tmp_path / "out", upsample=0)
    Image.fromarray(portrait).save(tmp_path / "b.jpg", quality=95)
    (upright,) = blur(tmp_path / "b.jpg", tmp_path / "out", upsample=0)
    assert is_same(picture.faces[0].box_ltrb, upright.faces[0].box_ltrb)
    copies = [decode_image(Path(copy).read_bytes()).astype(int) for copy in (picture.copy, upright.copy)]
    assert copies[0].shape == portrait.shape
    assert np.abs(copies[0] - copies[1]).mean() < 3


@pytest.mark.parametrize("mode", ["L", "LA", "RGBA", "P", "CMYK", "I;16"])
def test_pictures_of_any_mode(tmp_path, portrait, mode):
    image = Image.fromarray(portrait)
    if mode == "I;16":
        image = Image.fromarray(np.asarray(image.convert("L")).astype(np.uint16) * 257)
    else:
        image = image.convert(mode)
    path = tmp_path / ("a.tif" if mode in ("CMYK", "I;16") else "a.png")
    image.save(path)
    (picture,) = blur(path, tmp_path / "out", upsample=0)
    assert picture.status == "ok"
    copy = decode_image(Path(picture.copy).read_bytes())
    assert copy.shape == portrait.shape
    assert faces_in(copy) == []


def test_colours_stay_without_their_profile(tmp_path, portrait):
    """A profile in which red and blue have changed places: the copy has them the other way."""
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    profile = profile.replace(b"rXYZ", b"xXYZ").replace(b"bXYZ", b"rXYZ").replace(b"xXYZ", b"bXYZ")
    Image.fromarray(portrait[..., ::-1]).save(tmp_path / "a.png", icc_profile=bytes(profile))
    (picture,) = blur(tmp_path / "a.png", tmp_path / "out", upsample=0)
    with Image.open(picture.copy) as image:
        assert "icc_profile" not in image.info
        copy = np.asarray(image).astype(int)
    corner = np.abs(copy - portrait)[-40:, -40:]
    assert np.median(corner) < 12
    assert np.median(np.abs(portrait.astype(int) - portrait[..., ::-1])[-40:, -40:]) >= np.median(corner)


@pytest.fixture
def face(portrait):
    (face,) = faces_in(portrait)
    return face


@pytest.mark.parametrize("how", WAYS)
def test_nothing_of_a_head_is_left_but_its_mean_colour(portrait, face, how):
    head = inside(clipped(head_of(face), portrait))
    mixed = portrait.copy()
    pixels = mixed[head].reshape(-1, 3)
    mixed[head] = np.random.default_rng(0).permutation(pixels).reshape(mixed[head].shape)
    copies = [cover(image, [face], [], how) for image in (portrait, mixed)]
    assert (copies[0] == copies[1]).all()
    is_head = np.zeros(portrait.shape[:2], bool)
    is_head[head] = True
    assert (copies[0][~is_head] == portrait[~is_head]).all()
    assert is_head.mean() > 0.15
    assert len(np.unique(copies[0][is_head], axis=0)) < (10 if how != "blur" else 3000)


def test_a_larger_face_shows_no_more(portrait, face):
    larger = np.asarray(Image.fromarray(portrait).resize((portrait.shape[1] * 3, portrait.shape[0] * 3)))
    box = tuple(3 * edge for edge in face.box_ltrb)
    copies = cover(portrait, [face], [], "pixelate"), cover(larger, [Face(box, 1.0)], [], "pixelate")
    counts = [
        len(np.unique(copy[inside(clipped(head_of(f), copy))], axis=0))
        for copy, f in zip(copies, (face, Face(box, 1.0)), strict=True)
    ]
    assert counts[0] == counts[1] <= 9


@pytest.mark.parametrize("turn", [0, 90, 180, 270])
def test_the_head_of_a_face_that_lies(turn):
    """The hair is above the face, wherever that is."""
    left, top, right, bottom = head_of(Face((100, 100, 200, 200), 1.0, turn))
    above = {0: 100 - top, 90: 100 - left, 180: bottom - 200, 270: right - 200}
    assert above[turn] == 75
    assert sum(1 for distance in (100 - left, 100 - top, right - 200, bottom - 200) if distance == 75) == 1


def test_who_is_kept_stays_where_heads_overlap(portrait):
    mine, other = Face((60, 60, 120, 120), 1.0), Face((125, 60, 185, 120), 1.0)
    copy = cover(portrait, [other], [mine], "box")
    assert (copy[inside(mine.box_ltrb)] == portrait[inside(mine.box_ltrb)]).all()
    assert not copy[inside(other.box_ltrb)].any()
    over = Face((110, 60, 170, 120), 1.0)
    copy = cover(portrait, [over], [mine], "box")
    assert not copy[inside(over.box_ltrb)].any(), "the covered face goes before"


def annotated(groups, name):
    for table in ("testing.xml", "training.xml"):
        for entry in ElementTree.parse(groups / table).iter("image"):
            if entry.attrib["file"] == name:
                boxes = [
                    [int(box.attrib[key]) for key in ("left", "top", "width", "height")] for box in entry.iter("box")
                ]
                return [(left, top, left + width, top + height) for left, top, width, height in boxes]
    raise AssertionError(name)


@pytest.mark.parametrize("name", ["2007_007763.jpg", "2008_001322.jpg"])
def test_everybody_in_a_group(faces, tmp_path, name):
    done = run_script(BLUR, faces / "groups" / name, "--save", tmp_path / "out", "--how", "box")
    assert (done.returncode, done.stderr) == (0, "")
    boxes = annotated(faces / "groups", name)
    first, second, third = done.stdout.splitlines()
    assert first == f"=== {faces / 'groups' / name} ==="
    assert second == f"Covered {len(boxes)} faces, kept 0."
    copy = decode_image(Path(third.removeprefix("Written to ")).read_bytes())
    for box in boxes:
        assert np.median(copy[inside(clipped(box, copy))]) < 8


def test_faces_that_lie_beside_upright_ones(faces):
    """`Aligner.find` turns a picture only where no face is upright."""
    image = decode_image((faces / "groups" / "2008_001322.jpg").read_bytes())
    height, width = image.shape[:2]
    both = np.zeros((width, width + height, 3), np.uint8)
    both[:height, :width], both[:, width:] = image, turned(image, 90)
    boxes = annotated(faces / "groups", "2008_001322.jpg")
    for left, top, right, bottom in [turned_box(box, height, width, 90) for box in boxes]:
        boxes.append((left + width, top, right + width, bottom))
    aligner = Aligner(AlignmentOptions(), Runtime())
    found = [face.box_ltrb for face in look_thoroughly(both, aligner, ())]
    assert all(any(is_same(box, other) for other in found) for box in boxes)
    usual = [face.box_ltrb for face in aligner.find(both, every=True)]
    assert not all(any(is_same(box, other) for other in usual) for box in boxes)


def test_a_detector_whose_file_is_here_looks_too(faces, tmp_path, yunet):
    path = faces / "lfw-dev" / "Benjamin_Netanyahu" / "Benjamin_Netanyahu_0001.jpg"
    (picture,) = blur(path, tmp_path / "out")
    (tmp_path / "faceline" / "face_detection_yunet_2023mar.onnx").unlink()
    (without,) = blur(path, tmp_path / "out")
    assert picture.covered > without.covered >= 1


def test_nobody_is_recognised_by_a_network(faces, tmp_path):
    """Faces at the places where they were, against pictures of the same people as they are."""
    people = [faces / "lfw-dev" / name for name in (faces / "lfw-dev-known.txt").read_text().split()[:30]]
    aligner, recognizer = Aligner(AlignmentOptions(), Runtime()), Recognizer.load()
    gallery, originals, probes = [], [], []

    def embedding(image, face):
        (known,) = recognizer.recognized(image, [face], None, False, 1)
        assert known is not None
        return known.embedding

    for folder in people:
        images = [decode_image(path.read_bytes()) for path in sorted(folder.iterdir())[:3]]
        places = [aligner.find(image)[0] for image in images]
        gallery.append(embedding(images[0], places[0]))
        for image, face in zip(images[1:], places[1:], strict=True):
            covered = cover(image, [face], [], "pixelate")
            originals.append(embedding(image, face))
            probes.append(embedding(covered, face))
    right = np.repeat(np.arange(len(people)), 2)

    def rate(rows):
        distances = np.linalg.norm(np.array(rows)[:, None] - np.array(gallery), axis=2)
        return (distances.argmin(axis=1) == right).mean()

    assert rate(originals) > 0.9
    assert rate(probes) < 0.15  # 0.03 by chance: 9 of 60 happen once in 10,000 times


@pytest.fixture
def both(faces, tmp_path_factory):
    """A photograph of two known people, and of somebody behind them, at half its size."""
    copy = tmp_path_factory.mktemp("both") / "both.jpg"
    with Image.open(faces / "known-people" / "test" / "obama_and_biden.jpg") as picture:
        picture.reduce(2).save(copy, quality=95)
    return copy


def named(done):
    (line,) = done.stdout.splitlines()
    picture = json.loads(line)
    return picture, {face["name"]: face for face in picture["faces"] if face["name"] != "unknown"}


def test_all_but_named_people(both, classifier, tmp_path):
    image = decode_image(both.read_bytes())
    done = run_script(BLUR, both, classifier.parent, "--keep", "obama", "--save", tmp_path, "--json", "--upsample", 0)
    assert done.returncode == 0, done.stderr
    picture, people = named(done)
    assert not people["obama"]["covered"]
    assert people["biden"]["covered"]
    assert (picture["kept"], picture["covered"]) == (1, len(picture["faces"]) - 1)
    copy = decode_image((tmp_path / "both-blurred.jpg").read_bytes()).astype(int)
    changes = {name: np.abs(copy - image)[inside(face["box"])].mean() for name, face in people.items()}
    assert changes["obama"] < 4 < 15 < changes["biden"]


def test_named_people_only(both, classifier, tmp_path):
    arguments = [both, classifier, "--save", tmp_path, "--json", "--upsample", 0]
    _, people = named(run_script(BLUR, *arguments, "--only", "obama"))
    assert people["obama"]["covered"]
    assert not people["biden"]["covered"]
    _, people = named(run_script(BLUR, *arguments, "--only", "unknown"))
    assert not any(face["covered"] for face in people.values())
    _, people = named(run_script(BLUR, *arguments, "--only", "unknown", "--only", "biden"))
    assert people["biden"]["covered"]
    assert not people["obama"]["covered"]


def test_who_is_in_doubt_is_covered(both, classifier, tmp_path, monkeypatch):
    def covered(**whom):
        (picture,) = blur(both, tmp_path, classifier, upsample=0, **whom)
        assert f" ({sum(face.doubtful for face in picture.faces)} in doubt)" in str(picture)
        return {face.name for face in picture.faces if face.covered and face.doubtful}

    monkeypatch.setattr(blurring, "SURE", 1.1)
    assert covered(keep=["obama"]) == {"obama"}
    monkeypatch.setattr(blurring, "POSSIBLE", 0.0)
    assert "biden" in covered(only=["obama"])


@pytest.fixture
def album(tmp_path, encoded):
    for name in ("photos/b.JPG", "photos/sub dir/b.jpg", "photos/sub dir/b.bmp", "photos/@eaDir/b.jpg", "more/b.jpg"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(encoded("BMP" if name.endswith("bmp") else "JPEG"))
    (tmp_path / "photos" / "damaged.jpg").write_bytes(b"hello")
    (tmp_path / "photos" / "été").mkdir()
    Image.new("RGB", (90, 90), "blue").save(tmp_path / "photos" / "été" / "sky.png")
    return tmp_path


def test_folders(album):
    before = tree(album / "photos")
    done = run_script(BLUR, "photos", "more/b.jpg", "--save", "photos/out", "--upsample", 0, cwd=album)
    assert done.returncode == 0, done.stderr
    copies = {name for name in tree(album / "photos" / "out") if not name.endswith("/")}
    assert copies == {
        "b-blurred.JPG",
        "b-blurred-2.jpg",
        "sub dir/b-blurred.jpg",
        "sub dir/b.bmp-blurred.jpg",
        "été/sky-blurred.png",
    }
    assert "=== photos/damaged.jpg ===\nNot a usable picture: not a picture.\n" in done.stdout
    assert "=== photos/été/sky.png ===\nNo face found: nothing is covered.\nWritten to " in done.stdout
    count, aside, look = done.stderr.splitlines()
    assert count.startswith("6 pictures: 1 no-face, 4 ok, 1 unreadable; 4 faces covered, 0 kept; in ")
    assert aside == "Left aside, no pictures by their names: 1 @eaDir/."
    assert look == "No face found in 1 picture, look at them: photos/out/été/sky-blurred.png"
    first = tree(album / "photos" / "out")
    (album / "photos" / "out" / ".b-blurred.JPG.part").write_bytes(b"half")
    again = ["blur", "photos", "more/b.jpg", "--save", "photos/out", "--upsample", 0, "-q"]
    done = run_script("-m", "faceline", *again, cwd=album)
    assert (done.returncode, done.stderr) == (0, "")
    assert tree(album / "photos" / "out") == first
    shutil.rmtree(album / "photos" / "out")
    assert tree(album / "photos") == before


def test_patterns_keep_folders(album):
    done = run_script(BLUR, "photos/**/*.jpg", "--save", "out", "--upsample", 0, cwd=album)
    assert done.returncode == 0
    assert {name for name in tree(album / "out") if not name.endswith("/")} == {"sub dir/b-blurred.jpg"}


def test_a_killed_run_leaves_whole_files(album, encoded):
    for number in range(6):
        (album / "more" / f"{number}.png").write_bytes(encoded("PNG"))
    command = [sys.executable, str(BLUR), "more", "--save", "out", "--upsample", "0"]
    process = subprocess.Popen(command, cwd=album, stdout=subprocess.DEVNULL, start_new_session=True)
    while process.poll() is None and len(list((album / "out").glob("*-blurred.*"))) < 2:
        time.sleep(0.01)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    copies = list((album / "out").glob("[!.]*"))
    assert copies
    for path in copies:
        assert faces_in(decode_image(path.read_bytes())) == []
    partial = tree(album / "out")
    assert run_script(BLUR, "more", "--save", "out", "--upsample", 0, cwd=album).returncode == 0
    whole = tree(album / "out")
    assert len(whole) == 7
    assert all(whole[name] == data for name, data in partial.items() if not name.startswith("."))


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["photos"], "the following arguments are required: --save"),
        (["--save", "out"], "the following arguments are required: picture"),
        (["photos", "--save", ""], "an empty path names nothing"),
        (
            ["photos", "--save", "photos"],
            "photos: holds the original photos/b.JPG; name a folder of its own with --save",
        ),
        (["photos", "--save", "."], ".: holds the original photos/b.JPG; name a folder of its own"),
        (["more", "--save", "more/b.jpg"], "more/b.jpg: holds the original more/b.jpg; name a folder of its own"),
        (["more", "--save", "photos/damaged.jpg"], "damaged.jpg: cannot be written: File exists; make it writable"),
        (["photos", "--save", "out", "--how", "smear"], "argument --how: invalid choice: 'smear'"),
        (["photos", "--save", "out", "--upsample", "9"], "upsample 9 is out of range; choose 0 to 4"),
        (["photos", "--save", "out", "--keep", "anna", "--only", "anna"], "--keep and --only exclude each other"),
        (["photos", "--save", "out", "--keep", "anna"], "classifier.pkl: no such file; run classifier.py train first"),
        (
            ["photos", "{0}", "--save", "out", "--keep", "nobody"],
            "the classifier knows nobody called 'nobody'; choose from",
        ),
        (["photos", "{0}", "--save", "out", "--keep", "unknown"], "the classifier knows nobody called 'unknown'"),
        (["photos", "{0}", "--save", "out"], "a classifier, and nobody is named; say whom with --keep or --only"),
        (["gone.jpg", "--save", "out"], "gone.jpg: no such picture (1 in all); correct the path"),
        (["https://a.b/c.jpg", "--save", "out"], "a URL, and nothing is fetched from a network (1 in all); download"),
    ],
)
def test_a_mistake_takes_one_line(album, classifier, arguments, complaint, run_here):
    done = run_here(BLUR, *(argument.format(classifier) for argument in arguments), cwd=album)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert [line for line in done.stderr.splitlines() if line.startswith("blur.py: error: ") and complaint in line]
    assert len(done.stderr.splitlines()) == 1


def test_pictures_that_cannot_be_read(album):
    done = run_script(BLUR, "photos/damaged.jpg", "--save", "out", "--json", cwd=album)
    assert (done.returncode, done.stderr) == (1, "")
    answer = {"image": "photos/damaged.jpg", "status": "unreadable", "reason": "not a picture"}
    assert json.loads(done.stdout) == answer | {"covered": 0, "kept": 0, "faces": []}
    assert os.listdir(album / "out") == []


def test_spellings_of_a_name(both, classifier, tmp_path):
    with pytest.raises(FacelineError, match=r"nobody called 'Obama'; choose from obama$"):
        blur(both, tmp_path, classifier, keep=["Obama"])


def test_one_run_at_a_time(album):
    with locked(album / "out"), pytest.raises(FacelineError, match="another run is writing here; wait for it"):
        list(blur(album / "more", album / "out"))
