"""Let `jupyter nbconvert --to html` (or slides) make pages that need no network."""

import re
import sys
from pathlib import Path

HERE = Path(__file__).parent
REVEAL = Path(sys.prefix, "../tests/node_modules/reveal.js/dist")
PARTS = [HERE / "custom", HERE / "templates", REVEAL, REVEAL.parent / "plugin/notes"]


def link_pages(notebook, resources):  # noqa: ANN001, ANN201
    """Let links between lessons lead to their exported pages."""
    ending = resources["output_extension"]
    if "slides" in ending and not REVEAL.exists():
        raise FileNotFoundError(f"slides need {REVEAL.resolve()}: run `npm ci --prefix tests`")
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            page = rf"](\1{ending}\2)"
            cell.source = re.sub(r"\]\(([\w-]+)\.ipynb(#[^)]*)?\)", page, cell.source)
    return notebook, resources


c = get_config()  # noqa: F821
c.TemplateExporter.extra_template_basedirs = [str(HERE / "templates")]
c.TemplateExporter.extra_template_paths = [str(path) for path in PARTS]
c.HTMLExporter.embed_images = True
c.HTMLExporter.preprocessors = [link_pages]
c.HTMLExporter.template_name = "page"
c.SlidesExporter.template_name = "slides"
c.HighlightMagicsPreprocessor.languages = {"%%program": "python"}  # the cell holds a program
