"""A work folder for another network, as a command."""

from typing import Any

from faceline.cli.options import (
    JOBS,
    add_augmentation_options,
    add_calibration_options,
    add_precision_option,
    add_runtime_options,
)
from faceline.cli.parser import Parser
from faceline.networks.table import NETWORKS
from faceline.work_folder.migrate import migrate

DESCRIPTION = """\
Change the network of a work folder, and keep what people have done to it: names, corrections, removed pictures.

Reads   <work folder>/generated-embeddings/ and aligned-images/; training-images/ where the crops do not do
Writes  the same folders anew, when all is made; the old ones are in <work folder>/before-<network>/ then

It says how many pictures get another name, and which people lie closer than before. Killed at any moment, the folder
has either result, and the same command goes on. --yes removes the old result, in the same run or in a later one.
"""


def fill(parser: Parser) -> None:
    parser.add_argument("work_dir", metavar="work-folder", help="the folder that enrol made, or one like it")
    parser.add_argument(
        "--network",
        required=True,
        metavar="NAME|FILE.onnx",
        help=f"the new network: {', '.join(NETWORKS)}, a file, or several with + between them",
    )
    add_augmentation_options(parser, "as before")
    add_calibration_options(parser, "as before")
    add_precision_option(parser, "as before")
    add_runtime_options(parser)
    parser.add_argument("--yes", action="store_true", help="remove the old result in the end, and those before it")
    parser.add_argument("--jobs", type=int, metavar="N", help=JOBS)
    parser.does(migrate_shown, migrate, resumes=True, summarises=True)


def migrate_shown(**options: Any) -> str:
    """Migrate, and say what came of it; `train` has its own advice, which is for its own folder."""
    return str(migrate(**options)).replace(": train --distinct ", ": enrol again with --distinct ")
