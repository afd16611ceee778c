"""A page that needs no server and no network, and the exact translator in plain JavaScript.

The files are classic scripts, as a page opened from a disk may have no modules; each adds its part to the one global
`metatrans`. What they do is what the Python modules of the same names do, to which a test holds them.
"""

SCRIPTS = (
    "strings.js",
    "errors.js",
    "spelling.js",
    "json_text.js",
    "table_line.js",
    "rules.js",
    "settings.js",
    "families.js",
    "order.js",
    "grammar.js",
    "repetition.js",
    "plans.js",
    "classes.js",
    "posterior.js",
    "answers.js",
    "readings.js",
    "telling.js",
    "learned.js",
    "predicted.js",
    "backwards.js",
    "words.js",
    "division.js",
    "translator.js",
    "printing.js",
)
"""In an order in which each finds what it needs."""
