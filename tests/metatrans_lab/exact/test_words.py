"""How units are written: what stands between two that no example has side by side."""

import pytest

from metatrans_lab.exact.words import Side
from modeling_metalstm.spelling_metalstm import Spelling


@pytest.mark.parametrize(
    ("examples", "units", "written"),
    [
        # A suffix that was seen with one stem: the stem stands free elsewhere, so it isn't what hangs on.
        (["fasi-libi tide", "fasi", "vobi tide"], ["vobi", "libi"], "vobi-libi"),
        (["pupa-panu vori", "goto panu", "varu"], ["pupa", "varu"], "pupa-varu"),
        # A stem that was seen behind a prefix alone: what comes before it elsewhere is a word of its own.
        (["dima-futo", "dima-gide", "red gide"], ["red", "futo"], "red futo"),
        # An affix of several stems.
        (["fasi-libi", "vobi-libi"], ["tosa", "libi"], "tosa-libi"),
        # Two that only ever stood together: which of them hangs on, nothing tells.
        (["fasi-libi", "tosa"], ["tosa", "libi"], "tosa libi"),
        (["fasi libi", "tosa"], ["tosa", "libi"], "tosa libi"),
    ],
)
def test_what_hangs_on_a_word(examples, units, written):
    side = Side(Spelling(separator=None, exact=False))
    for example in examples:
        side.read(example)
    assert side.write(units) == written
