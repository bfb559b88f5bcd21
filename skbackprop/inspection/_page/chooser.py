"""Views of which one is visible; radio buttons choose it, as tabs or on a track."""

from html import escape


def chooser(
    key: str, label: str, choices: list[str], views: list[str], css: str = "skb-tabs"
) -> str:
    """Write some views, and the buttons that choose one of them.

    Parameters
    ----------
    key : str
        The beginning of each button's `id`.
    choices : list of str
        The name of each view.
    views : list of str
        The HTML of each view.
    css : {"skb-tabs", "skb-track"}
        Whether to show the names, or ticks that have the names as titles.
    """
    inputs, labels = [], []
    for i, name in enumerate(map(escape, choices)):
        checked = "" if i else " checked"
        inputs.append(
            f'<input type="radio" name="{key}-v" id="{key}-v{i}" aria-label="{name}"'
            f"{checked}>"
        )
        text = name if css == "skb-tabs" else ""
        labels.append(f'<label for="{key}-v{i}" title="{name}">{text}</label>')
    return "\n".join(
        [
            f"<style>{_rules(len(views), css)}</style>",
            f'<div class="skb-views" role="group" aria-label="{label}">',
            *inputs,
            f'<div class="{css}">{"".join(labels)}</div>',
            *(f'<section class="skb-view">\n{view}</section>' for view in views),
            "</div>",
        ]
    )


def _rules(n: int, css: str) -> str:
    """The first button shows the first view and marks the first label, and so on."""
    rules = (
        ("checked", "section.skb-view", "display: block"),
        ("checked", f".{css} label", "box-shadow: inset 0 0 0 3px"),
        ("focus-visible", f".{css} label", "outline: 2px solid"),
    )
    return "\n".join(
        ",".join(
            f".skb .skb-views > input:nth-of-type({i}):{state} ~ {what}"
            f":nth-of-type({i})"
            for i in range(1, n + 1)
        )
        + f" {{ {style}; }}"
        for state, what, style in rules
    )
