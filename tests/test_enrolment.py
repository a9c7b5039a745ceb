"""Galleries with mistakes: what is found in them, and that nobody else's answer suffers."""

import shlex
from typing import Any

import numpy as np
import pytest

from faceline.disk.people_paths import UNKNOWN
from faceline.networks.table import NETWORKS
from faceline.people.enrolment import Enrolment
from faceline.people.gallery import Gallery
from faceline.people.near_copies import merged, near_copies
from faceline.people.scoring import unit
from faceline.people.subjects import Link, families_of
from faceline.report.findings import link_line

NETWORK = NETWORKS["dlib"]
OPTIONS: dict[str, Any] = {"fpir": 0.01, "classifier": "LinearSvm", "lda_dim": None, "jobs": 1}


def enrolled(embeddings, names, **more):
    crops = [f"{name}/{row}.png" for row, name in enumerate(names)]
    return Gallery.enrol(list(names), embeddings, crops, NETWORK, **OPTIONS, **more)


def halves(people, count=40, pictures=3):
    """Rows to enrol and rows to find, of some people."""
    several = [name for name in np.unique(people.names) if len(people.rows(name)) > pictures][:count]
    rows = [people.rows(name) for name in several]
    return np.concatenate([own[:pictures] for own in rows]), np.concatenate([own[pictures:] for own in rows])


def found(gallery, people, probes):
    """Which of the probes get their name."""
    return np.array([who.name for who in gallery.identify(people.embeddings[probes])]) == people.names[probes]


@pytest.fixture(scope="module")
def clean(lfw):
    """A gallery without mistakes but those of LFW itself, its rows, the probes, and which of these are found."""
    rows, probes = halves(lfw)
    gallery, enrolment = enrolled(lfw.embeddings[rows], lfw.names[rows])
    assert enrolment.links == []
    assert enrolment.wrong == []
    return gallery, rows, probes, found(gallery, lfw, probes)


@pytest.mark.parametrize("doubles", [1, 5])
def test_doubles_are_one_person_and_harm_nobody(lfw, clean, doubles):
    gallery, rows, probes, before = clean
    names = lfw.names[rows].astype(object)
    people = list(dict.fromkeys(names))
    chosen = people[:: len(people) // doubles][:doubles]
    more = np.concatenate([[row for row in probes if lfw.names[row] == name] for name in chosen])
    dirty, enrolment = enrolled(
        lfw.embeddings[np.concatenate([rows, more])],
        np.concatenate([names, [f"{lfw.names[row]} (2)" for row in more]]),
    )
    assert sorted(tuple(dirty.people[folder] for folder in link.folders) for link in enrolment.links) == sorted(
        (name, f"{name} (2)") for name in chosen
    )
    assert all(link.same and link.probability > 0.5 for link in enrolment.links)
    in_question = np.isin(lfw.names[probes], chosen)
    after = found(dirty, lfw, probes)
    assert after[~in_question].mean() >= before[~in_question].mean() - 0.02
    assert dirty.calibration.tpir > gallery.calibration.tpir - 0.05
    for who, name in zip(dirty.identify(lfw.embeddings[probes]), lfw.names[probes], strict=True):
        if name in chosen and who.name != UNKNOWN:
            assert {who.name, *who.same_as} == {name, f"{name} (2)"}
        elif who.name != UNKNOWN:
            assert who.same_as == ()
    scores, order = dirty.score(lfw.embeddings[probes])
    assert scores.shape == order.shape == (len(probes), len(dirty.people))
    assert [dirty.people[first] for first in order.argmax(axis=1)] == [
        who.candidates[0].name for who in dirty.identify(lfw.embeddings[probes])
    ]
    strangers = [row for row in range(len(lfw.names)) if lfw.names[row] not in people]
    named = [who.name != UNKNOWN for who in dirty.identify(lfw.embeddings[strangers])]
    assert np.mean(named) <= 0.05


def test_a_single_picture_apart_makes_a_double_too(lfw):
    """The hardest doubles: of one person in ten, one picture lies in a folder of another name."""
    rows, _ = halves(lfw)
    scale = NETWORK.metric.as_cosine(NETWORK.threshold, lfw.embeddings)
    people = list(dict.fromkeys(lfw.names[rows]))
    found = 0
    for start in range(30):
        names = lfw.names[rows].astype(object)
        for name in people[start % 10 :: 10]:
            names[np.flatnonzero(names == name)[start // 10]] = f"also {name}"
        folders, labels = np.unique(names.astype(str), return_inverse=True)
        order = np.argsort(labels, kind="stable")
        enrolment = Enrolment.of(unit(lfw.embeddings[rows[order]]), labels[order], folders.tolist(), scale)
        for link in enrolment.links:
            one, other = (folders[folder].removeprefix("also ") for folder in link.folders)
            assert one == other
            found += 1
    assert found >= 118  # of 120


def test_wrong_pictures_are_left_out_and_harm_nobody(lfw, clean):
    _, rows, probes, before = clean
    generator = np.random.default_rng(0)
    names = lfw.names[rows].astype(object)
    people = list(dict.fromkeys(names))
    wrong = generator.choice(len(rows) // 3, round(0.05 * len(rows)), replace=False) * 3  # one of a person's three
    for row in wrong:
        names[row] = generator.choice([name for name in people if name != names[row]])
    dirty, enrolment = enrolled(lfw.embeddings[rows], names)
    seen = {entry.row: entry for entry in enrolment.wrong}
    assert len(seen.keys() & set(wrong)) >= len(wrong) - 1
    assert len(seen.keys() - set(wrong)) <= 1
    for row in seen.keys() & set(wrong):
        assert dirty.people[seen[row].folder] == names[row]
    whose = {row: seen[row].whose for row in seen.keys() & set(wrong) if seen[row].whose is not None}
    assert len(whose) >= len(wrong) - 1
    assert all(dirty.people[folder] == lfw.names[rows[row]] for row, folder in whose.items())
    in_question = np.isin(lfw.names[probes], [*names[wrong], *lfw.names[rows[wrong]]])
    after = found(dirty, lfw, probes)
    assert after[~in_question].mean() >= before[~in_question].mean() - 0.02
    # A picture that is left out is nobody's evidence.
    assert not {f"{names[row]}/{row}.png" for row in seen} & set(dirty.crops)


def test_people_who_look_like_one_are_two_if_the_user_says_so(lfw):
    rows, probes = halves(lfw, count=6)
    twin = lfw.names[rows][0]
    names = lfw.names[rows].astype(object)
    own = [row for row in probes if lfw.names[row] == twin]
    embeddings = lfw.embeddings[np.concatenate([rows, own])]
    names = np.concatenate([names, ["twin"] * len(own)])
    gallery, enrolment = enrolled(embeddings, names, distinct=[("twin", twin)])
    assert enrolment.links == []  # the user knows
    answers = gallery.identify(embeddings)
    assert {who.name for who, name in zip(answers, names, strict=True) if name in ("twin", twin)} <= {"twin", twin}
    assert all(who.same_as == () for who in answers)
    assert [who.name for who, name in zip(answers, names, strict=True) if name not in ("twin", twin)] == [
        name for name in names if name not in ("twin", twin)
    ]
    twins = [who for who, name in zip(answers, names, strict=True) if name == "twin"]
    assert {who.runner_up.name for who in twins} <= {"twin", twin}


def test_a_folder_for_each_picture(lfw):
    rows, probes = halves(lfw, count=8, pictures=4)
    names = [f"{name}/picture {'abcd'[number % 4]}" for number, name in enumerate(lfw.names[rows])]
    gallery, enrolment = enrolled(lfw.embeddings[rows], names)
    assert len(enrolment.links) == 8
    assert sum(len(link.folders) for link in enrolment.links) >= 30
    for who, name in zip(gallery.identify(lfw.embeddings[probes]), lfw.names[probes], strict=True):
        assert who.name == UNKNOWN or who.name.startswith(f"{name}/")
        assert who.name == UNKNOWN or {other.rpartition("/")[0] for other in who.same_as} == {name}
    assert np.mean([who.name != UNKNOWN for who in gallery.identify(lfw.embeddings[probes])]) > 0.6


def test_copies_of_a_picture_count_as_one(lfw):
    rows, probes = halves(lfw, pictures=1)
    generator = np.random.default_rng(0)
    noise = 0.004 * generator.normal(size=(3, len(rows), 128)).astype(np.float32)
    copies = np.concatenate([lfw.embeddings[rows], *(lfw.embeddings[rows] + noise)])
    once, _ = enrolled(lfw.embeddings[rows], lfw.names[rows])
    often, enrolment = enrolled(copies, np.tile(lfw.names[rows], 4))
    assert enrolment.copies == 3 * len(rows)
    assert often.calibration.tpir == pytest.approx(once.calibration.tpir, abs=0.05)
    assert found(often, lfw, probes).mean() == pytest.approx(found(once, lfw, probes).mean(), abs=0.05)
    assert often.calibration.tpir == pytest.approx(found(often, lfw, probes).mean(), abs=0.1)


def test_copies_of_copies_do_not_join_different_pictures():
    angles = np.cumsum([0, 0.1, 0.1, 0.1, 0.1, 1.5])  # each the next one's copy, the first and the last but one are not
    directions = np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)
    scale = 0.0883
    first = near_copies(directions, np.zeros(6, int), scale)
    assert first.tolist() == [0, 0, 2, 2, 4, 5]
    rows, means = merged(directions, first)
    assert rows.tolist() == [0, 2, 4, 5]
    assert np.allclose(means[0], unit(directions[:1] + directions[1:2])[0])
    assert near_copies(directions, np.array([0, 1, 2, 3, 4, 5]), scale).tolist() == list(range(6))


def test_strangers_of_the_user_s_move_the_limit(lfw):
    rows, _ = halves(lfw, count=10)
    known = set(lfw.names[rows])
    outside = [row for row in range(len(lfw.names)) if lfw.names[row] not in known][:40]
    plain, _ = enrolled(lfw.embeddings[rows], lfw.names[rows])
    informed, _ = enrolled(lfw.embeddings[rows], lfw.names[rows], strangers=lfw.embeddings[outside])
    assert informed.calibration.people > plain.calibration.people
    assert informed.calibration.limit != plain.calibration.limit
    # Somebody who is enrolled does not become a stranger by lying among them.
    spoilt, _ = enrolled(
        lfw.embeddings[rows], lfw.names[rows], strangers=lfw.embeddings[np.concatenate([outside, rows[::3]])]
    )
    assert spoilt.calibration.doubtful > informed.calibration.doubtful
    assert spoilt.calibration.tpir > informed.calibration.tpir - 0.05


def test_where_the_network_tells_people_apart_badly(east_asian):
    people = np.unique(east_asian.names)
    rows = np.concatenate([east_asian.rows(name)[: len(east_asian.rows(name)) // 2 + 1] for name in people])
    _, enrolment = enrolled(east_asian.embeddings[rows], east_asian.names[rows])
    assert not any(link.same for link in enrolment.links)
    assert len(enrolment.wrong) <= 1


def test_names_that_say_so():
    names = ["Zoe\u0308", "Zo\u00eb", "anna", "team/anna", "x1", "x2", "y"]
    families = {tuple(folders.tolist()): prior for folders, prior in families_of(names)}
    assert families[0, 1] == max(families.values())
    assert (2, 3) in families
    assert (4, 5) in families
    assert all(6 not in folders for folders in families)


def test_what_to_type_is_quoted_for_a_shell():
    names = ["Conan O'Brien", "obrien"]
    line = link_line(Link((0, 1), 0.9, True), names)
    assert shlex.split(line[line.index("train --distinct") :].replace("\n", " "))[2:] == names


def test_one_person_alone(lfw):
    row = lfw.rows(lfw.names[0])[:1]
    directions = unit(lfw.embeddings[row])
    enrolment = Enrolment.of(directions, np.zeros(1, np.int32), ["anna"], 0.0883)
    assert enrolment.labels.tolist() == enrolment.subjects.tolist() == [0]
    assert np.array_equal(enrolment.directions, directions)
    assert enrolment.rows.all()
