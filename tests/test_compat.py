"""`faceline.compat` against the package that it stands in for, result by result."""

import io
import multiprocessing
import os
import subprocess
import sys
import sysconfig
import threading
import warnings
from concurrent.futures import ThreadPoolExecutor

import dlib
import numpy as np
import pytest
from conftest import ROOT, run_script
from PIL import Image, ImageFile

from faceline import compat
from faceline.faces.as_dlib import runtime
from faceline.runs.parallel import all_cores

# Of encodings: as close as two builds of dlib are to each other.
CLOSE = 5e-6
ALIKE = "face_distance", "compare_faces"


@pytest.fixture(scope="module")
def pictures(faces):
    """Single pictures, groups, and close crops."""
    several = [path for path in sorted((faces / "photos").iterdir()) if path.suffix in (".jpg", ".png")]
    groups = sorted((faces / "groups").glob("*.jpg"))
    return several + groups + sorted((faces / "johns").glob("*/*.jpg"))


@pytest.fixture(scope="module")
def couple(faces):
    """A small picture of two people."""
    return compat.load_image_file(faces / "photos" / "longoria-cooper.jpg")


def assert_close(ours, theirs):
    assert len(ours) == len(theirs)
    for one, other in zip(ours, theirs, strict=True):
        assert (type(one), one.dtype, one.shape) == (type(other), other.dtype, other.shape)
        assert one.flags.writeable
        assert np.abs(one - other).max() <= CLOSE


def test_every_picture_gives_the_same(original, pictures):
    assert len(pictures) == 81
    seen = 0
    for path in pictures:
        picture = original.load_image_file(path)
        ours = compat.load_image_file(path)
        assert np.array_equal(ours, picture)
        assert (ours.dtype, ours.shape, ours.flags.writeable) == (picture.dtype, picture.shape, True)
        if max(picture.shape) > 800:
            picture = np.ascontiguousarray(picture[::2, ::2])
        boxes = original.face_locations(picture)
        assert compat.face_locations(picture) == boxes
        assert compat.face_locations(picture, 0) == original.face_locations(picture, number_of_times_to_upsample=0)
        for model in ("large", "small"):
            assert compat.face_landmarks(picture, boxes, model) == original.face_landmarks(picture, boxes, model)
        assert_close(compat.face_encodings(picture, boxes[:2]), original.face_encodings(picture, boxes[:2]))
        seen += len(boxes)
    assert seen > 100


def test_every_option_of_encodings_gives_the_same(original, couple):
    for picture in (couple, np.ascontiguousarray(couple[:, ::-1])):
        assert_close(compat.face_encodings(picture), original.face_encodings(picture))
        boxes = original.face_locations(picture)
        for options in ({"model": "large"}, {"num_jitters": 0}, {"num_jitters": 1, "model": "large"}):
            assert_close(
                compat.face_encodings(picture, known_face_locations=boxes, **options),
                original.face_encodings(picture, known_face_locations=boxes, **options),
            )
        assert compat.face_landmarks(picture) == original.face_landmarks(picture)
    assert compat.face_encodings(couple, []) == original.face_encodings(couple, []) == []


def test_jitters_are_those_that_dlib_draws():
    """In a process of its own: dlib draws one sequence in each."""
    folder = ROOT / ".venv" / "face_recognition-1.3.0"
    if not folder.is_dir():
        pytest.skip("needs face_recognition 1.3.0")
    program = f"""
import sys, warnings, numpy
warnings.simplefilter("ignore")
sys.path.insert(0, {str(folder)!r})
import face_recognition
from faceline import compat
assert compat.face_encodings.__module__ != face_recognition.face_encodings.__module__
chip = numpy.random.default_rng(0).integers(0, 255, (200, 200, 3), numpy.uint8)
for count in (20, 3):
    one = compat.face_encodings(chip, [(20, 180, 180, 20)], count)
    other = face_recognition.face_encodings(chip, [(20, 180, 180, 20)], count)
    assert numpy.abs(one[0] - other[0]).max() < {CLOSE}
"""
    subprocess.run([sys.executable, "-c", program], check=True)


def test_the_cnn_gives_the_same(original, couple, faces):
    other = compat.load_image_file(sorted((faces / "johns").glob("*/*.jpg"))[3])
    for picture in (couple, other, couple[..., 0].copy()):
        assert compat.face_locations(picture, 0, model="cnn") == original.face_locations(picture, 0, model="cnn")
    assert compat.face_locations(other, 1, "cnn") == original.face_locations(other, 1, "cnn")
    batch = [other, np.ascontiguousarray(other[:, ::-1])]
    expected = original.batch_face_locations(batch, 0)
    assert compat.batch_face_locations(batch, 0, batch_size=1) == expected
    assert len(expected) == 2
    # One of another size, which the original refuses, and boxes that it would cut at the first one's edge.
    assert compat.batch_face_locations((other, couple), 0)[1] == compat.face_locations(couple, 0, "cnn")


def test_what_dlib_gives_itself(original, couple):
    ours, theirs = compat._raw_face_locations(couple), original._raw_face_locations(couple)
    assert (type(ours), list(map(type, ours))) == (type(theirs), list(map(type, theirs)))
    assert list(ours) == list(theirs)
    ours, theirs = compat._raw_face_locations(couple, 0, "cnn"), original._raw_face_locations(couple, 0, "cnn")
    assert (type(ours), list(map(type, ours))) == (type(theirs), list(map(type, theirs)))
    assert [found.rect for found in ours] == [found.rect for found in theirs]
    assert np.allclose([found.confidence for found in ours], [found.confidence for found in theirs], atol=1e-4)
    assert len(compat._raw_face_locations(couple[:80, :80], 0, "cnn")) == 0
    batch = compat._raw_face_locations_batched([couple, couple[:, :140], couple], 0)
    assert type(batch) is dlib.mmod_rectangless
    assert type(batch[0]) is dlib.mmod_rectangles
    assert [len(found) for found in batch] == [2, 1, 2]
    (one, other) = compat._raw_face_landmarks(couple)
    assert type(one) is dlib.full_object_detection
    assert (one.num_parts, other.num_parts) == (68, 68)
    assert [part.x for part in one.parts()] == [part.x for part in original._raw_face_landmarks(couple)[0].parts()]
    box = original._rect_to_css(original._raw_face_locations(couple)[0])
    assert compat._rect_to_css(compat._css_to_rect(box)) == box
    assert compat._trim_css_to_bounds((-3, 900, 900, -4), couple.shape) == (0, couple.shape[1], couple.shape[0], 0)
    assert type(compat.pose_predictor_5_point) is type(original.pose_predictor_5_point)
    assert type(compat.face_encoder) is type(original.face_encoder)
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        compat.nothing  # noqa: B018


@pytest.mark.parametrize("boxes", [np.array, lambda boxes: [list(box) for box in boxes], iter])
def test_boxes_may_be_anything_that_counts(original, couple, boxes):
    found = original.face_locations(couple)
    assert compat.face_landmarks(couple, boxes(found), "small") == original.face_landmarks(
        couple, boxes(found), "small"
    )
    outside = [(-50, 900, 800, -70)]
    assert_close(compat.face_encodings(couple, boxes(outside)), original.face_encodings(couple, boxes(outside)))


def test_distances(original, couple):
    known = original.face_encodings(couple)
    nobody: list[np.ndarray] = []
    for ours, theirs in ((getattr(compat, name), getattr(original, name)) for name in ALIKE):
        for first in (known, np.array(known), tuple(known), nobody):
            one, other = ours(first, known[0]), theirs(first, known[0])
            assert type(one) is type(other)
            assert list(map(type, one)) == list(map(type, other))
            assert np.array_equal(one, other)
    assert compat.compare_faces(known, known[0], tolerance=0.9) == original.compare_faces(known, known[0], 0.9)
    assert compat.face_distance([list(one) for one in known], list(known[0]))[0] == 0  # the original refuses lists


@pytest.mark.parametrize(
    "change", [lambda picture: picture / 255, lambda picture: np.dstack([picture, picture[..., 0]])]
)
def test_what_is_no_picture(original, couple, change):
    wrong = change(couple)
    for call in ("face_locations", "face_landmarks", "face_encodings"):
        for package in (original, compat):
            with pytest.raises(RuntimeError, match="Unsupported image type, must be 8bit gray or RGB image"):
                getattr(package, call)(wrong)
    for package in (original, compat):
        for nothing in (None, couple.tolist(), Image.fromarray(couple)):
            with pytest.raises(TypeError):
                package.face_locations(nothing)


def test_unknown_models_and_numbers(original, couple):
    with pytest.raises(ValueError, match="'HOG' is no detection model; choose from hog, cnn"):
        compat.face_locations(couple, model="HOG")
    with pytest.raises(ValueError, match="'tiny' is no landmarks model; choose from large, small"):
        compat.face_encodings(couple, model="tiny")
    for package in (original, compat):
        with pytest.raises(ValueError, match=r"Supported models are \['small', 'large'\]"):
            package.face_landmarks(couple, model="tiny")
        for times in (-1, 1.5, "1", None):
            with pytest.raises(TypeError):
                package.face_locations(couple, times)
        for copies in (2.0, "1", None):
            with pytest.raises(TypeError):
                package.face_encodings(couple, num_jitters=copies)
        with pytest.raises((IndexError, TypeError)):
            package.face_encodings(couple, [(1, 2, 3)])


def test_parts_of_pictures_and_grey_ones(couple):
    """In which the original finds nothing, and which it does not encode."""
    part = couple[10:, 10:]
    assert not part.flags.c_contiguous
    boxes = compat.face_locations(part)
    assert boxes == compat.face_locations(part.copy())
    assert len(boxes) == 2
    assert_close(compat.face_encodings(part), compat.face_encodings(part.copy()))
    grey = couple[..., 1].copy()
    assert len(compat.face_encodings(grey)) == len(compat.face_locations(grey)) == 2
    assert compat.face_locations(couple[:0], model="cnn") == compat.face_locations(couple[:1, :1], 0, "cnn") == []


def test_files(original, faces, tmp_path, couple):
    transparent = faces / "photos" / "32bit.png"
    for mode in ("RGB", "L", "", None):
        assert np.array_equal(compat.load_image_file(transparent, mode), original.load_image_file(transparent, mode))
    turned, cut = tmp_path / "turned.jpg", tmp_path / "cut.jpg"
    exif = Image.Exif()
    exif[274] = 6
    Image.fromarray(couple).save(turned, exif=exif, quality=95)
    assert compat.load_image_file(turned).shape == original.load_image_file(turned).shape == couple.shape
    upright = compat.load_image_file(turned, upright=True)
    assert upright.shape == (couple.shape[1], couple.shape[0], 3)
    assert np.array_equal(upright, np.rot90(compat.load_image_file(turned), -1))
    cut.write_bytes(turned.read_bytes()[:-5000])
    before = ImageFile.LOAD_TRUNCATED_IMAGES  # the original has set it for the whole process
    ImageFile.LOAD_TRUNCATED_IMAGES = False
    try:
        assert np.array_equal(compat.load_image_file(cut), truncated(original, cut))
        assert ImageFile.LOAD_TRUNCATED_IMAGES is False
    finally:
        ImageFile.LOAD_TRUNCATED_IMAGES = before
    for package in (original, compat):
        with turned.open("rb") as file:
            file.read(100)  # of whatever was read before, Pillow begins anew
            assert np.array_equal(package.load_image_file(file), compat.load_image_file(turned))
    for package in (original, compat):
        with pytest.raises(FileNotFoundError):
            package.load_image_file(tmp_path / "nowhere.jpg")


class Watched(io.BytesIO):
    """A file that notes how Pillow was set whenever it is read."""

    def __init__(self, content):
        super().__init__(content)
        self.settings = set()

    def read(self, *arguments):
        self.settings.add(ImageFile.LOAD_TRUNCATED_IMAGES)
        return super().read(*arguments)


def test_reading_a_whole_picture_changes_nothing_for_other_threads(couple, monkeypatch):
    monkeypatch.setattr(ImageFile, "LOAD_TRUNCATED_IMAGES", False)
    file = io.BytesIO()
    Image.fromarray(couple).save(file, "PNG")
    whole, cut = Watched(file.getvalue()), Watched(file.getvalue()[:-20_000])
    assert np.array_equal(compat.load_image_file(whole), couple)
    assert whole.settings == {False}
    assert np.array_equal(compat.load_image_file(cut)[:100], couple[:100])
    assert cut.settings == {False, True}
    assert ImageFile.LOAD_TRUNCATED_IMAGES is False


def truncated(original, path):
    ImageFile.LOAD_TRUNCATED_IMAGES = True
    try:
        return original.load_image_file(path)
    finally:
        ImageFile.LOAD_TRUNCATED_IMAGES = False


def test_many_threads_get_the_answers_of_one(couple, faces):
    pictures = [couple, *(compat.load_image_file(path) for path in sorted((faces / "johns").glob("*/*.jpg"))[:5])]

    def answer(picture):
        return (
            compat.face_locations(picture),
            compat.face_locations(picture, 0, "cnn"),
            compat.face_landmarks(picture),
            [encoding.tolist() for encoding in compat.face_encodings(picture)],
        )

    alone = [answer(picture) for picture in pictures]
    with ThreadPoolExecutor(6) as workers:
        together = list(workers.map(answer, pictures * 3))
    assert together == alone * 3
    assert threading.active_count() < 20


USES = """
import sys
import face_recognition, face_recognition.api
from face_recognition.api import _raw_face_landmarks
from face_recognition.face_recognition_cli import image_files_in_folder
print(face_recognition.face_locations.__module__, face_recognition.api.face_encodings.__module__, sys.argv[1:])
print(len(face_recognition.face_locations(face_recognition.load_image_file(sys.argv[1]))), __name__, sys.path[0])
"""


def test_a_program_runs_unchanged(tmp_path, photographs):
    program = tmp_path / "a program é.py"
    program.write_text(USES)
    (tmp_path / "neighbour.py").write_text("VALUE = 3\n")
    program.write_text(USES + "import neighbour\nsys.exit(neighbour.VALUE)\n")
    command = [sys.executable, "-m", "faceline.compat", program.name, str(photographs.portrait), "--flag"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, check=False)
    assert done.returncode == 3, done.stderr
    first, second = done.stdout.splitlines()
    assert first == f"faceline.compat faceline.compat [{str(photographs.portrait)!r}, '--flag']"
    assert second == f"1 __main__ {tmp_path}"
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "stray.py").touch()
    (tmp_path / "stray.py").unlink(missing_ok=True)
    program.write_text("import stray\n")
    command[3] = str(program)
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path / "elsewhere", check=False)
    assert done.returncode == 1, "the current folder is where the program's modules are looked for"
    assert done.stderr.endswith("ModuleNotFoundError: No module named 'stray'\n")


def test_processes_of_a_program_have_it_too(tmp_path):
    program = tmp_path / "program.py"
    program.write_text(
        """
import multiprocessing
import face_recognition

def where(_):
    return face_recognition.face_encodings.__module__

if __name__ == "__main__":
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        print(pool.map(where, [1]))
"""
    )
    command = [sys.executable, "-m", "faceline.compat", str(program)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.stdout == "['faceline.compat']\n", done.stderr


def run_here(tmp_path, *arguments, options=(), **further):
    """`python -m faceline.compat …` in a folder."""
    command = [sys.executable, *options, "-m", "faceline.compat", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, check=False, **further)


def test_a_program_s_traceback_is_python_s(tmp_path):
    (tmp_path / "fails.py").write_text("import face_recognition\n\ndef fail():\n    raise KeyError(3)\n\nfail()\n")
    done = run_here(tmp_path, "fails.py")
    alone = subprocess.run(
        [sys.executable, "fails.py"],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        check=False,
        env=os.environ | {"PYTHONPATH": str(ROOT / "faceline" / "standins")},
    )
    assert "KeyError: 3" in done.stderr
    assert (done.returncode, done.stderr) == (alone.returncode, alone.stderr) == (1, alone.stderr)


def test_a_program_is_the_main_one_until_all_of_it_has_ended(tmp_path):
    """Its threads and what it has registered go on behind its last line."""
    (tmp_path / "goes_on.py").write_text(
        """
import atexit, pickle, threading, time
class Thing: pass
def later():
    time.sleep(0.3)
    print(type(pickle.loads(pickle.dumps(Thing()))).__name__)
threading.Thread(target=later).start()
atexit.register(lambda: print(__import__("__main__").Thing.__name__))
"""
    )
    done = run_here(tmp_path, "goes_on.py")
    assert (done.stdout, done.stderr) == ("Thing\nThing\n", "")


def test_whatever_python_runs(tmp_path):
    code = "import sys, face_recognition as f; print(f.face_encodings.__module__, sys.argv, sys.flags.dev_mode)"
    (tmp_path / "package").mkdir()
    (tmp_path / "package" / "__main__.py").write_text(code)
    main = str(tmp_path / "package" / "__main__.py")
    for arguments, first in ((("-c", code), "-c"), (("-m", "package"), main), (("package",), "package")):
        done = run_here(tmp_path, *arguments, "x")
        assert done.stdout == f"faceline.compat {[first, 'x']} False\n", done.stderr
    done = run_here(tmp_path, "-", "-m", input=code, options=("-X", "dev"))
    assert done.stdout == "faceline.compat ['-', '-m'] True\n", done.stderr


def test_it_is_found_where_it_was_found_before(tmp_path):
    """In the folder in which it was started, where it is installed nowhere."""
    (tmp_path / "program.py").write_text("import face_recognition as f; print(f.face_encodings.__module__)")
    environment = os.environ | {"PYTHONPATH": sysconfig.get_path("purelib")}
    done = run_here(ROOT, tmp_path / "program.py", options=("-S",), env=environment)
    assert done.stdout == "faceline.compat\n", done.stderr


def test_programs_that_are_none(tmp_path):
    for arguments, options, status, complaint in (
        ((), (), 2, ""),
        (("--help",), (), 0, ""),
        (("nowhere.py",), (), 2, "No such file or directory\n"),
        (("nowhere.py",), ("-E",), 2, "keep face_recognition from being found; leave them out\n"),
    ):
        done = run_here(tmp_path, *arguments, options=options)
        assert done.returncode == status
        assert done.stderr.endswith(complaint)
        assert done.stderr.count("\n") == bool(complaint)


def threads_here(_):
    return runtime().threads


def test_one_thread_in_each_of_a_program_s_processes():
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        assert pool.map(threads_here, [0]) == [1]
    assert threads_here(0) == all_cores()


def test_install_and_uninstall(original):
    compat.install()
    compat.install()
    try:
        import face_recognition

        assert face_recognition.face_encodings is compat.face_encodings
        import face_recognition.api

        assert face_recognition.api is compat
        assert face_recognition.__version__ == "1.2.3"
    finally:
        compat.uninstall()
    compat.uninstall()
    assert sys.modules["face_recognition.api"] is original
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import face_recognition

    assert face_recognition.face_encodings is original.face_encodings


def test_it_is_a_module_of_the_library(tmp_path):
    (tmp_path / "uses.py").write_text(
        "from faceline import compat as face_recognition\nprint(face_recognition.__name__)\n"
    )
    assert run_script(tmp_path / "uses.py").stdout == "faceline.compat\n"
