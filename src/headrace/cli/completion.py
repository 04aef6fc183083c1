"""`headrace completion bash`: the script that makes a shell complete our commands."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

SHELLS = ('bash', 'zsh', 'fish')


@click.command('completion')
@click.argument('shell', type=click.Choice(SHELLS))
@click.pass_context
def command(context: click.Context, shell: str) -> None:
    """Print the script that completes commands in your shell.

    \b
    For bash, in ~/.bashrc:                    eval "$(headrace completion bash)"
    For zsh, in ~/.zshrc:                      eval "$(headrace completion zsh)"
    For fish, in ~/.config/fish/config.fish:   headrace completion fish | source
    """
    kind = get_completion_class(shell)
    assert kind is not None
    program = context.find_root().command
    click.echo(kind(program, {}, 'headrace', '_HEADRACE_COMPLETE').source())
