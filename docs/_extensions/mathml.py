r"""Formulas as MathML, which browsers draw themselves: no script, nothing to fetch.

docutils converts them. A formula that it cannot convert is a warning, which ``-W``
turns into an error. docutils knows no colours, so ``\class{name}{...}``, as in MathJax,
gives a part of a formula a CSS class.
"""

import re

from docutils import nodes
from docutils.utils.math import MathError
from docutils.utils.math.latex2mathml import tex2mathml
from sphinx.util import logging

logger = logging.getLogger(__name__)


def with_classes(tex, as_block):
    """Convert `tex`; a class passes through docutils as the first text of its group."""
    tex = re.sub(r"\\class{([\w-]+)}{", r"{\\text{class \1}", tex)
    mathml = tex2mathml(tex, as_block=as_block)
    marker = r"<mrow>\s*<mtext>class ([\w-]+)</mtext>"
    return re.sub(marker, r'<mrow class="\1">', mathml)


def as_mathml(node, as_block):
    try:
        return with_classes(node.astext(), as_block)
    except MathError as error:
        logger.warning("%s in %s", error, node.astext(), location=node)
        return f"<code>{node.astext()}</code>"


def visit_inline(translator, node):
    translator.body.append(as_mathml(node, as_block=False))
    raise nodes.SkipNode


def visit_block(translator, node):
    opening = translator.starttag(node, "div", CLASS="formula")
    translator.body.append(opening + as_mathml(node, as_block=True) + "</div>\n")
    raise nodes.SkipNode


def setup(app):
    app.add_html_math_renderer("mathml", (visit_inline, None), (visit_block, None))
    return {"parallel_read_safe": True, "parallel_write_safe": True}
