"""The command `metatrans`: translate by your own rules, make puzzles, train, measure, export, push the data set.

Exit codes: 0 done, 1 not as expected (`--check`; what was exported isn't the model), 2 bad input.
"""

import argparse
import importlib.util
import json
import runpy
import sys
from dataclasses import fields
from pathlib import Path

from dataset_script.episodes import LOSS_ON
from dataset_script.families import family_class, make_language, owner_of
from dataset_script.families.contract import SPLITS, Language
from metatrans_lab import __version__
from metatrans_lab.errors import UserError, exit_with, nearest, tell
from metatrans_lab.model_names import check_model, is_model
from metatrans_lab.output import to_its_reader
from metatrans_lab.shipped import TRAIN

MAX_BINDINGS = 100  # as of `TranslatorSession`, whose import takes seconds

TRANSLATE_EXAMPLES = """examples:
  metatrans translate --example "red = dax" --example "blue red = wif dax" "blue red blue"
  metatrans translate --rules my.tsv "the red house"
  metatrans translate --rules my.tsv --reverse "casa roja"
  metatrans translate --rules my.tsv --check expected.tsv
  metatrans translate                                  # reads rules and questions
  metatrans translate outputs/cpu --example "red = dax" --json "red"

The answer is exact: each language that explains the examples has its part in it. Beside it is what the model says.
"""

PUZZLE_EXAMPLES = """examples:
  metatrans puzzle
  metatrans puzzle --level 3 --seed 7 --to html --output puzzle.html
  metatrans puzzle --level 2 --phenomena adjectives,verbs --words 10 --sounds CVC
  metatrans puzzle --level 4 --number 20 --to jsonl --output puzzles.jsonl
  metatrans puzzle --check my.txt                      # the questions are lines such as: red house = ?

The examples settle every question, by the exact predictor, and none of them is superfluous.
"""

EVALUATE_EXAMPLES = """examples:
  metatrans evaluate outputs/cpu
  metatrans evaluate outputs/cpu --num_pairs 100 --num_episodes 1024
  metatrans evaluate outputs/cpu --sentence_length "[1, 5]" --num_active_words "[2, 6]" --json
  metatrans evaluate induction
  metatrans evaluate unigram --family order
  metatrans evaluate HuggingFaceTB/SmolLM2-135M --render text --num_episodes 64

Any knob of the languages is a key: family, num_pairs, sentence_length, num_active_words, held_out_languages, seed and
others.
The others are what the model was trained on, if its folder says so, else the post's.
"""


COMPARE_EXAMPLES = """examples:
  metatrans compare outputs/cpu outputs/wide
  metatrans compare outputs/* --output seeds.png

Runs that still train are drawn as far as they are.
"""


DEMO_EXAMPLES = """examples:
  metatrans demo
  metatrans demo outputs/cpu --port 8000

Needs gradio: pip install "metatrans[demo]". Only this machine can open the page, unless --host says otherwise.
"""


EXPORT_EXAMPLES = """examples:
  metatrans export translator --to onnx
  metatrans export outputs/cpu --to onnx --output cpu-onnx
  metatrans export translator --to page

To ONNX: read.onnx, step.onnx and manifest.json, which says what goes in and comes out. To a page: a folder whose
index.html opens in a browser, with the model in it. Both are checked against the model first, and need onnx and ONNX
Runtime: pip install "metatrans[onnx]". A page needs onnxruntime-web too, which npm brings, once.
"""


PUSH_EXAMPLES = """examples:
  metatrans push-dataset user/metatrans
  metatrans push-dataset user/metatrans --config kyrylov2023 --private

The token is that of `hf auth login`, or HF_TOKEN.
"""


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="metatrans", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--version", action="version", version=f"metatrans {__version__}")
    commands = parser.add_subparsers(
        dest="command", required=True, metavar="{translate,puzzle,train,evaluate,compare,demo,export,push-dataset}"
    )
    raw = argparse.RawDescriptionHelpFormatter
    translate = commands.add_parser(
        "translate", help="translate a sentence by examples", epilog=TRANSLATE_EXAMPLES, formatter_class=raw
    )
    translate.add_argument(
        "model",
        nargs="?",
        help='a model\'s folder, or its repository on the Hub; "translator", which comes with metatrans, if none',
    )
    translate.add_argument(
        "sentence",
        nargs="?",
        help="what to translate, in your own words; without it, rules and questions are asked for",
    )
    translate.add_argument(
        "--example", action="append", default=[], metavar='"SOURCE = TARGET"', help="a sentence and its translation"
    )
    translate.add_argument(
        "--rules",
        action="append",
        default=[],
        metavar="FILE",
        help="examples, one a line: SOURCE = TARGET, or with →, ->, a tab, a colon or a comma between; a table with a "
        "header; JSON; - is standard input",
    )
    translate.add_argument("--reverse", action="store_true", help="ask for the sentence, given its translation")
    translate.add_argument(
        "--check",
        metavar="FILE",
        help="sentences with the translations that you expect; exit code 1, if any differs. "
        "The file may have rules too: then these sentences begin with a question mark",
    )
    translate.add_argument(
        "--no_model",
        action="store_true",
        help="the exact answer alone, without the seconds that a model takes to load",
    )
    translate.add_argument("--separator", help='what stands between words; white space, if not given; "" for nothing')
    translate.add_argument(
        "--exact", action="store_true", help="Red and red, red and red!, neko-ra and neko ra are different words"
    )
    translate.add_argument(
        "--num_bindings",
        type=int,
        default=8,
        help="average over so many random bindings of your words to its symbols (default: %(default)s)",
    )
    translate.add_argument("--json", action="store_true", help="print JSON")
    translate.add_argument("--trust_remote_code", action="store_true", help="run code that comes with the model")
    puzzle = commands.add_parser(
        "puzzle", help="make a linguistic puzzle, or check one", epilog=PUZZLE_EXAMPLES, formatter_class=raw
    )
    puzzle.add_argument(
        "--level", type=int, default=1, help="1, a first lesson, to 5, an olympiad's second round; 1, if not given"
    )
    puzzle.add_argument("--seed", help="any text; the same puzzle comes of the same one")
    puzzle.add_argument(
        "--number", type=int, default=1, metavar="N", help="so many puzzles, of seeds SEED-1, SEED-2, …"
    )
    puzzle.add_argument(
        "--phenomena",
        metavar="NAMES",
        help="of adjectives, articles, affixes, particles and verbs some, with commas between; or order; or operators",
    )
    puzzle.add_argument("--words", type=int, metavar="N", help="nouns, verbs and adjectives together; or colours")
    puzzle.add_argument("--examples", type=int, metavar="N", help="sentences with their translations")
    puzzle.add_argument(
        "--sounds", metavar="PATTERN", help="of its syllables: CV, CVC, CVN, VCV or CCV; any, if not given"
    )
    puzzle.add_argument(
        "--to",
        choices=("markdown", "html", "json", "jsonl"),
        default="markdown",
        help="html: to print; jsonl: a data set, a question a line; markdown, if not given",
    )
    puzzle.add_argument("--output", metavar="FILE", help="where to write it; standard output, if not given")
    puzzle.add_argument(
        "--check",
        metavar="FILE",
        help="a puzzle of your own, or one as --to json wrote it: has every question exactly one answer, and is an "
        "example superfluous? Exit code 1, if a question hasn't; - is standard input",
    )
    puzzle.add_argument("--json", action="store_true", help="print what was checked as JSON")
    commands.add_parser("train", help="train a model: train.py, with its arguments", add_help=False)
    evaluate = commands.add_parser(
        "evaluate", help="measure a model against the Bayes optimum", epilog=EVALUATE_EXAMPLES, formatter_class=raw
    )
    evaluate.add_argument(
        "model",
        help="a model's folder, or its repository on the Hub; or a baseline that learns nothing: unigram, copy, "
        "induction, enumerated, family",
    )
    evaluate.add_argument(
        "--render",
        choices=("tokens", "text"),
        default="tokens",
        help="text: made-up words, scored through a language model's own tokenizer",
    )
    evaluate.add_argument("--split", choices=SPLITS, default="test")
    evaluate.add_argument("--num_episodes", type=int, default=8192)
    evaluate.add_argument(
        "--loss_on",
        choices=LOSS_ON,
        help="what the model was trained on; of a baseline and of text, target words alone are measured",
    )
    evaluate.add_argument(
        "--num_bindings", type=int, default=0, help="average over so many random bindings of words to symbols"
    )
    evaluate.add_argument("--json", action="store_true", help="print all figures as JSON")
    evaluate.add_argument("--trust_remote_code", action="store_true", help="run code that comes with the model")
    compare = commands.add_parser(
        "compare", help="draw the curves of several runs", epilog=COMPARE_EXAMPLES, formatter_class=raw
    )
    compare.add_argument("runs", nargs="+", metavar="RUN", help="a run's folder")
    compare.add_argument("--output", default="compare.png", help="the picture (default: %(default)s)")
    demo = commands.add_parser("demo", help="open the web page", epilog=DEMO_EXAMPLES, formatter_class=raw)
    demo.add_argument(
        "model", nargs="?", default="translator", help='a model, as for translate; "translator", if none'
    )
    demo.add_argument(
        "--host",
        default="127.0.0.1",
        help="the address it listens on; 127.0.0.1, which only this machine can open, if not given",
    )
    demo.add_argument("--port", type=int, default=7860, help="7860, if not given")
    demo.add_argument("--browser", action="store_true", help="open a browser")
    export = commands.add_parser(
        "export", help="write a model for other runtimes", epilog=EXPORT_EXAMPLES, formatter_class=raw
    )
    export.add_argument("model", metavar="FOLDER", help="a model, as for translate")
    export.add_argument(
        "--to", choices=("onnx", "page"), required=True, help="for ONNX Runtime and its like, or for a browser"
    )
    export.add_argument(
        "--output", metavar="DIR", help="the folder to write; the model's name with -onnx or -page, if not given"
    )
    export.add_argument(
        "--runtime", metavar="DIR", help="of a page: a folder of onnxruntime-web; npm brings it, if not given"
    )
    export.add_argument("--overwrite", action="store_true", help="empty the folder, if there is something in it")
    export.add_argument("--trust_remote_code", action="store_true", help="run code that comes with the model")
    push = commands.add_parser(
        "push-dataset", help="push the data set to the Hub, as Parquet", epilog=PUSH_EXAMPLES, formatter_class=raw
    )
    push.add_argument("repository", help="user/name on the Hub")
    push.add_argument("--config", action="append", default=[], help="a named config; all, if none is named")
    push.add_argument("--private", action="store_true", help="make a new repository private")
    return parser


@to_its_reader()
def main(arguments: list[str] | None = None) -> None:
    """Runs the command.

    Args:
        arguments: None: those of the process.

    Raises:
        SystemExit: with the exit code, if it isn't 0.
    """
    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(errors="backslashreplace")  # as stderr: words may be of any script
    parser = _parser()
    options, rest = parser.parse_known_args(arguments)
    if options.command == "translate":
        _sort_positionals(options, rest)
    if rest and options.command not in ("train", "evaluate"):
        parser.error(f"unrecognized arguments: {' '.join(rest)}")
    try:
        # Imports of torch and transformers take seconds; --help should not.
        if options.command == "translate":
            code = _translate(options)
            if code:
                sys.exit(code)
        elif options.command == "puzzle":
            from metatrans_lab.apps.puzzles import puzzle

            code = puzzle(options)
            if code:
                sys.exit(code)
        elif options.command == "train":
            _train(rest)
        elif options.command == "evaluate":
            _evaluate(options, rest)
        elif options.command == "compare":
            _compare(options)
        elif options.command == "demo":
            _demo(options)
        elif options.command == "export":
            code = _export(options)
            if code:
                sys.exit(code)
        else:
            _push_dataset(options)
    except UserError as error:
        exit_with(error, "metatrans")
    except KeyboardInterrupt:
        sys.exit(130)


def _sort_positionals(options: argparse.Namespace, rest: list[str]) -> None:
    """Of `translate`: which of its words is the model and which the sentence. Either may be missing."""
    given = [text for text in (options.model, options.sentence) if text is not None]
    # argparse leaves optional positionals empty if an option stands before them.
    while rest and len(given) < 2 and rest[0][:1] != "-":
        given.append(rest.pop(0))
    has_rules = bool(options.example or options.rules)
    if len(given) == 1 and has_rules and not is_model(given[0]):
        given.insert(0, "translator")
    options.model = given[0] if given else "translator"
    options.sentence = given[1] if len(given) > 1 else None


def _translate(options: argparse.Namespace) -> int:
    """`metatrans translate`: answers a sentence, checks a file of them, or has a conversation; gives an exit code."""
    from metatrans_lab.apps.conversation import (
        HELP,
        Conversation,
        check,
        keyboard,
        parse_rule,
        typed,
    )
    from metatrans_lab.apps.files import read_expected, read_rules
    from modeling_metalstm.rules_metalstm import read_question

    if not options.no_model or not is_model(options.model):
        check_model(options.model)
    if not 1 <= options.num_bindings <= MAX_BINDINGS:
        raise UserError(f"num_bindings must be between 1 and {MAX_BINDINGS}, got {options.num_bindings}")
    rules = [rule for name in options.rules for rule in read_rules(name)]
    rules += [parse_rule(text) for text in options.example]
    own_rules, expected = ([], []) if options.check is None else read_expected(options.check)
    rules += own_rules
    if options.sentence is not None and not rules:
        raise UserError('there are no examples; give at least one, such as --example "red = dax"')
    if options.sentence is not None:
        options.sentence = read_question(options.sentence)
    if options.sentence is not None and "=" in options.sentence.split():
        raise UserError(f"leave out the = and what follows, got {options.sentence!r}")
    settings = {"num_bindings": options.num_bindings, "separator": options.separator, "exact": options.exact}
    model = None if options.no_model else options.model
    conversation = Conversation(model, options.trust_remote_code, settings, rules, options.reverse)
    if options.check is not None:
        return 1 if check(conversation, expected, options.json) else 0
    if options.sentence is not None:
        conversation.show(options.sentence, options.json)
        return 0
    if typed():
        print(f"Write rules and questions. {conversation.known()}.\n{HELP}")
    failed = conversation.run(keyboard(), options.json)
    return 2 if failed and not typed() else 0


def _train(arguments: list[str]) -> None:
    """`metatrans train`: runs train.py."""
    sys.argv = [str(TRAIN), *arguments]
    runpy.run_path(str(TRAIN), run_name="__main__")


def _evaluate(options: argparse.Namespace, rest: list[str]) -> None:
    """`metatrans evaluate`; the rest of the arguments are knobs of the languages."""
    from metatrans_lab.config.command_line import parse_overrides, read_value
    from metatrans_lab.config.keys import SYMBOLS

    if options.num_episodes < 2:
        raise UserError(f"num_episodes must be at least 2, got {options.num_episodes}")
    if options.num_bindings < 0:
        raise UserError(f"num_bindings must be at least 0, got {options.num_bindings}")
    from metatrans_lab.evaluation.structures import SEEN, with_seen_structures
    from metatrans_lab.models.load import training_config

    trained = training_config(options.model)
    knobs = {name: read_value(name, text) for name, text in parse_overrides(rest).items()}
    of_model = trained.get("language", {}) | {"seed": trained.get("seed", 0)}
    family = knobs.pop("family", of_model.get("family", "lexicon"))
    try:
        known = [field.name for field in fields(family_class(family))]
        for name in knobs:
            if name not in known:
                near = nearest(SYMBOLS.get(name, name), [*known, "family", "split", "num_episodes", "loss_on"])
                raise UserError(f"unknown key {name!r}{owner_of(name) or near}")
        # Of another family than the model's, only the knobs that both have.
        language = make_language(family, **{name: of_model[name] for name in known if name in of_model} | knobs)
        loss_on = options.loss_on or trained.get("loss_on", "all")
        results = with_seen_structures(lambda language: _measure(options, language, loss_on), language, options.split)
    except ValueError as error:
        met = of_model.get("family", "lexicon")
        if trained and met != family:
            raise UserError(
                f"{options.model} was trained on the family {met} and never met {family}: {error}"
            ) from error
        raise UserError(str(error)) from error
    if options.json:
        print(json.dumps(results))
        return
    described = ", ".join(f"{name}={value}" for name, value in language.knobs().items())
    if language.family != "lexicon":
        described = f"family={language.family}, {described}"
    print(f"{results['num_eval_episodes']:,} episodes of split {options.split}, {described}")
    _print_figures(results)
    if SEEN in results:
        print("structures that training had, in the same split's lexicons")
        _print_figures(results[SEEN])


def _print_figures(results: dict) -> None:
    for name, interval in results["intervals"].items():
        if interval is not None:
            print(f"  {name:<20} {results[name]:9.5f}   (95%: {interval[0]:.5f} to {interval[1]:.5f})")
    print(f"  {'shot':<20} {'nats':>9} {'Bayes':>9} {'accuracy':>9} {'Bayes':>9}   (per target word)")
    columns = ("nll_by_shot", "bayes_nll_by_shot", "accuracy_by_shot", "bayes_accuracy_by_shot")
    for shot, row in enumerate(zip(*(results[name] for name in columns), strict=True), 1):
        print(f"  {shot:<20} " + " ".join(f"{value:9.4f}" for value in row))
    if "groups" in results:
        print(f"  {'hangs on':<20} {'regret':>9} {'accuracy':>9} {'Bayes':>9} {'determined':>10} {'tokens':>9}")
    for group, figures in results.get("groups", {}).items():
        columns = ("target_regret", "accuracy", "bayes_accuracy", "determined_accuracy")
        cells = ["–" if figures[name] is None else f"{figures[name]:.5f}" for name in columns]
        widths = (9, 9, 9, 10)
        padded = " ".join(f"{cell:>{width}}" for cell, width in zip(cells, widths, strict=True))
        print(f"  {group:<20} {padded} {figures['num_tokens']:>9,}")


def _measure(options: argparse.Namespace, language: Language, loss_on: str) -> dict:
    """The figures of a baseline, of a model of tokens, or of a language model of text; on a GPU if there is one."""
    import torch

    from dataset_script.baselines import BASELINES
    from metatrans_lab.evaluation.figures import evaluate, evaluate_words
    from metatrans_lab.models.limits import check_language
    from metatrans_lab.models.load import load_model
    from modeling_metalstm.alphabet_metalstm import Alphabet

    is_baseline = options.model in BASELINES and not Path(options.model).exists()
    if options.num_bindings and (is_baseline or options.render == "text"):
        raise UserError("num_bindings is for models that read tokens; leave it out")
    if is_baseline and options.render == "text":
        raise UserError(f"{options.model} learns nothing and reads no text; leave out --render text")
    if options.loss_on == "all" and (is_baseline or options.render == "text"):
        measured = f"{options.model} predicts" if is_baseline else "--render text asks for"
        raise UserError(f"{measured} target words alone, so there is no loss on all tokens; leave out --loss_on all")
    if is_baseline:
        return evaluate_words(BASELINES[options.model], language, options.split, options.num_episodes)
    try:
        model = load_model(options.model, options.trust_remote_code)
    except UserError as error:
        raise UserError(f"{error}{nearest(options.model, BASELINES)}") from error
    model.to("cuda" if torch.cuda.is_available() else "cpu")
    if options.render == "text":
        from metatrans_lab.evaluation.text_predictor import TextPredictor, load_tokenizer

        if Alphabet.of(model.config) is not None:
            kind = model.config.model_type
            raise UserError(f"{options.model} is a {kind}, which reads tokens, not text; leave out --render text")
        predictor = TextPredictor(model, load_tokenizer(options.model, options.trust_remote_code))
        return evaluate_words(predictor, language, options.split, options.num_episodes, batch_size=16)
    check_language(model.config, language)
    return evaluate(model, language, options.split, options.num_episodes, loss_on, num_bindings=options.num_bindings)


def _compare(options: argparse.Namespace) -> None:
    """`metatrans compare`: draws several runs into one picture."""
    from metatrans_lab.runs.compare import compare

    compare(options.runs, options.output)
    print(options.output)


def _demo(options: argparse.Namespace) -> None:
    """`metatrans demo`: serves the web page."""
    if importlib.util.find_spec("gradio") is None:
        raise UserError('the web page needs gradio: pip install "metatrans[demo]"')
    if not 0 < options.port < 1 << 16:
        raise UserError(f"port must be between 1 and {(1 << 16) - 1}, got {options.port}")
    from metatrans_lab.apps.demo.page import launch

    launch(options.model, options.host, options.port, options.browser)


def _export(options: argparse.Namespace) -> int:
    """`metatrans export`: writes a model for other runtimes; gives an exit code."""
    check_model(options.model)
    if options.runtime is not None and options.to != "page":
        raise UserError("--runtime is of a page; leave it out")
    from metatrans_lab.export.onnx import DifferenceError, export_onnx
    from metatrans_lab.export.page import export_page

    folder = Path(options.output or f"{Path(options.model).absolute().name}-{options.to}")
    rest = options.overwrite, options.trust_remote_code
    try:
        if options.to == "page":
            manifest = export_page(options.model, folder, options.runtime, *rest)
        else:
            manifest = export_onnx(options.model, folder, *rest)
    except DifferenceError as error:
        tell("metatrans", str(error))
        return 1
    worst = max(manifest["checks"]["largest_difference"].values())
    print(f"log-probabilities differ from torch's by up to {worst:.2g} nats")
    print(folder / "index.html" if options.to == "page" else folder)
    return 0


def _push_dataset(options: argparse.Namespace) -> None:
    """`metatrans push-dataset`."""
    from metatrans_lab.hub.data import push_dataset

    repository = push_dataset(options.repository, options.config, options.private)
    print(f'pushed; load_dataset("{repository}") needs nothing of metatrans')


if __name__ == "__main__":
    main(sys.argv[1:])
