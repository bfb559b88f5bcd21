"""A page as a file of its own."""

from html import escape


def document(body: str, title: str) -> str:
    """A whole HTML file."""
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n"
        "<style>:root { color-scheme: light dark; } "
        "body { margin: 28px auto; padding: 0 20px; max-width: 1080px; } "
        # Here the page itself scrolls.
        "body > .skb.skb-frame { max-height: none; overflow: visible; padding: 0; "
        "border: none; }</style>\n"
        f"</head>\n<body>\n{body}\n</body>\n</html>\n"
    )
