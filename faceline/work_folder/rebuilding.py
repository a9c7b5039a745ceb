"""The new result of a work folder, beside the old one: crops, embeddings, classifier, and what changes."""

import contextlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from faceline.disk.distinct_people import read_distinct
from faceline.disk.embeddings import read_people
from faceline.disk.manifests import read_manifest
from faceline.disk.names import ALIGNED_DIR, DISTINCT_FILE, EMBEDDINGS_DIR, MANIFEST_FILE, TRAINING_DIR
from faceline.disk.rows import USABLE, PictureRow, Status
from faceline.disk.run_records import read_record
from faceline.errors import FacelineError
from faceline.faces.test_time_augmentation import Augmentation
from faceline.networks.frames import DEFAULT_LANDMARKS, FRAMES
from faceline.networks.inference import check_network
from faceline.networks.network import Network
from faceline.networks.runtime import Runtime
from faceline.networks.table import name_of, network_of
from faceline.recognition.classifier_file import Model
from faceline.report.changes import Embedded, changes
from faceline.runs.parallel import process_count
from faceline.runs.summary import Summary
from faceline.stages.align import align_folder
from faceline.stages.corrected import corrected
from faceline.stages.represent import represent_folder
from faceline.stages.train import Trained, percent, train
from faceline.wording import counted, listed, one_line
from faceline.work_folder.migration_folder import begin, discard, read_state, write_state
from faceline.work_folder.old_result import OldResult, Shown, carry_files, drop_crops, link_crops


@dataclass(frozen=True)
class Plan:
    """What is to be done, and how."""

    work_dir: Path
    old: OldResult
    network: Network
    augmentation: Augmentation
    runtime: Runtime
    from_crops: bool
    training: dict[str, Any]
    jobs: int | None

    def record(self) -> dict:
        """All that what is built depends on, beside files that the stages look at themselves."""
        return {
            "network": self.network.record(),
            "passes": self.augmentation.record(),
            "from_crops": self.from_crops,
            "engine": self.runtime.engine,
            "device": self.runtime.device,
            "old": self.old.fingerprint(),
        }


@dataclass(frozen=True)
class Built:
    """What the stages report, and what else there is to say."""

    aligned: Summary | None
    represented: Summary
    trained: Trained
    said: list[str]


def build(plan: Plan, network: str, model: Model | None, said: list[str], training: dict[str, Any]) -> Built:
    """Make the new crops, embeddings and classifier in `.migration`, as far as they are not there yet."""
    folder = begin(plan.work_dir, plan.record())
    new_crops, new_embeddings = folder / ALIGNED_DIR, folder / EMBEDDINGS_DIR
    runs_on: dict[str, Any] = {"engine": plan.runtime.engine, "device": plan.runtime.device, "jobs": plan.jobs}
    if plan.from_crops and not read_state(plan.work_dir).get("is_linked"):
        discard(new_crops)
        link_crops(plan.old, new_crops)
        write_state(plan.work_dir, read_state(plan.work_dir) | {"is_linked": True})
    aligned = None
    if plan.old.has_photographs:
        aligned = align_folder(plan.work_dir / TRAINING_DIR, new_crops, **alignment_of(plan, network), **runs_on)
    rows = read_manifest(new_crops / MANIFEST_FILE, PictureRow)
    dropped = drop_crops(new_crops, rows, plan.old)
    how = plan.augmentation.record() | {"precision": plan.network.precision}
    represented = represent_folder(new_crops, new_embeddings, network=network, **how, **runs_on)
    carried = carry_files(plan.old, new_embeddings)
    trained = train(new_embeddings, **plan.training, **training, jobs=plan.jobs)
    said = [
        *source_lines(plan, rows, dropped),
        *([f"Kept as they are: {listed(carried)}."] if carried else []),
        *said,
        *([rates_line(model, trained)] if model is not None else []),
        *compared(plan, rows, new_embeddings),
    ]
    return Built(aligned, represented, trained, said)


def alignment_of(plan: Plan, network: str) -> dict[str, Any]:
    """The options of stage 1: those of before, as far as the network's frame has them.

    Where the crops stay, they are brought up to date with the photographs by the network of before, if it is still
    there: which face of a picture is its person's has been chosen by that.
    """
    options = plan.old.alignment
    record = {} if plan.old.aligned is None else plan.old.aligned["options"]
    found: dict[str, Any] = {
        name: getattr(options, name)
        for name in ("landmarks", "landmark_model", "detector", "upsample", "detection_size")
    }
    found |= {name: record[name] for name in ("skip_multi", "every", "fallback") if name in record}
    if not plan.from_crops:
        sets = FRAMES[plan.network.frame].template
        if options.landmarks not in sets:
            found["landmarks"] = DEFAULT_LANDMARKS
        if options.landmark_model not in sets[found["landmarks"]]:
            found["landmark_model"] = None
        return found | {"network": network}
    with contextlib.suppress(FacelineError):
        before = network_of(plan.old.represented["options"])
        check_network(before, Runtime())
        if before.frame == options.frame:
            return found | {"network": name_of(plan.old.represented["options"]), "size": options.size}
    return found | {"network": network, "size": options.size if plan.network.frame == options.frame else None}


def source_lines(plan: Plan, rows: list[PictureRow], dropped: list[str]) -> list[str]:
    """Where the faces came from, and which pictures of before are not among them."""
    source = f"the crops in {ALIGNED_DIR}" if plan.from_crops else f"the photographs in {TRAINING_DIR}"
    lines = [f"From {one_line(plan.old.title)} to {one_line(plan.network.title)}, from {source}."]
    if plan.from_crops and not plan.old.has_photographs:
        frame = plan.old.alignment.frame
        if frame != plan.network.frame and any(part.frame != frame for part in plan.network.parts or (plan.network,)):
            lines.append(f"The crops are in the frame {frame}: what the network wants beyond them, if any, is black.")
    if dropped:
        lines.append(f"Stay removed, as their crops were: {listed(dropped)}.")
    there = {row.image_sha256 for row in rows if row.status in USABLE}
    gone = list(dict.fromkeys(row.image for row in plan.old.usable() if row.image_sha256 not in there))
    if gone:
        lines.append(
            f"Not taken over, as {counted(len(gone), 'photograph')} of before cannot be used now: {listed(gone)}."
        )
    return lines


def rates_line(model: Model, trained: "Trained") -> str:
    """What `train` expected before."""
    was, now = model.gallery.calibration, trained.calibration
    return (
        f"Expected before: {percent(was.fpir)} of strangers named, {percent(was.tpir)} of known people found;"
        f" now {percent(now.fpir)} and {percent(now.tpir)}."
    )


def compared(plan: Plan, rows: list[PictureRow], new_embeddings: Path) -> list[str]:
    """Lines on what the new network says otherwise than the old one, of the pictures that both know."""
    ok = frozenset({Status.OK})
    try:
        before = network_of(plan.old.represented["options"])
        old, old_crops, _ = read_people(plan.old.embeddings_dir, before.dimensions, plan.old.represented["counts"], ok)
    except FacelineError as error:
        return [f"What changes is not known: {error}."]
    counts = read_record(new_embeddings)["counts"]
    new, crops, names = read_people(new_embeddings, plan.network.dimensions, counts, ok)
    labels = corrected(new_embeddings, crops, names)
    pictures = {row.crop: row for row in rows}
    places = same_pictures(plan.old, old_crops)
    pairs = []
    for place, crop in enumerate(crops):
        shown = plan.old.shown(pictures[crop])
        # By the same name where there is one; a picture that was renamed since is known by its content.
        found = places.get((crop, shown), places.get(("", shown)))
        if found is not None and labels.kept[place] and labels.people[place]:
            pairs.append((place, found))
    if not pairs:
        return ["What changes is not known: no picture of before is among those of now."]
    own, of_old = np.array(pairs).T
    path = new_embeddings / DISTINCT_FILE
    options = plan.training | {"jobs": process_count(plan.jobs)}
    return changes(
        [labels.people[place] for place in own],
        [pictures[crops[place]].image for place in own],
        Embedded(old[of_old], before, options),
        Embedded(new[own], plan.network, options),
        [*(read_distinct(path) if path.exists() else []), *labels.distinct],
    )


def same_pictures(old: OldResult, crops: list[str]) -> dict[tuple[str, Shown], int]:
    """The place among old `crops` of each picture, by its crop's name and what that shows, and by the latter alone."""
    shown = {row.crop: old.shown(row) for row in old.usable()}
    places: dict[tuple[str, Shown], int] = {}
    for place, crop in enumerate(crops):
        if crop in shown:
            places[crop, shown[crop]] = place
            places.setdefault(("", shown[crop]), place)
    return places
