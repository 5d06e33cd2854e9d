# SPDX-License-Identifier: Apache-2.0
"""Templates to pages that open from disk, and data to what may stand in one of their scripts."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

HERE = Path(__file__).parent


def render_html(template: str, **values: Any) -> str:
    """Return a page of a template that lies beside this module; text in it stays text."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(HERE), autoescape=True, undefined=jinja2.StrictUndefined
    )
    return environment.get_template(template).render(**values)


def script_data(value: Any) -> Markup:
    """Return data as JSON that cannot end the script element around it."""
    text = json.dumps(value, separators=(",", ":"), ensure_ascii=False)
    return Markup(text.replace("<", "\\u003c"))  # noqa: S704 -- that is what makes it safe
