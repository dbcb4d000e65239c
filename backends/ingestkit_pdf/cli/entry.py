"""How both commands begin and end: errors in one line, the same exit codes, completion for shells."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import click
from click.shell_completion import get_completion_class

from ingestkit_pdf.cli.report import printable

__all__ = ["INTERRUPTED", "completion", "run_command"]

INTERRUPTED = 130
"""As a shell reports SIGINT."""

_SHELLS = ("bash", "zsh", "fish")


def run_command(command: click.Command, name: str, arguments: Sequence[str] | None = None) -> int:
    """Run a command; every error is one line on standard error. The exit code.

    0 is good; 1: something failed; 2: wrong usage; 130: interrupted. A command may end with another.
    """

    def complain(message: str) -> None:
        click.echo(f"{name}: {printable(message)}", err=True)

    try:
        code = command.main(
            None if arguments is None else list(arguments), prog_name=name, standalone_mode=False
        )
    except click.UsageError as error:
        hint = f" (see {error.ctx.command_path} --help)" if error.ctx else ""
        complain(f"{error.format_message()}{hint}")
        return error.exit_code
    except click.ClickException as error:
        complain(error.format_message())
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        complain("interrupted")
        return INTERRUPTED
    return code if isinstance(code, int) else 0


@click.command()
@click.argument("shell", type=click.Choice(_SHELLS))
@click.pass_context
def completion(context: click.Context, shell: str) -> None:
    """Print the completion of this command for a shell, which is to be sourced by it.

    \b
    bash, in ~/.bashrc:   eval "$(COMMAND completion bash)"
    zsh, in ~/.zshrc:     eval "$(COMMAND completion zsh)"
    fish:                 COMMAND completion fish > ~/.config/fish/completions/COMMAND.fish
    """
    root = context.find_root()
    name = root.info_name or ""
    variable = f"_{name.replace('-', '_').upper()}_COMPLETE"
    made: Any = get_completion_class(shell)
    click.echo(made(root.command, {}, name, variable).source())
