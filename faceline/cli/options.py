"""Options that several commands share."""

import argparse

from faceline.faces.test_time_augmentation import PASSES
from faceline.networks.network import PRECISIONS
from faceline.networks.runtime import DEVICES, ENGINES
from faceline.networks.table import NETWORKS
from faceline.runs.cluster import BACKENDS

JOBS = "processes to use (default: one for each core; with --device cuda fewer, by the number of GPUs)"


def add_runtime_options(parser: argparse.ArgumentParser) -> None:
    """What the networks run on."""
    parser.add_argument(
        "--engine",
        choices=ENGINES,
        help="onnx: ONNX Runtime; dlib: dlib itself, slower but the reference (default: %(default)s)",
    )
    parser.add_argument(
        "--device", choices=DEVICES, help="where ONNX Runtime runs; cuda: NVIDIA's GPUs (default: %(default)s)"
    )


def add_precision_option(parser: argparse.ArgumentParser, default: str = "%(default)s") -> None:
    """What the embedding network reckons in; `default` says what is taken otherwise."""
    parser.add_argument(
        "--precision",
        choices=PRECISIONS,
        help="what the network reckons in: float32, the reference; int8, almost three times as fast; bf16, twice as"
        f" fast on processors that have it (default: {default})",
    )


def add_answer_options(parser: argparse.ArgumentParser) -> None:
    """The options of commands that say something of each picture, with a classifier or without one."""
    parser.add_argument("--network", metavar="FILE.onnx", help="where the gallery's network lies now, if it has moved")
    add_runtime_options(parser)
    parser.add_argument("--json", action="store_true", dest="as_json", help="print an object a picture and line")


def add_detection_options(parser: argparse.ArgumentParser, default: str, closer: str) -> None:
    """How closely faces are looked for; `default` says what is taken otherwise, `closer` what else is looked at."""
    parser.add_argument(
        "--upsample",
        type=int,
        metavar="N",
        help=f"double the picture N times before detection, to find smaller faces (default: {default})",
    )
    parser.add_argument(
        "--detection-size",
        type=int,
        metavar="N",
        help=f"shrink larger pictures to N pixels for detection, {closer} (default: {default})",
    )


def add_augmentation_options(parser: argparse.ArgumentParser, default: str) -> None:
    """How many copies of a face are embedded; `default` says what is taken otherwise."""
    parser.add_argument(
        "--passes",
        type=int,
        choices=PASSES,
        help=f"average over N copies of each crop, turned and mirrored: slower, more accurate (default: {default})",
    )
    parser.add_argument(
        "--jitters", type=int, metavar="N", help=f"average over N copies as dlib jitters them (default: {default})"
    )


def add_calibration_options(parser: argparse.ArgumentParser, default: str = "%(default)s") -> None:
    """How people are told apart from each other and from strangers; `default` says what is taken otherwise."""
    from faceline.people.classifiers.table import CLASSIFIER_NAMES  # other commands need none of what that imports

    parser.add_argument(
        "--fpir", type=float, metavar="RATE", help=f"how often a stranger may get a name (default: {default})"
    )
    parser.add_argument("--classifier", choices=CLASSIFIER_NAMES, help=f"what tells people apart (default: {default})")
    parser.add_argument(
        "--ldaDim", "--lda-dim", type=int, dest="lda_dim", metavar="N", help="show it N discriminant components only"
    )
    parser.add_argument(
        "--distinct",
        nargs=2,
        action="append",
        metavar=("A", "B"),
        help="A and B look like one person and are two, such as twins; remembered",
    )
    parser.add_argument(
        "--strangers", metavar="DIR", help="folder of embeddings of faces that are nobody in the gallery"
    )
    parser.add_argument(
        "--cohort",
        metavar="DIR",
        help="folder of embeddings of people like those in the gallery (default: the strangers)",
    )


def add_run_options(parser: argparse.ArgumentParser) -> None:
    """The options that stages 1 and 2 share."""
    parser.add_argument("--jobs", type=int, metavar="N", help=JOBS)
    parser.add_argument("--overwrite", action="store_true", help="compute everything again")


def add_machine_options(parser: argparse.ArgumentParser) -> None:
    """How a stage runs on several machines."""
    parser.add_argument(
        "--backend", choices=BACKENDS, help="who does it: processes here, or a Dask cluster (default: %(default)s)"
    )
    parser.add_argument("--scheduler", metavar="ADDRESS", help="with --backend dask: its scheduler, tcp://host:8786")
    parser.add_argument(
        "--shard",
        metavar="I/N",
        help="do the I-th of N parts only, beside the others if need be; faceline merge closes the folder",
    )


def add_cohort_option(parser: argparse.ArgumentParser) -> None:
    """Whose distances those of pairs are normalised by."""
    parser.add_argument(
        "--cohort", metavar="DIR", help="embeddings of other people of the same population, to normalise distances by"
    )


def add_result_options(parser: argparse.ArgumentParser) -> None:
    """The options that the evaluations share."""
    parser.add_argument("--json", action="store_true", dest="as_json", help="print the report as one JSON object")
    parser.add_argument(
        "--output", dest="output_dir", metavar="DIR", help="folder for the plots and tables (default: %(default)s)"
    )


def add_network_option(parser: argparse.ArgumentParser, what: str) -> None:
    """Which network, for stages that do not take it from what they read."""
    parser.add_argument(
        "--network",
        metavar="NAME|FILE.onnx",
        help=f"{what}: {', '.join(NETWORKS)}, a file, or several with + between (default: %(default)s)",
    )
