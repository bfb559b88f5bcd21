"""Views of which one is seen, chosen by radio buttons: as tabs, or along a track."""

from html import escape

from .._layout import DZ_DW


def chooser(
    key: str, choices: list[str], views: list[str], css: str = "skb-tabs"
) -> str:
    """Some views and what chooses one of them.

    Parameters
    ----------
    key : str
        Begins the `id` of the buttons.
    choices : list of str
        What each view is called.
    views : list of str
        HTML.
    css : {"skb-tabs", "skb-track"}
        Whether the names are seen, or ticks that have them as titles.
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
            '<div class="skb-views">',
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
        ("checked", f".{css} label", "background: rgba(128,128,128,.6)"),
        ("focus-visible", f".{css} label", f"outline: 2px solid {DZ_DW}"),
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
