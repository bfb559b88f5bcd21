"""A directive that runs its Python code when the pages are built.

The page shows the code and, below it, the HTML of the last line's value, as a notebook
does. An exception ends the build.
"""

import ast

from docutils import nodes
from sphinx.util.docutils import SphinxDirective


def value_of_last_line(code):
    *statements, last = ast.parse(code).body
    namespace = {}
    exec(compile(ast.Module(statements, []), "<live>", "exec"), namespace)
    return eval(compile(ast.Expression(last.value), "<live>", "eval"), namespace)


class Live(SphinxDirective):
    has_content = True

    def run(self):
        # The library may have changed although the text of the page has not.
        self.env.note_reread()
        code = "\n".join(self.content)
        html = value_of_last_line(code)._repr_html_()
        return [
            nodes.literal_block(code, code, language="python"),
            nodes.raw("", html, format="html"),
        ]


def setup(app):
    app.add_directive("live", Live)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
