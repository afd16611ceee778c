"""The summary of a finished run that is printed on the terminal."""

from pathlib import Path

from metatrans_lab.report.cards import shown


def summary(results: dict, path: Path) -> str:
    """The most important figures, a line each.

    Args:
        results: as results.json has them.
        path: the run's folder.
    """
    interval = results["intervals"]["determined_accuracy"]
    doubt = f"   (95%: {interval[0]:.5f}…{interval[1]:.5f})" if interval else ""
    lines = [
        f"determined accuracy  {shown(results['determined_accuracy'])}{doubt}",
        f"target regret        {results['target_regret']:.5f} nats above the Bayes optimum of "
        f"{results['target_bayes_nll']:.5f} a target word",
        f"exact match          {shown(results['exact_match'], 4)} of last sentences, "
        f"{shown(results['ragged_exact_match'], 4)} of {results['num_ragged_prompts']} prompts as people type them",
        f"training             {results['steps']} steps in {results['timing']['train_seconds']:.1f} s",
        f"all of it            {path}",
    ]
    return "\n".join(lines)
