"""Embeddings from a Parquet file, as a command."""

from faceline.cli.parser import Parser
from faceline.networks.table import NETWORKS
from faceline.stages.import_embeddings import import_embeddings

DESCRIPTION = """\
Make a folder of embeddings of a Parquet file: one that faceline export wrote, or another program's.

Reads   <file>: person, text; embedding, lists of floats; and if it likes crop, a path or a name in the person's folder
Writes  <dir>/reps.csv, reps.npy, labels.csv, manifest.csv and run.json, as batch_represent does, for train, cluster,
        check and evaluate

Nothing of the file is believed unseen: what is wrong takes a line, before anything is written.
"""


def fill(parser: Parser) -> None:
    parser.add_argument("path", metavar="file", help="the Parquet file")
    parser.add_argument("embeddings_dir", metavar="dir", help="folder for the embeddings: new, or empty")
    parser.add_argument(
        "--network",
        metavar="NAME|FILE.onnx",
        help=f"whose embeddings they are, where the file does not say: {', '.join(NETWORKS)}, a file, or several with +"
        " between",
    )
    parser.add_argument("--overwrite", action="store_true", help="replace what another file or stage 2 has put there")
    parser.does(import_embeddings, import_embeddings, summarises=True)
