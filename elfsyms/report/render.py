# SPDX-License-Identifier: GPL-2.0-or-later
"""The page as text: the template filled, style and script put in, and a policy that forbids everything else.

The policy (``Content-Security-Policy``) names the digest of the page's own script and lets the page load nothing,
so that no name in a kernel, whatever it holds, can run or fetch anything. Jinja escapes what is put into the text.
"""

from __future__ import annotations

import base64
import hashlib
import json
from importlib import resources
from typing import TYPE_CHECKING, Any

from elfsyms._version import __version__
from elfsyms.errors import NotThereError

if TYPE_CHECKING:
    import jinja2

    from elfsyms.report.encode import Packed

__all__ = ["render"]

_SCRIPTS = ("data.js", "expression.js", "search.js", "list.js", "explain.js", "changes.js", "page.js")


def render(template: str, packed: Packed, data: dict[str, Any], **facts: Any) -> str:
    """Return a page. ``data`` is for the script, ``facts`` are for the template.

    Raises :class:`NotThereError` where Jinja is not installed.
    """
    script = "\n".join(_asset(name) for name in _SCRIPTS)
    page = _environment().get_template(template)
    return page.render(
        **facts,
        version=__version__,
        style=_asset("page.css"),
        script=script,
        digest=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode("ascii"),
        data=_json({**data, "manifest": packed.manifest}),
        blob=packed.text,
    )


def _asset(name: str) -> str:
    return (resources.files("elfsyms.report") / "assets" / name).read_text("utf-8")


def _json(value: Any) -> str:
    """Return JSON that may stand inside a script element: no text in it can end the element."""
    return json.dumps(value, separators=(",", ":")).replace("<", "\\u003c")


def _environment() -> jinja2.Environment:
    try:
        import jinja2  # noqa: PLC0415 (an extra, and for this alone)
    except ImportError:
        raise NotThereError(
            "a report is made with Jinja, which is not installed: pip install 'elfsyms[report]'"
        ) from None
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("elfsyms.report", "assets"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    environment.filters["number"] = lambda value: f"{value:,}"
    environment.filters["signed"] = lambda value: f"{value:+,}".replace("-", "\N{MINUS SIGN}")
    environment.filters["percent"] = lambda value: f"{100 * value:.3f}%"
    return environment
