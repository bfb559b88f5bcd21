"""Table and pictures of a results.json that run.py wrote.

    python docs/benchmarks/plots.py [results.json]

Writes table.md and throughput.png beside the file. Needs matplotlib.
"""

import json
import sys
from pathlib import Path

HERE = Path(__file__).parent
# Distinct in the dark, in print and to colour-blind eyes (Okabe and Ito, 2008).
STYLES = {
    "skbackprop": {"color": "#D55E00", "marker": "o", "linewidth": 2.5},
    "floor": {"color": "#000000", "marker": "", "linestyle": ":"},
    "scikit-learn": {"color": "#0072B2", "marker": "s"},
    "PyTorch": {"color": "#009E73", "marker": "^"},
    "textbook loop": {"color": "#CC79A7", "marker": "v"},
    "FANN": {"color": "#E69F00", "marker": "D", "linestyle": ""},
}
LABELS = {"floor": "matrix products alone"}


def shown(report):
    """The results in float32 with as many threads as there are by default."""
    threads = report["machine"]["default_threads"]
    return [
        result
        for result in report["results"]
        if result["threads"] == threads and result["dtype"] == "float32"
    ]


def table(results):
    """Markdown: our speed, the ratios to the others, the fraction of the floor."""
    others = ["scikit-learn", "PyTorch", "textbook loop", "FANN"]
    lines = [f"| network | batch | examples/s | {' | '.join(others)} | floor |"]
    lines.append("|---|---|---|" + "---|" * (len(others) + 1))
    for result in results:
        seconds = result["seconds"]
        ours = seconds["skbackprop"]
        ratios = [
            f"{seconds[name] / ours:.1f}×" if name in seconds else "" for name in others
        ]
        rate = f"{result['examples'] / ours:,.0f}"
        limit = f"{seconds['floor'] / ours:.2f}"
        cells = [result["network"], str(result["batch"]), rate, *ratios, limit]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def draw(results, file):
    """Throughput against batch size, a panel for each network."""
    import matplotlib.pyplot as plt

    networks = list(dict.fromkeys(result["network"] for result in results))
    figure, axes = plt.subplots(
        1, len(networks), figsize=(3.6 * len(networks), 3.8), sharey=True, squeeze=False
    )
    for ax, network in zip(axes[0], networks, strict=True):
        own = [result for result in results if result["network"] == network]
        for name, style in STYLES.items():
            points = [
                (float(r["batch"]), r["examples"] / r["seconds"][name])
                for r in own
                if name in r["seconds"] and r["batch"] != "full"
            ]
            points += [
                (20000.0, r["examples"] / r["seconds"][name])
                for r in own
                if name in r["seconds"] and r["batch"] == "full"
            ]
            if points:
                ax.loglog(
                    *zip(*points, strict=True), **style, label=LABELS.get(name, name)
                )
        ticks = [1, 10, 32, 200, 20000]
        ax.set_xticks(ticks, ["1", "10", "32", "200", "full"], minor=False)
        ax.set_xticks([], minor=True)
        ax.set_title(network)
        ax.set_xlabel("batch size, rows")
        ax.grid(alpha=0.3)
    axes[0][0].set_ylabel("examples per second")
    handles, labels = axes[0][0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="lower center", ncols=6, frameon=False)
    figure.tight_layout(rect=(0, 0.08, 1, 1))
    figure.savefig(file, dpi=110)


def main():
    """From the file named on the command line, or the one beside this script."""
    source = Path(sys.argv[1]) if len(sys.argv) > 1 else HERE / "results.json"
    report = json.loads(source.read_text())
    kept = shown(report)
    source.with_name("table.md").write_text(table(kept))
    draw(kept, source.with_name("throughput.png"))
    print(table(kept))


if __name__ == "__main__":
    main()
