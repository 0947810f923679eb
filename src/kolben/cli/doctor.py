"""`doctor`: what is wrong with an app and its machine before it is served, and the cure."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Sequence
from dataclasses import asdict

import click

from kolben.commands import ScriptInfo, pass_script_info
from kolben.server.checks import Finding, Verdict, check_all
from kolben.server.inspection import inspect_app
from kolben.server.machine import read_machine
from kolben.server.options import ServeCommand, make_options, make_settings
from kolben.server.probe import check_url

WIDTH = 92
_COLOURS = {Verdict.OK: "green", Verdict.WARNING: "yellow", Verdict.PROBLEM: "red"}
# Wide enough for the longest verdict and the longest name of a check.
_MARGIN = 9
_NAME = 17


@click.command("doctor", cls=ServeCommand, short_help="Judge how the app would be served.")
@click.option("--url", metavar="URL", help="Also look at the site under its public address.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@pass_script_info
@click.pass_context
def doctor_command(
    ctx: click.Context, info: ScriptInfo, /, url: str | None, as_json: bool, **_: object
) -> None:
    """Judge how the app would be served with these settings, without serving it.

    The options are those of `serve`, which are read from the environment and the TOML table as
    well. The app is loaded twice, in processes of their own.

    The exit code is 1 if a problem was found, and 0 if there are warnings only.
    """
    settings = make_settings(ctx, info.app_import_path)
    # With one worker too, the next start must have the same key.
    facts = inspect_app(settings.app, 2)
    findings = check_all(settings, facts, read_machine())
    if url:
        findings += check_url(url, settings)
    click.echo(_format_json(findings) if as_json else _format_text(findings))
    if any(finding.verdict is Verdict.PROBLEM for finding in findings):
        ctx.exit(1)


doctor_command.params[:0] = make_options()


def _format_json(findings: Sequence[Finding]) -> str:
    return json.dumps({"findings": [asdict(finding) for finding in findings]}, indent=2)


def _format_text(findings: Sequence[Finding]) -> str:
    """Lay the findings out, the cure below each, and count them."""
    lines = [line for finding in findings for line in _lines_of(finding)]
    counts = {verdict: sum(f.verdict is verdict for f in findings) for verdict in Verdict}
    problems, warnings = counts[Verdict.PROBLEM], counts[Verdict.WARNING]
    summary = (
        f"{problems} problem{'s' * (problems != 1)}, {warnings} warning{'s' * (warnings != 1)},"
        f" {counts[Verdict.OK]} ok"
    )
    return "\n".join([*lines, "", summary])


def _lines_of(finding: Finding) -> list[str]:
    name = f"{finding.check:<{_NAME}}"
    rest = " " * (_MARGIN + _NAME)
    reason = textwrap.wrap(finding.reason, WIDTH - len(rest), break_on_hyphens=False)
    cure = textwrap.wrap(
        finding.cure,
        WIDTH - len(rest),
        initial_indent="→ ",
        subsequent_indent="  ",
        break_on_hyphens=False,
    )
    verdict = click.style(f"{finding.verdict:<{_MARGIN}}", fg=_COLOURS[finding.verdict])
    return [verdict + name + reason[0], *(rest + line for line in [*reason[1:], *cure])]
