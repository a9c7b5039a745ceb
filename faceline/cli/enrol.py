"""Stages 1 to 3 as one command."""

from typing import Any

from faceline.cli.options import (
    add_augmentation_options,
    add_calibration_options,
    add_detection_options,
    add_network_option,
    add_precision_option,
    add_run_options,
    add_runtime_options,
)
from faceline.cli.parser import Parser
from faceline.cli.program import show_summary
from faceline.faces.detectors import DETECTORS
from faceline.work_folder.enrol import enrol

DESCRIPTION = """\
Enrol people: all stages in one, from their photographs to the classifier that infer asks.

Reads   <photos>/<person>/<picture>, in any format that Pillow and pi-heif read
Writes  <work folder>/training-images/, copies of the photographs, person by person
        <work folder>/aligned-images/, their faces
        <work folder>/generated-embeddings/, with classifier.pkl

Run it again to add people or photographs: only what is new is computed, and no photograph is replaced or removed. After
removing some from training-images, name that folder itself: enrol <work folder>/training-images <work folder>
"""


def fill(parser: Parser) -> None:
    parser.add_argument(
        "photos", metavar="photos", help="the folder that holds a folder of photographs for each person"
    )
    parser.add_argument("work_dir", metavar="work-folder", help="the folder for all that is made; made if need be")
    parser.add_argument(
        "--link",
        action="store_true",
        help="link the photographs instead of copying them: takes no room, but an edited link edits the photograph",
    )
    add_network_option(parser, "embedding network")
    parser.add_argument("--size", type=int, metavar="N", help="edge of the crops in pixels (default: 96 for dlib)")
    parser.add_argument("--detector", choices=DETECTORS, help="face detector (default: %(default)s)")
    add_detection_options(parser, "%(default)s", "and look closer only where need be")
    parser.add_argument("--skip-multi", action="store_true", help="leave out pictures with several faces")
    add_augmentation_options(parser, "%(default)s")
    add_calibration_options(parser)
    add_precision_option(parser)
    add_runtime_options(parser)
    add_run_options(parser)
    parser.does(enrol_shown, enrol, resumes=True, summarises=True)


def enrol_shown(**options: Any) -> None:
    """Enrol people, and print what each step reports when it is done."""

    def report(summary: object) -> None:
        # `train` has its own advice, which is for its own folder.
        show_summary(str(summary).replace(": train --distinct ", ": enrol again with --distinct "))

    enrol(**options | {"report": report})
