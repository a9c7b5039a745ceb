"""How good it is: the protocols of the field, on folders of embeddings.

from faceline.evaluation import compare_embeddings, compare_groups, identify, verify
"""

from typing import TYPE_CHECKING

from faceline.host.first_use import at_first_use

if TYPE_CHECKING:
    from faceline.evaluation.groups.comparison_of_groups import compare_groups
    from faceline.evaluation.identification.identification import identify
    from faceline.evaluation.pairs.verification import verify
    from faceline.evaluation.side_by_side.comparison_of_embeddings import compare_embeddings

MODULES = {
    "verify": "faceline.evaluation.pairs.verification",
    "compare_groups": "faceline.evaluation.groups.comparison_of_groups",
    "identify": "faceline.evaluation.identification.identification",
    "compare_embeddings": "faceline.evaluation.side_by_side.comparison_of_embeddings",
}
__all__ = ["compare_embeddings", "compare_groups", "identify", "verify"]
if not TYPE_CHECKING:  # who would believe that every name is there
    __getattr__ = at_first_use(__name__, MODULES)
