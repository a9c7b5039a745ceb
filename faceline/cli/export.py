"""Tables for other programs, as a command."""

from faceline.cli.parser import Parser
from faceline.stages.export import export_tables

DESCRIPTION = """\
Write the tables of a folder as Parquet, for DuckDB, pandas and other programs.

Reads   <dir>/manifest.csv, and in a folder of embeddings reps.csv and the tables beside it
Writes  <dir>/manifest.parquet, and in a folder of embeddings embeddings.parquet: a row for each embedding, with
        all that is known of its crop

An empty cell is null. faceline import makes a folder of embeddings of such a file, or of another program's.
"""


def fill(parser: Parser) -> None:
    parser.add_argument(
        "folder", nargs="?", metavar="dir", help="folder of crops or of embeddings (default: %(default)s)"
    )
    parser.add_argument("--save", dest="save_dir", metavar="DIR", help="folder for the files (default: dir)")
    parser.add_argument(
        "--overwrite", action="store_true", help="replace files of these names even if no export wrote them"
    )
    parser.does(export_tables, export_tables, summarises=True)
