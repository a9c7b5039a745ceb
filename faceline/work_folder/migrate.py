"""A work folder from one network to another, with what people have done to it."""

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from faceline.disk.folder_locks import locked
from faceline.disk.names import ALIGNED_DIR, CLASSIFIER_FILE, EMBEDDINGS_DIR, MIGRATION_DIR
from faceline.disk.paths import check_folder, named_path
from faceline.errors import FacelineError
from faceline.faces.test_time_augmentation import DEFAULT_PASSES, Augmentation
from faceline.networks.inference import check_network
from faceline.networks.network import FLOAT32, Network
from faceline.networks.precision import with_precision
from faceline.networks.runtime import DEFAULT_DEVICE, DEFAULT_ENGINE, Runtime
from faceline.networks.table import network_named
from faceline.people.calibration import DEFAULT_FPIR, check_fpir
from faceline.people.classifiers.table import DEFAULT_CLASSIFIER_NAME, check_classifier
from faceline.runs.keeping import keep_workers
from faceline.runs.parallel import process_count
from faceline.wording import listed, one_line
from faceline.work_folder.migration_folder import (
    discard,
    finish_migration,
    free_name,
    old_results,
    read_state,
    refuse_links,
    remove_old_results,
    swap,
    write_state,
)

if TYPE_CHECKING:
    from faceline.recognition.classifier_file import Model
    from faceline.runs.summary import Summary
    from faceline.stages.train import Trained
    from faceline.work_folder.old_result import OldResult


@dataclass(frozen=True)
class Migrated:
    """What `migrate` did.

    Attributes
    ----------
    classifier_path : str
        What `infer` wants.
    network : str
        The network that the work folder is made for now.
    said : sequence of str
        Lines on where the faces came from, what was not taken over, and what changes.
    before : str or None
        The folder, itself a work folder for `infer`, that has the old result.
    removed : sequence of str
        Folders of old results that were removed.
    aligned, represented, trained : Summary, Summary, Trained, or None
        What the stages report; None for those that this run had not to do.
    """

    classifier_path: str
    network: str
    said: Sequence[str] = ()
    before: str | None = None
    removed: Sequence[str] = ()
    aligned: "Summary | None" = None
    represented: "Summary | None" = None
    trained: "Trained | None" = None

    def __str__(self) -> str:
        lines = [str(part) for part in (self.aligned, self.represented, self.trained) if part is not None]
        lines += self.said
        if self.before is not None:
            lines.append(f"The result of before stays in {one_line(self.before)}; migrate with --yes removes it")
        if self.removed:
            lines.append(f"Removed, as --yes says: {listed(self.removed)}.")
        return "\n".join(lines)


@keep_workers()
def migrate(
    work_dir: str | Path,
    *,
    network: str,
    passes: int | None = None,
    jitters: int | None = None,
    precision: str | None = None,
    engine: str = DEFAULT_ENGINE,
    device: str = DEFAULT_DEVICE,
    fpir: float | None = None,
    classifier: str | None = None,
    lda_dim: int | None = None,
    distinct: Sequence[tuple[str, str]] | None = None,
    strangers: str | Path | None = None,
    cohort: str | Path | None = None,
    yes: bool = False,
    jobs: int | None = None,
) -> Migrated:
    """Make a work folder, which `enrol` made for one network, anew for another one.

    The faces are taken from the crops where these show all that the network wants, else from the photographs. Names,
    `distinct.csv` and whatever else lies beside the embeddings stay, and pictures whose photograph or crop was removed
    do not come back. The new result is built in `.migration` and put in the old one's place when it is whole; the old
    one moves to `before-<its network>`, where `infer` can still use it. Killed at any moment and run again, it goes on.

    Parameters
    ----------
    work_dir : path
        With `generated-embeddings`, and `aligned-images` or `training-images`.
    network : str
        As that of `represent_folder`.
    passes, jitters : int or None
        As those of `represent_folder`; None for those of before.
    precision : str or None
        As that of `represent_folder`; None for that of before.
    engine, device : str
        As those of `represent_folder`.
    fpir, classifier, lda_dim, distinct
        As those of `train`; None for those of before.
    strangers, cohort : path or None
        As those of `train`, of embeddings by the new network: nothing tells which were used before.
    yes : bool
        Remove the old result in the end, and those of earlier migrations. Without another network, do only that.
    jobs : int or None
        As that of the stages.

    Raises
    ------
    FacelineError
        If that is no work folder or is made for this network, photographs are needed and missing, another run writes
        there, or a stage refuses.

    Examples
    --------
    >>> from faceline import enrol, migrate
    >>> enrolled = enrol("training-images", "my-old-people")
    >>> print(migrate("my-old-people", network="dlib+mobilefacenet").before)  # doctest: +SKIP
    my-old-people/before-dlib
    """
    # Late, so that the help of the command comes at once.
    from faceline.work_folder.old_result import read_old_result
    from faceline.work_folder.rebuilding import Plan, build

    work_dir = named_path(work_dir)
    check_folder(work_dir, "name the work folder that enrol made")
    chosen, runtime = network_named(network, precision or FLOAT32), Runtime(engine, device)
    check_network(chosen, runtime)
    if fpir is not None:
        check_fpir(fpir)
    if classifier is not None or lda_dim is not None:
        check_classifier(classifier or DEFAULT_CLASSIFIER_NAME, lda_dim)
    process_count(jobs)
    refuse_links(work_dir)
    finished = finish_migration(work_dir)
    with contextlib.ExitStack() as locks:
        locks.enter_context(locked(work_dir))
        for name in (ALIGNED_DIR, EMBEDDINGS_DIR):
            if (work_dir / name).is_dir():
                locks.enter_context(locked(work_dir / name))
        old = read_old_result(work_dir)
        if precision is None:
            chosen = with_precision(chosen, old.precision)
            check_network(chosen, runtime)
        if is_made_for(old, chosen):
            return already(work_dir, chosen, finished, yes)
        model, said = old_model(old)
        given = {"fpir": fpir, "classifier": classifier, "lda_dim": lda_dim}
        plan = Plan(
            work_dir,
            old,
            chosen,
            augmentation_of(old, passes, jitters),
            runtime,
            old.crops_do(chosen),
            options_of(model) | {name: value for name, value in given.items() if value is not None},
            jobs,
        )
        built = build(plan, network, model, said, {"distinct": distinct, "strangers": strangers, "cohort": cohort})
        before = free_name(work_dir, old.network)
        state = read_state(work_dir) | {"is_whole": True, "before": before, "said": built.said}
        write_state(work_dir, state)
        swap(work_dir, state)
        path = str(work_dir / EMBEDDINGS_DIR / CLASSIFIER_FILE)
        return Migrated(
            path,
            chosen.title,
            built.said,
            None if yes else str(work_dir / before),
            remove_old_results(work_dir) if yes else (),
            None if built.aligned is None else replace(built.aligned, result=str(work_dir / ALIGNED_DIR)),
            replace(built.represented, result=str(work_dir / EMBEDDINGS_DIR)),
            replace(built.trained, path=path),
        )


def is_made_for(old: "OldResult", network: Network) -> bool:
    """Whether a result is one of the network, wherever its file lies."""
    was, now = old.represented["options"], network.record()
    may_lack = {"network_parts": None, "precision": None}
    return without_paths({name: was.get(name) for name in may_lack | now}) == without_paths(may_lack | now)


def without_paths(record: dict) -> dict:
    """What `Network.record` gave, but for the places of files, as `run.json` has it."""
    parts = record.get("network_parts")
    kept = {name: value for name, value in record.items() if name != "network_path"}
    return kept | {"network_parts": [without_paths(part) for part in parts] if parts else None}


def already(work_dir: Path, network: Network, finished: dict, yes: bool) -> Migrated:
    """What is to be said and done where nothing is to be built; raises FacelineError where there is nothing at all."""
    kept = old_results(work_dir)
    has_just_ended = bool(finished) or (work_dir / MIGRATION_DIR).is_dir()
    discard(work_dir / MIGRATION_DIR)
    if not has_just_ended and not (yes and kept):
        advice = f"; --yes removes {listed(kept)}" if kept else ""
        raise FacelineError(
            f"{one_line(work_dir)}: is made for {one_line(network.title)} already; name another network{advice}"
        )
    path = str(work_dir / EMBEDDINGS_DIR / CLASSIFIER_FILE)
    said = [f"Now made for {one_line(network.title)}: {one_line(path)}", *map(str, finished.get("said", ()))]
    if yes:
        return Migrated(path, network.title, said, removed=remove_old_results(work_dir))
    before = str(work_dir / str(finished["before"])) if finished else None
    return Migrated(path, network.title, said, before)


def augmentation_of(old: "OldResult", passes: int | None, jitters: int | None) -> Augmentation:
    """How many copies of a crop are embedded: as many as before where nothing is said of it."""
    if passes is None and jitters is None:
        return Augmentation.from_record(old.represented["options"])
    return Augmentation(DEFAULT_PASSES if passes is None else passes, jitters or 0)


def old_model(old: "OldResult") -> tuple["Model | None", list[str]]:
    """The old classifier, and a line where it cannot be had or does not tell all."""
    try:
        model = old.model()
    except FacelineError as error:
        return None, [f"The classifier of before cannot be read, so its options are not known: {error}."]
    if model is None:
        return None, ["There was no classifier, so options of training are the usual ones."]
    if model.gallery.calibration.people > model.gallery.scorer.count:
        return model, [
            "The classifier of before knew strangers, and nothing tells which: embed them by the new network, and train"
            " again with --strangers."
        ]
    return model, []


def options_of(model: "Model | None") -> dict[str, Any]:
    """The options that a classifier was trained with."""
    if model is None:
        return {"fpir": DEFAULT_FPIR, "classifier": DEFAULT_CLASSIFIER_NAME, "lda_dim": None}
    scorer = model.gallery.scorer
    return {
        "fpir": model.gallery.calibration.fpir,
        "classifier": scorer.name,
        "lda_dim": scorer.lda_dim,
    }
