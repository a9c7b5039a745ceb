"""What the user says of faces and people, noted beside a folder of embeddings."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from faceline.disk.cluster_table import read_cluster_numbers
from faceline.disk.corrections import (
    Correction,
    FaceKey,
    add_corrections,
    corrections_path,
    parsed,
    read_corrections,
)
from faceline.disk.embeddings import read_labels
from faceline.disk.folder_locks import locked
from faceline.disk.names import CLUSTERS_FILE, DEFAULT_EMBEDDINGS_DIR, LABELS_FILE
from faceline.disk.paths import check_folder, named_path
from faceline.disk.people_paths import person_of
from faceline.disk.photographs import aligned_folder
from faceline.errors import FacelineError, MissingError, cure
from faceline.people.decisions import FaceAt, decide
from faceline.stages.corrected import faces_of
from faceline.wording import counted, listed, one_line

LAST = "last"


@dataclass(frozen=True)
class Corrected:
    """What was noted, in lines; `path` is the file, and `lines` are what it says where nothing was added."""

    path: str
    added: Sequence[str] = ()
    lines: Sequence[str] = ()

    def __str__(self) -> str:
        if not self.added:
            return "\n".join(self.lines or [f"Nothing has been said in {one_line(self.path)}"])
        advice = "cluster, check, train and migrate obey it when they run again"
        return "\n".join([*self.added, f"Written to {one_line(self.path)}; {advice}."])


def correct(
    crops: Sequence[str] = (),
    embeddings_dir: str | Path = DEFAULT_EMBEDDINGS_DIR,
    *,
    clusters: Sequence[int] | None = None,
    name: str | None = None,
    not_name: str | None = None,
    no_face: bool = False,
    same: bool = False,
    different: bool = False,
    split: bool = False,
    same_people: Sequence[str] | None = None,
    different_people: Sequence[str] | None = None,
    undo: str | None = None,
    add: str | Path | None = None,
) -> Corrected:
    """Note what is right of faces or people in `corrections.jsonl`, in the folder that holds the embeddings' folder.

    `cluster`, `check`, `train` and `migrate` obey it, also when the photographs are aligned again or embedded by
    another network: a face is known by its photograph's content and its box. Lines are only ever added; without
    anything to note, what has been said is listed.

    Parameters
    ----------
    crops : sequence of str
        The faces, as `labels.csv` has them, or the photographs, as stage 1's manifest has these, where one face is of
        each.
    embeddings_dir : path
        As `represent_folder` wrote it.
    clusters : sequence of int, or None
        All faces of these clusters of `clusters.csv`, too.
    name, not_name : str or None
        Whose the faces are, or are not.
    no_face : bool
        They are no faces, or shall not count.
    same, different : bool
        They are one person's; each is another person's. Clusters count as a whole.
    split : bool
        They are one person's, and not that of the others in their cluster.
    same_people, different_people : sequence of str, or None
        People who are one, by the first of the names; people who are as many as names, however alike.
    undo : str or None
        The id of what does not hold any more, or `last`.
    add : path or None
        Another such file, as the review page gives it: what it says is added.

    Raises
    ------
    FacelineError
        If a face, a cluster or an id is not there, more or less than one thing is said, or the file is damaged or
        cannot be written.

    Examples
    --------
    >>> from faceline import correct
    >>> noted = correct(["obama/obama2.jpg.png"], "generated-embeddings", name="obama")
    >>> len(noted.added)
    1
    >>> undone = correct(undo="last")
    """
    folder = named_path(embeddings_dir)
    check_folder(folder, "run batch_represent first")
    path = corrections_path(folder)
    said = [
        *(("is", name), ("is-not", not_name), ("no-face", no_face), ("same", same), ("different", different)),
        *(("split", split), ("same-people", same_people), ("different-people", different_people)),
        *(("undo", undo), ("add", add)),
    ]
    chosen = [what for what, value in said if value not in (None, False)]
    if len(chosen) > 1:
        raise FacelineError(f"{chosen[0]} and {chosen[1]}: say one thing at a time")
    takes_faces = bool(chosen) and chosen[0] in ("is", "is-not", "no-face", "same", "different", "split")
    if bool(crops or clusters) != takes_faces:
        raise FacelineError(
            "name the faces, as labels.csv has them, or --cluster N"
            if takes_faces
            else "say what is right of these faces: --is NAME, --is-not NAME, --no-face, --same, --different or --split"
        )
    if not chosen:
        return listing(folder, path)
    with locked(path.parent):
        if add is not None:
            news = read_corrections(named_path(add)) if Path(add).exists() else missing(named_path(add))
        elif undo is not None:
            news = [undone(path, undo)]
        elif not takes_faces:
            news = [of_people(chosen[0], same_people or different_people or ())]
        else:
            groups = groups_of(folder, crops, clusters or ())
            news = of_faces(chosen[0], groups, name or not_name or "", folder)
        added = add_corrections(path, news)
    faces = faces_of(aligned_folder(folder)) if takes_faces else {}
    places = {FaceKey(face.photo, face.box_ltrb): crop for crop, face in faces.items()}
    lines = [described(correction, places) for correction in added]
    lines += [f"Nobody is called {one_line(name)} yet." for name in not_there(folder, added)]
    return Corrected(str(path), lines, ["All of that has been noted before."])


def not_there(folder: Path, added: Sequence[Correction]) -> list[str]:
    """The people whom corrections speak of as people, and of whom there is no face, by folders or other corrections."""
    names = {name for correction in added if correction.what != "undo" for name in correction.people}
    if not names:
        return []
    people = set(map(person_of, read_labels(folder / LABELS_FILE)))
    people |= {correction.name for correction in read_corrections(corrections_path(folder))}
    return sorted(names - people)


def missing(path: Path) -> list[Correction]:
    raise MissingError("no such file; name what the review page gave", one_line(path))


def undone(path: Path, what: str) -> Correction:
    """The correction that undoes the one of that id, of which the beginning is enough."""
    known = [correction for correction in parsed(path) if correction.id]
    held = {correction.id for correction in read_corrections(path)}
    if what == LAST:
        found = [correction.id for correction in known if correction.id in held][-1:]
    else:
        found = sorted({correction.id for correction in known if correction.id.startswith(what)})
    if len(found) != 1:
        problem = "begins several ids" if found else "is not there"
        raise FacelineError(f"{one_line(path)}: {one_line(what)} {problem}; run correct without options to see the ids")
    return Correction("undo", of=found[0])


def of_people(what: str, people: Sequence[str]) -> Correction:
    try:
        return Correction.from_json({"what": what, "people": list(people)})
    except ValueError as error:
        raise FacelineError(f"--{what}: {error}") from None


def groups_of(folder: Path, crops: Sequence[str], clusters: Sequence[int]) -> list[list[str]]:
    """The crops that are meant, each alone, and those of each cluster."""
    known = read_labels(folder / LABELS_FILE)
    faces = faces_of(aligned_folder(folder))
    of_image: dict[str, list[str]] = defaultdict(list)
    for crop in known:
        if crop in faces:
            of_image[faces[crop].image].append(crop)
    groups, there = [], set(known)
    for crop in crops:
        found = [crop] if crop in faces and crop in there else of_image.get(crop, [])
        if len(found) != 1:
            problem = (
                "several faces are of it: name one crop"
                if found
                else f"no such face in {LABELS_FILE}; name a crop as it stands there, or a photograph"
            )
            raise FacelineError(f"{one_line(folder)}: {one_line(crop)}: {problem}")
        groups.append(found)
    if clusters:
        numbers = cluster_numbers(folder)
        for cluster in clusters:
            members = [crop for crop in known if numbers.get(crop) == cluster and crop in faces]
            if not members:
                raise FacelineError(f"{one_line(folder / CLUSTERS_FILE)}: no cluster {cluster} there")
            groups.append(members)
    return groups


def cluster_numbers(folder: Path) -> dict[str, int]:
    with cure("run cluster first"):
        return read_cluster_numbers(folder / CLUSTERS_FILE)


def of_faces(what: str, groups: Sequence[Sequence[str]], name: str, folder: Path) -> list[Correction]:
    """What is said of faces, as corrections."""
    faces = faces_of(aligned_folder(folder))
    everyone = [crop for group in groups for crop in group]
    if what in ("is", "is-not", "no-face"):
        fields = {"name": name} if what != "no-face" else {}
        try:
            return [Correction.from_json({"what": what, "face": key_of(faces[crop]), **fields}) for crop in everyone]
        except ValueError as error:
            raise FacelineError(f"--{what}: {error}") from None
    if what == "split":
        numbers = cluster_numbers(folder)
        own = {numbers.get(crop) for crop in everyone}
        rest = [crop for crop, number in numbers.items() if number in own and crop not in everyone and crop in faces]
        if len(own) != 1 or not rest:
            raise FacelineError("--split: name some, and not all, of the faces of one cluster")
        return [grouped("split", [everyone, rest], faces)]
    if len(groups) < 2:
        raise FacelineError(f"--{what}: name two faces or clusters, or more")
    if all(len(group) == 1 for group in groups):
        return [Correction.from_json({"what": what, "faces": [key_of(faces[crop]) for crop in everyone]})]
    return [grouped("merge" if what == "same" else "split", groups, faces)]


def grouped(what: str, groups: Sequence[Sequence[str]], faces: dict[str, FaceAt]) -> Correction:
    return Correction.from_json({"what": what, "groups": [[key_of(faces[crop]) for crop in group] for group in groups]})


def key_of(face: FaceAt) -> dict:
    return FaceKey(face.photo, face.box_ltrb).to_json()


def listing(folder: Path, path: Path) -> Corrected:
    """What holds, in lines."""
    held = read_corrections(path)
    faces = faces_of(aligned_folder(folder)) if held else {}
    crops = list(faces)
    places: dict[FaceKey, str] = {}
    for correction in held:
        for key in (key for group in correction.groups for key in group if key not in places):
            only = decide([Correction("no-face", ((key,),))], list(faces.values())).no_face
            places[key] = crops[min(only)] if only else f"a face that is not here ({key.photo[:8]}…)"
    return Corrected(str(path), (), [described(correction, places) for correction in held])


def described(correction: Correction, places: dict[FaceKey, str]) -> str:
    """A correction in a line of words."""
    groups = [[places.get(key, f"{key.photo[:8]}…") for key in group] for group in correction.groups]
    flat = [crop for group in groups for crop in group]
    words = {
        "is": f"{listed(flat)} is {one_line(correction.name)}",
        "is-not": f"{listed(flat)} is not {one_line(correction.name)}",
        "no-face": f"{listed(flat)} is no face, or shall not count",
        "same": f"{listed(flat)} are one person's",
        "different": f"{listed(flat)} are as many people's",
        "same-people": f"{listed(correction.people)} are one person",
        "different-people": f"{listed(correction.people)} are different people",
        "merge": f"{counted(len(groups), 'group')} of {counted(len(flat), 'face')} are one person",
        "split": f"{counted(len(groups), 'group')} of {counted(len(flat), 'face')} are a person each",
        "undo": f"undone: {correction.of[:8]}",
    }
    return f"{correction.id[:8]}  {correction.time}  {words[correction.what]}"
