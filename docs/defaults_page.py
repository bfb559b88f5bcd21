"""Make the tables and the picture of defaults.md from the results of the study.

python docs/defaults_page.py
"""

import json
from pathlib import Path

import matplotlib.pyplot as plt
from defaults_study import CLASSES, NUMBERS, RESULTS, TO, gaps

HERE = Path(__file__).parent
SUMMARY, TABLES = HERE / "defaults_summary.md", HERE / "defaults_tables.md"
PICTURE = HERE / "images" / "defaults.png"
PARTS = {"choose": "to choose", "confirm": "to confirm"}
COLOURS = {"Adam": "#D55E00", "sgd": "#1480CC"}
NAMES = {"Adam": "Adam", "sgd": "SGD, logistic"}
SCORES = {"imbalanced": "AUC", "numbers": "R²"}
# Differences beyond this are drawn at the edge.
EDGE = 0.25


def summary(results):
    """The mean gaps, the shares of sets left behind, and the seconds."""
    lines = [
        "| our score minus that of | part | sets | mean | more than 0.02 behind |",
        "|---|---|---|---|---|",
    ]
    wanted = [
        ("classes", CLASSES, "Adam"),
        ("classes", CLASSES, "sgd"),
        ("classes", CLASSES, "the worse of both"),
        ("numbers", NUMBERS, "Adam"),
        ("numbers", NUMBERS, "the better of linear and sgd"),
    ]
    for name, kinds, peer in wanted:
        for part, title in PARTS.items():
            gap = gaps(results[part], kinds, TO[peer])
            behind = (gap < -0.02).sum()
            lines.append(
                f"| {name}: {NAMES.get(peer, peer)} | {title} | {len(gap)} | "
                f"{gap.mean():+.4f} | {behind} ({behind / len(gap):.0%}) |"
            )
    return lines


def table(rows):
    lines = [
        "| set | score | ours | Adam | SGD | linear |",
        "|---|---|---|---|---|---|",
    ]
    for name, row in rows.items():
        cells = []
        for who in ("ours", "Adam", "sgd", "linear"):
            score, seconds = row[who]["score"], row[who]["seconds"]
            shown = f"{score:.3f}" if score > -1 else "< −1"
            cells.append(f"{shown}, {seconds:.2f} s")
        kind = SCORES.get(row["kind"], "accuracy")
        lines.append(f"| {name} | {kind} | {' | '.join(cells)} |")
    total = [
        f"{sum(row[who]['seconds'] for row in rows.values()):.1f} s"
        for who in ("ours", "Adam", "sgd", "linear")
    ]
    return [*lines, f"| all, one fit each | | {' | '.join(total)} |"]


def draw(results):
    """Draw our score minus the peers', a row for each set."""
    heights = [len(results[part]) for part in PARTS]
    figure, panels = plt.subplots(1, 2, figsize=(11, 0.19 * max(heights) + 1.2))
    for panel, (part, title) in zip(panels, PARTS.items(), strict=True):
        rows = results[part]
        names = sorted(rows, key=lambda name: gap_of(rows[name], "Adam"))
        for who, colour in COLOURS.items():
            found = [gap_of(rows[name], who) for name in names]
            panel.scatter(found, range(len(names)), 22, colour, label=NAMES[who])
        panel.axvline(0, color="0.4", linewidth=1)
        panel.axvspan(-0.02, 0.02, color="0.93", zorder=0)
        panel.set_yticks(range(len(names)), names, fontsize=7)
        panel.set_xlim(-EDGE - 0.01, EDGE + 0.01)
        panel.set_ylim(-1, len(names))
        panel.set_title(f"Sets {title}")
        panel.set_xlabel("our score − the peer's")
        panel.spines[["top", "right"]].set_visible(False)
    panels[0].legend(loc="lower right", frameon=False)
    figure.tight_layout()
    figure.savefig(PICTURE, dpi=110)


def gap_of(row, who):
    gap = row["ours"]["score"] - row[who]["score"]
    return max(-EDGE, min(EDGE, gap))


def main():
    results = json.loads(RESULTS.read_text())
    SUMMARY.write_text("\n".join(summary(results)) + "\n")
    blocks = [
        "\n".join([f"### Sets used {title}", "", *table(results[part])])
        for part, title in PARTS.items()
    ]
    TABLES.write_text("\n\n".join(blocks) + "\n")
    draw(results)


if __name__ == "__main__":
    main()
