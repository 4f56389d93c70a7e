"""The command line: `bot ...` and `python -m bot ...`.

Only click is imported here, and a command's module when that command runs: `bot --help` stays quick.
"""

from __future__ import annotations

import gc
import importlib
import sys

import click

COMMANDS = {
    "serve": "Run everything in one process: webhooks, worker, web.",
    "work": "Work without the web, beside other processes.",
    "chat": "Talk to the bot in this terminal.",
    "call": "Call the bot in this terminal, or have it place a real call.",
    "send": "Send a message to somebody, or send dead ones again.",
    "user": "People with a login: add, list, change, let go.",
    "consent": "What people have allowed: write it down.",
    "dnd": "The do-not-call list: add, list, remove.",
    "twilio": "The telephone number at Twilio: set it up.",
    "knowledge": "Bring the knowledge base in step with the articles.",
    "check": "Show what is on, what is off and why.",
    "migrate": "Move data, copy it, bring it up to date.",
    "retry": "Show what was set aside, or try it again.",
    "replay": "Show what happened in a conversation.",
    "bench": "Prove what is promised: real processes, killed at random.",
}
"""Command -> its help line. Each is a module of the same name in bot/commands with a click command `command`."""


class _Commands(click.Group):
    """Knows its commands by name and loads each only when it is used."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = importlib.import_module(f"bot.commands.{cmd_name}").command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="switchboard", prog_name="bot")
def cli() -> None:
    """Switchboard: one dialogue engine behind WhatsApp, the telephone and a web page.

    Settings come from the environment or a file .env; `bot check` lists them.
    """


def main() -> None:
    """Runs the command line. Errors of ours are one line and exit code 1, never a traceback."""
    gc.disable()  # until all is imported (`bot.running`): nothing of that is garbage, and looking for some costs a tenth of it
    try:
        cli(standalone_mode=False)
    except click.exceptions.Exit as done:
        sys.exit(done.exit_code)
    except click.Abort:
        sys.exit(130)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        sys.exit(130)
    except Exception as error:
        # Ours are told from other people's without importing them: the tree is small and has one root.
        if any(base.__module__ == "bot.errors" for base in type(error).__mro__):
            click.echo(f"bot: {error}", err=True)
            sys.exit(1)
        raise


if __name__ == "__main__":
    main()
