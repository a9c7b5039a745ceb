"""A gallery of very many people is learnt."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np

from faceline.disk.stored_texts import StoredTexts
from faceline.networks.network import Network
from faceline.people.calibration import Calibration
from faceline.people.cohort import of_nobody
from faceline.people.enrolment import Enrolment
from faceline.people.holdout import score_strangers
from faceline.people.labelled import Labelled
from faceline.people.many.enrolment import enrol_many, pictures_of, some_with_several
from faceline.people.many.gallery import ManyPeople, exemplars_of_many
from faceline.people.many.lists import centres_of, nearest_centres
from faceline.people.many.scorer import ListedScorer
from faceline.people.part_weights import weighed
from faceline.people.prior import prior_for
from faceline.people.resemblance import People
from faceline.people.scoring import CROWDING_WEIGHT, Training, are_many, unit

# A face is looked for in so many lists that of enrolled pictures which keep their names where they are taken out and
# everybody is compared, this share does so, too; in as many as hold LEAST_PEOPLE, and where few people have several
# pictures, in a part of all.
FOUND = 0.995
LEAST_PEOPLE = 10_000  # who are compared in a millisecond
FEW, PART_OF_LISTS = 50, 0.2


def learn_many(
    names: Sequence[str],
    embeddings: np.ndarray,
    crops: Sequence[str],
    network: Network,
    *,
    fpir: float,
    classifier: str,
    jobs: int,
    distinct: Iterable[tuple[str, str]] = (),
    sure: np.ndarray | None = None,
    strangers: np.ndarray | None = None,
    cohort: np.ndarray | None = None,
) -> tuple[ManyPeople, Enrolment]:
    """What `Gallery.enrol` makes, for very many people; the parameters are its."""
    given = Labelled.of(names, embeddings, network, distinct)
    people, order, labels = given.people, given.order, given.labels
    factors, scale, embeddings = given.factors, given.scale, given.embeddings
    directions = unit(embeddings)
    if are_many(len(people)):
        enrolment = enrol_many(directions, labels, scale, jobs, given.distinct)
    else:
        confirmed = None if sure is None else sure[order]
        enrolment = Enrolment.of(directions, labels, people, scale, given.distinct, confirmed)
    if cohort is not None:
        enrolment = replace(enrolment, cohort=of_nobody(unit(weighed(cohort, factors)), enrolment))
    kept = np.flatnonzero(enrolment.rows)
    starts = np.searchsorted(labels[kept], np.arange(len(people)))
    kept = kept[exemplars_of_many(directions[kept], labels[kept], unit(np.add.reduceat(directions[kept], starts)))]
    del directions
    learnt = People(enrolment.directions, enrolment.labels, scale)
    settings = {"centres": centres_of(unit(learnt.sums()), jobs)}
    training = Training(classifier, None, scale, jobs, settings, prior_for(network.metric), enrolment.cohort)
    scorer = ListedScorer.fit(enrolment.directions, enrolment.labels, training)
    others = None if strangers is None else score_strangers(unit(weighed(strangers, factors)), enrolment, scorer)
    calibration = Calibration.fit(enrolment, scorer, training, fpir, others)
    probes = probes_for(learnt, scorer, calibration.limit, jobs)
    gallery = ManyPeople(
        StoredTexts.of(people),
        StoredTexts.of(crops[row] for row in order[kept].tolist()),
        embeddings[kept],
        np.cumsum(np.bincount(labels[kept])),
        np.argsort(enrolment.subjects, kind="stable").astype(np.int32),
        np.cumsum(np.bincount(enrolment.subjects)),
        enrolment.subjects,
        enrolment.persons,
        network.metric,
        scorer.searching(probes),
        calibration,
        factors,
    )
    return gallery, replace(enrolment, wrong=[replace(found, row=int(order[found.row])) for found in enrolment.wrong])


def probes_for(people: People, scorer: ListedScorer, limit: float, threads: int) -> int:
    """In how many lists a face has to be looked for.

    Pictures of some people are taken out one by one. Of those that still get their name, it counts how near the list is
    in which their person would lie, by the others: the nearest one, the next, and so on.
    """
    lists = len(scorer.centres)
    least = min(lists, math.ceil(lists * LEAST_PEOPLE / scorer.count))
    usual = max(least, int(PART_OF_LISTS * lists))
    chosen = some_with_several(people)
    if len(chosen) < FEW:
        return usual
    some = pictures_of(people, chosen)
    rest = unit(some.sums()[some.labels] - some.directions)
    similarities = (np.einsum("ij,ij->i", rest, some.directions) - 1) / scorer.scale
    scores = similarities - CROWDING_WEIGHT * scorer.crowding[chosen][some.labels]
    faces = np.flatnonzero(scores >= limit)
    if len(faces) < FEW:
        return usual
    home = nearest_centres(rest[faces], scorer.centres, threads)
    ranks = np.empty(len(faces), int)
    for place, (row, own) in enumerate(zip(faces, home, strict=True)):
        near = scorer.centres @ some.directions[row]
        ranks[place] = np.count_nonzero(near > near[own])
    return max(least, int(np.quantile(ranks, FOUND, method="higher")) + 1)
