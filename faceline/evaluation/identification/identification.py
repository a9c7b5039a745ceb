"""Evaluation of identification: known people are looked for in galleries of some of their pictures, among strangers."""

from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike

from faceline.disk.folder_locks import locked
from faceline.disk.names import DEFAULT_EMBEDDINGS_DIR
from faceline.disk.paths import named_path
from faceline.errors import FacelineError
from faceline.evaluation.cohorts import faces_of_cohort
from faceline.evaluation.comparison import DEFAULT_OUTPUT, Embedded, read_embedded, refuse_inputs
from faceline.evaluation.identification.plots import (
    RateCurve,
    misses,
    plot_matches,
    plot_misses,
    plot_open_set,
    plot_reliability,
    write_bins,
    write_curves,
)
from faceline.evaluation.identification.rates import Bin, bins_of, cumulative_matches, rates_found
from faceline.evaluation.identification.report import FPIRS, Counts, Identification, Rate, Span
from faceline.evaluation.identification.roles import Roles, choose_roles
from faceline.evaluation.identification.trials import (
    Answers,
    NearestNeighbour,
    Ranking,
    Trial,
    answers_of,
    rank_people,
)
from faceline.evaluation.plots import check_plots, plot_files
from faceline.people import galleries
from faceline.people.calibration import DEFAULT_FPIR, check_fpir
from faceline.people.classifiers.table import DEFAULT_CLASSIFIER_NAME, check_classifier
from faceline.runs.keeping import keep_workers
from faceline.runs.parallel import process_count
from faceline.runs.progress import bar
from faceline.wording import counted

STEMS = ("cmc", "open-set", "fnir", "reliability")
OUTPUTS = tuple(name for stem in STEMS for name in (f"{stem}.csv", *plot_files(stem)))

MOST_DRAWS = 10_000

# Ranks up to which the right person is looked for.
RANKS = 10

BASELINE = "nearest neighbour"


@keep_workers()  # a gallery is fitted for every draw
def identify(
    embeddings_dir: str | Path = DEFAULT_EMBEDDINGS_DIR,
    *,
    known_path: str | Path | None = None,
    strangers_path: str | Path | None = None,
    enrolled: int = 4,
    draws: int = 5,
    seed: int = 0,
    fpir: float = DEFAULT_FPIR,
    classifier: str = DEFAULT_CLASSIFIER_NAME,
    lda_dim: int | None = None,
    cohort: str | Path | None = None,
    jobs: int | None = None,
    output_dir: str | Path = DEFAULT_OUTPUT,
) -> Identification:
    """Enrol some pictures of known people, and name their other pictures and strangers.

    Parameters
    ----------
    embeddings_dir : path
        What `represent_folder` wrote.
    known_path, strangers_path : path or None
        Lists of known people and of strangers, one a line. Without any, people with more than `enrolled` pictures are
        known and the others are strangers; if that leaves no strangers, half of the people are, drawn anew each time.
    enrolled : int
        How many pictures of each known person are enrolled; the others are to be named.
    draws : int
        How often pictures are drawn to be enrolled; the rates are means.
    seed : int
        What is drawn.
    fpir, classifier, lda_dim, cohort, jobs
        See `stages.train`.
    output_dir : path
        Where the plots go, and their curves as CSV: `cmc`, `open-set`, `fnir`, `reliability`.

    Raises
    ------
    FacelineError
        If the embeddings or the lists cannot be used, an option is wrong, or the results cannot be written.

    Examples
    --------
    >>> from faceline.evaluation import identify
    >>> found = identify("lfw-embeddings", enrolled=2, draws=1)
    >>> found.counts.known_faces.most, found.counts.stranger_faces.most
    (1, 2)
    >>> found.closed["LinearSvm"][0].mean
    1.0
    """
    check_fpir(fpir)
    check_classifier(classifier, lda_dim)
    for name, value, least in (("enrolled", enrolled, 1), ("draws", draws, 1), ("seed", seed, 0)):
        if value < least:
            raise FacelineError(f"{name} {value} is out of range; choose {least} or more")
    if draws > MOST_DRAWS:
        raise FacelineError(f"draws {draws} are out of range; choose 1 to {MOST_DRAWS}")
    jobs = process_count(jobs)
    check_plots()
    folder, output = named_path(embeddings_dir), named_path(output_dir)
    refuse_inputs(output, OUTPUTS, [named_path(path) for path in (known_path, strangers_path) if path is not None])
    embedded = read_embedded([folder])
    roles = choose_roles(embedded, folder, known_path, strangers_path, enrolled)
    settings = {"embeddings": str(folder), "network": embedded.network.title, "enrolled": enrolled, "draws": draws}
    options = {"fpir": fpir, "classifier": classifier, "lda_dim": lda_dim}
    settings |= {"seed": seed, **options, "cohort": None if cohort is None else str(named_path(cohort))}
    crowd = faces_of_cohort(embedded, cohort, folder)
    fit = partial(galleries.fit, network=embedded.network, jobs=jobs, cohort=crowd, **options)
    with locked(output):
        outcomes = run_draws(embedded, roles, settings, fit)
        return report(outcomes, roles.rule, settings, output)


@dataclass(frozen=True)
class DrawOutcome:
    """What became of one draw.

    `known` and `strangers` are the rankings of both kinds of faces, for each kind of scores; `counts` is how many there
    are of each attribute of `Counts`.
    """

    known: dict[str, Ranking]
    strangers: dict[str, Ranking]
    answers: Answers
    counts: list[int]

    def found_at(self, name: str, rates: ArrayLike) -> np.ndarray:
        known = self.known[name]
        return rates_found(known.ranks == 1, known.scores, self.strangers[name].scores, rates)


def run_draws(embedded: Embedded, roles: Roles, settings: dict, fit: partial) -> list[DrawOutcome]:
    whose, outcomes = np.array(embedded.people), []
    with bar("draws", settings["draws"]) as progress:
        for number in range(settings["draws"]):
            generator = np.random.default_rng((settings["seed"], number))
            known, strangers = roles.draw(generator)
            trial = Trial.draw(
                embedded.embeddings,
                whose,
                known,
                strangers,
                lambda count: settings["enrolled"],
                generator,
                embedded.fallbacks,
            )
            outcomes.append(outcome_of(trial, scores_name(settings), fit))
            progress.update()
    return outcomes


def scores_name(settings: dict) -> str:
    components = "" if settings["lda_dim"] is None else f", {counted(settings['lda_dim'], 'component')}"
    return settings["classifier"] + components


def outcome_of(trial: Trial, name: str, fit: partial) -> DrawOutcome:
    """Enrol the gallery of a trial and name its faces; `name` is that of the gallery's scores."""
    enrolled = trial.gallery_names.tolist()
    gallery = fit(enrolled, trial.gallery, enrolled)
    people = np.array(gallery.people)
    neighbours = NearestNeighbour.fit(trial.gallery_names, trial.gallery, gallery.metric)
    scores = {name: gallery.score, BASELINE: neighbours.score}
    known = {key: rank_people(score, people, trial.probes, trial.probe_names) for key, score in scores.items()}
    others = {key: rank_people(score, people, trial.strangers, trial.stranger_names) for key, score in scores.items()}
    counts = [len(people), len(enrolled)]
    for whose in (trial.probe_names, trial.stranger_names):
        counts += [len(np.unique(whose)), len(whose)]
    return DrawOutcome(known, others, answers_of(gallery, trial), counts)


def report(outcomes: list[DrawOutcome], rule: str, settings: dict, output: Path) -> Identification:
    """Put all draws together, and write the curves."""
    numbers = [one.counts for one in outcomes]
    counts = Counts(*(Span(min(column), max(column)) for column in zip(*numbers, strict=True)))
    most, strangers = min(RANKS, counts.enrolled_people.least), counts.stranger_faces.least
    closed, opened, matches, curves = {}, {}, {}, {}
    for name in outcomes[0].known:
        rates = np.array([cumulative_matches(one.known[name].ranks, most) for one in outcomes])
        closed[name], matches[name] = [*map(Rate.of, rates.T)], curve(np.arange(1, most + 1), rates)
        found = map(Rate.of, zip(*(one.found_at(name, FPIRS) for one in outcomes), strict=True))
        opened[name] = [rate if fpir * strangers >= 1 else None for fpir, rate in zip(FPIRS, found, strict=True)]
        steps = np.arange(1, strangers + 1) / strangers
        curves[name] = curve(steps, np.array([one.found_at(name, steps) for one in outcomes]))
    limit = {
        name: Rate.of([getattr(one.answers, part) for one in outcomes])
        for name, part in (
            ("strangers named", "strangers_named"),
            ("known people found", "found"),
            ("known people found, as expected", "expected"),
            ("known people misnamed", "misnamed"),
        )
    }
    diagrams = reliability([one.answers for one in outcomes])
    write_curves(matches, ("rank", "rate"), output / "cmc.csv")
    write_curves(curves, ("fpir", "tpir"), output / "open-set.csv")
    write_curves(misses(curves), ("fpir", "fnir"), output / "fnir.csv")
    write_bins(diagrams, output / "reliability.csv")
    plot_matches(matches, output / "cmc")
    named, found_there = limit["strangers named"].mean, limit["known people found"].mean
    plot_open_set(curves, named, found_there, output / "open-set")
    plot_misses(misses(curves), named, 1 - found_there, output / "fnir")
    plot_reliability(diagrams, output / "reliability")
    return Identification(settings, rule, counts, closed, opened, limit, diagrams, str(output))


def curve(inputs: np.ndarray, rates: np.ndarray) -> RateCurve:
    """Mean and deviation of the rates of each draw, (draws, n)."""
    return RateCurve(inputs, rates.mean(axis=0), rates.std(axis=0, ddof=1 if len(rates) > 1 else 0))


def reliability(answers: list[Answers]) -> dict[str, list[Bin]]:
    """The bins of all draws' answers, for each way to weigh them."""
    parts = ("confidence", "right", "people", "faces")
    confidence, right, people, faces = (np.concatenate([getattr(one, part) for one in answers]) for part in parts)
    weights = {"each person alike": people, "each face alike": faces}
    return {name: bins_of(confidence, right, weight) for name, weight in weights.items()}
