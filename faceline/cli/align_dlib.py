"""Stage 1 and the mean landmarks as one script, as OpenFace's was."""

import sys
from collections.abc import Sequence
from types import ModuleType

from faceline.cli import align, mean_landmarks
from faceline.cli.arguments import COMPUTE_MEAN
from faceline.cli.parser import Parser
from faceline.networks.frames import LANDMARK_SETS

DESCRIPTION = align.DESCRIPTION


def fill(parser: Parser) -> None:
    align.fill(parser)
    parser.epilog = f"{parser.prog} <input> {COMPUTE_MEAN} averages the landmarks instead; behind it, --help has more."


def command_for(arguments: Sequence[str]) -> ModuleType:
    """The command that the arguments are for: one of the modules of this room."""
    place = arguments.index(COMPUTE_MEAN) if COMPUTE_MEAN in arguments else 0
    # Behind one of the other words, it is the folder for the crops.
    is_folder = not {"align", *LANDMARK_SETS}.isdisjoint(arguments[1:place])
    return mean_landmarks if place and not is_folder else sys.modules[__name__]
