"""Make the tables and the picture from a results.json that run.py wrote.

    python docs/benchmarks/plots.py [results.json]

The script writes table.md and throughput.png beside the file. It needs matplotlib.
"""

import itertools
import json
import sys
from pathlib import Path

HERE = Path(__file__).parent
NUMBA = "skbackprop, numba"
# Distinct in the dark, in print and to colour-blind eyes (Okabe and Ito, 2008).
STYLES = {
    "skbackprop": {"color": "#D55E00", "marker": "o", "linewidth": 2.5},
    NUMBA: {"color": "#D55E00", "marker": "*", "markersize": 12, "linestyle": "--"},
    "floor": {"color": "#000000", "marker": "", "linestyle": ":"},
    "scikit-learn": {"color": "#0072B2", "marker": "s"},
    "PyTorch": {"color": "#009E73", "marker": "^"},
    "textbook loop": {"color": "#CC79A7", "marker": "v"},
    "FANN": {"color": "#E69F00", "marker": "D", "linestyle": ""},
    "JAX": {"color": "#56B4E9", "marker": "P"},
}
LABELS = {
    "floor": "matrix products alone",
    NUMBA: 'skbackprop, engine="numba"',
}
# The place of each batch size on the axis.
TICKS = {1: 1, 10: 10, 32: 32, 200: 200, 2000: 2000, "full": 20000}


def shown(report):
    """Select results with the default number of threads; small networks come first."""
    threads = {m["cores"]: m["default_threads"] for m in report["machines"]}
    kept = [r for r in report["results"] if r["threads"] == threads[r["cores"]]]
    return sorted(kept, key=place)


def place(result):
    """The place of a result in its table."""
    units = [int(n) for n in result["network"].split("-")]
    return units, result["dtype"], TICKS.get(result.get("batch"), 0), result["call"]


def fits_in_float32(results):
    """Select the results that most of the page is about."""
    return [r for r in results if (r["call"], r["dtype"]) == ("fit", "float32")]


def tables(results):
    """Write Markdown: our speed, the ratios to the others, the fraction of the floor.

    A second table is for the compiled engine, a third one for predictions.
    """
    others = ["scikit-learn", "PyTorch", "textbook loop", "FANN"]
    fits = fits_in_float32(results)
    found = [table(fits, ["batch"], "examples/s", [*others, "floor"])]
    compiled = [r for r in results if NUMBA in r["examples_per_second"]]
    if compiled:
        others = ["numpy engine", "scikit-learn", "PyTorch", "FANN", "JAX"]
        keys = ["batch", "dtype"]
        found.append(table(compiled, keys, "numba, examples/s", others, NUMBA))
    predictions = [r for r in results if r["call"] != "fit"]
    if predictions:
        others = ["scikit-learn"]
        found.append(table(predictions, ["call", "dtype"], "rows/s", others))
    return "\n".join(found)


def table(results, keys, unit, others, ours="skbackprop"):
    """Write a row for each result; `cores` belong to the machine."""
    settings = ["network", *keys, "cores"]
    head = [*settings, unit, *others]
    lines = [f"| {' | '.join(head)} |", "|" + "---|" * len(head)]
    for result in results:
        rates = dict(result["examples_per_second"])
        rates["numpy engine"] = rates["skbackprop"]
        cells = [str(result[name]) for name in settings]
        cells.append(f"{rates[ours]:,.0f}")
        cells += [ratio(rates, ours, name) for name in others]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def ratio(rates, ours, name):
    """Our speed divided by the other's; empty if that was not measured."""
    if name not in rates:
        return ""
    times = rates[ours] / rates[name]
    return f"{times:.2f}" if name == "floor" else f"{times:.1f}×"


def draw(results, file):
    """Draw the throughput of `fit` by batch size, a panel per network and machine."""
    import matplotlib.pyplot as plt

    fits = fits_in_float32(results)
    networks = list(dict.fromkeys(result["network"] for result in fits))
    machines = list(dict.fromkeys(result["cores"] for result in fits))
    shape = (len(machines), len(networks))
    figure, axes = plt.subplots(
        *shape, figsize=(3.0 * shape[1], 3.9 * shape[0]), sharey=True, squeeze=False
    )
    panels = itertools.product(machines, networks)
    for ax, (cores, network) in zip(axes.flat, panels, strict=True):
        own = [r for r in fits if (r["cores"], r["network"]) == (cores, network)]
        for name, style in STYLES.items():
            # A case that was measured later is at the end of the file.
            points = sorted(
                (TICKS[r["batch"]], r["examples_per_second"][name])
                for r in own
                if name in r["examples_per_second"]
            )
            if points:
                ax.loglog(
                    *zip(*points, strict=True), **style, label=LABELS.get(name, name)
                )
        ax.set_xticks(list(TICKS.values()), list(map(str, TICKS)), minor=False)
        ax.set_xticks([], minor=True)
        ax.set_title(f"{network}, {cores} cores")
        ax.set_xlabel("batch size, rows")
        ax.grid(alpha=0.3)
    for ax in axes[:, 0]:
        ax.set_ylabel("examples per second")
    handles, labels = axes[0][0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="lower center", ncols=8, frameon=False)
    figure.tight_layout(rect=(0, 0.08 / shape[0], 1, 1))
    figure.savefig(file, dpi=110)


def main():
    """Read the file named on the command line, or the one beside this script."""
    source = Path(sys.argv[1]) if len(sys.argv) > 1 else HERE / "results.json"
    report = json.loads(source.read_text())
    kept = shown(report)
    source.with_name("table.md").write_text(tables(kept))
    draw(kept, source.with_name("throughput.png"))
    print(tables(kept))


if __name__ == "__main__":
    main()
