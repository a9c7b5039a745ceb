"""Which word is which on the command line of stage 1."""

import pytest

from faceline.cli.arguments import alignment_words

INNER, OUTER = "innerEyesAndBottomLip", "outerEyesAndNose"


@pytest.mark.parametrize(
    ("words", "landmarks"),
    [
        (["people", "align", INNER, "crops"], INNER),
        (["people", "align", "crops"], OUTER),
        (["people", INNER, "crops"], INNER),
        (["people", "crops"], OUTER),
        (["people", "./align"], OUTER),
        (["people", "align", f"./{INNER}"], OUTER),
        (["align", "align", INNER, f"{INNER}/"], INNER),
        (["align", "crops"], OUTER),
        ([INNER, INNER, "crops"], INNER),
    ],
)
def test_words_may_be_left_out(words, landmarks):
    assert alignment_words(words) == {"input_dir": words[0], "landmarks": landmarks, "output_dir": words[-1]}


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["people"], "required: output"),
        (["people", "align"], "required: output"),
        (["people", "align", OUTER], "required: output"),
        (["people", OUTER], "required: output"),
        (["people", "aligned", "crops"], "argument align: invalid choice: 'aligned'"),
        (["people", "mean", OUTER, "crops"], "argument align: invalid choice: 'mean'"),
        (["people", OUTER, "align", "crops"], f"argument align: invalid choice: '{OUTER}'"),
        (["people", "align", "nose", "crops"], "argument landmarks: invalid choice: 'nose'"),
        (["people", "align", OUTER, "crops", "more"], "unrecognized arguments: more"),
    ],
)
def test_words_that_belong_nowhere(words, complaint):
    with pytest.raises(ValueError, match=complaint):
        alignment_words(words)
