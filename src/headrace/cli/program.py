"""The command line in, the command that was meant out; errors as a message, a remedy and an exit code."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import click

from headrace._version import __version__
from headrace.cli.ending import Terminated, ended_by_sigterm
from headrace.cli.terminal import visible
from headrace.errors import BadServer, HeadraceError
from headrace.spec import environment
from headrace.spec.suggest import did_you_mean

COMMANDS = {
    'new': 'Make a project: executor, Flow, tests, Dockerfile, pipeline.',
    'migrate': "Bring a Flow's YAML of an older format (Jina's) up to date.",
    'run': 'Start a Flow and serve it until Ctrl-C.',
    'executor': 'Serve one executor, without writing a Flow for it.',
    'gateway': 'Run the gateway of a Flow, alone: what a container runs.',
    'worker': 'Run one replica of one executor, alone: what a container runs.',
    'check': 'Say whether a Flow would start, and what it offers.',
    'plan': 'Show the processes, addresses and ports of a Flow.',
    'plot': 'Draw a Flow as Mermaid text, SVG or HTML.',
    'client': 'Send documents to a running Flow and print the answer.',
    'ping': 'Ask a running Flow whether it can work.',
    'status': 'Say how a running Flow is: replicas, endpoints, versions.',
    'top': 'Show what a running Flow does, in the terminal, live.',
    'profile': 'Show where a running Flow spends its time, without stopping it.',
    'record': 'Write requests of a running Flow to a file.',
    'replay': 'Send recorded requests once more, and compare the answers.',
    'logs': 'Show the last lines that a running Flow has logged or printed.',
    'log-level': 'Let an executor of a running Flow log more, or less.',
    'weights': 'Divide requests among the versions of an executor.',
    'keys': 'Make, list and remove the API keys that open a gateway.',
    'certs': 'Make certificates for development.',
    'build': 'Make an image of an executor, or of a whole Flow.',
    'export': 'Write files for other tools.',
    'completion': 'Print the script that completes commands in your shell.',
}
"""Each command and the first line of its help: the list is shown without importing any of them."""

SHOWN = (
    'give a key with --key-file FILE or HEADRACE_API_KEY, or a token with --token-file FILE or HEADRACE_TOKEN'
)
"""How a command shows who calls, which a gateway cannot know: it tells of headers."""
FAILED = 1
INTERRUPTED, TERMINATED = 130, 143


class Failure(click.ClickException):
    """An error of ours, as the command line tells it."""

    exit_code = FAILED

    def __init__(self, error: HeadraceError) -> None:
        super().__init__(visible(error.message))
        self.help = visible(_remedy(error))

    def show(self, file: Any = None) -> None:
        click.echo(f'{click.style("error:", fg="red", bold=True)} {self.message}', file=file, err=True)
        for index, line in enumerate(self.help.splitlines()):
            label = click.style(' help:', fg='cyan', bold=True) if index == 0 else ' ' * 6
            click.echo(f'{label} {line}', file=file, err=True)


def _remedy(error: HeadraceError) -> str:
    """What to do about an error, where a command can say it better than who made it."""
    if not isinstance(error, BadServer):
        return error.help
    if error.error == 'Unauthenticated':
        return SHOWN
    if error.error == 'ExecutorFailure' and error.request_id and not error.help:
        return f'its log has more: headrace logs --request {error.request_id}'
    return error.help


class Program(click.Group):
    """Finds commands by name in modules of their own, and turns errors into messages."""

    def main(self, *args: Any, **kwargs: Any) -> Any:
        with ended_by_sigterm():
            return super().main(*args, **kwargs)

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = import_module(f'headrace.cli.{cmd_name.replace("-", "_")}').command
        return command

    def resolve_command(self, ctx: click.Context, args: list[str]) -> Any:
        if args[0] not in COMMANDS and not args[0].startswith('-') and not ctx.resilient_parsing:
            remedy = did_you_mean(args[0], COMMANDS, noun='commands')
            raise click.UsageError(f'there is no command {args[0]!r}; {remedy}', ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section('Commands'):
            formatter.write_dl(list(COMMANDS.items()))

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except HeadraceError as error:
            if environment.read().debug:
                raise
            raise Failure(error) from error
        except Terminated:
            raise click.exceptions.Exit(TERMINATED) from None
        except KeyboardInterrupt:
            raise click.exceptions.Exit(INTERRUPTED) from None


@click.group(cls=Program, context_settings={'help_option_names': ['-h', '--help'], 'max_content_width': 100})
@click.version_option(__version__, '-v', '--version', prog_name='headrace', message='%(prog)s %(version)s')
def main() -> None:
    """From a Python function over documents to a served Flow.

    \b
    A first Flow, in flow.yml:
        executors:
          - name: upper
            uses: upper.py:Upper          # class Upper(Executor) in upper.py
        gateway:
          protocol: http
          port: 8080

    \b
    What to do with it:
        headrace check flow.yml           would it start? what does it offer?
        headrace run flow.yml             serve it until Ctrl-C
        headrace ping http://127.0.0.1:8080
        headrace client http://127.0.0.1:8080 / --text "hello"

    \b
    Exit codes: 0 it worked; 1 it failed, and the message says why; 2 the command was not
    understood; 130 Ctrl-C interrupted it; 143 SIGTERM did, before it served.
    """
