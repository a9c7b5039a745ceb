"""The scripts as a user types them: their options, and one line for each mistake."""

import errno
import inspect
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from typing import Any

import numpy as np
import pytest
from conftest import ALIGN, CLASSIFIER, EVALUATION, REPRESENT, ROOT, run_script, tree
from PIL import Image

from faceline import (
    align_folder,
    annotate,
    blur,
    check,
    cluster,
    compare,
    correct,
    draw_map,
    enrol,
    export_tables,
    import_embeddings,
    infer,
    mean_landmarks,
    merge,
    migrate,
    profile,
    prune,
    represent_folder,
    review,
    split,
    train,
)
from faceline.cli import (
    align,
    classifier,
    detect_duplicates,
    detect_outliers,
    evaluate_compare,
    evaluate_groups,
    evaluate_identify,
    evaluate_lfw,
    represent,
)
from faceline.cli import annotate as annotate_command
from faceline.cli import blur as blur_command
from faceline.cli import check as check_command
from faceline.cli import cluster as cluster_command
from faceline.cli import compare as compare_command
from faceline.cli import correct as correct_command
from faceline.cli import enrol as enrol_command
from faceline.cli import export as export_command
from faceline.cli import import_embeddings as import_command
from faceline.cli import map as map_command
from faceline.cli import mean_landmarks as mean_landmarks_command
from faceline.cli import merge as merge_command
from faceline.cli import migrate as migrate_command
from faceline.cli import profile as profile_command
from faceline.cli import prune as prune_command
from faceline.cli import review as review_command
from faceline.cli import split as split_command
from faceline.cli.parser import Parser
from faceline.disk import pickles
from faceline.disk.pictures.images import decode_image, encode_png
from faceline.evaluation import compare_embeddings, compare_groups, identify, verify

LFW, GROUPS, IDENTIFY, COMPARE = (EVALUATION / f"{name}.py" for name in ("lfw", "groups", "identify", "compare"))
BLUR = ROOT / "demos" / "blur.py"
UTIL = [path for path in sorted((ROOT / "util").glob("*.py")) if path != ALIGN and path.stem != "make-docs"]
SCRIPTS = [ALIGN, REPRESENT, CLASSIFIER, BLUR, ROOT / "demos" / "compare.py", LFW, GROUPS, IDENTIFY, COMPARE, *UTIL]


def options_of(command, arguments):
    """What a module of `cli` hands on to its stage."""
    parser = Parser(prog="program")
    command.fill(parser)
    return parser.parse(arguments)[1].keywords


@pytest.mark.parametrize(
    ("command", "arguments", "stage", "extra"),
    [
        (align, ["in", "align", "outerEyesAndNose", "out"], align_folder, set()),
        (represent, ["-outDir", "out", "-data", "in"], represent_folder, set()),
        (classifier, ["train"], train, set()),
        (classifier, ["infer", "a.jpg"], infer, {"as_json"}),
        (enrol_command, ["photos", "work"], enrol, set()),
        (blur_command, ["a.jpg", "--save", "out"], blur, {"as_json"}),
        (cluster_command, [], cluster, set()),
        (map_command, [], draw_map, set()),
        (compare_command, ["a.jpg"], compare, {"as_json"}),
        (check_command, [], check, {"undo"}),
        (detect_outliers, [], check, {"undo"}),
        (detect_duplicates, [], check, {"undo"}),
        (annotate_command, ["a.jpg"], annotate, {"as_json"}),
        (prune_command, ["in"], prune, set()),
        (split_command, ["in"], split, set()),
        (mean_landmarks_command, ["in"], mean_landmarks, set()),
        (profile_command, ["a.jpg"], profile, {"as_json"}),
        (correct_command, [], correct, set()),
        (review_command, [], review, set()),
        (merge_command, ["out"], merge, set()),
        (export_command, [], export_tables, set()),
        (import_command, ["faces.parquet", "out"], import_embeddings, set()),
        (migrate_command, ["work", "--network", "dlib"], migrate, set()),
        (evaluate_lfw, ["pairs.txt", "in"], verify, {"as_json"}),
        (evaluate_groups, ["groups.csv", "in"], compare_groups, {"as_json"}),
        (evaluate_identify, [], identify, {"as_json"}),
        (evaluate_compare, ["in"], compare_embeddings, {"as_json"}),
    ],
)
def test_a_command_offers_its_stage_s_parameters_with_the_same_defaults(command, arguments, stage, extra):
    options = options_of(command, arguments)
    parameters = inspect.signature(stage).parameters
    assert options.keys() - extra == parameters.keys()
    for name, parameter in parameters.items():
        if parameter.default is not parameter.empty and name not in ("landmarks",):
            assert options[name] == parameter.default, name


@pytest.mark.parametrize("script", SCRIPTS)
def test_scripts_can_be_run_and_explain_themselves(script):
    assert os.access(script, os.X_OK)
    done = run_script(script, "--help")
    assert done.returncode == 0
    assert "usage: " + script.name in done.stdout
    assert done.stderr == ""


@pytest.mark.parametrize("installed", [False, True])
@pytest.mark.parametrize("script", SCRIPTS)
def test_a_python_without_the_library_takes_one_line(tmp_path, script, installed):
    """As in a fresh clone, and where its environment is not activated: -S hides what is installed, -E PYTHONPATH's."""
    clone = tmp_path / "a clone" / script.parent.name / script.name
    clone.parent.mkdir(parents=True)
    shutil.copy(script, clone)
    if installed:
        (tmp_path / "a clone" / ".venv").mkdir()
    command = [sys.executable, "-S", "-E", str(clone), "--help"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    cure = "source .venv/bin/activate" if installed else "./demo.sh"
    assert done.stderr == f"{script.name}: error: No module named 'faceline'; run {cure}\n"
    assert (done.returncode, done.stdout) == (2, "")


def test_openface_s_spellings_stay():
    options = options_of(align, ["in", "align", "outerEyesAndNose", "out", "--skipMulti"])
    assert options["skip_multi"]
    same = [["-outDir", "o", "-data", "d"], ["--out-dir", "o", "--data", "d"]]
    assert options_of(represent, same[0]) == options_of(represent, same[1])


@pytest.mark.parametrize(
    ("script", "arguments", "complaint"),
    [
        (ALIGN, [], "the following arguments are required: input"),
        (ALIGN, ["{0}", "align", "noseOnly", "out"], "invalid choice: 'noseOnly' (choose from"),
        (ALIGN, ["{0}", "mean", "outerEyesAndNose", "out"], "invalid choice: 'mean'"),
        (ALIGN, ["{0}", "align", "outerEyesAndNose", "out", "--size", "big"], "argument --size: invalid int value"),
        (ALIGN, ["{0}", "align", "outerEyesAndNose", "out", "--size", "7"], "choose 32 to 1024 pixels"),
        (ALIGN, ["{0}", "align", "innerEyesAndBottomLip", "out", "--landmark-model", "5"], "has no innerEyes"),
        (ALIGN, ["{0}", "align", "outerEyesAndNose", "out", "--skipMult"], "unrecognized arguments: --skipMult"),
        (ALIGN, ["{0}/none", "align", "outerEyesAndNose", "out"], "none: No such file or directory; name the folder"),
        (ALIGN, ["{0}", "align", "outerEyesAndNose", "out"], "no pictures; put each person's pictures in a folder"),
        (ALIGN, ["people", "out", "--shard", "0/4"], "shard '0/4' is none; say I/N, the I-th of N parts, such as 2/8"),
        (ALIGN, ["people", "out", "--shard", "5/4"], "shard '5/4' is none; say I/N"),
        (REPRESENT, ["-outDir", "out", "-data", "{0}", "--shard", "x"], "shard 'x' is none; say I/N"),
        (ALIGN, ["people", "out", "--backend", "ray"], "invalid choice: 'ray' (choose from"),
        (ALIGN, ["people", "out", "--backend", "dask"], "--backend dask needs --scheduler ADDRESS"),
        (ALIGN, ["people", "out", "--scheduler", "tcp://x:1"], "--scheduler goes with --backend dask"),
        (ROOT / "util/merge-shards.py", ["{0}"], "no shard has been begun here; run a stage with --shard 1/N first"),
        (REPRESENT, ["-outDir", "out"], "the following arguments are required: -data/--data"),
        (
            REPRESENT,
            ["-outDir", "out", "-data", "{0}/none"],
            "none: No such file or directory; run align-dlib.py first",
        ),
        (REPRESENT, ["-outDir", "out", "-data", "{0}"], "run.json: No such file or directory; run align-dlib.py"),
        (REPRESENT, ["-outDir", "out", "-data", "{0}", "--network", "vgg"], "unknown network 'vgg'; choose"),
        (ALIGN, ["{0}", "align", "outerEyesAndNose", "out", "--fallback", "middle"], "invalid choice: 'middle'"),
        (LFW, ["pairs.txt"], "the following arguments are required: embeddings"),
        (LFW, ["pairs.txt", "{0}"], "pairs.txt: No such file or directory; name a list of pairs"),
        (LFW, ["", "{0}"], "an empty path names nothing"),
        (LFW, ["people", "{0}"], "people: Is a directory; name a list of pairs, such as LFW's pairs.txt"),
        (LFW, ["few.txt", "{0}"], "few.txt: line 1: there are 0 pairs; the first line promises 4"),
        (LFW, ["two.txt", "{0}"], "run.json: No such file or directory; run batch_represent"),
        (LFW, ["two.txt", "{0}/none"], "none: No such file or directory; name the folder that batch_represent wrote"),
        (LFW, ["two.txt", "{0}", "--output", ""], "an empty path names nothing"),
        (GROUPS, ["groups.csv"], "the following arguments are required: embeddings"),
        (GROUPS, ["groups.csv", "{0}", "--threshold", "x"], "invalid float value"),
        (GROUPS, ["groups.csv", "{0}", "--threshold", "-1"], "threshold -1.0 is no distance; choose 0 to 1e+09"),
        (GROUPS, ["groups.csv", "{0}"], "run.json: No such file or directory; run batch_represent"),
        (CLASSIFIER, [], "the following arguments are required: train|infer"),
        (CLASSIFIER, ["train"], "generated-embeddings: No such file or directory; run batch_represent first"),
        (CLASSIFIER, ["train", "{0}"], "run.json: No such file or directory; run batch_represent"),
        (CLASSIFIER, ["train", "--fpir", "0"], "fpir 0.0 is no rate; choose one between 0 and 1, such as 0.01"),
        (CLASSIFIER, ["train", "--fpir", "2"], "fpir 2.0 is no rate; choose"),
        (CLASSIFIER, ["train", "--fpir", "-1"], "fpir -1.0 is no rate; choose"),
        (CLASSIFIER, ["train", "--fpir", "nan"], "fpir nan is no rate; choose"),
        (CLASSIFIER, ["train", "--fpir", "few"], "argument --fpir: invalid float value: 'few'"),
        (CLASSIFIER, ["train", "--classifier", "Foo"], "invalid choice: 'Foo' (choose from"),
        (CLASSIFIER, ["train", "--ldaDim", "0"], "lda_dim 0 is out of range; choose 1 or more"),
        (CLASSIFIER, ["train", "--lda-dim", "-1"], "lda_dim -1 is out of range; choose 1 or more"),
        (CLASSIFIER, ["train", "--jobs", "0"], "jobs 0 is out of range; choose 1 or more"),
        (CLASSIFIER, ["infer"], "the following arguments are required"),
        (CLASSIFIER, ["infer", "a.jpg", "--top", "0"], "top 0 is out of range; choose 1 or more"),
        (CLASSIFIER, ["infer", "a.jpg", "--top", "x"], "argument --top: invalid int value"),
        (CLASSIFIER, ["infer", "a.jpg"], "classifier.pkl: no such file; run classifier.py train first"),
        (CLASSIFIER, ["infer", "x.pkl"], "no picture named"),
        (CLASSIFIER, ["infer", "a.jpg", "--threshold", "-1"], "choose 0 or more"),
        (CLASSIFIER, ["infer", ""], "an empty path names nothing; name a file or a folder"),
        (CLASSIFIER, ["infer", "a.jpg", "--save", ""], "classifier.pkl: no such file"),
        (CLASSIFIER, ["infer", "pipe.pkl", "a.jpg"], "pipe.pkl: not a regular file"),
        (CLASSIFIER, ["infer", "loop.pkl", "a.jpg"], "loop.pkl: Too many levels of symbolic links"),
        (CLASSIFIER, ["infer", f"{'x' * 300}.pkl", "a.jpg"], "x.pkl: File name too long"),
        (CLASSIFIER, ["train", ""], "an empty path names nothing"),
        (CLASSIFIER, ["train", "loop.pkl"], "loop.pkl: Too many levels of symbolic links; run batch_represent first"),
        (CLASSIFIER, ["train", "x" * 300], "x: File name too long; run batch_represent first"),
        (ALIGN, ["", "align", "outerEyesAndNose", "out"], "an empty path names nothing"),
        (ALIGN, ["{0}", "align", "outerEyesAndNose", ""], "an empty path names nothing"),
        (ALIGN, ["loop.pkl", "align", "outerEyesAndNose", "out"], "loop.pkl: Too many levels of symbolic links; name"),
        (ALIGN, ["x" * 300, "align", "outerEyesAndNose", "out"], "x: File name too long; name the folder"),
        (ALIGN, ["people", "align", "outerEyesAndNose", "loop.pkl"], "loop.pkl: cannot be written: File exists"),
        (ALIGN, ["people", "align", "outerEyesAndNose", "x" * 300], "x: cannot be written: File name too long"),
        (ALIGN, ["people", "align", "outerEyesAndNose", "out", "--jobs", "0"], "jobs 0 is out of range; choose 1"),
        (REPRESENT, ["-outDir", "out", "-data", "loop.pkl"], "loop.pkl: Too many levels of symbolic links; run align"),
        (REPRESENT, ["-outDir", "out", "-data", "x" * 300], "x: File name too long; run align-dlib.py first"),
        (REPRESENT, ["-outDir", "loop.pkl", "-data", "{0}"], "run.json: No such file or directory; run align-dlib.py"),
        (REPRESENT, ["-outDir", "", "-data", "{0}"], "an empty path names nothing"),
        (REPRESENT, ["-outDir", "{0}", "-data", "{0}"], "holds the crops; name another folder for the embeddings"),
        (CLASSIFIER, ["infer", "a.jpg", "--threshold", "x"], "invalid float value"),
    ],
)
def test_a_mistake_takes_one_line_and_status_2(tmp_path, script, arguments, complaint, run_here):
    (tmp_path / "empty folder, é").mkdir()
    (tmp_path / "people" / "anna").mkdir(parents=True)
    (tmp_path / "people" / "anna" / "1.jpg").touch()
    (tmp_path / "loop.pkl").symlink_to("loop.pkl")
    os.mkfifo(tmp_path / "pipe.pkl")
    (tmp_path / "few.txt").write_text("2\n")
    (tmp_path / "two.txt").write_text("2\nAnn 1 2\nBob 1 2\nAnn 1 Bob 1\nAnn 2 Bob 2\n")
    arguments = [argument.format(tmp_path / "empty folder, é") for argument in arguments]
    done = run_here(script, *arguments, cwd=tmp_path)
    assert done.returncode == 2
    assert done.stdout == ""
    assert complaint in done.stderr
    assert done.stderr.count("\n") == 1
    assert done.stderr.startswith(f"{script.name}")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("script", "arguments"), [(ALIGN, []), (REPRESENT, ["-outDir", "out"]), (CLASSIFIER, ["train", "--fpir", "0"])]
)
def test_a_mistake_ends_the_process_with_status_2(tmp_path, script, arguments):
    done = run_script(script, *arguments, cwd=tmp_path)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)


def embeddings_of(pipeline, tmp_path):
    return shutil.copytree(pipeline / "embeddings", tmp_path / "embeddings")


@pytest.mark.parametrize(
    ("options", "rate"),
    [
        (["--fpir", "0.05", "--classifier", "Knn"], "5 %"),
        (["--ldaDim", "3"], "1 %"),
    ],
)
def test_train_says_what_it_expects_and_infer_names_people(faces, pipeline, photographs, tmp_path, options, rate):
    folder = embeddings_of(pipeline, tmp_path)
    done = run_script(CLASSIFIER, "train", folder, *options)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    learned, expects, written = done.stdout.splitlines()
    assert learned == "Learned 5 people from 9 embeddings."
    assert expects.startswith(f"Expects to name {rate} of strangers and to find ")
    assert expects.endswith(" % of known people (from 5 people held out).")
    assert written == f"Written to {folder / 'classifier.pkl'}"
    if rate == "1 %":
        done = run_script(CLASSIFIER, "infer", folder / "classifier.pkl", *(path for path, _ in photographs.probes))
        named = [line.split()[1] for line in done.stdout.splitlines() if line.startswith("Predict")]
        assert named == [name for _, name in photographs.probes]


def test_the_evidence_as_text_and_as_json(pipeline, photographs):
    path, name = photographs.probes[0]
    people = sorted(folder.name for folder in photographs.train.iterdir())
    classifier = pipeline / "embeddings" / "classifier.pkl"
    done = run_script(CLASSIFIER, "infer", classifier, path, "--top", 3, "--verbose")
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert re.fullmatch(rf"Predict {name} with [01]\.\d\d confidence\.", lines[1])
    assert re.fullmatch(
        rf"  nearest picture: {name}/.*\.png at distance 0\.\d{{3}} \(of {name}, score -?\d\.\d\d\)", lines[2]
    )
    runner_up: list[str] = []
    if len(people) > 1:
        said = r"  runner-up: (\w+) at distance \d\.\d{3}, margin \d\.\d\d \(score -?\d\.\d\d\)"
        runner_up = re.findall(f"^{said}$", lines[3])
        assert len(runner_up) == 1
        assert {*runner_up} < {*people} - {name}
    ranked = lines[3 + len(runner_up) :]
    assert len(ranked) == min(3, len(people))
    assert re.fullmatch(rf"  1\. {name} with [01]\.\d\d confidence", ranked[0])
    done = run_script(CLASSIFIER, "infer", classifier, path, "--top", 3, "--json")
    (face,) = json.loads(done.stdout)["faces"]
    assert face.keys() == {
        *["box", "name", "confidence", "distance", "nearest", "runner_up", "margin", "candidates", "turn", "same_as"],
        "quality",
    }
    assert face["name"] == name
    assert face["nearest"] in lines[2]
    assert (pipeline / "aligned" / face["nearest"]).is_file()
    assert (face["runner_up"] or "") == "".join(runner_up)
    assert [candidate["name"] for candidate in face["candidates"]] == [line.split()[1] for line in ranked]
    assert face["candidates"][0] == {key: face[key] for key in ("name", "confidence", "distance")}


def test_one_name_each_in_a_picture(pipeline, photographs, tmp_path):
    """The same person side by side."""
    path, name = photographs.probes[0]
    picture = decode_image(path.read_bytes())
    (tmp_path / "two.png").write_bytes(encode_png(np.concatenate([picture, picture[:, ::-1]], axis=1)))
    classifier = pipeline / "embeddings" / "classifier.pkl"
    for options, wanted in (([], [name, name]), (["--one-each"], sorted([name, "unknown"]))):
        done = run_script(CLASSIFIER, "infer", classifier, tmp_path / "two.png", "--multi", *options)
        named = [line.split()[1] for line in done.stdout.splitlines()[1:]]
        assert sorted(named) == wanted, done.stderr


def test_marked_pictures_show_the_nearest_crop(pipeline, photographs, tmp_path):
    path, _ = photographs.probes[0]
    picture = decode_image(path.read_bytes())
    padded = np.pad(picture, ((0, 0), (0, picture.shape[1]), (0, 0)))  # room beside the face
    (tmp_path / "a.png").write_bytes(encode_png(padded))
    classifier = pipeline / "embeddings" / "classifier.pkl"
    crops = shutil.copytree(pipeline / "aligned", tmp_path / "crops")
    saved, faces = {}, {}
    for name, options in {"with": ["--crops", crops], "without": []}.items():
        command = ["infer", classifier, tmp_path / "a.png", "--json", "--save", tmp_path / name, *options]
        done = run_script(CLASSIFIER, *command)
        assert done.returncode == 0, done.stderr
        saved[name] = decode_image((tmp_path / name / "a-faces.png").read_bytes())
        (faces[name],) = json.loads(done.stdout)["faces"]
    assert faces["with"] == faces["without"]
    rows, columns = np.nonzero((saved["with"] != saved["without"]).any(axis=2))
    _, top, right, bottom = faces["with"]["box"]
    assert (rows.min(), columns.min()) == (max(0, top), right)
    edge = (bottom - top) // 2
    assert abs(np.ptp(rows) - edge) < 20
    crop = decode_image((crops / faces["with"]["nearest"]).read_bytes())
    shown = saved["with"][rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]
    small, shown = (np.array(Image.fromarray(part).resize((8, 8)), float)[1:-1, 1:-1] for part in (crop, shown))
    assert np.corrcoef(small.ravel(), shown.ravel())[0, 1] > 0.9
    # A crop that is not there any more is left out.
    (crops / faces["with"]["nearest"]).unlink()
    done = run_script(
        CLASSIFIER, "infer", classifier, tmp_path / "a.png", "--save", tmp_path / "gone", "--crops", crops
    )
    assert done.returncode == 0, done.stderr
    assert np.array_equal(decode_image((tmp_path / "gone" / "a-faces.png").read_bytes()), saved["without"])


def test_crops_that_cannot_be_shown_take_one_line(pipeline, photographs, tmp_path):
    classifier = pipeline / "embeddings" / "classifier.pkl"
    for options, complaint in (
        (["--crops", pipeline / "aligned"], "in the marked pictures only; name a folder for these with --save"),
        (["--crops", "none", "--save", "out"], "none: No such file or directory; name the folder of aligned crops"),
        (["--crops", "", "--save", "out"], "an empty path names nothing"),
        (
            ["--crops", photographs.train, "--save", "out"],
            f"{photographs.train}: holds none of the gallery's crops; name",
        ),
    ):
        done = run_script(CLASSIFIER, "infer", classifier, photographs.portrait, *options, cwd=tmp_path)
        assert done.returncode == 2
        assert complaint in done.stderr
        assert done.stderr.count("\n") == 1
        assert done.stdout == ""
        assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("crop", ["../secret.png", "{0}/secret.png", "x/../../secret.png", "a\0b", "\x1b[2J/../../\n"])
def test_a_forged_crop_s_path_leads_nowhere(pipeline, photographs, tmp_path, crop):
    """That of the picture's own crop, where the others are there, and that of all."""
    content = pickles.load(pipeline / "embeddings" / "classifier.pkl")
    crops = content["gallery"]["crops"]
    own = f"{photographs.portrait.parent.name}/{photographs.portrait.name}.png"
    shutil.copy(next((pipeline / "aligned").glob("*/*.png")), tmp_path / "secret.png")
    shutil.copytree(pipeline / "aligned", tmp_path / "crops")
    for forged in ([own], crops):
        changed = [crop.format(tmp_path) if name in forged else name for name in crops]
        pickles.dump(content | {"gallery": content["gallery"] | {"crops": changed}}, tmp_path / "classifier.pkl")
        arguments = ["classifier.pkl", photographs.portrait, "--save", "out", "--crops", "crops"]
        done = run_script(CLASSIFIER, "infer", *arguments, cwd=tmp_path)
        assert changed != crops
        assert done.returncode == 2
        assert " leads out of this folder" in done.stderr
        assert done.stderr.count("\n") == 1
        assert not list(tmp_path.glob("out/*"))


def test_infer_goes_on_after_a_missing_picture(pipeline, photographs, tmp_path):
    path, name = photographs.probes[0]
    classifier = pipeline / "embeddings" / "classifier.pkl"
    done = run_script(CLASSIFIER, "infer", classifier, "gone.jpg", path, cwd=tmp_path)
    assert done.returncode == 2
    lines = done.stdout.splitlines()
    assert lines[:3] == ["=== gone.jpg ===", "Not a usable picture: No such file or directory.", f"=== {path} ==="]
    assert lines[3].startswith(f"Predict {name} with ")
    assert done.stderr == "classifier.py: error: gone.jpg: no such picture (1 in all); correct the path\n"


def test_paths_with_spaces_and_accents_and_defaults(photographs, tmp_path):
    """All stages in a folder of an awkward name, with the paths that may be left out left out."""
    home = tmp_path / "Zoë's «photos», 2024"
    name = photographs.portrait.parent.name
    (home / "training images" / "Zoë, Ltd.").mkdir(parents=True)
    shutil.copy(photographs.portrait, home / "training images" / "Zoë, Ltd." / "a photo, «é».jpg")
    probe = next(path for path, who in photographs.probes if who == name)
    shutil.copy(probe, home / "my photo é.jpg")
    for arguments in (
        (ALIGN, "training images/", "align", "outerEyesAndNose", "./aligned-images/"),
        (REPRESENT, "-outDir", "./generated-embeddings/", "-data", "./aligned-images/"),
        (CLASSIFIER, "train"),
    ):
        done = run_script(*arguments, cwd=home)
        assert done.returncode == 0, done.stderr
        assert done.stderr == ""
    done = run_script(CLASSIFIER, "infer", "./my photo é.jpg", cwd=home)
    assert done.stdout.startswith("=== ./my photo é.jpg ===\nPredict Zoë, Ltd. with ")
    assert done.stderr == ""
    assert done.returncode == 0


def without_rights(command):
    """`command` for a user whom the file permissions hold back, as they do not hold back root."""
    if os.geteuid() != 0:
        return command
    if not shutil.which("setpriv"):
        pytest.skip("permissions do not bind root, and setpriv is missing")
    return ["setpriv", "--bounding-set", "-dac_override,-dac_read_search,-fowner", *command]


def test_what_cannot_be_read_or_written_is_named(tmp_path, encoded):
    for name in ("anna/1.jpg", "anna/locked.jpg", "locked/1.jpg"):
        (tmp_path / "in" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "in" / name).write_bytes(encoded("JPEG"))
    (tmp_path / "in/anna/locked.jpg").chmod(0)
    (tmp_path / "in/locked").chmod(0)
    (tmp_path / "sealed").mkdir(mode=0o555)
    command = [sys.executable, str(ALIGN), "in", "align", "outerEyesAndNose"]

    def run(*arguments):
        return subprocess.run(
            without_rights([*command, *arguments]), cwd=tmp_path, capture_output=True, text=True, check=False
        )

    done = run("out")
    assert done.returncode == 0, done.stderr
    assert "3 pictures of 1 person: 1 ok, 2 unreadable." in done.stdout
    manifest = (tmp_path / "out" / "manifest.csv").read_text()
    assert "anna/locked.jpg,anna,unreadable,Permission denied," in manifest
    assert "locked/,locked,unreadable,Permission denied," in manifest
    for output in ("sealed", "sealed/new"):
        done = run(output)
        assert done.returncode == 2
        assert f"{output}: cannot be written: Permission denied; make it writable" in done.stderr
        assert done.stderr.count("\n") == 1
    (tmp_path / "in").chmod(0)
    assert "in: Permission denied; name the folder" in run("new").stderr
    for name in ("in", "in/locked"):
        (tmp_path / name).chmod(0o755)


def test_a_folder_that_cannot_be_read_for_now_keeps_its_crops(tmp_path, encoded):
    for name in ("anna/1.jpg", "bert/1.jpg", "bert/sub/2.jpg"):
        (tmp_path / "in" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "in" / name).write_bytes(encoded("JPEG"))
    command = [sys.executable, str(ALIGN), "in", "align", "outerEyesAndNose", "out", "--upsample", "0", "--jobs", "1"]

    def run(*arguments):
        command_line = without_rights([*command, *arguments])
        return subprocess.run(command_line, cwd=tmp_path, capture_output=True, text=True, check=False)

    assert "3 computed, 0 as before, 0 removed" in run().stdout
    before = tree(tmp_path / "out")
    for mode in (0o000, 0o444):  # to be listed, but not entered
        (tmp_path / "in" / "bert").chmod(mode)
        done = run()
        assert "4 pictures of 3 people: 3 ok, 1 unreadable.\n" in done.stdout, done.stderr
        assert "0 computed, 3 as before, 1 left out, 0 removed" in done.stdout
        crops = {name: data for name, data in before.items() if name.endswith(".png")}
        assert crops.items() <= tree(tmp_path / "out").items()
    (tmp_path / "in" / "anna").chmod(0)
    done = run()
    assert done.returncode == 2
    assert done.stderr == "align-dlib.py: error: in/anna: Permission denied; make it readable\n"
    (tmp_path / "in" / "anna").chmod(0o755)
    assert "1 computed, 0 as before, 1 left out, 2 removed" in run("--overwrite").stdout
    (tmp_path / "in" / "bert").chmod(0o755)
    assert "2 computed, 1 as before, 0 removed" in run().stdout
    assert tree(tmp_path / "out") == before


def test_represent_and_infer_name_what_they_may_not_read(pipeline, photographs, tmp_path):
    shutil.copytree(pipeline / "aligned", tmp_path / "aligned")
    people = sorted(path for path in (tmp_path / "aligned").iterdir() if path.is_dir())
    # A person's folder; of a single person, one crop of several.
    locked = people[0] if len(people) > 1 else next(people[0].iterdir())
    locked.chmod(0)
    (tmp_path / "sealed").mkdir(mode=0)
    shutil.copy(photographs.portrait, tmp_path / "a.jpg")
    (tmp_path / "a.jpg").chmod(0)
    classifier = pipeline / "embeddings" / "classifier.pkl"
    for script, arguments, status, outcome in (
        (REPRESENT, ["-outDir", "out", "-data", "aligned"], 0, " unreadable."),
        (REPRESENT, ["-outDir", "new", "-data", "sealed/x"], 2, "sealed/x: Permission denied; run align-dlib.py first"),
        (CLASSIFIER, ["train", "sealed/x"], 2, "sealed/x: Permission denied; run batch_represent first"),
        (CLASSIFIER, ["infer", classifier, "a.jpg"], 1, "Not a usable picture: Permission denied."),
        (CLASSIFIER, ["infer", classifier, "sealed/a.jpg"], 1, "Not a usable picture: Permission denied."),
        (CLASSIFIER, ["infer", "sealed/c.pkl", "a.jpg"], 2, "sealed/c.pkl: Permission denied"),
    ):
        command = without_rights([sys.executable, str(script), *map(str, arguments)])
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == status, done.stderr
        assert outcome in done.stdout + done.stderr
        assert done.stderr.count("\n") == (status == 2)
    for path in (locked, tmp_path / "sealed"):
        path.chmod(0o755)


@pytest.mark.parametrize(
    ("redirection", "status", "output"),
    [
        (">&-", 2, "classifier.py: error: gone.jpg: no such picture (1 in all); correct the path\n"),
        (">&- 2>&-", 2, ""),
        ("2>&-", 2, "=== gone.jpg ===\nNot a usable picture: No such file or directory.\n"),
        (">/dev/full", 2, "the results cannot be printed: No space left on device; make room where they go\n"),
        ("2>/dev/full", 2, "=== gone.jpg ===\nNot a usable picture: No such file or directory.\n"),
        (">/dev/full 2>/dev/full", 2, ""),
        ("<&- >&- 2>&-", 2, ""),
    ],
)
def test_streams_that_take_nothing(pipeline, tmp_path, redirection, status, output):
    python = f'"{sys.executable}" -W error'
    command = f'{python} "{CLASSIFIER}" infer "{pipeline}/embeddings/classifier.pkl" gone.jpg {redirection}'
    done = subprocess.run(["bash", "-c", command], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == status
    printed = done.stdout + done.stderr
    assert printed.endswith(output)
    assert printed.count("\n") == output.count("\n")
    for option in ("--help", "--mistake"):
        command = f'{python} "{CLASSIFIER}" {option} {redirection}'
        done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False)
        assert done.returncode == (0 if option == "--help" else 2)
        assert "Error" not in done.stderr


def test_names_that_the_terminal_s_encoding_lacks(pipeline, tmp_path):
    name = os.fsencode("Łukasz") + b"\xff.jpg"
    classifier = pipeline / "embeddings" / "classifier.pkl"
    for encoding, printed in (("ascii", b"\\u0141ukasz\xff"), ("latin-1", b"\\u0141ukasz\xff"), ("utf-8", name[:-4])):
        environment = os.environ | {"PYTHONIOENCODING": encoding}
        command = [sys.executable, CLASSIFIER, "infer", classifier, name]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, env=environment, check=False)
        assert done.returncode == 2
        assert done.stdout.startswith(b"=== " + printed + b".jpg ===\n"), done.stdout
        assert done.stderr.startswith(b"classifier.py: error: " + printed + b".jpg: no such picture")
        assert done.stderr.count(b"\n") == 1


def test_a_full_disk_takes_one_line_and_loses_nothing(tmp_path, encoded):
    """On a file system of 100 KB that fills up in the middle of the work."""
    disk = tmp_path / "disk"
    disk.mkdir()
    if (
        os.geteuid() != 0
        or subprocess.run(
            ["mount", "-t", "tmpfs", "-o", "size=100k", "tmpfs", disk], check=False, capture_output=True
        ).returncode
    ):
        pytest.skip(f"needs the right to mount a small file system ({os.strerror(errno.EPERM)})")
    try:
        (tmp_path / "in" / "anna").mkdir(parents=True)
        for number in range(9):
            (tmp_path / "in" / "anna" / f"{number}.jpg").write_bytes(encoded("JPEG", quality=50 + number))
        arguments = (ALIGN, tmp_path / "in", "align", "outerEyesAndNose", disk / "out", "--upsample", 0)
        done = run_script(*arguments)
        assert done.returncode == 2
        assert "No space left on device; make room and run the same command again" in done.stderr
        assert done.stderr.count("\n") == 1
        subprocess.run(["mount", "-o", "remount,size=10m", disk], check=True)
        done = run_script(*arguments)
        assert done.returncode == 0, done.stderr
        assert " 0 as before" not in done.stdout
        run_script(*arguments[:4], tmp_path / "fresh", *arguments[5:])
        assert tree(disk / "out") == tree(tmp_path / "fresh")
    finally:
        subprocess.run(["umount", disk], check=True)


def test_output_into_a_closed_pipe_is_quiet(pipeline, photographs):
    path, _ = photographs.probes[0]
    command = (
        f'"{sys.executable}" "{CLASSIFIER}" infer "{pipeline}/embeddings/classifier.pkl" "{path}" "{path}" | head -1'
    )
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False)
    assert done.stdout == f"=== {path} ===\n"
    assert done.stderr == ""


def test_interrupted_by_the_user(photographs, tmp_path):
    (tmp_path / "in" / "anna").mkdir(parents=True)
    for number in range(200):  # far more than it can do before the signal comes, however busy the machine is
        (tmp_path / "in" / "anna" / f"{number}.jpg").symlink_to(photographs.portrait)
    command = [sys.executable, str(ALIGN), "in", "align", "outerEyesAndNose", "out", "--jobs", "1"]
    # Tests that run in the background of a shell have this signal ignored, and their children inherit that.
    heed: dict[str, Any] = {"preexec_fn": lambda: signal.signal(signal.SIGINT, signal.SIG_DFL)}
    pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    process = subprocess.Popen(command, cwd=tmp_path, text=True, **pipes, **heed)
    while not (tmp_path / "out" / "journal.jsonl").exists():
        assert process.poll() is None
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate()
    assert process.returncode == 130
    assert errors == "align-dlib.py: interrupted; run the same command again to go on\n"
