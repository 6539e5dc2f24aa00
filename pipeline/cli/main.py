"""The console script `screening`: one command a task, every one with help and an example."""

from __future__ import annotations

import ast
import errno
import os
import signal
import sys
from contextlib import suppress
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NoReturn

try:
    import click

    from pipeline.cli.options import json_option
except KeyboardInterrupt:  # from here on `invoke` answers it
    raise SystemExit(130) from None


class Screening(click.Group):
    """Loads a command when it is asked for, and answers what no command answered: settings that the Kafka client refuses."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names of all commands."""
        return sorted({*super().list_commands(ctx), *_ELSEWHERE})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of a name."""
        if cmd_name not in _ELSEWHERE:
            return super().get_command(ctx, cmd_name)
        if needed := _NEEDS.get(cmd_name):
            from pipeline.cli.exits import ask_for_packages

            ask_for_packages(cmd_name, *needed)
        module, name = _ELSEWHERE[cmd_name]
        command: click.Command = getattr(import_module(module), name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Writes what the commands are for, which their source says: to import them all takes seconds."""
        named = {name: click.Command(name, help=_help_of(*place)) for name, place in _ELSEWHERE.items()}
        click.Group(commands={**named, **self.commands}).format_commands(ctx, formatter)

    def invoke(self, ctx: click.Context) -> Any:
        """Runs a command; no traceback is shown for what the user can mend."""
        try:
            try:
                return super().invoke(ctx)
            finally:
                sys.stdout.flush()
        except KeyboardInterrupt:
            _end_interrupted()
        except OSError as error:
            if error.errno not in _NO_OUTPUT:
                raise
            _end_without_output(error)
        except Exception as error:
            # The Kafka client makes a SystemError of an interrupt inside a wait (confluent-kafka 2.16), Python 3.11 a
            # RuntimeError of one while a class is made, that is, during imports.
            if isinstance(error.__cause__, KeyboardInterrupt):
                _end_interrupted()
            _tell_of_the_client(error)
            raise


def _help_of(module: str, name: str) -> str | None:
    """The docstring of a command that is not imported."""
    spec = find_spec(module)
    assert spec is not None
    assert spec.origin is not None
    tree = ast.parse(Path(spec.origin).read_text("utf-8"))
    return next(
        ast.get_docstring(node) for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == name
    )


_NO_OUTPUT = (errno.EPIPE, errno.ENOSPC, errno.EIO, errno.EBADF)


def _end_without_output(error: OSError) -> NoReturn:
    """Ends a command whose standard output takes nothing more: in silence where its reader has left (`| head`)."""
    from pipeline.cli.exits import Exit, fail

    with suppress(OSError, ValueError):  # what waits in the buffer would raise once more at the end of the process
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    if error.errno == errno.EPIPE:
        raise SystemExit(Exit.FAILED) from None
    fail(f"{error.filename or 'the output'}: cannot be written: {error.strerror}")


def _end_interrupted() -> NoReturn:
    """Ends a command that had nothing of its own to say of Ctrl-C."""
    from pipeline.cli.exits import Exit

    click.echo("Aborted!", err=True)
    raise SystemExit(Exit.INTERRUPTED) from None


def _tell_of_the_client(error: Exception) -> None:
    """Ends the command if it is the Kafka client that complains."""
    if "confluent_kafka" not in sys.modules:
        return
    from confluent_kafka import KafkaError, KafkaException

    from pipeline.cli.exits import Exit, fail

    if not isinstance(error, KafkaException):
        return
    problem: KafkaError = error.args[0]
    refused = problem.code() == KafkaError._INVALID_ARG
    fail(
        f"{'SCREENING_KAFKA_CONFIG: ' if refused else ''}{problem.str()}",
        Exit.USAGE if refused else Exit.FAILED,
    )


@click.group(cls=Screening, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="claims-screening", prog_name="screening")
def main() -> None:
    """Screens medical-insurance claims by the standing of the responsible physician, exactly once, by the law.

    \b
    Start here:
      screening demo                     the whole pipeline on an embedded broker
      screening topics apply             create the topics on a Kafka cluster
      screening control                  the ledger: events in, standings, notices and cases out
      screening load events FILE         registrations, deductions, appeals
      screening worker                   the gate
      screening load claims FILE         claims to judge
      screening precheck                 the answer before a claim is settled, over HTTP
      screening dlq list                 what could not be read, and why
      screening archive                  claims and verdicts as Delta tables
      screening desk serve               the pages where people review cases
      screening audit                    the proof
      screening replay FILE              the past through the same law, without Kafka

    Settings come from the environment with the prefix SCREENING_, for example SCREENING_BOOTSTRAP_SERVERS.
    """


# -- commands of their own modules --------------------------------------------------------------------------------

_ELSEWHERE = {
    "archive": ("pipeline.cli.archive", "archive"),
    "audit": ("pipeline.cli.audit", "audit_command"),
    "conformance": ("pipeline.cli.conformance", "conformance"),
    "control": ("pipeline.cli.control", "control"),
    "designation": ("pipeline.cli.designation", "designation"),
    "desk": ("pipeline.cli.desk", "desk"),
    "dlq": ("pipeline.cli.dlq", "dlq"),
    "explain": ("pipeline.cli.explain", "explain_command"),
    "intake": ("pipeline.cli.intake", "intake"),
    "load": ("pipeline.cli.load", "load"),
    "longitudinal": ("pipeline.cli.longitudinal", "longitudinal"),
    "mapping": ("pipeline.cli.mapping", "mapping"),
    "packs": ("pipeline.cli.packs", "packs"),
    "penalty": ("pipeline.cli.penalty", "penalty"),
    "precheck": ("pipeline.cli.precheck", "precheck"),
    "reconcile": ("pipeline.cli.reconcile", "reconcile"),
    "register": ("pipeline.cli.register", "register"),
    "replay": ("pipeline.cli.replay", "replay_command"),
    "sample": ("pipeline.cli.sample", "sample"),
    "supervise": ("pipeline.cli.supervise", "supervise"),
    "topics": ("pipeline.cli.topics", "topics"),
    "worker": ("pipeline.cli.worker", "worker"),
}
"""Importing a command costs up to half a second: only the one that was asked for is, and a process that is to answer signals
from its first moment must not import the others."""


# -- commands of one call -----------------------------------------------------------------------------------------


@main.command()
@click.option(
    "--claims", default=20_000, show_default=True, type=click.IntRange(100, 100_000), help="Claims to stream."
)
@click.option("--seed", default=7, show_default=True, help="Seed of the sample; the same seed gives the same claims.")
@click.option(
    "--lang", default="en", show_default=True, type=click.Choice(["en", "zh"]), help="Language of explanations."
)
@json_option
def demo(claims: int, seed: int, lang: str, as_json: bool) -> None:
    """Runs the whole pipeline on an embedded broker over a generated sample, and proves that nothing was lost.

    Nothing is needed beside this program, and nothing is kept.

    \b
    Example:
      screening demo --claims 50000 --seed 3
    """
    from pipeline.demo import run_demo
    from pipeline.telemetry.console import out

    # Its control plane is a process of its own, which would outlive it.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    raise SystemExit(run_demo(claims=claims, seed=seed, as_json=as_json, lang=lang, console=out))


if __name__ == "__main__":
    sys.exit(main())

_NEEDS = {
    "archive": ("deltalake",),
    "longitudinal": ("deltalake",),
    "reconcile": ("deltalake",),
    "replay": ("deltalake", "altair", "vl_convert"),
    "supervise": ("deltalake",),
}
"""Packages of a command that the smaller image leaves out."""
