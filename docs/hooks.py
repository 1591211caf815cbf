"""Hooks for MkDocs, in addition to docs/mkdocs.yml."""

import re
from pathlib import Path

from mkdocs.structure.files import File

DOCS = Path(__file__).parent
DIAGRAMS = DOCS.parent / "node_modules/@mermaid-js/tiny/dist/mermaid.tiny.js"


def on_config(config):
    """Lists every decision in the menu, in the order they were made."""
    decisions = sorted(path.relative_to(DOCS / "pages").as_posix() for path in DOCS.glob("pages/adr/*.md"))
    for entry in config.nav:
        if isinstance(entry, dict) and "Decisions" in entry:
            entry["Decisions"] = decisions
    return config


def on_files(files, config):
    """Serves the script that draws diagrams from node_modules; Material would load it from a CDN."""
    files.append(File.generated(config, "assets/mermaid.js", abs_src_path=str(DIAGRAMS)))
    return files


def on_page_markdown(markdown, page, config, files):
    """Removes the words for tests after a fence's language (services/local/test-support/pages.ts); includes the changelog."""
    markdown = re.sub(r"^```(\w+) .*$", r"```\1", markdown, flags=re.MULTILINE)
    return markdown.replace('--8<-- "CHANGELOG.md"', (DOCS.parent / "CHANGELOG.md").read_text().replace("](docs/pages/", "]("))
